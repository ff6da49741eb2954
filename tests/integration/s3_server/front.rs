//! Between the sockets and S3: records every request, and injects the faults that the test planned.

use std::iter::Peekable;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{fs, vec};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, RANGE, TRANSFER_ENCODING,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use s3s::service::S3Service;
use s3s::{HttpError, HttpResponse, S3Error, S3ErrorCode};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::faults::{Fault, Matcher, Passage, Rule};
use super::objects::Overlooked;
use crate::support::{TIMEOUT, eventually};

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) bucket: String,
    /// Relative to the bucket, and decoded; empty for the bucket itself.
    pub(crate) key: String,
    pub(crate) query: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    /// Whether it has an `Authorization`, valid or not.
    pub(crate) signed: bool,
    /// The access key that signed it.
    pub(crate) access_key: Option<String>,
}

impl Seen {
    fn of<T>(request: &Request<T>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let field = |name: &HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            method: request.method().to_string(),
            bucket: bucket.to_owned(),
            key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
            query: request.uri().query().map(str::to_owned),
            range: field(&RANGE),
            if_match: field(&IF_MATCH),
            if_none_match: field(&IF_NONE_MATCH),
            signed: request.headers().contains_key(AUTHORIZATION),
            access_key: field(&AUTHORIZATION).and_then(|said| {
                let (_, credential) = said.split_once("Credential=")?;
                Some(credential.split('/').next()?.to_owned())
            }),
        }
    }
}

/// How a connection ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With an RST, as if the server had crashed.
    Reset,
    /// With a FIN in the middle of a response.
    Close,
}

/// A gate, and its position: before the head, or after so many bytes of the body.
type Placed = (Option<u64>, Arc<Passage>);

#[derive(Default)]
struct Plan {
    seen: Vec<Seen>,
    rules: Vec<Rule>,
    holds: Vec<(Matcher, Placed)>,
    lines: Vec<Line>,
}

pub(super) struct Front {
    service: S3Service,
    plan: Mutex<Plan>,
}

impl Front {
    pub(super) fn new(service: S3Service) -> Arc<Self> {
        Arc::new(Self { service, plan: Mutex::default() })
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("not poisoned")
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.plan().seen.clone()
    }

    pub(super) fn forget_seen(&self) {
        self.plan().seen.clear();
    }

    pub(super) fn add(&self, rule: Rule) {
        self.plan().rules.push(rule);
    }

    pub(super) fn heal(&self) {
        self.plan().rules.clear();
    }

    pub(super) fn hold(&self, is_for: Matcher, after: Option<u64>, passage: Arc<Passage>) {
        self.plan().holds.push((is_for, (after, passage)));
    }

    /// Accepts connections until it is aborted.
    pub(super) async fn accept(self: Arc<Self>, listener: StdListener) {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            // A client that has disconnected again causes an error, too, which is no reason to stop.
            let Ok((stream, peer)) = listener.accept().await else { continue };
            let Ok(local) = stream.local_addr() else { continue };
            let (end, ended) = watch::channel(None);
            let line = Line { local, peer, end };
            let mut plan = self.plan();
            plan.lines.retain(|line| !line.end.is_closed());
            plan.lines.push(line.clone());
            drop(plan);
            tokio::spawn(Arc::clone(&self).serve(stream, line, ended));
        }
    }

    /// Resets all connections, and returns when they are closed.
    pub(super) fn reset_all(&self) {
        let lines = std::mem::take(&mut self.plan().lines);
        for line in &lines {
            line.end.send_replace(Some(End::Reset));
        }
        eventually("all connections are gone", || {
            lines.iter().all(|line| line.end.is_closed()).then_some(())
        });
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, line: Line, mut ended: watch::Receiver<Option<End>>) {
        // Bytes sent before a fault must arrive, not wait for more.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| Arc::clone(&self).answer(request, line.clone()));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let end = tokio::select! {
            _ = &mut connection => return,
            end = ended.wait_for(Option::is_some) => end.ok().and_then(|end| *end),
        };
        let stream = connection.into_parts().io.into_inner();
        if end == Some(End::Reset) {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Records a request, and returns its faults and gates: of the faults only those of the first rule that is not used up, so that several
    /// rules for one key apply one after the other.
    fn note(&self, seen: Seen) -> (Vec<Fault>, Vec<Placed>) {
        let mut plan = self.plan();
        let rule = plan.rules.iter_mut().find(|rule| rule.left > 0 && (rule.is_for)(&seen));
        let faults = rule.map_or_else(Vec::new, |rule| {
            if rule.left != super::FOREVER {
                rule.left -= 1;
            }
            rule.faults.clone()
        });
        let holds = plan.holds.iter().filter(|(is_for, _)| is_for(&seen));
        let holds = holds.map(|(_, placed)| placed.clone()).collect();
        plan.seen.push(seen);
        (faults, holds)
    }

    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        line: Line,
    ) -> Result<HttpResponse, HttpError> {
        let (faults, holds) = self.note(Seen::of(&request));
        let mut manner = Manner::default();
        for (after, passage) in holds {
            match after {
                None => passage.pass().await,
                Some(after) => manner.stops.push((after, Stop::Wait(passage))),
            }
        }
        let mut overlooked = Overlooked::default();
        let mut refusal = None;
        for fault in &faults {
            match *fault {
                Fault::Error(status, code) => refusal = Some(refuse(status, code)),
                Fault::Elsewhere(region) => {
                    let mut response = refuse(301, "PermanentRedirect");
                    response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static(region));
                    refusal = Some(response);
                }
                Fault::HangUp => {
                    line.end.send_replace(Some(End::Reset));
                    std::future::pending::<()>().await;
                }
                Fault::Delay(pause) => sleep(pause).await,
                Fault::ResetAfter(after) => manner.stops.push((after, Stop::End(End::Reset))),
                Fault::CloseAfter(after) => manner.stops.push((after, Stop::End(End::Close))),
                Fault::StallAfter(after) => manner.stops.push((after, Stop::Stall)),
                Fault::Dribble(bytes, pause) => manner.pace = Some((bytes, pause)),
                Fault::IgnoreRange => overlooked.range = true,
                Fault::IgnoreConditions => overlooked.conditions = true,
                Fault::NoLength => manner.no_length = true,
                Fault::Set(..) | Fault::Without(_) => {}
            }
        }
        // By an extension, because headers may be part of what is signed.
        request.extensions_mut().insert(overlooked);
        let mut response = match refusal {
            Some(refusal) => refusal,
            None => self.service.call(request.map(s3s::Body::from)).await?,
        };
        for fault in &faults {
            match *fault {
                Fault::Set(name, value) => {
                    let name = HeaderName::from_static(name);
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
                Fault::Without(name) => drop(response.headers_mut().remove(name)),
                Fault::NoLength => {
                    response.headers_mut().remove(CONTENT_LENGTH);
                    response.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                }
                _ => {}
            }
        }
        Ok(response.map(|body| manner.send(body, line)))
    }
}

