//! Finds error objects in JSON and in texts, at any depth and under any name.
//!
//! Webhook bodies arrive in many forms: with Meta's envelope, without it (On-Premises API), as one status or one error alone, wrapped
//! in what a queue, a workflow tool or an HTTP client adds, or in a provider's own form. So the scan walks the whole value, and reads
//! strings that have JSON in them.

mod fields;
mod merge;

use serde_json::{Map, Value};

use self::fields::{Fields, code, is_error_name, is_text_name, is_void};
use super::codes::{code_in, is_http_status};
use super::details::Details;
use super::embedded::{Segment, segments};
use super::statuses::{Origin, Statuses};
use super::text::{MAX_TEXT, clean, number};
use crate::whatsapp::errors::{Api, error_code};

type Object = Map<String, Value>;

/// Maximum number of errors that one scan keeps. A webhook of Meta's has up to 1000 updates.
pub(crate) const MAX_ERRORS: usize = 10_000;
/// Maximum length of an id, in characters; longer ones are cut. WhatsApp's own have at most 512.
const MAX_ID: usize = 512;
/// Maximum length of a key in a JSON path, in characters; longer ones are cut.
const MAX_NAME: usize = 40;
/// Maximum number of texts within texts.
const MAX_NESTED: usize = 5;
/// The title of error 131053, which users quote more often than the code.
const MEDIA_UPLOAD_ERROR: &str = "Media upload error";
/// Maximum number of payloads that are kept.
const MAX_REQUESTS: usize = 2;

/// One error as it is in the input.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawError {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) about: MessageInfo,
    pub(crate) code: Option<u32>,
    /// The provider whose own code this is.
    pub(crate) provider: Option<Api>,
    /// Whether the API says that a retry helps.
    pub(crate) is_transient: bool,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) details: Option<String>,
    rank: Rank,
}

/// How much an error says. A better one replaces others that repeat it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A text without a code.
    #[default]
    Text,
    /// A text with a code in it, or with words of WhatsApp's.
    Wording,
    /// An object with a code.
    Code,
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
    /// Payloads of messages that were sent, such as an HTTP client logs beside the error.
    pub(crate) requests: Vec<Value>,
    /// Whether the input has anything of WhatsApp's, failed or not.
    pub(crate) is_known: bool,
    path: String,
    nested: usize,
}

/// What the enclosing objects say about an error further in.
#[derive(Clone, Copy)]
struct Context<'a> {
    origin: Origin,
    about: &'a MessageInfo,
    /// Whether the key of this value is `error` or `errors`.
    is_error: bool,
}

impl RawError {
    fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.details, &self.message, &self.title].into_iter().filter_map(|text| text.as_deref())
    }

    /// Whether this is a failed message without any error.
    fn is_reasonless(&self) -> bool {
        self.code.is_none() && self.texts().next().is_none()
    }

    /// Whether each text of this error stands in a text of the other.
    fn is_told_by(&self, other: &Self) -> bool {
        self.texts().all(|text| other.texts().any(|told| told.contains(text) || text.contains(told)))
    }

    fn rank(mut self) -> Self {
        self.rank = if self.code.is_some_and(|code| !is_http_status(code) || self.provider.is_some()) {
            Rank::Code
        } else if self.texts().any(is_of_whatsapp) {
            Rank::Wording
        } else {
            Rank::Text
        };
        if self.code.is_none() {
            let code = self.texts().find_map(code_in);
            self.code = code;
        }
        self
    }
}

/// Whether a text has a code or words of WhatsApp's. The words of an HTTP client are not WhatsApp's.
fn is_of_whatsapp(text: &str) -> bool {
    code_in(text).is_some() || Details::parse(text).is_some_and(|details| !details.is_of_client())
}

/// The same, or the words of an HTTP client.
fn is_known_wording(text: &str) -> bool {
    code_in(text).is_some() || Details::parse(text).is_some()
}

