//! `wamedia check --webhook`: reads and prints explanations of failed messages.
//!
//! [`crate::check::explain`] explains; this file limits the input and formats the output.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::super::{CommandError, Exit, print, print_stderr};
use super::Format;
use crate::check::explain::{Cause, Explained, Explanation, Guidance, explain};
use crate::cli::input;
use crate::escape::json_line;
use crate::webhook::{Details, Origin, RateLimit};
use crate::whatsapp::errors::{Api, Retry};

/// Maximum input, in bytes. A webhook of Meta's has at most 3 MB.
const MAX_INPUT: u64 = 8 << 20;

/// Explains the failures in `file`; exits with 1 if there are any.
pub(super) fn run(file: &Path, format: Format) -> Result<Exit, CommandError> {
    let file = Some(file).filter(|file| *file != Path::new("-"));
    let name =
        file.map_or_else(|| "stdin".to_owned(), |file| file.display().to_string().escape_debug().to_string());
    let text = read(file).map_err(|failure| failure.about(&name))?;
    let explained = explain(&text).map_err(|e| CommandError::new(Exit::Usage, e).about(&name))?;
    if let Some(reason) = &explained.not_json {
        print_stderr(&format!(
            "wamedia: {name}: is not valid JSON ({reason}); read as plain text, so some failures may be missing\n"
        ));
    }
    for explanation in &explained.explanations {
        print(&match format {
            Format::Text => text_of(explanation),
            Format::Json => json_line(&json_of(explanation)),
        })?;
    }
    if explained.left_out > 0 {
        print_stderr(&format!(
            "wamedia: {name}: {} more failures are not shown; pass fewer at a time\n",
            explained.left_out
        ));
    }
    if explained.explanations.is_empty() {
        print_stderr(&format!("wamedia: {name}: {}\n", nothing_failed(&explained)));
        return Ok(Exit::Fine);
    }
    Ok(Exit::No)
}

fn read(file: Option<&Path>) -> Result<String, CommandError> {
    let bytes = input::read(file, MAX_INPUT, "has more than 8 MiB; pass fewer webhooks at a time")?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CommandError::new(Exit::Usage, format_args!("is not UTF-8 at byte {at}; convert it to UTF-8"))
    })
}

fn nothing_failed(explained: &Explained) -> String {
    let counts: Vec<_> =
        explained.statuses.counts().map(|(status, count)| format!("{count} {status}")).collect();
    if counts.is_empty() {
        return "no failures found".to_owned();
    }
    format!("no failures found; statuses: {}", counts.join(", "))
}

/// A headline, then one labelled line for each fact. The labels are the keys of the JSON output.
fn text_of(explanation: &Explanation) -> String {
    let mut text = headline(explanation);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<8} {value}");
    };
    line("code", &code(explanation));
    if let Some(details) = &explanation.text {
        line("details", details);
    }
    if let Some(details) = &explanation.details {
        line("seen", &details.to_string());
    }
    line("meaning", explanation.meaning());
    let Guidance { field, value, needed, paste, .. } = &explanation.guidance;
    for (name, text) in [("field", field), ("value", value), ("needed", needed)] {
        if let Some(text) = text {
            line(name, text);
        }
    }
    if let Some(paste) = paste {
        line("paste", json_line(paste).trim_end());
    }
    line("asset", &asset(explanation));
    if let Some(data) = &explanation.callback_data {
        line("callback", data);
    }
    let rules = rules(explanation);
    if !rules.is_empty() {
        line("rules", &rules.join(", "));
    }
    line("fix", explanation.fix());
    if let Some(retry) = explanation.retry() {
        line("retry", retry_in_words(retry));
    }
    if let Some(command) = explanation.command() {
        line("command", &command);
    }
    if let Some((evidence, source)) = explanation.source() {
        line("source", &format!("{source} ({evidence})"));
    }
    text
}

/// What failed, and WhatsApp's title for it.
fn headline(explanation: &Explanation) -> String {
    let what = match explanation.origin {
        Origin::Status => "message failed",
        Origin::Answer => "API error",
        Origin::Account => "account error",
        Origin::Inbound => "inbound message failed",
        Origin::Text => "failure",
    };
    let mut text = match &explanation.message {
        Some(message) => message.clone(),
        None if explanation.path.is_empty() => what.to_owned(),
        None => format!("{}: {what}", explanation.path),
    };
    if let Some(person) = &explanation.person {
        let preposition = if explanation.origin == Origin::Inbound { "from" } else { "to" };
        let _ = write!(text, " {preposition} {person}");
    }
    if let Some(title) = &explanation.title {
        text.extend([": ", title]);
    }
    text.push('\n');
    text
}

