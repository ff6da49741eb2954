//! Error codes that providers between a business and WhatsApp use in place of WhatsApp's: 360dialog, Twilio, Gupshup.

use super::row::{
    AfterFix, Api, BACK_OFF, CHECK_URL, ErrorCode, Later, MANAGER, Never, OUTSIDE_WINDOW, RETRY_LATER, Retry,
    SEND_TEMPLATE, VALIDATE, one,
};

const DIALOG: &str = "360dialog: messaging API, errors";
const TWILIO_PAGE: &str = "Twilio: corresponding Twilio and WhatsApp error codes, 2026";
const GUPSHUP_PAGE: &str = "Gupshup: error codes, 2026";

const CONSOLE: &str =
    "open the message in Twilio's console (Monitor, Logs): it has the error of WhatsApp beside this one";

/// HTTP status codes of 360dialog's gateway.
pub(super) const GATEWAY: &[ErrorCode] = &[
    one(400, "360dialog rejected the request as malformed", VALIDATE, AfterFix).of(Api::Dialog360, DIALOG),
    one(
        401,
        "the API key is wrong or missing",
        "send this phone number's API key in the header D360-API-KEY",
        AfterFix,
    )
    .of(Api::Dialog360, DIALOG),
    one(
        403,
        "the API key has no permission for this request",
        "use the API key of this phone number, and check the account's state at 360dialog",
        AfterFix,
    )
    .of(Api::Dialog360, DIALOG),
    one(500, "360dialog had an internal error", RETRY_LATER, Later).of(Api::Dialog360, DIALOG),
    one(502, "360dialog could not reach WhatsApp", RETRY_LATER, Later).of(Api::Dialog360, DIALOG),
];

const fn twilio(code: u32, meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    one(code, meaning, fix, retry).of(Api::Twilio, TWILIO_PAGE)
}

/// Twilio's codes for WhatsApp. Rows marked `general` are not in its table of counterparts.
pub(super) const TWILIO: &[ErrorCode] = &[
    twilio(
        63_001,
        "the account could not be authenticated at WhatsApp",
        "connect the sender to the WhatsApp Business Account again in Twilio's console",
        AfterFix,
    ),
    twilio(
        63_003,
        "the recipient is not on WhatsApp, or the number is wrong",
        "check the number: `whatsapp:+`, country code, number",
        AfterFix,
    ),
    twilio(63_005, "WhatsApp did not accept the content of the message", CONSOLE, AfterFix),
    twilio(
        63_007,
        "Twilio has no WhatsApp sender with the number in `From`",
        "correct `From`: `whatsapp:+` and the number of a sender that Twilio's console lists",
        AfterFix,
    )
    .general(),
    twilio(63_010, "an internal error of Twilio or WhatsApp", RETRY_LATER, Later),
    twilio(63_012, "an internal error of WhatsApp: mostly it could not upload the media", CHECK_URL, Later),
    twilio(
        63_013,
        "a parameter is missing or not valid, or the message violates a policy of WhatsApp",
        CONSOLE,
        AfterFix,
    ),
    twilio(
        63_015,
        "the sandbox can send only to phone numbers that have joined it",
        "join the sandbox from that phone, or send from a sender of your own",
        AfterFix,
    )
    .general(),
    twilio(63_016, OUTSIDE_WINDOW, SEND_TEMPLATE, AfterFix),
    twilio(63_017, "messages are sent faster than the rate limit allows", BACK_OFF, Later).general(),
    twilio(
        63_018,
        "messages are sent faster than the rate limit allows, or recipients blocked or reported too many",
        BACK_OFF,
        Later,
    ),
    twilio(63_019, "WhatsApp could not download the media", CHECK_URL, AfterFix),
    twilio(63_020, "there is a problem with the business account or its payment method", MANAGER, AfterFix),
    twilio(
        63_021,
        "the content is not valid, or the message expired before it was delivered",
        CONSOLE,
        AfterFix,
    ),
    twilio(63_022, "the account or its display name is restricted or not certified", MANAGER, AfterFix),
    twilio(63_023, "a generic error, for which Twilio gives no reason", CONSOLE, Later),
    twilio(
        63_024,
        "this recipient cannot receive the message: not on WhatsApp, an old version of it, or the terms are not accepted",
        "check the number; ask the recipient another way to update WhatsApp",
        AfterFix,
    ),
    twilio(63_025, "the media exists already", CONSOLE, AfterFix),
    twilio(
        63_027,
        "the template does not exist in this language, or is not approved",
        "correct the ContentSid or the name and language of the template, or get it approved",
        AfterFix,
    ),
    twilio(
        63_028,
        "the message has more or fewer parameters than its template",
        "send exactly as many ContentVariables as the template has placeholders",
        AfterFix,
    ),
    twilio(63_029, "the recipient's WhatsApp could not download the template", RETRY_LATER, Later),
    twilio(63_030, "a parameter is not supported for this type of message", CONSOLE, AfterFix),
    twilio(
        63_031,
        "the sender and the recipient are the same phone number",
        "send to another phone number",
        AfterFix,
    )
    .general(),
    twilio(
        63_032,
        "WhatsApp does not deliver this message to this user: a limit of WhatsApp's, such as an experiment",
        "do not retry; contact the recipient another way",
        Never,
    ),
    twilio(
        63_033,
        "the recipient has blocked this business, or cannot receive the message",
        "stop sending to this recipient",
        Never,
    ),
    twilio(
        63_038,
        "the account has reached its daily limit of messages",
        "wait until the next day, or raise the limit",
        Later,
    )
    .general(),
    twilio(63_040, "the template was rejected", "edit the template and get it approved", AfterFix).general(),
    twilio(
        63_041,
        "the template is paused because of its low quality",
        "improve the template, or use another one",
        AfterFix,
    )
    .general(),
    twilio(63_042, "the template is disabled because of its low quality", "create a new template", AfterFix)
        .general(),
    twilio(
        63_049,
        "WhatsApp did not deliver the message, to limit how many marketing messages this recipient gets",
        "do not retry within 24 hours, which only fails again; send fewer marketing messages",
        Later,
    )
    .general(),
    twilio(
        63_050,
        "the recipient has opted out of marketing messages from this business",
        "stop sending marketing messages to this recipient",
        Never,
    )
    .general(),
    twilio(63_051, "Meta has restricted or disabled the WhatsApp Business Account", MANAGER, AfterFix)
        .general(),
    twilio(63_112, "Meta has disabled the business accounts behind this sender", MANAGER, AfterFix).general(),
];

