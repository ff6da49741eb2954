//! What a simulation comes to in numbers.

use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// What happened in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Messages.
    pub sends: u64,
    /// Edits.
    pub edits: u64,
    /// Messages for which the server was asked: `not_modified` and `bodies` together.
    pub requests: u64,
    /// Requests that were answered with 304.
    pub not_modified: u64,
    /// Requests that were answered with 200 and the whole asset.
    pub bodies: u64,
    /// Messages that were answered from the cache.
    pub from_cache: u64,
    /// Messages that showed an old version.
    pub old_sends: u64,
    /// The longest time after an edit at which a message still showed the version before it.
    pub longest_old: Duration,
}

impl Totals {
    /// Counts an event.
    pub fn count(&mut self, event: &Event) {
        let Happening::Send { answer, old_for, .. } = event.happening else {
            self.edits += 1;
            return;
        };
        self.sends += 1;
        match answer {
            Answer::Cache => self.from_cache += 1,
            Answer::Whole => self.bodies += 1,
            Answer::NotModified => self.not_modified += 1,
        }
        self.requests = self.bodies + self.not_modified;
        if let Some(age) = old_for {
            self.old_sends += 1;
            self.longest_old = self.longest_old.max(age);
        }
    }

    /// Bytes of bodies that the server sent, each of `size`.
    pub fn bytes(&self, size: u64) -> u64 {
        self.bodies.saturating_mul(size)
    }
}
