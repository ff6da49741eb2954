//! Brings the lines of a content index up to date with the files of its folder.

use std::cmp::Ordering;
use std::fs::File;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::index::{GONE_FOR, IndexLine};
use super::law::{Dated, Facts, History, Record, date_of};
use crate::store::StoreError;
use crate::store::disk::digests::hash;
use crate::store::disk::version::FileVersion;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// A file to index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedFile {
    path: String,
    facts: Facts,
}

/// What an update does with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexChange {
    /// The path has the same bytes.
    Unchanged,
    /// The path has no line, or was gone.
    Added,
    /// The path has other bytes.
    Changed,
    /// The path is gone.
    Removed,
    /// The path has been gone before.
    Gone,
}

impl IndexedFile {
    /// Compares the paths.
    pub fn by_path(one: &Self, other: &Self) -> Ordering {
        one.path.cmp(&other.path)
    }

    /// Reads the file at `file`, which has this path inside the folder.
    pub fn read(file: &Path, path: String) -> Result<Self, StoreError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::open(file, flags, Mode::empty()).map(File::from);
        let file = file.map_err(|e| StoreError::failed("opening", &e.into()))?;
        let version = || FileVersion::current(&file).map_err(|e| StoreError::failed("reading", &e));
        let mut before = version()?;
        for _ in 0..ATTEMPTS {
            let digest = hash(&file, before.len, || false);
            let after = version()?;
            match digest {
                Ok(Some(digest)) if after == before => {
                    let (mtime, ctime) = (after.mtime(), after.ctime());
                    return Ok(Self { path, facts: Facts { digest, size: after.len, mtime, ctime } });
                }
                Ok(_) | Err(StoreError::Changing) => before = after,
                Err(e) => return Err(e),
            }
        }
        Err(StoreError::Changing)
    }
}

impl IndexChange {
    /// In one word, for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Gone => "gone",
        }
    }
}

/// The lines of an index after an update at `now` (seconds since 1970), each with what the update does. `lines` are sorted by path and
/// date, `files` by path.
///
/// A date that lies after `now` may not be sent before: the file changed within a second, or the clock went back.
pub fn updated(lines: &[IndexLine], files: Vec<IndexedFile>, now: u64) -> Vec<(IndexChange, IndexLine)> {
    let mut new = Vec::with_capacity(files.len());
    let mut before = lines.chunk_by(|one, next| one.path == next.path).peekable();
    let mut files = files.into_iter().peekable();
    loop {
        let line = match (before.peek(), files.peek()) {
            (None, None) => return new,
            (Some(lines), Some(file)) => (lines[0].path <= file.path).then_some(*lines),
            (lines, _) => lines.copied(),
        };
        let file = files.next_if(|file| line.is_none_or(|lines| lines[0].path == file.path));
        let line = line.and_then(|lines| last(lines, file.as_ref()));
        if line.is_some() {
            before.next();
        }
        new.extend(match (line, file) {
            (line, Some(file)) => Some(dated(line, file, now)),
            (Some(line), None) => gone(line, now),
            (None, None) => None,
        });
    }
}

/// The last of a path's lines. Of two with one date, which come from a merge, one with other bytes than the file's.
fn last<'l>(lines: &'l [IndexLine], file: Option<&IndexedFile>) -> Option<&'l IndexLine> {
    let last = lines.last()?;
    let is_other = |line: &&IndexLine| file.is_some_and(|file| line.digest != file.facts.digest);
    Some(lines.iter().filter(|line| line.date == last.date).find(is_other).unwrap_or(last))
}

fn dated(line: Option<&IndexLine>, file: IndexedFile, now: u64) -> (IndexChange, IndexLine) {
    let IndexedFile { path, facts } = file;
    let sent = line.map(|line| Record { digest: line.digest, size: line.size, date: line.date });
    let history = History { sent, ..History::default() };
    let (Dated::Before(date) | Dated::Anew(date) | Dated::NotBefore(date)) = date_of(&facts, &history, now);
    let change = match line {
        None | Some(IndexLine { gone: Some(_), .. }) => IndexChange::Added,
        Some(line) if line.digest == facts.digest => IndexChange::Unchanged,
        Some(_) => IndexChange::Changed,
    };
    (change, IndexLine { path, digest: facts.digest, size: facts.size, date, gone: None })
}

fn gone(line: &IndexLine, now: u64) -> Option<(IndexChange, IndexLine)> {
    match line.gone {
        None => Some((IndexChange::Removed, IndexLine { gone: Some(now), ..line.clone() })),
        Some(since) if now < since + GONE_FOR.as_secs() => Some((IndexChange::Gone, line.clone())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::Digest;

    fn line(path: &str, bytes: u8, date: u64, gone: Option<u64>) -> IndexLine {
        IndexLine { path: path.to_owned(), digest: Digest::new([bytes; 32]), size: 1, date, gone }
    }

    fn file(path: &str, bytes: u8, mtime: i64) -> IndexedFile {
        let digest = Digest::new([bytes; 32]);
        IndexedFile { path: path.to_owned(), facts: Facts { digest, size: 1, mtime, ctime: mtime } }
    }

    #[test]
    fn only_what_changed_gets_another_date() {
        use IndexChange::{Added, Changed, Gone, Removed, Unchanged};
        let now = 100_000_000;
        let lines = [
            line("changed", 1, 10, None),
            line("gone", 1, 10, Some(now - 1)),
            line("gone for long", 1, 10, Some(now - 90 * 86400)),
            line("is back", 1, 10, Some(20)),
            line("is back changed", 1, 10, Some(20)),
            line("merged", 1, 10, None),
            line("merged", 2, 30, None),
            line("merged with one date", 1, 30, None),
            line("merged with one date", 2, 30, None),
            line("old mtime", 1, 60, None),
            line("removed", 1, 10, None),
            line("same", 1, 10, None),
        ];
        let files = vec![
            file("added", 1, 50),
            file("changed", 2, 50),
            file("is back", 1, 50),
            file("is back changed", 2, 5),
            file("merged", 1, 5),
            file("merged with one date", 2, 5),
            file("old mtime", 2, 50),
            file("same", 1, 50),
        ];
        let new = updated(&lines, files, now);
        let shown: Vec<_> =
            new.iter().map(|(change, line)| (*change, &*line.path, line.date, line.gone)).collect();
        assert_eq!(
            shown,
            [
                (Added, "added", 50, None),
                (Changed, "changed", 50, None),
                (Gone, "gone", 10, Some(now - 1)),
                (Added, "is back", 10, None),
                (Added, "is back changed", now, None),
                (Changed, "merged", now, None),
                (Changed, "merged with one date", now, None),
                (Changed, "old mtime", now, None),
                (Removed, "removed", 10, Some(now)),
                (Unchanged, "same", 10, None),
            ]
        );
        let lines: Vec<_> = new.into_iter().map(|(_, line)| line).collect();
        assert!(updated(&lines, vec![], now + 1).iter().all(|(change, _)| matches!(change, Removed | Gone)));
    }

    #[test]
    fn files_are_read_with_their_digest_and_mtime() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, "abc").expect("a file");
        let read = IndexedFile::read(&path, "a.jpg".to_owned()).expect("a file");
        assert_eq!(read.facts.size, 3);
        assert!(read.facts.digest.to_string().starts_with("ba7816bf"));
        assert!(IndexedFile::read(&dir.path().join("b.jpg"), "b.jpg".to_owned()).is_err());
    }
}
