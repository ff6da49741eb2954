//! Explains failed messages and API errors: the meaning, the asset, the fix, and whether a retry helps.
//!
//! [`explain`] accepts whatever the user has: a webhook body, a part of one, an API response, or only the text of
//! `error_data.details`. [`crate::webhook`] parses the input, and [`crate::whatsapp::errors`] has the meaning of each error code. This
//! module derives a [`Cause`] from both and names the check rules that detect it before a send.

mod cause;
mod guidance;

pub use crate::webhook::{Details, Origin, RateLimit, Statuses};
pub use cause::Cause;
pub use guidance::Guidance;

use serde_json::Value;

use self::cause::NextCheck;
use crate::check::Evidence;
use crate::webhook::codes::code_in;
use crate::webhook::embedded;
use crate::webhook::find_errors::{ErrorScan, MessageInfo, RawError};
use crate::webhook::text::{MAX_TEXT, clean, url};
use crate::whatsapp::errors::{Api, Certainty, ErrorCode, Retry, error_code, gateway_status, gupshup_code};
use crate::whatsapp::phone_forms;

/// One explained failure.
///
/// Text that comes from the input is on one line and has no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// JSON path of the error, such as `entry[0].changes[0].value.statuses[0].errors[0]`. Empty for plain text, and for an
    /// input that is only the error.
    pub path: String,
    /// What the error belongs to.
    pub origin: Origin,
    /// Message id, `wamid.…`.
    pub message: Option<String>,
    /// Recipient of the message; for an inbound message, its sender.
    pub person: Option<String>,
    /// `biz_opaque_callback_data` of the message.
    pub callback_data: Option<String>,
    /// Timestamp in seconds since 1970, as the input has it.
    pub timestamp: Option<String>,
    /// Error code.
    pub code: Option<u32>,
    /// The row of the table of error codes, if the code is known.
    pub known: Option<&'static ErrorCode>,
    /// Title and message of the error.
    pub title: Option<String>,
    /// Text of the error's details.
    pub text: Option<String>,
    /// That text in its parts, if its wording is known.
    pub details: Option<Details>,
    /// Cause, if it can be derived.
    pub cause: Option<Cause>,
    /// URL of the asset, if the text has it. It usually does not.
    pub asset: Option<String>,
    /// The place in the payload, what stands there, and what is needed, as far as the text names them.
    pub guidance: Guidance,
    /// Whether the API says that a retry helps (`is_transient`).
    pub is_transient: bool,
}

/// All failures in one input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// One per failure, in the order of the input; empty if nothing failed.
    pub explanations: Vec<Explanation>,
    /// Number of failures beyond the first 10,000, which are counted but not explained.
    pub left_out: usize,
    /// Message statuses in the input, counted.
    pub statuses: Statuses,
    /// Why the input was read as plain text although it looks like JSON.
    pub not_json: Option<String>,
}

/// Why an input cannot be explained.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExplainError {
    /// The input is empty.
    #[error("is empty; pass a webhook body, a status, an error, or the text of its details")]
    Empty,
    /// JSON without a WhatsApp status or error.
    #[error("has no WhatsApp status or error in it; pass the whole webhook body, or the error")]
    NotWhatsApp,
    /// The input looks like JSON and is not valid.
    #[error("is not valid JSON: {0}; pass the body unchanged")]
    NotJson(String),
    /// Plain text whose wording is not known.
    #[error(
        "is neither JSON nor a known error text of WhatsApp; pass the webhook body, which has the error code beside the text"
    )]
    UnknownText,
}

