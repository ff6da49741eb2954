//! Path of an asset: decoded once and validated once.
//!
//! An [`AssetPath`] is the path of a request target after every spelling that could reach something else has been
//! rejected. It may be joined to a root without further checks. The kernel's `RESOLVE_BENEATH` is a second line of
//! defence, not the first.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longest decoded path in bytes: Linux's `PATH_MAX` with its final NUL.
const MAX_LEN: usize = 4095;
/// Longest segment in bytes: `NAME_MAX` of common file systems.
const MAX_SEGMENT: usize = 255;

/// The path of an asset below the root of all mounts: decoded, without a leading slash, never empty.
///
/// Its segments are neither empty nor hidden (no leading dot), and contain no NUL, control character, slash or
/// backslash.
#[derive(Debug, Clone, Eq)]
pub struct AssetPath<'a>(Cow<'a, str>);

/// Why a text is not the path of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The text is not a well-formed path; `400 Bad Request`.
    #[error("the path {0}")]
    Malformed(&'static str),
    /// The text is a well-formed path that no asset can have; `404 Not Found`.
    #[error("{0}")]
    NoAsset(&'static str),
}

impl<'a> AssetPath<'a> {
    /// Parses the path of a request target (RFC 3986 `path`, percent-encoded, with its leading slash, no query).
    ///
    /// Percent-encoding is decoded exactly once. Nothing is allocated for a path without it.
    pub fn from_url_path(encoded: &'a str) -> Result<Self, PathError> {
        let encoded = encoded.strip_prefix('/').ok_or(PathError::Malformed("does not begin with a slash"))?;
        if !encoded.contains('%') {
            return Self::from_decoded(Cow::Borrowed(encoded));
        }
        check_escapes(encoded)?;
        let decoded = percent_decode_str(encoded)
            .decode_utf8()
            .map_err(|_| PathError::Malformed("is not UTF-8 once its percent-encoding is decoded"))?;
        Self::from_decoded(decoded)
    }

    /// Takes a path that is already decoded, with or without its leading slash: `folder/Preisliste März.pdf`.
    pub fn from_plain(plain: &'a str) -> Result<Self, PathError> {
        Self::from_decoded(Cow::Borrowed(plain.strip_prefix('/').unwrap_or(plain)))
    }

    fn from_decoded(path: Cow<'a, str>) -> Result<Self, PathError> {
        if path.is_empty() {
            return Err(PathError::NoAsset("the root is a folder, and folders are not listed"));
        }
        if path.len() > MAX_LEN {
            return Err(PathError::NoAsset("the path is longer than 4095 bytes"));
        }
        // To the end even after the first match, so that the compiler can vectorise the loop.
        let has = |odd: fn(u8) -> bool| path.bytes().fold(false, |found, b| found | odd(b));
        if has(|b| b.is_ascii_control() || b == b'\\') {
            return Err(if has(|b| b == b'\\' || b == 0) {
                PathError::Malformed("contains a backslash or a NUL")
            } else {
                PathError::NoAsset("the path contains a control character")
            });
        }
        for segment in path.as_bytes().split(|&b| b == b'/') {
            match segment {
                b"" => return Err(PathError::NoAsset("the path has an empty segment or ends with a slash")),
                b"." | b".." => return Err(PathError::Malformed("contains a `.` or `..` segment")),
                [b'.', ..] => {
                    return Err(PathError::NoAsset("hidden files are not served"));
                }
                long if long.len() > MAX_SEGMENT => {
                    return Err(PathError::NoAsset("a segment of the path is longer than 255 bytes"));
                }
                _ => {}
            }
        }
        Ok(Self(path))
    }

    /// The decoded path, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the asset's file name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The extension of the file name without its dot, in its original case; `None` if there is none.
    pub fn extension(&self) -> Option<&str> {
        self.name().rsplit_once('.').map(|(_, extension)| extension).filter(|extension| !extension.is_empty())
    }

    /// The rest of the path below `folder` (the decoded path of a mount, without slashes at its ends; `""` is the
    /// root); `None` if the path does not lie below it.
    pub fn below<'b>(&'b self, folder: &str) -> Option<AssetPath<'b>> {
        let rest =
            if folder.is_empty() { &*self.0 } else { self.0.strip_prefix(folder)?.strip_prefix('/')? };
        Some(AssetPath(Cow::Borrowed(rest)))
    }

    /// The same path, owning its text.
    pub fn to_owned(&self) -> AssetPath<'static> {
        AssetPath(Cow::Owned(self.0.clone().into_owned()))
    }

    /// The path in a URL: percent-encoded, with its leading slash.
    pub fn to_url_path(&self) -> String {
        let mut url = String::with_capacity(self.0.len() + 1);
        for segment in self.0.split('/') {
            url.push('/');
            url.extend(utf8_percent_encode(segment, OUTSIDE_SEGMENT));
        }
        url
    }
}

