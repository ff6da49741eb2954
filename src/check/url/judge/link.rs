//! Findings about the URL itself: syntax, host, scheme, port and expiry.

use std::time::Duration;

use super::super::transcript::{Probe, Transcript};
use super::super::{address, expiry};
use super::{rfc3339, shortened};
use crate::check::Finding;
use crate::check::rules::url_rules as rules;
use crate::check::url::expected::without_password;
use crate::whatsapp::HumanSeconds;
use crate::whatsapp::media_errors::not_fetched;
use crate::whatsapp::url_syntax::{Remark, Url};

/// A link must stay valid for this long: Meta fetches it some time after the send, and again if the first fetch fails.
const MIN_LIFETIME: Duration = Duration::from_mins(15);
/// Beyond this, in bytes, some programs cut URLs (RFC 9110 section 4.1 asks for 8000 octets; the old limit of browsers is lower).
const MAX_LENGTH: usize = 2048;
/// What programs write in place of a missing value.
const PLACEHOLDERS: [&str; 6] = ["null", "undefined", "none", "nan", "nil", "[object object]"];

/// Findings about the syntax.
pub(super) fn remarks(remarks: &[Remark]) -> Vec<Finding> {
    let as_finding = |remark: &Remark| {
        let rule = if remark.is_refused() { &rules::URL_MALFORMED } else { &rules::URL_NOT_ASCII };
        let finding = Finding::new(rule, format!("it {}", remark.reason()), remark.fix());
        // The API rejects such a URL in its response; the name of the parameter depends on the message.
        if remark.is_refused() {
            finding.webhook("(#100) Param image['link'] is not a valid URI")
        } else {
            finding
        }
    };
    remarks.iter().map(as_finding).collect()
}

/// All findings about the URL that are not about its syntax.
pub(super) fn judge(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = spelling(transcript, url);
    findings.extend(host(transcript, url));
    findings.extend(lifetime(transcript, url));
    findings
}

fn spelling(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(nothing) = placeholder(url) {
        findings.push(Finding::new(
            &rules::URL_PLACEHOLDER,
            format!("`{nothing}` in {}", shortened(&without_password(&transcript.link))),
            "fix the program that wrote the link: a value was missing",
        ));
    }
    if url.user_info.is_some() {
        findings.push(Finding::new(
            &rules::URL_CREDENTIALS,
            "a user name or password before the @",
            "make the file public under a name that cannot be guessed, or use a signed link; the Cloud API cannot send credentials",
        ));
    }
    if let Some(fragment) = url.fragment {
        findings.push(Finding::new(
            &rules::URL_FRAGMENT,
            format!("#{}", shortened(fragment)),
            "remove the # and everything after it, or write %23 if it is part of the file name",
        ));
    }
    if transcript.link.len() > MAX_LENGTH {
        findings.push(Finding::new(
            &rules::URL_LONG,
            format!("{} bytes", transcript.link.len()),
            format!("shorten it to {MAX_LENGTH} bytes"),
        ));
    }
    findings
}

/// A placeholder for a missing value, as the host or as a segment of the path (without its extension).
fn placeholder<'a>(url: &Url<'a>) -> Option<&'a str> {
    let is_nothing = |text: &&str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase();
        PLACEHOLDERS.contains(&decoded.split('.').next().unwrap_or_default())
    };
    std::iter::once(url.host).chain(url.path.split('/')).find(is_nothing)
}

fn host(transcript: &Transcript, url: &Url<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_public = true;
    if url.is_metas_own() {
        findings.push(Finding::new(
            &rules::URL_OF_META,
            shortened(url.host),
            "host the file yourself, or upload it and send its media id",
        ));
    }
    if let Some(reason) = address::local_name(url.host) {
        is_public = false;
        findings.push(Finding::new(
            &rules::HOST_NOT_PUBLIC,
            format!("{} ({reason})", shortened(url.host)),
            "use a host name that public DNS resolves",
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
            "serve it from a public address; for a test, use a tunnel to this machine",
        ));
    }
    // A test on a private host will have its final scheme and port elsewhere.
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
            "serve it over https:// with a full certificate chain",
        ));
    }
    if let Some(port) = url.port.filter(|port| ![80, 443].contains(port)) {
        findings.push(Finding::new(
            &rules::URL_PORT,
            format!("port {port}"),
            "serve it on port 443, which networks in between do not block",
        ));
    }
    findings
}

fn lifetime(transcript: &Transcript, url: &Url<'_>) -> Option<Finding> {
    let expiry = expiry::expiry(url.query)?;
    let at = format!("{}: {}", expiry.parameter, rfc3339(expiry.at));
    let fix = "sign a new link when you send the message, valid for an hour or more";
    match expiry.at.duration_since(transcript.began) {
        Err(_) => {
            let finding = Finding::new(&rules::URL_EXPIRED, at, fix);
            let refused = transcript.answer(Probe::Fetch).filter(|answer| answer.status >= 400);
            let webhook = refused.and_then(|answer| not_fetched(answer.status));
            Some(Finding { webhook, ..finding })
        }
        Ok(left) if left < MIN_LIFETIME => {
            let left = HumanSeconds(left.as_secs());
            Some(Finding::new(&rules::URL_EXPIRES_SOON, format!("{at}, {left} from now"), fix))
        }
        Ok(_) => None,
    }
}