/// Explains all failures in `input`: a webhook body, a part of one, an API response, several of them one after the other, or
/// the text of an error's details.
///
/// ```
/// use wamedia::check::explain::{Cause, explain};
///
/// let explained = explain("Downloading media from weblink failed with http code 404, status message Not Found")?;
/// assert_eq!(explained.explanations[0].cause, Some(Cause::NotFound));
///
/// let explained = explain(r#"{"statuses": [{"id": "wamid.A", "status": "read", "recipient_id": "16505551234"}]}"#)?;
/// assert!(explained.explanations.is_empty());
/// # Ok::<(), wamedia::check::explain::ExplainError>(())
/// ```
pub fn explain(input: &str) -> Result<Explained, ExplainError> {
    let input = input.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if input.is_empty() {
        return Err(ExplainError::Empty);
    }
    if let Some(form) = embedded::form(input) {
        return walk(&form);
    }
    if !input.starts_with(['{', '[', '"']) {
        let is_json = matches!(input, "null" | "true" | "false");
        let unknown = if is_json { ExplainError::NotWhatsApp } else { ExplainError::UnknownText };
        return explain_text(input, None).ok_or(unknown);
    }
    let mut scan = ErrorScan::default();
    for value in serde_json::Deserializer::from_str(input).into_iter::<Value>() {
        match value {
            // The text of the details in quotes, or a whole body that was encoded as a JSON string.
            Ok(Value::String(text)) => return explain_quoted(&text),
            Ok(value) => scan.walk(&value),
            Err(e) => {
                let reason = clean(&e.to_string(), MAX_TEXT);
                return explain_text(input, Some(&reason)).ok_or(ExplainError::NotJson(reason));
            }
        }
    }
    if !scan.is_known {
        return Err(ExplainError::NotWhatsApp);
    }
    Ok(explained(scan, None))
}

fn walk(value: &Value) -> Result<Explained, ExplainError> {
    let mut scan = ErrorScan::default();
    scan.walk(value);
    if scan.is_known { Ok(explained(scan, None)) } else { Err(ExplainError::NotWhatsApp) }
}

fn explain_quoted(text: &str) -> Result<Explained, ExplainError> {
    let text = text.trim();
    // Unwrap only one level: no tool nests a webhook deeper.
    if text.starts_with('"') { Err(ExplainError::UnknownText) } else { explain(text) }
}

/// Explains plain text, such as a log: the objects in it and its lines.
fn explain_text(input: &str, not_json: Option<&str>) -> Option<Explained> {
    let mut scan = ErrorScan::default();
    scan.read(input);
    let explained = explained(scan, not_json);
    (!explained.explanations.is_empty() || explained.statuses.counts().next().is_some()).then_some(explained)
}

fn explained(scan: ErrorScan, not_json: Option<&str>) -> Explained {
    let ErrorScan { errors, left_out, statuses, requests, .. } = scan;
    // Of several payloads, nothing says which one failed.
    let request = if let [request] = &requests[..] { Some(request) } else { None };
    let explanations = errors.into_iter().map(|error| Explanation::of(error, request)).collect();
    Explained { explanations, left_out, statuses, not_json: not_json.map(str::to_owned) }
}

impl Explanation {
    fn of(raw: RawError, request: Option<&Value>) -> Self {
        let RawError {
            path, origin, about, code, provider, is_transient, title, message, details: text, ..
        } = raw;
        let all = [&text, &message, &title].map(|text| text.as_deref().unwrap_or(""));
        let code = code.or_else(|| all.iter().find_map(|text| code_in(text)));
        let known = code.and_then(|code| match provider {
            Some(Api::Dialog360) => gateway_status(code),
            Some(Api::Gupshup) => gupshup_code(code),
            _ => error_code(code),
        });
        let details = all.iter().find_map(|text| Details::parse(text));
        let person = about.person.or_else(|| Some(request?.get("to")?.as_str()?.to_owned()));
        // The providers' own codes say nothing about media.
        let own_code = code.filter(|_| provider.is_none());
        let form = person.as_deref().filter(|_| own_code == Some(131_030)).and_then(phone_forms::other_form);
        let cause = match form {
            Some(_) => Some(Cause::NumberForm),
            None => Cause::of(details.as_ref(), own_code, &all.join(" ")),
        };
        let guidance = match (&form, &details) {
            (Some(form), _) => Guidance::of_number(form, request),
            (None, Some(details)) => Guidance::of(details, request),
            (None, None) => Guidance::default(),
        };
        let asset = match &details {
            Some(Details::Request { url, .. }) => Some(url.clone()),
            Some(_) => all.iter().find_map(|text| url(text)).map(str::to_owned),
            None => None,
        };
        let MessageInfo { message: id, callback_data, timestamp, .. } = about;
        let title = match (title, message) {
            // Meta repeats the title in the message.
            (Some(title), Some(message)) if message != title => Some(format!("{title}: {message}")),
            (title, message) => title.or(message),
        };
        Self {
            path,
            origin,
            message: id,
            person,
            callback_data,
            timestamp,
            code,
            known,
            title,
            text,
            details,
            cause,
            asset,
            guidance,
            is_transient,
        }
    }

