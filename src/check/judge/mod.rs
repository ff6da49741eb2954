//! Judging an asset: its name, its type, its size and what its bytes are, held against what WhatsApp takes.
//!
//! First the [type](claim), which decides whether anything else is worth looking at; then the size, then what the bytes have in
//! them: [pictures](picture), [sound], [movies](movie), [documents](document). What a [name] does to a link is judged apart, since
//! only files have names that are still to become links. All of it is pure.

mod audio;
mod content_type;
mod document;
mod fix;
mod format_types;
mod image;
mod name;
mod size;
#[cfg(test)]
mod tests;
mod video;

use std::path::Path;

use super::Finding;
use super::format::{Damage, Format, Recognised};
use super::rules::file_rules as rules;
use crate::asset::MediaType;
use crate::whatsapp::{self, Kind};

pub use self::name::{judge_key, judge_path};

/// What is judged: all of an asset but its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its file name, decoded: the last segment of its path; `""` where there is none.
    pub name: &'a str,
    /// The file that a command which mends it reads: its path here, or for a URL the name that a download of it gets.
    pub input: &'a Path,
    /// The `Content-Type` under which it comes; `None` where its server tells none.
    pub media_type: Option<&'a MediaType>,
    /// In bytes.
    pub size: u64,
    /// The kind of message that is to send it; `None` for the one that its type belongs to.
    pub as_kind: Option<Kind>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The kind of message that would send it.
    pub kind: Kind,
    /// What it is found wanting in, the worst first.
    pub findings: Vec<Finding>,
}

/// Holds an asset against the rules for what sends it.
pub fn judge(subject: &Subject<'_>, recognised: &Recognised) -> Judgement {
    let format = &recognised.format;
    let kind = intended(subject, format);
    let mut findings = Vec::new();
    if subject.size == 0 || *format == Format::Empty {
        findings.push(Finding::new(
            &rules::EMPTY,
            "0 bytes",
            "put the bytes in place, and look at what should have written them",
        ));
    } else {
        let is_what_it_says = content_type::judge(subject, kind, recognised, &mut findings);
        size::judge(subject, kind, format, &mut findings);
        if is_what_it_says {
            damage(subject, kind, recognised, &mut findings);
            match kind {
                Kind::Image | Kind::Sticker => image::judge(subject, kind, format, &mut findings),
                Kind::Audio => audio::judge(subject, format, &mut findings),
                Kind::Video => video::judge(subject, format, &mut findings),
                Kind::Document => document::judge(subject, format, &mut findings),
            }
        }
    }
    if kind == Kind::Document {
        name::judge_document(subject, format, &mut findings);
    }
    mend_with_size(&mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    Judgement { kind, findings }
}

/// Gives what is wrong with the streams the command that makes the file smaller, too: it mends them, and another one would begin
/// again from the same file and write over what the first has made.
fn mend_with_size(findings: &mut [Finding]) {
    let is_of_size = |rule: &str| rule == rules::TOO_LARGE.id || rule == rules::SIZE_DOUBTFUL.id;
    let program = |fix: &str| ["convert ", "ffmpeg "].into_iter().find(|program| fix.starts_with(program));
    let Some((program_of_size, fix)) = findings
        .iter()
        .find(|finding| is_of_size(finding.rule.id))
        .and_then(|finding| Some((program(&finding.fix)?, finding.fix.clone())))
    else {
        return;
    };
    for finding in findings.iter_mut().filter(|finding| program(&finding.fix) == Some(program_of_size)) {
        finding.fix.clone_from(&fix);
    }
}

/// The kind that is asked for; else that of the type; else, where the type is listed for none, that of the bytes: who serves a
/// JPEG as `image/jpg` means an image, and a browser's recording is meant to be played. What is left goes as a document.
fn intended(subject: &Subject<'_>, format: &Format) -> Kind {
    let by_type = || subject.media_type.and_then(whatsapp::kind_of);
    let by_name = || {
        subject
            .media_type
            .filter(|media_type| format_types::essence(media_type) == "audio/opus")
            .map(|_| Kind::Audio)
    };
    subject
        .as_kind
        .or_else(by_type)
        .or_else(by_name)
        .or_else(|| format_types::kind_of(format))
        .or_else(|| format_types::recorded_as(format))
        .unwrap_or(Kind::Document)
}

/// The type under which WhatsApp takes bytes of this format, without parameters; `None` where it takes them under none.
#[cfg(test)]
pub(super) fn listed_type(format: &Format) -> Option<&'static str> {
    format_types::seen(format).filter(|_| format_types::kind_of(format).is_some())
}

/// What the readers of formats found broken.
fn damage(subject: &Subject<'_>, kind: Kind, recognised: &Recognised, findings: &mut Vec<Finding>) {
    // One is enough: what comes behind follows from it.
    let Some(damage) = recognised.damage.first() else { return };
    let (Damage::Truncated(what) | Damage::Malformed(what)) = damage;
    let rule = if kind == Kind::Document { &rules::DAMAGED_DOCUMENT } else { &rules::DAMAGED };
    let fix = match &recognised.format {
        Format::Pdf(_) => fix::broken_pdf(subject.input),
        format => {
            let again = "export or download it again";
            match fix::convert(kind, subject.input, format) {
                Some(command) if matches!(damage, Damage::Malformed(_)) => {
                    format!("{again}, or try: {command}")
                }
                _ => again.to_owned(),
            }
        }
    };
    findings.push(Finding::new(rule, what.as_str(), fix));
}
