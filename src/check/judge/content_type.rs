//! What an asset says it is: whether its kind of message takes that type, and whether its bytes and its name agree.

use super::{Subject, fix, format_types, rules};
use crate::asset::{AssetPath, MediaType};
use crate::check::Finding;
use crate::check::format::{Compound, Damage, Format, OggCodec, READ_BOUND, Recognised, Zip};
use crate::whatsapp::media_errors::{is_of_page, unsupported};
use crate::whatsapp::{self, Kind};

/// Judges the type; says whether the bytes are what `kind` takes, so that it is worth while to look closer at them.
pub(super) fn judge(
    subject: &Subject<'_>,
    kind: Kind,
    recognised: &Recognised,
    findings: &mut Vec<Finding>,
) -> bool {
    let format = &recognised.format;
    let Some(media_type) = subject.media_type else {
        // That there is none is its server's fault, and told there.
        let is_taken = kind == Kind::Document || format_types::kind_of(format) == Some(kind);
        if !is_taken {
            findings.push(not_taken(
                subject,
                kind,
                format_types::seen(format).unwrap_or("application/octet-stream"),
                format,
            ));
        }
        return is_taken;
    };
    let essence = format_types::essence(media_type);
    if !kind.takes(media_type) {
        findings.push(not_taken(subject, kind, &essence, format));
        return format_types::kind_of(format) == Some(kind);
    }
    let own = whatsapp::kind_of(media_type);
    if own.is_some() && !format_types::agrees(format, &essence) {
        findings.push(disagreement(subject, kind, &essence, recognised));
        return false;
    }
    if own.is_some() {
        findings.extend(other_extension(subject, &essence, format));
    }
    if kind == Kind::Document && own != Some(Kind::Document) {
        findings.push(not_listed(subject, &essence, own, format));
    }
    if kind == Kind::Document {
        findings.extend(page_as_text(&essence, format));
    }
    true
}

/// A type that this kind of message does not take.
fn not_taken(subject: &Subject<'_>, kind: Kind, essence: &str, format: &Format) -> Finding {
    let rule = match essence {
        "application/octet-stream" => &rules::OCTET_STREAM,
        "audio/opus" => &rules::AUDIO_OPUS,
        "image/webp" if kind == Kind::Image => &rules::WEBP_AS_IMAGE,
        page if is_of_page(page) => &rules::PAGE_INSTEAD,
        _ => &rules::TYPE_NOT_TAKEN,
    };
    let article = if matches!(kind, Kind::Audio | Kind::Image) { "an" } else { "a" };
    let taken: Vec<_> = kind.media_types().collect();
    let seen = format!("{essence} as {article} {kind} message, which takes {}", taken.join(", "));
    let finding = Finding::new(rule, seen, way_to(subject, kind, essence, format));
    Finding { webhook: unsupported(kind, essence), ..finding }
}

/// How an asset of a type that `kind` does not take comes to be sent all the same.
fn way_to(subject: &Subject<'_>, kind: Kind, essence: &str, format: &Format) -> String {
    if rules_out_bytes(format) {
        return GET_AGAIN.to_owned();
    }
    // The bytes are right, and only what they are called is wrong.
    if format_types::kind_of(format) == Some(kind)
        && let Some(right) = format_types::seen(format)
    {
        return call_it(subject, right, format);
    }
    let other = whatsapp::kind_of(&MediaType::parse(essence).unwrap_or(MediaType::OCTET_STREAM))
        .filter(|other| format_types::kind_of(format) == Some(*other));
    let command = fix::convert(kind, subject.input, format);
    match (command, other) {
        (Some(command), _) => command,
        (None, Some(other)) => format!("send it as {other}"),
        (None, None) => {
            let taken: Vec<_> = kind.media_types().collect();
            format!("convert it to one of {}, or send it as document", taken.join(", "))
        }
    }
}

/// Has bytes that are right go under their right type.
fn call_it(subject: &Subject<'_>, right: &'static str, format: &Format) -> String {
    let by_name = by_name(subject);
    let is_named_right =
        by_name.as_ref().is_some_and(|by_name| format_types::agrees(format, &format_types::essence(by_name)));
    // Where the type is the name's own, another type comes with another name only.
    let is_by_name = by_name.as_ref() == subject.media_type;
    match format_types::extension(format) {
        Some(extension) if !is_named_right || is_by_name => fix::rename(subject.input, extension),
        _ => {
            let spelled = if right == "audio/ogg" { "audio/ogg; codecs=opus" } else { right };
            format!("have the server send it with Content-Type: {spelled}")
        }
    }
}

/// The type that we would serve it with, by its name alone.
fn by_name(subject: &Subject<'_>) -> Option<MediaType> {
    whatsapp::known_media_type(&AssetPath::from_plain(subject.name).ok()?)
}

/// Whether these bytes are no medium at all, but what a server says in its stead.
fn rules_out_bytes(format: &Format) -> bool {
    matches!(format, Format::Html | Format::Json { .. } | Format::Xml { .. })
}

/// A text of fewer bytes in place of a medium is likelier an error than a text.
const SHORT_TEXT: u64 = 1000;

const GET_AGAIN: &str = "get the file again from where it came from, with what that asks for: a page or an error was stored in its place";

