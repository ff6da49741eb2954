//! A body that one task downloads into memory while any number of clients read it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::object::ObjectStream;
use crate::store::cut::{CutError, slice};
use crate::store::memory_budget::Reservation;

/// Most bytes that a client takes at once before the download is complete; they are copied.
const CHUNK: usize = 16 << 10;

/// A body in memory, complete or still downloading.
#[derive(Debug)]
pub struct SharedBody {
    /// Set when the last byte has arrived.
    whole: OnceLock<Bytes>,
    download: Mutex<Download>,
}

#[derive(Debug, Default)]
struct Download {
    /// The bytes received so far; empty once `whole` is set.
    bytes: Vec<u8>,
    /// Why the download failed.
    cut: Option<CutError>,
    /// The readers that wait for more bytes.
    readers: HashMap<u64, Waker>,
    next_reader: u64,
}

impl SharedBody {
    /// A body of `len` bytes, and the task that reads it from `stream`. The body counts against the memory budget by
    /// `reservation`.
    pub(super) fn download(
        mut stream: ObjectStream,
        len: usize,
        reservation: Reservation,
        path: &str,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static + use<>) {
        let shared = Arc::new(Self { whole: OnceLock::new(), download: Mutex::default() });
        shared.lock().bytes.reserve_exact(len);
        // If the task ends early, its readers must not wait for ever.
        let guard = CutOnDrop { shared: Arc::clone(&shared), path: path.into() };
        let work = async move {
            while let Some(chunk) = poll_fn(|cx| stream.poll_chunk(cx)).await {
                match chunk {
                    Ok(chunk) => guard.shared.push(&chunk),
                    Err(cut) => return guard.shared.cut(cut),
                }
            }
            guard.shared.finish(reservation);
        };
        (shared, work)
    }

    /// The whole body, if it is complete.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        self.whole.get()
    }

    /// Whether the download failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.whole.get().is_none() && self.lock().cut.is_some()
    }

    /// The bytes of `range`, which must lie within the body.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> SharedBodyStream {
        let id = {
            let mut download = self.lock();
            download.next_reader += 1;
            download.next_reader
        };
        SharedBodyStream { shared: Arc::clone(self), rest: range, id }
    }

    fn push(&self, chunk: &[u8]) {
        let mut download = self.lock();
        download.bytes.extend_from_slice(chunk);
        wake_all(download);
    }

    fn cut(&self, cut: CutError) {
        let mut download = self.lock();
        download.cut.get_or_insert(cut);
        // The reservation ends with the task.
        download.bytes = Vec::new();
        wake_all(download);
    }

    fn finish(&self, reservation: Reservation) {
        let mut download = self.lock();
        let bytes = std::mem::take(&mut download.bytes);
        // Before the lock is released: a reader that finds no bytes in one place finds all of them in the other.
        let _ = self.whole.set(reservation.hold(bytes));
        wake_all(download);
    }

    fn lock(&self) -> MutexGuard<'_, Download> {
        self.download.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_all(mut download: MutexGuard<'_, Download>) {
    let readers = std::mem::take(&mut download.readers);
    drop(download);
    readers.into_values().for_each(Waker::wake);
}

/// Cuts the body if the task ends without completing it: by a panic, or at shutdown.
struct CutOnDrop {
    shared: Arc<SharedBody>,
    path: Box<str>,
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if self.shared.whole.get().is_none() {
            self.shared.cut(CutError::Unreadable {
                path: self.path.clone(),
                reason: "the download was stopped".into(),
            });
        }
    }
}

/// The bytes of a range of a shared body, as they arrive.
#[derive(Debug)]
pub struct SharedBodyStream {
    shared: Arc<SharedBody>,
    /// What is still to be read.
    rest: Range<u64>,
    id: u64,
}

impl SharedBodyStream {
    /// The next chunk; `None` after the last one.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.shared.whole.get().is_none() {
            let mut download = self.shared.lock();
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            let end = download.bytes.len().min(at(self.rest.end));
            let start = at(self.rest.start);
            if start < end {
                let chunk = Bytes::copy_from_slice(&download.bytes[start..end.min(start + CHUNK)]);
                self.rest.start += chunk.len() as u64;
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(cut) = &download.cut {
                return Poll::Ready(Some(Err(cut.clone())));
            }
            // Checked again with the lock held, because the download may have completed since.
            if self.shared.whole.get().is_none() {
                download.readers.insert(self.id, cx.waker().clone());
                return Poll::Pending;
            }
        }
        let whole = self.shared.whole.get().expect("checked above");
        let chunk = slice(whole, &self.rest);
        self.rest.start = self.rest.end;
        Poll::Ready(Some(Ok(chunk)))
    }
}

impl Drop for SharedBodyStream {
    fn drop(&mut self) {
        if self.shared.whole.get().is_none() {
            self.shared.lock().readers.remove(&self.id);
        }
    }
}
