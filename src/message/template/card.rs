//! Cards of a carousel template.

use serde_json::Value;

use super::{Parameter, TemplateButton, TemplateHeader, component};
use crate::message::json_object::Object;

/// The parameters of one card of a carousel template.
///
/// ```
/// use wamedia::message::{Dialect, HeaderMedia, Message, Parameter, Source, Template, TemplateButton, TemplateCard};
///
/// let card = |name: &str| {
///     TemplateCard::new(HeaderMedia::Image(Source::link(format!("https://media.example.com/{name}.jpg"))))
///         .body([Parameter::text("20%")])
///         .button(TemplateButton::quick_reply(0, format!("more-{name}")))
/// };
/// let summer = Template::new("summer", "en_US").card(card("lemon")).card(card("lime"));
/// let payload = Message::new("+16505551234", summer).build(Dialect::Cloud)?;
/// assert_eq!(payload["template"]["components"][0]["cards"][1]["card_index"], 1);
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateCard {
    header: TemplateHeader,
    body: Vec<Parameter>,
    buttons: Vec<TemplateButton>,
}

impl TemplateCard {
    /// A card with this image, video or product.
    pub fn new(header: impl Into<TemplateHeader>) -> Self {
        Self { header: header.into(), body: Vec::new(), buttons: Vec::new() }
    }

    /// The parameters of the card's text.
    #[must_use]
    pub fn body(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.body = parameters.into_iter().collect();
        self
    }

    /// Adds the parameters of a button, by its index on the card.
    #[must_use]
    pub fn button(mut self, button: TemplateButton) -> Self {
        self.buttons.push(button);
        self
    }

    pub(super) fn json(&self, index: usize) -> Value {
        let body = (!self.body.is_empty())
            .then(|| component("body", self.body.iter().map(Parameter::json).collect()).into());
        let components: Vec<Value> = std::iter::once(self.header.json())
            .chain(body)
            .chain(self.buttons.iter().map(TemplateButton::json))
            .collect();
        Object::new().with("card_index", index).with("components", components).into()
    }
}
