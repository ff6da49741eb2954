//! Recognises IP addresses and host names that are not public. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The purpose of a special-purpose address (registries of RFC 6890), in a few words; `None` for a public address.
pub(super) fn restricted(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => restricted_v4(address),
        IpAddr::V6(address) => restricted_v6(address),
    }
}

fn restricted_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [127, ..] => Some("this machine (loopback)"),
        [0, ..] => Some("no host (unspecified)"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private network"),
        [169, 254, ..] => Some("one network segment (link-local)"),
        [100, 64..=127, ..] => Some("a provider's internal network (CGNAT)"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("documentation only"),
        [192, 0, 0, _] => Some("protocol assignments"),
        [198, 18 | 19, ..] => Some("benchmarks only"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("future use"),
        _ => None,
    }
}

fn restricted_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = address.to_ipv4_mapped() {
        return restricted_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine (loopback)"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("no host (unspecified)"),
        // The well-known prefix of NAT64 (RFC 6052) leads to the address in its last 32 bits.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            restricted_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0xfe80..=0xfebf, ..] => Some("one network segment (link-local)"),
        [0xfc00..=0xfdff, ..] => Some("a private network"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("documentation only"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("future use"),
    }
}

/// Top-level names that have a meaning only inside a network (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and names that routers and
/// clouds give to their own machines).
const LOCAL_ENDINGS: [&str; 13] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "home",
    "corp",
    "intranet",
    "test",
    "example",
    "invalid",
    "onion",
    "alt",
];

/// Why public DNS cannot resolve a host name; `None` if it may. IP addresses are not names.
pub(super) fn local_name(host: &str) -> Option<&'static str> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if literal(&host).is_some() {
        return None;
    }
    let ends_with =
        |ending: &&str| host.strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if let Some(ending) = LOCAL_ENDINGS.iter().find(|ending| ends_with(ending)) {
        return Some(*ending);
    }
    (!host.contains('.')).then_some("a name without a dot")
}

/// The IP address, if the host is one rather than a name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_purpose_addresses_are_not_public() {
        for (address, is_public) in [
            ("127.0.0.1", false),
            ("128.0.0.1", true),
            ("10.255.255.255", false),
            ("11.0.0.0", true),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("192.169.0.1", true),
            ("169.254.169.254", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("192.0.2.7", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("198.17.0.1", true),
            ("198.19.0.1", false),
            ("0.0.0.0", false),
            ("239.1.1.1", false),
            ("255.255.255.255", false),
            ("157.240.1.1", true),
            ("::1", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:157.240.1.1", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::157.240.1.1", true),
            ("fe80::1", false),
            ("fd00::1", false),
            ("2001:db8::1", false),
            ("2001:db9::1", true),
            ("2a03:2880::1", true),
            ("ff02::1", false),
            ("4000::1", false),
        ] {
            let purpose = restricted(address.parse().expect(address));
            assert_eq!(purpose.is_none(), is_public, "{address}: {purpose:?}");
        }
    }

    #[test]
    fn a_name_is_local_by_its_ending_or_without_a_dot() {
        for (host, is_local) in [
            ("localhost", true),
            ("media.localhost", true),
            ("printer.local", true),
            ("PRINTER.LOCAL.", true),
            ("vm.europe.internal", true),
            ("intranet", true),
            ("media.home.arpa", true),
            ("media.example", true),
            ("media.example.com", false),
            ("notlocal", true),
            ("x.notlocal", false),
            ("local.example.net", false),
            ("10.0.0.1", false),
            ("[::1]", false),
        ] {
            assert_eq!(local_name(host).is_some(), is_local, "{host}");
        }
    }
}
