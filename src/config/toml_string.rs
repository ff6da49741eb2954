//! TOML quoting: a text as a basic string (TOML 1.0, "String").

use std::fmt::Write as _;

/// The text in double quotes, with quotes, backslashes and control characters escaped.
pub(crate) fn toml_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quoted_text_reads_back(text in any::<String>()) {
            let line = format!("key = {}", toml_string(&text));
            let table = toml::de::DeTable::parse(&line).expect("TOML");
            prop_assert_eq!(table.get_ref()["key"].get_ref().as_str(), Some(text.as_str()));
        }
    }
}
