//! Tests of dates as a whole: a folder, its index, and records that outlive the process.

use std::fs;
use std::future::Future;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;

/// A folder with a state folder beside it.
struct Place {
    dir: TempDir,
    runtime: Runtime,
}

/// A process that dates the folder's files.
struct Process<'p> {
    place: &'p Place,
    dates: Arc<Dates>,
    folder: Arc<FolderDates>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("media")).expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { dir, runtime: runtime.expect("a runtime") }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn process(&self, access: StateAccess) -> Process<'_> {
        let dates = Dates::new(&self.state(), access, 100, self.runtime.handle().clone());
        let _entered = self.runtime.enter();
        let folder = dates.of_folder(&self.dir.path().join("media")).expect("the folder");
        Process { place: self, dates, folder }
    }

    fn write_index(&self, lines: &[(&str, u8, u64)]) {
        let line = |(path, bytes, date): &(&str, u8, u64)| {
            let path = (*path).to_owned();
            format!("{}\n", IndexLine { path, digest: digest(*bytes), size: 1, date: *date, gone: None })
        };
        let text: String = lines.iter().map(line).collect();
        let temporary = self.dir.path().join("index");
        fs::write(&temporary, text).expect("an index");
        fs::rename(temporary, self.dir.path().join("media").join(INDEX_NAME)).expect("an index");
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Process<'_> {
    /// The date of a file with these bytes and this mtime, which was written just now.
    fn date(&self, path: &str, bytes: u8, mtime: i64) -> Option<u64> {
        self.date_of(path, Facts { digest: digest(bytes), size: 1, mtime, ctime: now() })
    }

    fn date_of(&self, path: &str, file: Facts) -> Option<u64> {
        let path = AssetPath::from_plain(path).expect("a path");
        let dating = self.place.wait(self.folder.of(&path, file, self.folder.lookup(&path, file)));
        let date = dating
            .date
            .map(|date| SystemTime::from(date).duration_since(UNIX_EPOCH).expect("a date").as_secs());
        assert!(date.is_none_or(|date| date <= seconds_now()), "never in the future");
        date
    }

    fn end(self) {
        self.place.wait(self.dates.close());
    }
}

fn digest(bytes: u8) -> Digest {
    Digest::new([bytes; 32])
}

fn now() -> i64 {
    i64::try_from(seconds_now()).expect("a time")
}

#[test]
fn dates_hold_over_restarts_whatever_the_mtimes() {
    let place = Place::new();
    let first = place.process(StateAccess::Write);
    let begun = seconds_now();
    assert_eq!(first.date("a.jpg", 1, 1000), Some(1000));
    let without_mtime = first.date("b.jpg", 1, 0).expect("a date");
    assert!(without_mtime >= begun);
    assert_eq!(first.date("a.jpg", 1, 2000), Some(1000));
    let edited = first.date("a.jpg", 2, 900).expect("a date");
    assert!(edited >= begun);
    first.end();
    let second = place.process(StateAccess::Write);
    assert_eq!(second.date("a.jpg", 2, 0), Some(edited));
    assert_eq!(second.date("b.jpg", 1, 77), Some(without_mtime));
    assert_eq!(second.date("c.jpg", 1, 500), Some(500), "nothing was lost, so a new file has its mtime");
    second.end();
}

#[test]
fn versions_within_a_second_have_a_second_each() {
    let place = Place::new();
    let process = place.process(StateAccess::Write);
    let dates: Vec<_> =
        (1..=4).map(|bytes| process.date("a.jpg", bytes % 2, now()).expect("a date")).collect();
    assert!(dates.windows(2).all(|pair| pair[0] < pair[1]), "{dates:?}");
    assert!(dates[3] - dates[0] <= 4, "each waits for its second, and no longer: {dates:?}");
    process.end();
}

/// What the database is after a crash at this moment: a copy, which the next process finds.
fn crash(place: &Place, process: Process<'_>) {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(place.state()).expect("files") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
    }
    process.end();
    fs::remove_dir_all(place.state()).expect("no folder");
    fs::create_dir(place.state()).expect("a folder");
    for entry in fs::read_dir(copy.path()).expect("files") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), place.state().join(entry.file_name())).expect("a copy");
    }
}

