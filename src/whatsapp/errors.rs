//! The errors that WhatsApp answers with and reports in webhooks, by their codes: what each means, what to do, and whether
//! to send again.
//!
//! The Cloud API and the On-Premises API number theirs so that no code means two things; 360dialog's gateway has HTTP status
//! codes of its own. What the text beside a code tells is for the reader of webhooks to read.

/// Who counts errors so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Meta's Cloud API, also where a provider passes its errors on.
    Cloud,
    /// The On-Premises API, which Meta ended in October 2025.
    OnPremises,
    /// 360dialog's gateway, before a message reaches WhatsApp.
    Dialog360,
}

/// Whether it helps to send the same message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It does, after a while.
    Later,
    /// It does once the cause is mended.
    Mended,
    /// It does not.
    Never,
}

/// How well it is known what a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Meta or 360dialog say so in their documents.
    Documented,
    /// Users have met it.
    Reported,
    /// It is known among those who use the API; no document was read for it.
    General,
}

/// What is known of an error code, or of a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The code, or the first of them.
    pub first: u32,
    /// The last of them, which mostly is the first.
    pub last: u32,
    /// Whose they are.
    pub api: Api,
    /// What it means, in a sentence without its full stop.
    pub meaning: &'static str,
    /// What to do about it, likewise.
    pub fix: &'static str,
    /// Whether to send again.
    pub retry: Retry,
    /// How well this is known.
    pub standing: Standing,
    /// Where it is known from.
    pub source: &'static str,
}

impl Api {
    /// As people call it: `Cloud API`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Cloud API",
            Self::OnPremises => "On-Premises API",
            Self::Dialog360 => "360dialog",
        }
    }
}

impl Retry {
    /// `later`, `mended` or `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::Mended => "mended",
            Self::Never => "never",
        }
    }
}

impl Standing {
    /// `documented`, `reported` or `general`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::General => "general",
        }
    }
}

/// What is known of a code of the Cloud API or the On-Premises API.
///
/// ```
/// use wamedia::whatsapp::errors::{Api, Retry, error_code};
///
/// let upload = error_code(131_053).unwrap();
/// assert_eq!((upload.api, upload.retry), (Api::Cloud, Retry::Mended));
/// assert!(error_code(470).unwrap().meaning.contains("24 hours"));
/// assert!(error_code(999_999).is_none());
/// ```
pub fn error_code(code: u32) -> Option<&'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).find(|known| known.covers(code))
}

/// What is known of an HTTP status code that 360dialog's gateway answers with.
///
/// ```
/// use wamedia::whatsapp::errors::gateway_status;
///
/// assert!(gateway_status(401).unwrap().mend.contains("D360-API-KEY"));
/// assert!(gateway_status(200).is_none());
/// ```
pub fn gateway_status(status: u32) -> Option<&'static ErrorCode> {
    GATEWAY.iter().find(|known| known.covers(status))
}

/// Every code there is a row for, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).chain(GATEWAY)
}

use Retry::{Later, Mended, Never};

const META: &str = "Meta: Cloud API, error codes, May 2026";
const META_ON_PREMISES: &str = "Meta: On-Premises API, errors";
const DIALOG: &str = "360dialog: messaging API, errors";
const COMMON: &str = "common knowledge of the API";
/// The wording of the details is from reports.
const HEADER_REPORTS: &str = "Meta: Cloud API, error codes, May 2026; chatwoot/chatwoot#15622";
const COURIER: &str = "nyaruka/courier, test data of its WhatsApp handler";

const fn row((first, last): (u32, u32), meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    let standing = Standing::Documented;
    ErrorCode { first, last, api: Api::Cloud, meaning, fix, retry, standing, source: META }
}

const fn one(code: u32, meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    row((code, code), meaning, fix, retry)
}

impl ErrorCode {
    /// Whether this is a row for the code.
    pub const fn covers(&self, code: u32) -> bool {
        self.first <= code && code <= self.last
    }

    /// The same, known from no document in particular.
    const fn general(self) -> Self {
        Self { standing: Standing::General, source: COMMON, ..self }
    }

