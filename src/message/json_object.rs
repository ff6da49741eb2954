//! Builds JSON objects in writing order, without nulls: absent values are left out.

use serde_json::{Map, Number, Value};

/// A JSON object under construction.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member if it has a value.
    pub(super) fn maybe<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a list if it is not empty.
    pub(super) fn list(self, name: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.with(name, values) }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// A JSON number. Values without one (NaN, the infinities) become text, which validation rejects.
pub(super) fn number(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}

/// `{"text": …}`, the object that WhatsApp uses for many texts.
pub(super) fn text(text: &str) -> Value {
    Object::new().with("text", text).into()
}
