//! HTML, SVG, XML and JSON, recognised by how the text starts. HTML uses the signatures of the WHATWG MIME Sniffing Standard,
//! section 7.1, and also skips comments and an XML declaration. A text that merely begins with a tag is not HTML.

use serde_json::Value;

use super::Format;

/// Elements that an HTML page can start with.
const HTML_STARTS: [&[u8]; 18] = [
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
/// The most declarations, comments and processing instructions to skip before the first element.
const MAX_SKIPPED: usize = 32;

/// Recognises the format of a text by its start, `opening`, in an ASCII-compatible encoding. `is_all` says that `opening` is the
/// whole text; `last` is the last byte that is not whitespace, if known. `None` means plain text.
pub(super) fn recognise(opening: &[u8], is_all: bool, last: Option<u8>) -> Option<Format> {
    let opening = opening.trim_ascii_start();
    let last = if is_all { opening.trim_ascii_end().last().copied() } else { last };
    match opening.first()? {
        b'<' => element(opening, last),
        b'{' | b'[' if is_all => {
            let value = serde_json::from_slice(opening).ok()?;
            Some(Format::Json { is_error: is_json_error(&value) })
        }
        b'{' | b'[' => resembles_json(opening, last).then_some(Format::Json { is_error: false }),
        _ => None,
    }
}

/// Recognises a text that starts with `<`.
fn element(opening: &[u8], last: Option<u8>) -> Option<Format> {
    let is_declared = opening.starts_with(b"<?xml");
    let mut rest = opening;
    for _ in 0..MAX_SKIPPED {
        let tag = rest.strip_prefix(b"<")?;
        if HTML_STARTS.iter().any(|name| opens(tag, name)) {
            return (is_declared || is_followed_by_markup(tag, last)).then_some(Format::Html);
        }
        if opens(tag, b"svg") || opens(tag, b"!doctype svg") || opens(tag, b"svg:svg") {
            return Some(Format::Svg);
        }
        let end: &[u8] = match tag {
            _ if tag.starts_with(b"!--") => b"-->",
            [b'?', ..] => b"?>",
            // The internal subset of a DOCTYPE is in brackets.
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

/// Whether a page follows the first tag, rather than a text about that tag: the tag is followed by another tag, or the text ends
/// with a tag.
fn is_followed_by_markup(tag: &[u8], last: Option<u8>) -> bool {
    let after = tag.iter().position(|byte| *byte == b'>').map(|end| tag[end + 1..].trim_ascii_start());
    last == Some(b'>') || after.is_some_and(|after| after.starts_with(b"<"))
}

/// Whether a tag, without its `<`, is for the element of this name, ignoring case.
fn opens(tag: &[u8], name: &[u8]) -> bool {
    let is_named = tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    is_named
        && tag.get(name.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// Whether a partly read text starts and ends as JSON does.
fn resembles_json(opening: &[u8], last: Option<u8>) -> bool {
    let within = opening[1..].trim_ascii_start();
    match opening.first() {
        Some(b'{') => within.first() == Some(&b'"') && last == Some(b'}'),
        _ => matches!(within.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9')) && last == Some(b']'),
    }
}

/// Members that report an error unless they are empty.
const ERROR_MEMBERS: [&str; 8] = [
    "error",
    "errors",
    "error_code",
    "error_description",
    "error_message",
    "errormessage",
    "exception",
    "fault",
];
/// Members with the text of an error, including those of RFC 9457.
const TEXT_MEMBERS: [&str; 6] = ["message", "msg", "detail", "title", "reason", "description"];
/// Members that accompany such a text and contain no data.
const METADATA_MEMBERS: [&str; 18] = [
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

/// Whether JSON reports an error: it has a non-empty error member, or a text member and no data.
fn is_json_error(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    let is_one_of = |names: &[&str], name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let has_error =
        members.iter().any(|(name, value)| is_one_of(&ERROR_MEMBERS, name) && is_non_empty(value));
    let has_text = members.iter().any(|(name, value)| is_one_of(&TEXT_MEMBERS, name) && value.is_string());
    let has_data =
        members.keys().any(|name| !is_one_of(&TEXT_MEMBERS, name) && !is_one_of(&METADATA_MEMBERS, name));
    has_error || has_text && !has_data
}

/// Whether a value is not empty: successful responses may contain `"error": null`.
fn is_non_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Whether XML with this root tag reports an error: `<Error>` of object stores, `<problem>` of RFC 9457.
fn is_xml_error(tag: &[u8]) -> bool {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    let name = &tag[..end.unwrap_or(tag.len())];
    let name = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
    ["error", "errors", "errorresponse", "exception", "fault", "problem"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
