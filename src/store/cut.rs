//! Why a response body is cut short, and slices of bodies in memory.

use std::ops::Range;

use bytes::Bytes;

/// Why a stream ended before its last byte. The connection must be closed: the bytes sent so far are not the whole
/// asset.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// The asset is no longer the version that the response head describes.
    #[error("{path} changed while it was sent; the response was cut short")]
    Changed {
        /// The asset's path.
        path: Box<str>,
    },
    /// The asset could not be read.
    #[error("reading {path} failed while it was sent: {reason}; the response was cut short")]
    Unreadable {
        /// The asset's path.
        path: Box<str>,
        /// The error of the operating system or of the bucket.
        reason: Box<str>,
    },
}

/// A range of bytes in memory.
pub(super) fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    if *range == (0..bytes.len() as u64) {
        return bytes.clone();
    }
    let at = |offset| usize::try_from(offset).expect("bytes in memory are addressed by usize");
    bytes.slice(at(range.start)..at(range.end))
}
