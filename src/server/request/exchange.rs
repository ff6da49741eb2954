//! One request and its response, from the head that came in to the last byte that went out: what the access log tells and
//! what is counted.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, StatusCode, Uri, Version};

use crate::asset::AssetPath;
use crate::http::Link;
use crate::server::connection::bad_head::Refusal;
use crate::server::connection::state::{Connection, Layer};
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

/// What is told of an exchange.
#[derive(Debug)]
pub(in crate::server) struct Record {
    pub(in crate::server) began: Instant,
    /// When the head of the answer, and what of its body was at hand, went to the connection.
    pub(in crate::server) first_byte: Option<Instant>,
    pub(in crate::server) ended: Instant,
    /// `None` where the client left before there was an answer.
    pub(in crate::server) status: Option<StatusCode>,
    /// Under which number the mount that the asset lies in is counted, where it is.
    pub(in crate::server) mount: Option<usize>,
    /// What the access log alone tells; absent where there is none.
    pub(in crate::server) logged: Option<Logged>,
    /// Bytes of the body that were to be sent.
    pub(in crate::server) meant: u64,
    /// Bytes of the body that were sent: handed to the operating system, or on HTTP/2 to the stream.
    pub(in crate::server) sent: u64,
    /// Whether all of it was.
    pub(in crate::server) completed: bool,
    /// Whether the connection has nothing more of it to write.
    pub(in crate::server) has_left: bool,
    /// How far the wire had got when the exchange began.
    pub(in crate::server) written_before: u64,
    /// Bytes of the response head on the wire; an estimate where hyper adds a field of its own.
    pub(in crate::server) head_len: u64,
}

/// What is told of an exchange in the access log alone: to share it costs each request something.
#[derive(Debug, Default)]
pub(in crate::server) struct Logged {
    /// Absent where the head of the request could not be read.
    pub(in crate::server) asked: Option<Asked>,
    /// For whom the peer asks, where it is a proxy that is believed.
    pub(in crate::server) behind: Option<IpAddr>,
    /// What the link says of the version, where there is an asset.
    pub(in crate::server) link: Option<Link>,
    /// The `Cache-Control` of the answer.
    pub(in crate::server) policy: Option<HeaderValue>,
}

/// What the client wrote, shared.
#[derive(Debug)]
pub(in crate::server) struct Asked {
    pub(in crate::server) method: Method,
    pub(in crate::server) uri: Uri,
    pub(in crate::server) version: Version,
    pub(in crate::server) user_agent: Option<HeaderValue>,
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
        let is_told = is_logged || connection.service().is_metered;
        let record = is_told.then(|| {
            Box::new(Record {
                began: now,
                first_byte: None,
                ended: now,
                status: None,
                mount: None,
                logged: is_logged.then(|| Logged::of(head, behind)),
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
    pub(in crate::server) fn is_for(&mut self, path: &AssetPath<'_>, live: &Snapshot) {
        let is_metered = self.connection.service().is_metered;
        if let Some(record) = self.record.as_mut().filter(|_| is_metered) {
            record.mount = live.counted_as(path);
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
            self.connection.taken_back(self.asked);
        }
        self.connection.end(record);
    }
}

impl Logged {
    fn of(head: &request::Parts, behind: Option<IpAddr>) -> Self {
        let asked = Asked {
            method: head.method.clone(),
            uri: head.uri.clone(),
            version: head.version,
            user_agent: head.headers.get(header::USER_AGENT).cloned(),
        };
        Self { asked: Some(asked), behind, link: None, policy: None }
    }
}

impl Record {
    /// Of a request whose head cannot be read and is answered with `refusal` now, when the wire has got as far as `written`.
    pub(in crate::server) fn of_refused(refusal: &Refusal, is_logged: bool, written: u64) -> Self {
        let (len, body_len) = (refusal.response.len() as u64, refusal.body_len as u64);
        let now = Instant::now();
        Self {
            began: now,
            first_byte: Some(now),
            ended: now,
            status: Some(refusal.status),
            mount: None,
            logged: is_logged.then(|| Logged { policy: refusal.policy.clone(), ..Logged::default() }),
            meant: body_len,
            sent: body_len,
            completed: true,
            has_left: true,
            written_before: written,
            head_len: len - body_len,
        }
    }

    /// All bytes have left.
    pub(in crate::server) fn leave(&mut self) {
        self.has_left = true;
        if self.completed {
            self.ended = Instant::now();
        }
    }

    /// The connection ended when `passed` bytes had passed over it.
    pub(in crate::server) fn cut(&mut self, passed: u64, layer: Layer) {
        let passed = match layer {
            Layer::Plain => passed.saturating_sub(self.written_before),
            Layer::Tls => unsealed(passed.saturating_sub(self.written_before)),
        };
        self.sent = self.sent.min(passed.saturating_sub(self.head_len));
        // A response without a body is complete if its head went out. Of what is sealed, only a flush says that it all did.
        let head_left = passed >= self.head_len;
        self.completed &= layer == Layer::Plain && head_left && self.sent == self.meant;
    }
}

/// About how much of so many bytes of TLS is what is in the records: all are taken for whole ones, with header, content type
/// and tag of TLS 1.3 (RFC 8446 section 5.2).
fn unsealed(sealed: u64) -> u64 {
    const CONTENT: u64 = 1 << 14;
    const AROUND: u64 = 5 + 1 + 16;
    sealed - sealed.div_ceil(CONTENT + AROUND) * AROUND.min(sealed)
}
