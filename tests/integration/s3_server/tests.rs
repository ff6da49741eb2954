//! Tests of the S3 server itself: it behaves like S3, and misbehaves as planned. Requests are signed here by hand, so that the
//! server is not tested with the client that is tested with it.

use std::io::{self, BufRead, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{ACCESS_KEY, BUCKET, FOREVER, Fault, Meta, REGION, S3Server, SECRET, any, gets_of, heads_of, of};
use crate::support::aws_signature::Signer;
use crate::support::{Client, Response, eventually, noise};

/// A client with valid credentials.
fn right() -> Signer<'static> {
    Signer { access_key: ACCESS_KEY, secret: SECRET, region: REGION, now: SystemTime::now() }
}

/// Sends the head of a correctly signed request.
fn send(client: &mut Client, method: &str, target: &str, fields: &[(&str, &str)]) {
    client.send(right().head(method, target, fields));
}

/// Reads the response to a request other than HEAD.
#[track_caller]
fn receive(client: &mut Client) -> Response {
    let mut response = client.head().expect("a response head");
    client.body(&mut response);
    response
}

#[track_caller]
fn ask(server: &S3Server, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
    let mut client = Client::new(server.address());
    send(&mut client, method, target, fields);
    if method == "HEAD" { client.head().expect("a response head") } else { receive(&mut client) }
}

#[track_caller]
fn get(server: &S3Server, fields: &[(&str, &str)]) -> Response {
    ask(server, "GET", "/media/a.jpg", fields)
}

/// The code in an error's XML; empty if there is none.
fn code(response: &Response) -> &str {
    let code = response.text().split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or("", |(code, _)| code)
}

fn with(bytes: impl Into<bytes::Bytes>) -> S3Server {
    let server = S3Server::start();
    server.put("a.jpg", bytes, Meta::typed("image/jpeg"));
    server
}

#[test]
fn only_the_right_signature_is_accepted() {
    let server = with("abc");
    let hours_ago = SystemTime::now() - Duration::from_hours(2);
    for (signer, status, expected) in [
        (right(), 200, ""),
        (Signer { secret: "wrong", ..right() }, 403, "SignatureDoesNotMatch"),
        (Signer { access_key: "AKIDOTHER", ..right() }, 403, "InvalidAccessKeyId"),
        (Signer { now: hours_ago, ..right() }, 403, "RequestTimeTooSkewed"),
    ] {
        let mut client = Client::new(server.address());
        client.send(signer.head("GET", "/media/a.jpg", &[]));
        let response = receive(&mut client);
        assert_eq!((response.status, code(&response)), (status, expected));
    }
    let mut client = Client::new(server.address());
    let response = client.request("GET", "/media/a.jpg", &[]);
    assert_eq!((response.status, code(&response)), (403, "AccessDenied"));
    assert_eq!(
        server.requests().iter().map(|seen| seen.signed).collect::<Vec<_>>(),
        [true, true, true, true, false]
    );
}

#[test]
fn an_object_is_sent_as_it_was_put() {
    let server = S3Server::start();
    let bytes = noise(300_001, 1);
    let modified = UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
    let meta = Meta {
        cache_control: Some("no-cache".to_owned()),
        content_disposition: Some("inline".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        user: vec![("colour".to_owned(), "blue".to_owned())],
        modified: Some(modified),
        ..Meta::typed("image/jpeg")
    };
    server.put("a b/ü.jpg", bytes.clone(), meta);
    for method in ["GET", "HEAD"] {
        let response = ask(&server, method, "/media/a%20b/%C3%BC.jpg", &[]);
        assert_eq!(response.status, 200);
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("content-length", "300001"),
            ("cache-control", "no-cache"),
            ("content-disposition", "inline"),
            ("content-encoding", "gzip"),
            ("x-amz-meta-colour", "blue"),
            ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(response.field(name), value, "{method}");
        }
        assert!(method == "HEAD" || response.body == bytes);
    }
    assert_eq!(server.requests()[0].key, "a b/ü.jpg");
    assert_eq!(server.put("a.jpg", "abc", Meta::default()), "\"900150983cd24fb0d6963f7d28e17f72\"");
    let response = get(&server, &[]);
    assert_eq!(response.field("etag"), "\"900150983cd24fb0d6963f7d28e17f72\"");
    assert_eq!(response.field("content-type"), "binary/octet-stream");
    let etag = Some("abc-2".to_owned());
    assert_eq!(server.put("a.jpg", "abc", Meta { etag, ..Meta::default() }), "\"abc-2\"");
    assert_eq!(get(&server, &[]).field("etag"), "\"abc-2\"");
}

