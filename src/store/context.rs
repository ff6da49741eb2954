//! What all stores of a process have in common: what is held, what it may take, and which policy it gets.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::cache::Cache;
use super::memory_budget::MemoryBudget;
use crate::config::CacheRules;

/// Where the stores put what they have read.
pub(super) struct StoreContext {
    pub(super) cache: Cache,
    /// What all bodies together may take, those included that the cache has let go of while responses still send them.
    pub(super) budget: Arc<MemoryBudget>,
    /// Longest body that is held in memory, in bytes.
    pub(super) max_body: u64,
    pub(super) rules: CacheRules,
    /// For what is not one client's work.
    pub(super) background: Handle,
}

impl StoreContext {
    /// Holds at most `bytes` of bodies.
    pub(super) fn new(bytes: u64, rules: CacheRules, background: Handle) -> Arc<Self> {
        Arc::new(Self {
            // The last eighth is for bodies that the cache has let go of while responses still send them.
            cache: Cache::new(bytes - bytes / 8),
            budget: MemoryBudget::new(bytes),
            max_body: bytes / 8,
            rules,
            background,
        })
    }

    /// One for other rules. It holds nothing before its stores take something over, and shares the bound on what is held, so that both
    /// together keep it.
    pub(super) fn successor(&self, rules: CacheRules) -> Arc<Self> {
        Arc::new(Self {
            cache: self.cache.successor(),
            budget: Arc::clone(&self.budget),
            max_body: self.max_body,
            rules,
            background: self.background.clone(),
        })
    }

    /// Whether a body of this length is one that is held, where there is room.
    pub(super) fn may_hold(&self, len: u64) -> bool {
        len <= self.max_body
    }
}
