//! Content-Type: whether the kind of message accepts it, and whether it matches the bytes and the file extension.

use super::{Subject, fix, format_types, rules};
use crate::asset::{AssetPath, MediaType};
use crate::check::Finding;
use crate::check::format::{Compound, Damage, Format, OggCodec, READ_BOUND, Recognised, Zip};
use crate::whatsapp::media_errors::{is_of_page, unsupported};
use crate::whatsapp::{self, Kind};

/// Judges the media type; returns whether `kind` accepts the bytes, so that the format's details are worth checking.
pub(super) fn judge(
    subject: &Subject<'_>,
    kind: Kind,
    recognised: &Recognised,
    findings: &mut Vec<Finding>,
) -> bool {
    let format = &recognised.format;
    let Some(media_type) = subject.media_type else {
        // A missing Content-Type is reported by the rules for URLs.
        let is_accepted = kind == Kind::Document || format_types::kind_of(format) == Some(kind);
        if !is_accepted {
            findings.push(not_accepted(
                subject,
                kind,
                format_types::sniffed_type(format).unwrap_or("application/octet-stream"),
                format,
            ));
        }
        return is_accepted;
    };
    let essence = format_types::essence(media_type);
    if !kind.takes(media_type) {
        findings.push(not_accepted(subject, kind, &essence, format));
        return format_types::kind_of(format) == Some(kind);
    }
    let own = whatsapp::kind_of(media_type);
    if own.is_some() && !format_types::matches_type(format, &essence) {
        findings.push(type_mismatch(subject, kind, &essence, recognised));
        return false;
    }
    if own.is_some() {
        findings.extend(extension_mismatch(subject, &essence, format));
    }
    if kind == Kind::Document && own != Some(Kind::Document) {
        findings.push(not_listed(subject, &essence, own, format));
    }
    if kind == Kind::Document {
        findings.extend(page_as_text(&essence, format));
    }
    true
}

/// A media type that this kind of message does not accept.
fn not_accepted(subject: &Subject<'_>, kind: Kind, essence: &str, format: &Format) -> Finding {
    let rule = match essence {
        "application/octet-stream" => &rules::OCTET_STREAM,
        "audio/opus" => &rules::AUDIO_OPUS,
        "image/webp" if kind == Kind::Image => &rules::WEBP_AS_IMAGE,
        page if is_of_page(page) => &rules::PAGE_INSTEAD,
        _ => &rules::TYPE_NOT_TAKEN,
    };
    let article = if matches!(kind, Kind::Audio | Kind::Image) { "an" } else { "a" };
    let accepted: Vec<_> = kind.media_types().collect();
    let seen = format!("{essence} as {article} {kind} message, which accepts {}", accepted.join(", "));
    let finding = Finding::new(rule, seen, fix_for_kind(subject, kind, essence, format));
    Finding { webhook: unsupported(kind, essence), ..finding }
}

/// How to send an asset whose media type `kind` does not accept.
fn fix_for_kind(subject: &Subject<'_>, kind: Kind, essence: &str, format: &Format) -> String {
    if is_error_page(format) {
        return GET_AGAIN.to_owned();
    }
    // The bytes are right; only the media type is wrong.
    if format_types::kind_of(format) == Some(kind)
        && let Some(right) = format_types::sniffed_type(format)
    {
        return correct_type(subject, right, format);
    }
    let other = whatsapp::kind_of(&MediaType::parse(essence).unwrap_or(MediaType::OCTET_STREAM))
        .filter(|other| format_types::kind_of(format) == Some(*other));
    let command = fix::convert(kind, subject.input, format);
    match (command, other) {
        (Some(command), _) => command,
        (None, Some(other)) => format!("send it as {other}"),
        (None, None) => {
            let accepted: Vec<_> = kind.media_types().collect();
            format!("convert it to one of {}, or send it as document", accepted.join(", "))
        }
    }
}

/// How to serve bytes under their correct media type: rename the file, or set the header.
fn correct_type(subject: &Subject<'_>, right: &'static str, format: &Format) -> String {
    let by_name = type_by_name(subject);
    let is_named_right = by_name
        .as_ref()
        .is_some_and(|by_name| format_types::matches_type(format, &format_types::essence(by_name)));
    // If the type comes from the name, only another name changes it.
    let is_by_name = by_name.as_ref() == subject.media_type;
    match format_types::extension(format) {
        Some(extension) if !is_named_right || is_by_name => fix::rename(subject.input, extension),
        _ => {
            let spelled = if right == "audio/ogg" { "audio/ogg; codecs=opus" } else { right };
            format!("set Content-Type: {spelled} on the server")
        }
    }
}

