//! A simulation as a row of cells, each a part of its time.

use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// What happened in a part of the time. Of several things, the last in this list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing was sent.
    Nothing,
    /// All came from the cache.
    Cache,
    /// The server was asked, and always answered 304.
    NotModified,
    /// The server sent the asset.
    Whole,
    /// A message showed an old version.
    Old,
}

/// A row of cells of the same length in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    length: Duration,
    cells: Vec<Cell>,
    edits: Vec<bool>,
}

impl Strip {
    /// A row of `width` cells for a schedule of this length, at least one.
    pub fn new(width: usize, length: Duration) -> Self {
        let width = width.max(1);
        Self { length, cells: vec![Cell::Nothing; width], edits: vec![false; width] }
    }

    /// Takes in an event.
    pub fn see(&mut self, event: &Event) {
        let place = self.place(event.at);
        match event.happening {
            Happening::Edit { .. } => self.edits[place] = true,
            Happening::Send { answer, old_for, .. } => {
                let cell = match answer {
                    _ if old_for.is_some() => Cell::Old,
                    Answer::Cache => Cell::Cache,
                    Answer::NotModified => Cell::NotModified,
                    Answer::Whole => Cell::Whole,
                };
                self.cells[place] = self.cells[place].max(cell);
            }
        }
    }

    fn place(&self, at: Duration) -> usize {
        let width = self.cells.len();
        let place = at.as_nanos().saturating_mul(width as u128) / self.length.as_nanos().max(1);
        usize::try_from(place).unwrap_or(usize::MAX).min(width - 1)
    }

    /// The cells.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// For each cell, whether there was an edit in it.
    pub fn edits(&self) -> &[bool] {
        &self.edits
    }
}
