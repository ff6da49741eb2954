//! Media types and kinds of message for each recognised format.
//!
//! A format has the types that WhatsApp lists for it, and the types that other software uses. The first one is assumed to be the
//! type that Meta detects from the bytes.

use crate::asset::MediaType;
use crate::check::format::{Compound, Format, MoovPosition, Mp4, OggCodec, TrackKind, Zip};
use crate::whatsapp::{self, Kind};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// A media type without its parameters, in lower case.
pub(super) fn essence(media_type: &MediaType) -> String {
    whatsapp::essence(media_type.as_str())
}

/// The media types that are correct for this format, the usual one first; empty if none is known.
pub(super) fn media_types(format: &Format) -> &'static [&'static str] {
    match format {
        Format::Empty | Format::Unknown | Format::Unreached => &[],
        Format::Jpeg(_) => &["image/jpeg"],
        Format::Png(_) => &["image/png", "image/apng"],
        Format::WebP(_) => &["image/webp"],
        Format::Gif { .. } => &["image/gif"],
        Format::Heif { brand } if brand.starts_with("avi") => &["image/avif"],
        Format::Heif { .. } => &["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
        Format::Svg => &["image/svg+xml", "text/xml", "application/xml"],
        Format::OtherImage(name) => other_image_types(name),
        Format::Ogg(ogg) => match ogg.codec {
            OggCodec::Theora => &["video/ogg", "application/ogg"],
            _ => &["audio/ogg", "application/ogg"],
        },
        Format::Amr(amr) if amr.is_wideband => &["audio/amr-wb", "audio/amr"],
        Format::Amr(_) => &["audio/amr"],
        Format::Adts(_) => &["audio/aac", "audio/aacp", "audio/x-aac"],
        Format::Mp3(_) => &["audio/mpeg", "audio/mp3"],
        Format::Mp4(mp4) => mp4_types(mp4),
        Format::OtherAudio(name) => other_audio_types(name),
        Format::OtherVideo(name) => other_video_types(name),
        Format::Pdf(_) => &["application/pdf"],
        Format::Zip(zip) => zip_types(*zip),
        Format::Compound(compound) => compound_types(*compound),
        Format::Rtf => &["application/rtf", "text/rtf"],
        Format::Html => &["text/html", "application/xhtml+xml", "text/plain"],
        Format::Json { .. } => &["application/json", "text/plain"],
        Format::Xml { .. } => &["text/xml", "application/xml", "text/plain"],
        Format::Text(_) => &["text/plain"],
        Format::Other(name) => other_types(name),
    }
}

fn mp4_types(mp4: &Mp4) -> &'static [&'static str] {
    if is_quicktime(mp4) {
        return &["video/quicktime"];
    }
    match mp4.brand.as_deref() {
        Some(brand) if brand.starts_with("3g") => &["video/3gpp", "video/mp4", "audio/3gpp", "audio/mp4"],
        _ if is_audio_only(mp4) => &["audio/mp4", "audio/x-m4a", "video/mp4", "video/3gpp"],
        _ => &["video/mp4", "video/3gpp", "audio/mp4", "video/x-m4v"],
    }
}

/// Whether it is a `QuickTime` movie with no MP4 brand among its compatible brands.
pub(super) fn is_quicktime(mp4: &Mp4) -> bool {
    let is_mp4 = |brand: &String| ["isom", "iso2", "mp41", "mp42", "avc1"].contains(&brand.as_str());
    // Files without an ftyp box are QuickTime, which is older than brands.
    let has_quicktime_brand = match mp4.brand.as_deref() {
        Some(brand) => brand == "qt  ",
        // A segment of a stream has no ftyp either.
        None => mp4.moov != MoovPosition::Missing,
    };
    has_quicktime_brand && !mp4.compatible.iter().any(is_mp4)
}

/// The brands of a file that is a `QuickTime` movie by its major brand and an MP4 only by a compatible brand. Where no brand is that
/// of MP4, the media type does not match.
pub(super) fn only_compatible_with_mp4(mp4: &Mp4) -> Option<String> {
    (mp4.brand.as_deref() == Some("qt  ") && !is_quicktime(mp4))
        .then(|| format!("major brand `qt`, compatible brands {}", mp4.compatible.join(", ")))
}

/// Whether it has audio tracks and no video track, as far as `moov` was found.
pub(super) fn is_audio_only(mp4: &Mp4) -> bool {
    let has = |kind| mp4.tracks.iter().any(|track| track.kind == kind);
    has(TrackKind::Audio) && !has(TrackKind::Video)
}

fn zip_types(zip: Zip) -> &'static [&'static str] {
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

fn compound_types(compound: Compound) -> &'static [&'static str] {
    match compound {
        Compound::Doc => &["application/msword"],
        Compound::Xls => &["application/vnd.ms-excel"],
        Compound::Ppt => &["application/vnd.ms-powerpoint"],
        // Office opens them under the extension of the encrypted document.
        Compound::Encrypted => &["application/encrypted", DOCX, XLSX, PPTX],
        Compound::Msg => &["application/vnd.ms-outlook"],
        Compound::Other => &["application/x-ole-storage"],
    }
}

fn other_image_types(name: &str) -> &'static [&'static str] {
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

fn other_audio_types(name: &str) -> &'static [&'static str] {
    match name {
        "WAV" => &["audio/x-wav", "audio/wav", "audio/vnd.wave"],
        "FLAC" => &["audio/flac", "audio/x-flac"],
        "AIFF" => &["audio/x-aiff", "audio/aiff"],
        "WMA" => &["audio/x-ms-wma", "video/x-ms-asf"],
        "MIDI" => &["audio/midi"],
        "CAF" => &["audio/x-caf"],
        // Content sniffing takes them for video even with audio tracks only.
        "WebM" | "Matroska" => other_video_types(name),
        _ => &[],
    }
}

