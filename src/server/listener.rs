//! Listening sockets: bound before anything runs, one of each address for every serving core. [`accept`](super::accept) accepts
//! connections on them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::service::Service;

/// Length of the kernel's accept queue, used while all cores are busy; the kernel takes the lesser of this and `somaxconn`.
pub(super) const BACKLOG: i32 = 4096;
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
    /// A Unix socket cannot be bound.
    #[error("cannot listen on unix:{}: {reason}", path.display())]
    UnixSocket {
        /// The path of the socket.
        path: PathBuf,
        /// What is wrong with it, and how to fix it.
        reason: String,
    },
    /// No thread or no file descriptor is left for a serving core.
    #[error(
        "cannot start a serving core: {0}; allow more open files or threads (ulimit -n, ulimit -u; LimitNOFILE=, TasksMax=), \
         or set fewer `threads`"
    )]
    Thread(#[source] io::Error),
    /// A socket that was passed to the program cannot be used.
    #[error(
        "cannot use the inherited socket {name} (LISTEN_FDS): {reason}; pass listening TCP or Unix sockets \
             (ListenStream= in a .socket unit), or none"
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
    pub(super) socket: AnyListener,
    /// Whether another process holds it, too, and continues to listen when this one ends.
    pub(super) outlives_us: bool,
}

/// A listener of the standard library.
#[derive(Debug)]
pub(super) enum AnyListener {
    Tcp(StdListener),
    Unix(StdUnixListener),
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
            core.push(ListeningSocket { socket: AnyListener::Tcp(alone), outlives_us: false });
        } else {
            drop(alone);
            for core in &mut bound.cores {
                let socket = AnyListener::Tcp(bind(actual, true).map_err(named)?);
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
            let socket = AnyListener::Tcp(socket.try_clone().map_err(named)?);
            core.push(ListeningSocket { socket, outlives_us: true });
        }
    }
    Ok(bound)
}

/// Adds a Unix socket for each core: the same one, because only one can have the path.
pub(super) fn share_unix(
    socket: &StdUnixListener,
    outlives_us: bool,
    cores: &mut [Vec<ListeningSocket>],
) -> io::Result<()> {
    for core in cores {
        core.push(ListeningSocket { socket: AnyListener::Unix(socket.try_clone()?), outlives_us });
    }
    Ok(())
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

/// Prepares a Unix socket that another process has bound.
pub(super) fn adopt_unix(socket: &StdUnixListener) -> io::Result<()> {
    require_listening(&SockRef::from(socket))?;
    socket.set_nonblocking(true)
}

fn require_listening(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.is_listener()? { Ok(()) } else { Err(io::Error::other("it is not listening")) }
}

/// Prepares a TCP socket that another process has bound.
pub(super) fn adopt(socket: &StdListener) -> io::Result<()> {
    let socket = SockRef::from(socket);
    require_listening(&socket)?;
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
