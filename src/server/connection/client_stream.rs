//! Sockets of clients: TCP, or Unix.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};

/// The socket of a connection to a client.
pub(in crate::server) trait ClientStream:
    AsFd + AsyncRead + AsyncWrite + Send + Unpin + 'static
{
    /// Waits for bytes and reads them, and leaves them to be read again.
    fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
}

impl ClientStream for TcpStream {
    async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Self::peek(self, buffer).await
    }
}

impl ClientStream for UnixStream {
    async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.readable().await?;
            let peeked = self.try_io(Interest::READABLE, || Ok(recv(self, &mut *buffer, RecvFlags::PEEK)?.0));
            match peeked {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                peeked => return peeked,
            }
        }
    }
}
