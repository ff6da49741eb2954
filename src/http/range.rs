//! `Range`: parses the header into the requested byte ranges (RFC 9110 section 14).
//!
//! Whether `Range` applies at all (method, preconditions, `If-Range`) is decided by [`decide`](super::decide()).
//! Which bytes of an asset several ranges select is decided in [`range_selection`](super::range_selection).

use hyper::header::{HeaderMap, RANGE};

use super::header_syntax::{sole, trim_ows};

/// Most ranges of one request. A request with more gets the whole asset: section 14.2 lets a server ignore such a
/// header, and the work that a client can cause stays bounded.
const MAX_MEMBERS: usize = 256;

/// Some of an asset's bytes, as offsets from its beginning. Never empty if it comes from this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset just past the last byte.
    pub end: u64,
}

impl ByteRange {
    /// The number of bytes.
    pub const fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// One range of a request, independent of the asset's length (RFC 9110 section 14.1.2).
///
/// Numbers above [`u64::MAX`] are read as that: no asset is so long that it would make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRangeSpec {
    /// `first-last`, both inclusive offsets; `first` is not greater than `last`.
    Between {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// `first-`: all bytes from this offset on.
    From {
        /// Offset of the first byte.
        first: u64,
    },
    /// `-length`: this many bytes at the end.
    Suffix {
        /// Number of bytes.
        length: u64,
    },
}

impl ByteRangeSpec {
    /// The bytes that it selects in an asset of `len` bytes; `None` if the range is unsatisfiable: it begins after
    /// the end, or is a suffix of no bytes.
    pub(super) fn resolve(self, len: u64) -> Option<ByteRange> {
        let range = match self {
            Self::Between { first, last } => ByteRange { start: first, end: last.saturating_add(1).min(len) },
            Self::From { first } => ByteRange { start: first, end: len },
            Self::Suffix { length } => ByteRange { start: len.saturating_sub(length), end: len },
        };
        (range.start < range.end).then_some(range)
    }

    /// Parses an `int-range` or a `suffix-range`; `None` if it is neither, or if its last position precedes its
    /// first.
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|&b| b == b'-')?;
        match (&text[..dash], &text[dash + 1..]) {
            (b"", length) => Some(Self::Suffix { length: number(length)? }),
            (first, b"") => Some(Self::From { first: number(first)? }),
            (first, last) => {
                let spec = Self::Between { first: number(first)?, last: number(last)? };
                (!exceeds(first, last)).then_some(spec)
            }
        }
    }
}

/// The ranges in a valid `Range` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RangeSet {
    /// One range, by far the most common case.
    One(ByteRangeSpec),
    /// Two or more, in the order of the request.
    Several(Vec<ByteRangeSpec>),
}

impl RangeSet {
    /// The ranges in the headers of a request; `None` if `Range` is missing or to be ignored.
    ///
    /// It is ignored if it is repeated (section 14.2 defines it as a single value), if its unit is not `bytes`, if
    /// one of its members is malformed, or if it has more than 256 of them.
    pub(super) fn of(request: &HeaderMap) -> Option<Self> {
        Self::parse(sole(request, RANGE)?)
    }

    /// Parses a field value: `bytes=0-99, -5`. `None` if it is to be ignored, as for [`RangeSet::of`].
    ///
    /// The unit is compared case-insensitively (section 14.1). Whitespace around members, and empty members, are
    /// skipped (section 5.6.1.2). A single range allocates nothing.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let value = trim_ows(value);
        let equals = value.iter().position(|&b| b == b'=')?;
        if !value[..equals].eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let mut members =
            value[equals + 1..].split(|&b| b == b',').map(trim_ows).filter(|member| !member.is_empty());
        let first = ByteRangeSpec::parse(members.next()?)?;
        let Some(second) = members.next() else { return Some(Self::One(first)) };
        let mut specs = vec![first, ByteRangeSpec::parse(second)?];
        for member in members {
            if specs.len() == MAX_MEMBERS {
                return None;
            }
            specs.push(ByteRangeSpec::parse(member)?);
        }
        Some(Self::Several(specs))
    }
}