impl ErrorScan {
    /// Walks a value, and drops what only repeats another error in it. The parser limits its depth to 127 levels.
    pub(crate) fn walk(&mut self, value: &Value) {
        let from = self.errors.len();
        self.visit(
            value,
            Context { origin: Origin::Answer, about: &MessageInfo::default(), is_error: false },
        );
        merge::merge(&mut self.errors, from);
    }

    /// Reads a text: the objects in it, and its lines.
    pub(crate) fn read(&mut self, text: &str) {
        let from = self.errors.len();
        let is_short = text.len() <= MAX_TEXT;
        let segments = segments(text);
        let has_lines = text.trim().contains('\n');
        let has_values = segments.iter().any(|segment| matches!(segment, Segment::Value(..)));
        for segment in segments {
            match segment {
                Segment::Value(value, line) => {
                    let step = if has_lines { format!("line {line}: ") } else { String::new() };
                    self.at(&step, |scan| scan.walk(&value));
                }
                Segment::Text(text, _) if is_short && !has_values => self.line(text),
                Segment::Text(text, first) => {
                    for (at, line) in text.lines().enumerate() {
                        self.at(&format!("line {}: ", first + at), |scan| scan.line(line));
                    }
                }
            }
        }
        merge::merge(&mut self.errors, from);
    }

    /// One line of a text, if it has a code or a known wording.
    fn line(&mut self, text: &str) {
        let text = clean(text, MAX_TEXT);
        // The text is nothing but a code, or a title.
        let bare = number(&text).filter(|(code, rest)| rest.is_empty() && error_code(*code).is_some());
        let is_title = text.trim_end_matches('.').eq_ignore_ascii_case(MEDIA_UPLOAD_ERROR);
        let code = bare.map(|(code, _)| code).or_else(|| is_title.then_some(131_053));
        if code.is_some() || is_known_wording(&text) {
            self.push(RawError { origin: Origin::Text, code, details: Some(text), ..RawError::default() });
        }
    }

