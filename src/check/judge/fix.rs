//! Commands that mend a file, ready to be pasted.
//!
//! None of them writes to the file that it reads, and none writes over a neighbour unasked: ffmpeg asks, `mv -n` does not, and
//! what the others write has a name of its own.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::format_types;
use crate::check::format::{Format, Mp4, TrackDetail};
use crate::shell::quoted;
use crate::whatsapp::Kind;

/// Put behind the name of what is made where the plain name may be taken.
const MADE: &str = "-whatsapp";

/// A file with another extension, for tools that ask before they write over one.
fn renamed(input: &Path, extension: &str) -> PathBuf {
    let same = input.extension().is_some_and(|old| old.eq_ignore_ascii_case(extension));
    if same { beside(input, extension) } else { input.with_extension(extension) }
}

/// A new name beside the file, for tools that write over whatever is there.
fn beside(input: &Path, extension: &str) -> PathBuf {
    let mut name = input.file_stem().map_or_else(|| OsString::from("file"), OsString::from);
    name.push(MADE);
    name.push(".");
    name.push(extension);
    input.with_file_name(name)
}

/// Gives a file the extension of what it is.
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

/// A call of `ImageMagick`, by the name that versions 6 and 7 both have. `frame` says which of the input's frames is read, as in
/// `[0]`; `coder` is what is put before the output's name.
///
/// Names that it reads more into than a name are kept from it by redirection.
fn convert_picture(input: &Path, frame: &str, options: &str, coder: &str, extension: &str) -> String {
    let output = beside(input, extension);
    let is_odd = input.as_os_str().as_bytes().iter().any(|byte| b"%[]{}*?".contains(byte));
    if is_odd {
        let coder = coder.strip_suffix(':').filter(|coder| !coder.is_empty()).unwrap_or(extension);
        return format!("convert '-{frame}' {options} {coder}:- < {} > {}", quoted(input), quoted(&output));
    }
    let mut read = input.as_os_str().to_owned();
    read.push(frame);
    format!("convert {} {options} {coder}{}", quoted(Path::new(&read)), quoted(&output))
}

/// Puts a picture into the middle of 512 × 512 transparent pixels.
const AS_STICKER: &str = "-resize 512x512 -background none -gravity center -extent 512x512";

/// Any picture as the JPEG that WhatsApp takes: its first frame, upright, RGB, 8 bits.
pub(super) fn jpeg(input: &Path) -> String {
    let options =
        "-auto-orient -colorspace sRGB -depth 8 -background white -flatten -type TrueColor -quality 90";
    convert_picture(input, "[0]", options, "", "jpg")
}

/// The same, small enough.
pub(super) fn small_jpeg(input: &Path) -> String {
    let options = "-auto-orient -colorspace sRGB -depth 8 -resize '2048x2048>' -background white -flatten -type TrueColor \
                   -quality 85";
    convert_picture(input, "[0]", options, "", "jpg")
}

/// A picture as a PNG with 8 bits and all its colours spelled out.
pub(super) fn png(input: &Path) -> String {
    convert_picture(input, "", "-depth 8", "PNG32:", "png")
}

/// A picture as a sticker.
pub(super) fn sticker(input: &Path, has_motion: bool) -> String {
    if has_motion {
        convert_picture(input, "", &format!("-coalesce {AS_STICKER} -quality 60"), "", "webp")
    } else {
        convert_picture(input, "[0]", &format!("{AS_STICKER} -quality 80"), "", "webp")
    }
}

/// A sticker that stands still in fewer bytes than it may have.
pub(super) fn small_sticker(input: &Path) -> String {
    let options = format!("{AS_STICKER} -define webp:target-size=80000 -define webp:pass=6");
    convert_picture(input, "[0]", &options, "", "webp")
}

/// An animated sticker in fewer bytes. How many that leaves depends on what moves in it.
pub(super) fn small_animation(input: &Path) -> String {
    let options = format!("-coalesce {AS_STICKER} -define webp:lossless=false -quality 20");
    let command = convert_picture(input, "", &options, "", "webp");
    format!(
        "{command}\nor, if that is still too large, fewer frames: put [0-19] or the like behind the name of what it reads"
    )
}

/// Any sound as what a voice message is, too: Opus in Ogg, mono.
pub(super) fn opus(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -ac 1 -c:a libopus -b:a 32k {}",
        quoted(input),
        quoted(&renamed(input, "ogg"))
    )
}

/// Any sound as AAC in an MP4 container.
pub(super) fn m4a(input: &Path) -> String {
    format!("ffmpeg -i {} -map 0:a:0 -c:a aac {}", quoted(input), quoted(&renamed(input, "m4a")))
}

/// Any sound as MP3.
pub(super) fn mp3(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -c:a libmp3lame -b:a 128k {}",
        quoted(input),
        quoted(&renamed(input, "mp3"))
    )
}

/// Sound that is short enough in bytes: so many bits a second as fit, in mono.
pub(super) fn small_sound(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:a:0 -ac 1 -c:a libopus -b:a 16k {}",
        quoted(input),
        quoted(&renamed(input, "ogg"))
    )
}

