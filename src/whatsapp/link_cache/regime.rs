//! The two documented caching regimes: which response headers count, and how long a response is kept.
//!
//! Where a document is ambiguous, the choice is a value here, so that the caller must make it. Headers that the documents never mention
//! (`Age`, `Expires`, `s-maxage`, `Vary` and others) are ignored.

use std::time::Duration;

use httpdate::HttpDate;

use crate::asset::{CachePolicy, Storage};

/// How long the current regime keeps a link (Meta, sending messages, April 2026).
pub const FIXED_TIME: Duration = Duration::from_mins(10);

/// The documented rules that the cache follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// By the headers of the response (Meta, media HTTP caching, 2022 to API v20).
    Headers {
        /// The effect of a lone `ETag`.
        etag_alone: EtagAlone,
        /// How an asset that is kept under `no-cache` is revalidated.
        revalidation: Revalidation,
    },
    /// For [`FIXED_TIME`] by the exact text of the link, whatever the headers are (Meta, sending messages, April 2026).
    Fixed,
}

/// The effect of an `ETag` in a response with neither `Cache-Control` nor `Last-Modified`.
///
/// By the English page, such a response is kept by rules that Meta does not disclose. The German page negates the condition, so
/// that this tag is ignored. Taken literally, the German page would also apply those rules to a response with all three headers. That
/// would contradict the same page about `Cache-Control`, so this module does not model it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagAlone {
    /// It is ignored, and the response is not kept: the German page, and one extreme of the English one.
    Ignored,
    /// The response is kept for good, without revalidation: the other extreme of the English page.
    KeptForGood,
}

/// How WhatsApp revalidates an asset that it keeps under `no-cache`. No document says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revalidation {
    /// By a plain request, whose response is then compared with the kept one. The page suggests this: it takes the new asset from
    /// the same response whose `Last-Modified` differs.
    Plain,
    /// With `If-Modified-Since`, which the server can answer with 304 and no body.
    Conditional,
}

/// The three response headers that the page names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheHeaders {
    /// `Cache-Control`.
    pub cache_control: CacheControl,
    /// `Last-Modified`, if there is a valid one.
    pub last_modified: Option<HttpDate>,
    /// Whether there is an `ETag`. Its text makes no difference.
    pub etag: bool,
}

/// The part of a `Cache-Control` field that the page documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheControl {
    /// There is no field.
    Absent,
    /// The field has none of the four directives.
    Unknown,
    /// The strictest of the four directives in the field.
    Says(Storage),
}

/// How long a response is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// For this long after the response, without revalidation.
    For(Duration),
    /// Until a response to a later request has another `Last-Modified`.
    UntilModified(HttpDate),
    /// For good: one extreme of the undisclosed rules.
    ForGood,
}

impl CacheControl {
    /// Parses the field value of any server, its lines joined by commas.
    pub fn read(field: Option<&str>) -> Self {
        match field.map(CachePolicy::lenient) {
            None => Self::Absent,
            Some(None) => Self::Unknown,
            Some(Some(policy)) => Self::Says(policy.storage()),
        }
    }
}

impl CacheHeaders {
    /// Parses the field values of any server, the lines of each field joined by commas. An invalid `Last-Modified` counts as
    /// none.
    pub fn of(cache_control: Option<&str>, last_modified: Option<&str>, etag: Option<&str>) -> Self {
        Self {
            cache_control: CacheControl::read(cache_control),
            last_modified: last_modified.and_then(|date| date.parse().ok()),
            etag: etag.is_some(),
        }
    }
}

impl Regime {
    /// The older regime, in the most natural reading of its page.
    pub const HEADERS: Self =
        Self::Headers { etag_alone: EtagAlone::Ignored, revalidation: Revalidation::Plain };

    /// How long a complete response with these headers is kept; `None` if not at all.
    pub fn keeping(self, headers: &CacheHeaders) -> Option<Keeping> {
        let Self::Headers { etag_alone, .. } = self else { return Some(Keeping::For(FIXED_TIME)) };
        match headers.cache_control {
            CacheControl::Says(Storage::NoStore | Storage::Private) | CacheControl::Unknown => None,
            // The page requires Last-Modified here: without it, there is nothing to compare.
            CacheControl::Says(Storage::NoCache) => headers.last_modified.map(Keeping::UntilModified),
            CacheControl::Says(Storage::MaxAge(seconds)) => {
                Some(Keeping::For(Duration::from_secs(seconds.into())))
            }
            // A lone Last-Modified has no effect: the page uses it with no-cache.
            CacheControl::Absent if headers.last_modified.is_some() || !headers.etag => None,
            CacheControl::Absent => match etag_alone {
                EtagAlone::Ignored => None,
                EtagAlone::KeptForGood => Some(Keeping::ForGood),
            },
        }
    }
}
