//! Ignored by default: comparison of audio and video with `ffprobe`, and mutated files for two minutes.

use std::process::Command;

use super::*;

/// File extensions of audio and video.
const EXTENSIONS: &[&str] = &[
    "mp4", "m4a", "3gp", "mov", "ogg", "mp3", "mp2", "aac", "amr", "wav", "flac", "aiff", "caf", "wma",
    "wmv", "webm", "mkv", "avi", "mpg", "ts", "flv",
];

/// The audio and video files of `tests/media`.
fn files() -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|our| extension == *our))
    };
    let entries = std::fs::read_dir(folder("tests/media")).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(is_ours).collect();
    assert!(files.len() > 40, "{} files", files.len());
    files
}

/// Recognises mutated files for two minutes: no reader may panic. Prints the slowest.
#[test]
#[ignore = "takes two minutes"]
fn mutated_files_for_two_minutes() {
    let files: Vec<_> = files().iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % most as u64).unwrap()
    };
    let begin = std::time::Instant::now();
    let mut slowest = (std::time::Duration::ZERO, String::new());
    let mut rounds = 0;
    while begin.elapsed().as_secs() < 120 {
        let mut bytes = files[random(files.len())].clone();
        for _ in 0..=random(12) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][random(5)],
                1 => bytes[at] = u8::try_from(random(256)).unwrap(),
                2 => {
                    let end = bytes.len().min(at + 4);
                    bytes[at..end].fill([0, 0xFF][random(2)]);
                }
                _ => {
                    let from = random(bytes.len());
                    let count = random(64).min(bytes.len() - at.max(from));
                    bytes.copy_within(from..from + count, at);
                }
            }
        }
        let once = std::time::Instant::now();
        let recognised = recognise_bytes(&bytes);
        if once.elapsed() > slowest.0 {
            slowest = (once.elapsed(), format!("{recognised:?}"));
        }
        rounds += 1;
    }
    println!("{rounds} files; the slowest took {:?}: {:.300}", slowest.0, slowest.1);
}

/// The `key=value` fields that `ffprobe` prints for each stream of `path`.
fn probed(path: &Path) -> Vec<Vec<(String, String)>> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "compact=p=0"])
        .args([
            "-show_entries",
            "stream=codec_name,codec_type,profile,level,width,height,channels,sample_rate",
        ])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    assert!(output.status.success());
    let pair = |field: &str| field.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .filter(|line| line.contains("codec_type"))
        .map(|line| line.split('|').filter_map(pair).collect())
        .collect()
}

/// Whether `ffprobe` lists a packet of the first video stream of `path` that is displayed before one stored before it.
fn is_reordered(path: &Path) -> bool {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=pts",
            "-of",
            "default=nk=1:nw=1",
        ])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let lines = String::from_utf8(output.stdout).unwrap();
    let shown: Vec<i64> = lines.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(shown.len() > 1, "{}", path.display());
    !shown.is_sorted()
}

/// Compares recognition of every file with `ffprobe`.
#[test]
#[ignore = "needs ffprobe"]
fn ffprobe_agrees() {
    for path in files() {
        let streams = probed(&path);
        let get = |stream: usize, key: &str| {
            let found = streams[stream].iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let name = path.display();
        match recognise_bytes(&std::fs::read(&path).unwrap()).format {
            Format::Mp4(movie) => {
                assert_eq!(movie.tracks.len(), streams.len(), "{name}");
                for (at, track) in movie.tracks.iter().enumerate() {
                    match &track.detail {
                        TrackDetail::Avc { profile, level, has_reordering, width, height } => {
                            let name_of_profile = match profile {
                                66 => "Constrained Baseline",
                                77 => "Main",
                                _ => "High",
                            };
                            assert_eq!(
                                (&*get(at, "codec_name"), &*get(at, "profile")),
                                ("h264", name_of_profile),
                                "{name}"
                            );
                            assert_eq!(*has_reordering, Some(is_reordered(&path)), "{name}");
                            assert_eq!(get(at, "level"), level.to_string(), "{name}");
                            assert_eq!(
                                [get(at, "width"), get(at, "height")],
                                [width, height].map(u16::to_string),
                                "{name}"
                            );
                        }
                        TrackDetail::Video { width, height } => {
                            assert_eq!(
                                [get(at, "width"), get(at, "height")],
                                [width, height].map(u16::to_string),
                                "{name}"
                            );
                        }
                        TrackDetail::Mpeg4Audio { object_type, channels, .. } => {
                            // For MP3, only the sample entry is read, and ffmpeg always writes 2 channels there.
                            if *object_type != 0x40 {
                                continue;
                            }
                            let codec = "aac";
                            assert_eq!(
                                [get(at, "codec_name"), get(at, "channels")],
                                [codec.into(), channels.to_string()],
                                "{name}"
                            );
                        }
                        TrackDetail::Audio { channels } => {
                            assert_eq!(get(at, "channels"), channels.to_string(), "{name}");
                        }
                        TrackDetail::None => panic!("{name}: track {at}"),
                    }
                }
            }
            Format::Ogg(ogg) => {
                assert_eq!(ogg.streams, streams.len(), "{name}");
                assert_eq!(format!("{:?}", ogg.codec).to_lowercase(), get(0, "codec_name"), "{name}");
                let channels = ogg.channels.map(|channels| channels.to_string()).unwrap_or_default();
                assert_eq!(channels, get(0, "channels"), "{name}");
            }
            Format::Mp3(Mp3 { layer, sample_rate, channels }) => {
                let seen = [get(0, "codec_name"), get(0, "sample_rate"), get(0, "channels")];
                assert_eq!(
                    seen,
                    [format!("mp{layer}"), sample_rate.to_string(), channels.to_string()],
                    "{name}"
                );
            }
            Format::Adts(Adts { sample_rate, channels, .. }) => {
                let seen = [get(0, "codec_name"), get(0, "sample_rate"), get(0, "channels")];
                assert_eq!(seen, ["aac".into(), sample_rate.to_string(), channels.to_string()], "{name}");
            }
            Format::Amr(Amr { is_wideband, channels }) => {
                let codec = if is_wideband { "amr_wb" } else { "amr_nb" };
                assert_eq!(
                    [get(0, "codec_name"), get(0, "channels")],
                    [codec.into(), channels.to_string()],
                    "{name}"
                );
            }
            Format::OtherAudio(_) => assert_eq!(get(0, "codec_type"), "audio", "{name}"),
            Format::OtherVideo(_) => assert_eq!(get(0, "codec_type"), "video", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
