//! Signing keys: their file format, and which key signs and which keys verify a link.
//!
//! What exactly is signed is in [`signature`]. Where the text with the keys comes from, who else
//! may read it, and which assets need a signed link, is up to the configuration.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;

use super::base64::BASE64;
use super::signature::{self, Claim, LinkSignature, hmac_sha256, is_key_id};
use crate::asset::AssetPath;

/// Shortest key in octets: the output length of the hash (RFC 2104 section 3).
const MIN_KEY: usize = 32;
/// Longest key in octets.
const MAX_KEY: usize = 1024;

/// The keys that sign and verify links: at least one, each with an id. The first key signs. All keys verify, so links that
/// an earlier key signed stay valid until they expire or the key is removed.
///
/// Cheap to clone. The keys are neither printed nor compared directly: two values are equal if they make the same signatures
/// under the same ids.
///
/// ```
/// use wamedia::asset::AssetPath;
/// use wamedia::http::SigningKeys;
///
/// let keys = SigningKeys::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let invoice = AssetPath::from_plain("personal/invoice.pdf")?;
/// let query = keys.sign(&invoice, 1_800_000_000).to_string();
/// assert_eq!(query, "expires=1800000000&key=k1&signature=KCfdbGOEOirGCJf44k6pHk7U40ESQIyU0d3DwWBbIxw");
/// assert!(keys.admit(&invoice, Some(&query), 1_799_999_999));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys(Arc<[SigningKey]>);

struct SigningKey {
    id: Box<str>,
    key: hmac::Key,
}

/// Why a text is not a list of keys. No message repeats the text, except for ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeysError {
    /// The text has no keys.
    #[error("there is no key; {FIX}")]
    Empty,
    /// The text begins with a byte order mark, which some editors write before UTF-8.
    #[error(
        "it begins with a byte order mark (EF BB BF), which would become part of the first id; save it as \
         UTF-8 without one"
    )]
    ByteOrderMark,
    /// A line in another format.
    #[error("line {line} is not `id:base64`; {FIX}")]
    NotAKey {
        /// Counted from 1.
        line: usize,
    },
    /// An id that would need percent-encoding in a link.
    #[error(
        "the id before the colon in line {line} is not 1 to 64 ASCII letters, digits, `-`, `_` and `.`; write one such as \
         `2026-01`"
    )]
    Id {
        /// Counted from 1.
        line: usize,
    },
    /// The part after the colon is not base64.
    #[error("the key `{id}` in line {line} is not base64 (RFC 4648 section 4); {FIX}")]
    NotBase64 {
        /// The key's id.
        id: String,
        /// Counted from 1.
        line: usize,
    },
    /// A key that is too short to be safe, or needlessly long.
    #[error("the key `{id}` in line {line} has {octets} bytes, and 32 to 1024 are needed; {FIX}")]
    Length {
        /// The key's id.
        id: String,
        /// Counted from 1.
        line: usize,
        /// Its length.
        octets: usize,
    },
    /// Two keys have the same id.
    #[error("the id `{id}` in line {line} is used twice; give each key an id that no other key ever had")]
    Twice {
        /// The id.
        id: String,
        /// The second line, counted from 1.
        line: usize,
    },
}

const FIX: &str = "write one line for each key; this command prints one: printf '2026-01:%s\\n' \"$(openssl rand -base64 32)\"";

