//! Audio and video from real tools, whole, truncated and after ID3 tags.

use proptest::prelude::*;

use super::*;

/// An MP4 file in one line: `isom first 200ms avc1/77/10/reordered/32x32 mp4a/40/2/1`.
fn line(movie: &Mp4) -> String {
    let mut line = format!("{} {:?}", movie.brand.as_deref().unwrap_or("-"), movie.moov).to_lowercase();
    if movie.is_fragmented {
        line += " fragmented";
    }
    line += &movie.duration_ms.map_or(" -".into(), |duration| format!(" {duration}ms"));
    for track in &movie.tracks {
        line += " ";
        line += &track.codec;
        let detail = match &track.detail {
            TrackDetail::Avc { profile, level, has_reordering, width, height } => {
                let order = match has_reordering {
                    Some(true) => "reordered",
                    Some(false) => "in-order",
                    None => "?",
                };
                format!("/{profile}/{level}/{order}/{width}x{height}")
            }
            TrackDetail::Video { width, height } => format!("/{width}x{height}"),
            TrackDetail::Mpeg4Audio { object_type, aac, channels } => {
                format!("/{object_type:x}/{}/{channels}", aac.map_or("-".into(), |aac| aac.to_string()))
            }
            TrackDetail::Audio { channels } => format!("/{channels}"),
            TrackDetail::None => String::new(),
        };
        line += &detail;
    }
    line
}

#[test]
fn mp4_files() {
    let table = [
        ("video-baseline.mp4", "isom first 200ms avc1/66/10/in-order/32x32 mp4a/40/2/1"),
        ("video-main.mp4", "isom first 200ms avc1/77/10/in-order/32x32 mp4a/40/2/1"),
        ("video-main-bframes.mp4", "isom first 200ms avc1/77/10/reordered/32x32 mp4a/40/2/1"),
        ("video-main-shifted.mp4", "isom first 200ms avc1/77/10/in-order/32x32 mp4a/40/2/1"),
        ("video-high-bframes-moov-last.mp4", "isom last 200ms avc1/100/10/reordered/32x32 mp4a/40/2/1"),
        ("video-high-silent.mp4", "isom first 200ms avc1/100/10/in-order/32x32"),
        ("video-bframes-negative.mp4", "iso4 last 200ms avc1/100/10/reordered/32x32 mp4a/40/2/1"),
        ("video-fragmented.mp4", "isom first fragmented - avc1/77/10/in-order/32x32 mp4a/40/2/1"),
        ("video-fragmented-bframes.mp4", "isom first fragmented - avc1/100/10/reordered/32x32 mp4a/40/2/1"),
        ("video-fragmented-negative.mp4", "iso6 first fragmented - avc1/100/10/reordered/32x32 mp4a/40/2/1"),
        ("video-two-audio.mp4", "isom first 200ms avc1/66/10/in-order/32x32 mp4a/40/2/1 mp4a/40/2/1"),
        ("video-hevc.mp4", "isom first 200ms hvc1/32x32 mp4a/40/2/1"),
        ("video-av1.mp4", "isom last 200ms av01/32x32"),
        ("video-mpeg4-mp3.mp4", "isom last 200ms mp4v/32x32 mp4a/6b/-/2"),
        ("video-opus.mp4", "isom last 200ms avc1/66/10/in-order/32x32 Opus/1"),
        ("video-amr.3gp", "3gp6 last 200ms avc1/66/10/in-order/32x32 samr/1"),
        ("video-aac.3gp", "3gp6 last 200ms avc1/66/10/in-order/32x32 mp4a/40/2/1"),
        ("video-h263.3gp", "3gp4 last 120ms s263/128x96"),
        ("video.mov", "qt   last 200ms avc1/77/10/reordered/32x32 mp4a/40/2/1"),
        ("video-pcm.mov", "qt   last 200ms avc1/77/10/reordered/32x32 sowt/1"),
        ("audio-aac-stereo.m4a", "m4a  last 100ms mp4a/40/2/2"),
        ("audio-alac.m4a", "m4a  last 100ms alac/1"),
    ];
    for (name, expected) in table {
        let Recognised { format: Format::Mp4(movie), damage } = recognise_bytes(&media(name)) else {
            panic!("{name} is not an MP4 file")
        };
        assert_eq!(line(&movie), expected, "{name}");
        assert_eq!(damage, [], "{name}");
        let kinds = movie.tracks.iter().map(|track| track.kind);
        assert!(kinds.eq(movie.tracks.iter().map(|track| match track.detail {
            TrackDetail::Avc { .. } | TrackDetail::Video { .. } => TrackKind::Video,
            _ => TrackKind::Audio,
        })));
    }
}

