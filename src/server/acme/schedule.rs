//! Schedule of renewals and retries, with exponential backoff: pure functions that neither request nor wait.
//!
//! A certificate is renewed when two thirds of its own lifetime have passed, so that 30 days of 90 are left to fix what fails, and
//! one of 90 seconds is renewed after 60. After a failure the wait doubles up to a limit. Both the first wait and the limit are
//! scaled down for a lifetime that is so short that they would outlast it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Between the first failure and the next attempt, for usual lifetimes. With the doubling, five attempts fall into the first hour,
/// which is how many failed validations the largest authority allows in an hour.
const FIRST_WAIT: Duration = Duration::from_mins(2);
/// The longest wait after failures.
const MAX_WAIT: Duration = Duration::from_hours(1);
/// The same if no authority was reached, whose rate limit could count the attempt.
const FIRST_WAIT_UNREACHED: Duration = Duration::from_secs(5);
const MAX_WAIT_UNREACHED: Duration = Duration::from_mins(10);
/// The shortest wait after a failure, however short a lifetime.
const MIN_WAIT: Duration = Duration::from_secs(1);
/// A time that the authority names is respected for this long at most.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The validity period of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

/// The failed attempts since the last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Failures {
    /// How many have failed.
    pub(super) count: u32,
    /// When the last one failed.
    pub(super) last: Option<SystemTime>,
    /// Whether the last one did not reach the authority.
    pub(super) unreached: bool,
    /// The time before which the authority wants no further request.
    pub(super) not_before: Option<SystemTime>,
}

impl Failures {
    /// After a certificate was obtained at `now`: none, unless by this clock it is already due for renewal. Another certificate would
    /// help no more, and authorities issue few a week for the same names: then the longest wait applies.
    pub(super) fn after_success(validity: Validity, jitter: f64, now: SystemTime) -> Self {
        if next_attempt(Some(validity), Self::default(), jitter) > now {
            return Self::default();
        }
        Self { count: u32::MAX, last: Some(now), unreached: false, not_before: None }
    }

    /// What remains of them after a start. The operator may have fixed something and need not wait after a first failure; a server that
    /// restarts in a loop waits like one that runs.
    pub(super) fn after_start(self) -> Self {
        let may_ask = self.not_before.is_none() && (self.unreached || self.count < 2);
        Self { last: self.last.filter(|_| !may_ask), ..self }
    }

    /// As text to be stored.
    pub(super) fn to_text(self) -> String {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        json!({
            "count": self.count,
            "last": self.last.map(seconds),
            "unreached": self.unreached,
            "not_before": self.not_before.map(seconds),
        })
        .to_string()
    }

    /// From stored text; `None` if it is not from [`to_text`](Self::to_text).
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let kept: Value = serde_json::from_str(text).ok()?;
        let time = |name: &str| match kept.get(name)? {
            Value::Null => Some(None),
            seconds => UNIX_EPOCH.checked_add(Duration::from_secs(seconds.as_u64()?)).map(Some),
        };
        Some(Self {
            count: kept.get("count")?.as_u64()?.try_into().ok()?,
            last: time("last")?,
            unreached: kept.get("unreached")?.as_bool()?,
            not_before: time("not_before")?,
        })
    }
}

/// The time of the next attempt; a time that has passed means now.
///
/// `jitter`, from 0 to 1, spreads the attempts of many servers: renewals over the thirtieth of a lifetime before two thirds of it, waits
/// by up to a quarter.
pub(super) fn next_attempt(validity: Option<Validity>, failures: Failures, jitter: f64) -> SystemTime {
    let lifetime = validity
        .map(|validity| validity.not_after.duration_since(validity.not_before).unwrap_or(Duration::ZERO));
    let due = match (validity, lifetime) {
        (Some(validity), Some(lifetime)) => {
            validity.not_before + lifetime * 2 / 3 - (lifetime / 30).mul_f64(jitter.clamp(0.0, 1.0))
        }
        _ => SystemTime::UNIX_EPOCH,
    };
    let Some(last) = failures.last else { return due };
    let again = last + wait(failures, lifetime).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0);
    let named = failures.not_before.map_or(again, |named| named.min(last + MAX_RETRY_AFTER));
    due.max(again).max(named)
}

