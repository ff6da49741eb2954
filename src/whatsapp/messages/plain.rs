//! Text, location and reaction messages.

use super::super::schema::{Kind, MAYBE_EMPTY, Platform, Rule, Shape, TEXT, doubted, may, must, never};
use super::shared_fields::{DIRECT_SEND_CATEGORY, DIRECT_SEND_RULE, DIRECT_SEND_TTL};
use super::sources;

/// In the On-Premises API, `preview_url` is beside `text`, not in it.
pub(super) const TEXT_MESSAGE: Shape = Shape::of(&[
    must("text", Kind::Object(&TEXT_BODY)),
    may("preview_url", Kind::Flag).only(Platform::OnPremises),
    never("preview_url", "belongs inside `text` in the Cloud API; move it there").only(Platform::Cloud),
    DIRECT_SEND_CATEGORY,
    DIRECT_SEND_TTL,
])
.rules(&[DIRECT_SEND_RULE])
.source(sources::TEXT);

/// 4096 characters; for the newer direct-send category, 1024 is documented.
const TEXT_BODY: Shape = Shape::of(&[
    must("body", doubted(1024, 4096)),
    may("preview_url", Kind::Flag).only(Platform::Cloud),
    never("preview_url", "belongs beside `text` in the On-Premises API; move it out of `text`")
        .only(Platform::OnPremises),
]);

pub(super) const LOCATION_MESSAGE: Shape =
    Shape::of(&[must("location", Kind::Object(&LOCATION))]).source(sources::LOCATION);

/// Coordinates are strings in Meta's pages and numbers in its specification; both are accepted.
pub(super) const LOCATION: Shape = Shape::of(&[
    must("latitude", Kind::Degrees { bound: 90 }),
    must("longitude", Kind::Degrees { bound: 180 }),
    may("name", MAYBE_EMPTY),
    may("address", MAYBE_EMPTY),
]);

pub(super) const REACTION_MESSAGE: Shape = Shape::of(&[
    must("reaction", Kind::Object(&REACTION)),
    never(
        "context",
        "makes the reaction a reply, which a reaction cannot be: the message that it reacts to is \
         `reaction.message_id`; leave `context` out",
    )
    .source(sources::SENDING),
])
.source(sources::REACTION);

const REACTION: Shape = Shape::of(&[must("message_id", TEXT), must("emoji", Kind::Emoji)]);

/// A template as a reply is delivered, but without the quoted message.
pub(super) const TEMPLATE_REPLY: Rule = Rule::Doubt {
    field: "context",
    reason: "is of no effect that the recipient sees: above a template, the message that it replies to is not \
             shown; leave it out, or reply with another type of message",
};
