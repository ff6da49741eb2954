//! The media that WhatsApp takes: which extension is served as what.
//!
//! An asset's type is told from its name alone. What the bytes are, and how large they may be, is for a check to find
//! out, not for serving.

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
