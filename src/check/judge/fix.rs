//! Commands that fix a file, ready to paste: `ImageMagick`, ffmpeg, qpdf, `LibreOffice`, iconv and mv.
//!
//! No command writes to its input file or overwrites another file without asking: ffmpeg asks, `mv -n` never overwrites, and the
//! others write to a new file name.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::format_types;
use crate::check::format::{Format, Mp4, TrackDetail};
use crate::shell::quoted;
use crate::whatsapp::Kind;

/// Suffix of an output file's stem where the plain name may already exist.
const SUFFIX: &str = "-whatsapp";

/// The input's name with another extension, for tools that ask before they overwrite a file.
fn renamed(input: &Path, extension: &str) -> PathBuf {
    let same = input.extension().is_some_and(|old| old.eq_ignore_ascii_case(extension));
    if same { beside(input, extension) } else { input.with_extension(extension) }
}

/// A new name in the same folder, for tools that overwrite without asking.
fn beside(input: &Path, extension: &str) -> PathBuf {
    let mut name = input.file_stem().map_or_else(|| OsString::from("file"), OsString::from);
    name.push(SUFFIX);
    name.push(".");
    name.push(extension);
    input.with_file_name(name)
}

/// Renames a file to the extension of its real format.
pub(super) fn rename(input: &Path, extension: &str) -> String {
    let whole = input.file_name().unwrap_or_default().to_owned();
    let output = if input.extension().is_some_and(|old| !old.is_empty()) {
        renamed(input, extension)
    } else {
        // `name.` has a dot already.
        let mut name = whole.to_string_lossy().trim_end_matches(['.', ' ']).to_owned();
        if name.is_empty() {
            name.push_str("file");
        }
        input.with_file_name(format!("{name}.{extension}"))
    };
    format!("mv -n {} {}", quoted(input), quoted(&output))
}

/// An `ImageMagick` command, under the name that versions 6 and 7 both have. `frame` selects frames of the input, such as `[0]`;
/// `coder` is the format prefix of the output name.
///
/// Input names with characters that `ImageMagick` interprets are passed by redirection instead.
fn convert_image(input: &Path, frame: &str, options: &str, coder: &str, extension: &str) -> String {
    let output = beside(input, extension);
    let has_special_characters = input.as_os_str().as_bytes().iter().any(|byte| b"%[]{}*?".contains(byte));
    if has_special_characters {
        let coder = coder.strip_suffix(':').filter(|coder| !coder.is_empty()).unwrap_or(extension);
        return format!("convert '-{frame}' {options} {coder}:- < {} > {}", quoted(input), quoted(&output));
    }
    let mut read = input.as_os_str().to_owned();
    read.push(frame);
    format!("convert {} {options} {coder}{}", quoted(Path::new(&read)), quoted(&output))
}

/// Options that centre an image on a transparent canvas of 512 × 512 pixels.
const AS_STICKER: &str = "-resize 512x512 -background none -gravity center -extent 512x512";

/// Any image to a JPEG that WhatsApp accepts: first frame, upright, RGB, 8 bits per sample.
pub(super) fn jpeg(input: &Path) -> String {
    let options =
        "-auto-orient -colorspace sRGB -depth 8 -background white -flatten -type TrueColor -quality 90";
    convert_image(input, "[0]", options, "", "jpg")
}

/// Any image to a JPEG below the size limit.
pub(super) fn small_jpeg(input: &Path) -> String {
    let options = "-auto-orient -colorspace sRGB -depth 8 -resize '2048x2048>' -background white -flatten -type TrueColor \
                   -quality 85";
    convert_image(input, "[0]", options, "", "jpg")
}

/// Any image to a PNG with 8 bits per sample and RGBA colours.
pub(super) fn png(input: &Path) -> String {
    convert_image(input, "", "-depth 8", "PNG32:", "png")
}

/// Any image to a sticker.
pub(super) fn sticker(input: &Path, is_animated: bool) -> String {
    if is_animated {
        convert_image(input, "", &format!("-coalesce {AS_STICKER} -quality 60"), "", "webp")
    } else {
        convert_image(input, "[0]", &format!("{AS_STICKER} -quality 80"), "", "webp")
    }
}

/// A static sticker below its size limit.
pub(super) fn small_sticker(input: &Path) -> String {
    let options = format!("{AS_STICKER} -define webp:target-size=80000 -define webp:pass=6");
    convert_image(input, "[0]", &options, "", "webp")
}

/// An animated sticker with fewer bytes. The resulting size depends on the animation.
pub(super) fn small_animated_sticker(input: &Path) -> String {
    let options = format!("-coalesce {AS_STICKER} -define webp:lossless=false -quality 20");
    let command = convert_image(input, "", &options, "", "webp");
    format!(
        "{command}\nor, if that is still too large, use fewer frames: append a range such as [0-19] to the input name"
    )
}

/// Any audio to Opus in Ogg, mono, which is also the format of voice messages.
pub(super) fn opus(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -ac 1 -c:a libopus -b:a 32k {}",
        quoted(input),
        quoted(&renamed(input, "ogg"))
    )
}

/// Any audio to AAC in an MP4 container (M4A).
pub(super) fn m4a(input: &Path) -> String {
    format!("ffmpeg -i {} -map 0:a:0 -c:a aac {}", quoted(input), quoted(&renamed(input, "m4a")))
}

/// Any audio to MP3.
pub(super) fn mp3(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -c:a libmp3lame -b:a 128k {}",
        quoted(input),
        quoted(&renamed(input, "mp3"))
    )
}