const fn gupshup(code: u32, meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    one(code, meaning, fix, retry).of(Api::Gupshup, GUPSHUP_PAGE)
}

/// Gupshup's own codes.
pub(super) const GUPSHUP: &[ErrorCode] = &[
    gupshup(500, "Gupshup had an internal error", RETRY_LATER, Later),
    gupshup(
        1001,
        "Gupshup could not map the message to a bot of this sender",
        "compare the source number with the app at Gupshup",
        AfterFix,
    ),
    gupshup(
        1002,
        "the recipient is not on WhatsApp",
        "check the number: country code and number without +",
        AfterFix,
    ),
    gupshup(1003, "the wallet at Gupshup is empty", "add money to the wallet", AfterFix),
    gupshup(
        1004,
        "the customer service window is closed, and template messages are switched off",
        "switch template messages on at Gupshup, or wait until the recipient writes",
        AfterFix,
    ),
    gupshup(
        1005,
        "the customer service window is closed, and the text matches no approved template",
        SEND_TEMPLATE,
        AfterFix,
    ),
    gupshup(
        1006,
        "the customer service window is closed, and the recipient has not opted in to templates",
        "get the recipient's opt-in first",
        AfterFix,
    ),
    gupshup(
        1007,
        "the customer service window is closed, the recipient has not opted in, and the text matches no template",
        "get the recipient's opt-in, and send an approved template",
        AfterFix,
    ),
    gupshup(
        1008,
        "the recipient has not opted in, and the customer service window is closed",
        "get the recipient's opt-in first",
        AfterFix,
    ),
    gupshup(1010, "the media URL is not valid", CHECK_URL, AfterFix),
    gupshup(
        1011,
        "the size of the media is not valid",
        "run `wamedia check URL` on the link: it names the size limit",
        AfterFix,
    ),
    gupshup(1012, "the recipient has opted out", "stop sending to this recipient", Never),
    gupshup(4001, "messages are sent faster than Gupshup allows", BACK_OFF, Later),
    gupshup(4002, "Gupshup got a response from WhatsApp that is not valid", RETRY_LATER, Later),
    gupshup(
        4003,
        "the text matches no approved template",
        "send the text exactly as the template was approved, with only the placeholders filled",
        AfterFix,
    ),
];
