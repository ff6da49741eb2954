//! HTTP client for one request on one connection, with limits on time and size.
//!
//! It does not decompress, follow redirects or keep state between requests. [`probe`](mod@super::probe) chooses the target.

use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::resolve;
use super::tls::{self, Trust};
use super::transcript::{Answer, Body, BodyEnd, Failure, Handshake};
use crate::asset::Digest;

/// Time and size limits of a probe.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Timeout for all requests about one URL. Default 60 s.
    pub overall: Duration,
    /// Timeout for the DNS lookup, and again for connecting, and again for the TLS handshake. Default 10 s.
    pub connect: Duration,
    /// Timeout for one request, from connecting to the end of the response body. Default 30 s.
    pub exchange: Duration,
    /// Maximum size of a response head, in bytes. Default 64 KiB.
    pub head: usize,
    /// Maximum size of a response body, in bytes. Default 101 MiB, which is more than any limit of WhatsApp's.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            overall: Duration::from_mins(1),
            connect: Duration::from_secs(10),
            exchange: Duration::from_secs(30),
            head: 64 << 10,
            body: 101 << 20,
        }
    }
}

/// Maximum number of header fields in a response; a head with more counts as too large.
const MAX_FIELDS: usize = 200;

/// The server and resource that a request goes to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) is_https: bool,
    /// Host as in the URL, with the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) addresses: Vec<IpAddr>,
    /// Path and query for the request line, percent-encoded.
    pub(super) path_and_query: String,
}

/// The variable parts of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestParts {
    pub(super) method: Method,
    pub(super) user_agent: Option<&'static str>,
    pub(super) fields: HeaderMap,
}

/// What to do with the body of a 200 response.
pub(super) enum Sink<'a> {
    /// Do not read it.
    None,
    /// Hash it.
    Hash,
    /// Hash it and write it to a file.
    File(&'a mut File),
}

/// A response, with its TLS handshake and the addresses that failed.
pub(super) struct Exchanged {
    pub(super) answer: Answer,
    pub(super) handshake: Option<Handshake>,
    pub(super) dead_addresses: Vec<(IpAddr, String)>,
}

/// Why a request failed: through the server, or on this machine.
pub(super) enum ExchangeError {
    /// The server's fault, with the TLS handshake if there was one.
    Server(Failure, Option<Handshake>),
    /// The file for the body could not be written.
    Local(std::io::Error),
}

impl From<Failure> for ExchangeError {
    fn from(failure: Failure) -> Self {
        Self::Server(failure, None)
    }
}

/// Sends one request. `may_continue` decides after the TLS handshake, before anything is sent.
pub(super) async fn exchange(
    target: &Target,
    parts: RequestParts,
    sink: Sink<'_>,
    trust: Option<&Trust>,
    limits: &Limits,
    deadline: Instant,
    may_continue: impl Fn(&Handshake) -> bool,
) -> Result<Exchanged, ExchangeError> {
    let began = Instant::now();
    let end = deadline.min(began + limits.exchange);
    let connecting = resolve::connect(&target.addresses, target.port, limits.connect);
    let connected = timeout_at(end, connecting).await.map_err(|_| Failure::ConnectTimeout)??;
    let dead_addresses = connected.dead;
    let answered = if target.is_https {
        let trust = trust.ok_or_else(|| Failure::Tls("no trusted certificate authorities".to_owned()))?;
        let tls_end = end.min(Instant::now() + limits.connect);
        let shaking = tls::handshake(connected.stream, &target.host, trust);
        let (stream, handshake) = timeout_at(tls_end, shaking)
            .await
            .map_err(|_| Failure::Tls("handshake timed out".to_owned()))??;
        if !may_continue(&handshake) {
            let failure = Failure::Tls("the certificate is not trusted, and the link is secret".to_owned());
            return Err(ExchangeError::Server(failure, Some(handshake)));
        }
        match send(stream, target, parts, sink, limits, (began, end)).await {
            Ok(answer) => (answer, Some(handshake)),
            Err(ExchangeError::Server(failure, _)) => {
                return Err(ExchangeError::Server(failure, Some(handshake)));
            }
            Err(ours) => return Err(ours),
        }
    } else {
        (send(connected.stream, target, parts, sink, limits, (began, end)).await?, None)
    };
    Ok(Exchanged { answer: answered.0, handshake: answered.1, dead_addresses })
}

