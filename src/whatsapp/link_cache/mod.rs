//! WhatsApp's link cache: how long it keeps a fetched asset, and when it requests it again.
//!
//! Two regimes are documented. The older one follows the response headers (Meta's page on sending messages, section on
//! media HTTP caching, 2022 to API v20) and is the one that a cache policy addresses. The current one (the same
//! page, April 2026) keeps every link for a fixed time. `description` describes both in words, `regime` has their rules as values, and
//! `state_machine` is the cache that follows them. The caller does the fetching and provides the time.

mod description;
mod regime;
mod state_machine;
#[cfg(test)]
mod tests;

pub use description::{CURRENT_REGIME, HumanSeconds, Treatment};
pub use regime::{CacheControl, CacheHeaders, EtagAlone, FIXED_TIME, Keeping, Regime, Revalidation};
pub use state_machine::{LinkCache, Request, Response, Step};
