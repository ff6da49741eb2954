//! The `Last-Modified` of files: it follows the content of each path, over restarts, redeploys and edits within one second.
//!
//! [`law`] decides, from what the [`index`] in the folder says and from the [`records`] of what was sent. [`FolderDates`] is the folder's
//! side, with its [`index_file`]; [`Dates`] is what all folders share. On a serving core, nothing here waits for a disk or for long.

mod database;
pub(crate) mod index;
mod index_file;
mod index_update;
pub(crate) mod law;
mod records;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use quick_cache::sync::Cache;
use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OnceCell};

pub use self::database::StateAccess;
use self::database::StateError;
use self::index::path_id;
pub use self::index::{INDEX_NAME, IndexFault, IndexLine, read_lines};
use self::index_file::{IndexFile, Loaded};
pub use self::index_update::{IndexChange, IndexedFile, updated};
use self::law::{Dated, Facts, History, Record, date_of};
use self::records::Records;
use super::disk::root::{OpenBeneathError, OpenMode, Root};
use crate::asset::{AssetPath, Digest};

/// A date that can be sent after a wait this long is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long a request waits for a changed index, where another would do.
const LONGEST_REFRESH: Duration = Duration::from_millis(250);
/// How long a record may be unwritten that a later look at the file would give again.
const WRITE_DELAY: Duration = Duration::from_millis(500);
/// After a write, until the database says that nothing is unwritten.
const UNMARK_DELAY: Duration = Duration::from_secs(1);
/// Between two attempts to write, if the first failed.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// When paths that are gone are first searched for, and how often.
const FIRST_SWEEP: Duration = Duration::from_mins(10);
const SWEEP_INTERVAL: Duration = Duration::from_hours(24);
/// Paths that are searched for at a time.
const SWEPT_AT_ONCE: u32 = 1000;

/// The date of one version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dating {
    /// `None` while no date can be sent.
    pub(crate) date: Option<HttpDate>,
    /// The index by which it was dated; 0 if it has to be dated again.
    pub(crate) generation: u64,
}

/// What the folders of a process share: the records of dates.
pub(crate) struct Dates {
    state: PathBuf,
    access: StateAccess,
    /// And why they are in memory, if they are.
    records: OnceCell<(Arc<Records>, Option<StateError>)>,
    /// Number of the last note that is on the disk. Held while records are written.
    written: Mutex<Progress>,
    is_write_planned: AtomicBool,
    is_unmark_planned: AtomicBool,
    is_failing: AtomicBool,
    folders: StdMutex<HashMap<PathBuf, Weak<FolderDates>>>,
    /// Dates for each folder that are kept in memory.
    capacity: usize,
    background: Handle,
    warned_of_clock: AtomicBool,
}

#[derive(Default)]
struct Progress {
    up_to: u64,
    failed: Option<Instant>,
}

/// The dates of the files of a folder.
pub(crate) struct FolderDates {
    dates: Arc<Dates>,
    path: PathBuf,
    root: Root,
    index: Arc<IndexFile>,
    /// By path.
    recent: Cache<Box<str>, Recent>,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    digest: Digest,
    date: HttpDate,
    generation: u64,
}

/// What the records and the index say of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    dated: Dated,
    generation: u64,
    /// The note that must be on the disk before the date is sent.
    urgent: Option<u64>,
}

impl Dates {
    /// Keeps records in the folder `state`, and up to `capacity` dates of each folder in memory.
    pub(crate) fn new(state: &Path, access: StateAccess, capacity: usize, background: Handle) -> Arc<Self> {
        Arc::new(Self {
            state: state.to_owned(),
            access,
            records: OnceCell::new(),
            written: Mutex::default(),
            is_write_planned: AtomicBool::new(false),
            is_unmark_planned: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            folders: StdMutex::default(),
            capacity,
            background,
            warned_of_clock: AtomicBool::new(false),
        })
    }

