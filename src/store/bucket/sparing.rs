//! Things that are said now and then, since strangers decide how often they happen.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two times that a thing is said.
const GAP: Duration = Duration::from_secs(10);

/// Says a thing now and then, and how often it was not said.
#[derive(Default)]
pub(super) struct Sparing(Mutex<(Option<Instant>, u64)>);

impl Sparing {
    /// Calls `say` if the last time is long enough ago, with what is to be added of the times between.
    pub(super) fn say(&self, say: impl FnOnce(&str)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, held_back) = *state;
        if told.is_some_and(|told| told.elapsed() < GAP) {
            state.1 += 1;
            return;
        }
        *state = (Some(Instant::now()), 0);
        drop(state);
        say(&if held_back > 0 {
            format!(" (and {held_back} more since this was said last)")
        } else {
            String::new()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_back_is_counted() {
        let (sparing, mut said) = (Sparing::default(), Vec::new());
        for _ in 0..3 {
            sparing.say(|others| said.push(others.to_owned()));
        }
        sparing.0.lock().expect("not poisoned").0 = Instant::now().checked_sub(GAP);
        sparing.say(|others| said.push(others.to_owned()));
        assert_eq!(said, ["", " (and 2 more since this was said last)"]);
    }
}
