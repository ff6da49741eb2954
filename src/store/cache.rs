//! Cache of opened assets: bodies up to a number of bytes, open files up to a number of files.
//!
//! The cache stores and evicts. The stores decide when an entry is out of date.

use std::time::Instant;

use std::sync::Arc;

use quick_cache::sync::Cache as QuickCache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter, Weighter};

use super::stats::Counter;
use super::{Content, OpenAsset};

/// Most files that stay open between requests. An open file keeps its disk space after its deletion, so there are
/// few, and unused ones are [closed](Cache::sweep).
const MAX_OPEN_FILES: usize = 512;
/// Memory of an entry besides its body, in bytes, roughly: path, rendered headers, tables.
const ENTRY_OVERHEAD: u64 = 3072;
/// A body may take an eighth of the cache; with this many shards, several fit into each.
const SHARDS: usize = 4;

#[derive(Debug, Clone)]
struct WeightInBytes;

impl Weighter<Box<str>, OpenAsset> for WeightInBytes {
    fn weight(&self, path: &Box<str>, opened: &OpenAsset) -> u64 {
        let held = match opened.content() {
            Content::Memory(_) | Content::SharedBody(_) => opened.asset().len,
            Content::File(_) | Content::Object(_) => 0,
        };
        held + path.len() as u64 + ENTRY_OVERHEAD
    }
}

/// Collects the paths that an insertion evicts or replaces.
#[derive(Debug, Clone, Default)]
struct EvictedPaths;

impl Lifecycle<Box<str>, OpenAsset> for EvictedPaths {
    type RequestState = Vec<Box<str>>;

    fn on_evict(&self, evicted: &mut Vec<Box<str>>, path: Box<str>, _: OpenAsset) {
        evicted.push(path);
    }
}

/// Opened assets, by path.
#[derive(Debug)]
pub(super) struct Cache {
    bodies: QuickCache<Box<str>, OpenAsset, WeightInBytes, DefaultHashBuilder, EvictedPaths>,
    files: QuickCache<Box<str>, OpenAsset, UnitWeighter, DefaultHashBuilder, EvictedPaths>,
    /// Entries that were evicted to make space for others.
    evictions: Arc<Counter>,
    /// Most bytes of bodies and their overhead.
    bytes: u64,
}

impl Cache {
    /// A cache of at most `bytes` bytes of bodies and their overhead.
    pub(super) fn new(bytes: u64) -> Self {
        Self::with_counter(bytes, Arc::default())
    }

    /// An empty cache of the same size that continues the count of evictions.
    pub(super) fn successor(&self) -> Self {
        Self::with_counter(self.bytes, Arc::clone(&self.evictions))
    }

    fn with_counter(bytes: u64, evictions: Arc<Counter>) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(
                usize::try_from(bytes / (64 << 10)).unwrap_or(usize::MAX).clamp(64, 65_536),
            )
            .weight_capacity(bytes)
            .build()
            .expect("all options are given");
        let hasher = DefaultHashBuilder::default();
        let bodies = QuickCache::with_options(options, WeightInBytes, hasher.clone(), EvictedPaths);
        let files =
            QuickCache::with(MAX_OPEN_FILES, MAX_OPEN_FILES as u64, UnitWeighter, hasher, EvictedPaths);
        Self { bodies, files, evictions, bytes }
    }

    /// Entries that were evicted to make space for others.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions.get()
    }

    pub(super) fn get(&self, path: &str) -> Option<OpenAsset> {
        self.bodies.get(path).or_else(|| self.files.get(path))
    }

    pub(super) fn insert(&self, path: &str, opened: OpenAsset) {
        let mut evicted = Vec::new();
        match opened.content() {
            Content::Memory(_) | Content::SharedBody(_) | Content::Object(_) => {
                self.files.remove(path);
                self.bodies.insert_with_lifecycle(path.into(), opened, &mut evicted);
            }
            Content::File(_) => {
                self.bodies.remove(path);
                self.files.insert_with_lifecycle(path.into(), opened, &mut evicted);
            }
        }
        // A replaced version is not an eviction.
        self.evictions.add(evicted.iter().filter(|other| &***other != path).count() as u64);
    }

    pub(super) fn remove(&self, path: &str) {
        self.bodies.remove(path);
        self.files.remove(path);
    }

    /// The cached bodies and the cached metadata of objects, by path.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (Box<str>, OpenAsset)> {
        self.bodies.iter()
    }

    /// Removes all entries. Takes as long as it takes to free the memory.
    pub(super) fn clear(&self) {
        // One by one, so that no lock is held while memory is freed.
        self.bodies.drain().for_each(drop);
        self.files.drain().for_each(drop);
    }

    /// Closes files that were last checked before `before`. Files in use are checked as often as `fresh` says.
    pub(super) fn sweep(&self, before: Instant) {
        self.files.retain(|_, opened| opened.checked() >= before);
    }
}
