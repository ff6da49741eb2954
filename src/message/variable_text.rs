//! White space in text that fills a variable of a template: WhatsApp refuses line breaks, tabs and more than four spaces in a row
//! (132018).

use std::ops::Range;

/// How many spaces in a row are accepted.
pub(super) const MAX_SPACES: usize = 4;

/// White space that a variable does not take.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    /// WhatsApp refuses it.
    Refused(String),
    /// Other characters that break a line: whether WhatsApp refuses them is not documented.
    Doubtful(String),
}

/// The first white space that is refused, otherwise the first that is doubtful.
pub(super) fn spacing(text: &str) -> Option<Spacing> {
    let mut doubtful = None;
    for run in runs(text) {
        for c in text[run.clone()].chars() {
            match c {
                ' ' => {}
                '\n' | '\r' => return Some(Spacing::Refused("a line break".to_owned())),
                '\t' => return Some(Spacing::Refused("a tab".to_owned())),
                other => doubtful = doubtful.or(Some(other)),
            }
        }
        let spaces = longest_run_of_spaces(&text[run]);
        if spaces > MAX_SPACES {
            return Some(Spacing::Refused(format!("{spaces} spaces in a row")));
        }
    }
    doubtful.map(|c| Spacing::Doubtful(format!("the character U+{:04X}", u32::from(c))))
}

/// The text with one space instead of each run of white space that is refused or doubtful; `None` if there is none.
pub(super) fn flattened(text: &str) -> Option<String> {
    let mut flat = String::with_capacity(text.len());
    let mut end = 0;
    for run in runs(text) {
        flat.push_str(&text[end..run.start]);
        flat.push(' ');
        end = run.end;
    }
    (end > 0).then(|| flat + &text[end..])
}

/// Runs of white space with a line break, a tab or too many spaces.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find(is_white)?;
            let rest = &text[start..];
            let end = start + rest.find(|c| !is_white(c)).unwrap_or(rest.len());
            at = end;
            let run = &text[start..end];
            if run.len() > MAX_SPACES || run.contains(|c| c != ' ') {
                return Some(start..end);
            }
        }
    })
}

fn longest_run_of_spaces(run: &str) -> usize {
    run.split(|c| c != ' ').map(str::len).max().unwrap_or(0)
}

/// Spaces, tabs, and the characters that break a line in some client (Unicode, section 5.8).
fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_tabs_and_five_spaces_are_refused_and_flattened() {
        for (text, flat) in [
            ("two\nlines", "two lines"),
            ("two\r\nlines", "two lines"),
            ("two\rlines", "two lines"),
            ("a\tb", "a b"),
            ("a     b", "a b"),
            ("\n", " "),
            ("a  \n\n  b    c\td", "a b    c d"),
            ("\nM\u{e4}rz\n", " M\u{e4}rz "),
            ("     ", " "),
        ] {
            assert!(matches!(spacing(text), Some(Spacing::Refused(_))), "{text:?}");
            assert_eq!(flattened(text).as_deref(), Some(flat), "{text:?}");
            assert_eq!(spacing(flat), None, "{flat:?}");
        }
        for text in ["", "a", "a    b", "a\\nb", "a\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}b"] {
            assert_eq!((spacing(text), flattened(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn other_line_breaks_are_doubtful() {
        for text in ["a\u{2028}b", "a\u{b}b", "a\u{85}b"] {
            assert!(matches!(spacing(text), Some(Spacing::Doubtful(_))), "{text:?}");
            assert_eq!(flattened(text).as_deref(), Some("a b"));
        }
        assert!(matches!(spacing("a\u{2028}b\nc"), Some(Spacing::Refused(_))));
    }
}