    const fn reported(self, source: &'static str) -> Self {
        Self { standing: Standing::Reported, source, ..self }
    }

    const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    const fn on_premises(self) -> Self {
        Self { api: Api::OnPremises, source: META_ON_PREMISES, ..self }
    }

    const fn gateway(self) -> Self {
        Self { api: Api::Dialog360, source: DIALOG, ..self }
    }
}

const VALIDATE: &str = "hold the payload against the rules with `wamedia message validate`";

const CLOUD: &[ErrorCode] = &[
    one(
        0,
        "the API could not tell who is calling",
        "get a new access token, and send it as `Authorization: Bearer …`",
        Mended,
    )
    .general(),
    one(
        3,
        "the app may not do this",
        "give the app's token the permission whatsapp_business_messaging",
        Mended,
    )
    .general(),
    one(
        4,
        "the app calls the API more often than it may",
        "wait, and send again more slowly, with growing pauses",
        Later,
    )
    .general(),
    one(
        10,
        "the permission was not given, or was taken back",
        "give the token the permission that the text names",
        Mended,
    )
    .general(),
    one(
        33,
        "the business phone number is deleted, or its id is wrong",
        "correct the phone number id in the URL",
        Mended,
    )
    .general(),
    one(
        100,
        "a parameter is unknown, or its value is not of the type or syntax that it needs",
        VALIDATE,
        Mended,
    ),
    one(190, "the access token has expired or was revoked", "get a new access token", Mended).general(),
    row((200, 299), "a permission is missing", "give the token the permission that the text names", Mended)
        .general(),
    one(
        368,
        "the account is blocked for a time, for breaking a policy",
        "read the notice in the WhatsApp Manager; nothing goes out until it is lifted",
        Mended,
    ),
    one(
        80_007,
        "the WhatsApp Business Account has reached a rate limit",
        "wait, and send more slowly",
        Later,
    )
    .general(),
    one(
        130_429,
        "the number has reached its throughput, in messages a second",
        "send again with growing pauses",
        Later,
    ),
    one(
        130_472,
        "the recipient is in an experiment of Meta's, in which such messages are not delivered",
        "do not send it again; reach the recipient in another way",
        Never,
    ),
    one(
        131_000,
        "something went wrong that WhatsApp does not name",
        "send again; if it stays, ask Meta",
        Later,
    ),
    one(131_005, "access is denied", "give the token the permissions for messaging", Mended),
    one(131_008, "a parameter that must be there is missing", VALIDATE, Mended),
    one(131_009, "a parameter has a value that is not taken", VALIDATE, Mended),
    one(
        131_014,
        "a request for the medium's link failed",
        "mend what the title or the details name at that URL",
        Mended,
    )
    .reported(COURIER),
    one(131_016, "a service of WhatsApp's is not available for now", "send again after a while", Later),
    one(131_021, "sender and recipient are the same number", "send to another number", Mended),
    one(
        131_026,
        "the message cannot be delivered: the recipient is not on WhatsApp, has an old version of it, or has not accepted its \
         terms",
        "check the number; ask the recipient, by another way, to update WhatsApp and accept its terms",
        Mended,
    ),
    one(
        131_030,
        "a test number sends only to numbers that were entered in a list",
        "enter the recipient in the app's list, or send from a number of your own",
        Mended,
    )
    .general(),
    one(131_031, "the account is locked", "look into the WhatsApp Manager for the reason", Mended),
    one(131_037, "the display name of the number awaits approval", "have the display name approved", Mended)
        .general(),
    one(131_042, "payment fails", "mend the payment method of the WhatsApp Business Account", Mended),
    one(
        131_045,
        "the number is not registered, or its certificate is wrong",
        "register the number again",
        Mended,
    ),
    one(
        131_047,
        "more than 24 hours have passed since the recipient last wrote",
        "send a template, or wait until the recipient writes",
        Mended,
    ),
    one(
        131_048,
        "too many of the number's messages were blocked or reported, so it is limited",
        "look at the number's quality in the WhatsApp Manager, and write only to those who want it",
        Later,
    ),
    one(
        131_049,
        "WhatsApp did not deliver it, to keep what a recipient gets from businesses in bounds",
        "do not send it again at once; send fewer marketing messages",
        Later,
    ),
    one(
        131_050,
        "the recipient has stopped marketing messages from this business",
        "send the recipient no marketing messages",
        Never,
    ),
    one(131_051, "there is no such type of message, or this recipient cannot have it", VALIDATE, Mended),
    one(
        131_052,
        "WhatsApp could not fetch a medium that the customer sent to you; it has nothing to do with your server or your links",
        "ask the customer to send it again",
        Never,
    ),
    one(
        131_053,
        "WhatsApp could not take the medium of your message: its link cannot be fetched, its type is not taken, or it is too \
         large",
        "look at the link as WhatsApp's fetcher does, with `wamedia check URL`",
        Mended,
    ),
    one(
        131_056,
        "too many messages went to this recipient in a short time",
        "wait, then send to it more slowly",
        Later,
    ),
    one(131_057, "the account is in maintenance", "send again after a while", Later),
    one(
        132_000,
        "the message has another number of parameters than its template",
        "give as many as the template has",
        Mended,
    ),
    one(
        132_001,
        "there is no such template in that language, or it is not approved",
        "correct the template's name and language, or have it approved",
        Mended,
    ),
    one(132_005, "the template's text is too long with these parameters", "shorten the parameters", Mended),
    one(
        132_007,
        "the template breaks a policy of WhatsApp's",
        "change the template and have it approved again",
        Mended,
    ),
    one(
        132_012,
        "a parameter is of another kind than the template says",
        "give each component what the template was approved with, a media header above all",
        Mended,
    )
    .source(HEADER_REPORTS),
    one(
        132_015,
        "the template is paused for its low quality",
        "improve the template, or use another one",
        Mended,
    ),
    one(132_016, "the template is disabled for good, for its low quality", "make a new template", Mended),
    one(132_068, "the flow is blocked", "mend the flow", Mended),
    one(132_069, "the flow is throttled", "mend the flow, and send it more slowly until then", Later),
    row(
        (133_000, 133_999),
        "the number's registration or its two-step PIN is not right",
        "register the number again, with the right PIN",
        Mended,
    ),
    one(135_000, "something in the request is wrong that WhatsApp does not name", VALIDATE, Mended),
];

