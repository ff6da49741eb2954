//! What is known of paths: bodies within a bound of bytes, open files within a bound of number.
//!
//! The cache holds and forgets. When to look again, and how, is for the stores to say.

use std::time::Instant;

use std::sync::Arc;

use quick_cache::sync::Cache as Clock;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, UnitWeighter, Weighter};

use super::stats::Counter;
use super::{Content, OpenAsset};

/// Most files that are kept open between requests. A file that is held keeps its space on the disk after its deletion,
/// so they are few, and [swept](Cache::sweep).
const HELD_FILES: usize = 512;
/// What an entry takes beside its body, in bytes, roughly: the path, the ready headers, the tables.
const ENTRY: u64 = 3072;
/// A body may weigh an eighth of the whole; this many shards leave each one room for several.
const SHARDS: usize = 4;

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Box<str>, OpenAsset> for ByBytes {
    fn weight(&self, path: &Box<str>, opened: &OpenAsset) -> u64 {
        let held = match opened.content() {
            Content::Memory(_) | Content::SharedBody(_) => opened.asset().len,
            Content::File(_) | Content::Object(_) => 0,
        };
        held + path.len() as u64 + ENTRY
    }
}

/// Tells what leaves when something comes: what has to make room for it, or is replaced by it.
#[derive(Debug, Clone, Default)]
struct EvictedPaths;

impl Lifecycle<Box<str>, OpenAsset> for EvictedPaths {
    type RequestState = Vec<Box<str>>;

    fn on_evict(&self, left: &mut Vec<Box<str>>, path: Box<str>, _: OpenAsset) {
        left.push(path);
    }
}

/// What is known, by path.
#[derive(Debug)]
pub(super) struct Cache {
    bodies: Clock<Box<str>, OpenAsset, ByBytes, DefaultHashBuilder, EvictedPaths>,
    files: Clock<Box<str>, OpenAsset, UnitWeighter, DefaultHashBuilder, EvictedPaths>,
    /// How many had to make room for others.
    evictions: Arc<Counter>,
    /// Most that bodies and what belongs to them may take.
    bytes: u64,
}

impl Cache {
    /// Holds at most `bytes` of bodies and what belongs to them.
    pub(super) fn new(bytes: u64) -> Self {
        Self::counting(bytes, Arc::default())
    }

    /// One as large that holds nothing yet and goes on counting where this one is.
    pub(super) fn successor(&self) -> Self {
        Self::counting(self.bytes, Arc::clone(&self.evictions))
    }

    fn counting(bytes: u64, evictions: Arc<Counter>) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(
                usize::try_from(bytes / (64 << 10)).unwrap_or(usize::MAX).clamp(64, 65_536),
            )
            .weight_capacity(bytes)
            .build()
            .expect("all options are given");
        let hasher = DefaultHashBuilder::default();
        let bodies = Clock::with_options(options, ByBytes, hasher.clone(), EvictedPaths);
        let files = Clock::with(HELD_FILES, HELD_FILES as u64, UnitWeighter, hasher, EvictedPaths);
        Self { bodies, files, evictions, bytes }
    }

    /// How many had to make room for others.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions.get()
    }

    pub(super) fn get(&self, path: &str) -> Option<OpenAsset> {
        self.bodies.get(path).or_else(|| self.files.get(path))
    }

    pub(super) fn insert(&self, path: &str, opened: OpenAsset) {
        let mut left = Vec::new();
        match opened.content() {
            Content::Memory(_) | Content::SharedBody(_) | Content::Object(_) => {
                self.files.remove(path);
                self.bodies.insert_with_lifecycle(path.into(), opened, &mut left);
            }
            Content::File(_) => {
                self.bodies.remove(path);
                self.files.insert_with_lifecycle(path.into(), opened, &mut left);
            }
        }
        // A version that another takes the place of has made room for nobody else.
        self.evictions.add(left.iter().filter(|other| &***other != path).count() as u64);
    }

    pub(super) fn remove(&self, path: &str) {
        self.bodies.remove(path);
        self.files.remove(path);
    }

    /// The bodies that are held at the moment, by their paths, and what is known of objects beside them.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (Box<str>, OpenAsset)> {
        self.bodies.iter()
    }

    /// Forgets everything. Takes as long as it takes to give memory back.
    pub(super) fn clear(&self) {
        // One by one: nobody waits for a lock while memory is given back.
        self.bodies.drain().for_each(drop);
        self.files.drain().for_each(drop);
    }

    /// Lets go of files that nobody has looked at since `before`; those that are asked for are looked at as often as
    /// `fresh` says.
    pub(super) fn sweep(&self, before: Instant) {
        self.files.retain(|_, opened| opened.checked() >= before);
    }
}
