//! What is known of paths: bodies within a bound of bytes, open files within a bound of number.
//!
//! The cache holds and forgets. When to look again, and how, is for [`Stores`](super::Stores) to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quick_cache::sync::{Cache as Clock, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::Content;
use super::disk::Seen;
use crate::asset::Asset;
use crate::http::Fields;

/// Most files that are kept open between requests. A file that is held keeps its space on the disk after its deletion,
/// so they are few, and [swept](Cache::sweep).
const HELD_FILES: usize = 512;
/// What an entry takes beside its body, in bytes, roughly: the path, the ready headers, the tables.
const ENTRY: u64 = 3072;
/// A body may weigh an eighth of the whole; this many shards leave each one room for several.
const SHARDS: usize = 4;

/// One version of one asset, opened: what it is, what a response says of it, and how to read exactly those bytes.
#[derive(Debug, Clone)]
pub struct Opened(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    asset: Asset,
    fields: Fields,
    content: Content,
    seen: Seen,
    settled: bool,
    /// When this was last known to be the current version: nanoseconds since `epoch`.
    checked: AtomicU64,
    epoch: Instant,
}

impl Opened {
    /// `checked` is when the file was opened, or the moment before.
    pub(super) fn new(
        asset: Asset,
        fields: Fields,
        content: Content,
        seen: Seen,
        settled: bool,
        checked: Instant,
    ) -> Self {
        let entry =
            Entry { asset, fields, content, seen, settled, checked: AtomicU64::new(0), epoch: checked };
        Self(Arc::new(entry))
    }

    /// What the asset is.
    pub fn asset(&self) -> &Asset {
        &self.0.asset
    }

    /// What a response says of it.
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// How to read it.
    pub fn content(&self) -> &Content {
        &self.0.content
    }

    /// Whether any later change is certain to be noticed by looking at the file's metadata.
    pub fn is_settled(&self) -> bool {
        self.0.settled
    }

    /// Whether a response that streamed the file found it to be another version.
    pub(super) fn is_broken(&self) -> bool {
        matches!(&self.0.content, Content::File(file) if file.is_broken())
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.0.seen
    }

    pub(super) fn checked(&self) -> Instant {
        self.0.epoch + std::time::Duration::from_nanos(self.0.checked.load(Ordering::Relaxed))
    }

    /// Notes that this was the current version at `when`.
    pub(super) fn confirm(&self, when: Instant) {
        let since = when.saturating_duration_since(self.0.epoch).as_nanos();
        self.0.checked.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Box<str>, Opened> for ByBytes {
    fn weight(&self, path: &Box<str>, opened: &Opened) -> u64 {
        opened.0.asset.len + path.len() as u64 + ENTRY
    }
}

/// What is known, by path.
#[derive(Debug)]
pub(super) struct Cache {
    bodies: Clock<Box<str>, Opened, ByBytes>,
    files: Clock<Box<str>, Opened>,
}

impl Cache {
    /// Holds at most `bytes` of bodies and what belongs to them.
    pub(super) fn new(bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(
                usize::try_from(bytes / (64 << 10)).unwrap_or(usize::MAX).clamp(64, 65_536),
            )
            .weight_capacity(bytes)
            .build()
            .expect("all options are given");
        let bodies =
            Clock::with_options(options, ByBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { bodies, files: Clock::new(HELD_FILES) }
    }

    pub(super) fn get(&self, path: &str) -> Option<Opened> {
        self.bodies.get(path).or_else(|| self.files.get(path))
    }

    pub(super) fn insert(&self, path: Box<str>, opened: Opened) {
        match opened.content() {
            Content::Memory(_) => {
                self.files.remove(&*path);
                self.bodies.insert(path, opened);
            }
            Content::File(_) => {
                self.bodies.remove(&*path);
                self.files.insert(path, opened);
            }
        }
    }

    pub(super) fn remove(&self, path: &str) {
        self.bodies.remove(path);
        self.files.remove(path);
    }

    /// Lets go of files that nobody has looked at since `before`; those that are asked for are looked at as often as
    /// `fresh` says.
    pub(super) fn sweep(&self, before: Instant) {
        self.files.retain(|_, opened| opened.checked() >= before);
    }
}
