//! Where the bytes of assets live: folders on disk and buckets, mounted at path prefixes, behind one cache in memory.
//!
//! A path is opened once, and the metadata in an [`OpenAsset`] describes exactly the bytes that it gives access to.
//! [`Stores`] is the entry point: it finds the mount of a path and its entry in the [cache]. If there is no entry, or one
//! that is too old, the mount's store reads the asset anew, from a folder on [disk] or from a [bucket]. The stores of all mounts
//! share one [context].

mod bucket;
mod cache;
mod content;
mod context;
mod cut;
mod dates;
mod disk;
mod memory_budget;
mod mounts;
mod open_asset;
mod sample;
mod sent_dates;
mod shared_probe;
mod single_flight;
mod stats;

use std::io;
use std::time::Instant;

pub use self::bucket::object::{Object, ObjectStream};
pub use self::bucket::shared_body::{SharedBody, SharedBodyStream};
pub use self::bucket::{ListedObject, Listing, ObjectPart};
pub use self::content::{Content, ContentStream, RangeBody};
pub use self::cut::CutError;
pub use self::dates::{
    INDEX_NAME, IndexChange, IndexFault, IndexLine, IndexedFile, StateAccess, read_lines, updated,
};
pub use self::disk::disk_file::DiskFile;
pub use self::disk::stream::FileStream;
pub use self::mounts::{CredentialFiles, Stores};
pub use self::open_asset::OpenAsset;
pub use self::sample::first_entries;
pub use self::stats::{BucketStats, HashStats, StoreStats};

/// A path that no operator is likely to use. Health checks request it to find out whether a store answers.
const PROBE_NAME: &str = "wamedia-asks-whether-it-may-read";

/// How fresh an asset must be.
#[derive(Debug, Clone, Copy)]
pub enum Freshness {
    /// As fresh as the mount's `fresh` setting demands.
    Configured,
    /// Read since this moment: the caller has reason to believe that the cached version is out of date. Rate-limited, so the
    /// result may take 20 ms longer, or 250 ms from a bucket.
    Since(Instant),
    /// A version of which parts can be sent. May wait the two seconds that a change of a file takes to settle. If the file changes
    /// again meanwhile, the result is unsettled all the same.
    Settled,
}

/// Which parts of an asset the caller will read, so that one request to a bucket fetches exactly those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadIntent {
    /// The metadata only.
    Head,
    /// The metadata and the whole body.
    Whole,
    /// The metadata and perhaps some of the bytes: the request has a range or conditions.
    Parts,
}

/// Why an asset cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such asset, or it is one that is never served.
    #[error("no asset has this path")]
    NotFound,
    /// The asset changes faster than it can be read.
    #[error("the asset is being written and cannot be sent whole yet")]
    Changing,
    /// A resource is exhausted at the moment: file descriptors, memory, connections.
    #[error("the store has run out of a resource: {0}")]
    Busy(Box<str>),
    /// The store failed, and will fail again until the operator fixes the cause.
    #[error("{0}")]
    Failed(Box<str>),
    /// The asset is archived in its bucket: others can be read, but this one not before somebody restores it.
    #[error("{0}")]
    Archived(Box<str>),
    /// A bucket did not answer, or its response is an error.
    #[error("{reason}")]
    Upstream {
        /// What kind of fault it is.
        fault: UpstreamFault,
        /// Which bucket failed, why, and how to fix it.
        reason: Box<str>,
    },
}

/// What kind of fault keeps a bucket from serving assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It rejects our requests, or its responses cannot be used: the operator must change a setting.
    Refused,
    /// The connection cannot be opened, or broke.
    Unreachable,
    /// It reports that it is overloaded or out of order.
    Unavailable,
    /// It does not answer within the timeout.
    Late,
}

impl UpstreamFault {
    /// All faults, in the order of their definition.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Unreachable, Self::Unavailable, Self::Late];

    /// The label in metrics: `refused`, `unreachable`, `unavailable` or `late`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::Late => "late",
        }
    }
}

impl StoreError {
    fn failed(doing: &str, error: &io::Error) -> Self {
        Self::Failed(format!("{doing} the file failed: {error}").into())
    }
}
