//! The bound on what is held in memory, kept by the bytes themselves.
//!
//! A body counts against the bound until the last response that sends it has let go of it, not until the cache forgets
//! it. So a thousand slow readers of a thousand assets cannot hold more than the operator granted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// How many bytes of bodies may be held at once.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    /// Bytes that are held, and the most that they may be.
    pub(crate) fn held(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.limit)
    }

    /// Whether `len` bytes could be set aside at the moment.
    pub(crate) fn fits(&self, len: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(len) <= self.limit
    }

    /// Sets `len` bytes aside; `None` where that would pass the limit.
    pub(crate) fn reserve(self: &Arc<Self>, len: u64) -> Option<Reservation> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(len).filter(|&sum| sum <= self.limit)
            })
            .ok()?;
        Some(Reservation { budget: Arc::clone(self), len })
    }
}

/// Bytes set aside, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    len: u64,
}

impl Reservation {
    /// Ties the reservation to the bytes that it was made for.
    pub(crate) fn hold(self, body: Vec<u8>) -> Bytes {
        debug_assert!(body.capacity() as u64 <= self.len.max(64), "a body outgrew its reservation");
        Bytes::from_owner(Held { body, _reservation: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.len, Ordering::Relaxed);
    }
}

struct Held {
    body: Vec<u8>,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_reader_lets_go() {
        let budget = MemoryBudget::new(10);
        let held = budget.reserve(6).expect("fits").hold(vec![0; 6]);
        let reader = held.slice(2..4);
        drop(held);
        assert!(budget.reserve(5).is_none(), "a reader still holds the six");
        drop(reader);
        assert!(budget.reserve(10).is_some());
        assert!(budget.reserve(u64::MAX).is_none());
    }
}
