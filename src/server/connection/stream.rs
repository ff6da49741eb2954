//! Stream that hyper reads and writes, above TLS: detects the start of a request, the end of the client's side, and flushes.
//!
//! hyper has no hook for the responses that it generates itself; this stream [replaces](super::bad_head) them. What the kernel
//! accepts is recorded below TLS, by the [socket](super::socket).

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

/// After our side is closed, the socket is closed if the client sends nothing for this long.
const LINGER_IDLE: Duration = Duration::from_secs(2);
/// The longest that it stays open, however much the client still sends.
const LINGER_MAX: Duration = Duration::from_secs(10);
/// How often the send queue is measured for a client that has closed its side.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A stream that reports requests and ends to a [`Connection`].
#[derive(Debug)]
pub(in crate::server) struct Stream<S> {
    inner: S,
    /// Bytes that were read to detect the protocol, and are to be read again.
    prefix: Bytes,
    /// What is left to write of the response that replaces hyper's.
    replacement: Bytes,
    /// Once our side is closed.
    lingering: Option<Lingering>,
    connection: Arc<Connection>,
}

/// How long the socket stays open after our side is closed (lingering close).
#[derive(Debug)]
struct Lingering {
    /// Ends when the client has been idle for too long, or when the send queue is to be measured again.
    pause: Pin<Box<Sleep>>,
    /// For a client that has closed its side and does not receive what was sent.
    acknowledged_by: Instant,
    /// In any case.
    end: Instant,
}

impl Lingering {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            pause: Box::pin(sleep(LINGER_IDLE)),
            acknowledged_by: now + LINGER_IDLE,
            end: now + LINGER_MAX,
        }
    }
}

impl<S> Stream<S> {
    pub(in crate::server) fn new(inner: S, prefix: Bytes, connection: Arc<Connection>) -> Self {
        Self { inner, prefix, replacement: Bytes::new(), lingering: None, connection }
    }

    /// Whether `head` begins a response of hyper's own that is replaced; the replacement is written when hyper flushes.
    fn replaces(&mut self, head: &[u8]) -> bool {
        let error = if self.connection.is_between_responses() { bad_head::replacement(head) } else { None };
        let Some(error) = error else { return false };
        self.connection.rejected(&error);
        self.replacement = error.bytes;
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
            // Together with what follows, if it is there: hyper doubles its buffer for a head that arrives in two reads. An error
            // of the stream is returned again by the next read.
            if buf.remaining() > 0 {
                let _ = Pin::new(&mut self.inner).poll_read(cx, buf);
            }
        } else {
            match ready!(Pin::new(&mut self.inner).poll_read(cx, buf)) {
                // A client may close TLS without close_notify; whether the request is complete, HTTP decides.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                read => read?,
            }
        }
        let read = buf.filled().len() - before;
        if read > 0 {
            if !self.connection.received(read) {
                log::debug!("{}: closing: HTTP/2 flood", self.connection.client);
                return Poll::Ready(Err(io::Error::other("the client floods the connection")));
            }
            self.connection.received_data();
        } else if self.connection.received_end() {
            // hyper would take the end of the client's side for a disconnect. It gets to know once the response is sent.
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Discards what the client still sends until it closes its side, too, or is idle. A socket that is closed with unread data is
    /// reset, and the last bytes on their way to the client are lost (RFC 9112 section 9.6); over HTTP/2 there is nearly always
    /// such data: window updates.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Lingering { pause, acknowledged_by, end }) = &mut self.lingering else {
            return Poll::Ready(());
        };
        let mut space = [MaybeUninit::uninit(); 4096];
        loop {
            let mut buf = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    if !self.connection.received(buf.filled().len()) {
                        return Poll::Ready(());
                    }
                    pause.as_mut().reset((Instant::now() + LINGER_IDLE).min(*end));
                }
                Poll::Ready(_) => {
                    let now = Instant::now();
                    if self.connection.is_settled() || now >= *acknowledged_by {
                        return Poll::Ready(());
                    }
                    pause.as_mut().reset(now + POLL_INTERVAL);
                    ready!(pause.as_mut().poll(cx));
                }
                // At a shutdown, there is no time for clients that have received everything.
                Poll::Pending if self.connection.is_draining() => {
                    let now = Instant::now();
                    if self.connection.is_received() || now >= *acknowledged_by {
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
    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.replacement.has_remaining() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &self.replacement))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.replacement.advance(n),
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
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.first().is_some_and(|head| self.replaces(head)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes once it has nothing left to write: every response that ended before now has been sent.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.connection.flushed();
        if self.connection.is_done() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            self.lingering = Some(Lingering::begin());
        }
        self.poll_linger(cx).map(Ok)
    }
}
