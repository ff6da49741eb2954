//! Listening sockets: bound before anything runs, one of each address for every serving core.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::{Service, connection, limits};

/// Connections that the kernel keeps ready while all cores are busy; it takes the lesser of this and `somaxconn`.
const BACKLOG: i32 = 4096;
/// How long accepting rests when the process has no descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);
/// How much the kernel takes over from us beyond what is in flight, in bytes. Enough to keep the path full; so little
/// that a reader who has stopped is noticed, and does not tie up megabytes in the kernel.
const UNSENT: u32 = 256 << 10;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there already.
    #[error("{0} is in use by another program; stop that one, or choose another with --listen")]
    InUse(SocketAddr),
    /// The address is not one of this machine's.
    #[error("{0} is not an address of this machine; 0.0.0.0 and [::] stand for all of them")]
    NotHere(SocketAddr),
    /// This user may not listen there.
    #[error("this user may not listen on {0}; ports below 1024 need CAP_NET_BIND_SERVICE")]
    NotAllowed(SocketAddr),
    /// Anything else that the operating system says.
    #[error("listening on {0} failed: {1}")]
    Failed(SocketAddr, #[source] io::Error),
    /// No thread could be started.
    #[error("a serving thread could not be started: {0}")]
    Thread(#[source] io::Error),
}

/// All listening sockets.
pub(super) struct Bound {
    pub(super) addresses: Vec<SocketAddr>,
    /// One set for each core.
    pub(super) cores: Vec<Vec<StdListener>>,
}

/// Binds every address `cores` times.
pub(super) fn bind_all(addresses: &[SocketAddr], cores: usize) -> Result<Bound, BindError> {
    let mut bound = Bound { addresses: Vec::new(), cores: (0..cores).map(|_| Vec::new()).collect() };
    for &address in addresses {
        let named = |e| BindError::of(address, e);
        // Sockets that share a port share it with any other process of this user that asks to, and each would get some
        // of the connections. So the port is first taken alone.
        let alone = bind(address, false).map_err(named)?;
        let actual = alone.local_addr().map_err(named)?;
        bound.addresses.push(actual);
        if let [core] = &mut bound.cores[..] {
            core.push(alone);
        } else {
            drop(alone);
            for core in &mut bound.cores {
                core.push(bind(actual, true).map_err(named)?);
            }
        }
    }
    Ok(bound)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // An address means itself: `[::]` beside `0.0.0.0` must not collide with it.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    // Inherited by the connections that are accepted.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl BindError {
    fn of(address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::AddrNotAvailable => Self::NotHere(address),
            io::ErrorKind::PermissionDenied => Self::NotAllowed(address),
            _ => Self::Failed(address, error),
        }
    }
}

/// Accepts and serves until the server is told to stop, and then until the last connection has ended.
pub(super) async fn serve(sockets: Vec<StdListener>, service: &Arc<Service>) {
    let connections = TaskTracker::new();
    for socket in sockets {
        match TcpListener::from_std(socket) {
            Ok(listener) => {
                connections.spawn(accept_all(listener, Arc::clone(service), connections.clone()));
            }
            Err(e) => log::error!("a listening socket could not be used: {e}"),
        }
    }
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = service.patrol.walk(&service.limits, &service.stopping) => {}
        () = service.stopping.stop.cancelled() => {}
    }
}

async fn accept_all(listener: TcpListener, service: Arc<Service>, connections: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = service.stopping.drain.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => admit(stream, client, &service, &connections),
            Err(e) if is_of_one_connection(&e) => {}
            Err(e) => {
                log::warn!("no connection can be accepted: {e}");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
    // Those whose handshake the kernel has already completed would be reset; they were in time.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, client)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            admit(stream, client, &service, &connections);
        }
    }
}

fn admit(stream: TcpStream, client: SocketAddr, service: &Arc<Service>, connections: &TaskTracker) {
    match service.connections.admit() {
        Some(permit) => {
            connections.spawn(connection::serve(stream, client, Arc::clone(service), permit));
        }
        None => limits::turn_away(stream, &service.connections),
    }
}

/// Whether the error is of a connection that was gone before it was accepted, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
