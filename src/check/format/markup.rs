//! Texts with a form: HTML, SVG, XML and JSON, told by how they open. HTML follows the signatures of the WHATWG's MIME
//! Sniffing Standard, section 7.1, and looks past comments and an XML declaration too; but a text that only begins with the name of
//! a tag is none.

use serde_json::Value;

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
        b'{' | b'[' if is_all => {
            let value = serde_json::from_slice(opening).ok()?;
            Some(Format::Json { is_error: is_json_error(&value) })
        }
        b'{' | b'[' => looks_like_json(opening, last).then_some(Format::Json { is_error: false }),
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
            return (is_declared || goes_on_as_page(tag, last)).then_some(Format::Html);
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
    let is_error = rest.strip_prefix(b"<").is_some_and(is_xml_error);
    (is_declared || is_element && last == Some(b'>')).then_some(Format::Xml { is_error })
}

/// Whether what follows the opening tag of a page is more of one, and not a text about that tag: the next thing is a tag, too, or
/// the last one is.
fn goes_on_as_page(tag: &[u8], last: Option<u8>) -> bool {
    let behind = tag.iter().position(|byte| *byte == b'>').map(|end| tag[end + 1..].trim_ascii_start());
    last == Some(b'>') || behind.is_some_and(|behind| behind.starts_with(b"<"))
}

/// Whether a tag, without its `<`, is of the element of this name, in any case.
fn opens(tag: &[u8], name: &[u8]) -> bool {
    let is_named = tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    is_named
        && tag.get(name.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// Whether a text of which only a part is seen opens and closes as JSON does.
fn looks_like_json(opening: &[u8], last: Option<u8>) -> bool {
    let within = opening[1..].trim_ascii_start();
    match opening.first() {
        Some(b'{') => within.first() == Some(&b'"') && last == Some(b'}'),
        _ => matches!(within.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9')) && last == Some(b']'),
    }
}

/// Members that say that something failed, where there is anything in them.
const FAILURES: [&str; 8] = [
    "error",
    "errors",
    "error_code",
    "error_description",
    "error_message",
    "errormessage",
    "exception",
    "fault",
];
/// Members in which an error's words stand, those of RFC 9457 among them.
const WORDS: [&str; 6] = ["message", "msg", "detail", "title", "reason", "description"];
/// Members that stand beside such words and hold no data.
const BESIDE_WORDS: [&str; 18] = [
    "__type",
    "code",
    "details",
    "documentation_url",
    "instance",
    "ok",
    "path",
    "request_id",
    "requestid",
    "request-id",
    "status",
    "status_code",
    "statuscode",
    "success",
    "timestamp",
    "traceid",
    "trace_id",
    "type",
];

/// Whether JSON says that something failed: in a member of that name, or in that it holds words about itself and no data.
fn is_json_error(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    let is_one_of = |names: &[&str], name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let fails = members.iter().any(|(name, value)| is_one_of(&FAILURES, name) && says_anything(value));
    let has_words = members.iter().any(|(name, value)| is_one_of(&WORDS, name) && value.is_string());
    let has_data = members.keys().any(|name| !is_one_of(&WORDS, name) && !is_one_of(&BESIDE_WORDS, name));
    fails || has_words && !has_data
}

/// Whether there is anything in a value: `"error": null` is what success looks like.
fn says_anything(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Whether XML whose outermost tag begins so says that something failed: `<Error>` as the stores answer, `<problem>` of RFC 9457.
fn is_xml_error(tag: &[u8]) -> bool {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    let name = &tag[..end.unwrap_or(tag.len())];
    let name = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
    ["error", "errors", "errorresponse", "exception", "fault", "problem"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
