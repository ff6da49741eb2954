//! From a request to its response. What HTTP says of an asset is decided in [`crate::http`]; here is what a server says
//! before there is an asset, and where the bytes come from.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::Guard;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tokio_util::either::Either;

use super::body::ResponseBody;
use super::exchange::Exchange;
use crate::asset::{AssetPath, PathError};
use crate::config::PlainServes;
use crate::http::{self, Answer, ByteRange, Decision, Link, Payload};
use crate::server::connection::state::Connection;
use crate::server::service::{ListenerKind, Service};
use crate::server::snapshot::Snapshot;
use crate::store::{Ask, Content, ContentStream, OpenAsset, StoreError, Stretch, UpstreamFault, Want};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// An answer, and how the bytes that it speaks of are had.
struct Reply {
    answer: Answer,
    opened: Option<OpenAsset>,
    /// The first of them, where they had to be asked for before anything could be said of them.
    begun: Option<ContentStream>,
}

/// How often an asset that changes between being opened and being read is opened for one answer.
const MAX_ATTEMPTS: usize = 3;

/// What there is to respond with at once, or what has to be waited for.
type ResponseFuture = Either<Ready<HandlerResult>, Pin<Box<dyn Future<Output = HandlerResult> + Send>>>;
type HandlerResult = Result<Response<ResponseBody>, Infallible>;

/// Answers one request. Whatever is wrong is an answer too.
///
/// The exchange begins with the call: the connection must know of it before it reads on. What is known and fresh is
/// answered within it: hyper looks for the client's leaving while a response is awaited, and while the head of the
/// request lives that takes it another buffer.
pub(in crate::server) fn handle(
    request: Request<Incoming>,
    connection: Arc<Connection>,
    service: &Service,
) -> ResponseFuture {
    let now = Instant::now();
    let (head, _) = request.into_parts();
    let peer = connection.client.ip();
    let snapshot = service.snapshots.load();
    let behind = snapshot.client_rules.behind(peer, &head.headers);
    let mut exchange = Exchange::begin(connection, &head, behind, snapshot.is_logged, now);
    if let Some(answered) =
        answer_at_once(&head, &mut exchange, &service.listener, &snapshot, behind.unwrap_or(peer), now)
    {
        return Either::Left(ready(Ok(respond(answered, &head, &snapshot, exchange))));
    }
    let snapshot = Guard::into_inner(snapshot);
    Either::Right(Box::pin(async move {
        let answered = answer(&head, &mut exchange, &snapshot, now).await;
        Ok(respond(answered.unwrap_or_else(refused), &head, &snapshot, exchange))
    }))
}

#[expect(clippy::boxed_local, reason = "refusals are boxed where they are errors")]
fn refused(refusal: Box<Answer>) -> Reply {
    Reply { answer: *refusal, opened: None, begun: None }
}

/// The answer to `client` that takes no look at a disk. Where there is none, the request may have what it asks for.
fn answer_at_once(
    head: &request::Parts,
    exchange: &mut Exchange,
    listener: &ListenerKind,
    snapshot: &Snapshot,
    client: IpAddr,
    now: Instant,
) -> Option<Reply> {
    if let Some(answer) = listener.answer(head, snapshot.plain_serves) {
        return Some(refused(answer));
    }
    if let Err(refusal) = snapshot.client_rules.admit(client) {
        exchange.connection().reporter().counters().rate_limited.add(1);
        return Some(refused(refusal));
    }
    let path = match asked_for(head) {
        Ok(path) => path,
        Err(refusal) => return Some(refused(refusal)),
    };
    // Before it may be refused, so that it counts where its path lies. That hangs on no asset's being there.
    exchange.is_for(&path, snapshot);
    if let Err(refusal) = snapshot.authorizer.authorize(head, &path) {
        return Some(refused(refusal));
    }
    let opened = snapshot.stores.known(&path, Ask::Usual, now)?;
    let reading = Reading::of(head, &opened);
    if reading.link == Link::Unrecognised || reading.needs_rest(&opened) {
        return None;
    }
    exchange.connection().reporter().counters().hits.add(1);
    exchange.linked_by(reading.link);
    Some(reading.answer(opened))
}

