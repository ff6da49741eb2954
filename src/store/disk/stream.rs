//! Reads a range of a file on a serving core: never blocks, and withholds the last chunk until the file is verified
//! unchanged.
//!
//! Bytes in the page cache are read inline (`preadv2` with `RWF_NOWAIT`); for the rest a background thread waits. A
//! settled version is verified by its metadata after its last byte was read; an unsettled one is hashed again while
//! it is sent.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

use super::buffer_pool::{Buffer, SMALL};
use super::disk_file::DiskFile;
use super::version::FileVersion;
use crate::asset::Digest;
use crate::store::cut::CutError;

/// A client that took longer than this for a chunk (less than 1 MiB/s) does not benefit from larger ones.
const SLOW: Duration = Duration::from_millis(250);

/// The bytes of a range of one version of a file.
#[derive(Debug)]
pub struct FileStream {
    file: Arc<DiskFile>,
    /// What is still to be read.
    rest: Range<u64>,
    /// Set if the bytes must be hashed while they are sent.
    hasher: Option<Sha256>,
    state: State,
    last_chunk_at: Option<Instant>,
}

enum State {
    Ready,
    Reading(JoinHandle<(Option<Sha256>, io::Result<Bytes>)>),
    /// The last chunk, withheld until the file is verified.
    Verifying(Pin<Box<dyn Future<Output = bool> + Send>>, Bytes),
    Ended,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready => "Ready",
            Self::Reading(_) => "Reading",
            Self::Verifying(..) => "Verifying",
            Self::Ended => "Ended",
        })
    }
}

impl FileStream {
    /// Streams `range`, which must lie within the file, and must be the whole of it while the file is
    /// [unsettled](DiskFile::is_settled).
    pub(crate) fn new(file: Arc<DiskFile>, range: Range<u64>) -> Self {
        debug_assert!(range.end <= file.version.len);
        debug_assert!(file.settled || range == (0..file.version.len));
        let hasher = (!file.settled).then(Sha256::new);
        let state = if range.is_empty() { State::Ended } else { State::Ready };
        Self { file, rest: range, hasher, state, last_chunk_at: None }
    }

    /// The next chunk; `None` after the last one.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        let polled = self.poll_state(cx);
        if let Poll::Ready(Some(Err(cut))) = &polled {
            self.state = State::Ended;
            if matches!(cut, CutError::Changed { .. }) {
                self.file.broken.store(true, Ordering::Relaxed);
            }
        }
        polled
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Ready => match self.read_inline() {
                    Some(Ok(chunk)) => {
                        if let Some(result) = self.emit(chunk) {
                            return Poll::Ready(Some(result));
                        }
                    }
                    Some(Err(e)) => return Poll::Ready(Some(Err(self.unreadable(&e)))),
                    None => self.read_in_background(),
                },
                State::Reading(reading) => {
                    let done = ready!(Pin::new(reading).poll(cx));
                    self.state = State::Ready;
                    let (hasher, read) = done.unwrap_or_else(|e| (None, Err(io::Error::other(e))));
                    self.hasher = hasher;
                    match read {
                        Ok(chunk) => {
                            if let Some(result) = self.emit(chunk) {
                                return Poll::Ready(Some(result));
                            }
                        }
                        Err(e) => return Poll::Ready(Some(Err(self.unreadable(&e)))),
                    }
                }
                State::Verifying(verification, _) => {
                    let verified = ready!(verification.as_mut().poll(cx));
                    let State::Verifying(_, chunk) = std::mem::replace(&mut self.state, State::Ended) else {
                        unreachable!("matched above");
                    };
                    return Poll::Ready(Some(if verified { Ok(chunk) } else { Err(self.changed()) }));
                }
            }
        }
    }

    /// Reads bytes that are in the page cache; `None` if that takes a background thread.
    fn read_inline(&mut self) -> Option<io::Result<Bytes>> {
        if self.hasher.is_some() || self.file.disk.nowait_is_missing.load(Ordering::Relaxed) {
            return None;
        }
        let left = self.rest.end - self.rest.start;
        let mut chunk = self.next_chunk();
        let space = chunk.spare_capacity(left);
        let read = rustix::io::preadv2(
            &*self.file.file,
            &mut [IoSliceMut::new(space)],
            self.rest.start,
            ReadWriteFlags::NOWAIT,
        );
        match read {
            Ok(n) => Some(Ok(chunk.into_bytes(n))),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.file.disk.nowait_is_missing.store(true, Ordering::Relaxed);
                None
            }
            Err(e) => Some(Err(e.into())),
        }
    }

    fn read_in_background(&mut self) {
        let (file, at, left) = (Arc::clone(&self.file), self.rest.start, self.rest.end - self.rest.start);
        let (mut chunk, mut hasher) = (self.next_chunk(), self.hasher.take());
        self.state = State::Reading(self.file.disk.shared.background.spawn_blocking(move || {
            let space = chunk.spare_capacity(left);
            let read = loop {
                match file.file.read_at(space, at) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            let chunk = read.map(|n| chunk.into_bytes(n));
            if let (Some(hasher), Ok(chunk)) = (&mut hasher, &chunk) {
                hasher.update(chunk);
            }
            (hasher, chunk)
        }));
    }

    fn next_chunk(&mut self) -> Buffer {
        let left = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        if left <= SMALL {
            return Buffer::small(left);
        }
        let now = Instant::now();
        let slow = self.last_chunk_at.replace(now).is_some_and(|last| now - last > SLOW);
        let large = if slow { None } else { self.file.disk.shared.buffers.large() };
        large.unwrap_or_else(|| Buffer::small(left))
    }

    /// Returns the chunk, or, for the last one, the result of the verification; `None` if the verification needs
    /// time.
    fn emit(&mut self, chunk: Bytes) -> Option<Result<Bytes, CutError>> {
        if chunk.is_empty() {
            return Some(Err(self.changed()));
        }
        self.rest.start += chunk.len() as u64;
        if !self.rest.is_empty() {
            return Some(Ok(chunk));
        }
        if let Some(hasher) = self.hasher.take() {
            self.state = State::Ended;
            let matches = Digest::new(hasher.finalize().into()) == self.file.digest;
            return Some(if matches { Ok(chunk) } else { Err(self.changed()) });
        }
        // After the last byte was read: a write changes the time stamps before it changes the bytes. (A write through
        // a shared memory map may not: docs/limitations.md.)
        let now = match FileVersion::current(&self.file.file) {
            Ok(now) => now,
            Err(e) => return Some(Err(self.unreadable(&e))),
        };
        if now == self.file.version {
            self.state = State::Ended;
            return Some(Ok(chunk));
        }
        if now.differs_in_ctime_only(&self.file.version) {
            // Most likely a rename over it, a link or a chmod. The bytes of the open file are hashed to make sure.
            self.state = State::Verifying(Box::pin(verify(Arc::clone(&self.file), now)), chunk);
            return None;
        }
        Some(Err(self.changed()))
    }

    fn changed(&self) -> CutError {
        CutError::Changed { path: self.file.path.clone() }
    }

    fn unreadable(&self, error: &io::Error) -> CutError {
        CutError::Unreadable { path: self.file.path.clone(), reason: error.to_string().into() }
    }
}

/// Whether the file, which now has the time stamps of `now`, still has the promised bytes.
async fn verify(file: Arc<DiskFile>, now: FileVersion) -> bool {
    file.disk.shared.digests.of(&file.file, now, false).await.is_ok_and(|hashed| hashed.digest == file.digest)
}
