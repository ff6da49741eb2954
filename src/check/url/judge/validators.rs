//! What the headers say to caches, and whether the server keeps its word: validators, conditional requests, HEAD and ranges.

use std::time::Duration;

use hyper::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderName, LAST_MODIFIED,
    SET_COOKIE, VARY,
};

use super::super::transcript::{Answer, Probe, Transcript};
use super::{moment, told};
use crate::asset::{CachePolicy, EntityTag, PolicyError, Storage};
use crate::check::Finding;
use crate::check::rules::url_rules as rules;
use crate::whatsapp::{HumanSeconds, url_syntax};

/// Clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);
/// From then on, a date stands for one version (RFC 9110 section 8.8.2.2).
const SETTLED: Duration = Duration::from_mins(1);

pub(super) fn judge(transcript: &Transcript, first: &Answer, is_signed: bool) -> Vec<Finding> {
    let mut findings = headers(transcript, first);
    findings.extend(repeated(transcript, first));
    findings.extend(conditional(transcript, first));
    // What signs a GET is no signature of a HEAD.
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
        findings.push(Finding::new(&rules::ETAG_MALFORMED, told(&tag), "put it in double quotes, once"));
    }
    findings.extend(version(transcript, written.as_deref(), storage));
    findings
}

/// What does not say one thing. Servers of others forbid twice over: what only does that is left alone.
fn cache_control(text: &str, policy: Option<&CachePolicy>) -> Option<Finding> {
    const MEND: &str = "write one of max-age=n (in seconds), no-cache, no-store or private";
    if policy.is_none() {
        return Some(Finding::new(&rules::CACHE_CONTROL_UNCLEAR, told(text), MEND));
    }
    let is_for_no_time = |member: &&str| {
        !["max-age=0", "s-maxage=0"].iter().any(|zero| member.trim().eq_ignore_ascii_case(zero))
    };
    let rest = text.split(',').filter(is_for_no_time).collect::<Vec<_>>().join(",");
    let error = text.parse::<CachePolicy>().err().and_then(|_| rest.parse::<CachePolicy>().err())?;
    let is_unclear = matches!(
        error,
        PolicyError::Contradiction { .. } | PolicyError::Twice(_) | PolicyError::NotSeconds { .. }
    );
    is_unclear.then(|| {
        Finding::new(
            &rules::CACHE_CONTROL_UNCLEAR,
            format!("{}: {}", told(text), told(&error.to_string())),
            MEND,
        )
    })
}

fn date(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    let text = first.field(&LAST_MODIFIED)?;
    let Ok(modified) = httpdate::parse_http_date(&text) else {
        let fix = "write it as HTTP writes dates, such as Sun, 06 Nov 1994 08:49:37 GMT, and once";
        return Some(Finding::new(&rules::DATE_MALFORMED, told(&text), fix));
    };
    if modified > transcript.began + CLOCKS_DIFFER {
        let seen = format!("{}, and now it is {}", told(&text), moment(transcript.began));
        return Some(Finding::new(&rules::DATE_IN_FUTURE, seen, "set the clock, or the file's time (touch)"));
    }
    // By the server's own clock, which made both.
    let answered = httpdate::parse_http_date(&first.field(&DATE)?).ok()?;
    let age = answered.duration_since(modified).ok()?;
    (age < SETTLED).then(|| {
        let seen = format!("changed {} before the answer", HumanSeconds(age.as_secs()));
        let fix = "wait a minute before it is sent: a second change within the same second has the same date";
        Finding::new(&rules::DATE_RECENT, seen, fix)
    })
}

/// A link that means whatever is there now, to a thing that may be another tomorrow.
fn version(transcript: &Transcript, written: Option<&str>, storage: Option<Storage>) -> Option<Finding> {
    let has_version = url_syntax::read(&transcript.link).0.is_some_and(|url| url.has_version());
    let is_immutable = written.is_some_and(|text| text.to_ascii_lowercase().contains("immutable"));
    let for_how_long = match storage {
        Some(Storage::MaxAge(seconds)) if seconds > 600 => {
            format!(
                "kept for up to {} under the older rules, and 10 minutes under the current ones",
                HumanSeconds(seconds.into())
            )
        }
        _ => "kept for 10 minutes by its exact text".to_owned(),
    };
    (!has_version && !is_immutable).then(|| {
        Finding::new(
            &rules::URL_NO_VERSION,
            for_how_long,
            "add ?v= and something that changes with the file, as `wamedia link` does",
        )
    })
}

