//! WhatsApp error codes: what each code means, how to fix the problem, and whether a retry helps.
//!
//! The codes of the Cloud API and of the On-Premises API never collide, so one lookup serves both. 360dialog's gateway answers with HTTP
//! status codes, which have a table of their own. [`webhook`](crate::webhook) parses the text that WhatsApp puts beside a code.

/// The API that an error code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Meta's Cloud API, also when a provider forwards its errors.
    Cloud,
    /// The On-Premises API, which Meta shut down in October 2025.
    OnPremises,
    /// 360dialog's gateway, before a message reaches WhatsApp.
    Dialog360,
}

/// Whether a retry of the same message helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after a while.
    Later,
    /// Yes, once the cause is fixed.
    AfterFix,
    /// No.
    Never,
}

/// How well the meaning of a code is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Meta or 360dialog document it.
    Documented,
    /// Users of the API have reported it.
    Reported,
    /// Common knowledge among users of the API; no document was read for it.
    General,
}

/// What is known of one error code, or of a range of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The first code of the range.
    pub first: u32,
    /// The last code of the range; for a single code, the same as `first`.
    pub last: u32,
    /// The API that the code belongs to.
    pub api: Api,
    /// What the code means: a sentence without its full stop.
    pub meaning: &'static str,
    /// How to fix the problem: a sentence without its full stop.
    pub fix: &'static str,
    /// Whether a retry helps.
    pub retry: Retry,
    /// How well the meaning is known.
    pub certainty: Certainty,
    /// The document or report that this comes from.
    pub source: &'static str,
}

impl Api {
    /// The usual name, such as `Cloud API`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Cloud API",
            Self::OnPremises => "On-Premises API",
            Self::Dialog360 => "360dialog",
        }
    }
}

impl Retry {
    /// `later`, `after-fix` or `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::AfterFix => "after-fix",
            Self::Never => "never",
        }
    }
}

impl Certainty {
    /// `documented`, `reported` or `general`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::General => "general",
        }
    }
}

/// Looks up an error code of the Cloud API or the On-Premises API.
///
/// ```
/// use wamedia::whatsapp::errors::{Api, Retry, error_code};
///
/// let upload = error_code(131_053).unwrap();
/// assert_eq!((upload.api, upload.retry), (Api::Cloud, Retry::AfterFix));
/// assert!(error_code(470).unwrap().meaning.contains("24 hours"));
/// assert!(error_code(999_999).is_none());
/// ```
pub fn error_code(code: u32) -> Option<&'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).find(|known| known.covers(code))
}

/// Looks up an HTTP status code that 360dialog's gateway answers with.
///
/// ```
/// use wamedia::whatsapp::errors::gateway_status;
///
/// assert!(gateway_status(401).unwrap().fix.contains("D360-API-KEY"));
/// assert!(gateway_status(200).is_none());
/// ```
pub fn gateway_status(status: u32) -> Option<&'static ErrorCode> {
    GATEWAY.iter().find(|known| known.covers(status))
}

/// All rows, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static ErrorCode> {
    CLOUD.iter().chain(ON_PREMISES).chain(GATEWAY)
}

use Retry::{AfterFix, Later, Never};

const META: &str = "Meta: Cloud API, error codes, May 2026";
const META_ON_PREMISES: &str = "Meta: On-Premises API, errors";
const DIALOG: &str = "360dialog: messaging API, errors";
const COMMON: &str = "common knowledge of the API";
/// The wording of the details comes from reports.
const HEADER_REPORTS: &str = "Meta: Cloud API, error codes, May 2026; chatwoot/chatwoot#15622";
const COURIER: &str = "nyaruka/courier, test data of its WhatsApp handler";

const fn range(
    (first, last): (u32, u32),
    meaning: &'static str,
    fix: &'static str,
    retry: Retry,
) -> ErrorCode {
    let certainty = Certainty::Documented;
    ErrorCode { first, last, api: Api::Cloud, meaning, fix, retry, certainty, source: META }
}

const fn one(code: u32, meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    range((code, code), meaning, fix, retry)
}

impl ErrorCode {
    /// Whether this row is about `code`.
    pub const fn covers(&self, code: u32) -> bool {
        self.first <= code && code <= self.last
    }

    /// The same row, known from no particular document.
    const fn general(self) -> Self {
        Self { certainty: Certainty::General, source: COMMON, ..self }
    }

