//! Graceful shutdown: requests in flight finish, idle connections are closed, no new ones are accepted, and the drain ends in time.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::support::http2_frames::{DATA, Frames, GOAWAY};
use crate::support::proc::{wait_until_read, wait_until_stopped};
use crate::support::{Client, Folder, Response, Server, eventually, noise};

/// More than the socket buffers between server and client hold.
const BIG: usize = 24 << 20;
const IN_MEMORY: &str = "";
const STREAMED: &str = "[memory]\ncache = 0\n";

/// A folder with `big.mp4` and `small.jpg`, and its server with the settings in `toml`.
fn serve(toml: &str) -> (Server, Vec<u8>, Folder) {
    let folder = Folder::new();
    let big = noise(BIG, 1);
    folder.write("big.mp4", &big).write("small.jpg", "small");
    let server = Server::configured(&folder, &format!("{toml}[[mount]]\nstore = \".\"\n"));
    (server, big, folder)
}

/// A client that has read the head and the first bytes of a large response.
fn begin_download(server: &Server) -> (Client, Response, Vec<u8>) {
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.head().expect("a head");
    assert_eq!(response.status, 200);
    let mut first = vec![0; 1000];
    client.stream.read_exact(&mut first).expect("the first bytes");
    (client, response, first)
}

/// Reads the rest, as far as it is sent.
fn end_download(client: &mut Client, response: &mut Response, first: Vec<u8>) {
    let rest = BIG - first.len();
    response.fields.retain(|(name, _)| name != "content-length");
    response.fields.push(("content-length".to_owned(), rest.to_string()));
    client.body(response);
    response.body.splice(0..0, first);
}

/// Signals the server, and waits until it drains; returns its message.
#[track_caller]
fn begin_drain(server: &mut Server, signal: Signal) -> String {
    server.signal(signal);
    let line = server.wait_for_line("shutting down; requests in progress have");
    eventually("new connections are refused", || {
        let refused = TcpStream::connect(server.address).err()?;
        (refused.kind() == io::ErrorKind::ConnectionRefused).then_some(())
    });
    line
}

#[track_caller]
fn assert_ends_well(mut server: Server) {
    assert_eq!(server.wait().code(), Some(0));
    let lines = server.all_lines();
    assert!(!lines.iter().any(|line| line.contains("cut off")), "{lines:#?}");
}

#[test]
fn requests_in_flight_finish_and_nothing_else_continues() {
    for (signal, name, toml) in [(Signal::TERM, "SIGTERM", IN_MEMORY), (Signal::INT, "SIGINT", STREAMED)] {
        let (mut server, big, _folder) = serve(toml);
        let mut idle = server.connect();
        assert_eq!(idle.request("GET", "/small.jpg", &[]).text(), "small");
        let mut silent = server.connect();
        let (mut client, mut response, first) = begin_download(&server);

        let line = begin_drain(&mut server, signal);
        assert!(line.contains(name) && line.contains("30 s"), "{line}");
        assert!(idle.is_closed(), "kept alive, but nothing asked");
        assert!(silent.is_closed(), "never used");
        assert!(server.is_running());

        end_download(&mut client, &mut response, first);
        assert!(response.complete && response.body == big, "{name}");
        assert!(client.is_closed(), "no further request");
        assert_ends_well(server);
    }
}

#[test]
fn a_started_request_is_answered_with_connection_close() {
    let (mut server, _, _folder) = serve(IN_MEMORY);
    let mut client = server.connect();
    client.send("GET /small.jpg HTTP/1.1\r\nHo");
    wait_until_read(client.stream.get_ref());
    begin_drain(&mut server, Signal::TERM);
    client.send("st: test\r\n\r\n");
    let mut response = client.head().expect("a response");
    client.body(&mut response);
    assert_eq!((response.status, response.text(), response.field("connection")), (200, "small", "close"));
    assert!(client.is_closed());
    assert_ends_well(server);
}

