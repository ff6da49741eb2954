//! Objects of JSON, in the order in which they are written: what was not given is not there, so there are no nulls.

use serde_json::{Map, Number, Value};

/// An object that is being written.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// With this member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// With this member, where it was given.
    pub(super) fn maybe<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With this list, where it has anything in it.
    pub(super) fn list(self, name: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.with(name, values) }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// A number of JSON. What JSON has no number for (NaN, the infinities) is written as text, for validation to refuse.
pub(super) fn number(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}

/// `{"text": …}`, which WhatsApp wraps many texts in.
pub(super) fn text(text: &str) -> Value {
    Object::new().with("text", text).into()
}