    fn visit(&mut self, value: &Value, context: Context<'_>) {
        match value {
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.at(&format!("[{at}]"), |scan| scan.visit(value, context));
                }
            }
            Value::Object(object) => self.object(object, context),
            Value::String(text) => self.string(text, context),
            _ => {}
        }
    }

    /// A text: with objects in it, in the place of an error, or with words that only an error of WhatsApp's has.
    fn string(&mut self, text: &str, context: Context<'_>) {
        if self.within(text, context) || is_void(text) {
            return;
        }
        if context.is_error || is_known_wording(text) {
            self.push(RawError {
                origin: context.origin,
                about: context.about.clone(),
                details: Some(clean(text, MAX_TEXT)),
                ..RawError::default()
            });
        }
    }

    /// Walks the objects within a text; returns whether there was anything of WhatsApp's in them.
    fn within(&mut self, text: &str, context: Context<'_>) -> bool {
        if self.nested >= MAX_NESTED || !text.contains('{') {
            return false;
        }
        let before = (self.errors.len() + self.left_out, self.requests.len(), self.is_known);
        self.is_known = false;
        self.nested += 1;
        for segment in segments(text) {
            if let Segment::Value(value, _) = segment {
                self.visit(&value, Context { is_error: false, ..context });
            }
        }
        self.nested -= 1;
        let is_found = self.is_known || before.0 < self.errors.len() + self.left_out;
        self.is_known |= before.2;
        is_found
    }

    fn object(&mut self, object: &Object, context: Context<'_>) {
        if is_request(object) {
            self.is_known = true;
            if self.requests.len() < MAX_REQUESTS {
                self.requests.push(Value::Object(object.clone()));
            }
            return;
        }
        if is_status(object) {
            return self.status(object);
        }
        if self.gupshup(object) || self.gateway(object) {
            return;
        }
        let fields = Fields::of(object);
        if is_error(object, &fields, context) {
            return self.error(object, &fields, context);
        }
        let inbound;
        let context = if is_message(object) {
            inbound = MessageInfo { person: id(object, &["from", "from_user_id"]), ..about(object) };
            let context = Context { origin: Origin::Inbound, about: &inbound, is_error: false };
            // The rest of the message is the customer's.
            for (name, value) in object.iter().filter(|(name, _)| is_error_name(name)) {
                let step = self.step(name);
                self.at(&step, |scan| scan.visit(value, Context { is_error: true, ..context }));
            }
            return;
        } else {
            Context { is_error: false, ..context }
        };
        self.is_known |= object.contains_key("messaging_product") || object.contains_key("statuses");
        self.children(object, context, |_| true);
    }

    fn children(&mut self, object: &Object, context: Context<'_>, is_wanted: impl Fn(&str) -> bool) {
        for (name, value) in object.iter().filter(|(name, _)| is_wanted(name)) {
            let is_error = is_error_name(name);
            // Errors beside `metadata` belong to the account; errors alone are a response of the API.
            let origin = match (context.origin, is_error && object.contains_key("metadata")) {
                (Origin::Answer, true) => Origin::Account,
                (origin, _) => origin,
            };
            let step = self.step(name);
            self.at(&step, |scan| scan.visit(value, Context { origin, is_error, ..context }));
        }
    }

    /// An object that is an error, and errors within it that are more exact.
    fn error(&mut self, object: &Object, fields: &Fields<'_>, context: Context<'_>) {
        let own = about(object);
        let status = text(object, "status").or_else(|| text(object, "MessageStatus")).unwrap_or("");
        let is_status = FAILED.iter().any(|failed| failed.eq_ignore_ascii_case(status));
        let origin = if is_status { Origin::Status } else { context.origin };
        let merged = MessageInfo {
            message: own.message.or_else(|| context.about.message.clone()),
            person: own.person.or_else(|| context.about.person.clone()),
            callback_data: own.callback_data.or_else(|| context.about.callback_data.clone()),
            timestamp: own.timestamp.or_else(|| context.about.timestamp.clone()),
        };
        let context = Context { origin, about: &merged, is_error: false };
        let shown = |text: &str| clean(text, MAX_TEXT);
        self.push(RawError {
            origin,
            about: merged.clone(),
            code: fields.code,
            is_transient: object.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
            title: fields.title.map(shown),
            message: fields.message.map(shown),
            details: fields.details.map(shown),
            ..RawError::default()
        });
        for text in [fields.details, fields.message, fields.title].into_iter().flatten() {
            let step = self.step("message");
            self.at(&step, |scan| scan.within(text, context));
        }
        let is_read = |name: &str| matches!(name, "error_data" | "href" | "fbtrace_id");
        self.children(object, context, |name| {
            let is_text = is_text_name(name) && object.get(name).is_some_and(Value::is_string);
            !is_read(name) && !is_text
        });
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
                let step = self.step(name);
                self.at(&step, |scan| scan.visit(errors, context));
            }
        }
        if has_failed && self.errors.len() + self.left_out == before {
            let fields = Fields::of(object);
            if fields.code.is_some_and(|code| code > 0) || fields.is_certain || fields.details.is_some() {
                return self.error(object, &fields, context);
            }
            self.children(object, Context { is_error: false, ..context }, |name| {
                !matches!(name, "errors" | "error")
            });
        }
        if has_failed && self.errors.len() + self.left_out == before {
            self.push(RawError { origin: Origin::Status, about, ..RawError::default() });
        }
    }

    /// Errors of 360dialog's gateway: `{"meta": {"developer_message": …}}`, in either spelling.
    fn gateway(&mut self, object: &Object) -> bool {
        let Some(meta) = object.get("meta").and_then(Value::as_object) else { return false };
        let names = ["developer_message", "developerMessage"];
        let Some(said) = names.into_iter().find_map(|name| text(meta, name)) else { return false };
        let names = ["http_code", "httpCode", "status_code", "statusCode", "code"];
        let code = names.into_iter().find_map(|name| code(meta, name).or_else(|| code(object, name)));
        let step = self.step("meta");
        let error = RawError {
            origin: Origin::Answer,
            code,
            provider: Some(Api::Dialog360),
            details: Some(clean(said, MAX_TEXT)),
            ..RawError::default()
        };
        self.at(&step, |scan| scan.push(error));
        let context = Context { origin: Origin::Answer, about: &MessageInfo::default(), is_error: false };
        self.children(object, context, |name| name != "meta");
        true
    }

    /// A failed event of Gupshup's: `{"type": "failed", "destination": …, "payload": {"code", "reason"}}`.
    fn gupshup(&mut self, object: &Object) -> bool {
        let Some(payload) = object.get("payload").and_then(Value::as_object) else { return false };
        let has_failed = text(object, "type") == Some("failed") && object.contains_key("destination");
        let Some(code) = code(payload, "code").filter(|_| has_failed) else { return false };
        self.statuses.count("failed");
        let fields = Fields::of(payload);
        let provider = (code < 100_000).then_some(Api::Gupshup);
        let about = MessageInfo { person: id(object, &["destination"]), ..about(object) };
        let details = fields.details.or(fields.message).map(|text| clean(text, MAX_TEXT));
        let error = RawError {
            origin: Origin::Status,
            about,
            code: Some(code),
            provider,
            details,
            ..RawError::default()
        };
        let step = self.step("payload");
        self.at(&step, |scan| scan.push(error));
        true
    }

    /// A key as the next part of the path.
    fn step(&self, name: &str) -> String {
        let is_first = self.path.is_empty() || self.path.ends_with(": ");
        format!("{}{}", if is_first { "" } else { "." }, clean(name, MAX_NAME))
    }

    fn push(&mut self, error: RawError) {
        self.is_known = true;
        if self.errors.len() < MAX_ERRORS {
            let path = self.path.trim_end_matches(": ").to_owned();
            self.errors.push(RawError { path, ..error }.rank());
        } else {
            self.left_out += 1;
        }
    }

    fn at<T>(&mut self, step: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        let len = self.path.len();
        self.path.push_str(step);
        let outcome = visit(self);
        self.path.truncate(len);
        outcome
    }
}

