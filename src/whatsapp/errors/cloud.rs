//! Error codes of Meta's Cloud API, of the Graph API below it, and of the APIs for calls and for marketing messages.

use super::row::{
    AfterFix, BACK_OFF, CHECK_URL, ErrorCode, Later, MANAGER, Never, OUTSIDE_WINDOW, PAYMENT, RETRY_LATER,
    SEND_TEMPLATE, VALIDATE, one, range,
};

/// The wording of the details comes from reports.
const HEADER_REPORTS: &str = "Meta: Cloud API, error codes, May 2026; chatwoot/chatwoot#15622";
const COURIER: &str = "nyaruka/courier, test data of its WhatsApp handler";
/// Meta's older copies of the page have an HTTP status beside each of these.
const META_OLDER: &str = "Meta: Cloud API, error codes, 2023";
const GRAPH: &str = "Meta: OpenAPI of the business messaging API, v23.0";
const USER_IDS: &str = "Meta: business-scoped user ids, May 2026";
const DIRECT_SEND: &str = "Meta: Direct Send, July 2026";

const PERMISSION: &str = "grant the token the permission that the error text names";
const READ_DETAILS: &str = "read the text beside the code: it says what applies";
const MARKETING_API: &str =
    "send it through the messages endpoint instead, or as an approved marketing template";

