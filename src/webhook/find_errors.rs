//! Finds error objects in JSON at any depth.
//!
//! Webhook bodies arrive in many forms: with Meta's envelope, without it (On-Premises API), as one status or one error alone, or wrapped
//! in what a queue or a workflow tool adds. So the scan walks the whole value.

use serde_json::{Map, Value};

use super::statuses::{Origin, Statuses};
use super::text::{MAX_TEXT, clean, number};
use crate::whatsapp::errors::error_code;

type Object = Map<String, Value>;

/// Maximum number of errors that one scan keeps. A webhook of Meta's has up to 1000 updates.
pub(crate) const MAX_ERRORS: usize = 10_000;
/// Maximum length of an id, in characters; longer ones are cut. WhatsApp's own have at most 512.
const MAX_ID: usize = 512;
/// Maximum length of a key in a JSON path, in characters; longer ones are cut.
const MAX_NAME: usize = 40;

/// One error as it is in the JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawError {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) about: MessageInfo,
    pub(crate) code: Option<u32>,
    /// Whether the code is an HTTP status of 360dialog's gateway.
    pub(crate) is_gateway: bool,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) details: Option<String>,
}

/// The message that an error belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageInfo {
    pub(crate) message: Option<String>,
    pub(crate) person: Option<String>,
    pub(crate) callback_data: Option<String>,
    pub(crate) timestamp: Option<String>,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub(crate) struct ErrorScan {
    pub(crate) errors: Vec<RawError>,
    pub(crate) left_out: usize,
    pub(crate) statuses: Statuses,
    /// Whether the input has anything of WhatsApp's, failed or not.
    pub(crate) is_known: bool,
    path: String,
}

/// What the enclosing objects say about an error further in.
#[derive(Clone, Copy)]
struct Context<'a> {
    origin: Origin,
    about: &'a MessageInfo,
    /// Whether the key of this value is `error` or `errors`.
    is_error: bool,
}

impl ErrorScan {
    /// Walks a value. The parser limits its depth to 127 levels.
    pub(crate) fn walk(&mut self, value: &Value) {
        self.visit(
            value,
            Context { origin: Origin::Answer, about: &MessageInfo::default(), is_error: false },
        );
    }

    fn visit(&mut self, value: &Value, context: Context<'_>) {
        match value {
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.at(&format!("[{at}]"), |scan| scan.visit(value, context));
                }
            }
            Value::Object(object) => self.object(object, context),
            Value::String(text) if context.is_error && !text.trim().is_empty() => {
                let details = Some(clean(text, MAX_TEXT));
                self.push(RawError {
                    origin: context.origin,
                    about: context.about.clone(),
                    details,
                    ..RawError::default()
                });
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &Object, context: Context<'_>) {
        if is_status(object) {
            return self.status(object);
        }
        if is_error(object) || (context.is_error && has_error_fields(object)) {
            return self.push(error(object, context));
        }
        self.gateway(object);
        let inbound;
        let context = if is_message(object) {
            inbound = MessageInfo { person: id(object, &["from", "from_user_id"]), ..about(object) };
            Context { origin: Origin::Inbound, about: &inbound, is_error: false }
        } else {
            Context { is_error: false, ..context }
        };
        self.is_known |= object.contains_key("messaging_product") || object.contains_key("statuses");
        for (name, value) in object {
            let is_errors = matches!(&**name, "errors" | "error");
            // Errors beside `metadata` belong to the account; errors alone are a response of the API.
            let origin = match (context.origin, is_errors && object.contains_key("metadata")) {
                (Origin::Answer, true) => Origin::Account,
                (origin, _) => origin,
            };
            let step = clean(name, MAX_NAME);
            let step = if self.path.is_empty() { step } else { format!(".{step}") };
            self.at(&step, |scan| scan.visit(value, Context { origin, is_error: is_errors, ..context }));
        }
    }

    fn status(&mut self, object: &Object) {
        self.is_known = true;
        let status = text(object, "status").unwrap_or_default().to_ascii_lowercase();
        // The status of a payment is not that of a message.
        let status = if text(object, "type") == Some("payment") { "" } else { &*status };
        let has_failed = self.statuses.count(status);
        let about = about(object);
        let context = Context { origin: Origin::Status, about: &about, is_error: true };
        let before = self.errors.len() + self.left_out;
        for name in ["errors", "error"] {
            if let Some(errors) = object.get(name) {
                self.at(&format!(".{name}"), |scan| scan.visit(errors, context));
            }
        }
        if has_failed && self.errors.len() + self.left_out == before {
            self.push(RawError { origin: Origin::Status, about, ..RawError::default() });
        }
    }

