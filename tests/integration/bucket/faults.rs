//! Error responses of a bucket: the status and text that a client gets, with nothing of the bucket's own.

use std::time::{Duration, Instant};

use super::{serving, serving_with};
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, any, gets_of, of};
use crate::support::{Response, Server, noise};

fn stored(bytes: &[u8]) -> S3Server {
    let s3 = S3Server::start();
    s3.put("a.jpg", bytes.to_vec(), Meta::default());
    s3
}

/// Requests `/a.jpg`, and verifies that the response contains nothing of the bucket's own.
#[track_caller]
fn ask(server: &Server, method: &str, fields: &[(&str, &str)]) -> Response {
    let response = server.request(method, "/a.jpg", fields);
    for (name, _) in &response.fields {
        assert!(!name.starts_with("x-amz-") && name != "server", "{response:?}");
    }
    if response.status >= 400 {
        assert_eq!(response.field("cache-control"), "no-store", "{response:?}");
        assert_eq!(response.field("content-type"), "text/plain; charset=utf-8", "{response:?}");
        for word in ["media", "s3://", "127.0.0.1", "planned"] {
            assert!(!response.text().contains(word), "clients do not learn the reason: {}", response.text());
        }
    }
    response
}

#[test]
fn a_transient_error_is_retried() {
    for fault in [Fault::SLOW_DOWN, Fault::INTERNAL_ERROR, Fault::HangUp] {
        for times in [1, 2] {
            for method in ["GET", "HEAD"] {
                let s3 = stored(b"right");
                let server = serving(&s3);
                s3.fault(of("a.jpg"), fault.clone(), times);
                let response = ask(&server, method, &[]);
                assert_eq!(response.status, 200, "{fault:?} {times} {method}");
                assert!(method == "HEAD" || response.text() == "right");
                assert_eq!(s3.count(of("a.jpg")), times + 1, "{fault:?} {method}");
            }
        }
    }
}

#[test]
fn a_lasting_error_is_retried_twice() {
    for (fault, status) in [
        (Fault::SLOW_DOWN, 503),
        (Fault::INTERNAL_ERROR, 503),
        (Fault::Error(429, "SlowDown"), 503),
        (Fault::HangUp, 502),
    ] {
        let s3 = stored(b"right");
        let mut server = serving(&s3);
        s3.fault(of("a.jpg"), fault.clone(), FOREVER);
        for method in ["GET", "HEAD"] {
            s3.clear();
            let response = ask(&server, method, &[]);
            assert_eq!(response.status, status, "{fault:?} {method}");
            assert_eq!(response.has("retry-after"), status == 503, "{response:?}");
            assert_eq!(s3.count(of("a.jpg")), 3, "{fault:?} {method}");
        }
        let text = if status == 503 { "is unavailable" } else { "does not answer" };
        server.wait_for_line(&format!("s3://media {text}: "));
        s3.heal();
        assert_eq!(ask(&server, "GET", &[]).text(), "right", "an error is not cached");
    }
}

/// Errors that the operator must fix: no retry, and never a missing asset.
#[test]
fn an_error_that_needs_a_fix_is_a_502_and_the_log_names_the_fix() {
    let table: &[(Fault, &str)] = &[
        (Fault::Elsewhere("eu-west-1"), "the bucket is in the region eu-west-1; set AWS_REGION=eu-west-1"),
        (Fault::TIME_TOO_SKEWED, "clocks"),
        (Fault::EXPIRED_TOKEN, "the session token has expired; get new credentials"),
        (Fault::WRONG_SIGNATURE, "check AWS_SECRET_ACCESS_KEY"),
        (Fault::NO_SUCH_BUCKET, "there is no bucket of this name"),
        (Fault::NoLength, "a.jpg: s3://media cannot be read: its response cannot be used"),
        (Fault::NO_ETAG, "a.jpg: s3://media cannot be read: it has no ETag"),
    ];
    for (fault, words) in table {
        let s3 = stored(b"right");
        let mut server = serving(&s3);
        s3.fault(of("a.jpg"), fault.clone(), FOREVER);
        s3.clear();
        assert_eq!(ask(&server, "GET", &[]).status, 502, "{fault:?}");
        assert_eq!(s3.count(of("a.jpg")), 1, "{fault:?}: a retry does not help");
        server.wait_for_line(words);
        for (method, fields) in
            [("HEAD", &[][..]), ("GET", &[("range", "bytes=1-2")]), ("GET", &[("if-none-match", "\"x\"")])]
        {
            let response = ask(&server, method, fields);
            assert_eq!(response.status, 502, "{fault:?} {method} {fields:?}");
            assert!(!response.has("etag"), "{response:?}");
        }
        s3.heal();
        assert_eq!(ask(&server, "GET", &[]).text(), "right", "{fault:?}: an error is not cached");
    }
}

