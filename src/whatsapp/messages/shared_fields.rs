//! Fields that several types of interactive message share: header, body, footer and buttons.

use super::super::schema::{Case, Choice, Field, Kind, Shape, may, must, never, text};
use super::media;

pub(super) const BODY: Field = must("body", Kind::Object(&BODY_1024));
const BODY_1024: Shape = Shape::of(&[must("text", text(1024))]);
/// A product speaks for itself.
pub(super) const OPTIONAL_BODY: Field = may("body", Kind::Object(&BODY_1024));

pub(super) const FOOTER: Field = may("footer", Kind::Object(&FOOTER_60));
const FOOTER_60: Shape = Shape::of(&[must("text", text(60))]);

/// A text or a file above the body.
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
    Case::new("image", &Shape::of(&[must("image", Kind::Object(&media::HEADER_MEDIA))]));
pub(super) const VIDEO_HEADER: Case =
    Case::new("video", &Shape::of(&[must("video", Kind::Object(&media::HEADER_MEDIA))]));

/// A header where only text will do.
pub(super) const HEADER_OF_TEXT: Shape =
    Shape::of(&[]).choice(Choice::by("type", "type of header for this message", &[TEXT_HEADER]));

pub(super) const NO_HEADER: Field =
    never("header", "is not taken by this type of message; put the words into the body");
pub(super) const NO_FOOTER: Field =
    never("footer", "is not taken by this type of message; put the words into the body");

/// What a button's label may be, wherever there is one.
pub(super) const LABEL: Kind = text(20);
/// What comes back when a button is tapped.
pub(super) const BUTTON_ID: Kind = text(256);

/// A button that opens a URL; cards of a carousel have it, too.
pub(super) const URL_BUTTON: Kind =
    Kind::Object(&Shape::of(&[must("display_text", LABEL), must("url", Kind::Url)]));
