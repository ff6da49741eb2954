//! One request and its answer over a connection of its own, bounded in time and size.
//!
//! Nothing is decompressed, followed or kept between requests. Where to connect to is told by [`look`](mod@super::probe).

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

/// How much patience there is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For all that is asked about a URL: 60 s.
    pub overall: Duration,
    /// For a name to be looked up, and again for a connection with its TLS: 10 s.
    pub connect: Duration,
    /// For an answer, from its request to the end of its body: 30 s.
    pub exchange: Duration,
    /// Of an answer's head, in bytes: 64 KiB.
    pub head: usize,
    /// Of an answer's body, in bytes: 101 MiB, which is more than WhatsApp takes of anything.
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

/// Header fields of an answer that are taken; a head with more of them is too large.
const MAX_FIELDS: usize = 200;

/// Where a server is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) is_https: bool,
    /// As it stands in the URL, brackets included.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) addresses: Vec<IpAddr>,
    /// For the request line: path and query, percent-encoded.
    pub(super) path_and_query: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) user_agent: Option<&'static str>,
    pub(super) fields: HeaderMap,
}

/// What becomes of the body of an answer with one of 200.
pub(super) enum Sink<'a> {
    /// It is not wanted.
    None,
    /// It is hashed.
    Hash,
    /// It is hashed and kept.
    File(&'a mut File),
}

/// An answer, and what was learnt of the server on the way to it.
pub(super) struct Exchanged {
    pub(super) answer: Answer,
    pub(super) handshake: Option<Handshake>,
    pub(super) dead_addresses: Vec<(IpAddr, String)>,
}

/// What went wrong: with the server, or with us.
pub(super) enum Trouble {
    /// Theirs; with what TLS showed before.
    Theirs(Failure, Option<Handshake>),
    /// Our own file could not be written.
    Ours(std::io::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Theirs(failure, None)
    }
}

/// Asks once. `may_go_on` is asked when TLS has shown its certificates, before anything is sent.
pub(super) async fn exchange(
    target: &Target,
    ask: Ask,
    sink: Sink<'_>,
    trust: Option<&Trust>,
    limits: &Limits,
    deadline: Instant,
    may_go_on: impl Fn(&Handshake) -> bool,
) -> Result<Exchanged, Trouble> {
    let began = Instant::now();
    let end = deadline.min(began + limits.exchange);
    let connecting = resolve::connect(&target.addresses, target.port, limits.connect);
    let connected = timeout_at(end, connecting).await.map_err(|_| Failure::ConnectTimeout)??;
    let dead_addresses = connected.dead;
    let answered = if target.is_https {
        let trust = trust.ok_or_else(|| Failure::Tls("there is nobody to trust".to_owned()))?;
        let tls_end = end.min(Instant::now() + limits.connect);
        let shaking = tls::handshake(connected.stream, &target.host, trust);
        let (stream, handshake) = timeout_at(tls_end, shaking)
            .await
            .map_err(|_| Failure::Tls("the handshake does not end".to_owned()))??;
        if !may_go_on(&handshake) {
            let failure =
                Failure::Tls("its certificate is not trusted, and this link is a secret".to_owned());
            return Err(Trouble::Theirs(failure, Some(handshake)));
        }
        match converse(stream, target, ask, sink, limits, (began, end)).await {
            Ok(answer) => (answer, Some(handshake)),
            Err(Trouble::Theirs(failure, _)) => return Err(Trouble::Theirs(failure, Some(handshake))),
            Err(ours) => return Err(ours),
        }
    } else {
        (converse(connected.stream, target, ask, sink, limits, (began, end)).await?, None)
    };
    Ok(Exchanged { answer: answered.0, handshake: answered.1, dead_addresses })
}

/// Speaks HTTP/1.1 over a connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    target: &Target,
    ask: Ask,
    sink: Sink<'_>,
    limits: &Limits,
    (began, end): (Instant, Instant),
) -> Result<Answer, Trouble> {
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_FIELDS).max_header_size(limits.head).max_buf_size(limits.head.max(8 << 10) * 2);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|e| failure(&e))?;
    let request = request(target, ask)?;
    let conversation = async {
        let response = timeout_at(end, sender.send_request(request))
            .await
            .map_err(|_| Failure::HeadTimeout)?
            .map_err(|e| failure(&e))?;
        let first_byte = began.elapsed();
        let (status, fields) = (response.status().as_u16(), response.headers().clone());
        let body = receive(response, sink, limits.body, end).await.map_err(Trouble::Ours)?;
        Ok(Answer { status, fields, first_byte, body })
    };
    alongside(conversation, connection).await
}

/// Drives a connection for as long as a conversation over it lasts.
async fn alongside<T>(conversation: impl Future<Output = T>, connection: impl Future) -> T {
    let (mut conversation, mut connection) = (pin!(conversation), pin!(connection));
    tokio::select! {
        biased;
        outcome = &mut conversation => outcome,
        // Its end shows in the conversation, with the reason.
        _ = &mut connection => conversation.await,
    }
}

fn request(target: &Target, ask: Ask) -> Result<Request<Empty<Bytes>>, Failure> {
    let refuse = |_| Failure::Malformed("the URL cannot be written into a request".to_owned());
    let is_usual = target.port == if target.is_https { 443 } else { 80 };
    let host = if is_usual { target.host.clone() } else { format!("{}:{}", target.host, target.port) };
    let mut request = Request::builder()
        .method(ask.method)
        .uri(target.path_and_query.as_str())
        .body(Empty::new())
        .map_err(refuse)?;
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::try_from(host).map_err(|_| refuse_host())?);
    fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(agent) = ask.user_agent {
        fields.insert(USER_AGENT, HeaderValue::from_static(agent));
    }
    fields.extend(ask.fields);
    Ok(request)
}

fn refuse_host() -> Failure {
    Failure::Malformed("the host cannot be written into a request".to_owned())
}

/// Takes the body of an answer: all of it, or none.
async fn receive(
    response: Response<Incoming>,
    sink: Sink<'_>,
    most: u64,
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
        // Trailers say nothing that we ask for.
        let Ok(data) = frame.into_data() else { continue };
        received += data.len() as u64;
        if received > most {
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

/// A body that was not asked for. Where there is none to read, that is known.
fn unread(response: &Response<Incoming>) -> Body {
    if response.body().is_end_stream() {
        Body { end: BodyEnd::Complete, ..Body::UNREAD }
    } else {
        Body::UNREAD
    }
}

/// What hyper met, as what it means here.
fn failure(error: &hyper::Error) -> Failure {
    if error.is_parse_too_large() {
        Failure::HeadTooLarge
    } else if error.is_parse() {
        Failure::Malformed(words(error))
    } else {
        Failure::Closed(words(error))
    }
}

/// An error with its causes.
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
