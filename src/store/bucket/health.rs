//! Whether a bucket answers at the moment: what is held is served without asking while it does not, and the log says so once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Refusal;
use crate::config;
use crate::store::UpstreamFault;
use crate::store::stats::BucketCounts;

/// While it does not answer, it is tried again so often.
const GAP: Duration = Duration::from_secs(1);
/// What it said last counts for so long where somebody wants to know how it is: those who watch over us ask every few seconds, and
/// a bucket that is in use is heard of anyway.
const NEWS: Duration = Duration::from_secs(5);
/// It is told of no more often than this, so that a bucket which now and then fails does not fill the log.
const QUIET: Duration = Duration::from_secs(10);

/// What was heard of a bucket so far. It outlasts the settings under which it was heard; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Record {
    counts: Arc<BucketCounts>,
    state: Arc<Mutex<State>>,
}

impl Record {
    /// The same counts, for a bucket of which nothing is known yet.
    pub(crate) fn of_another(self) -> Self {
        Self { state: Arc::default(), ..self }
    }

    /// What was asked of it.
    pub(super) fn counts(&self) -> &BucketCounts {
        &self.counts
    }
}

/// What is known of a bucket's health.
pub(super) struct Trouble {
    name: String,
    stale_if_error: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Since when it does not answer, why, and when it was tried last.
    since: Option<Instant>,
    reason: String,
    tried: Option<Instant>,
    /// When it was known last whether it answers.
    heard: Option<Instant>,
    told: Option<Instant>,
    /// Answers out of what is held since then.
    stood_in: u64,
}

impl Trouble {
    pub(super) fn new(bucket: &config::Bucket, record: &Record) -> Self {
        let state = Arc::clone(&record.state);
        Self { name: bucket.to_string(), stale_if_error: bucket.stale_if_error, state }
    }

    /// Whether it does not answer.
    pub(super) fn is_on(&self) -> bool {
        self.lock().since.is_some()
    }

    /// Whether nothing was heard of it for so long that what is known says nothing of how it is.
    pub(super) fn is_out_of_date(&self) -> bool {
        self.lock().heard.is_none_or(|heard| heard.elapsed() >= NEWS)
    }

    /// Why it does not answer, where that is so.
    pub(super) fn reason(&self) -> Option<String> {
        let state = self.lock();
        state.since.map(|since| format!("{} (for {} s)", state.reason, since.elapsed().as_secs()))
    }

    /// Notes that a request was answered out of what is held, and was not asked about.
    pub(super) fn stand_in(&self) {
        self.lock().stood_in += 1;
    }

    /// Whether it is time to see whether it answers again. Only one of those who ask at once is told so.
    pub(super) fn may_be_tried(&self) -> bool {
        let mut state = self.lock();
        let is_time = state.tried.is_none_or(|tried| tried.elapsed() >= GAP);
        if is_time {
            state.tried = Some(Instant::now());
        }
        is_time
    }

    /// Notes how a question ended: with the refusal, if there was one.
    pub(super) fn note(&self, refusal: Option<&Refusal>) {
        if matches!(refusal, Some(Refusal::Busy)) {
            return;
        }
        let mut state = self.lock();
        state.heard = Some(Instant::now());
        let Some(Refusal::UpstreamFault(fault, reason)) = refusal else {
            if let Some(since) = state.since.take()
                && state.told.is_some_and(|told| told >= since)
            {
                let (seconds, stood_in) = (since.elapsed().as_secs(), state.stood_in);
                log::info!(
                    "{} answers again after {seconds} s, in which {stood_in} requests were answered from memory",
                    self.name
                );
            }
            return;
        };
        let now = Instant::now();
        let since = *state.since.get_or_insert(now);
        if since == now {
            (state.tried, state.stood_in) = (Some(now), 0);
        }
        let verb = match fault {
            UpstreamFault::Refused => "refuses us",
            UpstreamFault::Unavailable => "is out of order",
            UpstreamFault::Unreachable | UpstreamFault::Late => "does not answer",
        };
        state.reason = format!("it {verb}: {reason}");
        // One that begins too soon after another is told of later, if it still goes on.
        if state.told.is_none_or(|told| told < since && now - told >= QUIET) {
            state.told = Some(now);
            log::warn!(
                "{} {verb}: {reason}; what is in memory is served for {} more, and the rest not at all",
                self.name,
                humantime::format_duration(self.stale_if_error)
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> Trouble {
        Trouble {
            name: "s3://media".to_owned(),
            stale_if_error: Duration::from_secs(1),
            state: Arc::default(),
        }
    }

    #[test]
    fn it_begins_with_a_fault_and_ends_with_any_answer() {
        let trouble = trouble();
        trouble.note(Some(&Refusal::Missing { explained: true }));
        assert!(!trouble.is_on(), "that something is missing is an answer");
        trouble.note(Some(&Refusal::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(trouble.is_on());
        trouble.note(Some(&Refusal::Forbidden));
        assert!(!trouble.is_on());
        trouble.note(Some(&Refusal::UpstreamFault(UpstreamFault::Refused, String::new())));
        trouble.note(None);
        assert!(!trouble.is_on());
    }

    #[test]
    fn what_was_said_last_is_out_of_date_after_a_while() {
        let trouble = trouble();
        assert!(trouble.is_out_of_date(), "nothing was said");
        for said in [None, Some(Refusal::UpstreamFault(UpstreamFault::Late, String::new()))] {
            trouble.note(said.as_ref());
            assert!(!trouble.is_out_of_date());
            trouble.lock().heard = Instant::now().checked_sub(NEWS);
            assert!(trouble.is_out_of_date());
        }
        trouble.note(Some(&Refusal::Busy));
        assert!(trouble.is_out_of_date(), "it was not asked");
    }

    #[test]
    fn one_that_begins_soon_after_another_is_told_of_if_it_lasts() {
        let trouble = trouble();
        let fault = || Some(Refusal::UpstreamFault(UpstreamFault::Late, String::new()));
        trouble.note(fault().as_ref());
        let first = trouble.lock().told.expect("it is told of");
        trouble.note(None);
        trouble.note(fault().as_ref());
        trouble.note(fault().as_ref());
        assert_eq!(trouble.lock().told, Some(first), "it was told of one just now");
        let long_ago = first.checked_sub(QUIET);
        trouble.lock().told = long_ago;
        trouble.note(fault().as_ref());
        let second = trouble.lock().told;
        assert_ne!(second, long_ago);
        trouble.lock().since = long_ago;
        trouble.note(fault().as_ref());
        assert_eq!(trouble.lock().told, second, "it is told of once");
    }

    #[test]
    fn it_is_not_tried_again_at_once() {
        let trouble = trouble();
        trouble.note(Some(&Refusal::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(!trouble.may_be_tried(), "it was tried just now");
        trouble.lock().tried = Instant::now().checked_sub(GAP);
        assert!(trouble.may_be_tried());
        assert!(!trouble.may_be_tried(), "another does already");
    }
}