/// Words of providers for a message that failed.
const FAILED: &[&str] = &["failed", "undelivered", "undeliverable", "error", "rejected", "not_delivered"];

/// Whether this is the payload of a message that was sent, as a log has it beside the error.
fn is_request(object: &Object) -> bool {
    let has_recipient = object.contains_key("to") || object.contains_key("recipient");
    let kind = text(object, "type").filter(|kind| object.get(*kind).is_some_and(Value::is_object));
    let is_text = text(object, "messaging_product") == Some("whatsapp") && !object.contains_key("statuses");
    has_recipient && (kind.is_some() || (is_text && object.contains_key("type")))
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
fn is_error(object: &Object, fields: &Fields<'_>, context: Context<'_>) -> bool {
    if context.is_error && (fields.code.is_some() || fields.has_text()) {
        return true;
    }
    if fields.is_certain {
        return true;
    }
    let Some(code) = code(object, "code") else { return false };
    let is_known = error_code(code).is_some();
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    (object.len() == 1 && is_known)
        || has(&["title", "error_data", "fbtrace_id", "details", "href"])
        || (is_known && !is_http_status(code) && fields.has_text() && code >= 100)
}

/// Whether this is an inbound message, sent by a customer.
fn is_message(object: &Object) -> bool {
    object.contains_key("from") && (object.contains_key("type") || object.contains_key("errors"))
}

fn about(object: &Object) -> MessageInfo {
    MessageInfo {
        message: id(
            object,
            &["id", "message_id", "messageId", "whatsappMessageId", "wamid", "MessageSid", "SmsSid", "sid"],
        ),
        person: id(object, &["recipient_id", "recipient", "to", "To", "destination", "phone", "phoneNumber"])
            .map(|person| person.trim_start_matches("whatsapp:").to_owned()),
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
