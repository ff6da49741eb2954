//! Listening sockets: bound before anything runs, one of each address for every serving core.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::connection::{proxy_header, serve};
use super::limit::connection_limit::{self, LimitReached, Permit};
use super::service::Service;

/// Length of the kernel's accept queue, used while all cores are busy; the kernel takes the lesser of this and `somaxconn`.
const BACKLOG: i32 = 4096;
/// How long a listener pauses after the system failed to accept a connection, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Unsent bytes that the kernel buffers for a connection beyond those in flight (`TCP_NOTSENT_LOWAT`). Enough to keep the path
/// full; so few that a client that stops reading is noticed, and does not tie up megabytes in the kernel.
const NOTSENT_LOWAT: u32 = 256 << 10;

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process listens there.
    #[error(
        "{0} is in use by another program; stop it, or choose another address with --listen (the admin listener: --admin)"
    )]
    InUse(SocketAddr),
    /// The address is not one of this machine's.
    #[error("{0} is not an address of this machine; 0.0.0.0 and [::] stand for all its addresses")]
    NotHere(SocketAddr),
    /// This user may not listen there.
    #[error("this user may not listen on {0}; ports below 1024 need CAP_NET_BIND_SERVICE")]
    NotAllowed(SocketAddr),
    /// Any other error of the operating system.
    #[error("cannot listen on {0}: {1}")]
    Failed(SocketAddr, #[source] io::Error),
    /// No thread or no file descriptor is left for a serving core.
    #[error(
        "cannot start a serving core: {0}; allow more open files or threads (ulimit -n, ulimit -u; LimitNOFILE=, TasksMax=), \
         or set fewer `threads`"
    )]
    Thread(#[source] io::Error),
    /// A socket that was passed to the program cannot be used.
    #[error(
        "cannot use the inherited socket {name} (LISTEN_FDS): {reason}; pass listening TCP sockets \
             (ListenStream=ADDR:PORT in a .socket unit), or none"
    )]
    InheritedSockets {
        /// Its name or its number.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
}

/// A listening socket, and what its connections share.
pub(super) type Endpoint = (ListeningSocket, Arc<Service>);

/// A bound socket that listens.
#[derive(Debug)]
pub(super) struct ListeningSocket {
    socket: StdListener,
    /// Whether another process holds it, too, and continues to listen when this one ends.
    outlives_us: bool,
}

/// The listening sockets of some addresses.
pub(super) struct Bound {
    pub(super) addresses: Vec<SocketAddr>,
    /// Those of them that are `[::]`, and whether each accepts IPv4 connections, too.
    pub(super) dual_stack: Vec<(SocketAddr, bool)>,
    /// One set for each core.
    pub(super) cores: Vec<Vec<ListeningSocket>>,
}

/// Binds every address `cores` times. On a machine without IPv6, `[::]` is skipped if `0.0.0.0` has the same port.
pub(super) fn bind_all(addresses: &[SocketAddr], cores: usize) -> Result<Bound, BindError> {
    let mut bound = Bound {
        addresses: Vec::new(),
        dual_stack: Vec::new(),
        cores: (0..cores).map(|_| Vec::new()).collect(),
    };
    for &address in addresses {
        let named = |e| BindError::of(address, e);
        // A port shared by `SO_REUSEPORT` is shared with every other process of this user that asks for it, and each would get
        // some of the connections. So the port is first bound alone.
        let alone = match bind(address, false) {
            Err(e) if is_dispensable(address, addresses) && is_without_family(&e) => {
                log::info!("IPv6 is not available: not listening on {address}");
                continue;
            }
            bound => bound.map_err(named)?,
        };
        let actual = alone.local_addr().map_err(named)?;
        bound.addresses.push(actual);
        bound.dual_stack.extend(is_dual_stack(&alone).map(|is_dual| (actual, is_dual)));
        if let [core] = &mut bound.cores[..] {
            core.push(ListeningSocket { socket: alone, outlives_us: false });
        } else {
            drop(alone);
            for core in &mut bound.cores {
                let socket = bind(actual, true).map_err(named)?;
                core.push(ListeningSocket { socket, outlives_us: false });
            }
        }
    }
    Ok(bound)
}