#[test]
fn a_request_that_waits_for_its_digest_is_answered() {
    let folder = Folder::new();
    // A sparse file is read quickly, and takes its time to be hashed.
    File::create(folder.at("huge.mp4")).expect("a file").set_len(1 << 30).expect("a length");
    let mut server = Server::start(folder.path());
    let mut client = server.connect();
    client.send("HEAD /huge.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_until_read(client.stream.get_ref());
    begin_drain(&mut server, Signal::TERM);
    let response = client.head().expect("a response");
    assert_eq!((response.status, response.field("content-length")), (200, "1073741824"));
    assert!(client.is_closed());
    assert_ends_well(server);
}

#[test]
fn requests_received_before_the_signal_are_answered_even_if_not_read_yet() {
    let (server, _, _folder) = serve(IN_MEMORY);
    assert_eq!(server.get("/small.jpg").status, 200);
    // Connections that the kernel has accepted while the server did not run.
    server.signal(Signal::STOP);
    wait_until_stopped(server.pid());
    let mut clients: Vec<_> = (0..16).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    server.signal(Signal::TERM);
    server.signal(Signal::CONT);
    for client in &mut clients {
        let mut response = client.head().expect("a response");
        client.body(&mut response);
        assert_eq!((response.status, response.text()), (200, "small"));
    }
    assert_ends_well(server);
}

#[test]
fn requests_beyond_the_drain_timeout_are_cut() {
    for toml in [IN_MEMORY, STREAMED] {
        let (mut server, _, _folder) = serve(&format!("{toml}[limits]\ndrain_timeout = \"300ms\"\n"));
        let (mut client, mut response, first) = begin_download(&server);
        server.signal(Signal::TERM);
        // The client reads nothing meanwhile.
        assert_eq!(server.wait().code(), Some(0));
        server.wait_for_line("shutdown: 1 response was cut off");
        end_download(&mut client, &mut response, first);
        assert!(!response.complete);
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    for signals in [[Signal::TERM, Signal::TERM], [Signal::TERM, Signal::INT], [Signal::INT, Signal::INT]] {
        let (mut server, _, _folder) = serve("[limits]\ndrain_timeout = \"1h\"\nstall_timeout = \"1h\"\n");
        let (mut client, mut response, first) = begin_download(&server);
        begin_drain(&mut server, signals[0]);
        assert!(server.is_running());
        server.signal(signals[1]);
        assert_eq!(server.wait().code(), Some(0));
        end_download(&mut client, &mut response, first);
        assert!(!response.complete);
    }
}

#[test]
fn http_2_gets_goaway_and_finishes_its_streams() {
    let (mut server, big, _folder) = serve(IN_MEMORY);
    let mut idle = Frames::connect(server.address, 1 << 16);
    idle.request(1, "GET", "/small.jpg");
    idle.wait_for_200(1);
    let mut client = Frames::connect(server.address, 1 << 16);
    client.request(1, "GET", "/big.mp4");
    client.wait_for_200(1);

    begin_drain(&mut server, Signal::TERM);
    let mut body = Vec::new();
    let goaway = loop {
        let frame = client.next().expect("a frame");
        match frame.kind {
            DATA => body.extend(frame.payload),
            GOAWAY => break frame,
            _ => {}
        }
    };
    // NO_ERROR, with the last stream that will be processed.
    assert_eq!(goaway.payload[4..8], [0; 4], "{goaway:?}");
    client.allow(0, 1 << 30);
    client.allow(1, 1 << 30);
    let (rest, is_complete) = client.read_to_end(1);
    body.extend(rest);
    assert!(is_complete && body == big, "{} of {BIG} bytes", body.len());
    // Completely, too.
    idle.read_to_end(1);
    assert_ends_well(server);
}

/// No timeout but those of the shutdown itself ends a connection.
const PATIENT: &str = "[limits]\ndrain_timeout = \"1h\"\nidle_timeout = \"1h\"\nhead_timeout = \"1h\"\nstall_timeout = \"1h\"\n";

#[test]
fn clients_that_sleep_do_not_delay_the_shutdown_and_count_as_no_response() {
    let (server, _, _folder) = serve(PATIENT);
    // Each has its response, or has not asked, and neither reads nor closes from now on.
    let mut kept_alive = server.connect();
    assert_eq!(kept_alive.request("GET", "/small.jpg", &[]).text(), "small");
    let never_used = server.connect();
    let mut half_a_head = server.connect();
    half_a_head.send("GET /small.jpg HTTP/1.1\r\nHo");
    wait_until_read(half_a_head.stream.get_ref());
    let mut multiplexed = Frames::connect(server.address, 1 << 16);
    multiplexed.request(1, "GET", "/small.jpg");
    multiplexed.wait_for_200(1);
    let unused = Frames::connect(server.address, 1 << 16);
    wait_until_read(&unused.stream);
    let mut half_a_request = Frames::connect(server.address, 1 << 16);
    half_a_request.request_in_part(1, "/small.jpg").expect("it is taken");
    wait_until_read(&half_a_request.stream);

    server.signal(Signal::TERM);
    assert_ends_well(server);
    drop((kept_alive, never_used, half_a_head, multiplexed, unused, half_a_request));
}

#[test]
fn the_summary_counts_responses() {
    let (mut server, _, _folder) = serve("[limits]\ndrain_timeout = \"2s\"\n");
    let idle = Frames::connect(server.address, 1 << 16);
    let mut client = Frames::connect(server.address, 1000);
    for stream in [1, 3, 5] {
        client.request(stream, "GET", "/big.mp4");
        client.wait_for_200(stream);
    }
    let (download, ..) = begin_download(&server);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    server.wait_for_line("shutdown: 4 responses were cut off");
    drop((idle, client, download));
}

#[test]
fn a_client_that_sleeps_after_its_response_does_not_delay_the_shutdown() {
    let (mut server, big, _folder) = serve(PATIENT);
    let mut client = Frames::connect(server.address, 1 << 30);
    client.allow(0, 1 << 30);
    client.request(1, "GET", "/big.mp4");
    client.wait_for_200(1);
    begin_drain(&mut server, Signal::TERM);
    let mut body = Vec::new();
    while body.len() < BIG {
        let frame = client.next().expect("a frame");
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
    }
    assert!(body == big);
    assert_ends_well(server);
    drop(client);
}
