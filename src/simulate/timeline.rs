//! Timeline of a simulation: groups messages with the same outcome, and abridges a long list.

use std::ops::Range;
use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// Consecutive messages with the same outcome, or one edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Time of its first event.
    pub first: Duration,
    /// Time of its last event.
    pub last: Duration,
    /// The version that the edit made or that the messages showed, from 1.
    pub version: u32,
    /// What happened.
    pub what: What,
}

/// What happened in a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The asset was edited, once.
    Edit,
    /// Messages were sent.
    Sends {
        /// Number of messages, at least 1.
        count: u64,
        /// The source of the asset.
        answer: Answer,
        /// How long the version in the last message had been outdated; `None` if it was current.
        old_for: Option<Duration>,
    },
}

/// A line of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A stretch.
    Stretch(Stretch),
    /// Stretches that are not shown.
    LeftOut {
        /// Number of stretches.
        stretches: usize,
        /// Number of messages in them.
        sends: u64,
        /// Number of edits in them.
        edits: usize,
    },
}

/// How much of a simulation a timeline keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Nothing.
    None,
    /// The beginning, the stretches around the first edits, and the end: at most [`Timeline::SHORT`] stretches.
    Short,
    /// Every stretch.
    All,
}

/// The stretches of a simulation, in order. Unless all are kept, the memory is bounded for any number of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    extent: Extent,
    kept: Vec<Place>,
    /// The newest stretch, which may still grow.
    last: Option<Place>,
    /// Stretches before this index are kept, because they follow an edit that is shown.
    near: usize,
}

/// A stretch, with the counts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    stretch: Stretch,
    /// Number of stretches before it.
    index: usize,
    /// Number of messages before it.
    sends: u64,
    /// Number of edits before it.
    edits: usize,
}

impl Timeline {
    /// Maximum number of stretches in a short timeline.
    pub const SHORT: usize = 16;

    /// Number of edits whose surroundings a short timeline shows.
    const EDITS: usize = 4;

    /// Number of stretches to show from an edit on, including the edit.
    const BEHIND: usize = 3;

    /// An empty timeline.
    pub const fn new(extent: Extent) -> Self {
        Self { extent, kept: Vec::new(), last: None, near: 0 }
    }

    /// Records an event.
    pub fn record(&mut self, event: &Event) {
        if self.extent == Extent::None {
            return;
        }
        let at = event.at;
        let stretch = match event.happening {
            Happening::Edit { version } => Stretch { first: at, last: at, version, what: What::Edit },
            Happening::Send { answer, version, old_for } => {
                Stretch { first: at, last: at, version, what: What::Sends { count: 1, answer, old_for } }
            }
        };
        let Some(last) = &mut self.last else {
            self.last = Some(Place { stretch, index: 0, sends: 0, edits: 0 });
            return;
        };
        if last.stretch.extend(&stretch) {
            return;
        }
        let next = Place { stretch, ..last.next() };
        let last = *last;
        self.last = Some(next);
        if self.keeps(&last, &next) {
            self.kept.push(last);
        }
    }

    /// Whether to keep a stretch that `next` follows.
    fn keeps(&mut self, place: &Place, next: &Place) -> bool {
        let is_shown_edit = |place: &Place| place.stretch.what == What::Edit && place.edits < Self::EDITS;
        if is_shown_edit(place) {
            self.near = place.index + Self::BEHIND;
        }
        let is_first = place.index < 2 * Self::SHORT;
        self.extent == Extent::All || is_first || place.index < self.near || is_shown_edit(next)
    }

    /// Number of stretches in memory.
    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.kept.len()
    }

    /// The lines to show: all stretches, or a selection with the gaps between them.
    pub fn lines(&self) -> Vec<Line> {
        let places: Vec<_> = self.kept.iter().chain(&self.last).collect();
        let mut shown = vec![self.extent == Extent::All; places.len()];
        if self.extent == Extent::Short {
            Self::choose(&places, &mut shown);
        }
        let mut lines = Vec::new();
        let mut expected = Place::BEGINNING;
        for place in places.iter().zip(shown).filter_map(|(place, shown)| shown.then_some(place)) {
            if place.index > expected.index {
                lines.push(Line::LeftOut {
                    stretches: place.index - expected.index,
                    sends: place.sends - expected.sends,
                    edits: place.edits - expected.edits,
                });
            }
            lines.push(Line::Stretch(place.stretch));
            expected = place.next();
        }
        lines
    }

    /// Selects the stretches of a short timeline. The last of `places` is the end.
    fn choose(places: &[&Place], shown: &mut [bool]) {
        let mut remaining = Self::SHORT;
        let mut show = |range: Range<usize>| {
            for (place, shown) in places.iter().zip(&mut *shown) {
                if remaining > 0 && !*shown && range.contains(&place.index) {
                    *shown = true;
                    remaining -= 1;
                }
            }
        };
        let end = places.last().map_or(0, |last| last.index + 1);
        show(0..3);
        show(end.saturating_sub(1)..end);
        let edits = places.iter().filter(|place| place.stretch.what == What::Edit).take(Self::EDITS);
        for place in edits {
            show(place.index.saturating_sub(1)..place.index + Self::BEHIND);
        }
        // The beginning fills the rest.
        show(0..end.min(2 * Self::SHORT));
    }
}

impl Place {
    /// The place of the first stretch; its `stretch` is a placeholder.
    const BEGINNING: Self = Self {
        stretch: Stretch { first: Duration::ZERO, last: Duration::ZERO, version: 1, what: What::Edit },
        index: 0,
        sends: 0,
        edits: 0,
    };

    /// The place of the next stretch.
    fn next(&self) -> Self {
        Self {
            index: self.index + 1,
            sends: self.sends + self.stretch.sends(),
            edits: self.edits + usize::from(self.stretch.what == What::Edit),
            ..*self
        }
    }
}

impl Stretch {
    /// Number of messages in it.
    pub fn sends(&self) -> u64 {
        match self.what {
            What::Edit => 0,
            What::Sends { count, .. } => count,
        }
    }

    /// Adds the next stretch to this one if both have the same outcome; returns whether it did.
    fn extend(&mut self, next: &Self) -> bool {
        let What::Sends { count, answer, old_for } = &mut self.what else { return false };
        let What::Sends { count: more, answer: other, old_for: age } = next.what else { return false };
        let alike = *answer == other && self.version == next.version && old_for.is_some() == age.is_some();
        if alike {
            *count += more;
            *old_for = age;
            self.last = next.last;
        }
        alike
    }
}
