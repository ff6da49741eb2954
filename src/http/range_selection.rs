//! Selects the bytes of an asset that ranges mean: one range, several, all or none (RFC 9110 sections 14.2 and
//! 15.3.7.2).
//!
//! The limits here keep a small request from causing a large response. The header is parsed in
//! [`range`](super::range); several parts are framed in [`multipart`](super::multipart).

use super::range::{ByteRange, ByteRangeSpec, RangeSet};

/// Most parts of a multipart response; a request that needs more gets the whole asset.
const MAX_PARTS: usize = 16;

/// The bytes that a [`RangeSet`] selects.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All: the header is to be ignored.
    Whole,
    /// One range.
    One(ByteRange),
    /// Two or more ranges that neither overlap nor touch, in the order of the request.
    Several(Vec<ByteRange>),
    /// None: no range overlaps the asset.
    Unsatisfiable,
}

/// Selects the bytes that the ranges mean in an asset of `len` bytes.
pub(super) fn select(ranges: &RangeSet, len: u64) -> Selection {
    match ranges {
        // A 206 without bytes cannot be expressed: `Content-Range` names a last byte.
        _ if len == 0 => Selection::Whole,
        RangeSet::One(spec) => spec.resolve(len).map_or(Selection::Unsatisfiable, Selection::One),
        RangeSet::Several(specs) => select_several(specs, len),
    }
}

/// Selects the bytes of several ranges. Unsatisfiable ones are dropped, if at least one is left.
fn select_several(specs: &[ByteRangeSpec], len: u64) -> Selection {
    let asked: Vec<_> = specs.iter().filter_map(|spec| spec.resolve(len)).collect();
    let bytes = asked.iter().fold(0, |sum: u64, range| sum.saturating_add(range.length()));
    if bytes > len {
        return Selection::Whole;
    }
    let parts = coalesce(&asked);
    match parts[..] {
        [] => Selection::Unsatisfiable,
        [part] => Selection::One(part),
        _ if parts.len() > MAX_PARTS => Selection::Whole,
        _ => Selection::Several(parts),
    }
}

