//! From a request to its response. What HTTP says of an asset is decided in [`crate::http`]; here is what a server says
//! before there is an asset, and where the bytes come from.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tokio_util::either::Either;

use super::body::{Part, ResponseBody};
use super::connection::Connection;
use super::exchange::Exchange;
use crate::asset::{AssetPath, PathError};
use crate::http::{self, Answer, Decision, Link, Payload};
use crate::store::{Ask, Content, Opened, StoreError};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// An answer, and how the bytes that it speaks of are had.
type Answered = (Answer, Option<Opened>);

/// What there is to respond with at once, or what has to be waited for.
type Responding = Either<Ready<Responded>, Pin<Box<dyn Future<Output = Responded> + Send>>>;
type Responded = Result<Response<ResponseBody>, Infallible>;

/// Answers one request. Whatever is wrong is an answer too.
///
/// The exchange begins with the call: the connection must know of it before it reads on. What is known and fresh is
/// answered within it: hyper looks for the client's leaving while a response is awaited, and while the head of the
/// request lives that takes it another buffer.
pub(super) fn handle(request: Request<Incoming>, connection: Arc<Connection>) -> Responding {
    let now = Instant::now();
    let (head, _) = request.into_parts();
    let exchange = Exchange::begin(connection, &head, now);
    if let Some(answered) = answer_at_once(&head, exchange.connection(), now) {
        return Either::Left(ready(Ok(respond(answered, &head.method, exchange))));
    }
    Either::Right(Box::pin(async move {
        let answered = answer(&head, exchange.connection(), now).await;
        Ok(respond(answered.unwrap_or_else(refused), &head.method, exchange))
    }))
}

#[expect(clippy::boxed_local, reason = "refusals are boxed where they are errors")]
fn refused(refusal: Box<Answer>) -> Answered {
    (*refusal, None)
}

/// The answer that takes no look at a disk.
fn answer_at_once(head: &request::Parts, connection: &Connection, now: Instant) -> Option<Answered> {
    let path = match asked_for(head) {
        Ok(path) => path,
        Err(refusal) => return Some(refused(refusal)),
    };
    let opened = connection.service().stores.known(&path, Ask::Usual, now)?;
    let reading = Reading::of(head, &opened);
    (reading.link != Link::Unrecognised && !reading.needs_rest(&opened)).then(|| reading.answer(opened))
}

async fn answer(
    head: &request::Parts,
    connection: &Connection,
    now: Instant,
) -> Result<Answered, Box<Answer>> {
    let path = asked_for(head)?;
    let stores = &connection.service().stores;
    let failed = |e| store_error(&path, &e);
    let mut opened = stores.open(&path, Ask::Usual, now).await.map_err(failed)?;
    let mut reading = Reading::of(head, &opened);
    if reading.link == Link::Unrecognised {
        // The link may be newer than what is known of the asset.
        opened = stores.open(&path, Ask::Since(now), now).await.map_err(failed)?;
        reading = Reading::of(head, &opened);
    }
    if reading.needs_rest(&opened) {
        opened = stores.open(&path, Ask::Settled, now).await.map_err(failed)?;
        reading = Reading::of(head, &opened);
        if reading.needs_rest(&opened) {
            // It will not settle. A server may ignore Range (RFC 9110 section 14.2), and a whole can prove itself.
            reading.decision = Decision::Whole;
        }
    }
    Ok(reading.answer(opened))
}

/// The asset that a request asks for, or the answer to one that asks for none.
fn asked_for(head: &request::Parts) -> Result<AssetPath<'_>, Box<Answer>> {
    check_host(head)?;
    match head.method {
        Method::GET | Method::HEAD => AssetPath::from_url_path(head.uri.path()).map_err(|e| bad_path(&e)),
        Method::OPTIONS => Err(options()),
        _ => Err(method_not_allowed(&head.method)),
    }
}

/// What a request says to one version of an asset.
struct Reading {
    link: Link,
    decision: Decision,
}

impl Reading {
    fn of(head: &request::Parts, opened: &Opened) -> Self {
        Self {
            link: http::link_of(head.uri.query(), &opened.asset().version),
            decision: http::decide(&head.method, &head.headers, opened.asset()),
        }
    }

    /// Whether parts are to be sent of what can only prove itself as a whole yet.
    fn needs_rest(&self, opened: &Opened) -> bool {
        let in_parts = matches!(self.decision, Decision::Partial(_) | Decision::Multipart(_));
        in_parts && matches!(opened.content(), Content::File(file) if !file.is_settled())
    }

    fn answer(self, opened: Opened) -> Answered {
        (opened.fields().answer(self.decision, self.link), Some(opened))
    }
}

