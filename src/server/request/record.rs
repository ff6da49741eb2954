//! Record of a request, which the access log and the metrics share.

use std::net::IpAddr;
use std::time::Instant;

use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{Method, StatusCode, Uri, Version};

use crate::http::Link;
use crate::server::connection::bad_head::ErrorResponse;

/// What lies between HTTP and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Transport {
    /// Nothing.
    Plain,
    /// TLS records, which are somewhat longer than their content.
    Tls,
}

/// What is recorded of a request and its response.
#[derive(Debug)]
pub(in crate::server) struct Record {
    pub(in crate::server) started: Instant,
    /// When the head of the response, and the part of its body that was available, went to the connection.
    pub(in crate::server) first_byte: Option<Instant>,
    pub(in crate::server) ended: Instant,
    /// `None` if the client disconnected before there was a response.
    pub(in crate::server) status: Option<StatusCode>,
    /// The number under which the asset's mount is counted, if it has one.
    pub(in crate::server) mount: Option<usize>,
    /// What only the access log needs; `None` without one.
    pub(in crate::server) logged: Option<LogFields>,
    /// Bytes of the body to be sent.
    pub(in crate::server) length: u64,
    /// Bytes of the body that were sent: passed to the operating system, or on HTTP/2 to the stream.
    pub(in crate::server) sent: u64,
    /// Whether all of them were.
    pub(in crate::server) completed: bool,
    /// Whether the connection has written all of it.
    pub(in crate::server) is_flushed: bool,
    /// Bytes that the connection had written when the request began.
    pub(in crate::server) written_before: u64,
    /// Bytes of the response head as sent; an estimate, because hyper adds a field of its own.
    pub(in crate::server) head_len: u64,
}

/// What only the access log needs: sharing it costs something for each request.
#[derive(Debug, Default)]
pub(in crate::server) struct LogFields {
    /// `None` if the head of the request could not be parsed.
    pub(in crate::server) head: Option<RequestHead>,
    /// The client behind a trusted proxy.
    pub(in crate::server) forwarded_for: Option<IpAddr>,
    /// Which version the link names, if there is an asset.
    pub(in crate::server) link: Option<Link>,
    /// The `Cache-Control` of the response.
    pub(in crate::server) policy: Option<HeaderValue>,
}

/// What the client sent. It shares the buffer of the head.
#[derive(Debug)]
pub(in crate::server) struct RequestHead {
    pub(in crate::server) method: Method,
    pub(in crate::server) uri: Uri,
    pub(in crate::server) version: Version,
    pub(in crate::server) user_agent: Option<HeaderValue>,
}

impl LogFields {
    pub(in crate::server) fn of(head: &request::Parts, forwarded_for: Option<IpAddr>) -> Self {
        let head = RequestHead {
            method: head.method.clone(),
            uri: head.uri.clone(),
            version: head.version,
            user_agent: head.headers.get(header::USER_AGENT).cloned(),
        };
        Self { head: Some(head), forwarded_for, link: None, policy: None }
    }
}

impl Record {
    /// Of a request whose head cannot be parsed and is answered with `error` now, after `written` bytes on the connection.
    pub(in crate::server) fn of_rejected(error: &ErrorResponse, is_logged: bool, written: u64) -> Self {
        let (len, body_len) = (error.bytes.len() as u64, error.body_len as u64);
        let now = Instant::now();
        Self {
            started: now,
            first_byte: Some(now),
            ended: now,
            status: Some(error.status),
            mount: None,
            logged: is_logged.then(|| LogFields { policy: error.policy.clone(), ..LogFields::default() }),
            length: body_len,
            sent: body_len,
            completed: true,
            is_flushed: true,
            written_before: written,
            head_len: len - body_len,
        }
    }

    /// Records that the connection has written everything.
    pub(in crate::server) fn flushed(&mut self) {
        self.is_flushed = true;
        if self.completed {
            self.ended = Instant::now();
        }
    }

    /// Records that the connection was closed after the client had received `received` bytes over it.
    pub(in crate::server) fn cut(&mut self, received: u64, transport: Transport) {
        let received = match transport {
            Transport::Plain => received.saturating_sub(self.written_before),
            Transport::Tls => plaintext_len(received.saturating_sub(self.written_before)),
        };
        self.sent = self.sent.min(received.saturating_sub(self.head_len));
        // A response without a body is complete if its head was sent. Over TLS, only a flush shows that everything was.
        let head_was_sent = received >= self.head_len;
        self.completed &= transport == Transport::Plain && head_was_sent && self.sent == self.length;
    }
}

/// Roughly how many of these bytes of TLS are content: all records are taken for full ones, with the header, content type and tag
/// of TLS 1.3 (RFC 8446 section 5.2).
fn plaintext_len(tls_len: u64) -> u64 {
    const CONTENT: u64 = 1 << 14;
    const OVERHEAD: u64 = 5 + 1 + 16;
    tls_len - tls_len.div_ceil(CONTENT + OVERHEAD) * OVERHEAD.min(tls_len)
}
