//! Plot of a simulation: a row of cells, each for a part of the time.

use std::time::Duration;

use super::play::{Answer, Event, Happening};

/// What happened in one cell. If several things did, the last in this list wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing was sent.
    Nothing,
    /// All messages were served from the cache.
    Cache,
    /// The server answered every request with 304.
    NotModified,
    /// The server sent the asset.
    Whole,
    /// A message showed an old version.
    Old,
}

/// A row of cells of equal duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    length: Duration,
    cells: Vec<Cell>,
    edits: Vec<bool>,
}

impl Strip {
    /// An empty row of `width` cells (at least one) for a schedule of this length.
    pub fn new(width: usize, length: Duration) -> Self {
        let width = width.max(1);
        Self { length, cells: vec![Cell::Nothing; width], edits: vec![false; width] }
    }

    /// Records an event.
    pub fn record(&mut self, event: &Event) {
        let index = self.index(event.at);
        match event.happening {
            Happening::Edit { .. } => self.edits[index] = true,
            Happening::Send { answer, old_for, .. } => {
                let cell = match answer {
                    _ if old_for.is_some() => Cell::Old,
                    Answer::Cache => Cell::Cache,
                    Answer::NotModified => Cell::NotModified,
                    Answer::Whole => Cell::Whole,
                };
                self.cells[index] = self.cells[index].max(cell);
            }
        }
    }

    fn index(&self, at: Duration) -> usize {
        let width = self.cells.len();
        let index = at.as_nanos().saturating_mul(width as u128) / self.length.as_nanos().max(1);
        usize::try_from(index).unwrap_or(usize::MAX).min(width - 1)
    }

    /// The cells, in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// For each cell, whether there was an edit in it.
    pub fn edits(&self) -> &[bool] {
        &self.edits
    }
}
