//! Where bytes live, and what is known of them.
//!
//! The contract: a path is opened once, and what comes back says of those very bytes what the response head will say.
//! [`Stores`] is the door; it finds the mount that a path lies in, asks the cache, and looks at the disk where the cache
//! does not know or has not looked for a while.

mod cache;
mod disk;
mod flights;
mod memory;
mod mounts;
mod survey;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

pub use self::cache::Opened;
pub use self::disk::{Cut, DiskFile, FileStream};
pub use self::mounts::Stores;

/// How an asset is to be read.
#[derive(Debug)]
pub enum Content {
    /// The bytes themselves, hashed as they are held.
    Memory(Bytes),
    /// A file, read and guarded while it is sent.
    File(Arc<DiskFile>),
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// As new as the mount's `fresh` demands.
    Usual,
    /// Looked up since this moment: the asker has reason to believe that what is known is out of date. Bounded in rate:
    /// the answer may take 20 ms longer.
    Since(Instant),
    /// A version of which parts can be sent. The answer may take the two seconds that a change needs to settle, and is
    /// an unsettled one all the same if the file changes again meanwhile.
    Settled,
}

/// Why an asset cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such asset, or it is not one that is served.
    #[error("no asset has this path")]
    NotFound,
    /// The file changes faster than it can be read.
    #[error("the asset is being written and cannot be sent whole yet")]
    Changing,
    /// Something is short at the moment: file descriptors, memory.
    #[error("the store is short of something: {0}")]
    Busy(Box<str>),
    /// The store failed, and will again until somebody mends it.
    #[error("{0}")]
    Failed(Box<str>),
}

impl StoreError {
    fn failed(doing: &str, error: &io::Error) -> Self {
        Self::Failed(format!("{doing} the file failed: {error}").into())
    }
}
