//! Findings about the response: status, redirects, Content-Type, length, body, encoding, and differences between user agents.

use std::fmt::Write as _;
use std::time::Duration;

use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};

use super::super::transcript::{Answer, BodyEnd, Failure, Probe, Transcript};
use super::shortened;
use crate::asset::MediaType;
use crate::check::rules::url_rules as rules;
use crate::check::{Finding, Rule};
use crate::whatsapp::media_errors::{is_of_page, not_fetched, unsupported};
use crate::whatsapp::{Kind, essence};

/// A slower response head is a finding. Meta documents no timeout of its fetcher; webhooks and crawlers give up after some seconds.
const SLOW_AFTER: Duration = Duration::from_secs(5);

pub(super) fn judge(transcript: &Transcript, kind: Option<Kind>, as_kind: Option<Kind>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(answer) = transcript.answer(Probe::Fetch) {
        findings.extend(status(transcript, answer, kind));
        if answer.first_byte > SLOW_AFTER {
            findings.push(Finding::new(
                &rules::SLOW_FIRST_BYTE,
                format!("after {:.1} s", answer.first_byte.as_secs_f32()),
                "generate the file in advance, and serve it as a static file",
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
            "make the file public under a name that cannot be guessed, or use a signed link",
        ),
        403 => (
            &rules::STATUS_FORBIDDEN,
            "make the file publicly readable, and exempt it from firewall, bot and hotlink rules",
        ),
        404 | 410 => {
            (&rules::STATUS_NOT_FOUND, "correct the link, or upload the file before you send the message")
        }
        429 => (&rules::STATUS_TOO_MANY, "raise the server's rate limit, or put a CDN in front of it"),
        500..=599 => (
            &rules::STATUS_SERVER_ERROR,
            "read the server's log; if a firewall sends this status, exempt the file from it",
        ),
        _ => (&rules::STATUS_OTHER, "let the server answer a plain GET with 200 and the whole file"),
    };
    let mut seen = format!("status {}", answer.status);
    if let Some(after) = answer.field(&RETRY_AFTER) {
        let _ = write!(seen, ", Retry-After: {}", shortened(&after));
    }
    let finding = Finding::new(rule, seen, fix);
    Some(Finding { webhook: not_fetched(answer.status), ..finding })
}

fn redirect(transcript: &Transcript, answer: &Answer, kind: Option<Kind>) -> Finding {
    let location = answer.field(&LOCATION);
    let to = location
        .map_or_else(|| "no Location".to_owned(), |location| format!("Location: {}", shortened(&location)));
    let fix = match &transcript.leads_to {
        Some(end) => format!("send the link that the redirect leads to: {}", shortened(end)),
        None => "let the server answer with the file itself".to_owned(),
    };
    let finding = Finding::new(&rules::REDIRECT, format!("status {}, {to}", answer.status), fix);
    let media_type = answer.field(&CONTENT_TYPE).unwrap_or_else(|| "text/html".to_owned());
    let webhook = unsupported(kind.unwrap_or(Kind::Image), &shortened(&essence(&media_type)));
    Finding { webhook, ..finding }
}

fn media_type(answer: &Answer, kind: Option<Kind>, as_kind: Option<Kind>) -> Option<Finding> {
    const FIX: &str = "configure the server to send the file's exact Content-Type, such as image/jpeg";
    let Some(text) = answer.field(&CONTENT_TYPE) else {
        return Some(Finding::new(&rules::TYPE_MISSING, "no Content-Type", FIX));
    };
    let Some(media_type) = MediaType::parse(&text) else {
        return Some(Finding::new(&rules::TYPE_MALFORMED, shortened(&text), FIX));
    };
    let essence = essence(media_type.as_str());
    let parameters = media_type.as_str().split_once(';').map_or("", |(_, parameters)| parameters.trim());
    if is_of_page(&essence) && as_kind != Some(Kind::Document) {
        let fix = "let the server send errors with an error status, not with 200; open the link to see what it sends";
        let finding = Finding::new(&rules::TYPE_OF_PAGE, shortened(&text), fix);
        let webhook = kind.and_then(|kind| unsupported(kind, &shortened(&essence)));
        return Some(Finding { webhook, ..finding });
    }
    let is_opus = parameters.replace([' ', '"'], "").eq_ignore_ascii_case("codecs=opus");
    let is_text = essence.starts_with("text/");
    match (&*essence, parameters) {
        ("audio/ogg", _) if is_opus => None,
        ("audio/ogg", "") => Some(Finding::new(
            &rules::TYPE_OGG_WITHOUT_CODEC,
            shortened(&text),
            "serve it as audio/ogg; codecs=opus",
        )),
        (_, "") => None,
        _ if is_text => None,
        _ => Some(Finding::new(&rules::TYPE_PARAMETERS, shortened(&text), format!("serve it as {essence}"))),
    }
}

fn body(answer: &Answer) -> Option<Finding> {
    let received = answer.body.received;
    match &answer.body.end {
        BodyEnd::Complete if !answer.fields.contains_key(CONTENT_LENGTH) => {
            let how = answer.field(&TRANSFER_ENCODING);
            let how = how.map_or_else(
                || "the body ends when the connection closes".to_owned(),
                |how| format!("Transfer-Encoding: {}", shortened(&how)),
            );
            let fix = "serve it as a static, uncompressed file, so that the server knows its Content-Length";
            Some(Finding::new(&rules::LENGTH_MISSING, how, fix))
        }
        BodyEnd::Complete | BodyEnd::Unread => None,
        BodyEnd::Short(reason) => {
            let of = answer.length().map_or_else(String::new, |length| format!(" of {length}"));
            let fix = "find out why the server stops: a wrong Content-Length, a limit, or a file that changes while it is sent";
            Some(Finding::new(
                &rules::BODY_SHORT,
                format!("{received}{of} bytes, then: {}", shortened(reason)),
                fix,
            ))
        }
        BodyEnd::OutOfTime => {
            let fix = "use a faster server or connection, or a CDN; this was measured from this machine";
            Some(Finding::new(&rules::BODY_SLOW, format!("{received} bytes before the timeout"), fix))
        }
        BodyEnd::TooLarge => {
            let fix = "make the file smaller; the largest limit is 100 MB, for a document";
            Some(Finding::new(&rules::BODY_TOO_LARGE, format!("more than {received} bytes"), fix))
        }
    }
}

/// The content codings of a body, if it has any.
fn codings(answer: &Answer) -> Option<String> {
    answer
        .field(&CONTENT_ENCODING)
        .filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("identity"))
}

fn encoding(transcript: &Transcript, answer: &Answer) -> Option<Finding> {
    if let Some(coding) = codings(answer) {
        let fix = "disable compression for media files, and store them uncompressed";
        return Some(Finding::new(
            &rules::ENCODED_UNASKED,
            format!("Content-Encoding: {}", shortened(&coding)),
            fix,
        ));
    }
    // Compression helps text.
    let media_type = answer.field(&CONTENT_TYPE).unwrap_or_default();
    let coding = transcript.answer(Probe::Compressed).and_then(codings)?;
    (!media_type.starts_with("text/")).then(|| {
        let seen = format!("Content-Encoding: {} for Accept-Encoding: gzip, br", shortened(&coding));
        Finding::new(
            &rules::ENCODED_ON_REQUEST,
            seen,
            "compress text only; media formats are compressed already",
        )
    })
}

/// The parts of a response that must be the same for every client.
fn summary(outcome: &Result<Answer, Failure>) -> String {
    match outcome {
        Err(failure) => shortened(&failure.to_string()),
        Ok(answer) => {
            let field =
                |name: &HeaderName| answer.field(name).map(|value| format!(", {}", shortened(&value)));
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
    let own = summary(transcript.outcome(Probe::Fetch)?);
    let others = [Probe::OtherAgent, Probe::NoAgent];
    let differs = |probe: &Probe| transcript.outcome(*probe).is_some_and(|outcome| summary(outcome) != own);
    let differing: Vec<_> = others.into_iter().filter(differs).collect();
    if differing.is_empty() {
        return None;
    }
    let mut seen = format!("{}: {own}", Probe::Fetch.name());
    for probe in differing {
        let other = transcript.outcome(probe).map(summary).unwrap_or_default();
        let _ = write!(seen, "; {}: {other}", probe.name());
    }
    let fix = "send every client the same response, and disable bot rules for these paths: \
               Meta does not document the User-Agent of its fetcher";
    Some(Finding::new(&rules::AGENT_DEPENDENT, seen, fix))
}
