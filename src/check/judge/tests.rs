//! Tables of assets and their findings: each rule applies to one asset and just not to another.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::asset::AssetPath;
use crate::check::Severity;
use crate::check::format::*;
use crate::check::rules::file_rules::ALL;

const MB: u64 = 1_000_000;

fn jpeg() -> Jpeg {
    Jpeg {
        width: 640,
        height: 480,
        precision: 8,
        components: 3,
        is_progressive: false,
        is_common_process: true,
        orientation: None,
    }
}

fn png(bit_depth: u8, colour: PngColour, is_animated: bool) -> Format {
    Format::Png(Png { width: 64, height: 64, bit_depth, colour, is_animated })
}

fn webp(side: u32, is_animated: bool) -> Format {
    Format::WebP(WebP { width: side, height: 512, is_animated, has_alpha: true })
}

fn ogg(codec: OggCodec, streams: usize, channels: u8) -> Format {
    Format::Ogg(Ogg { codec, streams, channels: Some(channels) })
}

fn amr(is_wideband: bool, channels: u8) -> Format {
    Format::Amr(Amr { is_wideband, channels })
}

fn avc(profile: u8, has_reordering: Option<bool>) -> Track {
    let detail = TrackDetail::Avc { profile, level: 31, has_reordering, width: 320, height: 240 };
    Track { kind: TrackKind::Video, codec: "avc1".to_owned(), detail }
}

fn hevc() -> Track {
    let detail = TrackDetail::Video { width: 320, height: 240 };
    Track { kind: TrackKind::Video, codec: "hvc1".to_owned(), detail }
}

fn aac(object_type: u8, aac: u8) -> Track {
    let detail = TrackDetail::Mpeg4Audio { object_type, aac: Some(aac), channels: 2 };
    Track { kind: TrackKind::Audio, codec: "mp4a".to_owned(), detail }
}

fn movie(brand: &str, compatible: &[&str], tracks: Vec<Track>) -> Mp4 {
    Mp4 {
        brand: Some(brand.to_owned()),
        compatible: compatible.iter().map(|&brand| brand.to_owned()).collect(),
        tracks,
        moov: MoovPosition::First,
        is_fragmented: false,
        duration_ms: Some(10_000),
    }
}

fn mp4(tracks: Vec<Track>) -> Format {
    Format::Mp4(Box::new(movie("isom", &["mp41"], tracks)))
}

fn pdf(junk_before: u64, is_encrypted: bool, has_end: bool) -> Format {
    Format::Pdf(Pdf { version: "1.7".to_owned(), junk_before, is_encrypted, has_end })
}

fn text(encoding: TextEncoding) -> Format {
    Format::Text(Text { encoding, has_bom: false })
}

/// A file of this name, as it is served.
fn subject<'a>(name: &'a str, media_type: &'a MediaType, size: u64) -> Subject<'a> {
    Subject {
        name,
        input: Path::new(name),
        origin: Origin::File,
        media_type: Some(media_type),
        size,
        as_kind: None,
    }
}

/// The rule ids found for a file of this name, size and format, in order.
fn found(name: &str, as_kind: Option<Kind>, size: u64, recognised: &Recognised) -> Vec<&'static str> {
    let media_type =
        AssetPath::from_plain(name).map_or(MediaType::OCTET_STREAM, |path| whatsapp::media_type(&path));
    found_as(name, Some(&media_type), as_kind, size, recognised)
}

fn found_as(
    name: &str,
    media_type: Option<&MediaType>,
    as_kind: Option<Kind>,
    size: u64,
    recognised: &Recognised,
) -> Vec<&'static str> {
    let subject = Subject { name, input: Path::new(name), origin: Origin::Url, media_type, size, as_kind };
    let judgement = judge(&subject, recognised);
    for finding in &judgement.findings {
        assert!(!finding.fix.is_empty() && !finding.seen.is_empty(), "{name}: {finding:?}");
    }
    let ids: Vec<_> = judgement.findings.iter().map(|finding| finding.rule.id).collect();
    record(&ids);
    ids
}

thread_local! {
    /// The rules found on this thread. Each test has its own thread.
    static FOUND: RefCell<BTreeSet<&'static str>> = RefCell::default();
}

