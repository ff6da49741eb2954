//! Graceful shutdown: the two signals that every part of the server observes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// The two steps of a shutdown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown {
    /// No new connections and no new requests; requests in flight finish.
    pub(super) drain: CancellationToken,
    /// Everything stops.
    pub(super) stop: CancellationToken,
    /// Responses that were not finished when everything stopped.
    cut: Arc<AtomicUsize>,
}

impl Shutdown {
    /// The same signals for the connections of one core. Each connection polls them, and a token that several cores share is
    /// slow to poll.
    pub(super) fn for_one_core(&self) -> Self {
        Self { drain: self.drain.child_token(), stop: self.stop.child_token(), cut: Arc::clone(&self.cut) }
    }

    /// Records that a response ended before its last byte. Counts only if that is because everything stops.
    pub(super) fn response_cut(&self) {
        if self.stop.is_cancelled() {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Responses that were cut because everything stopped.
    pub(super) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }
}
