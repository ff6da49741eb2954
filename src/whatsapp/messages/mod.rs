//! Schemas of message payloads: the fields of each message type, their limits, and the document that each limit comes from.
//!
//! Both the message builder and the validator use these schemas. This file has the envelope; each other file has one family of messages.
//! If documents differ, exceeding the smaller limit is doubtful and exceeding the larger one is an error. If no document specifies an
//! object, any field is allowed.

mod carousel;
mod contacts;
mod control;
mod flows;
mod interactive;
mod media;
mod plain;
mod products;
mod shared_fields;
mod sources;
mod template;

pub use super::schema::Code;
use super::schema::{Case, Choice, Kind, Platform, Rule, Shape, TEXT, may, maybe_empty, must, never};

use Platform::{Cloud, OnPremises};

/// The shape of a payload on a platform; `has` says whether the payload has a field.
///
/// Receipts and typing indicators have no type. They use the endpoint of messages, but only in the Cloud API.
pub fn payload(platform: Platform, has: impl Fn(&str) -> bool) -> &'static Shape {
    let is_receipt = !has("type") && (has("status") || has("typing_indicator"));
    if platform == Cloud && is_receipt { &control::RECEIPT } else { &MESSAGE }
}

/// Whether a text has the form of a business-scoped user id: a country code of two capital letters, a full stop, and letters, digits
/// and full stops. No phone number has this form.
pub fn is_user_id(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    })
}

/// The fields of every message.
const MESSAGE: Shape = Shape::of(&[
    must("messaging_product", Kind::Word(&["whatsapp"])).only(Cloud),
    never("messaging_product", "is a field of the Cloud API only; remove it").only(OnPremises),
    may("recipient_type", Kind::Word(&["individual", "group"])),
    may("to", Kind::Recipient).source(sources::SENDING),
    may("recipient", Kind::UserId).only(Cloud),
    may("context", Kind::Object(&CONTEXT)).source(sources::SENDING),
    may("biz_opaque_callback_data", maybe_empty(512)).only(Cloud),
])
.choice(
    Choice::by("type", "type of message", CASES)
        .code(Code::MessageType)
        .default(OnPremises, "text")
        .mistakes(MISTAKES),
)
.rules(&[Rule::AnyOf(&["to", "recipient"])])
.source(sources::MESSAGES);

const CONTEXT: Shape = Shape::of(&[must("message_id", TEXT)]);

/// Types that other APIs have.
const MISTAKES: &[(&str, &str)] = &[
    ("ptt", "is a voice message in other APIs; write `audio`, with `voice` true"),
    ("voice", "is a voice message in other APIs; write `audio`, with `voice` true"),
    ("photo", "is an image in other APIs; write `image`"),
    ("picture", "is an image in other APIs; write `image`"),
    ("file", "is a document in other APIs; write `document`"),
    ("button", "is a type of interactive message; write `interactive`, and `button` as its `type`"),
    ("list", "is a type of interactive message; write `interactive`, and `list` as its `type`"),
];

const CASES: &[Case] = &[
    Case::new("text", &plain::TEXT_MESSAGE),
    Case::new("image", &media::IMAGE_MESSAGE),
    Case::new("audio", &media::AUDIO_MESSAGE),
    Case::new("video", &media::VIDEO_MESSAGE),
    Case::new("document", &media::DOCUMENT_MESSAGE),
    Case::new("sticker", &media::STICKER_MESSAGE),
    Case::new("location", &plain::LOCATION_MESSAGE),
    Case::new("contacts", &contacts::CONTACTS_MESSAGE),
    Case::new("reaction", &plain::REACTION_MESSAGE),
    Case::new("interactive", &interactive::INTERACTIVE_MESSAGE),
    Case::new("template", &template::TEMPLATE_MESSAGE),
    Case::new("pin", &control::PIN_MESSAGE).only(Cloud),
    Case::new("hsm", &template::HSM_MESSAGE).only(OnPremises),
];
