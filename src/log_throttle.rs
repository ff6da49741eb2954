//! Things that are said now and then, since strangers decide how often they happen.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two times that the same thing is said.
const GAP: Duration = Duration::from_secs(10);
/// Between two things that differ.
const SHORT_GAP: Duration = Duration::from_secs(1);

/// Says a thing now and then, and how often it was not said.
#[derive(Default)]
pub(crate) struct Sparing(Mutex<State>);

#[derive(Default)]
struct State {
    told: Option<Instant>,
    what: String,
    held_back: u64,
}

impl Sparing {
    /// Calls `say` if the last time is long enough ago, with what is to be added of the times between. What differs from the
    /// last thing in `what` need not wait so long.
    pub(crate) fn say(&self, what: &str, say: impl FnOnce(&str)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = if state.what == what { GAP } else { SHORT_GAP };
        if state.told.is_some_and(|told| told.elapsed() < gap) {
            state.held_back += 1;
            return;
        }
        let told = State { told: Some(Instant::now()), what: what.to_owned(), held_back: 0 };
        let held_back = std::mem::replace(&mut *state, told).held_back;
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
        let mut say = |what, age| {
            sparing.0.lock().expect("not poisoned").told = Instant::now().checked_sub(age);
            sparing.say(what, |others| said.push(format!("{what}{others}")));
        };
        say("one", GAP);
        say("one", SHORT_GAP);
        say("two", Duration::ZERO);
        say("two", SHORT_GAP);
        say("two", GAP);
        assert_eq!(said, ["one", "two (and 2 more since this was said last)", "two"]);
    }
}
