//! What WhatsApp does with an asset that it fetched from a link, in plain words: what a policy asks of it, and what its
//! current regime does whatever a policy says.

use std::fmt;

use crate::asset::{CachePolicy, Storage};

/// The current regime in plain words.
pub const CURRENT_REGIME: &str = "Meta's page of April 2026 says that a link is kept for a fixed 10 minutes by its exact \
     text, whatever the headers say: a changed asset needs a changed link, which is what ?v= is for";

/// What WhatsApp does with an asset under a policy, as the older regime documents it. Displays in plain words, as one
/// sentence without its full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment(Storage);

impl Treatment {
    /// The treatment that a policy asks for.
    ///
    /// Only the four directives that the page names count; for what may ride along (`public`, `immutable`, …) it
    /// promises nothing.
    pub fn under(policy: &CachePolicy) -> Self {
        Self(policy.storage())
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Storage::NoStore => f.write_str("WhatsApp does not keep it: every message fetches it anew"),
            Storage::Private => {
                f.write_str("WhatsApp treats it as personal to its recipient and does not keep it")
            }
            Storage::NoCache => {
                f.write_str("WhatsApp keeps it and takes a new copy when Last-Modified has changed")
            }
            Storage::MaxAge(0) => {
                f.write_str("WhatsApp keeps it for no time: every message asks for it again")
            }
            Storage::MaxAge(seconds) => {
                write!(
                    f,
                    "WhatsApp keeps it for {} and sends it again without asking",
                    HumanSeconds(seconds.into())
                )
            }
        }
    }
}

/// A number of seconds that displays for people, exactly: `7 days`, `1 hour 30 minutes`, `1 year` of 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanSeconds(pub u64);

/// Whole units in seconds, the largest first. Weeks and months are left out: a week is clearer as 7 days, and months
/// differ.
const UNITS: [(u64, &str); 5] =
    [(365 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];

impl fmt::Display for HumanSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0 seconds");
        }
        let mut rest = self.0;
        let mut separator = "";
        for (unit, name) in UNITS {
            let count = rest / unit;
            rest %= unit;
            if count > 0 {
                write!(f, "{separator}{count} {name}{}", if count == 1 { "" } else { "s" })?;
                separator = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (600, "10 minutes"),
            (5400, "1 hour 30 minutes"),
            (86400, "1 day"),
            (604_800, "7 days"),
            (31_536_000, "1 year"),
            (31_536_001, "1 year 1 second"),
            (1 << 31, "68 years 35 days 3 hours 14 minutes 8 seconds"),
        ] {
            assert_eq!(HumanSeconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn each_way_of_storing_is_said_in_plain_words() {
        for (policy, text) in [
            ("max-age=604800, public", "WhatsApp keeps it for 7 days and sends it again without asking"),
            ("max-age=0", "WhatsApp keeps it for no time: every message asks for it again"),
            ("no-cache", "WhatsApp keeps it and takes a new copy when Last-Modified has changed"),
            ("no-cache, no-store", "WhatsApp does not keep it: every message fetches it anew"),
            ("private, max-age=60", "WhatsApp treats it as personal to its recipient and does not keep it"),
        ] {
            let policy: CachePolicy = policy.parse().unwrap();
            assert_eq!(Treatment::under(&policy).to_string(), text);
        }
    }
}
