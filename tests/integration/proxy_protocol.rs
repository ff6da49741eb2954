//! The PROXY protocol: a load balancer names the client at the start of a connection.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::http2_frames::{PREFACE, SETTINGS, frame};
use crate::support::{Client, Folder, Server};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.2 56324 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xc0\0\x02\x07\xc6\x33\x64\x02\xdc\x04\x01\xbb\x04\0\x02\0\0";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const GET: &[u8] = b"GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n";

fn serve(toml: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let toml = format!("proxy_protocol = true\n{toml}\n[[mount]]\nstore = \".\"\n");
    (Server::configured(&folder, &toml), folder)
}

/// A connection that begins with these bytes.
fn begun(server: &Server, header: &[u8]) -> Client {
    let mut client = server.connect();
    client.send(header);
    client
}

#[test]
fn the_access_log_names_the_client_of_the_header() {
    let (mut server, _folder) = serve("trusted_proxies = [\"127.0.0.1\"]");
    for (header, address) in [
        (V1, "192.0.2.7:56324"),
        (V2, "192.0.2.7:56324"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1:"),
        (LOCAL, "127.0.0.1:"),
    ] {
        let mut client = begun(&server, header);
        assert_eq!(client.request("GET", "/small.jpg", &[]).text(), "small", "{address}");
        let line = server.wait_for_line("\"GET /small.jpg");
        assert!(line.contains(&format!(" {address}")), "{line}");
        // It stays the client for all requests of the connection, which no header of HTTP changes.
        let forged = client.request("GET", "/small.jpg", &[("X-Forwarded-For", "203.0.113.9")]);
        assert_eq!(forged.status, 200);
        let line = server.wait_for_line("\"GET /small.jpg");
        assert_eq!(line.contains("203.0.113.9"), address == "127.0.0.1:", "{line}");
    }
}

#[test]
fn header_and_request_may_come_in_any_pieces() {
    let (server, _folder) = serve("trusted_proxies = [\"127.0.0.0/8\"]");
    for header in [V1, V2] {
        let bytes = [header, GET].concat();
        let mut whole = begun(&server, &bytes);
        assert_eq!(whole.head().expect("a response").status, 200);
        let mut slow = server.connect();
        for byte in bytes {
            slow.send([byte]);
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(slow.head().expect("a response").status, 200);
    }
    // HTTP/2 with prior knowledge: its settings come first.
    let mut http2 = begun(&server, &[V2, PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    let mut head = [0; 9];
    http2.stream.read_exact(&mut head).expect("a frame");
    assert_eq!(head[3], SETTINGS);
}

#[test]
fn connections_without_a_valid_header_are_closed() {
    let (mut server, _folder) =
        serve("trusted_proxies = [\"127.0.0.1\"]\n[limits]\nhead_timeout = \"500ms\"");
    for bytes in [
        GET,
        b"\x16\x03\x01\x02\0",
        b"PROXY TCP4 192.0.2.7 198.51.100.2 99999 443\r\n",
        &[b'\r'; 20],
        &[&b"PROXY TCP4 "[..], &[b' '; 200]].concat(),
        // These never end.
        b"PROXY TCP4 192.0.2.7",
        &V2[..20],
        b"\r\n",
    ] {
        let began = Instant::now();
        assert!(begun(&server, bytes).is_closed(), "{bytes:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{bytes:?}");
    }
    // Whoever only connects is not worth a message.
    drop(server.connect());
    let line = server.wait_for_line("proxy_protocol: ");
    assert!(line.contains("without a valid PROXY header, the last from 127.0.0.1"), "{line}");
    assert_eq!(begun(&server, V1).request("GET", "/small.jpg", &[]).status, 200);
}

#[test]
fn peers_that_are_not_trusted_are_refused_whatever_they_send() {
    let (mut server, _folder) = serve("trusted_proxies = [\"192.0.2.0/24\"]");
    for bytes in [V1, V2, GET] {
        let mut client = server.connect();
        // It may be closed before this is sent.
        let _ = client.stream.get_mut().write_all(bytes);
        assert!(client.is_closed());
    }
    let line = server.wait_for_line("proxy_protocol: ");
    assert!(line.contains("from 127.0.0.1") && line.contains("trusted_proxies"), "{line}");
}

#[test]
fn limits_count_the_client_of_the_header() {
    let (server, _folder) = serve(
        "trusted_proxies = [\"127.0.0.1\"]\n[limits]\nconnections_per_client = 2\nrequests_per_second = 1\nburst = 3\n",
    );
    let mut own: Vec<_> = (0..2).map(|_| begun(&server, V1)).collect();
    for client in &mut own {
        assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
    }
    let mut third = begun(&server, V2);
    let response = third.request("GET", "/small.jpg", &[]);
    assert!(response.status == 503 && response.text().contains("this client has as many"), "{response:?}");
    let mut other = begun(&server, b"PROXY TCP4 192.0.2.8 198.51.100.2 56324 443\r\n");
    assert_eq!(other.request("GET", "/small.jpg", &[]).status, 200);
    assert_eq!(own[0].request("GET", "/small.jpg", &[]).status, 200);
    assert_eq!(own[0].request("GET", "/small.jpg", &[]).status, 429);
    assert_eq!(other.request("GET", "/small.jpg", &[]).status, 200);
}

#[test]
fn a_shutdown_does_not_wait_for_headers() {
    let (mut server, _folder) = serve("trusted_proxies = [\"127.0.0.1\"]");
    let unfinished = begun(&server, b"PROXY TCP4 ");
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(unfinished);
}

#[test]
fn a_reload_switches_it() {
    let (mut server, folder) = serve("trusted_proxies = [\"127.0.0.1\"]");
    assert_eq!(begun(&server, V1).request("GET", "/small.jpg", &[]).status, 200);
    folder.write("wamedia.toml", "[[mount]]\nstore = \".\"\n");
    server.signal(Signal::HUP);
    server.wait_for_line("reload");
    assert_eq!(server.get("/small.jpg").status, 200);
}