#[test]
fn audio_files_and_other_video() {
    use OggCodec::{Flac, Opus, Speex, Theora, Vorbis};
    let ogg = |codec, streams, channels| Format::Ogg(Ogg { codec, streams, channels });
    let mp3 = |layer, sample_rate, channels| Format::Mp3(Mp3 { layer, sample_rate, channels });
    let adts = |channels| Format::Adts(Adts { object_type: 2, sample_rate: 44_100, channels });
    let table = [
        ("opus-mono.ogg", ogg(Opus, 1, Some(1))),
        ("opus-stereo.ogg", ogg(Opus, 1, Some(2))),
        ("vorbis-stereo.ogg", ogg(Vorbis, 1, Some(2))),
        ("flac-mono.ogg", ogg(Flac, 1, Some(1))),
        ("speex-mono.ogg", ogg(Speex, 1, Some(1))),
        ("theora-vorbis.ogg", ogg(Theora, 2, None)),
        ("plain.mp3", mp3(3, 44_100, 2)),
        ("no-tag-mono.mp3", mp3(3, 44_100, 1)),
        ("cover.mp3", mp3(3, 44_100, 1)),
        ("mpeg2-mono.mp3", mp3(3, 16_000, 1)),
        ("layer2.mp2", mp3(2, 44_100, 2)),
        ("plain.aac", adts(1)),
        ("tagged-stereo.aac", adts(2)),
        ("narrow.amr", Format::Amr(Amr { is_wideband: false, channels: 1 })),
        ("wide.amr", Format::Amr(Amr { is_wideband: true, channels: 1 })),
        ("other.wav", Format::OtherAudio("WAV")),
        ("other.flac", Format::OtherAudio("FLAC")),
        ("other.aiff", Format::OtherAudio("AIFF")),
        ("other.caf", Format::OtherAudio("CAF")),
        ("other.wma", Format::OtherAudio("WMA")),
        ("other.wmv", Format::OtherVideo("WMV")),
        ("other.webm", Format::OtherVideo("WebM")),
        ("audio.webm", Format::OtherAudio("WebM")),
        ("other.mkv", Format::OtherVideo("Matroska")),
        ("other.avi", Format::OtherVideo("AVI")),
        ("other.mpg", Format::OtherVideo("MPEG-PS")),
        ("other.ts", Format::OtherVideo("MPEG-TS")),
        ("other.flv", Format::OtherVideo("FLV")),
    ];
    for (name, expected) in table {
        assert_eq!(recognise_bytes(&media(name)), Recognised { format: expected, damage: vec![] }, "{name}");
    }
}

#[test]
fn truncated_files_are_reported() {
    let names = ["video-main.mp4", "video-pcm.mov", "opus-mono.ogg", "narrow.amr", "plain.aac", "plain.mp3"];
    for name in names {
        let bytes = media(name);
        let Recognised { format, damage } = recognise_bytes(&bytes[..bytes.len() / 2]);
        assert!(matches!(damage[..], [Damage::Truncated(_)]), "{name}: {format:?} {damage:?}");
    }
}

