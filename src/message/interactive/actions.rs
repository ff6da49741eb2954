//! Interactive messages with one action: open a page or a flow, request a location, an address, a contact or call permission, or
//! call the business.

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
    /// A message with this text, a button of at most 20 characters, and the URL that it opens.
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

/// How a message names a flow.
///
/// ```
/// use wamedia::message::FlowName;
///
/// assert_ne!(FlowName::Id("1".to_owned()), FlowName::Name("1".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowName {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// Which version of a flow is shown.
///
/// ```
/// use wamedia::message::{Flow, FlowMode, FlowName};
///
/// let trial = Flow::new("Book a table", FlowName::Id("1".to_owned()), "Book").mode(FlowMode::Draft);
/// # let _ = trial;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowMode {
    /// The draft.
    Draft,
    /// The published version, which is the default.
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
    /// The action and its optional payload.
    start: Option<(&'static str, Option<Value>)>,
}

with_header!(Flow);
with_footer!(Flow);

impl Flow {
    /// A message with this text, this flow, and a button of at most 20 characters without emoji.
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

    /// Token that identifies this message to the flow's endpoint.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Selects the version of the flow.
    #[must_use]
    pub fn mode(mut self, mode: FlowMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Starts at this screen with this data, a non-empty object.
    #[must_use]
    pub fn navigate(mut self, screen: impl Into<String>, data: Option<Value>) -> Self {
        let payload = Object::new().with("screen", screen.into()).maybe("data", data);
        self.start = Some(("navigate", Some(payload.into())));
        self
    }

    /// Lets the flow's endpoint choose the first screen.
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

/// Requests the user's location, with a text of at most 1024 characters (Meta,
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
    /// A message with this text.
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

/// Requests a postal address, in countries where WhatsApp has a form for it, mainly India (Meta,
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
    /// A request with this text for an address in this country (two-letter code).
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

    /// Prefilled values of the form: an object with the country's fields.
    #[must_use]
    pub fn values(mut self, values: Value) -> Self {
        self.values = Some(values);
        self
    }

    /// Adds a saved address to choose from: `{"id": …, "value": {…}}`.
    #[must_use]
    pub fn saved_address(mut self, address: Value) -> Self {
        self.saved_addresses.push(address);
        self
    }

    /// Errors in the previous answer: an object with the country's fields, each with a text.
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

/// Requests permission to call the user (Meta, calling/user-call-permissions).
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
    /// A message with this text.
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

/// Requests the contact of a user who is only known by an id.
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
    /// A message with this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into() }
    }
}

impl From<ContactInfoRequest> for Content {
    fn from(request: ContactInfoRequest) -> Self {
        let action = named("request_contact_info", None);
        interactive("contact_request", None, Some(&request.body), None, action)
    }
}

/// A text with a button that calls the business (Meta, calling/call-button-messages-deep-links). WhatsApp chooses the values of
/// unset fields.
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
    /// A message with this text.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), display_text: None, ttl_minutes: None, payload: None }
    }

    /// The text of the button, at most 20 characters.
    #[must_use]
    pub fn display_text(mut self, text: impl Into<String>) -> Self {
        self.display_text = Some(text.into());
        self
    }

    /// How long the button works: 1 to 43200 minutes.
    #[must_use]
    pub fn ttl_minutes(mut self, minutes: u32) -> Self {
        self.ttl_minutes = Some(minutes);
        self
    }

    /// Text that the webhook of the call repeats, at most 512 characters.
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
