//! A simulation as a list that people can read: messages that went alike are one entry, and a long list has its middle left
//! out.

use std::ops::Range;
use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// Messages that follow each other and went alike, or an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The moment of its first event.
    pub first: Duration,
    /// The moment of its last event.
    pub last: Duration,
    /// The version that it is about, from 1: the one that an edit made or that the messages showed.
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
        /// So many, at least one.
        count: u64,
        /// Where their asset came from.
        answer: Answer,
        /// How old the version of the last one was by then; `None` where it was the current one.
        old_for: Option<Duration>,
    },
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A stretch.
    Stretch(Stretch),
    /// What is not shown.
    LeftOut {
        /// Stretches in it.
        stretches: usize,
        /// Messages in them.
        sends: u64,
        /// Edits in them.
        edits: usize,
    },
}

/// How much of a simulation is kept to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Nothing.
    None,
    /// The beginning, what is around the first edits, and the end: at most [`Timeline::SHORT`] stretches.
    Short,
    /// Every stretch.
    All,
}

/// The stretches of a simulation, in their order, as many of them as are to be told. Short of all, it is as small however much
/// happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    extent: Extent,
    kept: Vec<Place>,
    /// The newest stretch, which may still grow.
    last: Option<Place>,
    /// Up to which place stretches are kept for the edit before them.
    near: usize,
}

/// A stretch, and what came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    stretch: Stretch,
    /// Stretches before it.
    index: usize,
    /// Messages before it.
    sends: u64,
    /// Edits before it.
    edits: usize,
}

impl Timeline {
    /// The most stretches of a short list.
    pub const SHORT: usize = 16;

    /// The edits around which a short list tells more.
    const EDITS: usize = 4;

    /// How many stretches behind an edit these are, with it.
    const BEHIND: usize = 3;

    /// An empty one.
    pub const fn new(extent: Extent) -> Self {
        Self { extent, kept: Vec::new(), last: None, near: 0 }
    }

    /// Takes in an event.
    pub fn see(&mut self, event: &Event) {
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
        if last.stretch.takes(&stretch) {
            return;
        }
        let next = Place { stretch, ..last.behind() };
        let last = *last;
        self.last = Some(next);
        if self.keeps(&last, &next) {
            self.kept.push(last);
        }
    }

    /// Whether a stretch may have to be told that `next` follows.
    fn keeps(&mut self, place: &Place, next: &Place) -> bool {
        let is_told = |place: &Place| place.stretch.what == What::Edit && place.edits < Self::EDITS;
        if is_told(place) {
            self.near = place.index + Self::BEHIND;
        }
        let is_first = place.index < 2 * Self::SHORT;
        self.extent == Extent::All || is_first || place.index < self.near || is_told(next)
    }

    /// How many stretches are held in memory.
    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.kept.len()
    }

    /// What is told: all that is kept, or of that as much as a short list has, and what is left out between.
    pub fn lines(&self) -> Vec<Line> {
        let places: Vec<_> = self.kept.iter().chain(&self.last).collect();
        let mut shown = vec![self.extent == Extent::All; places.len()];
        if self.extent == Extent::Short {
            Self::choose(&places, &mut shown);
        }
        let mut lines = Vec::new();
        let mut behind = Place::BEGINNING;
        for place in places.iter().zip(shown).filter_map(|(place, shown)| shown.then_some(place)) {
            if place.index > behind.index {
                lines.push(Line::LeftOut {
                    stretches: place.index - behind.index,
                    sends: place.sends - behind.sends,
                    edits: place.edits - behind.edits,
                });
            }
            lines.push(Line::Stretch(place.stretch));
            behind = place.behind();
        }
        lines
    }

    /// Chooses what a short list shows of these, the last of which is the end.
    fn choose(places: &[&Place], shown: &mut [bool]) {
        let mut room = Self::SHORT;
        let mut show = |range: Range<usize>| {
            for (place, shown) in places.iter().zip(&mut *shown) {
                if room > 0 && !*shown && range.contains(&place.index) {
                    *shown = true;
                    room -= 1;
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
        // Whatever room is left belongs to the beginning.
        show(0..end.min(2 * Self::SHORT));
    }
}

impl Place {
    /// Where the first stretch stands, whichever that is.
    const BEGINNING: Self = Self {
        stretch: Stretch { first: Duration::ZERO, last: Duration::ZERO, version: 1, what: What::Edit },
        index: 0,
        sends: 0,
        edits: 0,
    };

    /// The place behind it.
    fn behind(&self) -> Self {
        Self {
            index: self.index + 1,
            sends: self.sends + self.stretch.sends(),
            edits: self.edits + usize::from(self.stretch.what == What::Edit),
            ..*self
        }
    }
}

impl Stretch {
    /// How many messages are in it.
    pub fn sends(&self) -> u64 {
        match self.what {
            What::Edit => 0,
            What::Sends { count, .. } => count,
        }
    }

    /// Takes in what follows, if that went alike.
    fn takes(&mut self, next: &Self) -> bool {
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
