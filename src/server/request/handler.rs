//! Request handler: turns a request into a response.
//!
//! [`crate::http`] decides what HTTP says of an asset. Here are the responses that come before there is an asset, and the source
//! of the body's bytes.

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
use crate::store::{
    Content, ContentStream, Freshness, OpenAsset, RangeBody, ReadIntent, StoreError, UpstreamFault,
};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A response head, and the source of its body.
struct Reply {
    answer: Answer,
    opened: Option<OpenAsset>,
    /// The first bytes, if they had to be requested before the response could be decided.
    begun: Option<ContentStream>,
}

/// How often an asset that changes between opening and reading is opened for one response.
const MAX_ATTEMPTS: usize = 3;

/// A response that is ready, or one that waits for a store.
type ResponseFuture = Either<Ready<HandlerResult>, Pin<Box<dyn Future<Output = HandlerResult> + Send>>>;
type HandlerResult = Result<Response<ResponseBody>, Infallible>;

/// Handles one request. Errors are responses, too.
///
/// The exchange begins within the call, because the connection must know of it before it continues to read. Assets that are cached
/// and fresh are answered within the call: while hyper awaits a response it reads on to detect a disconnect, and while the
/// request's head lives, that takes another buffer.
pub(in crate::server) fn handle(
    request: Request<Incoming>,
    connection: Arc<Connection>,
    service: &Service,
) -> ResponseFuture {
    let now = Instant::now();
    let (head, _) = request.into_parts();
    let peer = connection.client.ip();
    let snapshot = service.snapshots.load();
    let forwarded_for = snapshot.client_rules.forwarded_for(peer, &head.headers);
    let mut exchange = Exchange::begin(connection, &head, forwarded_for, snapshot.is_logged, now);
    if let Some(reply) =
        answer_at_once(&head, &mut exchange, &service.listener, &snapshot, forwarded_for.unwrap_or(peer), now)
    {
        return Either::Left(ready(Ok(respond(reply, &head, &snapshot, exchange))));
    }
    let snapshot = Guard::into_inner(snapshot);
    Either::Right(Box::pin(async move {
        let reply = answer(&head, &mut exchange, &snapshot, now).await;
        Ok(respond(reply.unwrap_or_else(without_asset), &head, &snapshot, exchange))
    }))
}

#[expect(clippy::boxed_local, reason = "error responses are boxed, as errors should be small")]
fn without_asset(answer: Box<Answer>) -> Reply {
    Reply { answer: *answer, opened: None, begun: None }
}

/// The response to `client`, if it takes no I/O. If there is none, the request is authorized, and its asset has to be opened.
fn answer_at_once(
    head: &request::Parts,
    exchange: &mut Exchange,
    listener: &ListenerKind,
    snapshot: &Snapshot,
    client: IpAddr,
    now: Instant,
) -> Option<Reply> {
    if let Some(answer) = listener.answer(head, snapshot.plain_serves) {
        return Some(without_asset(answer));
    }
    if let Err(error) = snapshot.client_rules.admit(client) {
        exchange.connection().reporter().counters().rate_limited.add(1);
        return Some(without_asset(error));
    }
    let path = match requested_path(head, snapshot) {
        Ok(path) => path,
        Err(answer) => return Some(without_asset(answer)),
    };
    // Before authorization, so that rejected requests count for their mount. That does not depend on whether the asset exists.
    exchange.set_path(&path, snapshot);
    if let Err(error) = snapshot.authorizer.authorize(head, &path) {
        return Some(without_asset(error));
    }
    let opened = snapshot.stores.cached(&path, Freshness::Configured, now)?;
    let reading = Reading::of(head, &opened);
    if reading.link == Link::Unrecognised || reading.needs_rest(&opened) {
        return None;
    }
    exchange.connection().reporter().counters().hits.add(1);
    exchange.set_link(reading.link);
    Some(reading.answer(opened))
}

