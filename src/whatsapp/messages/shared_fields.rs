//! Fields that several types of interactive message share: header, body, footer and buttons.

use super::super::schema::{Case, Choice, Field, Kind, Platform, Rule, Shape, may, must, never, text};
use super::{media, sources};

pub(super) const BODY: Field = must("body", Kind::Object(&BODY_1024));
const BODY_1024: Shape = Shape::of(&[must("text", text(1024))]);
/// Optional in product messages.
pub(super) const OPTIONAL_BODY: Field = may("body", Kind::Object(&BODY_1024));

pub(super) const FOOTER: Field = may("footer", Kind::Object(&FOOTER_60));
const FOOTER_60: Shape = Shape::of(&[must("text", text(60))]);

/// Text or media above the body.
pub(super) const HEADER: Field = may("header", Kind::Object(&ANY_HEADER));
const ANY_HEADER: Shape = Shape::of(&[]).choice(Choice::by(
    "type",
    "type of header",
    &[
        TEXT_HEADER,
        IMAGE_HEADER,
        VIDEO_HEADER,
        Case::new("document", &Shape::of(&[must("document", Kind::Object(&media::HEADER_DOCUMENT))])),
    ],
));
const TEXT_HEADER: Case = Case::new("text", &Shape::of(&[must("text", text(60))]));
pub(super) const IMAGE_HEADER: Case =
    Case::new("image", &Shape::of(&[must("image", Kind::Object(&media::HEADER_IMAGE))]));
pub(super) const VIDEO_HEADER: Case =
    Case::new("video", &Shape::of(&[must("video", Kind::Object(&media::HEADER_VIDEO))]));

/// A header that allows only text.
pub(super) const HEADER_OF_TEXT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of header for this message", &[TEXT_HEADER]));

pub(super) const NO_HEADER: Field =
    never("header", "is not allowed in this type of message; put the text into the body");
pub(super) const NO_FOOTER: Field =
    never("footer", "is not allowed in this type of message; put the text into the body");

/// The category of a message that a business begins without a template.
pub(super) const DIRECT_SEND_CATEGORY: Field = may("category", Kind::Word(&["utility", "authentication"]))
    .only(Platform::Cloud)
    .source(sources::DIRECT_SEND);
/// For how many seconds such a message may be delivered: authentication 30 to 900, utility 30 to 43,200.
pub(super) const DIRECT_SEND_TTL: Field =
    may("ttl_seconds", Kind::Whole { min: 30, max: 43_200, or_text: false })
        .only(Platform::Cloud)
        .source(sources::DIRECT_SEND);
pub(super) const DIRECT_SEND_RULE: Rule = Rule::Needs {
    field: "ttl_seconds",
    needed: "category",
    reason: "is missing, and `ttl_seconds` is for Direct Send only, which has a category: add `utility` or `authentication`, \
             or remove `ttl_seconds`",
};

/// The label of a button.
pub(super) const LABEL: Kind = text(20);
/// The id that the webhook returns when a customer taps the button.
pub(super) const BUTTON_ID: Kind = text(256);

/// A button that opens a URL, also in cards of a carousel.
pub(super) const URL_BUTTON: Kind =
    Kind::Object(&Shape::of(&[must("display_text", LABEL), must("url", Kind::Url)]));
