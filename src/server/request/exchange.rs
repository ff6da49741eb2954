//! One request and its response, from the received head to the last byte sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::header;
use hyper::http::request;
use hyper::{HeaderMap, StatusCode};

use super::record::{LogFields, Record};
use crate::asset::AssetPath;
use crate::http::Link;
use crate::server::connection::state::Connection;
use crate::server::connection::streams::Progress;
use crate::server::snapshot::Snapshot;

/// A request in progress. Dropping it ends it.
#[derive(Debug)]
pub(in crate::server) struct Exchange {
    connection: Arc<Connection>,
    /// `None` without access log and metrics, and while dropping.
    record: Option<Box<Record>>,
    /// On a multiplexed connection.
    progress: Option<Arc<Progress>>,
    /// Bytes of the request's head, on a multiplexed connection.
    request_len: u64,
    /// Bytes of the body that have not been passed to hyper; `None` before there is a response.
    left: Option<u64>,
}

impl Exchange {
    /// `forwarded_for` is the client behind a trusted proxy, `is_logged` whether there is an access log.
    pub(in crate::server) fn begin(
        connection: Arc<Connection>,
        head: &request::Parts,
        forwarded_for: Option<IpAddr>,
        is_logged: bool,
        now: Instant,
    ) -> Self {
        let request_len = if connection.is_multiplexed() { length_of_request(head) } else { 0 };
        connection.begin(request_len);
        let is_recorded = is_logged || connection.reporter().is_metered();
        let record = is_recorded.then(|| {
            Box::new(Record {
                started: now,
                first_byte: None,
                ended: now,
                status: None,
                mount: None,
                logged: is_logged.then(|| LogFields::of(head, forwarded_for)),
                length: 0,
                sent: 0,
                completed: false,
                is_flushed: false,
                written_before: connection.written(),
                head_len: 0,
            })
        });
        let progress = connection.begin_stream();
        Self { connection, record, progress, request_len, left: None }
    }

    pub(in crate::server) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Records which asset is requested.
    pub(in crate::server) fn set_path(&mut self, path: &AssetPath<'_>, snapshot: &Snapshot) {
        let is_metered = self.connection.reporter().is_metered();
        if let Some(record) = self.record.as_mut().filter(|_| is_metered) {
            record.mount = snapshot.counted_as(path);
        }
    }

    /// Records which version of the asset the link names.
    pub(in crate::server) fn set_link(&mut self, link: Link) {
        if let Some(logged) = self.record.as_mut().and_then(|record| record.logged.as_mut()) {
            logged.link = Some(link);
        }
    }

    /// Records the response: from here on the server waits for the client.
    pub(in crate::server) fn respond(&mut self, status: StatusCode, headers: &HeaderMap, body_len: u64) {
        self.connection.answered();
        self.left = Some(body_len);
        if let Some(progress) = &self.progress {
            progress.hand_over(0);
        }
        if let Some(record) = &mut self.record {
            record.status = Some(status);
            record.first_byte = Some(Instant::now());
            if let Some(logged) = &mut record.logged {
                logged.policy = headers.get(header::CACHE_CONTROL).cloned();
            }
            record.length = body_len;
            if !self.connection.is_multiplexed() {
                record.head_len = length_of_head(status, headers);
            }
        }
    }

    /// Records that the response waits for its store: until more bytes are there, the server does not wait for the client.
    pub(in crate::server) fn wait_for_store(&self) {
        if let Some(progress) = &self.progress {
            progress.wait_for_store();
        }
    }

    /// Records that `n` more bytes of the body were passed to hyper.
    pub(in crate::server) fn hand_over(&mut self, n: usize) {
        if let Some(progress) = &self.progress {
            progress.hand_over(n);
            self.connection.handed_over(n);
        }
        self.left = self.left.map(|left| left.saturating_sub(n as u64));
        if let Some(record) = &mut self.record {
            record.sent += n as u64;
        }
    }
}

/// Length of a request's head before compression, roughly.
fn length_of_request(head: &request::Parts) -> u64 {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (target + fields) as u64
}

fn length_of_head(status: StatusCode, headers: &HeaderMap) -> u64 {
    // The status line (`HTTP/1.1 200 OK`), the Date field that hyper adds, and the empty line.
    let first = 9 + 4 + status.canonical_reason().map_or(0, str::len) + 2;
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (first + fields + 37 + 2) as u64
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let record = self.record.take().map(|mut record| {
            record.ended = Instant::now();
            record.completed = record.status.is_some() && record.sent == record.length;
            record
        });
        if self.left != Some(0) && self.connection.is_multiplexed() {
            self.connection.cancelled(self.request_len);
        }
        self.connection.end(record);
    }
}
