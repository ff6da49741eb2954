//! The content index: a text file in the root of a folder that says which bytes each path has, and since when.
//!
//! One line a path, sorted, so that a version control system can merge it. Fields are separated by tabs, which no path can have:
//!
//! ```text
//! campaign/banner.jpg <TAB> SHA-256 in hex <TAB> size in bytes <TAB> 2026-12-01T09:30:00Z
//! old.jpg <TAB> SHA-256 <TAB> size <TAB> 2026-08-01T00:00:00Z <TAB> gone 2026-11-30T12:00:00Z
//! ```
//!
//! A path that is gone keeps its line for [`GONE_FOR`], so that what comes there later gets a later date.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::asset::{AssetPath, Digest};

/// The index's name in the root of a folder. Its leading dot keeps it from being served.
pub const INDEX_NAME: &str = ".wamedia-index";
/// How long the last date of a path is kept after the path is gone.
pub(crate) const GONE_FOR: Duration = Duration::from_hours(90 * 24);
/// Length of the shortest line: a path of one byte, a digest, one digit, a date.
const SHORTEST_LINE: u64 = 1 + 1 + 64 + 1 + 1 + 1 + 20 + 1;

/// Length that no line has: a path has at most 4095 bytes.
const LONGEST_LINE: u64 = 8192;

/// A line of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexLine {
    /// The path inside the folder.
    pub path: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Their length.
    pub size: u64,
    /// Since when it has them, in seconds since 1970.
    pub date: u64,
    /// Since when it is gone, in seconds since 1970.
    pub gone: Option<u64>,
}

impl IndexLine {
    /// The date as the index has it: `2026-12-01T09:30:00Z`.
    pub fn shown_date(&self) -> impl fmt::Display + use<> {
        written(self.date)
    }
}

/// Displays as the line, without its end.
impl fmt::Display for IndexLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, digest, size, date, gone } = self;
        write!(f, "{path}\t{digest}\t{size}\t{}", written(*date))?;
        gone.map_or(Ok(()), |gone| write!(f, "\tgone {}", written(gone)))
    }
}

/// A date as the index has it: `2026-12-01T09:30:00Z`.
pub(crate) fn written(date: u64) -> impl fmt::Display {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(date))
}

/// A line, with its path borrowed.
struct Parsed<'l> {
    path: &'l str,
    digest: Digest,
    size: u64,
    date: u64,
    gone: Option<u64>,
}

impl<'l> Parsed<'l> {
    fn of(line: &'l str) -> Result<Self, &'static str> {
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| line.starts_with(marker)) {
            return Err("is the mark of a merge conflict");
        }
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let path = next().unwrap_or_default();
        let (Some(digest), Some(size), Some(date)) = (next(), next(), next()) else {
            return Err("does not have the four fields path, SHA-256, size and date");
        };
        let is_path = AssetPath::from_plain(path).is_ok_and(|parsed| parsed.as_str() == path);
        let is_size = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        let gone = match next().map(|gone| gone.strip_prefix("gone ").and_then(seconds)) {
            None => None,
            Some(Some(gone)) => Some(gone),
            Some(None) => return Err("has a fifth field that is not `gone` and a date"),
        };
        if next().is_some() {
            return Err("has more than five fields");
        }
        Ok(Self {
            path: Some(path).filter(|_| is_path).ok_or("begins with a path that no asset can have")?,
            digest: Digest::parse(digest).ok_or("has a SHA-256 that is not 64 hex digits")?,
            size: size.parse().ok().filter(|_| is_size).ok_or("has a size that is not a number")?,
            date: seconds(date).ok_or("has a date that is not like 2026-12-01T09:30:00Z")?,
            gone,
        })
    }
}

/// The seconds since 1970 of a date in UTC without fractions.
fn seconds(text: &str) -> Option<u64> {
    let date = humantime::parse_rfc3339(text).ok().filter(|_| text.len() == 20)?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// The first line of an index that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFault {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it: `has a size that is not a number`.
    pub reason: &'static str,
    /// Lines that cannot be used.
    pub count: usize,
}

impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} {}", self.line, self.reason)?;
        match self.count {
            1 => Ok(()),
            count => write!(f, ", and {} more are faulty", count - 1),
        }
    }
}