/// The response to an authorized request, whose asset has to be opened.
async fn answer(
    head: &request::Parts,
    exchange: &mut Exchange,
    snapshot: &Snapshot,
    now: Instant,
) -> Result<Reply, Box<Answer>> {
    let path = AssetPath::from_url_path(head.uri.path()).map_err(|e| bad_path(&e))?;
    exchange.connection().reporter().counters().misses.add(1);
    let stores = &snapshot.stores;
    let failed = |e| {
        if matches!(e, StoreError::NotFound) {
            stores.report_other_spelling(&path);
        }
        store_error(&path, &e)
    };
    let intent = read_intent(head);
    let mut freshness = Freshness::Configured;
    for _ in 0..MAX_ATTEMPTS {
        let mut opened = stores.open(&path, intent, freshness, now).await.map_err(failed)?;
        let mut reading = Reading::of(head, &opened);
        if reading.link == Link::Unrecognised && !opened.was_checked_since(now) {
            // The link may be newer than the cached metadata.
            opened = stores.open(&path, intent, Freshness::Since(now), now).await.map_err(failed)?;
            reading = Reading::of(head, &opened);
        }
        if reading.needs_rest(&opened) {
            opened = stores.open(&path, intent, Freshness::Settled, now).await.map_err(failed)?;
            reading = Reading::of(head, &opened);
            if reading.needs_rest(&opened) {
                // It keeps changing. A server may ignore Range (RFC 9110 section 14.2), and a whole body can be verified.
                reading.decision = Decision::Whole;
            }
        }
        exchange.set_link(reading.link);
        let first = match &reading.decision {
            Decision::Whole if head.method == Method::GET => 0..opened.asset().len,
            Decision::Partial(range) => range.start..range.end,
            Decision::Multipart(ranges) => ranges.first().map_or(0..0, |range| range.start..range.end),
            _ => return Ok(reading.answer(opened)),
        };
        match opened.begin(first).await {
            Ok(begun) => return Ok(Reply { begun, ..reading.answer(opened) }),
            Err(StoreError::Changing) => freshness = Freshness::Since(Instant::now()),
            Err(e) => return Err(failed(e)),
        }
    }
    Err(failed(StoreError::Changing))
}

impl ListenerKind {
    /// The response to a request that this listener does not serve an asset for.
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
    error_response(
        StatusCode::NOT_FOUND,
        "assets are served over HTTPS only; this address only answers certificate authorities",
    )
}

/// What a request will read of an asset.
fn read_intent(head: &request::Parts) -> ReadIntent {
    const CONDITIONS: [header::HeaderName; 5] = [
        header::RANGE,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_UNMODIFIED_SINCE,
    ];
    if head.method == Method::HEAD {
        ReadIntent::Head
    } else if CONDITIONS.iter().any(|name| head.headers.contains_key(name)) {
        ReadIntent::Parts
    } else {
        ReadIntent::Whole
    }
}

/// The path of the requested asset, or the response to a request for none.
fn requested_path<'h>(head: &'h request::Parts, snapshot: &Snapshot) -> Result<AssetPath<'h>, Box<Answer>> {
    check_host(head)?;
    match head.method {
        Method::GET | Method::HEAD => AssetPath::from_url_path(head.uri.path()).map_err(|e| bad_path(&e)),
        Method::OPTIONS => Err(preflight(head, snapshot).unwrap_or_else(options)),
        _ => Err(method_not_allowed(&head.method)),
    }
}

/// The answer to a preflight of a browser, where CORS is configured.
fn preflight(head: &request::Parts, snapshot: &Snapshot) -> Option<Box<Answer>> {
    if snapshot.cors.is_nobody() {
        return None;
    }
    snapshot.cors.preflight(&head.headers, snapshot.authorizer.takes_credentials(head)).map(Box::new)
}

