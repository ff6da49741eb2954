//! Header syntax that several request headers share: optional whitespace, single values, dates and lists of entity
//! tags (RFC 9110 section 5.6 and section 8.8.3).
//!
//! Field values stay bytes here until they are validated. What a header means is up to the file named after it.

use httpdate::HttpDate;
use hyper::header::{HeaderMap, HeaderName};

/// A text without the optional whitespace around it (RFC 9110 section 5.6.3: space and tab, nothing else).
pub(super) fn trim_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The value of a field that must not be repeated; `None` if it is missing or in several field lines.
pub(super) fn sole(request: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut lines = request.get_all(name).iter();
    let line = lines.next()?;
    lines.next().is_none().then(|| trim_ows(line.as_bytes()))
}

/// The date in a field; `None` if the field is missing, repeated or not a valid `HTTP-date`.
///
/// All three forms of RFC 9110 section 5.6.7 are read, with strict case, `GMT` and day of the week. A two-digit year
/// is one of 1970 to 2069. A leap second, or a time before 1970 or after 9999, counts as no date: [`HttpDate`] cannot
/// represent it, and no known asset was modified then.
pub(super) fn sole_date(request: &HeaderMap, name: HeaderName) -> Option<HttpDate> {
    date(sole(request, name)?)
}

/// Parses an `HTTP-date`, with the limits of [`sole_date`].
pub(super) fn date(text: &[u8]) -> Option<HttpDate> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The entity tags of a list field, of all its field lines in order.
///
/// Members that are not entity tags are skipped. So are those that are not UTF-8: our own tags are, hence none can
/// equal one of ours.
pub(super) fn entity_tags(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    request.get_all(name).iter().flat_map(|line| Tags(line.as_bytes()))
}

/// The unread rest of one field line.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            while let [b' ' | b'\t' | b',', rest @ ..] = self.0 {
                self.0 = rest;
            }
            if self.0.is_empty() {
                return None;
            }
            let (tag, rest) = split_member(self.0);
            self.0 = rest;
            if tag.is_some() {
                return tag;
            }
        }
    }
}

/// Splits the first member off a list: the member, if it is an entity tag, and the rest.
///
/// Commas inside the quotes of a tag do not end it; a member that is no tag ends at the next comma.
fn split_member(list: &[u8]) -> (Option<&str>, &[u8]) {
    let quotes_end = quoted_end(list);
    let after = quotes_end.unwrap_or(0);
    let end = list[after..].iter().position(|&b| b == b',').map_or(list.len(), |comma| after + comma);
    let tag = quotes_end
        .filter(|&close| trim_ows(&list[close..end]).is_empty())
        .and_then(|close| std::str::from_utf8(&list[..close]).ok());
    (tag, &list[end..])
}