#[test]
fn objects_can_be_written_and_listed() {
    let server = S3Server::start();
    let mut client = Client::new(server.address());
    let fields = [
        ("content-length", "5"),
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("x-amz-meta-a", "b"),
    ];
    // A header of that kind must be signed, which these are not: S3 would reject it, s3s does not.
    send(&mut client, "PUT", "/media/folder/b.txt", &fields);
    client.send("hello");
    let put = receive(&mut client);
    assert_eq!((put.status, put.field("etag")), (200, "\"5d41402abc4b2a76b9719d911017c592\""));
    let response = ask(&server, "GET", "/media/folder/b.txt", &[]);
    assert_eq!((response.text(), response.field("content-type")), ("hello", "text/plain"));
    assert_eq!((response.field("cache-control"), response.field("x-amz-meta-a")), ("no-store", "b"));

    for key in ["folder/a.txt", "folder/c.txt", "other.txt"] {
        server.put(key, key.to_owned(), Meta::default());
    }
    let list = |query: &str| ask(&server, "GET", &format!("/media?{query}"), &[]).text().to_owned();
    let keys = |xml: &str| -> Vec<String> {
        xml.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
    };
    assert_eq!(keys(&list("list-type=2")), ["folder/a.txt", "folder/b.txt", "folder/c.txt", "other.txt"]);
    assert_eq!(keys(&list("list-type=2&prefix=o")), ["other.txt"]);
    let first = list("list-type=2&max-keys=2&prefix=folder%2F");
    assert_eq!(keys(&first), ["folder/a.txt", "folder/b.txt"]);
    assert!(first.contains("<IsTruncated>true<"), "{first}");
    let rest = list("continuation-token=folder%2Fb.txt&list-type=2&prefix=folder%2F");
    assert_eq!(keys(&rest), ["folder/c.txt"]);
    assert!(rest.contains("<IsTruncated>false<"), "{rest}");

    assert_eq!(ask(&server, "HEAD", "/media", &[]).status, 200);
    assert_eq!(ask(&server, "HEAD", "/others", &[]).status, 404);
    assert_eq!(ask(&server, "DELETE", "/media/other.txt", &[]).status, 204);
    assert!(server.remove("folder/a.txt") && !server.remove("folder/a.txt"));
    for (target, expected) in [
        ("/media/other.txt", "NoSuchKey"),
        ("/media/folder/a.txt", "NoSuchKey"),
        ("/others/a.txt", "NoSuchBucket"),
    ] {
        let response = ask(&server, "GET", target, &[]);
        assert_eq!((response.status, code(&response)), (404, expected), "{target}");
        assert_eq!(response.field("content-type"), "application/xml");
    }
    assert_eq!(ask(&server, "HEAD", "/media/other.txt", &[]).status, 404);
}

