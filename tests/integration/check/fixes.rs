//! Fixes: every command that `wamedia check` prints makes a file without findings, and `--fix` runs them.
//!
//! A test needs the tools that it names. Where one is not installed, the test prints so and leaves out what needs it; `.ci/run`
//! installs them where it can.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{ids, lines};
use crate::support::{Folder, Outcome, outcome, run, wamedia};

/// The beginnings of printed commands, and the programs that they need.
const COMMANDS: &[(&str, &str)] = &[
    ("convert ", "convert"),
    ("for q in 80 60 40 20 5; do convert ", "convert"),
    ("for q in 60 40 20 10 5 1; do convert ", "convert"),
    ("for q in ", "ffmpeg"),
    ("ffmpeg ", "ffmpeg"),
    ("iconv ", "iconv"),
    ("mv -n ", "mv"),
    ("qpdf ", "qpdf"),
];

fn media(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

/// Whether a program is installed; if not, says what is left out. Other programs are called `convert`, too, so its name is not enough.
fn is_installed(program: &str) -> bool {
    let script = match program {
        "convert" => "convert -version | grep -q ImageMagick".to_owned(),
        _ => format!("command -v {program}"),
    };
    let found = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_installed = found.is_ok_and(|status| status.success());
    if !is_installed {
        println!("{program} is not installed: the fixes that need it are not run");
    }
    is_installed
}

/// Runs a script with these arguments, which makes media that the repository does not have.
#[track_caller]
fn make(folder: &Folder, script: &str) {
    let made = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().expect("sh");
    assert!(made.status.success(), "{script}: {}", String::from_utf8_lossy(&made.stderr));
}

fn check(folder: &Folder, arguments: &[&str]) -> (Outcome, Vec<Value>) {
    let outcome = run(folder.path(), &[&["check", "--format", "json"], arguments].concat());
    let lines = lines(&outcome);
    (outcome, lines)
}

/// The command in a printed fix and the program that it needs.
fn command(fix: &str) -> Option<(&str, &str)> {
    let first = fix.lines().next()?;
    let (at, program) = COMMANDS.iter().find_map(|(begin, program)| {
        let at = if first.starts_with(begin) { 0 } else { first.find(&format!(": {begin}"))? + 2 };
        Some((at, *program))
    })?;
    Some((&first[at..], program))
}

/// Runs every command that is printed for the file of this name, each in a folder of its own, and checks what it writes. Returns how
/// many were run.
fn run_printed_fixes(name: &str, bytes: &[u8], as_kind: Option<&str>) -> usize {
    let kind: Vec<_> = as_kind.iter().flat_map(|kind| ["--as", *kind]).collect();
    let folder = Folder::new();
    folder.write(name, bytes);
    let (_, reports) = check(&folder, &[&kind[..], &["--", name]].concat());
    let mut commands: Vec<_> = reports[0]["findings"]
        .as_array()
        .expect("findings")
        .iter()
        // Only advice, so it does not have to be followed.
        .filter(|finding| finding["id"] != "name-encoded")
        .filter_map(|finding| command(finding["fix"].as_str().expect("a fix")))
        .collect();
    commands.dedup();
    let mut count = 0;
    for (command, program) in commands {
        if !is_installed(program) {
            continue;
        }
        let folder = Folder::new();
        folder.write(name, bytes);
        let ran = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().expect("sh");
        assert!(ran.status.success(), "{name}: {command}: {}", String::from_utf8_lossy(&ran.stderr));
        let original = folder.path().join(name);
        if program == "mv" {
            assert!(!original.exists(), "{name}: {command}");
        } else {
            assert_eq!(fs::read(&original).expect("the original"), bytes, "{name}: {command} changed it");
            fs::remove_file(&original).expect("the original");
        }
        let (checked, reports) = check(&folder, &["."]);
        assert_eq!(reports.len(), 2, "{name}: {command} writes one file: {checked:?}");
        assert_eq!(reports[0]["verdict"], "fine", "{name}: {command}: {checked:?}");
        count += 1;
    }
    count
}

#[test]
fn every_printed_fix_makes_a_file_that_is_fine() {
    let mut count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media");
    for entry in fs::read_dir(folder).expect("the media") {
        let name = entry.expect("a file").file_name().into_string().expect("a name");
        // Its password is not known to anybody who checks it.
        let needs_password =
            ["encrypted.pdf", "encrypted-streams.pdf", "encrypted-linear.pdf"].contains(&&*name);
        if name != "README.md" && !needs_password {
            count += run_printed_fixes(&name, &media(&name), None);
        }
    }
    for (source, name, as_kind) in [
        ("still.heic", "photo.jpg", None),
        ("still.gif", "still.gif", Some("sticker")),
        ("moving.gif", "moving.gif", Some("sticker")),
        ("moving.gif", "moving.gif", Some("video")),
        ("rgb.png", "rgb.png", Some("sticker")),
        ("lossy.webp", "lossy.webp", Some("image")),
        ("video.mov", "clip.mp4", None),
        ("video.mov", "it's 100% \u{e9}.mov", None),
        ("still.heic", "a%d[1]*.heic", None),
        ("still.heic", "-x.heic", None),
        ("opus-mono.ogg", "voice.mp3", None),
        ("other.wav", "voice.mp3", None),
        ("audio.webm", "voice.ogg", None),
        ("audio.webm", "recording", None),
        ("video-fragmented.mp4", "a.m4a", None),
        ("plain.pdf", "invoice", None),
        ("letter.docx", "letter.zip", None),
    ] {
        count += run_printed_fixes(name, &media(source), as_kind);
    }
    // `mv` and `iconv` are everywhere.
    assert!(count >= 5, "{count} commands were run");
}

#[test]
fn fixes_make_large_and_low_quality_media_small_enough() {
    if !(is_installed("ffmpeg")
        && is_installed("convert")
        && is_installed("cwebp")
        && is_installed("img2webp"))
    {
        return;
    }
    let folder = Folder::new();
    make(
        &folder,
        "for n in 1 2 3 4 5 6; do convert -size 500x500 -seed $n xc: +noise Random $n.png; done
         convert -size 512x512 -seed 1 xc: +noise Random same.png
         img2webp -loop 0 -lossy -q 20 -d 100 [1-6].png -o moving.webp
         cwebp -quiet -q 5 1.png -o low.webp
         cwebp -quiet -q 95 same.png -o large.webp
         convert -size 2400x2400 -seed 1 xc: +noise Random large.jpg
         ffmpeg -nostdin -v error -f lavfi -i sine=sample_rate=48000:duration=100 -c:a libopus -b:a 64k -ac 1 long.ogg
         ffmpeg -nostdin -v error -f lavfi -i sine=sample_rate=48000:duration=200 -ac 2 -c:a pcm_s16le large.wav
         ffmpeg -nostdin -v error -f lavfi -i 'nullsrc=size=320x240:rate=25:duration=4,geq=random(1)*255:128:128' -c:v mjpeg -q:v 2 noise.avi",
    );
    for name in ["moving.webp", "low.webp", "large.webp", "large.jpg", "long.ogg", "large.wav", "noise.avi"] {
        let bytes = fs::read(folder.at(name)).expect(name);
        assert!(run_printed_fixes(name, &bytes, None) > 0, "{name} of {} bytes needs no fix", bytes.len());
    }
}

#[test]
fn audio_that_starts_late_or_has_a_gap_becomes_an_ogg_without() {
    if !(is_installed("ffmpeg") && is_installed("ffprobe")) {
        return;
    }
    let folder = Folder::new();
    make(
        &folder,
        "ffmpeg -nostdin -v error -f lavfi -i sine=sample_rate=48000:duration=4 -af \"aselect='lt(t,1)+gt(t,2.5)'\" -c:a pcm_s16le gap.mkv
         ffmpeg -nostdin -v error -f lavfi -i testsrc=size=32x32:rate=10:duration=3 -f lavfi -i sine=sample_rate=48000:duration=2 \
           -filter:a asetpts=PTS+1.5/TB -c:v mpeg4 -c:a pcm_s16le late.mkv",
    );
    for (name, seconds) in [("gap.mkv", 3.95..4.1), ("late.mkv", 1.95..2.1)] {
        let (outcome, reports) = check(&folder, &["--as", "audio", "--fix", name]);
        assert_eq!((outcome.code, &reports[1]["verdict"]), (Some(0), &"fine".into()), "{outcome:?}");
        let fixed = reports[1]["asset"].as_str().expect("a name");
        assert!(Path::new(&fixed).extension().is_some_and(|end| end == "ogg"), "{outcome:?}");
        let probed = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "format=start_time:packet=pts_time",
                "-of",
                "csv=p=0",
                fixed,
            ])
            .current_dir(folder.path())
            .output()
            .expect("ffprobe");
        let text = String::from_utf8(probed.stdout).expect("text");
        let mut times: Vec<f64> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        // The last line is that of the whole file.
        let start = times.pop().expect("a start time");
        assert!(start.abs() < 0.05, "{name} starts at {start}");
        // A packet of Opus has 20 ms.
        let gap = times.windows(2).map(|two| two[1] - two[0]).fold(0.0, f64::max);
        assert!(gap < 0.05, "{name} has a gap of {gap} s");
        let end = times.last().expect("packets") + 0.02;
        assert!(seconds.contains(&end), "{name} ends at {end}");
    }
}

