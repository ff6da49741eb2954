//! Template definitions: the templates of a business account as WhatsApp's APIs list them, and the validation of messages against
//! them.
//!
//! Meta stores the text of a template, so a payload alone does not show whether the template exists and what it needs. This module
//! [reads](read) the list, and [checks](check) name, language, status and the parameters of each component.

mod check;
mod check_button;
mod check_text;
mod read;
#[cfg(test)]
mod tests;
mod variables;

use serde_json::Value;

use self::variables::{ParameterFormat, Variables};
use crate::message::validate;
use crate::message::{Dialect, Fault, Unknown};
use crate::whatsapp::templates::{ButtonComponent, ButtonType};

pub use read::DefinitionsError;

/// The templates of a business account.
///
/// ```
/// use wamedia::message::{Dialect, TemplateDefinitions, Unknown};
///
/// let templates = TemplateDefinitions::read(&serde_json::json!({"data": [{
///     "name": "order_sent", "language": "en", "status": "APPROVED",
///     "components": [{"type": "BODY", "text": "Your order {{1}} is on its way."}],
/// }]}))?;
/// let payload = serde_json::json!({
///     "messaging_product": "whatsapp", "to": "+16505551234", "type": "template",
///     "template": {"name": "order_sent", "language": {"code": "en"}},
/// });
/// let faults = templates.validate(&payload, Dialect::Cloud, Unknown::Refused);
/// assert_eq!(faults[0].code, Some(132_000));
/// # Ok::<(), wamedia::message::TemplateDefinitionsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definitions {
    templates: Vec<Definition>,
    pages: Vec<Pages>,
}

/// Whether a page of a list has pages around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pages {
    before: bool,
    after: bool,
}

/// A template in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    name: String,
    language: String,
    /// In capitals.
    status: Option<String>,
    format: ParameterFormat,
    /// `None` if the list was requested without components.
    content: Option<Content>,
}

/// The components of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    header: Option<Header>,
    body: Variables,
    buttons: Vec<Button>,
    offer: Offer,
    cards: Option<Vec<Card>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Card {
    header: Option<Header>,
    body: Variables,
    buttons: Vec<Button>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    format: HeaderFormat,
    variables: Variables,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderFormat {
    Text,
    /// The type of its parameter.
    Other(&'static str),
    Unknown,
}

/// A limited-time offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    None,
    Endless,
    Expires,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Button {
    known: Option<&'static ButtonType>,
    /// Whether a message has a component for it; `None` if that is not known.
    component: Option<ButtonComponent>,
    label: Option<String>,
    /// The URL before its variable.
    url_prefix: Option<String>,
}

/// What fills the header of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderNeed<'a> {
    /// The template has no header, or its text has no variable.
    Nothing,
    /// Text, for the variable of this name or number.
    Text(&'a str),
    /// A parameter of this type, such as `image`.
    Parameter(&'static str),
    /// The definition does not say.
    Unknown,
}

impl Definitions {
    /// Reads what `GET /{waba-id}/message_templates` answers, an array of templates or of such answers, or one template.
    ///
    /// # Errors
    ///
    /// If the JSON is none of these, with the place, the reason and the fix.
    pub fn read(json: &Value) -> Result<Self, DefinitionsError> {
        read::definitions(json)
    }

    /// Adds the templates of another list, such as the next page.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.templates.extend(other.templates);
        self.pages.extend(other.pages);
        self
    }

    /// Whether these are all templates, as far as the lists say: a page with `paging.next` has others after it.
    pub fn is_complete(&self) -> bool {
        let starts = self.pages.first().is_none_or(|page| !page.before);
        starts && self.pages.last().is_none_or(|page| !page.after)
    }

    /// The template of this name in this language.
    pub fn find(&self, name: &str, language: &str) -> Option<&Definition> {
        let is_it = |template: &&Definition| template.name == name && template.language == language;
        let mut found = self.templates.iter().filter(is_it);
        let last = found.next_back()?;
        Some(if last.is_approved() { last } else { found.find(|other| other.is_approved()).unwrap_or(last) })
    }

    /// All faults of a payload, like [`validate`](crate::message::validate()), including those that only the definition of its template
    /// shows. Payloads of other types are only validated.
    #[must_use]
    pub fn validate(&self, payload: &Value, dialect: Dialect, unknown: Unknown) -> Vec<Fault> {
        let mut report = validate::report(payload, dialect, unknown);
        check::payload(self, payload, &mut report);
        report.into_faults()
    }
}

impl Definition {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language code.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Whether its parameters have names.
    pub fn is_named(&self) -> bool {
        self.format == ParameterFormat::Named
    }

    /// The variables of its body, each once, in the order of the text.
    pub fn body_variables(&self) -> &[String] {
        self.content.as_ref().map_or(&[], |content| content.body.names())
    }

    /// What fills its header.
    pub fn header_need(&self) -> HeaderNeed<'_> {
        let Some(content) = &self.content else { return HeaderNeed::Unknown };
        let Some(header) = &content.header else { return HeaderNeed::Nothing };
        match (header.format, &header.variables) {
            (HeaderFormat::Other(kind), _) => HeaderNeed::Parameter(kind),
            (HeaderFormat::Unknown, _) | (HeaderFormat::Text, Variables::Unknown) => HeaderNeed::Unknown,
            (HeaderFormat::Text, Variables::Known(names)) => {
                names.first().map_or(HeaderNeed::Nothing, |name| HeaderNeed::Text(name))
            }
        }
    }

    /// The `sub_type` of the component for a button; `None` if the template has no such button, or the button takes no component, or
    /// its type is not known.
    pub fn button_sub_type(&self, index: usize) -> Option<&'static str> {
        self.content.as_ref()?.buttons.get(index)?.known?.sub_type
    }

    fn is_approved(&self) -> bool {
        self.status.as_deref() == Some("APPROVED")
    }
}
