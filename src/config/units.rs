//! Sizes and durations with units: `256 MiB`, `1 GB`, `500ms`, `2m`.
//!
//! Both are whole numbers, and what is displayed reads back as the same value. The settings check ranges.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes; the unit is optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ByteSize(pub(super) u64);

/// A duration in whole milliseconds; only `0` needs no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(pub(super) Duration);

/// Units of size: binary, then decimal units, each from the largest. Binary first, because memory is counted in them.
const SIZES: [(u64, &str); 9] = [
    (1 << 40, "TiB"),
    (1 << 30, "GiB"),
    (1 << 20, "MiB"),
    (1 << 10, "KiB"),
    (1_000_000_000_000, "TB"),
    (1_000_000_000, "GB"),
    (1_000_000, "MB"),
    (1_000, "kB"),
    (1, "B"),
];

/// Units of time in milliseconds.
const TIMES: [(u64, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fix = "write whole bytes, or a size such as \"64 KiB\", \"256 MiB\" or \"1 GB\"";
        let (count, unit) =
            split(text).ok_or_else(|| format!("`{}` is not a size; {fix}", text.escape_debug()))?;
        let scale = match unit {
            "" => 1,
            unit => scale(&SIZES, |name| name.eq_ignore_ascii_case(unit))
                .ok_or_else(|| format!("`{}` is not a unit of size; {fix}", unit.escape_debug()))?,
        };
        let bytes = count.checked_mul(scale).ok_or_else(|| format!("`{text}` is too large; {fix}"))?;
        Ok(Self(bytes))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fix = "write a whole number and its unit, such as \"500ms\", \"10s\", \"2m\" or \"1h\"";
        let (count, unit) =
            split(text).ok_or_else(|| format!("`{}` is not a duration; {fix}", text.escape_debug()))?;
        let scale = match (count, unit) {
            (0, "") => 1,
            (_, "") => return Err(format!("`{text}` has no unit; {fix}")),
            (_, unit) => scale(&TIMES, |name| name == unit)
                .ok_or_else(|| format!("`{}` is not a unit of time; {fix}", unit.escape_debug()))?,
        };
        let millis = count.checked_mul(scale).ok_or_else(|| format!("`{text}` is too large; {fix}"))?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

/// Splits `256 MiB` into its number and its unit; `None` if it does not begin with a number of at most 64 bits.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    Some((count.parse().ok()?, unit.trim_start_matches(' ')))
}

fn scale(units: &[(u64, &str)], matches: impl Fn(&str) -> bool) -> Option<u64> {
    units.iter().find(|(_, name)| matches(name)).map(|(scale, _)| *scale)
}

/// The value in the first unit of the list that divides it.
fn in_units(value: u64, units: &[(u64, &'static str)]) -> Option<(u64, &'static str)> {
    units
        .iter()
        .find(|(scale, _)| value != 0 && value.is_multiple_of(*scale))
        .map(|(scale, name)| (value / scale, *name))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match in_units(self.0, &SIZES) {
            Some((count, unit)) => write!(f, "{count} {unit}"),
            None => f.write_str("0"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        match in_units(millis, &TIMES) {
            Some((count, unit)) => write!(f, "{count}{unit}"),
            None => f.write_str("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_read_and_display() {
        for (text, bytes, shown) in [
            ("0", 0, "0"),
            ("0 MiB", 0, "0"),
            ("1", 1, "1 B"),
            ("1500 B", 1500, "1500 B"),
            ("65536", 65536, "64 KiB"),
            ("64KiB", 65536, "64 KiB"),
            ("64 kib", 65536, "64 KiB"),
            ("256 MiB", 268_435_456, "256 MiB"),
            ("1024 MiB", 1 << 30, "1 GiB"),
            ("1 GB", 1_000_000_000, "1 GB"),
            ("5 KB", 5000, "5 kB"),
            ("2 TiB", 2 << 40, "2 TiB"),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
            assert_eq!(ByteSize(bytes).to_string(), shown);
        }
    }

    #[test]
    fn times_read_and_display() {
        for (text, millis, shown) in [
            ("0", 0, "0"),
            ("0s", 0, "0"),
            ("500ms", 500, "500ms"),
            ("1s", 1000, "1s"),
            ("10 s", 10_000, "10s"),
            ("75s", 75_000, "75s"),
            ("120s", 120_000, "2m"),
            ("24h", 86_400_000, "24h"),
        ] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(millis))), "{text}");
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), shown);
        }
    }

    #[test]
    fn invalid_quantities_are_rejected_with_an_example() {
        for text in
            ["", " 1 MiB", "MiB", "-1", "1.5 GiB", "1 M", "1 Mbit", "1 MiB ", "1_000", "18446744073709551616"]
        {
            assert!(text.parse::<ByteSize>().unwrap_err().contains("\"256 MiB\""), "{text}");
        }
        assert!("99999999999 TiB".parse::<ByteSize>().unwrap_err().contains("too large"));
        for text in ["", "s", "-1s", "1.5s", "1h30m", "1d", "1M", "1 S", "99999999999999999999s"] {
            assert!(text.parse::<Span>().unwrap_err().contains("\"10s\""), "{text}");
        }
        assert!("10".parse::<Span>().unwrap_err().contains("no unit"));
        assert!("18446744073709551615h".parse::<Span>().unwrap_err().contains("too large"));
    }

    proptest! {
        #[test]
        fn displayed_values_read_back(bytes in any::<u64>(), small in 0_u64..5000, power in 0_u32..5) {
            for bytes in [bytes, small * 1024_u64.pow(power), small * 1000_u64.pow(power)] {
                prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
                let span = Span(Duration::from_millis(bytes));
                prop_assert_eq!(span.to_string().parse(), Ok(span));
            }
        }

        #[test]
        fn no_text_panics(text in "[0-9]{0,22} ?\\PC{0,4}") {
            let _ = text.parse::<ByteSize>();
            let _ = text.parse::<Span>();
        }
    }
}
