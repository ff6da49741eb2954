//! Header of a template: its media, text, location or product.

use serde_json::Value;

use super::component;
use super::parameters::TemplateText;
use crate::message::json_object::Object;
use crate::message::location::Location;
use crate::message::media::HeaderMedia;

/// The parameter of a template's header. It must be of the kind that was approved, or WhatsApp answers with error 132012.
///
/// ```
/// use wamedia::message::{HeaderMedia, Location, Source, TemplateHeader};
///
/// let image = TemplateHeader::from(HeaderMedia::Image(Source::link("https://media.example.com/banner.jpg")));
/// let place = TemplateHeader::Location(Location::new(37.44, -122.16).name("Philz").address("101 Forest Ave"));
/// assert_ne!(image, place);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateHeader {
    /// An image, a video or a document. Its link is fetched like that of a media message.
    Media(HeaderMedia),
    /// The value of the variable in a text header.
    Text(TemplateText),
    /// A location with its name and address.
    Location(Location),
    /// A product of a catalogue.
    Product {
        /// The catalogue.
        catalog_id: String,
        /// The product (retailer id).
        retailer_id: String,
    },
}

impl From<HeaderMedia> for TemplateHeader {
    fn from(media: HeaderMedia) -> Self {
        Self::Media(media)
    }
}

impl TemplateHeader {
    pub(super) fn json(&self) -> Value {
        let parameter = match self {
            Self::Media(media) => media.json(),
            Self::Text(text) => text.json(),
            Self::Location(location) => {
                Object::new().with("type", "location").with("location", location.json()).into()
            }
            Self::Product { catalog_id, retailer_id } => {
                let product = Object::new()
                    .with("product_retailer_id", retailer_id.as_str())
                    .with("catalog_id", catalog_id.as_str());
                Object::new().with("type", "product").with("product", product).into()
            }
        };
        component("header", vec![parameter]).into()
    }
}