/// Joins ranges that overlap or touch. A joined range takes the place of its first one (section 15.3.7.2 asks for the
/// client's order).
fn coalesce(asked: &[ByteRange]) -> Vec<ByteRange> {
    let mut by_start: Vec<(usize, ByteRange)> = asked.iter().copied().enumerate().collect();
    by_start.sort_unstable_by_key(|(_, range)| range.start);
    let mut joined: Vec<(usize, ByteRange)> = Vec::new();
    for (place, range) in by_start {
        match joined.last_mut() {
            Some((first_place, last)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *first_place = place.min(*first_place);
            }
            _ => joined.push((place, range)),
        }
    }
    joined.sort_unstable_by_key(|(place, _)| *place);
    joined.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn bytes(start: u64, end: u64) -> ByteRange {
        ByteRange { start, end }
    }

    /// The selection for a valid field value and an asset of `len` bytes.
    fn select(value: &str, len: u64) -> Selection {
        super::select(&RangeSet::parse(value.as_bytes()).expect("a valid value"), len)
    }

    #[test]
    fn a_single_range_selects_one_range() {
        for (value, start, end) in
            [("bytes=0-3", 0, 4), ("bytes=4-99", 4, 10), ("bytes=9-", 9, 10), ("bytes=-11", 0, 10)]
        {
            assert_eq!(select(value, 10), Selection::One(bytes(start, end)), "{value}");
        }
    }

    #[test]
    fn ranges_without_a_byte_of_the_asset_are_unsatisfiable() {
        for value in
            ["bytes=-0", "bytes=10-", "bytes=10-10", "bytes=18446744073709551616-", "bytes=-0,10-,11-12"]
        {
            assert_eq!(select(value, 10), Selection::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn an_empty_asset_is_always_whole() {
        for value in ["bytes=0-0", "bytes=0-", "bytes=-0", "bytes=-5", "bytes=7-", "bytes=0-0,-1"] {
            assert_eq!(select(value, 0), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn several_ranges_keep_their_order_and_touching_ones_join() {
        for (value, parts) in [
            ("bytes=0-1,4-5", &[bytes(0, 2), bytes(4, 6)][..]),
            ("bytes=8-9,0-1", &[bytes(8, 10), bytes(0, 2)]),
            ("bytes=-1,0-1", &[bytes(9, 10), bytes(0, 2)]),
            ("bytes=8-,0-1,99-,-0", &[bytes(8, 10), bytes(0, 2)]),
            ("bytes=6-7,0-1,2-3", &[bytes(6, 8), bytes(0, 4)]),
            ("bytes=2-3,8-8,0-1", &[bytes(0, 4), bytes(8, 9)]),
            ("bytes=8-8,2-3,6-6,0-1", &[bytes(8, 9), bytes(0, 4), bytes(6, 7)]),
            ("bytes=0-2,2-3,9-", &[bytes(0, 4), bytes(9, 10)]),
            ("bytes= 0-1 ,,\t4-5 ,", &[bytes(0, 2), bytes(4, 6)]),
        ] {
            assert_eq!(select(value, 10), Selection::Several(parts.to_vec()), "{value}");
        }
    }

    #[test]
    fn ranges_that_join_into_one_are_one() {
        for (value, start, end) in [
            ("bytes=0-1,2-3", 0, 4),
            ("bytes=2-3,0-1", 0, 4),
            ("bytes=5-9,0-1,2-4", 0, 10),
            ("bytes=1-1,1-1", 1, 2),
            ("bytes=1-5,2-3", 1, 6),
            ("bytes=3-4,10-,-0", 3, 5),
        ] {
            assert_eq!(select(value, 10), Selection::One(bytes(start, end)), "{value}");
        }
    }

    #[test]
    fn ranges_with_more_bytes_than_the_asset_select_the_whole() {
        for value in ["bytes=0-,0-", "bytes=0-9,0-0", "bytes=0-5,4-8,0-0", "bytes=-10,9-"] {
            assert_eq!(select(value, 10), Selection::Whole, "{value}");
        }
        assert_eq!(select("bytes=0-5,4-7", 10), Selection::One(bytes(0, 8)), "as many bytes are not more");
    }

    /// `bytes=0-0,2-2,4-4…`: `count` single bytes that do not touch.
    fn scattered(count: u64) -> String {
        let members: Vec<_> = (0..count).map(|i| format!("{0}-{0}", i * 2)).collect();
        format!("bytes={}", members.join(","))
    }

    #[test]
    fn more_than_sixteen_parts_select_the_whole() {
        assert!(matches!(select(&scattered(16), 1000), Selection::Several(parts) if parts.len() == 16));
        assert_eq!(select(&scattered(17), 1000), Selection::Whole);
        let joined = format!("{},1-1", scattered(17));
        assert!(matches!(select(&joined, 1000), Selection::Several(parts) if parts.len() == 16));
    }

    proptest! {
        #[test]
        fn parts_contain_exactly_the_requested_bytes_and_never_touch(
            members in proptest::collection::vec((0..60_u64, 0..8_u64), 2..20),
            len in 1..80_u64,
        ) {
            let specs: Vec<_> = members
                .iter()
                .map(|&(first, more)| ByteRangeSpec::Between { first, last: first + more })
                .collect();
            let mut asked = vec![false; 80];
            for &(first, more) in &members {
                asked[usize::try_from(first).expect("small")..=usize::try_from(first + more).expect("small")].fill(true);
            }
            asked.truncate(usize::try_from(len).expect("small"));
            let parts = match super::select(&RangeSet::Several(specs), len) {
                Selection::One(part) => vec![part],
                Selection::Several(parts) => parts,
                Selection::Unsatisfiable => vec![],
                Selection::Whole => return Ok(()),
            };
            let mut sent = vec![0; asked.len()];
            for part in &parts {
                prop_assert!(part.start < part.end && part.end <= len);
                for at in part.start..part.end {
                    sent[usize::try_from(at).expect("small")] += 1;
                }
                prop_assert!(parts.iter().all(|other| other.end != part.start), "two parts touch");
            }
            prop_assert!(asked.iter().zip(&sent).all(|(&asked, &sent)| sent == i32::from(asked)));
        }
    }
}