/// Meta's page lists all of these; for those that are general, it was not read to say what they mean.
const ON_PREMISES: &[ErrorCode] = &[
    one(
        400,
        "the medium could not be downloaded",
        "look at the link as WhatsApp's fetcher does, with `wamedia check URL`",
        Mended,
    )
    .on_premises(),
    one(402, "payment fails", "mend the payment method of the account", Mended).on_premises().general(),
    one(408, "the message could not be delivered in time", "send it again if it still matters", Later)
        .on_premises()
        .general(),
    one(410, "the message expired before it was delivered", "send it again if it still matters", Later)
        .on_premises()
        .general(),
    row((429, 430), "more messages are sent than may be", "wait, and send more slowly", Later)
        .on_premises()
        .general(),
    one(432, "the account or the number is limited", "look into the WhatsApp Manager for the reason", Mended)
        .on_premises()
        .general(),
    one(
        470,
        "more than 24 hours have passed since the recipient last wrote",
        "send a template, or wait until the recipient writes",
        Mended,
    )
    .on_premises(),
    one(
        471,
        "too many of the number's messages were blocked or reported, so it is limited",
        "write only to those who want it, and send again later",
        Later,
    )
    .on_premises(),
    one(
        480,
        "the recipient's identity has changed and was not acknowledged",
        "acknowledge the new identity",
        Mended,
    )
    .on_premises()
    .general(),
    one(1000, "something went wrong that the API does not name", "read the details; send again", Later)
        .on_premises(),
    one(1001, "the message is too long", "shorten it; `wamedia message validate` names the field", Mended)
        .on_premises(),
    one(1005, "access is denied", "log in again, and use the new token", Mended).on_premises(),
    one(1006, "what is named was not found", "correct the id that the details name", Mended).on_premises(),
    one(1008, "a parameter that must be there is missing", VALIDATE, Mended).on_premises(),
    one(1009, "a parameter has a value that is not taken", VALIDATE, Mended).on_premises(),
    one(
        1013,
        "the recipient is not a valid WhatsApp user",
        "check the number with the contacts endpoint",
        Mended,
    )
    .on_premises(),
    one(
        1014,
        "an error within the API, mostly a medium that it could not upload",
        "look at the link as WhatsApp's fetcher does, with `wamedia check URL`",
        Mended,
    )
    .on_premises(),
    one(1015, "too many requests", "wait, and send more slowly", Later).on_premises(),
    one(1026, "the recipient's WhatsApp cannot show such a message", "send it as another type", Mended)
        .on_premises(),
    row(
        (2000, 2999),
        "the template does not fit",
        "compare the payload with the template as it was approved",
        Mended,
    )
    .on_premises(),
];

