//! What a URL itself tells: its syntax, what it leads to by its name, and for how long it works.

use std::time::Duration;

use super::super::transcript::{Probe, Transcript};
use super::super::{address, expiry};
use super::{moment, told};
use crate::check::Finding;
use crate::check::rules::url_rules as rules;
use crate::check::url::expected::without_password;
use crate::whatsapp::HumanSeconds;
use crate::whatsapp::media_errors::not_fetched;
use crate::whatsapp::url_syntax::{Remark, Url};

/// A link is fetched some time after it was sent, and once more when the first time fails.
const LIFETIME: Duration = Duration::from_mins(15);
/// Past this, programs are known to cut URLs (RFC 9110 section 4.1 asks for 8000 octets; browsers' old bound is less).
const LONG: usize = 2048;
/// What programs write where a value is missing.
const NOTHINGS: [&str; 6] = ["null", "undefined", "none", "nan", "nil", "[object object]"];

/// What its syntax was found to be.
pub(super) fn remarks(remarks: &[Remark]) -> Vec<Finding> {
    let as_finding = |remark: &Remark| {
        let rule = if remark.is_refused() { &rules::URL_MALFORMED } else { &rules::URL_NOT_ASCII };
        let finding = Finding::new(rule, format!("it {}", remark.reason()), remark.fix());
        // The API itself refuses it, in its answer; the parameter's name depends on the message.
        if remark.is_refused() {
            finding.webhook("(#100) Param image['link'] is not a valid URI")
        } else {
            finding
        }
    };
    remarks.iter().map(as_finding).collect()
}

/// All else that can be read from a URL.
pub(super) fn judge(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = written(transcript, url);
    findings.extend(host(transcript, url));
    findings.extend(lifetime(transcript, url));
    findings
}

fn written(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(nothing) = placeholder(url) {
        findings.push(Finding::new(
            &rules::URL_PLACEHOLDER,
            format!("`{nothing}` in {}", told(&without_password(&transcript.link))),
            "look at the program that wrote it: a value was missing there",
        ));
    }
    if url.user_info.is_some() {
        findings.push(Finding::new(
            &rules::URL_CREDENTIALS,
            "a name or password before the @",
            "make the file public under a name that nobody guesses, or sign the link; the Cloud API has no credentials for links",
        ));
    }
    if let Some(fragment) = url.fragment {
        findings.push(Finding::new(
            &rules::URL_FRAGMENT,
            format!("#{}", told(fragment)),
            "leave out the # and what follows it, or write %23 where it belongs to the name",
        ));
    }
    if transcript.link.len() > LONG {
        findings.push(Finding::new(
            &rules::URL_LONG,
            format!("{} bytes", transcript.link.len()),
            format!("write it in {LONG} bytes or fewer"),
        ));
    }
    findings
}

/// What a program wrote for nothing: the host, or a part of the path without its extension.
fn placeholder<'a>(url: &Url<'a>) -> Option<&'a str> {
    let is_nothing = |text: &&str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase();
        NOTHINGS.contains(&decoded.split('.').next().unwrap_or_default())
    };
    std::iter::once(url.host).chain(url.path.split('/')).find(is_nothing)
}

fn host(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_public = true;
    if url.is_metas_own() {
        findings.push(Finding::new(
            &rules::URL_OF_META,
            told(url.host),
            "host the file yourself, or upload it and send its id",
        ));
    }
    if let Some(reason) = address::local_name(url.host) {
        is_public = false;
        findings.push(Finding::new(
            &rules::HOST_NOT_PUBLIC,
            format!("{} ({reason})", told(url.host)),
            "use a name that public name servers know",
        ));
    }
    let restricted =
        |ip: &std::net::IpAddr| address::restricted(*ip).map(|what| format!("{ip} is for {what}"));
    let restricted: Vec<_> = transcript.addresses.iter().filter_map(restricted).collect();
    if !restricted.is_empty() {
        is_public = false;
        findings.push(Finding::new(
            &rules::ADDRESS_NOT_PUBLIC,
            restricted.join(", "),
            "serve it from a public address; for a trial, a tunnel gives one to this machine",
        ));
    }
    // What is being tried at home has its final scheme and port elsewhere.
    if is_public {
        findings.extend(scheme_and_port(url));
    }
    findings
}

fn scheme_and_port(url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !url.is_https {
        findings.push(Finding::new(
            &rules::URL_PLAIN_HTTP,
            "http://",
            "serve it over https:// with a whole chain",
        ));
    }
    if let Some(port) = url.port.filter(|port| ![80, 443].contains(port)) {
        findings.push(Finding::new(
            &rules::URL_PORT,
            format!("port {port}"),
            "serve it on port 443, which no network in between closes",
        ));
    }
    findings
}

fn lifetime(transcript: &Transcript, url: &Url<'_>) -> Option<Finding> {
    let expiry = expiry::expiry(url.query)?;
    let at = format!("{} says {}", expiry.parameter, moment(expiry.at));
    let fix = "sign it anew, for an hour or more, when the message is sent";
    match expiry.at.duration_since(transcript.began) {
        Err(_) => {
            let finding = Finding::new(&rules::URL_EXPIRED, at, fix);
            let refused = transcript.answer(Probe::Fetch).filter(|answer| answer.status >= 400);
            let webhook = refused.and_then(|answer| not_fetched(answer.status));
            Some(Finding { webhook, ..finding })
        }
        Ok(left) if left < LIFETIME => {
            let left = HumanSeconds(left.as_secs());
            Some(Finding::new(&rules::URL_EXPIRES_SOON, format!("{at}, in {left}"), fix))
        }
        Ok(_) => None,
    }
}
