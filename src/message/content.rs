//! The content of a message of any type: the value of `type`, and the object of that name.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::flatten::flatten;

/// The content of a message. Every type of message converts into it, and [`Message::new`](super::Message::new) accepts it.
///
/// ```
/// use wamedia::message::{Content, Text};
///
/// let content = Content::from(Text::new("Your table is ready."));
/// assert_eq!(content.kind(), "text");
/// assert_eq!(content.object().to_string(), r#"{"body":"Your table is ready."}"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    kind: Cow<'static, str>,
    object: Value,
}

impl Content {
    pub(super) fn new(kind: &'static str, object: impl Into<Value>) -> Self {
        Self { kind: Cow::Borrowed(kind), object: object.into() }
    }

    /// A hand-written object as the content of a message of type `kind`. It is validated like all others.
    ///
    /// ```
    /// use wamedia::message::{Content, Dialect, Message};
    ///
    /// let content = Content::written("text", serde_json::json!({"body": "", "colour": "red"}));
    /// let error = Message::new("+16505551234", content).build(Dialect::Cloud).unwrap_err();
    /// assert!(error.faults().len() >= 2);
    /// ```
    pub fn written(kind: impl Into<String>, object: Value) -> Self {
        Self { kind: Cow::Owned(kind.into()), object }
    }

    /// The message's `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The object under the name of that type.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Replaces white space that variables of templates do not take by one space; returns the paths of the changed texts, like
    /// [`flatten`](super::flatten()).
    ///
    /// ```
    /// use wamedia::message::{Content, Parameter, Template};
    ///
    /// let mut content = Content::from(Template::new("order_sent", "en").body([Parameter::text("two\nlines")]));
    /// assert_eq!(content.flatten(), ["template.components[0].parameters[0].text"]);
    /// ```
    pub fn flatten(&mut self) -> Vec<String> {
        let mut payload = json!({ &*self.kind: self.object.take() });
        let changed = flatten(&mut payload);
        self.object = payload[&*self.kind].take();
        changed
    }

    pub(super) fn into_parts(self) -> (Cow<'static, str>, Value) {
        (self.kind, self.object)
    }
}
