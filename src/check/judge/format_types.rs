//! Which media types a format goes under, and which kind of message it is for.
//!
//! A format has the types that WhatsApp lists for it, and those that it is usually given elsewhere. What the first of them is, Meta's
//! own look at the bytes is taken to find, too.

use crate::asset::MediaType;
use crate::check::format::{Compound, Format, MovieHead, Mp4, OggCodec, TrackKind, Zip};
use crate::whatsapp::{self, Kind};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// What a type is without its parameters, in lower case.
pub(super) fn essence(media_type: &MediaType) -> String {
    whatsapp::essence(media_type.as_str())
}

/// The types under which bytes of this format may rightly go, the usual one first; none where nothing is known of them.
pub(super) fn of(format: &Format) -> &'static [&'static str] {
    match format {
        Format::Empty | Format::Unknown | Format::Unreached => &[],
        Format::Jpeg(_) => &["image/jpeg"],
        Format::Png(_) => &["image/png", "image/apng"],
        Format::WebP(_) => &["image/webp"],
        Format::Gif { .. } => &["image/gif"],
        Format::Heif { brand } if brand.starts_with("avi") => &["image/avif"],
        Format::Heif { .. } => &["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
        Format::Svg => &["image/svg+xml", "text/xml", "application/xml"],
        Format::OtherImage(name) => other_image(name),
        Format::Ogg(ogg) => match ogg.codec {
            OggCodec::Theora => &["video/ogg", "application/ogg"],
            _ => &["audio/ogg", "application/ogg"],
        },
        Format::Amr(amr) if amr.is_wideband => &["audio/amr-wb", "audio/amr"],
        Format::Amr(_) => &["audio/amr"],
        Format::Adts(_) => &["audio/aac", "audio/aacp", "audio/x-aac"],
        Format::Mp3(_) => &["audio/mpeg", "audio/mp3"],
        Format::Mp4(mp4) => of_mp4(mp4),
        Format::OtherAudio(name) => other_audio(name),
        Format::OtherVideo(name) => other_video(name),
        Format::Pdf(_) => &["application/pdf"],
        Format::Zip(zip) => of_zip(*zip),
        Format::Compound(compound) => of_compound(*compound),
        Format::Rtf => &["application/rtf", "text/rtf"],
        Format::Html => &["text/html", "application/xhtml+xml", "text/plain"],
        Format::Json { .. } => &["application/json", "text/plain"],
        Format::Xml { .. } => &["text/xml", "application/xml", "text/plain"],
        Format::Text(_) => &["text/plain"],
        Format::Other(name) => other(name),
    }
}

fn of_mp4(mp4: &Mp4) -> &'static [&'static str] {
    if is_quicktime(mp4) {
        // With some tolerance: what it may hold decides, and a rule of its own speaks of the brand.
        return if is_audio_only(mp4) { &["audio/mp4", "video/quicktime"] } else { &["video/quicktime"] };
    }
    match mp4.brand.as_deref() {
        Some(brand) if brand.starts_with("3g") => &["video/3gpp", "video/mp4", "audio/3gpp", "audio/mp4"],
        _ if is_audio_only(mp4) => &["audio/mp4", "audio/x-m4a", "video/mp4", "video/3gpp"],
        _ => &["video/mp4", "video/3gpp", "audio/mp4", "video/x-m4v"],
    }
}

/// Whether it is a `QuickTime` movie and says nothing of being an MP4, too.
pub(super) fn is_quicktime(mp4: &Mp4) -> bool {
    let is_mp4 = |brand: &String| ["isom", "iso2", "mp41", "mp42", "avc1"].contains(&brand.as_str());
    // Before there were brands there was QuickTime only.
    let is_called_so = match mp4.brand.as_deref() {
        Some(brand) => brand == "qt  ",
        // A piece of a stream has no brand either.
        None => mp4.head != MovieHead::Missing,
    };
    is_called_so && !mp4.compatible.iter().any(is_mp4)
}

/// Whether all that it holds is sound, as far as its head was found.
pub(super) fn is_audio_only(mp4: &Mp4) -> bool {
    let has = |kind| mp4.tracks.iter().any(|track| track.kind == kind);
    has(TrackKind::Audio) && !has(TrackKind::Video)
}

fn of_zip(zip: Zip) -> &'static [&'static str] {
    match zip {
        Zip::Docx => &[DOCX],
        Zip::Xlsx => &[XLSX],
        Zip::Pptx => &[PPTX],
        Zip::MacroEnabled => &[
            "application/vnd.ms-office",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        ],
        Zip::OtherOffice => &["application/vnd.openxmlformats-officedocument"],
        Zip::OpenDocument => &["application/vnd.oasis.opendocument"],
        Zip::Epub => &["application/epub+zip"],
        Zip::Apk => &["application/vnd.android.package-archive"],
        Zip::Jar => &["application/java-archive"],
        Zip::Plain => &["application/zip"],
    }
}

fn of_compound(compound: Compound) -> &'static [&'static str] {
    match compound {
        Compound::Doc => &["application/msword"],
        Compound::Xls => &["application/vnd.ms-excel"],
        Compound::Ppt => &["application/vnd.ms-powerpoint"],
        // Office opens them under the names of what is inside.
        Compound::Encrypted => &["application/encrypted", DOCX, XLSX, PPTX],
        Compound::Msg => &["application/vnd.ms-outlook"],
        Compound::Other => &["application/x-ole-storage"],
    }
}

