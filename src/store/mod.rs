//! Where bytes live, and what is known of them.
//!
//! The contract: a path is opened once, and what comes back says of those very bytes what the response head will say.
//! [`Stores`] is the door; it finds the mount that a path lies in and what the [cache] knows of it. Where that is nothing,
//! or too old, the mount's store looks: a folder on a [disk], or a [bucket]. Both hold what they read on one [shelf].

mod bucket;
mod cache;
mod content;
mod context;
mod cut;
mod disk;
mod memory_budget;
mod mounts;
mod open_asset;
mod sample;
mod shared_probe;
mod single_flight;
mod stats;

use std::io;
use std::time::Instant;

pub use self::bucket::object::{Object, ObjectStream};
pub use self::bucket::shared_body::{Arriving, ArrivingStream};
pub use self::bucket::{Listed, Listing, Piece};
pub use self::content::{Content, ContentStream, Stretch};
pub use self::cut::CutError;
pub use self::disk::disk_file::DiskFile;
pub use self::disk::stream::FileStream;
pub use self::mounts::Stores;
pub use self::open_asset::OpenAsset;
pub use self::stats::{BucketStatus, Hashed, Status};

/// A path that nobody is likely to have used: asked for to find out whether a store can be asked.
const NOBODYS: &str = "wamedia-asks-whether-it-may-read";

/// How new an answer must be.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// As new as the mount's `fresh` demands.
    Usual,
    /// Looked up since this moment: the asker has reason to believe that what is known is out of date. Bounded in rate:
    /// the answer may take 20 ms longer, and 250 ms from a bucket.
    Since(Instant),
    /// A version of which parts can be sent. The answer may take the two seconds that a change needs to settle, and is
    /// an unsettled one all the same if the file changes again meanwhile.
    Settled,
}

/// What the asker will need of an asset, so that a bucket is asked once, and for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// What it is.
    Head,
    /// What it is, and all its bytes.
    Whole,
    /// What it is, and perhaps some of its bytes: the request has a range or conditions.
    Parts,
}

/// Why an asset cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such asset, or it is not one that is served.
    #[error("no asset has this path")]
    NotFound,
    /// The asset changes faster than it can be read.
    #[error("the asset is being written and cannot be sent whole yet")]
    Changing,
    /// Something is short at the moment: file descriptors, memory.
    #[error("the store is short of something: {0}")]
    Busy(Box<str>),
    /// The store failed, and will again until somebody mends it.
    #[error("{0}")]
    Failed(Box<str>),
    /// A bucket could not be asked, or did not answer as it should.
    #[error("{reason}")]
    Upstream {
        /// Whose fault it is, and so what becomes of it.
        fault: UpstreamFault,
        /// What happened, to which bucket, and the mend.
        reason: Box<str>,
    },
}

/// What keeps a bucket from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It refuses us, or answers in a way that cannot be used: somebody must mend a setting.
    Refused,
    /// No connection, or one that broke.
    Unreachable,
    /// It says that it is overloaded or out of order.
    Unavailable,
    /// It does not answer in time.
    Late,
}

impl UpstreamFault {
    /// All of them, in the order in which they stand above.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Unreachable, Self::Unavailable, Self::Late];

    /// A word for it: `refused`, `unreachable`, `unavailable` or `late`.
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
