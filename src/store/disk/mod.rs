//! Assets in a folder: opened beneath its root, identified by their digest, and read without blocking a serving core.
//!
//! [`Folder`] is a mounted folder; it decides when a file is read again. The other files handle one open of one file.

mod buffer_pool;
pub(super) mod digests;
pub(super) mod disk_file;
mod folder;
pub(super) mod load;
mod open_file;
pub(super) mod root;
pub(super) mod stream;
pub(super) mod version;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub(crate) use self::buffer_pool::BufferPool;
pub(crate) use self::digests::Digests;
pub(crate) use self::folder::Folder;
use self::open_file::OpenFile;
use self::root::{OpenBeneathError, OpenMode, Root};
use self::version::FileVersion;
use super::dates::Dates;
use super::memory_budget::MemoryBudget;
use super::{PROBE_NAME, StoreError};
use crate::asset::AssetPath;

/// What the folders of a process share.
pub(crate) struct Shared {
    pub(crate) digests: Digests,
    pub(crate) budget: Arc<MemoryBudget>,
    /// Longest body that is held in memory, in bytes.
    pub(crate) max_body: u64,
    /// Limits concurrent reads into memory. Separate from the limit on hashing, so that an image never waits for the
    /// digest of a long video.
    pub(crate) loading: Semaphore,
    pub(crate) buffers: Arc<BufferPool>,
    pub(crate) dates: Arc<Dates>,
    pub(crate) background: Handle,
}

/// A folder whose files are assets.
pub(crate) struct Disk {
    root: Root,
    /// Files that are never assets, whatever path leads to them: the configuration and the access log.
    never: Vec<PathBuf>,
    shared: Arc<Shared>,
    /// Set when the file system turns out not to support `RWF_NOWAIT`.
    nowait_is_missing: AtomicBool,
}

/// Why a file was not opened.
pub(crate) enum OpenError {
    /// The file system would have to be waited for.
    WouldBlock,
    Store(StoreError),
}

impl Disk {
    /// Serves the folder at `path`. The files at `never` are not assets even if they lie in it.
    pub(crate) fn new(path: &Path, never: Vec<PathBuf>, shared: Arc<Shared>) -> io::Result<Self> {
        Ok(Self { root: Root::new(path)?, never, shared, nowait_is_missing: AtomicBool::new(false) })
    }

    /// Opens the file at `path`, which is relative to the folder. It is opened by name only this once: everything
    /// later refers to the file that was opened here.
    pub(crate) fn open(&self, path: &AssetPath<'_>, mode: OpenMode) -> Result<OpenFile, OpenError> {
        let file = self.root.open_beneath(path, mode).map_err(|error| self.classify(error, mode))?;
        let failed = |e: io::Error| OpenError::Store(StoreError::failed("checking", &e));
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || self.is_never_served(&metadata) {
            log::debug!("{path} is {} and not served", kind(&metadata));
            return Err(OpenError::Store(StoreError::NotFound));
        }
        Ok(OpenFile { file: Arc::new(file), version: FileVersion::of(&metadata) })
    }

    /// Why no file can be opened at the moment; `None` if files can. Opens a path as a request does, and expects it
    /// to be missing.
    pub(crate) fn unavailable_reason(&self) -> Option<StoreError> {
        let probe_path = AssetPath::from_plain(PROBE_NAME).expect("a path");
        match self.open(&probe_path, OpenMode::MayBlock) {
            Err(OpenError::Store(error)) if error != StoreError::NotFound => Some(error),
            _ => None,
        }
    }

    fn classify(&self, error: OpenBeneathError, mode: OpenMode) -> OpenError {
        match error {
            OpenBeneathError::Path(Errno::AGAIN) if mode == OpenMode::CachedOnly => OpenError::WouldBlock,
            // ENXIO: a socket, or a device without a driver. ELOOP and EXDEV: links that lead nowhere or outside.
            OpenBeneathError::Path(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::ISDIR
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NAMETOOLONG
                | Errno::NXIO,
            ) => OpenError::Store(StoreError::NotFound),
            OpenBeneathError::Path(errno @ (Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM))
            | OpenBeneathError::Root(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                OpenError::Store(StoreError::Busy(io::Error::from(errno).to_string().into()))
            }
            OpenBeneathError::Path(other) => OpenError::Store(StoreError::failed("opening", &other.into())),
            OpenBeneathError::Root(errno) => {
                let (folder, reason) = (self.root.path().display(), io::Error::from(errno));
                OpenError::Store(StoreError::Failed(
                    format!("the folder {folder} cannot be opened: {reason}").into(),
                ))
            }
        }
    }

    /// Compares the file itself, not its name: a link to the configuration file is the configuration file.
    fn is_never_served(&self, metadata: &Metadata) -> bool {
        self.never_served().any(|never| never == version::identity(metadata))
    }

    /// The files that are never assets, if they exist.
    fn never_served(&self) -> impl Iterator<Item = (u64, u64)> {
        self.never.iter().filter_map(|never| Some(version::identity(&std::fs::metadata(never).ok()?)))
    }

    /// What the folders of a process share.
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
