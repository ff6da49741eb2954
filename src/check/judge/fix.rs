//! Recipes that fix a file: `ImageMagick`, ffmpeg, qpdf, `LibreOffice`, iconv and mv, with alternatives for machines without them.
//!
//! No command writes to its input file. A name that the input may share with another file has the suffix [`SUFFIX`], unless the tool
//! asks before it overwrites a file (ffmpeg) or never does (`mv -n`). Each output has a name that needs no escaping in a URL, and
//! each recipe, run on a file that needs it, makes one without findings: a test runs them all.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Origin, Subject, format_types};
use crate::check::Fix;
use crate::check::format::{Format, Mp4, OggCodec, TrackDetail, TrackKind};
use crate::check::recipe::{Recipe, Tool};
use crate::whatsapp::{Kind, VOICE_INSTANT_PLAY_LIMIT};

/// Suffix of an output file's stem where the plain name may already exist.
const SUFFIX: &str = "-whatsapp";

/// The most bytes of a JPEG, for `ImageMagick`, which lowers the quality until it fits.
const JPEG_EXTENT: &str = "4800KB";

/// Outputs are at most this large, in bytes: below each of Meta's limits, however it counts.
const MOST_OF_VIDEO: u64 = 16_000_000;
const MOST_OF_STICKER: u64 = 100_000;
const MOST_OF_ANIMATED_STICKER: u64 = 500_000;

/// An input up to this size, in bytes, does not grow past the limit when it is encoded again with more quality than it has.
const SMALL_VIDEO: u64 = 4_000_000;
/// The same for speech. Uncompressed audio shrinks to a twentieth.
const SMALL_AUDIO: u64 = 400_000;
const SMALL_PCM: u64 = 8_000_000;

/// The input's name with another extension, for tools that ask before they overwrite a file.
fn renamed(input: &Path, extension: &str) -> PathBuf {
    let same = input.extension().is_some_and(|old| old.eq_ignore_ascii_case(extension));
    if same { beside(input, extension) } else { input.with_file_name(format!("{}.{extension}", stem(input))) }
}

/// A new name in the same folder, for tools that overwrite without asking.
fn beside(input: &Path, extension: &str) -> PathBuf {
    input.with_file_name(format!("{}{SUFFIX}.{extension}", stem(input)))
}

/// The input's name without its extension, in characters that need no escaping in a URL.
fn stem(input: &Path) -> String {
    plain_name(&input.file_stem().map_or_else(|| OsString::from("file"), OsString::from).to_string_lossy())
}

/// A name in ASCII letters, digits, dots, dashes and underscores. It begins and ends with neither a dot nor a dash.
pub(super) fn plain_name(name: &str) -> String {
    let mut plain = String::new();
    for c in name.replace("&amp;", "and").chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            plain.push(c);
        } else if let Some(letters) = transliterated(c) {
            plain.push_str(letters);
        } else if !plain.ends_with('-') {
            plain.push('-');
        }
    }
    let plain = plain.trim_matches(['-', '.']);
    let plain = if plain.is_empty() { "file" } else { plain };
    plain.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect()
}

/// ASCII transliterations of western European letters.
fn transliterated(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ß' => "ss",
        'á' | 'à' | 'â' | 'ã' | 'å' => "a",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'í' | 'ì' | 'î' | 'ï' => "i",
        'ó' | 'ò' | 'ô' | 'õ' => "o",
        'ú' | 'ù' | 'û' => "u",
        'ç' => "c",
        'ñ' => "n",
        '&' => "and",
        _ => return None,
    })
}

/// Renames a file to the extension of its real format. An object of a bucket has no file to rename.
pub(super) fn rename(subject: &Subject<'_>, extension: &str) -> Fix {
    let output = renamed(subject.input, extension);
    if subject.origin == Origin::Object {
        let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return format!("copy the object to a key that ends in `{name}`").into();
    }
    Recipe::rename(subject.input, output).into()
}