/// The same question twice.
fn repeated(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let again = match transcript.outcome(Probe::Again) {
        None => return findings,
        Some(Ok(again)) if again.status == 200 => again,
        Some(other) => {
            let seen =
                other.as_ref().map_or_else(ToString::to_string, |answer| format!("status {}", answer.status));
            let fix = "see whether several servers answer, or one that lets few in at a time";
            return vec![Finding::new(&rules::ANSWERS_VARY, format!("first 200, then {}", told(&seen)), fix)];
        }
    };
    let (Some(one), Some(other)) = (first.body.digest, again.body.digest) else { return findings };
    let is_same_body = one == other;
    let same = |name: &HeaderName| Some(first.field(name)? == again.field(name)?);
    match same(&ETAG) {
        Some(true) if !is_same_body && !is_weak(first) => {
            let seen = format!("{}, and the bodies differ", told(&first.field(&ETAG).unwrap_or_default()));
            findings.push(Finding::new(
                &rules::ETAG_LIES,
                seen,
                "make the ETag of the bytes, as `wamedia serve` does",
            ));
        }
        Some(false) if is_same_body => findings.push(unstable_tag(first, again)),
        _ if !is_same_body => {
            let fix = "serve a file that is there, not one that is made for each request; where it has just been changed, check again";
            findings.push(Finding::new(&rules::ANSWERS_VARY, "the second answer has another body", fix));
        }
        _ => findings.extend(other_tag(transcript, first)),
    }
    match same(&LAST_MODIFIED) {
        Some(true) if !is_same_body => findings.push(Finding::new(
            &rules::DATE_LIES,
            told(&first.field(&LAST_MODIFIED).unwrap_or_default()),
            "set it to the time of the change, as file systems do",
        )),
        Some(false) if is_same_body => findings.push(Finding::new(
            &rules::DATE_UNSTABLE,
            format!(
                "{}, then {}",
                told(&first.field(&LAST_MODIFIED).unwrap_or_default()),
                told(&again.field(&LAST_MODIFIED).unwrap_or_default())
            ),
            "give the file the same time on every server (rsync -t), and do not make it anew for each request",
        )),
        _ => {}
    }
    findings
}

fn is_weak(answer: &Answer) -> bool {
    answer.field(&ETAG).is_some_and(|tag| tag.starts_with("W/"))
}

fn unstable_tag(first: &Answer, again: &Answer) -> Finding {
    let tag = |answer: &Answer| told(&answer.field(&ETAG).unwrap_or_default());
    let fix = "where several servers answer, leave the inode out of the ETag, and give the file the same time everywhere";
    Finding::new(&rules::ETAG_UNSTABLE, format!("{}, then {}", tag(first), tag(again)), fix)
}

/// Another tag in one of the answers in between, which came from another server perhaps.
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
        let fix = "let the server compare the ETag, or drop the header on its way in";
        findings.push(Finding::new(
            &rules::NOT_MODIFIED_WRONGLY,
            "304 for If-None-Match with an ETag that it never had",
            fix,
        ));
    }
    let never = [Probe::SameTag, Probe::SameDate].into_iter().find(|probe| status(*probe) == Some(200));
    // A server that cannot keep to one tag has told so.
    if let Some(probe) = never.filter(|probe| *probe != Probe::SameTag || has_same_tag(transcript, first)) {
        let fix = "let the server answer conditional requests with 304, which costs no bytes";
        findings.push(Finding::new(&rules::NOT_MODIFIED_NEVER, format!("200 for {}", probe.name()), fix));
    }
    for probe in [Probe::SameTag, Probe::OtherTag, Probe::SameDate] {
        if let Some(status) = status(probe).filter(|status| ![200, 304].contains(status)) {
            let fix = "answer conditional requests with 200 or 304";
            findings.push(Finding::new(&rules::ANSWERS_VARY, format!("{status} for {}", probe.name()), fix));
        }
    }
    findings.extend(bare(transcript, first));
    findings
}

fn has_same_tag(transcript: &Transcript, first: &Answer) -> bool {
    transcript.answer(Probe::SameTag).is_some_and(|answer| answer.field(&ETAG) == first.field(&ETAG))
}

fn bare(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    let answers = [Probe::SameTag, Probe::SameDate].into_iter().filter_map(|probe| transcript.answer(probe));
    let not_modified = answers.into_iter().find(|answer| answer.status == 304)?;
    let is_missing =
        |name: &&HeaderName| first.fields.contains_key(*name) && !not_modified.fields.contains_key(*name);
    let missing: Vec<_> =
        [&CACHE_CONTROL, &ETAG].into_iter().filter(is_missing).map(|name| proper(name)).collect();
    (!missing.is_empty()).then(|| {
        let seen = format!("the 304 has no {}", missing.join(" and no "));
        Finding::new(
            &rules::NOT_MODIFIED_BARE,
            seen,
            "send the same Cache-Control and ETag with 304 as with 200",
        )
    })
}

