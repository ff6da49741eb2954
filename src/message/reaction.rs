//! Reactions to received messages.

use super::content::Content;
use super::json_object::Object;

/// One emoji as a reaction to a message of at most 30 days ago (Meta, messages/reaction-messages). It cannot be a reply.
///
/// ```
/// use wamedia::message::{Dialect, Message, Reaction};
///
/// let thanks = Reaction::new("wamid.HBgLMTY0NjcwNDM1OTUVAgASGBQz", "❤️");
/// let payload = Message::new("+16505551234", thanks).build(Dialect::Cloud)?;
/// assert_eq!(payload["reaction"]["emoji"], "❤️");
///
/// let undone = Reaction::removed("wamid.HBgLMTY0NjcwNDM1OTUVAgASGBQz");
/// assert!(Message::new("+16505551234", undone).build(Dialect::Cloud).is_ok());
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    message_id: String,
    emoji: String,
}

impl Reaction {
    /// Reacts to the message with this id.
    pub fn new(message_id: impl Into<String>, emoji: impl Into<String>) -> Self {
        Self { message_id: message_id.into(), emoji: emoji.into() }
    }

    /// Removes the reaction to that message.
    pub fn removed(message_id: impl Into<String>) -> Self {
        Self::new(message_id, "")
    }
}

impl From<Reaction> for Content {
    fn from(reaction: Reaction) -> Self {
        Self::new(
            "reaction",
            Object::new().with("message_id", reaction.message_id).with("emoji", reaction.emoji),
        )
    }
}
