//! Response body: bytes in memory, bytes streamed from a store, or several of either in a row.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use crate::store::{CutError, RangeBody};

/// A body of known length, and the exchange that ends with it.
///
/// Its only error is [`CutError`]: the connection must then be closed, or the stream reset, so that the client sees a short
/// body.
#[derive(Debug)]
pub(in crate::server) struct ResponseBody {
    /// Bytes to send next.
    chunk: Bytes,
    /// What follows them.
    rest: VecDeque<RangeBody>,
    left: u64,
    /// Most bytes that are passed to hyper at once.
    slice: usize,
    exchange: Exchange,
}

/// On a multiplexed connection, bytes are passed to hyper about as fast as the client reads them: so that a slow reader can be
/// distinguished from one that has stopped, and so that HTTP/2 buffers little for either. One frame's worth, such that a whole
/// frame, its header included (RFC 9113 section 4.1), is one TLS record.
pub(in crate::server) const MULTIPLEXED_SLICE: usize = (16 << 10) - 9;

impl ResponseBody {
    /// A body of `len` bytes in all: `chunk`, then `rest`.
    pub(in crate::server) fn new(
        chunk: Bytes,
        rest: VecDeque<RangeBody>,
        len: u64,
        exchange: Exchange,
    ) -> Self {
        let slice = if exchange.connection().is_multiplexed() { MULTIPLEXED_SLICE } else { usize::MAX };
        Self { chunk, rest, left: len, slice, exchange }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = CutError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutError>>> {
        let this = &mut *self;
        while this.chunk.is_empty() {
            let chunk = match this.rest.front_mut() {
                None => return Poll::Ready(None),
                Some(RangeBody::Memory(bytes)) if bytes.is_empty() => None,
                Some(RangeBody::Memory(bytes)) => Some(Ok(std::mem::take(bytes))),
                Some(RangeBody::Stream(stream)) => match stream.poll_chunk(cx) {
                    Poll::Ready(chunk) => chunk,
                    Poll::Pending => {
                        this.exchange.wait_for_store();
                        return Poll::Pending;
                    }
                },
            };
            match chunk {
                None => drop(this.rest.pop_front()),
                Some(Ok(chunk)) => this.chunk = chunk,
                Some(Err(cut)) => {
                    log::warn!("{cut}");
                    this.rest.clear();
                    return Poll::Ready(Some(Err(cut)));
                }
            }
        }
        let slice = if this.chunk.len() <= this.slice {
            std::mem::take(&mut this.chunk)
        } else {
            this.chunk.split_to(this.slice)
        };
        this.left = this.left.saturating_sub(slice.len() as u64);
        this.exchange.hand_over(slice.len());
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
