//! Log messages about missing assets whose name exists in another Unicode form.
//!
//! A search costs some file opens or bucket requests, and clients choose the paths. So searches come from a token bucket, one thread at
//! a time takes from it, and no request waits for one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::asset::{AssetPath, UnicodeForm};

/// Searches that may follow one another at once.
const BURST: u32 = 8;
/// Time for one more search.
const REFILL: Duration = Duration::from_secs(1);
/// Between two messages about one path.
const REPEAT: Duration = Duration::from_mins(10);
/// Paths of which it is remembered that they were reported.
const MAX_REPORTED: usize = 256;

/// Decides for which paths to search.
#[derive(Default)]
pub(super) struct SpellingReports(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the token bucket is full again.
    full_at: Option<Instant>,
    reported: HashMap<Box<str>, Instant>,
}

impl SpellingReports {
    /// Whether to search for another spelling of `path`, which has no asset.
    pub(super) fn may_search(&self, path: &AssetPath<'_>, now: Instant) -> bool {
        // Another thread is here, and it is not worth waiting for.
        let Ok(mut state) = self.0.try_lock() else { return false };
        let full_at = state.full_at.map_or(now, |full_at| full_at.max(now)) + REFILL;
        if full_at > now + REFILL * BURST {
            return false;
        }
        let was_reported = |at: &Instant| now.saturating_duration_since(*at) < REPEAT;
        if state.reported.get(path.as_str()).is_some_and(was_reported) {
            return false;
        }
        state.full_at = Some(full_at);
        true
    }

    /// Logs that the asset requested as `path` exists as `other`.
    pub(super) fn log(&self, path: &AssetPath<'_>, other: &AssetPath<'_>, now: Instant) {
        if let Ok(mut state) = self.0.lock() {
            state.reported.retain(|_, at| now.saturating_duration_since(*at) < REPEAT);
            if state.reported.len() < MAX_REPORTED {
                state.reported.insert(path.as_str().into(), now);
            }
        }
        let form = |path: &AssetPath<'_>| UnicodeForm::of(path.as_str()).name();
        // Percent-encoded, since the two look the same otherwise.
        log::warn!(
            "404 for {} ({}), but there is an asset with the same name in another Unicode form: {} ({}); correct the link \
             (`wamedia link` prints it), or rename the file",
            path.to_url_path(),
            form(path),
            other.to_url_path(),
            form(other)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_missing_paths_costs_a_search_a_second() {
        let (reports, start) = (SpellingReports::default(), Instant::now());
        let search = |seconds: u64| {
            let path = AssetPath::from_plain("\u{e4}.jpg").expect("a path");
            reports.may_search(&path, start + Duration::from_secs(seconds))
        };
        let searches = |seconds: u64| (0..1000).filter(|_| search(seconds)).count();
        assert_eq!([0, 0, 1, 3, 100].map(searches), [8, 0, 1, 2, 8]);
    }

    #[test]
    fn a_reported_path_is_not_searched_again_for_some_time() {
        let (reports, start) = (SpellingReports::default(), Instant::now());
        let path = |name: &'static str| AssetPath::from_plain(name).expect("a path");
        let (asked, other) = (path("\u{e4}.jpg"), path("a\u{308}.jpg"));
        assert!(reports.may_search(&asked, start));
        reports.log(&asked, &other, start);
        assert!(!reports.may_search(&asked, start + REPEAT / 2));
        assert!(reports.may_search(&other, start + REPEAT / 2));
        assert!(reports.may_search(&asked, start + REPEAT));
        // What is remembered is bounded.
        for number in 0..2 * MAX_REPORTED {
            let name = format!("{number}\u{e4}.jpg");
            reports.log(&AssetPath::from_plain(&name).expect("a path"), &other, start);
        }
        assert_eq!(reports.0.lock().expect("not poisoned").reported.len(), MAX_REPORTED);
    }
}
