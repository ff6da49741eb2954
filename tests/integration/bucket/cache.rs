//! Requests to the bucket: as few as possible, and none for what is cached.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{serving, serving_with};
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, gets_of};
use crate::support::{Client, eventually, noise};

const MIB: usize = 1 << 20;
/// With this cache, the largest cached body is 1 MiB.
const LITTLE_MEMORY: [(&str, &str); 1] = [("WAMEDIA_MEMORY_CACHE", "8 MiB")];
/// Cached entries stay fresh for the whole test.
const FOR_EVER: &str = "fresh = \"1h\"";

#[test]
fn ten_thousand_requests_at_once_cost_the_bucket_one_get() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    let s3 = S3Server::start();
    let bytes = Arc::new(noise(MIB, 1));
    s3.put("banner.jpg", bytes.to_vec(), Meta::typed("image/jpeg"));
    let server = serving(&s3);
    // The first response is held until all clients have sent their requests.
    let gate = s3.hold(gets_of("banner.jpg"));
    let all_asked = Arc::new(Barrier::new(CONNECTIONS + 1));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, bytes, all_asked) = (server.address, Arc::clone(&bytes), Arc::clone(&all_asked));
            thread::spawn(move || {
                let mut client = Client::new(address);
                client.send("GET /banner.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
                all_asked.wait();
                let mut first = client.head().expect("a response head");
                client.body(&mut first);
                assert!(first.status == 200 && first.body == *bytes);
                for _ in 1..EACH {
                    let response = client.request("GET", "/banner.jpg", &[]);
                    assert!(response.status == 200 && response.body == *bytes);
                }
            })
        })
        .collect();
    all_asked.wait();
    gate.wait_for(1);
    gate.release();
    drop(gate);
    for client in clients {
        client.join().expect("all bytes, every time");
    }
    assert_eq!(s3.unconditional_gets("banner.jpg"), 1);
    assert_eq!(s3.heads("banner.jpg"), 0);
}

#[test]
fn all_waiting_clients_are_sent_the_bytes_as_they_arrive() {
    const ARRIVED: usize = 300_000;
    let s3 = S3Server::start();
    let bytes = noise(MIB, 2);
    s3.put("film.mp4", bytes.clone(), Meta::default());
    let server = serving(&s3);
    let gate = s3.hold_after(ARRIVED as u64, gets_of("film.mp4"));
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /film.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    // Parts, too: of bytes that have arrived, and of bytes that have not.
    let mut early = server.connect();
    assert_eq!(early.request("GET", "/film.mp4", &[("Range", "bytes=1000-1999")]).body, bytes[1000..2000]);
    let mut late = server.connect();
    late.send("GET /film.mp4 HTTP/1.1\r\nHost: test\r\nRange: bytes=-10\r\n\r\n");
    for client in &mut clients {
        assert_eq!(client.head().expect("a response head").status, 200);
        let mut begun = vec![0; ARRIVED];
        std::io::Read::read_exact(&mut client.stream, &mut begun).expect("what has arrived");
        assert!(begun == bytes[..ARRIVED]);
    }
    gate.release();
    for client in &mut clients {
        let mut rest = vec![0; bytes.len() - ARRIVED];
        std::io::Read::read_exact(&mut client.stream, &mut rest).expect("the rest");
        assert!(rest == bytes[ARRIVED..]);
    }
    let mut end = late.head().expect("a response head");
    late.body(&mut end);
    assert_eq!(end.body, bytes[bytes.len() - 10..]);
    assert_eq!((s3.gets("film.mp4"), s3.heads("film.mp4")), (1, 0));
}

