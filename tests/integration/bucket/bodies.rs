//! Responses from a bucket that break off, or whose object is replaced: a body is of one version, or it is cut.

use std::io::Read;

use super::{begun, finish, serving_with};
use crate::s3_server::{FOREVER, Fault, Gate, Meta, S3Server, Seen, gets_of};
use crate::support::{Response, Server, noise};

/// The first fits into the cache, the second does not.
const SMALL: usize = 500_000;
const LARGE: usize = 3 << 20;

/// A cache whose largest body is between the two lengths.
const SETTINGS: &[(&str, &str)] = &[("WAMEDIA_MEMORY_CACHE", "8 MiB")];
/// The same, with a bucket that may pause for one second only.
const IMPATIENT: &[(&str, &str)] =
    &[("WAMEDIA_MEMORY_CACHE", "8 MiB"), ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "1s")];

const GET: &str = "GET /a.mp4 HTTP/1.1\r\nHost: test\r\n\r\n";

struct Scene {
    s3: S3Server,
    server: Server,
    bytes: Vec<u8>,
    tag: String,
}

fn scene(len: usize) -> Scene {
    scene_with(len, SETTINGS)
}

fn scene_with(len: usize, settings: &[(&str, &str)]) -> Scene {
    let (s3, bytes) = (S3Server::start(), noise(len, 1));
    let tag = s3.put("a.mp4", bytes.clone(), Meta::default());
    let server = serving_with(&s3, settings, "");
    Scene { s3, server, bytes, tag }
}

impl Scene {
    /// Puts another version of the same length, and returns it with its tag.
    fn replace(&self) -> (Vec<u8>, String) {
        let bytes = noise(self.bytes.len(), 2);
        let tag = self.s3.put("a.mp4", bytes.clone(), Meta::default());
        (bytes, tag)
    }

    /// Holds the requests for the rest of a body that broke off.
    fn hold_rests(&self) -> Gate {
        self.s3.hold(is_part)
    }

    #[track_caller]
    fn get(&self, fields: &[(&str, &str)]) -> Response {
        let response = self.server.request("GET", "/a.mp4", fields);
        assert!(!response.fields.iter().any(|(name, _)| name.starts_with("x-amz-")), "{response:?}");
        response
    }

    /// The new version is sent from now on.
    #[track_caller]
    fn sends(&self, bytes: &[u8], tag: &str) {
        let response = self.get(&[]);
        assert_eq!((response.status, response.field("etag")), (200, tag));
        assert!(response.complete && response.body == bytes);
    }

    /// The body of this response was cut, and the bytes so far are right.
    #[track_caller]
    fn was_cut(&mut self, response: &Response, tag: &str, bytes: &[u8]) {
        assert_eq!(response.field("etag"), tag);
        assert!(!response.complete, "{} bytes", response.body.len());
        assert!(bytes.starts_with(&response.body), "a wrong byte was sent");
        let line = self.server.wait_for_line("\"GET /a.mp4 HTTP/1.1\"");
        assert!(line.contains(" cut "), "{line}");
    }
}

fn is_part(seen: &Seen) -> bool {
    seen.range.is_some()
}

#[test]
fn a_body_that_breaks_off_is_resumed() {
    for len in [SMALL, LARGE] {
        for fault in [Fault::ResetAfter(200_000), Fault::CloseAfter(200_000)] {
            let scene = scene(len);
            scene.s3.fault(gets_of("a.mp4"), fault.clone(), 1);
            scene.sends(&scene.bytes, &scene.tag);
            let seen: Vec<_> = scene.s3.requests().into_iter().filter(gets_of("a.mp4")).collect();
            assert_eq!(seen.len(), 2, "{len} {fault:?}");
            assert_eq!(seen[0].range, None);
            assert_eq!(seen[1].if_match.as_deref(), Some(&*scene.tag), "{len} {fault:?}");
            let range = seen[1].range.as_deref().and_then(|range| range.strip_prefix("bytes="));
            let (start, end) = range.and_then(|range| range.split_once('-')).expect("a range");
            let start: usize = start.parse().expect("a number");
            assert!(start > 0 && start <= 200_000, "{len} {fault:?}: {range:?}");
            assert_eq!(end, (len - 1).to_string());
        }
    }
}

#[test]
fn a_body_that_stalls_is_resumed() {
    for len in [SMALL, LARGE] {
        let scene = scene_with(len, IMPATIENT);
        scene.s3.fault(gets_of("a.mp4"), Fault::StallAfter(200_000), 1);
        scene.sends(&scene.bytes, &scene.tag);
        let rests: Vec<_> = scene.s3.requests().into_iter().filter(is_part).collect();
        assert!(!rests.is_empty(), "{len}");
        assert!(rests.iter().all(|seen| seen.if_match.as_deref() == Some(&*scene.tag)), "{rests:?}");
    }
}

