//! The bytes of an opened asset, whichever store they are in: at hand, or as they come.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::bucket::object::{Object, ObjectStream};
use super::bucket::shared_body::{SharedBody, SharedBodyStream};
use super::cut::{CutError, slice};
use super::disk::disk_file::DiskFile;
use super::disk::stream::FileStream;

/// How an asset is to be read.
#[derive(Debug, Clone)]
pub enum Content {
    /// The bytes themselves. Those of a file were hashed as they are held.
    Memory(Bytes),
    /// A file, read and guarded while it is sent.
    File(Arc<DiskFile>),
    /// Bytes on their way from a bucket into memory, or arrived there.
    SharedBody(Arc<SharedBody>),
    /// An object that is not held: it is asked for again by each who reads it.
    Object(Arc<Object>),
}

/// A part of an asset: its bytes, or a way to get them.
#[derive(Debug)]
pub enum RangeBody {
    /// At hand.
    Memory(Bytes),
    /// To be waited for.
    Stream(ContentStream),
}

/// The bytes of a part of one version of an asset, as they come.
#[derive(Debug)]
pub enum ContentStream {
    /// From a file.
    File(FileStream),
    /// From memory that is being filled.
    SharedBody(SharedBodyStream),
    /// From a bucket. Boxed, as it is large and rare.
    Object(Box<ObjectStream>),
}

impl Content {
    /// The bytes of `range`, which must lie within the content.
    pub fn range_body(&self, range: Range<u64>) -> RangeBody {
        match self {
            Self::Memory(bytes) => RangeBody::Memory(slice(bytes, &range)),
            Self::File(file) => {
                RangeBody::Stream(ContentStream::File(FileStream::new(Arc::clone(file), range)))
            }
            Self::SharedBody(arriving) => match arriving.whole() {
                Some(bytes) => RangeBody::Memory(slice(bytes, &range)),
                None => RangeBody::Stream(ContentStream::SharedBody(arriving.stream(range))),
            },
            Self::Object(object) => RangeBody::Stream(ContentStream::Object(Box::new(object.stream(range)))),
        }
    }
}

impl ContentStream {
    /// The next chunk; `None` after the last one.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        match self {
            Self::File(stream) => stream.poll_chunk(cx),
            Self::SharedBody(stream) => stream.poll_chunk(cx),
            Self::Object(stream) => stream.poll_chunk(cx),
        }
    }
}
