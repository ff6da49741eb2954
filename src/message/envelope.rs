//! The envelope of every message: recipient, reply context and callback data.

use std::fmt;

use serde_json::Value;

use super::content::Content;
use super::dialect::Dialect;
use super::fault::{Fault, Severity};
use super::json_object::Object;
use super::template::Definitions;
use super::validate::{Unknown, validate};

/// The recipient of a message.
///
/// ```
/// use wamedia::message::Recipient;
///
/// assert_eq!(Recipient::from("+1 650 555 1234"), Recipient::phone("+1 650 555 1234"));
/// let known_by_id = Recipient::user("US.13491208655302741918").or_phone("+16505551234");
/// assert_ne!(known_by_id, Recipient::group("Y2FwaV9ncm91cDox"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A telephone number, with `+` and country code; spaces, hyphens and brackets are allowed. Without the `+`, WhatsApp
    /// puts the country code of the sending number in front (Meta, messages/send-messages).
    Phone(String),
    /// A user, by the business-scoped user id (BSUID), if the business does not know the number.
    User {
        /// Such as `US.13491208655302741918`.
        id: String,
        /// The number, if known.
        phone: Option<String>,
    },
    /// A group, by its id.
    Group(String),
}

impl Recipient {
    /// By telephone number.
    pub fn phone(phone: impl Into<String>) -> Self {
        Self::Phone(phone.into())
    }

    /// By business-scoped user id.
    pub fn user(id: impl Into<String>) -> Self {
        Self::User { id: id.into(), phone: None }
    }

    /// A group, by its id.
    pub fn group(id: impl Into<String>) -> Self {
        Self::Group(id.into())
    }

    /// Adds a telephone number to the id of a user. Replaces the number of a phone recipient, and does not change a group.
    #[must_use]
    pub fn or_phone(self, number: impl Into<String>) -> Self {
        match self {
            Self::Phone(_) => Self::Phone(number.into()),
            Self::User { id, .. } => Self::User { id, phone: Some(number.into()) },
            Self::Group(id) => Self::Group(id),
        }
    }
}

impl From<&str> for Recipient {
    fn from(phone: &str) -> Self {
        Self::phone(phone)
    }
}

impl From<String> for Recipient {
    fn from(phone: String) -> Self {
        Self::Phone(phone)
    }
}

/// A message: recipient, content and options.
///
/// ```
/// use wamedia::message::{Dialect, Image, Message};
///
/// let banner = Image::link("https://media.example.com/banner.jpg?v=8c79de8fefe4402c").caption("Today only");
/// let message = Message::new("+1 650 555 1234", banner).reply_to("wamid.HBgLMTY0NjcwNDM1OTUVAgASGBQz");
/// let payload = message.build(Dialect::Cloud)?;
/// assert_eq!(payload["messaging_product"], "whatsapp");
/// assert_eq!(payload["context"]["message_id"], "wamid.HBgLMTY0NjcwNDM1OTUVAgASGBQz");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    to: Recipient,
    content: Content,
    reply_to: Option<String>,
    callback_data: Option<String>,
    says_individual: bool,
}

impl Message {
    /// A message with this content for this recipient.
    pub fn new(to: impl Into<Recipient>, content: impl Into<Content>) -> Self {
        Self {
            to: to.into(),
            content: content.into(),
            reply_to: None,
            callback_data: None,
            says_individual: false,
        }
    }

    /// Sets the recipient.
    #[must_use]
    pub fn to(mut self, to: impl Into<Recipient>) -> Self {
        self.to = to.into();
        self
    }

    /// Replies to the message with this id, which WhatsApp shows above it. Not for reactions; templates do not show it.
    #[must_use]
    pub fn reply_to(mut self, message_id: impl Into<String>) -> Self {
        self.reply_to = Some(message_id.into());
        self
    }

    /// Text that webhooks about this message repeat, at most 512 characters.
    #[must_use]
    pub fn callback_data(mut self, data: impl Into<String>) -> Self {
        self.callback_data = Some(data.into());
        self
    }

    /// Writes `"recipient_type": "individual"`, which is also the default without it.
    #[must_use]
    pub fn say_individual(mut self) -> Self {
        self.says_individual = true;
        self
    }

    /// The payload in this dialect, or an error if WhatsApp would reject it. For warnings see
    /// [`build_with_warnings`](Self::build_with_warnings).
    pub fn build(&self, dialect: Dialect) -> Result<Value, BuildError> {
        self.build_with_warnings(dialect).map(|built| built.value)
    }

