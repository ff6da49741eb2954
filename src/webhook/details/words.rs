//! Words at the beginning or the end of a text.

/// A reason phrase: the letters, digits, spaces, hyphens and apostrophes at the beginning of `text`.
pub(super) fn words(text: &str) -> Option<String> {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || matches!(c, ' ' | '-' | '\''))).unwrap_or(text.len());
    let words: String = text[..end].trim().chars().take(80).collect();
    (!words.is_empty()).then_some(words)
}

pub(super) fn last_word(text: &str) -> Option<String> {
    let word = text.split_whitespace().next_back()?;
    let word: String = word.chars().filter(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
    (!word.is_empty()).then_some(word)
}

pub(super) fn word_at(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', ':', '\'', '"']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| (text[..end.min(40)].to_owned(), &text[end..]))
}
