//! Recognises emoji (Unicode Technical Standard 51, section 1.4).
//!
//! The table has whole blocks of pictographs, unassigned characters included, so that a payload is not rejected for an emoji that is
//! newer than this table.

/// Whether a text is exactly one emoji: a pictograph with its modifiers, joined ones, a flag or a keycap.
pub(super) fn is_one_emoji(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    match chars[..] {
        [a, b] if is_regional(a) && is_regional(b) => true,
        ['0'..='9' | '#' | '*', '\u{20e3}'] | ['0'..='9' | '#' | '*', '\u{fe0f}', '\u{20e3}'] => true,
        [first, ..] => is_pictograph(first) && chars.split(|c| *c == '\u{200d}').all(is_element),
        [] => false,
    }
}

/// Whether a text contains an emoji.
pub(super) fn has_emoji(text: &str) -> bool {
    // A character with text presentation by default, such as ©, is an emoji only with an emoji variation selector.
    text.chars().any(|c| {
        (is_pictograph(c) && !is_text_by_default(c)) || is_regional(c) || c == '\u{fe0f}' || c == '\u{20e3}'
    })
}

/// One element of a sequence with zero-width joiners.
fn is_element(part: &[char]) -> bool {
    let Some((first, modifiers)) = part.split_first() else { return false };
    let is_tag = |c: &char| ('\u{e0020}'..='\u{e007f}').contains(c);
    let is_skin = |c: &char| ('\u{1f3fb}'..='\u{1f3ff}').contains(c);
    let rest = modifiers.strip_prefix(&['\u{fe0f}']).or_else(|| modifiers.strip_prefix(&['\u{fe0e}']));
    let rest = rest.unwrap_or(modifiers);
    let rest = rest.split_first().filter(|(c, _)| is_skin(c)).map_or(rest, |(_, rest)| rest);
    let rest = rest.strip_prefix(&['\u{fe0f}']).unwrap_or(rest);
    is_pictograph(*first) && rest.iter().all(is_tag)
}

fn is_regional(c: char) -> bool {
    ('\u{1f1e6}'..='\u{1f1ff}').contains(&c)
}

/// Whether a pictograph of the older blocks has text presentation by default (`Emoji_Presentation` is `No` in Unicode's emoji-data):
/// stars, ticks and arrows do.
fn is_text_by_default(c: char) -> bool {
    c < '\u{1f000}'
        && !matches!(
            c,
            '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23ec}' | '\u{23f0}' | '\u{23f3}' | '\u{25fd}' | '\u{25fe}'
                | '\u{2614}' | '\u{2615}' | '\u{2648}'..='\u{2653}' | '\u{267f}' | '\u{2693}' | '\u{26a1}'
                | '\u{26aa}' | '\u{26ab}' | '\u{26bd}' | '\u{26be}' | '\u{26c4}' | '\u{26c5}' | '\u{26ce}'
                | '\u{26d4}' | '\u{26ea}' | '\u{26f2}' | '\u{26f3}' | '\u{26f5}' | '\u{26fa}' | '\u{26fd}'
                | '\u{2705}' | '\u{270a}' | '\u{270b}' | '\u{2728}' | '\u{274c}' | '\u{274e}'
                | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2795}'..='\u{2797}' | '\u{27b0}' | '\u{27bf}'
                | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}'
        )
}

/// Blocks and single characters of pictographs.
fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
            | '\u{2194}'..='\u{2199}'
            | '\u{21a9}' | '\u{21aa}' | '\u{231a}' | '\u{231b}' | '\u{2328}' | '\u{23cf}'
            | '\u{23e9}'..='\u{23f3}'
            | '\u{23f8}'..='\u{23fa}'
            | '\u{24c2}' | '\u{25aa}' | '\u{25ab}' | '\u{25b6}' | '\u{25c0}'
            | '\u{25fb}'..='\u{25fe}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2934}' | '\u{2935}'
            | '\u{2b05}'..='\u{2b07}'
            | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
            | '\u{1f000}'..='\u{1f1e5}'
            | '\u{1f200}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_distinguished_from_none_and_from_two() {
        for one in [
            "\u{1f600}",
            "\u{2764}\u{fe0f}",
            "\u{1f44d}\u{1f3fd}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{1f1e9}\u{1f1ea}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "1\u{fe0f}\u{20e3}",
            "\u{1f9d1}\u{1f3fb}\u{200d}\u{2764}\u{fe0f}\u{200d}\u{1f9d1}\u{1f3ff}",
            "\u{1f575}\u{1f3fd}\u{200d}\u{2642}\u{fe0f}",
        ] {
            assert!(is_one_emoji(one) && has_emoji(one), "{one}");
        }
        // Accepted as a reaction, but not an emoji inside a text.
        assert!(is_one_emoji("\u{2764}") && !has_emoji("\u{2764}"));
        for other in [
            "",
            "a",
            "1",
            "ok",
            ":)",
            " \u{1f600}",
            "\u{1f600}\u{1f600}",
            "\u{1f600}!",
            "\u{1f600}\u{200d}",
            "\u{200d}\u{1f600}",
            "\u{1f1e9}",
            "\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}",
            "\u{5d0}",
        ] {
            assert!(!is_one_emoji(other), "{other}");
        }
    }

    #[test]
    fn other_characters_are_not_emoji() {
        for none in [
            "",
            "Book now",
            "\u{a9} 2026",
            "Jetzt b\u{fc}chen \u{2192}",
            "\u{627}\u{62d}\u{62c}\u{632}",
            "No. 1 #*",
            "Book \u{2605} \u{2713} \u{279c}",
        ] {
            assert!(!has_emoji(none), "{none}");
        }
        for some in ["Book \u{1f4c5}", "\u{2728} new", "\u{2605}\u{fe0f}"] {
            assert!(has_emoji(some), "{some}");
        }
    }
}