/// An `ID3v2.4` tag with `length` bytes of content.
fn id3(length: u32) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| u8::try_from(length >> shift & 0x7F).unwrap());
    [b"ID3\x04\0\0", &size[..], &vec![0xFF; length as usize]].concat()
}

#[test]
fn the_format_after_an_id3_tag_is_recognised() {
    let large = id3(400_000);
    for name in ["no-tag-mono.mp3", "plain.aac", "other.flac", "opus-mono.ogg", "other.wav"] {
        let bytes = media(name);
        let bare = recognise_bytes(&bytes).format;
        assert_eq!(recognise_bytes(&[&large, &bytes[..]].concat()).format, bare, "{name} after a large tag");
        assert_eq!(
            recognise_bytes(&[&id3(3)[..], &id3(5), &bytes].concat()).format,
            bare,
            "{name} after two tags"
        );
        assert_eq!(
            recognise_bytes(&[&id3(20)[..], &[0; 3000], &bytes].concat()).format,
            bare,
            "{name} after padding"
        );
    }
    for name in ["no-tag-mono.mp3", "plain.aac"] {
        let bytes = media(name);
        let bare = recognise_bytes(&bytes).format;
        assert_eq!(
            recognise_bytes(&[&[0; 1500][..], &bytes].concat()).format,
            bare,
            "{name} after padding without a tag"
        );
        assert_eq!(
            recognise_bytes(&[&id3(20)[..], b"\xFF\xFBwrong", &bytes].concat()).format,
            bare,
            "{name} after a tag with a wrong size"
        );
    }
    let cut = recognise_bytes(&large[..1000]);
    assert_eq!(cut.format, Format::Unknown);
    assert!(matches!(cut.damage[..], [Damage::Truncated(_)]));
    assert_eq!(recognise_bytes(&[&id3(20)[..], b"nothing that is known"].concat()).format, Format::Unknown);
}

#[test]
fn ogg_amr_and_other_headers() {
    let page = |flags: u8, packet: &[u8]| {
        let head = [b"OggS\0", &[flags][..], &[0; 20], &[1, u8::try_from(packet.len()).unwrap()]].concat();
        [head, packet.to_vec()].concat()
    };
    let opus = page(2, b"OpusHead\x01\x01\0\0\0\0\0\0\0\0\0");
    let more = page(0, b"more");
    let ogg = |codec, streams, channels| Format::Ogg(Ogg { codec, streams, channels });
    let amr = |is_wideband, channels| Format::Amr(Amr { is_wideband, channels });
    let table: Vec<(&str, Vec<u8>, Format, &str)> = vec![
        (
            "a Skeleton stream first",
            [page(2, b"fishead\0"), opus.clone(), more.clone()].concat(),
            ogg(OggCodec::Opus, 1, Some(1)),
            "",
        ),
        (
            "two streams",
            [opus.clone(), opus.clone(), more.clone()].concat(),
            ogg(OggCodec::Opus, 2, Some(1)),
            "",
        ),
        (
            "an unknown codec",
            [page(2, b"\x01video"), more.clone()].concat(),
            ogg(OggCodec::Unknown, 1, None),
            "",
        ),
        ("the middle of a stream", more.clone(), ogg(OggCodec::Unknown, 0, None), "in the middle"),
        ("only first pages", opus.clone(), ogg(OggCodec::Opus, 1, Some(1)), "after the first pages"),
        (
            "junk between",
            [opus.clone(), b"junk".to_vec()].concat(),
            ogg(OggCodec::Opus, 1, Some(1)),
            "no Ogg page begins at byte 47",
        ),
        ("multichannel", b"#!AMR_MC1.0\n\0\0\0\x06\x7C".to_vec(), amr(false, 6), ""),
        ("multichannel, wide", b"#!AMR-WB_MC1.0\n\0\0\0\x02\x74".to_vec(), amr(true, 2), ""),
        ("no channels", b"#!AMR_MC1.0\n\0\0\0\0\x7C".to_vec(), amr(false, 1), "no channels"),
        ("no frames", b"#!AMR\n".to_vec(), amr(false, 1), "no frames"),
        ("an invalid frame header", b"#!AMR\n\x7C\x4C".to_vec(), amr(false, 1), "at byte 7"),
        ("padding that is not zero", b"#!AMR\n\x83".to_vec(), amr(false, 1), "at byte 6"),
        (
            "a truncated page",
            [&opus[..], &more[..30]].concat(),
            ogg(OggCodec::Opus, 1, Some(1)),
            "32 bytes, but 30",
        ),
        ("MIDI", b"MThd\0\0\0\x06\0\x01".to_vec(), Format::OtherAudio("MIDI"), ""),
        (
            "M2TS",
            [[0; 4].to_vec(), vec![0x47; 188], [0; 4].to_vec(), vec![0x47; 188]].concat(),
            Format::OtherVideo("MPEG-TS"),
            "",
        ),
    ];
    for (what, bytes, format, reason) in table {
        let recognised = recognise_bytes(&bytes);
        assert_eq!(recognised.format, format, "{what}");
        match &recognised.damage[..] {
            [] => assert_eq!(reason, "", "{what}"),
            [Damage::Truncated(text) | Damage::Malformed(text)] => {
                assert!(!reason.is_empty() && text.contains(reason), "{what}: {text}");
            }
            more => panic!("{what}: {more:?}"),
        }
    }
}