/// Calls `each` with every line that can be used, and returns the first that cannot.
fn for_each_line(mut text: impl BufRead, mut each: impl FnMut(Parsed<'_>)) -> io::Result<Option<IndexFault>> {
    let mut fault: Option<IndexFault> = None;
    let (mut line, mut number) = (Vec::new(), 0);
    while (&mut text).take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let is_whole = line.pop_if(|byte| *byte == b'\n').is_some();
        let is_too_long = line.len() as u64 == LONGEST_LINE;
        if is_too_long {
            text.skip_until(b'\n')?;
        }
        // As git writes lines for Windows.
        line.pop_if(|byte| *byte == b'\r');
        let parsed = match std::str::from_utf8(&line) {
            _ if is_too_long => Err("is longer than any line of an index"),
            _ if !is_whole => Err("is torn: the file ends within it"),
            Ok(text) => Parsed::of(text),
            Err(_) => Err("is not UTF-8"),
        };
        match (parsed, &mut fault) {
            (Ok(parsed), _) => each(parsed),
            (Err(_), Some(fault)) => fault.count += 1,
            (Err(reason), None) => fault = Some(IndexFault { line: number, reason, count: 1 }),
        }
        line.clear();
    }
    Ok(fault)
}

/// All lines of an index that can be used, sorted by path, and the first that cannot.
pub fn read_lines(text: impl BufRead) -> io::Result<(Vec<IndexLine>, Option<IndexFault>)> {
    let mut lines = Vec::new();
    let fault = for_each_line(text, |Parsed { path, digest, size, date, gone }| {
        lines.push(IndexLine { path: path.to_owned(), digest, size, date, gone });
    })?;
    lines.sort_by(|one: &IndexLine, other| one.path.cmp(&other.path).then(one.date.cmp(&other.date)));
    Ok((lines, fault))
}

/// Identifies a path without keeping it: the first half of its SHA-256, so that no two paths have the same.
pub(crate) type PathId = [u64; 2];

pub(crate) fn path_id(path: &str) -> PathId {
    let digest = Sha256::digest(path);
    let half = |at| u64::from_ne_bytes(std::array::from_fn(|byte| digest[at + byte]));
    [half(0), half(8)]
}

/// An index in memory: 56 bytes a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Sorted by path.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    path: PathId,
    digest: Digest,
    date: u64,
}

impl Index {
    /// Reads an index of `len` bytes.
    pub(crate) fn read(text: impl BufRead, len: u64) -> io::Result<(Self, Option<IndexFault>)> {
        // Enough, so that no vector is copied; what is not written to takes no memory.
        let capacity = usize::try_from(len / SHORTEST_LINE + 1).unwrap_or(0);
        let mut entries = Vec::new();
        entries.try_reserve_exact(capacity).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let fault = for_each_line(text, |line| {
            entries.push(Entry { path: path_id(line.path), digest: line.digest, date: line.date });
        })?;
        entries.shrink_to_fit();
        entries.sort_unstable_by_key(|entry| (entry.path, entry.date));
        Ok((Self { entries }, fault))
    }

