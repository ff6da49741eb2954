//! Template messages: approved templates and their parameters. Values are in [parameters]; the [header], [buttons] and [cards](card) have files
//! of their own, and so has the [definition] of a template, which messages are validated against.

mod buttons;
mod card;
mod definition;
mod header;
mod hsm;
mod parameters;

use serde_json::Value;

use super::content::Content;
use super::json_object::Object;

pub use buttons::TemplateButton;
pub use card::TemplateCard;
pub use definition::{Definition, Definitions, DefinitionsError, HeaderNeed};
pub use header::TemplateHeader;
pub use hsm::Hsm;
pub use parameters::{DateTime, Parameter, TemplateText};

/// A template message, by name and language (Meta, templates/overview). It may be sent at any time to customers who agreed to it;
/// all other messages only within 24 hours of the customer's last message.
///
/// ```
/// use wamedia::message::{Dialect, HeaderMedia, Message, Parameter, Source, Template, TemplateButton};
///
/// let sale = Template::new("spring_sale", "en_US")
///     .header(HeaderMedia::Image(Source::link("https://media.example.com/banner.jpg?v=8c79de8fefe4402c")))
///     .body([Parameter::text("Pablo"), Parameter::currency("$10.99", "USD", 10990)])
///     .button(TemplateButton::url(0, "spring"));
/// let payload = Message::new("+16505551234", sale).build(Dialect::Cloud)?;
/// assert_eq!(payload["template"]["components"][0]["parameters"][0]["type"], "image");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    name: String,
    language: String,
    deterministic: bool,
    namespace: Option<String>,
    header: Option<TemplateHeader>,
    body: Vec<Parameter>,
    limited_time_offer: Option<u64>,
    carousel: Vec<TemplateCard>,
    buttons: Vec<TemplateButton>,
    tap_targets: Vec<(String, String)>,
}

impl Template {
    /// The template of this name (lower-case letters, digits and underscores) in this language: `en`, `pt_BR`.
    pub fn new(name: impl Into<String>, language: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            language: language.into(),
            deterministic: false,
            namespace: None,
            header: None,
            body: Vec::new(),
            limited_time_offer: None,
            carousel: Vec::new(),
            buttons: Vec::new(),
            tap_targets: Vec::new(),
        }
    }

    /// Writes `"policy": "deterministic"`: only this language. It is the only policy, so the Cloud API does not need it.
    #[must_use]
    pub fn deterministic(mut self) -> Self {
        self.deterministic = true;
        self
    }

    /// On-Premises only: the namespace of the template.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The parameter of the header.
    #[must_use]
    pub fn header(mut self, header: impl Into<TemplateHeader>) -> Self {
        self.header = Some(header.into());
        self
    }

    /// The parameters of the text, in order; as many as it has variables, or WhatsApp answers with error 132000.
    #[must_use]
    pub fn body(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.body = parameters.into_iter().collect();
        self
    }

    /// When the offer ends, in milliseconds since 1970 UTC (Meta, templates/limited-time-offer-templates).
    #[must_use]
    pub fn limited_time_offer(mut self, ends_at_ms: u64) -> Self {
        self.limited_time_offer = Some(ends_at_ms);
        self
    }

    /// Adds a card; two to ten, as many as the template has (Meta, templates/media-card-carousel-templates).
    #[must_use]
    pub fn card(mut self, card: TemplateCard) -> Self {
        self.carousel.push(card);
        self
    }

    /// Adds the parameters of a button.
    #[must_use]
    pub fn button(mut self, button: TemplateButton) -> Self {
        self.buttons.push(button);
        self
    }

    /// The URL that a tap on the message opens, and its title, if Meta has enabled that.
    #[must_use]
    pub fn tap_target(mut self, url: impl Into<String>, title: impl Into<String>) -> Self {
        self.tap_targets.push((url.into(), title.into()));
        self
    }

    fn components(&self) -> Vec<Value> {
        let body = (!self.body.is_empty())
            .then(|| component("body", self.body.iter().map(Parameter::json).collect()).into());
        let offer = self.limited_time_offer.map(|ends_at_ms| {
            let offer = Object::new().with("expiration_time_ms", ends_at_ms);
            let parameter =
                Object::new().with("type", "limited_time_offer").with("limited_time_offer", offer);
            component("limited_time_offer", vec![parameter.into()]).into()
        });
        let cards: Vec<_> = self.carousel.iter().enumerate().map(|(i, card)| card.json(i)).collect();
        let carousel =
            (!cards.is_empty()).then(|| Object::new().with("type", "carousel").with("cards", cards).into());
        let target = |(url, title): &(String, String)| -> Value {
            Object::new().with("url", url.as_str()).with("title", title.as_str()).into()
        };
        let targets: Vec<_> = self.tap_targets.iter().map(target).collect();
        let tap_target = (!targets.is_empty()).then(|| {
            let name = "tap_target_configuration";
            component(name, vec![Object::new().with("type", name).with(name, targets).into()]).into()
        });
        [self.header.as_ref().map(TemplateHeader::json), body, offer, carousel]
            .into_iter()
            .flatten()
            .chain(self.buttons.iter().map(TemplateButton::json))
            .chain(tap_target)
            .collect()
    }
}

impl From<Template> for Content {
    fn from(template: Template) -> Self {
        let components = template.components();
        let language = Object::new()
            .maybe("policy", template.deterministic.then_some("deterministic"))
            .with("code", template.language);
        let object = Object::new()
            .maybe("namespace", template.namespace)
            .with("name", template.name)
            .with("language", language)
            .list("components", components);
        Self::new("template", object)
    }
}

/// A component of this type, with these parameters.
fn component(kind: &'static str, parameters: Vec<Value>) -> Object {
    Object::new().with("type", kind).with("parameters", parameters)
}
