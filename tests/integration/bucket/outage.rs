//! A bucket outage: cached assets are served, others are errors, and the log reports the outage once.

use std::time::{Duration, Instant};

use super::serving_with;
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, any, of};
use crate::support::{Server, eventually};

/// The longest time for a cached asset, except for the first request.
const AT_ONCE: Duration = Duration::from_secs(1);

const CLOCKS: &[(&str, &str)] = &[
    ("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "200ms"),
    ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_TIMEOUT", "800ms"),
];

/// `/a.jpg` is cached, `/b.jpg` is not.
fn scene(mount: &str) -> (S3Server, Server) {
    let s3 = S3Server::start();
    s3.put("a.jpg", "the first", Meta::default());
    s3.put("b.jpg", "another", Meta::default());
    let server = serving_with(&s3, CLOCKS, mount);
    assert_eq!(server.get("/a.jpg").text(), "the first");
    (s3, server)
}

fn lines_with(server: &mut Server, part: &str) -> usize {
    server.lines().iter().filter(|line| line.contains(part)).count()
}

/// Requests a cached asset until the server has noticed that the bucket does not answer.
#[track_caller]
fn until_noticed(server: &mut Server) {
    eventually("the outage is logged", || {
        let response = server.get("/a.jpg");
        assert_eq!((response.status, response.text()), (200, "the first"));
        (lines_with(server, "does not answer") > 0).then_some(())
    });
}

#[test]
fn cached_assets_are_served_during_an_outage() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    s3.go_down();
    until_noticed(&mut server);
    for _ in 0..50 {
        let start = Instant::now();
        let response = server.get("/a.jpg");
        assert_eq!((response.status, response.text()), (200, "the first"));
        for (method, fields) in
            [("HEAD", &[][..]), ("GET", &[("range", "bytes=4-")]), ("GET", &[("if-none-match", "*")])]
        {
            let response = server.request(method, "/a.jpg", fields);
            assert!(matches!(response.status, 200 | 206 | 304), "{method} {fields:?}: {response:?}");
        }
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    }
    for _ in 0..2 {
        assert_eq!(server.get("/b.jpg").status, 502, "an outage does not look like missing media");
    }
    // A link to the next version gets the cached one, and no cache may store it.
    let response = server.get("/a.jpg?v=0123456789abcdef");
    assert_eq!((response.status, response.text()), (200, "the first"));
    assert_eq!(response.field("cache-control"), "no-cache");

    s3.put("a.jpg", "the second", Meta::default());
    s3.come_back();
    let start = Instant::now();
    eventually("the new version is sent", || (server.get("/a.jpg").text() == "the second").then_some(()));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(server.get("/b.jpg").text(), "another");
    server.wait_for_line("s3://media answers again after ");
    assert_eq!(lines_with(&mut server, "s3://media does not answer: "), 1, "it is logged once");
    assert_eq!(lines_with(&mut server, "answers again"), 1);
}

#[test]
fn cached_assets_are_served_while_the_bucket_does_not_respond() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    let gate = s3.hold(any);
    until_noticed(&mut server);
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(server.get("/a.jpg").text(), "the first");
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    }
    assert_eq!(server.get("/b.jpg").status, 504);
    s3.put("a.jpg", "the second", Meta::default());
    gate.release();
    eventually("the new version is sent", || (server.get("/a.jpg").text() == "the second").then_some(()));
    server.wait_for_line("answers again");
}

#[test]
fn cached_assets_are_served_while_the_bucket_rejects_us() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    s3.fault(any, Fault::EXPIRED_TOKEN, FOREVER);
    eventually("the outage is logged", || {
        assert_eq!(server.get("/a.jpg").text(), "the first");
        (lines_with(&mut server, "s3://media rejects our requests: ") > 0).then_some(())
    });
    assert_eq!(server.get("/b.jpg").status, 502);
    s3.put("a.jpg", "the second", Meta::default());
    s3.heal();
    eventually("the new version is sent", || (server.get("/a.jpg").text() == "the second").then_some(()));
    server.wait_for_line("answers again");
    assert_eq!(lines_with(&mut server, "rejects our requests"), 1);
}

#[test]
fn nothing_is_served_for_longer_than_stale_if_error() {
    for (mount, may_stand_in) in [("stale_if_error = 0", false), ("stale_if_error = \"2s\"", true)] {
        let (s3, mut server) = scene(&format!("fresh = \"100ms\"\n{mount}"));
        s3.go_down();
        if may_stand_in {
            until_noticed(&mut server);
        }
        let start = Instant::now();
        eventually("it is not served any more", || {
            let response = server.get("/a.jpg");
            assert!(response.status == 502 || response.text() == "the first", "{response:?}");
            (response.status == 502).then_some(())
        });
        assert!(start.elapsed() < Duration::from_secs(6), "{mount}: {:?}", start.elapsed());
        s3.come_back();
        assert_eq!(server.get("/a.jpg").text(), "the first", "{mount}");
    }
}

/// An outage does not make an asset missing: only the bucket's own 404 does.
#[test]
fn a_removed_object_is_missing_once_the_bucket_is_back() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    s3.go_down();
    until_noticed(&mut server);
    s3.remove("a.jpg");
    s3.come_back();
    let status = eventually("it is requested", || {
        let response = server.get("/a.jpg");
        (response.status != 200).then_some(response.status)
    });
    assert_eq!(status, 404);
}

#[test]
fn a_web_server_in_place_of_the_bucket_does_not_make_media_missing() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    // As a proxy in front of an absent store does: 404 without an error code.
    s3.fault(any, Fault::Error(404, ""), FOREVER);
    eventually("the outage is logged", || {
        assert_eq!(server.get("/a.jpg").text(), "the first");
        (lines_with(&mut server, "it answers 404 without an S3 error code") > 0).then_some(())
    });
    assert_eq!(server.get("/b.jpg").status, 502);
    assert_eq!(server.request("HEAD", "/b.jpg", &[]).status, 502);
    s3.heal();
    eventually("it is back", || (server.get("/b.jpg").text() == "another").then_some(()));
}

#[test]
fn one_unreadable_object_is_not_an_outage() {
    let (s3, mut server) = scene("fresh = \"100ms\"");
    s3.fault(of("b.jpg"), Fault::Error(403, "InvalidObjectState"), FOREVER);
    assert_eq!(server.get("/b.jpg").status, 502);
    server
        .wait_for_line("b.jpg: s3://media cannot be read: the response is 403 Forbidden, InvalidObjectState");
    s3.put("a.jpg", "the second", Meta::default());
    eventually("other objects are still requested", || {
        (server.get("/a.jpg").text() == "the second").then_some(())
    });
    assert_eq!(lines_with(&mut server, "rejects our requests"), 0);
}
