//! Transcript of a probe: requests, responses and TLS handshakes, as plain data.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::whatsapp::link_cache::CacheHeaders;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};

use crate::asset::Digest;

/// All requests for one URL and their responses.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The URL as the user wrote it.
    pub link: String,
    /// When the probe began, by the clock of this machine.
    pub began: SystemTime,
    /// The addresses of the host; empty if the lookup found none.
    pub addresses: Vec<IpAddr>,
    /// Addresses that refused a connection although another accepted, each with the reason.
    pub dead_addresses: Vec<(IpAddr, String)>,
    /// The TLS handshake of the first connection; `None` without TLS.
    pub handshake: Option<Handshake>,
    /// The exchanges in order. The first is [`Probe::Fetch`].
    pub exchanges: Vec<Exchange>,
    /// The URL where its redirects end, if there are any, as far as they were followed.
    pub leads_to: Option<String>,
}

/// A request and its response.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub probe: Probe,
    /// The response, or why there was none.
    pub outcome: Result<Answer, Failure>,
}

/// The kinds of request in a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Probe {
    /// GET the way Meta's fetcher does, as `facebookexternalua`.
    Fetch,
    /// GET as `wamedia`.
    OtherAgent,
    /// GET without a `User-Agent`.
    NoAgent,
    /// HEAD.
    Head,
    /// GET with `Range: bytes=0-0`.
    FirstByte,
    /// GET with `Range: bytes=-1`.
    LastByte,
    /// GET with `If-None-Match` and the current entity tag.
    SameTag,
    /// GET with `If-None-Match` and an entity tag that the asset never had.
    OtherTag,
    /// GET with `If-Modified-Since` and the asset's `Last-Modified`.
    SameDate,
    /// GET with `Accept-Encoding: gzip, br`.
    Compressed,
    /// The first GET again, at the end.
    Again,
}

/// A response as it was received.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub fields: HeaderMap,
    /// Time from the start of the connection to the end of the response head.
    pub first_byte: Duration,
    /// The response body.
    pub body: Body,
}

/// A response body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Number of bytes received, without decompression.
    pub received: u64,
    /// SHA-256 of the bytes, if the body was read completely.
    pub digest: Option<Digest>,
    /// How the body ended.
    pub end: BodyEnd,
}

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEnd {
    /// Complete, as the head announced.
    Complete,
    /// Not read (any further).
    Unread,
    /// Cut off before the announced end, with the reason.
    Short(String),
    /// Still arriving when the timeout passed.
    OutOfTime,
    /// Over the size limit; reading stopped.
    TooLarge,
}

/// Why there was no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The DNS lookup found no address.
    Lookup(String),
    /// No address accepted a connection.
    Connect(String),
    /// No address accepted a connection before the timeout.
    ConnectTimeout,
    /// This machine has no route to the address, which says nothing about the server.
    NoRoute(String),
    /// The TLS handshake failed.
    Tls(String),
    /// The response head did not arrive before the timeout.
    HeadTimeout,
    /// The response head was over the size limit.
    HeadTooLarge,
    /// The response was not HTTP.
    Malformed(String),
    /// The connection closed before a complete response head.
    Closed(String),
}

/// The result of a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The certificates that the server sent, its own first.
    pub chain: Vec<Certificate>,
    /// Why this machine does not trust them, if it does not.
    pub fault: Option<ChainFault>,
}

/// The relevant fields of a certificate. The names are untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Host names and IP addresses (subject alternative names).
    pub names: Vec<String>,
    /// Start of its validity.
    pub not_before: SystemTime,
    /// End of its validity.
    pub not_after: SystemTime,
}

/// Why a chain of certificates is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// A certificate has expired.
    Expired,
    /// A certificate is not valid yet.
    NotYetValid,
    /// The certificate does not cover the host name.
    WrongName,
    /// The certificate is self-signed.
    SelfSigned,
    /// The chain ends before a trusted authority: an intermediate certificate is missing.
    Incomplete,
    /// The chain ends at an authority that is not trusted.
    UnknownIssuer,
    /// Anything else, in the words of the TLS library.
    Other(String),
}

impl Transcript {
    /// The response to a probe, if there was one.
    pub fn answer(&self, probe: Probe) -> Option<&Answer> {
        self.outcome(probe)?.as_ref().ok()
    }

    /// The outcome of a probe; `None` if it was not sent.
    pub fn outcome(&self, probe: Probe) -> Option<&Result<Answer, Failure>> {
        self.exchanges.iter().find(|exchange| exchange.probe == probe).map(|exchange| &exchange.outcome)
    }
}

impl Answer {
    /// The headers that WhatsApp's link cache reads.
    pub fn cache_headers(&self) -> CacheHeaders {
        let [policy, date, tag] = [&CACHE_CONTROL, &LAST_MODIFIED, &ETAG].map(|name| self.field(name));
        CacheHeaders::of(policy.as_deref(), date.as_deref(), tag.as_deref())
    }

    /// The value of a header field, its lines joined (RFC 9110 section 5.2). Bytes that are not UTF-8 are replaced.
    pub fn field(&self, name: &HeaderName) -> Option<String> {
        let mut lines = self.fields.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        let first = lines.next()?.trim().to_owned();
        Some(lines.fold(first, |joined, line| joined + ", " + line.trim()))
    }

    /// The value of `Content-Length`, if it is a number.
    pub fn length(&self) -> Option<u64> {
        self.field(&hyper::header::CONTENT_LENGTH)?.parse().ok()
    }
}

impl Body {
    /// A body that was not read.
    pub const UNREAD: Self = Self { received: 0, digest: None, end: BodyEnd::Unread };
}

impl Probe {
    /// The request in words, for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "GET as facebookexternalua",
            Self::OtherAgent => "GET as wamedia",
            Self::NoAgent => "GET without a User-Agent",
            Self::Head => "HEAD",
            Self::FirstByte => "GET with Range: bytes=0-0",
            Self::LastByte => "GET with Range: bytes=-1",
            Self::SameTag => "GET with If-None-Match and its own ETag",
            Self::OtherTag => "GET with If-None-Match and another ETag",
            Self::SameDate => "GET with If-Modified-Since and its own Last-Modified",
            Self::Compressed => "GET with Accept-Encoding: gzip, br",
            Self::Again => "GET again",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(reason) => write!(f, "DNS lookup failed: {reason}"),
            Self::Connect(reason) => write!(f, "connection failed: {reason}"),
            Self::ConnectTimeout => f.write_str("connection timed out"),
            Self::NoRoute(reason) => write!(f, "this machine has no route to it: {reason}"),
            Self::Tls(reason) => write!(f, "TLS handshake failed: {reason}"),
            Self::HeadTimeout => f.write_str("timed out waiting for the response"),
            Self::HeadTooLarge => f.write_str("the response head is too large"),
            Self::Malformed(reason) => write!(f, "the response is not HTTP: {reason}"),
            Self::Closed(reason) => write!(f, "connection closed before the response: {reason}"),
        }
    }
}
