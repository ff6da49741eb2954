//! Texts with a form: HTML, SVG, XML and JSON, told by how they open. HTML follows the signatures of the WHATWG's MIME
//! Sniffing Standard, section 7.1, and looks past comments and an XML declaration too.

use serde::de::IgnoredAny;

use super::Format;

/// The elements that a page opens with.
const PAGE_OPENS: [&[u8]; 18] = [
    b"!doctype html",
    b"html",
    b"head",
    b"body",
    b"title",
    b"meta",
    b"link",
    b"style",
    b"script",
    b"iframe",
    b"h1",
    b"div",
    b"font",
    b"table",
    b"a",
    b"br",
    b"p",
    b"b",
];
/// Things before the first element that are skipped: declarations, comments, instructions.
const MOST_SKIPPED: usize = 32;

/// What kind of text opens with `opening`, of UTF-8 or one much like it; `is_all` where nothing follows that, and `last` is
/// the last byte that is not blank, where it is known. `None`: a plain text.
pub(super) fn kind(opening: &[u8], is_all: bool, last: Option<u8>) -> Option<Format> {
    let opening = opening.trim_ascii_start();
    let last = if is_all { opening.trim_ascii_end().last().copied() } else { last };
    match opening.first()? {
        b'<' => element(opening, last),
        b'{' | b'[' => is_json(opening, is_all, last).then_some(Format::Json),
        _ => None,
    }
}

/// What a text is that opens with a `<`.
fn element(opening: &[u8], last: Option<u8>) -> Option<Format> {
    let is_declared = opening.starts_with(b"<?xml");
    let mut rest = opening;
    for _ in 0..MOST_SKIPPED {
        let tag = rest.strip_prefix(b"<")?;
        if PAGE_OPENS.iter().any(|name| opens(tag, name)) {
            return Some(Format::Html);
        }
        if opens(tag, b"svg") || opens(tag, b"!doctype svg") || opens(tag, b"svg:svg") {
            return Some(Format::Svg);
        }
        let end: &[u8] = match tag {
            _ if tag.starts_with(b"!--") => b"-->",
            [b'?', ..] => b"?>",
            // What a document type declares for itself stands in brackets.
            [b'!', ..] => {
                let (bracket, end) =
                    (tag.iter().position(|byte| *byte == b'['), tag.iter().position(|byte| *byte == b'>'));
                if bracket.is_some_and(|bracket| end.is_some_and(|end| bracket < end)) { b"]>" } else { b">" }
            }
            _ => break,
        };
        let Some(at) = tag.windows(end.len()).position(|bytes| bytes == end) else { break };
        rest = tag[at + end.len()..].trim_ascii_start();
    }
    let is_element = rest.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    (is_declared || is_element && last == Some(b'>')).then_some(Format::Xml)
}

/// Whether a tag, without its `<`, is of the element of this name, in any case.
fn opens(tag: &[u8], name: &[u8]) -> bool {
    let is_named = tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    is_named
        && tag.get(name.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// Whether a text is JSON: all of it where all of it is seen, and otherwise how it opens and closes.
fn is_json(opening: &[u8], is_all: bool, last: Option<u8>) -> bool {
    if is_all {
        return serde_json::from_slice::<IgnoredAny>(opening).is_ok();
    }
    let within = opening[1..].trim_ascii_start();
    match opening.first() {
        Some(b'{') => within.first() == Some(&b'"') && last == Some(b'}'),
        _ => matches!(within.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9')) && last == Some(b']'),
    }
}
