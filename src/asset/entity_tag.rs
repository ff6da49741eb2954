//! Entity tags and their two comparisons (RFC 9110 section 8.8.3).

use std::fmt;

use super::Digest;

/// An entity tag as a header value: `"33a64df5"` or `W/"33a64df5"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntityTag(Box<str>);

impl EntityTag {
    /// The strong tag for the bytes with this digest: its 64 hex digits in quotes.
    pub fn of_digest(digest: &Digest) -> Self {
        Self(format!("\"{digest}\"").into())
    }

    /// Parses a header value, quotes included; `None` if the text is not exactly one entity tag.
    ///
    /// The grammar is RFC 9110's `entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE`; a comma is an `etagc` like any other.
    pub fn parse(text: &str) -> Option<Self> {
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let inner = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let is_etagc = |b: u8| b == 0x21 || (0x23..=0x7e).contains(&b) || b >= 0x80;
        inner.bytes().all(is_etagc).then(|| Self(text.into()))
    }

    /// The tag as a header value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a weak tag.
    pub fn is_weak(&self) -> bool {
        self.0.starts_with("W/")
    }

    /// Strong comparison: both are strong and have the same text (RFC 9110 section 8.8.3.2).
    pub fn strong_eq(&self, other: &str) -> bool {
        !self.is_weak() && *self.0 == *other
    }

    /// Weak comparison: the opaque parts are equal (RFC 9110 section 8.8.3.2).
    pub fn weak_eq(&self, other: &str) -> bool {
        opaque(&self.0) == opaque(other)
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_follow_the_table_of_rfc_9110_section_8_8_3_2() {
        for (a, b, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let tag = EntityTag::parse(a).expect("a tag");
            assert_eq!(tag.strong_eq(b), strong, "{a} {b}");
            assert_eq!(tag.weak_eq(b), weak, "{a} {b}");
        }
    }

    #[test]
    fn only_whole_tags_parse() {
        for good in ["\"\"", "\"a,b\"", "W/\"x\"", "\"\u{e4}\""] {
            assert!(EntityTag::parse(good).is_some(), "{good}");
        }
        for bad in ["", "*", "abc", "\"", "w/\"x\"", "\"a\"b\"", "\"a b\"", "W/", "\"a\" "] {
            assert!(EntityTag::parse(bad).is_none(), "{bad}");
        }
    }
}
