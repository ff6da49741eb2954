//! What became of the configurations that were read while the server ran.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Counts them.
#[derive(Debug)]
pub(super) struct ReloadStatus {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last: Mutex<Last>,
}

/// The last of them, or the one that the server was started with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) was_successful: bool,
    /// When the one that is in force was succeeded.
    pub(super) in_force_since: SystemTime,
}

impl ReloadStatus {
    pub(super) fn new() -> Self {
        let last = Last { was_successful: true, in_force_since: SystemTime::now() };
        Self { succeeded: AtomicU64::new(0), failed: AtomicU64::new(0), last: Mutex::new(last) }
    }

    pub(super) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        *self.lock() = Last { was_successful: true, in_force_since: SystemTime::now() };
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.lock().was_successful = false;
    }

    /// Each result with its number.
    pub(super) fn counts(&self) -> [(&'static str, u64); 2] {
        [
            ("success", self.succeeded.load(Ordering::Relaxed)),
            ("failure", self.failed.load(Ordering::Relaxed)),
        ]
    }

    pub(super) fn last(&self) -> Last {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_leaves_the_time_of_what_is_in_force() {
        let reloads = ReloadStatus::new();
        let began = reloads.last().in_force_since;
        assert!(reloads.last().was_successful);
        reloads.failed();
        assert!(!reloads.last().was_successful && reloads.last().in_force_since == began);
        reloads.succeeded();
        assert!(reloads.last().was_successful && reloads.last().in_force_since >= began);
        assert_eq!(reloads.counts(), [("success", 1), ("failure", 1)]);
    }
}
