//! Movies that no tool would write: boxes that lie, that are missing, or that never end.

use crate::check::format::{Damage, Format, MovieHead, Mp4, Recognised, TrackDetail, recognise};

/// A box of this `kind` with `parts` in it.
fn made(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(8 + body.len()).unwrap();
    [&length.to_be_bytes(), &kind[..], &body].concat()
}

/// Numbers as they stand in boxes.
fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A movie's head with one track, whose samples' tables are `durations` and `offsets`, by pairs.
fn head(profile: u8, durations: &[u32], offsets: Option<&[u32]>) -> Vec<u8> {
    let pairs_in = |kind, pairs: &[u32]| {
        let count = u32::try_from(pairs.len() / 2).unwrap();
        made(kind, &[&numbers(&[0, count]), &numbers(pairs)])
    };
    let avcc = made(*b"avcC", &[&[1, profile, 0, 31]]);
    let entry = made(*b"avc1", &[&[0; 24], &[2, 0x80, 1, 0x68], &[0; 50], &avcc]);
    let mut tables = [made(*b"stsd", &[&numbers(&[0, 1]), &entry]), pairs_in(*b"stts", durations)].concat();
    if let Some(offsets) = offsets {
        tables.extend(pairs_in(*b"ctts", offsets));
    }
    let hdlr = made(*b"hdlr", &[&[0; 8], b"vide", &[0; 12]]);
    let minf = made(*b"minf", &[&made(*b"stbl", &[&tables])]);
    let mvhd = made(*b"mvhd", &[&numbers(&[0, 0, 0, 600, 1500])]);
    made(*b"moov", &[&mvhd, &made(*b"trak", &[&made(*b"mdia", &[&hdlr, &minf])])])
}

fn told(bytes: &[u8]) -> (Mp4, Vec<Damage>) {
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

/// What is tested, the profile, durations and offsets by pairs, and whether they reorder.
type Row<'a> = (&'a str, u8, &'a [u32], Option<&'a [u32]>, Option<bool>);

#[test]
fn the_order_of_pictures() {
    let back = u32::MAX;
    let mut long = Vec::new();
    for _ in 0..10_000 {
        long.extend([1, 2, 1, 3]);
    }
    let table: [Row<'_>; 10] = [
        ("no offsets", 77, &[3, 10], None, Some(false)),
        ("all the same", 77, &[3, 10], Some(&[3, 20]), Some(false)),
        ("one shown later than the next", 77, &[3, 10], Some(&[1, 10, 1, 30, 1, 0]), Some(true)),
        ("negative offsets", 100, &[3, 10], Some(&[1, 0, 1, 20, 1, back - 9]), Some(true)),
        ("offsets that change no order", 100, &[3, 10], Some(&[1, 0, 1, 5, 1, 9]), Some(false)),
        ("durations that differ", 100, &[1, 10, 1, 1, 1, 10], Some(&[1, 0, 1, 5, 1, 1]), Some(true)),
        ("Baseline, whatever its table says", 66, &[3, 10], Some(&[1, 10, 1, 30, 1, 0]), Some(false)),
        ("more samples than durations", 77, &[1, 10], Some(&[3, 20]), None),
        ("a table beyond the bound", 77, &[30_000, 10], Some(&long), None),
        ("as many as can be said", 77, &[u32::MAX, u32::MAX], Some(&[u32::MAX, 0x7FFF_FFFF]), Some(false)),
    ];
    for (what, profile, durations, offsets, expected) in table {
        let mdat = made(*b"mdat", &[&[7; 100]]);
        let (movie, damage) = told(&[head(profile, durations, offsets), mdat].concat());
        assert_eq!((order(&movie), damage), (expected, vec![]), "{what}");
        assert_eq!(movie.duration_ms, Some(2500), "{what}");
    }
}

