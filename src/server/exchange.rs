//! One request and its response, from the head that came in to the last byte that went out: what the access log tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, StatusCode, Uri, Version};

use super::connection::Connection;

/// What is known of an exchange while it goes on. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Exchange {
    connection: Arc<Connection>,
    /// Absent where nobody is told, and while dropping.
    record: Option<Box<Record>>,
    /// When the response last moved, where it shares its connection with others.
    progress: Option<Arc<AtomicU64>>,
}

/// What the access log says of an exchange.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) user_agent: Option<HeaderValue>,
    /// `None` where the client left before there was an answer.
    pub(super) status: Option<StatusCode>,
    /// Bytes of the body that were to be sent.
    pub(super) meant: u64,
    /// Bytes of the body that were sent: handed to the operating system, or on HTTP/2 to the stream.
    pub(super) sent: u64,
    /// Whether all of it was.
    pub(super) completed: bool,
    /// How far the wire had got when the exchange began.
    pub(super) written_before: u64,
    /// Bytes of the response head on the wire; an estimate where hyper adds a field of its own.
    pub(super) head_len: u64,
}

impl Exchange {
    pub(super) fn begin(connection: Arc<Connection>, head: &request::Parts, now: Instant) -> Self {
        connection.begin();
        let record = connection.service().access_log.is_on().then(|| {
            Box::new(Record {
                began: now,
                ended: now,
                method: head.method.clone(),
                uri: head.uri.clone(),
                version: head.version,
                user_agent: head.headers.get(header::USER_AGENT).cloned(),
                status: None,
                meant: 0,
                sent: 0,
                completed: false,
                written_before: connection.written(),
                head_len: 0,
            })
        });
        Self { connection, record, progress: None }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Notes what the answer will be: from here on the exchange is the client's to take.
    pub(super) fn answer(&mut self, status: StatusCode, headers: &HeaderMap, body_len: u64) {
        self.connection.answered();
        if self.connection.is_multiplexed() {
            self.progress = Some(self.connection.watch_progress());
        }
        if let Some(record) = &mut self.record {
            record.status = Some(status);
            record.meant = body_len;
            if !self.connection.is_multiplexed() {
                record.head_len = length_of_head(status, headers);
            }
        }
    }

    /// Notes that the response waits for its store: until more is handed over, nobody waits for the client.
    pub(super) fn wait_for_store(&self) {
        if let Some(progress) = &self.progress {
            progress.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// Notes that `n` more bytes of the body were handed over.
    pub(super) fn hand_over(&mut self, n: usize) {
        if let Some(progress) = &self.progress {
            progress.store(self.connection.now(), Ordering::Relaxed);
        }
        if let Some(record) = &mut self.record {
            record.sent += n as u64;
        }
    }
}

fn length_of_head(status: StatusCode, headers: &HeaderMap) -> u64 {
    // `HTTP/1.1 200 OK`, the Date that hyper adds, and the empty line.
    let first = 9 + 4 + status.canonical_reason().map_or(0, str::len) + 2;
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (first + fields + 37 + 2) as u64
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let record = self.record.take().map(|mut record| {
            record.ended = Instant::now();
            record.completed = record.status.is_some() && record.sent == record.meant;
            record
        });
        self.connection.end(record);
    }
}

impl Record {
    /// This, now that all bytes have left.
    pub(super) fn flushed(mut self: Box<Self>) -> Box<Self> {
        if self.completed {
            self.ended = Instant::now();
        }
        self
    }

    /// This, where the connection ended when `written` bytes had passed over it.
    pub(super) fn cut(mut self: Box<Self>, written: u64) -> Box<Self> {
        let passed = written.saturating_sub(self.written_before + self.head_len);
        self.sent = self.sent.min(passed);
        // A response without a body is complete if its head went out.
        let head_left = written >= self.written_before + self.head_len;
        self.completed &= head_left && self.sent == self.meant;
        self
    }
}
