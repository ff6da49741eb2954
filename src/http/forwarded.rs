//! `X-Forwarded-For`: the address of a client behind proxies.
//!
//! Each proxy appends the address that connected to it, so only the entries that our own proxies wrote are
//! trustworthy, and those are on the right. `Forwarded` (RFC 7239) is not read: few proxies write it, most pass on
//! what a client wrote there, and of two fields that may contradict each other only one can be trusted.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a request that `peer` sent.
///
/// If the peer is trusted, the entries are read from the last one to the first: the first untrusted address is the
/// client's, whatever precedes it. An entry that is not an address ends the search, since anyone may have written
/// what precedes it; then, and if all addresses are trusted, the result is the last address read.
///
/// An entry is an IPv4 or IPv6 address, with or without a port (`192.0.2.1:4711`, `[2001:db8::1]:4711`); an IPv6
/// address may be in brackets. Field lines form one list (RFC 9110 section 5.3). IPv4-mapped IPv6 addresses are
/// treated, and returned, as IPv4 addresses.
pub fn client_behind(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        let Some(entry) = entries.next() else { break };
        match entry.trim_ascii() {
            // An empty list element is ignored (RFC 9110 section 5.6.1.2).
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
    fn the_client_is_the_last_untrusted_address() {
        for (peer, lines, expected) in [
            // With an untrusted peer, no entry counts.
            ("203.0.113.1", &["192.0.2.1"][..], "203.0.113.1"),
            ("203.0.113.1", &["10.0.0.1"], "203.0.113.1"),
            ("2001:db8::11", &["192.0.2.1"], "2001:db8::11"),
            // With a trusted one, the last entry counts.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("2001:db8::10", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            // Entries of the client itself are on the left.
            ("10.0.0.1", &["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["10.9.9.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["nonsense, 192.0.2.1"], "192.0.2.1"),
            // Through several trusted proxies.
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
            // Empty elements are ignored.
            ("10.0.0.1", &["192.0.2.1,, ,"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1", ""], "192.0.2.1"),
            ("10.0.0.1", &["", ","], "10.0.0.1"),
            // An entry that is not an address ends the search at the last one that is.
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
        fn no_entry_of_a_client_changes_its_address(before in "[0-9a-f:.,\\[\\] ]{0,40}", lines in prop::collection::vec("\\PC{0,20}", 0..3)) {
            // The proxy appends to the last line, or adds a line of its own.
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
