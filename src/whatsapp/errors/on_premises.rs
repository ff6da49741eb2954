//! Error codes of the On-Premises API.

use super::row::{
    AfterFix, Api, BACK_OFF, CHECK_URL, ErrorCode, Later, MANAGER, OUTSIDE_WINDOW, PAYMENT, SEND_TEMPLATE,
    VALIDATE, one, range,
};

const META_ON_PREMISES: &str = "Meta: On-Premises API, errors";

/// Meta's page lists all of these codes. Rows marked `general` do not take their meaning from that page.
pub(super) const ON_PREMISES: &[ErrorCode] = &[
    one(400, "WhatsApp could not download the media", CHECK_URL, AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES),
    one(402, "there is a problem with the payment method", PAYMENT, AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES)
        .general(),
    one(408, "the message could not be delivered in time", "send it again if it is still relevant", Later)
        .of(Api::OnPremises, META_ON_PREMISES)
        .general(),
    one(410, "the message expired before it was delivered", "send it again if it is still relevant", Later)
        .of(Api::OnPremises, META_ON_PREMISES)
        .general(),
    range((429, 430), "messages are sent faster than the rate limit allows", BACK_OFF, Later)
        .of(Api::OnPremises, META_ON_PREMISES)
        .general(),
    one(432, "the account or the phone number is restricted", MANAGER, AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES)
        .general(),
    one(470, OUTSIDE_WINDOW, SEND_TEMPLATE, AfterFix).of(Api::OnPremises, META_ON_PREMISES),
    one(
        471,
        "sending is limited because recipients blocked or reported too many messages of this phone \
         number (spam rate limit)",
        "send only to recipients who opted in, and retry later",
        Later,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
    one(
        480,
        "the recipient's identity key has changed and the change was not acknowledged",
        "acknowledge the new identity",
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES)
    .general(),
    one(1000, "a generic error, for which the API gives no reason", "read the details, then retry", Later)
        .of(Api::OnPremises, META_ON_PREMISES),
    one(1001, "the message is too long", "shorten it; `wamedia message validate` names the field", AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES),
    one(1005, "access denied", "log in again and use the new token", AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES),
    one(
        1006,
        "the item that the request names was not found",
        "correct the id that the details name",
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
    one(1008, "a required parameter is missing", VALIDATE, AfterFix).of(Api::OnPremises, META_ON_PREMISES),
    one(1009, "the value of a parameter is not valid", VALIDATE, AfterFix)
        .of(Api::OnPremises, META_ON_PREMISES),
    one(
        1013,
        "the recipient is not a valid WhatsApp user",
        "check the phone number with the contacts endpoint",
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
    one(
        1014,
        "an internal error of the API, mostly because it could not upload the media",
        CHECK_URL,
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
    one(1015, "too many requests", BACK_OFF, Later).of(Api::OnPremises, META_ON_PREMISES),
    one(
        1026,
        "the recipient's WhatsApp client does not support this message type",
        "send another message type",
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
    range(
        (2000, 2999),
        "the message does not match its template",
        "compare the payload with the approved template",
        AfterFix,
    )
    .of(Api::OnPremises, META_ON_PREMISES),
];
