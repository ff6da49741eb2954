//! A regular file that was opened, and its version.

use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::Advice;

use super::buffer_pool;
use super::version::FileVersion;

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
