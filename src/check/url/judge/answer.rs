//! What the answer tells: its status, whom it is for, its type, its length and its body.

use std::fmt::Write as _;
use std::time::Duration;

use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};

use super::super::transcript::{Answer, BodyEnd, Failure, Probe, Transcript};
use super::told;
use crate::asset::MediaType;
use crate::check::rules::url_rules as rules;
use crate::check::{Finding, Rule};
use crate::whatsapp::media_errors::{is_of_page, not_fetched, unsupported};
use crate::whatsapp::{Kind, essence};

/// How long a fetcher waits is documented nowhere; webhooks and crawlers give up after some seconds.
const PROMPT: Duration = Duration::from_secs(5);

pub(super) fn judge(transcript: &Transcript, kind: Option<Kind>, as_kind: Option<Kind>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(answer) = transcript.answer(Probe::Fetch) {
        findings.extend(status(transcript, answer, kind));
        if answer.first_byte > PROMPT {
            findings.push(Finding::new(
                &rules::SLOW_FIRST_BYTE,
                format!("after {:.1} s", answer.first_byte.as_secs_f32()),
                "make the file before it is asked for, and serve it as it is",
            ));
        }
        if answer.status == 200 {
            findings.extend(media_type(answer, kind, as_kind));
            findings.extend(body(answer));
            findings.extend(encoding(transcript, answer));
        }
    }
    findings.extend(agents(transcript));
    findings
}

fn status(transcript: &Transcript, answer: &Answer, kind: Option<Kind>) -> Option<Finding> {
    let (rule, fix): (&'static Rule, _) = match answer.status {
        200 => return None,
        300..=399 => return Some(redirect(transcript, answer, kind)),
        401 | 407 => (
            &rules::STATUS_AUTHENTICATION,
            "make the file public under a name that nobody guesses, or sign the link",
        ),
        403 => (
            &rules::STATUS_FORBIDDEN,
            "make the file readable for everybody, and let no firewall, bot rule or hotlink rule stand before it",
        ),
        404 | 410 => (&rules::STATUS_NOT_FOUND, "mend the link, or send it when the file is there"),
        429 => (&rules::STATUS_TOO_MANY, "raise the limit of the server, or put a CDN before it"),
        500..=599 => (
            &rules::STATUS_SERVER_ERROR,
            "see the server's log; a firewall that answers so must let everybody in",
        ),
        _ => (&rules::STATUS_OTHER, "answer a plain GET with 200 and the whole file"),
    };
    let mut seen = format!("status {}", answer.status);
    if let Some(after) = answer.field(&RETRY_AFTER) {
        let _ = write!(seen, ", Retry-After: {}", told(&after));
    }
    let finding = Finding::new(rule, seen, fix);
    Some(Finding { webhook: not_fetched(answer.status), ..finding })
}

fn redirect(transcript: &Transcript, answer: &Answer, kind: Option<Kind>) -> Finding {
    let location = answer.field(&LOCATION);
    let to = location
        .map_or_else(|| "no Location".to_owned(), |location| format!("Location: {}", told(&location)));
    let fix = match &transcript.leads_to {
        Some(end) => format!("send the link that it leads to: {}", told(end)),
        None => "answer with the file itself".to_owned(),
    };
    let finding = Finding::new(&rules::REDIRECT, format!("status {}, {to}", answer.status), fix);
    let media_type = answer.field(&CONTENT_TYPE).unwrap_or_else(|| "text/html".to_owned());
    let webhook = unsupported(kind.unwrap_or(Kind::Image), &told(&essence(&media_type)));
    Finding { webhook, ..finding }
}

fn media_type(answer: &Answer, kind: Option<Kind>, as_kind: Option<Kind>) -> Option<Finding> {
    const MEND: &str = "set the file's exact type in the server, such as image/jpeg";
    let Some(text) = answer.field(&CONTENT_TYPE) else {
        return Some(Finding::new(&rules::TYPE_MISSING, "no Content-Type", MEND));
    };
    let Some(media_type) = MediaType::parse(&text) else {
        return Some(Finding::new(&rules::TYPE_MALFORMED, told(&text), MEND));
    };
    let essence = essence(media_type.as_str());
    let parameters = media_type.as_str().split_once(';').map_or("", |(_, parameters)| parameters.trim());
    if is_of_page(&essence) && as_kind != Some(Kind::Document) {
        let fix = "let the server answer an error with its status, not with 200; see what it says there";
        let finding = Finding::new(&rules::TYPE_OF_PAGE, told(&text), fix);
        let webhook = kind.and_then(|kind| unsupported(kind, &told(&essence)));
        return Some(Finding { webhook, ..finding });
    }
    let is_opus = parameters.replace([' ', '"'], "").eq_ignore_ascii_case("codecs=opus");
    let is_text = essence.starts_with("text/");
    match (&*essence, parameters) {
        ("audio/ogg", _) if is_opus => None,
        ("audio/ogg", "") => Some(Finding::new(
            &rules::TYPE_OGG_WITHOUT_CODEC,
            told(&text),
            "serve it as audio/ogg; codecs=opus",
        )),
        (_, "") => None,
        _ if is_text => None,
        _ => Some(Finding::new(&rules::TYPE_PARAMETERS, told(&text), format!("serve it as {essence}"))),
    }
}

