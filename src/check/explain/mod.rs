//! Explaining a failure after the fact: what a failed status, or an error that the API answered with, says of which asset,
//! and what to do.
//!
//! [`explain`] takes what people have at hand: a webhook's body, a part of one, an answer of the API, or only the text of
//! `error_data.details`. What codes mean is data in [`crate::whatsapp::errors`]; this room reads the text beside them and
//! ties both to the rules of a check.

mod cause;

pub use crate::webhook::{Details, Origin, RateLimit, Statuses};
pub use cause::Cause;

use serde_json::Value;

use self::cause::Next;
use crate::check::Evidence;
use crate::webhook::find_errors::{self, About, Raw, Reading};
use crate::webhook::text::{self, MAX_TEXT, after, clean, number, url};
use crate::whatsapp::errors::{ErrorCode, Retry, Standing, error_code, gateway_status};

/// What a failure means.
///
/// All text in it that came from outside is on one line and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// Where the error stands in the JSON, as in `entry[0].changes[0].value.statuses[0].errors[0]`; empty for a text, and
    /// for an error that is all there is.
    pub path: String,
    /// What failed.
    pub origin: Origin,
    /// The id of the message, `wamid.…`.
    pub message: Option<String>,
    /// Who was to get the message; of one that came in, who sent it.
    pub person: Option<String>,
    /// What the sender gave as `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// When, in seconds since 1970, as it stands there.
    pub timestamp: Option<String>,
    /// The error's code.
    pub code: Option<u32>,
    /// What is known of that code.
    pub known: Option<&'static ErrorCode>,
    /// The error's title or message.
    pub title: Option<String>,
    /// The text of its details.
    pub text: Option<String>,
    /// That text in its parts, where it is a sentence that is known.
    pub details: Option<Details>,
    /// What stands behind it, where that can be told.
    pub cause: Option<Cause>,
    /// The URL of the asset, where the text names it. Mostly it does not.
    pub asset: Option<String>,
}

/// What there is to say of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// A failure each, in the order of the input; none where nothing failed.
    pub explanations: Vec<Explanation>,
    /// Failures past the ten thousandth, which are only counted.
    pub left_out: usize,
    /// The statuses of messages that were there.
    pub statuses: Statuses,
    /// Why the input was read as text although it looks like JSON.
    pub not_json: Option<String>,
}

/// Why there is nothing to say of an input.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExplainError {
    /// There is nothing in it.
    #[error("is empty; give a webhook's body, a status, an error, or the text of its details")]
    Empty,
    /// JSON without anything that looks like WhatsApp's.
    #[error(
        "has neither a status nor an error of WhatsApp's in it; give the whole body of the webhook, or the error"
    )]
    Foreign,
    /// It looks like JSON, and is none.
    #[error("is no JSON: {0}; give the body as it came")]
    NotJson(String),
    /// No text that is known.
    #[error(
        "is neither JSON nor a text of WhatsApp's that is known; give the webhook's body, which has the error's code beside \
         the text"
    )]
    UnknownText,
}

/// Explains all failures in a webhook's body, a part of one, an answer of the API, several of them one after the other, or
/// the text of an error's details.
///
/// ```
/// use wamedia::check::explain::{Cause, explain};
///
/// let told = explain("Downloading media from weblink failed with http code 404, status message Not Found")?;
/// assert_eq!(told.explanations[0].cause, Some(Cause::NotFound));
///
/// let told = explain(r#"{"statuses": [{"id": "wamid.A", "status": "read", "recipient_id": "16505551234"}]}"#)?;
/// assert!(told.explanations.is_empty());
/// # Ok::<(), wamedia::check::explain::ExplainError>(())
/// ```
pub fn explain(input: &str) -> Result<Explained, ExplainError> {
    let input = input.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if input.is_empty() {
        return Err(ExplainError::Empty);
    }
    if !input.starts_with(['{', '[', '"']) {
        let is_json = matches!(input, "null" | "true" | "false");
        let unknown = if is_json { ExplainError::Foreign } else { ExplainError::UnknownText };
        return explain_text(input, None).ok_or(unknown);
    }
    let mut reading = Reading::default();
    for value in serde_json::Deserializer::from_str(input).into_iter::<Value>() {
        match value {
            // The text of details, quoted; or a whole body that was put into a string.
            Ok(Value::String(text)) => return explain_quoted(&text),
            Ok(value) => reading.walk(&value),
            Err(e) => {
                let reason = clean(&e.to_string(), MAX_TEXT);
                return explain_text(input, Some(&reason)).ok_or(ExplainError::NotJson(reason));
            }
        }
    }
    if !reading.is_known {
        return Err(ExplainError::Foreign);
    }
    let Reading { errors, left_out, statuses, .. } = reading;
    let explanations = errors.into_iter().map(Explanation::of).collect();
    Ok(Explained { explanations, left_out, statuses, not_json: None })
}

/// The title of 131053, which users quote more often than its number.
const MEDIA_UPLOAD_ERROR: &str = "Media upload error";

fn explain_quoted(text: &str) -> Result<Explained, ExplainError> {
    let text = text.trim();
    // Once: a string in a string in a string is nobody's webhook.
    if text.starts_with('"') { Err(ExplainError::UnknownText) } else { explain(text) }
}

