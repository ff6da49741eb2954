//! Streams of an HTTP/2 connection: resets those whose client reads nothing, or too slowly. The others continue.
//!
//! One connection may carry the streams of many viewers, behind a content delivery network. So each stream has its own stall timeout
//! and its share of the minimum send rate. While the socket accepts nothing, all of them wait for the same reason, and the connection
//! is judged instead.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::send_rate::SendRate;
use crate::config::Limits;

/// The streams of one connection that are not finished. Only the connection's own core uses them.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The request that was read last, until hyper spawns the task that answers it.
    starting: Option<Arc<Progress>>,
    streams: Vec<Stream>,
}

/// A stream, and the task that answers it. hyper's task owns the response: once it is aborted, h2 resets the stream.
#[derive(Debug)]
struct Stream {
    progress: Arc<Progress>,
    task: AbortHandle,
    /// What was handed over at the last check.
    handed_over: u64,
    /// How long the client has read nothing.
    stalled: Duration,
    rate: SendRate,
}

/// How far the response of a stream has come.
#[derive(Debug)]
pub(in crate::server) struct Progress {
    /// Bytes that were passed to HTTP/2, which takes them about as fast as the client reads.
    handed_over: AtomicU64,
    /// Whether the response waits for the client, and not for the server.
    waits_for_client: AtomicBool,
}

impl Progress {
    /// Records that `n` more bytes of the response were passed to HTTP/2; 0 for its head.
    pub(in crate::server) fn hand_over(&self, n: usize) {
        self.handed_over.store(self.handed_over.load(Ordering::Relaxed) + n as u64, Ordering::Relaxed);
        self.waits_for_client.store(true, Ordering::Relaxed);
    }

    /// Records that the response waits for its store.
    pub(in crate::server) fn wait_for_store(&self) {
        self.waits_for_client.store(false, Ordering::Relaxed);
    }
}

impl Streams {
    /// A stream whose request has just been read; its response waits for the server.
    pub(super) fn begin(&self) -> Arc<Progress> {
        let progress = Arc::new(Progress { handed_over: 0.into(), waits_for_client: false.into() });
        self.lock().starting = Some(Arc::clone(&progress));
        progress
    }

    /// Records the task that answers the request that was read last.
    pub(super) fn add(&self, task: AbortHandle, limits: &Limits) {
        let mut state = self.lock();
        state.streams.retain(|stream| !stream.task.is_finished());
        if let Some(progress) = state.starting.take() {
            let rate = SendRate::new(limits.stall_timeout);
            state.streams.push(Stream { progress, task, handed_over: 0, stalled: Duration::ZERO, rate });
        }
    }

    /// Resets the streams whose client reads nothing or too slowly. To be called while the socket accepts what is written, when time
    /// has `passed` since the last call. Returns how many were reset.
    pub(super) fn check(&self, passed: Duration, limits: &Limits) -> usize {
        let mut state = self.lock();
        state.streams.retain(|stream| !stream.task.is_finished());
        // A client that reads all streams in turn reads each more slowly.
        let share = limits.min_send_rate.div_ceil(state.streams.len().max(1));
        let before = state.streams.len();
        state.streams.retain_mut(|stream| {
            let is_fast_enough = stream.check(passed, share, limits.stall_timeout);
            if !is_fast_enough {
                stream.task.abort();
            }
            is_fast_enough
        });
        before - state.streams.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Whether the client reads at least `rate` bytes a second, and something within `timeout`.
    fn check(&mut self, passed: Duration, rate: usize, timeout: Duration) -> bool {
        let waits = self.progress.waits_for_client.load(Ordering::Relaxed);
        let handed_over = self.progress.handed_over.load(Ordering::Relaxed);
        let has_moved = std::mem::replace(&mut self.handed_over, handed_over) != handed_over;
        self.stalled = if waits && !has_moved { self.stalled + passed } else { Duration::ZERO };
        self.rate.record(waits.then_some(handed_over), passed, rate) && self.stalled < timeout
    }
}