/// Any audio to a small file: Opus in Ogg, mono, 16 kbit/s.
pub(super) fn small_audio(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -ac 1 -c:a libopus -b:a 16k {}",
        quoted(input),
        quoted(&renamed(input, "ogg"))
    )
}

/// Any video to an MP4 that plays on all phones: H.264 Main profile without B-frames, AAC, `moov` first.
pub(super) fn mp4(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -c:a aac \
         -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// Remuxes the first video and audio stream into a new MP4 with `moov` first, without re-encoding.
pub(super) fn remux(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:v:0 -map '0:a:0?' -c copy -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// Copies the video stream and re-encodes the audio as AAC.
pub(super) fn aac_audio(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:v:0 -map '0:a:0?' -c:v copy -c:a aac -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// A video of at most 15 MB, at the bit rate that its duration allows; `None` if the bit rate would be too low or the duration is
/// unknown.
pub(super) fn small_mp4(input: &Path, mp4: &Mp4) -> Option<String> {
    const BITS: u64 = 15_000_000 * 8;
    const AUDIO: u64 = 64;
    /// Below this bit rate, in kbit/s, the video is unwatchable.
    const LEAST: u64 = 100;
    let milliseconds = mp4.duration_ms.filter(|&duration| duration > 0)?;
    // Bits per millisecond are kilobits per second.
    let kilobits = (BITS / milliseconds).checked_sub(AUDIO)?.min(2500);
    let height = if kilobits < 400 { 360 } else { 720 };
    (kilobits >= LEAST).then(|| {
        format!(
            "ffmpeg -i {} -vf 'scale=-2:min({height}\\,trunc(ih/2)*2)' -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -b:v {kilobits}k \
             -maxrate {kilobits}k -bufsize {}k -c:a aac -b:a {AUDIO}k -movflags +faststart {}",
            quoted(input),
            2 * kilobits,
            quoted(&beside(input, "mp4"))
        )
    })
}

/// Rewrites a PDF so that it is complete and starts with its header.
pub(super) fn pdf(input: &Path) -> String {
    format!("qpdf {} {}", quoted(input), quoted(&beside(input, "pdf")))
}

/// Rewrites a truncated PDF; if too much is missing, it has to be exported again.
pub(super) fn broken_pdf(input: &Path) -> String {
    format!("{}\nor, if that fails, export or download it again", pdf(input))
}

/// Removes a PDF's encryption. No password is needed if the PDF opens without one.
pub(super) fn decrypted_pdf(input: &Path) -> String {
    format!(
        "qpdf --decrypt {} {}\nor, if it needs a password to open, add --password=...",
        quoted(input),
        quoted(&beside(input, "pdf"))
    )
}

/// Any office document to the format of this extension, under the same name in a new folder.
pub(super) fn office(input: &Path, extension: &str) -> String {
    format!("soffice --headless --convert-to {extension} --outdir whatsapp {}", quoted(input))
}

/// Any text to UTF-8.
pub(super) fn utf8(input: &Path, from: &str) -> String {
    let extension = input.extension().and_then(|extension| extension.to_str()).unwrap_or("txt").to_owned();
    format!("iconv -f {from} -t UTF-8 {} > {}", quoted(input), quoted(&beside(input, &extension)))
}

/// A command that converts this format to one that `kind` accepts; `None` if none is known.
pub(super) fn convert(kind: Kind, input: &Path, format: &Format) -> Option<String> {
    let is_video = matches!(format, Format::OtherVideo(_))
        || matches!(format, Format::Mp4(mp4) if !format_types::is_audio_only(mp4));
    let is_image = matches!(
        format,
        Format::Jpeg(_)
            | Format::Png(_)
            | Format::WebP(_)
            | Format::Gif { .. }
            | Format::Heif { .. }
            | Format::Svg
            | Format::OtherImage(_)
    );
    let has_audio = is_video
        || matches!(
            format,
            Format::Ogg(_)
                | Format::Amr(_)
                | Format::Adts(_)
                | Format::Mp3(_)
                | Format::Mp4(_)
                | Format::OtherAudio(_)
        );
    let is_animated = match format {
        Format::Gif { is_animated } => *is_animated,
        Format::WebP(webp) => webp.is_animated,
        _ => false,
    };
    match kind {
        Kind::Image if is_image => Some(jpeg(input)),
        Kind::Image if is_video => Some(format!(
            "ffmpeg -i {} -frames:v 1 -update 1 {}",
            quoted(input),
            quoted(&renamed(input, "jpg"))
        )),
        Kind::Sticker if is_image => Some(sticker(input, is_animated)),
        Kind::Audio if has_audio => Some(opus(input)),
        Kind::Video if is_video => Some(match format {
            Format::Mp4(found) if has_accepted_streams(found) => remux(input),
            _ => mp4(input),
        }),
        Kind::Video if matches!(format, Format::Gif { is_animated: true }) => Some(mp4(input)),
        _ => None,
    }
}

/// Whether WhatsApp accepts all its streams, so that they need no re-encoding.
fn has_accepted_streams(mp4: &Mp4) -> bool {
    mp4.tracks.iter().all(|track| match track.detail {
        TrackDetail::Avc { profile, has_reordering, .. } => {
            profile <= 77 || (profile == 100 && has_reordering == Some(false))
        }
        TrackDetail::Mpeg4Audio { object_type, .. } => object_type == 0x40,
        TrackDetail::Video { .. } | TrackDetail::Audio { .. } => false,
        TrackDetail::None => true,
    })
}
