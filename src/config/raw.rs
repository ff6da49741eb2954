//! What the operator gave, before it is known to be right: values and the places where they stand.
//!
//! File, environment and command line all arrive in this form, so that one parser a setting reads it from each.

use std::collections::BTreeSet;

use super::{ConfigError, Place};

/// A value, of whatever type it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, or a whole number in decimal digits.
    One(String),
    /// A list of such.
    Many(Vec<String>),
    /// A number that is none of 64 bits, or no whole one, as it was written.
    Number(String),
    /// A yes or a no.
    Truth(bool),
    /// Something that no setting takes, with its name: `a date`.
    Other(&'static str),
}

impl Value {
    /// The value as a single text, which may be empty.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::One(text) => Ok(text),
            Self::Many(_) => {
                Err("is a list, and the setting takes one value; write it without brackets".to_owned())
            }
            Self::Number(text) => {
                Err(format!("is the number {text}, which is no value for it; write a text in quotes"))
            }
            Self::Truth(_) => {
                Err("is a boolean, which is no value for it; write a text in quotes".to_owned())
            }
            Self::Other(what) => Err(format!("is {what}, which is no value for it; write a text in quotes")),
        }
    }

    /// The value as a single text that says something.
    pub(super) fn one(&self) -> Result<&str, String> {
        match self.text()? {
            "" => Err("is empty; give it a value, or leave it out".to_owned()),
            text => Ok(text),
        }
    }

    /// The value as a single text that says how much; a number of any kind is one, and is the setting's to refuse.
    pub(super) fn quantity(&self) -> Result<&str, String> {
        match self {
            Self::Number(text) => Ok(text),
            _ => self.one(),
        }
    }

    /// The value as a yes or a no.
    pub(super) fn truth(&self) -> Result<bool, String> {
        match self {
            Self::Truth(truth) => Ok(*truth),
            _ => Err("is neither true nor false; write one of them, without quotes".to_owned()),
        }
    }

    /// The value as a list; a single text is split at its commas.
    pub(super) fn items(&self) -> Result<Vec<&str>, String> {
        match self {
            Self::Many(items) => Ok(items.iter().map(String::as_str).collect()),
            _ => Ok(self.one()?.split(',').map(str::trim).collect()),
        }
    }
}

/// A value with its key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// The key with its tables: `limits.head_size`.
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) place: Place,
}

impl Field {
    /// Reads the value; a refusal is told with its key and place.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&Value) -> Result<T, String>) -> Result<T, ConfigError> {
        parse(&self.value).map_err(|reason| ConfigError::Value {
            key: self.key.clone(),
            place: self.place.clone(),
            reason,
        })
    }
}

/// The keys that somebody has given a value: those of the others may follow from them.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(pub(super) BTreeSet<&'static str>);

/// Where a value comes from is not what it is: settings that hold the same are the same.
impl PartialEq for Said {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Said {}

impl Said {
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains(key)
    }
}

/// One table of a list of tables: a `[[mount]]`, a `[[cache.rule]]` or an `[[auth]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name of the list.
    pub(super) table: &'static str,
    /// Where the table begins.
    pub(super) place: Place,
    pub(super) fields: Vec<Field>,
}

impl Entry {
    /// The field of this name within the table.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let is_it =
            |key: &str| key.strip_prefix(self.table).and_then(|key| key.strip_prefix('.')) == Some(name);
        self.fields.iter().find(|field| is_it(&field.key))
    }

    /// The field of this name; the error shows `example` as the line to add.
    pub(super) fn required(&self, name: &'static str, example: &'static str) -> Result<&Field, ConfigError> {
        self.field(name).ok_or_else(|| ConfigError::MissingKey {
            table: self.table,
            key: name,
            place: self.place.clone(),
            fix: example,
        })
    }
}
