//! The media that WhatsApp takes: which extension is served as what, which message takes which type, and how large it may
//! be.
//!
//! An asset's type is told from its name alone. What the bytes are is for a check to find out, not for serving.

use std::fmt;
use std::str::FromStr;

use crate::asset::{AssetPath, MediaType};

/// The kinds of media message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"type": "image"`
    Image,
    /// `"type": "video"`
    Video,
    /// `"type": "audio"`
    Audio,
    /// `"type": "document"`
    Document,
    /// `"type": "sticker"`
    Sticker,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// The message's `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// How large such a medium may be (Meta's Cloud API media page of April 2026).
    pub const fn size_limit(self) -> SizeLimit {
        match self {
            Self::Image => SizeLimit::megabytes(5),
            Self::Video | Self::Audio => SizeLimit::megabytes(16),
            Self::Document => SizeLimit::megabytes(100),
            // 100 KB where it stands still, 500 KB where it moves; the name does not say which it does.
            Self::Sticker => SizeLimit { doubted_past: 100_000, refused_past: 500 << 10 },
        }
    }

    /// Whether WhatsApp takes this type as such a message: what it lists for it, and anything as a document.
    pub fn takes(self, media_type: &MediaType) -> bool {
        self == Self::Document || kind_of(media_type) == Some(self)
    }

    /// The types that WhatsApp lists for it, as it spells them.
    pub fn media_types(self) -> impl Iterator<Item = &'static str> {
        let mut last = "";
        TABLE.iter().filter(move |row| row.kind == self).map(|row| row.media_type).filter(move |media_type| {
            let is_new = *media_type != last;
            last = media_type;
            is_new
        })
    }
}

/// There is no kind of media message of this name. The message says which there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kinds are {}", Kind::ALL.map(Kind::name).join(", "))]
pub struct UnknownKindError;

impl FromStr for Kind {
    type Err = UnknownKindError;

    /// The kind of this [name](Kind::name).
    fn from_str(name: &str) -> Result<Self, UnknownKindError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownKindError)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How large a voice message may be, in bytes, to be played at a touch; past it, it must be downloaded first (Meta,
/// messages/audio-messages, which says 512 KB).
pub const VOICE_PLAYS_AT_A_TOUCH: u64 = 512_000;

/// A size that Meta prints in MB or KB without saying whether these are powers of ten or of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimit {
    /// In bytes: past this, it depends on how Meta counts, or on what is in it.
    pub doubted_past: u64,
    /// In bytes: past this, it is too large either way.
    pub refused_past: u64,
}

/// How large a sticker may be that is known to move, or to stand still: 500 KB and 100 KB (the same page).
pub const fn sticker_size_limit(is_animated: bool) -> SizeLimit {
    let kilobytes = if is_animated { 500 } else { 100 };
    SizeLimit { doubted_past: kilobytes * 1000, refused_past: kilobytes << 10 }
}

impl SizeLimit {
    const fn megabytes(count: u64) -> Self {
        Self { doubted_past: count * 1_000_000, refused_past: count << 20 }
    }
}

/// One extension that WhatsApp lists.
struct Row {
    /// In lower case, without its dot.
    extension: &'static str,
    /// The exact `Content-Type`.
    media_type: &'static str,
    kind: Kind,
}

const fn row(extension: &'static str, media_type: &'static str, kind: Kind) -> Row {
    Row { extension, media_type, kind }
}

