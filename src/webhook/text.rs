//! Untrusted text: cleans it for a terminal and searches it without regard to case.

use crate::escape::is_printable;

/// Maximum length of a text, in characters; longer ones are cut. Meta's texts have a few hundred.
pub(crate) const MAX_TEXT: usize = 4000;

/// The text on one line and safe for a terminal: each run of white space becomes one space, control and direction characters are
/// escaped, and the text is cut after `max` characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut clean = String::new();
    let mut words = text.split_whitespace();
    let mut remaining = max;
    while let Some(word) = words.next() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        for c in word.chars() {
            if remaining == 0 {
                clean.push('…');
                return clean;
            }
            remaining -= 1;
            if is_printable(c) { clean.push(c) } else { clean.extend(c.escape_unicode()) }
        }
        remaining = remaining.saturating_sub(1);
        if remaining == 0 && words.next().is_some() {
            clean.push('…');
            return clean;
        }
    }
    clean
}

/// The text before and after the first `marker`, which is ASCII and matches in either case.
pub(crate) fn split<'a>(text: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    let at = text.as_bytes().windows(marker.len()).position(|w| w.eq_ignore_ascii_case(marker.as_bytes()))?;
    // An ASCII marker begins and ends at character boundaries.
    Some((text.get(..at)?, text.get(at + marker.len()..)?))
}

/// The text after the first `marker`.
pub(crate) fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    split(text, marker).map(|(_, rest)| rest)
}

/// Whether the text contains `marker`.
pub(crate) fn has(text: &str, marker: &str) -> bool {
    split(text, marker).is_some()
}

/// The decimal number at the beginning, if it has at most nine digits, and the rest of the text.
pub(crate) fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.len() <= 9).then(|| digits.parse().ok()).flatten().map(|number| (number, rest))
}

/// The first `http://` or `https://` URL in the text, without the punctuation that ends a sentence.
pub(crate) fn url(text: &str) -> Option<&str> {
    let at = ["https://", "http://"]
        .into_iter()
        .filter_map(|scheme| split(text, scheme).map(|(before, _)| before.len()))
        .min()?;
    let text = &text[at..];
    let ends = |c: char| {
        !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`' | '{' | '}' | '|' | '^')
    };
    let url = &text[..text.find(ends).unwrap_or(text.len())];
    let url = url.trim_end_matches(['.', ',', ';', ':', '!', ')', ']']);
    (url.len() > "https://".len()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_escapes_control_and_direction_characters() {
        for (text, expected) in [
            ("  a\r\n\t b ", "a b"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("grüße 😀", "grüße 😀"),
            ("", ""),
        ] {
            assert_eq!(clean(text, MAX_TEXT), expected);
        }
    }

    #[test]
    fn clean_cuts_long_text() {
        assert_eq!(clean("abcd", 4), "abcd");
        assert_eq!(clean("abcde", 4), "abcd…");
        assert_eq!(clean("ab  de", 4), "ab d…");
        assert_eq!(clean("abcd e", 4), "abcd…");
        assert_eq!(clean(&"x".repeat(10_000), MAX_TEXT).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn markers_match_in_either_case_and_numbers_at_the_beginning() {
        assert_eq!(split("Über HTTP Code 403", "http code "), Some(("Über ", "403")));
        assert_eq!(after("abc", "x"), None);
        assert_eq!(number("403, x"), Some((403, ", x")));
        assert_eq!(number(" 403"), None);
        assert_eq!(number("9999999999"), None);
    }

    #[test]
    fn a_url_ends_before_the_rest_of_the_sentence() {
        for (text, expected) in [
            ("for url https://a.example/b.jpg failed", Some("https://a.example/b.jpg")),
            ("(HTTP://a.example/b?c=1&d=2).", Some("HTTP://a.example/b?c=1&d=2")),
            ("'http://a.example/x'; rm -rf /", Some("http://a.example/x")),
            ("http://a.example then https://b.example", Some("http://a.example")),
            ("https:// nothing", None),
            ("none", None),
        ] {
            assert_eq!(url(text), expected);
        }
    }
}
