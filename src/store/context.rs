//! What the stores of all mounts share: the cache, the memory budget, the cache rules and the background runtime.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::cache::Cache;
use super::memory_budget::MemoryBudget;
use super::sent_dates::SentDates;
use crate::config::CacheRules;

/// What the stores of all mounts share.
pub(super) struct StoreContext {
    pub(super) cache: Cache,
    /// The limit on all bodies together, including those that responses still send after their eviction from the
    /// cache.
    pub(super) budget: Arc<MemoryBudget>,
    /// Longest body that is held in memory, in bytes.
    pub(super) max_body: u64,
    pub(super) rules: CacheRules,
    /// Survives reloads, as the copies that clients have do.
    pub(super) sent_dates: Arc<SentDates>,
    /// For work that does not belong to one client.
    pub(super) background: Handle,
}

impl StoreContext {
    /// Holds at most `bytes` bytes of bodies.
    pub(super) fn new(bytes: u64, rules: CacheRules, background: Handle) -> Arc<Self> {
        Arc::new(Self {
            // The last eighth is for bodies that responses still send after their eviction.
            cache: Cache::new(bytes - bytes / 8),
            budget: MemoryBudget::new(bytes),
            max_body: bytes / 8,
            rules,
            sent_dates: Arc::default(),
            background,
        })
    }

    /// A context for other rules, with an empty cache. It shares the memory budget, so that both together keep within
    /// it.
    pub(super) fn successor(&self, rules: CacheRules) -> Arc<Self> {
        Arc::new(Self {
            cache: self.cache.successor(),
            budget: Arc::clone(&self.budget),
            max_body: self.max_body,
            rules,
            sent_dates: Arc::clone(&self.sent_dates),
            background: self.background.clone(),
        })
    }

    /// Whether a body of this length may be held in memory.
    pub(super) fn may_hold(&self, len: u64) -> bool {
        len <= self.max_body
    }
}