/// What Meta's Cloud API media page of April 2026 lists, with these notes:
///
/// * Ogg: WhatsApp takes Opus in Ogg only ("base audio/ogg not supported"), and its own refusals spell the type
///   `audio/ogg; codecs=opus`; `audio/opus` is refused on delivery. `.opus` and `.oga` are names of the same format
///   (RFC 7845 section 9, RFC 5334 section 10.3) and get the same type.
/// * 3GP: `video/3gpp`, as in the current page and in Meta's refusals; older pages print `video/3gp`.
/// * WebP is taken as a sticker only, not as an image.
/// * Text: without a charset a client guesses; our texts are UTF-8.
const TABLE: &[Row] = &[
    row("aac", "audio/aac", Kind::Audio),
    row("amr", "audio/amr", Kind::Audio),
    row("mp3", "audio/mpeg", Kind::Audio),
    row("m4a", "audio/mp4", Kind::Audio),
    row("ogg", OGG_OPUS, Kind::Audio),
    row("oga", OGG_OPUS, Kind::Audio),
    row("opus", OGG_OPUS, Kind::Audio),
    row("txt", "text/plain; charset=utf-8", Kind::Document),
    row("pdf", "application/pdf", Kind::Document),
    row("doc", "application/msword", Kind::Document),
    row("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Kind::Document),
    row("xls", "application/vnd.ms-excel", Kind::Document),
    row("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Kind::Document),
    row("ppt", "application/vnd.ms-powerpoint", Kind::Document),
    row("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", Kind::Document),
    row("jpg", "image/jpeg", Kind::Image),
    row("jpeg", "image/jpeg", Kind::Image),
    row("png", "image/png", Kind::Image),
    row("webp", "image/webp", Kind::Sticker),
    row("3gp", "video/3gpp", Kind::Video),
    row("mp4", "video/mp4", Kind::Video),
];

const OGG_OPUS: &str = "audio/ogg; codecs=opus";

fn listed(path: &AssetPath) -> Option<&'static Row> {
    let extension = path.extension()?;
    TABLE.iter().find(|row| row.extension.eq_ignore_ascii_case(extension))
}

/// The exact `Content-Type` of an asset, by its extension in any case.
///
/// What WhatsApp lists comes from our table, the rest from `mime_guess`, and what neither knows is
/// `application/octet-stream`. WhatsApp takes any type as a document, though it promises nothing for those that it does
/// not list.
pub fn media_type(path: &AssetPath) -> MediaType {
    known_media_type(path).unwrap_or(MediaType::OCTET_STREAM)
}

/// The same, for who knows more of an asset than its name: `None` where its extension says nothing.
pub fn known_media_type(path: &AssetPath) -> Option<MediaType> {
    if let Some(row) = listed(path) {
        return Some(MediaType::from_static(row.media_type));
    }
    Some(MediaType::from_static(match mime_guess::from_ext(path.extension()?).first_raw()? {
        "text/plain" => "text/plain; charset=utf-8",
        "text/csv" => "text/csv; charset=utf-8",
        guess => guess,
    }))
}

/// What a type is without its parameters, in lower case (RFC 9110 section 8.3.1).
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The kind of message that sends what is served as this type; `None` where WhatsApp does not list it. Parameters of the
/// type do not count.
pub fn kind_of(media_type: &MediaType) -> Option<Kind> {
    let wanted = essence(media_type.as_str());
    TABLE.iter().find(|row| essence(row.media_type) == wanted).map(|row| row.kind)
}

/// The kind of message that sends an asset with this extension; `None` where WhatsApp does not list it.
pub fn kind(path: &AssetPath) -> Option<Kind> {
    listed(path).map(|row| row.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> (String, Option<Kind>) {
        let path = AssetPath::from_plain(name).unwrap();
        (media_type(&path).to_string(), kind(&path))
    }

    #[test]
    fn a_kind_is_read_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        for name in ["", "Image", "text", "images"] {
            assert_eq!(name.parse::<Kind>(), Err(UnknownKindError), "{name}");
        }
        assert_eq!(UnknownKindError.to_string(), "the kinds are image, video, audio, document, sticker");
    }

    /// Written out again, since a customer's client sees these very letters.
    const PINNED: [(&str, &str, Kind); 21] = [
        ("aac", "audio/aac", Kind::Audio),
        ("amr", "audio/amr", Kind::Audio),
        ("mp3", "audio/mpeg", Kind::Audio),
        ("m4a", "audio/mp4", Kind::Audio),
        ("ogg", "audio/ogg; codecs=opus", Kind::Audio),
        ("oga", "audio/ogg; codecs=opus", Kind::Audio),
        ("opus", "audio/ogg; codecs=opus", Kind::Audio),
        ("txt", "text/plain; charset=utf-8", Kind::Document),
        ("pdf", "application/pdf", Kind::Document),
        ("doc", "application/msword", Kind::Document),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Kind::Document),
        ("xls", "application/vnd.ms-excel", Kind::Document),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Kind::Document),
        ("ppt", "application/vnd.ms-powerpoint", Kind::Document),
        ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", Kind::Document),
        ("jpg", "image/jpeg", Kind::Image),
        ("jpeg", "image/jpeg", Kind::Image),
        ("png", "image/png", Kind::Image),
        ("webp", "image/webp", Kind::Sticker),
        ("3gp", "video/3gpp", Kind::Video),
        ("mp4", "video/mp4", Kind::Video),
    ];

    #[test]
    fn every_listed_extension_has_its_exact_type_in_any_case() {
        assert_eq!(TABLE.len(), PINNED.len());
        for (extension, media_type, kind) in PINNED {
            let expected = (media_type.to_owned(), Some(kind));
            assert_eq!(of(&format!("folder.pdf/name.{extension}")), expected);
            assert_eq!(of(&format!("a.b.{}", extension.to_ascii_uppercase())), expected);
        }
    }

    #[test]
    fn a_type_has_the_kind_of_its_extension_and_goes_as_a_document_too() {
        for (_, media_type, kind) in PINNED {
            let media_type = MediaType::parse(media_type).expect("a type");
            assert_eq!(kind_of(&media_type), Some(kind));
            for other in Kind::ALL {
                assert_eq!(
                    other.takes(&media_type),
                    other == kind || other == Kind::Document,
                    "{media_type}"
                );
            }
        }
        let ogg = MediaType::parse("audio/ogg").expect("a type");
        assert_eq!(kind_of(&ogg), Some(Kind::Audio));
        for stranger in ["audio/opus", "image/gif", "application/octet-stream"] {
            let stranger = MediaType::parse(stranger).expect("a type");
            assert_eq!(kind_of(&stranger), None);
            assert!(Kind::Document.takes(&stranger) && !Kind::Audio.takes(&stranger));
        }
        assert_eq!(Kind::Image.media_types().collect::<Vec<_>>(), ["image/jpeg", "image/png"]);
        assert_eq!(Kind::Audio.media_types().count(), 5);
    }

    #[test]
    fn between_the_two_ways_of_counting_lies_a_doubt() {
        for (kind, doubted_past, refused_past) in [
            (Kind::Image, 5_000_000, 5 * 1024 * 1024),
            (Kind::Video, 16_000_000, 16 * 1024 * 1024),
            (Kind::Audio, 16_000_000, 16 * 1024 * 1024),
            (Kind::Document, 100_000_000, 100 * 1024 * 1024),
            (Kind::Sticker, 100_000, 500 * 1024),
        ] {
            assert_eq!(kind.size_limit(), SizeLimit { doubted_past, refused_past }, "{kind}");
        }
        let still = SizeLimit { doubted_past: 100_000, refused_past: 102_400 };
        let moving = SizeLimit { doubted_past: 500_000, refused_past: 512_000 };
        assert_eq!([sticker_size_limit(false), sticker_size_limit(true)], [still, moving]);
    }

    #[test]
    fn the_rest_is_guessed_or_called_bytes() {
        for (name, media_type) in [
            ("list.csv", "text/csv; charset=utf-8"),
            ("server.LOG", "text/plain; charset=utf-8"),
            ("page.html", "text/html"),
            ("move.gif", "image/gif"),
            ("a.zip", "application/zip"),
            ("a.unheard-of", "application/octet-stream"),
            ("no-extension", "application/octet-stream"),
            ("pdf", "application/octet-stream"),
            ("dot.", "application/octet-stream"),
        ] {
            assert_eq!(of(name), (media_type.to_owned(), None), "{name}");
        }
    }
}