/// Explains what is no JSON: a short text as one failure, a long one, such as a log, line by line.
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
    let told = Explained {
        explanations,
        left_out,
        statuses: Statuses::default(),
        not_json: not_json.map(str::to_owned),
    };
    (!told.explanations.is_empty()).then_some(told)
}

impl Explanation {
    fn of(raw: Raw) -> Self {
        let Raw { path, origin, about, code, is_gateway, title, message, details: text } = raw;
        let all = [&text, &message, &title].map(|text| text.as_deref().unwrap_or(""));
        let code = code.or_else(|| all.iter().find_map(|text| code_in(text)));
        let known = code.and_then(|code| if is_gateway { gateway_status(code) } else { error_code(code) });
        let details = all.iter().find_map(|text| Details::parse(text));
        // The gateway's codes are HTTP's, and say nothing of a medium.
        let cause = Cause::of(details.as_ref(), code.filter(|_| !is_gateway), &all.join(" "));
        let asset = match &details {
            Some(Details::Request { url, .. }) => Some(url.clone()),
            Some(_) => all.iter().find_map(|text| url(text)).map(str::to_owned),
            None => None,
        };
        let About { message: id, person, callback_data, timestamp } = about;
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

    /// What a text says, if it has a sentence or a code that is known.
    fn of_text(text: &str) -> Option<Self> {
        let text = clean(text, MAX_TEXT);
        // Nothing but a code.
        let bare = number(&text).filter(|(_, rest)| rest.is_empty()).map(|(code, _)| code);
        let is_title = text.trim_end_matches('.').eq_ignore_ascii_case(MEDIA_UPLOAD_ERROR);
        let bare = bare.or_else(|| is_title.then_some(131_053));
        let raw = Raw { origin: Origin::Text, code: bare, details: Some(text), ..Raw::default() };
        let explanation = Self::of(raw);
        (explanation.details.is_some() || explanation.known.is_some()).then_some(explanation)
    }

    /// What it means, in a sentence or two without the last full stop.
    pub fn meaning(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().meaning,
            (None, Some(known)) => known.meaning,
            (None, None) if self.code.is_some() => "this code is not known here",
            (None, None) => "it does not say why",
        }
    }

    /// What to do about it, likewise.
    pub fn fix(&self) -> &'static str {
        match (self.cause, self.known) {
            (Some(cause), _) => cause.row().fix,
            (None, Some(known)) => known.fix,
            (None, None) if self.code.is_none() => {
                "see whether the whole webhook has `errors`, which say why; without them, check the link of the medium"
            }
            (None, None) => {
                "look the code up in Meta's list of error codes; if it is about a medium, check its link"
            }
        }
    }

    /// Whether to send the same message again, where that is known.
    pub fn retry(&self) -> Option<Retry> {
        self.cause.map(|cause| cause.row().retry).or_else(|| self.known.map(|known| known.retry))
    }

    /// How well this is known, in a word, and from where.
    pub fn source(&self) -> Option<(&'static str, &'static str)> {
        match (self.cause, self.known) {
            (Some(cause), _) => Some((cause.row().evidence.name(), cause.row().source)),
            (None, Some(known)) => Some((evidence(known.standing), known.source)),
            (None, None) => None,
        }
    }

    /// The command that tells more, ready to be pasted into a shell but for the names in capitals.
    pub fn command(&self) -> Option<String> {
        let next = match (self.cause, self.code) {
            (Some(cause), _) => cause.row().next,
            (None, Some(100 | 131_008 | 131_009 | 131_051 | 132_000 | 132_012 | 1001 | 1008 | 1009)) => {
                Next::Payload
            }
            (None, Some(131_014 | 1014)) => Next::Link,
            _ => Next::Nothing,
        };
        let kind = self
            .details
            .as_ref()
            .and_then(Details::kind)
            .map_or(String::new(), |kind| format!(" --as {kind}"));
        match next {
            // No URL that is found in a text has a quote in it.
            Next::Link | Next::File if self.asset.is_some() => {
                self.asset.as_ref().map(|asset| format!("wamedia check '{asset}'{kind}"))
            }
            Next::Link => Some(format!("wamedia check URL{kind}")),
            Next::File => Some(format!("wamedia check FILE{kind}")),
            Next::Payload => Some("wamedia message validate PAYLOAD.json".to_owned()),
            Next::Nothing => None,
        }
    }
}

const fn evidence(standing: Standing) -> &'static str {
    match standing {
        Standing::Documented => Evidence::Documented.name(),
        Standing::Reported => Evidence::Reported.name(),
        Standing::General => "general",
    }
}

/// The code that a text names: `(#131009)`, or a number that can hardly be anything else.
fn code_in(text: &str) -> Option<u32> {
    if let Some((code, rest)) = after(text, "(#").and_then(number)
        && rest.starts_with(')')
    {
        return Some(code);
    }
    let is_code =
        |code: &u32| *code >= 130_000 && error_code(*code).is_some_and(|known| known.first == known.last);
    // Six digits of the network in a limit's text are no code.
    let text = text::split(text, "asn").map_or(text, |(before, _)| before);
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() == 6).find_map(|word| {
        number(word).filter(|(_, rest)| rest.is_empty()).map(|(code, _)| code).filter(is_code)
    })
}

#[cfg(test)]
mod tests;
