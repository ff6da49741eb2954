//! Findings about caching headers, validators, conditional requests, HEAD and byte ranges.

use std::time::Duration;

use hyper::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderName, LAST_MODIFIED,
    SET_COOKIE, VARY,
};

use super::super::transcript::{Answer, Probe, Transcript};
use super::{rfc3339, shortened};
use crate::asset::{CachePolicy, EntityTag, PolicyError, Storage};
use crate::check::Finding;
use crate::check::rules::url_rules as rules;
use crate::whatsapp::{HumanSeconds, url_syntax};

/// Tolerance for clocks that differ.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);
/// A `Last-Modified` of this age is a strong validator (RFC 9110 section 8.8.2.2).
const STRONG_AFTER: Duration = Duration::from_mins(1);

pub(super) fn judge(transcript: &Transcript, first: &Answer, is_signed: bool) -> Vec<Finding> {
    let mut findings = headers(transcript, first);
    findings.extend(repeated(transcript, first));
    findings.extend(conditional(transcript, first));
    // The signature of a GET is not valid for a HEAD.
    if !is_signed {
        findings.extend(head(transcript, first));
    }
    findings.extend(
        [(Probe::FirstByte, 0), (Probe::LastByte, first.body.received.saturating_sub(1))]
            .into_iter()
            .filter_map(|(probe, at)| range(transcript, first, probe, at)),
    );
    findings.extend(sharing(transcript, first));
    findings
}

fn headers(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    const ALL_THREE: &str = "send Cache-Control, Last-Modified and ETag together, as `wamedia serve` does";
    let mut findings = Vec::new();
    let written = first.field(&CACHE_CONTROL);
    let policy = written.as_deref().and_then(CachePolicy::lenient);
    let has_date = first.cache_headers().last_modified.is_some();
    match (&written, has_date, first.fields.contains_key(ETAG)) {
        (Some(text), ..) => findings.extend(cache_control(text, policy.as_ref())),
        (None, false, true) => {
            findings.push(Finding::new(
                &rules::CACHE_UNPREDICTABLE,
                "ETag, but neither Cache-Control nor Last-Modified",
                ALL_THREE,
            ));
        }
        (None, ..) => {
            findings.push(Finding::new(&rules::CACHE_HEADERS_MISSING, "no Cache-Control", ALL_THREE));
        }
    }
    let storage = policy.as_ref().map(CachePolicy::storage);
    if storage == Some(Storage::NoCache) && !has_date {
        findings.push(Finding::new(
            &rules::NO_CACHE_WITHOUT_DATE,
            "no-cache, and no Last-Modified",
            ALL_THREE,
        ));
    }
    findings.extend(date(transcript, first));
    if let Some(tag) = first.field(&ETAG).filter(|tag| EntityTag::parse(tag).is_none()) {
        findings.push(Finding::new(
            &rules::ETAG_MALFORMED,
            shortened(&tag),
            "write it once, in double quotes",
        ));
    }
    findings.extend(version(transcript, written.as_deref(), storage));
    findings
}

/// Contradictory or malformed policies. Redundant ones, such as `no-store, max-age=0`, are common and fine.
fn cache_control(text: &str, policy: Option<&CachePolicy>) -> Option<Finding> {
    const FIX: &str = "send exactly one of max-age=SECONDS, no-cache, no-store or private";
    if policy.is_none() {
        return Some(Finding::new(&rules::CACHE_CONTROL_UNCLEAR, shortened(text), FIX));
    }
    let is_not_zero_age = |member: &&str| {
        !["max-age=0", "s-maxage=0"].iter().any(|zero| member.trim().eq_ignore_ascii_case(zero))
    };
    let rest = text.split(',').filter(is_not_zero_age).collect::<Vec<_>>().join(",");
    let error = text.parse::<CachePolicy>().err().and_then(|_| rest.parse::<CachePolicy>().err())?;
    let is_unclear = matches!(
        error,
        PolicyError::Contradiction { .. } | PolicyError::Twice(_) | PolicyError::NotSeconds { .. }
    );
    is_unclear.then(|| {
        Finding::new(
            &rules::CACHE_CONTROL_UNCLEAR,
            format!("{}: {}", shortened(text), shortened(&error.to_string())),
            FIX,
        )
    })
}

