//! Images and stickers: colours, bit depth, JPEG coding, EXIF orientation, animation and sticker size.

use super::{Subject, fix, rules};
use crate::check::format::{Format, Jpeg, Png, PngColour, WebP};
use crate::check::recipe::Recipe;
use crate::check::{Finding, Fix};
use crate::whatsapp::Kind;

/// Width and height of a sticker, in pixels.
const STICKER: u32 = 512;

pub(super) fn judge(subject: &Subject<'_>, kind: Kind, format: &Format, findings: &mut Vec<Finding>) {
    match (kind, format) {
        (Kind::Image, Format::Jpeg(jpeg)) => judge_jpeg(subject, jpeg, findings),
        (Kind::Image, Format::Png(png)) => judge_png(subject, format, png, findings),
        (Kind::Sticker, Format::WebP(webp)) => judge_sticker(subject, webp, findings),
        _ => {}
    }
}

fn judge_jpeg(subject: &Subject<'_>, jpeg: &Jpeg, findings: &mut Vec<Finding>) {
    let mut push = |rule, seen: String, fix: Fix| findings.push(Finding::new(rule, seen, fix));
    let convert = || Fix::from(fix::jpeg(subject));
    if jpeg.components == 4 {
        push(&rules::IMAGE_CMYK, "4 components: CMYK, a colour space for print".to_owned(), convert());
    }
    if jpeg.precision != 8 {
        push(&rules::IMAGE_DEPTH, format!("{} bits per sample", jpeg.precision), convert());
    }
    if !jpeg.is_common_process {
        let seen = "lossless, hierarchical or arithmetic coding".to_owned();
        push(&rules::IMAGE_PROCESS, seen, convert());
    }
    if jpeg.components < 3 {
        push(&rules::IMAGE_NOT_RGB, greyscale(jpeg.components), rgb_fix(fix::jpeg(subject)));
    }
    if let Some(orientation @ 2..=8) = jpeg.orientation {
        let seen = format!("EXIF orientation {orientation}, which Meta applies; other software may not");
        push(&rules::IMAGE_ORIENTATION, seen, convert());
    }
}

fn greyscale(components: u8) -> String {
    match components {
        1 => "1 component: greyscale".to_owned(),
        count => format!("{count} components"),
    }
}

/// How to convert an image to RGB. The text says that decoders usually convert it themselves, to avoid needless work.
fn rgb_fix(recipe: Recipe) -> Fix {
    Fix::from(recipe).after("usually accepted anyway, because decoders convert it to RGB; to be sure: ")
}

fn judge_png(subject: &Subject<'_>, format: &Format, png: &Png, findings: &mut Vec<Finding>) {
    let mut push = |rule, seen: String, fix: Fix| findings.push(Finding::new(rule, seen, fix));
    if png.bit_depth > 8 {
        push(&rules::IMAGE_DEPTH, format!("{} bits per sample", png.bit_depth), fix::png(subject).into());
    }
    let colour = match png.colour {
        PngColour::Rgb | PngColour::Rgba => None,
        PngColour::Greyscale => Some("greyscale"),
        PngColour::GreyscaleAlpha => Some("greyscale with transparency"),
        PngColour::Indexed => Some("a palette"),
    };
    if let Some(colour) = colour {
        push(&rules::IMAGE_NOT_RGB, format!("{colour}, {} bits", png.bit_depth), rgb_fix(fix::png(subject)));
    }
    if png.is_animated {
        let seen = "an animated PNG (APNG)".to_owned();
        push(
            &rules::IMAGE_ANIMATED,
            seen,
            Fix::from(fix::mp4(subject, format)).after("send it as a video: "),
        );
    }
}

fn judge_sticker(subject: &Subject<'_>, webp: &WebP, findings: &mut Vec<Finding>) {
    let WebP { width, height, is_animated, .. } = *webp;
    if (width, height) != (STICKER, STICKER) {
        let mut fix = Fix::from(fix::sticker(subject, is_animated));
        if subject.as_kind.is_none() && !is_animated {
            fix = fix.then(format_args!("or, to send it as an image: {}", fix::jpeg(subject)));
        }
        findings.push(Finding::new(&rules::STICKER_SIZE, format!("{width} × {height} pixels"), fix));
    }
}