fn other_image(name: &str) -> &'static [&'static str] {
    match name {
        "BMP" => &["image/bmp", "image/x-ms-bmp"],
        "TIFF" => &["image/tiff"],
        "ICO" => &["image/x-icon", "image/vnd.microsoft.icon"],
        "PSD" => &["image/vnd.adobe.photoshop"],
        "JPEG XL" => &["image/jxl"],
        "JPEG 2000" => &["image/jp2"],
        _ => &[],
    }
}

fn other_audio(name: &str) -> &'static [&'static str] {
    match name {
        "WAV" => &["audio/x-wav", "audio/wav", "audio/vnd.wave"],
        "FLAC" => &["audio/flac", "audio/x-flac"],
        "AIFF" => &["audio/x-aiff", "audio/aiff"],
        "WMA" => &["audio/x-ms-wma", "video/x-ms-asf"],
        "MIDI" => &["audio/midi"],
        "CAF" => &["audio/x-caf"],
        // With sound alone in them, too, a look at the bytes takes them for films.
        "WebM" | "Matroska" => other_video(name),
        _ => &[],
    }
}

fn other_video(name: &str) -> &'static [&'static str] {
    match name {
        "WebM" => &["video/webm", "audio/webm"],
        "Matroska" => &["video/x-matroska", "audio/x-matroska"],
        "AVI" => &["video/x-msvideo"],
        "MPEG-PS" => &["video/mpeg", "video/mp2p"],
        "MPEG-TS" => &["video/mp2t"],
        "FLV" => &["video/x-flv"],
        "WMV" => &["video/x-ms-wmv", "video/x-ms-asf"],
        _ => &[],
    }
}

fn other(name: &str) -> &'static [&'static str] {
    match name {
        "gzip" => &["application/gzip", "application/x-gzip"],
        "7z" => &["application/x-7z-compressed"],
        "RAR" => &["application/vnd.rar", "application/x-rar-compressed"],
        "SQLite" => &["application/vnd.sqlite3"],
        _ => &[],
    }
}

/// The type that a look at the bytes gives; `None` where it gives none.
pub(super) fn seen(format: &Format) -> Option<&'static str> {
    of(format).first().copied()
}

/// Whether bytes of this format rightly go under the type `essence`, which WhatsApp lists.
///
/// Types that it does not list go as documents, of which it looks at nothing.
pub(super) fn agrees(format: &Format, essence: &str) -> bool {
    // Whatever can be read is a text.
    let is_text = matches!(format, Format::Svg | Format::Rtf) && essence == "text/plain";
    is_text || of(format).contains(&essence)
}

/// The kind of message that bytes of this format are for; `None` where WhatsApp lists them for none.
pub(super) fn kind_of(format: &Format) -> Option<Kind> {
    match format {
        Format::Ogg(ogg) if ogg.codec != OggCodec::Opus => None,
        Format::Html | Format::Json { .. } | Format::Xml { .. } | Format::Svg => None,
        _ => whatsapp::kind_of(&MediaType::from_static(seen(format)?)),
    }
}

/// The kind of message that a recording is meant for, though WhatsApp lists its format for none: what browsers record is there to
/// be listened to or watched, and nobody means to send it as a document.
pub(super) fn recorded_as(format: &Format) -> Option<Kind> {
    match format {
        Format::OtherAudio("WebM" | "Matroska") => Some(Kind::Audio),
        Format::OtherVideo("WebM" | "Matroska") => Some(Kind::Video),
        _ => None,
    }
}

/// Whether this is a type of plain texts, in which a page is never meant.
pub(super) fn is_of_plain_text(essence: &str) -> bool {
    matches!(
        essence,
        "text/plain"
            | "text/csv"
            | "text/tab-separated-values"
            | "text/calendar"
            | "text/vcard"
            | "text/x-vcard"
    )
}

/// The extension that WhatsApp lists for bytes of this format.
pub(super) fn extension(format: &Format) -> Option<&'static str> {
    Some(match format {
        Format::Jpeg(_) => "jpg",
        Format::Png(_) => "png",
        Format::WebP(_) => "webp",
        Format::Ogg(ogg) if ogg.codec == OggCodec::Opus => "ogg",
        Format::Amr(_) => "amr",
        Format::Adts(_) => "aac",
        Format::Mp3(_) => "mp3",
        Format::Mp4(mp4) if is_quicktime(mp4) => return None,
        Format::Mp4(mp4) if is_audio_only(mp4) => "m4a",
        Format::Mp4(mp4) if mp4.brand.as_deref().is_some_and(|brand| brand.starts_with("3g")) => "3gp",
        Format::Mp4(_) => "mp4",
        Format::Pdf(_) => "pdf",
        Format::Zip(Zip::Docx) => "docx",
        Format::Zip(Zip::Xlsx) => "xlsx",
        Format::Zip(Zip::Pptx) => "pptx",
        Format::Compound(Compound::Doc) => "doc",
        Format::Compound(Compound::Xls) => "xls",
        Format::Compound(Compound::Ppt) => "ppt",
        Format::Text(_) => "txt",
        _ => return None,
    })
}