/// Ascending by code.
pub(super) const CLOUD: &[ErrorCode] = &[
    one(
        0,
        "the API could not authenticate the caller",
        "get a new access token and send it as `Authorization: Bearer …`",
        AfterFix,
    )
    .general(),
    one(
        1,
        "Meta's API failed for an unknown reason, or the request was malformed",
        "retry; if it keeps failing, compare the request with the documentation of the endpoint, and see metastatus.com",
        Later,
    )
    .source(META_OLDER),
    one(2, "Meta's API is down or overloaded", "see metastatus.com, then retry after a while", Later).source(META_OLDER),
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
        PERMISSION,
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
    one(
        104,
        "the request has no access token",
        "send the token as `Authorization: Bearer …`",
        AfterFix,
    )
    .source(GRAPH),
    one(190, "the access token has expired or was revoked", "get a new access token", AfterFix).general(),
    range(
        (200, 299),
        "the token lacks a permission",
        PERMISSION,
        AfterFix,
    )
    .general(),
    one(
        368,
        "the account is temporarily blocked for a policy violation",
        "read the notice in WhatsApp Manager; no message goes out until Meta lifts the block",
        AfterFix,
    ),
    one(613, "a rate limit of the Graph API was reached", BACK_OFF, Later).reported("nyaruka/courier, test data of its 360dialog handler"),
    one(
        803,
        "an id in the request URL does not exist, or the token has no access to it",
        "compare the phone number id or the media id in the URL with those in WhatsApp Manager",
        AfterFix,
    )
    .source(GRAPH),
    one(80_007, "the WhatsApp Business Account has reached its rate limit", BACK_OFF, Later).general(),
    one(
        130_403,
        "your business has blocked this user",
        "do not retry; unblock the user first if you want to write to them",
        Never,
    ),
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
        130_497,
        "the account may not send messages to users in the recipient's country",
        "do not retry; send only to countries where your business may send, and check the country and the verification of \
         the business in Meta's Business Manager",
        Never,
    ),
    one(
        130_501,
        "the type of the message is not supported here",
        "a customer sent what the API cannot pass on: ask for it as text, image, audio or document",
        Never,
    )
    .general(),
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
        "the message cannot be delivered: the recipient is not on WhatsApp, uses an old version of \
         it, or has not accepted its terms",
        "check the phone number; ask the recipient another way to update WhatsApp and accept its \
         terms",
        AfterFix,
    ),
    one(
        131_030,
        "a test phone number can send only to recipients on the app's allowed list, and the number must be written as it is there",
        "add the recipient to that list, and send to the number exactly as the list has it: numbers in Argentina (+54 9…) and \
         Mexico (+52 1…) are often there without the 9 or the 1 that webhooks have; or send from your own business phone number",
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
        "sending is limited because recipients blocked or reported too many messages of this phone \
         number (spam rate limit)",
        "check the quality rating of the phone number in WhatsApp Manager, and send only to \
         recipients who opted in",
        Later,
    ),
    one(
        131_049,
        "WhatsApp did not deliver the message, to limit how many marketing messages this recipient \
         gets",
        "do not retry within 24 hours, which only fails again; send fewer marketing messages",
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
        "WhatsApp could not download media that a customer sent to you; your server and your links \
         are not involved",
        "ask the customer to send the media again",
        Never,
    ),
    one(
        131_053,
        "WhatsApp rejected the media of your message: the link could not be fetched, the media type \
         is not accepted, or the file is too large",
        CHECK_URL,
        AfterFix,
    ),
    one(
        131_055,
        "this endpoint sends marketing templates only (Marketing Messages API)",
        MARKETING_API,
        AfterFix,
    ),
    one(
        131_056,
        "too many messages went from this number to this recipient in a short time (pair rate limit)",
        "wait 1, 4, 16, … seconds between retries, and send this recipient at most one message every 6 seconds",
        Later,
    ),
    one(131_057, "the account is in maintenance mode", RETRY_LATER, Later),
    one(
        131_059,
        "WhatsApp uses this code without a public description",
        READ_DETAILS,
        AfterFix,
    )
    .general(),
    one(
        131_060,
        "WhatsApp could not pass on a message that a customer sent: mostly with coexistence (the WhatsApp Business app on the \
         same number), or the first message after an advertisement",
        "read the message in the WhatsApp Business app on the phone, or ask the customer to send it again",
        Never,
    )
    .reported("chatwoot/chatwoot#14547"),
    one(
        131_061,
        "WhatsApp uses this code without a public description",
        READ_DETAILS,
        AfterFix,
    )
    .general(),
    one(
        131_062,
        "this message cannot go to a user id (BSUID): authentication templates with one-tap, zero-tap or copy-code buttons \
         need a phone number",
        "send it to the phone number, in `to`",
        AfterFix,
    )
    .source(USER_IDS),
    one(
        131_063,
        "marketing templates are switched off on the Cloud API for this WhatsApp Business Account",
        "send marketing templates through the Marketing Messages API, or switch them on in WhatsApp Manager",
        AfterFix,
    ),
    one(
        131_064,
        "sending is limited because templates were submitted in the wrong category; the limit is lifted by itself",
        "stop sending from this phone number, correct the category of the templates, and wait for WhatsApp to lift the limit",
        Later,
    ),
    one(
        132_000,
        "the message has more or fewer parameters than its template",
        "send exactly as many parameters as the template has placeholders; `wamedia message validate --templates` counts both",
        AfterFix,
    ),
    one(
        132_001,
        "the template does not exist in this language, or is not approved",
        "correct the template's name and language code, or get it approved; `wamedia message validate --templates` lists the \
         names and languages that exist",
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
    one(
        132_018,
        "a template parameter is not allowed: mostly a text with a line break, a tab or more than four spaces in a row",
        "write the text that fills a placeholder on one line, with at most four spaces in a row; `wamedia message validate` \
         names the parameter",
        AfterFix,
    ),
    one(132_068, "the flow is blocked", "fix the flow", AfterFix),
    one(132_069, "the flow is throttled", "fix the flow, and send it at a lower rate until then", Later),
    range((133_000, 133_003), REGISTRATION, REGISTER, AfterFix),
    one(133_004, "a WhatsApp server for registrations is temporarily unavailable", RETRY_LATER, Later),
    range((133_005, 133_009), REGISTRATION, REGISTER, AfterFix),
    one(
        133_010,
        "the business phone number is not registered on the Cloud API",
        "register it: POST to /PHONE_NUMBER_ID/register with its two-step verification PIN",
        AfterFix,
    ),
    range((133_011, 133_015), REGISTRATION, REGISTER, AfterFix),
    one(
        133_016,
        "the phone number was registered or deregistered too often in a short time",
        "wait three days, then register it once",
        Later,
    ),
    range((133_017, 133_999), REGISTRATION, REGISTER, AfterFix),
    one(
        134_011,
        "the terms of service for WhatsApp payments are not accepted",
        "accept them in WhatsApp Manager, then send again",
        AfterFix,
    ),
    one(
        134_100,
        "the Marketing Messages API does not send this message: it sends approved marketing templates only",
        MARKETING_API,
        AfterFix,
    )
    .general(),
    one(
        134_101,
        "the template is still being synchronised with the Marketing Messages API",
        "wait 10 minutes, then retry",
        Later,
    ),
    one(
        134_102,
        "the template cannot be used with the Marketing Messages API",
        "send it through the messages endpoint, or use another template",
        AfterFix,
    )
    .general(),
    one(135_000, "something in the request is wrong, but WhatsApp does not say what", VALIDATE, AfterFix),
    one(
        138_000,
        "the Calling API rejected the request: mostly because calls are not enabled for the business phone number",
        "enable calls in the settings of the phone number in WhatsApp Manager; the text beside the code says what applies",
        AfterFix,
    )
    .general(),
    range(
        (138_001, 138_999),
        "the Calling API rejected the request",
        READ_DETAILS,
        AfterFix,
    )
    .general(),
    one(
        139_200,
        "Direct Send is blocked for this account or this message",
        "send an approved template instead, or ask Meta to enable Direct Send; the text beside the code says what applies",
        AfterFix,
    )
    .source(DIRECT_SEND),
];

const REGISTRATION: &str = "the phone number's registration or its two-step verification PIN is wrong";
const REGISTER: &str = "register the phone number again with the right PIN";