/// The media type that `wamedia serve` gives a file with this name.
fn type_by_name(subject: &Subject<'_>) -> Option<MediaType> {
    whatsapp::known_media_type(&AssetPath::from_plain(subject.name).ok()?)
}

/// Whether these bytes are not media, but a page or an error that a server sent instead.
fn is_error_page(format: &Format) -> bool {
    matches!(format, Format::Html | Format::Json { .. } | Format::Xml { .. })
}

/// A text shorter than this, in bytes, in place of media is probably an error message.
const SHORT_TEXT: u64 = 1000;

const GET_AGAIN: &str = "download the file again from its origin, with the login or headers that it requires: a page or an error was saved instead";

/// Bytes that do not match the media type.
fn type_mismatch(subject: &Subject<'_>, kind: Kind, essence: &str, recognised: &Recognised) -> Finding {
    let format = &recognised.format;
    let by_name = type_by_name(subject).map(|by_name| format_types::essence(&by_name));
    let says = if by_name.as_deref() == Some(essence) {
        format!("the name says {essence}")
    } else {
        format!("the header says {essence}, the name {}", by_name.as_deref().unwrap_or("nothing"))
    };
    if matches!(format, Format::Unknown | Format::Unreached) {
        return unrecognised(essence, &says, recognised);
    }
    let seen = format!("{says}, the bytes are {}", format.name());
    if is_error_page(format) {
        let finding = Finding::new(&rules::PAGE_INSTEAD, seen, GET_AGAIN);
        return with_webhook(finding, kind, format);
    }
    let fix = if matches!(format, Format::Text(_)) && subject.size < SHORT_TEXT {
        format!("read the text; if it is an error, {GET_AGAIN}")
    } else if format_types::kind_of(format) == Some(kind) {
        correct_type(subject, format_types::sniffed_type(format).unwrap_or_default(), format)
    } else if kind == Kind::Document {
        document_fix(subject, essence, format)
    } else {
        fix::convert(kind, subject.input, format).unwrap_or_else(|| as_another_kind(subject, format))
    };
    let rule = match format {
        Format::Mp4(mp4) if format_types::is_quicktime(mp4) && kind == Kind::Video => &rules::VIDEO_QUICKTIME,
        _ => &rules::BYTES_DISAGREE,
    };
    with_webhook(Finding::new(rule, seen, fix), kind, format)
}

/// How to send bytes that cannot be converted to their declared type.
fn as_another_kind(subject: &Subject<'_>, format: &Format) -> String {
    if let Some(other) = format_types::kind_of(format) {
        let rename = format_types::extension(format).map(|extension| fix::rename(subject.input, extension));
        return format!("send it as {other}, with the matching extension: {}", rename.unwrap_or_default());
    }
    let converted =
        |other| Some(format!("send it as {other}: {}", fix::convert(other, subject.input, format)?));
    format_types::recording_kind(format)
        .and_then(converted)
        .unwrap_or_else(|| "replace it with a file of the declared type".to_owned())
}

/// An HTML page, or an error in JSON or XML, in place of plain text. WhatsApp delivers it as readable text, but it is doubtful
/// that this is intended.
fn page_as_text(essence: &str, format: &Format) -> Option<Finding> {
    let is_page =
        matches!(format, Format::Html | Format::Json { is_error: true } | Format::Xml { is_error: true });
    if !is_page || !format_types::is_plain_text_type(essence) {
        return None;
    }
    let seen = format!("the type is {essence}, the bytes are {}", format.name());
    Some(Finding::new(&rules::PAGE_AS_TEXT, seen, format!("read the text; if it is an error, {GET_AGAIN}")))
}

/// Bytes whose format was not recognised.
fn unrecognised(essence: &str, says: &str, recognised: &Recognised) -> Finding {
    const FIX: &str = "open it in a player or viewer; if it opens there, export it again, else download it again from its origin";
    if let Some(Damage::Truncated(what) | Damage::Malformed(what)) = recognised.damage.first() {
        return Finding::new(&rules::DAMAGED, what.as_str(), FIX);
    }
    if recognised.format == Format::Unreached {
        let seen = format!("{says}, which could not be confirmed within {READ_BOUND} bytes");
        return Finding::new(&rules::BYTES_UNKNOWN, seen, FIX);
    }
    let rule = if has_fixed_signature(essence) { &rules::BYTES_DISAGREE } else { &rules::BYTES_UNKNOWN };
    Finding::new(rule, format!("{says}, and the first bytes match no known format"), FIX)
}

