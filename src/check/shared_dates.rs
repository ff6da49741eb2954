//! Finds folders in which many files have one date, as build tools give it to them: it says nothing about when a file changed.

use std::collections::hash_map::{Entry, HashMap};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use super::rules::file_rules::SHARED_DATE;
use super::{Finding, Report};
use crate::store::first_entries;

/// Files that have to share a date before it is reported.
const MIN_FILES: usize = 5;
/// Different dates that are counted.
const MAX_DATES: usize = 4096;
/// A file whose status changed this much later than its content was given its date by a tool.
const MIN_AGE: i64 = 60;
/// Bytes of two files that are compared.
const COMPARED: u64 = 64 << 10;

/// The dates of files, and how many files have each.
#[derive(Debug, Default)]
pub struct SharedDates {
    files: usize,
    dates: HashMap<i64, Files>,
}

/// The files with one date.
#[derive(Debug)]
struct Files {
    count: usize,
    first: PathBuf,
    first_len: u64,
    /// Whether two of them have different contents.
    differ: bool,
}

/// A date that many files of different content share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedDate {
    /// The date.
    pub date: HttpDate,
    /// Files that have it.
    pub count: usize,
    /// Files that were counted.
    pub of: usize,
}

impl SharedDates {
    /// Counts the file at `path`. Reads the beginning of a file only where a date is shared and the lengths are equal.
    pub fn add(&mut self, path: &Path, metadata: &Metadata) {
        self.files += 1;
        let (mtime, ctime, len) = (metadata.mtime(), metadata.ctime(), metadata.len());
        // 0 and 1 are reported for each file. A file that was just written shares its date with others that were.
        if mtime <= 1 || ctime - mtime < MIN_AGE {
            return;
        }
        let is_full = self.dates.len() >= MAX_DATES;
        match self.dates.entry(mtime) {
            Entry::Occupied(mut entry) => {
                let files = entry.get_mut();
                files.count += 1;
                files.differ =
                    files.differ || files.first_len != len || beginning(&files.first) != beginning(path);
            }
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => {
                entry.insert(Files { count: 1, first: path.to_owned(), first_len: len, differ: false });
            }
        }
    }

    /// The dates of some files in a folder and its subfolders. Takes no longer for a million files than for a few hundred.
    pub fn sample(folder: &Path) -> Self {
        let mut dates = Self::default();
        for (_, entry) in first_entries(folder) {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if let Some(metadata) = entry.metadata().ok().filter(|metadata| metadata.is_file() && !is_hidden)
            {
                dates.add(&entry.path(), &metadata);
            }
        }
        dates
    }

    /// The date of at least half of the files, if there are enough of them and their contents differ.
    pub fn shared(&self) -> Option<SharedDate> {
        let (&seconds, files) = self.dates.iter().max_by_key(|(_, files)| files.count)?;
        let is_shared = files.count >= MIN_FILES && files.count * 2 >= self.files && files.differ;
        let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?);
        // Later dates cannot be written (RFC 9110 section 5.6.7), and none comes from a build tool.
        (is_shared && date < SystemTime::now()).then(|| SharedDate {
            date: date.into(),
            count: files.count,
            of: self.files,
        })
    }

    /// A report on the folder, if its files share a date.
    pub fn report(&self, folder: &str) -> Option<Report> {
        let SharedDate { date, count, of } = self.shared()?;
        let mut report = Report::new(folder);
        let fix = "set last_modified = \"content\" in the [[mount]], or let the deployment keep the files' own times (rsync -t, cp -p, git-restore-mtime), or give each changed file the \
                   time of its change: touch FILE; printed links with ?v= are not affected";
        report.findings.push(Finding::new(&SHARED_DATE, format!("{date}, {count} of {of} files"), fix));
        Some(report)
    }
}

/// The first bytes of a file; none if it cannot be read, which is reported elsewhere.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(COMPARED).read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &str, Option<u64>)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text, seconds) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
            if let Some(seconds) = seconds {
                let time = UNIX_EPOCH + Duration::from_secs(*seconds);
                File::options()
                    .append(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(time))
                    .expect("a time");
            }
        }
        dir
    }

    #[track_caller]
    fn shares(files: &[(&str, &str, Option<u64>)]) -> Option<(usize, usize)> {
        let dir = folder(files);
        SharedDates::sample(dir.path()).shared().map(|shared| (shared.count, shared.of))
    }

    const CONSTANT: Option<u64> = Some(315_532_800);

    #[test]
    fn a_constant_date_of_different_files_is_shared() {
        let files =
            [("a", "1", CONSTANT), ("b", "2", CONSTANT), ("c", "3", CONSTANT), ("x/d", "4", CONSTANT)];
        assert_eq!(shares(&files), None, "too few");
        let files =
            [&files[..], &[("e", "5", CONSTANT), ("f", "6", Some(315_532_801)), (".g", "7", CONSTANT)]]
                .concat();
        assert_eq!(shares(&files), Some((5, 6)));
    }

    #[test]
    fn dates_that_say_something_are_not_reported() {
        let same: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "same", CONSTANT)).into();
        assert_eq!(shares(&same), None, "one content");
        let written_now: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| (name, name, None)).into();
        assert_eq!(shares(&written_now), None, "a fresh copy");
        let without: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| (name, name, Some(1))).into();
        assert_eq!(shares(&without), None, "no date, which is another finding");
        let few: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
            .iter()
            .enumerate()
            .map(|(number, name)| (*name, *name, Some(1_000_000_000 + number.saturating_sub(4) as u64)))
            .collect();
        assert_eq!(shares(&few), None, "fewer than half");
    }
}
