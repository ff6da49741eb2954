//! How much a client of HTTP/2 sends, held against what it has reason to.
//!
//! HTTP/2 lets a client send pings, settings, windows, frames of unknown kinds and requests that it takes back at once, all of
//! which cost it less than us, and sets no bound to them (CVE-2019-9512, CVE-2019-9515, CVE-2023-44487). h2 bounds the streams, the
//! length of a head and its CONTINUATION frames (CVE-2024-27316), and small DATA frames; it answers the rest for as long as
//! it comes. So each connection has an account: requests and what is taken of responses pay in, bytes that come pay out.

use std::sync::atomic::{AtomicU64, Ordering};

/// What an HTTP/2 client may send that is about nothing, in bytes: pings, settings, empty frames, windows, requests that it takes
/// back. Each of them is cheap for us and cheaper for it, and HTTP/2 sets no bound to them.
const INITIAL: u64 = 1 << 20;
/// What more it may send for a request, beyond the length of its head: frames around it, and that it is ready for the response.
const PER_REQUEST: u64 = 64;
/// By how much it may send less for each request that it takes back, in bytes: more than a thousand that it has had no use of are
/// too many (CVE-2023-44487).
const PER_RESET: u64 = 1 << 10;
/// For how many bytes of a response it may send one more, to say what it has taken. A client that does so for every kilobyte, on
/// the stream and on the connection, needs one for forty.
const BODY_RATIO: u64 = 16;

/// The account of one connection, which only its own core touches.
#[derive(Debug)]
pub(in crate::server) struct FloodGuard {
    /// Bytes that the client has sent.
    received: AtomicU64,
    /// Bytes that it has had reason to send.
    allowed: AtomicU64,
}

impl Default for FloodGuard {
    fn default() -> Self {
        Self { received: AtomicU64::new(0), allowed: AtomicU64::new(INITIAL) }
    }
}

impl FloodGuard {
    /// Notes that `n` more bytes have come; false where that is more than there can be reason for.
    pub(in crate::server) fn receive(&self, n: u64) -> bool {
        let received = self.received.load(Ordering::Relaxed).saturating_add(n);
        self.received.store(received, Ordering::Relaxed);
        received <= self.allowed.load(Ordering::Relaxed)
    }

    /// Pays in for a request whose head, were it not compressed, has `len` bytes.
    pub(in crate::server) fn credit_request(&self, len: u64) {
        self.allow(|sum| sum.saturating_add(len + PER_REQUEST));
    }

    /// Pays in for `n` bytes of a response.
    pub(in crate::server) fn credit_body(&self, n: u64) {
        self.allow(|sum| sum.saturating_add(n / BODY_RATIO));
    }

    /// Takes back what was paid in for a request with a head of `len` bytes that was taken back, and more.
    pub(in crate::server) fn debit_reset(&self, len: u64) {
        self.allow(|sum| sum.saturating_sub(len + PER_REQUEST + PER_RESET));
    }

    fn allow(&self, change: impl FnOnce(u64) -> u64) {
        self.allowed.store(change(self.allowed.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many times a client may do this, of a hundred thousand.
    fn lasts(once: impl Fn(&FloodGuard) -> bool) -> u64 {
        let guard = FloodGuard::default();
        (0..100_000).find(|_| !once(&guard)).unwrap_or(100_000)
    }

    #[test]
    fn what_is_about_nothing_comes_to_an_end_and_what_is_asked_for_does_not() {
        assert_eq!(lasts(|guard| guard.receive(17)), INITIAL / 17, "pings");
        let request = |guard: &FloodGuard, sent| {
            guard.credit_request(60);
            guard.receive(sent)
        };
        assert_eq!(
            lasts(|guard| request(guard, 100)),
            100_000,
            "requests, a little longer than what is in them"
        );
        let resets = lasts(|guard| {
            let is_fine = request(guard, 30);
            guard.debit_reset(60);
            guard.receive(13) && is_fine
        });
        assert!((900..1100).contains(&resets), "{resets} requests that are taken back");
        // Windows for each kilobyte of a megabyte, on the stream and on the connection.
        let download = |guard: &FloodGuard| {
            guard.credit_request(60);
            guard.credit_body(1 << 20);
            guard.receive(40 + 1024 * 26)
        };
        assert_eq!(lasts(download), 100_000);
    }
}
