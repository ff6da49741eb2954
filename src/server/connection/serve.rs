//! Serves a connection: detects the protocol, serves HTTP over it, and closes it on a [command](super::state::Command).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;

use super::client_stream::ClientStream;
use super::socket::Socket;
use super::state::{Command, Connection};
use super::stream::Stream;
use crate::config::Limits;
use crate::server::limit::connection_limit::Permit;
use crate::server::request::body::MULTIPLEXED_SLICE;
use crate::server::request::handler;
use crate::server::request::record::Transport;
use crate::server::service::Service;
use crate::server::tls::{Handshakes, Protocol};

/// What a client sends first if it speaks HTTP/2 with prior knowledge (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long the first bytes of a connection may take during a shutdown. What the client sent before may already be in the
/// kernel's buffer, and this is time to read it.
pub(super) const LAST_READ: Duration = Duration::from_millis(50);
/// Concurrent requests on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// Bytes of request bodies, which nothing reads, that an HTTP/2 client may send before it has to wait: the least that can be set
/// for a connection (RFC 9113 section 6.9.2).
const WINDOW: u32 = (1 << 16) - 1;
/// Streams that may be reset because the client breaks a rule, such as the number of streams.
const MAX_RESETS: usize = 128;

/// Serves one connection without TLS until it is closed.
pub(in crate::server) async fn serve<S: ClientStream>(
    mut stream: S,
    client: SocketAddr,
    service: Arc<Service>,
    _permit: Permit,
) {
    let accepted = Instant::now();
    let Some(prefix) = sniff(&mut stream, &service).await else { return };
    let protocol = if &*prefix == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    let connection = accept(client, accepted, protocol, Transport::Plain, &service).await;
    let mut stream = Socket::new(stream);
    stream.attach(&connection);
    speak(Stream::new(stream, prefix, Arc::clone(&connection)), &connection, &service).await;
}

/// Serves one connection with TLS until it is closed. The handshake negotiates the protocol (ALPN).
pub(in crate::server) async fn serve_secured<S: ClientStream>(
    stream: S,
    client: SocketAddr,
    service: Arc<Service>,
    handshakes: Arc<Handshakes>,
    _permit: Permit,
) {
    let handshake =
        handshakes.make(Socket::new(stream), client, &service.snapshots.limits(), &service.shutdown).await;
    drop(handshakes);
    service.reporter.counters().handshakes.count(handshake.as_ref().err().copied());
    let Ok(Some((mut stream, protocol))) = handshake else { return };
    // The head timeout starts only now.
    let connection = accept(client, Instant::now(), protocol, Transport::Tls, &service).await;
    stream.get_mut().0.attach(&connection);
    speak(Stream::new(stream, Bytes::new(), Arc::clone(&connection)), &connection, &service).await;
}

/// The state of a connection that the calling task serves from now on, watched by the watchdog of its core.
async fn accept(
    client: SocketAddr,
    accepted: Instant,
    protocol: Protocol,
    transport: Transport,
    service: &Service,
) -> Arc<Connection> {
    let connection = Connection::of_this_task(client, protocol, transport, &service.reporter).await;
    service.watchdog.watch(&connection, accepted);
    if service.shutdown.drain.is_cancelled() {
        connection.command(Command::Drain);
    }
    connection
}

/// Speaks HTTP until the connection is closed.
async fn speak<S>(stream: Stream<S>, connection: &Arc<Connection>, service: &Arc<Service>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let handle = service_fn({
        let (connection, service) = (Arc::clone(connection), Arc::clone(service));
        move |request| handler::handle(request, Arc::clone(&connection), &service)
    });
    let limits = service.snapshots.limits();
    let head_size = limits.head_size;
    if connection.is_multiplexed() {
        let mut speaking = pin!(
            http2::Builder::new(StreamExecutor { connection: Arc::clone(connection), limits })
                .timer(TokioTimer::new())
                .max_concurrent_streams(MAX_STREAMS)
                .max_local_error_reset_streams(MAX_RESETS)
                .initial_connection_window_size(WINDOW)
                .initial_stream_window_size(WINDOW)
                .max_send_buf_size(MULTIPLEXED_SLICE)
                .max_header_list_size(u32::try_from(head_size).unwrap_or(u32::MAX))
                .serve_connection(io, handle)
        );
        drive(speaking.as_mut(), http2::Connection::graceful_shutdown, connection, service).await;
    } else {
        let mut speaking = pin!(http1::Builder::new().max_buf_size(head_size).serve_connection(io, handle));
        drive(speaking.as_mut(), http1::Connection::graceful_shutdown, connection, service).await;
    }
}

/// Reads enough to distinguish HTTP/2 from HTTP/1; `None` if the client takes too long, disconnects, or has sent nothing when
/// the server shuts down.
async fn sniff<S: ClientStream>(stream: &mut S, service: &Service) -> Option<Bytes> {
    let mut start = [0; PREFACE.len()];
    let mut len = 0;
    let reading = async {
        while len < PREFACE.len() && PREFACE.starts_with(&start[..len]) {
            match stream.read(&mut start[len..]).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => len += n,
            }
        }
        Some(Bytes::copy_from_slice(&start[..len]))
    };
    let mut reading = pin!(timeout(service.snapshots.limits().head_timeout, reading));
    let prefix = tokio::select! {
        biased;
        prefix = reading.as_mut() => prefix,
        () = service.shutdown.drain.cancelled() => timeout(LAST_READ, reading).await.and_then(|prefix| prefix),
    };
    prefix.ok().flatten()
}

/// Runs a connection until it ends or is commanded to.
///
/// Borrows the future: one that is moved into another takes its size twice there, and there may be ten thousand of these.
async fn drive<C>(
    mut speaking: Pin<&mut C>,
    finish: impl Fn(Pin<&mut C>),
    connection: &Connection,
    service: &Service,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let mut draining = false;
    poll_fn(|cx| {
        loop {
            // First, because requests may have arrived before the command.
            if let Poll::Ready(result) = speaking.as_mut().poll(cx) {
                if let Err(e) = result {
                    log::debug!("{}: {e}", connection.client);
                }
                return Poll::Ready(());
            }
            match connection.pending_command() {
                Command::Drain if !draining => {
                    draining = true;
                    finish(speaking.as_mut());
                }
                Command::CloseOverdue if connection.is_active_again(&service.snapshots.limits()) => {
                    connection.resume(draining);
                }
                Command::CloseOverdue | Command::Close => return Poll::Ready(()),
                Command::Serve | Command::Drain => return Poll::Pending,
            }
        }
    })
    .await;
}

/// Spawns the tasks of a connection's streams, and tells the connection of them.
#[derive(Debug, Clone)]
struct StreamExecutor {
    connection: Arc<Connection>,
    limits: Limits,
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let task = tokio::spawn(stream);
        self.connection.streams().add(task.abort_handle(), &self.limits);
    }
}
