//! Variables in the texts of a template: `{{1}}` or `{{first_name}}`.

/// How the header and the bodies of a template name their variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterFormat {
    /// `{{1}}`, `{{2}}`.
    Positional,
    /// `{{first_name}}`.
    Named,
}

/// The variables of a text, each once, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variables {
    /// The definition does not say.
    Unknown,
    /// The names or numbers.
    Known(Vec<String>),
}

impl Variables {
    /// No variables.
    pub(super) const NONE: Self = Self::Known(Vec::new());

    /// The variables of this text.
    pub(super) fn of(text: &str) -> Self {
        let mut names: Vec<String> = Vec::new();
        for part in text.split("{{").skip(1) {
            let Some((name, _)) = part.split_once("}}") else { continue };
            let name = name.trim();
            if is_name(name) && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Self::Known(names)
    }

    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::Unknown => &[],
            Self::Known(names) => names,
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a variable is named by its position.
pub(super) fn is_position(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_once_and_in_order() {
        for (text, names) in [
            ("", &[][..]),
            ("Hi {{1}}, {{2}} and {{1}}", &["1", "2"]),
            ("*{{1}}* is your code", &["1"]),
            ("{{ first_name }}{{order}}", &["first_name", "order"]),
            ("{{}} {{a b}} {x} {{open", &[]),
            ("{{{1}}}", &[]),
        ] {
            assert_eq!(Variables::of(text).names(), names, "{text}");
        }
    }
}