#[test]
fn one_response_costs_at_most_one_request() {
    let s3 = S3Server::start();
    let bytes = noise(5000, 3);
    for key in ["get.jpg", "head.jpg", "range.jpg", "condition.jpg"] {
        s3.put(key, bytes.clone(), Meta::default());
    }
    let server = serving_with(&s3, &[], FOR_EVER);
    let cost = |key: &str| (s3.heads(key), s3.gets(key));

    assert_eq!(server.get("/get.jpg").status, 200);
    assert_eq!(cost("get.jpg"), (0, 1), "no HEAD before a GET");
    for (method, fields) in [("GET", &[][..]), ("HEAD", &[]), ("GET", &[("Range", "bytes=0-9")])] {
        server.request(method, "/get.jpg", fields);
    }
    assert_eq!(cost("get.jpg"), (0, 1), "a cached body costs no request");

    assert_eq!(server.request("HEAD", "/head.jpg", &[]).field("content-length"), "5000");
    server.request("HEAD", "/head.jpg", &[]);
    assert_eq!(cost("head.jpg"), (1, 0));
    assert!(server.get("/head.jpg").body == bytes);
    assert_eq!(cost("head.jpg"), (1, 1), "the body is fetched when it is requested");

    assert_eq!(server.request("GET", "/range.jpg", &[("Range", "bytes=10-19")]).body, bytes[10..20]);
    assert_eq!(cost("range.jpg"), (0, 1));
    assert_eq!(s3.count(|seen| seen.range.is_some()), 0, "a body that may be cached is fetched whole");

    let tag = server.get("/condition.jpg").field("etag").to_owned();
    assert_eq!(server.request("GET", "/condition.jpg", &[("If-None-Match", &tag)]).status, 304);
    assert_eq!(cost("condition.jpg"), (0, 1));
    assert_eq!(s3.count(|seen| seen.if_none_match.is_some()), 0, "a client's conditions are not passed on");
}

#[test]
fn a_large_object_is_not_cached_and_its_parts_are_requested_alone() {
    let s3 = S3Server::start();
    let bytes = noise(3 * MIB, 4);
    let tag = s3.put("film.mp4", bytes.clone(), Meta::default());
    let server = serving_with(&s3, &LITTLE_MEMORY, FOR_EVER);

    assert!(server.get("/film.mp4").body == bytes);
    assert!(server.get("/film.mp4").body == bytes);
    assert_eq!((s3.heads("film.mp4"), s3.unconditional_gets("film.mp4")), (0, 2), "it is not cached");
    s3.clear();

    for _ in 0..3 {
        let part = server.request("GET", "/film.mp4", &[("Range", "bytes=2000000-2000009")]);
        assert_eq!((part.status, &*part.body), (206, &bytes[2_000_000..2_000_010]));
    }
    let parts = s3.count(|seen| {
        seen.if_match.as_deref() == Some(&tag) && seen.range.as_deref() == Some("bytes=2000000-2000009")
    });
    assert_eq!((parts, s3.requests().len()), (3, 3), "one request with If-Match for each");
    s3.clear();

    for _ in 0..3 {
        let answer = server.request("GET", "/film.mp4", &[("If-None-Match", &tag)]);
        assert_eq!(answer.status, 304);
        assert_eq!(server.request("HEAD", "/film.mp4", &[]).status, 200);
        assert_eq!(server.request("GET", "/film.mp4", &[("Range", "bytes=9999999-")]).status, 416);
    }
    assert_eq!(s3.requests().len(), 0, "the cached metadata is enough");

    let several = server.request("GET", "/film.mp4", &[("Range", "bytes=0-9,1000-1009")]);
    assert_eq!(several.status, 206);
    assert!(several.body.windows(10).any(|part| part == &bytes[1000..1010]));
    assert_eq!(s3.requests().len(), 2);
}

#[test]
fn the_first_part_of_a_large_object_comes_from_one_request() {
    let s3 = S3Server::start();
    let bytes = noise(3 * MIB, 5);
    s3.put("film.mp4", bytes.clone(), Meta::default());
    let server = serving_with(&s3, &LITTLE_MEMORY, FOR_EVER);
    // As media players request first.
    let part = server.request("GET", "/film.mp4", &[("Range", "bytes=0-99999")]);
    assert!(part.status == 206 && part.body == bytes[..100_000]);
    assert_eq!((s3.gets("film.mp4"), s3.heads("film.mp4")), (1, 0));
}

