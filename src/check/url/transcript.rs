//! What a server was asked about a URL, and what came: plain data, which nothing here judges.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::whatsapp::link_cache::CacheHeaders;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};

use crate::asset::Digest;

/// All that was asked about one URL, and all that came.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The URL, as it was given.
    pub link: String,
    /// When the looking began, by the clock of this machine.
    pub began: SystemTime,
    /// The addresses of its host; empty where it has none that could be found.
    pub addresses: Vec<IpAddr>,
    /// Addresses that took no connection although another of them did, each with the reason.
    pub dead_addresses: Vec<(IpAddr, String)>,
    /// What the TLS handshake of the first connection showed; `None` without TLS.
    pub handshake: Option<Handshake>,
    /// What was asked, in its order. The first is [`Probe::Fetch`].
    pub exchanges: Vec<Exchange>,
    /// Where its redirects end, if it has any, as far as they were followed.
    pub leads_to: Option<String>,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub probe: Probe,
    /// What came.
    pub outcome: Result<Answer, Failure>,
}

/// The requests that are made, each for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Probe {
    /// GET in the way of the fetcher, as `facebookexternalua`.
    Fetch,
    /// GET under our own name.
    OtherAgent,
    /// GET without a `User-Agent`.
    NoAgent,
    /// HEAD.
    Head,
    /// GET with `Range: bytes=0-0`.
    FirstByte,
    /// GET with `Range: bytes=-1`.
    LastByte,
    /// GET with `If-None-Match` and the entity tag that it has.
    SameTag,
    /// GET with `If-None-Match` and an entity tag that it cannot have.
    OtherTag,
    /// GET with `If-Modified-Since` and its own date.
    SameDate,
    /// GET with `Accept-Encoding: gzip, br`.
    Compressed,
    /// The first GET again, at the end.
    Again,
}

/// An answer, as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub fields: HeaderMap,
    /// From the beginning of the connection to the end of the head.
    pub first_byte: Duration,
    /// What followed the head.
    pub body: Body,
}

/// What followed the head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Bytes that came, as they came: nothing is decompressed.
    pub received: u64,
    /// Their SHA-256, where all of them were read.
    pub digest: Option<Digest>,
    /// How it ended.
    pub end: BodyEnd,
}

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEnd {
    /// As its head said.
    Complete,
    /// We did not want (more of) it.
    Unread,
    /// Before the end that its head promised, and why.
    Short(String),
    /// It was still coming when our time was over.
    OutOfTime,
    /// It was more than anybody takes, and we stopped.
    TooLarge,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The host's name leads to no address.
    Lookup(String),
    /// No address took a connection.
    Connect(String),
    /// No address took a connection in time.
    ConnectTimeout,
    /// There is no way from this machine to the address, which says nothing of the server.
    NoRoute(String),
    /// No agreement on TLS.
    Tls(String),
    /// The head of the answer did not come in time.
    HeadTimeout,
    /// The head of the answer was longer than anybody takes.
    HeadTooLarge,
    /// What came was no HTTP.
    Malformed(String),
    /// The connection ended before the head of an answer.
    Closed(String),
}

/// What a TLS handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The certificates that the server sent, its own first.
    pub chain: Vec<Certificate>,
    /// Why this machine does not trust them.
    pub fault: Option<ChainFault>,
}

/// What matters of a certificate. Its names are the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// From when it holds.
    pub not_before: SystemTime,
    /// Until when it holds.
    pub not_after: SystemTime,
}

/// Why a chain of certificates is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// A certificate has expired.
    Expired,
    /// A certificate does not hold yet.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// The server signed its certificate itself.
    SelfSigned,
    /// The chain ends before it reaches anybody who is trusted: a certificate in between is missing.
    Incomplete,
    /// The chain ends with an authority that is not trusted.
    UnknownIssuer,
    /// Anything else, in the words of the TLS library.
    Other(String),
}

impl Transcript {
    /// The answer to a probe, where there was one.
    pub fn answer(&self, probe: Probe) -> Option<&Answer> {
        self.outcome(probe)?.as_ref().ok()
    }

    /// What became of a probe; `None` where it was not made.
    pub fn outcome(&self, probe: Probe) -> Option<&Result<Answer, Failure>> {
        self.exchanges.iter().find(|exchange| exchange.probe == probe).map(|exchange| &exchange.outcome)
    }
}

impl Answer {
    /// What it says to WhatsApp's link cache.
    pub fn cache_headers(&self) -> CacheHeaders {
        let [policy, date, tag] = [&CACHE_CONTROL, &LAST_MODIFIED, &ETAG].map(|name| self.field(name));
        CacheHeaders::of(policy.as_deref(), date.as_deref(), tag.as_deref())
    }

    /// The value of a field, its lines joined (RFC 9110 section 5.2); what is not UTF-8 in it is replaced.
    pub fn field(&self, name: &HeaderName) -> Option<String> {
        let mut lines = self.fields.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        let first = lines.next()?.trim().to_owned();
        Some(lines.fold(first, |joined, line| joined + ", " + line.trim()))
    }

    /// What `Content-Length` says, where it is a number.
    pub fn length(&self) -> Option<u64> {
        self.field(&hyper::header::CONTENT_LENGTH)?.parse().ok()
    }
}

impl Body {
    /// A body of which nothing was read.
    pub const UNREAD: Self = Self { received: 0, digest: None, end: BodyEnd::Unread };
}

impl Probe {
    /// What is sent, as a person writes it.
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
            Self::Lookup(reason) => write!(f, "the host has no address: {reason}"),
            Self::Connect(reason) => write!(f, "no connection: {reason}"),
            Self::ConnectTimeout => f.write_str("no connection in time"),
            Self::NoRoute(reason) => write!(f, "this machine has no way there: {reason}"),
            Self::Tls(reason) => write!(f, "no agreement on TLS: {reason}"),
            Self::HeadTimeout => f.write_str("no answer in time"),
            Self::HeadTooLarge => f.write_str("the head of the answer does not end"),
            Self::Malformed(reason) => write!(f, "what came is no HTTP: {reason}"),
            Self::Closed(reason) => write!(f, "the connection ended before an answer: {reason}"),
        }
    }
}