    /// The dates of the folder at `path`. Begins to read what is known of it.
    pub(crate) fn of_folder(self: &Arc<Self>, path: &Path) -> std::io::Result<Arc<FolderDates>> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = folders.get(path).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let folder = Arc::new(FolderDates {
            dates: Arc::clone(self),
            // Without a slash at its end: `media` and `media/` are one folder.
            path: std::path::absolute(path)?.components().collect(),
            root: Root::new(path)?,
            index: Arc::new(IndexFile::new(Root::new(path)?)),
            recent: Cache::new(self.capacity),
        });
        folders.insert(path.to_owned(), Arc::downgrade(&folder));
        let reading = Arc::clone(&folder);
        self.background.spawn(async move {
            reading.dates.records().await;
            reading.index.refresh(&reading.dates.background).await;
        });
        if self.access == StateAccess::Write {
            self.background.spawn(sweep_regularly(Arc::downgrade(&folder)));
        }
        Ok(folder)
    }

    /// Why dates that were kept are not used, if so.
    pub(crate) async fn unusable_reason(&self) -> Option<String> {
        self.records().await;
        self.records.get().and_then(|(_, error)| error.as_ref().map(ToString::to_string))
    }

    /// Writes what is unwritten. To be called at the end of the process, when nothing is sent any more.
    pub(crate) async fn close(self: &Arc<Self>) {
        if let Some(Err(error)) = self.run(|records| records.write(seconds_now())).await {
            self.warn_of_failure(&error);
        }
        self.unmark().await;
    }

    async fn records(&self) -> Arc<Records> {
        let open = || async {
            let (state, access) = (self.state.clone(), self.access);
            let opening =
                self.background.spawn_blocking(move || Records::open(&state, access, seconds_now()));
            let (records, error) = opening.await.unwrap_or_else(|_| (Records::in_memory(), None));
            if let Some(error) = error.as_ref().filter(|_| self.access == StateAccess::Write) {
                log::warn!(
                    "{error}. Until a restart, dates of changed files are kept in memory only; name a writable folder as `state`"
                );
            }
            (Arc::new(records), error)
        };
        Arc::clone(&self.records.get_or_init(open).await.0)
    }

    /// Returns once the note of this number is on the disk, or cannot be written.
    async fn write(self: &Arc<Self>, number: u64) {
        let mut written = self.written.lock().await;
        let is_too_early = written.failed.is_some_and(|failed| failed.elapsed() < RETRY_DELAY);
        if written.up_to >= number {
            return;
        }
        if is_too_early {
            drop(written);
            return self.write_after(RETRY_DELAY);
        }
        match self.run(|records| records.write(seconds_now())).await {
            Some(Ok(up_to)) => {
                *written = Progress { up_to, failed: None };
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    log::info!("{}: dates can be kept again", self.file().display());
                }
            }
            Some(Err(error)) => {
                written.failed = Some(Instant::now());
                self.warn_of_failure(&error);
                self.write_after(RETRY_DELAY);
                return;
            }
            None => return,
        }
        self.plan(
            |dates| &dates.is_unmark_planned,
            UNMARK_DELAY,
            |dates| async move { dates.unmark().await },
        );
    }

    fn write_after(self: &Arc<Self>, delay: Duration) {
        let work = |dates: Arc<Self>| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async move { dates.write(u64::MAX).await })
        };
        self.plan(|dates| &dates.is_write_planned, delay, work);
    }

    /// Notes that nothing is unwritten, unless something is.
    async fn unmark(self: &Arc<Self>) {
        if let Some(Err(error)) = self.run(Records::unmark).await {
            self.warn_of_failure(&error);
        }
    }

    /// Runs `work` after `delay`, unless `is_planned` says that it will run anyway.
    fn plan<F>(
        self: &Arc<Self>,
        is_planned: fn(&Self) -> &AtomicBool,
        delay: Duration,
        work: fn(Arc<Self>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        if is_planned(self).swap(true, Ordering::Relaxed) {
            return;
        }
        let dates = Arc::clone(self);
        self.background.spawn(async move {
            tokio::time::sleep(delay).await;
            is_planned(&dates).store(false, Ordering::Relaxed);
            work(dates).await;
        });
    }

    /// Runs `work` where it may block; `None` if the records were never opened.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Records) -> T + Send + 'static) -> Option<T> {
        let records = Arc::clone(&self.records.get()?.0);
        self.background.spawn_blocking(move || work(&records)).await.ok()
    }

    fn file(&self) -> PathBuf {
        self.state.join(database::FILE)
    }

    /// Warns once, until it works again.
    fn warn_of_failure(&self, error: &rusqlite::Error) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            let file = self.file();
            log::warn!(
                "{}: dates cannot be kept: {error}; they are in memory only until that is corrected",
                file.display()
            );
        }
    }

    fn warn_of_clock(&self, path: &AssetPath<'_>, date: u64) {
        if !self.warned_of_clock.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{path} cannot be sent with a date before {}, which is later than this machine's clock, so it is served without \
                 Last-Modified until then; set the clock. (Logged once; there may be more such files.)",
                index::written(date)
            );
        }
    }
}

