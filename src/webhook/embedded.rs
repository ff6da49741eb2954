//! Finds objects within a text: JSON in a log line, a body after a status, a dump of a program, a string within a string.

use serde_json::Value;

use super::loose;
use super::text::has;

/// Maximum number of failed attempts to read escaped JSON. Each may scan far, so this bounds the work.
const MAX_ESCAPED: usize = 200;
/// Maximum number of failed attempts to read nested objects, each of which may go as deep as the parser does.
const MAX_FAILURES: usize = 2_000;
/// Maximum length of escaped JSON, in bytes.
const MAX_ESCAPED_LEN: usize = 1 << 16;

/// Part of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Segment<'a> {
    /// Text between the objects, and the line where it begins, counted from 1.
    Text(&'a str, usize),
    /// An object or an array, and the line where it begins.
    Value(Value, usize),
}

/// The text in its parts, in order.
pub(crate) fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let (mut failures_left, mut escaped_left) = (MAX_FAILURES, MAX_ESCAPED);
    let (mut done, mut at, mut line) = (0, 0, 1);
    while let Some(offset) = text[at..].find(['{', '[', '"']) {
        let start = at + offset;
        let rest = &text[start..];
        let value = match may_begin(rest) {
            true if is_nested(rest) => attempt(&mut failures_left, || value_at(rest, &mut escaped_left)),
            true => value_at(rest, &mut escaped_left),
            false => None,
        };
        let Some((value, len)) = value else {
            at = start + 1;
            continue;
        };
        if done < start {
            segments.push(Segment::Text(&text[done..start], line));
            line += newlines(&text[done..start]);
        }
        segments.push(Segment::Value(value, line));
        line += newlines(&text[start..start + len]);
        at = start + len;
        done = at;
    }
    if done < text.len() {
        segments.push(Segment::Text(&text[done..], line));
    }
    segments
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|b| *b == b'\n').count()
}

/// Whether an object, an array of objects or a quoted object may begin here. Most brackets of a log are none of these.
fn may_begin(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    let next = chars.find(|c| !c.is_whitespace());
    match (first, next) {
        (Some('['), next) => next == Some('{'),
        (Some('{'), Some(next)) => {
            next.is_alphabetic() || matches!(next, '"' | '\'' | '`' | ':' | '\\' | '_' | '$')
        }
        (Some('"'), next) => matches!(next, Some('{' | '[')),
        _ => false,
    }
}

/// Whether another bracket opens before this one closes, so that an attempt may go deep.
fn is_nested(text: &str) -> bool {
    text[1..]
        .find(['{', '[', '}', ']', '\n'])
        .is_some_and(|at| matches!(text.as_bytes()[at + 1], b'{' | b'['))
}

/// The object, the array of objects, or the quoted object at the beginning, and its length in bytes.
fn value_at(text: &str, escaped_left: &mut usize) -> Option<(Value, usize)> {
    match text.as_bytes()[0] {
        b'{' => {
            let value = strict(text).or_else(|| loose::object(text));
            let value = value.or_else(|| attempt(escaped_left, || escaped(text)));
            value.filter(|(value, _)| value.as_object().is_some_and(|object| !object.is_empty()))
        }
        b'[' => {
            let is_of_objects =
                |value: &Value| value.as_array().is_some_and(|array| array.iter().any(Value::is_object));
            strict(text).filter(|(value, _)| is_of_objects(value))
        }
        // A JSON text within quotes.
        _ if text.starts_with("\"{\\\"") || text.starts_with("\"[{\\\"") => attempt(escaped_left, || {
            let (value, len) = strict(text)?;
            Some((serde_json::from_str(value.as_str()?).ok()?, len))
        }),
        _ => None,
    }
}

/// Runs what may scan far, unless it failed too often.
fn attempt<T>(left: &mut usize, run: impl FnOnce() -> Option<T>) -> Option<T> {
    if *left == 0 {
        return None;
    }
    let outcome = run();
    *left -= usize::from(outcome.is_none());
    outcome
}

fn strict(text: &str) -> Option<(Value, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    Some((value, stream.byte_offset()))
}

/// JSON whose quotes were escaped: `{\"code\":100}`.
fn escaped(text: &str) -> Option<(Value, usize)> {
    if !text.starts_with("{\\\"") {
        return None;
    }
    // The end is not known before the escapes are gone, so this takes the rest of the line.
    let end = text.bytes().take(MAX_ESCAPED_LEN).take_while(|b| *b != b'\n').count();
    let end = text.as_bytes()[..end].iter().rposition(|b| *b == b'}')? + 1;
    let plain = text[..end].replace("\\\"", "\"").replace("\\\\", "\\");
    Some((strict(&plain)?.0, end))
}

/// The fields of a form-encoded body, such as that of Twilio's webhooks, if the text is one.
pub(crate) fn form(text: &str) -> Option<Value> {
    let is_form = !text.contains(char::is_whitespace) && text.contains('=') && !text.contains(['{', '<']);
    if !is_form || !(has(text, "errorcode=") || has(text, "error_code=") || has(text, "status=")) {
        return None;
    }
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = text.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    Some(Value::Object(pairs.map(|(name, value)| (decode(name), decode(value).into())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(text: &str) -> Vec<Value> {
        let values = segments(text).into_iter().filter_map(|segment| match segment {
            Segment::Value(value, _) => Some(value),
            Segment::Text(..) => None,
        });
        values.collect()
    }

    #[test]
    fn objects_within_a_text_are_found() {
        let expected = json!({"error": {"code": 100}});
        for text in [
            r#"400 - {"error":{"code":100}}"#,
            r#"2026-12-01T05:00:00Z ERROR [worker-1] {"error":{"code":100}} {not"#,
            r#"400 - "{\"error\":{\"code\":100}}""#,
            r#"body={\"error\":{\"code\":100}} end"#,
            "b'{\"error\": {\"code\": 100}}'",
            "response: { error: { code: 100 } }",
        ] {
            assert_eq!(values(text), std::slice::from_ref(&expected), "{text}");
        }
        assert_eq!(values("no { object } here [1, 2] {}"), Vec::<Value>::new());
        assert_eq!(values("{{{{{{{{"), Vec::<Value>::new());
        assert_eq!(
            segments("a\n{\"x\":1}\nb"),
            [Segment::Text("a\n", 1), Segment::Value(json!({"x": 1}), 2), Segment::Text("\nb", 2)]
        );
    }

    #[test]
    fn a_form_encoded_webhook_is_read() {
        let form =
            form("SmsSid=SM1&MessageStatus=failed&ErrorCode=63019&To=whatsapp%3A%2B491701234567").unwrap();
        assert_eq!((&form["ErrorCode"], &form["To"]), (&json!("63019"), &json!("whatsapp:+491701234567")));
        assert_eq!(super::form("a=b c"), None);
        assert_eq!(super::form("https://a.example/?x=1"), None);
    }
}