    /// The payload in this dialect with warnings, or an error if WhatsApp would reject it.
    ///
    /// ```
    /// use wamedia::message::{Dialect, Message, Text};
    ///
    /// let built = Message::new("(631) 555-1234", Text::new("Hi!")).build_with_warnings(Dialect::Cloud)?;
    /// assert_eq!(built.value["to"], "(631) 555-1234");
    /// assert!(built.warnings[0].to_string().contains('+'));
    /// # Ok::<(), wamedia::message::BuildError>(())
    /// ```
    pub fn build_with_warnings(&self, dialect: Dialect) -> Result<Built, BuildError> {
        self.build_against(dialect, Unknown::Refused, None)
    }

    /// The same, with unknown fields and values reported as `unknown` says, and validated against the definition of its template, if
    /// it is a template message and definitions are given.
    ///
    /// ```
    /// use wamedia::message::{Dialect, Message, Template, TemplateDefinitions, Unknown};
    ///
    /// let templates = TemplateDefinitions::read(&serde_json::json!([
    ///     {"name": "hello_world", "language": "en_US", "components": [{"type": "BODY", "text": "Hello"}]},
    /// ]))?;
    /// let message = Message::new("+16505551234", Template::new("hello_world", "en"));
    /// let error = message.build_against(Dialect::Cloud, Unknown::Refused, Some(&templates)).unwrap_err();
    /// assert_eq!(error.faults()[0].code, Some(132_001));
    /// # Ok::<(), wamedia::message::TemplateDefinitionsError>(())
    /// ```
    pub fn build_against(
        &self,
        dialect: Dialect,
        unknown: Unknown,
        templates: Option<&Definitions>,
    ) -> Result<Built, BuildError> {
        let payload = self.payload(dialect);
        let faults = match templates {
            Some(templates) => templates.validate(&payload, dialect, unknown),
            None => validate(&payload, dialect, unknown),
        };
        built(payload, faults)
    }

    /// The payload without validation.
    fn payload(&self, dialect: Dialect) -> Value {
        let individual = self.says_individual.then_some("individual");
        let (recipient_type, to, recipient) = match &self.to {
            Recipient::Phone(phone) => (individual, Some(phone), None),
            Recipient::User { id, phone } => (individual, phone.as_ref(), Some(id)),
            Recipient::Group(id) => (Some("group"), Some(id), None),
        };
        let (kind, mut object) = self.content.clone().into_parts();
        let preview_url = match &mut object {
            Value::Object(text) if kind == "text" && dialect.has_top_level_preview_url() => {
                text.shift_remove("preview_url")
            }
            _ => None,
        };
        let context = self.reply_to.as_deref().map(|id| Object::new().with("message_id", id));
        Object::new()
            .maybe("messaging_product", messaging_product(dialect))
            .maybe("recipient_type", recipient_type)
            .maybe("to", to.map(String::as_str))
            .maybe("recipient", recipient.map(String::as_str))
            .maybe("context", context)
            .maybe("biz_opaque_callback_data", self.callback_data.as_deref())
            .with("type", &*kind)
            .maybe("preview_url", preview_url)
            .with(&kind, object)
            .into()
    }
}

/// A valid payload with its warnings.
///
/// ```
/// use wamedia::message::{Dialect, Message, Text};
///
/// let built = Message::new("+16505551234", Text::new("Hi!")).build_with_warnings(Dialect::Cloud)?;
/// assert_eq!((built.value["type"].as_str(), built.warnings.len()), (Some("text"), 0));
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The payload.
    pub value: Value,
    /// The warnings, in the order of the payload.
    pub warnings: Vec<Fault>,
}

/// Why a message was not built: WhatsApp would reject or lose it.
///
/// ```
/// use wamedia::message::{Dialect, Image, Message};
///
/// let error = Message::new("+16505551234", Image::link("ftp://example.com/a.jpg")).build(Dialect::Cloud).unwrap_err();
/// assert_eq!(error.faults()[0].path, "image.link");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BuildError(Vec<Fault>);

impl BuildError {
    /// All errors and warnings, in the order of the payload. At least one is an [error](Severity::Error).
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.0.iter().filter(|fault| fault.severity == Severity::Error);
        for (index, fault) in errors.enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// The value of `messaging_product`, in dialects that have it.
pub(super) fn messaging_product(dialect: Dialect) -> Option<&'static str> {
    dialect.has_messaging_product().then_some("whatsapp")
}

/// Validates a built payload against the same rules as any other.
pub(super) fn validated(value: Value, dialect: Dialect) -> Result<Built, BuildError> {
    let faults = validate(&value, dialect, Unknown::Refused);
    built(value, faults)
}

fn built(value: Value, faults: Vec<Fault>) -> Result<Built, BuildError> {
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        Err(BuildError(faults))
    } else {
        Ok(Built { value, warnings: faults })
    }
}
