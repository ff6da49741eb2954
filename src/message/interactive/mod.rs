//! Interactive messages: the common parts. One file a family: [replies], [actions] with one button, [commerce], [carousel]s and
//! [payment]s.
//!
//! The type of a message decides its parts (kind of header, footer), so a part that WhatsApp does not show cannot be set.

mod actions;
mod carousel;
mod commerce;
mod payment;
mod replies;

use serde_json::Value;

use super::content::Content;
use super::json_object::{Object, text};
use super::media::HeaderMedia;

pub use actions::{
    AddressRequest, CallPermission, ContactInfoRequest, CtaUrl, Flow, FlowMode, FlowName, LocationRequest,
    VoiceCall,
};
pub use carousel::{Card, CardButtons, MediaCarousel, ProductCarousel};
pub(super) use commerce::product_sections;
pub use commerce::{Catalog, Product, ProductList};
pub use payment::{Order, OrderDetails, OrderStatus};
pub use replies::{List, ReplyButtons, Row, Section};

/// The header of an interactive message.
///
/// ```
/// use wamedia::message::{CtaUrl, Header, HeaderMedia, Source};
///
/// let plain = Header::Text("Our autumn menu".to_owned());
/// let pictured = Header::Media(HeaderMedia::Image(Source::link("https://media.example.com/menu.jpg")));
/// let message = CtaUrl::new("Have a look", "See the menu", "https://example.com/menu").header(pictured);
/// # let _ = (plain, message);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// A text of at most 60 characters.
    Text(String),
    /// An image, a video or a document.
    Media(HeaderMedia),
}

impl Header {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => text_header(text),
            Self::Media(media) => media.json(),
        }
    }
}

impl From<HeaderMedia> for Header {
    fn from(media: HeaderMedia) -> Self {
        Self::Media(media)
    }
}

impl From<&str> for Header {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Header {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

fn text_header(text: &str) -> Value {
    Object::new().with("type", "text").with("text", text).into()
}

/// The interactive object of this kind with its parts.
fn interactive(
    kind: &'static str,
    header: Option<Value>,
    body: Option<&str>,
    footer: Option<&str>,
    action: Object,
) -> Content {
    let object = Object::new()
        .with("type", kind)
        .maybe("header", header)
        .maybe("body", body.map(text))
        .maybe("footer", footer.map(text))
        .with("action", action);
    Content::new("interactive", object)
}

/// An action with a name and optional parameters.
fn named(name: &'static str, parameters: Option<Object>) -> Object {
    Object::new().with("name", name).maybe("parameters", parameters)
}

/// Methods that set a header of any kind.
macro_rules! with_header {
    ($name:ident) => {
        impl $name {
            /// Sets the header: a text of at most 60 characters, an image, a video or a document.
            #[must_use]
            pub fn header(mut self, header: impl Into<$crate::message::Header>) -> Self {
                self.header = Some(header.into());
                self
            }
        }
    };
}

/// The method that sets a footer.
macro_rules! with_footer {
    ($name:ident) => {
        impl $name {
            /// Sets the footer, at most 60 characters.
            #[must_use]
            pub fn footer(mut self, footer: impl Into<String>) -> Self {
                self.footer = Some(footer.into());
                self
            }
        }
    };
}

use {with_footer, with_header};
