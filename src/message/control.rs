//! Read receipts, typing indicators and pinned messages.

use serde_json::Value;

use super::content::Content;
use super::dialect::Dialect;
use super::envelope::{BuildError, Built, messaging_product, validated};
use super::json_object::Object;

/// Marks a received message and the earlier ones of its conversation as read (Meta, mark-messages-as-read).
///
/// ```
/// use wamedia::message::{Dialect, Read};
///
/// let payload = Read::new("wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3").typing().build(Dialect::Cloud)?;
/// assert_eq!(payload["status"], "read");
/// assert_eq!(payload["typing_indicator"]["type"], "text");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    message_id: String,
    typing: bool,
}

impl Read {
    /// A read receipt for the message with this id from a webhook.
    pub fn new(message_id: impl Into<String>) -> Self {
        Self { message_id: message_id.into(), typing: false }
    }

    /// Also shows a typing indicator for at most 25 seconds (Meta, typing-indicators).
    #[must_use]
    pub fn typing(mut self) -> Self {
        self.typing = true;
        self
    }

    /// The payload in this dialect, or an error if WhatsApp would reject it.
    pub fn build(&self, dialect: Dialect) -> Result<Value, BuildError> {
        self.build_with_warnings(dialect).map(|built| built.value)
    }

    /// The same, with warnings.
    pub fn build_with_warnings(&self, dialect: Dialect) -> Result<Built, BuildError> {
        let typing = self.typing.then(|| Object::new().with("type", "text"));
        let object = Object::new()
            .maybe("messaging_product", messaging_product(dialect))
            .with("status", "read")
            .with("message_id", self.message_id.as_str())
            .maybe("typing_indicator", typing);
        validated(object.into(), dialect)
    }
}

/// Pins a message at the top of a group for some days (Meta, groups/groups-messaging).
///
/// ```
/// use wamedia::message::{Dialect, Message, Pin, Recipient};
///
/// let pin = Pin::new("wamid.HBgLMTY0NjcwNDM1OTUVAgARGBI1", 7);
/// let payload = Message::new(Recipient::group("Y2FwaV9ncm91cDox"), pin).build(Dialect::Cloud)?;
/// assert_eq!(payload["recipient_type"], "group");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    message_id: String,
    days: u32,
}

impl Pin {
    /// Pins the message with this id for this many days.
    pub fn new(message_id: impl Into<String>, days: u32) -> Self {
        Self { message_id: message_id.into(), days }
    }
}

impl From<Pin> for Content {
    fn from(pin: Pin) -> Self {
        let object = Object::new()
            .with("type", "pin")
            .with("message_id", pin.message_id)
            .with("expiration_days", pin.days);
        Self::new("pin", object)
    }
}
