//! Messages with one button that does something: opens a page or a flow, asks for a place, an address, a contact or leave to
//! call, or calls.

use serde_json::Value;

use super::{Header, interactive, named, with_footer, with_header};
use crate::message::content::Content;
use crate::message::json_object::Object;

/// A text of at most 1024 characters with a button that opens a page (Meta, messages/interactive-cta-url-messages).
///
/// ```
/// use wamedia::message::{CtaUrl, Dialect, Message};
///
/// let dates = CtaUrl::new("Our workshops in May", "See dates", "https://example.com/workshops").header("Workshops");
/// let payload = Message::new("+16505551234", dates).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["parameters"]["display_text"], "See dates");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtaUrl {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    display_text: String,
    url: String,
}

with_header!(CtaUrl);
with_footer!(CtaUrl);

impl CtaUrl {
    /// This text, a button of at most 20 characters, and the page that it opens.
    pub fn new(body: impl Into<String>, display_text: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            header: None,
            body: body.into(),
            footer: None,
            display_text: display_text.into(),
            url: url.into(),
        }
    }
}

impl From<CtaUrl> for Content {
    fn from(message: CtaUrl) -> Self {
        let parameters = Object::new().with("display_text", message.display_text).with("url", message.url);
        interactive(
            "cta_url",
            message.header.as_ref().map(Header::json),
            Some(&message.body),
            message.footer.as_deref(),
            named("cta_url", Some(parameters)),
        )
    }
}

/// What a flow is known by.
///
/// ```
/// use wamedia::message::FlowName;
///
/// assert_ne!(FlowName::Id("1".to_owned()), FlowName::Name("1".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowName {
    /// Its id.
    Id(String),
    /// Its name.
    Name(String),
}

/// Which edition of a flow is shown.
///
/// ```
/// use wamedia::message::{Flow, FlowMode, FlowName};
///
/// let trial = Flow::new("Book a table", FlowName::Id("1".to_owned()), "Book").mode(FlowMode::Draft);
/// # let _ = trial;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowMode {
    /// The one that is being worked on.
    Draft,
    /// The one that is published, which is what WhatsApp shows unless it is told otherwise.
    Published,
}

/// A text with a button that opens a flow (Meta, flows/guides/sendingaflow).
///
/// ```
/// use serde_json::json;
/// use wamedia::message::{Dialect, Flow, FlowName, Message};
///
/// let booking = Flow::new("When may we expect you?", FlowName::Name("booking".to_owned()), "Book a table")
///     .token("4711")
///     .navigate("DATES", Some(json!({"guests": 2})));
/// let payload = Message::new("+16505551234", booking).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["parameters"]["flow_message_version"], "3");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    name: FlowName,
    cta: String,
    token: Option<String>,
    mode: Option<FlowMode>,
    /// The action, and its payload where it has one.
    start: Option<(&'static str, Option<Value>)>,
}

with_header!(Flow);
with_footer!(Flow);

impl Flow {
    /// This text, this flow, and a button of at most 20 characters without emoji.
    pub fn new(body: impl Into<String>, name: FlowName, cta: impl Into<String>) -> Self {
        Self {
            header: None,
            body: body.into(),
            footer: None,
            name,
            cta: cta.into(),
            token: None,
            mode: None,
            start: None,
        }
    }

    /// What the flow's endpoint shall know this message by.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Which edition of the flow.
    #[must_use]
    pub fn mode(mut self, mode: FlowMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Begins at this screen, with these data, an object that is not empty.
    #[must_use]
    pub fn navigate(mut self, screen: impl Into<String>, data: Option<Value>) -> Self {
        let payload = Object::new().with("screen", screen.into()).maybe("data", data);
        self.start = Some(("navigate", Some(payload.into())));
        self
    }

    /// Asks the flow's endpoint where to begin.
    #[must_use]
    pub fn data_exchange(mut self) -> Self {
        self.start = Some(("data_exchange", None));
        self
    }
}

impl From<Flow> for Content {
    fn from(flow: Flow) -> Self {
        let (key, name) = match flow.name {
            FlowName::Id(id) => ("flow_id", id),
            FlowName::Name(name) => ("flow_name", name),
        };
        let mode = flow.mode.map(|mode| match mode {
            FlowMode::Draft => "draft",
            FlowMode::Published => "published",
        });
        let (action, payload) = flow.start.unzip();
        let parameters = Object::new()
            .with("flow_message_version", "3")
            .maybe("flow_token", flow.token)
            .with(key, name)
            .with("flow_cta", flow.cta)
            .maybe("mode", mode)
            .maybe("flow_action", action)
            .maybe("flow_action_payload", payload.flatten());
        interactive(
            "flow",
            flow.header.as_ref().map(Header::json),
            Some(&flow.body),
            flow.footer.as_deref(),
            named("flow", Some(parameters)),
        )
    }
}

/// Asks for the place where somebody is, with a text of at most 1024 characters (Meta,
/// messages/location-request-messages). It has neither header nor footer.
///
/// ```
/// use wamedia::message::{Dialect, LocationRequest, Message};
///
/// let payload = Message::new("+16505551234", LocationRequest::new("Where shall we pick you up?")).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["name"], "send_location");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationRequest {
    body: String,
}

impl LocationRequest {
    /// With this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into() }
    }
}

