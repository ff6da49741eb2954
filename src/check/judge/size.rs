//! Size limits of each kind of message.
//!
//! Meta gives limits in MB and KB and does not say whether it counts in powers of ten or of two. A size between the two limits is
//! doubtful.

use super::{Subject, fix, rules};
use crate::check::format::Format;
use crate::check::{Finding, Fix};
use crate::whatsapp::{Kind, SizeLimit, sticker_size_limit};

pub(super) fn judge(subject: &Subject<'_>, kind: Kind, format: &Format, findings: &mut Vec<Finding>) {
    let limit = limit(kind, format);
    let rule = match subject.size {
        size if size > limit.refused_past => &rules::TOO_LARGE,
        size if size > limit.doubted_past => &rules::SIZE_DOUBTFUL,
        _ => return,
    };
    let most = if rule.id == rules::TOO_LARGE.id { limit.refused_past } else { limit.doubted_past };
    let what = match (kind, is_animated(format)) {
        (Kind::Sticker, true) => "an animated sticker",
        (Kind::Sticker, false) => "a static sticker",
        (Kind::Image, _) => "an image",
        (Kind::Audio, _) => "audio",
        (Kind::Video, _) => "a video",
        (Kind::Document, _) => "a document",
    };
    let seen = format!("{} bytes; the limit for {what} is {most}", subject.size);
    findings.push(Finding::new(rule, seen, fix_size(subject, kind, format)));
}

fn limit(kind: Kind, format: &Format) -> SizeLimit {
    match (kind, format) {
        (Kind::Sticker, Format::WebP(webp)) => sticker_size_limit(webp.is_animated),
        _ => kind.size_limit(),
    }
}

fn is_animated(format: &Format) -> bool {
    matches!(format, Format::WebP(webp) if webp.is_animated) || *format == Format::Gif { is_animated: true }
}

/// How to make the asset smaller.
fn fix_size(subject: &Subject<'_>, kind: Kind, format: &Format) -> Fix {
    let fits_as_document = subject.size <= Kind::Document.size_limit().doubted_past;
    match (kind, format) {
        (Kind::Image, _) if matches!(format, Format::Gif { is_animated: true }) => {
            fix::mp4(subject, format).into()
        }
        (Kind::Image, _) => fix::small_jpeg(subject).into(),
        (Kind::Sticker, _) if is_animated(format) => fix::small_animated_sticker(subject),
        (Kind::Sticker, _) => fix::sticker(subject, false).into(),
        (Kind::Audio, _) => fix::small_audio(subject).into(),
        (Kind::Video, Format::Mp4(mp4)) => match fix::small_mp4(subject, mp4) {
            Some(recipe) => recipe.into(),
            None if fits_as_document => "cut it shorter, or send it as document".into(),
            None => "cut it shorter".into(),
        },
        (Kind::Video, _) => match fix::convert(kind, subject, format) {
            Some(recipe) => recipe.into(),
            None => "cut it shorter".into(),
        },
        _ if fits_as_document && kind != Kind::Document => "make it smaller, or send it as document".into(),
        _ => "make it smaller, or split it: WhatsApp accepts nothing larger".into(),
    }
}