fn record(ids: &[&'static str]) {
    FOUND.with_borrow_mut(|met| met.extend(ids));
}

#[test]
fn the_tables_cover_every_rule() {
    media_types_are_checked_against_kind_bytes_and_extension();
    content_type_headers_are_checked_against_bytes_and_names();
    sizes_above_powers_of_ten_are_doubtful_and_above_powers_of_two_refused();
    image_audio_video_and_document_rules();
    damage_is_refused_in_media_and_doubtful_in_documents();
    names_are_checked_for_use_in_a_link();
    // Rules on a file's mtime and an object's metadata are not part of this module.
    record(&[
        "no-date",
        "shared-date",
        "archived",
        "content-encoding",
        "content-encoding-false",
        "content-encoding-upload",
    ]);
    let all: BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(FOUND.take(), all);
}

fn undamaged(format: Format) -> Recognised {
    Recognised { format, damage: Vec::new() }
}

#[test]
fn files_of_every_listed_format_have_no_findings() {
    for (name, format) in [
        ("a.jpg", Format::Jpeg(jpeg())),
        ("a.JPEG", Format::Jpeg(Jpeg { is_progressive: true, orientation: Some(1), ..jpeg() })),
        ("a.png", png(8, PngColour::Rgba, false)),
        ("a.webp", webp(512, true)),
        ("a.ogg", ogg(OggCodec::Opus, 1, 1)),
        ("a.opus", ogg(OggCodec::Opus, 1, 1)),
        ("a.amr", amr(false, 1)),
        ("a.aac", Format::Adts(Adts { object_type: 2, sample_rate: 44100, channels: 2 })),
        ("a.mp3", Format::Mp3(Mp3 { layer: 3, sample_rate: 44100, channels: 2 })),
        ("a.m4a", Format::Mp4(Box::new(movie("M4A ", &[], vec![aac(0x40, 2)])))),
        ("a.mp4", mp4(vec![avc(77, Some(true)), aac(0x40, 2)])),
        ("a.mp4", mp4(vec![avc(100, Some(false))])),
        ("a.3gp", Format::Mp4(Box::new(movie("3gp4", &[], vec![avc(66, Some(false))])))),
        ("a.pdf", pdf(0, false, true)),
        ("a.docx", Format::Zip(Zip::Docx)),
        ("a.xls", Format::Compound(Compound::Xls)),
        ("a.txt", text(TextEncoding::Utf8)),
        ("a.txt", Format::Json { is_error: false }),
        ("a.txt", Format::Xml { is_error: false }),
        ("a.txt", Format::Svg),
    ] {
        assert!(found(name, None, 1000, &undamaged(format.clone())).is_empty(), "{name}: {format:?}");
    }
}

#[test]
fn media_types_are_checked_against_kind_bytes_and_extension() {
    let image = Some(Kind::Image);
    for (name, as_kind, format, expected) in [
        ("a.jpg", None, Format::Empty, &["empty"][..]),
        ("a.webp", image, webp(512, false), &["webp-as-image"]),
        ("a.gif", image, Format::Gif { is_animated: true }, &["type-not-taken"]),
        ("a.heic", image, Format::Heif { brand: "heic".to_owned() }, &["type-not-taken"]),
        ("a.svg", image, Format::Svg, &["type-not-taken"]),
        ("a.gif", None, Format::Gif { is_animated: false }, &["type-not-taken"]),
        ("a.gif", Some(Kind::Document), Format::Gif { is_animated: false }, &["type-not-listed"]),
        ("a.jpg", Some(Kind::Document), Format::Jpeg(jpeg()), &["type-not-listed"]),
        ("a.html", image, Format::Html, &["page-instead"]),
        ("photo", None, Format::Jpeg(jpeg()), &["octet-stream"]),
        ("a.jpg", None, webp(512, false), &["bytes-disagree"]),
        ("a.jpg", None, Format::Heif { brand: "heic".to_owned() }, &["bytes-disagree"]),
        ("a.jpg", None, Format::Unknown, &["bytes-disagree"]),
        ("a.mp3", None, Format::Unknown, &["bytes-unknown"]),
        ("a.mp3", None, ogg(OggCodec::Opus, 1, 1), &["bytes-disagree"]),
        ("a.mp3", None, Format::OtherAudio("WAV"), &["bytes-disagree"]),
        (
            "a.m4a",
            None,
            Format::Adts(Adts { object_type: 2, sample_rate: 44100, channels: 2 }),
            &["bytes-disagree"],
        ),
        ("a.mp4", None, Format::OtherVideo("WebM"), &["bytes-disagree"]),
        ("a.mp4", None, Format::OtherAudio("WebM"), &["bytes-disagree"]),
        ("a.ogg", None, Format::OtherAudio("WebM"), &["bytes-disagree"]),
        ("a.webm", None, Format::OtherAudio("WebM"), &["type-not-taken"]),
        ("a.webm", None, Format::OtherVideo("WebM"), &["type-not-taken"]),
        ("a.mkv", None, Format::OtherVideo("Matroska"), &["type-not-taken"]),
        ("a.webm", Some(Kind::Document), Format::OtherVideo("WebM"), &["type-not-listed"]),
        ("a.avi", None, Format::OtherVideo("AVI"), &["type-not-taken"]),
        ("recording", None, Format::OtherAudio("WebM"), &["octet-stream"]),
        ("a.txt", None, Format::Html, &["page-as-text"]),
        ("a.txt", None, Format::Json { is_error: true }, &["page-as-text"]),
        ("a.txt", None, Format::Xml { is_error: true }, &["page-as-text"]),
        ("a.csv", None, Format::Html, &["type-not-listed", "page-as-text"]),
        ("a.csv", None, Format::Json { is_error: true }, &["type-not-listed", "page-as-text"]),
        ("a.csv", None, Format::Json { is_error: false }, &["type-not-listed"]),
        ("a.html", None, Format::Html, &["type-not-listed"]),
        ("a.json", None, Format::Json { is_error: true }, &["type-not-listed"]),
        ("a.pdf", None, Format::Html, &["page-instead"]),
        ("a.jpg", None, Format::Json { is_error: false }, &["page-instead"]),
        ("a.docx", None, Format::Zip(Zip::Plain), &["bytes-disagree"]),
        ("a.docx", None, Format::Zip(Zip::OpenDocument), &["bytes-disagree"]),
        ("a.docx", None, Format::Compound(Compound::Doc), &["bytes-disagree"]),
        ("a.docx", None, Format::Zip(Zip::MacroEnabled), &["bytes-disagree"]),
        ("a.csv", None, text(TextEncoding::Utf8), &["type-not-listed"]),
        ("a.webp", None, webp(511, false), &["sticker-size"]),
        ("a.mov", None, Format::Mp4(Box::new(movie("qt  ", &[], vec![avc(77, None)]))), &["type-not-taken"]),
        ("a.mp4", None, Format::Mp4(Box::new(movie("qt  ", &[], vec![avc(77, None)]))), &["video-quicktime"]),
        (
            "a.mp4",
            None,
            Format::Mp4(Box::new(movie("qt  ", &["mp42"], vec![avc(77, None)]))),
            &["video-brand"],
        ),
    ] {
        assert_eq!(found(name, as_kind, 1000, &undamaged(format)), expected, "{name} as {as_kind:?}");
    }
}

#[test]
fn content_type_headers_are_checked_against_bytes_and_names() {
    for (name, header, format, expected) in [
        ("a.jpg", Some("application/octet-stream"), Format::Jpeg(jpeg()), &["octet-stream"][..]),
        ("a.jpg", Some("image/jpg"), Format::Jpeg(jpeg()), &["type-not-taken"]),
        ("a.jpg", Some("image/jpeg; charset=binary"), Format::Jpeg(jpeg()), &[]),
        ("a.png", Some("image/jpeg"), Format::Jpeg(jpeg()), &["extension-disagrees"]),
        ("a.jpg", Some("image/png"), Format::Jpeg(jpeg()), &["bytes-disagree"]),
        ("a.opus", Some("audio/opus"), ogg(OggCodec::Opus, 1, 1), &["audio-opus"]),
        ("a.ogg", Some("audio/ogg"), ogg(OggCodec::Opus, 1, 1), &[]),
        ("a.jpg", None, Format::Jpeg(jpeg()), &[]),
        ("", Some("application/pdf"), pdf(0, false, true), &["document-name"]),
        ("a.txt", Some("text/plain; charset=windows-1252"), text(TextEncoding::Legacy), &[]),
    ] {
        let header = header.map(|header| MediaType::parse(header).expect("a type"));
        assert_eq!(found_as(name, header.as_ref(), None, 1000, &undamaged(format)), expected, "{name}");
    }
}

#[test]
fn sizes_above_powers_of_ten_are_doubtful_and_above_powers_of_two_refused() {
    let (doubtful, refused) = (&["size-doubtful"][..], &["too-large"][..]);
    for (name, format, size, expected) in [
        ("a.jpg", Format::Jpeg(jpeg()), 5 * MB, &[][..]),
        ("a.jpg", Format::Jpeg(jpeg()), 5 * MB + 1, doubtful),
        ("a.jpg", Format::Jpeg(jpeg()), 5 << 20, doubtful),
        ("a.jpg", Format::Jpeg(jpeg()), (5 << 20) + 1, refused),
        ("a.mp4", mp4(vec![avc(66, Some(false))]), (16 << 20) + 1, refused),
        ("a.pdf", pdf(0, false, true), 100 * MB, &[]),
        ("a.pdf", pdf(0, false, true), (100 << 20) + 1, refused),
        ("a.webp", webp(512, false), 100_000, &[]),
        ("a.webp", webp(512, false), 102_400, doubtful),
        ("a.webp", webp(512, false), 102_401, refused),
        ("a.webp", webp(512, true), 500_000, &[]),
        ("a.webp", webp(512, true), 512_001, refused),
        ("a.ogg", ogg(OggCodec::Opus, 1, 1), 512_000, &[]),
        ("a.ogg", ogg(OggCodec::Opus, 1, 1), 512_001, &["voice-size"]),
    ] {
        assert_eq!(found(name, None, size, &undamaged(format)), expected, "{name} of {size} bytes");
    }
}

#[test]
fn image_audio_video_and_document_rules() {
    let with = |change: fn(&mut Mp4)| {
        let mut movie = movie("isom", &[], vec![avc(66, Some(false)), aac(0x40, 2)]);
        change(&mut movie);
        Format::Mp4(Box::new(movie))
    };
    let sound = |change: fn(&mut Mp4)| {
        let mut audio = movie("M4A ", &[], vec![aac(0x40, 2)]);
        change(&mut audio);
        Format::Mp4(Box::new(audio))
    };
    let alac = Track {
        kind: TrackKind::Audio,
        codec: "alac".to_owned(),
        detail: TrackDetail::Audio { channels: 2 },
    };
    for (name, format, expected) in [
        ("a.jpg", Format::Jpeg(Jpeg { components: 4, ..jpeg() }), &["image-cmyk"][..]),
        ("a.jpg", Format::Jpeg(Jpeg { components: 1, ..jpeg() }), &["image-not-rgb"]),
        ("a.jpg", Format::Jpeg(Jpeg { precision: 12, ..jpeg() }), &["image-depth"]),
        ("a.jpg", Format::Jpeg(Jpeg { is_common_process: false, ..jpeg() }), &["image-process"]),
        ("a.jpg", Format::Jpeg(Jpeg { orientation: Some(6), ..jpeg() }), &["image-orientation"]),
        ("a.png", png(16, PngColour::Rgb, false), &["image-depth"]),
        ("a.png", png(8, PngColour::Indexed, false), &["image-not-rgb"]),
        ("a.png", png(8, PngColour::Rgb, true), &["image-animated"]),
        ("a.ogg", ogg(OggCodec::Vorbis, 1, 1), &["ogg-not-opus"]),
        ("a.ogg", ogg(OggCodec::Opus, 1, 2), &["ogg-not-mono"]),
        ("a.ogg", ogg(OggCodec::Opus, 2, 1), &["ogg-streams"]),
        ("a.amr", amr(true, 1), &["amr-variant"]),
        ("a.amr", amr(false, 2), &["amr-variant"]),
        ("a.mp3", Format::Mp3(Mp3 { layer: 2, sample_rate: 44100, channels: 2 }), &["mp3-layer"]),
        ("a.aac", Format::Adts(Adts { object_type: 1, sample_rate: 44100, channels: 2 }), &["aac-profile"]),
        ("a.m4a", mp4(vec![aac(0x40, 42)]), &["aac-profile"]),
        ("a.m4a", mp4(vec![alac.clone()]), &["m4a-codec"]),
        ("a.m4a", mp4(vec![aac(0x40, 2), avc(66, Some(false))]), &["m4a-video"]),
        ("a.mp4", mp4(vec![aac(0x40, 2)]), &["no-video"]),
        ("a.mp4", mp4(vec![hevc()]), &["video-codec"]),
        ("a.mp4", mp4(vec![avc(66, Some(false)), alac]), &["video-audio-codec"]),
        ("a.mp4", mp4(vec![avc(66, Some(false)), aac(0x6b, 2)]), &["video-audio-codec"]),
        ("a.mp4", mp4(vec![avc(66, Some(false)), aac(0x40, 2), aac(0x40, 2)]), &["video-audio-tracks"]),
        ("a.mp4", mp4(vec![avc(100, Some(true))]), &["video-b-frames"]),
        ("a.mp4", mp4(vec![avc(100, None)]), &["video-b-frames"]),
        ("a.mp4", mp4(vec![avc(110, Some(false))]), &["video-profile"]),
        ("a.mp4", with(|movie| movie.moov = MoovPosition::Last), &["video-head-last"]),
        ("a.mp4", with(|movie| movie.is_fragmented = true), &["video-fragmented"]),
        ("a.pdf", pdf(0, true, true), &["pdf-encrypted"]),
        ("a.pdf", pdf(3, false, true), &["pdf-junk"]),
        ("a.pdf", pdf(0, false, false), &["damaged-document"]),
        ("a.docx", Format::Compound(Compound::Encrypted), &["office-encrypted"]),
        ("a.docm", Format::Zip(Zip::MacroEnabled), &["type-not-listed", "office-macros"]),
        ("a.txt", text(TextEncoding::Legacy), &["text-encoding"]),
        ("a.txt", text(TextEncoding::Utf16), &["text-encoding"]),
        ("invoice", pdf(0, false, true), &["octet-stream", "document-name"]),
        ("a.m4a", sound(|audio| audio.is_fragmented = true), &["m4a-fragmented"]),
        ("a.m4a", sound(|audio| audio.moov = MoovPosition::Last), &["m4a-head-last"]),
        ("a.m4a", sound(|audio| audio.brand = Some("qt  ".to_owned())), &["bytes-disagree"]),
        (
            "a.m4a",
            sound(|audio| {
                audio.brand = Some("qt  ".to_owned());
                audio.compatible = vec!["mp42".to_owned()];
            }),
            &["m4a-brand"],
        ),
        ("a.m4a", sound(|audio| audio.tracks.push(aac(0x40, 2))), &["m4a-tracks"]),
    ] {
        assert_eq!(found(name, None, 1000, &undamaged(format.clone())), expected, "{name}: {format:?}");
    }
    let long = |stem: usize| format!("{}.pdf", "a".repeat(stem));
    assert!(found(&long(236), None, 1000, &undamaged(pdf(0, false, true))).is_empty());
    assert_eq!(found(&long(237), None, 1000, &undamaged(pdf(0, false, true))), ["document-name-long"]);
}

#[test]
fn damage_and_unreached_formats_are_reported() {
    let single_finding = |name: &str, format, damage| {
        let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
        let subject = Subject { as_kind: None, ..subject(name, &media_type, 9) };
        let mut findings = judge(&subject, &Recognised { format, damage }).findings;
        let finding = findings.remove(0);
        assert_eq!(findings, [], "{name}");
        (finding.rule.id, finding.seen)
    };
    let broken = || vec![Damage::Malformed("it is a PNG in Apple's own form".to_owned())];
    let reason = "it is a PNG in Apple's own form".to_owned();
    for name in ["a.png", "a.mp3", "a.pdf"] {
        assert_eq!(single_finding(name, Format::Unknown, broken()), ("damaged", reason.clone()), "{name}");
    }
    for name in ["a.doc", "a.mp4", "a.mp3"] {
        // If the read limit kept the format from being recognised, the file is only doubtful.
        let (id, seen) = single_finding(name, Format::Unreached, Vec::new());
        assert!(id == "bytes-unknown" && seen.contains("262144 bytes"), "{name}: {id}, {seen}");
    }
}

#[test]
fn object_keys_that_no_link_can_name_are_refused() {
    for (key, expected) in [
        ("a/b.jpg", None),
        ("a/new\nline.jpg", Some(("the path contains a control character", ""))),
        ("a//b.jpg", Some(("two slashes", "`a/b.jpg`"))),
        ("//b.jpg", Some(("begins with a slash", "`b.jpg`"))),
        ("/", Some(("begins with a slash", "a key with a file name"))),
        ("a.jpg/", Some(("ends with a slash", "`a.jpg`"))),
        ("", Some(("ends with a slash", "a key with a file name"))),
        ("a/../b.jpg", Some(("`..`", "`a/b.jpg`"))),
        ("./b.jpg", Some(("`.`", "`b.jpg`"))),
    ] {
        let findings = judge_key(key);
        let found = findings.iter().map(|finding| (finding.rule.id, &*finding.seen, &*finding.fix)).next();
        match (found, expected) {
            (None, None) => {}
            (Some(("name-not-served", seen, fix)), Some((why, how))) => {
                assert!(seen.contains(why) && fix.contains(how), "{key}: {seen}; {fix}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn damage_is_refused_in_media_and_doubtful_in_documents() {
    for (name, format, expected) in
        [("a.jpg", Format::Jpeg(jpeg()), "damaged"), ("a.pdf", pdf(0, false, false), "damaged-document")]
    {
        for damage in [Damage::Truncated("it ends".to_owned()), Damage::Malformed("it lies".to_owned())] {
            let broken = Recognised { format: format.clone(), damage: vec![damage] };
            assert_eq!(found(name, None, 1000, &broken), [expected], "{name}");
        }
    }
}

#[test]
fn names_are_checked_for_use_in_a_link() {
    for (path, expected) in [
        ("a/b-1_2.~.jpg", &[][..]),
        ("a/B.JPG", &[]),
        ("a b.jpg", &["name-encoded"]),
        ("M\u{e4}rz.pdf", &["name-encoded"]),
        ("Ma\u{308}rz.pdf", &["name-not-nfc", "name-encoded"]),
        ("Ma\u{308}rz/a.pdf", &["name-not-nfc", "name-encoded"]),
        ("a&amp;b.jpg", &["name-misleads"]),
        ("a%20b.jpg", &["name-misleads"]),
        ("100%.jpg", &["name-encoded"]),
        ("a?b.jpg", &["name-misleads"]),
        ("a#b.jpg", &["name-misleads"]),
        ("a.jpg ", &["name-edges", "name-encoded"]),
        ("a.", &["name-edges"]),
        (".hidden.jpg", &["name-not-served"]),
        ("a\nb.jpg", &["name-not-served"]),
        ("a\\b.jpg", &["name-not-served"]),
    ] {
        let findings = judge_path(Path::new(path), Path::new(path));
        let ids: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
        record(&ids);
        assert_eq!(ids, expected, "{path}");
    }
}

#[test]
fn findings_carry_the_known_webhook_text() {
    let of = |name: &str, as_kind, format| {
        let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
        let subject = Subject { as_kind, ..subject(name, &media_type, 9) };
        judge(&subject, &undamaged(format)).findings.remove(0).webhook.expect("a text")
    };
    assert_eq!(
        of("a.webp", Some(Kind::Image), webp(512, false)),
        "Unsupported Image mime type image/webp. Please use one of image/png, image/jpeg."
    );
    assert_eq!(
        of("a.mp3", None, Format::OtherAudio("WAV")),
        "Unsupported Audio mime type audio/x-wav. Please use one of audio/ogg; codecs=opus, audio/mpeg, audio/amr, audio/mp4, \
         audio/aac."
    );
}

#[test]
fn no_fix_command_writes_to_its_input_file() {
    let formats = [
        Format::Jpeg(jpeg()),
        webp(512, true),
        ogg(OggCodec::Vorbis, 1, 2),
        Format::OtherVideo("WebM"),
        mp4(vec![hevc()]),
        Format::Gif { is_animated: true },
    ];
    for format in formats {
        for extension in ["jpg", "webp", "ogg", "mp4", "m4a", "JPG", "pdf", "png"] {
            for kind in Kind::ALL {
                let input = format!("in.{extension}");
                let media_type = MediaType::OCTET_STREAM;
                let subject = subject(&input, &media_type, 9);
                if let Some(recipe) = fix::convert(kind, &subject, &format) {
                    assert_ne!(recipe.output(), Path::new(&input), "{recipe}");
                }
            }
        }
    }
    let rename = |name: &str, extension| {
        fix::rename(&subject(name, &MediaType::OCTET_STREAM, 9), extension).text().to_owned()
    };
    assert_eq!(rename("x/a.mp3", "ogg"), "mv -n 'x/a.mp3' 'x/a.ogg'");
    assert_eq!(rename("photo", "jpg"), "mv -n 'photo' 'photo.jpg'");
    assert_eq!(rename("x y/M\u{e4}rz 1.mp3", "ogg"), "mv -n 'x y/M\u{e4}rz 1.mp3' 'x y/Maerz-1.ogg'");
}

#[test]
fn names_with_imagemagick_syntax_are_passed_by_redirection() {
    let command = |name: &str| fix::jpeg(&subject(name, &MediaType::OCTET_STREAM, 9)).to_string();
    assert!(command("a.png").starts_with("convert 'a.png[0]' "), "{}", command("a.png"));
    assert!(command("gif:a.png").starts_with("convert './gif:a.png[0]' "));
    for name in ["a%d.png", "a[1].png", "a*.png"] {
        let stem = fix::plain_name(name.split_once('.').expect("an extension").0);
        let ends = format!(" jpg:- < '{name}' > '{stem}-whatsapp.jpg'");
        assert!(command(name).starts_with("convert '-[0]' ") && command(name).ends_with(&ends), "{name}");
    }
}

/// The fixes for a file of this name, size and format.
fn fixes(name: &str, as_kind: Option<Kind>, size: u64, recognised: &Recognised) -> Vec<String> {
    let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
    let subject = Subject { as_kind, ..subject(name, &media_type, size) };
    judge(&subject, recognised).findings.into_iter().map(|finding| finding.fix).collect()
}

#[test]
fn one_command_fixes_the_size_and_the_streams() {
    let static_sticker = fixes("a.webp", None, 200_000, &undamaged(webp(500, false)));
    assert!(
        static_sticker.len() == 2
            && static_sticker[0] == static_sticker[1]
            && static_sticker[0].contains("-le 100000"),
        "{static_sticker:?}"
    );
    let video = fixes("a.mp4", None, 20 * MB, &undamaged(mp4(vec![hevc()])));
    assert!(video.len() == 2 && video[0] == video[1] && video[0].contains("-b:v"), "{video:?}");
}

#[test]
fn fixes_suit_the_format() {
    for (name, as_kind, format, part) in [
        // A local file has no server whose header could be set.
        ("a.mp4", Some(Kind::Audio), mp4(vec![aac(0x40, 2)]), "mv -n 'a.mp4' 'a.m4a'"),
        ("a.mp4", None, mp4(Vec::new()), "export it again"),
        ("a.gif", Some(Kind::Sticker), Format::Gif { is_animated: false }, "convert 'a.gif[0]'"),
        (
            "a.gif",
            None,
            Format::Gif { is_animated: true },
            "send it as video, so that it moves: ffmpeg -i 'a.gif'",
        ),
        ("a.heic", None, Format::Heif { brand: "heic".to_owned() }, "as a file with --as document"),
        ("a.pdf", None, pdf(0, true, true), "--password="),
        ("a.pdf", None, pdf(0, false, false), "download it again"),
        ("a.pdf", None, text(TextEncoding::Ascii), "read the text"),
        ("a.vcf", None, text(TextEncoding::Ascii), "contacts message"),
        ("a.jpg", None, Format::Jpeg(Jpeg { components: 4, ..jpeg() }), "-type TrueColor"),
    ] {
        let fixes = fixes(name, as_kind, 100, &undamaged(format));
        assert!(fixes[0].contains(part), "{name}: {fixes:?}");
    }
}

#[test]
fn ids_are_unique_and_safe_for_scripts() {
    for (at, rule) in ALL.iter().enumerate() {
        assert!(
            rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{}",
            rule.id
        );
        assert!(ALL[..at].iter().all(|other| other.id != rule.id), "{} is listed twice", rule.id);
    }
}

/// What phones, cameras and browsers make is judged as the image, audio or video that it is, under every origin and name.
#[test]
fn unlisted_media_are_refused_as_what_they_are_and_sent_as_files() {
    let moving = |format| (Kind::Video, "ffmpeg ", format);
    let sound = |format| (Kind::Audio, "ffmpeg ", format);
    let still = |format| (Kind::Image, "convert ", format);
    let heif = |brand: &str| still(Format::Heif { brand: brand.to_owned() });
    for (name, (kind, program, format)) in [
        ("a.mov", moving(Format::Mp4(Box::new(movie("qt  ", &[], vec![avc(77, Some(false))]))))),
        ("a.MOV", moving(Format::Mp4(Box::new(movie("qt  ", &[], vec![hevc()]))))),
        ("a.heic", heif("heic")),
        ("a.HEIC", heif("mif1")),
        ("a.avif", heif("avif")),
        ("a.gif", still(Format::Gif { is_animated: false })),
        ("a.bmp", still(Format::OtherImage("BMP"))),
        ("a.tiff", still(Format::OtherImage("TIFF"))),
        ("a.wav", sound(Format::OtherAudio("WAV"))),
        ("a.flac", sound(Format::OtherAudio("FLAC"))),
        ("a.aiff", sound(Format::OtherAudio("AIFF"))),
        ("a.weba", sound(Format::OtherAudio("WebM"))),
        ("a.avi", moving(Format::OtherVideo("AVI"))),
        ("a.mkv", moving(Format::OtherVideo("Matroska"))),
        ("a.webm", moving(Format::OtherVideo("WebM"))),
        ("a.ogv", moving(ogg(OggCodec::Theora, 2, 2))),
        ("a.wmv", moving(Format::OtherVideo("WMV"))),
    ] {
        let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
        let judge_as = |as_kind, origin| {
            judge(&Subject { origin, as_kind, ..subject(name, &media_type, 9) }, &undamaged(format.clone()))
        };
        for origin in [Origin::File, Origin::Object, Origin::Url] {
            let Judgement { kind: judged, findings } = judge_as(None, origin);
            let [finding] = &findings[..] else { panic!("{name}: {findings:?}") };
            assert_eq!((judged, finding.rule.severity), (kind, Severity::Refused), "{name}: {finding:?}");
            assert!(finding.fix.starts_with(program) && finding.recipe.is_some(), "{name}: {finding:?}");
            assert!(
                finding.fix.contains("it may be sent as a file with --as document"),
                "{name}: {finding:?}"
            );
            let as_file = judge_as(Some(Kind::Document), origin).findings;
            let ids: Vec<_> = as_file.iter().map(|finding| finding.rule.id).collect();
            assert_eq!(ids, ["type-not-listed"], "{name} as a document");
        }
    }
    // The name says what it was meant to be where the bytes do not. Drawings have such types, too.
    for (name, kind) in [("a.mov", Kind::Video), ("a.heic", Kind::Image), ("a.dwg", Kind::Document)] {
        let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
        assert_eq!(judge(&subject(name, &media_type, 9), &undamaged(Format::Unknown)).kind, kind, "{name}");
    }
}

#[test]
fn a_document_under_a_wrong_header_keeps_its_name() {
    const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let judged = |name: &str, header: &str, origin, format: &Format| {
        let media_type = MediaType::parse(header).expect("a type");
        let subject = Subject { origin, as_kind: Some(Kind::Document), ..subject(name, &media_type, 999) };
        let findings = judge(&subject, &undamaged(format.clone())).findings;
        let [finding] = &findings[..] else { panic!("{name} as {header}: {findings:?}") };
        (finding.rule.id, finding.rule.severity, finding.fix.clone())
    };
    let inv = ("inv.pdf", pdf(0, false, true), "application/pdf");
    let letter = ("letter.docx", Format::Zip(Zip::Docx), DOCX);
    let list = ("list.csv", text(TextEncoding::Utf8), "text/csv; charset=utf-8");
    for header in [
        "application/octet-stream",
        "APPLICATION/Octet-Stream; charset=binary",
        "binary/octet-stream",
        "application/force-download",
        "application/x-force-download",
        "application/x-download",
        "application/download",
        "application/x-msdownload",
        "application/unknown",
    ] {
        for (name, format, right) in [&inv, &letter, &list] {
            let (id, severity, fix) = judged(name, header, Origin::Url, format);
            assert_eq!((id, severity), ("octet-stream", Severity::Refused), "{name} as {header}");
            assert_eq!(fix, format!("set Content-Type: {right} on the server"), "{name} as {header}");
        }
    }
    for (header, (name, format, right)) in [
        ("application/x-pdf", &inv),
        ("application/acrobat", &inv),
        ("application/vnd.pdf", &inv),
        ("text/pdf", &inv),
        ("application/zip", &letter),
        ("application/x-zip-compressed", &letter),
        ("application/vnd.ms-office", &letter),
    ] {
        let (id, _, fix) = judged(name, header, Origin::Url, format);
        assert_eq!(id, "type-not-listed", "{name} as {header}");
        assert_eq!(fix, format!("set Content-Type: {right} on the server"), "{name} as {header}");
    }
    // Types that WhatsApp lists for something else.
    for (header, (name, format, right)) in
        [("text/plain", &inv), ("application/msword", &letter), ("application/pdf", &letter)]
    {
        let (id, severity, fix) = judged(name, header, Origin::Url, format);
        assert_eq!((id, severity), ("bytes-disagree", Severity::Refused), "{name} as {header}");
        assert_eq!(fix, format!("set Content-Type: {right} on the server"), "{name} as {header}");
    }
    // wamedia serves an object as the type of its extension; without one, as the type that is stored with it.
    let object = |name: &str, header: &str| {
        let media_type = MediaType::parse(header).expect("a type");
        let subject = Subject { origin: Origin::Object, ..subject(name, &media_type, 999) };
        judge(&subject, &undamaged(pdf(0, false, true))).findings.remove(0).fix
    };
    assert_eq!(object("inv", "binary/octet-stream"), "set the object's Content-Type to application/pdf");
    assert_eq!(object("inv", "application/x-pdf"), "set the object's Content-Type to application/pdf");
    assert_eq!(
        object("inv.bin", "application/octet-stream"),
        "copy the object to a key that ends in `inv.pdf`"
    );
    // A file is served by its name only, so the name is what is wrong.
    for (name, fix) in [("inv", "mv -n 'inv' 'inv.pdf'"), ("inv.bin", "mv -n 'inv.bin' 'inv.pdf'")] {
        assert_eq!(fixes(name, None, 9, &undamaged(pdf(0, false, true)))[0], fix);
    }
}

#[test]
fn media_under_the_header_of_another_kind_keep_their_name() {
    let fix = |name: &str, header: &str, format| {
        let media_type = MediaType::parse(header).expect("a type");
        let subject = Subject { origin: Origin::Url, ..subject(name, &media_type, 999) };
        judge(&subject, &undamaged(format)).findings.remove(0).fix
    };
    assert_eq!(
        fix("inv.pdf", "image/png", pdf(0, false, true)),
        "send it as document, and set Content-Type: application/pdf on the server"
    );
    assert_eq!(
        fix("a.mp4", "image/jpeg", mp4(vec![avc(66, Some(false))])),
        "send it as video, and set Content-Type: video/mp4 on the server"
    );
    assert_eq!(
        fix("a.ogg", "audio/mpeg", ogg(OggCodec::Opus, 1, 1)),
        "set Content-Type: audio/ogg; codecs=opus on the server"
    );
}

#[test]
fn fragmented_audio_has_metas_words_for_it() {
    let mut audio = movie("M4A ", &[], vec![aac(0x40, 2)]);
    audio.is_fragmented = true;
    let media_type = MediaType::parse("audio/mp4").expect("a type");
    let judged = |audio: &Mp4, name| {
        let subject = Subject { as_kind: Some(Kind::Audio), ..subject(name, &media_type, 999) };
        judge(&subject, &undamaged(Format::Mp4(Box::new(audio.clone())))).findings.remove(0)
    };
    let finding = judged(&audio, "a.m4a");
    assert_eq!(
        finding.webhook.as_deref(),
        Some(
            "Audio file uploaded with mimetype as audio/mp4, however on processing it is of type application/octet-stream. Please \
             choose a different file."
        )
    );
    // AAC needs no new encoding; other codecs get one, which fixes the container, too.
    assert!(finding.fix.contains("-c copy -movflags +faststart"), "{}", finding.fix);
    audio.tracks[0] = Track {
        kind: TrackKind::Audio,
        codec: "Opus".to_owned(),
        detail: TrackDetail::Audio { channels: 1 },
    };
    assert!(judged(&audio, "a.m4a").fix.contains("-c:a aac"), "{}", judged(&audio, "a.m4a").fix);
}
