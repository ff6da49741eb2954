//! Health of a bucket: a circuit breaker that opens when the bucket fails, and logs each outage once.
//!
//! While it is open, requests for cached assets are answered without a request to the bucket
//! ([stale-if-error](super::stale_if_error)), and at most one request a second tests whether the bucket answers
//! again.
//!
//! It does not use a [log throttle](crate::log_throttle), which counts messages per interval: here a message depends on
//! whether this outage was logged, and so does the message about its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::BucketError;
use crate::config;
use crate::log_throttle;
use crate::store::UpstreamFault;
use crate::store::stats::BucketCounts;

/// Between two retries while the bucket fails.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long the last result counts as the health of the bucket. Monitors ask every few seconds, and a bucket that is
/// in use has newer results anyway.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Between two log messages about outages, so that a bucket which fails now and then does not fill the log.
const LOG_INTERVAL: Duration = log_throttle::INTERVAL;

/// Counters and health of a bucket. They outlast a change of settings; clones share them.
#[derive(Clone, Default)]
pub(crate) struct BucketHistory {
    counts: Arc<BucketCounts>,
    state: Arc<Mutex<State>>,
}

impl BucketHistory {
    /// The same counters, for a bucket whose health is not known.
    pub(crate) fn without_health(self) -> Self {
        Self { state: Arc::default(), ..self }
    }

    /// The counters.
    pub(super) fn counts(&self) -> &BucketCounts {
        &self.counts
    }
}

/// The health of a bucket, according to its last result.
pub(super) struct Health {
    name: String,
    stale_if_error: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The start of the outage, its reason, and the last retry. `None` while the bucket answers.
    failing_since: Option<Instant>,
    reason: String,
    retried_at: Option<Instant>,
    /// When the last result came.
    updated_at: Option<Instant>,
    /// When an outage was last logged.
    logged_at: Option<Instant>,
    /// Responses with stale assets during this outage.
    stale_responses: u64,
}

impl Health {
    pub(super) fn new(bucket: &config::Bucket, history: &BucketHistory) -> Self {
        let state = Arc::clone(&history.state);
        Self { name: bucket.to_string(), stale_if_error: bucket.stale_if_error, state }
    }

    /// Whether the last request failed.
    pub(super) fn is_failing(&self) -> bool {
        self.lock().failing_since.is_some()
    }

    /// Whether the last result is so old that it does not show the current health.
    pub(super) fn is_outdated(&self) -> bool {
        self.lock().updated_at.is_none_or(|updated_at| updated_at.elapsed() >= MAX_AGE)
    }

    /// Why the bucket fails, and for how long; `None` while it answers.
    pub(super) fn reason(&self) -> Option<String> {
        let state = self.lock();
        state.failing_since.map(|since| format!("{} (for {} s)", state.reason, since.elapsed().as_secs()))
    }

    /// Counts a request that was answered with a stale asset.
    pub(super) fn count_stale_response(&self) {
        self.lock().stale_responses += 1;
    }

    /// Whether it is time to test whether the bucket answers again. True for only one of several concurrent callers.
    pub(super) fn may_retry(&self) -> bool {
        let mut state = self.lock();
        let is_time = state.retried_at.is_none_or(|retried_at| retried_at.elapsed() >= RETRY_INTERVAL);
        if is_time {
            state.retried_at = Some(Instant::now());
        }
        is_time
    }

    /// Records the result of a request. `error` is `None` if it succeeded.
    pub(super) fn record(&self, error: Option<&BucketError>) {
        if matches!(error, Some(BucketError::Busy)) {
            return;
        }
        let mut state = self.lock();
        state.updated_at = Some(Instant::now());
        let Some(BucketError::UpstreamFault(fault, reason)) = error else {
            if let Some(since) = state.failing_since.take()
                && state.logged_at.is_some_and(|logged_at| logged_at >= since)
            {
                let (seconds, stale_responses) = (since.elapsed().as_secs(), state.stale_responses);
                log::info!(
                    "{} answers again after {seconds} s; meanwhile, {stale_responses} requests were answered from the cache",
                    self.name
                );
            }
            return;
        };
        let now = Instant::now();
        let since = *state.failing_since.get_or_insert(now);
        if since == now {
            (state.retried_at, state.stale_responses) = (Some(now), 0);
        }
        let verb = match fault {
            UpstreamFault::Refused => "rejects our requests",
            UpstreamFault::Unavailable => "is unavailable",
            UpstreamFault::Unreachable | UpstreamFault::Late => "does not answer",
        };
        state.reason = format!("it {verb}: {reason}");
        // An outage that begins soon after the last message is logged later, if it lasts.
        if state.logged_at.is_none_or(|logged_at| logged_at < since && now - logged_at >= LOG_INTERVAL) {
            state.logged_at = Some(now);
            log::warn!(
                "{} {verb}: {reason}; cached assets are served for {} more (stale_if_error), all others fail",
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
    fn an_outage_begins_with_a_fault_and_ends_with_any_response() {
        let health = health();
        health.record(Some(&BucketError::Missing { explained: true }));
        assert!(!health.is_failing(), "404 is a response");
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(health.is_failing());
        health.record(Some(&BucketError::Forbidden));
        assert!(!health.is_failing());
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Refused, String::new())));
        health.record(None);
        assert!(!health.is_failing());
    }

    #[test]
    fn a_result_is_outdated_after_a_while() {
        let health = health();
        assert!(health.is_outdated(), "there is no result yet");
        for result in [None, Some(BucketError::UpstreamFault(UpstreamFault::Late, String::new()))] {
            health.record(result.as_ref());
            assert!(!health.is_outdated());
            health.lock().updated_at = Instant::now().checked_sub(MAX_AGE);
            assert!(health.is_outdated());
        }
        health.record(Some(&BucketError::Busy));
        assert!(health.is_outdated(), "no request was sent");
    }

    #[test]
    fn an_outage_soon_after_another_is_logged_if_it_lasts() {
        let health = health();
        let fault = || Some(BucketError::UpstreamFault(UpstreamFault::Late, String::new()));
        health.record(fault().as_ref());
        let first = health.lock().logged_at.expect("it is logged");
        health.record(None);
        health.record(fault().as_ref());
        health.record(fault().as_ref());
        assert_eq!(health.lock().logged_at, Some(first), "an outage was logged just now");
        let long_ago = first.checked_sub(LOG_INTERVAL);
        health.lock().logged_at = long_ago;
        health.record(fault().as_ref());
        let second = health.lock().logged_at;
        assert_ne!(second, long_ago);
        health.lock().failing_since = long_ago;
        health.record(fault().as_ref());
        assert_eq!(health.lock().logged_at, second, "one outage is logged once");
    }

    #[test]
    fn the_next_retry_waits() {
        let health = health();
        health.record(Some(&BucketError::UpstreamFault(UpstreamFault::Late, String::new())));
        assert!(!health.may_retry(), "the outage has just begun");
        health.lock().retried_at = Instant::now().checked_sub(RETRY_INTERVAL);
        assert!(health.may_retry());
        assert!(!health.may_retry(), "another caller retries already");
    }
}
