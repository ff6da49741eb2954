//! Terminal-safe text: escapes control, bidirectional and invisible characters in text from files, servers and clients.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// Whether a terminal prints this character and does nothing else with it: it is no control character, does not change the
/// direction of writing, and is visible.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // `escape_debug` escapes a combining accent at the beginning of a text. After a letter it is printable.
    let mut after_letter = [b'a', 0, 0, 0, 0];
    let len = 1 + c.encode_utf8(&mut after_letter[1..]).len();
    std::str::from_utf8(&after_letter[..len]).is_ok_and(|text| text.escape_debug().count() == 2)
}

/// The text with every character that is not printable escaped as in Rust (`\n`, `\u{1b}`).
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_printable(c) { clean.push(c) } else { clean.extend(c.escape_debug()) }
    }
    clean.into()
}

/// A value as one line of JSON.
pub(crate) fn json_line(value: &Value) -> String {
    escaped_json(&format!("{value}\n"))
}

/// A value as JSON over several lines.
pub(crate) fn json_pretty(value: &Value) -> String {
    escaped_json(&format!("{value:#}\n"))
}

/// The same JSON with `\u` escapes for what is not printable; such characters occur only in its strings.
fn escaped_json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_printable(c) {
            clean.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(clean, "\\u{unit:04x}");
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn control_bidirectional_and_invisible_characters_are_not_printable() {
        assert!("aZ ~\u{e4}\u{308}\u{5d0}\u{1f600}".chars().all(is_printable));
        for c in
            ['\n', '\u{1b}', '\u{7f}', '\u{9b}', '\u{200b}', '\u{2028}', '\u{202e}', '\u{feff}', '\u{e0001}']
        {
            assert!(!is_printable(c), "{c:?}");
        }
    }

    #[test]
    fn text_keeps_printable_characters_and_escapes_the_others() {
        for (text, expected) in [
            ("a.jpg", "a.jpg"),
            ("it's \"M\u{e4}rz\" \\", "it's \"M\u{e4}rz\" \\"),
            ("\x1b[2J\n\r\x07", "\\u{1b}[2J\\n\\r\\u{7}"),
            ("\u{202e}gpj\u{9b}", "\\u{202e}gpj\\u{9b}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn escaped_json_is_printable_and_reads_back_as_the_same_value() {
        let value = json!({ "a": "\u{9b}31m\u{7f}\u{202e}\u{e0001} M\u{e4}rz\n" });
        for text in [json_line(&value), json_pretty(&value)] {
            assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{text:?}");
            assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
        }
        assert!(json_line(&value).contains(r"\u009b31m\u007f\u202e\udb40\udc01 März\n"));
    }
}