/// Parses `1*DIGIT`; a number above [`u64::MAX`] becomes that.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

/// Whether the first of two numbers is greater, by their digits: they may be above [`u64::MAX`].
fn exceeds(a: &[u8], b: &[u8]) -> bool {
    let significant = |digits: &[u8]| digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    (a.len(), a) > (b.len(), b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_support::request;
    use proptest::prelude::*;

    const MAX: u64 = u64::MAX;

    fn parse(value: &str) -> Option<RangeSet> {
        RangeSet::parse(value.as_bytes())
    }

    const fn between(first: u64, last: u64) -> ByteRangeSpec {
        ByteRangeSpec::Between { first, last }
    }

    const fn from(first: u64) -> ByteRangeSpec {
        ByteRangeSpec::From { first }
    }

    const fn suffix(length: u64) -> ByteRangeSpec {
        ByteRangeSpec::Suffix { length }
    }

    #[test]
    fn single_ranges_are_read() {
        for (value, spec) in [
            ("bytes=0-0", between(0, 0)),
            ("bytes=3-", from(3)),
            ("bytes=-5", suffix(5)),
            ("bytes=-0", suffix(0)),
            ("bytes=007-0000000000000000000000008", between(7, 8)),
            ("bytes=0-18446744073709551615", between(0, MAX)),
            ("bytes=0-18446744073709551616", between(0, MAX)),
            ("bytes=0-99999999999999999999999999", between(0, MAX)),
            ("bytes=99999999999999999999998-99999999999999999999999", between(MAX, MAX)),
            ("bytes=18446744073709551616-", from(MAX)),
            ("bytes=-18446744073709551616", suffix(MAX)),
            ("BYTES=0-0", between(0, 0)),
            ("Bytes=0-0", between(0, 0)),
            (" bytes=\t0-0 ", between(0, 0)),
            ("bytes=, ,0-0,", between(0, 0)),
        ] {
            assert_eq!(parse(value), Some(RangeSet::One(spec)), "{value}");
        }
    }

    #[test]
    fn several_ranges_are_read_in_their_order() {
        for value in ["bytes=5-6,0-,-0", "bytes=5-6 ,,\t0- , ,-0,", "bytes= ,5-6, 0-,\t-0"] {
            let specs = vec![between(5, 6), from(0), suffix(0)];
            assert_eq!(parse(value), Some(RangeSet::Several(specs)), "{value}");
        }
    }

    #[test]
    fn malformed_ranges_and_unknown_units_are_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes= , ,",
            "bytes=-",
            "bytes=1",
            "bytes=5-4",
            "bytes=99999999999999999999999-99999999999999999999998",
            "bytes=--6",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=-+2",
            "bytes=a-b",
            "bytes=0x1-2",
            "bytes=1 - 2",
            "bytes=1- 2",
            "bytes=1.0-2",
            "bytes=0-1;2-3",
            "bytes =0-1",
            "bytes:0-1",
            "bytes 0-1",
            "bytes 0-1/10",
            "byte=0-1",
            "bytess=0-1",
            "items=0-1",
            "none=0-1",
            "=0-1",
            "0-1",
            "bytes=0-1, bytes=2-3",
            "bytes=0-1,5-4",
            "bytes=5-4,0-1",
            "bytes=0-1,--6,2-3",
            "bytes=0-1,x",
            "bytes=20-30,x",
            "bytes=0-1\u{a0}",
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    #[test]
    fn ranges_resolve_to_bytes_within_the_length() {
        for (spec, len, range) in [
            (between(0, 0), 10, Some((0, 1))),
            (between(0, 9), 10, Some((0, 10))),
            (between(0, 10), 10, Some((0, 10))),
            (between(5, MAX), 10, Some((5, 10))),
            (between(9, 9), 10, Some((9, 10))),
            (between(10, 10), 10, None),
            (between(MAX, MAX), MAX, None),
            (between(0, MAX), MAX, Some((0, MAX))),
            (from(3), 10, Some((3, 10))),
            (from(9), 10, Some((9, 10))),
            (from(10), 10, None),
            (from(MAX), MAX, None),
            (suffix(1), 10, Some((9, 10))),
            (suffix(10), 10, Some((0, 10))),
            (suffix(11), 10, Some((0, 10))),
            (suffix(MAX), 10, Some((0, 10))),
            (suffix(0), 10, None),
            (suffix(1), 0, None),
            (from(0), 0, None),
        ] {
            let expected = range.map(|(start, end)| ByteRange { start, end });
            assert_eq!(spec.resolve(len), expected, "{spec:?} of {len}");
        }
    }

    #[test]
    fn a_request_has_at_most_256_members() {
        let members = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(matches!(parse(&members(256)), Some(RangeSet::Several(specs)) if specs.len() == 256));
        assert_eq!(parse(&members(257)), None);
    }

    #[test]
    fn empty_members_do_not_count_however_many() {
        let value = format!("bytes={}1-2{}", ", ".repeat(20_000), ",\t".repeat(20_000));
        assert_eq!(parse(&value), Some(RangeSet::One(between(1, 2))));
    }

    #[test]
    fn range_must_not_be_repeated() {
        assert_eq!(RangeSet::of(&request(&[(RANGE, "bytes=0-1")])), Some(RangeSet::One(between(0, 1))));
        assert_eq!(RangeSet::of(&request(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=0-1")])), None);
        assert_eq!(RangeSet::of(&request(&[])), None);
    }

    /// The range in a field value, by a slow and simple parser, and the bytes that it selects.
    fn oracle(value: &str, len: u64) -> Option<ByteRange> {
        let number = |digits: &str| -> Option<u128> {
            (!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())).then(|| digits.parse().ok())?
        };
        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
        let wide = u128::from(len);
        let (start, end) = match (first, last) {
            ("", suffix) => (wide - number(suffix)?.min(wide), wide),
            (first, "") => (number(first)?, wide),
            (first, last) if number(first)? <= number(last)? => (number(first)?, wide.min(number(last)? + 1)),
            _ => return None,
        };
        (start < end).then(|| ByteRange {
            start: u64::try_from(start).expect("within the length"),
            end: u64::try_from(end).expect("within the length"),
        })
    }

    proptest! {
        #[test]
        fn a_single_range_is_read_as_a_simple_parser_reads_it(
            value in "bytes=(0{0,2}[0-9]{0,22})?-?(0{0,2}[0-9]{0,22})?-?x?",
            len in prop_oneof![0..40_u64, any::<u64>()],
        ) {
            let range = match parse(&value) {
                Some(RangeSet::One(spec)) => spec.resolve(len),
                Some(RangeSet::Several(_)) => return Err(TestCaseError::fail("there is no comma")),
                None => None,
            };
            prop_assert_eq!(range, oracle(&value, len));
        }

        #[test]
        fn any_bytes_are_rejected_or_consist_of_ranges(set in proptest::collection::vec(any::<u8>(), 0..60)) {
            if RangeSet::parse(&[b"bytes=", &set[..]].concat()).is_some() {
                prop_assert!(set.iter().all(|b| b"0123456789-, \t".contains(b)));
            }
        }

        #[test]
        fn a_set_is_read_as_its_members_are(members in proptest::collection::vec("[0-9]{0,3}-?[0-9]{0,3}", 0..6)) {
            let each: Option<Vec<_>> = members
                .iter()
                .filter(|member| !member.is_empty())
                .map(|member| ByteRangeSpec::parse(member.as_bytes()))
                .collect();
            let read = parse(&format!("bytes={}", members.join(","))).map(|set| match set {
                RangeSet::One(spec) => vec![spec],
                RangeSet::Several(specs) => specs,
            });
            prop_assert_eq!(read, each.filter(|specs| !specs.is_empty()));
        }
    }
}
