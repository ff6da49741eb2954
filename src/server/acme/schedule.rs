//! When to ask for a certificate: a pure function of what is known. Nothing is asked here, and nobody waits.
//!
//! A certificate is renewed when two thirds of its own lifetime have passed, so that one of 90 days has 30 days left for
//! mending what fails, and one of 90 seconds is renewed after 60. After a failure the wait doubles up to a limit. Both ends of that
//! are scaled down where a lifetime is so short that they would outlast it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Between the first failure and the next attempt, where lifetimes are the usual ones. With the doubling, five attempts fall into the
/// first hour, which is how many failed validations the largest authority allows in one.
const FIRST_WAIT: Duration = Duration::from_mins(2);
/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The same where nobody was reached who could mind being asked.
const FIRST_WAIT_UNREACHED: Duration = Duration::from_secs(5);
const LONGEST_WAIT_UNREACHED: Duration = Duration::from_mins(10);
/// No wait after a failure is shorter, however short a lifetime.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// An authority that names a later time than this is asked again all the same.
const LONGEST_TOLD: Duration = Duration::from_hours(24);

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

/// What came of the last attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Failures {
    /// How many have failed since the last that has not.
    pub(super) count: u32,
    /// When the last of them did.
    pub(super) last: Option<SystemTime>,
    /// Whether the authority has heard of it.
    pub(super) unreached: bool,
    /// The time before which it does not want to hear from us again.
    pub(super) not_before: Option<SystemTime>,
}

impl Failures {
    /// After a certificate was obtained at `now`: none, unless by this clock it is due to be renewed at once. What is issued then
    /// helps no more than this one, and authorities issue few a week for the same names: the longest wait.
    pub(super) fn after_success(validity: Validity, chance: f64, now: SystemTime) -> Self {
        if next_attempt(Some(validity), Self::default(), chance) > now {
            return Self::default();
        }
        Self { count: u32::MAX, last: Some(now), unreached: false, not_before: None }
    }

    /// What counts of them after a start. Who starts the server may have mended something and need not wait after a first failure;
    /// a server that is started over and over waits as one that runs.
    pub(super) fn after_start(self) -> Self {
        let may_ask = self.not_before.is_none() && (self.unreached || self.count < 2);
        Self { last: self.last.filter(|_| !may_ask), ..self }
    }

    /// As text to be kept.
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

    /// What was kept; `None` where the text is none of [`to_text`](Self::to_text)'s.
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

/// When to ask next; a time that has passed means now.
///
/// `chance`, from 0 to 1, spreads the attempts of many servers: renewals over the thirtieth of a lifetime before two thirds of it, waits
/// by up to a quarter.
pub(super) fn next_attempt(validity: Option<Validity>, failures: Failures, chance: f64) -> SystemTime {
    let lifetime = validity
        .map(|validity| validity.not_after.duration_since(validity.not_before).unwrap_or(Duration::ZERO));
    let due = match (validity, lifetime) {
        (Some(validity), Some(lifetime)) => {
            validity.not_before + lifetime * 2 / 3 - (lifetime / 30).mul_f64(chance.clamp(0.0, 1.0))
        }
        _ => SystemTime::UNIX_EPOCH,
    };
    let Some(last) = failures.last else { return due };
    let again = last + wait(failures, lifetime).mul_f64(1.0 + chance.clamp(0.0, 1.0) / 4.0);
    let told = failures.not_before.map_or(again, |told| told.min(last + LONGEST_TOLD));
    due.max(again).max(told)
}

/// How long to wait after the last failure.
fn wait(failures: Failures, lifetime: Option<Duration>) -> Duration {
    let (first, longest) = if failures.unreached {
        (FIRST_WAIT_UNREACHED, LONGEST_WAIT_UNREACHED)
    } else {
        (FIRST_WAIT, LONGEST_WAIT)
    };
    // Of a lifetime, a third is left when it is due to be renewed.
    let scaled = |wait: Duration, share| {
        lifetime.map_or(wait, |lifetime| wait.min(lifetime / share).max(SHORTEST_WAIT))
    };
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
    fn without_failures_two_thirds_of_the_lifetime_count() {
        for (validity, chance, expected) in [
            (None, 0.0, SystemTime::UNIX_EPOCH),
            (Some(lasting(90 * DAY)), 0.0, at(60 * DAY)),
            (Some(lasting(90 * DAY)), 1.0, at(57 * DAY)),
            (Some(lasting(90)), 0.0, at(60)),
            (Some(lasting(90)), 1.0, at(57)),
            (Some(lasting(6 * DAY)), 0.5, at(4 * DAY - DAY / 10)),
            (Some(lasting(0)), 0.5, at(0)),
            (Some(Validity { not_before: at(90), not_after: at(0) }), 0.0, at(90)),
        ] {
            assert_eq!(next_attempt(validity, Failures::default(), chance), expected, "{validity:?}");
        }
    }

    #[test]
    fn after_failures_the_wait_doubles_to_a_limit() {
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
            // Of short lifetimes: a sixtieth, a twenty-fourth.
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
    fn a_time_that_the_authority_names_is_heeded_for_a_day() {
        let last = at(0);
        for (told, expected) in [(60, 120), (3600, 3600), (DAY, DAY), (7 * DAY, DAY)] {
            let failures =
                Failures { count: 1, last: Some(last), unreached: false, not_before: Some(at(told)) };
            assert_eq!(next_attempt(None, failures, 0.0), at(expected), "{told}");
        }
    }

    #[test]
    fn what_is_not_due_is_not_asked_for_because_something_failed_once() {
        let failures = Failures { count: 1, last: Some(at(10)), unreached: false, not_before: None };
        assert_eq!(next_attempt(Some(lasting(90 * DAY)), failures, 0.0), at(60 * DAY));
    }

    #[test]
    fn a_success_that_is_due_at_once_is_waited_after() {
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
    fn a_start_does_not_undo_failures() {
        let last = Some(at(10));
        let refused = |count| Failures { count, last, unreached: false, not_before: None };
        let told = Failures { not_before: Some(at(60)), ..refused(1) };
        for (failures, expected) in [
            (Failures::default(), None),
            (refused(1), None),
            (refused(2), last),
            (refused(9), last),
            (Failures { unreached: true, ..refused(9) }, None),
            (told, last),
        ] {
            let started = failures.after_start();
            assert_eq!(started, Failures { last: expected, ..failures }, "{failures:?}");
        }
        // Started anew after each failure: no more validations in any hour than five.
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
    fn failures_are_the_same_after_they_were_kept() {
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
        fn a_certificate_that_can_be_renewed_is_renewed_before_its_end(
            lifetime in 3u64..=400 * DAY, chance in 0.0..=1.0f64, count in 0u32..40,
        ) {
            let validity = Some(lasting(lifetime));
            let due = next_attempt(validity, Failures::default(), chance);
            prop_assert!(due > at(lifetime / 2) && due <= at(lifetime * 2 / 3 + 1));
            let failures = Failures { count, last: Some(due), unreached: false, not_before: None };
            let next = next_attempt(validity, failures, chance);
            prop_assert!(next > due && next <= due + LONGEST_WAIT.mul_f64(1.25));
            // However often it fails, there is another attempt within what is left.
            prop_assert!(lifetime < 10 || next < at(lifetime));
        }
    }
}