fn date(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    let text = first.field(&LAST_MODIFIED)?;
    let Ok(modified) = httpdate::parse_http_date(&text) else {
        let fix = "send it once, in the HTTP date format: Sun, 06 Nov 1994 08:49:37 GMT";
        return Some(Finding::new(&rules::DATE_MALFORMED, shortened(&text), fix));
    };
    if modified > transcript.began + CLOCKS_DIFFER {
        let seen = format!("{}, but the time is now {}", shortened(&text), rfc3339(transcript.began));
        return Some(Finding::new(
            &rules::DATE_IN_FUTURE,
            seen,
            "correct the clock, or the file's modification time (touch)",
        ));
    }
    // Both dates come from the server's clock.
    let answered = httpdate::parse_http_date(&first.field(&DATE)?).ok()?;
    let age = answered.duration_since(modified).ok()?;
    (age < STRONG_AFTER).then(|| {
        let seen = format!("changed {} before the response", HumanSeconds(age.as_secs()));
        let fix = "wait a minute before you send it: a second change within the same second would have the same date";
        Finding::new(&rules::DATE_RECENT, seen, fix)
    })
}

/// A link without a version, whose content may change.
fn version(transcript: &Transcript, written: Option<&str>, storage: Option<Storage>) -> Option<Finding> {
    let has_version = url_syntax::read(&transcript.link).0.is_some_and(|url| url.has_version());
    let is_immutable = written.is_some_and(|text| text.to_ascii_lowercase().contains("immutable"));
    let for_how_long = match storage {
        Some(Storage::MaxAge(seconds)) if seconds > 600 => {
            format!(
                "cached for up to {} under the older rules, and for 10 minutes under the current ones",
                HumanSeconds(seconds.into())
            )
        }
        _ => "cached for 10 minutes by its exact text".to_owned(),
    };
    (!has_version && !is_immutable).then(|| {
        Finding::new(
            &rules::URL_NO_VERSION,
            for_how_long,
            "add ?v= and a value that changes with the file, as `wamedia link` does",
        )
    })
}

/// Compares the first response with the last one, to the same request.
fn repeated(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let again = match transcript.outcome(Probe::Again) {
        None => return findings,
        Some(Ok(again)) if again.status == 200 => again,
        Some(other) => {
            let seen =
                other.as_ref().map_or_else(ToString::to_string, |answer| format!("status {}", answer.status));
            let fix = "check whether several servers answer with different content, or one limits requests";
            return vec![Finding::new(
                &rules::ANSWERS_VARY,
                format!("first 200, then {}", shortened(&seen)),
                fix,
            )];
        }
    };
    let (Some(one), Some(other)) = (first.body.digest, again.body.digest) else { return findings };
    let is_same_body = one == other;
    let same = |name: &HeaderName| Some(first.field(name)? == again.field(name)?);
    match same(&ETAG) {
        Some(true) if !is_same_body && !is_weak(first) => {
            let seen =
                format!("{}, but the bodies differ", shortened(&first.field(&ETAG).unwrap_or_default()));
            findings.push(Finding::new(
                &rules::ETAG_LIES,
                seen,
                "derive the ETag from the bytes, as `wamedia serve` does",
            ));
        }
        Some(false) if is_same_body => findings.push(unstable_tag(first, again)),
        _ if !is_same_body => {
            let fix = "serve a static file instead of generating it for each request; if the file has just changed, check again";
            findings.push(Finding::new(&rules::ANSWERS_VARY, "the second response has another body", fix));
        }
        _ => findings.extend(other_tag(transcript, first)),
    }
    match same(&LAST_MODIFIED) {
        Some(true) if !is_same_body => findings.push(Finding::new(
            &rules::DATE_LIES,
            shortened(&first.field(&LAST_MODIFIED).unwrap_or_default()),
            "set it to the time of the last change, as file systems do",
        )),
        Some(false) if is_same_body => findings.push(Finding::new(
            &rules::DATE_UNSTABLE,
            format!(
                "{}, then {}",
                shortened(&first.field(&LAST_MODIFIED).unwrap_or_default()),
                shortened(&again.field(&LAST_MODIFIED).unwrap_or_default())
            ),
            "give the file the same modification time on every server (rsync -t), and do not generate it for each request",
        )),
        _ => {}
    }
    findings
}

