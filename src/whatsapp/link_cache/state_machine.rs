//! State machine of WhatsApp's link cache: what it keeps for each link, and what it does when a message is sent.
//!
//! It does no I/O and reads no clock. The caller asks what a message needs ([`LinkCache::send`]), does the fetch if there is
//! one, and passes the response to [`LinkCache::receive`]. Failed fetches are not modelled: their effect on the cache is not documented,
//! and the message fails.

use std::collections::HashMap;
use std::time::Duration;

use httpdate::HttpDate;

use super::regime::{CacheHeaders, Keeping, Regime, Revalidation};

/// The documented cache: one asset `A` for each exact link.
///
/// Times are spans since an origin that the caller chooses, and do not decrease.
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

/// What WhatsApp does for a message with a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<A> {
    /// It sends the kept asset without a request.
    FromCache(A),
    /// It requests the link first.
    Fetch(Request),
}

/// A request of the fetcher. Always a GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Unconditional.
    Plain,
    /// With `If-Modified-Since`.
    IfModifiedSince(HttpDate),
}

/// The server's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<A> {
    /// `200 OK` with the whole asset.
    Whole {
        /// The headers about caching.
        headers: CacheHeaders,
        /// The asset.
        asset: A,
    },
    /// `304 Not Modified`.
    NotModified,
}

impl<A: Clone> LinkCache<A> {
    /// An empty cache.
    pub fn new(regime: Regime) -> Self {
        Self { regime, kept: HashMap::new() }
    }

    /// What WhatsApp does for a message with this link at time `at`.
    pub fn send(&self, link: &str, at: Duration) -> Step<A> {
        let Some(kept) = self.kept.get(link) else { return Step::Fetch(Request::Plain) };
        match kept.keeping {
            Keeping::For(span) if at.saturating_sub(kept.since) < span => Step::FromCache(kept.asset.clone()),
            // Last-Modified is documented only for no-cache, so other requests are unconditional.
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

    /// Removes the entry of a link that no message will use again.
    pub fn forget(&mut self, link: &str) {
        self.kept.remove(link);
    }

    /// Processes the server's response at time `at` and returns the asset that the message carries.
    ///
    /// `None` for a 304 to a link without an entry.
    pub fn receive(&mut self, link: &str, at: Duration, response: Response<A>) -> Option<A> {
        let (headers, asset) = match response {
            Response::NotModified => return self.kept.get(link).map(|kept| kept.asset.clone()),
            Response::Whole { headers, asset } => (headers, asset),
        };
        let Some(keeping) = self.regime.keeping(&headers) else {
            self.kept.remove(link);
            return Some(asset);
        };
        // Under no-cache, only a different Last-Modified makes a new version: otherwise the received bytes are discarded.
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