#[test]
fn conditions_are_honoured() {
    let server = S3Server::start();
    // Fractions of a second play no part, in a comparison either.
    let modified = UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
    let meta = Meta {
        modified: Some(modified),
        cache_control: Some("no-cache".to_owned()),
        etag: Some("now".to_owned()),
        ..Meta::default()
    };
    server.put("a.jpg", "abc", meta);
    let (before, then) = ("Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:20 GMT");
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[("if-match", "\"now\"")], 200),
        (&[("if-match", "\"then\"")], 412),
        (&[("if-match", "\"then\", \"now\"")], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "W/\"now\"")], 412),
        (&[("if-none-match", "\"now\"")], 304),
        (&[("if-none-match", "W/\"now\"")], 304),
        (&[("if-none-match", "\"then\"")], 200),
        (&[("if-none-match", "\"then\",\"now\"")], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-modified-since", before)], 200),
        (&[("if-modified-since", then)], 304),
        (&[("if-unmodified-since", before)], 412),
        (&[("if-unmodified-since", then)], 200),
        // A tag takes precedence over a date.
        (&[("if-match", "\"now\""), ("if-unmodified-since", before)], 200),
        (&[("if-none-match", "\"then\""), ("if-modified-since", then)], 200),
        (&[("if-none-match", "\"now\""), ("if-modified-since", before)], 304),
        // A condition is evaluated before a range.
        (&[("if-match", "\"then\""), ("range", "bytes=9-")], 412),
        (&[("if-match", "\"now\""), ("range", "bytes=1-1")], 206),
    ];
    for (fields, status) in rows {
        for method in ["GET", "HEAD"] {
            if *status == 206 && method == "HEAD" {
                continue;
            }
            let response = ask(&server, method, "/media/a.jpg", fields);
            assert_eq!(response.status, *status, "{method} {fields:?}");
            match status {
                304 => {
                    assert_eq!(response.field("etag"), "\"now\"");
                    assert_eq!(response.field("last-modified"), then);
                    assert_eq!(response.field("cache-control"), "no-cache");
                    assert!(!response.has("content-type") && !response.has("content-length"), "{response:?}");
                }
                412 if method == "GET" => assert_eq!(code(&response), "PreconditionFailed"),
                _ => {}
            }
        }
    }
    // The connection continues after a 304 and similar responses.
    let mut client = Client::new(server.address());
    for (condition, status) in [("\"now\"", 304), ("\"then\"", 200)] {
        send(&mut client, "GET", "/media/a.jpg", &[("if-none-match", condition)]);
        let response = receive(&mut client);
        assert_eq!(response.status, status);
    }
}

#[test]
fn ranges_are_honoured() {
    let server = with("0123456789");
    for (range, part, expected) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=8-", "bytes 8-9/10", "89"),
        ("bytes=8-99", "bytes 8-9/10", "89"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
    ] {
        let response = get(&server, &[("range", range)]);
        assert_eq!((response.status, response.field("content-range")), (206, part), "{range}");
        assert_eq!(response.text(), expected, "{range}");
    }
    server.put("empty", "", Meta::default());
    for (target, range) in [
        ("/media/a.jpg", "bytes=10-"),
        ("/media/a.jpg", "bytes=-0"),
        ("/media/empty", "bytes=0-"),
        ("/media/empty", "bytes=-1"),
    ] {
        let response = ask(&server, "GET", target, &[("range", range)]);
        assert_eq!((response.status, code(&response)), (416, "InvalidRange"), "{target} {range}");
    }
    let response = ask(&server, "GET", "/media/empty", &[]);
    assert_eq!((response.status, response.field("content-length")), (200, "0"));
}

#[test]
fn requests_are_recorded() {
    let server = with("abc");
    get(&server, &[]);
    get(&server, &[("if-none-match", "\"x\""), ("range", "bytes=1-")]);
    get(&server, &[("if-match", "\"x\"")]);
    ask(&server, "HEAD", "/media/a.jpg", &[]);
    ask(&server, "GET", "/media/b.jpg?x=y", &[]);
    let counts = [server.gets("a.jpg"), server.heads("a.jpg"), server.unconditional_gets("a.jpg")];
    assert_eq!(counts, [3, 1, 1]);
    assert_eq!(server.count(any), 5);
    let seen = server.requests();
    assert_eq!(seen[1].if_none_match.as_deref(), Some("\"x\""));
    assert_eq!(seen[1].range.as_deref(), Some("bytes=1-"));
    assert_eq!(seen[2].if_match.as_deref(), Some("\"x\""));
    assert_eq!((seen[4].bucket.as_str(), seen[4].query.as_deref()), (BUCKET, Some("x=y")));
    server.clear();
    assert!(server.requests().is_empty());
    let environment = server.environment();
    assert!(environment.contains(&("AWS_ENDPOINT_URL", format!("http://{}", server.address()))));
}

