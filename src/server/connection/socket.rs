//! Socket of a connection, below TLS: reports to the connection what the kernel accepts.
//!
//! hyper has no write timeout, so the timeouts of a connection depend on what is recorded here: bytes that the kernel has accepted
//! have left this process. Bytes that TLS buffers have not.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::state::Connection;

/// A socket that reports its writes to a [`Connection`].
#[derive(Debug)]
pub(in crate::server) struct Socket<S: AsFd> {
    stream: S,
    /// `None` during the TLS handshake.
    connection: Option<Arc<Connection>>,
}

impl<S: AsFd> Socket<S> {
    /// A socket that reports to no connection yet.
    pub(in crate::server) fn new(stream: S) -> Self {
        Self { stream, connection: None }
    }

    /// Reports to `connection` from now on, and lets it measure the send queue.
    pub(in crate::server) fn attach(&mut self, connection: &Arc<Connection>) {
        connection.queue().open(self.stream.as_fd());
        self.connection = Some(Arc::clone(connection));
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        let Some(connection) = &self.connection else { return };
        match written {
            Poll::Ready(Ok(n)) => connection.wrote(*n),
            Poll::Pending => connection.blocked_write(),
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<S: AsFd> Drop for Socket<S> {
    fn drop(&mut self) {
        let Some(connection) = &self.connection else { return };
        if connection.is_aborted() && connection.queue().len() > 0 {
            // Otherwise the kernel would continue to hold it for a client that reads as slowly as before.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
        // Before the socket is closed, which happens after this.
        connection.close();
    }
}

impl<S: AsFd + AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsFd + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
