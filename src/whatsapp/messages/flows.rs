//! Interactive messages that open a WhatsApp flow.

use super::super::schema::{Kind, Rule, Shape, TEXT, Text, may, must};
use super::shared_fields::{BODY, FOOTER, HEADER};
use super::sources;

pub(super) const FLOW: Shape = Shape::of(&[
    HEADER,
    BODY,
    FOOTER,
    must(
        "action",
        Kind::Object(&Shape::of(&[
            must("name", Kind::Word(&["flow"])),
            must("parameters", Kind::Object(&PARAMETERS)),
        ])),
    ),
])
.source(sources::FLOWS);

const PARAMETERS: Shape = Shape::of(&[
    must("flow_message_version", Kind::Word(&["3"])),
    may("flow_id", TEXT),
    may("flow_name", TEXT),
    must("flow_cta", CTA),
    may("flow_token", TEXT),
    may("mode", Kind::Word(&["draft", "published"])),
    may("flow_action", Kind::Word(&["navigate", "data_exchange"])),
    may("flow_action_payload", Kind::Object(&PAYLOAD)),
])
.rules(&[
    Rule::OneOf(&["flow_id", "flow_name"]),
    Rule::Excludes {
        field: "flow_action",
        word: "data_exchange",
        absent: "flow_action_payload",
        reason: "is for `flow_action` `navigate` only: with `data_exchange`, the flow's endpoint decides the first screen and \
                 its data; remove it, or write `navigate`",
    },
]);

/// 20 characters in some copies of the page, 30 in others.
const CTA: Kind = Kind::Text(Text { min: 1, doubt: Some(20), max: Some(30), breaks: None, emoji: false });

/// The input of the first screen. `data` is an object in most examples, and a JSON string in one.
const PAYLOAD: Shape = Shape::of(&[must("screen", TEXT), may("data", Kind::Any)]);