#[test]
fn similar_bytes_are_not_media() {
    let table: [&[u8]; 8] = [
        b"\xFF\xFEH\0i\0 \0t\0h\0e\0r\0e\0",
        b"\xFF\xFB\x90\x00 and no second frame",
        b"the ftyp box is the first",
        b"the moov box is another",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"GOD SAVE THE KING",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"ID3 is a tag",
    ];
    for bytes in table {
        let is_media = |format: &Format| {
            matches!(
                format,
                Format::Mp3(_)
                    | Format::Adts(_)
                    | Format::Mp4(_)
                    | Format::OtherAudio(_)
                    | Format::OtherVideo(_)
            )
        };
        assert!(!is_media(&recognise_bytes(bytes).format), "{}", bytes.escape_ascii());
    }
}

#[test]
fn adts_truncated_within_any_frame_is_reported() {
    let whole = media("plain.aac").repeat(3);
    undamaged(&whole);
    let (mut at, mut frames) = (0, 0);
    while at < whole.len() {
        let length = usize::from(whole[at + 3] & 3) << 11
            | usize::from(whole[at + 4]) << 3
            | usize::from(whole[at + 5] >> 5);
        if frames > 5 {
            assert!(recognise_bytes(&whole[..at]).damage.is_empty(), "cut before frame {frames}");
            assert!(is_truncated(&recognise_bytes(&whole[..at + length - 1])), "cut in frame {frames}");
        }
        (at, frames) = (at + length, frames + 1);
    }
    assert!(frames > 7, "{frames} frames");
    // A tag after the last frame is not part of it.
    undamaged(&[&whole[..], b"TAG", &[b'x'; 125]].concat());
}

proptest! {
    #[test]
    fn any_bytes_after_a_signature_are_recognised_without_panic(
        magic in prop::sample::select(vec![
            &b""[..], b"OggS\0\x02", b"ID3\x04\0\0\0\0\0\x02", b"\0\0\0\x10ftypisom\0\0\0\0", b"#!AMR\n", b"#!AMR-WB_MC1.0\n",
            b"\xFF\xFB\x90\0", b"\xFF\xF1\x50\x80", b"\x1A\x45\xDF\xA3", &unsupported_media::ASF_HEADER, b"\0\0\0\x08moov",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        recognise_bytes(&[magic, &rest].concat());
    }
}
