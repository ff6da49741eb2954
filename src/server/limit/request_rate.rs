//! Request rate limit per client: a token bucket.
//!
//! It is kept as the generic cell rate algorithm (ITU-T I.371): for each client only one time is stored, the time until which its
//! requests so far would last at the allowed rate. That time may be `burst` requests ahead of the clock; a client whose time has
//! passed need not be stored. All serving cores share the table, in shards, so that two of them seldom contend; its size is bounded,
//! because clients choose how many addresses there are.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use std::hash::{BuildHasher, RandomState};

use super::client_identity::Client;

const SHARDS: usize = 64;
/// Clients that one shard stores; 65,536 in all, which take less than 4 MiB.
const CLIENTS_PER_SHARD: usize = 1024;

/// A rate limit that applies to each client.
pub(in crate::server) struct RateLimit {
    /// Requests per second, and burst.
    allowed: (usize, usize),
    /// Nanoseconds per request.
    interval: u64,
    /// Nanoseconds that a client may be ahead of the clock.
    ahead: u64,
    started: Instant,
    /// For each client, the nanoseconds since `started` until which its requests last.
    shards: [Mutex<HashMap<Client, u64>>; SHARDS],
    sharding: RandomState,
}

impl RateLimit {
    /// `burst` requests at once, and `per_second` after that; `None` if that is 0.
    pub(in crate::server) fn new(per_second: usize, burst: usize) -> Option<Self> {
        let interval = 1_000_000_000_u64.checked_div(per_second as u64)?;
        Some(Self {
            allowed: (per_second, burst),
            interval,
            ahead: interval.saturating_mul(burst as u64),
            started: Instant::now(),
            shards: std::array::from_fn(|_| Mutex::default()),
            sharding: RandomState::new(),
        })
    }

    /// Whether it has these settings.
    pub(in crate::server) fn is(&self, per_second: usize, burst: usize) -> bool {
        self.allowed == (per_second, burst)
    }

    /// Counts one request, or returns how long to wait until one is allowed.
    pub(in crate::server) fn admit(&self, client: Client) -> Result<(), Duration> {
        self.admit_at(client, u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn admit_at(&self, client: Client, now: u64) -> Result<(), Duration> {
        let shard = usize::try_from(self.sharding.hash_one(client) % SHARDS as u64).expect("a small number");
        let mut clients = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = clients.get(&client).copied().unwrap_or(now).max(now).saturating_add(self.interval);
        let latest = now.saturating_add(self.ahead);
        if lasts > latest {
            return Err(Duration::from_nanos(lasts - latest));
        }
        if clients.insert(client, lasts).is_none() && clients.len() > CLIENTS_PER_SHARD {
            forget_some(&mut clients);
        }
        Ok(())
    }
}

/// Removes the eighth of the clients that would be removed first: those with the fewest requests. To be removed early, a client
/// would have to send requests from thousands of addresses, more from each of them than from its own.
fn forget_some(clients: &mut HashMap<Client, u64>) {
    let mut moments: Vec<u64> = clients.values().copied().collect();
    let at = moments.len() / 8;
    let (_, latest, _) = moments.select_nth_unstable(at);
    let latest = *latest;
    clients.retain(|_, lasts| *lasts > latest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;
    const A: Client = Client::V4(1);
    const B: Client = Client::V6(1);

    #[test]
    fn a_client_may_send_a_burst_and_then_at_its_rate() {
        let limit = RateLimit::new(10, 3).expect("a limit");
        // Time in milliseconds, and how long to wait if the request is rejected.
        for (client, at, wait) in [
            (A, 0, None),
            (A, 0, None),
            (A, 0, None),
            (A, 0, Some(100)),
            // Each client has its own limit.
            (B, 0, None),
            // Rejected requests do not count.
            (A, 60, Some(40)),
            (A, 60, Some(40)),
            (A, 100, None),
            (A, 100, Some(100)),
            (A, 250, None),
            (A, 250, Some(50)),
            // The full burst is available again.
            (A, 10_000, None),
            (A, 10_000, None),
            (A, 10_000, None),
            (A, 10_000, Some(100)),
        ] {
            let admitted = limit.admit_at(client, at * MILLISECOND);
            assert_eq!(admitted.err(), wait.map(Duration::from_millis), "{client:?} at {at} ms");
        }
    }

    #[test]
    fn a_steady_client_at_its_rate_is_never_rejected() {
        let limit = RateLimit::new(1000, 1).expect("a limit");
        for at in 0..10_000 {
            assert!(limit.admit_at(A, at * MILLISECOND).is_ok(), "at {at} ms");
        }
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        assert!(RateLimit::new(0, 100).is_none());
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory_and_does_not_reset_the_busiest_client() {
        let limit = RateLimit::new(1, 10).expect("a limit");
        while limit.admit_at(A, 0).is_ok() {}
        for address in 2..200_000 {
            assert!(limit.admit_at(Client::V4(address), 0).is_ok());
        }
        let stored: usize = limit.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(stored <= SHARDS * CLIENTS_PER_SHARD, "{stored}");
        assert!(limit.admit_at(A, 0).is_err());
    }
}
