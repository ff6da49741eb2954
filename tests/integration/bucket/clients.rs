//! Clients that disconnect or are slow: neither affects others, and a slow client still gets its whole download.

use std::io::Read;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::{begun, finish, serving, serving_with};
use crate::s3_server::{Fault, Meta, S3Server, gets_of};
use crate::support::http2_frames::{DATA, Frames};
use crate::support::proc::{resident, wait_until_read};
use crate::support::{Client, Server, eventually, noise};

const GET: &str = "GET /a.mp4 HTTP/1.1\r\nHost: test\r\n\r\n";
/// An eighth of it is the longest cached body.
const CACHE: (&str, &str) = ("WAMEDIA_MEMORY_CACHE", "8 MiB");

fn stored(len: usize) -> (S3Server, Vec<u8>) {
    let (s3, bytes) = (S3Server::start(), noise(len, 1));
    s3.put("a.mp4", bytes.clone(), Meta::default());
    (s3, bytes)
}

fn asking(server: &Server) -> Client {
    begun(server, GET)
}

/// Disconnects with a reset: a mere close could be that of a client that waits for its response.
fn leave(client: Client) {
    SockRef::from(client.stream.get_ref()).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(client);
}

#[test]
fn the_first_client_may_disconnect_before_there_is_a_response() {
    let (s3, bytes) = stored(500_000);
    let mut server = serving(&s3);
    let gate = s3.hold(gets_of("a.mp4"));
    let first = asking(&server);
    gate.wait_for(1);
    let mut others: Vec<_> = (0..3).map(|_| asking(&server)).collect();
    for other in &others {
        wait_until_read(other.stream.get_ref());
    }
    leave(first);
    let line = server.wait_for_line("/a.mp4");
    assert!(line.contains(" cut "), "{line}");
    assert_eq!(gate.held(), 1);
    gate.release();
    for other in &mut others {
        assert!(finish(other).body == bytes);
    }
    assert_eq!(s3.gets("a.mp4"), 1);
}

#[test]
fn a_client_that_disconnects_while_bytes_arrive_does_not_affect_others() {
    let (s3, bytes) = stored(500_000);
    let mut server = serving(&s3);
    let gate = s3.hold_after(200_000, gets_of("a.mp4"));
    let mut clients: Vec<_> = (0..3).map(|_| asking(&server)).collect();
    for client in &mut clients {
        client.head().expect("a head");
        let mut part = vec![0; 100_000];
        client.stream.read_exact(&mut part).expect("a part");
        assert!(part == bytes[..100_000]);
    }
    // The whole body: a download that has begun is finished for later clients.
    clients.into_iter().for_each(leave);
    for _ in 0..3 {
        let line = server.wait_for_line("/a.mp4");
        assert!(line.contains(" cut "), "{line}");
    }
    let mut later = asking(&server);
    gate.release();
    assert!(finish(&mut later).body == bytes);
    assert_eq!(s3.gets("a.mp4"), 1);
}

#[test]
fn when_no_client_waits_any_more_the_request_to_the_bucket_is_cancelled() {
    // For a small object, only a request without a response yet; for a large one, always.
    for (len, after) in [(500_000, None), (3 << 20, None), (3 << 20, Some(200_000))] {
        let (s3, bytes) = stored(len);
        let server = serving_with(&s3, &[CACHE], "");
        let gate = match after {
            None => s3.hold(gets_of("a.mp4")),
            Some(bytes) => s3.hold_after(bytes, gets_of("a.mp4")),
        };
        let clients: Vec<_> = (0..2).map(|_| asking(&server)).collect();
        eventually("it is requested", || (gate.held() > 0).then_some(()));
        clients.into_iter().for_each(leave);
        gate.wait_for(0);
        gate.release();
        assert!(server.get("/a.mp4").body == bytes, "{len} {after:?}");
    }
}

