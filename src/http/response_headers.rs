//! Response headers of an asset, rendered once for each version, and the response heads made from them.
//!
//! The content of a head follows from the [`Decision`] and from the version in the link. [`decide`](super::decide())
//! makes the decision.

use std::sync::OnceLock;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::content_disposition;
use super::decide::Decision;
use super::link::Link;
use super::multipart::{Boundary, Multipart, content_range};
use super::range::ByteRange;
use super::response::{Answer, NO_STORE, NOSNIFF, Payload, problem};
use crate::asset::{Asset, CachePolicy};

const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The response heads for one version of one asset. Rendered once; each response clones one, which costs two
/// allocations, and changes what differs.
#[derive(Debug, Clone)]
pub struct ResponseHeaders {
    /// Length of the whole representation, in bytes.
    len: u64,
    /// The headers of a `200` for [`Link::Unversioned`].
    whole: HeaderMap,
    /// The headers of a `206` for [`Link::Unversioned`], with a `Content-Range` and a `Content-Length` to be
    /// replaced; rendered at the first request for a part.
    partial: OnceLock<HeaderMap>,
    /// The headers of a `304` for [`Link::Unversioned`].
    not_modified: HeaderMap,
    /// `Cache-Control` for [`Link::Current`].
    versioned: HeaderValue,
    /// `Cache-Control` for [`Link::Unrecognised`].
    unrecognised: HeaderValue,
}

impl ResponseHeaders {
    /// Renders the headers of an asset. `versioned` is the cache policy for links that name the current version.
    ///
    /// A media type that no header can carry becomes `application/octet-stream`; such a cache policy becomes
    /// `no-store`.
    pub fn render(asset: &Asset, versioned: &CachePolicy) -> Self {
        let policy = |policy: &CachePolicy| HeaderValue::from_str(policy.as_str()).unwrap_or(NO_STORE);
        // A 304 updates a stored response, and carries no more than that needs (RFC 9110 section 15.4.5).
        let mut not_modified = HeaderMap::with_capacity(4);
        not_modified.insert(header::CACHE_CONTROL, policy(&asset.cache_policy));
        let etag = HeaderValue::from_bytes(asset.etag.as_str().as_bytes())
            .expect("an entity tag holds no control character");
        not_modified.insert(header::ETAG, etag);
        if let Some(date) = asset.last_modified {
            let date = HeaderValue::try_from(date.to_string()).expect("a date is printable ASCII");
            not_modified.insert(header::LAST_MODIFIED, date);
        }
        not_modified.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);