#[test]
fn errors_are_injected_as_planned() {
    let server = with("0123456789");
    let refusals = [
        (Fault::SLOW_DOWN, 503, "SlowDown"),
        (Fault::INTERNAL_ERROR, 500, "InternalError"),
        (Fault::ACCESS_DENIED, 403, "AccessDenied"),
        (Fault::TIME_TOO_SKEWED, 403, "RequestTimeTooSkewed"),
        (Fault::WRONG_SIGNATURE, 403, "SignatureDoesNotMatch"),
        (Fault::EXPIRED_TOKEN, 400, "ExpiredToken"),
        (Fault::NO_SUCH_BUCKET, 404, "NoSuchBucket"),
        (Fault::Elsewhere("eu-west-1"), 301, "PermanentRedirect"),
    ];
    // One after the other, each as often as planned.
    for (fault, ..) in &refusals {
        server.fault(gets_of("a.jpg"), fault.clone(), 2);
    }
    for (fault, status, expected) in refusals {
        for _ in 0..2 {
            assert_eq!(ask(&server, "HEAD", "/media/a.jpg", &[]).status, 200);
            let response = get(&server, &[]);
            assert_eq!((response.status, code(&response)), (status, expected), "{fault:?}");
            assert_eq!(response.has("x-amz-bucket-region"), status == 301);
            assert_eq!(response.field("content-type"), "application/xml");
        }
    }
    assert_eq!(get(&server, &[]).status, 200);
    server.fault(heads_of("a.jpg"), Fault::SLOW_DOWN, FOREVER);
    for _ in 0..3 {
        assert_eq!(ask(&server, "HEAD", "/media/a.jpg", &[]).status, 503);
    }
    assert_eq!(ask(&server, "HEAD", "/media/b.jpg", &[]).status, 404);
    server.heal();
    assert_eq!(ask(&server, "HEAD", "/media/a.jpg", &[]).status, 200);
}

#[test]
fn heads_are_changed_as_planned() {
    let server = with("0123456789");
    server.fault(any, [Fault::NO_ETAG, Fault::NO_LAST_MODIFIED, Fault::Set("x-extra", "1")], 1);
    let response = get(&server, &[]);
    assert!(!response.has("etag") && !response.has("last-modified"), "{response:?}");
    assert_eq!((response.field("x-extra"), response.text()), ("1", "0123456789"));

    server.fault(any, Fault::IgnoreRange, 1);
    let response = get(&server, &[("range", "bytes=2-4")]);
    assert_eq!((response.status, response.text()), (200, "0123456789"));
    assert!(!response.has("content-range"), "{response:?}");
    assert_eq!(get(&server, &[("range", "bytes=2-4")]).status, 206);

    server.fault(any, Fault::IgnoreConditions, 2);
    assert_eq!(get(&server, &[("if-match", "\"x\"")]).status, 200);
    assert_eq!(get(&server, &[("if-none-match", "*")]).status, 200);
    assert_eq!(get(&server, &[("if-none-match", "*")]).status, 304);

    server.fault(any, Fault::NoLength, 2);
    let mut client = Client::new(server.address());
    send(&mut client, "GET", "/media/a.jpg", &[("connection", "close")]);
    let head = client.head().expect("a head");
    assert!(!head.has("content-length"), "{head:?}");
    assert_eq!(head.field("transfer-encoding"), "chunked");
    assert_eq!(client.read_to_end(), b"A\r\n0123456789\r\n0\r\n\r\n");
    let head = ask(&server, "HEAD", "/media/a.jpg", &[]);
    assert!(head.status == 200 && !head.has("content-length"), "{head:?}");
}

/// Reads a body to its early end, and returns the number of bytes and how it ended.
fn cut(server: &S3Server) -> (usize, Option<io::ErrorKind>) {
    let mut client = Client::new(server.address());
    send(&mut client, "GET", "/media/a.jpg", &[]);
    let head = client.head().expect("a head");
    assert_eq!((head.status, head.field("content-length")), (200, "3000000"));
    let mut body = Vec::new();
    let end = client.stream.read_to_end(&mut body);
    (body.len(), end.err().map(|e| e.kind()))
}