/// The end of the entity tag at the beginning of the list, after its closing quote.
fn quoted_end(list: &[u8]) -> Option<usize> {
    let opening = if list.starts_with(b"W/") { 2 } else { 0 };
    let inner = list[opening..].strip_prefix(b"\"")?;
    let closing = inner.iter().position(|&b| b == b'"')?;
    Some(opening + closing + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_support::{MODIFIED, request};
    use hyper::header::{HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
    use proptest::prelude::*;

    #[test]
    fn only_spaces_and_tabs_are_optional_whitespace() {
        for (text, trimmed) in
            [("", ""), (" \t ", ""), (" a\t", "a"), ("a b", "a b"), ("\u{b}a", "\u{b}a"), ("a\r", "a\r")]
        {
            assert_eq!(trim_ows(text.as_bytes()), trimmed.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn a_repeated_field_has_no_value() {
        let once = [(IF_MODIFIED_SINCE, " x ")];
        let twice = [(IF_MODIFIED_SINCE, "x"), (IF_MODIFIED_SINCE, "x")];
        assert_eq!(sole(&request(&once), IF_MODIFIED_SINCE), Some(&b"x"[..]));
        assert_eq!(sole(&request(&twice), IF_MODIFIED_SINCE), None);
        assert_eq!(sole(&request(&[]), IF_MODIFIED_SINCE), None);
    }

    #[test]
    fn dates_are_read_in_the_three_forms_of_section_5_6_7() {
        let same = date(MODIFIED.as_bytes());
        assert!(same.is_some());
        assert_eq!(date(b"Sunday, 06-Nov-94 08:49:37 GMT"), same);
        assert_eq!(date(b"Sun Nov  6 08:49:37 1994"), same);
    }

    #[test]
    fn an_invalid_date_is_none() {
        for text in [
            "",
            "yesterday",
            "0",
            "784111777",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "sun, 06 nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
        assert_eq!(date(b"Sun, 06 Nov 1994 08:49:37 GMT\xff"), None);
    }

    #[test]
    fn lists_of_entity_tags_are_read_as_section_5_6_1_requires() {
        for (lines, tags) in [
            (&[""][..], &[][..]),
            (&["\"a\""], &["\"a\""]),
            (&["\"a\",\"b\""], &["\"a\"", "\"b\""]),
            (&[" ,\t, \"a\" \t,, W/\"b\" ,"], &["\"a\"", "W/\"b\""]),
            (&["\"a\"", "", "W/\"b\", \"c\""], &["\"a\"", "W/\"b\"", "\"c\""]),
            (&["\"a,b\", \"c, d\""], &["\"a,b\"", "\"c, d\""]),
            (&["\"\", \"\\\""], &["\"\"", "\"\\\""]),
            (&["\"\u{e4}\""], &["\"\u{e4}\""]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (IF_NONE_MATCH, *line)).collect();
            assert_eq!(entity_tags(&request(&lines), IF_NONE_MATCH).collect::<Vec<_>>(), tags, "{lines:?}");
        }
    }

    #[test]
    fn members_that_are_no_entity_tag_are_skipped() {
        for line in [
            "*, \"z\"",
            "abc, \"z\"",
            "w/\"a\", \"z\"",
            "W/a, \"z\"",
            "W/ \"a\", \"z\"",
            "\"a\"b, \"z\"",
            "\"a\" \"b\", \"z\"",
            "a\"b\", \"z\"",
            "\"z\", \"a",
            "\"z\", W/",
        ] {
            let request = request(&[(IF_NONE_MATCH, line)]);
            assert_eq!(entity_tags(&request, IF_NONE_MATCH).collect::<Vec<_>>(), ["\"z\""], "{line}");
        }
    }

    #[test]
    fn a_member_in_another_encoding_is_skipped() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_bytes(b"\"\xe4\", \"z\"").expect("a field value"));
        assert_eq!(entity_tags(&headers, IF_NONE_MATCH).collect::<Vec<_>>(), ["\"z\""]);
    }

    proptest! {
        #[test]
        fn every_entity_tag_is_quoted(line in "[ \t,W/\"ab*]{0,40}") {
            let request = request(&[(IF_NONE_MATCH, &line)]);
            for tag in entity_tags(&request, IF_NONE_MATCH) {
                let opaque = tag.strip_prefix("W/").unwrap_or(tag);
                prop_assert!(line.contains(tag));
                prop_assert!(opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"'));
                prop_assert_eq!(opaque.matches('"').count(), 2);
            }
        }

        #[test]
        fn a_valid_list_is_read_back(
            tags in proptest::collection::vec("(W/)?\"[!#-~]{0,6}\"", 0..6),
            comma in "[ \t]{0,2},[ \t]{0,2}(,[ \t]?){0,2}",
        ) {
            let request = request(&[(IF_NONE_MATCH, &tags.join(&comma))]);
            prop_assert_eq!(entity_tags(&request, IF_NONE_MATCH).collect::<Vec<_>>(), tags);
        }
    }
}