    const fn reported(self, source: &'static str) -> Self {
        Self { certainty: Certainty::Reported, source, ..self }
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

const VALIDATE: &str = "run `wamedia message validate` on the payload: it names the field and the reason";
const CHECK_URL: &str =
    "run `wamedia check URL` on the link: it requests the link the way Meta's fetcher does";
const BACK_OFF: &str = "wait, then retry at a lower rate, with growing pauses (exponential backoff)";
const RETRY_LATER: &str = "retry after a while";
const PAYMENT: &str = "fix the payment method of the WhatsApp Business Account";
const MANAGER: &str = "open WhatsApp Manager to see the reason";
const OUTSIDE_WINDOW: &str = "more than 24 hours have passed since the recipient last wrote to this number (the customer service window is closed)";
const SEND_TEMPLATE: &str = "send a template message, or wait until the recipient writes";

const CLOUD: &[ErrorCode] = &[
    one(
        0,
        "the API could not authenticate the caller",
        "get a new access token and send it as `Authorization: Bearer …`",
        AfterFix,
    )
    .general(),
    one(
        3,
        "the app lacks the capability or permission for this call",
        "grant the app's token the permission whatsapp_business_messaging",
        AfterFix,
    )
    .general(),
    one(4, "the app has reached its limit of API calls", BACK_OFF, Later).general(),
    one(
        10,
        "the permission was not granted, or was revoked",
        "grant the token the permission that the error text names",
        AfterFix,
    )
    .general(),
    one(
        33,
        "the business phone number was deleted, or its id is wrong",
        "correct the phone number id in the request URL",
        AfterFix,
    )
    .general(),
    one(100, "a parameter is unknown, or its value has the wrong type or syntax", VALIDATE, AfterFix),
    one(190, "the access token has expired or was revoked", "get a new access token", AfterFix).general(),
    range(
        (200, 299),
        "the token lacks a permission",
        "grant the token the permission that the error text names",
        AfterFix,
    )
    .general(),
    one(
        368,
        "the account is temporarily blocked for a policy violation",
        "read the notice in WhatsApp Manager; no message goes out until Meta lifts the block",
        AfterFix,
    ),
    one(80_007, "the WhatsApp Business Account has reached its rate limit", BACK_OFF, Later).general(),
    one(
        130_429,
        "the phone number has reached its throughput limit, in messages per second",
        BACK_OFF,
        Later,
    ),
    one(
        130_472,
        "the recipient is part of an experiment by Meta, in which such messages are not delivered",
        "do not retry; contact the recipient another way",
        Never,
    ),
    one(
        131_000,
        "an unknown error, for which WhatsApp gives no reason",
        "retry; if it keeps failing, contact Meta's support",
        Later,
    ),
    one(
        131_005,
        "access denied: the token lacks a permission",
        "grant the token the permissions for messaging",
        AfterFix,
    ),
    one(131_008, "a required parameter is missing", VALIDATE, AfterFix),
    one(131_009, "the value of a parameter is not valid", VALIDATE, AfterFix),
    one(
        131_014,
        "WhatsApp's request for the media link failed",
        "fix the problem that the title or the details name at that URL",
        AfterFix,
    )
    .reported(COURIER),
    one(131_016, "a WhatsApp service is temporarily unavailable", RETRY_LATER, Later),
    one(
        131_021,
        "the sender and the recipient are the same phone number",
        "send to another phone number",
        AfterFix,
    ),
    one(
        131_026,
        "the message cannot be delivered: the recipient is not on WhatsApp, uses an old version of it, or has not accepted its terms",
        "check the phone number; ask the recipient another way to update WhatsApp and accept its terms",
        AfterFix,
    ),
    one(
        131_030,
        "a test phone number can send only to recipients on the app's allowed list",
        "add the recipient to that list, or send from your own business phone number",
        AfterFix,
    )
    .general(),
    one(131_031, "the account is locked", MANAGER, AfterFix),
    one(
        131_037,
        "the display name of the phone number is not approved yet",
        "get the display name approved",
        AfterFix,
    )
    .general(),
    one(131_042, "there is a problem with the payment method", PAYMENT, AfterFix),
    one(
        131_045,
        "the phone number is not registered, or its certificate is wrong",
        "register the phone number again",
        AfterFix,
    ),
    one(131_047, OUTSIDE_WINDOW, SEND_TEMPLATE, AfterFix),
    one(
        131_048,
        "sending is limited because recipients blocked or reported too many messages of this phone number (spam rate limit)",
        "check the quality rating of the phone number in WhatsApp Manager, and send only to recipients who opted in",
        Later,
    ),
    one(
        131_049,
        "WhatsApp did not deliver the message, to limit how many marketing messages this recipient gets",
        "do not retry at once; send fewer marketing messages",
        Later,
    ),
    one(
        131_050,
        "the recipient has opted out of marketing messages from this business",
        "stop sending marketing messages to this recipient",
        Never,
    ),
    one(131_051, "the message type is unknown, or this recipient cannot receive it", VALIDATE, AfterFix),
    one(
        131_052,
        "WhatsApp could not download media that a customer sent to you; your server and your links are not involved",
        "ask the customer to send the media again",
        Never,
    ),
    one(
        131_053,
        "WhatsApp rejected the media of your message: the link could not be fetched, the media type is not accepted, or the file is too large",
        CHECK_URL,
        AfterFix,
    ),
    one(
        131_056,
        "too many messages went from this number to this recipient in a short time (pair rate limit)",
        "wait, then send to this recipient at a lower rate",
        Later,
    ),
    one(131_057, "the account is in maintenance mode", RETRY_LATER, Later),
    one(
        132_000,
        "the message has more or fewer parameters than its template",
        "send exactly as many parameters as the template has",
        AfterFix,
    ),
    one(
        132_001,
        "the template does not exist in this language, or is not approved",
        "correct the template's name and language code, or get it approved",
        AfterFix,
    ),
    one(
        132_005,
        "the template text is too long once the parameters are filled in",
        "shorten the parameters",
        AfterFix,
    ),
    one(
        132_007,
        "the template's content violates a WhatsApp policy",
        "edit the template and get it approved again",
        AfterFix,
    ),
    one(
        132_012,
        "the type of a parameter does not match the template",
        "send each component as the template was approved, above all the media header",
        AfterFix,
    )
    .source(HEADER_REPORTS),
    one(
        132_015,
        "the template is paused because of its low quality",
        "improve the template, or use another one",
        AfterFix,
    ),
    one(
        132_016,
        "the template is permanently disabled because of its low quality",
        "create a new template",
        AfterFix,
    ),
    one(132_068, "the flow is blocked", "fix the flow", AfterFix),
    one(132_069, "the flow is throttled", "fix the flow, and send it at a lower rate until then", Later),
    range(
        (133_000, 133_999),
        "the phone number's registration or its two-step verification PIN is wrong",
        "register the phone number again with the right PIN",
        AfterFix,
    ),
    one(135_000, "something in the request is wrong, but WhatsApp does not say what", VALIDATE, AfterFix),
];

/// Meta's page lists all of these codes. Rows marked `general` do not take their meaning from that page.
const ON_PREMISES: &[ErrorCode] = &[
    one(400, "WhatsApp could not download the media", CHECK_URL, AfterFix).on_premises(),
    one(402, "there is a problem with the payment method", PAYMENT, AfterFix).on_premises().general(),
    one(408, "the message could not be delivered in time", "send it again if it is still relevant", Later).on_premises().general(),
    one(410, "the message expired before it was delivered", "send it again if it is still relevant", Later).on_premises().general(),
    range((429, 430), "messages are sent faster than the rate limit allows", BACK_OFF, Later).on_premises().general(),
    one(432, "the account or the phone number is restricted", MANAGER, AfterFix).on_premises().general(),
    one(470, OUTSIDE_WINDOW, SEND_TEMPLATE, AfterFix).on_premises(),
    one(471, "sending is limited because recipients blocked or reported too many messages of this phone number (spam rate limit)", "send only to recipients who opted in, and retry later", Later).on_premises(),
    one(480, "the recipient's identity key has changed and the change was not acknowledged", "acknowledge the new identity", AfterFix).on_premises().general(),
    one(1000, "a generic error, for which the API gives no reason", "read the details, then retry", Later).on_premises(),
    one(1001, "the message is too long", "shorten it; `wamedia message validate` names the field", AfterFix).on_premises(),
    one(1005, "access denied", "log in again and use the new token", AfterFix).on_premises(),
    one(1006, "the item that the request names was not found", "correct the id that the details name", AfterFix).on_premises(),
    one(1008, "a required parameter is missing", VALIDATE, AfterFix).on_premises(),
    one(1009, "the value of a parameter is not valid", VALIDATE, AfterFix).on_premises(),
    one(1013, "the recipient is not a valid WhatsApp user", "check the phone number with the contacts endpoint", AfterFix).on_premises(),
    one(1014, "an internal error of the API, mostly because it could not upload the media", CHECK_URL, AfterFix).on_premises(),
    one(1015, "too many requests", BACK_OFF, Later).on_premises(),
    one(1026, "the recipient's WhatsApp client does not support this message type", "send another message type", AfterFix).on_premises(),
    range((2000, 2999), "the message does not match its template", "compare the payload with the approved template", AfterFix).on_premises(),
];

const GATEWAY: &[ErrorCode] = &[
    one(400, "360dialog rejected the request as malformed", VALIDATE, AfterFix).gateway(),
    one(
        401,
        "the API key is wrong or missing",
        "send this phone number's API key in the header D360-API-KEY",
        AfterFix,
    )
    .gateway(),
    one(
        403,
        "the API key has no permission for this request",
        "use the API key of this phone number, and check the account's state at 360dialog",
        AfterFix,
    )
    .gateway(),
    one(500, "360dialog had an internal error", RETRY_LATER, Later).gateway(),
    one(502, "360dialog could not reach WhatsApp", RETRY_LATER, Later).gateway(),
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
            assert_eq!(row.certainty == Certainty::General, row.source == COMMON, "{}", row.first);
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
