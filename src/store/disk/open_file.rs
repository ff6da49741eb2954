//! A regular file that was opened, and its version.

use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::Advice;

use super::buffer_pool;
use super::version::FileVersion;

/// A regular file that was opened, and its version.
#[derive(Clone)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<File>,
    pub(crate) version: FileVersion,
}

impl OpenFile {
    /// Reads the beginning of the file into the page cache and waits for it: about as much as one chunk.
    ///
    /// For a thread that may block. A file whose open had to wait for the disk will mostly have to wait for its
    /// bytes, too, and one switch to another thread is cheaper than two.
    pub(crate) fn fetch_beginning(&self) {
        let len = self.version.len.min(buffer_pool::LARGE as u64);
        let Some(last) = len.checked_sub(1) else { return };
        // For speed only: errors show when the file is read.
        let _ = rustix::fs::fadvise(&*self.file, 0, NonZeroU64::new(len), Advice::WillNeed);
        let _ = self.file.read_at(&mut [0], last);
    }
}
