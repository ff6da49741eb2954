//! Parameters of the buttons of a template.

use serde_json::Value;

use crate::message::interactive::{Order, product_sections};
use crate::message::json_object::Object;

/// The parameters of one button of a template, by its index among the buttons: 0 to 9 (Meta, templates/components).
///
/// ```
/// use wamedia::message::{Dialect, Message, Template, TemplateButton};
///
/// let coupon = Template::new("coupon", "en").button(TemplateButton::quick_reply(0, "stop")).button(TemplateButton::copy_code(1, "25OFF"));
/// let payload = Message::new("+16505551234", coupon).build(Dialect::Cloud)?;
/// assert_eq!(payload["template"]["components"][1]["parameters"][0]["coupon_code"], "25OFF");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateButton {
    index: u8,
    sub_type: &'static str,
    parameters: Vec<Value>,
}

impl TemplateButton {
    fn new(index: u8, sub_type: &'static str, parameters: Vec<Value>) -> Self {
        Self { index, sub_type, parameters }
    }

    /// A button with one parameter of this type; its value is under the name of the type.
    fn of(index: u8, sub_type: &'static str, kind: &'static str, value: impl Into<Value>) -> Self {
        Self::new(index, sub_type, vec![parameter(kind, value)])
    }

    /// A quick reply: the payload that its webhook repeats.
    pub fn quick_reply(index: u8, payload: impl Into<String>) -> Self {
        Self::of(index, "quick_reply", "payload", payload.into())
    }

    /// A URL button: the value of the variable in its URL.
    pub fn url(index: u8, suffix: impl Into<String>) -> Self {
        Self::of(index, "url", "text", suffix.into())
    }

    /// A copy-code button: the code of at most 15 characters; a newer page of Meta's allows 20.
    pub fn copy_code(index: u8, code: impl Into<String>) -> Self {
        Self::of(index, "copy_code", "coupon_code", code.into())
    }

    /// A flow button: the token that identifies the message to the flow's endpoint, and the initial data.
    pub fn flow(index: u8, token: Option<&str>, data: Option<Value>) -> Self {
        let action = Object::new().maybe("flow_token", token).maybe("flow_action_data", data);
        Self::of(index, "flow", "action", action)
    }

    /// A catalogue button: the product of the thumbnail (retailer id).
    pub fn catalog(index: u8, thumbnail: impl Into<String>) -> Self {
        let action = Object::new().with("thumbnail_product_retailer_id", thumbnail.into());
        Self::of(index, "catalog", "action", action)
    }

    /// A multi-product button: the product of the thumbnail, and sections with a title and retailer ids; at most 30 products in 10
    /// sections.
    ///
    /// ```
    /// use wamedia::message::TemplateButton;
    ///
    /// let sections = vec![("Roses".to_owned(), vec!["rose-12".to_owned()])];
    /// let button = TemplateButton::products(0, "rose-12", &sections);
    /// # let _ = button;
    /// ```
    pub fn products(index: u8, thumbnail: impl Into<String>, sections: &[(String, Vec<String>)]) -> Self {
        let action = Object::new()
            .with("thumbnail_product_retailer_id", thumbnail.into())
            .with("sections", product_sections(sections));
        Self::of(index, "mpm", "action", action)
    }

    /// A call button: how many minutes it works, and the text that the webhook of the call repeats.
    pub fn voice_call(index: u8, ttl_minutes: Option<u32>, payload: Option<&str>) -> Self {
        let ttl = ttl_minutes.map(|minutes| parameter("ttl_minutes", minutes));
        let payload = payload.map(|payload| parameter("payload", payload));
        Self::new(index, "voice_call", ttl.into_iter().chain(payload).collect())
    }

    /// An order to review and pay.
    pub fn order_details(index: u8, order: &Order) -> Self {
        let action = Object::new().with("order_details", order.json());
        Self::of(index, "order_details", "action", action)
    }

    pub(super) fn json(&self) -> Value {
        // As text, like most of Meta's examples; numbers are accepted too.
        let button = Object::new()
            .with("type", "button")
            .with("sub_type", self.sub_type)
            .with("index", self.index.to_string());
        button.list("parameters", self.parameters.clone()).into()
    }
}

/// `{"type": "payload", "payload": …}`
fn parameter(kind: &'static str, value: impl Into<Value>) -> Value {
    Object::new().with("type", kind).with(kind, value).into()
}
