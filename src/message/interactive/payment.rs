//! Payment messages: order details and order status.

use serde_json::Value;

use super::{Header, interactive, named, with_footer, with_header};
use crate::message::content::Content;
use crate::message::json_object::Object;

/// The parameters of an order. They differ by country and payment method, and are not validated.
///
/// ```
/// use serde_json::json;
/// use wamedia::message::Order;
///
/// let amount = json!({"value": 1100, "offset": 100});
/// let order = Order::new("ref-1", "digital-goods", "INR", amount.clone(), json!({"status": "pending", "subtotal": amount}))
///     .with("payment_type", json!("upi"));
/// # let _ = order;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    parameters: Vec<(String, Value)>,
}

impl Order {
    /// The reference id, `digital-goods` or `physical-goods`, the currency, the total as `{"value": …, "offset": …}`,
    /// and the order with its items.
    pub fn new(
        reference_id: impl Into<String>,
        goods: impl Into<String>,
        currency: impl Into<String>,
        total_amount: Value,
        order: Value,
    ) -> Self {
        let parameters = vec![
            ("reference_id".to_owned(), reference_id.into().into()),
            ("type".to_owned(), goods.into().into()),
            ("currency".to_owned(), currency.into().into()),
            ("total_amount".to_owned(), total_amount),
            ("order".to_owned(), order),
        ];
        Self { parameters }
    }

    /// Adds a parameter: `payment_type`, `payment_configuration`, `payment_settings` and others.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    pub(in crate::message) fn json(&self) -> Object {
        self.parameters.iter().fold(Object::new(), |object, (name, value)| object.with(name, value.clone()))
    }
}

/// An order to review and pay (Meta, payments).
///
/// ```
/// use serde_json::json;
/// use wamedia::message::{Dialect, Message, Order, OrderDetails};
///
/// let amount = json!({"value": 1100, "offset": 100});
/// let order = Order::new("ref-1", "digital-goods", "INR", amount.clone(), json!({"status": "pending", "subtotal": amount}));
/// let payload = Message::new("+91 63155 51234", OrderDetails::new("Your order", order)).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["name"], "review_and_pay");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OrderDetails {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    order: Order,
}

with_header!(OrderDetails);
with_footer!(OrderDetails);

impl OrderDetails {
    /// A message with this text and this order.
    pub fn new(body: impl Into<String>, order: Order) -> Self {
        Self { header: None, body: body.into(), footer: None, order }
    }
}

impl From<OrderDetails> for Content {
    fn from(details: OrderDetails) -> Self {
        interactive(
            "order_details",
            details.header.as_ref().map(Header::json),
            Some(&details.body),
            details.footer.as_deref(),
            named("review_and_pay", Some(details.order.json())),
        )
    }
}

/// The status of an order (Meta, payments).
///
/// ```
/// use wamedia::message::{Dialect, Message, OrderStatus};
///
/// let sent = OrderStatus::new("It is on its way", "ref-1", "shipped").description("With you on Monday");
/// let payload = Message::new("+91 63155 51234", sent).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["parameters"]["order"]["status"], "shipped");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatus {
    body: String,
    footer: Option<String>,
    reference_id: String,
    status: String,
    description: Option<String>,
}

with_footer!(OrderStatus);

impl OrderStatus {
    /// A message with this text, the reference id, and the status: `processing`, `partially_shipped`, `shipped`, `completed` or
    /// `canceled`.
    pub fn new(body: impl Into<String>, reference_id: impl Into<String>, status: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            footer: None,
            reference_id: reference_id.into(),
            status: status.into(),
            description: None,
        }
    }

    /// A description of the status.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl From<OrderStatus> for Content {
    fn from(status: OrderStatus) -> Self {
        let order = Object::new().with("status", status.status).maybe("description", status.description);
        let parameters = Object::new().with("reference_id", status.reference_id).with("order", order);
        interactive(
            "order_status",
            None,
            Some(&status.body),
            status.footer.as_deref(),
            named("review_order", Some(parameters)),
        )
    }
}
