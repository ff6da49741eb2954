//! The version in a link: the query parameter `v` of requests.
//!
//! What caches may do with a versioned link is up to the cache policy; the header is rendered by
//! [`ResponseHeaders`](super::ResponseHeaders).

use crate::asset::VersionId;

/// Which version a request names by `v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// No version: the link means whatever is current.
    Unversioned,
    /// The current version. The link will never mean another.
    Current,
    /// Another version, or an unknown one: an old one, one newer than what is cached, or nonsense.
    Unrecognised,
}

/// Reads `v` from the query of a request target (without its `?`) and compares it with the asset's version.
///
/// The first `v` counts; other parameters are ignored. The identifier needs no percent-encoding, so one that has any
/// is not recognised, and neither is an empty one.
pub fn link_of(query: Option<&str>, version: &VersionId) -> Link {
    let Some(query) = query else { return Link::Unversioned };
    let named = query.split('&').find_map(|parameter| match parameter.split_once('=') {
        Some(("v", value)) => Some(value),
        None if parameter == "v" => Some(""),
        _ => None,
    });
    match named {
        None => Link::Unversioned,
        Some(v) if version.is_named_by(v) => Link::Current,
        Some(_) => Link::Unrecognised,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_support::asset;

    #[test]
    fn the_first_v_counts() {
        let version = asset(1).version;
        for (query, link) in [
            (None, Link::Unversioned),
            (Some(""), Link::Unversioned),
            (Some("&"), Link::Unversioned),
            (Some("utm_source=x&vv=1&V=2"), Link::Unversioned),
            (Some("x=v"), Link::Unversioned),
            (Some("v=abababababababab"), Link::Current),
            (Some("a=b&v=abababababababab&c"), Link::Current),
            (Some("v=abababababababab&v=0"), Link::Current),
            (Some("v=0&v=abababababababab"), Link::Unrecognised),
            (Some("v=ABABABABABABABAB"), Link::Unrecognised),
            (Some("v=%61babababababab"), Link::Unrecognised),
            (Some("v=abababababababab="), Link::Unrecognised),
            (Some("v=abababababababab0"), Link::Unrecognised),
            (Some("v="), Link::Unrecognised),
            (Some("v"), Link::Unrecognised),
            (Some("v&v=abababababababab"), Link::Unrecognised),
        ] {
            assert_eq!(link_of(query, &version), link, "{query:?}");
        }
    }
}