/// Bytes that are not what the type says.
fn disagreement(subject: &Subject<'_>, kind: Kind, essence: &str, recognised: &Recognised) -> Finding {
    let format = &recognised.format;
    let by_name = by_name(subject).map(|by_name| format_types::essence(&by_name));
    let says = if by_name.as_deref() == Some(essence) {
        format!("the name says {essence}")
    } else {
        format!("the header says {essence}, the name {}", by_name.as_deref().unwrap_or("nothing"))
    };
    if matches!(format, Format::Unknown | Format::Unreached) {
        return untold(essence, &says, recognised);
    }
    let seen = format!("{says}, the bytes are {}", format.name());
    if rules_out_bytes(format) {
        let finding = Finding::new(&rules::PAGE_INSTEAD, seen, GET_AGAIN);
        return with_details(finding, kind, format);
    }
    let fix = if matches!(format, Format::Text(_)) && subject.size < SHORT_TEXT {
        format!("see what it says; if it is an error, {GET_AGAIN}")
    } else if format_types::kind_of(format) == Some(kind) {
        call_it(subject, format_types::seen(format).unwrap_or_default(), format)
    } else if kind == Kind::Document {
        document_mend(subject, essence, format)
    } else {
        fix::convert(kind, subject.input, format).unwrap_or_else(|| as_another_kind(subject, format))
    };
    let rule = match format {
        Format::Mp4(mp4) if format_types::is_quicktime(mp4) && kind == Kind::Video => &rules::VIDEO_QUICKTIME,
        _ => &rules::BYTES_DISAGREE,
    };
    with_details(Finding::new(rule, seen, fix), kind, format)
}

/// How bytes are sent that cannot be made into what their type says.
fn as_another_kind(subject: &Subject<'_>, format: &Format) -> String {
    if let Some(other) = format_types::kind_of(format) {
        let rename = format_types::extension(format).map(|extension| fix::rename(subject.input, extension));
        return format!("send it as {other}, under its own name: {}", rename.unwrap_or_default());
    }
    let converted =
        |other| Some(format!("send it as {other}: {}", fix::convert(other, subject.input, format)?));
    format_types::recorded_as(format)
        .and_then(converted)
        .unwrap_or_else(|| "put the file there that its name promises".to_owned())
}

/// A page, or an error for programs, where a plain text should be. It can be read, so it may go out as one: it is in doubt whether
/// that was meant.
fn page_as_text(essence: &str, format: &Format) -> Option<Finding> {
    let is_page =
        matches!(format, Format::Html | Format::Json { is_error: true } | Format::Xml { is_error: true });
    if !is_page || !format_types::is_of_plain_text(essence) {
        return None;
    }
    let seen = format!("the type is {essence}, the bytes are {}", format.name());
    Some(Finding::new(
        &rules::PAGE_AS_TEXT,
        seen,
        format!("see what it says; if it is an error, {GET_AGAIN}"),
    ))
}

/// Bytes of which it could not be told what they are.
fn untold(essence: &str, says: &str, recognised: &Recognised) -> Finding {
    const MEND: &str = "open it in a player or viewer; if it opens there, export it again, else get it again from where it came from";
    if let Some(Damage::Truncated(what) | Damage::Malformed(what)) = recognised.damage.first() {
        return Finding::new(&rules::DAMAGED, what.as_str(), MEND);
    }
    if recognised.format == Format::Unreached {
        let seen = format!("{says}, and {READ_BOUND} bytes of it do not tell whether that is so");
        return Finding::new(&rules::BYTES_UNKNOWN, seen, MEND);
    }
    let rule = if has_sure_beginning(essence) { &rules::BYTES_DISAGREE } else { &rules::BYTES_UNKNOWN };
    Finding::new(rule, format!("{says}, and the bytes begin like nothing that we know"), MEND)
}

fn with_details(finding: Finding, kind: Kind, format: &Format) -> Finding {
    // A type that is listed for the kind is not complained of in these words.
    let seen = format_types::seen(format).filter(|_| format_types::kind_of(format) != Some(kind));
    Finding { webhook: seen.and_then(|seen| unsupported(kind, seen)), ..finding }
}

/// A document that is another format than its type says.
fn document_mend(subject: &Subject<'_>, essence: &str, format: &Format) -> String {
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
        _ => "put the file there that its name promises, or give it the extension of what it is".to_owned(),
    }
}

/// Whether all files of this type begin with bytes of their own, so that what begins otherwise is certain to be none.
fn has_sure_beginning(essence: &str) -> bool {
    !matches!(essence, "audio/mpeg" | "audio/aac" | "text/plain")
}

/// Bytes and header agree, and the name says a third thing.
fn other_extension(subject: &Subject<'_>, essence: &str, format: &Format) -> Option<Finding> {
    let by_name = format_types::essence(&by_name(subject)?);
    if format_types::agrees(format, &by_name) || by_name == essence {
        return None;
    }
    let seen = format!("the name says {by_name}, header and bytes say {essence}");
    let fix = match format_types::extension(format) {
        Some(extension) => fix::rename(subject.input, extension),
        None => "give it the extension of what it is".to_owned(),
    };
    Some(Finding::new(&rules::EXTENSION_DISAGREES, seen, fix))
}

/// A document of a type that is not among those that are listed.
fn not_listed(subject: &Subject<'_>, essence: &str, own: Option<Kind>, format: &Format) -> Finding {
    let family = essence.split('/').next().filter(|family| matches!(*family, "image" | "audio" | "video"));
    let not_so = match family {
        Some(family) if own.is_none() => format!("WhatsApp takes no {essence} as {family}; "),
        _ => format!("{essence}: "),
    };
    let seen = format!("{not_so}documents of other types may be sent, and may not arrive");
    let fix = match (own, format, format_types::extension(format)) {
        (Some(own), ..) => format!("send it as {own}, if it may be shown instead of kept"),
        (None, ..) if matches!(essence, "text/vcard" | "text/x-vcard") => {
            "send what is in it as a contacts message: wamedia message contacts".to_owned()
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
        _ => "send it as a PDF or in another format that is listed, or try it on a phone first".to_owned(),
    };
    Finding::new(&rules::TYPE_NOT_LISTED, seen, fix)
}