impl SigningKeys {
    /// Reads one `id:base64` a line. Blank lines and lines that begin with `#` are skipped. In a text of one line,
    /// such as an environment variable, commas separate keys.
    pub fn parse(text: &str) -> Result<Self, SigningKeysError> {
        if text.starts_with('\u{feff}') {
            return Err(SigningKeysError::ByteOrderMark);
        }
        let mut keys: Vec<SigningKey> = Vec::new();
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            for part in text.split(',') {
                let key = read_key(part.trim(), line)?;
                if keys.iter().any(|other| other.id == key.id) {
                    return Err(SigningKeysError::Twice { id: key.id.into(), line });
                }
                keys.push(key);
            }
        }
        if keys.is_empty() { Err(SigningKeysError::Empty) } else { Ok(Self(keys.into())) }
    }

    /// Signs the link to an asset until `expires`, in Unix seconds, with the first key.
    pub fn sign(&self, path: &AssetPath, expires: u64) -> LinkSignature {
        let SigningKey { id, key } = &self.0[0];
        LinkSignature { expires, key: id.clone(), signature: signature::sign(key, id, path, expires) }
    }

    /// Whether a request for `path` with this query (without its `?`) has a valid signature at `now` in Unix seconds.
    /// A link is valid before the second that it names, and not from then on.
    ///
    /// Does the same work whatever is wrong, and compares in constant time.
    pub fn admit(&self, path: &AssetPath, query: Option<&str>, now: u64) -> bool {
        let read = Claim::read(query.unwrap_or_default());
        let claim = read.unwrap_or(Claim::NONE);
        let known = self.0.iter().find(|key| *key.id == *claim.key);
        let SigningKey { key, .. } = known.unwrap_or(&self.0[0]);
        let is_signed = signature::verify(key, path, &claim);
        is_signed && read.is_some() && known.is_some() && now < claim.expires
    }

    /// The ids of the keys, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| &*key.id)
    }
}

fn read_key(text: &str, line: usize) -> Result<SigningKey, SigningKeysError> {
    let (id, secret) = text.split_once(':').ok_or(SigningKeysError::NotAKey { line })?;
    if !is_key_id(id) {
        return Err(SigningKeysError::Id { line });
    }
    let secret =
        BASE64.decode(secret.trim()).map_err(|_| SigningKeysError::NotBase64 { id: id.to_owned(), line })?;
    if !(MIN_KEY..=MAX_KEY).contains(&secret.len()) {
        return Err(SigningKeysError::Length { id: id.to_owned(), line, octets: secret.len() });
    }
    Ok(SigningKey { id: id.into(), key: hmac::Key::new(hmac::HMAC_SHA256, &secret) })
}

impl PartialEq for SigningKeys {
    fn eq(&self, other: &Self) -> bool {
        let signs_alike = |(one, other): (&SigningKey, &SigningKey)| {
            one.id == other.id && hmac_sha256(&one.key, "") == hmac_sha256(&other.key, "")
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&*other.0).all(signs_alike)
    }
}

impl Eq for SigningKeys {}

