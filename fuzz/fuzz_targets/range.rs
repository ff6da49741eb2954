//! Byte ranges: any `Range` of an asset of any length gets bytes of the asset, each at most once, and a matching response head.

#![no_main]

use hyper::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use hyper::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use wamedia::asset::{Asset, CachePolicy, Digest, EntityTag, MediaType};
use wamedia::http::{ByteRange, Decision, Link, Payload, ResponseHeaders, decide};

fuzz_target!(|input: (u64, Vec<&[u8]>, Option<&[u8]>)| {
    let (len, ranges, if_range) = input;
    let mut headers = HeaderMap::new();
    for range in ranges.into_iter().take(3) {
        let Ok(value) = HeaderValue::from_bytes(range) else { return };
        headers.append(RANGE, value);
    }
    if let Some(Ok(value)) = if_range.map(HeaderValue::from_bytes) {
        headers.insert(IF_RANGE, value);
    }
    let asset = Asset {
        name: "a.jpg".into(),
        len,
        etag: EntityTag::parse("\"v1\"").expect("a tag"),
        version: Digest::new([0; 32]).version(),
        last_modified: None,
        is_date_ambiguous: false,
        media_type: MediaType::from_static("image/jpeg"),
        content_encoding: None,
        cache_policy: CachePolicy::NO_CACHE,
    };
    let is_within = |range: &ByteRange| range.start < range.end && range.end <= len;
    let decision = decide(&Method::GET, &headers, &asset);
    match &decision {
        Decision::Whole | Decision::Unsatisfiable => {}
        Decision::Partial(range) => assert!(is_within(range), "{range:?} of {len}"),
        Decision::Multipart(parts) => {
            assert!((2..=16).contains(&parts.len()) && parts.iter().all(is_within), "{parts:?} of {len}");
            let mut sorted = parts.clone();
            sorted.sort_by_key(|part| part.start);
            assert!(sorted.windows(2).all(|pair| pair[0].end < pair[1].start), "{parts:?} overlap");
        }
        Decision::NotModified | Decision::PreconditionFailed => panic!("{decision:?} of a range"),
    }
    assert_eq!(decide(&Method::HEAD, &headers, &asset), Decision::Whole);
    // For an asset of nearly maximal length, the sum of the multipart's lengths overflows.
    if len < 1 << 62 {
        let is_partial = matches!(decision, Decision::Partial(_) | Decision::Multipart(_));
        let answer = ResponseHeaders::render(&asset, &CachePolicy::NO_CACHE).answer(decision, Link::Current);
        assert_eq!(answer.status == StatusCode::PARTIAL_CONTENT, is_partial);
        if let Payload::Parts(multipart) = answer.payload {
            let heads: usize = multipart.parts().iter().map(|part| part.head.len()).sum();
            let parts: u64 = multipart.parts().iter().map(|part| part.range.length()).sum();
            assert_eq!(multipart.length(), parts + (heads + multipart.tail().len()) as u64);
        }
    }
});
