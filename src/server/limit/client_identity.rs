//! Client identity: which addresses the limits count as one client.

use std::net::{IpAddr, SocketAddr};

use crate::config;

/// The address of clients on a Unix socket, which have none.
pub(in crate::server) const UNIX_PEER: SocketAddr = SocketAddr::new(config::UNIX_PEER, 0);

/// Whether a client is on a Unix socket.
pub(in crate::server) fn is_unix_peer(address: IpAddr) -> bool {
    address == config::UNIX_PEER
}

/// What limits count as one client: an IPv4 address, or the first 64 bits of an IPv6 address. That is the least that a
/// subscriber gets (RFC 6177 section 2), and holds more addresses than could be counted one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::server) enum Client {
    V4(u32),
    V6(u64),
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6(u64::from_be_bytes(v6.octets()[..8].try_into().expect("half of 16"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_is_one_client_and_so_is_an_ipv4_address_in_either_notation() {
        let client = |address: &str| Client::from(address.parse::<IpAddr>().expect("an address"));
        for (a, b, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::1", "0.0.0.1", false),
        ] {
            assert_eq!(client(a) == client(b), is_same, "{a} {b}");
        }
    }
}
