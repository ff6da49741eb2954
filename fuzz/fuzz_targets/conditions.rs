//! Preconditions: any entity tags and dates lead to a decision without a panic, and a malformed header has no effect that it must
//! not have (RFC 9110 section 13).

#![no_main]

use hyper::Method;
use hyper::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use libfuzzer_sys::fuzz_target;
use wamedia::asset::{Asset, CachePolicy, Digest, EntityTag, MediaType};
use wamedia::http::{Decision, decide};

const NAMES: [HeaderName; 6] =
    [IF_NONE_MATCH, IF_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
const LEN: u64 = 1000;

fuzz_target!(|input: (bool, bool, Vec<(u8, &[u8])>)| {
    let (is_head, has_date, lines) = input;
    let method = if is_head { Method::HEAD } else { Method::GET };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.into_iter().take(8) {
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(&NAMES[usize::from(name) % NAMES.len()], value);
    }
    let asset = Asset {
        name: "a.jpg".into(),
        len: LEN,
        etag: EntityTag::parse("\"v1\"").expect("a tag"),
        version: Digest::new([0; 32]).version(),
        last_modified: has_date.then(|| "Sun, 06 Nov 1994 08:49:37 GMT".parse().expect("a date")),
        is_date_ambiguous: false,
        media_type: MediaType::from_static("image/jpeg"),
        content_encoding: None,
        cache_policy: CachePolicy::NO_CACHE,
    };
    let has = |name: &HeaderName| headers.contains_key(name);
    match decide(&method, &headers, &asset) {
        Decision::Whole => {}
        Decision::Partial(range) => {
            assert!(!is_head && has(&RANGE) && range.start < range.end && range.end <= LEN, "{range:?}");
        }
        Decision::Multipart(_) | Decision::Unsatisfiable => assert!(!is_head && has(&RANGE)),
        Decision::NotModified => {
            assert!(has(&IF_NONE_MATCH) || has(&IF_MODIFIED_SINCE) && has_date, "{headers:?}");
        }
        Decision::PreconditionFailed => {
            assert!(has(&IF_MATCH) || has(&IF_UNMODIFIED_SINCE), "{headers:?}");
        }
    }
    // Without If-Match, the asset's own tag in an If-None-Match line makes it not modified, whatever the lines before.
    if !has(&IF_MATCH) && !has(&IF_UNMODIFIED_SINCE) && !has(&IF_NONE_MATCH) {
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"v0\", W/\"v1\""));
        assert_eq!(decide(&method, &headers, &asset), Decision::NotModified, "{headers:?}");
    }
});
