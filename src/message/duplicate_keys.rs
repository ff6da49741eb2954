//! Finds duplicate keys in JSON objects.
//!
//! Parsers differ on which of two members counts, and a [`Value`](serde_json::Value) keeps only the last one, so this searches the
//! text.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::validate::join;
use super::{Fault, Severity};
use crate::whatsapp::messages::Code;

/// An error for each repeated key, in the order of the text. Empty if the text is not JSON.
///
/// RFC 8259 section 4: keys should be unique; the behaviour with duplicates is unpredictable.
///
/// ```
/// use wamedia::message::duplicate_keys;
///
/// let faults = duplicate_keys(r#"{"text":{"body":"a","body":"b"}}"#);
/// assert_eq!(faults[0].path, "text.body");
/// ```
///
/// After a hundred faults the search ends, and the last fault says so.
#[must_use]
pub fn duplicate_keys(json: &str) -> Vec<Fault> {
    let mut search = Search { path: Vec::new(), faults: Vec::new() };
    let mut reader = serde_json::Deserializer::from_str(json);
    // The caller that parses the value reports invalid JSON.
    let read = Within(&mut search).deserialize(&mut reader);
    if read.is_err() {
        search.faults.clear();
    }
    search.faults
}

/// Most faults that are reported.
const MAX_FAULTS: usize = 100;
/// Longest key that is reported in full, in characters.
const MAX_NAME: usize = 80;

/// A step of the path to a value. The path is formatted only for a fault: keys may be long, and values many.
enum Step {
    Name(String),
    At(usize),
}

struct Search {
    path: Vec<Step>,
    faults: Vec<Fault>,
}

impl Search {
    /// Reports that the key at the end of the path is a duplicate.
    fn report(&mut self) {
        let (path, reason) = match self.faults.len() {
            0..MAX_FAULTS => {
                (self.shown(), "is there a second time, and parsers differ on which one counts; remove one")
            }
            MAX_FAULTS => (String::new(), "has more duplicate keys; remove one of each"),
            _ => return,
        };
        self.faults.push(Fault {
            path,
            severity: Severity::Error,
            kind: Some(Code::Parameter),
            code: None,
            reason: reason.to_owned(),
            source: "RFC 8259, section 4",
        });
    }

    fn shown(&self) -> String {
        self.path.iter().fold(String::new(), |path, step| match step {
            Step::Name(name) if name.chars().count() > MAX_NAME => {
                join(&path, &name.chars().take(MAX_NAME).chain(['\u{2026}']).collect::<String>())
            }
            Step::Name(name) => join(&path, name),
            Step::At(at) => format!("{path}[{at}]"),
        })
    }
}

/// The value at the end of the path.
struct Within<'a>(&'a mut Search);

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let is_new = seen.insert(name.clone());
            self.0.path.push(Step::Name(name));
            map.next_value_seed(Within(self.0))?;
            if !is_new {
                self.0.report();
            }
            self.0.path.pop();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            self.0.path.push(Step::At(at));
            let element = seq.next_element_seed(Within(self.0))?;
            self.0.path.pop();
            if element.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_found_at_every_level() {
        for (json, paths) in [
            (r#"{"a": 1, "b": {"a": 1.50}, "c": [{"a": -1e400}, null, true, "a"]}"#, &[][..]),
            (r#"{"image": {"id": "1"}, "image": {"link": "2"}}"#, &["image"]),
            (r#"{"a": [0, {"b": 1, "c": 2, "\u0062": 3, "b": 4}], "a": 5}"#, &["a[1].b", "a[1].b", "a"]),
            (r#"{"a": 1, "a": "#, &[]),
            ("[]", &[]),
        ] {
            let found: Vec<_> = duplicate_keys(json).into_iter().map(|fault| fault.path).collect();
            assert_eq!(found, paths, "{json}");
        }
    }

    #[test]
    fn many_duplicates_under_a_long_key_take_little_memory() {
        let members = "\"a\":0,".repeat(20_000);
        let json = format!("{{\"{}\":{{{}}}}}", "k".repeat(300_000), members.trim_end_matches(','));
        let faults = duplicate_keys(&json);
        assert_eq!(faults.len(), MAX_FAULTS + 1);
        assert!(faults.iter().all(|fault| fault.path.len() < 200));
    }
}
