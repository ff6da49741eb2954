//! The watch over the connections of one core: ends those that have kept us waiting for too long, and tells all of them
//! when the server is to end.
//!
//! What a connection waits for, and how long it may, is the [connection](super::state)'s to say. Here is the clock:
//! one round over all of them now and then costs less than a timer each, and leaves nothing to do for a request.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use super::send_rate::Pace;
use super::state::{Connection, ENDED_ITS_SIDE, Order};
use crate::config::Limits;
use crate::server::Stopping;

/// A patience is kept to a tenth of the shortest one, within these bounds.
const SHORTEST_ROUND: Duration = Duration::from_millis(10);
const LONGEST_ROUND: Duration = Duration::from_millis(500);

/// Where connections report for being watched.
#[derive(Debug, Default)]
pub(in crate::server) struct Watchdog {
    arrived: Mutex<Vec<(Weak<Connection>, Instant)>>,
    arrival: Notify,
}

/// A connection as of the last round.
struct Watched {
    connection: Weak<Connection>,
    turn: u32,
    /// When that turn was first seen, or the client last seen to have taken something.
    since: Instant,
    /// What the client had taken when it was last looked at; `None` where nobody waited for that.
    taken: Option<u64>,
    pace: Pace,
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
    pub(in crate::server) async fn walk(&self, limits: impl Fn() -> Limits, stopping: &Stopping) {
        let mut in_force = limits();
        let mut watched: Vec<Watched> = Vec::new();
        let mut finishing = false;
        let mut before = Instant::now();
        loop {
            let round = round(&in_force);
            tokio::select! {
                () = self.arrival.notified(), if watched.is_empty() => {}
                () = sleep(round), if !watched.is_empty() => {}
                () = stopping.drain.cancelled(), if !finishing => finishing = true,
            }
            let now = Instant::now();
            // Where we are late, no client is to blame.
            let passed = now.saturating_duration_since(before).min(2 * round);
            before = now;
            let limits = limits();
            if limits != in_force {
                // No pace that was kept under one rate says anything under another.
                for watched in &mut watched {
                    watched.pace = Pace::new(&limits);
                }
                in_force = limits;
            }
            let arrived = std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner));
            watched.extend(arrived.into_iter().map(|(connection, since)| Watched {
                connection,
                turn: 0,
                since,
                taken: None,
                pace: Pace::new(&limits),
            }));
            watched.retain_mut(|watched| watched.look(now, passed, &limits, finishing));
            // Room for a crowd that has gone is given back.
            if watched.capacity() > 4 * watched.len() + 64 {
                watched.shrink_to_fit();
            }
        }
    }
}

fn round(limits: &Limits) -> Duration {
    let shortest = limits.head_timeout.min(limits.idle_timeout).min(limits.stall_timeout).min(ENDED_ITS_SIDE);
    (shortest / 10).clamp(SHORTEST_ROUND, LONGEST_ROUND)
}

impl Watched {
    /// Looks at the connection; false where it is no more.
    fn look(&mut self, now: Instant, passed: Duration, limits: &Limits, finishing: bool) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        if finishing {
            connection.give(Order::Finish);
        }
        let turn = connection.turn();
        if turn != self.turn {
            (self.turn, self.since) = (turn, now);
        }
        let taken = connection.waits_to_be_taken().then(|| connection.taken());
        if taken.is_some() && taken != self.taken {
            self.since = now;
        }
        self.taken = taken;
        if !self.pace.note(taken, passed, limits) {
            log::debug!(
                "{}: is closed: it took less of a response than limits.min_send_rate",
                connection.client
            );
            connection.abandon();
            return true;
        }
        if let Some(why) = connection.overdue(limits, now.saturating_duration_since(self.since)) {
            log::debug!("{}: is to be closed: {why}", connection.client);
            connection.dismiss(turn);
        }
        true
    }
}