/// Inherited sockets, for each of `cores`: the same ones, because they cannot be bound again.
pub(super) fn share_all(passed: &[StdListener], cores: usize) -> Result<Bound, BindError> {
    let mut bound = Bound {
        addresses: Vec::new(),
        dual_stack: Vec::new(),
        cores: (0..cores).map(|_| Vec::new()).collect(),
    };
    for socket in passed {
        let named =
            |e: io::Error| BindError::InheritedSockets { name: format!("{socket:?}"), reason: e.to_string() };
        let address = socket.local_addr().map_err(named)?;
        bound.addresses.push(address);
        bound.dual_stack.extend(is_dual_stack(socket).map(|is_dual| (address, is_dual)));
        for core in &mut bound.cores {
            core.push(ListeningSocket { socket: socket.try_clone().map_err(named)?, outlives_us: true });
        }
    }
    Ok(bound)
}

/// Whether a socket accepts IPv4 connections, too, if it listens on `[::]`; `None` for any other address.
///
/// Sockets that this program binds never do, whatever the system's default is (`net.ipv6.bindv6only`). Inherited ones do as their
/// owner chose (`BindIPv6Only=` in a .socket unit).
pub(super) fn is_dual_stack(socket: &StdListener) -> Option<bool> {
    let address = socket.local_addr().ok()?;
    if !address.is_ipv6() || !address.ip().is_unspecified() {
        return None;
    }
    SockRef::from(socket).only_v6().ok().map(|only_v6| !only_v6)
}

/// Prepares a socket that another process has bound.
pub(super) fn adopt(socket: &StdListener) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if !socket.is_listener()? {
        return Err(io::Error::other("it is not listening"));
    }
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(NOTSENT_LOWAT)?;
    socket.set_nonblocking(true)
}

/// Binds one address, once.
pub(super) fn bind_one(address: SocketAddr) -> Result<(StdListener, SocketAddr), BindError> {
    let named = |e| BindError::of(address, e);
    let listener = bind(address, false).map_err(named)?;
    let actual = listener.local_addr().map_err(named)?;
    Ok((listener, actual))
}

/// Whether an address is the unspecified one of IPv6, beside that of IPv4.
fn is_dispensable(address: SocketAddr, addresses: &[SocketAddr]) -> bool {
    let same = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    address.is_ipv6() && address.ip().is_unspecified() && addresses.contains(&same)
}

/// Whether there are no sockets or no addresses of that family.
fn is_without_family(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Otherwise `[::]` would collide with `0.0.0.0`.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    // Inherited by the connections that are accepted.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(NOTSENT_LOWAT)?;
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

/// An endpoint registered with a runtime, and whether its socket outlives us.
type Registered = (TcpListener, bool, Arc<Service>);

/// Registers `endpoints` with the current runtime.
pub(super) fn register(endpoints: Vec<Endpoint>) -> io::Result<Vec<Registered>> {
    let register = |(listening, service): Endpoint| {
        Ok((TcpListener::from_std(listening.socket)?, listening.outlives_us, service))
    };
    endpoints.into_iter().map(register).collect()
}

/// Accepts and serves connections until the shutdown begins, and returns once the last connection is closed. `service` is any of
/// this core's.
pub(super) async fn serve(endpoints: Vec<Registered>, service: &Service) {
    let connections = TaskTracker::new();
    for (listener, outlives_us, service) in endpoints {
        connections.spawn(accept_all(listener, outlives_us, service, connections.clone()));
    }
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = service.watchdog.run(|| service.snapshots.limits(), &service.shutdown) => {}
        () = service.shutdown.stop.cancelled() => {}
    }
}

async fn accept_all(
    listener: TcpListener,
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
async fn serve_behind_proxy(mut stream: TcpStream, peer: SocketAddr, service: Arc<Service>, permit: Permit) {
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
fn reject(stream: TcpStream, client: SocketAddr, limit: LimitReached, service: &Service) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_dispensable_only_beside_the_same_port_of_ipv4() {
        for (address, others, expected) in [
            ("[::]:443", &["0.0.0.0:443", "[::]:443"][..], true),
            ("[::]:443", &["0.0.0.0:80", "[::]:443"], false),
            ("[::]:443", &["127.0.0.1:443", "[::]:443"], false),
            ("[::1]:443", &["0.0.0.0:443", "[::1]:443"], false),
            ("0.0.0.0:443", &["0.0.0.0:443", "[::]:443"], false),
        ] {
            let others: Vec<_> = others.iter().map(|other| other.parse().unwrap()).collect();
            assert_eq!(is_dispensable(address.parse().unwrap(), &others), expected, "{address} {others:?}");
        }
        assert!(is_without_family(&rustix::io::Errno::AFNOSUPPORT.into()));
        assert!(!is_without_family(&rustix::io::Errno::ADDRINUSE.into()));
    }
}
