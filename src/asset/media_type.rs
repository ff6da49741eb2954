//! A media type as it stands in `Content-Type`.

use std::fmt;

/// The exact value of a `Content-Type` field, parameters included: `audio/ogg; codecs=opus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(&'static str);

impl MediaType {
    /// What an asset is called of whose type nothing is known.
    pub const OCTET_STREAM: Self = Self::from_static("application/octet-stream");

    /// A media type known when the program was written.
    pub const fn from_static(value: &'static str) -> Self {
        Self(value)
    }

    /// The value, parameters included.
    pub fn as_str(&self) -> &str {
        self.0
    }

    /// Whether a receiver treats it as a file to keep rather than something to show or play: all that is neither image
    /// nor audio nor video.
    pub fn is_document(&self) -> bool {
        !["image/", "audio/", "video/"].iter().any(|family| self.0.starts_with(family))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
