//! Progress of long work: a counter on stderr, if that is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A counter of things that are done, whose number is not known beforehand. Shown from the first [`advance`](Self::advance) on.
pub(super) struct Progress {
    /// What is done with each: `checked`.
    done: &'static str,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(done: &'static str) -> Self {
        Self { done, bar: None }
    }

    pub(super) fn advance(&mut self, count: u64) {
        if self.bar.is_none() && std::io::stderr().is_terminal() {
            let template = format!("{{spinner}} {{pos}} {}, {{per_sec}}, {{elapsed}}", self.done);
            let bar = ProgressBar::new_spinner();
            self.bar = Some(match ProgressStyle::with_template(&template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
        if let Some(bar) = &self.bar {
            bar.inc(count);
        }
    }

    /// Prints something by `print` without overwriting it.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
