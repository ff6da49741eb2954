//! Who asks, where a proxy asks for somebody: `X-Forwarded-For`.
//!
//! Each proxy appends the address that it was connected from, so only the entries that our own proxies wrote can be believed,
//! and those stand on the right. `Forwarded` (RFC 7239) is not read: few proxies write it, most pass on what a client wrote
//! there, and of two fields that may contradict each other only one can be believed.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client that a request came from, which `peer` brought.
///
/// Where the peer is trusted, the entries are walked from the last one to the first: the first that is not trusted is the client's,
/// whatever stands before it. One that is no address ends the walk, since what stands before it was written by nobody knows
/// whom; then, and where all are trusted, it is the last address that the walk came by.
///
/// An entry is an IPv4 or an IPv6 address, with a port or without (`192.0.2.1:4711`, `[2001:db8::1]:4711`), the latter in
/// brackets or without. Lines count as one list (RFC 9110 section 5.3). IPv4 addresses that are written as IPv6 addresses
/// are taken, and told, as what they are.
pub fn client_behind(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        let Some(entry) = entries.next() else { break };
        match entry.trim_ascii() {
            // An empty element of a list is none (RFC 9110 section 5.6.1.2).
            b"" => {}
            entry => match address(entry) {
                Some(address) => client = address,
                None => break,
            },
        }
    }
    client
}

fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text.parse().ok().or_else(bracketed);
    let address = address.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    /// All of 10.0.0.0/8, and one IPv6 address.
    fn is_trusted(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => v4.octets()[0] == 10,
            IpAddr::V6(v6) => v6.to_string() == "2001:db8::10",
        }
    }

    fn client(peer: &str, lines: &[&[u8]]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).expect("a value"));
        }
        client_behind(peer.parse().expect("an address"), &headers, is_trusted)
    }

    #[test]
    fn the_client_is_the_last_whom_nobody_trusts() {
        for (peer, lines, expected) in [
            // Without a trusted peer, nothing is believed.
            ("203.0.113.1", &["192.0.2.1"][..], "203.0.113.1"),
            ("203.0.113.1", &["10.0.0.1"], "203.0.113.1"),
            ("2001:db8::11", &["192.0.2.1"], "2001:db8::11"),
            // With one, the last entry is.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("2001:db8::10", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            // What the client itself wrote stands on the left of it.
            ("10.0.0.1", &["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["10.9.9.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["nonsense, 192.0.2.1"], "192.0.2.1"),
            // Through several proxies of ours.
            ("10.0.0.1", &["198.51.100.9, 192.0.2.1, 10.0.0.3, 10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1,10.0.0.3,\t10.0.0.2 "], "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
            // Several lines are one list.
            ("10.0.0.1", &["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9", "192.0.2.1, 10.0.0.2", "10.0.0.3"], "192.0.2.1"),
            // Ports, brackets, and IPv4 in IPv6.
            ("10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1, 10.0.0.2:80"], "192.0.2.1"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:DB8:0::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["192.0.2.1, [2001:db8::10]:443"], "192.0.2.1"),
            ("10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
            // Empty elements are none.
            ("10.0.0.1", &["192.0.2.1,, ,"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1", ""], "192.0.2.1"),
            ("10.0.0.1", &["", ","], "10.0.0.1"),
            // What is no address ends the walk at the last one that is.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1", "_hidden"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.256"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1:99999"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1:"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.01"], "10.0.0.1"),
            ("10.0.0.1", &["[192.0.2.1]"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1"], "10.0.0.1"),
            ("10.0.0.1", &["2001:db8::1]"], "10.0.0.1"),
            ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
            ("10.0.0.1", &["\"192.0.2.1\""], "10.0.0.1"),
            ("10.0.0.1", &["for=192.0.2.1"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1 10.0.0.2"], "10.0.0.1"),
        ] {
            let lines_read: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(client(peer, &lines_read).to_string(), expected, "{peer} {lines:?}");
        }
        assert_eq!(client("10.0.0.1", &[b"192.0.2.1, \xff"]).to_string(), "10.0.0.1");
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_writes_makes_it_another(before in "[0-9a-f:.,\\[\\] ]{0,40}", lines in prop::collection::vec("\\PC{0,20}", 0..3)) {
            // What the proxy appends: to the last line, or as one of its own.
            let appended = format!("{before}, 192.0.2.1");
            let mut all: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            for last in [appended.as_bytes(), b"192.0.2.1"] {
                all.push(last);
                prop_assert_eq!(client("10.0.0.1", &all).to_string(), "192.0.2.1");
                all.pop();
            }
        }
    }
}
