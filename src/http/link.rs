//! The version in a link: the query parameter `v`, read from requests.
//!
//! What a version allows caches to do is the cache policy's to say, and which header follows is `fields`'.

use crate::asset::VersionId;

/// What the `v` of a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// There is none: the link means whatever is current.
    Unversioned,
    /// It names the version at hand, and will never mean another.
    Current,
    /// It names another version, or none that we know: one gone by, one newer than our knowledge, or nonsense.
    Unrecognised,
}

/// Reads `v` from the query of a request target (without its `?`) and holds it against the asset's version.
///
/// The first `v` counts; other parameters are ignored. The identifier needs no percent-encoding, so one that carries any
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
