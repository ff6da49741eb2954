//! Explains failed messages and API errors: the meaning, the asset, the fix, and whether a retry helps.
//!
//! [`explain`] accepts whatever the user has: a webhook body, a part of one, an API response, or only the text of
//! `error_data.details`. [`crate::webhook`] parses the input, and [`crate::whatsapp::errors`] has the meaning of each error code. This
//! module derives a [`Cause`] from both and names the check rules that detect it before a send.

mod cause;

pub use crate::webhook::{Details, Origin, RateLimit, Statuses};
pub use cause::Cause;

use serde_json::Value;

use self::cause::NextCheck;
use crate::check::Evidence;
use crate::webhook::find_errors::{self, ErrorScan, MessageInfo, RawError};
use crate::webhook::text::{self, MAX_TEXT, after, clean, number, url};
use crate::whatsapp::errors::{Certainty, ErrorCode, Retry, error_code, gateway_status};

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
    let ErrorScan { errors, left_out, statuses, .. } = scan;
    let explanations = errors.into_iter().map(Explanation::of).collect();
    Ok(Explained { explanations, left_out, statuses, not_json: None })
}

/// The title of error 131053, which users quote more often than the code.
const MEDIA_UPLOAD_ERROR: &str = "Media upload error";

fn explain_quoted(text: &str) -> Result<Explained, ExplainError> {
    let text = text.trim();
    // Unwrap only one level: no tool nests a webhook deeper.
    if text.starts_with('"') { Err(ExplainError::UnknownText) } else { explain(text) }
}

/// Explains plain text: a short text as one failure, a long one, such as a log, line by line.
fn explain_text(input: &str, not_json: Option<&str>) -> Option<Explained> {
    let mut left_out = 0;
    let mut explanations = Vec::new();
    let short = input.len() <= MAX_TEXT;
    let parts: Box<dyn Iterator<Item = &str>> =
        if short { Box::new(std::iter::once(input)) } else { Box::new(input.lines()) };
    for explanation in parts.filter_map(Explanation::of_text) {
        if explanations.len() < find_errors::MAX_ERRORS {
            explanations.push(explanation);
        } else {
            left_out += 1;
        }
    }
    let explained = Explained {
        explanations,
        left_out,
        statuses: Statuses::default(),
        not_json: not_json.map(str::to_owned),
    };
    (!explained.explanations.is_empty()).then_some(explained)
}

impl Explanation {
    fn of(raw: RawError) -> Self {
        let RawError { path, origin, about, code, is_gateway, title, message, details: text } = raw;
        let all = [&text, &message, &title].map(|text| text.as_deref().unwrap_or(""));
        let code = code.or_else(|| all.iter().find_map(|text| code_in(text)));
        let known = code.and_then(|code| if is_gateway { gateway_status(code) } else { error_code(code) });
        let details = all.iter().find_map(|text| Details::parse(text));
        // The gateway's codes are HTTP status codes and say nothing about media.
        let cause = Cause::of(details.as_ref(), code.filter(|_| !is_gateway), &all.join(" "));
        let asset = match &details {
            Some(Details::Request { url, .. }) => Some(url.clone()),
            Some(_) => all.iter().find_map(|text| url(text)).map(str::to_owned),
            None => None,
        };
        let MessageInfo { message: id, person, callback_data, timestamp } = about;
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
        }
    }

    /// Explains one text, if its wording or a code in it is known.
    fn of_text(text: &str) -> Option<Self> {
        let text = clean(text, MAX_TEXT);
        // The text is nothing but a code.
        let bare = number(&text).filter(|(_, rest)| rest.is_empty()).map(|(code, _)| code);
        let is_title = text.trim_end_matches('.').eq_ignore_ascii_case(MEDIA_UPLOAD_ERROR);
        let bare = bare.or_else(|| is_title.then_some(131_053));
        let raw = RawError { origin: Origin::Text, code: bare, details: Some(text), ..RawError::default() };
        let explanation = Self::of(raw);
        (explanation.details.is_some() || explanation.known.is_some()).then_some(explanation)
    }

    /// What the failure means: a sentence or two without the last full stop.
    pub fn meaning(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().meaning,
            (None, Some(known)) => known.meaning,
            (None, None) if self.code.is_some() => "wamedia does not know this error code",
            (None, None) => "WhatsApp gave no reason",
        }
    }

    /// How to fix it: a sentence or two without the last full stop.
    pub fn fix(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().fix,
            (None, Some(known)) => known.fix,
            (None, None) if self.code.is_none() => {
                "look for `errors` in the whole webhook body, which give the reason; if there are none, check the media link with `wamedia check URL`"
            }
            (None, None) => {
                "search for the code in Meta's list of error codes; if it is about media, check the link with `wamedia check URL`"
            }
        }
    }

    /// Whether a retry of the same message helps, if that is known.
    pub fn retry(&self) -> Option<Retry> {
        self.cause.map(|cause| cause.row().retry).or_else(|| self.known.map(|known| known.retry))
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
            (None, Some(100 | 131_008 | 131_009 | 131_051 | 132_000 | 132_012 | 1001 | 1008 | 1009)) => {
                NextCheck::Payload
            }
            (None, Some(131_014 | 1014)) => NextCheck::Link,
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

/// The error code in a text: `(#131009)`, or a six-digit number that can hardly be anything else.
fn code_in(text: &str) -> Option<u32> {
    if let Some((code, rest)) = after(text, "(#").and_then(number)
        && rest.starts_with(')')
    {
        return Some(code);
    }
    let is_code =
        |code: &u32| *code >= 130_000 && error_code(*code).is_some_and(|known| known.first == known.last);
    // The number of a network in the text of a rate limit can have six digits, too.
    let text = text::split(text, "asn").map_or(text, |(before, _)| before);
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() == 6).find_map(|word| {
        number(word).filter(|(_, rest)| rest.is_empty()).map(|(code, _)| code).filter(is_code)
    })
}

#[cfg(test)]
mod tests;
