//! The index of a folder, followed as it changes.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::index::{INDEX_NAME, Index, IndexFault, PathId};
use crate::asset::Digest;
use crate::shell::quoted;
use crate::store::disk::root::{OpenBeneathError, OpenMode, Root};
use crate::store::disk::version::FileVersion;

/// Between two reads of a file that has just changed.
const REREAD_GAP: Duration = Duration::from_millis(250);
/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
/// Largest index that is read, in bytes: more lines than any folder has files.
const LARGEST: u64 = 4 << 30;

/// The index of a folder.
pub(crate) struct IndexFile {
    root: Root,
    path: PathBuf,
    current: ArcSwap<Loaded>,
    /// Held while the file is checked.
    refreshing: Mutex<()>,
    /// When it was last checked, in milliseconds since `epoch`; 0 before the first time.
    checked_at: AtomicU64,
    epoch: Instant,
}

/// An index as it was read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Increases with each change; 0 before the first look.
    pub(crate) generation: u64,
    index: Arc<Index>,
    /// What only the index before had: an index is replaced before the files are.
    before: Arc<Index>,
    /// What is wrong with the file.
    problem: Option<String>,
    source: Source,
}

impl Loaded {
    /// The date of these bytes at this path, and the latest date of others.
    pub(crate) fn dates(&self, path: PathId, digest: &Digest) -> (Option<u64>, Option<u64>) {
        let (same, others) = self.index.dates(path, digest);
        (same.or_else(|| self.before.dates(path, digest).0), others)
    }
}

/// What was found in place of the index.
#[derive(Debug, Clone, Copy, Default)]
enum Source {
    #[default]
    Missing,
    /// The file could not be opened or is none.
    Unusable,
    File {
        version: FileVersion,
        /// When it was read, if a later change may not show in the version.
        unsettled_since: Option<Instant>,
    },
}

impl Source {
    fn of(version: FileVersion) -> Self {
        // A time stamp in the future says nothing of the age.
        let now = SystemTime::now();
        let is_settled = version.is_settled(now) || version.is_of_the_future(now);
        Self::File { version, unsettled_since: (!is_settled).then(Instant::now) }
    }

    /// Whether what was read from here is also what can be read from `now`.
    fn has_what(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::File { version, unsettled_since }, Self::File { version: version_now, .. }) => {
                version == version_now && unsettled_since.is_none_or(|since| since.elapsed() < REREAD_GAP)
            }
            (Self::Missing, Self::Missing) => true,
            _ => false,
        }
    }
}

impl IndexFile {
    pub(crate) fn new(root: Root) -> Self {
        Self {
            path: root.path().join(INDEX_NAME),
            root,
            current: ArcSwap::default(),
            refreshing: Mutex::default(),
            checked_at: AtomicU64::new(0),
            epoch: Instant::now(),
        }
    }

    /// Number of the index in use.
    pub(crate) fn generation(&self) -> u64 {
        self.current.load().generation
    }

    /// Whether the file was not checked for as long as `fresh`.
    pub(crate) fn is_due(&self, fresh: Duration) -> bool {
        let checked_at = Duration::from_millis(self.checked_at.load(Ordering::Relaxed));
        self.epoch.elapsed().saturating_sub(checked_at) >= fresh
    }

    /// Whether the file is being read at the moment.
    pub(crate) fn is_being_read(&self) -> bool {
        self.refreshing.try_lock().is_err()
    }

    /// Whether the index in use is what the file has now; `false` if that cannot be seen in this mode.
    pub(crate) fn is_up_to_date(&self, mode: OpenMode) -> bool {
        let current = self.current.load();
        let is_up_to_date =
            current.generation > 0 && self.source_now(mode).is_some_and(|now| current.source.has_what(&now));
        if is_up_to_date {
            self.note_check();
        }
        is_up_to_date
    }

    /// The file as it is now; `None` if that cannot be seen in this mode, or if there is no regular file.
    fn source_now(&self, mode: OpenMode) -> Option<Source> {
        let version = match mode {
            OpenMode::CachedOnly => match self.root.open_own(INDEX_NAME, mode) {
                Ok(file) => Ok(FileVersion::current(&file).ok()?),
                Err(OpenBeneathError::Path(Errno::NOENT)) => Err(io::ErrorKind::NotFound),
                Err(_) => return None,
            },
            // One call instead of three. A link that leads out of the folder is read as such.
            OpenMode::MayBlock => match self.path.metadata() {
                Ok(metadata) => Ok(FileVersion::of(&metadata)),
                Err(error) => Err(error.kind()),
            },
        };
        match version {
            Ok(version) => Some(Source::of(version)),
            Err(io::ErrorKind::NotFound) => Some(Source::Missing),
            Err(_) => None,
        }
    }