    /// What `other` does not have.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let has = |entry: &Entry| {
            let start = other.entries.partition_point(|known| known.path < entry.path);
            let lines = other.entries[start..].iter().take_while(|known| known.path == entry.path);
            lines.into_iter().any(|known| known.digest == entry.digest)
        };
        Self { entries: self.entries.iter().filter(|entry| !has(entry)).copied().collect() }
    }

    /// The date of these bytes at this path, and the latest date of others.
    pub(crate) fn dates(&self, path: PathId, digest: &Digest) -> (Option<u64>, Option<u64>) {
        let start = self.entries.partition_point(|entry| entry.path < path);
        let lines = self.entries[start..].iter().take_while(|entry| entry.path == path);
        let latest = |is_same| {
            lines.clone().filter(|line| (line.digest == *digest) == is_same).map(|line| line.date).max()
        };
        let (same, others) = (latest(true), latest(false));
        // Two lines for one path come from a merge. Bytes that others followed have come back.
        if same <= others { (None, others) } else { (same, others) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn lines_are_parsed_and_printed() {
        let text = format!("b c/\u{e4}.jpg\t{HEX}\t7\t2026-12-01T09:30:00Z");
        let gone = format!("{text}\tgone 2026-12-02T00:00:00Z");
        for text in [text, gone] {
            let (lines, fault) = read_lines(format!("{text}\n").as_bytes()).expect("lines");
            assert_eq!((lines[0].to_string(), fault), (text, None));
        }
    }

    #[test]
    fn faulty_lines_are_counted_and_the_others_are_used() {
        let good = format!("a.jpg\t{HEX}\t7\t2026-12-01T09:30:00Z");
        for (bad, reason) in [
            ("<<<<<<< HEAD", "merge conflict"),
            ("", "four fields"),
            ("a.jpg", "four fields"),
            (&good.replace("a.jpg", "/a.jpg"), "path"),
            (&good.replace("a.jpg", "../a.jpg"), "path"),
            (&good.replace("a.jpg", ".a.jpg"), "path"),
            (&good.replace("ef\t", "\t"), "64 hex digits"),
            (&good.replace("ef\t", "eg\t"), "64 hex digits"),
            (&good.replace("\t7\t", "\t-7\t"), "size"),
            (&good.replace("\t7\t", "\t99999999999999999999\t"), "size"),
            (&good.replace("00Z", "00.5Z"), "date"),
            (&good.replace("00Z", "00"), "date"),
            (&format!("{good}\t"), "fifth field"),
            (&format!("{good}\tgone 2026-12-02T00:00:00Z\t"), "more than five"),
        ] {
            let text = format!("{good}\n{bad}\n{good}\n{bad}\n");
            let (lines, fault) = read_lines(text.as_bytes()).expect("lines");
            let fault = fault.expect(bad);
            assert_eq!((lines.len(), fault.line, fault.count), (2, 2, 2), "{bad}");
            assert!(fault.reason.contains(reason), "{bad}: {fault}");
        }
        let (lines, fault) = read_lines(format!("{good}\r\n{good}").as_bytes()).expect("lines");
        assert_eq!(
            (lines.len(), fault.expect("a fault").to_string()),
            (1, "line 2 is torn: the file ends within it".into())
        );
        let long = format!("{}\n{good}\n", "a".repeat(20_000));
        let (lines, fault) = read_lines(long.as_bytes()).expect("lines");
        assert_eq!((lines.len(), fault.expect("a fault").line), (1, 1));
        assert!(read_lines(&b"\xff\n"[..]).expect("lines").1.expect("a fault").reason.contains("UTF-8"));
    }

    proptest! {
        #[test]
        fn lines_read_back_as_they_are_printed(
            path in "[a-z äß%'\"]{1,9}(/[a-z]{1,3}){0,2}", bytes: [u8; 32], size: u64, date in 0..253_402_300_800_u64,
            gone in proptest::option::of(0..253_402_300_800_u64),
        ) {
            let line = IndexLine { path, digest: Digest::new(bytes), size, date, gone };
            let (lines, fault) = read_lines(format!("{line}\n").as_bytes()).expect("lines");
            prop_assert_eq!((lines, fault), (vec![line], None));
        }

        #[test]
        fn no_line_is_lost_uncounted(text in "([a-z]{0,3}\t?|[<=>]{7}|\n|\r|gone |[0-9]{4}-01-01T00:00:00Z){0,40}") {
            let (lines, fault) = read_lines(text.as_bytes()).expect("lines");
            let faulty = fault.map_or(0, |fault| fault.count);
            prop_assert_eq!(lines.len() + faulty, text.split_inclusive('\n').count());
        }
    }

    #[test]
    fn an_index_finds_the_date_of_bytes_at_a_path() {
        let (one, two, three) = (HEX, HEX.replace("01", "11"), HEX.replace("01", "21"));
        let text = format!(
            "a\t{one}\t1\t1970-01-01T00:00:05Z\nb\t{one}\t1\t1970-01-01T00:00:06Z\nb\t{two}\t1\t1970-01-01T00:00:09Z\n"
        );
        let (index, fault) = Index::read(text.as_bytes(), text.len() as u64).expect("an index");
        assert_eq!(fault, None);
        let dates = |path, hex: &str| index.dates(path_id(path), &Digest::parse(hex).expect("a digest"));
        assert_eq!(dates("a", one), (Some(5), None));
        assert_eq!(dates("a", &two), (None, Some(5)));
        assert_eq!(dates("b", &two), (Some(9), Some(6)));
        assert_eq!(dates("b", one), (None, Some(9)), "others came after these bytes");
        assert_eq!(dates("b", &three), (None, Some(9)));
        assert_eq!(dates("c", one), (None, None));
        let text = format!("a\t{two}\t1\t1970-01-01T00:00:07Z\nb\t{two}\t1\t1970-01-01T00:00:09Z\n");
        let (next, _) = Index::read(text.as_bytes(), text.len() as u64).expect("an index");
        let before = index.without(&next);
        assert_eq!(before.dates(path_id("a"), &Digest::parse(one).expect("a digest")), (Some(5), None));
        assert_eq!(before.entries.len(), 2);
        let tie = format!("a\t{one}\t1\t1970-01-01T00:00:05Z\na\t{two}\t1\t1970-01-01T00:00:05Z\n");
        let (tie, _) = Index::read(tie.as_bytes(), tie.len() as u64).expect("an index");
        assert_eq!(tie.dates(path_id("a"), &Digest::parse(one).expect("a digest")), (None, Some(5)));
    }
}
