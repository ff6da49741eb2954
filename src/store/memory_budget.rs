//! Memory budget: the limit on bodies in memory, enforced by the bodies themselves.
//!
//! A body counts until the last response that sends it has released it, not until the cache evicts it. So a thousand
//! slow readers of a thousand assets cannot hold more memory than the operator configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// How many bytes of bodies may be in memory at once.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    /// The bytes in use, and the limit.
    pub(crate) fn held(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.limit)
    }

    /// Whether `len` bytes are available at the moment.
    pub(crate) fn fits(&self, len: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(len) <= self.limit
    }

    /// Reserves `len` bytes; `None` if that would exceed the limit.
    pub(crate) fn reserve(self: &Arc<Self>, len: u64) -> Option<Reservation> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(len).filter(|&sum| sum <= self.limit)
            })
            .ok()?;
        Some(Reservation { budget: Arc::clone(self), len })
    }
}

/// Reserved bytes, released on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    len: u64,
}

impl Reservation {
    /// Attaches the reservation to the bytes that it was made for.
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
    fn bytes_count_until_their_last_reader_releases_them() {
        let budget = MemoryBudget::new(10);
        let held = budget.reserve(6).expect("fits").hold(vec![0; 6]);
        let reader = held.slice(2..4);
        drop(held);
        assert!(budget.reserve(5).is_none(), "a reader still uses the six");
        drop(reader);
        assert!(budget.reserve(10).is_some());
        assert!(budget.reserve(u64::MAX).is_none());
    }
}
