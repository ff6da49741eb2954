//! One request and its response, from the head that came in to the last byte that went out.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::header;
use hyper::http::request;
use hyper::{HeaderMap, StatusCode};

use super::record::{LogFields, Record};
use crate::asset::AssetPath;
use crate::http::Link;
use crate::server::connection::state::Connection;
use crate::server::snapshot::Snapshot;

/// What is known of an exchange while it goes on. Dropping it ends it.
#[derive(Debug)]
pub(in crate::server) struct Exchange {
    connection: Arc<Connection>,
    /// Absent where nobody is told, and while dropping.
    record: Option<Box<Record>>,
    /// When the response last moved, where it shares its connection with others.
    progress: Option<Arc<AtomicU64>>,
    /// Bytes of the request's head, where it shares its connection with others.
    asked: u64,
    /// Bytes of the body that have not been handed over; `None` where there is no answer yet.
    left: Option<u64>,
}

impl Exchange {
    /// `behind` is for whom the peer asks, and `is_logged` whether the access log is told of it.
    pub(in crate::server) fn begin(
        connection: Arc<Connection>,
        head: &request::Parts,
        behind: Option<IpAddr>,
        is_logged: bool,
        now: Instant,
    ) -> Self {
        let asked = if connection.is_multiplexed() { length_of_request(head) } else { 0 };
        connection.begin(asked);
        let is_told = is_logged || connection.reporter().is_metered();
        let record = is_told.then(|| {
            Box::new(Record {
                began: now,
                first_byte: None,
                ended: now,
                status: None,
                mount: None,
                logged: is_logged.then(|| LogFields::of(head, behind)),
                meant: 0,
                sent: 0,
                completed: false,
                has_left: false,
                written_before: connection.written(),
                head_len: 0,
            })
        });
        Self { connection, record, progress: None, asked, left: None }
    }

    pub(in crate::server) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Notes which asset is asked for.
    pub(in crate::server) fn is_for(&mut self, path: &AssetPath<'_>, snapshot: &Snapshot) {
        let is_metered = self.connection.reporter().is_metered();
        if let Some(record) = self.record.as_mut().filter(|_| is_metered) {
            record.mount = snapshot.counted_as(path);
        }
    }

    /// Notes what the link of the request says of the asset's version.
    pub(in crate::server) fn linked_by(&mut self, link: Link) {
        if let Some(logged) = self.record.as_mut().and_then(|record| record.logged.as_mut()) {
            logged.link = Some(link);
        }
    }

    /// Notes what the answer will be: from here on the exchange is the client's to take.
    pub(in crate::server) fn answer(&mut self, status: StatusCode, headers: &HeaderMap, body_len: u64) {
        self.connection.answered();
        self.left = Some(body_len);
        if self.connection.is_multiplexed() {
            self.progress = Some(self.connection.watch_progress());
        }
        if let Some(record) = &mut self.record {
            record.status = Some(status);
            record.first_byte = Some(Instant::now());
            if let Some(logged) = &mut record.logged {
                logged.policy = headers.get(header::CACHE_CONTROL).cloned();
            }
            record.meant = body_len;
            if !self.connection.is_multiplexed() {
                record.head_len = length_of_head(status, headers);
            }
        }
    }

    /// Notes that the response waits for its store: until more is handed over, nobody waits for the client.
    pub(in crate::server) fn wait_for_store(&self) {
        if let Some(progress) = &self.progress {
            progress.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// Notes that `n` more bytes of the body were handed over.
    pub(in crate::server) fn hand_over(&mut self, n: usize) {
        if let Some(progress) = &self.progress {
            progress.store(self.connection.now(), Ordering::Relaxed);
            self.connection.handed_over(n);
        }
        self.left = self.left.map(|left| left.saturating_sub(n as u64));
        if let Some(record) = &mut self.record {
            record.sent += n as u64;
        }
    }
}

/// About what the head of a request takes before it is compressed.
fn length_of_request(head: &request::Parts) -> u64 {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (target + fields) as u64
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
        if self.left != Some(0) && self.connection.is_multiplexed() {
            self.connection.cancelled(self.asked);
        }
        self.connection.end(record);
    }
}