#[test]
fn where_the_head_stands() {
    use MovieHead::{First, Last, Missing};
    let ftyp = made(*b"ftyp", &[b"isom\0\0\x02\0isommp42"]);
    let moov = head(77, &[3, 10], None);
    let mdat = made(*b"mdat", &[&[7; 100]]);
    let wide = made(*b"wide", &[]);
    let long = [&numbers(&[1]), &b"mdat"[..], &116_u64.to_be_bytes(), &[7; 100]].concat();
    let endless = [b"\0\0\0\0mdat", &[7; 100][..]].concat();
    let table: [(&str, Vec<&[u8]>, MovieHead, usize); 13] = [
        ("first", vec![&ftyp, &moov, &mdat], First, 0),
        ("last", vec![&ftyp, &mdat, &moov], Last, 0),
        ("behind an empty mdat", vec![&ftyp, b"\0\0\0\x08mdat", &moov, &mdat], First, 0),
        ("no ftyp", vec![&moov, &mdat], First, 0),
        ("an older QuickTime", vec![&wide, &mdat, &moov], Last, 0),
        ("a length of 64 bits", vec![&ftyp, &long, &moov], Last, 0),
        ("data to the end", vec![&ftyp, &moov, &endless], First, 0),
        ("none", vec![&ftyp, &mdat], Missing, 1),
        ("no data", vec![&ftyp, &moov], First, 1),
        ("nothing but brands", vec![&ftyp], Missing, 1),
        ("none, and data that are cut", vec![&ftyp, &mdat[..50]], Missing, 1),
        ("padding behind", vec![&ftyp, &moov, &mdat, &[0; 20]], First, 0),
        ("data that are cut", vec![&ftyp, &moov, &mdat[..50]], First, 1),
    ];
    for (what, parts, expected, damaged) in table {
        let (movie, damage) = told(&parts.concat());
        assert_eq!((movie.head, damage.len()), (expected, damaged), "{what}: {damage:?}");
        assert_eq!(movie.tracks.len(), usize::from(expected != Missing), "{what}");
    }
    let (movie, damage) = told(&[&ftyp[..], &moov, &mdat[..50]].concat());
    assert_eq!(movie.compatible, ["isom", "mp42"]);
    assert_eq!(damage, [Damage::Truncated("the box mdat says 108 bytes, and 50 are there".into())]);
}

#[test]
fn boxes_that_lie() {
    let ftyp = made(*b"ftyp", &[b"isom\0\0\x02\0"]);
    let short = made(*b"moov", &[b"\0\0\0\x04mvhd"]);
    let wide = made(*b"moov", &[b"\x7F\0\0\0trak"]);
    let longest = [&numbers(&[1]), &b"moov"[..], &u64::MAX.to_be_bytes()].concat();
    let table: [(&str, &[u8], &str); 3] = [
        ("shorter than its head", &short, "the box mvhd says 4 bytes, less than its own head"),
        (
            "longer than what holds it",
            &wide,
            "the box trak says 2130706432 bytes, and the box around it has 8",
        ),
        ("as long as can be", &longest, "the box moov says 18446744073709551615 bytes, and 16 are there"),
    ];
    for (what, bytes, reason) in table {
        let (_, damage) = told(&[&ftyp, bytes].concat());
        let [Damage::Malformed(told) | Damage::Truncated(told)] = &damage[..] else {
            panic!("{what}: {damage:?}")
        };
        assert_eq!(told, reason, "{what}");
    }
}

#[test]
fn more_than_is_looked_at_ends_the_look() {
    let ftyp = made(*b"ftyp", &[b"isom\0\0\x02\0"]);
    let traks = made(*b"moov", &[&made(*b"trak", &[]).repeat(100_000)]);
    let (movie, damage) = told(&[&ftyp[..], &traks].concat());
    assert_eq!((movie.tracks.len(), damage), (64, vec![]));
    let spread = made(*b"free", &[&[0; 2000]]).repeat(2000);
    // Whether there is a head behind them cannot be told.
    for behind in [head(77, &[3, 10], None), Vec::new()] {
        let bytes = [&ftyp[..], &spread, &behind].concat();
        let told = recognise(&mut &bytes[..]).unwrap();
        assert_eq!(told, Recognised { format: Format::Unreached, damage: vec![] });
    }
}

#[test]
fn a_movie_without_a_head_is_an_unfinished_one_or_a_piece() {
    let ftyp = made(*b"ftyp", &[b"M4A \0\0\x02\0"]);
    let (mdat, moof) = (made(*b"mdat", &[&[7; 100]]), made(*b"moof", &[]));
    for (parts, reason) in [
        ([&ftyp[..], &mdat], "it has no head (moov): the recording was not finished"),
        (
            [&moof, &mdat],
            "it has no head (moov): it is one piece of a stream, which plays behind its first piece only",
        ),
    ] {
        assert_eq!(told(&parts.concat()).1, [Damage::Truncated(reason.to_owned())]);
    }
}