/// Options of `ImageMagick` that centre an image on a transparent canvas of 512 × 512 pixels.
const AS_STICKER: &str = "-resize 512x512 -background none -gravity center -extent 512x512";

/// Any image to a JPEG that WhatsApp accepts: first frame, upright, RGB, 8 bits per sample, below the size limit.
pub(super) fn jpeg(subject: &Subject<'_>) -> Recipe {
    jpeg_with(subject, "", 90)
}

/// Any image to a JPEG below the size limit, scaled down.
pub(super) fn small_jpeg(subject: &Subject<'_>) -> Recipe {
    jpeg_with(subject, "-resize 2048x2048> ", 85)
}

fn jpeg_with(subject: &Subject<'_>, resize: &str, quality: u8) -> Recipe {
    let arguments = format!(
        "{{in}}[0] -auto-orient -colorspace sRGB -depth 8 {resize}-background white -flatten -type TrueColor -quality {quality} \
         -define jpeg:extent={JPEG_EXTENT} {{out}}"
    );
    Recipe::new(subject.input, beside(subject.input, "jpg"), Tool::ImageMagick, &arguments)
        .or(Tool::Vips, &["thumbnail {in} {out}[Q=85,background=255] 2560 --size down --export-profile srgb"])
        .or(Tool::Ffmpeg, &["-i {in} -frames:v 1 -pix_fmt yuvj420p -q:v 3 -update 1 {out}"])
}

/// Any image to a PNG with 8 bits per sample and RGBA colours.
pub(super) fn png(subject: &Subject<'_>) -> Recipe {
    let output = beside(subject.input, "png");
    Recipe::new(subject.input, output, Tool::ImageMagick, "{in} -auto-orient -depth 8 PNG32:{out}")
        .or(Tool::Ffmpeg, &["-i {in} -frames:v 1 -pix_fmt rgba -update 1 {out}"])
}

/// Any image to a sticker of 512 × 512 pixels below the size limit. The first quality that fits is used: an image of a low quality
/// grows when it is encoded with a higher one.
pub(super) fn sticker(subject: &Subject<'_>, is_animated: bool) -> Recipe {
    let output = beside(subject.input, "webp");
    if is_animated {
        let arguments =
            format!("{{in}} -coalesce {AS_STICKER} -define webp:lossless=false -quality {{level}} {{out}}");
        return Recipe::new(subject.input, output, Tool::ImageMagick, &arguments)
            .or(
                Tool::Ffmpeg,
                &[&format!(
                    "-y -i {{in}} {STICKER_FILTER} -c:v libwebp_anim -loop 0 -quality {{level}} {{out}}"
                )],
            )
            .until(&["60", "40", "20", "10", "5", "1"], MOST_OF_ANIMATED_STICKER);
    }
    Recipe::new(
        subject.input,
        output,
        Tool::ImageMagick,
        &format!("{{in}}[0] {AS_STICKER} -quality {{level}} {{out}}"),
    )
    .or(
        Tool::Vips,
        &[
            "thumbnail {in} fitted.png 512 --height 512 --export-profile srgb",
            "gravity fitted.png {out}[Q={level}] centre 512 512 --extend background --background 0",
        ],
    )
    .or(
        Tool::Ffmpeg,
        &[&format!("-y -i {{in}} -frames:v 1 {STICKER_FILTER} -c:v libwebp -quality {{level}} {{out}}")],
    )
    .or(Tool::Cwebp, &["-quiet -q {level} -resize 512 512 {in} -o {out}"])
    .until(&["80", "60", "40", "20", "5"], MOST_OF_STICKER)
}

/// ffmpeg's filter that centres a picture on a transparent canvas of 512 × 512 pixels.
const STICKER_FILTER: &str =
    "-vf format=rgba,scale=512:512:force_original_aspect_ratio=decrease,pad=512:512:-1:-1:color=black@0";

/// An animated sticker below the size limit; if it has too many frames for that, fewer of them.
pub(super) fn small_animated_sticker(subject: &Subject<'_>) -> Fix {
    Fix::from(sticker(subject, true)).then(
        "or, if that is still too large, use fewer frames: append a range such as [0-19] to the input name",
    )
}

