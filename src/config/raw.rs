//! Raw values: settings as written, before validation, with their places.
//!
//! File, environment and command line all produce this form, so that each setting needs only one parser.

use std::collections::BTreeSet;

use super::{ConfigError, Place};

/// A value of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, or a whole number as decimal digits.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
    /// A number that is not whole or has more than 64 bits, as written.
    Number(String),
    /// A boolean.
    Truth(bool),
    /// A type that no setting has, with its name: `a date`.
    Other(&'static str),
}

impl Value {
    /// The value as a single text, which may be empty.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::One(text) => Ok(text),
            Self::Many(_) => {
                Err("is a list, but the setting has one value; write it without brackets".to_owned())
            }
            Self::Number(text) => {
                Err(format!("is the number {text}, but the setting is a text; write it in quotes"))
            }
            Self::Truth(_) => {
                Err("is a boolean, but the setting is a text; write a text in quotes".to_owned())
            }
            Self::Other(what) => Err(format!("is {what}, but the setting is a text; write a text in quotes")),
        }
    }

    /// The value as a single text that is not empty.
    pub(super) fn one(&self) -> Result<&str, String> {
        match self.text()? {
            "" => Err("is empty; set a value, or remove the setting".to_owned()),
            text => Ok(text),
        }
    }

    /// The value as the text of a quantity: a text or any number, which the setting then validates.
    pub(super) fn quantity(&self) -> Result<&str, String> {
        match self {
            Self::Number(text) => Ok(text),
            _ => self.one(),
        }
    }

    /// The value as a boolean that an environment variable may have, too, as a text.
    pub(super) fn truth_or_text(&self) -> Result<bool, String> {
        match self {
            Self::One(text) if text == "true" => Ok(true),
            Self::One(text) if text == "false" => Ok(false),
            _ => self.truth(),
        }
    }

    /// The value as a boolean.
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
    /// Parses the value; an error gets the key and the place.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&Value) -> Result<T, String>) -> Result<T, ConfigError> {
        parse(&self.value).map_err(|reason| ConfigError::Value {
            key: self.key.clone(),
            place: self.place.clone(),
            reason,
        })
    }
}

/// The keys that the operator has set; the values of other settings may follow from them.
#[derive(Debug, Clone, Default)]
pub(super) struct ExplicitKeys(pub(super) BTreeSet<&'static str>);

/// Settings with the same values are equal, wherever the values come from.
impl PartialEq for ExplicitKeys {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ExplicitKeys {}

impl ExplicitKeys {
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains(key)
    }
}

/// One table of a list of tables: a `[[mount]]`, a `[[cache.rule]]` or an `[[auth]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name of the list.
    pub(super) table: &'static str,
    /// The place of the table.
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
