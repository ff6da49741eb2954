//! An asset and requests for the tests of this module.

use httpdate::HttpDate;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::asset::{Asset, Digest, EntityTag, MediaType};

/// When [`asset`] was last modified.
pub(super) const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
/// One second before that.
pub(super) const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
/// One second after that.
pub(super) const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// An image of `len` bytes with the strong entity tag `"v1"`.
pub(super) fn asset(len: u64) -> Asset {
    Asset {
        name: "a.jpg".into(),
        len,
        etag: EntityTag::parse("\"v1\"").expect("a tag"),
        version: Digest::new([0xab; 32]).version(),
        last_modified: Some(date(MODIFIED)),
        is_date_ambiguous: false,
        media_type: MediaType::from_static("image/jpeg"),
        content_encoding: None,
        cache_policy: "no-cache".parse().expect("a policy"),
    }
}

pub(super) fn date(text: &str) -> HttpDate {
    text.parse().expect("a date")
}

/// The headers of a request, one field line each.
pub(super) fn request(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a field value"));
    }
    headers
}