#[test]
fn a_stale_body_is_revalidated_and_not_fetched() {
    let s3 = S3Server::start();
    s3.put("a.jpg", &b"one"[..], Meta::default());
    let server = serving_with(&s3, &[], "fresh = 0");
    for _ in 0..3 {
        assert_eq!(server.get("/a.jpg").text(), "one");
    }
    assert_eq!((s3.unconditional_gets("a.jpg"), s3.gets("a.jpg")), (1, 3), "two got 304");

    s3.put("a.jpg", &b"two"[..], Meta::default());
    let changed = server.get("/a.jpg");
    assert_eq!(changed.text(), "two");
    assert_eq!(
        (s3.unconditional_gets("a.jpg"), s3.gets("a.jpg")),
        (1, 4),
        "the same request returned the new bytes"
    );
}

#[test]
fn a_change_of_metadata_without_a_change_of_bytes_is_noticed() {
    // Not every store sends Last-Modified with a 304.
    for tells_date in [true, false] {
        let s3 = S3Server::start();
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        s3.put("a.jpg", &b"same"[..], Meta { modified: at(1_000_000), ..Meta::default() });
        let server = serving_with(&s3, &[], "fresh = 0");
        if !tells_date {
            s3.fault(|seen| seen.if_none_match.is_some(), Fault::NO_LAST_MODIFIED, FOREVER);
        }
        let before = server.get("/a.jpg");
        let cache_control = Some("max-age=60".to_owned());
        s3.put("a.jpg", &b"same"[..], Meta { modified: at(2_000_000), cache_control, ..Meta::default() });
        let after = server.get("/a.jpg");
        assert_eq!(before.field("etag"), after.field("etag"));
        assert_eq!(before.field("last-modified"), "Mon, 12 Jan 1970 13:46:40 GMT");
        assert_eq!(after.field("last-modified"), "Sat, 24 Jan 1970 03:33:20 GMT");
        assert_eq!((before.field("cache-control"), after.field("cache-control")), ("no-cache", "max-age=60"));
    }
}

#[test]
fn a_link_to_a_newer_version_causes_a_request_at_once() {
    let s3 = S3Server::start();
    s3.put("a.jpg", &b"one"[..], Meta::default());
    let server = serving_with(&s3, &[], FOR_EVER);
    assert_eq!(server.get("/a.jpg").text(), "one");
    let tag = s3.put("a.jpg", &b"two"[..], Meta::default());
    let version = &crate::support::etag_of(tag.as_bytes())[1..17];
    let answer = server.get(&format!("/a.jpg?v={version}"));
    assert_eq!((answer.text(), answer.field("cache-control")), ("two", "max-age=31536000, immutable"));
    let gone_by = server.get("/a.jpg?v=0123456789abcdef");
    assert_eq!((gone_by.text(), gone_by.field("cache-control")), ("two", "no-cache"));
}

