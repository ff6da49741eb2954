//! The content of an opened asset, from any store: bytes in memory, or a stream.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::bucket::object::{Object, ObjectStream};
use super::bucket::shared_body::{SharedBody, SharedBodyStream};
use super::cut::{CutError, slice};
use super::disk::disk_file::DiskFile;
use super::disk::stream::FileStream;

/// How to read the bytes of an asset.
#[derive(Debug, Clone)]
pub enum Content {
    /// The bytes. Those of a file were hashed as they are held.
    Memory(Bytes),
    /// A file, which is verified while it is sent.
    File(Arc<DiskFile>),
    /// A body that is downloaded from a bucket into memory, complete or not.
    SharedBody(Arc<SharedBody>),
    /// An object that is not held in memory: every reader requests it again.
    Object(Arc<Object>),
}

/// The bytes of a range of an asset, or a stream of them.
#[derive(Debug)]
pub enum RangeBody {
    /// In memory.
    Memory(Bytes),
    /// Still to be read.
    Stream(ContentStream),
}

/// A stream of the bytes of a range of one version of an asset.
#[derive(Debug)]
pub enum ContentStream {
    /// From a file.
    File(FileStream),
    /// From memory, while it is downloaded.
    SharedBody(SharedBodyStream),
    /// From a bucket. Boxed, because it is large and rare.
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
            Self::SharedBody(body) => match body.whole() {
                Some(bytes) => RangeBody::Memory(slice(bytes, &range)),
                None => RangeBody::Stream(ContentStream::SharedBody(body.stream(range))),
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