fn other_video_types(name: &str) -> &'static [&'static str] {
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

fn other_types(name: &str) -> &'static [&'static str] {
    match name {
        "gzip" => &["application/gzip", "application/x-gzip"],
        "7z" => &["application/x-7z-compressed"],
        "RAR" => &["application/vnd.rar", "application/x-rar-compressed"],
        "SQLite" => &["application/vnd.sqlite3"],
        _ => &[],
    }
}

/// The media type that content sniffing gives for this format; `None` if it gives none.
pub(super) fn sniffed_type(format: &Format) -> Option<&'static str> {
    media_types(format).first().copied()
}

/// Whether the type `essence`, which WhatsApp lists, is correct for this format.
///
/// Types that it does not list are sent as documents, whose bytes it does not inspect.
pub(super) fn matches_type(format: &Format, essence: &str) -> bool {
    // SVG and RTF are readable as text.
    let is_text = matches!(format, Format::Svg | Format::Rtf) && essence == "text/plain";
    is_text || media_types(format).contains(&essence)
}

/// The kind of message for this format; `None` if WhatsApp lists it for none.
pub(super) fn kind_of(format: &Format) -> Option<Kind> {
    match format {
        Format::Ogg(ogg) if ogg.codec != OggCodec::Opus => None,
        Format::Html | Format::Json { .. } | Format::Xml { .. } | Format::Svg => None,
        _ => whatsapp::kind_of(&MediaType::from_static(sniffed_type(format)?)),
    }
}

/// The kind of message that shows or plays this format, although WhatsApp lists it for none: what phones, browsers and cameras make
/// is meant as the image, audio or video that it is, not as a document.
pub(super) fn intended_kind(format: &Format) -> Option<Kind> {
    match format {
        Format::Gif { .. } | Format::Heif { .. } | Format::Svg | Format::OtherImage(_) => Some(Kind::Image),
        Format::OtherVideo(_) => Some(Kind::Video),
        Format::Ogg(ogg) if ogg.codec == OggCodec::Theora => Some(Kind::Video),
        Format::OtherAudio(_) | Format::Amr(_) | Format::Ogg(_) => Some(Kind::Audio),
        Format::Mp4(mp4) => Some(if is_audio_only(mp4) { Kind::Audio } else { Kind::Video }),
        _ => None,
    }
}

/// The kind of message for a media type of such a format, for bytes that are not recognised. Other types with these names are
/// documents, such as `image/vnd.dwg`.
pub(super) fn intended_kind_of_type(essence: &str) -> Option<Kind> {
    UNLISTED_MEDIA.iter().find(|(_, types)| types.contains(&essence)).map(|(kind, _)| *kind)
}

/// Media types of images, audio and video that WhatsApp does not list; from IANA's registry and `mime_guess`, November 2026.
const UNLISTED_MEDIA: &[(Kind, &[&str])] = &[
    (
        Kind::Image,
        &[
            "image/gif",
            "image/heic",
            "image/heif",
            "image/heic-sequence",
            "image/heif-sequence",
            "image/avif",
            "image/bmp",
            "image/x-ms-bmp",
            "image/tiff",
            "image/jxl",
            "image/jp2",
            "image/apng",
            "image/svg+xml",
        ],
    ),
    (
        Kind::Audio,
        &[
            "audio/wav",
            "audio/x-wav",
            "audio/vnd.wave",
            "audio/flac",
            "audio/x-flac",
            "audio/aiff",
            "audio/x-aiff",
            "audio/x-ms-wma",
            "audio/webm",
            "audio/x-matroska",
            "audio/x-caf",
            "audio/amr-wb",
            "audio/3gpp",
            "audio/basic",
        ],
    ),
    (
        Kind::Video,
        &[
            "video/quicktime",
            "video/webm",
            "video/x-matroska",
            "video/x-msvideo",
            "video/avi",
            "video/msvideo",
            "video/mpeg",
            "video/mp2t",
            "video/ogg",
            "video/x-flv",
            "video/x-ms-wmv",
            "video/x-ms-asf",
            "video/x-m4v",
            "video/3gpp2",
        ],
    ),
];

/// Whether this type says only that a file is a sequence of bytes, or is to be saved. Servers, buckets and frameworks send such a
/// type when they know no other: their own defaults, and users' reports of failed sends, November 2026.
pub(super) fn is_type_of_any_bytes(essence: &str) -> bool {
    matches!(
        essence,
        "application/octet-stream"
            | "application/octetstream"
            | "application/x-octet-stream"
            | "application/octect-stream"
            | "binary/octet-stream"
            | "application/binary"
            | "application/x-binary"
            | "application/download"
            | "application/x-download"
            | "application/x-msdownload"
            | "application/force-download"
            | "application/x-force-download"
            | "application/save"
            | "application/unknown"
            | "application/x-unknown"
            | "application/x-unknown-content-type"
            | "content/unknown"
            | "unknown/unknown"
            | "application/x-file"
            | "application/file"
            | "multipart/form-data"
    )
}

/// Whether this is a type of plain text, which should never contain an HTML page.
pub(super) fn is_plain_text_type(essence: &str) -> bool {
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

/// The file extension that WhatsApp lists for this format.
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