#[test]
fn a_slow_client_gets_the_whole_of_a_large_object() {
    const LEN: usize = 12 << 20;
    let (s3, bytes) = stored(LEN);
    let server = serving_with(&s3, &[CACHE, ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "1s")], "");
    // As a bucket does whose timeout is shorter than the client's.
    for fault in [Fault::CloseAfter(3 << 20), Fault::ResetAfter(3 << 20), Fault::CloseAfter(1 << 20)] {
        s3.fault(gets_of("a.mp4"), fault, 1);
    }
    let mut client = asking(&server);
    assert_eq!(client.head().expect("a head").status, 200);
    let mut body = vec![0; LEN];
    for (number, part) in body.chunks_mut(256 << 10).enumerate() {
        // The client is slow, and in the end slower than the bucket allows.
        thread::sleep(Duration::from_millis(if number == 10 { 1500 } else { 10 }));
        client.stream.read_exact(part).expect("more of the body");
    }
    assert!(body == bytes);
    let seen: Vec<_> = s3.requests().into_iter().filter(gets_of("a.mp4")).collect();
    assert_eq!(seen.len(), 4, "a client's pause does not count as the bucket's: {seen:?}");
    assert!(seen[1..].iter().all(|seen| seen.range.is_some() && seen.if_match.is_some()));
}

#[test]
fn slow_clients_of_a_large_object_cost_a_bounded_buffer() {
    const CLIENTS: usize = 64;
    let (s3, bytes) = stored(40 << 20);
    let server = serving_with(&s3, &[CACHE], "");
    assert_eq!(server.request("HEAD", "/a.mp4", &[]).status, 200);
    let before = resident(server.pid());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| asking(&server)).collect();
    for client in &mut clients {
        assert_eq!(client.head().expect("a head").status, 200);
    }
    let mut last = 0;
    let after = eventually("all of them stall", || {
        // There is no event for "nothing more happens".
        thread::sleep(Duration::from_millis(200));
        let now = resident(server.pid());
        (std::mem::replace(&mut last, now) == now).then_some(now)
    });
    let bound = CLIENTS as u64 * (512 << 10);
    assert!(after.saturating_sub(before) < bound, "{before} grew to {after}");
    let mut part = vec![0; 8 << 20];
    clients[CLIENTS / 2].stream.read_exact(&mut part).expect("it continues");
    assert!(part == bytes[..8 << 20]);
}

#[test]
fn concurrent_streams_of_large_objects_are_limited() {
    let s3 = S3Server::start();
    let bytes = noise(20 << 20, 9);
    s3.put("film.mp4", bytes.clone(), Meta::default());
    s3.put("banner.jpg", "small", Meta::default());
    let few = [
        ("WAMEDIA_MEMORY_CACHE", "8 MiB"),
        ("WAMEDIA_UPSTREAM_CONNECTIONS", "4"),
        ("WAMEDIA_UPSTREAM_TIMEOUT", "500ms"),
    ];
    let server = serving_with(&s3, &few, "");
    let mut readers: Vec<_> = (0..2)
        .map(|_| {
            let mut reader = server.connect();
            reader.send("GET /film.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
            let head = reader.head().expect("a response head");
            assert_eq!(head.status, 200);
            (reader, head)
        })
        .collect();
    let turned_away = server.get("/film.mp4");
    assert_eq!((turned_away.status, turned_away.field("retry-after")), (503, "1"));
    assert_eq!(server.get("/banner.jpg").text(), "small", "other requests have permits of their own");
    let (mut reader, mut head) = readers.pop().expect("one of two");
    reader.body(&mut head);
    assert!(head.body == bytes);
    assert!(server.get("/film.mp4").body == bytes, "its permit is free again");
}

#[test]
fn a_slow_bucket_does_not_count_as_a_slow_client() {
    let s3 = S3Server::start();
    let bytes = noise(40_000, 10);
    s3.put("film.mp4", bytes.clone(), Meta::default());
    let server = serving_with(&s3, &[("WAMEDIA_LIMITS_STALL_TIMEOUT", "200ms")], "");
    let gate = s3.hold_after(20_000, gets_of("film.mp4"));
    let mut client = Frames::connect(server.address, 1 << 20);
    client.request(1, "GET", "/film.mp4");
    client.wait_for_200(1);
    gate.wait_for(1);
    // Nothing happens here: five times as long as a client may take no bytes.
    thread::sleep(Duration::from_secs(1));
    gate.release();
    let mut body = Vec::new();
    while body.len() < bytes.len() {
        let frame = client.next().expect("the connection continues");
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
    }
    assert!(body == bytes);
}