impl FolderDates {
    /// Whether what was dated by the index of this generation is still dated right.
    pub(crate) fn is_current(&self, generation: u64) -> bool {
        generation == self.index.generation()
    }

    /// Takes up an index that has changed, if it was not checked for as long as `fresh`. Does not wait for long for a large one:
    /// until it is read, the one before counts.
    pub(crate) async fn follow(&self, fresh: Duration) {
        let is_needed = self.index.is_due(fresh)
            && !self.index.is_being_read()
            && !self.index.is_up_to_date(OpenMode::CachedOnly);
        if !is_needed {
            return;
        }
        let (index, background) = (Arc::clone(&self.index), self.dates.background.clone());
        let refreshing = self.dates.background.spawn(async move { drop(index.refresh(&background).await) });
        let _ = tokio::time::timeout(LONGEST_REFRESH, refreshing).await;
    }

    /// The date of these bytes at this path inside the folder, if it is in memory.
    pub(crate) fn at_hand(&self, inside: &AssetPath<'_>, digest: &Digest) -> Option<Dating> {
        let recent = self.recent.get(inside.as_str())?;
        let is_it = recent.digest == *digest && self.is_current(recent.generation);
        is_it.then_some(Dating { date: Some(recent.date), generation: recent.generation })
    }

    /// What is known of a file at this path inside the folder; `None` if the records or the index have to be read first. Notes the date. May
    /// block on the disk.
    pub(crate) fn lookup(&self, inside: &AssetPath<'_>, file: Facts) -> Option<Lookup> {
        let (records, _) = self.dates.records.get()?;
        let is_up_to_date = self.index.is_up_to_date(OpenMode::MayBlock);
        is_up_to_date.then(|| self.lookup_in(records, &self.index.current(), inside, file)).flatten()
    }