/// Any video as WhatsApp takes it everywhere: H.264 in Main profile without B-frames, AAC, the head first.
pub(super) fn mp4(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -c:a aac \
         -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// The same streams in a new container, with the first of each kind and the head first.
pub(super) fn remux(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:v:0 -map '0:a:0?' -c copy -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// The picture as it is, the sound as AAC.
pub(super) fn aac_sound(input: &Path) -> String {
    format!(
        "ffmpeg -i {} -map 0:v:0 -map '0:a:0?' -c:v copy -c:a aac -movflags +faststart {}",
        quoted(input),
        quoted(&renamed(input, "mp4"))
    )
}

/// A video in at most 15 MB, where its playing time says how many bits a second that leaves; `None` where too few are left.
pub(super) fn small_mp4(input: &Path, mp4: &Mp4) -> Option<String> {
    const BITS: u64 = 15_000_000 * 8;
    const SOUND: u64 = 64;
    /// Fewer kilobits a second than this show nothing.
    const LEAST: u64 = 100;
    let milliseconds = mp4.duration_ms.filter(|&duration| duration > 0)?;
    // Bits in a millisecond are kilobits in a second.
    let kilobits = (BITS / milliseconds).checked_sub(SOUND)?.min(2500);
    let height = if kilobits < 400 { 360 } else { 720 };
    (kilobits >= LEAST).then(|| {
        format!(
            "ffmpeg -i {} -vf 'scale=-2:min({height}\\,trunc(ih/2)*2)' -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -b:v {kilobits}k \
             -maxrate {kilobits}k -bufsize {}k -c:a aac -b:a {SOUND}k -movflags +faststart {}",
            quoted(input),
            2 * kilobits,
            quoted(&beside(input, "mp4"))
        )
    })
}

/// A PDF written anew: complete, and beginning at its beginning.
pub(super) fn pdf(input: &Path) -> String {
    format!("qpdf {} {}", quoted(input), quoted(&beside(input, "pdf")))
}

/// The same for one that breaks off, of which too much may be missing.
pub(super) fn broken_pdf(input: &Path) -> String {
    format!("{}\nor, where that fails, export or download it again", pdf(input))
}

/// A PDF without its encryption; who knows no password can do that where it needs none to be read.
pub(super) fn decrypted_pdf(input: &Path) -> String {
    format!(
        "qpdf --decrypt {} {}\nor, where it opens with a password only, the same with --password=...",
        quoted(input),
        quoted(&beside(input, "pdf"))
    )
}

/// Any document of an office in the format of this extension. It comes into a folder of its own, under the name that it had.
pub(super) fn office(input: &Path, extension: &str) -> String {
    format!("soffice --headless --convert-to {extension} --outdir whatsapp {}", quoted(input))
}

/// A text in UTF-8.
pub(super) fn utf8(input: &Path, from: &str) -> String {
    let extension = input.extension().and_then(|extension| extension.to_str()).unwrap_or("txt").to_owned();
    format!("iconv -f {from} -t UTF-8 {} > {}", quoted(input), quoted(&beside(input, &extension)))
}

/// What makes bytes of this format into what `kind` takes; `None` where no command is known to.
pub(super) fn convert(kind: Kind, input: &Path, format: &Format) -> Option<String> {
    let is_moving_picture = matches!(format, Format::OtherVideo(_))
        || matches!(format, Format::Mp4(mp4) if !format_types::is_audio_only(mp4));
    let is_picture = matches!(
        format,
        Format::Jpeg(_)
            | Format::Png(_)
            | Format::WebP(_)
            | Format::Gif { .. }
            | Format::Heif { .. }
            | Format::Svg
            | Format::OtherImage(_)
    );
    let has_sound = is_moving_picture
        || matches!(
            format,
            Format::Ogg(_)
                | Format::Amr(_)
                | Format::Adts(_)
                | Format::Mp3(_)
                | Format::Mp4(_)
                | Format::OtherAudio(_)
        );
    let moves = match format {
        Format::Gif { is_animated } => *is_animated,
        Format::WebP(webp) => webp.is_animated,
        _ => false,
    };
    match kind {
        Kind::Image if is_picture => Some(jpeg(input)),
        Kind::Image if is_moving_picture => Some(format!(
            "ffmpeg -i {} -frames:v 1 -update 1 {}",
            quoted(input),
            quoted(&renamed(input, "jpg"))
        )),
        Kind::Sticker if is_picture => Some(sticker(input, moves)),
        Kind::Audio if has_sound => Some(opus(input)),
        Kind::Video if is_moving_picture => Some(match format {
            Format::Mp4(found) if is_ready(found) => remux(input),
            _ => mp4(input),
        }),
        Kind::Video if matches!(format, Format::Gif { is_animated: true }) => Some(mp4(input)),
        _ => None,
    }
}

/// Whether its streams are such as WhatsApp takes, so that they need not be made anew.
fn is_ready(mp4: &Mp4) -> bool {
    mp4.tracks.iter().all(|track| match track.detail {
        TrackDetail::Avc { profile, has_reordering, .. } => {
            profile <= 77 || (profile == 100 && has_reordering == Some(false))
        }
        TrackDetail::Mpeg4Audio { object_type, .. } => object_type == 0x40,
        TrackDetail::Video { .. } | TrackDetail::Audio { .. } => false,
        TrackDetail::None => true,
    })
}
