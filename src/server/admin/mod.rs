//! Admin listener: `/healthz`, `/readyz` and `/metrics`.
//!
//! It is separate from the public listeners, off by default, and runs on the background runtime, so that the serving cores never
//! work for it. [`exposition`] formats the metrics, [`readiness`] decides whether the server is ready.

mod exposition;
mod process_metrics;
mod readiness;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use self::exposition::Format;
use super::listener::{self, BindError};
use super::status::ServerStatus;
use crate::log_throttle::SummaryThrottle;

/// Connections that are served at a time; a monitoring system needs one or two. One more replaces the oldest, so that idle clients
/// cannot keep others out.
const CONNECTIONS: usize = 64;
/// How long a request head may take, and how long a connection may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a request head.
const HEAD_SIZE: usize = 16 << 10;
/// How long a connection may stay open: slow readers are cut then.
const MAX_LIFETIME: Duration = Duration::from_mins(5);
/// How long the listener pauses after the system failed to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";

/// The admin listener, bound.
#[derive(Debug)]
pub struct Admin {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Admin {
    /// Binds `address`.
    ///
    /// Fails if it cannot be bound; the error names it.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let (listener, address) = listener::bind_one(address)?;
        Ok(Self { listener, address })
    }

    /// Uses an inherited socket.
    pub fn on(listener: std::net::TcpListener) -> Result<Self, BindError> {
        let address = listener
            .local_addr()
            .map_err(|e| BindError::InheritedSockets { name: "admin".to_owned(), reason: e.to_string() })?;
        Ok(Self { listener, address })
    }

    /// Whether it accepts IPv4 connections, too, if it listens on `[::]`; `None` for any other address.
    pub fn is_dual_stack(&self) -> Option<bool> {
        listener::is_dual_stack(&self.listener)
    }

    /// The bound address, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `status` as long as the process lives, so that it can be queried during a shutdown, too.
    pub async fn run(self, status: ServerStatus) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(e) => return log::error!("the admin listener failed: {e}"),
        };
        let view = Arc::new(AdminState { status, process: process_metrics::ProcessCache::default() });
        let failures = SummaryThrottle::<u64>::default();
        let mut served = VecDeque::<AbortHandle>::with_capacity(CONNECTIONS);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    served.retain(|connection| !connection.is_finished());
                    if served.len() == CONNECTIONS
                        && let Some(oldest) = served.pop_front()
                    {
                        oldest.abort();
                    }
                    let serving = timeout(MAX_LIFETIME, serve(stream, Arc::clone(&view)));
                    served.push_back(tokio::spawn(serving).abort_handle());
                }
                Err(e) => {
                    failures.record(|count| *count += 1, move |count| {
                        log::warn!(
                            "the admin listener cannot accept connections: {e} (attempts since the last message: {count})"
                        );
                    });
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// What requests are answered from.
#[derive(Debug)]
struct AdminState {
    status: ServerStatus,
    process: process_metrics::ProcessCache,
}

async fn serve(stream: TcpStream, view: Arc<AdminState>) {
    let service = service_fn(move |request| {
        let view = Arc::clone(&view);
        async move { Ok::<_, Infallible>(answer(&request, &view).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(e) = served {
        log::debug!("admin listener: {e}");
    }
}

async fn answer<B>(
    request: &Request<B>,
    AdminState { status, process }: &AdminState,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => {
            let readiness = readiness::check(status).await;
            let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            text(status, readiness.to_string())
        }
        "/metrics" => {
            let accepted = request.headers().get_all(header::ACCEPT).iter();
            let format = Format::wanted(accepted.filter_map(|value| value.to_str().ok()));
            let written = exposition::write(status, process.get().await, format);
            respond(StatusCode::OK, format.media_type(), written)
        }
        _ => text(StatusCode::NOT_FOUND, "not found; see /healthz, /readyz and /metrics\n"),
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, TEXT, text)
}

fn respond(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
