//! The bytes of an opened asset, whichever store they are in: at hand, or as they come.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::bucket::object::{Object, ObjectStream};
use super::bucket::shared_body::{Arriving, ArrivingStream};
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
    Arriving(Arc<Arriving>),
    /// An object that is not held: it is asked for again by each who reads it.
    Object(Arc<Object>),
}

/// A part of an asset: its bytes, or a way to get them.
#[derive(Debug)]
pub enum Stretch {
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
    Arriving(ArrivingStream),
    /// From a bucket. Boxed, as it is large and rare.
    Object(Box<ObjectStream>),
}

impl Content {
    /// The bytes of `range`, which must lie within the content.
    pub fn stretch(&self, range: Range<u64>) -> Stretch {
        match self {
            Self::Memory(bytes) => Stretch::Memory(slice(bytes, &range)),
            Self::File(file) => {
                Stretch::Stream(ContentStream::File(FileStream::new(Arc::clone(file), range)))
            }
            Self::Arriving(arriving) => match arriving.whole() {
                Some(bytes) => Stretch::Memory(slice(bytes, &range)),
                None => Stretch::Stream(ContentStream::Arriving(arriving.stream(range))),
            },
            Self::Object(object) => Stretch::Stream(ContentStream::Object(Box::new(object.stream(range)))),
        }
    }
}

impl ContentStream {
    /// The next chunk; `None` after the last one.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        match self {
            Self::File(stream) => stream.poll_chunk(cx),
            Self::Arriving(stream) => stream.poll_chunk(cx),
            Self::Object(stream) => stream.poll_chunk(cx),
        }
    }
}
