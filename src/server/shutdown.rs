//! Graceful shutdown: the two signals that every part of the server observes.

use tokio_util::sync::CancellationToken;

/// The two steps of a shutdown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown {
    /// No new connections and no new requests; requests in flight finish.
    pub(super) drain: CancellationToken,
    /// Everything stops.
    pub(super) stop: CancellationToken,
}

impl Shutdown {
    /// The same signals for the connections of one core. Each connection polls them, and a token that several cores share is
    /// slow to poll.
    pub(super) fn for_one_core(&self) -> Self {
        Self { drain: self.drain.child_token(), stop: self.stop.child_token() }
    }
}
