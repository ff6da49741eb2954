//! Finding the errors in JSON, wherever they stand in it.
//!
//! Webhooks reach people in many wrappings: as Meta sends them, as On-Premises does without envelope, one status of them, one
//! error, or all that within what a queue or a workflow tool put around it. So the whole value is walked.

use serde_json::{Map, Value};

use super::statuses::{Origin, Statuses};
use super::text::{MAX_TEXT, clean, number};
use crate::whatsapp::errors::error_code;

type Object = Map<String, Value>;

/// Most errors that are explained of one input; a webhook of Meta's has up to a thousand updates.
pub(crate) const MAX_ERRORS: usize = 10_000;
/// Most of a name or an id that is kept, in characters; WhatsApp's own are at most 512.
const MAX_ID: usize = 512;
/// Most of a name on the way to an error, in characters.
const MAX_NAME: usize = 40;

/// An error as it stands in the JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) about: About,
    pub(crate) code: Option<u32>,
    /// Whether the code is the gateway's HTTP status.
    pub(crate) is_gateway: bool,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) details: Option<String>,
}

/// The message that an error is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub(crate) message: Option<String>,
    pub(crate) person: Option<String>,
    pub(crate) callback_data: Option<String>,
    pub(crate) timestamp: Option<String>,
}

/// What a walk finds.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) errors: Vec<Raw>,
    pub(crate) left_out: usize,
    pub(crate) statuses: Statuses,
    /// Whether anything of WhatsApp's was in it, wrong or not.
    pub(crate) is_known: bool,
    path: String,
}

/// What an error belongs to that stands further in.
#[derive(Clone, Copy)]
struct Around<'a> {
    origin: Origin,
    about: &'a About,
    /// Whether what stands here has the name `error` or `errors`.
    is_error: bool,
}

impl Reading {
    /// Walks a value. It is as deep as its parser lets it be, 127 levels.
    pub(crate) fn walk(&mut self, value: &Value) {
        self.visit(value, Around { origin: Origin::Answer, about: &About::default(), is_error: false });
    }

    fn visit(&mut self, value: &Value, around: Around<'_>) {
        match value {
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.at(&format!("[{at}]"), |reading| reading.visit(value, around));
                }
            }
            Value::Object(object) => self.object(object, around),
            Value::String(text) if around.is_error && !text.trim().is_empty() => {
                let details = Some(clean(text, MAX_TEXT));
                self.push(Raw {
                    origin: around.origin,
                    about: around.about.clone(),
                    details,
                    ..Raw::default()
                });
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &Object, around: Around<'_>) {
        if is_status(object) {
            return self.status(object);
        }
        if is_error(object) || (around.is_error && has_a_reason(object)) {
            return self.push(error(object, around));
        }
        self.gateway(object);
        let inbound;
        let around = if is_message(object) {
            inbound = About { person: id(object, &["from", "from_user_id"]), ..about(object) };
            Around { origin: Origin::Inbound, about: &inbound, is_error: false }
        } else {
            Around { is_error: false, ..around }
        };
        self.is_known |= object.contains_key("messaging_product") || object.contains_key("statuses");
        for (name, value) in object {
            let is_errors = matches!(&**name, "errors" | "error");
            // Errors beside statuses and messages are the account's; those by themselves are an answer of the API.
            let origin = match (around.origin, is_errors && object.contains_key("metadata")) {
                (Origin::Answer, true) => Origin::Account,
                (origin, _) => origin,
            };
            let step = clean(name, MAX_NAME);
            let step = if self.path.is_empty() { step } else { format!(".{step}") };
            self.at(&step, |reading| reading.visit(value, Around { origin, is_error: is_errors, ..around }));
        }
    }

    fn status(&mut self, object: &Object) {
        self.is_known = true;
        let status = text(object, "status").unwrap_or_default().to_ascii_lowercase();
        // The status of a payment, not of a message.
        let status = if text(object, "type") == Some("payment") { "" } else { &*status };
        let has_failed = self.statuses.count(status);
        let about = about(object);
        let around = Around { origin: Origin::Status, about: &about, is_error: true };
        let before = self.errors.len() + self.left_out;
        for name in ["errors", "error"] {
            if let Some(errors) = object.get(name) {
                self.at(&format!(".{name}"), |reading| reading.visit(errors, around));
            }
        }
        if has_failed && self.errors.len() + self.left_out == before {
            self.push(Raw { origin: Origin::Status, about, ..Raw::default() });
        }
    }

    /// 360dialog's own refusals: `{"meta": {"developer_message": …}}`, in either spelling.
    fn gateway(&mut self, object: &Object) {
        let Some(meta) = object.get("meta").and_then(Value::as_object) else { return };
        let names = ["developer_message", "developerMessage"];
        let Some(said) = names.into_iter().find_map(|name| text(meta, name)) else { return };
        let names = ["http_code", "httpCode", "status_code", "statusCode", "code"];
        let code = names.into_iter().find_map(|name| code(meta, name).or_else(|| code(object, name)));
        let details = Some(clean(said, MAX_TEXT));
        let error = Raw { origin: Origin::Answer, code, is_gateway: true, details, ..Raw::default() };
        self.at(".meta", |reading| reading.push(error));
    }

    fn push(&mut self, error: Raw) {
        self.is_known = true;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(Raw { path: self.path.trim_start_matches('.').to_owned(), ..error });
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

/// Whether this is the status of a message, rather than something else that has a status.
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
                && Statuses::knows(text(object, "status").unwrap_or(""))))
}

/// Whether this is an error by its own fields, whatever its name is.
fn is_error(object: &Object) -> bool {
    let Some(code) = code(object, "code") else { return false };
    let is_alone = object.len() == 1 && error_code(code).is_some();
    is_alone
        || ["title", "error_data", "fbtrace_id", "details", "href"]
            .iter()
            .any(|name| object.contains_key(*name))
}

fn has_a_reason(object: &Object) -> bool {
    code(object, "code").is_some()
        || ["title", "message", "details", "error_data", "error_user_msg"]
            .iter()
            .any(|name| text(object, name).is_some() || object.get(*name).is_some_and(Value::is_object))
}

/// Whether this is a message that a customer sent.
fn is_message(object: &Object) -> bool {
    object.contains_key("from") && (object.contains_key("type") || object.contains_key("errors"))
}

fn error(object: &Object, around: Around<'_>) -> Raw {
    let data = object.get("error_data");
    let details = data
        .and_then(|data| data.as_str().or_else(|| text(data.as_object()?, "details")))
        .or_else(|| text(object, "details"))
        .or_else(|| text(object, "error_user_msg"));
    let shown = |text: &str| clean(text, MAX_TEXT);
    Raw {
        path: String::new(),
        origin: around.origin,
        about: around.about.clone(),
        code: code(object, "code"),
        is_gateway: false,
        title: text(object, "title").or_else(|| text(object, "error_user_title")).map(shown),
        message: text(object, "message").map(shown),
        details: details.map(shown),
    }
}

fn about(object: &Object) -> About {
    About {
        message: id(object, &["id", "message_id"]),
        person: id(object, &["recipient_id", "recipient", "to"]),
        callback_data: id(object, &["biz_opaque_callback_data"]),
        timestamp: id(object, &["timestamp"]),
    }
}

/// The first of these fields that holds something: a text, or a number that should have been one.
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

/// A code as a number, or as a text that is one.
fn code(object: &Object, name: &str) -> Option<u32> {
    let digits = match object.get(name)? {
        Value::Number(number) => number.as_str(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let (code, rest) = number(digits)?;
    (rest.trim_start_matches('.').trim_end_matches('0').is_empty()).then_some(code)
}
