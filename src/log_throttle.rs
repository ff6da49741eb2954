//! Log throttling: repeated messages that clients or outages trigger are logged at intervals, with a count.
//!
//! [`Throttle`] is the rule, without a clock or a lock. [`RepeatThrottle`] adds to a message how many like it were left out before
//! it; [`SummaryThrottle`] logs what was left out by itself once the interval has passed, so that the last ones are not lost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// Between two messages about the same thing.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);
/// Between two messages from one place about different things.
const SHORT_INTERVAL: Duration = Duration::from_secs(1);

/// Sums up what happens between two messages.
#[derive(Debug, Default)]
pub(crate) struct Throttle<S> {
    /// What has happened since it was last logged.
    pub(crate) sum: S,
    logged: Option<Instant>,
}

impl<S: Default> Throttle<S> {
    /// When the next message may be logged, if that is after `now`.
    fn wait(&self, interval: Duration, now: Instant) -> Option<Instant> {
        self.logged.map(|logged| logged + interval).filter(|due| *due > now)
    }

    /// Whether a message may be logged now.
    pub(crate) fn is_due(&self, interval: Duration, now: Instant) -> bool {
        self.wait(interval, now).is_none()
    }

    /// The sum, for a message that is logged now. It starts again from nothing.
    pub(crate) fn take(&mut self, now: Instant) -> S {
        self.logged = Some(now);
        std::mem::take(&mut self.sum)
    }
}

/// Logs a message at intervals, and how many were left out before it.
#[derive(Default)]
pub(crate) struct RepeatThrottle(Mutex<Repeated>);

#[derive(Default)]
struct Repeated {
    what: String,
    throttle: Throttle<u64>,
}

impl RepeatThrottle {
    /// Calls `log` if the interval has passed, with a remark about the messages that were left out before, else counts this one. A
    /// message that differs from the last one in `what` waits for a shorter interval.
    pub(crate) fn log(&self, what: &str, log: impl FnOnce(&str)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = if state.what == what { INTERVAL } else { SHORT_INTERVAL };
        let now = Instant::now();
        if !state.throttle.is_due(interval, now) {
            state.throttle.sum += 1;
            return;
        }
        what.clone_into(&mut state.what);
        let left_out = state.throttle.take(now);
        drop(state);
        log(&if left_out > 0 {
            format!(" (and {left_out} more since the last message)")
        } else {
            String::new()
        });
    }
}

/// Logs the first occurrence at once, and what follows it in one message once the interval has passed. Clones share the sum.
pub(crate) struct SummaryThrottle<S>(Arc<Mutex<Summary<S>>>);

#[derive(Debug, Default)]
struct Summary<S> {
    interval: Duration,
    throttle: Throttle<S>,
    /// Whether a task waits to log the sum.
    is_scheduled: bool,
}

impl<S: Default> Default for SummaryThrottle<S> {
    fn default() -> Self {
        Self::every(INTERVAL)
    }
}

impl<S> Clone for SummaryThrottle<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for SummaryThrottle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SummaryThrottle").finish_non_exhaustive()
    }
}

impl<S: Default> SummaryThrottle<S> {
    fn every(interval: Duration) -> Self {
        Self(Arc::new(Mutex::new(Summary { interval, throttle: Throttle::default(), is_scheduled: false })))
    }

    /// Adds an occurrence to the sum, and has `log` report the sum: now, or from a task once the interval has passed. Only the
    /// `log` of the first occurrence in an interval is called.
    pub(crate) fn record(&self, add: impl FnOnce(&mut S), log: impl FnOnce(S) + Send + 'static)
    where
        S: Send + 'static,
    {
        let mut summary = self.lock();
        add(&mut summary.throttle.sum);
        if summary.is_scheduled {
            return;
        }
        let now = Instant::now();
        let Some(due) = summary.throttle.wait(summary.interval, now) else {
            let sum = summary.throttle.take(now);
            drop(summary);
            return log(sum);
        };
        summary.is_scheduled = true;
        let this = self.clone();
        tokio::spawn(async move {
            sleep_until(due.into()).await;
            log(this.take());
        });
    }

    /// The sum that was not logged yet.
    pub(crate) fn take(&self) -> S {
        let mut summary = self.lock();
        summary.is_scheduled = false;
        summary.throttle.take(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Summary<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_were_left_out_are_counted_in_the_next_one() {
        let (throttle, mut logged) = (RepeatThrottle::default(), Vec::new());
        let mut log = |what, age| {
            throttle.0.lock().expect("not poisoned").throttle.logged = Instant::now().checked_sub(age);
            throttle.log(what, |others| logged.push(format!("{what}{others}")));
        };
        log("one", INTERVAL);
        log("one", SHORT_INTERVAL);
        log("two", Duration::ZERO);
        log("two", SHORT_INTERVAL);
        log("two", INTERVAL);
        assert_eq!(logged, ["one", "two (and 2 more since the last message)", "two"]);
    }

    #[tokio::test]
    async fn occurrences_after_the_first_are_summed_up_even_if_none_follows() {
        let throttle = SummaryThrottle::<u64>::every(Duration::from_millis(50));
        let (sender, mut sums) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..140 {
            let sender = sender.clone();
            throttle.record(|sum| *sum += 1, move |sum| sender.send(sum).expect("the test receives"));
        }
        let mut sum = 0;
        while sum < 140 {
            sum += sums.recv().await.expect("the rest is logged");
        }
        assert_eq!(sum, 140);
    }
}
