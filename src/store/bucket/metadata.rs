//! What a bucket says of an object, made into what we say of it: its type, its policy, its validators.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use object_store::{Attribute, Attributes, ObjectMeta};
use sha2::{Digest as _, Sha256};

use crate::asset::{Asset, AssetPath, CachePolicy, Digest, EntityTag, MediaType};
use crate::config::CacheRules;
use crate::log_throttle::RepeatThrottle;
use crate::whatsapp;

/// Seconds from 1970 to the year that an HTTP date cannot tell.
const YEAR_10000: u64 = 253_402_300_800;

/// Describes the objects of one bucket, and tells the operator of what is odd about them.
#[derive(Default)]
pub(super) struct MetadataReader {
    misread: RepeatThrottle,
    undated: AtomicBool,
}

impl MetadataReader {
    /// What the Cache-Control of an object comes to; the operator is logged where that is not what stands there.
    pub(super) fn own_policy(&self, path: &AssetPath<'_>, attributes: &Attributes) -> Option<CachePolicy> {
        let said: &str = attributes.get(&Attribute::CacheControl)?.as_ref();
        let policy = CachePolicy::lenient(said);
        if let Err(reason) = said.parse::<CachePolicy>() {
            let taken = policy
                .as_ref()
                .map_or("the rules decide".to_owned(), |policy| format!("it is sent as {policy}"));
            let shown = said.escape_debug();
            self.misread.log(said, |others| {
                log::warn!("{path}: the object's Cache-Control `{shown}` cannot be obeyed as it is: {reason}; {taken}{others}");
            });
        }
        policy
    }

    /// The asset at `path` that the object is, of which its [own policy](Self::own_policy) is `own`. `store` is what its store is
    /// called in messages.
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
                "{path}: {store} tells no time for it, so it is served without Last-Modified; WhatsApp needs it for no-cache. \
                 (Said once; there may be more such objects.)"
            );
        }
        Asset {
            name: path.name().into(),
            len: meta.size,
            version: Digest::new(Sha256::digest(etag.as_str()).into()).version(),
            etag,
            last_modified,
            media_type: whatsapp::known_media_type(path).or_else(own_type).unwrap_or(MediaType::OCTET_STREAM),
            content_encoding: text(Attribute::ContentEncoding).and_then(content_encoding),
            cache_policy: rules.policy_for(path, own).clone(),
        }
    }
}

/// When the store says that an object was written; `None` where it says nothing, which comes as the epoch, or what no header
/// can say: it has four digits for a year.
pub(super) fn http_date(written: SystemTime) -> Option<HttpDate> {
    let since = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (2..YEAR_10000).contains(&since).then(|| written.into())
}

/// The store's tag as it stands in a header. Some write it without its quotes.
pub(super) fn entity_tag(tag: &str) -> Option<EntityTag> {
    EntityTag::parse(tag).or_else(|| EntityTag::parse(&format!("\"{tag}\"")))
}

/// The encodings of the bytes as they are sent to us. `aws-chunked` was one of their way in, which some tools have stored.
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
    fn tags_are_taken_as_they_are_and_quoted_where_they_are_not() {
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
    fn a_time_that_no_header_can_say_is_none() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(http_date(at(0)), None);
        assert_eq!(http_date(at(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT".parse().ok());
        assert!(http_date(at(YEAR_10000 - 1)).is_some());
        assert_eq!(http_date(at(YEAR_10000)), None);
    }

    #[test]
    fn only_encodings_of_what_is_sent_are_passed_on() {
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