    /// The index, read again if the file has changed.
    pub(crate) async fn refresh(self: &Arc<Self>, background: &Handle) -> Arc<Loaded> {
        let _refreshing = self.refreshing.lock().await;
        self.note_check();
        let file = Arc::clone(self);
        let read = background.spawn_blocking(move || file.read_if_changed());
        if let Ok(Some(loaded)) = read.await {
            self.current.store(Arc::new(loaded));
        }
        self.current.load_full()
    }

    /// The index in use.
    pub(crate) fn current(&self) -> Arc<Loaded> {
        self.current.load_full()
    }

    fn note_check(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.checked_at.store(now, Ordering::Relaxed);
    }

    /// The index if it is another than the one in use.
    fn read_if_changed(&self) -> Option<Loaded> {
        let before = self.current.load();
        let found = self.open();
        let source = match &found {
            Ok(Found::Missing) => Source::Missing,
            Ok(Found::File(_, version)) => Source::of(*version),
            Ok(Found::NoFolder) if before.generation > 0 => return None,
            Ok(Found::NoFolder) | Err(_) => Source::Unusable,
        };
        if before.generation > 0 && before.source.has_what(&source) {
            return None;
        }
        let read = match found {
            Ok(Found::Missing | Found::NoFolder) => Ok((Index::default(), None)),
            Ok(Found::File(file, version)) => Self::read(file, version.len),
            Err(reason) => Err(reason),
        };
        let (index, problem, source) = match read {
            Ok((index, fault)) => {
                let folder = quoted(self.root.path());
                let problem = fault.map(|fault| {
                    format!("{fault}; the other lines are used; write it again: wamedia index {folder}")
                });
                (Some(index).filter(|index| *index != *before.index), problem, source)
            }
            // What was said before still counts. It is read again at the next look.
            Err(reason) => (None, Some(format!("{reason}; until then it is not used")), Source::Unusable),
        };
        if let Some(problem) = problem.as_ref().filter(|problem| before.problem.as_ref() != Some(problem)) {
            log::warn!("the content index {}: {problem}", self.path.display());
        }
        let is_new = index.is_some() || before.generation == 0;
        let (index, left) = match index {
            Some(index) => {
                let left = before.index.without(&index);
                (Arc::new(index), Arc::new(left))
            }
            None => (Arc::clone(&before.index), Arc::clone(&before.before)),
        };
        Some(Loaded {
            generation: before.generation + u64::from(is_new),
            index,
            before: left,
            problem,
            source,
        })
    }

    fn open(&self) -> Result<Found, String> {
        let file = match self.root.open_own(INDEX_NAME, OpenMode::MayBlock) {
            Ok(file) => file,
            Err(OpenBeneathError::Path(Errno::NOENT)) => return Ok(Found::Missing),
            Err(OpenBeneathError::Root(_)) => return Ok(Found::NoFolder),
            Err(OpenBeneathError::Path(Errno::XDEV)) => {
                return Err("it is a link that leads out of the folder; put the file itself there".to_owned());
            }
            Err(OpenBeneathError::Path(errno)) => {
                return Err(format!("it cannot be opened: {}; correct that", io::Error::from(errno)));
            }
        };
        let metadata =
            file.metadata().map_err(|error| format!("it cannot be read: {error}; correct that"))?;
        if !metadata.is_file() {
            return Err("it is not a regular file; remove it".to_owned());
        }
        Ok(Found::File(file, FileVersion::of(&metadata)))
    }

    fn read(file: File, len: u64) -> Result<(Index, Option<IndexFault>), String> {
        if len > LARGEST {
            return Err("it is larger than 4 GiB, so it is no index; remove it".to_owned());
        }
        Index::read(BufReader::with_capacity(BUFFER, file), len)
            .map_err(|error| format!("it cannot be read: {error}; correct that"))
    }
}

/// What a look at the file finds.
enum Found {
    Missing,
    /// The folder cannot be opened, so none of its files can.
    NoFolder,
    File(File, FileVersion),
}
