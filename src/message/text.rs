//! Text messages.

use super::content::Content;
use super::json_object::Object;

/// A text, 1 to 4096 characters (Meta, messages/text-messages).
///
/// ```
/// use wamedia::message::{Dialect, Message, Text};
///
/// let text = Text::new("See https://example.com/menu").preview_url(true);
/// let payload = Message::new("+16505551234", text).build(Dialect::Cloud)?;
/// assert_eq!(payload["text"]["preview_url"], true);
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    body: String,
    preview_url: Option<bool>,
}

impl Text {
    /// A message with this text and without `preview_url`: WhatsApp then shows no preview.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), preview_url: None }
    }

    /// Whether the first `http://` or `https://` URL in the text is shown with a preview. The On-Premises API has this field
    /// beside `text`, not in it; [`Message::build`](super::Message::build) puts it in the right place.
    #[must_use]
    pub fn preview_url(mut self, preview: bool) -> Self {
        self.preview_url = Some(preview);
        self
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Self::new("text", Object::new().maybe("preview_url", text.preview_url).with("body", text.body))
    }
}
