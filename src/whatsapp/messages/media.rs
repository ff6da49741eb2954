//! Media messages, and the media objects in headers.

use super::super::Kind as Media;
use super::super::schema::{Field, Kind, Platform, Rule, Shape, TEXT, Text, may, maybe_empty, must, never};
use super::sources;

/// Either an uploaded file or a link.
const ID_OR_LINK: Rule = Rule::OneOf(&["id", "link"]);

const ID: Field = may("id", TEXT);
const LINK: Field = may("link", Kind::Link).source(sources::LINKS);
/// The name of the credentials that the On-Premises client sends to the link's server.
const PROVIDER: Field =
    may("provider", Kind::Object(&PROVIDER_NAME)).only(Platform::OnPremises).source(sources::LINKS);
const PROVIDER_NAME: Shape = Shape::of(&[must("name", TEXT)]);

const CAPTION: Field = may("caption", maybe_empty(1024));

/// No limit is documented. Users have seen names cut after 240 characters.
const FILENAME: Field =
    may("filename", Kind::Text(Text { min: 0, doubt: Some(240), max: None, breaks: None, emoji: true }));

const NO_CAPTION_HERE: Field =
    never("caption", "is not allowed in a header; put the text into the message's body");
const NO_FILENAME: Field =
    never("filename", "is allowed only for a document; remove it, or send the file as a document");
const NO_VOICE: Field = never("voice", "is allowed only for audio; remove it");

pub(super) const IMAGE_MESSAGE: Shape =
    Shape::of(&[must("image", Kind::Object(&IMAGE))]).source(sources::MEDIA);
pub(super) const VIDEO_MESSAGE: Shape =
    Shape::of(&[must("video", Kind::Object(&VIDEO))]).source(sources::MEDIA);
pub(super) const AUDIO_MESSAGE: Shape =
    Shape::of(&[must("audio", Kind::Object(&AUDIO))]).source(sources::MEDIA);
pub(super) const DOCUMENT_MESSAGE: Shape =
    Shape::of(&[must("document", Kind::Object(&DOCUMENT))]).source(sources::MEDIA);
pub(super) const STICKER_MESSAGE: Shape =
    Shape::of(&[must("sticker", Kind::Object(&STICKER))]).source(sources::MEDIA);

const CAPTIONED: &[Field] = &[ID, LINK, PROVIDER, CAPTION, NO_FILENAME, NO_VOICE];
const IMAGE: Shape = Shape::of(CAPTIONED).rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Image)]);
const VIDEO: Shape = Shape::of(CAPTIONED).rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Video)]);

const DOCUMENT: Shape =
    Shape::of(&[ID, LINK, PROVIDER, CAPTION, FILENAME, NO_VOICE]).rules(&[ID_OR_LINK, Rule::NamedFile]);

/// Only the Cloud API has `voice`.
const AUDIO: Shape = Shape::of(&[
    ID,
    LINK,
    PROVIDER,
    may("voice", Kind::Flag).only(Platform::Cloud),
    never("caption", "is not allowed with audio, which has no caption; send the text as a separate message"),
    NO_FILENAME,
])
.rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Audio), Rule::VoiceFile]);

const STICKER: Shape = Shape::of(&[
    ID,
    LINK,
    PROVIDER,
    never(
        "caption",
        "is not allowed with a sticker, which has no caption; send the text as a separate message",
    ),
    NO_FILENAME,
    NO_VOICE,
])
.rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Sticker)]);

/// An image in a header.
pub(super) const HEADER_IMAGE: Shape =
    Shape::of(HEADER_FIELDS).rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Image)]);
/// A video in a header.
pub(super) const HEADER_VIDEO: Shape =
    Shape::of(HEADER_FIELDS).rules(&[ID_OR_LINK, Rule::LinkedKind(Media::Video)]);
const HEADER_FIELDS: &[Field] = &[ID, LINK, PROVIDER, NO_CAPTION_HERE, NO_FILENAME, NO_VOICE];

/// A document in a header.
pub(super) const HEADER_DOCUMENT: Shape =
    Shape::of(HEADER_DOCUMENT_FIELDS).rules(&[ID_OR_LINK, Rule::NamedFile]);
const HEADER_DOCUMENT_FIELDS: &[Field] = &[ID, LINK, PROVIDER, FILENAME, NO_CAPTION_HERE, NO_VOICE];

/// A document in the header of a template.
pub(super) const TEMPLATE_DOCUMENT: Shape = Shape::of(HEADER_DOCUMENT_FIELDS)
    .rules(&[ID_OR_LINK, Rule::NamedFile, Rule::PdfFile])
    .source(sources::TEMPLATE_DOCUMENT);