/// How long to wait after the last failure.
fn wait(failures: Failures, lifetime: Option<Duration>) -> Duration {
    let (first, longest) =
        if failures.unreached { (FIRST_WAIT_UNREACHED, MAX_WAIT_UNREACHED) } else { (FIRST_WAIT, MAX_WAIT) };
    // A third of the lifetime is left when the renewal is due.
    let scaled =
        |wait: Duration, share| lifetime.map_or(wait, |lifetime| wait.min(lifetime / share).max(MIN_WAIT));
    let (first, longest) = (scaled(first, 60), scaled(longest, 24));
    let doublings = failures.count.saturating_sub(1).min(16);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: u64 = 86_400;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_secs(seconds)
    }

    fn lasting(seconds: u64) -> Validity {
        Validity { not_before: at(0), not_after: at(seconds) }
    }

    #[test]
    fn without_failures_renewal_is_due_after_two_thirds_of_the_lifetime() {
        for (validity, jitter, expected) in [
            (None, 0.0, SystemTime::UNIX_EPOCH),
            (Some(lasting(90 * DAY)), 0.0, at(60 * DAY)),
            (Some(lasting(90 * DAY)), 1.0, at(57 * DAY)),
            (Some(lasting(90)), 0.0, at(60)),
            (Some(lasting(90)), 1.0, at(57)),
            (Some(lasting(6 * DAY)), 0.5, at(4 * DAY - DAY / 10)),
            (Some(lasting(0)), 0.5, at(0)),
            (Some(Validity { not_before: at(90), not_after: at(0) }), 0.0, at(90)),
        ] {
            assert_eq!(next_attempt(validity, Failures::default(), jitter), expected, "{validity:?}");
        }
    }

    #[test]
    fn after_failures_the_wait_doubles_up_to_a_limit() {
        let (refused, unreached) = (false, true);
        let usual = Some(lasting(90 * DAY));
        for (validity, unreached, count, expected) in [
            (None, refused, 1, 120),
            (None, refused, 2, 240),
            (None, refused, 3, 480),
            (None, refused, 6, 3600),
            (None, refused, u32::MAX, 3600),
            (None, unreached, 1, 5),
            (None, unreached, 2, 10),
            (None, unreached, 9, 600),
            (usual, refused, 1, 120),
            (usual, unreached, 1, 5),
            // For short lifetimes: a sixtieth, a twenty-fourth.
            (Some(lasting(3600)), refused, 1, 60),
            (Some(lasting(3600)), refused, 9, 150),
            (Some(lasting(120)), refused, 1, 2),
            (Some(lasting(120)), refused, 9, 5),
            (Some(lasting(1)), refused, 9, 1),
        ] {
            let last = at(80 * DAY);
            let failures = Failures { count, last: Some(last), unreached, not_before: None };
            let next = next_attempt(validity, failures, 0.0);
            assert_eq!(next, last + Duration::from_secs(expected), "{validity:?} {count} {unreached}");
            let latest = next_attempt(validity, failures, 1.0);
            assert_eq!(latest, last + Duration::from_secs(expected).mul_f64(1.25));
        }
    }

    #[test]
    fn a_time_that_the_authority_names_is_respected_for_a_day() {
        let last = at(0);
        for (named, expected) in [(60, 120), (3600, 3600), (DAY, DAY), (7 * DAY, DAY)] {
            let failures =
                Failures { count: 1, last: Some(last), unreached: false, not_before: Some(at(named)) };
            assert_eq!(next_attempt(None, failures, 0.0), at(expected), "{named}");
        }
    }

    #[test]
    fn a_failure_does_not_make_a_renewal_due() {
        let failures = Failures { count: 1, last: Some(at(10)), unreached: false, not_before: None };
        assert_eq!(next_attempt(Some(lasting(90 * DAY)), failures, 0.0), at(60 * DAY));
    }

    #[test]
    fn after_a_certificate_that_is_due_at_once_the_longest_wait_applies() {
        let validity = lasting(90 * DAY);
        for (now, wait) in [
            (at(0), None),
            (at(60 * DAY - 1), None),
            (at(60 * DAY), Some(3600)),
            (at(89 * DAY), Some(3600)),
            (at(1000 * DAY), Some(3600)),
        ] {
            let failures = Failures::after_success(validity, 0.0, now);
            let expected = wait.map_or(at(60 * DAY), |wait| now + Duration::from_secs(wait));
            assert_eq!(next_attempt(Some(validity), failures, 0.0), expected, "{now:?}");
            assert_eq!(failures.count > 0, wait.is_some());
        }
    }

    #[test]
    fn a_restart_does_not_reset_the_backoff() {
        let last = Some(at(10));
        let refused = |count| Failures { count, last, unreached: false, not_before: None };
        let named = Failures { not_before: Some(at(60)), ..refused(1) };
        for (failures, expected) in [
            (Failures::default(), None),
            (refused(1), None),
            (refused(2), last),
            (refused(9), last),
            (Failures { unreached: true, ..refused(9) }, None),
            (named, last),
        ] {
            let started = failures.after_start();
            assert_eq!(started, Failures { last: expected, ..failures }, "{failures:?}");
        }
        // Restarted after each failure: at most five validations in any hour.
        let (mut now, mut failures, mut asked) = (at(0), Failures::default(), Vec::new());
        while now < at(DAY) {
            asked.push(now);
            failures = refused(failures.count + 1);
            failures.last = Some(now);
            failures = failures.after_start();
            now = next_attempt(None, failures, 0.0).max(now);
        }
        assert!(asked.len() > 20);
        for six in asked.windows(6) {
            assert!(six[5] >= six[0] + Duration::from_hours(1), "{six:?}");
        }
    }

    #[test]
    fn stored_failures_are_the_same_when_read() {
        for failures in [
            Failures::default(),
            Failures { count: 3, last: Some(at(7)), unreached: true, not_before: Some(at(9)) },
            Failures { count: u32::MAX, last: Some(at(7)), unreached: false, not_before: None },
        ] {
            assert_eq!(Failures::from_text(&failures.to_text()), Some(failures));
        }
        let whole = Failures { last: Some(at(7)), ..Failures::default() }.to_text();
        for text in [
            "",
            "{}",
            "[]",
            &whole[1..],
            &whole.replace("\"count\":0", "\"count\":-1"),
            &whole.replace("1000007", "1e400"),
            &whole.replace("1000007", "18446744073709551615"),
        ] {
            assert_eq!(Failures::from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_certificate_is_renewed_before_it_expires(
            lifetime in 3u64..=400 * DAY, jitter in 0.0..=1.0f64, count in 0u32..40,
        ) {
            let validity = Some(lasting(lifetime));
            let due = next_attempt(validity, Failures::default(), jitter);
            prop_assert!(due > at(lifetime / 2) && due <= at(lifetime * 2 / 3 + 1));
            let failures = Failures { count, last: Some(due), unreached: false, not_before: None };
            let next = next_attempt(validity, failures, jitter);
            prop_assert!(next > due && next <= due + MAX_WAIT.mul_f64(1.25));
            // However often it fails, there is another attempt before the certificate expires.
            prop_assert!(lifetime < 10 || next < at(lifetime));
        }
    }
}