/// ffmpeg's filter that starts the audio at 0 and fills gaps with silence. Ogg keeps a late start and gaps, which players show as
/// another length.
const WITHOUT_GAPS: &str = "-af asetpts=PTS-STARTPTS,aresample=async=1:first_pts=0";

/// Any audio to Opus in Ogg, mono, which is also the format of voice messages; long audio to a smaller format for music.
pub(super) fn opus(subject: &Subject<'_>, format: &Format) -> Recipe {
    let is_pcm = matches!(format, Format::OtherAudio("WAV" | "AIFF" | "CAF" | "AU"));
    if subject.size > if is_pcm { SMALL_PCM } else { SMALL_AUDIO } {
        return voice(subject);
    }
    let arguments = format!("-i {{in}} -map 0:a:0 {WITHOUT_GAPS} -ac 1 -c:a libopus -b:a 32k {{out}}");
    Recipe::new(subject.input, renamed(subject.input, "ogg"), Tool::Ffmpeg, &arguments)
}

/// Any audio to Opus in Ogg, mono, small enough to play at a touch if a bit rate for speech makes it so.
pub(super) fn voice(subject: &Subject<'_>) -> Recipe {
    let arguments =
        format!("-y -i {{in}} -map 0:a:0 {WITHOUT_GAPS} -ac 1 -c:a libopus -b:a {{level}} {{out}}");
    Recipe::new(subject.input, beside(subject.input, "ogg"), Tool::Ffmpeg, &arguments)
        .until(&["32k", "24k", "16k", "12k"], VOICE_INSTANT_PLAY_LIMIT)
}

/// Any audio to AAC in an MP4 container (M4A), with `moov` first.
pub(super) fn m4a(subject: &Subject<'_>) -> Recipe {
    let arguments = format!("-i {{in}} -map 0:a:0 {WITHOUT_GAPS} -c:a aac -movflags +faststart {{out}}");
    Recipe::new(subject.input, renamed(subject.input, "m4a"), Tool::Ffmpeg, &arguments)
}

/// Any audio to AAC in an MP4 container (M4A) below the size limit.
pub(super) fn small_audio(subject: &Subject<'_>) -> Recipe {
    let arguments = format!(
        "-y -i {{in}} -map 0:a:0 {WITHOUT_GAPS} -ac 1 -c:a aac -b:a {{level}} -movflags +faststart {{out}}"
    );
    Recipe::new(subject.input, beside(subject.input, "m4a"), Tool::Ffmpeg, &arguments)
        .until(&["96k", "64k", "32k", "16k"], MOST_OF_VIDEO)
}

/// The audio of an MP4 file to a new M4A with one track and `moov` first, without encoding it again if it is AAC.
pub(super) fn remux_audio(subject: &Subject<'_>, mp4: &Mp4) -> Recipe {
    let mut audio = mp4.tracks.iter().filter(|track| track.kind == TrackKind::Audio);
    let is_aac = audio.next().is_some_and(super::audio_codec::is_accepted);
    if !is_aac {
        return m4a(subject);
    }
    let arguments = "-i {in} -map 0:a:0 -c copy -movflags +faststart {out}";
    Recipe::new(subject.input, renamed(subject.input, "m4a"), Tool::Ffmpeg, arguments)
}

/// Any audio to MP3.
pub(super) fn mp3(subject: &Subject<'_>) -> Recipe {
    let arguments = "-i {in} -map 0:a:0 -c:a libmp3lame -b:a 128k {out}";
    Recipe::new(subject.input, renamed(subject.input, "mp3"), Tool::Ffmpeg, arguments)
}

/// Streams and encoding of a video that plays on all phones: H.264 Main profile without B-frames, AAC, `moov` first.
const FIRST_STREAMS: &str = "-map 0:v:0 -map 0:a:0?";
const H264: &str = "-c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p";

