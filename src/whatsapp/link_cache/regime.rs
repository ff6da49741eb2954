//! The two documented regimes as rules: which headers of a response count, and how long it is kept for them.
//!
//! Where a document leaves a choice, the choice is a value here, so that whoever plays the cache has to make it. What the
//! documents never mention (`Age`, `Expires`, `s-maxage`, `Vary` and the like) is not read at all.

use std::time::Duration;

use httpdate::HttpDate;

use crate::asset::{CachePolicy, Storage};

/// How long the current regime keeps a link (Meta, sending messages, April 2026).
pub const FIXED_TIME: Duration = Duration::from_mins(10);

/// By which of the documented rules the cache works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// By the headers of the response (Meta, media HTTP caching, 2022 to API v20).
    Headers {
        /// What an `ETag` on its own leads to.
        etag_alone: EtagAlone,
        /// How an asset that is kept under `no-cache` is asked for again.
        revalidation: Revalidation,
    },
    /// For [`FIXED_TIME`] by the exact text of the link, whatever the headers say (Meta, sending messages, April 2026).
    Fixed,
}

/// What becomes of a response with an `ETag`, but with neither `Cache-Control` nor `Last-Modified`.
///
/// The English page has such a response kept by rules that Meta does not disclose. The German page negates the condition, so
/// that this tag is ignored. Taken by the letter, the German page would also leave a response with all three headers to those
/// rules; that would undo what the same page says of `Cache-Control`, and is not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagAlone {
    /// It is ignored, and the response is not kept: the German page, and the one extreme of the English.
    Ignored,
    /// The response is kept, and never asked for again: the other extreme of what the English page allows.
    KeptForGood,
}

/// How WhatsApp asks whether an asset has changed that it keeps under `no-cache`. No document says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revalidation {
    /// By a plain request, whose response is then compared with what is kept. The page reads like this: it takes the new
    /// asset from the very response whose `Last-Modified` differs.
    Plain,
    /// With `If-Modified-Since`, which the server can answer with 304 and no body.
    Conditional,
}

/// What a response says in the three headers that the page names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheHeaders {
    /// `Cache-Control`.
    pub cache_control: CacheControl,
    /// `Last-Modified`, where there is a proper one.
    pub last_modified: Option<HttpDate>,
    /// Whether there is an `ETag`. Its text makes no difference.
    pub etag: bool,
}

/// What a `Cache-Control` field says, as far as the page knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheControl {
    /// There is none.
    Absent,
    /// It names none of the four directives.
    Unknown,
    /// The strictest of the four directives that it names.
    Says(Storage),
}

/// For how long a response is kept, and what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// So long from the response on, without asking.
    For(Duration),
    /// Until a response to a later request has another `Last-Modified`.
    UntilModified(HttpDate),
    /// For good: the extreme of rules that are not disclosed.
    ForGood,
}

impl CacheControl {
    /// Reads a field value of anybody's, the field's lines joined by commas.
    pub fn read(field: Option<&str>) -> Self {
        match field.map(CachePolicy::lenient) {
            None => Self::Absent,
            Some(None) => Self::Unknown,
            Some(Some(policy)) => Self::Says(policy.storage()),
        }
    }
}

impl CacheHeaders {
    /// Reads field values of anybody's, the lines of each field joined by commas. A `Last-Modified` that is no date counts as
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
    /// The older regime as its page is read most plainly.
    pub const HEADERS: Self =
        Self::Headers { etag_alone: EtagAlone::Ignored, revalidation: Revalidation::Plain };

    /// What becomes of a complete response with these headers; `None` where it is not kept.
    pub fn keeping(self, headers: &CacheHeaders) -> Option<Keeping> {
        let Self::Headers { etag_alone, .. } = self else { return Some(Keeping::For(FIXED_TIME)) };
        match headers.cache_control {
            CacheControl::Says(Storage::NoStore | Storage::Private) | CacheControl::Unknown => None,
            // The page has it require Last-Modified: without one there is nothing to compare.
            CacheControl::Says(Storage::NoCache) => headers.last_modified.map(Keeping::UntilModified),
            CacheControl::Says(Storage::MaxAge(seconds)) => {
                Some(Keeping::For(Duration::from_secs(seconds.into())))
            }
            // On its own, Last-Modified leads to nothing: it is there for no-cache.
            CacheControl::Absent if headers.last_modified.is_some() || !headers.etag => None,
            CacheControl::Absent => match etag_alone {
                EtagAlone::Ignored => None,
                EtagAlone::KeptForGood => Some(Keeping::ForGood),
            },
        }
    }
}
