//! `hsm` messages: the older form of templates, on the On-Premises API.

use serde_json::Value;

use crate::message::content::Content;
use crate::message::json_object::Object;

/// On-Premises only: a text template as an `hsm` message.
///
/// ```
/// use wamedia::message::{Dialect, Hsm, Message};
///
/// let old = Hsm::new("the_namespace", "order_sent", "en_US").parameters(["860198-230332"]);
/// let payload = Message::new("+16505551234", old).build(Dialect::OnPremises)?;
/// assert_eq!(payload["hsm"]["localizable_params"][0]["default"], "860198-230332");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hsm {
    namespace: String,
    name: String,
    language: String,
    parameters: Vec<String>,
}

impl Hsm {
    /// The template with this name in this namespace, in this language only.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, language: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            language: language.into(),
            parameters: Vec::new(),
        }
    }

    /// The values of its variables, in their order.
    #[must_use]
    pub fn parameters<I>(mut self, parameters: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.parameters = parameters.into_iter().map(Into::into).collect();
        self
    }
}

impl From<Hsm> for Content {
    fn from(hsm: Hsm) -> Self {
        let parameter = |text: String| -> Value { Object::new().with("default", text).into() };
        let language = Object::new().with("policy", "deterministic").with("code", hsm.language);
        let object = Object::new()
            .with("namespace", hsm.namespace)
            .with("element_name", hsm.name)
            .with("language", language)
            .with("localizable_params", hsm.parameters.into_iter().map(parameter).collect::<Vec<_>>());
        Self::new("hsm", object)
    }
}