#[test]
fn fix_writes_beside_the_original_and_prints_the_check_of_the_result() {
    let folder = Folder::new();
    let bytes = media("opus-mono.ogg");
    folder
        .write("m/voice.mp3", bytes.clone())
        .write("m/sub/voice.mp3", bytes.clone())
        .write("m/fine.ogg", bytes.clone());
    // A rename needs no tool.
    let outcome = run(folder.path(), &["check", "--fix", "m"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("  fixed with a copy:\nfine m/voice.ogg: Opus in Ogg as audio"),
        "{outcome:?}"
    );
    assert!(outcome.stdout.ends_with("3 checked: 2 refused, 1 fine; 2 fixed\n"), "{outcome:?}");
    for name in ["m/voice.mp3", "m/voice.ogg", "m/sub/voice.ogg"] {
        assert_eq!(fs::read(folder.at(name)).expect(name), bytes, "{name}");
    }
    let names: Vec<_> = fs::read_dir(folder.at("m"))
        .expect("the folder")
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    assert_eq!(names.len(), 4, "no temporary file stays: {names:?}");
    // Into a folder, with the structure below the checked one.
    let (outcome, reports) = check(&folder, &["--fix", "--out", "new/out", "m/sub"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(folder.at("new/out/voice.ogg").exists(), "{outcome:?}");
    let fixed = reports.iter().find(|report| report["fixed_from"].is_string()).expect("a fixed file");
    assert_eq!((&fixed["fixed_from"], &fixed["verdict"]), (&"m/sub/voice.mp3".into(), &"fine".into()));
    assert_eq!(fixed["tools"], serde_json::json!(["a copy"]));
    assert_eq!(reports.last().expect("a summary")["summary"]["fixed"], 1);
}

#[test]
fn fix_never_overwrites_a_file() {
    let folder = Folder::new();
    folder.write("a.mp3", media("opus-mono.ogg")).write("a.ogg", "mine").write("a-whatsapp.ogg", "mine too");
    let outcome = run(folder.path(), &["check", "--fix", "a.mp3"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("not fixed: `a-whatsapp.ogg` exists already"), "{outcome:?}");
    for (name, text) in [("a.ogg", "mine"), ("a-whatsapp.ogg", "mine too")] {
        assert_eq!(fs::read_to_string(folder.at(name)).expect(name), text);
    }
}

#[test]
fn fix_names_the_tool_that_is_missing() {
    let folder = Folder::new();
    folder
        .write("a.mov", media("video.mov"))
        .write("a.heic", media("still.heic"))
        .write("grey.png", media("grey1.png"));
    for (name, tool, code) in [
        ("a.mov", "ffmpeg is not installed; install it, such as with `apt-get install ffmpeg`", 1),
        (
            "a.heic",
            "ImageMagick (magick or convert), libvips (vips) or ffmpeg is needed, and none is installed",
            1,
        ),
        // Doubtful is no failure, but a missing tool is a system error.
        ("grey.png", "ImageMagick (magick or convert) or ffmpeg is needed, and none is installed", 3),
    ] {
        let mut command = wamedia();
        command.env("PATH", "/nonexistent").current_dir(folder.path()).args(["check", "--fix", name]);
        let outcome = outcome(&mut command);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.stdout.contains(&format!("  not fixed: {tool}")), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3, "nothing is left behind");
}

#[test]
fn fix_uses_the_tools_that_are_installed() {
    let folder = Folder::new();
    for (name, source) in
        [("a.mov", "video.mov"), ("b.webp", "lossy.webp"), ("c.heic", "still.heic"), ("d.mp4", "audio.webm")]
    {
        folder.write(name, media(source));
    }
    // A file that needs two fixes: another name first, then another container.
    folder.write("e.mp4", media("audio-aac-stereo.m4a"));
    for (name, kind, tool, program) in [
        ("a.mov", None, "ffmpeg", "ffmpeg"),
        ("b.webp", None, "ImageMagick", "convert"),
        ("c.heic", None, "ImageMagick", "convert"),
        ("e.mp4", Some("audio"), "a copy", "ffmpeg"),
    ] {
        if !is_installed(program) {
            continue;
        }
        let kind: Vec<_> = kind.iter().flat_map(|kind| ["--as", *kind]).collect();
        let (outcome, reports) = check(&folder, &[&kind[..], &["--fix", name]].concat());
        assert_eq!((outcome.code, &reports[1]["verdict"]), (Some(0), &"fine".into()), "{outcome:?}");
        assert_eq!(reports[1]["tools"][0], tool, "{outcome:?}");
    }
}

#[test]
fn fix_is_for_local_files() {
    let folder = Folder::new();
    for (arguments, part) in [
        (&["check", "--fix", "https://x.example/a.jpg"][..], "--fix works on files and folders"),
        (&["check", "--fix", "s3://media/a.jpg"], "--fix works on files and folders"),
        (&["check", "--out", "x", "a.jpg"], "--fix"),
        (&["check", "--fix", "--webhook", "-"], "cannot be used with"),
    ] {
        let outcome = run(folder.path(), arguments);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(part), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn fragmented_and_late_moov_audio_is_refused_in_metas_words() {
    let folder = Folder::new();
    let m4a = media("audio-aac-stereo.m4a");
    folder.write("a.m4a", m4a.clone()).write("a.mp4", m4a);
    for (arguments, name) in [(&["a.m4a"][..], "audio/mp4"), (&["--as", "audio", "a.mp4"], "video/mp4")] {
        let (outcome, reports) = check(&folder, arguments);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let found = ids(&reports[0]);
        let at = found.iter().position(|id| *id == "m4a-head-last").unwrap_or_else(|| panic!("{found:?}"));
        assert_eq!(
            reports[0]["findings"][at]["webhook"],
            format!(
                "Audio file uploaded with mimetype as {name}, however on processing it is of type application/octet-stream. Please \
                 choose a different file."
            )
        );
    }
}
