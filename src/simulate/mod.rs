//! WhatsApp's documented link caches, played over a schedule of sends and edits: what the server is asked, and what
//! customers get to see.
//!
//! [`Schedule`] says when something is sent and edited, [`Origin`] what the server has and says, [`Scenario::play`] holds
//! both against the [link cache](crate::whatsapp::link_cache) and tells each [`Event`] as it happens. [`Totals`],
//! [`Timeline`] and [`Strip`] listen and make of them numbers, lines and a plot; [`advise`] plays several policies and
//! compares them. Nothing here does any I/O or reads a clock.

mod advice;
mod play;
mod plot;
mod schedule;
#[cfg(test)]
mod tests;
mod timeline;
mod totals;

pub use advice::{Advice, Ask, Candidate, Outcome, advise};
pub use play::{Answer, Event, Happening, Links, Origin, Scenario};
pub use plot::{Cell, Strip};
pub use schedule::{LONGEST, MOST_EVENTS, Schedule, ScheduleError, Times};
pub use timeline::{Extent, Line, Stretch, Timeline, What};
pub use totals::Totals;
