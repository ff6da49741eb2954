//! Translates an object's metadata into an asset: media type, cache policy and validators.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use object_store::{Attribute, Attributes, ObjectMeta};
use sha2::{Digest as _, Sha256};

use crate::asset::{Asset, AssetPath, CachePolicy, Digest, EntityTag, MediaType};
use crate::config::CacheRules;
use crate::log_throttle::RepeatThrottle;
use crate::whatsapp;

/// Seconds from 1970 to the year 10000, which an HTTP date cannot express.
const YEAR_10000: u64 = 253_402_300_800;

/// Reads the metadata of the objects of one bucket, and logs what is wrong with it.
#[derive(Default)]
pub(super) struct MetadataReader {
    misread: RepeatThrottle,
    undated: AtomicBool,
}

impl MetadataReader {
    /// The cache policy in the `Cache-Control` of an object. Logs a warning where the policy differs from the
    /// header's text.
    pub(super) fn own_policy(&self, path: &AssetPath<'_>, attributes: &Attributes) -> Option<CachePolicy> {
        let text: &str = attributes.get(&Attribute::CacheControl)?.as_ref();
        let policy = CachePolicy::lenient(text);
        if let Err(reason) = text.parse::<CachePolicy>() {
            let used = policy.as_ref().map_or("the cache rules apply instead".to_owned(), |policy| {
                format!("sent as {policy} instead")
            });
            let shown = text.escape_debug();
            self.misread.log(text, |others| {
                log::warn!(
                    "{path}: the object's Cache-Control `{shown}` is invalid: {reason}; {used}{others}"
                );
            });
        }
        policy
    }

    /// The asset at `path`. `own` is the [own policy](Self::own_policy) of the object, and `store` the name of the
    /// store in messages.
    pub(super) fn describe(
        &self,
        (store, rules): (&str, &CacheRules),
        path: &AssetPath<'_>,
        (etag, meta): (EntityTag, &ObjectMeta),
        attributes: &Attributes,
        own: Option<&CachePolicy>,
    ) -> Asset {
        let text = |attribute| attributes.get(&attribute).map(AsRef::as_ref);
        let own_type = || text(Attribute::ContentType).and_then(MediaType::parse);
        let last_modified = http_date(meta.last_modified.into());
        if last_modified.is_none() && !self.undated.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{path}: {store} sends no Last-Modified for it, so wamedia sends none either; WhatsApp needs it for no-cache. \
                 (Logged once; there may be more such objects.)"
            );
        }
        Asset {
            name: path.name().into(),
            len: meta.size,
            version: Digest::new(Sha256::digest(etag.as_str()).into()).version(),
            etag,
            last_modified,
            is_date_ambiguous: false,
            media_type: whatsapp::known_media_type(path).or_else(own_type).unwrap_or(MediaType::OCTET_STREAM),
            content_encoding: text(Attribute::ContentEncoding).and_then(content_encoding),
            cache_policy: rules.policy_for(path, own).clone(),
        }
    }
}

/// The time when the object was written. `None` if the store sends none, which appears as the epoch, or one that no
/// header can express: an HTTP date has four digits for the year.
pub(super) fn http_date(written: SystemTime) -> Option<HttpDate> {
    let since = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (2..YEAR_10000).contains(&since).then(|| written.into())
}

/// The store's entity tag as a header value. Some stores omit the quotes.
pub(super) fn entity_tag(tag: &str) -> Option<EntityTag> {
    EntityTag::parse(tag).or_else(|| EntityTag::parse(&format!("\"{tag}\"")))
}

/// The encodings of the stored bytes. `aws-chunked` is an encoding for uploads that some tools store by mistake.
fn content_encoding(text: &str) -> Option<Box<str>> {
    let left: Vec<_> = text
        .split(',')
        .map(str::trim)
        .filter(|coding| {
            !["", "aws-chunked", "identity"].iter().any(|none| coding.eq_ignore_ascii_case(none))
        })
        .collect();
    let left = left.join(", ");
    (!left.is_empty() && left.bytes().all(|b| b == b' ' || b.is_ascii_graphic())).then(|| left.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn entity_tags_are_kept_and_missing_quotes_are_added() {
        for (tag, header) in [
            ("\"abc\"", Some("\"abc\"")),
            ("W/\"abc\"", Some("W/\"abc\"")),
            ("abc", Some("\"abc\"")),
            ("0x8DC", Some("\"0x8DC\"")),
            ("a b", None),
            ("a\"b", None),
        ] {
            assert_eq!(entity_tag(tag).as_ref().map(EntityTag::as_str), header, "{tag}");
        }
    }

    #[test]
    fn a_time_that_no_http_date_can_express_is_none() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(http_date(at(0)), None);
        assert_eq!(http_date(at(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT".parse().ok());
        assert!(http_date(at(YEAR_10000 - 1)).is_some());
        assert_eq!(http_date(at(YEAR_10000)), None);
    }

    #[test]
    fn only_encodings_of_the_stored_bytes_are_sent() {
        for (text, expected) in [
            ("gzip", Some("gzip")),
            ("aws-chunked", None),
            ("gzip, aws-chunked", Some("gzip")),
            ("AWS-Chunked,identity,", None),
            ("gz\u{e4}p", None),
        ] {
            assert_eq!(content_encoding(text).as_deref(), expected, "{text}");
        }
    }
}
