//! The law of dates, without a clock and without a file: when did these bytes come to this path?
//!
//! Dates are whole seconds since 1970, as `Last-Modified` has them (RFC 9110 section 8.8.2).

use crate::asset::Digest;

/// What is known of a file that is to be dated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) digest: Digest,
    /// Length in bytes.
    pub(crate) size: u64,
    /// In seconds.
    pub(crate) mtime: i64,
    /// In seconds.
    pub(crate) ctime: i64,
}

/// The date under which a path was last sent, or last indexed, and the bytes that it stood for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) digest: Digest,
    /// Length in bytes.
    pub(crate) size: u64,
    pub(crate) date: u64,
}

/// What is known of a path from before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct History {
    /// The last date that was sent.
    pub(crate) sent: Option<Record>,
    /// The index's date for the very bytes.
    pub(crate) indexed: Option<u64>,
    /// The latest of the index's dates for other bytes.
    pub(crate) indexed_others: Option<u64>,
    /// Set if a version of the path may have been sent that no record tells of, and until when.
    pub(crate) unrecorded_until: Option<u64>,
}

/// The date of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dated {
    /// The recorded date stays.
    Before(u64),
    /// A date to record.
    Anew(u64),
    /// No version may be sent under any date before this second, which has not come yet.
    NotBefore(u64),
}

