//! From a host to connections: its addresses, and one of them that takes a connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address;
use super::transcript::Failure;

/// Addresses of a host that are tried; more are not needed to learn what it is like.
const TRIED: usize = 8;

/// The addresses of a host, in the order in which the system would try them, each once.
pub(super) async fn addresses(host: &str, within: Duration) -> Result<Vec<IpAddr>, Failure> {
    if let Some(address) = address::literal(host) {
        return Ok(vec![address]);
    }
    let mut found: Vec<IpAddr> = match timeout(within, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(e)) => return Err(Failure::Lookup(e.to_string())),
        Err(_) => {
            return Err(Failure::Lookup(format!(
                "no answer from the resolver in {} s",
                within.as_secs_f32()
            )));
        }
    };
    let mut seen = Vec::new();
    found.retain(|address| {
        !seen.contains(address) && {
            seen.push(*address);
            true
        }
    });
    found.truncate(TRIED);
    if found.is_empty() { Err(Failure::Lookup("the resolver knows none".to_owned())) } else { Ok(found) }
}

/// A connection, and the addresses that were tried for it in vain.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) dead: Vec<(IpAddr, String)>,
}

/// Connects to the first address that takes a connection, each in its share of the time.
pub(super) async fn connect(addresses: &[IpAddr], port: u16, within: Duration) -> Result<Connected, Failure> {
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let (mut dead, mut failures) = (Vec::new(), Vec::new());
    for &ip in addresses {
        let address = SocketAddr::new(ip, port);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests, each waited for.
                let _ = stream.set_nodelay(true);
                return Ok(Connected { stream, dead });
            }
            Ok(Err(e)) if is_ours(&e) => failures.push(Failure::NoRoute(format!("{address}: {e}"))),
            Ok(Err(e)) => {
                dead.push((ip, e.to_string()));
                failures.push(Failure::Connect(format!("{address}: {e}")));
            }
            Err(_) => {
                dead.push((ip, format!("no connection in {} s", share.as_secs_f32())));
                failures.push(Failure::ConnectTimeout);
            }
        }
    }
    // What is the server's comes before what is ours.
    let is_theirs = |failure: &Failure| !matches!(failure, Failure::NoRoute(_));
    let worst = failures.iter().position(is_theirs).unwrap_or(0);
    Err(if failures.is_empty() {
        Failure::Lookup("no address".to_owned())
    } else {
        failures.swap_remove(worst)
    })
}

/// Whether it is this machine that cannot go there, as one without IPv6 cannot.
fn is_ours(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkDown, NetworkUnreachable, PermissionDenied};
    matches!(error.kind(), NetworkUnreachable | NetworkDown | AddrNotAvailable | PermissionDenied)
}
