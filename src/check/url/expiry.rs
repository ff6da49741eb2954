//! Expiry of signed links, from their query parameters. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The expiry of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    /// The parameter that sets it, in its usual spelling.
    pub(super) parameter: &'static str,
    /// Expiry time.
    pub(super) at: SystemTime,
}

/// Reads the expiry of a link that S3, Google Cloud Storage, Azure, `CloudFront` or wamedia signed.
pub(super) fn expiry(query: &str) -> Option<Expiry> {
    let signed_at = |date: &str, seconds: &str, parameter| {
        let lasts = Duration::from_secs(value(query, seconds)?.parse().ok()?);
        Some(Expiry { parameter, at: compact_date(&value(query, date)?)?.checked_add(lasts)? })
    };
    signed_at("x-amz-date", "x-amz-expires", "X-Amz-Expires")
        .or_else(|| signed_at("x-goog-date", "x-goog-expires", "X-Goog-Expires"))
        .or_else(|| {
            value(query, "sig")?;
            Some(Expiry { parameter: "se", at: date(&value(query, "se")?)? })
        })
        .or_else(|| {
            let seconds: u64 = value(query, "expires")?.parse().ok()?;
            // Numbers outside the years 2001 to 5138 are lifetimes or something else.
            let is_time = (1_000_000_000..100_000_000_000).contains(&seconds);
            let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
            is_time.then_some(Expiry { parameter: "Expires", at })
        })
}

/// Parameters that grant access to anyone who has the link, which makes the link a secret.
const SIGNATURES: [&str; 7] =
    ["x-amz-signature", "x-goog-signature", "sig", "signature", "hmac", "token", "access_token"];

/// Whether the query grants access to anyone who has the link.
pub(super) fn is_signed(query: &str) -> bool {
    SIGNATURES.iter().any(|name| value(query, name).is_some())
}

/// The value of the first parameter of that name, in any case, percent-decoded.
fn value(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').find_map(|parameter| {
        let (known, value) = parameter.split_once('=')?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(percent_encoding::percent_decode_str(found).decode_utf8_lossy().into_owned())
}

/// `20261121T124500Z`.
fn compact_date(text: &str) -> Option<SystemTime> {
    let is_compact = text.len() == 16 && text.is_ascii();
    let at = |from: usize, to: usize| text.get(from..to);
    if !is_compact {
        return None;
    }
    let spelt =
        format!("{}-{}-{}{}:{}:{}", at(0, 4)?, at(4, 6)?, at(6, 8)?, at(8, 11)?, at(11, 13)?, at(13, 16)?);
    humantime::parse_rfc3339(&spelt).ok()
}

/// `2026-11-21T12:45:00Z`, or a shorter form without seconds or time, which Azure accepts.
fn date(text: &str) -> Option<SystemTime> {
    let spelt = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        17 => format!("{}:00Z", text.strip_suffix('Z')?),
        _ => text.to_owned(),
    };
    humantime::parse_rfc3339(&spelt).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_of_every_provider_is_read() {
        for (query, end) in [
            ("X-Amz-Date=20261121T120000Z&X-Amz-Expires=900&X-Amz-Signature=0", Some("2026-11-21T12:15:00Z")),
            ("x-goog-date=20261121T120000Z&X-Goog-Expires=60", Some("2026-11-21T12:01:00Z")),
            ("sv=2024&se=2026-11-21T12%3A00%3A00Z&sig=a", Some("2026-11-21T12:00:00Z")),
            ("se=2026-11-21T12:00Z&sig=a", Some("2026-11-21T12:00:00Z")),
            ("se=2026-11-21&sig=a", Some("2026-11-21T00:00:00Z")),
            ("Expires=1795262400&Signature=a&Key-Pair-Id=b", Some("2026-11-21T12:00:00Z")),
            ("v=0123456789abcdef&expires=1795262400", Some("2026-11-21T12:00:00Z")),
            ("se=2026-11-21", None),
            ("expires=3600", None),
            ("expires=99999999999999999999", None),
            ("X-Amz-Date=nonsense&X-Amz-Expires=900", None),
            ("X-Amz-Date=2026112\u{e4}T12000Z&X-Amz-Expires=900", None),
            ("X-Amz-Date=20261121T120000Z&X-Amz-Expires=18446744073709551615", None),
            ("X-Amz-Expires=900", None),
            ("v=1", None),
            ("", None),
        ] {
            let end = end.map(|end| humantime::parse_rfc3339(end).expect("a time"));
            assert_eq!(expiry(query).map(|expiry| expiry.at), end, "{query}");
        }
    }

    #[test]
    fn a_signature_makes_a_link_secret() {
        for (query, is) in [
            ("X-Amz-Signature=0", true),
            ("se=2026-11-21&sig=a", true),
            ("v=0123456789abcdef", false),
            ("signature", false),
            ("", false),
        ] {
            assert_eq!(is_signed(query), is, "{query}");
        }
    }
}