/// Sends a request over HTTP/1.1 and reads the response.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    target: &Target,
    parts: RequestParts,
    sink: Sink<'_>,
    limits: &Limits,
    (began, end): (Instant, Instant),
) -> Result<Answer, ExchangeError> {
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_FIELDS).max_header_size(limits.head).max_buf_size(limits.head.max(8 << 10) * 2);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|e| failure(&e))?;
    let request = request(target, parts)?;
    let sending = async {
        let response = timeout_at(end, sender.send_request(request))
            .await
            .map_err(|_| Failure::HeadTimeout)?
            .map_err(|e| failure(&e))?;
        let first_byte = began.elapsed();
        let (status, fields) = (response.status().as_u16(), response.headers().clone());
        let body = receive(response, sink, limits.body, end).await.map_err(ExchangeError::Local)?;
        Ok(Answer { status, fields, first_byte, body })
    };
    drive(sending, connection).await
}

/// Drives a connection while the exchange on it runs.
async fn drive<T>(sending: impl Future<Output = T>, connection: impl Future) -> T {
    let (mut sending, mut connection) = (pin!(sending), pin!(connection));
    tokio::select! {
        biased;
        outcome = &mut sending => outcome,
        // If the connection ends, the exchange fails with the reason.
        _ = &mut connection => sending.await,
    }
}

fn request(target: &Target, parts: RequestParts) -> Result<Request<Empty<Bytes>>, Failure> {
    let invalid = |_| Failure::Malformed("the URL is not valid in a request line".to_owned());
    let is_usual = target.port == if target.is_https { 443 } else { 80 };
    let host = if is_usual { target.host.clone() } else { format!("{}:{}", target.host, target.port) };
    let mut request = Request::builder()
        .method(parts.method)
        .uri(target.path_and_query.as_str())
        .body(Empty::new())
        .map_err(invalid)?;
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::try_from(host).map_err(|_| invalid_host())?);
    fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(agent) = parts.user_agent {
        fields.insert(USER_AGENT, HeaderValue::from_static(agent));
    }
    fields.extend(parts.fields);
    Ok(request)
}

fn invalid_host() -> Failure {
    Failure::Malformed("the host is not valid in a Host header".to_owned())
}

/// Reads the response body into the sink.
async fn receive(
    response: Response<Incoming>,
    sink: Sink<'_>,
    max: u64,
    end: Instant,
) -> std::io::Result<Body> {
    let mut file = match sink {
        _ if response.status() != 200 => return Ok(unread(&response)),
        Sink::None => return Ok(unread(&response)),
        Sink::Hash => None,
        Sink::File(file) => Some(file),
    };
    let mut body = response.into_body();
    let (mut received, mut hash) = (0, Sha256::new());
    let end = loop {
        let frame = match timeout_at(end, body.frame()).await {
            Err(_) => break BodyEnd::OutOfTime,
            Ok(None) => break BodyEnd::Complete,
            Ok(Some(Err(e))) => break BodyEnd::Short(words(&e)),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers have nothing that a check uses.
        let Ok(data) = frame.into_data() else { continue };
        received += data.len() as u64;
        if received > max {
            break BodyEnd::TooLarge;
        }
        hash.update(&data);
        if let Some(file) = &mut file {
            file.write_all(&data)?;
        }
    };
    let digest = (end == BodyEnd::Complete).then(|| Digest::new(hash.finalize().into()));
    Ok(Body { received, digest, end })
}

/// A body that is not read. Complete if there is nothing to read.
fn unread(response: &Response<Incoming>) -> Body {
    if response.body().is_end_stream() {
        Body { end: BodyEnd::Complete, ..Body::UNREAD }
    } else {
        Body::UNREAD
    }
}

/// Maps an error of hyper to a failure.
fn failure(error: &hyper::Error) -> Failure {
    if error.is_parse_too_large() {
        Failure::HeadTooLarge
    } else if error.is_parse() {
        Failure::Malformed(words(error))
    } else {
        Failure::Closed(words(error))
    }
}

/// An error with its chain of causes.
fn words(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text += ": ";
        text += &next.to_string();
        cause = next.source();
    }
    text
}
