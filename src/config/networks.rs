//! IP networks in CIDR notation: `203.0.113.0/24`, `2001:db8::/32`, `198.51.100.7`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// The IP addresses with a common prefix (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The first address.
    address: IpAddr,
    /// Length of the prefix in bits, 0 to 32 or to 128.
    prefix: u32,
}

/// How Unix sockets begin among addresses, and how clients on them are written.
pub const UNIX_PREFIX: &str = "unix:";
/// Clients on Unix sockets have no address. They count as this one, from which no TCP connection comes.
pub const UNIX_PEER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const UNIX_PEERS: Network = Network { address: UNIX_PEER, prefix: 32 };

/// A list of networks; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether one of the networks contains the address. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        // Usually the list is empty.
        !self.0.is_empty() && self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// Whether one of the networks contains every address of its family.
    pub fn contains_all(&self) -> bool {
        self.0.iter().any(|network| network.prefix == 0)
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_slice(&self) -> &[Network] {
        &self.0
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                first_of(address, self.prefix) == self.address
            }
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits after the first `prefix` cleared.
fn first_of(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(32 - prefix).unwrap_or(0)).into()),
        IpAddr::V6(v6) => {
            IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)).into())
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == UNIX_PREFIX {
            return Ok(UNIX_PEERS);
        }
        let malformed = || {
            format!(
                "`{}` is neither an address nor a network; write one such as \"203.0.113.7\", \"203.0.113.0/24\" or \
                 \"2001:db8::/32\"",
                text.escape_debug()
            )
        };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        if address.to_canonical() != address {
            return Err(format!(
                "`{text}` is an IPv4 address written as an IPv6 address; write \"{}\"",
                address.to_canonical()
            ));
        }
        let width = width(address);
        let prefix = match prefix {
            None => width,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                let prefix = digits.parse().ok().filter(|prefix| *prefix <= width);
                prefix.ok_or_else(|| {
                    format!("`{text}` has a prefix that is longer than {width} bits; write 0 to {width}")
                })?
            }
            Some(_) => return Err(malformed()),
        };
        let first = first_of(address, prefix);
        if first != address {
            return Err(format!(
                "`{text}` is not the first address of its network; write \"{first}/{prefix}\", or \"{address}\" for that \
                 one address"
            ));
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == UNIX_PEERS {
            f.write_str(UNIX_PREFIX)
        } else if self.prefix == width(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn networks_contain_addresses() {
        for (text, address, is_in) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("10.0.0.0/9", "10.127.255.255", true),
            ("10.0.0.0/9", "10.128.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::1", true),
            ("::1/128", "::2", false),
        ] {
            let networks: Networks = [network("192.0.2.255"), network(text)].into_iter().collect();
            assert_eq!(networks.contains(address.parse().expect("an address")), is_in, "{text} {address}");
        }
        assert!(!Networks::default().contains("::1".parse().expect("an address")));
    }

    #[test]
    fn networks_display_as_they_are_written() {
        for text in ["203.0.113.0/24", "203.0.113.7", "::1", "2001:db8::/32", "0.0.0.0/0", "::/0"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("203.0.113.7/32").to_string(), "203.0.113.7");
    }

    #[test]
    fn invalid_networks_are_rejected_with_the_fix() {
        for (text, part) in [
            ("", "neither an address nor a network"),
            ("localhost", "write one such as \"203.0.113.7\""),
            ("10.0.0.0/", "neither"),
            ("10.0.0.0/+8", "neither"),
            ("10.0.0.0/8/8", "neither"),
            ("10.0.0", "neither"),
            ("10.0.0.0 /8", "neither"),
            ("10.0.0.1:80", "neither"),
            ("fe80::1%eth0", "neither"),
            ("10.0.0.0/33", "longer than 32 bits"),
            ("::/129", "longer than 128 bits"),
            ("::/99999999999", "longer than 128 bits"),
            ("10.0.0.1/8", "write \"10.0.0.0/8\", or \"10.0.0.1\" for that one address"),
            ("2001:db8::1/32", "write \"2001:db8::/32\""),
            ("::ffff:10.0.0.1", "as an IPv6 address; write \"10.0.0.1\""),
        ] {
            let reason = text.parse::<Network>().expect_err(text);
            assert!(reason.contains(part), "{text:?}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn any_network_contains_its_first_address_and_reads_back(bits in any::<u128>(), prefix in 0_u32..=128, v6 in any::<bool>()) {
            let (address, prefix) = if v6 {
                (IpAddr::V6(bits.into()), prefix)
            } else {
                (IpAddr::V4(u32::try_from(bits >> 96).expect("32 bits").into()), prefix / 4)
            };
            let first = first_of(address, prefix);
            prop_assume!(first.to_canonical() == first && address.to_canonical() == address);
            let network = Network { address: first, prefix };
            prop_assert!(network.contains(address) && network.contains(first));
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-f:./]{0,40}") {
            let _ = text.parse::<Network>();
        }
    }
}