fn is_weak(answer: &Answer) -> bool {
    answer.field(&ETAG).is_some_and(|tag| tag.starts_with("W/"))
}

fn unstable_tag(first: &Answer, again: &Answer) -> Finding {
    let tag = |answer: &Answer| shortened(&answer.field(&ETAG).unwrap_or_default());
    let fix = "if several servers answer, leave the inode out of the ETag, and give the file the same modification time everywhere";
    Finding::new(&rules::ETAG_UNSTABLE, format!("{}, then {}", tag(first), tag(again)), fix)
}

/// Another entity tag in one of the responses in between, perhaps from another server.
fn other_tag(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    let own = first.field(&ETAG)?;
    let among = [Probe::OtherAgent, Probe::NoAgent, Probe::OtherTag];
    let differs =
        |answer: &&Answer| answer.status == 200 && answer.field(&ETAG).is_some_and(|tag| tag != own);
    let other = among.into_iter().filter_map(|probe| transcript.answer(probe)).find(differs)?;
    Some(unstable_tag(first, other))
}

fn conditional(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let status = |probe| transcript.answer(probe).map(|answer| answer.status);
    if status(Probe::OtherTag) == Some(304) {
        let fix = "let the server compare the ETag, or remove If-None-Match in front of it";
        findings.push(Finding::new(
            &rules::NOT_MODIFIED_WRONGLY,
            "304 for If-None-Match with an ETag that it never had",
            fix,
        ));
    }
    let never = [Probe::SameTag, Probe::SameDate].into_iter().find(|probe| status(*probe) == Some(200));
    // If the ETag changes between responses, that finding is there already.
    if let Some(probe) = never.filter(|probe| *probe != Probe::SameTag || has_same_tag(transcript, first)) {
        let fix = "let the server answer conditional requests with 304, which saves the body";
        findings.push(Finding::new(&rules::NOT_MODIFIED_NEVER, format!("200 for {}", probe.name()), fix));
    }
    for probe in [Probe::SameTag, Probe::OtherTag, Probe::SameDate] {
        if let Some(status) = status(probe).filter(|status| ![200, 304].contains(status)) {
            let fix = "let the server answer conditional requests with 200 or 304";
            findings.push(Finding::new(&rules::ANSWERS_VARY, format!("{status} for {}", probe.name()), fix));
        }
    }
    findings.extend(incomplete_304(transcript, first));
    findings
}

fn has_same_tag(transcript: &Transcript, first: &Answer) -> bool {
    transcript.answer(Probe::SameTag).is_some_and(|answer| answer.field(&ETAG) == first.field(&ETAG))
}

fn incomplete_304(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    let answers = [Probe::SameTag, Probe::SameDate].into_iter().filter_map(|probe| transcript.answer(probe));
    let not_modified = answers.into_iter().find(|answer| answer.status == 304)?;
    let is_missing =
        |name: &&HeaderName| first.fields.contains_key(*name) && !not_modified.fields.contains_key(*name);
    let missing: Vec<_> =
        [&CACHE_CONTROL, &ETAG].into_iter().filter(is_missing).map(|name| spelt(name)).collect();
    (!missing.is_empty()).then(|| {
        let seen = format!("the 304 has no {}", missing.join(" and no "));
        Finding::new(
            &rules::NOT_MODIFIED_BARE,
            seen,
            "send the same Cache-Control and ETag with 304 as with 200",
        )
    })
}

/// The usual spelling of a field name.
fn spelt(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "cache-control" => "Cache-Control",
        "content-length" => "Content-Length",
        "content-type" => "Content-Type",
        "etag" => "ETag",
        _ => "Last-Modified",
    }
}

