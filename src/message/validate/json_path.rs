//! Paths into a payload, for messages and for sorting faults.

use std::fmt;

use serde_json::Value;

/// A place in a payload, and the document with its rules.
#[derive(Debug, Clone)]
pub(in crate::message) struct Place {
    /// As in `interactive.action.buttons[2].reply.title`.
    pub(super) path: String,
    /// The positions in the enclosing objects and arrays, so that places sort in the order of the payload.
    pub(super) order: Vec<usize>,
    pub(super) source: &'static str,
}

impl Place {
    /// The whole payload.
    pub(in crate::message) fn payload(source: &'static str) -> Self {
        Self { path: String::new(), order: Vec::new(), source }
    }

    /// The field at a position of this object; a missing field is at the position after the last.
    pub(in crate::message) fn field(&self, name: &str, at: usize) -> Self {
        Self { path: join(&self.path, name), ..self.at(at) }
    }

    pub(in crate::message) fn element(&self, at: usize) -> Self {
        Self { path: format!("{}[{at}]", self.path), ..self.at(at) }
    }

    /// The same place with another document.
    pub(in crate::message) fn from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// The value at a path of names with dots below this place, if it exists.
    pub(in crate::message) fn descend<'a>(&self, value: &'a Value, path: &str) -> Option<(Self, &'a Value)> {
        let mut found = (self.clone(), value);
        for name in path.split('.') {
            let map = found.1.as_object()?;
            let (at, (_, inner)) = map.iter().enumerate().find(|(_, (key, _))| *key == name)?;
            found = (found.0.field(name, at), inner);
        }
        Some(found)
    }

    fn at(&self, at: usize) -> Self {
        let mut order = self.order.clone();
        order.push(at);
        Self { path: String::new(), order, source: self.source }
    }
}

/// The path of a field of the object at `path`.
pub(in crate::message) fn join(path: &str, name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.is_empty() || !name.bytes().all(is_plain) {
        return format!("{path}[\"{}\"]", name.escape_debug());
    }
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value of the payload in a message: escaped and shortened.
pub(in crate::message) struct Quoted<'a>(pub(in crate::message) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "`{}…`", self.0[..end].escape_debug()),
            None => write!(f, "`{}`", self.0.escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_use_dots_and_brackets() {
        let place = Place::payload("").field("a", 0).element(2).field("b-c_D9", 1);
        assert_eq!((place.path.as_str(), &place.order[..]), ("a[2].b-c_D9", &[0, 2, 1][..]));
        for (name, path) in [
            ("a.b", "a[\"a.b\"]"),
            ("", "a[\"\"]"),
            ("x\n\"", "a[\"x\\n\\\"\"]"),
            ("\u{e4}", "a[\"\u{e4}\"]"),
        ] {
            assert_eq!(join("a", name), path);
        }
    }

    #[test]
    fn quoted_values_are_one_short_line() {
        assert_eq!(Quoted("a\nb").to_string(), "`a\\nb`");
        assert_eq!(Quoted(&"\u{1f600}".repeat(41)).to_string(), format!("`{}…`", "\u{1f600}".repeat(40)));
    }
}
