//! Derives the expected file name and message kind from a URL. Pure.

use std::borrow::Cow;

use crate::asset::{AssetPath, MediaType};
use crate::whatsapp::{self, Kind};

/// The kind of message that would send a URL with this file name and media type.
///
/// Meta goes by the type. Only if the type is a document's, or unknown, the file extension wins: `a.jpg` that arrives as
/// `application/octet-stream` or as an error text was meant to be an image.
pub(super) fn kind_of(name: &str, media_type: Option<&MediaType>) -> Option<Kind> {
    let by_type = media_type.and_then(whatsapp::kind_of);
    let by_name = AssetPath::from_plain(name).ok().and_then(|path| whatsapp::kind(&path));
    match (by_type, by_name) {
        (None | Some(Kind::Document), Some(by_name)) => Some(by_name),
        (by_type, _) => by_type,
    }
}

/// The last segment of a URL's path, percent-decoded; `""` if it cannot be a file name.
pub(super) fn file_name(link: &str) -> String {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let segment = path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default());
    let name = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
    if name.contains(['/', '\0']) { String::new() } else { name.into_owned() }
}

/// The URL with its password replaced by `***`, for output.
pub fn without_password(link: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = link.split_once("://") else { return link.into() };
    let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((user, password)) = authority.rsplit_once('@').and_then(|(info, _)| info.split_once(':')) else {
        return link.into();
    };
    let after = &rest[user.len() + 1 + password.len()..];
    format!("{scheme}://{user}:***{after}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_is_the_last_segment_of_the_path() {
        for (link, name) in [
            ("https://x.example/a/b.jpg?v=1#c", "b.jpg"),
            ("https://x.example/M%C3%A4rz%201.pdf", "M\u{e4}rz 1.pdf"),
            ("https://x.example/a%2Fb.jpg", ""),
            ("https://x.example/a/", ""),
            ("https://x.example", ""),
            ("https://x.example?a.jpg", ""),
        ] {
            assert_eq!(file_name(link), name, "{link}");
        }
    }

    #[test]
    fn passwords_are_masked() {
        for (link, expected) in [
            ("http://anna:se:cr@et@x.example/a@b:c", "http://anna:***@x.example/a@b:c"),
            ("http://anna@x.example:80/a", "http://anna@x.example:80/a"),
            ("http://x.example:80/a:b@c", "http://x.example:80/a:b@c"),
            ("a:b@c", "a:b@c"),
        ] {
            assert_eq!(without_password(link), expected);
        }
    }

    #[test]
    fn the_extension_wins_over_a_document_type() {
        for (name, media_type, expected) in [
            ("a.jpg", "image/jpeg", Some(Kind::Image)),
            ("a.jpg", "video/mp4", Some(Kind::Video)),
            ("a.jpg", "text/plain", Some(Kind::Image)),
            ("a.jpg", "application/octet-stream", Some(Kind::Image)),
            ("a.pdf", "text/plain", Some(Kind::Document)),
            ("a.pdf", "image/jpeg", Some(Kind::Image)),
            ("a", "text/plain", Some(Kind::Document)),
            ("a", "x/y", None),
        ] {
            let typed = MediaType::parse(media_type);
            assert_eq!(kind_of(name, typed.as_ref()), expected, "{name} as {media_type}");
        }
        assert_eq!(kind_of("a.jpg", None), Some(Kind::Image));
    }
}