impl From<LocationRequest> for Content {
    fn from(request: LocationRequest) -> Self {
        let action = named("send_location", None);
        interactive("location_request_message", None, Some(&request.body), None, action)
    }
}

/// Asks for a postal address, in the countries where WhatsApp has a form for it: India above all (Meta,
/// messages/address-messages).
///
/// ```
/// use serde_json::json;
/// use wamedia::message::{AddressRequest, Dialect, Message};
///
/// let request = AddressRequest::new("Where shall we deliver?", "IN").values(json!({"name": "CUSTOMER"}));
/// let payload = Message::new("+91 63155 51234", request).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["parameters"]["country"], "IN");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AddressRequest {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    country: String,
    values: Option<Value>,
    saved_addresses: Vec<Value>,
    validation_errors: Option<Value>,
}

with_header!(AddressRequest);
with_footer!(AddressRequest);

impl AddressRequest {
    /// With this text, in this country: its code of two letters.
    pub fn new(body: impl Into<String>, country: impl Into<String>) -> Self {
        Self {
            header: None,
            body: body.into(),
            footer: None,
            country: country.into(),
            values: None,
            saved_addresses: Vec::new(),
            validation_errors: None,
        }
    }

    /// What the form already says: an object of the country's fields.
    #[must_use]
    pub fn values(mut self, values: Value) -> Self {
        self.values = Some(values);
        self
    }

    /// One more address that is offered: `{"id": …, "value": {…}}`.
    #[must_use]
    pub fn saved_address(mut self, address: Value) -> Self {
        self.saved_addresses.push(address);
        self
    }

    /// What was wrong with the answer before: an object of the country's fields, each with a text.
    #[must_use]
    pub fn validation_errors(mut self, errors: Value) -> Self {
        self.validation_errors = Some(errors);
        self
    }
}

impl From<AddressRequest> for Content {
    fn from(request: AddressRequest) -> Self {
        let parameters = Object::new()
            .with("country", request.country)
            .maybe("values", request.values)
            .list("saved_addresses", request.saved_addresses)
            .maybe("validation_errors", request.validation_errors);
        interactive(
            "address_message",
            request.header.as_ref().map(Header::json),
            Some(&request.body),
            request.footer.as_deref(),
            named("address_message", Some(parameters)),
        )
    }
}

/// Asks for leave to call (Meta, calling/user-call-permissions).
///
/// ```
/// use wamedia::message::{CallPermission, Dialect, Message};
///
/// let payload = Message::new("+16505551234", CallPermission::new("May we call you about your order?")).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["type"], "call_permission_request");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPermission {
    body: String,
}

impl CallPermission {
    /// With this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into() }
    }
}

impl From<CallPermission> for Content {
    fn from(request: CallPermission) -> Self {
        let action = named("call_permission_request", None);
        interactive("call_permission_request", None, Some(&request.body), None, action)
    }
}

/// Asks a user who is known by an id alone for their contact.
///
/// ```
/// use wamedia::message::{ContactInfoRequest, Dialect, Message, Recipient};
///
/// let request = ContactInfoRequest::new("Which number may we reach you at?");
/// let payload = Message::new(Recipient::user("US.13491208655302741918"), request).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["name"], "request_contact_info");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInfoRequest {
    body: String,
}

impl ContactInfoRequest {
    /// With this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into() }
    }
}

impl From<ContactInfoRequest> for Content {
    fn from(request: ContactInfoRequest) -> Self {
        let action = named("request_contact_info", None);
        interactive("request_contact_info", None, Some(&request.body), None, action)
    }
}

/// A text with a button that calls the business (Meta, calling/call-button-messages-deep-links). What is not said, WhatsApp
/// decides.
///
/// ```
/// use wamedia::message::{Dialect, Message, VoiceCall};
///
/// let call = VoiceCall::new("Call us about your order").display_text("Call now").ttl_minutes(100);
/// let payload = Message::new("+16505551234", call).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["parameters"]["ttl_minutes"], 100);
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceCall {
    body: String,
    display_text: Option<String>,
    ttl_minutes: Option<u32>,
    payload: Option<String>,
}

impl VoiceCall {
    /// With this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), display_text: None, ttl_minutes: None, payload: None }
    }

    /// What stands on the button, at most 20 characters.
    #[must_use]
    pub fn display_text(mut self, text: impl Into<String>) -> Self {
        self.display_text = Some(text.into());
        self
    }

    /// For how long the button works, 1 to 43200 minutes.
    #[must_use]
    pub fn ttl_minutes(mut self, minutes: u32) -> Self {
        self.ttl_minutes = Some(minutes);
        self
    }

    /// What the webhook of the call shall repeat, at most 512 characters.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<String>) -> Self {
        self.payload = Some(payload.into());
        self
    }
}

impl From<VoiceCall> for Content {
    fn from(call: VoiceCall) -> Self {
        let says_anything =
            call.display_text.is_some() || call.ttl_minutes.is_some() || call.payload.is_some();
        let parameters = Object::new()
            .maybe("display_text", call.display_text)
            .maybe("ttl_minutes", call.ttl_minutes)
            .maybe("payload", call.payload);
        let action = named("voice_call", says_anything.then_some(parameters));
        interactive("voice_call", None, Some(&call.body), None, action)
    }
}
