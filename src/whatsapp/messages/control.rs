//! Payloads without content: read receipts, typing indicators and pins.

use super::super::schema::{Case, Platform};
use super::super::schema::{Choice, Kind, Rule, Shape, TEXT, may, must};
use super::sources;

/// Marks a message as read, and optionally shows a typing indicator.
pub(super) const RECEIPT: Shape = Shape::of(&[
    must("messaging_product", Kind::Word(&["whatsapp"])).only(Platform::Cloud),
    must("status", Kind::Word(&["read"])),
    must("message_id", TEXT),
    may("typing_indicator", Kind::Object(&TYPING)),
])
.source(sources::RECEIPTS);

const TYPING: Shape =
    Shape::of(&[]).choice(Choice::by("type", "indicator", &[Case::new("text", &Shape::of(&[]))]));

/// Pins a message in a group. The page does not specify the allowed durations.
pub(super) const PIN_MESSAGE: Shape = Shape::of(&[must("pin", Kind::Object(&PIN))])
    .rules(&[Rule::Says {
        field: "recipient_type",
        word: "group",
        reason: "must be `group`, since only groups have pinned messages; write that, and the group's id in `to`",
    }])
    .source(sources::GROUPS);

const PIN: Shape = Shape::of(&[
    must("type", TEXT),
    must("message_id", TEXT),
    may("expiration_days", Kind::Whole { min: 1, max: i64::MAX, or_text: true }),
])
.open();
