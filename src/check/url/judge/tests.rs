//! Each finding: a transcript that has it, and one that just misses it.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::super::transcript::{
    Answer, Body, BodyEnd, Certificate, ChainFault, Exchange, Failure, Handshake, Probe, Transcript,
};
use super::judge;
use crate::asset::Digest;
use crate::check::Finding;
use crate::whatsapp::Kind;

const LEN: u64 = 10;
const GOOD: [(&str, &str); 5] = [
    ("content-type", "image/jpeg"),
    ("content-length", "10"),
    ("cache-control", "max-age=60"),
    ("etag", "\"a\""),
    ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
];
const LINK: &str = "https://media.example.com/a.jpg?v=1";

fn now() -> SystemTime {
    humantime::parse_rfc3339("2026-11-21T12:00:00Z").expect("a time")
}

/// A response with these fields and the others of `GOOD`; an empty value removes a field.
fn answer(status: u16, changes: &[(&'static str, &str)]) -> Answer {
    let mut fields = HeaderMap::new();
    for (name, value) in GOOD.iter().chain(changes) {
        let name = HeaderName::from_static(name);
        match value {
            &"" => drop(fields.remove(name)),
            value => drop(fields.insert(name, HeaderValue::from_str(value).expect("a value"))),
        }
    }
    let body = Body { received: LEN, digest: Some(Digest::new([1; 32])), end: BodyEnd::Complete };
    Answer { status, fields, first_byte: Duration::from_millis(20), body }
}

/// The transcript of a server without any problem.
fn transcript(link: &str) -> Transcript {
    let byte = |range: &'static str| answer(206, &[("content-range", range), ("content-length", "1")]);
    let exchanges = [
        (Probe::Fetch, answer(200, &[])),
        (Probe::OtherAgent, answer(200, &[])),
        (Probe::NoAgent, answer(200, &[])),
        (Probe::Head, answer(200, &[])),
        (Probe::FirstByte, byte("bytes 0-0/10")),
        (Probe::LastByte, byte("bytes 9-9/10")),
        (Probe::Compressed, answer(200, &[])),
        (Probe::SameTag, answer(304, &[("content-length", "")])),
        (Probe::OtherTag, answer(200, &[])),
        (Probe::SameDate, answer(304, &[("content-length", "")])),
        (Probe::Again, answer(200, &[])),
    ];
    Transcript {
        link: link.to_owned(),
        began: now(),
        addresses: vec!["157.240.1.1".parse().expect("an address")],
        dead_addresses: Vec::new(),
        handshake: Some(Handshake { chain: vec![certificate(90)], fault: None }),
        exchanges: exchanges.map(|(probe, answer)| Exchange { probe, outcome: Ok(answer) }).into(),
        leads_to: None,
    }
}

fn certificate(days_left: u64) -> Certificate {
    Certificate {
        subject: "CN=media.example.com".to_owned(),
        issuer: "CN=R1".to_owned(),
        names: vec!["media.example.com".to_owned()],
        not_before: now() - Duration::from_hours(24),
        not_after: now() + Duration::from_secs(days_left * 86400),
    }
}

fn set(transcript: &mut Transcript, probe: Probe, answer: Answer) {
    let exchange = transcript
        .exchanges
        .iter_mut()
        .find(|exchange| exchange.probe == probe)
        .expect("the probe is in the transcript");
    exchange.outcome = Ok(answer);
}

/// The good transcript, with these fields changed in every 200.
fn with(changes: &[(&'static str, &str)]) -> Transcript {
    let mut transcript = transcript(LINK);
    for probe in [
        Probe::Fetch,
        Probe::OtherAgent,
        Probe::NoAgent,
        Probe::Head,
        Probe::Compressed,
        Probe::OtherTag,
        Probe::Again,
    ] {
        set(&mut transcript, probe, answer(200, changes));
    }
    transcript
}

fn with_answer(probe: Probe, answer: Answer) -> Transcript {
    let mut transcript = transcript(LINK);
    set(&mut transcript, probe, answer);
    transcript
}

/// A transcript whose only request failed.
fn failing(failure: Failure) -> Transcript {
    let exchanges = vec![Exchange { probe: Probe::Fetch, outcome: Err(failure) }];
    Transcript { exchanges, ..transcript(LINK) }
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

#[track_caller]
fn check(what: &str, transcript: &Transcript, expected: &[&str]) {
    let findings = judge(transcript, None);
    assert_eq!(ids(&findings), expected, "{what}: {findings:#?}");
    for finding in &findings {
        assert!(!finding.seen.is_empty() && !finding.fix.is_empty(), "{what}: {finding:?}");
    }
}

#[test]
fn a_correct_server_has_no_findings() {
    check("good", &transcript(LINK), &[]);
}

#[test]
fn links_have_findings() {
    let long = |len: usize| format!("{LINK}&{}", "x".repeat(len - LINK.len() - 1));
    for (link, expected) in [
        ("https://media.example.com/a b.jpg?v=1", &["url-malformed"][..]),
        ("https://media.example.com/a.jpg?v=1&amp;w=2", &["url-malformed"]),
        ("ftp://media.example.com/a.jpg", &["url-malformed"]),
        ("null", &["url-malformed"]),
        ("https://media.example.com/M\u{e4}rz.jpg?v=1", &["url-not-ascii"]),
        ("https://media.example.com/M%C3%A4rz.jpg?v=1", &[]),
        ("https://m\u{fc}nchen.de/a.jpg?v=1", &["url-malformed"]),
        ("https://xn--mnchen-3ya.de/a.jpg?v=1", &[]),
        ("https://media.example.com/null?v=1", &["url-placeholder"]),
        ("https://media.example.com/undefined.jpg?v=1", &["url-placeholder"]),
        ("https://media.example.com/nullable.jpg?v=1", &[]),
        ("https://anna:secret@media.example.com/a.jpg?v=1", &["url-credentials"]),
        ("https://media.example.com/a@b.jpg?v=1", &[]),
        ("https://media.example.com/a.jpg?v=1#page", &["url-fragment"]),
        ("https://media.example.com/a%23b.jpg?v=1", &[]),
        ("https://media.example.com:8443/a.jpg?v=1", &["url-port"]),
        ("https://media.example.com:443/a.jpg?v=1", &[]),
        ("http://media.example.com/a.jpg?v=1", &["url-plain-http"]),
        (&long(2049), &["url-long"]),
        (&long(2048), &[]),
        ("https://scontent.whatsapp.net/a.jpg?v=1", &["url-of-meta"]),
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", &["url-of-meta"]),
        ("https://lookaside.example.com/a.jpg?v=1", &[]),
        ("https://localhost/a.jpg?v=1", &["host-not-public"]),
        ("https://nas.local/a.jpg?v=1", &["host-not-public"]),
        ("https://media.example.com/a.jpg", &["url-no-version"]),
        ("https://media.example.com/a.jpg?Expires=1795262399&Signature=a", &["url-expired"]),
        ("https://media.example.com/a.jpg?Expires=1795263299&Signature=a", &["url-expires-soon"]),
        ("https://media.example.com/a.jpg?Expires=1795263300&Signature=a", &[]),
        ("https://media.example.com/a.jpg?X-Amz-Date=20261121T114000Z&X-Amz-Expires=600", &["url-expired"]),
        ("https://media.example.com/a.jpg?X-Amz-Date=20261121T115900Z&X-Amz-Expires=3600", &[]),
        ("https://media.example.com/a.jpg?se=2026-11-21T12%3A10Z&sig=x", &["url-expires-soon"]),
    ] {
        check(link, &transcript(link), expected);
    }
}

#[test]
fn addresses_and_certificates_have_findings() {
    let at = |address: &str| vec![address.parse::<IpAddr>().expect("an address")];
    let good = || transcript(LINK);
    let untrusted = |fault| Some(Handshake { chain: vec![certificate(90)], fault: Some(fault) });
    let ending = |days| Some(Handshake { chain: vec![certificate(days), certificate(90)], fault: None });
    let beside = |days| Some(Handshake { chain: vec![certificate(90), certificate(days)], fault: None });
    let gone = Certificate { not_after: now() - Duration::from_hours(1), ..certificate(1) };
    let over = Some(Handshake { chain: vec![certificate(13), gone], fault: None });
    for (what, transcript, expected) in [
        ("private", Transcript { addresses: at("10.0.0.1"), ..good() }, &["address-not-public"][..]),
        ("documentation", Transcript { addresses: at("192.0.2.1"), ..good() }, &["address-not-public"]),
        ("public", Transcript { addresses: at("11.0.0.1"), ..good() }, &[]),
        ("v4 in v6", Transcript { addresses: at("::ffff:157.240.1.1"), ..good() }, &[]),
        ("v6 only", Transcript { addresses: at("2a03:2880::1"), ..good() }, &["address-ipv6-only"]),
        ("both", Transcript { addresses: [at("2a03:2880::1"), at("157.240.1.1")].concat(), ..good() }, &[]),
        (
            "one dead",
            Transcript { dead_addresses: vec![(at("2a03:2880::1")[0], "refused".to_owned())], ..good() },
            &["address-dead"],
        ),
        ("expired", Transcript { handshake: untrusted(ChainFault::Expired), ..good() }, &["tls-expired"]),
        (
            "early",
            Transcript { handshake: untrusted(ChainFault::NotYetValid), ..good() },
            &["tls-not-yet-valid"],
        ),
        ("name", Transcript { handshake: untrusted(ChainFault::WrongName), ..good() }, &["tls-wrong-name"]),
        ("self", Transcript { handshake: untrusted(ChainFault::SelfSigned), ..good() }, &["tls-self-signed"]),
        (
            "chain",
            Transcript { handshake: untrusted(ChainFault::Incomplete), ..good() },
            &["tls-chain-incomplete"],
        ),
        (
            "root",
            Transcript { handshake: untrusted(ChainFault::UnknownIssuer), ..good() },
            &["tls-unknown-authority"],
        ),
        (
            "other",
            Transcript { handshake: untrusted(ChainFault::Other("odd".to_owned())), ..good() },
            &["tls-untrusted"],
        ),
        ("13 days", Transcript { handshake: ending(13), ..good() }, &["tls-expires-soon"]),
        ("14 days", Transcript { handshake: ending(14), ..good() }, &[]),
        ("13 days for another", Transcript { handshake: beside(13), ..good() }, &[]),
        ("another is over", Transcript { handshake: over, ..good() }, &["tls-expires-soon"]),
        ("no DNS", failing(Failure::Lookup("unknown".to_owned())), &["host-unknown"]),
        ("refused", failing(Failure::Connect("refused".to_owned())), &["unreachable"]),
        ("timeout", failing(Failure::ConnectTimeout), &["unreachable"]),
        ("no TLS", failing(Failure::Tls("alert".to_owned())), &["tls-failed"]),
        (
            "stopped at the certificate",
            Transcript {
                handshake: untrusted(ChainFault::SelfSigned),
                ..failing(Failure::Tls("x".to_owned()))
            },
            &["tls-self-signed"],
        ),
        ("no response", failing(Failure::HeadTimeout), &["no-answer"]),
        ("cut", failing(Failure::Closed("reset".to_owned())), &["no-answer"]),
        ("endless", failing(Failure::HeadTooLarge), &["head-too-large"]),
        ("ssh", failing(Failure::Malformed("version".to_owned())), &["not-http"]),
    ] {
        check(what, &transcript, expected);
    }
}

#[test]
fn statuses_have_findings_and_metas_error_text() {
    const NONE: Option<&str> = None;
    for (status, expected, webhook) in [
        (401, "status-authentication", NONE),
        (403, "status-forbidden", Some("http code 403, status message Forbidden")),
        (404, "status-not-found", Some("http code 404, status message Not Found")),
        (410, "status-not-found", NONE),
        (429, "status-too-many", Some("http code 429, status message Too Many Requests")),
        (500, "status-server-error", Some("http code 500, status message Internal Server Error")),
        (502, "status-server-error", NONE),
        (204, "status-other", NONE),
        (206, "status-other", NONE),
        (418, "status-other", NONE),
        (
            302,
            "redirect",
            Some("Unsupported Image mime type image/jpeg. Please use one of image/png, image/jpeg."),
        ),
    ] {
        let mut transcript = transcript(LINK);
        for exchange in &mut transcript.exchanges {
            exchange.outcome = Ok(answer(status, &[]));
        }
        let findings = judge(&transcript, None);
        assert_eq!(ids(&findings), [expected], "{status}");
        let text = findings[0].webhook.as_deref();
        assert!(
            webhook.map_or(text.is_none(), |part| text.is_some_and(|text| text.ends_with(part))),
            "{text:?}"
        );
        assert_eq!(findings[0].rule.code, Some(131_053));
    }
}

#[test]
fn types_and_bodies_have_findings() {
    let body = |end| {
        let mut transcript = transcript(LINK);
        let mut first = answer(200, &[]);
        first.body = Body { received: 4, digest: None, end };
        transcript.exchanges = vec![Exchange { probe: Probe::Fetch, outcome: Ok(first) }];
        transcript
    };
    let late = |seconds| {
        with_answer(Probe::Fetch, Answer { first_byte: Duration::from_secs(seconds), ..answer(200, &[]) })
    };
    let same_for_all = |value: &'static str| with(&[("content-type", value)]);
    let compressed = |kind: &'static str| {
        let mut transcript = same_for_all(kind);
        set(&mut transcript, Probe::Compressed, answer(200, &[("content-encoding", "gzip")]));
        transcript
    };
    for (what, transcript, expected) in [
        ("no type", same_for_all(""), &["type-missing"][..]),
        ("odd type", same_for_all("jpeg"), &["type-malformed"]),
        ("two types", same_for_all("image/jpeg, image/jpeg"), &["type-malformed"]),
        ("HTML", same_for_all("text/html; charset=utf-8"), &["type-of-page"]),
        ("JSON", same_for_all("application/json"), &["type-of-page"]),
        ("text", same_for_all("text/plain; charset=utf-8"), &[]),
        ("charset", same_for_all("image/jpeg; charset=utf-8"), &["type-parameters"]),
        ("ogg", same_for_all("audio/ogg"), &["type-ogg-without-codec"]),
        ("opus", same_for_all("audio/ogg; codecs=opus"), &[]),
        ("opus, quoted", same_for_all("audio/ogg;codecs=\"opus\""), &[]),
        ("vorbis", same_for_all("audio/ogg; codecs=vorbis"), &["type-parameters"]),
        ("no length", with(&[("content-length", "")]), &["length-missing"]),
        ("short", body(BodyEnd::Short("end of file".to_owned())), &["body-short"]),
        ("slow", body(BodyEnd::OutOfTime), &["body-slow"]),
        ("endless", body(BodyEnd::TooLarge), &["body-too-large"]),
        ("6 s", late(6), &["slow-first-byte"]),
        ("5 s", late(5), &[]),
        ("gzip", with(&[("content-encoding", "gzip")]), &["encoded-unasked"]),
        ("identity", with(&[("content-encoding", "identity")]), &[]),
        ("gzip, asked", compressed("image/jpeg"), &["encoded-on-request"]),
        ("gzip of text", compressed("text/plain"), &[]),
        ("a WAF", with_answer(Probe::NoAgent, answer(403, &[])), &["agent-dependent"]),
        (
            "another type",
            with_answer(Probe::OtherAgent, answer(200, &[("content-type", "image/webp")])),
            &["agent-dependent"],
        ),
    ] {
        check(what, &transcript, expected);
    }
    let page = same_for_all("text/html");
    assert_eq!(ids(&judge(&page, Some(Kind::Document))), Vec::<&str>::new());
    let findings = judge(&page, Some(Kind::Video));
    let details = "Unsupported Video mime type text/html. Please use one of video/3gpp, video/mp4.";
    assert_eq!(findings[0].webhook.as_deref(), Some(details));
}

#[test]
fn caching_headers_have_findings() {
    const NO_DATE: (&str, &str) = ("last-modified", "");
    const NO_TAG: (&str, &str) = ("etag", "");
    let control = |value: &'static str| with(&[("cache-control", value)]);
    let since = |date| with(&[("last-modified", date), ("date", "Sat, 21 Nov 2026 12:00:00 GMT")]);
    for (what, transcript, expected) in [
        (
            "tag alone",
            with(&[("cache-control", ""), NO_DATE]),
            &["cache-unpredictable", "not-modified-bare"][..],
        ),
        ("date alone", with(&[("cache-control", ""), NO_TAG]), &["cache-headers-missing"]),
        ("tag and date", with(&[("cache-control", "")]), &["cache-headers-missing"]),
        ("none", with(&[("cache-control", ""), NO_DATE, NO_TAG]), &["cache-headers-missing"]),
        ("undecided", control("public"), &["cache-control-unclear"]),
        ("contradiction", control("no-cache, max-age=60"), &["cache-control-unclear"]),
        ("twice", control("max-age=60, max-age=90"), &["cache-control-unclear"]),
        ("words", control("max-age=soon"), &["cache-control-unclear"]),
        ("belt and braces", control("no-store, no-cache, must-revalidate, max-age=0"), &[]),
        ("usual", control("public, max-age=31536000, immutable"), &[]),
        ("no-cache", control("no-cache"), &[]),
        ("no-cache, no date", with(&[("cache-control", "no-cache"), NO_DATE]), &["no-cache-without-date"]),
        ("tomorrow", with(&[("last-modified", "Sun, 22 Nov 2026 12:00:00 GMT")]), &["date-in-future"]),
        ("in 5 minutes", with(&[("last-modified", "Sat, 21 Nov 2026 12:05:00 GMT")]), &[]),
        ("no date", with(&[("last-modified", "2026-11-21")]), &["date-malformed"]),
        (
            "no-cache, no date that is one",
            with(&[("cache-control", "no-cache"), ("last-modified", "0")]),
            &["no-cache-without-date", "date-malformed"],
        ),
        ("59 s ago", since("Sat, 21 Nov 2026 11:59:01 GMT"), &["date-recent"]),
        ("60 s ago", since("Sat, 21 Nov 2026 11:59:00 GMT"), &[]),
        ("a bare tag", with(&[("etag", "abc")]), &["etag-malformed"]),
        ("vary", with(&[("vary", "Accept-Encoding, User-Agent")]), &["vary"]),
        ("vary, harmless", with(&[("vary", "Accept-Encoding")]), &[]),
        ("cookie", with(&[("set-cookie", "a=b")]), &["set-cookie"]),
    ] {
        let mut transcript = transcript;
        // A probe that needs a missing header is not sent.
        let first = transcript.answer(Probe::Fetch).expect("it is there").clone();
        let has = |name: &str| first.fields.contains_key(name);
        transcript.exchanges.retain(|exchange| match exchange.probe {
            Probe::SameTag | Probe::OtherTag => has("etag"),
            Probe::SameDate => has("last-modified"),
            _ => true,
        });
        for probe in [Probe::SameTag, Probe::SameDate] {
            if transcript.answer(probe).is_some() && what != "tag alone" {
                set(&mut transcript, probe, Answer { status: 304, ..first.clone() });
            }
        }
        if what == "tag alone" {
            set(
                &mut transcript,
                Probe::SameTag,
                Answer { status: 304, fields: HeaderMap::new(), ..first.clone() },
            );
        }
        check(what, &transcript, expected);
    }
    for (fields, expected) in [
        (&[("age", "60")][..], &["url-no-version", "cache-in-between"][..]),
        (&[("age", "0")], &["url-no-version"]),
        (&[("x-cache", "Hit from cloudfront")], &["url-no-version", "cache-in-between"]),
        (&[("x-cache", "MISS")], &["url-no-version"]),
        (&[("cache-control", "max-age=60, immutable")], &[]),
    ] {
        let transcript = Transcript { link: "https://media.example.com/a.jpg".to_owned(), ..with(fields) };
        check(&format!("{fields:?}"), &transcript, expected);
    }
}

#[test]
fn inconsistent_responses_have_findings() {
    let other_body = |fields: &[(&'static str, &str)]| {
        let mut again = answer(200, fields);
        again.body.digest = Some(Digest::new([2; 32]));
        with_answer(Probe::Again, again)
    };
    let weak = || {
        let mut transcript = with(&[("etag", "W/\"a\"")]);
        let mut again =
            answer(200, &[("etag", "W/\"a\""), ("last-modified", "Mon, 07 Nov 1994 08:49:37 GMT")]);
        again.body.digest = Some(Digest::new([2; 32]));
        set(&mut transcript, Probe::Again, again);
        set(&mut transcript, Probe::SameTag, answer(304, &[]));
        transcript
    };
    let at = |probe, status, fields: &[(&'static str, &str)]| with_answer(probe, answer(status, fields));
    let later = ("last-modified", "Mon, 07 Nov 1994 08:49:37 GMT");
    for (what, transcript, expected) in [
        ("one tag, two bodies", other_body(&[later]), &["etag-lies"][..]),
        ("one tag, one date, two bodies", other_body(&[]), &["etag-lies", "date-lies"]),
        ("a change", other_body(&[("etag", "\"b\""), later]), &["answers-vary"]),
        ("a weak tag says less", weak(), &["answers-vary"]),
        ("two tags, one body", at(Probe::Again, 200, &[("etag", "\"b\"")]), &["etag-unstable"]),
        ("another tag in between", at(Probe::NoAgent, 200, &[("etag", "\"b\"")]), &["etag-unstable"]),
        ("two dates, one body", at(Probe::Again, 200, &[later]), &["date-unstable"]),
        ("gone", at(Probe::Again, 404, &[]), &["answers-vary"]),
        ("304 for any tag", at(Probe::OtherTag, 304, &[]), &["not-modified-wrongly"]),
        ("200 for the same tag", at(Probe::SameTag, 200, &[]), &["not-modified-never"]),
        ("200 for the same date", at(Probe::SameDate, 200, &[]), &["not-modified-never"]),
        ("412", at(Probe::SameTag, 412, &[]), &["answers-vary"]),
        ("a bare 304", at(Probe::SameTag, 304, &[("cache-control", "")]), &["not-modified-bare"]),
        ("a 304 without its date", at(Probe::SameTag, 304, &[("last-modified", "")]), &[]),
        ("HEAD 405", at(Probe::Head, 405, &[]), &["head-differs"]),
        ("HEAD of another length", at(Probe::Head, 200, &[("content-length", "11")]), &["head-differs"]),
        ("HEAD without a length", at(Probe::Head, 200, &[("content-length", "")]), &[]),
        ("HEAD without a type", at(Probe::Head, 200, &[("content-type", "")]), &["head-differs"]),
        (
            "another part",
            at(Probe::FirstByte, 206, &[("content-range", "bytes 0-1/10"), ("content-length", "2")]),
            &["range-wrong"],
        ),
        ("too many bytes", at(Probe::FirstByte, 206, &[("content-range", "bytes 0-0/10")]), &["range-wrong"]),
        (
            "the wrong end",
            at(Probe::LastByte, 206, &[("content-range", "bytes 0-0/10"), ("content-length", "1")]),
            &["range-wrong"],
        ),
        (
            "of unknown length",
            at(Probe::LastByte, 206, &[("content-range", "bytes 9-9/*"), ("content-length", "1")]),
            &[],
        ),
        ("416", at(Probe::LastByte, 416, &[]), &["range-wrong"]),
        ("no ranges", at(Probe::FirstByte, 200, &[]), &[]),
    ] {
        check(what, &transcript, expected);
    }
    // The signature of a GET is not valid for a HEAD.
    let mut signed = transcript("https://media.example.com/a.jpg?X-Amz-Signature=0");
    set(&mut signed, Probe::Head, answer(403, &[]));
    check("a signed link", &signed, &[]);
}

#[test]
fn long_server_text_is_shortened() {
    let transcript = with(&[("content-type", &"x".repeat(60_000))]);
    let findings = judge(&transcript, None);
    assert!(findings.iter().all(|finding| finding.seen.len() < 1000), "{findings:?}");
}

proptest! {
    #[test]
    fn no_response_makes_it_panic(
        link in "https?://[a-z.:@\\[\\]0-9]{0,12}/[ -~\u{e4}]{0,20}",
        values in proptest::collection::vec("[ -~]{0,24}", 10),
        status in 200_u16..600,
        far in 0_u64..u64::MAX / 2,
    ) {
        const NAMES: [&str; 10] = [
            "content-type", "cache-control", "etag", "last-modified", "content-length", "content-range", "location", "age",
            "vary", "content-encoding",
        ];
        let fields: Vec<_> = NAMES.iter().zip(&values).map(|(name, value)| (*name, value.as_str())).collect();
        let mut transcript = Transcript { link: format!("{link}?Expires={far}"), ..with(&fields) };
        set(&mut transcript, Probe::SameTag, answer(status, &fields));
        let _ = judge(&transcript, None);
        set(&mut transcript, Probe::Fetch, answer(status, &fields));
        let _ = judge(&transcript, None);
    }
}
