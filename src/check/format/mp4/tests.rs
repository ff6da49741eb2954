//! MP4 files that no tool writes: boxes with wrong sizes, missing boxes, endless lists.

use crate::check::format::{Damage, Format, MoovPosition, Mp4, Recognised, TrackDetail, recognise};

/// A box of this `kind` with `parts` as content.
fn mp4_box(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(8 + body.len()).unwrap();
    [&length.to_be_bytes(), &kind[..], &body].concat()
}

/// Big-endian numbers, as boxes store them.
fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A `moov` box with one track, whose `stts` and `ctts` contain these pairs.
fn moov_box(profile: u8, durations: &[u32], offsets: Option<&[u32]>) -> Vec<u8> {
    let pairs_in = |kind, pairs: &[u32]| {
        let count = u32::try_from(pairs.len() / 2).unwrap();
        mp4_box(kind, &[&numbers(&[0, count]), &numbers(pairs)])
    };
    let avcc = mp4_box(*b"avcC", &[&[1, profile, 0, 31]]);
    let entry = mp4_box(*b"avc1", &[&[0; 24], &[2, 0x80, 1, 0x68], &[0; 50], &avcc]);
    let mut tables =
        [mp4_box(*b"stsd", &[&numbers(&[0, 1]), &entry]), pairs_in(*b"stts", durations)].concat();
    if let Some(offsets) = offsets {
        tables.extend(pairs_in(*b"ctts", offsets));
    }
    let hdlr = mp4_box(*b"hdlr", &[&[0; 8], b"vide", &[0; 12]]);
    let minf = mp4_box(*b"minf", &[&mp4_box(*b"stbl", &[&tables])]);
    let mvhd = mp4_box(*b"mvhd", &[&numbers(&[0, 0, 0, 600, 1500])]);
    mp4_box(*b"moov", &[&mvhd, &mp4_box(*b"trak", &[&mp4_box(*b"mdia", &[&hdlr, &minf])])])
}

fn parse(bytes: &[u8]) -> (Mp4, Vec<Damage>) {
    let mut source = bytes;
    match recognise(&mut source).unwrap() {
        Recognised { format: Format::Mp4(movie), damage } => (*movie, damage),
        other => panic!("{other:?}"),
    }
}

fn order(movie: &Mp4) -> Option<bool> {
    match movie.tracks[..] {
        [ref track] => match track.detail {
            TrackDetail::Avc { has_reordering, width: 640, height: 360, level: 31, .. } => has_reordering,
            ref other => panic!("{other:?}"),
        },
        ref other => panic!("{other:?}"),
    }
}

/// The case, the profile, durations and offsets in pairs, and whether they reorder.
type Row<'a> = (&'a str, u8, &'a [u32], Option<&'a [u32]>, Option<bool>);

#[test]
fn reordering_in_stts_and_ctts() {
    let back = u32::MAX;
    let mut long = Vec::new();
    for _ in 0..10_000 {
        long.extend([1, 2, 1, 3]);
    }
    let table: [Row<'_>; 10] = [
        ("no offsets", 77, &[3, 10], None, Some(false)),
        ("equal offsets", 77, &[3, 10], Some(&[3, 20]), Some(false)),
        ("one displayed after the next", 77, &[3, 10], Some(&[1, 10, 1, 30, 1, 0]), Some(true)),
        ("negative offsets", 100, &[3, 10], Some(&[1, 0, 1, 20, 1, back - 9]), Some(true)),
        ("offsets that change no order", 100, &[3, 10], Some(&[1, 0, 1, 5, 1, 9]), Some(false)),
        ("different durations", 100, &[1, 10, 1, 1, 1, 10], Some(&[1, 0, 1, 5, 1, 1]), Some(true)),
        ("Baseline, whatever its table says", 66, &[3, 10], Some(&[1, 10, 1, 30, 1, 0]), Some(false)),
        ("more samples than durations", 77, &[1, 10], Some(&[3, 20]), None),
        ("a table beyond the limit", 77, &[30_000, 10], Some(&long), None),
        ("the largest numbers", 77, &[u32::MAX, u32::MAX], Some(&[u32::MAX, 0x7FFF_FFFF]), Some(false)),
    ];
    for (what, profile, durations, offsets, expected) in table {
        let mdat = mp4_box(*b"mdat", &[&[7; 100]]);
        let (movie, damage) = parse(&[moov_box(profile, durations, offsets), mdat].concat());
        assert_eq!((order(&movie), damage), (expected, vec![]), "{what}");
        assert_eq!(movie.duration_ms, Some(2500), "{what}");
    }
}

