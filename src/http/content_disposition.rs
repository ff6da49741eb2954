//! `Content-Disposition` of documents (RFC 6266): displayed inline, and saved under the asset's name.
//!
//! The name is the asset's own, never one from the query: a link must not be able to name its target.

use std::fmt::Write as _;

use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The value for a document of this name: `inline; filename="…"; filename*=UTF-8''…`.
///
/// It always has both forms: `filename*` is the exact name, `filename` an ASCII approximation for clients that
/// support only that.
pub(super) fn inline(name: &str) -> HeaderValue {
    let mut value = String::with_capacity(48 + name.len() * 4);
    value.push_str("inline; filename=\"");
    push_quotable(&mut value, name);
    value.push_str("\"; filename*=UTF-8''");
    write!(value, "{}", utf8_percent_encode(name, OUTSIDE_ATTR_CHAR))
        .expect("a string takes all that is written");
    HeaderValue::try_from(value).expect("both forms of a name are printable ASCII")
}

/// Everything but RFC 8187's `attr-char`.
const OUTSIDE_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Appends a name as the content of a quoted string, with every non-ASCII or control character replaced by `_`.
///
/// A `%` before two hex digits is replaced too: some clients would decode it (RFC 6266 appendix D).
fn push_quotable(value: &mut String, name: &str) {
    for (at, character) in name.char_indices() {
        match character {
            '"' | '\\' => value.extend(['\\', character]),
            '%' if begins_escape(&name.as_bytes()[at..]) => value.push('_'),
            ' '..='~' => value.push(character),
            _ => value.push('_'),
        }
    }
}

fn begins_escape(text: &[u8]) -> bool {
    matches!(text, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_sent_in_both_forms() {
        for (name, fallback, exact) in [
            ("report.pdf", "report.pdf", "report.pdf"),
            ("price list.pdf", "price list.pdf", "price%20list.pdf"),
            ("Preisliste M\u{e4}rz.pdf", "Preisliste M_rz.pdf", "Preisliste%20M%C3%A4rz.pdf"),
            ("\u{4ef7}\u{683c}.pdf", "__.pdf", "%E4%BB%B7%E6%A0%BC.pdf"),
            ("a\"b\\c.pdf", "a\\\"b\\\\c.pdf", "a%22b%5Cc.pdf"),
            ("a;b,c='d'.pdf", "a;b,c='d'.pdf", "a%3Bb%2Cc%3D%27d%27.pdf"),
            ("50%25.pdf", "50_25.pdf", "50%2525.pdf"),
            ("100%.pdf", "100%.pdf", "100%25.pdf"),
            ("%e4%", "_e4%", "%25e4%25"),
            ("a\r\nSet-Cookie: b\0\u{7f}", "a__Set-Cookie: b__", "a%0D%0ASet-Cookie%3A%20b%00%7F"),
            ("!#$&+-.^_`|~*(@)", "!#$&+-.^_`|~*(@)", "!#$&+-.^_`|~%2A%28%40%29"),
            ("", "", ""),
        ] {
            let expected = format!("inline; filename=\"{fallback}\"; filename*=UTF-8''{exact}");
            assert_eq!(inline(name), expected.as_str(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_round_trips_and_stays_within_its_quotes(name in any::<String>()) {
            let value = inline(&name);
            let value = value.to_str().expect("printable ASCII");
            let (fallback, exact) = value.rsplit_once("; filename*=UTF-8''").expect("both forms");
            let is_attr_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b);
            prop_assert!(exact.bytes().all(is_attr_char));
            prop_assert_eq!(percent_decode_str(exact).decode_utf8().expect("UTF-8"), name.as_str());

            let quoted = fallback.strip_prefix("inline; filename=\"").and_then(|rest| rest.strip_suffix('"'));
            let bare = quoted.expect("a quoted string").replace("\\\\", "").replace("\\\"", "");
            prop_assert!(!bare.contains(['"', '\\']), "the quotes end before the name does");
        }
    }
}
