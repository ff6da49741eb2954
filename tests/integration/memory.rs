//! Memory is bounded by the configuration, not by what clients ask for or how slowly they read.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::http2_frames::Frames;
use crate::support::{Folder, PATIENCE, Server, etag_of, noise};

/// Peak resident memory of a process, in KiB, without the pages of its program's file: those are as many as there is code,
/// which is much in a build for tests, and the kernel takes them back as it likes.
pub(crate) fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("its status");
    let kib = |field: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect(field);
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    kib("VmHWM:") - kib("RssFile:")
}

/// A client that asks for `target` and then takes nothing.
fn stall(server: &Server, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address).expect("a connection");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(client, "GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").expect("it is taken");
    client
}

pub(crate) const CACHE_KIB: u64 = 16 << 10;
pub(crate) const STREAMS_KIB: u64 = 4 << 10;
/// What the program takes before anybody asks for anything, and bodies of 2 MiB that were let go of and that the allocator
/// has not given back: up to one for each thread that reads some.
pub(crate) const BASE_KIB: u64 = 18 << 10;
/// The constant a connection: its task, hyper's buffers, a small chunk on its way out.
pub(crate) const CONNECTION_KIB: u64 = 64;

/// Limits under which nobody is cut, however long it takes until all are there.
pub(crate) const NO_HASTE: &str = "[limits]\nhandshake_timeout = \"1h\"\nhead_timeout = \"1h\"\n\
    idle_timeout = \"1h\"\nstall_timeout = \"1h\"\nmin_send_rate = 0\n";

fn configuration() -> String {
    format!("[memory]\ncache = \"16 MiB\"\nstreams = \"4 MiB\"\n{NO_HASTE}[[mount]]\nstore = \".\"\n")
}

#[test]
fn ten_thousand_requests_over_a_thousand_connections_with_slow_readers_of_large_files() {
    let folder = Folder::new();
    folder.write("small.jpg", noise(50_000, 1));
    // Sparse: what is read of it is as long as if it were not.
    fs::File::create(folder.at("large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = Server::configured(&folder, &configuration());
    let mut slow: Vec<_> = (0..500).map(|_| stall(&server, "/large.mp4")).collect();
    let mut busy: Vec<_> = (0..500).map(|_| server.connect()).collect();
    for round in 0..20 {
        for client in &mut busy {
            let response = client.request("GET", "/small.jpg", &[]);
            assert!(response.status == 200 && response.complete && response.body.len() == 50_000);
        }
        // Slow, not stalled: a little at a time.
        for client in &mut slow[round * 25..][..25] {
            client.read_exact(&mut [0; 1000]).expect("some bytes");
        }
    }
    let (peak, bound) = (peak(&server), CACHE_KIB + STREAMS_KIB + BASE_KIB + 1000 * CONNECTION_KIB);
    assert!(peak <= bound, "{peak} KiB at the peak, where {bound} KiB are allowed");
}

#[test]
fn readers_who_stall_on_many_assets_do_not_pin_more_than_is_granted() {
    let folder = Folder::new();
    // Each fits into the cache, all of them are eight times as much.
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
    // And all of them still get what they were promised.
    for client in clients {
        let mut rest = Vec::new();
        client.take(2 << 20).read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest.len(), 2 << 20);
    }
}

#[test]
fn http2_clients_with_wide_windows_who_read_nothing_pin_little_for_each_stream() {
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
    // Read so far that every response has begun, and no further.
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
fn what_was_evicted_is_sent_all_the_same_and_held_once_it_is_asked_for_again() {
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