#[test]
fn a_crash_costs_the_mtimes_of_paths_without_a_record() {
    let place = Place::new();
    let first = place.process(StateAccess::Write);
    assert_eq!(first.date("recorded.jpg", 1, 1000), Some(1000));
    // The first record is written before it is sent; this one is not yet.
    assert_eq!(first.date("lost.jpg", 1, 1000), Some(1000));
    let edited = first.date("recorded.jpg", 2, 2000);
    assert_eq!(edited, Some(2000), "an edit is on the disk before it is sent");
    crash(&place, first);
    let before = seconds_now();
    let second = place.process(StateAccess::Write);
    assert_eq!(second.date("recorded.jpg", 2, 5), Some(2000));
    let old = Facts { digest: digest(3), size: 1, mtime: 500, ctime: 1000 };
    assert_eq!(second.date_of("old.jpg", old), Some(500), "it was there before the crash, with these bytes");
    let new = second.date("lost-too.jpg", 1, 1000).expect("a date");
    assert!(new > before, "a version of it may have been sent until the crash: {new} {before}");
    second.end();
    // For good: what was lost once stays unknown.
    let third = place.process(StateAccess::Write);
    assert!(third.date("another.jpg", 1, 1000).expect("a date") > before);
    third.end();
}

#[test]
fn a_crash_costs_nothing_where_nothing_is_unwritten() {
    let place = Place::new();
    let first = place.process(StateAccess::Write);
    assert_eq!(first.date("a.jpg", 1, 1000), Some(1000));
    assert_eq!(first.date("b.jpg", 1, 1000), Some(1000));
    place.wait(async {
        first.dates.write(u64::MAX).await;
        first.dates.unmark().await;
    });
    crash(&place, first);
    let second = place.process(StateAccess::Write);
    assert_eq!(second.date("b.jpg", 1, 0), Some(1000));
    assert_eq!(second.date("c.jpg", 1, 1000), Some(1000));
    second.end();
}

#[test]
fn the_index_counts_and_is_followed() {
    let place = Place::new();
    place.write_index(&[("a.jpg", 1, 1000), ("b.jpg", 1, 1000)]);
    let process = place.process(StateAccess::Write);
    assert_eq!(process.date("a.jpg", 1, 3000), Some(1000));
    assert_eq!(process.date("b.jpg", 2, 2000), Some(2000), "bytes that it does not name");
    let path = AssetPath::from_plain("a.jpg").expect("a path");
    let known = process.folder.at_hand(&path, &digest(1)).expect("it is in memory");
    place.write_index(&[("a.jpg", 1, 1500), ("b.jpg", 1, 1000)]);
    place.wait(process.folder.index.refresh(place.runtime.handle()));
    assert!(!process.folder.is_current(known.generation));
    assert_eq!(process.folder.at_hand(&path, &digest(1)), None);
    assert_eq!(process.date("a.jpg", 1, 3000), Some(1500), "a later date for the same bytes");
    assert!(process.date("b.jpg", 1, 100).expect("a date") > 2000, "bytes that come back");
    process.end();
    // On another machine.
    fs::remove_dir_all(place.state()).expect("a state folder");
    let other = place.process(StateAccess::Write);
    assert_eq!(other.date("a.jpg", 1, 7), Some(1500));
    other.end();
}

#[test]
fn an_index_in_place_before_its_files_changes_no_date_of_the_old_ones() {
    let place = Place::new();
    place.write_index(&[("a.jpg", 1, 1000)]);
    let process = place.process(StateAccess::Write);
    assert_eq!(process.date("b.jpg", 1, 77), Some(77), "the index has been read");
    place.write_index(&[("a.jpg", 2, 2000)]);
    assert_eq!(process.date("a.jpg", 1, 500), Some(1000), "as an instance that sent it before has it");
    assert_eq!(process.date("a.jpg", 2, 500), Some(2000));
    process.end();
}

