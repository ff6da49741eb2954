//! Assets in a folder: opened beneath its root, known by their digest, read without ever blocking a serving thread.
//!
//! [`Folder`] is what is mounted: it says when to look again. The rest is what one open of one file gives.

mod buffer_pool;
mod digests;
mod folder;
mod load;
mod root;
mod stream;
mod version;

use std::fs::{File, Metadata};
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::Advice;
use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub(crate) use self::buffer_pool::Chunks;
pub(crate) use self::digests::Digests;
pub(crate) use self::folder::Folder;
pub(crate) use self::load::{Loaded, Seen};
use self::root::{Patience, Refusal, Root};
pub use self::stream::FileStream;
use self::version::FileVersion;
use super::memory_budget::Budget;
use super::{NOBODYS, StoreError};
use crate::asset::{AssetPath, Digest};

/// What all disk stores of a process have in common.
pub(crate) struct Shared {
    pub(crate) digests: Digests,
    pub(crate) budget: Arc<Budget>,
    /// Longest body that is held in memory, in bytes.
    pub(crate) max_body: u64,
    /// Places for reading bodies into memory. Apart from those for hashing alone, so that a picture never waits for the
    /// digest of a film.
    pub(crate) loading: Semaphore,
    pub(crate) chunks: Arc<Chunks>,
    pub(crate) background: Handle,
}

/// A folder whose files are assets.
pub(crate) struct Disk {
    root: Root,
    /// Files that are never assets, wherever a path finds them: the configuration and the access log.
    never: Vec<PathBuf>,
    shared: Arc<Shared>,
    /// Set when the file system turns out not to know `RWF_NOWAIT`.
    nowait_is_missing: AtomicBool,
}

/// A regular file that was opened, and which version of it.
#[derive(Clone)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<File>,
    pub(crate) version: FileVersion,
}

impl OpenFile {
    /// Brings the beginning of the file into the page cache, and waits for it: about what one chunk takes.
    ///
    /// For a thread that may wait. Who had to wait for the open will mostly have to wait for the bytes too, and one turn on
    /// another thread costs less than two.
    pub(crate) fn fetch_beginning(&self) {
        let len = self.version.len.min(buffer_pool::LARGE as u64);
        let Some(last) = len.checked_sub(1) else { return };
        // Both are for speed only; whoever reads the file learns what is wrong with it.
        let _ = rustix::fs::fadvise(&*self.file, 0, NonZeroU64::new(len), Advice::WillNeed);
        let _ = self.file.read_at(&mut [0], last);
    }
}

/// Why nothing was opened.
pub(crate) enum OpenError {
    /// The file system would have to be waited for.
    WouldBlock,
    Store(StoreError),
}

/// One version of a file, open, with the digest of its bytes.
pub struct DiskFile {
    file: Arc<File>,
    version: FileVersion,
    digest: Digest,
    settled: bool,
    /// Set when the file turned out to be another version than this.
    broken: AtomicBool,
    path: Box<str>,
    disk: Arc<Disk>,
}

impl std::fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskFile")
            .field("path", &self.path)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// Serves the folder at `path`. The files at `never` are not assets even if they lie in it.
    pub(crate) fn new(path: &Path, never: Vec<PathBuf>, shared: Arc<Shared>) -> io::Result<Self> {
        Ok(Self { root: Root::new(path)?, never, shared, nowait_is_missing: AtomicBool::new(false) })
    }

    /// Opens the file at `path`, which is relative to the folder. It is opened by its name this once; all that is said
    /// of it later is said of what was opened here.
    pub(crate) fn open(&self, path: &AssetPath<'_>, patience: Patience) -> Result<OpenFile, OpenError> {
        let file =
            self.root.open_beneath(path, patience).map_err(|refusal| self.explain(refusal, patience))?;
        let failed = |e: io::Error| OpenError::Store(StoreError::failed("looking at", &e));
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || self.is_never_served(&metadata) {
            log::debug!("{path} is {} and not served", kind(&metadata));
            return Err(OpenError::Store(StoreError::NotFound));
        }
        Ok(OpenFile { file: Arc::new(file), version: FileVersion::of(&metadata) })
    }

    /// Why nothing can be opened at the moment, where that is so: looks for a file as a request does, and expects to find none.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        let nothing = AssetPath::from_plain(NOBODYS).expect("a path");
        match self.open(&nothing, Patience::Blocking) {
            Err(OpenError::Store(error)) if error != StoreError::NotFound => Some(error),
            _ => None,
        }
    }

    fn explain(&self, refusal: Refusal, patience: Patience) -> OpenError {
        match refusal {
            Refusal::Path(Errno::AGAIN) if patience == Patience::Never => OpenError::WouldBlock,
            // ENXIO: a socket, or a device without a driver. ELOOP and EXDEV: links that lead nowhere or outside.
            Refusal::Path(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::ISDIR
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NAMETOOLONG
                | Errno::NXIO,
            ) => OpenError::Store(StoreError::NotFound),
            Refusal::Path(errno @ (Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM))
            | Refusal::Root(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                OpenError::Store(StoreError::Busy(io::Error::from(errno).to_string().into()))
            }
            Refusal::Path(other) => OpenError::Store(StoreError::failed("opening", &other.into())),
            Refusal::Root(errno) => {
                let (folder, reason) = (self.root.path().display(), io::Error::from(errno));
                OpenError::Store(StoreError::Failed(
                    format!("the folder {folder} cannot be opened: {reason}").into(),
                ))
            }
        }
    }

    /// Compared by what it is, not by its name: a link to the configuration file is the configuration file.
    fn is_never_served(&self, metadata: &Metadata) -> bool {
        self.never_served().any(|never| never == version::identity(metadata))
    }

    /// The files that are not assets, as far as they are there.
    fn never_served(&self) -> impl Iterator<Item = (u64, u64)> {
        self.never.iter().filter_map(|never| Some(version::identity(&std::fs::metadata(never).ok()?)))
    }

    /// What all disk stores have in common.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if metadata.is_file() {
        "the configuration file or the access log"
    } else if metadata.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

impl DiskFile {
    /// What was loaded of `file`, without its body.
    pub(crate) fn new(file: Arc<File>, loaded: &Loaded, path: &AssetPath<'_>, disk: Arc<Disk>) -> Self {
        Self {
            file,
            version: loaded.version,
            digest: loaded.digest,
            settled: loaded.settled,
            broken: AtomicBool::new(false),
            path: path.as_str().into(),
            disk,
        }
    }

    /// Whether a part of the file can be sent: a version that has not settled can only prove itself as a whole.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether it could be held in memory at the moment.
    pub(crate) fn finds_room(&self) -> bool {
        let (len, shared) = (self.version.len, &self.disk.shared);
        len <= shared.max_body && shared.budget.has_room(len)
    }

    /// Whether some response found the file to be another version.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The bytes of `range`, which must lie within the file, and must be the whole of it while it is
    /// [unsettled](Self::is_settled).
    pub fn stream(self: &Arc<Self>, range: Range<u64>) -> FileStream {
        FileStream::new(Arc::clone(self), range)
    }
}
