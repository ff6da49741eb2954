//! Names that an object has twice.
//!
//! Readers differ on which of the two counts, and a [`Value`](serde_json::Value) keeps the last one only, so they must be
//! looked for in the text.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::validate::join;
use super::{Fault, Severity};

/// An error for each name that stands in its object before, in the order of the text. Nothing for what is no JSON.
///
/// RFC 8259 section 4: names should be unique, and what becomes of others is not predictable.
///
/// ```
/// use wamedia::message::repeated_names;
///
/// let faults = repeated_names(r#"{"text":{"body":"a","body":"b"}}"#);
/// assert_eq!(faults[0].path, "text.body");
/// ```
#[must_use]
pub fn repeated_names(json: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(json);
    // What is no JSON is for who reads the value to tell.
    let read = Within { path: "", faults: &mut faults }.deserialize(&mut reader);
    if read.is_err() {
        faults.clear();
    }
    faults
}

/// The value at a path.
struct Within<'a> {
    path: &'a str,
    faults: &'a mut Vec<Fault>,
}

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
            let path = join(self.path, &name);
            map.next_value_seed(Within { path: &path, faults: self.faults })?;
            if !seen.insert(name) {
                self.faults.push(Fault {
                    path,
                    severity: Severity::Error,
                    code: None,
                    reason: "is there a second time, and readers differ on which one counts; leave one out"
                        .to_owned(),
                    source: "RFC 8259, section 4",
                });
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            let path = format!("{}[{at}]", self.path);
            if seq.next_element_seed(Within { path: &path, faults: self.faults })?.is_none() {
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
    fn a_name_that_is_there_twice_is_found_wherever_it_is() {
        for (json, paths) in [
            (r#"{"a": 1, "b": {"a": 1.50}, "c": [{"a": -1e400}, null, true, "a"]}"#, &[][..]),
            (r#"{"image": {"id": "1"}, "image": {"link": "2"}}"#, &["image"]),
            (r#"{"a": [0, {"b": 1, "c": 2, "\u0062": 3, "b": 4}], "a": 5}"#, &["a[1].b", "a[1].b", "a"]),
            (r#"{"a": 1, "a": "#, &[]),
            ("[]", &[]),
        ] {
            let found: Vec<_> = repeated_names(json).into_iter().map(|fault| fault.path).collect();
            assert_eq!(found, paths, "{json}");
        }
    }
}
