//! `wamedia check --webhook`: what a failure that WhatsApp reported means.
//!
//! The reading is [`crate::check::explain`]'s; here is how much is read, and how it is printed.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::escape::json_line;
use super::super::{Exit, CommandError, print, print_stderr};
use super::Format;
use crate::check::explain::{Cause, Explained, Explanation, explain};
use crate::cli::input;
use crate::webhook::{Details, Origin, RateLimit};
use crate::whatsapp::errors::{Api, Retry};

/// The most that is read, in bytes. A webhook of Meta's has 3 MB at most.
const MAX_INPUT: u64 = 8 << 20;

/// Explains the failures in `file`: the answer is no where there is one.
pub(super) fn run(file: &Path, format: Format) -> Result<Exit, CommandError> {
    let file = Some(file).filter(|file| *file != Path::new("-"));
    let name =
        file.map_or_else(|| "stdin".to_owned(), |file| file.display().to_string().escape_debug().to_string());
    let text = read(file).map_err(|failure| failure.about(&name))?;
    let told = explain(&text).map_err(|e| CommandError::new(Exit::Usage, e).about(&name))?;
    if let Some(reason) = &told.not_json {
        print_stderr(&format!(
            "wamedia: {name}: is no JSON ({reason}), so it is read as text: only what is found in it is told\n"
        ));
    }
    for explanation in &told.explanations {
        print(&match format {
            Format::Text => text_of(explanation),
            Format::Json => json_line(&json_of(explanation)),
        })?;
    }
    if told.left_out > 0 {
        print_stderr(&format!(
            "wamedia: {name}: {} more failures are not told; give fewer at a time\n",
            told.left_out
        ));
    }
    if told.explanations.is_empty() {
        print_stderr(&format!("wamedia: {name}: {}\n", nothing_failed(&told)));
        return Ok(Exit::Fine);
    }
    Ok(Exit::No)
}

fn read(file: Option<&Path>) -> Result<String, CommandError> {
    let bytes = input::read(file, MAX_INPUT, "has more than 8 MiB; give fewer webhooks at a time")?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CommandError::new(Exit::Usage, format_args!("is not UTF-8: see byte {at}; write it as UTF-8"))
    })
}

fn nothing_failed(told: &Explained) -> String {
    let counts: Vec<_> = told.statuses.counts().map(|(status, count)| format!("{count} {status}")).collect();
    if counts.is_empty() {
        return "nothing in it has failed".to_owned();
    }
    format!("nothing in it has failed; statuses: {}", counts.join(", "))
}

/// A headline, and a line for each thing that there is to say.
fn text_of(explanation: &Explanation) -> String {
    let mut text = headline(explanation);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<8} {value}");
    };
    if let Some(details) = &explanation.text {
        line("says", details);
    }
    if let Some(details) = &explanation.details {
        line("seen", &details.to_string());
    }
    line("means", explanation.meaning());
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
        line("again", again(retry));
    }
    if let Some(command) = explanation.command() {
        line("look", &command);
    }
    if let Some((evidence, source)) = explanation.source() {
        line("source", &format!("{source} ({evidence})"));
    }
    text
}

fn headline(explanation: &Explanation) -> String {
    let what = match explanation.origin {
        Origin::Status => "a message failed",
        Origin::Answer => "an error",
        Origin::Account => "an error of the account",
        Origin::Inbound => "a message from a customer failed",
        Origin::Text => "a failure",
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
    text.push(':');
    match (explanation.code, &explanation.title) {
        (Some(code), title) => {
            let _ = write!(text, " {code}");
            if let Some(api) = explanation.known.map(|known| known.api).filter(|api| *api != Api::Cloud) {
                let _ = write!(text, " ({})", api.name());
            }
            if let Some(title) = title {
                text.extend([" ", title]);
            }
        }
        (None, Some(title)) => text.extend([" ", title]),
        (None, None) => text.push_str(" no code"),
    }
    text.push('\n');
    text
}

/// Which asset it is about, or how to find that out.
fn asset(explanation: &Explanation) -> String {
    match (&explanation.asset, &explanation.message, explanation.origin) {
        (Some(url), _, _) => url.clone(),
        (None, Some(_), Origin::Inbound) => "none of yours: the customer's".to_owned(),
        (None, Some(_), _) => {
            "not named; the answer to your request gave this message id, so look it up among your sends"
                .to_owned()
        }
        (None, None, Origin::Answer) => "not named; it is in the request that was answered so".to_owned(),
        (None, None, Origin::Account | Origin::Inbound) => "none".to_owned(),
        (None, None, Origin::Status | Origin::Text) => {
            "not named; the status that this is from has the message's id, so look that up among your sends"
                .to_owned()
        }
    }
}

fn again(retry: Retry) -> &'static str {
    match retry {
        Retry::Later => "helps, after a while",
        Retry::Mended => "helps once it is mended",
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
        "asset": explanation.asset,
        "rules": rules(explanation),
        "fix": explanation.fix(),
        "retry": explanation.retry().map(Retry::name),
        "command": explanation.command(),
        "evidence": source.map(|(evidence, _)| evidence),
        "source": source.map(|(_, source)| source),
    })
}

/// The names of the rules that find such a thing beforehand.
fn rules(explanation: &Explanation) -> Vec<&'static str> {
    let rules = explanation.cause.map_or(&[][..], |cause| cause.rules());
    rules.iter().map(|rule| rule.id).collect()
}

/// The sentence's name, and its parts.
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
    };
    object["sentence"] = details.name().into();
    object
}

fn limit_of(limit: &RateLimit) -> Value {
    json!({"by": limit.by, "networks": limit.networks})
}
