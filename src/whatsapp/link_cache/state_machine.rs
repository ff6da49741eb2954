//! The cache itself, as a state machine: what it keeps under which link, and what it does when a message is sent.
//!
//! It fetches nothing and reads no clock. Whoever plays it asks what a message leads to ([`LinkCache::send`]), does the
//! fetch if there is to be one, and tells what came back ([`LinkCache::receive`]). Failed fetches are not played: what becomes
//! of what is kept is documented nowhere, and the message fails.

use std::collections::HashMap;
use std::time::Duration;

use httpdate::HttpDate;

use super::regime::{CacheHeaders, Keeping, Regime, Revalidation};

/// The documented cache: one asset `A` for each exact link.
///
/// Times are spans since a moment that the player chooses, and do not go backwards.
#[derive(Debug, Clone)]
pub struct LinkCache<A> {
    regime: Regime,
    kept: HashMap<String, Kept<A>>,
}

#[derive(Debug, Clone)]
struct Kept<A> {
    asset: A,
    last_modified: Option<HttpDate>,
    /// When the response arrived.
    since: Duration,
    keeping: Keeping,
}

/// What a message with a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<A> {
    /// It carries the asset that is kept. The server hears nothing of it.
    FromCache(A),
    /// The server is asked first.
    Fetch(Request),
}

/// How the server is asked. Always by GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Without conditions.
    Plain,
    /// With `If-Modified-Since`.
    IfModifiedSince(HttpDate),
}

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<A> {
    /// `200 OK` with the whole asset.
    Whole {
        /// What it says of caching.
        headers: CacheHeaders,
        /// The asset.
        asset: A,
    },
    /// `304 Not Modified`.
    NotModified,
}

impl<A: Clone> LinkCache<A> {
    /// A cache that keeps nothing yet.
    pub fn new(regime: Regime) -> Self {
        Self { regime, kept: HashMap::new() }
    }

    /// What a message with this link, sent at `at`, leads to.
    pub fn send(&self, link: &str, at: Duration) -> Step<A> {
        let Some(kept) = self.kept.get(link) else { return Step::Fetch(Request::Plain) };
        match kept.keeping {
            Keeping::For(span) if at.saturating_sub(kept.since) < span => Step::FromCache(kept.asset.clone()),
            // Last-Modified is documented for no-cache only, so nothing else is asked for under a condition.
            Keeping::For(_) => Step::Fetch(Request::Plain),
            Keeping::UntilModified(date) => match self.regime {
                Regime::Headers { revalidation: Revalidation::Conditional, .. } => {
                    Step::Fetch(Request::IfModifiedSince(date))
                }
                _ => Step::Fetch(Request::Plain),
            },
            Keeping::ForGood => Step::FromCache(kept.asset.clone()),
        }
    }

    /// Forgets what is kept under a link that no message will have again. What is kept under others stays.
    pub fn forget(&mut self, link: &str) {
        self.kept.remove(link);
    }

    /// Takes in what the server answered at `at`, and gives back the asset that the message carries.
    ///
    /// `None` where there is none: a 304 for a link under which nothing is kept.
    pub fn receive(&mut self, link: &str, at: Duration, response: Response<A>) -> Option<A> {
        let (headers, asset) = match response {
            Response::NotModified => return self.kept.get(link).map(|kept| kept.asset.clone()),
            Response::Whole { headers, asset } => (headers, asset),
        };
        let Some(keeping) = self.regime.keeping(&headers) else {
            self.kept.remove(link);
            return Some(asset);
        };
        // Under no-cache it is Last-Modified that tells a new version, and nothing else: the bytes that came are not taken.
        let asset = match (self.kept.get(link), keeping) {
            (Some(kept), Keeping::UntilModified(date)) if kept.last_modified == Some(date) => {
                kept.asset.clone()
            }
            _ => asset,
        };
        let kept = Kept { asset: asset.clone(), last_modified: headers.last_modified, since: at, keeping };
        match self.kept.get_mut(link) {
            Some(place) => *place = kept,
            None => {
                self.kept.insert(link.to_owned(), kept);
            }
        }
        Some(asset)
    }
}
