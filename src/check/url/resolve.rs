//! DNS lookup of a host, and a TCP connection to one of its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address;
use super::transcript::Failure;

/// Maximum number of addresses to try; more add no information.
const MAX_ADDRESSES: usize = 8;

/// The distinct addresses of a host, in the order in which the system tries them.
pub(super) async fn addresses(host: &str, within: Duration) -> Result<Vec<IpAddr>, Failure> {
    if let Some(address) = address::literal(host) {
        return Ok(vec![address]);
    }
    let mut found: Vec<IpAddr> = match timeout(within, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(e)) => return Err(Failure::Lookup(e.to_string())),
        Err(_) => {
            return Err(Failure::Lookup(format!(
                "the resolver did not answer within {} s",
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
    found.truncate(MAX_ADDRESSES);
    if found.is_empty() { Err(Failure::Lookup("the resolver found none".to_owned())) } else { Ok(found) }
}

/// A connection, and the addresses that failed before it.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) dead: Vec<(IpAddr, String)>,
}

/// Connects to the first address that accepts. The addresses share the timeout equally.
pub(super) async fn connect(addresses: &[IpAddr], port: u16, within: Duration) -> Result<Connected, Failure> {
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let (mut dead, mut failures) = (Vec::new(), Vec::new());
    for &ip in addresses {
        let address = SocketAddr::new(ip, port);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are small and sequential, so Nagle's algorithm would only delay them.
                let _ = stream.set_nodelay(true);
                return Ok(Connected { stream, dead });
            }
            Ok(Err(e)) if is_local(&e) => failures.push(Failure::NoRoute(format!("{address}: {e}"))),
            Ok(Err(e)) => {
                dead.push((ip, e.to_string()));
                failures.push(Failure::Connect(format!("{address}: {e}")));
            }
            Err(_) => {
                dead.push((ip, format!("no connection within {} s", share.as_secs_f32())));
                failures.push(Failure::ConnectTimeout);
            }
        }
    }
    // Prefer a failure of the server to one of this machine.
    let is_of_server = |failure: &Failure| !matches!(failure, Failure::NoRoute(_));
    let worst = failures.iter().position(is_of_server).unwrap_or(0);
    Err(if failures.is_empty() {
        Failure::Lookup("no address".to_owned())
    } else {
        failures.swap_remove(worst)
    })
}

/// Whether the failure is on this machine, such as a missing IPv6 route.
fn is_local(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkDown, NetworkUnreachable, PermissionDenied};
    matches!(error.kind(), NetworkUnreachable | NetworkDown | AddrNotAvailable | PermissionDenied)
}
