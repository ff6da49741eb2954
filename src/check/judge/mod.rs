//! Judges an asset: compares its name, media type, size and format with what WhatsApp accepts.
//!
//! First the [media type](content_type), which decides whether the format's details matter; then the [size]; then the details of
//! the format: [images](image), [audio], [video], [documents](document). How a [name] becomes a link is judged separately, because
//! only files and bucket objects have names that are not part of a link yet. This module does no I/O.

mod audio;
mod audio_codec;
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

use super::format::{Damage, Format, Recognised};
use super::rules::file_rules as rules;
use super::{Finding, Fix};
use crate::asset::MediaType;
use crate::whatsapp::{self, Kind};

pub use self::name::{judge_key, judge_path};

/// Where an asset comes from, which decides how its name and its `Content-Type` are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file, which `wamedia serve` serves as the type of its extension.
    File,
    /// An object of a bucket. `wamedia serve` uses the type of its extension, else the one that is stored with it.
    Object,
    /// A response of a server, which chose the type.
    Url,
}

/// The asset to judge, without its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its decoded file name, which is the last segment of its path; `""` if there is none.
    pub name: &'a str,
    /// The input file for commands that fix it: its local path, or for a URL the file name of a download.
    pub input: &'a Path,
    /// Where it comes from.
    pub origin: Origin,
    /// Its `Content-Type`; `None` if the server sends none.
    pub media_type: Option<&'a MediaType>,
    /// Size in bytes.
    pub size: u64,
    /// The kind of message that is to send it; `None` for the kind that its media type belongs to.
    pub as_kind: Option<Kind>,
}

/// The result of judging an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The kind of message that would send it.
    pub kind: Kind,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

/// Checks an asset against the rules for the kind of message that sends it.
pub fn judge(subject: &Subject<'_>, recognised: &Recognised) -> Judgement {
    let format = &recognised.format;
    let kind = message_kind(subject, format);
    let mut findings = Vec::new();
    if subject.size == 0 || *format == Format::Empty {
        findings.push(Finding::new(
            &rules::EMPTY,
            "0 bytes",
            "write the file again, and check the program that should have written it",
        ));
    } else {
        let has_accepted_bytes = content_type::judge(subject, kind, recognised, &mut findings);
        size::judge(subject, kind, format, &mut findings);
        if has_accepted_bytes {
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
    share_resize_command(&mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    Judgement { kind, findings }
}

/// Gives findings about the streams the same command as the finding about the size. That command fixes the streams too; a second
/// command would read the original file again and overwrite the output of the first.
fn share_resize_command(findings: &mut [Finding]) {
    let is_of_size = |rule: &str| rule == rules::TOO_LARGE.id || rule == rules::SIZE_DOUBTFUL.id;
    let Some((recipe, text)) = findings
        .iter()
        .find(|finding| is_of_size(finding.rule.id))
        .and_then(|finding| Some((finding.recipe.clone()?, finding.fix.clone())))
    else {
        return;
    };
    for finding in findings {
        if finding.recipe.as_ref().is_some_and(|other| other.has_tool_of(&recipe)) {
            (finding.fix, finding.recipe) = (text.clone(), Some(recipe.clone()));
        }
    }
}

/// The kind of message: the requested one, else that of the media type, else that of the bytes. A JPEG served as `image/jpg` is
/// meant as an image, and a film of a phone is meant to be played. Everything else is sent as a document.
fn message_kind(subject: &Subject<'_>, format: &Format) -> Kind {
    let by_type = || subject.media_type.and_then(whatsapp::kind_of);
    let by_name = || {
        subject
            .media_type
            .filter(|media_type| format_types::essence(media_type) == "audio/opus")
            .map(|_| Kind::Audio)
    };
    let by_unlisted_type = || {
        subject
            .media_type
            .and_then(|typed| format_types::intended_kind_of_type(&format_types::essence(typed)))
    };
    subject
        .as_kind
        .or_else(by_type)
        .or_else(by_name)
        .or_else(|| format_types::kind_of(format))
        .or_else(|| format_types::intended_kind(format))
        .or_else(by_unlisted_type)
        .unwrap_or(Kind::Document)
}

/// The media type, without parameters, that WhatsApp lists for this format; `None` if it lists none.
#[cfg(test)]
pub(super) fn listed_type(format: &Format) -> Option<&'static str> {
    format_types::sniffed_type(format).filter(|_| format_types::kind_of(format).is_some())
}

/// Reports the first damage that the format readers found.
fn damage(subject: &Subject<'_>, kind: Kind, recognised: &Recognised, findings: &mut Vec<Finding>) {
    // The first is enough: later damage follows from it.
    let Some(damage) = recognised.damage.first() else { return };
    let (Damage::Truncated(what) | Damage::Malformed(what)) = damage;
    let rule = if kind == Kind::Document { &rules::DAMAGED_DOCUMENT } else { &rules::DAMAGED };
    let fix = match &recognised.format {
        Format::Pdf(_) => fix::broken_pdf(subject),
        format => {
            let export_again = "export or download it again";
            match fix::convert(kind, subject, format) {
                Some(recipe) if matches!(damage, Damage::Malformed(_)) => {
                    Fix::from(recipe).after(format_args!("{export_again}, or try: "))
                }
                _ => export_again.into(),
            }
        }
    };
    findings.push(Finding::new(rule, what.as_str(), fix));
}
