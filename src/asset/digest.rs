//! SHA-256 of an asset's bytes, and the short version identifier in links.

use std::fmt;

/// The SHA-256 of a sequence of bytes.
///
/// Displays as 64 lowercase hex digits, as `sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the 32 octets of a SHA-256.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The 32 octets.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 hex digits, as `sha256sum` prints them.
    pub fn parse(hex: &str) -> Option<Self> {
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        let pairs: &[[u8; 2]; 32] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *octet = u8::try_from(high? << 4 | low?).ok()?;
        }
        Some(Self(octets))
    }

    /// The identifier of the version with these bytes: the first 16 hex digits.
    pub fn version(&self) -> VersionId {
        let mut hex = [0; VersionId::LEN];
        for (pair, octet) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(octet >> 4)];
            pair[1] = HEX[usize::from(octet & 0xf)];
        }
        VersionId(hex)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl From<[u8; 32]> for Digest {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Identifies one version of an asset in a link: 16 lowercase hex digits, the value of the query parameter `v`.
///
/// 64 bits are enough to distinguish the versions of one asset; the entity tag carries the whole digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VersionId([u8; VersionId::LEN]);

impl VersionId {
    /// Length of the identifier in characters.
    pub const LEN: usize = 16;

    /// Whether the `v` of a request names this version.
    pub fn is_named_by(&self, v: &str) -> bool {
        v.as_bytes() == self.0
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_like_sha256sum_and_the_version_is_its_first_16_digits() {
        let mut octets = [0; 32];
        octets[..3].copy_from_slice(&[0x0a, 0xff, 0x10]);
        let digest = Digest::new(octets);
        assert_eq!(digest.to_string(), format!("0aff10{}", "0".repeat(58)));
        assert_eq!(digest.version().as_str(), &digest.to_string()[..16]);
    }

    #[test]
    fn a_version_is_named_by_its_exact_text_only() {
        let version = Digest::new([0xab; 32]).version();
        assert!(version.is_named_by("abababababababab"));
        for other in ["", "ABABABABABABABAB", "ababababababab", "abababababababab0"] {
            assert!(!version.is_named_by(other), "{other:?}");
        }
    }
}