/// The answer to a request that may have what it asks for.
async fn answer(
    head: &request::Parts,
    exchange: &mut Exchange,
    snapshot: &Snapshot,
    now: Instant,
) -> Result<Reply, Box<Answer>> {
    let path = AssetPath::from_url_path(head.uri.path()).map_err(|e| bad_path(&e))?;
    exchange.connection().reporter().counters().misses.add(1);
    let stores = &snapshot.stores;
    let failed = |e| store_error(&path, &e);
    let want = want(head);
    let mut ask = Ask::Usual;
    for _ in 0..MAX_ATTEMPTS {
        let mut opened = stores.open(&path, want, ask, now).await.map_err(failed)?;
        let mut reading = Reading::of(head, &opened);
        if reading.link == Link::Unrecognised && !opened.is_known_since(now) {
            // The link may be newer than what is known of the asset.
            opened = stores.open(&path, want, Ask::Since(now), now).await.map_err(failed)?;
            reading = Reading::of(head, &opened);
        }
        if reading.needs_rest(&opened) {
            opened = stores.open(&path, want, Ask::Settled, now).await.map_err(failed)?;
            reading = Reading::of(head, &opened);
            if reading.needs_rest(&opened) {
                // It will not settle. A server may ignore Range (RFC 9110 section 14.2), and a whole can prove itself.
                reading.decision = Decision::Whole;
            }
        }
        exchange.linked_by(reading.link);
        let first = match &reading.decision {
            Decision::Whole if head.method == Method::GET => 0..opened.asset().len,
            Decision::Partial(range) => range.start..range.end,
            Decision::Multipart(ranges) => ranges.first().map_or(0..0, |range| range.start..range.end),
            _ => return Ok(reading.answer(opened)),
        };
        match opened.begin(first).await {
            Ok(begun) => return Ok(Reply { begun, ..reading.answer(opened) }),
            Err(StoreError::Changing) => ask = Ask::Since(Instant::now()),
            Err(e) => return Err(failed(e)),
        }
    }
    Err(failed(StoreError::Changing))
}

impl ListenerKind {
    /// The answer to a request that is not for an asset where it was asked.
    fn answer(&self, head: &request::Parts, plain_serves: PlainServes) -> Option<Box<Answer>> {
        let Self::Plain(challenges) = self else { return None };
        match (challenges.answer(head), plain_serves) {
            (Some(answer), _) => Some(Box::new(answer)),
            (None, PlainServes::Assets) => None,
            (None, PlainServes::Challenges) => Some(no_assets_here()),
        }
    }
}

fn no_assets_here() -> Box<Answer> {
    refusal(
        StatusCode::NOT_FOUND,
        "assets are served over https only; this address answers certificate authorities",
    )
}

/// What a request will need of an asset.
fn want(head: &request::Parts) -> Want {
    const CONDITIONS: [header::HeaderName; 5] = [
        header::RANGE,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_UNMODIFIED_SINCE,
    ];
    if head.method == Method::HEAD {
        Want::Head
    } else if CONDITIONS.iter().any(|name| head.headers.contains_key(name)) {
        Want::Parts
    } else {
        Want::Whole
    }
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
    fn of(head: &request::Parts, opened: &OpenAsset) -> Self {
        Self {
            link: http::link_of(head.uri.query(), &opened.asset().version),
            decision: http::decide(&head.method, &head.headers, opened.asset()),
        }
    }

    /// Whether parts are to be sent of what can only prove itself as a whole yet.
    fn needs_rest(&self, opened: &OpenAsset) -> bool {
        let in_parts = matches!(self.decision, Decision::Partial(_) | Decision::Multipart(_));
        in_parts && matches!(opened.content(), Content::File(file) if !file.is_settled())
    }

    fn answer(self, opened: OpenAsset) -> Reply {
        let answer = opened.fields().answer(self.decision, self.link);
        Reply { answer, opened: Some(opened), begun: None }
    }
}

