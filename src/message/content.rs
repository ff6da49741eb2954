//! The content of a message of any type: the value of `type`, and the object of that name.

use std::borrow::Cow;

use serde_json::Value;

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

    pub(super) fn into_parts(self) -> (Cow<'static, str>, Value) {
        (self.kind, self.object)
    }
}
