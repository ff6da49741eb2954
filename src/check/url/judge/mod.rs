//! Derives findings from the transcript of a probe. Pure.
//!
//! [`probe`](mod@super::probe) sends the requests; [`check::judge`](crate::check::judge()) judges the bytes.

mod answer;
mod connection;
mod link;
#[cfg(test)]
mod tests;
mod validators;

use std::time::SystemTime;

use hyper::header::CONTENT_TYPE;

use super::expected::{file_name, kind_of};
use super::expiry;
use super::transcript::{Answer, BodyEnd, Probe, Transcript};
use crate::asset::MediaType;
use crate::check::Finding;
use crate::whatsapp::{Kind, url_syntax};

/// The problems of a URL and its server. `as_kind` is the kind of message that will send it, if the user named one.
pub fn judge(transcript: &Transcript, as_kind: Option<Kind>) -> Vec<Finding> {
    let (url, remarks) = url_syntax::read(&transcript.link);
    let mut findings = link::remarks(&remarks);
    let Some(url) = url else { return findings };
    findings.extend(link::judge(transcript, &url));
    findings.extend(connection::judge(transcript, &url));
    let typed = transcript.answer(Probe::Fetch).and_then(|answer| answer.field(&CONTENT_TYPE));
    let media_type = typed.as_deref().and_then(MediaType::parse);
    let kind = as_kind.or_else(|| kind_of(&file_name(&transcript.link), media_type.as_ref()));
    findings.extend(answer::judge(transcript, kind, as_kind));
    if let Some(first) = complete_response(transcript) {
        findings.extend(validators::judge(transcript, first, expiry::is_signed(url.query)));
    }
    findings
}

/// The first response, if it is a complete 200.
fn complete_response(transcript: &Transcript) -> Option<&Answer> {
    transcript
        .answer(Probe::Fetch)
        .filter(|answer| answer.status == 200 && answer.body.end == BodyEnd::Complete)
}

/// Maximum number of characters to show of a server's text.
const MAX_SHOWN: usize = 160;

/// Shortens a server's text for output.
fn shortened(text: &str) -> String {
    let mut shortened: String = text.chars().take(MAX_SHOWN).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened
}

/// A time in RFC 3339, such as `2026-11-21T12:00:00Z`. A server may send a date after the year 9999, which RFC 3339 cannot express.
fn rfc3339(at: SystemTime) -> String {
    let year_9999 = std::time::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    if at > year_9999 {
        "after the year 9999".to_owned()
    } else {
        humantime::format_rfc3339_seconds(at).to_string()
    }
}