/// The error code, with its API unless that is the Cloud API.
fn code(explanation: &Explanation) -> String {
    let Some(code) = explanation.code else { return "none".to_owned() };
    match explanation.known.map(|known| known.api).filter(|api| *api != Api::Cloud) {
        Some(api) => format!("{code} ({})", api.name()),
        None => code.to_string(),
    }
}

/// The asset that the failure is about, or how to find it.
fn asset(explanation: &Explanation) -> String {
    match (&explanation.asset, &explanation.message, explanation.origin) {
        (Some(url), _, _) => url.clone(),
        (None, Some(_), Origin::Inbound) => "media of the customer, not yours".to_owned(),
        (None, Some(_), _) => {
            "not in the webhook; the API returned this message id when you sent the message, so search for it in your records"
                .to_owned()
        }
        (None, None, Origin::Answer) => "not in the response; see the request that got it".to_owned(),
        (None, None, Origin::Account | Origin::Inbound) => "none".to_owned(),
        (None, None, Origin::Status | Origin::Text) => {
            "not in the text; the webhook status has the message id, so search for that id in your records"
                .to_owned()
        }
    }
}

fn retry_in_words(retry: Retry) -> &'static str {
    match retry {
        Retry::Later => "helps after a while",
        Retry::AfterFix => "helps once the cause is fixed",
        Retry::Never => "does not help",
    }
}

fn json_of(explanation: &Explanation) -> Value {
    let source = explanation.source();
    json!({
        "path": explanation.path,
        "origin": explanation.origin.name(),
        "message": explanation.message,
        "person": explanation.person,
        "callback_data": explanation.callback_data,
        "timestamp": explanation.timestamp,
        "code": explanation.code,
        "api": explanation.known.map(|known| known.api.name()),
        "title": explanation.title,
        "details": explanation.text,
        "seen": explanation.details.as_ref().map(parts),
        "cause": explanation.cause.map(Cause::name),
        "meaning": explanation.meaning(),
        "field": explanation.guidance.field,
        "value": explanation.guidance.value,
        "needed": explanation.guidance.needed,
        "paste": explanation.guidance.paste,
        "asset": explanation.asset,
        "rules": rules(explanation),
        "fix": explanation.fix(),
        "retry": explanation.retry().map(Retry::name),
        "command": explanation.command(),
        "evidence": source.map(|(evidence, _)| evidence),
        "source": source.map(|(_, source)| source),
    })
}

/// Ids of the check rules that detect this before a send.
fn rules(explanation: &Explanation) -> Vec<&'static str> {
    let rules = explanation.cause.map_or(&[][..], |cause| cause.rules());
    rules.iter().map(|rule| rule.id).collect()
}

/// The parts of an error text, and the name of its sentence.
fn parts(details: &Details) -> Value {
    let mut object = match details {
        Details::Fetch { status, reason, limit } => {
            json!({"status": status, "reason": reason, "limit": limit.as_ref().map(limit_of)})
        }
        Details::Request { url, status, reason } => json!({"url": url, "status": status, "reason": reason}),
        Details::Type { medium, seen, accepted } => {
            json!({"medium": medium, "type": seen, "accepted": accepted})
        }
        Details::Processed { medium, declared, found, codecs } => {
            json!({"medium": medium, "declared": declared, "found": found, "codecs": codecs})
        }
        Details::Upload { accepted, seen } => json!({"type": seen, "accepted": accepted}),
        Details::Format { component, expected, received } => {
            json!({"component": component, "expected": expected, "received": received})
        }
        Details::Uri { parameter } => json!({"parameter": parameter}),
        Details::Button { card, index, sub_type } => {
            json!({"card": card, "index": index, "sub_type": sub_type})
        }
        Details::Count { card, component, sent, expected } => {
            json!({"card": card, "component": component, "sent": sent, "expected": expected})
        }
        Details::ParameterName { component } | Details::Whitespace { component } => {
            json!({"component": component})
        }
        Details::Field { field, wanted, seen } => json!({"field": field, "wanted": wanted, "value": seen}),
        Details::Choice { field, allowed, seen } => {
            json!({"field": field, "accepted": allowed, "value": seen})
        }
        Details::Missing { field } | Details::Unexpected { field } => json!({"field": field}),
        Details::Length { subject, min, max } => json!({"subject": subject, "min": min, "max": max}),
        Details::Template { name, language } => json!({"name": name, "language": language}),
        Details::Object { id } => json!({"id": id}),
        Details::StatusOnly { status } => json!({"status": status}),
    };
    object["sentence"] = details.name().into();
    object
}

fn limit_of(limit: &RateLimit) -> Value {
    json!({"by": limit.by, "networks": limit.networks})
}
