//! Send queue: the bytes that the kernel still holds for a client.
//!
//! What the kernel has accepted, the client has not necessarily received: for a slow reader the kernel holds a few hundred
//! kilobytes, and accepts more only when a third of that is gone. So the send queue's length is measured, too.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, PoisonError};

/// Measures the send queue of a connection, as long as the [`Socket`](super::socket::Socket) that owns its descriptor lives.
#[derive(Debug, Default)]
pub(in crate::server) struct SendQueue(Mutex<Option<RawFd>>);

impl SendQueue {
    pub(in crate::server) fn open(&self, socket: BorrowedFd<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.as_raw_fd());
    }

    pub(in crate::server) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Bytes that the kernel has accepted and the client's system has not acknowledged; 0 if unknown.
    pub(in crate::server) fn len(&self) -> u64 {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        socket.and_then(unacknowledged).unwrap_or(0)
    }
}

/// `TIOCOUTQ` of an open TCP socket (tcp(7), `SIOCOUTQ`).
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#[expect(
    unsafe_code,
    reason = "none of our libraries has this call, and no other call returns what a client has received"
)]
fn unacknowledged(socket: RawFd) -> Option<u64> {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    /// The same number on these architectures (asm-generic/ioctls.h).
    const TIOCOUTQ: Opcode = 0x5411;
    // SAFETY: the descriptor is open: only `SendQueue::len` calls this, with its lock held, and the `Socket` that owns the
    // descriptor takes that lock to forget it before it closes it. The call writes one `int` and nothing else, which is what the
    // getter has space for.
    let held = unsafe { ioctl(BorrowedFd::borrow_raw(socket), Getter::<TIOCOUTQ, core::ffi::c_int>::new()) };
    held.ok().and_then(|held| u64::try_from(held).ok())
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn unacknowledged(_: RawFd) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn the_queue_is_what_the_client_has_not_received_and_a_closed_socket_is_forgotten() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let mut client =
            TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (mut server, _) = listener.accept().expect("a connection");
        let queue = SendQueue::default();
        assert_eq!(queue.len(), 0);
        queue.open(server.as_fd());
        server.set_nonblocking(true).expect("a mode");
        let mut written = 0;
        while let Ok(n) = server.write(&[0; 1 << 14]) {
            written += n;
        }
        let held = queue.len();
        assert!(held > 0 && held <= written as u64, "{held} of {written}");
        client.read_exact(&mut vec![0; written]).expect("all of it");
        // The last acknowledgement may still be on its way.
        while queue.len() > 0 {
            std::thread::yield_now();
        }
        queue.close();
        assert_eq!(queue.len(), 0);
    }
}
