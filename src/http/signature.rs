//! Signature of links (HMAC-SHA256): its query parameters, the text that is signed, and how it is computed and
//! verified.
//!
//! A link is `PATH?v=…&expires=SECONDS&key=ID&signature=SIGNATURE`. The signature is HMAC-SHA256 (RFC 2104, FIPS
//! 180-4) over
//!
//! ```text
//! wamedia-link-v1 LF ID LF SECONDS LF /PATH
//! ```
//!
//! in UTF-8. LF is the octet 0x0A; there is none at the end. `ID` names the key. `SECONDS` is the expiry in Unix
//! seconds, in decimal digits without a leading zero. `/PATH` is the asset's path with its leading slash, with all
//! percent-encoding decoded. No two links have the same text, since none of the three can contain an LF. The octets
//! of the signature are written in base64url without padding (RFC 4648 section 5), which makes 43 characters.
//!
//! Host, method and `v` are not signed: a link gives access to an asset until a time, whichever version of it.
//!
//! The keys, and which claims are accepted, are in [`signing_keys`](super::signing_keys).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::asset::AssetPath;

/// Length of a signature in octets.
const SIGNATURE_LEN: usize = 32;
/// Longest id of a key, in characters.
const MAX_ID: usize = 64;

/// The signature of a link to one asset until one time. Displays as its part of the query:
/// `expires=1800000000&key=k1&signature=…`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSignature {
    /// The Unix second at which the link expires.
    pub expires: u64,
    pub(super) key: Box<str>,
    pub(super) signature: [u8; SIGNATURE_LEN],
}