#[test]
fn bodies_are_cut_as_planned() {
    let bytes = noise(3_000_000, 2);
    let server = with(bytes.clone());
    assert_eq!(get(&server, &[]).body, bytes);
    // The last is more than the buffers between take at once.
    for after in [0, 1, 70_000, 2_999_999] {
        server.fault(any, Fault::ResetAfter(after), 1);
        server.fault(any, Fault::CloseAfter(after), 1);
        let after = usize::try_from(after).expect("small");
        assert_eq!(cut(&server), (after, Some(io::ErrorKind::ConnectionReset)));
        assert_eq!(cut(&server), (after, None));
    }
    server.fault(any, Fault::HangUp, 1);
    let mut client = Client::new(server.address());
    send(&mut client, "GET", "/media/a.jpg", &[]);
    assert_eq!(client.head().expect_err("no head").kind(), io::ErrorKind::ConnectionReset);

    server.fault(any, Fault::StallAfter(100_000), 1);
    let mut client = Client::new(server.address());
    send(&mut client, "GET", "/media/a.jpg", &[]);
    client.head().expect("a head");
    let mut part = vec![0; 100_000];
    client.stream.read_exact(&mut part).expect("a part");
    assert!(part == bytes[..100_000]);
    client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    assert!(client.stream.fill_buf().is_err_and(|e| crate::support::is_timeout(&e)));
}

#[test]
fn responses_are_delayed_as_planned() {
    let server = with("0123456789");
    server.fault(any, Fault::Delay(Duration::from_millis(60)), 1);
    server.fault(any, Fault::Dribble(2, Duration::from_millis(15)), 1);
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(get(&server, &[]).text(), "0123456789");
        assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
    }
}

#[test]
fn responses_are_held_until_they_are_released() {
    let server = with(noise(200_000, 3));
    let head = server.hold(of("a.jpg"));
    let mut clients: Vec<_> = (0..3).map(|_| Client::new(server.address())).collect();
    for client in &mut clients {
        send(client, "GET", "/media/a.jpg", &[]);
    }
    head.wait_for(3);
    assert_eq!(server.gets("a.jpg"), 3);
    assert!(clients.iter_mut().all(Client::is_silent));
    // Other requests are not held, and a client that disconnects is not held any longer.
    assert_eq!(ask(&server, "GET", "/media/b.jpg", &[]).status, 404);
    clients.pop();
    head.wait_for(2);
    // A held request sees the bucket as it is when the request is released.
    server.put("a.jpg", noise(200_000, 4), Meta::default());
    let body = server.hold_after(150_000, of("a.jpg"));
    // Too late for the held requests, and in time for the next.
    server.fault(any, Fault::NO_ETAG, 1);
    head.release_one();
    eventually("one is released", || clients.iter_mut().any(|client| !client.is_silent()).then_some(()));
    head.wait_for(1);
    drop(head);
    for client in &mut clients {
        let response = receive(client);
        assert!(response.has("etag") && response.body == noise(200_000, 4));
    }

    let mut client = Client::new(server.address());
    send(&mut client, "GET", "/media/a.jpg", &[]);
    body.wait_for(1);
    let mut response = client.head().expect("a head");
    assert!(!response.has("etag"), "{response:?}");
    let mut part = vec![0; 150_000];
    client.stream.read_exact(&mut part).expect("a part");
    assert!(client.is_silent());
    // A response that has begun keeps its version.
    server.put("a.jpg", "another", Meta::default());
    body.release();
    response.fields.retain(|(name, _)| name != "content-length");
    response.fields.push(("content-length".to_owned(), "50000".to_owned()));
    client.body(&mut response);
    assert!([part, response.body].concat() == noise(200_000, 4));
}

#[test]
fn the_server_goes_down_and_comes_back() {
    let server = with("abc");
    let gate = server.hold(of("a.jpg"));
    let (mut idle, mut held) = (Client::new(server.address()), Client::new(server.address()));
    send(&mut idle, "GET", "/media/b.jpg", &[]);
    receive(&mut idle);
    send(&mut held, "GET", "/media/a.jpg", &[]);
    gate.wait_for(1);
    for _ in 0..3 {
        server.go_down();
        let refused = TcpStream::connect(server.address()).expect_err("connection refused");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        server.come_back();
        assert_eq!(ask(&server, "GET", "/media/b.jpg", &[]).status, 404);
    }
    assert_eq!(held.head().expect_err("no head").kind(), io::ErrorKind::ConnectionReset);
    assert!(idle.is_closed());
    gate.release();
    assert_eq!(get(&server, &[]).text(), "abc");
    // Open connections are closed, too.
    let mut idle = Client::new(server.address());
    send(&mut idle, "GET", "/media/b.jpg", &[]);
    receive(&mut idle);
    drop(server);
    assert!(idle.is_closed());
}
