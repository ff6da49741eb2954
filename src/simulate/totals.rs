//! Totals of a simulation.

use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// Counts over a whole simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Number of messages.
    pub sends: u64,
    /// Number of edits.
    pub edits: u64,
    /// Number of requests to the server: `not_modified` plus `bodies`.
    pub requests: u64,
    /// Requests that the server answered with 304.
    pub not_modified: u64,
    /// Requests that the server answered with 200 and the whole asset.
    pub bodies: u64,
    /// Messages served from WhatsApp's cache.
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

    /// Number of body bytes that the server sent, if each body has `size` bytes.
    pub fn bytes(&self, size: u64) -> u64 {
        self.bodies.saturating_mul(size)
    }
}