/// A field's name as it is written.
fn proper(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "cache-control" => "Cache-Control",
        "content-length" => "Content-Length",
        "content-type" => "Content-Type",
        "etag" => "ETag",
        _ => "Last-Modified",
    }
}

fn head(transcript: &Transcript, first: &Answer) -> Option<Finding> {
    const MEND: &str = "let the server answer HEAD with the head of its GET";
    let head = match transcript.outcome(Probe::Head)? {
        Ok(head) => head,
        Err(failure) => return Some(Finding::new(&rules::HEAD_DIFFERS, told(&failure.to_string()), MEND)),
    };
    if head.status != first.status {
        return Some(Finding::new(&rules::HEAD_DIFFERS, format!("status {}", head.status), MEND));
    }
    // A server may leave out of it what only the body tells (RFC 9110 section 9.3.2).
    let differs = |name: &&HeaderName| match (head.field(name), first.field(name)) {
        (Some(of_head), Some(of_get)) => of_head != of_get,
        (of_head, of_get) => **name == CONTENT_TYPE && of_head != of_get,
    };
    // What differs from one GET to the next has been told of.
    let again = transcript.answer(Probe::Again);
    let is_stable = |name: &&HeaderName| again.is_none_or(|again| again.field(name) == first.field(name));
    let differing: Vec<_> = [&CONTENT_LENGTH, &CONTENT_TYPE, &ETAG, &LAST_MODIFIED]
        .into_iter()
        .filter(|name| differs(name) && is_stable(name))
        .map(|name| {
            let value =
                |answer: &Answer| answer.field(name).map_or_else(|| "none".to_owned(), |value| told(&value));
            format!("{}: {}, with GET {}", proper(name), value(head), value(first))
        })
        .collect();
    (!differing.is_empty()).then(|| Finding::new(&rules::HEAD_DIFFERS, differing.join("; "), MEND))
}

/// One byte that was asked for, at this place. To send everything instead is right.
fn range(transcript: &Transcript, first: &Answer, probe: Probe, at: u64) -> Option<Finding> {
    let answer = transcript.answer(probe)?;
    let len = first.body.received;
    let seen = match answer.status {
        200 => return None,
        // Of nothing, there is no first byte.
        416 if len == 0 => return None,
        206 => {
            let said = answer.field(&CONTENT_RANGE).unwrap_or_else(|| "no Content-Range".to_owned());
            let is_right = [format!("bytes {at}-{at}/{len}"), format!("bytes {at}-{at}/*")].contains(&said);
            let length = answer.length().filter(|length| *length != 1);
            match length {
                _ if !is_right => format!("{}: {}", probe.name(), told(&said)),
                Some(length) => format!("{}: Content-Length {length}", probe.name()),
                None => return None,
            }
        }
        status => format!("{}: status {status}", probe.name()),
    };
    Some(Finding::new(
        &rules::RANGE_WRONG,
        seen,
        "let the server answer ranges itself, or ignore them and send 200",
    ))
}

fn sharing(transcript: &Transcript, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let vary = first.field(&VARY).unwrap_or_default();
    let is_personal =
        |member: &str| ["user-agent", "cookie", "*"].contains(&&*member.trim().to_ascii_lowercase());
    if vary.split(',').any(is_personal) {
        findings.push(Finding::new(&rules::VARY, format!("Vary: {}", told(&vary)), "leave it out for files"));
    }
    if first.fields.contains_key(SET_COOKIE) {
        findings.push(Finding::new(&rules::SET_COOKIE, "Set-Cookie", "set none with files"));
    }
    let has_version = url_syntax::read(&transcript.link).0.is_some_and(|url| url.has_version());
    if let Some(seen) = cached_answer(first).filter(|_| !has_version) {
        let fix = "empty it after each change, or change the link (?v=) with the file";
        findings.push(Finding::new(&rules::CACHE_IN_BETWEEN, seen, fix));
    }
    findings
}

/// How a cache in between says that the answer is out of it.
fn cached_answer(answer: &Answer) -> Option<String> {
    let age = answer.field(&AGE).and_then(|age| age.parse::<u64>().ok()).filter(|age| *age > 0);
    if let Some(age) = age {
        return Some(format!("Age: {age}: it has had it for {}", HumanSeconds(age)));
    }
    let names = ["x-cache", "cf-cache-status", "cache-status", "x-cache-status"].map(HeaderName::from_static);
    names.iter().find_map(|name| {
        let value = answer.field(name)?;
        value.to_ascii_lowercase().contains("hit").then(|| format!("{name}: {}", told(&value)))
    })
}
