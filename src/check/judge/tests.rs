//! Tables of assets and their findings: each rule applies to one asset and just not to another.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::asset::AssetPath;
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
    let subject = Subject { name, input: Path::new(name), media_type, size, as_kind };
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
    record(&["no-date", "content-encoding"]);
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
        ("a.gif", None, Format::Gif { is_animated: false }, &["type-not-listed"]),
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
        ("a.avi", None, Format::OtherVideo("AVI"), &["type-not-listed"]),
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
        ("a.mov", None, Format::Mp4(Box::new(movie("qt  ", &[], vec![avc(77, None)]))), &["type-not-listed"]),
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
        ("invoice", pdf(0, false, true), &["type-not-listed", "document-name"]),
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
        let subject =
            Subject { name, input: Path::new(name), media_type: Some(&media_type), size: 9, as_kind: None };
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
        ("a/new\nline.jpg", Some(("the path holds a control character", ""))),
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
        let subject =
            Subject { name, input: Path::new(name), media_type: Some(&media_type), size: 9, as_kind };
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
                if let Some(command) = fix::convert(kind, Path::new(&input), &format) {
                    assert!(!command.ends_with(&format!("'{input}'")), "{command}");
                }
            }
        }
    }
    assert_eq!(fix::rename(Path::new("x/a.mp3"), "ogg"), "mv -n 'x/a.mp3' 'x/a.ogg'");
    assert_eq!(fix::rename(Path::new("photo"), "jpg"), "mv -n 'photo' 'photo.jpg'");
}

#[test]
fn names_with_imagemagick_syntax_are_passed_by_redirection() {
    let command = |name: &str| fix::jpeg(Path::new(name));
    assert!(command("a.png").starts_with("convert 'a.png[0]' "), "{}", command("a.png"));
    assert!(command("gif:a.png").starts_with("convert './gif:a.png[0]' "));
    for name in ["a%d.png", "a[1].png", "a*.png"] {
        let (stem, _) = name.split_once('.').expect("an extension");
        let ends = format!(" jpg:- < '{name}' > '{stem}-whatsapp.jpg'");
        assert!(command(name).starts_with("convert '-[0]' ") && command(name).ends_with(&ends), "{name}");
    }
}

/// The fixes for a file of this name, size and format.
fn fixes(name: &str, as_kind: Option<Kind>, size: u64, recognised: &Recognised) -> Vec<String> {
    let media_type = whatsapp::media_type(&AssetPath::from_plain(name).expect("a path"));
    let subject = Subject { name, input: Path::new(name), media_type: Some(&media_type), size, as_kind };
    judge(&subject, recognised).findings.into_iter().map(|finding| finding.fix).collect()
}

#[test]
fn one_command_fixes_the_size_and_the_streams() {
    let static_sticker = fixes("a.webp", None, 200_000, &undamaged(webp(500, false)));
    assert!(
        static_sticker.len() == 2
            && static_sticker[0] == static_sticker[1]
            && static_sticker[0].contains("target-size"),
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