#[test]
fn a_body_that_breaks_off_often_but_makes_progress_arrives() {
    for len in [SMALL, LARGE] {
        let scene = scene(len);
        let step = u64::try_from(len / 7).expect("small");
        scene.s3.fault(gets_of("a.mp4"), Fault::ResetAfter(step), 3);
        scene.s3.fault(gets_of("a.mp4"), Fault::CloseAfter(step), 3);
        scene.sends(&scene.bytes, &scene.tag);
        assert_eq!(scene.s3.gets("a.mp4"), 7, "{len}");
    }
}

#[test]
fn a_part_that_breaks_off_is_resumed() {
    let scene = scene(LARGE);
    assert_eq!(scene.server.request("HEAD", "/a.mp4", &[]).status, 200);
    scene.s3.fault(is_part, Fault::ResetAfter(100_000), 1);
    let response = scene.get(&[("range", "bytes=1000000-1999999")]);
    assert_eq!((response.status, response.field("etag")), (206, &*scene.tag));
    assert!(response.complete && response.body == scene.bytes[1_000_000..2_000_000]);
    let seen = scene.s3.requests();
    let last = seen.last().expect("requests");
    assert!(last.range.as_deref().is_some_and(|range| range.ends_with("-1999999")), "{last:?}");
    assert_eq!(last.if_match.as_deref(), Some(&*scene.tag));
}

#[test]
fn a_body_that_breaks_off_without_progress_is_cut() {
    for len in [SMALL, LARGE] {
        // A few bytes each time are no progress.
        for again in [Fault::ResetAfter(0), Fault::CloseAfter(1000), Fault::HangUp, Fault::SLOW_DOWN] {
            let mut scene = scene(len);
            scene.s3.fault(gets_of("a.mp4"), Fault::ResetAfter(100_000), 1);
            scene.s3.fault(gets_of("a.mp4"), again.clone(), FOREVER);
            let response = scene.get(&[]);
            let (tag, bytes) = (scene.tag.clone(), scene.bytes.clone());
            scene.was_cut(&response, &tag, &bytes);
            assert_eq!(response.status, 200);
            assert!(scene.s3.gets("a.mp4") <= 4, "{again:?}: {} tries", scene.s3.gets("a.mp4"));
            scene.s3.heal();
            scene.sends(&bytes, &tag);
        }
    }
}

#[test]
fn an_object_that_is_replaced_while_it_is_sent_is_cut_and_then_sent_anew() {
    for len in [SMALL, LARGE] {
        // A bucket that ignores If-Match is detected by the tag of its response.
        for heeds in [true, false] {
            let mut scene = scene(len);
            scene.s3.fault(gets_of("a.mp4"), Fault::ResetAfter(200_000), 1);
            if !heeds {
                scene.s3.fault(is_part, Fault::IgnoreConditions, FOREVER);
            }
            let gate = scene.hold_rests();
            let mut client = begun(&scene.server, GET);
            // What the client does not read is not read from the bucket either.
            let mut response = client.head().expect("a head");
            let mut first = vec![0; 100_000];
            client.stream.read_exact(&mut first).expect("a part");
            gate.wait_for(1);
            let (bytes, tag) = scene.replace();
            gate.release();
            client.stream.read_to_end(&mut first).ok();
            (response.complete, response.body) = (first.len() == len, first);
            let (old_bytes, old_tag) = (scene.bytes.clone(), scene.tag.clone());
            scene.was_cut(&response, &old_tag, &old_bytes);
            scene.sends(&bytes, &tag);
        }
    }
}

#[test]
fn an_object_that_is_removed_while_it_is_sent_is_cut_and_then_missing() {
    for len in [SMALL, LARGE] {
        let mut scene = scene(len);
        scene.s3.fault(gets_of("a.mp4"), Fault::ResetAfter(200_000), 1);
        let gate = scene.hold_rests();
        let mut client = begun(&scene.server, GET);
        gate.wait_for(1);
        scene.s3.remove("a.mp4");
        gate.release();
        let response = finish(&mut client);
        let (bytes, tag) = (scene.bytes.clone(), scene.tag.clone());
        scene.was_cut(&response, &tag, &bytes);
        assert_eq!(scene.get(&[]).status, 404, "{len}");
    }
}