#[test]
fn a_missing_object_is_cached_for_a_moment() {
    let s3 = S3Server::start();
    let server = serving_with(&s3, &[], FOR_EVER);
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(server.get("/new.jpg").status, 404);
    }
    if began.elapsed() < Duration::from_secs(1) {
        assert_eq!(s3.gets("new.jpg"), 1);
    }
    s3.put("new.jpg", &b"here"[..], Meta::default());
    eventually("the new object is found", || (server.get("/new.jpg").status == 200).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn an_objects_own_policy_comes_first_by_default() {
    let s3 = S3Server::start();
    let with = |policy: &str| Meta { cache_control: Some(policy.to_owned()), ..Meta::default() };
    s3.put("own.jpg", &b"x"[..], with("max-age=5"));
    s3.put("odd.jpg", &b"x"[..], with("max-age=0, no-cache, no-store, must-revalidate"));
    s3.put("empty.jpg", &b"x"[..], with("public"));
    s3.put("none.jpg", &b"x"[..], Meta::default());
    s3.put("own.png", &b"x"[..], with("max-age=5"));
    let rule = "[[cache.rule]]\nmatch = \"*.jpg\"\ncache_control = \"max-age=60\"\n";
    for (precedence, expected) in [
        ("object", ["max-age=5", "no-store", "max-age=60", "max-age=60", "max-age=5"]),
        ("rules", ["max-age=60", "max-age=60", "max-age=60", "max-age=60", "max-age=5"]),
    ] {
        let server = serving_with(&s3, &[("WAMEDIA_CACHE_PRECEDENCE", precedence)], rule);
        for (path, policy) in
            ["/own.jpg", "/odd.jpg", "/empty.jpg", "/none.jpg", "/own.png"].iter().zip(expected)
        {
            assert_eq!(server.get(path).field("cache-control"), policy, "{precedence} {path}");
        }
    }
}

#[test]
fn several_instances_send_the_same_headers_for_an_object() {
    let s3 = S3Server::start();
    s3.put("a.pdf", noise(1000, 6), Meta::default());
    let answers = [serving(&s3), serving(&s3)].map(|server| {
        let mut fields = server.get("/a.pdf").fields;
        fields.retain(|(name, _)| name != "date");
        fields
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn evicted_bodies_are_fetched_again() {
    let s3 = S3Server::start();
    let server = serving_with(&s3, &LITTLE_MEMORY, FOR_EVER);
    for number in 0..20 {
        s3.put(&format!("{number}.jpg"), noise(MIB, number), Meta::default());
    }
    for round in 0..2 {
        for number in 0..20 {
            assert!(server.get(&format!("/{number}.jpg")).body == noise(MIB, number), "{round} {number}");
        }
    }
    let again = s3.count(|seen| seen.method == "GET") - 20;
    assert!((1..=20).contains(&again), "not all twenty fit into 8 MiB: {again}");
}

#[test]
fn two_uploads_within_a_second_are_not_both_sent_with_its_date() {
    let s3 = S3Server::start();
    let server = serving_with(&s3, &[], "fresh = 0");
    for attempt in 0.. {
        // Early in a second, so that both uploads have the same date.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
        thread::sleep(Duration::from_nanos(1_000_000_000 - u64::from(since.subsec_nanos())));
        s3.clear();
        let put = |text: String| {
            s3.put("a.jpg", text.into_bytes(), Meta { modified: Some(SystemTime::now()), ..Meta::default() });
        };
        put(format!("one {attempt}"));
        let tag = thread::scope(|scope| {
            let reading = scope.spawn(|| server.get("/a.jpg"));
            eventually("the first is read", || (s3.gets("a.jpg") == 1).then_some(()));
            let second = format!("two {attempt}");
            put(second.clone());
            let is_same_second = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs()
                == since.as_secs() + 1;
            let response = reading.join().expect("a response");
            if !is_same_second {
                return None;
            }
            assert_eq!(response.text(), second, "the first upload was sent, and has the same date");
            Some(response.field("etag").to_owned())
        });
        if let Some(tag) = tag {
            assert_eq!(server.get("/a.jpg").field("etag"), tag);
            return;
        }
        assert!(attempt < 5, "the machine is too slow for two uploads within a second");
    }
}

#[test]
fn what_is_not_revalidated_by_its_date_does_not_wait_for_the_next_second() {
    let s3 = S3Server::start();
    let now = Meta { modified: Some(SystemTime::now()), ..Meta::default() };
    s3.put("new.jpg", &b"new"[..], now);
    let server = serving_with(&s3, &[("WAMEDIA_CACHE_DEFAULT", "max-age=60")], "fresh = 0");
    assert_eq!((server.get("/new.jpg").text(), s3.gets("new.jpg")), ("new", 1));
    s3.put("old.jpg", &b"old"[..], Meta::default());
    let server = serving_with(&s3, &[], "fresh = 0");
    assert_eq!((server.get("/old.jpg").text(), s3.gets("old.jpg")), ("old", 1));
}
