//! When messages are sent and the asset is edited.

use std::time::Duration;

use crate::whatsapp::HumanSeconds;

/// The most sends, and the most edits, that a schedule may have.
pub const MOST_EVENTS: usize = 1_000_000;

/// The longest that a schedule may be: 100 years.
pub const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// Moments of one sort, as somebody asks for them: every so often, or at given times, or both.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times<'a> {
    /// The pause between two of them.
    pub every: Option<Duration>,
    /// Single ones, in any order, each a span after the beginning.
    pub at: &'a [Duration],
}

/// When messages are sent and the asset is edited: spans after the beginning, in their order, all before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    sends: Vec<Duration>,
    edits: Vec<Duration>,
    length: Duration,
}

/// Why there is no such schedule. Each message ends with the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It has no length.
    #[error("a schedule of no length has no sends in it; give it some time")]
    NoLength,
    /// It is longer than [`LONGEST`].
    #[error("it is longer than {}; make it shorter", HumanSeconds(LONGEST.as_secs()))]
    TooLong,
    /// Something happens every 0 seconds.
    #[error("{0} that follow each other without a pause never end; give a pause")]
    NoPause(&'static str),
    /// Nothing is sent.
    #[error("nothing is sent in it; say when, or how often")]
    NoSends,
    /// A single moment is not before the end.
    #[error(
        "one of the {what} is {} after the beginning, and the schedule ends after {}; make it longer, or leave that one out",
        HumanSeconds(.at.as_secs()), HumanSeconds(.length.as_secs())
    )]
    PastTheEnd {
        /// Sends or edits.
        what: &'static str,
        /// The moment.
        at: Duration,
        /// The schedule's length.
        length: Duration,
    },
    /// More than [`MOST_EVENTS`].
    #[error("it has more than {MOST_EVENTS} {0}; make it shorter, or the pauses longer")]
    TooMany(&'static str),
}

impl Schedule {
    /// Puts a schedule together. What repeats is sent at the beginning for the first time, and edited one pause after it.
    pub fn new(sends: Times<'_>, edits: Times<'_>, length: Duration) -> Result<Self, ScheduleError> {
        if length.is_zero() {
            return Err(ScheduleError::NoLength);
        }
        if length > LONGEST {
            return Err(ScheduleError::TooLong);
        }
        let sends = moments("sends", sends, Duration::ZERO, length)?;
        let first_edit = edits.every.unwrap_or_default();
        let edits = moments("edits", edits, first_edit, length)?;
        if sends.is_empty() {
            return Err(ScheduleError::NoSends);
        }
        Ok(Self { sends, edits, length })
    }

    /// When messages are sent: at least one, in order.
    pub fn sends(&self) -> &[Duration] {
        &self.sends
    }

    /// When the asset is edited, in order. An edit comes before a message of the same moment.
    pub fn edits(&self) -> &[Duration] {
        &self.edits
    }

    /// From the beginning to the end.
    pub fn length(&self) -> Duration {
        self.length
    }
}

fn moments(
    what: &'static str,
    times: Times<'_>,
    first: Duration,
    length: Duration,
) -> Result<Vec<Duration>, ScheduleError> {
    if times.every.is_some_and(|pause| pause.is_zero()) {
        return Err(ScheduleError::NoPause(what));
    }
    if let Some(&at) = times.at.iter().find(|&&at| at >= length) {
        return Err(ScheduleError::PastTheEnd { what, at, length });
    }
    let repeated = std::iter::successors(times.every.map(|_| first), |&at| at.checked_add(times.every?))
        .take_while(|&at| at < length);
    let mut all: Vec<_> = repeated.chain(times.at.iter().copied()).take(MOST_EVENTS + 1).collect();
    if all.len() > MOST_EVENTS {
        return Err(ScheduleError::TooMany(what));
    }
    all.sort_unstable();
    Ok(all)
}
