//! The watch over the connections of one core: ends those that have kept us waiting for too long, and tells all of them
//! when the server is to end.
//!
//! What a connection waits for, and how long it may, is the [connection](super::state)'s to say. Here is the clock:
//! one interval over all of them now and then costs less than a timer each, and leaves nothing to do for a request.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use super::send_rate::SendRate;
use super::state::{Command, Connection, HALF_CLOSED_TIMEOUT};
use crate::config::Limits;
use crate::server::shutdown::Shutdown;

/// A timeout is kept to a tenth of the shortest one, within these bounds.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_millis(500);

/// Where connections report for being watched.
#[derive(Debug, Default)]
pub(in crate::server) struct Watchdog {
    arrived: Mutex<Vec<(Weak<Connection>, Instant)>>,
    arrival: Notify,
}

/// A connection as of the last interval.
struct Watched {
    connection: Weak<Connection>,
    activity: u32,
    /// When that activity was first seen, or the client last seen to have taken something.
    since: Instant,
    /// What the client had taken when it was last looked at; `None` where nobody waited for that.
    taken: Option<u64>,
    rate: SendRate,
}

impl Watchdog {
    /// Watches `connection`, which was accepted at `accepted`, until it ends.
    pub(in crate::server) fn watch(&self, connection: &Arc<Connection>, accepted: Instant) {
        let arrived = (Arc::downgrade(connection), accepted);
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).push(arrived);
        self.arrival.notify_one();
    }

    /// Makes the rounds. Never returns.
    ///
    /// No connection is ended before its time, and none later than two rounds after it.
    /// `limits` tells those that are in force; they hold for connections that are open, too.
    pub(in crate::server) async fn run(&self, limits: impl Fn() -> Limits, shutdown: &Shutdown) {
        let mut in_force = limits();
        let mut watched: Vec<Watched> = Vec::new();
        let mut draining = false;
        let mut before = Instant::now();
        loop {
            let interval = interval(&in_force);
            tokio::select! {
                () = self.arrival.notified(), if watched.is_empty() => {}
                () = sleep(interval), if !watched.is_empty() => {}
                () = shutdown.drain.cancelled(), if !draining => draining = true,
            }
            let now = Instant::now();
            // Where we are late, no client is to blame.
            let passed = now.saturating_duration_since(before).min(2 * interval);
            before = now;
            let limits = limits();
            if limits != in_force {
                // No rate that was kept under one rate says anything under another.
                for watched in &mut watched {
                    watched.rate = SendRate::new(&limits);
                }
                in_force = limits;
            }
            let arrived = std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner));
            watched.extend(arrived.into_iter().map(|(connection, since)| Watched {
                connection,
                activity: 0,
                since,
                taken: None,
                rate: SendRate::new(&limits),
            }));
            watched.retain_mut(|watched| watched.check(now, passed, &limits, draining));
            // Room for a crowd that has gone is given back.
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
    /// Looks at the connection; false where it is no more.
    fn check(&mut self, now: Instant, passed: Duration, limits: &Limits, draining: bool) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        if draining {
            connection.command(Command::Drain);
        }
        let activity = connection.activity();
        if activity != self.activity {
            (self.activity, self.since) = (activity, now);
        }
        let taken = connection.waits_for_client().then(|| connection.taken());
        if taken.is_some() && taken != self.taken {
            self.since = now;
        }
        self.taken = taken;
        if !self.rate.record(taken, passed, limits) {
            log::debug!(
                "{}: is closed: it took less of a response than limits.min_send_rate",
                connection.client
            );
            connection.abort();
            return true;
        }
        if let Some(why) = connection.overdue(limits, now.saturating_duration_since(self.since)) {
            log::debug!("{}: is to be closed: {why}", connection.client);
            connection.close_overdue(activity);
        }
        true
    }
}
