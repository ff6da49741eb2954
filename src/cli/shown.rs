//! What is printed, with nothing in it that a terminal does not simply show. Texts that come from files and servers pass through
//! here on their way out.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use crate::escape::is_shown;

/// A text with nothing in it that a terminal does not simply show.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_shown(c) { clean.push(c) } else { clean.extend(c.escape_debug()) }
    }
    clean.into()
}

/// A value as one line of JSON.
pub(super) fn json_line(value: &Value) -> String {
    escaped_json(&format!("{value}\n"))
}

/// A value as JSON over several lines.
pub(super) fn json_page(value: &Value) -> String {
    escaped_json(&format!("{value:#}\n"))
}

/// The same JSON: outside of its strings, there is nothing that is not shown.
fn escaped_json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_shown(c) {
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
    fn nothing_reaches_a_terminal_but_what_it_shows() {
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
    fn json_says_the_same_in_characters_that_are_shown() {
        let value = json!({ "a": "\u{9b}31m\u{7f}\u{202e}\u{e0001} M\u{e4}rz\n" });
        for text in [json_line(&value), json_page(&value)] {
            assert!(text.chars().all(|c| c == '\n' || is_shown(c)), "{text:?}");
            assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
        }
        assert!(json_line(&value).contains(r"\u009b31m\u007f\u202e\udb40\udc01 März\n"));
    }
}
