//! Media types and size limits: the Content-Type for each file extension, and the media types that each kind of message accepts.
//!
//! Serving derives the type from the file name alone. Only a check reads the bytes.

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
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// The `type` of the message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// The size limit (Meta's Cloud API media page of April 2026).
    pub const fn size_limit(self) -> SizeLimit {
        match self {
            Self::Image => SizeLimit::megabytes(5),
            Self::Video | Self::Audio => SizeLimit::megabytes(16),
            Self::Document => SizeLimit::megabytes(100),
            // 100 KB for a static sticker, 500 KB for an animated one; the file name does not say which it is.
            Self::Sticker => SizeLimit { doubted_past: 100_000, refused_past: 500 << 10 },
        }
    }

    /// Whether WhatsApp accepts this media type for this kind of message: the listed types, and any type as a document.
    pub fn takes(self, media_type: &MediaType) -> bool {
        self == Self::Document || kind_of(media_type) == Some(self)
    }

    /// The media types that WhatsApp lists for it, in its spelling.
    pub fn media_types(self) -> impl Iterator<Item = &'static str> {
        let mut last = "";
        TABLE.iter().filter(move |row| row.kind == self).map(|row| row.media_type).filter(move |media_type| {
            let is_new = *media_type != last;
            last = media_type;
            is_new
        })
    }
}

/// A name that is no kind of media message. The error text lists the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kinds are {}", Kind::ALL.map(Kind::name).join(", "))]
pub struct UnknownKindError;

impl FromStr for Kind {
    type Err = UnknownKindError;

    /// Parses a kind from its [name](Kind::name).
    fn from_str(name: &str) -> Result<Self, UnknownKindError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownKindError)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Maximum size, in bytes, of a voice message that plays at once. Larger ones must be downloaded first (Meta,
/// messages/audio-messages, which says 512 KB).
pub const VOICE_INSTANT_PLAY_LIMIT: u64 = 512_000;

/// A size limit that Meta gives in MB or KB, without saying whether these are powers of ten or of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimit {
    /// Larger sizes, in bytes, are doubtful: it depends on how Meta counts, or on the content.
    pub doubted_past: u64,
    /// Larger sizes, in bytes, are too large either way.
    pub refused_past: u64,
}

/// The size limit of a sticker: 500 KB if animated, 100 KB if static (the same page).
pub const fn sticker_size_limit(is_animated: bool) -> SizeLimit {
    let kilobytes = if is_animated { 500 } else { 100 };
    SizeLimit { doubted_past: kilobytes * 1000, refused_past: kilobytes << 10 }
}

impl SizeLimit {
    const fn megabytes(count: u64) -> Self {
        Self { doubted_past: count * 1_000_000, refused_past: count << 20 }
    }
}

/// One file extension that WhatsApp lists.
struct Row {
    /// Extension in lower case, without its dot.
    extension: &'static str,
    /// The exact `Content-Type`.
    media_type: &'static str,
    kind: Kind,
}

const fn row(extension: &'static str, media_type: &'static str, kind: Kind) -> Row {
    Row { extension, media_type, kind }
}

/// The types that Meta's Cloud API media page of April 2026 lists, with these notes:
///
/// * Ogg: WhatsApp accepts only Opus in Ogg ("base audio/ogg not supported"), and its error texts spell the type
///   `audio/ogg; codecs=opus`; `audio/opus` is rejected on delivery. `.opus` and `.oga` are names of the same format
///   (RFC 7845 section 9, RFC 5334 section 10.3) and get the same type.
/// * 3GP: `video/3gpp`, as in the current page and in Meta's error texts; older pages print `video/3gp`.
/// * WebP is accepted only as a sticker, not as an image.
/// * Text: without a charset, clients guess; wamedia assumes UTF-8.
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
/// Types that WhatsApp lists come from the table here, others from `mime_guess`, and unknown extensions are
/// `application/octet-stream`. WhatsApp accepts any type as a document, but supports only those that it lists.
pub fn media_type(path: &AssetPath) -> MediaType {
    known_media_type(path).unwrap_or(MediaType::OCTET_STREAM)
}

/// The `Content-Type` for the extension; `None` if the extension is not known. For callers with another source of the type.
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

/// A media type without its parameters, in lower case (RFC 9110 section 8.3.1).
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The kind of message that sends this media type; `None` if WhatsApp does not list it. Parameters of the type are ignored.
pub fn kind_of(media_type: &MediaType) -> Option<Kind> {
    let wanted = essence(media_type.as_str());
    TABLE.iter().find(|row| essence(row.media_type) == wanted).map(|row| row.kind)
}

/// The kind of message that sends an asset with this extension; `None` if WhatsApp does not list it.
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

    /// A second copy of the table, since clients see exactly these types.
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
    fn a_type_is_accepted_by_its_kind_and_as_a_document() {
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
        for unlisted in ["audio/opus", "image/gif", "application/octet-stream"] {
            let unlisted = MediaType::parse(unlisted).expect("a type");
            assert_eq!(kind_of(&unlisted), None);
            assert!(Kind::Document.takes(&unlisted) && !Kind::Audio.takes(&unlisted));
        }
        assert_eq!(Kind::Image.media_types().collect::<Vec<_>>(), ["image/jpeg", "image/png"]);
        assert_eq!(Kind::Audio.media_types().count(), 5);
    }

    #[test]
    fn sizes_between_decimal_and_binary_limits_are_doubtful() {
        for (kind, doubted_past, refused_past) in [
            (Kind::Image, 5_000_000, 5 * 1024 * 1024),
            (Kind::Video, 16_000_000, 16 * 1024 * 1024),
            (Kind::Audio, 16_000_000, 16 * 1024 * 1024),
            (Kind::Document, 100_000_000, 100 * 1024 * 1024),
            (Kind::Sticker, 100_000, 500 * 1024),
        ] {
            assert_eq!(kind.size_limit(), SizeLimit { doubted_past, refused_past }, "{kind}");
        }
        let static_limit = SizeLimit { doubted_past: 100_000, refused_past: 102_400 };
        let animated_limit = SizeLimit { doubted_past: 500_000, refused_past: 512_000 };
        assert_eq!([sticker_size_limit(false), sticker_size_limit(true)], [static_limit, animated_limit]);
    }

    #[test]
    fn other_extensions_are_guessed_or_octet_stream() {
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