fn respond(
    answered: Reply,
    head: &request::Parts,
    snapshot: &Snapshot,
    mut exchange: Exchange,
) -> Response<ResponseBody> {
    let Reply { answer: Answer { status, mut headers, payload }, opened, begun } = answered;
    snapshot.authorizer.restrict_caching(head, &mut headers);
    let payload = if head.method == Method::HEAD { Payload::Nothing } else { payload };
    let len = length(&payload, opened.as_ref());
    exchange.answer(status, &headers, len);
    let (chunk, rest) = body(payload, opened.as_ref().map(OpenAsset::content), begun, len);
    let mut response = Response::new(ResponseBody::new(chunk, rest, len, exchange));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The first bytes of a body of `len` bytes, where they are at hand, and what follows them. `begun` is the first part of the
/// content, if it had to be asked for.
fn body(
    payload: Payload,
    content: Option<&Content>,
    begun: Option<ContentStream>,
    len: u64,
) -> (Bytes, VecDeque<Stretch>) {
    let mut begun = begun.map(Stretch::Stream);
    let mut part = |range: ByteRange| begun.take().or_else(|| Some(content?.stretch(range.start..range.end)));
    match payload {
        Payload::Nothing => (Bytes::new(), VecDeque::new()),
        Payload::Text(text) => (text, VecDeque::new()),
        Payload::Whole => first(part(ByteRange { start: 0, end: len })),
        Payload::Part(range) => first(part(range)),
        Payload::Parts(multipart) => {
            let mut rest = VecDeque::with_capacity(2 * multipart.parts().len() + 1);
            for framed in multipart.parts() {
                rest.push_back(Stretch::Memory(framed.head.clone()));
                rest.extend(part(framed.range));
            }
            rest.push_back(Stretch::Memory(multipart.tail().clone()));
            (Bytes::new(), rest)
        }
    }
}

/// A part as the beginning of a body.
fn first(part: Option<Stretch>) -> (Bytes, VecDeque<Stretch>) {
    match part {
        None => (Bytes::new(), VecDeque::new()),
        Some(Stretch::Memory(bytes)) => (bytes, VecDeque::new()),
        Some(stream @ Stretch::Stream(_)) => (Bytes::new(), VecDeque::from([stream])),
    }
}

/// Length of the body in bytes.
fn length(payload: &Payload, opened: Option<&OpenAsset>) -> u64 {
    match payload {
        Payload::Nothing => 0,
        Payload::Text(text) => text.len() as u64,
        Payload::Whole => opened.map_or(0, |opened| opened.asset().len),
        Payload::Part(range) => range.length(),
        Payload::Parts(multipart) => multipart.length(),
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
    // A mangled link is part of the path, and opens the asset that it was made for all the same.
    let shown = || http::without_signatures(path.as_str());
    let retry = |reason: &str| {
        let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, reason);
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    };
    match error {
        StoreError::NotFound => refusal(StatusCode::NOT_FOUND, error),
        StoreError::Changing => {
            log::warn!("{}: {error}; put assets in place as a whole (files by renaming them)", shown());
            retry("the asset is being written and cannot be sent whole yet")
        }
        StoreError::Busy(_) => {
            log::warn!("{}: {error}", shown());
            retry("the server is short of resources at the moment")
        }
        // What is wrong with a bucket it tells of itself, once: in an outage, every request would.
        StoreError::Upstream { fault: UpstreamFault::Unavailable, .. } => {
            log::debug!("{}: {error}", shown());
            retry("the store of this asset is out of order at the moment")
        }
        StoreError::Upstream { fault: UpstreamFault::Late, .. } => {
            log::debug!("{}: {error}", shown());
            refusal(StatusCode::GATEWAY_TIMEOUT, "the store of this asset does not answer in time")
        }
        StoreError::Upstream { fault: UpstreamFault::Unreachable | UpstreamFault::Refused, .. } => {
            log::debug!("{}: {error}", shown());
            refusal(
                StatusCode::BAD_GATEWAY,
                "the store of this asset cannot be read; the server's log says why",
            )
        }
        StoreError::Failed(_) => {
            log::error!("{}: {error}", shown());
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot read this asset; its log says why")
        }
    }
}