fn body(answer: &Answer) -> Option<Finding> {
    let received = answer.body.received;
    match &answer.body.end {
        BodyEnd::Complete if !answer.fields.contains_key(CONTENT_LENGTH) => {
            let how = answer.field(&TRANSFER_ENCODING);
            let how = how.map_or_else(
                || "until the connection ends".to_owned(),
                |how| format!("Transfer-Encoding: {}", told(&how)),
            );
            let fix = "serve it as a file, uncompressed and not made as it is sent, so that Content-Length is known";
            Some(Finding::new(&rules::LENGTH_MISSING, how, fix))
        }
        BodyEnd::Complete | BodyEnd::Unread => None,
        BodyEnd::Short(reason) => {
            let of = answer.length().map_or_else(String::new, |length| format!(" of {length}"));
            let fix = "see why the server stops: a wrong Content-Length, a limit, or a file that changes as it is sent";
            Some(Finding::new(
                &rules::BODY_SHORT,
                format!("{received}{of} bytes, then: {}", told(reason)),
                fix,
            ))
        }
        BodyEnd::OutOfTime => {
            let fix = "serve it from nearer, or over a faster line; this is how it looks from this machine";
            Some(Finding::new(&rules::BODY_SLOW, format!("{received} bytes until then"), fix))
        }
        BodyEnd::TooLarge => {
            let fix = "make it smaller; the largest medium is a document of 100 MB";
            Some(Finding::new(&rules::BODY_TOO_LARGE, format!("more than {received} bytes"), fix))
        }
    }
}

/// The codings of a body, where it has any.
fn codings(answer: &Answer) -> Option<String> {
    answer
        .field(&CONTENT_ENCODING)
        .filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("identity"))
}

fn encoding(transcript: &Transcript, answer: &Answer) -> Option<Finding> {
    if let Some(coding) = codings(answer) {
        let fix = "turn compression off for media, and store them uncompressed";
        return Some(Finding::new(
            &rules::ENCODED_UNASKED,
            format!("Content-Encoding: {}", told(&coding)),
            fix,
        ));
    }
    // Text is better for it.
    let media_type = answer.field(&CONTENT_TYPE).unwrap_or_default();
    let coding = transcript.answer(Probe::Compressed).and_then(codings)?;
    (!media_type.starts_with("text/")).then(|| {
        let seen = format!("Content-Encoding: {} for Accept-Encoding: gzip, br", told(&coding));
        Finding::new(&rules::ENCODED_ON_REQUEST, seen, "compress text only; media are compressed as they are")
    })
}

/// What an answer is, as far as all who ask should see the same.
fn looks(outcome: &Result<Answer, Failure>) -> String {
    match outcome {
        Err(failure) => told(&failure.to_string()),
        Ok(answer) => {
            let field = |name: &HeaderName| answer.field(name).map(|value| format!(", {}", told(&value)));
            let length = answer.length().map(|length| format!(", {length} bytes"));
            format!(
                "{}{}{}",
                answer.status,
                field(&CONTENT_TYPE).unwrap_or_default(),
                length.unwrap_or_default()
            )
        }
    }
}

fn agents(transcript: &Transcript) -> Option<Finding> {
    let own = looks(transcript.outcome(Probe::Fetch)?);
    let others = [Probe::OtherAgent, Probe::NoAgent];
    let differs = |probe: &Probe| transcript.outcome(*probe).is_some_and(|outcome| looks(outcome) != own);
    let differing: Vec<_> = others.into_iter().filter(differs).collect();
    if differing.is_empty() {
        return None;
    }
    let mut seen = format!("{}: {own}", Probe::Fetch.name());
    for probe in differing {
        let other = transcript.outcome(probe).map(looks).unwrap_or_default();
        let _ = write!(seen, "; {}: {other}", probe.name());
    }
    let fix = "answer everybody alike: as what the fetcher comes is documented nowhere, so take bot rules off these paths";
    Some(Finding::new(&rules::AGENT_DEPENDENT, seen, fix))
}
