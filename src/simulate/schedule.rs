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
    sends: Moments,
    edits: Moments,
    length: Duration,
}

/// Moments of one sort. Those that repeat are worked out whenever they are gone through, so that a million take no more memory than
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moments {
    /// The first of those that repeat, how often they come, and the pause between two.
    first: Duration,
    repeats: u32,
    pause: Duration,
    /// The others, in order.
    single: Vec<Duration>,
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
        if sends.count() == 0 {
            return Err(ScheduleError::NoSends);
        }
        Ok(Self { sends, edits, length })
    }

    /// When messages are sent: at least one, in order.
    pub fn sends(&self) -> impl Iterator<Item = Duration> {
        self.sends.iter()
    }

    /// How many messages are sent.
    pub fn send_count(&self) -> usize {
        self.sends.count()
    }

    /// When the asset is edited, in order. An edit comes before a message of the same moment.
    pub fn edits(&self) -> impl Iterator<Item = Duration> {
        self.edits.iter()
    }

    /// How many edits there are.
    pub fn edit_count(&self) -> usize {
        self.edits.count()
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
) -> Result<Moments, ScheduleError> {
    if times.every.is_some_and(|pause| pause.is_zero()) {
        return Err(ScheduleError::NoPause(what));
    }
    if let Some(&at) = times.at.iter().find(|&&at| at >= length) {
        return Err(ScheduleError::PastTheEnd { what, at, length });
    }
    let pause = times.every.unwrap_or_default();
    let repeats = match (times.every, length.checked_sub(first)) {
        // The last is before the end.
        (Some(pause), Some(left)) if !left.is_zero() => (left.as_nanos() - 1) / pause.as_nanos() + 1,
        _ => 0,
    };
    if repeats + times.at.len() as u128 > MOST_EVENTS as u128 {
        return Err(ScheduleError::TooMany(what));
    }
    let repeats = u32::try_from(repeats).expect("no more than there may be of both");
    let mut single = times.at.to_vec();
    single.sort_unstable();
    Ok(Moments { first, repeats, pause, single })
}

impl Moments {
    fn count(&self) -> usize {
        self.repeats as usize + self.single.len()
    }

    /// All of them, in order.
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