/// Any video to an MP4 that plays on all phones and is below the size limit.
pub(super) fn mp4(subject: &Subject<'_>, format: &Format) -> Recipe {
    if subject.size > SMALL_VIDEO {
        let by_duration = match format {
            Format::Mp4(mp4) => small_mp4(subject, mp4),
            _ => None,
        };
        return by_duration.unwrap_or_else(|| mp4_of_any_length(subject));
    }
    // Animations have no frame rate of their own, for which ffmpeg would take that of their clock.
    let rate = if matches!(format, Format::Gif { .. } | Format::Png(_)) { "fps=25," } else { "" };
    let arguments = format!(
        "-i {{in}} {FIRST_STREAMS} -vf {rate}scale=trunc(iw/2)*2:trunc(ih/2)*2 {H264} -c:a aac -movflags +faststart {{out}}"
    );
    Recipe::new(subject.input, renamed(subject.input, "mp4"), Tool::Ffmpeg, &arguments)
}

/// A video below the size limit, in the best of a few qualities.
pub(super) fn mp4_of_any_length(subject: &Subject<'_>) -> Recipe {
    let arguments = format!(
        "-y -i {{in}} {FIRST_STREAMS} -vf scale=-2:min(720\\,trunc(ih/2)*2) {H264} -crf {{level}} -c:a aac -b:a 64k -movflags \
         +faststart {{out}}"
    );
    Recipe::new(subject.input, beside(subject.input, "mp4"), Tool::Ffmpeg, &arguments)
        .until(&["23", "28", "34", "40"], MOST_OF_VIDEO)
}

/// Remuxes the first video and audio stream into a new MP4 with `moov` first, without encoding them again.
pub(super) fn remux(subject: &Subject<'_>) -> Recipe {
    let arguments = format!("-i {{in}} {FIRST_STREAMS} -c copy -movflags +faststart {{out}}");
    Recipe::new(subject.input, renamed(subject.input, "mp4"), Tool::Ffmpeg, &arguments)
}

/// Copies the video stream and encodes the audio as AAC.
pub(super) fn aac_audio(subject: &Subject<'_>) -> Recipe {
    let arguments = format!("-i {{in}} {FIRST_STREAMS} -c:v copy -c:a aac -movflags +faststart {{out}}");
    Recipe::new(subject.input, renamed(subject.input, "mp4"), Tool::Ffmpeg, &arguments)
}

/// A video of at most 15 MB, at the bit rate that its duration allows; `None` if the bit rate would be too low or the duration is
/// unknown.
pub(super) fn small_mp4(subject: &Subject<'_>, mp4: &Mp4) -> Option<Recipe> {
    const BITS: u64 = 15_000_000 * 8;
    const AUDIO: u64 = 64;
    /// Below this bit rate, in kbit/s, the video is unwatchable.
    const LEAST: u64 = 100;
    let milliseconds = mp4.duration_ms.filter(|&duration| duration > 0)?;
    // Bits per millisecond are kilobits per second.
    let kilobits = (BITS / milliseconds).checked_sub(AUDIO)?.min(2500);
    let height = if kilobits < 400 { 360 } else { 720 };
    (kilobits >= LEAST).then(|| {
        let arguments = format!(
            "-i {{in}} {FIRST_STREAMS} -vf scale=-2:min({height}\\,trunc(ih/2)*2) {H264} -b:v {kilobits}k -maxrate {kilobits}k \
             -bufsize {}k -c:a aac -b:a {AUDIO}k -movflags +faststart {{out}}",
            2 * kilobits,
        );
        Recipe::new(subject.input, beside(subject.input, "mp4"), Tool::Ffmpeg, &arguments)
    })
}

/// The first frame of a video as an image.
fn first_frame(subject: &Subject<'_>) -> Recipe {
    let arguments = "-i {in} -map 0:v:0 -frames:v 1 -pix_fmt yuvj420p -q:v 3 -update 1 {out}";
    Recipe::new(subject.input, renamed(subject.input, "jpg"), Tool::Ffmpeg, arguments)
}