#[test]
fn access_denied_to_one_key_is_a_404_and_logged() {
    let s3 = stored(b"right");
    s3.put("b.jpg", "other", Meta::default());
    let mut server = serving_with(&s3, &[], "fresh = 0");
    s3.fault(of("a.jpg"), Fault::ACCESS_DENIED, FOREVER);
    for method in ["GET", "HEAD"] {
        assert_eq!(ask(&server, method, &[]).status, 404, "{method}");
        assert_eq!(server.get("/b.jpg").text(), "other");
    }
    server.wait_for_line("a.jpg: s3://media denies access, so the response is 404");
    s3.heal();
    assert_eq!(ask(&server, "GET", &[]).text(), "right");
}

/// Any client can request one, so it must not count as an outage, in which others would get stale assets.
#[test]
fn a_key_that_no_object_can_have_is_not_an_outage() {
    let s3 = stored(b"right");
    let mut server = serving(&s3);
    let long = format!("/{}.jpg", "long/".repeat(300));
    assert_eq!(server.get(&long).status, 404);
    assert!(s3.requests().is_empty(), "no request is needed");
    s3.fault(of("a.jpg"), Fault::Error(400, "KeyTooLongError"), FOREVER);
    for method in ["GET", "HEAD"] {
        assert!(matches!(ask(&server, method, &[]).status, 404 | 502), "{method}");
    }
    assert!(
        !server.lines().iter().any(|line| line.contains("rejects our requests")),
        "{:#?}",
        server.lines()
    );
}

#[test]
fn a_bucket_that_does_not_respond_is_a_504_within_the_timeout() {
    let s3 = stored(b"right");
    let mut server = serving_with(
        &s3,
        &[("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "200ms"), ("WAMEDIA_UPSTREAM_TIMEOUT", "700ms")],
        "",
    );
    let gate = s3.hold(of("a.jpg"));
    for method in ["GET", "HEAD"] {
        let start = Instant::now();
        assert_eq!(ask(&server, method, &[]).status, 504, "{method}");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(3), "{took:?}");
        // No request is left waiting at the bucket.
        gate.wait_for(0);
    }
    server.wait_for_line("s3://media does not answer: no response within");
    gate.release();
    assert_eq!(ask(&server, "GET", &[]).text(), "right");
}

#[test]
fn an_object_without_a_date_is_sent_without_one() {
    let s3 = stored(b"right");
    let server = serving_with(&s3, &[], "fresh = 0");
    s3.fault(any, Fault::NO_LAST_MODIFIED, FOREVER);
    for _ in 0..2 {
        let response = ask(&server, "GET", &[]);
        assert!(matches!(response.status, 200 | 502), "{response:?}");
        if response.status == 200 {
            assert_eq!(response.text(), "right");
            assert!(!response.has("last-modified"), "{response:?}");
        }
    }
}

#[test]
fn content_encodings_are_passed_on_except_aws_chunked() {
    let s3 = S3Server::start();
    let server = serving_with(&s3, &[("WAMEDIA_MEMORY_CACHE", "8 MiB")], "");
    let bytes = noise(2000, 1);
    for (number, (stored, sent)) in [
        (Some("gzip"), Some("gzip")),
        (Some("aws-chunked"), None),
        (Some("gzip,aws-chunked"), Some("gzip")),
        (None, None),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("{number}.txt");
        let meta = Meta { content_encoding: stored.map(str::to_owned), ..Meta::default() };
        s3.put(&key, bytes.clone(), meta);
        for method in ["GET", "HEAD", "GET"] {
            let response = server.request(method, &format!("/{key}"), &[]);
            assert_eq!(response.status, 200, "{stored:?}");
            assert_eq!(response.has("content-encoding").then(|| response.field("content-encoding")), sent);
            assert!(method == "HEAD" || response.body == bytes, "sent as it is stored: {stored:?}");
        }
    }
}

/// Header fields of the bucket itself, in successful responses.
#[test]
fn no_header_of_the_bucket_leaks() {
    let s3 = stored(b"right");
    let server = serving_with(&s3, &[], "fresh = 0");
    let faults = ["x-amz-id-2", "x-amz-request-id", "x-amz-version-id", "x-amz-meta-colour", "server"];
    s3.fault(gets_of("a.jpg"), faults.map(|name| Fault::Set(name, "leak")).to_vec(), FOREVER);
    s3.fault(of("a.jpg"), faults.map(|name| Fault::Set(name, "leak")).to_vec(), FOREVER);
    for (method, fields) in [
        ("HEAD", &[][..]),
        ("GET", &[]),
        ("GET", &[("range", "bytes=1-2")]),
        ("GET", &[("range", "bytes=9-")]),
        ("GET", &[("if-none-match", "*")]),
        ("GET", &[("if-match", "\"x\"")]),
    ] {
        let response = ask(&server, method, fields);
        assert!(!response.fields.iter().any(|(_, value)| value.contains("leak")), "{response:?}");
    }
}
