//! Watchdog of one core: closes connections whose timeout has passed, and drains all of them on shutdown.
//!
//! Which timeout applies is decided by the [connection](super::state). Here is the clock: one pass over all connections at an
//! interval costs less than a timer for each, and leaves no work to do for a request.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use super::send_rate::SendRate;
use super::state::{Command, Connection, HALF_CLOSED_TIMEOUT};
use crate::config::Limits;
use crate::server::shutdown::Shutdown;

/// The interval is a tenth of the shortest timeout, within these bounds.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_millis(500);
/// How long a client without a request in flight may be silent at a shutdown.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where connections register to be watched.
#[derive(Debug, Default)]
pub(in crate::server) struct Watchdog {
    added: Mutex<Vec<(Weak<Connection>, Instant)>>,
    addition: Notify,
}

/// A connection as of the last pass.
struct Watched {
    connection: Weak<Connection>,
    activity: u32,
    /// When that activity was first seen, or the client last seen to have read something.
    since: Instant,
    /// What the client had acknowledged at the last pass; `None` if nothing waited for it.
    acknowledged: Option<u64>,
    rate: SendRate,
}

impl Watchdog {
    /// Watches `connection`, which was accepted at `accepted`, until it is closed.
    pub(in crate::server) fn watch(&self, connection: &Arc<Connection>, accepted: Instant) {
        let added = (Arc::downgrade(connection), accepted);
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push(added);
        self.addition.notify_one();
    }

    /// Checks all connections at intervals. Never returns.
    ///
    /// No connection is closed before its timeout has passed, and none later than two intervals after that.
    /// `limits` returns the current limits; they apply to open connections, too.
    pub(in crate::server) async fn run(&self, limits: impl Fn() -> Limits, shutdown: &Shutdown) {
        let mut current = limits();
        let mut watched: Vec<Watched> = Vec::new();
        let mut draining: Option<Instant> = None;
        let mut before = Instant::now();
        loop {
            let interval = interval(&current);
            tokio::select! {
                () = self.addition.notified(), if watched.is_empty() => {}
                () = sleep(interval), if !watched.is_empty() => {}
                () = shutdown.drain.cancelled(), if draining.is_none() => draining = Some(Instant::now()),
            }
            let now = Instant::now();
            // Clients are not to blame if this task runs late.
            let passed = now.saturating_duration_since(before).min(2 * interval);
            before = now;
            let limits = limits();
            if limits != current {
                // Credit that was computed for one timeout means nothing under another.
                for watched in &mut watched {
                    watched.rate = SendRate::new(limits.stall_timeout);
                }
                current = limits;
            }
            let added = std::mem::take(&mut *self.added.lock().unwrap_or_else(PoisonError::into_inner));
            watched.extend(added.into_iter().map(|(connection, since)| Watched {
                connection,
                activity: 0,
                since,
                acknowledged: None,
                rate: SendRate::new(limits.stall_timeout),
            }));
            watched.retain_mut(|watched| watched.check(now, passed, &limits, draining));
            // Memory for many connections is given back once they are gone.
            if watched.capacity() > 4 * watched.len() + 64 {
                watched.shrink_to_fit();
            }
        }
    }
}

fn interval(limits: &Limits) -> Duration {
    let shortest =
        limits.head_timeout.min(limits.idle_timeout).min(limits.stall_timeout).min(HALF_CLOSED_TIMEOUT);
    (shortest / 10).clamp(MIN_INTERVAL, MAX_INTERVAL)
}

impl Watched {
    /// Checks the connection; false if it no longer exists.
    fn check(&mut self, now: Instant, passed: Duration, limits: &Limits, draining: Option<Instant>) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        let activity = connection.activity();
        if activity != self.activity {
            (self.activity, self.since) = (activity, now);
        }
        if let Some(begun) = draining {
            // A head that has begun takes more from the client, and so does the end of HTTP/2. It may be asleep.
            let is_silent = now.saturating_duration_since(begun.max(self.since)) >= DRAIN_IDLE_TIMEOUT;
            let may_close = connection.is_idle() && is_silent;
            connection.command(if may_close { Command::Close } else { Command::Drain });
        }
        let acknowledged = connection.waits_for_client().then(|| connection.acknowledged());
        if acknowledged.is_some() && acknowledged != self.acknowledged {
            self.since = now;
        }
        self.acknowledged = acknowledged;
        if acknowledged.is_none() && connection.is_multiplexed() {
            let reset = connection.streams().check(passed, limits);
            if reset > 0 {
                log::debug!(
                    "{}: reset {reset} streams: the client reads nothing of them, or too slowly",
                    connection.client
                );
            }
        }
        if !self.rate.record(acknowledged, passed, limits.min_send_rate) {
            log::debug!("{}: closing: the client reads slower than limits.min_send_rate", connection.client);
            connection.abort();
            return true;
        }
        if let Some(why) = connection.overdue(limits, now.saturating_duration_since(self.since)) {
            log::debug!("{}: closing: {why}", connection.client);
            connection.close_overdue(activity);
        }
        true
    }
}