fn head(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    const FIX: &str = "let the server answer HEAD with the same headers as GET";
    let head = match transcript.outcome(Probe::Head)? {
        Ok(head) => head,
        Err(failure) => {
            return Some(Finding::new(&rules::HEAD_DIFFERS, shortened(&failure.to_string()), FIX));
        }
    };
    if head.status != first.status {
        return Some(Finding::new(&rules::HEAD_DIFFERS, format!("status {}", head.status), FIX));
    }
    // A server may omit fields whose value depends on the body (RFC 9110 section 9.3.2).
    let differs = |name: &&HeaderName| match (head.field(name), first.field(name)) {
        (Some(of_head), Some(of_get)) => of_head != of_get,
        (of_head, of_get) => **name == CONTENT_TYPE && of_head != of_get,
    };
    // What differs between two GETs has a finding already.
    let again = transcript.answer(Probe::Again);
    let is_stable = |name: &&HeaderName| again.is_none_or(|again| again.field(name) == first.field(name));
    let differing: Vec<_> = [&CONTENT_LENGTH, &CONTENT_TYPE, &ETAG, &LAST_MODIFIED]
        .into_iter()
        .filter(|name| differs(name) && is_stable(name))
        .map(|name| {
            let value = |answer: &Answer| {
                answer.field(name).map_or_else(|| "none".to_owned(), |value| shortened(&value))
            };
            format!("{}: {}, but {} with GET", spelt(name), value(head), value(first))
        })
        .collect();
    (!differing.is_empty()).then(|| Finding::new(&rules::HEAD_DIFFERS, differing.join("; "), FIX))
}

/// Checks a response to a request for the one byte at `at`. A 200 with the whole body is valid, too.
fn range(transcript: &Transcript, first: &Answer, probe: Probe, at: u64) -> Option<Finding> {
    let answer = transcript.answer(probe)?;
    let len = first.body.received;
    let seen = match answer.status {
        200 => return None,
        // An empty body has no first byte.
        416 if len == 0 => return None,
        206 => {
            let content_range = answer.field(&CONTENT_RANGE).unwrap_or_else(|| "no Content-Range".to_owned());
            let is_right =
                [format!("bytes {at}-{at}/{len}"), format!("bytes {at}-{at}/*")].contains(&content_range);
            let length = answer.length().filter(|length| *length != 1);
            match length {
                _ if !is_right => format!("{}: {}", probe.name(), shortened(&content_range)),
                Some(length) => format!("{}: Content-Length {length}", probe.name()),
                None => return None,
            }
        }
        status => format!("{}: status {status}", probe.name()),
    };
    Some(Finding::new(
        &rules::RANGE_WRONG,
        seen,
        "let the server handle Range correctly, or ignore it and send 200",
    ))
}

fn sharing(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let vary = first.field(&VARY).unwrap_or_default();
    let is_personal =
        |member: &str| ["user-agent", "cookie", "*"].contains(&&*member.trim().to_ascii_lowercase());
    if vary.split(',').any(is_personal) {
        findings.push(Finding::new(
            &rules::VARY,
            format!("Vary: {}", shortened(&vary)),
            "send no such Vary for media files",
        ));
    }
    if first.fields.contains_key(SET_COOKIE) {
        findings.push(Finding::new(&rules::SET_COOKIE, "Set-Cookie", "set no cookies with media files"));
    }
    let has_version = url_syntax::read(&transcript.link).0.is_some_and(|url| url.has_version());
    if let Some(seen) = cached_answer(first).filter(|_| !has_version) {
        let fix = "purge the cache after each change, or change the link (?v=) with the file";
        findings.push(Finding::new(&rules::CACHE_IN_BETWEEN, seen, fix));
    }
    findings
}

/// The header by which a cache in between announces a cached response.
fn cached_answer(answer: &Answer) -> Option<String> {
    let age = answer.field(&AGE).and_then(|age| age.parse::<u64>().ok()).filter(|age| *age > 0);
    if let Some(age) = age {
        return Some(format!("Age: {age}: cached for {}", HumanSeconds(age)));
    }
    let names = ["x-cache", "cf-cache-status", "cache-status", "x-cache-status"].map(HeaderName::from_static);
    names.iter().find_map(|name| {
        let value = answer.field(name)?;
        value.to_ascii_lowercase().contains("hit").then(|| format!("{name}: {}", shortened(&value)))
    })
}