/// S3's response to an unsupported request.
fn refuse(status: u16, code: &'static str) -> HttpResponse {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).expect("a code");
    let mut error = S3Error::with_message(code, "As the test has planned it.");
    error.set_request_id("TESTREQUEST");
    error.set_status_code(StatusCode::from_u16(status).expect("a status"));
    error.to_http_response().expect("XML")
}

/// A connection, as seen by the code that responds on it.
#[derive(Debug, Clone)]
struct Line {
    local: SocketAddr,
    peer: SocketAddr,
    /// Ends the connection; closed when it has ended.
    end: watch::Sender<Option<End>>,
}

impl Line {
    /// Waits until the client's kernel has all sent bytes: a reset discards those still in our own.
    async fn drained(&self) {
        let deadline = Instant::now() + TIMEOUT;
        let mut empty = 0;
        // A single check could fall between two writes.
        while empty < 2 && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
            empty = if self.unacknowledged() { 0 } else { empty + 1 };
        }
    }

    fn unacknowledged(&self) -> bool {
        let table = fs::read_to_string("/proc/net/tcp").expect("a table of sockets");
        let ours = [spelled(self.local), spelled(self.peer)];
        let queue = table.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            (fields.get(1..3)? == ours).then(|| fields.get(4)?.split_once(':'))?
        });
        queue.is_some_and(|(to_send, _)| to_send.bytes().any(|digit| digit != b'0'))
    }
}

/// An address as `/proc/net/tcp` writes it.
fn spelled(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("{address} is not the loopback's") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

/// An event at some position of a body.
enum Stop {
    Wait(Arc<Passage>),
    Stall,
    End(End),
}

/// How a body is sent.
#[derive(Default)]
struct Manner {
    no_length: bool,
    pace: Option<(usize, Duration)>,
    stops: Vec<(u64, Stop)>,
}

impl Manner {
    fn send(mut self, body: s3s::Body, line: Line) -> s3s::Body {
        if !self.no_length && self.pace.is_none() && self.stops.is_empty() {
            return body;
        }
        let length = if self.no_length { None } else { Body::size_hint(&body).exact() };
        self.stops.sort_by_key(|(after, _)| *after);
        let (sender, pieces) = mpsc::channel(1);
        tokio::spawn(pump(body, sender, self.pace, self.stops.into_iter().peekable(), line));
        s3s::Body::http_body(Pumped { pieces, length })
    }
}

/// Sends a body, with stops on the way.
async fn pump(
    mut body: s3s::Body,
    to: mpsc::Sender<Bytes>,
    pace: Option<(usize, Duration)>,
    mut stops: Peekable<vec::IntoIter<(u64, Stop)>>,
    line: Line,
) {
    let mut sent = 0;
    let mut piece = Bytes::new();
    loop {
        while let Some((_, stop)) = stops.next_if(|(after, _)| *after <= sent) {
            match stop {
                Stop::Wait(passage) => tokio::select! {
                    () = passage.pass() => {}
                    () = to.closed() => return,
                },
                Stop::Stall => return to.closed().await,
                Stop::End(end) => {
                    line.drained().await;
                    line.end.send_replace(Some(end));
                    return to.closed().await;
                }
            }
        }
        if piece.is_empty() {
            let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let Some(Ok(frame)) = next else { return };
            piece = frame.into_data().unwrap_or_default();
        }
        let mut len = piece.len();
        if let Some((after, _)) = stops.peek() {
            len = len.min(usize::try_from(after - sent).unwrap_or(usize::MAX));
        }
        if let Some((most, _)) = pace {
            len = len.min(most);
        }
        sent += len as u64;
        if to.send(piece.split_to(len)).await.is_err() {
            return;
        }
        if let Some((_, pause)) = pace {
            sleep(pause).await;
        }
    }
}

/// The receiving end of [`pump`].
struct Pumped {
    pieces: mpsc::Receiver<Bytes>,
    length: Option<u64>,
}

impl Body for Pumped {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
