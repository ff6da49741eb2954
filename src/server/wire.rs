//! The stream under a connection: counts what passes, and knows whether the peer takes it.
//!
//! hyper has no timeout for writing, so what the timeouts of a connection go by is noted here, at the only place that
//! sees the socket itself. Nor has it a hook for what it answers by itself; that is [exchanged](malformed) here, too.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::malformed;

/// A stream whose passing bytes a [`Connection`] is told of.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// Bytes that were read to find out which protocol this is, and are to be read again.
    prefix: Bytes,
    /// What is left to write of the answer that stands in for hyper's own.
    refusal: Bytes,
    connection: Arc<Connection>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, prefix: Bytes, connection: Arc<Connection>) -> Self {
        Self { stream, prefix, refusal: Bytes::new(), connection }
    }

    /// Whether `head` is an answer of hyper's own; ours is then written in its place when hyper flushes.
    fn exchanges(&mut self, head: &[u8]) -> bool {
        let refusal = if self.connection.is_between_responses() { malformed::instead_of(head) } else { None };
        refusal.map(|refusal| self.refusal = refusal).is_some()
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(n)) => self.connection.wrote(*n),
            Poll::Pending => self.connection.is_blocked(),
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.prefix.has_remaining() {
            let n = self.prefix.len().min(buf.remaining());
            buf.put_slice(&self.prefix.split_to(n));
            // Together with what follows, if it is there: hyper doubles its buffer for a head that comes in two. Whatever
            // the stream has to say of itself otherwise, it says again.
            if buf.remaining() > 0 {
                let _ = Pin::new(&mut self.stream).poll_read(cx, buf);
            }
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        }
        if buf.filled().len() > before {
            self.connection.read_something();
        } else if self.connection.read_the_end() {
            // hyper takes the end of the client's side for the end of the client. It is told once the response is out.
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.refusal.has_remaining() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.refusal);
            self.note_write(&written);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.refusal.advance(n),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.exchanges(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.first().is_some_and(|head| self.exchanges(head)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has nothing left to write: all that ended before now has left for good.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.connection.flushed();
        if self.connection.is_done() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