/// The date of the file, as of `now`. Each of its results but [`Dated::NotBefore`] lies neither in the future nor, for bytes other than the recorded ones, at or before the recorded date.
pub(crate) fn date_of(file: &Facts, history: &History, now: u64) -> Dated {
    let sent = history.sent;
    let indexed = history.indexed.filter(|date| sent.is_none_or(|sent| *date > sent.date));
    if let Some(sent) = sent.filter(|sent| sent.digest == file.digest) {
        // The operator's index comes first. One that is ahead of the clock has to wait, but the response does not.
        return match indexed.filter(|date| *date <= now) {
            Some(date) => Dated::Anew(date),
            None if sent.date > now => Dated::NotBefore(sent.date),
            None => Dated::Before(sent.date),
        };
    }
    if let Some(date) = indexed {
        return if date <= now { Dated::Anew(date) } else { Dated::NotBefore(date) };
    }
    // No server has sent a date of the future.
    let others = history.indexed_others.filter(|date| *date <= now);
    let unrecorded = history.unrecorded_until.filter(|_| sent.is_none());
    let latest = sent.map(|sent| sent.date).max(others).max(unrecorded);
    // 0 and 1 are what build systems write for "no time".
    let mtime = u64::try_from(file.mtime).ok().filter(|mtime| *mtime > 1 && *mtime <= now);
    if let Some(mtime) = mtime
        && latest.is_none_or(|latest| mtime > latest)
    {
        return Dated::Anew(mtime);
    }
    match latest {
        Some(latest) if latest >= now => Dated::NotBefore(latest + 1),
        _ => Dated::Anew(now),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::new([byte; 32])
    }

    fn file(bytes: u8, mtime: i64) -> Facts {
        Facts { digest: digest(bytes), size: 1, mtime, ctime: mtime }
    }

    fn sent(bytes: u8, date: u64) -> Record {
        Record { digest: digest(bytes), size: 1, date }
    }

    #[test]
    fn a_date_changes_when_the_bytes_change_and_only_then() {
        use Dated::{Anew, Before, NotBefore};
        let none = History::default();
        let is = |history, (bytes, mtime), expected| {
            assert_eq!(date_of(&file(bytes, mtime), &history, 1000), expected, "{history:?} {bytes} {mtime}");
        };
        // Without history: the mtime, where it can be one.
        is(none, (1, 500), Anew(500));
        is(none, (1, 1000), Anew(1000));
        for mtime in [-1, 0, 1, 1001, i64::MAX] {
            is(none, (1, mtime), Anew(1000));
        }
        // The same bytes keep their date, whatever the mtime.
        let known = History { sent: Some(sent(1, 600)), ..none };
        for mtime in [0, 500, 600, 700, 2000] {
            is(known, (1, mtime), Before(600));
        }
        // Other bytes: the mtime if it is later, else now.
        is(known, (2, 700), Anew(700));
        is(known, (2, 600), Anew(1000));
        is(known, (2, 0), Anew(1000));
        is(known, (2, 1001), Anew(1000));
        // Within the second of the last date, and after the clock went back.
        is(History { sent: Some(sent(1, 1000)), ..none }, (2, 999), NotBefore(1001));
        is(History { sent: Some(sent(1, 5000)), ..none }, (2, 700), NotBefore(5001));
        is(History { sent: Some(sent(1, 5000)), ..none }, (1, 700), NotBefore(5000));
    }

    #[test]
    fn the_index_counts_unless_a_later_date_was_sent() {
        use Dated::{Anew, Before, NotBefore};
        let none = History::default();
        for (history, bytes, expected) in [
            (History { indexed: Some(800), ..none }, 1, Anew(800)),
            (History { indexed: Some(800), sent: Some(sent(2, 700)), ..none }, 1, Anew(800)),
            (History { indexed: Some(800), sent: Some(sent(1, 700)), ..none }, 1, Anew(800)),
            (History { indexed: Some(800), sent: Some(sent(1, 800)), ..none }, 1, Before(800)),
            (History { indexed: Some(800), sent: Some(sent(1, 900)), ..none }, 1, Before(900)),
            // Bytes that come back after others, or an index that is behind.
            (History { indexed: Some(800), sent: Some(sent(2, 800)), ..none }, 1, Anew(1000)),
            (History { indexed: Some(800), sent: Some(sent(2, 1000)), ..none }, 1, NotBefore(1001)),
            // An index that is ahead of the clock.
            (History { indexed: Some(1001), ..none }, 1, NotBefore(1001)),
            (History { indexed: Some(9000), sent: Some(sent(1, 700)), ..none }, 1, Before(700)),
            // Bytes that the index does not name.
            (History { indexed_others: Some(400), ..none }, 1, Anew(500)),
            (History { indexed_others: Some(500), ..none }, 1, Anew(1000)),
            (History { indexed_others: Some(1000), ..none }, 1, NotBefore(1001)),
            (History { indexed_others: Some(9000), ..none }, 1, Anew(500)),
            (History { indexed_others: Some(900), sent: Some(sent(1, 700)), ..none }, 1, Before(700)),
            (History { indexed_others: Some(400), sent: Some(sent(2, 499)), ..none }, 1, Anew(500)),
        ] {
            assert_eq!(date_of(&file(bytes, 500), &history, 1000), expected, "{history:?}");
        }
    }

    #[test]
    fn a_path_whose_record_may_be_lost_is_dated_after_the_loss() {
        use Dated::{Anew, Before, NotBefore};
        let lost = History { unrecorded_until: Some(900), ..History::default() };
        assert_eq!(date_of(&file(1, 500), &lost, 1000), Anew(1000));
        assert_eq!(date_of(&file(1, 500), &lost, 900), NotBefore(901));
        assert_eq!(date_of(&file(1, 950), &lost, 1000), Anew(950), "later than what may have been lost");
        let known = History { sent: Some(sent(1, 500)), ..lost };
        assert_eq!(date_of(&file(1, 700), &known, 1000), Before(500));
        assert_eq!(date_of(&file(2, 700), &known, 1000), Anew(700), "an edit is recorded before it is sent");
        assert_eq!(date_of(&file(1, 500), &History { indexed: Some(400), ..lost }, 1000), Anew(400));
    }

    proptest! {
        #[test]
        fn sent_dates_go_forward_and_are_never_in_the_future(
            versions in proptest::collection::vec((0..4_u8, -2..50_i64, 0..3_u64, proptest::option::of(0..60_u64)), 1..60),
        ) {
            let mut sent: Option<Record> = None;
            let mut now = 10;
            for (bytes, mtime, passed, indexed) in versions {
                now += passed;
                let file = file(bytes, mtime);
                let history = History { sent, indexed, ..History::default() };
                match date_of(&file, &history, now) {
                    Dated::Before(date) => {
                        prop_assert!(date <= now);
                        prop_assert_eq!(Some(date), sent.map(|sent| sent.date));
                    }
                    Dated::Anew(date) => {
                        prop_assert!(date <= now);
                        prop_assert!(sent.is_none_or(|sent| sent.date < date));
                        sent = Some(Record { digest: file.digest, size: 1, date });
                    }
                    Dated::NotBefore(date) => prop_assert!(date > now),
                }
            }
        }
    }
}