/// Everything but RFC 3986's unreserved characters.
const OUTSIDE_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Rejects malformed percent-encoding, and percent-encoded slashes, which would add a separator to a segment.
fn check_escapes(encoded: &str) -> Result<(), PathError> {
    let mut rest = encoded.as_bytes();
    while let Some(at) = rest.iter().position(|&b| b == b'%') {
        match rest.get(at + 1..at + 3) {
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                if matches!((high, low.to_ascii_lowercase()), (b'2', b'f')) {
                    return Err(PathError::Malformed("contains an encoded slash"));
                }
            }
            _ => return Err(PathError::Malformed("contains a `%` that is not followed by two hex digits")),
        }
        rest = &rest[at + 3..];
    }
    Ok(())
}

// By text, so that a map with owned keys can be searched with a borrowed path.
impl PartialEq for AssetPath<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Hash for AssetPath<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for AssetPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn proper_paths_are_decoded_once() {
        for (encoded, plain) in [
            ("/a.png", "a.png"),
            ("/folder/b.jpg", "folder/b.jpg"),
            ("/Preisliste%20M%C3%A4rz.pdf", "Preisliste M\u{e4}rz.pdf"),
            ("/a%252e.png", "a%2e.png"),
            ("/%61.png", "a.png"),
            ("/a..b/c...png", "a..b/c...png"),
            ("/a+b.png", "a+b.png"),
        ] {
            assert_eq!(
                AssetPath::from_url_path(encoded).map(|p| p.to_string()),
                Ok(plain.to_owned()),
                "{encoded}"
            );
        }
    }

    #[test]
    fn ambiguous_paths_are_malformed() {
        for encoded in [
            "",
            "a.png",
            "*",
            "/../etc/passwd",
            "/a/../b",
            "/./a",
            "/%2e%2e/a",
            "/%2E%2e/etc/passwd",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%00.png",
            "/a%",
            "/a%4",
            "/a%zz",
            "/%ff.png",
            "/%c0%ae%c0%ae/a",
        ] {
            assert!(matches!(AssetPath::from_url_path(encoded), Err(PathError::Malformed(_))), "{encoded}");
        }
    }

    #[test]
    fn paths_that_no_asset_can_have_are_not_found() {
        let long = format!("/{}", "a".repeat(256));
        let deep = "/a".repeat(2100);
        for encoded in [
            "/",
            "//evil.example/x",
            "/a//b",
            "/a/",
            "/.env",
            "/a/.git/config",
            "/%2ehidden",
            "/a%0ab",
            &long,
            &deep,
        ] {
            assert!(matches!(AssetPath::from_url_path(encoded), Err(PathError::NoAsset(_))), "{encoded}");
        }
    }

    #[test]
    fn below_a_folder_stops_at_segment_borders() {
        let path = AssetPath::from_plain("media/a/b.png").expect("a path");
        assert_eq!(path.below("").expect("below the root").as_str(), "media/a/b.png");
        assert_eq!(path.below("media").expect("below media").as_str(), "a/b.png");
        assert_eq!(path.below("media/a").expect("below media/a").as_str(), "b.png");
        assert_eq!(path.below("med"), None);
        assert_eq!(path.below("media/a/b.png"), None);
    }

    #[test]
    fn extensions_are_of_the_name_only() {
        for (path, extension) in
            [("a.tar.gz", Some("gz")), ("a.b/c", None), ("a.", None), ("a.JPG", Some("JPG")), ("a", None)]
        {
            assert_eq!(AssetPath::from_plain(path).expect("a path").extension(), extension, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rejected_or_safe(text in ".{0,80}") {
            if let Ok(path) = AssetPath::from_url_path(&text) {
                prop_assert!(path.as_str().split('/').all(|s| !s.is_empty() && !s.starts_with('.')));
                prop_assert!(!path.as_str().contains(['\\', '\0']));
                let url = path.to_url_path();
                prop_assert_eq!(AssetPath::from_url_path(&url).expect("its own URL"), path);
            }
        }
    }
}
