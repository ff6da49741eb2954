//! Accepts connections of one serving core, on TCP and Unix sockets: admits them within the limits, and serves them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::task::TaskTracker;

use super::connection::client_stream::ClientStream;
use super::connection::{proxy_header, serve};
use super::limit::client_identity::UNIX_PEER;
use super::limit::connection_limit::{self, LimitReached, Permit};
use super::listener::{AnyListener, Endpoint};
use super::service::Service;

/// How long a listener pauses after the system failed to accept a connection, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An endpoint registered with a runtime, and whether its socket outlives us.
type Registered = (RegisteredListener, bool, Arc<Service>);

/// A listener of the runtime.
pub(super) enum RegisteredListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Registers `endpoints` with the current runtime.
pub(super) fn register(endpoints: Vec<Endpoint>) -> io::Result<Vec<Registered>> {
    let register = |(listening, service): Endpoint| {
        let listener = match listening.socket {
            AnyListener::Tcp(socket) => RegisteredListener::Tcp(TcpListener::from_std(socket)?),
            AnyListener::Unix(socket) => RegisteredListener::Unix(UnixListener::from_std(socket)?),
        };
        Ok((listener, listening.outlives_us, service))
    };
    endpoints.into_iter().map(register).collect()
}

/// A listener of one kind of socket.
trait Listen: Sized {
    type Stream: ClientStream;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// The connections that the kernel has accepted already.
    fn waiting(self) -> impl Iterator<Item = (Self::Stream, SocketAddr)>;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }

    fn waiting(self) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
        let listener = self.into_std().ok();
        std::iter::from_fn(move || {
            let (stream, client) = listener.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, client))
        })
    }
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        Self::accept(self).await.map(|(stream, _)| (stream, UNIX_PEER))
    }

    fn waiting(self) -> impl Iterator<Item = (UnixStream, SocketAddr)> {
        let listener = self.into_std().ok();
        std::iter::from_fn(move || {
            let (stream, _) = listener.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            Some((UnixStream::from_std(stream).ok()?, UNIX_PEER))
        })
    }
}

/// Accepts and serves connections until the shutdown begins, and returns once the last connection is closed. `service` is any of
/// this core's.
pub(super) async fn serve(endpoints: Vec<Registered>, service: &Service) {
    let connections = TaskTracker::new();
    for (listener, outlives_us, service) in endpoints {
        match listener {
            RegisteredListener::Tcp(listener) => {
                connections.spawn(accept_all(listener, outlives_us, service, connections.clone()))
            }
            RegisteredListener::Unix(listener) => {
                connections.spawn(accept_all(listener, outlives_us, service, connections.clone()))
            }
        };
    }
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = service.watchdog.run(|| service.snapshots.limits(), &service.shutdown) => {}
        () = service.shutdown.stop.cancelled() => {}
    }
}

async fn accept_all<L: Listen>(
    listener: L,
    outlives_us: bool,
    service: Arc<Service>,
    connections: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = service.shutdown.drain.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => admit(stream, client, &service, &connections),
            Err(e) if is_per_connection(&e) => {}
            Err(e) => {
                service.connections.log_accept_error(e);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if outlives_us {
        // Connections in its queue are for the process that comes next.
        return;
    }
    // Connections that the kernel has already accepted would be reset; they came in time.
    for (stream, client) in listener.waiting() {
        admit(stream, client, &service, &connections);
    }
}

fn admit<S: ClientStream>(stream: S, client: SocketAddr, service: &Arc<Service>, connections: &TaskTracker) {
    let snapshot = service.snapshots.load();
    let rules = &snapshot.client_rules;
    if rules.expects_proxy_header() && !rules.is_trusted_proxy(client.ip()) {
        service.reporter.counters().rejected.add(1);
        service.connections.log_untrusted_peer(client.ip());
        return;
    }
    match service.connections.admit(rules.counted(client.ip())) {
        Ok(permit) => {
            service.reporter.counters().accepted.add(1);
            let service = Arc::clone(service);
            // Each kind of connection is a task of its own type, as large as it needs to be.
            match (rules.expects_proxy_header(), service.handshakes.clone()) {
                (true, _) => connections.spawn(serve_behind_proxy(stream, client, service, permit)),
                (false, None) => connections.spawn(serve::serve(stream, client, service, permit)),
                (false, Some(handshakes)) => {
                    connections.spawn(serve::serve_secured(stream, client, service, handshakes, permit))
                }
            };
        }
        Err(limit) => reject(stream, client, limit, service),
    }
}

/// Serves a connection whose client is named by the PROXY protocol header of `peer`, a trusted proxy.
async fn serve_behind_proxy<S: ClientStream>(
    mut stream: S,
    peer: SocketAddr,
    service: Arc<Service>,
    permit: Permit,
) {
    let client = match proxy_header::read(&mut stream, &service).await {
        Ok(named) => named.unwrap_or(peer),
        Err(reason) => {
            if let Some(reason) = reason {
                service.reporter.counters().rejected.add(1);
                service.connections.log_bad_proxy_header(peer.ip(), reason);
            }
            return;
        }
    };
    let counted = service.snapshots.load().client_rules.counted(client.ip());
    match permit.counting_for(counted) {
        Ok(permit) => match service.handshakes.clone() {
            None => serve::serve(stream, client, service, permit).await,
            Some(handshakes) => serve::serve_secured(stream, client, service, handshakes, permit).await,
        },
        Err(limit) => reject(stream, client, limit, &service),
    }
}

/// Rejects a connection beyond a limit.
fn reject<S: ClientStream>(stream: S, client: SocketAddr, limit: LimitReached, service: &Service) {
    service.reporter.counters().rejected.add(1);
    service.connections.log_rejected(limit, client.ip());
    // A response over TLS would need a handshake, and that is what there is no capacity for.
    if service.handshakes.is_none() {
        connection_limit::reject(stream, limit, &service.connections);
    }
}

/// Whether the error concerns a connection that broke before it was accepted, not the listener.
fn is_per_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