impl fmt::Display for LinkSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expires, key, signature } = self;
        write!(f, "expires={expires}&key={key}&signature={}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Without the signature, which gives access to the asset.
impl fmt::Debug for LinkSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSignature")
            .field("expires", &self.expires)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The signature parameters of a request's query: well-formed, but not verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim<'q> {
    /// The Unix second at which the link expires.
    pub expires: u64,
    /// The id of the key that supposedly signed it.
    pub key: &'q str,
    pub(super) signature: [u8; SIGNATURE_LEN],
}

impl<'q> Claim<'q> {
    /// A placeholder for a missing claim, so that verification takes the same time.
    pub(super) const NONE: Claim<'static> = Claim { expires: 0, key: "", signature: [0; SIGNATURE_LEN] };

    /// Reads a query (without its `?`): `expires`, `key` and `signature` once each, in any order, among other
    /// parameters.
    ///
    /// None of them needs percent-encoding, so each has exactly one spelling; `None` if one is missing, repeated or
    /// spelled differently.
    pub fn read(query: &'q str) -> Option<Self> {
        let (mut expires, mut key, mut signature) = (None, None, None);
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let seen = match name {
                "expires" => &mut expires,
                "key" => &mut key,
                "signature" => &mut signature,
                _ => continue,
            };
            if seen.replace(value).is_some() {
                return None;
            }
        }
        Some(Self {
            expires: seconds(expires?)?,
            key: key.filter(|id| is_key_id(id))?,
            signature: octets(signature?)?,
        })
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("expires", &self.expires)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Signs the link to the asset at `path` until `expires` with `key`, whose id is `id`.
pub(super) fn sign(key: &hmac::Key, id: &str, path: &AssetPath, expires: u64) -> [u8; SIGNATURE_LEN] {
    hmac_sha256(key, &signed_text(path, expires, id))
}

/// Whether the signature of `claim` is that of `key` for the asset at `path`. Compares in constant time. The expiry is
/// part of what is signed, but is not compared with a clock here.
pub(super) fn verify(key: &hmac::Key, path: &AssetPath, claim: &Claim) -> bool {
    let text = signed_text(path, claim.expires, claim.key);
    hmac::verify(key, text.as_bytes(), &claim.signature).is_ok()
}

/// HMAC-SHA256 of `text`.
pub(super) fn hmac_sha256(key: &hmac::Key, text: &str) -> [u8; SIGNATURE_LEN] {
    hmac::sign(key, text.as_bytes()).as_ref().try_into().expect("HMAC-SHA256 makes 32 octets")
}

/// The text that is signed; see the head of this file.
fn signed_text(path: &AssetPath, expires: u64, key: &str) -> String {
    format!("wamedia-link-v1\n{key}\n{expires}\n/{}", path.as_str())
}

/// Whether `text` is a valid key id: it needs no percent-encoding in a query, and contains none of the characters that
/// separate keys, or an id from its key.
pub(super) fn is_key_id(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn seconds(text: &str) -> Option<u64> {
    let is_canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical)
}

fn octets(text: &str) -> Option<[u8; SIGNATURE_LEN]> {
    let mut octets = [0; SIGNATURE_LEN];
    // The decoder accepts neither padding nor a last character with surplus bits.
    let len = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut octets).ok()?;
    (len == SIGNATURE_LEN).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIGNATURE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn the_three_parameters_are_read_in_any_order_among_others() {
        for query in [
            format!("expires=1&key=k&signature={SIGNATURE}"),
            format!("signature={SIGNATURE}&key=k&expires=1"),
            format!("v=0123456789abcdef&expires=1&key=k&signature={SIGNATURE}"),
            format!("&&key=k&x&signature={SIGNATURE}&=&expires=1&utm_source=a=b&Expires=2&KEY=x"),
            // Other spellings of the names are other names.
            format!("expires=1&key=k&signature={SIGNATURE}&%73ignature=x&Signature=y"),
        ] {
            let expected = Claim { expires: 1, key: "k", signature: [0; SIGNATURE_LEN] };
            assert_eq!(Claim::read(&query), Some(expected), "{query}");
        }
    }

    #[test]
    fn missing_repeated_or_malformed_parameters_are_no_claim() {
        let parts = ["expires=1".to_owned(), "key=k".to_owned(), format!("signature={SIGNATURE}")];
        assert_eq!(Claim::read(""), None);
        for left_out in 0..3 {
            let mut query = parts.to_vec();
            let part = query.remove(left_out);
            assert_eq!(Claim::read(&query.join("&")), None, "without {part}");
            let name = part.split('=').next().unwrap_or_default();
            for twice in [part.clone(), format!("{name}="), name.to_owned()] {
                for at in [0, 3] {
                    let mut query = parts.to_vec();
                    query.insert(at, twice.clone());
                    assert_eq!(Claim::read(&query.join("&")), None, "{twice} in addition");
                }
            }
            for other in [
                format!("{name}="),
                name.to_owned(),
                part.to_uppercase(),
                part.replace('=', "%3D"),
                format!("{part}="),
            ] {
                let mut query = parts.to_vec();
                query[left_out].clone_from(&other);
                assert_eq!(Claim::read(&query.join("&")), None, "{other}");
            }
        }
    }

    #[test]
    fn an_expiry_has_one_spelling() {
        for (text, read) in [
            ("0", Some(0)),
            ("1800000000", Some(1_800_000_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999999999", None),
            ("", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("-1", None),
            ("1.0", None),
            ("1e9", None),
            ("0x1", None),
            (" 1", None),
            ("1 ", None),
            ("%31", None),
            ("\u{661}", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(text), read, "{text:?}");
        }
    }

    #[test]
    fn a_signature_has_one_spelling() {
        let signature = [0xfb; SIGNATURE_LEN];
        let text = BASE64_URL_SAFE_NO_PAD.encode(signature);
        assert_eq!(octets(&text), Some(signature));
        let standard = text.replace('-', "+").replace('_', "/");
        assert_ne!(standard, text);
        // 43 characters hold 258 bits; the last two of them are not part of the signature.
        let noncanonical = format!("{}B", &SIGNATURE[..42]);
        for other in [
            standard,
            format!("{text}="),
            format!("{text}A"),
            format!("{text}AA"),
            text[..42].to_owned(),
            text[..40].to_owned(),
            noncanonical,
            format!(" {}", &text[1..]),
            format!("%2d{}", &text[1..]),
            String::new(),
        ] {
            assert_eq!(octets(&other), None, "{other}");
        }
    }

    #[test]
    fn debug_output_contains_no_signature() {
        let query = format!("expires=1&key=k&signature={}", BASE64_URL_SAFE_NO_PAD.encode([7; 32]));
        let claim = Claim::read(&query).expect("a claim");
        let link = LinkSignature { expires: 1, key: "k".into(), signature: [7; 32] };
        assert_eq!(link.to_string(), query);
        for shown in [format!("{claim:?}"), format!("{link:?}")] {
            assert!(!shown.contains("BwcH") && !shown.contains("7, 7"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_rejected(query in "\\PC{0,80}") {
            let _ = Claim::read(&query);
        }

        #[test]
        fn any_choice_of_parameters_is_read_as_written_or_rejected(
            parts in prop::collection::vec("(expires|key|signature|v|)(=|)([0-9]{0,3}|[a-zA-Z0-9_-]{43}|%[0-9]{2})", 0..6),
        ) {
            let query = parts.join("&");
            if let Some(claim) = Claim::read(&query) {
                let again = LinkSignature { expires: claim.expires, key: claim.key.into(), signature: claim.signature };
                for part in again.to_string().split('&') {
                    prop_assert_eq!(parts.iter().filter(|given| *given == part).count(), 1, "{}", part);
                }
            }
        }
    }
}
