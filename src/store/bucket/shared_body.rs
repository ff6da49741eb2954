//! A body on its way into memory: one task fills it, any number of clients read what has come.

use std::collections::HashMap;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::object::ObjectStream;
use crate::store::cut::{CutError, slice};
use crate::store::memory_budget::Reservation;

/// Most that a client takes at one time of what is not whole yet, in bytes: it is copied.
const CHUNK: usize = 16 << 10;

/// A body that arrives, or has arrived.
#[derive(Debug)]
pub struct SharedBody {
    /// There once the last byte has come.
    whole: OnceLock<Bytes>,
    filling: Mutex<Filling>,
}

#[derive(Debug, Default)]
struct Filling {
    /// What has come; empty once the whole is there.
    bytes: Vec<u8>,
    /// Why no more comes.
    cut: Option<CutError>,
    /// Who waits for more.
    readers: HashMap<u64, Waker>,
    next_reader: u64,
}

impl SharedBody {
    /// A body of `len` bytes, read from `stream` to its end by a task of its own. It takes the place that `room` is.
    pub(super) fn fill(
        mut stream: ObjectStream,
        len: usize,
        room: Reservation,
        path: &str,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static + use<>) {
        let arriving = Arc::new(Self { whole: OnceLock::new(), filling: Mutex::default() });
        arriving.lock().bytes.reserve_exact(len);
        // Whatever becomes of the task, nobody waits for ever.
        let end = End { arriving: Arc::clone(&arriving), path: path.into() };
        let work = async move {
            while let Some(chunk) = poll_fn(|cx| stream.poll_chunk(cx)).await {
                match chunk {
                    Ok(chunk) => end.arriving.push(&chunk),
                    Err(cut) => return end.arriving.cut(cut),
                }
            }
            end.arriving.finish(room);
        };
        (arriving, work)
    }

    /// All bytes, once they are there.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        self.whole.get()
    }

    /// Whether it never will be whole.
    pub(crate) fn is_broken(&self) -> bool {
        self.whole.get().is_none() && self.lock().cut.is_some()
    }

    /// The bytes of `range`, which must lie within the body.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> SharedBodyStream {
        let id = {
            let mut filling = self.lock();
            filling.next_reader += 1;
            filling.next_reader
        };
        SharedBodyStream { arriving: Arc::clone(self), rest: range, id }
    }

    fn push(&self, chunk: &[u8]) {
        let mut filling = self.lock();
        filling.bytes.extend_from_slice(chunk);
        wake_all(filling);
    }

    fn cut(&self, cut: CutError) {
        let mut filling = self.lock();
        filling.cut.get_or_insert(cut);
        // Their place goes back with the task.
        filling.bytes = Vec::new();
        wake_all(filling);
    }

    fn finish(&self, room: Reservation) {
        let mut filling = self.lock();
        let bytes = std::mem::take(&mut filling.bytes);
        // Before the lock is let go of: who finds nothing in the one place finds it all in the other.
        let _ = self.whole.set(room.hold(bytes));
        wake_all(filling);
    }

    fn lock(&self) -> MutexGuard<'_, Filling> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_all(mut filling: MutexGuard<'_, Filling>) {
    let readers = std::mem::take(&mut filling.readers);
    drop(filling);
    readers.into_values().for_each(Waker::wake);
}

/// Ends the waiting where the task ends without having filled the body: a panic, or the end of the program.
struct End {
    arriving: Arc<SharedBody>,
    path: Box<str>,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.arriving.whole.get().is_none() {
            self.arriving.cut(CutError::Unreadable {
                path: self.path.clone(),
                reason: "the reading was given up".into(),
            });
        }
    }
}

/// The bytes of a range of a body as it arrives.
#[derive(Debug)]
pub struct SharedBodyStream {
    arriving: Arc<SharedBody>,
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
        if self.arriving.whole.get().is_none() {
            let mut filling = self.arriving.lock();
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            let end = filling.bytes.len().min(at(self.rest.end));
            let start = at(self.rest.start);
            if start < end {
                let chunk = Bytes::copy_from_slice(&filling.bytes[start..end.min(start + CHUNK)]);
                self.rest.start += chunk.len() as u64;
                return Poll::Ready(Some(Ok(chunk)));
            }
            if let Some(cut) = &filling.cut {
                return Poll::Ready(Some(Err(cut.clone())));
            }
            // Looked at again with the lock held: it may have become whole before.
            if self.arriving.whole.get().is_none() {
                filling.readers.insert(self.id, cx.waker().clone());
                return Poll::Pending;
            }
        }
        let whole = self.arriving.whole.get().expect("looked at above");
        let chunk = slice(whole, &self.rest);
        self.rest.start = self.rest.end;
        Poll::Ready(Some(Ok(chunk)))
    }
}

impl Drop for SharedBodyStream {
    fn drop(&mut self) {
        if self.arriving.whole.get().is_none() {
            self.arriving.lock().readers.remove(&self.id);
        }
    }
}
