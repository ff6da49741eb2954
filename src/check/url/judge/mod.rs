//! From a transcript to findings. Pure: what is asked is [`look`](mod@super::probe)'s, what the bytes are worth is judged where files
//! are.

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

/// What a server and a URL are found wanting in; `as_kind` is the kind of message that is to send it, where that is said.
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
    if let Some(first) = good(transcript) {
        findings.extend(validators::judge(transcript, first, expiry::is_signed(url.query)));
    }
    findings
}

/// The first answer, where it is one that brings the asset.
fn good(transcript: &Transcript) -> Option<&Answer> {
    transcript
        .answer(Probe::Fetch)
        .filter(|answer| answer.status == 200 && answer.body.end == BodyEnd::Complete)
}

/// Characters of a server's text that are told.
const TOLD: usize = 160;

/// A server's text, as much of it as a person wants to read.
fn told(text: &str) -> String {
    let mut told: String = text.chars().take(TOLD).collect();
    if told.len() < text.len() {
        told.push('…');
    }
    told
}

/// A time as it is read everywhere: `2026-11-21T12:00:00Z`; far times, which a server may say, are told as such.
fn moment(at: SystemTime) -> String {
    let year_9999 = std::time::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    if at > year_9999 {
        "after the year 9999".to_owned()
    } else {
        humantime::format_rfc3339_seconds(at).to_string()
    }
}
