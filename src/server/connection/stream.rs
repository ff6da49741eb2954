//! The stream that hyper speaks over, with or without TLS: knows when a request begins, when the client has ended its side and
//! when all of a response has left. What the socket takes is the [gauge](super::socket)'s to note.
//!
//! hyper has no hook for what it answers by itself; that is [exchanged](malformed) here, too.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::bad_head;
use super::state::Connection;

/// How long a client may be silent after we have ended the connection on our side before the socket is closed.
const LINGER_IDLE: Duration = Duration::from_secs(2);
/// How long that may go on in all, however much it still sends.
const LINGER_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether a client that sends nothing more has taken what there was for it.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A stream of whose requests and ends a [`Connection`] is told.
#[derive(Debug)]
pub(in crate::server) struct Stream<S> {
    stream: S,
    /// Bytes that were read to find out which protocol this is, and are to be read again.
    prefix: Bytes,
    /// What is left to write of the answer that stands in for hyper's own.
    refusal: Bytes,
    /// There once our side has ended.
    lingering: Option<Lingering>,
    connection: Arc<Connection>,
}

/// How long the client is waited for once our side has ended.
#[derive(Debug)]
struct Lingering {
    /// Ends when it is silent for too long, or when it is to be looked again.
    pause: Pin<Box<Sleep>>,
    /// Ends it if it has ended its side, and does not take what there is for it.
    taken_by: Instant,
    /// Ends it in any case.
    end: Instant,
}

impl Lingering {
    fn begin() -> Self {
        let now = Instant::now();
        Self { pause: Box::pin(sleep(LINGER_IDLE)), taken_by: now + LINGER_IDLE, end: now + LINGER_MAX }
    }
}

impl<S> Stream<S> {
    pub(in crate::server) fn new(stream: S, prefix: Bytes, connection: Arc<Connection>) -> Self {
        Self { stream, prefix, refusal: Bytes::new(), lingering: None, connection }
    }

    /// Whether `head` is an answer of hyper's own; ours is then written in its place when hyper flushes.
    fn replaces(&mut self, head: &[u8]) -> bool {
        let refusal = if self.connection.is_between_responses() { bad_head::instead_of(head) } else { None };
        let Some(refusal) = refusal else { return false };
        self.connection.rejected(&refusal);
        self.refusal = refusal.response;
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
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
            match ready!(Pin::new(&mut self.stream).poll_read(cx, buf)) {
                // A client that ends its side of TLS without saying so has ended it: whether a request is whole, HTTP tells.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                read => read?,
            }
        }
        let read = buf.filled().len() - before;
        if read > 0 {
            if !self.connection.received(read) {
                log::debug!("{}: is to be closed: it floods", self.connection.client);
                return Poll::Ready(Err(io::Error::other("the client sends without end and for nothing")));
            }
            self.connection.received_data();
        } else if self.connection.received_end() {
            // hyper takes the end of the client's side for the end of the client. It is told once the response is out.
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Drops what the client still sends until it ends its side too, or falls silent. A socket that is closed with
    /// something unread in it is reset, and the last bytes on their way to the client are lost (RFC 9112 section 9.6);
    /// over HTTP/2 there is nearly always something: the client says what it has taken.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Lingering { pause, taken_by, end }) = &mut self.lingering else { return Poll::Ready(()) };
        let mut space = [MaybeUninit::uninit(); 4096];
        loop {
            let mut buf = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    if !self.connection.received(buf.filled().len()) {
                        return Poll::Ready(());
                    }
                    pause.as_mut().reset((Instant::now() + LINGER_IDLE).min(*end));
                }
                Poll::Ready(_) => {
                    let now = Instant::now();
                    if self.connection.is_settled() || now >= *taken_by {
                        return Poll::Ready(());
                    }
                    pause.as_mut().reset(now + POLL_INTERVAL);
                    ready!(pause.as_mut().poll(cx));
                }
                Poll::Pending => return pause.as_mut().poll(cx),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Stream<S> {
    fn poll_rejection(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.refusal.has_remaining() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.refusal))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.refusal.advance(n),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.first().is_some_and(|head| self.replaces(head)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has nothing left to write: all that ended before now has left for good.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rejection(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.connection.flushed();
        if self.connection.is_done() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.lingering = Some(Lingering::begin());
        }
        self.poll_linger(cx).map(Ok)
    }
}