fn with_webhook(finding: Finding, kind: Kind, format: &Format) -> Finding {
    // Meta does not report a type that it lists for the kind in these words.
    let seen = format_types::sniffed_type(format).filter(|_| format_types::kind_of(format) != Some(kind));
    Finding { webhook: seen.and_then(|seen| unsupported(kind, seen)), ..finding }
}

/// How to fix a document whose format differs from its declared type.
fn document_fix(subject: &Subject<'_>, essence: &str, format: &Format) -> String {
    let wanted = ["docx", "xlsx", "pptx", "doc", "xls", "ppt", "pdf", "txt"].into_iter().find(|extension| {
        let of_extension = AssetPath::from_plain(&format!("a.{extension}"))
            .ok()
            .and_then(|path| whatsapp::known_media_type(&path))
            .map(|media_type| format_types::essence(&media_type));
        of_extension.as_deref() == Some(essence)
    });
    let is_office = matches!(
        format,
        Format::Zip(
            Zip::OpenDocument | Zip::OtherOffice | Zip::MacroEnabled | Zip::Docx | Zip::Xlsx | Zip::Pptx
        ) | Format::Compound(Compound::Doc | Compound::Xls | Compound::Ppt)
            | Format::Rtf
            | Format::Text(_)
    );
    match (wanted, format_types::extension(format)) {
        (_, Some(extension)) => fix::rename(subject.input, extension),
        (Some(wanted), None) if is_office && wanted != "txt" => fix::office(subject.input, wanted),
        _ => "replace it with a file of the declared type, or rename it to the extension of its real format"
            .to_owned(),
    }
}

/// Whether every file of this type starts with a fixed signature, so that other bytes cannot be of this type.
fn has_fixed_signature(essence: &str) -> bool {
    !matches!(essence, "audio/mpeg" | "audio/aac" | "text/plain")
}

/// Bytes and header match, but the file extension names another type.
fn extension_mismatch(subject: &Subject<'_>, essence: &str, format: &Format) -> Option<Finding> {
    let by_name = format_types::essence(&type_by_name(subject)?);
    if format_types::matches_type(format, &by_name) || by_name == essence {
        return None;
    }
    let seen = format!("the extension says {by_name}; the header and the bytes say {essence}");
    let fix = match format_types::extension(format) {
        Some(extension) => fix::rename(subject.input, extension),
        None => "rename it to the extension of its real format".to_owned(),
    };
    Some(Finding::new(&rules::EXTENSION_DISAGREES, seen, fix))
}

/// A document of a media type that WhatsApp does not list.
fn not_listed(subject: &Subject<'_>, essence: &str, own: Option<Kind>, format: &Format) -> Finding {
    let family = essence.split('/').next().filter(|family| matches!(*family, "image" | "audio" | "video"));
    let not_so = match family {
        Some(family) if own.is_none() => format!("WhatsApp does not accept {essence} as {family}; "),
        _ => format!("{essence}: "),
    };
    let seen = format!("{not_so}documents of unlisted types can be sent, but may not arrive");
    let fix = match (own, format, format_types::extension(format)) {
        (Some(own), ..) => {
            format!("send it as {own}, so that the chat shows it instead of a file to download")
        }
        (None, ..) if matches!(essence, "text/vcard" | "text/x-vcard") => {
            "send its content as a contacts message: wamedia message contacts".to_owned()
        }
        (None, _, Some(extension)) if format_types::kind_of(format) == Some(Kind::Document) => {
            fix::rename(subject.input, extension)
        }
        (None, Format::Gif { is_animated: true }, _) => fix::mp4(subject.input),
        (None, Format::Gif { .. } | Format::Heif { .. } | Format::Svg | Format::OtherImage(_), _) => {
            fix::jpeg(subject.input)
        }
        (None, Format::OtherVideo(_) | Format::Mp4(_), _) => {
            fix::convert(Kind::Video, subject.input, format).unwrap_or_else(|| fix::mp4(subject.input))
        }
        (None, Format::OtherAudio(_), _) => fix::m4a(subject.input),
        (None, Format::Ogg(ogg), _) if ogg.codec != OggCodec::Theora => fix::opus(subject.input),
        (None, Format::Zip(Zip::OpenDocument) | Format::Rtf, _) => fix::office(subject.input, "pdf"),
        _ => "send it as a PDF or in another listed format, or test it on a phone first".to_owned(),
    };
    Finding::new(&rules::TYPE_NOT_LISTED, seen, fix)
}
