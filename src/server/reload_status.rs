//! Status of reloads: how many configurations were applied or rejected, and how the last one ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Counts reloads by result.
#[derive(Debug)]
pub(super) struct ReloadStatus {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last: Mutex<Last>,
}

/// The last reload, or the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) was_successful: bool,
    /// When the current configuration was applied.
    pub(super) applied_at: SystemTime,
}

impl ReloadStatus {
    pub(super) fn new() -> Self {
        let last = Last { was_successful: true, applied_at: SystemTime::now() };
        Self { succeeded: AtomicU64::new(0), failed: AtomicU64::new(0), last: Mutex::new(last) }
    }

    pub(super) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        *self.lock() = Last { was_successful: true, applied_at: SystemTime::now() };
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.lock().was_successful = false;
    }

    /// The number of reloads by result.
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
    fn a_rejected_configuration_leaves_the_time_of_the_current_one() {
        let reloads = ReloadStatus::new();
        let began = reloads.last().applied_at;
        assert!(reloads.last().was_successful);
        reloads.failed();
        assert!(!reloads.last().was_successful && reloads.last().applied_at == began);
        reloads.succeeded();
        assert!(reloads.last().was_successful && reloads.last().applied_at >= began);
        assert_eq!(reloads.counts(), [("success", 1), ("failure", 1)]);
    }
}
