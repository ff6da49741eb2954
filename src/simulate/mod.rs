//! Simulates WhatsApp's documented link caches over a schedule of sends and edits.
//!
//! A simulation predicts how often WhatsApp requests an asset and which version each customer sees. [`Schedule`] has the times of sends and
//! edits, and [`Origin`] the headers of the server. [`Scenario::play`] runs both against the
//! [link cache](crate::whatsapp::link_cache) and reports each [`Event`]. [`Totals`], [`Timeline`] and [`Strip`] turn events into numbers,
//! lines and a plot. [`advise`] compares several policies. This module does no I/O and reads no clock.

mod advice;
mod play;
mod plot;
mod schedule;
#[cfg(test)]
mod tests;
mod timeline;
mod totals;

pub use advice::{Advice, Candidate, Outcome, Requirements, advise};
pub use play::{Answer, Event, Happening, Links, Origin, Scenario};
pub use plot::{Cell, Strip};
pub use schedule::{MAX_EVENTS, MAX_LENGTH, Schedule, ScheduleError, Times};
pub use timeline::{Extent, Line, Stretch, Timeline, What};
pub use totals::Totals;
