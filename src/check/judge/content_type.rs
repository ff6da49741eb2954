//! Content-Type: whether the kind of message accepts it, and whether it matches the bytes and the file extension.

use super::{Origin, Subject, fix, format_types, rules};
use crate::asset::{AssetPath, MediaType};
use crate::check::format::{Compound, Damage, Format, READ_BOUND, Recognised, Zip};
use crate::check::{Finding, Fix};
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
    if kind == Kind::Document && format_types::is_type_of_any_bytes(&essence) {
        findings.push(document_of_any_bytes(subject, &essence, format));
    } else if kind == Kind::Document && own != Some(Kind::Document) {
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
        any if format_types::is_type_of_any_bytes(any) => &rules::OCTET_STREAM,
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

/// A document under a type that says nothing about it.
fn document_of_any_bytes(subject: &Subject<'_>, essence: &str, format: &Format) -> Finding {
    let by_name = type_by_name(subject)
        .filter(|by_name| !format_types::is_type_of_any_bytes(&format_types::essence(by_name)));
    let detected = format_types::sniffed_type(format);
    // Names say more than bytes about the formats of text, and about formats that are not recognised.
    let is_named_well = by_name.as_ref().is_some_and(|by_name| {
        detected.is_none()
            || matches!(format, Format::Text(_) | Format::Json { .. } | Format::Xml { .. })
            || format_types::matches_type(format, &format_types::essence(by_name))
    });
    let fix = match (by_name, detected) {
        _ if is_error_page(format) && matches!(format, Format::Html) => GET_AGAIN.into(),
        (Some(by_name), _) if is_named_well => set_type(subject, by_name.as_str()),
        (_, Some(detected)) if format_types::kind_of(format) == Some(Kind::Document) => {
            correct_type(subject, detected, format)
        }
        (_, Some(detected)) if subject.origin != Origin::File => set_type(subject, detected),
        _ => "give it the extension of its format, so that it is served as the exact type, or send it as a PDF or in another listed \
              format"
            .into(),
    };
    let seen = format!("{essence}, which says nothing about the document; the bytes are {}", format.name());
    Finding::new(&rules::OCTET_STREAM, seen, fix)
}

/// How to send an asset whose media type `kind` does not accept.
fn fix_for_kind(subject: &Subject<'_>, kind: Kind, essence: &str, format: &Format) -> Fix {
    if is_error_page(format) {
        return GET_AGAIN.into();
    }
    // The bytes are right; only the media type is wrong.
    if format_types::kind_of(format) == Some(kind)
        && let Some(right) = format_types::sniffed_type(format)
    {
        return correct_type(subject, right, format);
    }
    let other = whatsapp::kind_of(&MediaType::parse(essence).unwrap_or(MediaType::OCTET_STREAM))
        .filter(|other| format_types::kind_of(format) == Some(*other));
    let fix = match (for_playing(kind, subject, format), other) {
        (Some(fix), _) => fix,
        (None, Some(other)) => return format!("send it as {other}").into(),
        (None, None) => {
            let accepted: Vec<_> = kind.media_types().collect();
            return format!("convert it to one of {}, or send it as document", accepted.join(", ")).into();
        }
    };
    let fits = subject.size <= Kind::Document.size_limit().doubted_past;
    let may_be_file = fits
        && format_types::kind_of(format).is_none()
        && format_types::intended_kind(format).is_some()
        && !format_types::is_type_of_any_bytes(essence);
    if may_be_file {
        fix.then("or keep the format: it may be sent as a file with --as document")
    } else {
        fix
    }
}

/// Converts media to a format that `kind` accepts. An animation stays one as a video.
fn for_playing(kind: Kind, subject: &Subject<'_>, format: &Format) -> Option<Fix> {
    if kind == Kind::Image && *format == (Format::Gif { is_animated: true }) {
        let still = fix::jpeg(subject);
        let moving = Fix::from(fix::mp4(subject, format)).after("send it as video, so that it moves: ");
        return Some(moving.then(format_args!("or, as an image of its first frame: {still}")));
    }
    fix::convert(kind, subject, format).map(Fix::from)
}

/// How to serve bytes under their correct media type: rename the file, or set the header.
fn correct_type(subject: &Subject<'_>, right: &'static str, format: &Format) -> Fix {
    let by_name = type_by_name(subject).map(|by_name| format_types::essence(&by_name));
    let is_named_right = by_name.as_ref().is_some_and(|by_name| format_types::matches_type(format, by_name));
    let is_by_name = match subject.origin {
        Origin::File => true,
        Origin::Object => by_name.is_some(),
        // The server may derive the type from the name.
        Origin::Url => by_name.is_some() && by_name == subject.media_type.map(format_types::essence),
    };
    match format_types::extension(format) {
        // If the type comes from the name, only another name changes it.
        Some(extension) if is_by_name && (!is_named_right || subject.origin == Origin::File) => {
            fix::rename(subject, extension)
        }
        _ => set_type(subject, if right == "audio/ogg" { "audio/ogg; codecs=opus" } else { right }),
    }
}

/// How to change the `Content-Type` without changing the name.
fn set_type(subject: &Subject<'_>, media_type: &str) -> Fix {
    match subject.origin {
        Origin::Object => format!("set the object's Content-Type to {media_type}"),
        Origin::File | Origin::Url => format!("set Content-Type: {media_type} on the server"),
    }
    .into()
}

/// Whether the name is right and the header is wrong: the name gives a listed type that matches the bytes.
fn has_wrong_header(subject: &Subject<'_>, essence: &str, format: &Format) -> bool {
    let by_name = type_by_name(subject).map(|by_name| format_types::essence(&by_name));
    format_types::kind_of(format).is_some()
        && by_name.is_some_and(|by_name| by_name != essence && format_types::matches_type(format, &by_name))
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
    let own = format_types::kind_of(format);
    let fix = if has_wrong_header(subject, essence, format) {
        let fix = set_type(subject, &correct_spelling(subject, format));
        match own.filter(|own| *own != kind) {
            Some(own) => fix.after(format_args!("send it as {own}, and ")),
            None => fix,
        }
    } else if matches!(format, Format::Text(_)) && subject.size < SHORT_TEXT {
        format!("read the text; if it is an error, {GET_AGAIN}").into()
    } else if own == Some(kind) {
        correct_type(subject, format_types::sniffed_type(format).unwrap_or_default(), format)
    } else if kind == Kind::Document {
        document_fix(subject, essence, format)
    } else {
        fix::convert(kind, subject, format).map_or_else(|| as_another_kind(subject, format), Fix::from)
    };
    let rule = match format {
        Format::Mp4(mp4) if format_types::is_quicktime(mp4) && kind == Kind::Video => &rules::VIDEO_QUICKTIME,
        _ => &rules::BYTES_DISAGREE,
    };
    with_webhook(Finding::new(rule, seen, fix), kind, format)
}

/// The type that the name gives, in WhatsApp's spelling.
fn correct_spelling(subject: &Subject<'_>, format: &Format) -> String {
    let by_name = type_by_name(subject).map(|by_name| by_name.to_string());
    by_name.unwrap_or_else(|| format_types::sniffed_type(format).unwrap_or_default().to_owned())
}

/// How to send bytes that cannot be converted to their declared type.
fn as_another_kind(subject: &Subject<'_>, format: &Format) -> Fix {
    if let Some(other) = format_types::kind_of(format) {
        let text = format!("send it as {other}, with the matching extension");
        return match format_types::extension(format) {
            Some(extension) => fix::rename(subject, extension).after(format_args!("{text}: ")),
            None => text.into(),
        };
    }
    let intended = format_types::intended_kind(format);
    let converted = intended.and_then(|kind| Some((kind, for_playing(kind, subject, format)?)));
    match converted {
        Some((kind, fix)) => fix.after(format_args!("send it as {kind}: ")),
        None => "replace it with a file of the declared type".into(),
    }
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
fn document_fix(subject: &Subject<'_>, essence: &str, format: &Format) -> Fix {
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
        (_, Some(extension)) => fix::rename(subject, extension),
        (Some(wanted), None) if is_office && wanted != "txt" => fix::office(subject, wanted).into(),
        _ if format_types::intended_kind(format).is_some() => as_another_kind(subject, format),
        _ => "replace it with a file of the declared type, or rename it to the extension of its real format"
            .into(),
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
        Some(extension) => fix::rename(subject, extension),
        None => "rename it to the extension of its real format".into(),
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
    let by_name = type_by_name(subject).map(|by_name| format_types::essence(&by_name));
    let is_named_right = by_name.is_some_and(|by_name| format_types::matches_type(format, &by_name));
    let fix = match (own, format, format_types::sniffed_type(format)) {
        (Some(own), ..) => {
            format!("send it as {own}, so that the chat shows it instead of a file to download").into()
        }
        (None, ..) if matches!(essence, "text/vcard" | "text/x-vcard") => {
            "send its content as a contacts message: wamedia message contacts".into()
        }
        (None, Format::Text(_), _) if !is_named_right => fix::rename(subject, "txt"),
        (None, _, Some(right)) if format_types::kind_of(format) == Some(Kind::Document) => {
            correct_type(subject, right, format)
        }
        (None, Format::Zip(Zip::OpenDocument) | Format::Rtf, _) => fix::office(subject, "pdf").into(),
        _ => format_types::intended_kind(format)
            .and_then(|kind| for_playing(kind, subject, format))
            .unwrap_or_else(|| {
                "send it as a PDF or in another listed format, or test it on a phone first".into()
            }),
    };
    Finding::new(&rules::TYPE_NOT_LISTED, seen, fix)
}