/// Only the ids.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    const NOW: u64 = 1_799_999_999;
    const EXPIRES: u64 = 1_800_000_000;

    /// A key of 32 octets that count up from `first`.
    fn secret(first: u8) -> String {
        BASE64_STANDARD.encode((first..first + 32).collect::<Vec<u8>>())
    }

    fn keys(text: &str) -> SigningKeys {
        SigningKeys::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn one_key() -> SigningKeys {
        keys(&format!("k1:{}", secret(0)))
    }

    fn path(text: &str) -> AssetPath<'_> {
        AssetPath::from_plain(text).expect("a path")
    }

    /// Made with `openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f` and with Python's `hmac`; docs/private-links.md has them, too.
    #[test]
    fn signatures_are_those_of_other_implementations() {
        for (name, expires, signature) in [
            ("personal/invoice.pdf", EXPIRES, "KCfdbGOEOirGCJf44k6pHk7U40ESQIyU0d3DwWBbIxw"),
            ("personal/Rechnung M\u{e4}rz.pdf", 1, "yCLOIX57Ce6DB8W9yWVO9vvQMJQzVkFStr0NzO71_M8"),
        ] {
            let link = one_key().sign(&path(name), expires).to_string();
            assert_eq!(link, format!("expires={expires}&key=k1&signature={signature}"), "{name}");
        }
    }

    #[test]
    fn a_link_is_valid_until_its_second_and_for_its_path_alone() {
        let keys = one_key();
        let link = keys.sign(&path("personal/a b.pdf"), EXPIRES).to_string();
        for (name, now, admitted) in [
            ("personal/a b.pdf", NOW, true),
            ("personal/a b.pdf", 0, true),
            ("personal/a b.pdf", EXPIRES, false),
            ("personal/a b.pdf", EXPIRES + 1, false),
            ("personal/a b.pdf", u64::MAX, false),
            ("personal/b.pdf", NOW, false),
            ("personal/A b.pdf", NOW, false),
            ("personal/a b.pdf/x", NOW, false),
            ("personal", NOW, false),
            ("a b.pdf", NOW, false),
        ] {
            assert_eq!(keys.admit(&path(name), Some(&link), now), admitted, "{name} at {now}");
        }
        // However the path is spelled, it is the same asset.
        for spelled in ["/personal/a%20b.pdf", "/person%61l/%61%20%62.pdf", "/personal/a b.pdf"] {
            let path = AssetPath::from_url_path(spelled).expect("a path");
            assert!(keys.admit(&path, Some(&link), NOW), "{spelled}");
        }
    }

    #[test]
    fn missing_altered_or_repeated_parameters_are_rejected() {
        let (keys, path) = (one_key(), path("a.pdf"));
        let link = keys.sign(&path, EXPIRES).to_string();
        let signature = link.rsplit('=').next().expect("a signature");
        for query in [
            None,
            Some(String::new()),
            Some("v=0123456789abcdef".to_owned()),
            Some(format!("key=k1&signature={signature}")),
            Some(format!("expires={EXPIRES}&signature={signature}")),
            Some(format!("expires={EXPIRES}&key=k1")),
            Some(format!("{link}&expires={EXPIRES}")),
            Some(format!("{link}&key=k1")),
            Some(format!("{link}&signature={signature}")),
            Some(format!("signature&{link}")),
            Some(link.replace("k1", "k2")),
            Some(link.replace("k1", "K1")),
            Some(link.replace("k1", "")),
            Some(link.replace(&EXPIRES.to_string(), &(EXPIRES + 1).to_string())),
            Some(link.replace(&EXPIRES.to_string(), &format!("0{EXPIRES}"))),
            Some(format!("{link}=")),
            Some(link.replace('&', ";")),
            Some(link.replace('&', "&amp;")),
        ] {
            assert!(!keys.admit(&path, query.as_deref(), NOW), "{query:?}");
        }
        // The placeholder for a missing claim cannot be signed either.
        let stand_in = BASE64_STANDARD.encode(signature::sign(&keys.0[0].key, "", &path, 0));
        assert!(!keys.admit(&path, Some(&format!("expires=0&key=&signature={stand_in}")), 0));
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let (old, new) = (secret(0), secret(100));
        let before = keys(&format!("k1:{old}"));
        let during = keys(&format!("k2:{new}\nk1:{old}"));
        let after = keys(&format!("k2:{new}"));
        let path = path("a.pdf");
        let links = [before.sign(&path, EXPIRES).to_string(), during.sign(&path, EXPIRES).to_string()];
        for (keys, admitted) in [(&before, [true, false]), (&during, [true, true]), (&after, [false, true])] {
            assert_eq!(
                [0, 1].map(|at: usize| keys.admit(&path, Some(&links[at]), NOW)),
                admitted,
                "{keys:?}"
            );
        }
        // An id means one key: another one under it, or the same one under another id, signs otherwise.
        for other in [format!("k1:{new}"), format!("k3:{old}")] {
            assert!(!keys(&other).admit(&path, Some(&links[0]), NOW), "{links:?}");
        }
    }

    #[test]
    fn keys_are_read_line_by_line() {
        let (one, two) = (secret(0), secret(50));
        let unpadded = one.trim_end_matches('=');
        for text in [
            format!("a:{one}\nb:{two}"),
            format!("# first\n\n  a:{one}  \r\n\t# second, and last\nb: {two}\n\n"),
            format!("a:{unpadded}\nb:{two}\n"),
            format!("a:{one},b:{two}"),
            format!("a:{one}, b:{two}\n"),
        ] {
            assert_eq!(keys(&text).ids().collect::<Vec<_>>(), ["a", "b"], "{text}");
            assert_eq!(keys(&text), keys(&format!("a:{one}\nb:{two}")));
        }
        assert_ne!(keys(&format!("a:{one}")), keys(&format!("a:{two}")));
        assert_ne!(keys(&format!("a:{one}")), keys(&format!("b:{one}")));
        assert_ne!(keys(&format!("a:{one}")), keys(&format!("a:{one}\nb:{two}")));
    }

    #[test]
    fn errors_name_the_line_and_do_not_repeat_the_key() {
        let one = secret(0);
        let long = "x".repeat(65);
        let short = BASE64_STANDARD.encode([b'S'; 31]);
        let huge = BASE64_STANDARD.encode([b'S'; 1025]);
        for (text, parts) in [
            (String::new(), &["there is no key", "openssl rand -base64 32"][..]),
            ("# nothing\n\n".to_owned(), &["there is no key"]),
            (one.clone(), &["line 1 is not `id:base64`", "openssl"]),
            (format!("a:{one}\nSECRETSECRET"), &["line 2 is not"]),
            (format!(":{one}"), &["the id before the colon in line 1", "2026-01"]),
            (format!("\n{long}:{one}"), &["line 2"]),
            (format!("SECRET+/=:{one}"), &["the id before the colon in line 1"]),
            (format!("a b:{one}"), &["the id"]),
            ("a:SECRET!".to_owned(), &["the key `a` in line 1 is not base64"]),
            (format!("a:{}", one.replace('A', "-")), &["not base64"]),
            (format!("a:{one}:SECRET"), &["not base64"]),
            ("a:".to_owned(), &["has 0 bytes, and 32 to 1024"]),
            (format!("a:{short}"), &["the key `a` in line 1 has 31 bytes"]),
            (format!("a:{huge}"), &["has 1025 bytes"]),
            (format!("a:{one}\n\na:{}", secret(9)), &["the id `a` in line 3 is used twice"]),
            (format!("a:{one},,"), &["line 1"]),
        ] {
            let message = SigningKeys::parse(&text).expect_err(&text).to_string();
            for part in parts {
                assert!(message.contains(part), "{text:?}: {message}");
            }
            for secret in ["SECRET", &*one, &*short, "U1NT"] {
                assert!(!message.contains(secret) && !message.contains('\n'), "{message}");
            }
        }
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", one_key()), "SigningKeys[\"k1\"]");
        assert_eq!(format!("{:#?}", one_key()).matches('"').count(), 2);
    }

    proptest! {
        #[test]
        fn a_signed_link_is_valid_and_no_single_change_of_it_is(
            name in "[a-zA-Z0-9\u{e4} %?&=+-]{1,20}(/[a-z]{1,8})?",
            expires in 1_u64..u64::MAX,
            at in any::<prop::sample::Index>(),
            byte in 0x21_u8..0x7f,
        ) {
            let keys = one_key();
            if let Ok(path) = AssetPath::from_plain(&name) {
                let link = keys.sign(&path, expires).to_string();
                prop_assert!(keys.admit(&path, Some(&link), expires - 1));
                let at = at.index(link.len());
                let mut changed = link.clone().into_bytes();
                changed[at] = byte;
                let changed = String::from_utf8(changed).expect("ASCII");
                prop_assert_eq!(keys.admit(&path, Some(&changed), 0), changed == link, "{}", changed);
                let mut shorter = link.clone();
                shorter.remove(at);
                prop_assert!(!keys.admit(&path, Some(&shorter), 0), "{}", shorter);
            }
        }

        #[test]
        fn any_text_is_parsed_or_rejected(text in "\\PC{0,80}", lines in "([a:,#\n]|[A-Za-z0-9+/=]{43,44}){0,6}") {
            let _ = SigningKeys::parse(&text);
            let _ = SigningKeys::parse(&lines);
        }
    }
}