/// Rewrites a PDF so that it is complete and starts with its header.
pub(super) fn pdf(subject: &Subject<'_>) -> Recipe {
    Recipe::new(subject.input, beside(subject.input, "pdf"), Tool::Qpdf, "{in} {out}")
}

/// Rewrites a truncated PDF; if too much is missing, it has to be exported again.
pub(super) fn broken_pdf(subject: &Subject<'_>) -> Fix {
    Fix::from(pdf(subject)).then("or, if that fails, export or download it again")
}

/// Removes a PDF's encryption. No password is needed if the PDF opens without one.
pub(super) fn decrypted_pdf(subject: &Subject<'_>) -> Fix {
    let recipe = Recipe::new(subject.input, beside(subject.input, "pdf"), Tool::Qpdf, "--decrypt {in} {out}");
    Fix::from(recipe).then("or, if it needs a password to open, add --password=...")
}

/// Any office document to the format of this extension, under the same name in a new folder.
pub(super) fn office(subject: &Subject<'_>, extension: &str) -> Recipe {
    let name = Path::new(subject.input.file_name().unwrap_or_default()).with_extension(extension);
    let arguments = format!("--headless --convert-to {extension} --outdir {{folder}} {{in}}");
    Recipe::new(subject.input, Path::new("whatsapp").join(name), Tool::LibreOffice, &arguments)
}

/// Any text to UTF-8.
pub(super) fn utf8(subject: &Subject<'_>, from: &str) -> Recipe {
    let extension = subject.input.extension().and_then(|extension| extension.to_str()).unwrap_or("txt");
    let output = beside(subject.input, extension);
    Recipe::new(subject.input, output, Tool::Iconv, &format!("-f {from} -t UTF-8 {{in}}"))
}

/// A recipe that converts this format to one that `kind` accepts; `None` if none is known.
pub(super) fn convert(kind: Kind, subject: &Subject<'_>, format: &Format) -> Option<Recipe> {
    let is_theora = matches!(format, Format::Ogg(ogg) if ogg.codec == OggCodec::Theora);
    let is_video = is_theora
        || matches!(format, Format::OtherVideo(_))
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
    let has_audio = !is_theora
        && (is_video
            || matches!(
                format,
                Format::Ogg(_)
                    | Format::Amr(_)
                    | Format::Adts(_)
                    | Format::Mp3(_)
                    | Format::Mp4(_)
                    | Format::OtherAudio(_)
            ));
    let is_animated = match format {
        Format::Gif { is_animated } => *is_animated,
        Format::WebP(webp) => webp.is_animated,
        _ => false,
    };
    match kind {
        Kind::Image if is_image => Some(jpeg(subject)),
        Kind::Image if is_video => Some(first_frame(subject)),
        Kind::Sticker if is_image => Some(sticker(subject, is_animated)),
        Kind::Audio if has_audio => Some(match format {
            Format::Mp4(found) if format_types::is_audio_only(found) => remux_audio(subject, found),
            _ => opus(subject, format),
        }),
        Kind::Video if is_video => Some(match format {
            Format::Mp4(found) if has_accepted_streams(found) => remux(subject),
            _ => mp4(subject, format),
        }),
        Kind::Video if matches!(format, Format::Gif { is_animated: true }) => Some(mp4(subject, format)),
        _ => None,
    }
}

/// Whether WhatsApp accepts all its streams, so that they need not be encoded again.
fn has_accepted_streams(mp4: &Mp4) -> bool {
    mp4.tracks.iter().all(|track| match track.detail {
        TrackDetail::Avc { profile, has_reordering, .. } => {
            profile <= 77 || (profile == 100 && has_reordering == Some(false))
        }
        TrackDetail::Mpeg4Audio { .. } => super::audio_codec::is_accepted(track),
        TrackDetail::Video { .. } | TrackDetail::Audio { .. } => false,
        TrackDetail::None => true,
    })
}