        let mut whole = not_modified.clone();
        whole.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if asset.media_type.is_document() {
            whole.insert(header::CONTENT_DISPOSITION, content_disposition::inline(&asset.name));
        }
        if let Some(encoding) = &asset.content_encoding
            && let Ok(encoding) = HeaderValue::from_str(encoding)
        {
            whole.insert(header::CONTENT_ENCODING, encoding);
        }
        let media_type = HeaderValue::from_str(asset.media_type.as_str()).unwrap_or(OCTET_STREAM);
        whole.insert(header::CONTENT_TYPE, media_type);
        whole.insert(header::CONTENT_LENGTH, HeaderValue::from(asset.len));
        Self {
            len: asset.len,
            // A clone has no spare capacity.
            whole: whole.clone(),
            partial: OnceLock::new(),
            not_modified,
            versioned: policy(&asset.cache_policy.when_versioned(versioned)),
            unrecognised: policy(&asset.cache_policy.when_unrecognised()),
        }
    }

    /// The response to a request for this version.
    ///
    /// For a whole `200` and a `304` nothing is formatted, and only the headers are allocated.
    pub fn answer(&self, decision: Decision, link: Link) -> Answer {
        match decision {
            Decision::Whole => self.whole(link),
            Decision::Partial(range) => self.partial(range, link),
            Decision::Multipart(ranges) => self.multipart(&ranges, link),
            Decision::NotModified => self.not_modified(link),
            Decision::PreconditionFailed => problem(
                StatusCode::PRECONDITION_FAILED,
                "the asset does not meet the request's If-Match, If-Unmodified-Since or If-None-Match; send the request \
                 without them to see its ETag and Last-Modified",
            ),
            Decision::Unsatisfiable => self.unsatisfiable(),
        }
    }

    fn whole(&self, link: Link) -> Answer {
        Answer { status: StatusCode::OK, headers: self.head(&self.whole, link), payload: Payload::Whole }
    }

    fn partial(&self, range: ByteRange, link: Link) -> Answer {
        let partial = self.partial.get_or_init(|| {
            let mut partial = self.whole.clone();
            partial.insert(header::CONTENT_RANGE, HeaderValue::from_static("bytes */*"));
            partial.clone()
        });
        let mut headers = self.head(partial, link);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.length()));
        headers.insert(header::CONTENT_RANGE, content_range(range, self.len));
        Answer { status: StatusCode::PARTIAL_CONTENT, headers, payload: Payload::Part(range) }
    }

    /// The ranges are in the parts, and must not be in the headers too (RFC 9110 section 15.3.7.2).
    fn multipart(&self, ranges: &[ByteRange], link: Link) -> Answer {
        let mut headers = self.head(&self.whole, link);
        let multipart = Multipart::new(ranges, self.len, &headers[header::CONTENT_TYPE], &Boundary::random());
        headers.insert(header::CONTENT_TYPE, multipart.content_type().clone());
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(multipart.length()));
        let payload = Payload::Parts(Box::new(multipart));
        Answer { status: StatusCode::PARTIAL_CONTENT, headers, payload }
    }

    fn not_modified(&self, link: Link) -> Answer {
        let headers = self.head(&self.not_modified, link);
        Answer { status: StatusCode::NOT_MODIFIED, headers, payload: Payload::Nothing }
    }

    fn unsatisfiable(&self) -> Answer {
        let len = self.len;
        let reason = format_args!("the asset has {len} bytes, and the requested range lies beyond them");
        let mut answer = problem(StatusCode::RANGE_NOT_SATISFIABLE, reason);
        answer.headers.insert(
            header::CONTENT_RANGE,
            HeaderValue::try_from(format!("bytes */{len}")).expect("digits are printable ASCII"),
        );
        answer
    }

    /// A clone of rendered headers, with the `Cache-Control` for the link.
    fn head(&self, ready: &HeaderMap, link: Link) -> HeaderMap {
        let mut headers = ready.clone();
        match link {
            Link::Unversioned => None,
            Link::Current => headers.insert(header::CACHE_CONTROL, self.versioned.clone()),
            Link::Unrecognised => headers.insert(header::CACHE_CONTROL, self.unrecognised.clone()),
        };
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{EntityTag, MediaType};
    use crate::http::decide::decide;
    use crate::http::test_support::{MODIFIED, asset, request};
    use hyper::Method;
    use proptest::prelude::*;

    const VALIDATORS: [(&str, &str); 4] = [
        ("cache-control", "no-cache"),
        ("etag", "\"v1\""),
        ("last-modified", MODIFIED),
        ("x-content-type-options", "nosniff"),
    ];

    fn versioned() -> CachePolicy {
        "max-age=31536000, immutable".parse().expect("a policy")
    }

    fn answer(asset: &Asset, decision: Decision) -> Answer {
        ResponseHeaders::render(asset, &versioned()).answer(decision, Link::Unversioned)
    }

    /// Compares the headers with exactly these fields.
    #[track_caller]
    fn check(answer: &Answer, status: u16, fields: &[&[(&str, &str)]]) {
        assert_eq!(answer.status, status);
        let mut expected: Vec<_> = fields.concat();
        let mut found: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("printable ASCII")))
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_whole_image() {
        let answer = answer(&asset(10), Decision::Whole);
        let own = [("content-type", "image/jpeg"), ("content-length", "10"), ("accept-ranges", "bytes")];
        check(&answer, 200, &[&VALIDATORS, &own]);
        assert!(matches!(answer.payload, Payload::Whole));
    }

    #[test]
    fn a_part_of_an_image() {
        let range = ByteRange { start: 2, end: 5 };
        let answer = answer(&asset(10), Decision::Partial(range));
        let own = [
            ("content-type", "image/jpeg"),
            ("content-length", "3"),
            ("content-range", "bytes 2-4/10"),
            ("accept-ranges", "bytes"),
        ];
        check(&answer, 206, &[&VALIDATORS, &own]);
        assert!(matches!(answer.payload, Payload::Part(part) if part == range));
    }

    #[test]
    fn several_parts_of_an_image() {
        let ranges = vec![ByteRange { start: 8, end: 10 }, ByteRange { start: 0, end: 1 }];
        let answer = answer(&asset(10), Decision::Multipart(ranges.clone()));
        let Payload::Parts(multipart) = &answer.payload else { panic!("parts") };
        let content_type = multipart.content_type().to_str().expect("printable ASCII");
        let length = multipart.length().to_string();
        let own = [("content-type", content_type), ("content-length", &*length), ("accept-ranges", "bytes")];
        check(&answer, 206, &[&VALIDATORS, &own]);
        assert!(content_type.starts_with("multipart/byteranges; boundary="), "{content_type}");
        assert_eq!(multipart.parts().iter().map(|part| part.range).collect::<Vec<_>>(), ranges);
    }

    #[test]
    fn a_304_has_no_headers_about_a_body() {
        for asset in [asset(10), document("a.pdf")] {
            let answer = answer(&asset, Decision::NotModified);
            check(&answer, 304, &[&VALIDATORS]);
            assert!(matches!(answer.payload, Payload::Nothing));
        }
    }

    #[test]
    fn errors_are_not_cached() {
        for (decision, status, own) in [
            (Decision::PreconditionFailed, 412, &[][..]),
            (Decision::Unsatisfiable, 416, &[("content-range", "bytes */10")]),
        ] {
            let answer = answer(&document("a.pdf"), decision);
            let Payload::Text(text) = &answer.payload else { panic!("a text") };
            let length = text.len().to_string();
            let common = [
                ("content-type", "text/plain; charset=utf-8"),
                ("content-length", &*length),
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
            ];
            check(&answer, status, &[&common, own]);
            assert!(text.starts_with(status.to_string().as_bytes()) && text.ends_with(b"\n"), "{text:?}");
        }
    }

    fn document(name: &str) -> Asset {
        let media_type = MediaType::from_static("application/pdf");
        Asset { name: name.into(), media_type, ..asset(10) }
    }

    #[test]
    fn documents_have_file_names() {
        let whole = answer(&document("M\u{e4}rz.pdf"), Decision::Whole);
        let part = answer(&document("M\u{e4}rz.pdf"), Decision::Partial(ByteRange { start: 0, end: 1 }));
        for answer in [whole, part] {
            assert_eq!(
                answer.headers["content-disposition"],
                "inline; filename=\"M_rz.pdf\"; filename*=UTF-8''M%C3%A4rz.pdf"
            );
        }
    }

    #[test]
    fn without_a_known_date_there_is_no_last_modified() {
        let undated = Asset { last_modified: None, ..asset(10) };
        for decision in [Decision::Whole, Decision::NotModified] {
            let answer = answer(&undated, decision);
            assert!(!answer.headers.contains_key("last-modified"));
            assert!(answer.headers.contains_key("etag"));
        }
    }

    #[test]
    fn the_version_in_the_link_selects_the_policy() {
        let asset = Asset { cache_policy: "max-age=60".parse().expect("a policy"), ..asset(10) };
        let fields = ResponseHeaders::render(&asset, &versioned());
        for (link, policy) in [
            (Link::Unversioned, asset.cache_policy.clone()),
            (Link::Current, asset.cache_policy.when_versioned(&versioned())),
            (Link::Unrecognised, asset.cache_policy.when_unrecognised()),
        ] {
            for decision in [
                Decision::Whole,
                Decision::Partial(ByteRange { start: 0, end: 1 }),
                Decision::Multipart(vec![ByteRange { start: 0, end: 1 }, ByteRange { start: 4, end: 5 }]),
                Decision::NotModified,
            ] {
                let answer = fields.answer(decision, link);
                assert_eq!(answer.headers["cache-control"], policy.as_str(), "{link:?}");
            }
        }
    }

    #[test]
    fn an_invalid_header_value_becomes_a_safe_one() {
        let media_type = MediaType::from_static("text/plain\r\nSet-Cookie: a=b");
        let answer = answer(&Asset { media_type, ..asset(10) }, Decision::Whole);
        assert_eq!(answer.headers["content-type"], "application/octet-stream");
    }

    #[test]
    fn any_entity_tag_is_sent_unchanged() {
        let etag = EntityTag::parse("W/\"\u{e4},!\u{7e}\"").expect("a tag");
        let answer = answer(&Asset { etag: etag.clone(), ..asset(10) }, Decision::NotModified);
        assert_eq!(answer.headers["etag"].as_bytes(), etag.as_str().as_bytes());
    }

    proptest! {
        #[test]
        fn content_length_is_the_length_of_the_payload(
            range in "bytes=([0-9]{0,2}-[0-9]{0,2},){0,4}[0-9]{0,2}-[0-9]{0,2}",
            len in 0..120_u64,
        ) {
            let asset = asset(len);
            let decision = decide(&Method::GET, &request(&[(header::RANGE, &range)]), &asset);
            let answer = answer(&asset, decision);
            let length = match &answer.payload {
                Payload::Nothing => 0,
                Payload::Whole => len,
                Payload::Part(range) => range.length(),
                Payload::Parts(multipart) => multipart.length(),
                Payload::Text(text) => u64::try_from(text.len()).expect("small"),
            };
            prop_assert_eq!(&answer.headers["content-length"], &HeaderValue::from(length));
        }
    }
}
