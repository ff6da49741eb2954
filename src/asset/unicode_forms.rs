//! Unicode normalisation of paths: names that look the same and are spelt with other bytes.
//!
//! `ä` is one code point in the composed form (NFC), which keyboards, Windows and Linux write, and two in the decomposed form (NFD),
//! which macOS writes in archives and copies. File systems and buckets compare bytes, so a path in one form does not find a file in
//! the other. (Unicode Standard Annex #15.)

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use super::AssetPath;

/// How many other spellings of one path are considered.
const MAX_SPELLINGS: usize = 8;

/// The name of a Unicode normalisation form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnicodeForm {
    /// Composed. Text without any letter that has two spellings is this, too.
    Nfc,
    /// Decomposed.
    Nfd,
    /// Parts in either form, or in neither.
    Mixed,
}

impl UnicodeForm {
    /// The form of a text.
    pub fn of(text: &str) -> Self {
        if composed(text) == text {
            Self::Nfc
        } else if decomposed(text) == text {
            Self::Nfd
        } else {
            Self::Mixed
        }
    }

    /// For messages: `NFC`, `NFD` or `neither NFC nor NFD`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nfc => "NFC",
            Self::Nfd => "NFD",
            Self::Mixed => "neither NFC nor NFD",
        }
    }
}

/// The text in the composed form, NFC.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { ComposingNormalizerBorrowed::new_nfc().normalize(text) }
}

fn decomposed(text: &str) -> Cow<'_, str> {
    DecomposingNormalizerBorrowed::new_nfd().normalize(text)
}

/// The other spellings of a path of files and folders in NFC and NFD, the likeliest first: all of it in one form, then its first
/// segments in one and the others in the other. At most eight; none for ASCII.
pub fn other_spellings(path: &str) -> Vec<String> {
    let mut others = Vec::new();
    if path.is_ascii() {
        return others;
    }
    let forms: Vec<_> = path.split('/').map(|segment| [composed(segment), decomposed(segment)]).collect();
    let differing: Vec<_> = (0..forms.len()).filter(|&at| forms[at][0] != forms[at][1]).collect();
    // Without a border all segments have the first form.
    let borders = [None].into_iter().chain(differing.iter().skip(1).copied().map(Some));
    for (border, first) in borders.flat_map(|border| [(border, 0), (border, 1)]) {
        let segment = |at: usize| {
            let form = if border.is_some_and(|border| at >= border) { 1 - first } else { first };
            &*forms[at][form]
        };
        let spelling = (0..forms.len()).map(segment).collect::<Vec<_>>().join("/");
        if spelling != path && !others.contains(&spelling) {
            others.push(spelling);
        }
        if others.len() == MAX_SPELLINGS {
            break;
        }
    }
    others
}

impl AssetPath<'_> {
    /// The other spellings of this path in NFC and NFD; see [`other_spellings`].
    pub fn other_spellings(&self) -> Vec<AssetPath<'static>> {
        let others = other_spellings(self.as_str());
        others.iter().filter_map(|other| Some(AssetPath::from_plain(other).ok()?.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_has_spellings_in_both_forms_and_with_a_border_between_them() {
        for (path, expected) in [
            ("a/b.jpg", &[][..]),
            // No letter of it has two spellings.
            ("stra\u{df}e/\u{1f600}\u{4e2d}.jpg", &[]),
            ("M\u{e4}rz.pdf", &["Ma\u{308}rz.pdf"]),
            ("Ma\u{308}rz.pdf", &["M\u{e4}rz.pdf"]),
            // Neither form.
            ("\u{e4}o\u{308}.pdf", &["\u{e4}\u{f6}.pdf", "a\u{308}o\u{308}.pdf"]),
            ("\u{212b}.jpg", &["\u{c5}.jpg", "A\u{30a}.jpg"]),
            ("\u{d55c}.jpg", &["\u{1112}\u{1161}\u{11ab}.jpg"]),
            // A folder that was copied from elsewhere.
            ("\u{e4}/x/\u{f6}", &["a\u{308}/x/o\u{308}", "\u{e4}/x/o\u{308}", "a\u{308}/x/\u{f6}"]),
            ("a\u{308}/x/\u{f6}", &["\u{e4}/x/\u{f6}", "a\u{308}/x/o\u{308}", "\u{e4}/x/o\u{308}"]),
        ] {
            assert_eq!(other_spellings(path), expected, "{path}");
        }
        let deep = ["\u{e4}"; 100].join("/");
        assert_eq!(other_spellings(&deep).len(), MAX_SPELLINGS);
        // As bytes the other one is too long for a segment.
        let long = "\u{e4}".repeat(100);
        assert_eq!(AssetPath::from_plain(&long).expect("a path").other_spellings(), []);
    }

    #[test]
    fn forms_are_named() {
        for (text, form) in
            [("a", "NFC"), ("\u{e4}", "NFC"), ("a\u{308}", "NFD"), ("\u{e4}a\u{308}", "neither NFC nor NFD")]
        {
            assert_eq!(UnicodeForm::of(text).name(), form, "{text}");
        }
    }

    proptest! {
        #[test]
        fn other_spellings_look_the_same(path in "[a\u{e4}\u{308}o\u{f6}/\u{212b}\u{d55c}]{1,12}") {
            for other in other_spellings(&path) {
                prop_assert_ne!(&other, &path);
                prop_assert_eq!(composed(&other), composed(&path));
            }
        }
    }
}