    /// What the failure means: a sentence or two without the last full stop.
    pub fn meaning(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().meaning,
            (None, Some(known)) => known.meaning,
            (None, None) if self.code.is_some() => "wamedia does not know this error code",
            (None, None) if self.text.is_some() || self.title.is_some() => {
                "the error has no code, and wamedia does not know its wording: the text is all that it says"
            }
            (None, None) => "WhatsApp gave no reason",
        }
    }

    /// How to fix it: a sentence or two without the last full stop.
    pub fn fix(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().fix,
            (None, Some(known)) => known.fix,
            (None, None) if self.code.is_none() => {
                "look for `errors` in the whole webhook body, which give the reason; if there are none, \
                 check the media link with `wamedia check URL`"
            }
            (None, None) => {
                "search for the code in Meta's list of error codes; if it is about media, check the link with `wamedia check URL`"
            }
        }
    }

    /// Whether a retry of the same message helps, if that is known.
    pub fn retry(&self) -> Option<Retry> {
        let retry = self.cause.map(|cause| cause.row().retry).or_else(|| self.known.map(|known| known.retry));
        if self.is_transient { Some(Retry::Later) } else { retry }
    }

    /// The evidence in one word, and its source.
    pub fn source(&self) -> Option<(&'static str, &'static str)> {
        match (self.cause, self.known) {
            (Some(cause), _) => Some((cause.row().evidence.name(), cause.row().source)),
            (None, Some(known)) => Some((evidence(known.certainty), known.source)),
            (None, None) => None,
        }
    }

    /// The command to run next, ready to paste into a shell once the names in capitals are replaced.
    pub fn command(&self) -> Option<String> {
        let next = match (self.cause, self.code) {
            (Some(cause), _) => cause.row().next,
            (None, Some(132_000 | 132_001 | 132_005 | 132_012 | 2000..=2999)) => NextCheck::Templates,
            (None, Some(100 | 131_008 | 131_009 | 131_051 | 132_018 | 1001 | 1008 | 1009)) => {
                NextCheck::Payload
            }
            (None, Some(131_014 | 1014 | 63_012 | 63_019)) => NextCheck::Link,
            _ => NextCheck::Nothing,
        };
        let kind = self
            .details
            .as_ref()
            .and_then(Details::kind)
            .map_or(String::new(), |kind| format!(" --as {kind}"));
        match next {
            // `url()` returns no URL with a quote in it.
            NextCheck::Link | NextCheck::File if self.asset.is_some() => {
                self.asset.as_ref().map(|asset| format!("wamedia check '{asset}'{kind}"))
            }
            NextCheck::Link => Some(format!("wamedia check URL{kind}")),
            NextCheck::File => Some(format!("wamedia check FILE{kind}")),
            NextCheck::Payload => Some("wamedia message validate PAYLOAD.json".to_owned()),
            NextCheck::Templates => {
                Some("wamedia message validate --templates TEMPLATES.json PAYLOAD.json".to_owned())
            }
            NextCheck::Nothing => None,
        }
    }
}

const fn evidence(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Documented => Evidence::Documented.name(),
        Certainty::Reported => Evidence::Reported.name(),
        Certainty::General => "general",
    }
}

#[cfg(test)]
mod tests;