fn respond((answer, opened): Answered, method: &Method, mut exchange: Exchange) -> Response<ResponseBody> {
    let opened = opened.as_ref();
    let Answer { status, headers, payload } = answer;
    let payload = if *method == Method::HEAD { Payload::Nothing } else { payload };
    let len = length(&payload, opened);
    exchange.answer(status, &headers, len);
    let (chunk, rest) = body(payload, opened.map(Opened::content), len);
    let mut response = Response::new(ResponseBody::new(chunk, rest, len, exchange));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The first bytes of a body of `len` bytes, where they are at hand, and what follows them.
fn body(payload: Payload, content: Option<&Content>, len: u64) -> (Bytes, VecDeque<Part>) {
    match payload {
        Payload::Nothing => (Bytes::new(), VecDeque::new()),
        Payload::Text(text) => (text, VecDeque::new()),
        Payload::Whole => content.map_or_else(Default::default, |content| content.first(0, len)),
        Payload::Part(range) => {
            content.map_or_else(Default::default, |content| content.first(range.start, range.end))
        }
        Payload::Parts(multipart) => {
            let mut rest = VecDeque::with_capacity(2 * multipart.parts().len() + 1);
            for part in multipart.parts() {
                rest.push_back(Part::Memory(part.head.clone()));
                rest.extend(content.map(|content| content.part(part.range.start, part.range.end)));
            }
            rest.push_back(Part::Memory(multipart.tail().clone()));
            (Bytes::new(), rest)
        }
    }
}

/// Length of the body in bytes.
fn length(payload: &Payload, opened: Option<&Opened>) -> u64 {
    match payload {
        Payload::Nothing => 0,
        Payload::Text(text) => text.len() as u64,
        Payload::Whole => opened.map_or(0, |opened| opened.asset().len),
        Payload::Part(range) => range.length(),
        Payload::Parts(multipart) => multipart.length(),
    }
}

impl Content {
    /// The same as [`part`](Self::part), as the beginning of a body.
    fn first(&self, start: u64, end: u64) -> (Bytes, VecDeque<Part>) {
        match self.part(start, end) {
            Part::Memory(bytes) => (bytes, VecDeque::new()),
            part @ Part::File(_) => (Bytes::new(), VecDeque::from([part])),
        }
    }

    /// The bytes from `start` to before `end`, which lie within the content.
    fn part(&self, start: u64, end: u64) -> Part {
        match self {
            Self::Memory(bytes) => {
                let at = |offset| usize::try_from(offset).expect("what is in memory is addressed by usize");
                Part::Memory(if (start, end) == (0, bytes.len() as u64) {
                    bytes.clone()
                } else {
                    bytes.slice(at(start)..at(end))
                })
            }
            Self::File(file) => Part::File(file.stream(start..end)),
        }
    }
}

/// A server must refuse an HTTP/1.1 request without exactly one Host, and one whose Host is no host (RFC 9112 section
/// 3.2).
fn check_host(head: &request::Parts) -> Result<(), Box<Answer>> {
    if head.version != Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if may_be_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(refusal(
            StatusCode::BAD_REQUEST,
            "the Host header field is not a host with or without a port",
        )),
        (None, _) => Err(refusal(StatusCode::BAD_REQUEST, "an HTTP/1.1 request needs a Host header field")),
        _ => Err(refusal(StatusCode::BAD_REQUEST, "the request has more than one Host header field")),
    }
}

/// Whether a Host holds only what its grammar allows somewhere (RFC 3986 sections 3.2.2 and 3.2.3); empty is allowed.
/// Which host it is plays no part here.
fn may_be_host(host: &[u8]) -> bool {
    host.iter().all(|&b| IN_HOST[usize::from(b)])
}

const IN_HOST: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut rest: &[u8] =
        b"-._~%!$&'()*+,;=:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    while let [b, others @ ..] = rest {
        allowed[*b as usize] = true;
        rest = others;
    }
    allowed
};

/// Boxed, as it is rare and large.
fn refusal(status: StatusCode, reason: impl std::fmt::Display) -> Box<Answer> {
    Box::new(http::problem(status, reason))
}

fn options() -> Box<Answer> {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(header::ALLOW, ALLOWED);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Box::new(Answer { status: StatusCode::NO_CONTENT, headers, payload: Payload::Nothing })
}

fn method_not_allowed(method: &Method) -> Box<Answer> {
    let reason = format_args!("assets are fetched with GET or HEAD, not {method}");
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, reason);
    answer.headers.insert(header::ALLOW, ALLOWED);
    answer
}

fn bad_path(error: &PathError) -> Box<Answer> {
    let status = match error {
        PathError::Malformed(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::NOT_FOUND,
    };
    refusal(status, error)
}

/// The one place where what a store says becomes a status. A failure must not look like a missing asset; what exactly
/// failed is for the log, not for strangers.
fn store_error(path: &AssetPath<'_>, error: &StoreError) -> Box<Answer> {
    let retry = |reason: &str| {
        let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, reason);
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    };
    match error {
        StoreError::NotFound => refusal(StatusCode::NOT_FOUND, error),
        StoreError::Changing => {
            log::warn!("{path}: {error}; put files in place by renaming them, so that they appear whole");
            retry("the asset is being written and cannot be sent whole yet")
        }
        StoreError::Busy(_) => {
            log::warn!("{path}: {error}");
            retry("the server is short of resources at the moment")
        }
        StoreError::Failed(_) => {
            log::error!("{path}: {error}");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot read this asset; its log says why")
        }
    }
}
