//! PROXY protocol: the header in which a load balancer names the client of a TCP connection, before TLS and HTTP.
//!
//! Versions 1 (text) and 2 (binary) of "The PROXY protocol" by the authors of `HAProxy`. Its extensions (TLVs) are skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest header of version 1, its line break included.
const MAX_TEXT: usize = 107;
/// Longest header of version 2 that is accepted. Addresses take at most 216 bytes, and extensions some hundred.
const MAX_BINARY: usize = 4096;
/// Most bytes that a header takes.
pub const MAX_LENGTH: usize = MAX_BINARY;
/// How every header of version 2 begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of version 2 before the addresses: signature, version and command, family, length.
const FIXED: usize = 16;

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The beginning of a header.
    Incomplete,
    /// No header, or one that breaks the rules: what is wrong with it.
    Invalid(&'static str),
    /// A whole header.
    Complete {
        /// Its length in bytes.
        len: usize,
        /// The client; `None` if the connection is the proxy's own, or the client has no IP address.
        client: Option<SocketAddr>,
    },
}

use ProxyHeader::{Complete, Incomplete, Invalid};

/// Reads the header at the start of `bytes`, which may be any of the first bytes of a connection. Bytes after it are not read.
pub fn proxy_header(bytes: &[u8]) -> ProxyHeader {
    if is_start(bytes, SIGNATURE) {
        if bytes.len() < FIXED { Incomplete } else { binary(bytes) }
    } else if is_start(bytes, b"PROXY ") {
        text(bytes)
    } else {
        Invalid("it does not begin with a PROXY header")
    }
}

/// Whether one of both begins with the other.
fn is_start(bytes: &[u8], beginning: &[u8]) -> bool {
    bytes.iter().zip(beginning).all(|(a, b)| a == b)
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 56324 443`, or `PROXY UNKNOWN` and anything.
fn text(bytes: &[u8]) -> ProxyHeader {
    let within = &bytes[..bytes.len().min(MAX_TEXT)];
    let Some(end) = within.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() < MAX_TEXT {
            Incomplete
        } else {
            Invalid("its line is longer than 107 bytes")
        };
    };
    let len = end + 2;
    let Ok(line) = std::str::from_utf8(&bytes[..end]) else { return Invalid("its line is not ASCII") };
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Complete { len, client: None };
    }
    let words: Vec<_> = words.collect();
    let [source, destination, source_port, destination_port] = words[..] else {
        return Invalid("its line does not have two addresses and two ports");
    };
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (Some(source), Some(_)) = (address(source), address(destination)) else {
        return Invalid("its addresses are not of the family TCP4 or TCP6");
    };
    let (Some(port), Some(_)) = (port(source_port), port(destination_port)) else {
        return Invalid("its ports are not numbers from 0 to 65535");
    };
    Complete { len, client: Some(SocketAddr::new(source, port)) }
}

/// A port without signs or leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// Version 2, of which at least the fixed part is there.
fn binary(bytes: &[u8]) -> ProxyHeader {
    let (version_and_command, family) = (bytes[12], bytes[13]);
    let len = FIXED + usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let is_own = match version_and_command {
        // LOCAL: a health check of the proxy.
        0x20 => true,
        0x21 => false,
        _ => return Invalid("its version or its command is unknown"),
    };
    if len > MAX_BINARY {
        return Invalid("it is longer than 4096 bytes");
    }
    if bytes.len() < len {
        return Incomplete;
    }
    let addresses = &bytes[FIXED..len];
    // Family in the upper half, transport in the lower: 1 is a stream.
    let client = match family {
        _ if is_own => None,
        0x11 => match addresses {
            [a, b, c, d, _, _, _, _, high, low, _, _, ..] => {
                Some(SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([*high, *low]))))
            }
            _ => return Invalid("it is too short for two IPv4 addresses"),
        },
        0x21 => match addresses.split_first_chunk::<16>() {
            Some((source, rest)) if rest.len() >= 20 => {
                Some(SocketAddr::from((*source, u16::from_be_bytes([rest[16], rest[17]]))))
            }
            _ => return Invalid("it is too short for two IPv6 addresses"),
        },
        // Datagrams and Unix sockets; the receiver takes the address of the proxy.
        _ => None,
    };
    Complete { len, client }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let len = u16::try_from(addresses.len()).expect("a length").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, addresses].concat()
    }

    fn client(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 4, 1, 187];

    #[test]
    fn text_headers_name_the_client() {
        let longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
        assert!(longest.len() < MAX_TEXT);
        for (line, expected) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", Some(client("192.0.2.1:56324"))),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 1 0\r\n", Some(client("[2001:db8::1]:1"))),
            (longest, Some(client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"))),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 anything at all\r\n", None),
        ] {
            let whole = format!("{line}GET / HTTP/1.1\r\n");
            assert_eq!(
                proxy_header(whole.as_bytes()),
                Complete { len: line.len(), client: expected },
                "{line}"
            );
            for end in 0..line.len() {
                assert_eq!(proxy_header(&line.as_bytes()[..end]), Incomplete, "{:?}", &line[..end]);
            }
        }
    }

    #[test]
    fn binary_headers_name_the_client() {
        let mut ipv6 = vec![0; 36];
        (ipv6[0], ipv6[15], ipv6[33]) = (0x20, 1, 80);
        let with_extensions = [&IPV4[..], &[4, 0, 2, 0, 0]].concat();
        for (header, expected) in [
            (v2(0x21, 0x11, &IPV4), Some(client("192.0.2.1:56324"))),
            (v2(0x21, 0x11, &with_extensions), Some(client("192.0.2.1:56324"))),
            (v2(0x21, 0x21, &ipv6), Some(client("[2000::1]:80"))),
            (v2(0x20, 0x11, &IPV4), None),
            (v2(0x20, 0, &[]), None),
            (v2(0x21, 0x31, &[0; 216]), None),
            (v2(0x21, 0, &[]), None),
        ] {
            let whole = [&header[..], b"GET"].concat();
            assert_eq!(proxy_header(&whole), Complete { len: header.len(), client: expected }, "{header:?}");
            for end in 0..header.len() {
                assert_eq!(proxy_header(&header[..end]), Incomplete, "{end} of {header:?}");
            }
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01",
            b"proxy TCP4 ",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
            b"PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.2 56324 443\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            b"PROXY TCP6 192.0.2.1 198.51.100.2 56324 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 01 443\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n",
            b"PROXY \xff\r\n",
            &[&b"PROXY UNKNOWN "[..], &[b'x'; 107]].concat(),
            &v2(0x11, 0x11, &IPV4),
            &v2(0x22, 0x11, &IPV4),
            &v2(0x21, 0x11, &IPV4[..11]),
            &v2(0x21, 0x21, &[0; 35]),
            &v2(0x21, 0x11, &[0; MAX_BINARY]),
        ] {
            assert!(matches!(proxy_header(bytes), Invalid(_)), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_their_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3_u8) {
            let bytes = match kind {
                0 => bytes,
                1 => [b"PROXY ", &bytes[..]].concat(),
                _ => [&SIGNATURE[..], &bytes].concat(),
            };
            if let Complete { len, .. } = proxy_header(&bytes) {
                prop_assert!(len <= bytes.len() && len <= MAX_LENGTH);
                prop_assert_eq!(proxy_header(&bytes[..len]), proxy_header(&bytes));
            }
        }
    }
}