#[test]
fn position_of_moov() {
    use MoovPosition::{First, Last, Missing};
    let ftyp = mp4_box(*b"ftyp", &[b"isom\0\0\x02\0isommp42"]);
    let moov = moov_box(77, &[3, 10], None);
    let mdat = mp4_box(*b"mdat", &[&[7; 100]]);
    let wide = mp4_box(*b"wide", &[]);
    let long = [&numbers(&[1]), &b"mdat"[..], &116_u64.to_be_bytes(), &[7; 100]].concat();
    let endless = [b"\0\0\0\0mdat", &[7; 100][..]].concat();
    let table: [(&str, Vec<&[u8]>, MoovPosition, usize); 13] = [
        ("first", vec![&ftyp, &moov, &mdat], First, 0),
        ("last", vec![&ftyp, &mdat, &moov], Last, 0),
        ("after an empty mdat", vec![&ftyp, b"\0\0\0\x08mdat", &moov, &mdat], First, 0),
        ("no ftyp", vec![&moov, &mdat], First, 0),
        ("an older QuickTime", vec![&wide, &mdat, &moov], Last, 0),
        ("a length of 64 bits", vec![&ftyp, &long, &moov], Last, 0),
        ("mdat to the end of the file", vec![&ftyp, &moov, &endless], First, 0),
        ("no moov", vec![&ftyp, &mdat], Missing, 1),
        ("no mdat", vec![&ftyp, &moov], First, 1),
        ("only ftyp", vec![&ftyp], Missing, 1),
        ("no moov and a truncated mdat", vec![&ftyp, &mdat[..50]], Missing, 1),
        ("padding at the end", vec![&ftyp, &moov, &mdat, &[0; 20]], First, 0),
        ("a truncated mdat", vec![&ftyp, &moov, &mdat[..50]], First, 1),
    ];
    for (what, parts, expected, damaged) in table {
        let (movie, damage) = parse(&parts.concat());
        assert_eq!((movie.moov, damage.len()), (expected, damaged), "{what}: {damage:?}");
        assert_eq!(movie.tracks.len(), usize::from(expected != Missing), "{what}");
    }
    let (movie, damage) = parse(&[&ftyp[..], &moov, &mdat[..50]].concat());
    assert_eq!(movie.compatible, ["isom", "mp42"]);
    assert_eq!(damage, [Damage::Truncated("the mdat box declares 108 bytes, but 50 are present".into())]);
}

#[test]
fn boxes_with_wrong_sizes() {
    let ftyp = mp4_box(*b"ftyp", &[b"isom\0\0\x02\0"]);
    let short = mp4_box(*b"moov", &[b"\0\0\0\x04mvhd"]);
    let wide = mp4_box(*b"moov", &[b"\x7F\0\0\0trak"]);
    let longest = [&numbers(&[1]), &b"moov"[..], &u64::MAX.to_be_bytes()].concat();
    let table: [(&str, &[u8], &str); 3] = [
        ("shorter than its header", &short, "the mvhd box declares 4 bytes, less than its header"),
        (
            "longer than its enclosing box",
            &wide,
            "the trak box declares 2130706432 bytes, but its enclosing box has 8",
        ),
        (
            "the largest size",
            &longest,
            "the moov box declares 18446744073709551615 bytes, but 16 are present",
        ),
    ];
    for (what, bytes, reason) in table {
        let (_, damage) = parse(&[&ftyp, bytes].concat());
        let [Damage::Malformed(text) | Damage::Truncated(text)] = &damage[..] else {
            panic!("{what}: {damage:?}")
        };
        assert_eq!(text, reason, "{what}");
    }
}

#[test]
fn limits_end_the_walk() {
    let ftyp = mp4_box(*b"ftyp", &[b"isom\0\0\x02\0"]);
    let traks = mp4_box(*b"moov", &[&mp4_box(*b"trak", &[]).repeat(100_000)]);
    let (movie, damage) = parse(&[&ftyp[..], &traks].concat());
    assert_eq!((movie.tracks.len(), damage), (64, vec![]));
    let spread = mp4_box(*b"free", &[&[0; 2000]]).repeat(2000);
    // Whether a moov follows them is unknown.
    for moov in [moov_box(77, &[3, 10], None), Vec::new()] {
        let bytes = [&ftyp[..], &spread, &moov].concat();
        let recognised = recognise(&mut &bytes[..]).unwrap();
        assert_eq!(recognised, Recognised { format: Format::Unreached, damage: vec![] });
    }
}

#[test]
fn a_missing_moov_means_an_unfinished_recording_or_a_segment() {
    let ftyp = mp4_box(*b"ftyp", &[b"M4A \0\0\x02\0"]);
    let (mdat, moof) = (mp4_box(*b"mdat", &[&[7; 100]]), mp4_box(*b"moof", &[]));
    for (parts, reason) in [
        ([&ftyp[..], &mdat], "the file has no moov box: the recording was not finished"),
        (
            [&moof, &mdat],
            "the file has no moov box: it is a segment of a stream, which plays only after its initialisation segment",
        ),
    ] {
        assert_eq!(parse(&parts.concat()).1, [Damage::Truncated(reason.to_owned())]);
    }
}