    /// Errors of 360dialog's gateway: `{"meta": {"developer_message": …}}`, in either spelling.
    fn gateway(&mut self, object: &Object) {
        let Some(meta) = object.get("meta").and_then(Value::as_object) else { return };
        let names = ["developer_message", "developerMessage"];
        let Some(said) = names.into_iter().find_map(|name| text(meta, name)) else { return };
        let names = ["http_code", "httpCode", "status_code", "statusCode", "code"];
        let code = names.into_iter().find_map(|name| code(meta, name).or_else(|| code(object, name)));
        let details = Some(clean(said, MAX_TEXT));
        let error =
            RawError { origin: Origin::Answer, code, is_gateway: true, details, ..RawError::default() };
        self.at(".meta", |scan| scan.push(error));
    }

    fn push(&mut self, error: RawError) {
        self.is_known = true;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(RawError { path: self.path.trim_start_matches('.').to_owned(), ..error });
        } else {
            self.left_out += 1;
        }
    }

    fn at(&mut self, step: &str, visit: impl FnOnce(&mut Self)) {
        let len = self.path.len();
        self.path.push_str(step);
        visit(self);
        self.path.truncate(len);
    }
}

/// Whether this is the status of a message, not another object with a `status`.
fn is_status(object: &Object) -> bool {
    let beside = [
        "recipient_id",
        "recipient",
        "timestamp",
        "errors",
        "conversation",
        "biz_opaque_callback_data",
        "pricing",
    ];
    text(object, "status").is_some()
        && (beside.iter().any(|name| object.contains_key(*name))
            || (object.contains_key("id")
                && object.len() <= 4
                && Statuses::is_documented(text(object, "status").unwrap_or(""))))
}

/// Whether the fields make this an error, whatever its key is.
fn is_error(object: &Object) -> bool {
    let Some(code) = code(object, "code") else { return false };
    let is_alone = object.len() == 1 && error_code(code).is_some();
    is_alone
        || ["title", "error_data", "fbtrace_id", "details", "href"]
            .iter()
            .any(|name| object.contains_key(*name))
}

fn has_error_fields(object: &Object) -> bool {
    code(object, "code").is_some()
        || ["title", "message", "details", "error_data", "error_user_msg"]
            .iter()
            .any(|name| text(object, name).is_some() || object.get(*name).is_some_and(Value::is_object))
}

/// Whether this is an inbound message, sent by a customer.
fn is_message(object: &Object) -> bool {
    object.contains_key("from") && (object.contains_key("type") || object.contains_key("errors"))
}

fn error(object: &Object, context: Context<'_>) -> RawError {
    let data = object.get("error_data");
    let details = data
        .and_then(|data| data.as_str().or_else(|| text(data.as_object()?, "details")))
        .or_else(|| text(object, "details"))
        .or_else(|| text(object, "error_user_msg"));
    let shown = |text: &str| clean(text, MAX_TEXT);
    RawError {
        path: String::new(),
        origin: context.origin,
        about: context.about.clone(),
        code: code(object, "code"),
        is_gateway: false,
        title: text(object, "title").or_else(|| text(object, "error_user_title")).map(shown),
        message: text(object, "message").map(shown),
        details: details.map(shown),
    }
}

fn about(object: &Object) -> MessageInfo {
    MessageInfo {
        message: id(object, &["id", "message_id"]),
        person: id(object, &["recipient_id", "recipient", "to"]),
        callback_data: id(object, &["biz_opaque_callback_data"]),
        timestamp: id(object, &["timestamp"]),
    }
}

/// The first of these fields that has a value: a string, or a number in place of a string.
fn id(object: &Object, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(clean(text, MAX_ID)),
        Value::Number(number) => Some(clean(number.as_str(), MAX_ID)),
        _ => None,
    })
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A code as a number, or as a string of digits.
fn code(object: &Object, name: &str) -> Option<u32> {
    let digits = match object.get(name)? {
        Value::Number(number) => number.as_str(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let (code, rest) = number(digits)?;
    (rest.trim_start_matches('.').trim_end_matches('0').is_empty()).then_some(code)
}
