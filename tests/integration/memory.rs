//! Memory is bounded by the configuration, not by what clients request or how slowly they read.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::http2_frames::Frames;
use crate::support::{Folder, Server, TIMEOUT, etag_of, noise};

/// Peak resident memory of a process, in KiB, without the pages of its executable: a test build has much code, and the kernel
/// reclaims those pages as it likes.
pub(crate) fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("its status");
    let kib = |field: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect(field);
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    kib("VmHWM:") - kib("RssFile:")
}

/// A client that requests `target` and then reads nothing.
fn stall(server: &Server, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address).expect("a connection");
    client.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    write!(client, "GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").expect("it is taken");
    client
}

pub(crate) const CACHE_KIB: u64 = 16 << 10;
pub(crate) const STREAMS_KIB: u64 = 4 << 10;
/// Memory of the program without requests, and evicted bodies of 2 MiB that the allocator has not given back: up to one for each
/// thread that reads some.
pub(crate) const BASE_KIB: u64 = 18 << 10;
/// Memory per connection: its task, hyper's buffers, a small chunk to be written.
pub(crate) const CONNECTION_KIB: u64 = 64;

/// Limits that close no connection, however long it takes until all are open.
pub(crate) const NO_HASTE: &str = "[limits]\nhandshake_timeout = \"1h\"\nhead_timeout = \"1h\"\n\
    idle_timeout = \"1h\"\nstall_timeout = \"1h\"\nmin_send_rate = 0\n";

fn configuration() -> String {
    format!("[memory]\ncache = \"16 MiB\"\nstreams = \"4 MiB\"\n{NO_HASTE}[[mount]]\nstore = \".\"\n")
}

#[test]
fn ten_thousand_requests_over_a_thousand_connections_with_slow_readers_of_large_files() {
    let folder = Folder::new();
    folder.write("small.jpg", noise(50_000, 1));
    // Sparse: reading it yields as many bytes as if it were not.
    fs::File::create(folder.at("large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = Server::configured(&folder, &configuration());
    let mut slow: Vec<_> = (0..500).map(|_| stall(&server, "/large.mp4")).collect();
    let mut busy: Vec<_> = (0..500).map(|_| server.connect()).collect();
    for round in 0..20 {
        for client in &mut busy {
            let response = client.request("GET", "/small.jpg", &[]);
            assert!(response.status == 200 && response.complete && response.body.len() == 50_000);
        }
        // Slow but not stalled: a little at a time.
        for client in &mut slow[round * 25..][..25] {
            client.read_exact(&mut [0; 1000]).expect("some bytes");
        }
    }
    let (peak, bound) = (peak(&server), CACHE_KIB + STREAMS_KIB + BASE_KIB + 1000 * CONNECTION_KIB);
    assert!(peak <= bound, "{peak} KiB at the peak, where {bound} KiB are allowed");
}

#[test]
fn stalled_readers_of_many_assets_pin_bounded_memory() {
    let folder = Folder::new();
    // Each fits into the cache; all of them are eight times as large.
    let count = 64;
    for number in 0..count {
        folder.write(&format!("{number}.jpg"), noise(2 << 20, number));
    }
    let server = Server::configured(&folder, &configuration());
    let mut clients = Vec::new();
    for _ in 0..4 {
        for number in 0..count {
            let mut client = stall(&server, &format!("/{number}.jpg"));
            client.read_exact(&mut [0; 100]).expect("the head");
            clients.push(client);
        }
    }
    let (peak, bound) =
        (peak(&server), CACHE_KIB + STREAMS_KIB + BASE_KIB + clients.len() as u64 * CONNECTION_KIB);
    assert!(peak <= bound, "{peak} KiB at the peak, where {bound} KiB are allowed");
    // And each of them still gets its whole response.
    for client in clients {
        let mut rest = Vec::new();
        client.take(2 << 20).read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest.len(), 2 << 20);
    }
}

#[test]
fn http2_clients_that_read_nothing_pin_little_per_stream() {
    let folder = Folder::new();
    fs::File::create(folder.at("large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = Server::configured(&folder, &configuration());
    let (connections, streams) = (5, 60);
    let mut clients: Vec<_> = (0..connections).map(|_| Frames::connect(server.address, 1 << 30)).collect();
    for client in &mut clients {
        client.allow(0, 1 << 30);
        for stream in 0..streams {
            client.request(2 * stream + 1, "GET", "/large.mp4");
        }
    }
    // Read until every response has begun, and no further.
    for client in &mut clients {
        client.wait_for_200(2 * streams - 1);
    }
    let (peak, bound) = (
        peak(&server),
        CACHE_KIB + STREAMS_KIB + BASE_KIB + u64::from(connections * streams) * CONNECTION_KIB,
    );
    assert!(peak <= bound, "{peak} KiB at the peak, where {bound} KiB are allowed");
}

/// Bytes that a process has read from files so far.
fn read_from_files(server: &Server) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", server.pid())).expect("its input and output");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar:")).expect("what was read");
    line.trim().parse().expect("a number")
}

#[test]
fn an_evicted_body_is_sent_to_the_end_and_cached_again_on_the_next_request() {
    const LEN: u64 = 100_000;
    let folder = Folder::new();
    let files: Vec<_> = (0..30).map(|n| (format!("{n}.jpg"), noise(100_000, n))).collect();
    for (name, bytes) in &files {
        folder.write(name, bytes);
    }
    folder.settle();
    let toml = "[memory]\ncache = \"1 MiB\"\n[[mount]]\nstore = \".\"\nfresh = \"0\"\n";
    let server = Server::configured(&folder, toml);
    for _ in 0..3 {
        for (name, bytes) in &files {
            let response = server.get(&format!("/{name}"));
            assert!(response.complete && response.body == *bytes, "{name}");
            assert_eq!(response.field("etag"), etag_of(bytes));
            let part = server.request("GET", &format!("/{name}"), &[("Range", "bytes=5-99000")]);
            assert!(part.status == 206 && part.body == bytes[5..=99_000], "{name}");
        }
    }
    for _ in 0..3 {
        server.get("/7.jpg");
    }
    let before = read_from_files(&server);
    for _ in 0..50 {
        assert_eq!(server.get("/7.jpg").body, files[7].1);
    }
    assert!(read_from_files(&server) - before < LEN, "it is not read again and again");
    let new = noise(100_000, 99);
    folder.write("7.jpg", &new);
    let response = server.get("/7.jpg");
    assert!(response.body == new && response.field("etag") == etag_of(&new));
}