const GATEWAY: &[ErrorCode] = &[
    one(400, "360dialog takes the request for malformed", VALIDATE, Mended).gateway(),
    one(401, "the API key is wrong or missing", "send the number's key in the header D360-API-KEY", Mended)
        .gateway(),
    one(
        403,
        "the API key may not do this",
        "use the key of this number, and see the account's state at 360dialog",
        Mended,
    )
    .gateway(),
    one(500, "360dialog met an error of its own", "send again after a while", Later).gateway(),
    one(502, "360dialog did not reach WhatsApp", "send again after a while", Later).gateway(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_rows_and_every_row_is_found() {
        for table in [&[CLOUD, ON_PREMISES].concat()[..], GATEWAY] {
            for (at, row) in table.iter().enumerate() {
                assert!(row.first <= row.last, "{row:?}");
                let others = table.iter().enumerate().filter(|(other, _)| *other != at);
                for (_, other) in others {
                    assert!(row.last < other.first || other.last < row.first, "{row:?} {other:?}");
                }
            }
        }
        for row in CLOUD.iter().chain(ON_PREMISES) {
            assert_eq!(error_code(row.first), Some(row));
            assert_eq!(error_code(row.last), Some(row));
        }
        for row in GATEWAY {
            assert_eq!(gateway_status(row.first), Some(row));
        }
    }

    #[test]
    fn every_row_reads_as_a_part_of_a_sentence() {
        for row in all() {
            for text in [row.meaning, row.fix] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{text}");
            }
            assert!(!row.source.is_empty());
            // What no document says has none as its source.
            assert_eq!(row.standing == Standing::General, row.source == COMMON, "{}", row.first);
        }
    }

    #[test]
    fn the_documented_codes_are_there() {
        let cloud = [
            0, 3, 4, 10, 33, 100, 190, 200, 299, 368, 80_007, 130_429, 130_472, 131_000, 131_005, 131_008,
            131_009, 131_014, 131_016, 131_021, 131_026, 131_030, 131_031, 131_037, 131_042, 131_045,
            131_047, 131_048, 131_049, 131_050, 131_051, 131_052, 131_053, 131_056, 131_057, 132_000,
            132_001, 132_005, 132_007, 132_012, 132_015, 132_016, 132_068, 132_069, 133_005, 135_000,
        ];
        let on_premises = [
            400, 402, 408, 410, 429, 430, 432, 470, 471, 480, 1000, 1001, 1005, 1006, 1008, 1009, 1013, 1014,
            1015, 1026, 2000,
        ];
        for (codes, api) in [(&cloud[..], Api::Cloud), (&on_premises, Api::OnPremises)] {
            for code in codes {
                assert_eq!(error_code(*code).map(|known| known.api), Some(api), "{code}");
            }
        }
        for status in [400, 401, 403, 500, 502] {
            assert_eq!(gateway_status(status).map(|known| known.api), Some(Api::Dialog360), "{status}");
        }
        for unknown in [1, 131_054, 300, 5000, u32::MAX] {
            assert_eq!(error_code(unknown), None);
        }
    }
}