#[test]
fn a_part_of_a_replaced_object_is_one_of_the_new_version() {
    for heeds in [true, false] {
        let scene = scene(LARGE);
        assert_eq!(scene.server.request("HEAD", "/a.mp4", &[]).field("etag"), scene.tag);
        let (bytes, tag) = scene.replace();
        if !heeds {
            scene.s3.fault(gets_of("a.mp4"), Fault::IgnoreConditions, FOREVER);
        }
        // The cached metadata is still fresh, so only the request with If-Match can detect the change.
        let response = scene.get(&[("range", "bytes=1000000-1000999")]);
        assert_eq!((response.status, response.field("etag")), (206, &*tag), "heeds: {heeds}");
        assert!(response.body == bytes[1_000_000..1_001_000]);
    }
}

#[test]
fn a_part_of_an_object_that_became_shorter_is_past_its_end() {
    for heeds in [true, false] {
        let scene = scene(LARGE);
        assert_eq!(scene.server.request("HEAD", "/a.mp4", &[]).field("etag"), scene.tag);
        scene.s3.put("a.mp4", "short", Meta::default());
        if !heeds {
            scene.s3.fault(gets_of("a.mp4"), Fault::IgnoreConditions, FOREVER);
        }
        let response = scene.get(&[("range", "bytes=1000000-1000999")]);
        assert_eq!((response.status, response.field("content-range")), (416, "bytes */5"), "heeds: {heeds}");
    }
}

#[test]
fn a_download_is_not_resumed_with_another_version() {
    let scene = scene(LARGE);
    scene.sends(&scene.bytes, &scene.tag);
    let (bytes, tag) = scene.replace();
    let response = scene.get(&[("range", "bytes=1000-"), ("if-range", &scene.tag)]);
    assert_eq!((response.status, response.field("etag")), (200, &*tag));
    assert!(response.complete && response.body == bytes);
}

#[test]
fn several_parts_are_of_one_version_or_cut() {
    let scene = scene(LARGE);
    assert_eq!(scene.server.request("HEAD", "/a.mp4", &[]).status, 200);
    let second = scene.s3.hold(|seen| seen.range.as_deref() == Some("bytes=2000000-2000999"));
    let request = GET.replace("\r\n\r\n", "\r\nRange: bytes=1000-1999,2000000-2000999\r\n\r\n");
    let mut client = begun(&scene.server, &request);
    second.wait_for(1);
    let (bytes, tag) = scene.replace();
    second.release();
    let response = finish(&mut client);
    assert_eq!((response.status, response.field("etag")), (206, &*scene.tag));
    assert!(!response.complete);
    let has = |part: &[u8]| response.body.windows(part.len()).any(|window| window == part);
    assert!(has(&scene.bytes[1000..2000]) && !has(&bytes[2_000_000..2_000_100]));
    scene.sends(&bytes, &tag);
}

#[test]
fn a_bucket_that_ignores_ranges_never_causes_wrong_bytes() {
    let mut scene = scene(LARGE);
    let (bytes, tag) = (scene.bytes.clone(), scene.tag.clone());
    scene.s3.fault(is_part, Fault::IgnoreRange, FOREVER);
    // The object is cached by now, so only the part is requested.
    assert_eq!(scene.server.request("HEAD", "/a.mp4", &[]).status, 200);
    let response = scene.get(&[("range", "bytes=1000-1999")]);
    assert_eq!(response.status, 502);
    scene.server.wait_for_line("\"GET /a.mp4 HTTP/1.1\" 502");
    // A request for the whole has no range.
    scene.sends(&bytes, &tag);
    scene.server.wait_for_line("\"GET /a.mp4 HTTP/1.1\" 200");
    // The request for the rest has one.
    scene.s3.heal();
    scene.s3.fault(gets_of("a.mp4"), Fault::ResetAfter(1_000_000), 1);
    scene.s3.fault(is_part, Fault::IgnoreRange, FOREVER);
    let response = scene.get(&[]);
    scene.was_cut(&response, &tag, &bytes);
}

#[test]
fn a_bucket_that_ignores_conditions_is_checked_by_its_tags() {
    for len in [SMALL, LARGE] {
        let s3 = S3Server::start();
        let server = serving_with(&s3, SETTINGS, "fresh = 0");
        s3.fault(gets_of("a.mp4"), Fault::IgnoreConditions, FOREVER);
        for seed in 1..4 {
            let bytes = noise(len, seed);
            let tag = s3.put("a.mp4", bytes.clone(), Meta::default());
            for _ in 0..2 {
                let response = server.get("/a.mp4");
                assert_eq!((response.status, response.field("etag")), (200, &*tag));
                assert!(response.complete && response.body == bytes, "{len} {seed}");
                let response = server.request("GET", "/a.mp4", &[("if-none-match", &tag)]);
                assert_eq!(response.status, 304);
            }
        }
    }
}
