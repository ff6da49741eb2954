//! Media type: the value of a `Content-Type` header.

use std::borrow::Cow;
use std::fmt;

/// The exact value of a `Content-Type` header, with its parameters: `audio/ogg; codecs=opus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// The media type of an asset whose type is unknown.
    pub const OCTET_STREAM: Self = Self::from_static("application/octet-stream");

    /// A media type known at compile time.
    pub const fn from_static(value: &'static str) -> Self {
        Self(Cow::Borrowed(value))
    }

    /// A media type from elsewhere; `None` if the text is not a type, a slash, a subtype and printable parameters
    /// (RFC 9110 section 8.3.1).
    pub fn parse(text: &str) -> Option<Self> {
        let is_token = |part: &str| {
            let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            !part.is_empty() && part.bytes().all(is_tchar)
        };
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = essence.trim_end().split_once('/')?;
        let is_printable = |b: u8| b == b' ' || b == b'\t' || b.is_ascii_graphic();
        (is_token(kind) && is_token(subtype) && parameters.bytes().all(is_printable))
            .then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The value, with its parameters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether clients treat it as a file to save rather than something to display or play: everything but images,
    /// audio and video.
    pub fn is_document(&self) -> bool {
        !["image/", "audio/", "video/"].iter().any(|family| self.0.starts_with(family))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_media_types_parse() {
        for good in
            ["image/jpeg", "text/plain;charset=utf-8", "audio/ogg; codecs=opus", "application/x-a.b+c"]
        {
            assert_eq!(MediaType::parse(good).expect(good).as_str(), good);
        }
        for bad in
            ["", "jpeg", "image/", "/jpeg", "image/jpeg\r\nA: b", "image jpeg", "text/plain; \u{e4}", "a/b/c"]
        {
            assert!(MediaType::parse(bad).is_none(), "{bad}");
        }
    }
}
