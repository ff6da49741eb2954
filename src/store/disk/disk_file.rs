//! One version of a file, open, with the digest of its bytes.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Disk;
use super::load::Loaded;
use super::version::FileVersion;
use crate::asset::{AssetPath, Digest};

/// One version of a file, open, with the digest of its bytes.
pub struct DiskFile {
    pub(super) file: Arc<File>,
    pub(super) version: FileVersion,
    pub(super) digest: Digest,
    pub(super) settled: bool,
    /// Set when the file turned out to be another version by now.
    pub(super) broken: AtomicBool,
    pub(super) path: Box<str>,
    pub(super) disk: Arc<Disk>,
}

impl std::fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskFile")
            .field("path", &self.path)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl DiskFile {
    /// The open `file` and what was `loaded` of it, without its body.
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

    /// Whether parts of the file can be sent. A version that has not settled can be verified only as a whole.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether the file could be held in memory at the moment.
    pub(crate) fn fits_in_memory(&self) -> bool {
        let (len, shared) = (self.version.len, &self.disk.shared);
        len <= shared.max_body && shared.budget.fits(len)
    }

    /// Whether a response found that the file is another version by now.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}
