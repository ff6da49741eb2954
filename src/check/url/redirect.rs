//! Resolves a `Location` against the URL that it came from (RFC 3986 section 5, except dot segments, which servers resolve). Pure.

/// The URL that `location` names in a response to `base`, without its fragment; `None` if it is not an `http` or `https` URL.
pub(super) fn target(base: &str, location: &str) -> Option<String> {
    let location = location.trim();
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let has_scheme = location.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    let joined = if has_scheme {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.is_empty() {
        return None;
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        format!("{scheme}://{authority}{folder}{location}")
    };
    crate::whatsapp::url_syntax::read(&joined).0.is_some().then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_absolute_or_relative() {
        let base = "https://a.example.com:8443/folder/b.jpg?v=1";
        for (location, expected) in [
            ("https://c.example.com/d.jpg", Some("https://c.example.com/d.jpg")),
            ("HTTP://c.example.com/", Some("HTTP://c.example.com/")),
            ("//c.example.com/d.jpg", Some("https://c.example.com/d.jpg")),
            ("/d.jpg?w=2#top", Some("https://a.example.com:8443/d.jpg?w=2")),
            ("d.jpg", Some("https://a.example.com:8443/folder/d.jpg")),
            ("?v=2", Some("https://a.example.com:8443/folder/b.jpg?v=2")),
            (" d.jpg ", Some("https://a.example.com:8443/folder/d.jpg")),
            ("", None),
            ("#top", None),
            ("mailto:a@b.c", None),
            ("javascript:alert(1)", None),
            ("ftp://c.example.com/", None),
        ] {
            assert_eq!(target(base, location).as_deref(), expected, "{location}");
        }
        assert_eq!(target("http://a.example.com", "b").as_deref(), Some("http://a.example.com/b"));
    }
}