    /// The date of a file at this path inside the folder, which is from here on the date of its bytes. `lookup` is what a
    /// [`lookup`](Self::lookup) gave.
    pub(crate) async fn of(
        self: &Arc<Self>,
        inside: &AssetPath<'_>,
        file: Facts,
        mut lookup: Option<Lookup>,
    ) -> Dating {
        loop {
            let found = match lookup.take() {
                Some(found) => found,
                None => match self.lookup_after_reading(inside, file).await {
                    Some(found) => found,
                    None => return Dating { date: None, generation: 0 },
                },
            };
            match found.dated {
                Dated::Before(date) | Dated::Anew(date) => {
                    if let Some(number) = found.urgent {
                        self.dates.write(number).await;
                    }
                    let (date, generation) = (http_date(date), found.generation);
                    self.remember(inside, Recent { digest: file.digest, date, generation });
                    return Dating { date: Some(date), generation };
                }
                Dated::NotBefore(date) => {
                    let wait = time_of(date).duration_since(SystemTime::now()).unwrap_or_default();
                    if wait > LONGEST_WAIT {
                        self.dates.warn_of_clock(inside, date);
                        return Dating { date: None, generation: 0 };
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Another task may have dated a later version meanwhile.
    fn remember(&self, inside: &AssetPath<'_>, recent: Recent) {
        let known = self.recent.get(inside.as_str());
        if known.is_none_or(|known| known.date <= recent.date) {
            self.recent.insert(inside.as_str().into(), recent);
        }
    }

    /// The same as [`lookup`](Self::lookup), once records and index have been read; `None` if they fail.
    async fn lookup_after_reading(self: &Arc<Self>, inside: &AssetPath<'_>, file: Facts) -> Option<Lookup> {
        let records = self.dates.records().await;
        let loaded = self.index.refresh(&self.dates.background).await;
        let (folder, inside) = (Arc::clone(self), inside.to_owned());
        let lookup = move || folder.lookup_in(&records, &loaded, &inside, file);
        self.dates.background.spawn_blocking(lookup).await.ok().flatten()
    }

    /// `None` if the records cannot be read: without them, no date is known to be right.
    fn lookup_in(
        &self,
        records: &Records,
        index: &Loaded,
        inside: &AssetPath<'_>,
        file: Facts,
    ) -> Option<Lookup> {
        let (now, path, id) = (seconds_now(), inside.as_str(), path_id(inside.as_str()));
        let (indexed, indexed_others) = index.dates(id, &file.digest);
        let mut records = records.lock();
        let folder = records.folder(&self.path);
        let found = folder.and_then(|folder| Ok((folder, records.find((folder, id), path)?)));
        let (folder, found) = found.inspect_err(|error| self.dates.warn_of_failure(error)).ok()?;
        let sent = found.map(|found| found.record);
        let is_later = |ctime: i64, since| ctime >= i64::try_from(since).unwrap_or(i64::MAX);
        let loss = records.loss(folder).filter(|loss| is_later(file.ctime, loss.since));
        let unrecorded_until = loss.map(|loss| loss.until);
        let history = History { sent, indexed, indexed_others, unrecorded_until };
        let dated = date_of(&file, &history, now);
        let mut lookup = Lookup { dated, generation: index.generation, urgent: None };
        match dated {
            Dated::Anew(date) => {
                let record = Record { digest: file.digest, size: file.size, date };
                let is_given_by_the_file =
                    sent.is_none() && indexed.is_none() && i64::try_from(date) == Ok(file.mtime);
                let is_urgent = !is_given_by_the_file || !records.is_marked(folder);
                let number = records.note((folder, id), path, record, is_urgent);
                lookup.urgent = is_urgent.then_some(number);
                // Here, because whoever asks may be gone before it is answered.
                self.dates.write_after(WRITE_DELAY);
            }
            Dated::Before(_) => lookup.urgent = found.and_then(|found| found.urgent),
            Dated::NotBefore(_) => {}
        }
        Some(lookup)
    }

    /// Notes which recorded paths are gone. May block on the disk for long.
    fn sweep(&self, records: &Records) -> rusqlite::Result<()> {
        let folder = records.lock().folder(&self.path)?;
        let mut after = String::new();
        loop {
            let paths = records.paths(folder, &after, SWEPT_AT_ONCE)?;
            let Some(last) = paths.last() else { return records.forget_gone(folder, seconds_now()) };
            after.clone_from(last);
            // Not while the folder itself is missing, such as a disk that is not mounted.
            if Root::new(&self.path).is_err() {
                return Ok(());
            }
            let looked_at = |path: String| (self.is_gone(&path), path);
            let paths: Vec<_> = paths.into_iter().map(looked_at).collect();
            records.note_gone(folder, &paths, seconds_now())?;
        }
    }

    fn is_gone(&self, path: &str) -> bool {
        AssetPath::from_plain(path).is_ok_and(|path| {
            let opened = self.root.open_beneath(&path, OpenMode::MayBlock);
            matches!(opened, Err(OpenBeneathError::Path(Errno::NOENT | Errno::NOTDIR)))
        })
    }
}

async fn sweep_regularly(folder: Weak<FolderDates>) {
    let mut wait = FIRST_SWEEP;
    loop {
        tokio::time::sleep(wait).await;
        wait = SWEEP_INTERVAL;
        let Some(folder) = folder.upgrade() else { return };
        let (records, background) = (folder.dates.records().await, folder.dates.background.clone());
        let _ = background
            .spawn_blocking(move || {
                if let Err(error) = folder.sweep(&records) {
                    folder.dates.warn_of_failure(&error);
                }
            })
            .await;
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn time_of(date: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(date)
}

fn http_date(date: u64) -> HttpDate {
    HttpDate::from(time_of(date))
}
