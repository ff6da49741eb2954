//! Whether a bucket answers at the moment: what is held is served without asking while it does not, and the log says so once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::BucketError;
use crate::config;
use crate::store::UpstreamFault;
use crate::store::stats::BucketCounts;

/// While it does not answer, it is retried again so often.
const GAP: Duration = Duration::from_secs(1);
/// What it said last counts for so long where somebody wants to know how it is: those who watch over us ask every few seconds, and
/// a bucket that is in use is updated of anyway.
const UPDATE_INTERVAL: Duration = Duration::from_secs(5);
/// It is logged of no more often than this, so that a bucket which now and then fails does not fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What was updated of a bucket so far. It outlasts the settings under which it was updated; clones share it.
#[derive(Clone, Default)]
pub(crate) struct BucketHistory {
    counts: Arc<BucketCounts>,
    state: Arc<Mutex<State>>,
}

impl BucketHistory {
    /// The same counts, for a bucket of which nothing is known yet.
    pub(crate) fn without_health(self) -> Self {
        Self { state: Arc::default(), ..self }
    }

    /// What was asked of it.
    pub(super) fn counts(&self) -> &BucketCounts {
        &self.counts
    }
}

/// What is known of a bucket's health.
pub(super) struct Health {
    name: String,
    stale_if_error: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Since when it does not answer, why, and when it was retried last.
    since: Option<Instant>,
    reason: String,
    retried: Option<Instant>,
    /// When it was known last whether it answers.
    updated: Option<Instant>,
    logged: Option<Instant>,
    /// Answers out of what is held since then.
    stale_responses: u64,
}

impl Health {
    pub(super) fn new(bucket: &config::Bucket, history: &BucketHistory) -> Self {
        let state = Arc::clone(&history.state);
        Self { name: bucket.to_string(), stale_if_error: bucket.stale_if_error, state }
    }

    /// Whether it does not answer.
    pub(super) fn is_failing(&self) -> bool {
        self.lock().since.is_some()
    }

    /// Whether nothing was updated of it for so long that what is known says nothing of how it is.
    pub(super) fn is_outdated(&self) -> bool {
        self.lock().updated.is_none_or(|updated| updated.elapsed() >= UPDATE_INTERVAL)
    }

    /// Why it does not answer, where that is so.
    pub(super) fn reason(&self) -> Option<String> {
        let state = self.lock();
        state.since.map(|since| format!("{} (for {} s)", state.reason, since.elapsed().as_secs()))
    }

    /// Notes that a request was answered out of what is held, and was not asked about.
    pub(super) fn count_stale_response(&self) {
        self.lock().stale_responses += 1;
    }

    /// Whether it is time to see whether it answers again. Only one of those who ask at once is logged so.
    pub(super) fn may_retry(&self) -> bool {
        let mut state = self.lock();
        let is_time = state.retried.is_none_or(|retried| retried.elapsed() >= GAP);
        if is_time {
            state.retried = Some(Instant::now());
        }
        is_time
    }

    /// Notes how a method ended: with the refusal, if there was one.
    pub(super) fn record(&self, refusal: Option<&BucketError>) {
        if matches!(refusal, Some(BucketError::Busy)) {
            return;
        }
        let mut state = self.lock();
        state.updated = Some(Instant::now());
        let Some(BucketError::UpstreamFault(fault, reason)) = refusal else {
            if let Some(since) = state.since.take()
                && state.logged.is_some_and(|logged| logged >= since)
            {
                let (seconds, stale_responses) = (since.elapsed().as_secs(), state.stale_responses);
                log::info!(
                    "{} answers again after {seconds} s, in which {stale_responses} requests were answered from memory",
                    self.name
                );
            }
            return;
        };
        let now = Instant::now();
        let since = *state.since.get_or_insert(now);
        if since == now {
            (state.retried, state.stale_responses) = (Some(now), 0);
        }
        let verb = match fault {
            UpstreamFault::Refused => "refuses us",
            UpstreamFault::Unavailable => "is out of order",
            UpstreamFault::Unreachable | UpstreamFault::Late => "does not answer",
        };
        state.reason = format!("it {verb}: {reason}");
        // One that begins too soon after another is logged of later, if it still goes on.
        if state.logged.is_none_or(|logged| logged < since && now - logged >= LOG_INTERVAL) {
            state.logged = Some(now);
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

    fn health() -> Health {
        Health {
            name: "s3://media".to_owned(),
            stale_if_error: Duration::from_secs(1),
            state: Arc::default(),
        }
    }

    #[test]
    fn it_begins_with_a_fault_and_ends_with_any_answer() {
        let health = health();
        health.record(Some(&BucketError::Missing { explained: true }));
        assert!(!health.is_failing(), "that something is missing is an answer");
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(health.is_failing());
        health.record(Some(&BucketError::Forbidden));
        assert!(!health.is_failing());
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Refused, String::new())));
        health.record(None);
        assert!(!health.is_failing());
    }

    #[test]
    fn what_was_said_last_is_out_of_date_after_a_while() {
        let health = health();
        assert!(health.is_outdated(), "nothing was said");
        for said in [None, Some(BucketError::UpstreamFault(UpstreamFault::Late, String::new()))] {
            health.record(said.as_ref());
            assert!(!health.is_outdated());
            health.lock().updated = Instant::now().checked_sub(UPDATE_INTERVAL);
            assert!(health.is_outdated());
        }
        health.record(Some(&BucketError::Busy));
        assert!(health.is_outdated(), "it was not asked");
    }

    #[test]
    fn one_that_begins_soon_after_another_is_told_of_if_it_lasts() {
        let health = health();
        let fault = || Some(BucketError::UpstreamFault(UpstreamFault::Late, String::new()));
        health.record(fault().as_ref());
        let first = health.lock().logged.expect("it is logged of");
        health.record(None);
        health.record(fault().as_ref());
        health.record(fault().as_ref());
        assert_eq!(health.lock().logged, Some(first), "it was logged of one just now");
        let long_ago = first.checked_sub(LOG_INTERVAL);
        health.lock().logged = long_ago;
        health.record(fault().as_ref());
        let second = health.lock().logged;
        assert_ne!(second, long_ago);
        health.lock().since = long_ago;
        health.record(fault().as_ref());
        assert_eq!(health.lock().logged, second, "it is logged of once");
    }

    #[test]
    fn it_is_not_tried_again_at_once() {
        let health = health();
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(!health.may_retry(), "it was retried just now");
        health.lock().retried = Instant::now().checked_sub(GAP);
        assert!(health.may_retry());
        assert!(!health.may_retry(), "another does already");
    }
}
