//! What is recorded of one request and its response: what the access log tells and what is counted.

use std::net::IpAddr;
use std::time::Instant;

use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{Method, StatusCode, Uri, Version};

use crate::http::Link;
use crate::server::connection::bad_head::Refusal;

/// What lies between HTTP and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Transport {
    /// Nothing.
    Plain,
    /// TLS records, which are somewhat longer than their content.
    Tls,
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
    pub(in crate::server) logged: Option<LogFields>,
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
pub(in crate::server) struct LogFields {
    /// Absent where the head of the request could not be read.
    pub(in crate::server) asked: Option<RequestHead>,
    /// For whom the peer asks, where it is a proxy that is believed.
    pub(in crate::server) behind: Option<IpAddr>,
    /// What the link says of the version, where there is an asset.
    pub(in crate::server) link: Option<Link>,
    /// The `Cache-Control` of the answer.
    pub(in crate::server) policy: Option<HeaderValue>,
}

/// What the client wrote, shared.
#[derive(Debug)]
pub(in crate::server) struct RequestHead {
    pub(in crate::server) method: Method,
    pub(in crate::server) uri: Uri,
    pub(in crate::server) version: Version,
    pub(in crate::server) user_agent: Option<HeaderValue>,
}

impl LogFields {
    pub(in crate::server) fn of(head: &request::Parts, behind: Option<IpAddr>) -> Self {
        let asked = RequestHead {
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
    pub(in crate::server) fn of_rejected(refusal: &Refusal, is_logged: bool, written: u64) -> Self {
        let (len, body_len) = (refusal.response.len() as u64, refusal.body_len as u64);
        let now = Instant::now();
        Self {
            began: now,
            first_byte: Some(now),
            ended: now,
            status: Some(refusal.status),
            mount: None,
            logged: is_logged.then(|| LogFields { policy: refusal.policy.clone(), ..LogFields::default() }),
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
    pub(in crate::server) fn cut(&mut self, passed: u64, layer: Transport) {
        let passed = match layer {
            Transport::Plain => passed.saturating_sub(self.written_before),
            Transport::Tls => unsealed(passed.saturating_sub(self.written_before)),
        };
        self.sent = self.sent.min(passed.saturating_sub(self.head_len));
        // A response without a body is complete if its head went out. Of what is sealed, only a flush says that it all did.
        let head_left = passed >= self.head_len;
        self.completed &= layer == Transport::Plain && head_left && self.sent == self.meant;
    }
}

/// About how much of so many bytes of TLS is what is in the records: all are taken for whole ones, with header, content type
/// and tag of TLS 1.3 (RFC 8446 section 5.2).
fn unsealed(sealed: u64) -> u64 {
    const CONTENT: u64 = 1 << 14;
    const AROUND: u64 = 5 + 1 + 16;
    sealed - sealed.div_ceil(CONTENT + AROUND) * AROUND.min(sealed)
}
