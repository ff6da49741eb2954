//! Describes in words how WhatsApp caches an asset: under a cache policy, and under the current regime.

use std::fmt;

use crate::asset::{CachePolicy, Storage};

/// Describes the current regime.
pub const CURRENT_REGIME: &str = "Meta's page of April 2026 says that WhatsApp caches a link for a fixed 10 minutes by its exact \
     text, whatever the headers are: a changed asset needs a changed link, which is what ?v= is for";

/// How WhatsApp caches an asset under a policy, as documented for the older regime. Displays as one sentence without its full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment(Storage);

impl Treatment {
    /// The treatment under a policy.
    ///
    /// Only the four directives that the page names count. The page says nothing about others, such as `public` and `immutable`.
    pub fn under(policy: &CachePolicy) -> Self {
        Self(policy.storage())
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Storage::NoStore => f.write_str("WhatsApp does not keep it: every message fetches it again"),
            Storage::Private => {
                f.write_str("WhatsApp treats it as personal to its recipient and does not keep it")
            }
            Storage::NoCache => {
                f.write_str("WhatsApp keeps it and fetches a new copy when Last-Modified has changed")
            }
            Storage::MaxAge(0) => f.write_str("WhatsApp does not reuse it: every message fetches it again"),
            Storage::MaxAge(seconds) => {
                write!(
                    f,
                    "WhatsApp keeps it for {} and reuses it without asking the server",
                    HumanSeconds(seconds.into())
                )
            }
        }
    }
}

/// A number of seconds that displays exactly in human units: `7 days`, `1 hour 30 minutes`, `1 year` of 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanSeconds(pub u64);

/// Units in seconds, largest first. There are no weeks and months: a week is clearer as 7 days, and months differ.
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
    fn durations_display_in_human_units() {
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
    fn every_storage_directive_is_described() {
        for (policy, text) in [
            (
                "max-age=604800, public",
                "WhatsApp keeps it for 7 days and reuses it without asking the server",
            ),
            ("max-age=0", "WhatsApp does not reuse it: every message fetches it again"),
            ("no-cache", "WhatsApp keeps it and fetches a new copy when Last-Modified has changed"),
            ("no-cache, no-store", "WhatsApp does not keep it: every message fetches it again"),
            ("private, max-age=60", "WhatsApp treats it as personal to its recipient and does not keep it"),
        ] {
            let policy: CachePolicy = policy.parse().unwrap();
            assert_eq!(Treatment::under(&policy).to_string(), text);
        }
    }
}
