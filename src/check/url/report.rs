//! Builds the report for a URL: findings about the transcript and the bytes, and a summary of the requests.

use std::io;
use std::path::Path;

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED};

use super::expected::{file_name, kind_of, without_password};
use super::judge::judge;
use super::{Answer, BodyEnd, Probe, Probed, Transcript, caching};
use crate::asset::MediaType;
use crate::check::format::{Format, Recognised, recognise};
use crate::check::rules::{file_rules, url_rules};
use crate::check::{FileSource, Origin, Report, Source, Subject, judge as judge_bytes};
use crate::whatsapp::Kind;

/// Builds the report for a probed URL. Fails if the stored body cannot be read back.
pub fn report(probed: Probed, as_kind: Option<Kind>) -> io::Result<Report> {
    let Probed { transcript, body } = probed;
    let mut report = Report::new(without_password(&transcript.link));
    report.findings = judge(&transcript, as_kind);
    if let Some(answer) = transcript.answer(Probe::Fetch) {
        report.media_type = answer.field(&CONTENT_TYPE);
        report.details = details(&transcript, answer);
        if answer.status == 200 {
            report.caching = Some(caching(answer));
        }
        if let Some(file) = body {
            judge_body(&mut report, answer, &mut FileSource::new(file)?, as_kind)?;
        }
    }
    report.sort();
    Ok(report)
}

/// Adds the findings about the bytes, unless the server compressed them.
fn judge_body(
    report: &mut Report,
    answer: &Answer,
    bytes: &mut FileSource,
    as_kind: Option<Kind>,
) -> io::Result<()> {
    report.size = Some(bytes.size());
    if answer.field(&CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Ok(());
    }
    let recognised = recognise(bytes)?;
    let name = file_name(&report.asset);
    let media_type = report.media_type.as_deref().and_then(MediaType::parse);
    let subject = Subject {
        name: &name,
        input: Path::new(if name.is_empty() { "download" } else { &name }),
        origin: Origin::Url,
        media_type: media_type.as_ref(),
        size: bytes.size(),
        as_kind: as_kind.or_else(|| kind_of(&name, media_type.as_ref())),
    };
    let judgement = judge_bytes(&subject, &recognised);
    report.kind = Some(judgement.kind);
    report.format = format(&recognised);
    // The finding about the bytes of a page makes the one about its type redundant.
    if judgement.findings.iter().any(|finding| finding.rule == &file_rules::PAGE_INSTEAD) {
        report.findings.retain(|finding| finding.rule != &url_rules::TYPE_OF_PAGE);
    }
    report.findings.extend(judgement.findings);
    Ok(())
}

fn format(recognised: &Recognised) -> Option<String> {
    (recognised.format != Format::Unknown).then(|| recognised.format.name())
}

/// The summary of the requests and responses.
fn details(transcript: &Transcript, answer: &Answer) -> Vec<(&'static str, String)> {
    let mut details = vec![("status", answer.status.to_string())];
    let addresses: Vec<_> = transcript.addresses.iter().map(ToString::to_string).collect();
    details.push(("addresses", addresses.join(", ")));
    details.push(("first byte", format!("{} ms", answer.first_byte.as_millis())));
    let length = match (answer.length(), &answer.body.end) {
        (Some(length), _) => format!("{length} bytes (Content-Length)"),
        (None, BodyEnd::Complete) => {
            format!("{} bytes, without Content-Length", answer.body.received)
        }
        (None, _) => "no Content-Length".to_owned(),
    };
    details.push(("length", length));
    for (name, field) in [("etag", ETAG), ("last modified", LAST_MODIFIED)] {
        details.push((name, field_or_none(answer, &field)));
    }
    if let Some(certificate) = transcript.handshake.as_ref().and_then(|handshake| handshake.chain.first()) {
        let until = humantime::format_rfc3339_seconds(certificate.not_after);
        details.push(("certificate", format!("valid until {until}, issued by {}", certificate.issuer)));
    }
    let line = |probe: Probe| {
        let answered = match transcript.outcome(probe)? {
            Ok(answer) => answer.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        Some(format!("{} {answered}", probe.name()))
    };
    let lines: Vec<_> =
        transcript.exchanges.iter().skip(1).filter_map(|exchange| line(exchange.probe)).collect();
    if !lines.is_empty() {
        details.push(("asked also", lines.join("; ")));
    }
    details
}

fn field_or_none(answer: &Answer, name: &HeaderName) -> String {
    answer.field(name).unwrap_or_else(|| "none".to_owned())
}