#[test]
fn a_folder_has_one_history_with_and_without_a_slash_at_its_end() {
    let place = Place::new();
    let process = place.process(StateAccess::Write);
    let date = process.date("a.jpg", 1, 0);
    process.end();
    let dates = Dates::new(&place.state(), StateAccess::Write, 100, place.runtime.handle().clone());
    let _entered = place.runtime.enter();
    let folder = dates.of_folder(&place.dir.path().join("media/")).expect("the folder");
    let process = Process { place: &place, dates, folder };
    assert_eq!(process.date("a.jpg", 1, 500), date);
    process.end();
}

#[test]
fn reading_writes_nothing() {
    let place = Place::new();
    let reader = place.process(StateAccess::Read);
    assert_eq!(reader.date("a.jpg", 1, 1000), Some(1000));
    reader.end();
    assert!(!place.state().exists());
    let writer = place.process(StateAccess::Write);
    let date = writer.date("a.jpg", 1, 0);
    let reader = place.process(StateAccess::Read);
    assert_eq!(reader.date("a.jpg", 1, 500), date, "while a server runs");
    let edited = reader.date("a.jpg", 2, 0);
    assert!(edited > date);
    assert_eq!(writer.date("a.jpg", 1, 0), date, "the other version was not sent");
    writer.end();
}

#[test]
fn without_a_usable_state_folder_dates_are_in_memory() {
    let place = Place::new();
    for damage in [
        |state: &Path| fs::write(state, "no folder"),
        |state: &Path| {
            fs::create_dir_all(state)
                .and_then(|()| fs::write(state.join("dates.db"), "no database, but text"))
        },
    ] {
        damage(&place.state()).expect("a file");
        let (_, error) = Records::open(&place.state(), StateAccess::Write, seconds_now());
        let message = error.expect("an error").to_string();
        assert!(message.contains("state"), "{message}");
        let process = place.process(StateAccess::Write);
        let date = process.date("a.jpg", 1, 0).expect("a date");
        assert_eq!(process.date("a.jpg", 1, 1000), Some(date));
        assert!(process.date("a.jpg", 2, 0).expect("a date") > date);
        process.end();
        let _ = fs::remove_file(place.state());
    }
}

#[test]
fn a_path_that_is_gone_is_remembered_for_90_days() {
    let place = Place::new();
    let process = place.process(StateAccess::Write);
    fs::write(place.dir.path().join("media/here.jpg"), "x").expect("a file");
    for path in ["gone.jpg", "here.jpg"] {
        assert_eq!(process.date(path, 1, 1000), Some(1000));
    }
    let records = place.wait(process.dates.records());
    let folder = records.lock().folder(&process.folder.path).expect("a folder");
    let paths = || records.paths(folder, "", 10).expect("paths");
    records.write(seconds_now()).expect("records");
    process.folder.sweep(&records).expect("a sweep");
    let in_days = |days: u64| seconds_now() + days * 24 * 3600;
    records
        .note_gone(folder, &[(true, "gone.jpg".into()), (false, "here.jpg".into())], in_days(89))
        .expect("a sweep");
    records.forget_gone(folder, in_days(89)).expect("a sweep");
    assert_eq!(paths(), ["gone.jpg", "here.jpg"]);
    assert!(process.date("gone.jpg", 2, 900).expect("a date") > 1000, "what comes there gets a later date");
    records.write(seconds_now()).expect("records");
    records.forget_gone(folder, in_days(91)).expect("a sweep");
    assert_eq!(paths(), ["gone.jpg", "here.jpg"], "it is back");
    process.folder.sweep(&records).expect("a sweep");
    records.forget_gone(folder, in_days(91)).expect("a sweep");
    assert_eq!(paths(), ["here.jpg"]);
    process.end();
}

#[test]
fn two_processes_with_one_state_folder_agree() {
    let place = Place::new();
    let (one, other) = (place.process(StateAccess::Write), place.process(StateAccess::Write));
    let first = one.date("a.jpg", 1, 0);
    assert_eq!(other.date("a.jpg", 1, 100), first);
    let second = other.date("a.jpg", 2, 0);
    assert!(second > first);
    assert_eq!(one.date("a.jpg", 2, 100), second);
    one.end();
    other.end();
}
