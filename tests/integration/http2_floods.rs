//! Floods of HTTP/2 frames that cost a client little: each closes its connection, takes little memory, and does not affect other
//! clients. The names are those under which they became known (CVE-2019-9512 and following, CVE-2023-44487, CVE-2024-27316).

use std::io::{Read, Write};
use std::thread;

use crate::memory::peak;
use crate::support::http2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, header_block,
};
use crate::support::{Folder, Server, is_timeout, noise};

/// Memory that a flood may add: the frames of all floods are many times as much.
const GROWTH_KIB: u64 = 8 << 10;
/// Bytes after which a flood that is not stopped is a failure.
const FLOOD: usize = 64 << 20;

fn serve() -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small").write("big.mp4", noise(8 << 20, 1)).settle();
    // No timeout may close the connection.
    let limits = "head_timeout = \"1h\"\nidle_timeout = \"1h\"\nstall_timeout = \"1h\"";
    let toml = format!("access_log = \"off\"\n[limits]\n{limits}\n[[mount]]\nstore = \".\"\n");
    (Server::configured(&folder, &toml), folder)
}

/// Sends `start`, and then pieces one after another until the server has closed the connection, reading everything it sends.
#[track_caller]
fn flood(server: &Server, name: &str, start: &[u8], mut piece: impl FnMut(u32) -> Vec<u8>) {
    let mut client = Frames::connect(server.address, 1 << 16);
    let mut listening = client.stream.try_clone().expect("a socket");
    let listener = thread::spawn(move || {
        let mut said = [0; 1 << 14];
        loop {
            match listening.read(&mut said) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) => return !is_timeout(&e),
            }
        }
    });
    let mut sent = client.stream.write(start).expect("it is taken");
    for number in 0.. {
        let octets = piece(number);
        if client.stream.write_all(&octets).is_err() {
            break;
        }
        sent += octets.len();
        assert!(sent < FLOOD, "{name}: the flood is not stopped");
    }
    assert!(listener.join().expect("it ends"), "{name}: the connection is left open");
}

/// A hundred of them in one piece.
fn hundred(number: u32, one: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..100).flat_map(|n| one(number * 100 + n)).collect()
}

fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &header_block("GET", "/big.mp4"))
}

#[test]
fn floods_close_their_connection_and_do_not_affect_others() {
    let (mut server, _folder) = serve();
    let mut honest = server.connect();
    assert_eq!(honest.request("GET", "/big.mp4", &[]).status, 200);
    let before = peak(&server);
    let block = header_block("POST", "/small.jpg");
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &block);
    let cancel = 8_u32.to_be_bytes();

    flood(&server, "pings", b"", |n| hundred(n, |_| frame(PING, 0, 0, b"are you?")));
    flood(&server, "settings", b"", |n| hundred(n, |_| frame(SETTINGS, 0, 0, &[])));
    flood(&server, "settings that change", b"", |n| {
        hundred(n, |n| frame(SETTINGS, 0, 0, &[&[0, 4, 0][..], &n.to_be_bytes()[1..]].concat()))
    });
    flood(&server, "windows", b"", |n| hundred(n, |_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())));
    flood(&server, "unknown frames", b"", |n| hundred(n, |_| frame(0x42, 0, 0, b"what?")));
    flood(&server, "rapid reset", b"", |n| {
        hundred(n, |n| [request(2 * n + 1), frame(RST_STREAM, 0, 2 * n + 1, &cancel)].concat())
    });
    flood(&server, "empty data", &open(1), |n| hundred(n, |_| frame(DATA, 0, 1, &[])));
    flood(&server, "a request body, which is not read", &open(1), |_| frame(DATA, 0, 1, &[0; 1 << 14]));
    flood(&server, "requests past the limit", b"", |n| hundred(n, |n| open(2 * n + 1)));
    flood(&server, "continuations", &frame(HEADERS, END_STREAM, 1, &block), |n| {
        hundred(n, |_| frame(CONTINUATION, 0, 1, &[]))
    });
    flood(&server, "continuations with fields", &frame(HEADERS, END_STREAM, 1, &block), |_| {
        // A literal without an index (RFC 7541 section 6.2.2).
        frame(CONTINUATION, 0, 1, &[&[0, 1, b'a', 100][..], &[b'x'; 100]].concat().repeat(100))
    });

    let grown = peak(&server).saturating_sub(before);
    assert!(grown <= GROWTH_KIB, "{grown} KiB, where {GROWTH_KIB} are allowed");
    assert_eq!(honest.request("GET", "/big.mp4", &[]).status, 200);
    assert!(server.is_running() && !server.lines().iter().any(|line| line.contains("panicked")));
}

#[test]
fn many_window_updates_for_a_large_body_are_not_a_flood() {
    let (server, _folder) = serve();
    let mut client = Frames::connect(server.address, 1 << 16);
    let mut taken = 0;
    // More of each than a flood may send: window updates for every 2 KiB, and pings.
    for number in 0..12 {
        let stream = 2 * number + 1;
        client.request(stream, "GET", "/big.mp4");
        loop {
            let frame = client.next().expect("the response continues");
            let len = u32::try_from(frame.payload.len()).expect("a frame");
            taken += len;
            for piece in
                (0..len).step_by(2 << 10).map(|at| (len - at).min(2 << 10)).filter(|_| frame.kind == DATA)
            {
                client.allow(0, piece);
                if !frame.ends_its_stream() {
                    client.allow(stream, piece);
                }
            }
            if frame.ends_its_stream() {
                break;
            }
        }
    }
    assert!(taken >= 12 * (8 << 20));
}
