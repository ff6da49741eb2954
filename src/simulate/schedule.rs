//! Schedule of a simulation: the times of sends and edits.

use std::time::Duration;

use crate::whatsapp::HumanSeconds;

/// Maximum number of sends, and of edits, in a schedule.
pub const MAX_EVENTS: usize = 1_000_000;

/// Maximum length of a schedule: 100 years.
pub const MAX_LENGTH: Duration = Duration::from_hours(100 * 365 * 24);

/// The times of sends or of edits as the user writes them: at an interval, at single times, or both.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times<'a> {
    /// Interval between two.
    pub every: Option<Duration>,
    /// Single times since the start of the schedule, in any order.
    pub at: &'a [Duration],
}

/// The times of sends and edits since the start, in order, all before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    sends: EventTimes,
    edits: EventTimes,
    length: Duration,
}

/// The times of sends or of edits. Repeated times are computed on each iteration, so that a million take no more memory than one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EventTimes {
    /// Repeated times: the first, their number, and the interval.
    first: Duration,
    repeats: u32,
    pause: Duration,
    /// Single times, in order.
    single: Vec<Duration>,
}

/// Why a schedule is not valid. Each message ends with the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The length is 0.
    #[error("the length is 0, so nothing is sent; make it longer")]
    NoLength,
    /// The length is over [`MAX_LENGTH`].
    #[error("it is longer than {}; make it shorter", HumanSeconds(MAX_LENGTH.as_secs()))]
    TooLong,
    /// An interval is 0.
    #[error("the interval of {0} is 0; make it longer")]
    NoPause(&'static str),
    /// There are no sends.
    #[error("it has no sends; set an interval or single times for them")]
    NoSends,
    /// A single time is not before the end.
    #[error(
        "one of the {what} is at {}, but the schedule ends after {}; make it longer, or remove that one",
        HumanSeconds(.at.as_secs()), HumanSeconds(.length.as_secs())
    )]
    PastTheEnd {
        /// `sends` or `edits`.
        what: &'static str,
        /// The time since the start.
        at: Duration,
        /// The length of the schedule.
        length: Duration,
    },
    /// There are more than [`MAX_EVENTS`] sends or edits.
    #[error("it has more than {MAX_EVENTS} {0}; make it shorter, or the interval longer")]
    TooMany(&'static str),
}

impl Schedule {
    /// Creates a schedule. Repeated sends begin at the start, repeated edits one interval later.
    pub fn new(sends: Times<'_>, edits: Times<'_>, length: Duration) -> Result<Self, ScheduleError> {
        if length.is_zero() {
            return Err(ScheduleError::NoLength);
        }
        if length > MAX_LENGTH {
            return Err(ScheduleError::TooLong);
        }
        let sends = event_times("sends", sends, Duration::ZERO, length)?;
        let first_edit = edits.every.unwrap_or_default();
        let edits = event_times("edits", edits, first_edit, length)?;
        if sends.count() == 0 {
            return Err(ScheduleError::NoSends);
        }
        Ok(Self { sends, edits, length })
    }

    /// The times of sends: at least one, in order.
    pub fn sends(&self) -> impl Iterator<Item = Duration> {
        self.sends.iter()
    }

    /// Number of sends.
    pub fn send_count(&self) -> usize {
        self.sends.count()
    }

    /// The times of edits, in order. An edit happens before a send of the same time.
    pub fn edits(&self) -> impl Iterator<Item = Duration> {
        self.edits.iter()
    }

    /// Number of edits.
    pub fn edit_count(&self) -> usize {
        self.edits.count()
    }

    /// Time from the start to the end.
    pub fn length(&self) -> Duration {
        self.length
    }
}

fn event_times(
    what: &'static str,
    times: Times<'_>,
    first: Duration,
    length: Duration,
) -> Result<EventTimes, ScheduleError> {
    if times.every.is_some_and(|pause| pause.is_zero()) {
        return Err(ScheduleError::NoPause(what));
    }
    if let Some(&at) = times.at.iter().find(|&&at| at >= length) {
        return Err(ScheduleError::PastTheEnd { what, at, length });
    }
    let pause = times.every.unwrap_or_default();
    let repeats = match (times.every, length.checked_sub(first)) {
        // The last repetition is before the end.
        (Some(pause), Some(left)) if !left.is_zero() => (left.as_nanos() - 1) / pause.as_nanos() + 1,
        _ => 0,
    };
    if repeats + times.at.len() as u128 > MAX_EVENTS as u128 {
        return Err(ScheduleError::TooMany(what));
    }
    let repeats = u32::try_from(repeats).expect("at most MAX_EVENTS");
    let mut single = times.at.to_vec();
    single.sort_unstable();
    Ok(EventTimes { first, repeats, pause, single })
}

impl EventTimes {
    fn count(&self) -> usize {
        self.repeats as usize + self.single.len()
    }

    /// All times, in order.
    fn iter(&self) -> impl Iterator<Item = Duration> {
        let mut repeated = (0..self.repeats).map(|number| self.first + self.pause * number).peekable();
        let mut single = self.single.iter().copied().peekable();
        std::iter::from_fn(move || match (repeated.peek(), single.peek()) {
            (Some(one), Some(other)) if one > other => single.next(),
            (Some(_), _) => repeated.next(),
            (None, _) => single.next(),
        })
    }
}
