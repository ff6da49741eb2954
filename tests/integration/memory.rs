//! Memory is bounded by the configuration, not by what clients ask for or how slowly they read.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::frames::Frames;
use crate::support::{Folder, PATIENCE, Server, noise};

/// Peak resident memory of a process, in KiB.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A client that asks for `target` and then takes nothing.
fn stall(server: &Server, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address).expect("a connection");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(client, "GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").expect("it is taken");
    client
}

const CACHE_KIB: u64 = 16 << 10;
const STREAMS_KIB: u64 = 4 << 10;
/// What the program takes before anybody asks for anything, with room for an allocator's habits.
const BASE_KIB: u64 = 24 << 10;
/// The constant a connection: its task, hyper's buffers, a small chunk on its way out.
const CONNECTION_KIB: u64 = 64;

const CONFIGURATION: &str = "\
[memory]
cache = \"16 MiB\"
streams = \"4 MiB\"
[[mount]]
path = \"/\"
store = \".\"
";

#[test]
fn ten_thousand_requests_over_a_thousand_connections_with_slow_readers_of_large_files() {
    let folder = Folder::new();
    folder.write("small.jpg", noise(50_000, 1));
    // Sparse: what is read of it is as long as if it were not.
    fs::File::create(folder.at("large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = Server::configured(&folder, CONFIGURATION);
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
    let server = Server::configured(&folder, CONFIGURATION);
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
    let asked = Instant::now();
    for client in clients {
        let mut rest = Vec::new();
        client.take(2 << 20).read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest.len(), 2 << 20);
        assert!(asked.elapsed() < PATIENCE * 4);
    }
}

#[test]
fn http2_clients_with_wide_windows_who_read_nothing_pin_little_for_each_stream() {
    let folder = Folder::new();
    fs::File::create(folder.at("large.mp4")).expect("a file").set_len(100 << 20).expect("a length");
    let server = Server::configured(&folder, CONFIGURATION);
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
