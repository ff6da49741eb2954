//! Strangers' text: made fit to be shown, and looked through without regard to case.

use crate::escape::is_printable;

/// Most of a text that is kept, in characters. What Meta writes has a few hundred.
pub(crate) const MAX_TEXT: usize = 4000;

/// A text on one line, without what a terminal would obey: each run of white space is one space, control and direction
/// characters are escaped, and what is past `max` characters is left out.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut clean = String::new();
    // A few more than are shown are looked at, since many may fold into one space.
    let mut words = text.split_whitespace();
    let mut room = max;
    while let Some(word) = words.next() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        for c in word.chars() {
            if room == 0 {
                clean.push('…');
                return clean;
            }
            room -= 1;
            if is_printable(c) { clean.push(c) } else { clean.extend(c.escape_unicode()) }
        }
        room = room.saturating_sub(1);
        if room == 0 && words.next().is_some() {
            clean.push('…');
            return clean;
        }
    }
    clean
}

/// What stands before and after the first `marker`, which is ASCII and found in either case.
pub(crate) fn split<'a>(text: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    let at = text.as_bytes().windows(marker.len()).position(|w| w.eq_ignore_ascii_case(marker.as_bytes()))?;
    // An ASCII marker begins and ends at characters' bounds.
    Some((text.get(..at)?, text.get(at + marker.len()..)?))
}

/// What stands after the first `marker`.
pub(crate) fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    split(text, marker).map(|(_, rest)| rest)
}

/// Whether `marker` is in it.
pub(crate) fn has(text: &str, marker: &str) -> bool {
    split(text, marker).is_some()
}

/// The number in decimal digits at the beginning, if it has no more than nine of them, and what follows.
pub(crate) fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.len() <= 9).then(|| digits.parse().ok()).flatten().map(|number| (number, rest))
}

/// The first `http://` or `https://` URL in it, without what ends a sentence.
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
    fn nothing_that_a_terminal_would_obey_is_left() {
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
    fn a_text_is_cut_where_it_has_too_many_characters() {
        assert_eq!(clean("abcd", 4), "abcd");
        assert_eq!(clean("abcde", 4), "abcd…");
        assert_eq!(clean("ab  de", 4), "ab d…");
        assert_eq!(clean("abcd e", 4), "abcd…");
        assert_eq!(clean(&"x".repeat(10_000), MAX_TEXT).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn markers_are_found_in_either_case_and_numbers_at_the_beginning() {
        assert_eq!(split("Über HTTP Code 403", "http code "), Some(("Über ", "403")));
        assert_eq!(after("abc", "x"), None);
        assert_eq!(number("403, x"), Some((403, ", x")));
        assert_eq!(number(" 403"), None);
        assert_eq!(number("9999999999"), None);
    }

    #[test]
    fn a_url_ends_where_the_sentence_goes_on() {
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
