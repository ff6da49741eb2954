//! HTTP/2 flood protection: bounds what a client sends by what its requests and responses give it reason to send.
//!
//! HTTP/2 lets a client send pings, settings, window updates, frames of unknown types and requests that it cancels at once. They
//! cost the client less than the server, and HTTP/2 does not bound them (CVE-2019-9512, CVE-2019-9515, CVE-2023-44487). h2 bounds
//! the streams, the length of a head and its CONTINUATION frames (CVE-2024-27316), and small DATA frames; it answers everything
//! else as long as it comes. So each connection has an account: requests and response bytes are credited, received bytes debited.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that an HTTP/2 client may send without a request: pings, settings, empty frames, window updates, cancelled requests.
const INITIAL: u64 = 1 << 20;
/// Bytes that it may send for a request beyond the length of the head: frame headers, and window updates for the response.
const PER_REQUEST: u64 = 64;
/// Bytes that are debited for each cancelled request: more than a thousand of them without another request are too many (CVE-2023-44487, rapid
/// reset).
const PER_RESET: u64 = 1 << 10;
/// Bytes of a response that allow one more byte, for window updates. A client that sends them for every kilobyte, on the stream
/// and on the connection, needs one byte for forty.
const BODY_RATIO: u64 = 16;

/// The account of one connection. Only the connection's own core uses it.
#[derive(Debug)]
pub(in crate::server) struct FloodGuard {
    /// Bytes that the client has sent.
    received: AtomicU64,
    /// Bytes that it may have sent.
    allowed: AtomicU64,
}

impl Default for FloodGuard {
    fn default() -> Self {
        Self { received: AtomicU64::new(0), allowed: AtomicU64::new(INITIAL) }
    }
}

impl FloodGuard {
    /// Records that `n` more bytes were received; false if that is more than the client had reason to send.
    pub(in crate::server) fn receive(&self, n: u64) -> bool {
        let received = self.received.load(Ordering::Relaxed).saturating_add(n);
        self.received.store(received, Ordering::Relaxed);
        received <= self.allowed.load(Ordering::Relaxed)
    }

    /// Credits a request whose head has `len` bytes before compression.
    pub(in crate::server) fn credit_request(&self, len: u64) {
        self.allow(|sum| sum.saturating_add(len + PER_REQUEST));
    }

    /// Credits `n` bytes of a response.
    pub(in crate::server) fn credit_body(&self, n: u64) {
        self.allow(|sum| sum.saturating_add(n / BODY_RATIO));
    }

    /// Takes back the credit of a cancelled request with a head of `len` bytes, and a penalty.
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

    /// How many times, of a hundred thousand, a client may do this.
    fn lasts(once: impl Fn(&FloodGuard) -> bool) -> u64 {
        let guard = FloodGuard::default();
        (0..100_000).find(|_| !once(&guard)).unwrap_or(100_000)
    }

    #[test]
    fn frames_without_a_purpose_are_bounded_and_requests_are_not() {
        assert_eq!(lasts(|guard| guard.receive(17)), INITIAL / 17, "pings");
        let request = |guard: &FloodGuard, sent| {
            guard.credit_request(60);
            guard.receive(sent)
        };
        assert_eq!(lasts(|guard| request(guard, 100)), 100_000, "requests a little longer than their heads");
        let resets = lasts(|guard| {
            let is_fine = request(guard, 30);
            guard.debit_reset(60);
            guard.receive(13) && is_fine
        });
        assert!((900..1100).contains(&resets), "{resets} cancelled requests");
        // Window updates for each kilobyte of a megabyte, on the stream and on the connection.
        let download = |guard: &FloodGuard| {
            guard.credit_request(60);
            guard.credit_body(1 << 20);
            guard.receive(40 + 1024 * 26)
        };
        assert_eq!(lasts(download), 100_000);
    }
}
