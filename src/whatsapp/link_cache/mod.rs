//! What WhatsApp does with an asset that it fetched from a link: how long it keeps it, and when it asks again.
//!
//! Two regimes are documented. The older one follows the response headers (Meta's page on sending messages, section on
//! media HTTP caching, 2022 to API v20) and is what a policy speaks to; the current one (the same page, April 2026)
//! keeps every link for a fixed time. `words` says both; `regime` is their rules as values; `machine` is the cache that
//! follows them, message by message, and needs somebody else to do its fetching and to tell the time.

mod description;
mod regime;
mod state_machine;
#[cfg(test)]
mod tests;

pub use description::{CURRENT_REGIME, HumanSeconds, Treatment};
pub use regime::{CacheControl, CacheHeaders, EtagAlone, FIXED_TIME, Keeping, Regime, Revalidation};
pub use state_machine::{LinkCache, Request, Response, Step};