/// A request evaluated for one version of an asset.
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

    /// Whether ranges are requested of a file that can so far only be verified as a whole.
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
    reply: Reply,
    head: &request::Parts,
    snapshot: &Snapshot,
    mut exchange: Exchange,
) -> Response<ResponseBody> {
    let Reply { answer: Answer { status, mut headers, payload }, opened, begun } = reply;
    snapshot.authorizer.restrict_caching(head, &mut headers);
    if !snapshot.cors.is_nobody() && head.method != Method::OPTIONS {
        snapshot.cors.apply(&head.headers, snapshot.authorizer.takes_credentials(head), &mut headers);
    }
    let payload = if head.method == Method::HEAD { Payload::Nothing } else { payload };
    let len = length(&payload, opened.as_ref());
    exchange.respond(status, &headers, len);
    let (chunk, rest) = body(payload, opened.as_ref().map(OpenAsset::content), begun, len);
    let mut response = Response::new(ResponseBody::new(chunk, rest, len, exchange));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The first bytes of a body of `len` bytes, if they are in memory, and what follows them. `begun` is the first part of the
/// content, if it had to be requested.
fn body(
    payload: Payload,
    content: Option<&Content>,
    begun: Option<ContentStream>,
    len: u64,
) -> (Bytes, VecDeque<RangeBody>) {
    let mut begun = begun.map(RangeBody::Stream);
    let mut part =
        |range: ByteRange| begun.take().or_else(|| Some(content?.range_body(range.start..range.end)));
    match payload {
        Payload::Nothing => (Bytes::new(), VecDeque::new()),
        Payload::Text(text) => (text, VecDeque::new()),
        Payload::Whole => first(part(ByteRange { start: 0, end: len })),
        Payload::Part(range) => first(part(range)),
        Payload::Parts(multipart) => {
            let mut rest = VecDeque::with_capacity(2 * multipart.parts().len() + 1);
            for framed in multipart.parts() {
                rest.push_back(RangeBody::Memory(framed.head.clone()));
                rest.extend(part(framed.range));
            }
            rest.push_back(RangeBody::Memory(multipart.tail().clone()));
            (Bytes::new(), rest)
        }
    }
}

/// The start of a body that has one part.
fn first(part: Option<RangeBody>) -> (Bytes, VecDeque<RangeBody>) {
    match part {
        None => (Bytes::new(), VecDeque::new()),
        Some(RangeBody::Memory(bytes)) => (bytes, VecDeque::new()),
        Some(stream @ RangeBody::Stream(_)) => (Bytes::new(), VecDeque::from([stream])),
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

/// A server must reject an HTTP/1.1 request without exactly one Host, and one whose Host is invalid (RFC 9112 section 3.2).
fn check_host(head: &request::Parts) -> Result<(), Box<Answer>> {
    if head.version != Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if may_be_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(error_response(
            StatusCode::BAD_REQUEST,
            "the Host header field is not a host with or without a port",
        )),
        (None, _) => {
            Err(error_response(StatusCode::BAD_REQUEST, "an HTTP/1.1 request needs a Host header field"))
        }
        _ => Err(error_response(StatusCode::BAD_REQUEST, "the request has more than one Host header field")),
    }
}

/// Whether a Host holds only characters that its grammar allows (RFC 3986 sections 3.2.2 and 3.2.3); empty is allowed. Every host
/// is served alike.
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

/// Boxed, because it is rare and large.
fn error_response(status: StatusCode, reason: impl std::fmt::Display) -> Box<Answer> {
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
    let mut answer = error_response(StatusCode::METHOD_NOT_ALLOWED, reason);
    answer.headers.insert(header::ALLOW, ALLOWED);
    answer
}

fn bad_path(error: &PathError) -> Box<Answer> {
    let status = match error {
        PathError::Malformed(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::NOT_FOUND,
    };
    error_response(status, error)
}

/// Maps a store's error to a status, here and nowhere else. A failure must not look like a missing asset; its details are for the
/// log, not for clients.
fn store_error(path: &AssetPath<'_>, error: &StoreError) -> Box<Answer> {
    // The path may contain a mangled link with a valid signature.
    let shown = || http::without_signatures(path.as_str());
    let retry = |reason: &str| {
        let mut answer = error_response(StatusCode::SERVICE_UNAVAILABLE, reason);
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    };
    match error {
        StoreError::NotFound => error_response(StatusCode::NOT_FOUND, error),
        StoreError::Changing => {
            log::warn!("{}: {error}; replace assets atomically (files by renaming)", shown());
            retry("the asset is being written; try again later")
        }
        StoreError::Busy(_) => {
            log::warn!("{}: {error}", shown());
            retry("the server is short of resources; try again later")
        }
        // The bucket logs its own outage, once; otherwise every request would log it.
        StoreError::Upstream { fault: UpstreamFault::Unavailable, .. } => {
            log::debug!("{}: {error}", shown());
            retry("the store of this asset is unavailable; try again later")
        }
        StoreError::Upstream { fault: UpstreamFault::Late, .. } => {
            log::debug!("{}: {error}", shown());
            error_response(StatusCode::GATEWAY_TIMEOUT, "the store of this asset did not answer in time")
        }
        StoreError::Upstream { fault: UpstreamFault::Unreachable | UpstreamFault::Refused, .. } => {
            log::debug!("{}: {error}", shown());
            error_response(
                StatusCode::BAD_GATEWAY,
                "the store of this asset cannot be read; the server's log has the reason",
            )
        }
        // Logged by the bucket.
        StoreError::Archived(_) => {
            log::debug!("{}: {error}", shown());
            error_response(
                StatusCode::BAD_GATEWAY,
                "the asset is archived in its store and cannot be read until it is restored",
            )
        }
        StoreError::Failed(_) => {
            log::error!("{}: {error}", shown());
            error_response(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the server cannot read this asset; its log has the reason",
            )
        }
    }
}
