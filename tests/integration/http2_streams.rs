//! HTTP/2 streams of one connection: one that its client does not read is reset alone, and the others continue.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::support::http2_frames::{DATA, Frames, GOAWAY, RST_STREAM};
use crate::support::{Folder, Server, TIMEOUT, noise};

const BIG: usize = 4 << 20;
/// CANCEL (RFC 9113 section 7).
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const TIMEOUTS: &str = "stall_timeout = \"1s\"\nidle_timeout = \"1h\"\nhead_timeout = \"1h\"\n";

fn serve(toml: &str, limits: &str) -> (Server, Vec<u8>, Folder) {
    let folder = Folder::new();
    let big = noise(BIG, 1);
    folder.write("big.mp4", &big).write("small.jpg", noise(1000, 2));
    let toml = format!("{toml}[limits]\n{TIMEOUTS}{limits}\n[[mount]]\nstore = \".\"\n");
    (Server::configured(&folder, &toml), big, folder)
}

/// Reads stream 1 at a steady pace until each of `paused` is reset. Returns the bytes of each stream.
#[track_caller]
fn read_until_reset(client: &mut Frames, paused: &[u32]) -> HashMap<u32, Vec<u8>> {
    let deadline = Instant::now() + TIMEOUT;
    let (mut bodies, mut resets) = (HashMap::<u32, Vec<u8>>::new(), Vec::new());
    while resets.len() < paused.len() {
        assert!(Instant::now() < deadline, "only {resets:?} of {paused:?} are reset");
        std::thread::sleep(Duration::from_millis(10));
        client.allow(1, 1000);
        let frame = client.next().expect("the connection stays open");
        match frame.kind {
            DATA => bodies.entry(frame.stream).or_default().extend(frame.payload),
            RST_STREAM => {
                assert!(paused.contains(&frame.stream), "{frame:?}");
                assert_eq!(frame.payload, CANCEL);
                resets.push(frame.stream);
            }
            GOAWAY => panic!("the connection is closed: {frame:?}"),
            _ => {}
        }
    }
    bodies
}

#[test]
fn a_paused_stream_is_reset_and_a_steady_one_beside_it_is_completed() {
    for toml in ["", "[memory]\ncache = 0\n"] {
        // Paused before the first byte, and in the middle.
        for window in [0, 50_000] {
            let (mut server, big, _folder) = serve(toml, "");
            let mut client = Frames::connect(server.address, window);
            client.allow(0, 1 << 30);
            client.request(1, "GET", "/big.mp4");
            client.request(3, "GET", "/big.mp4");
            client.request(5, "GET", "/big.mp4");
            let mut bodies = read_until_reset(&mut client, &[3, 5]);
            assert_eq!(bodies.get(&3).map_or(0, Vec::len), window as usize, "{toml:?}");

            // The connection serves what comes next, and ends the steady response.
            client.request(7, "HEAD", "/small.jpg");
            client.allow(1, 1 << 30);
            let body = bodies.entry(1).or_default();
            let mut answered = false;
            while body.len() < BIG || !answered {
                let frame = client.next().expect("the connection stays open");
                match (frame.kind, frame.stream) {
                    (DATA, 1) => body.extend(frame.payload),
                    (_, 7) => answered = frame.ends_its_stream(),
                    _ => panic!("{frame:?}"),
                }
            }
            assert!(*body == big, "{toml:?} {window}");
            let cut = server.wait_for_line(" cut ");
            assert!(cut.contains("\"GET /big.mp4 "), "{cut}");
        }
    }
}

#[test]
fn a_slow_stream_is_reset_and_small_responses_beside_it_do_not_pay_for_it() {
    let (server, _, _folder) = serve("", "min_send_rate = \"64 KiB\"");
    let mut client = Frames::connect(server.address, 0);
    client.allow(0, 1 << 30);
    client.request(1, "GET", "/big.mp4");
    client.wait_for_200(1);
    let deadline = Instant::now() + TIMEOUT;
    // Less than the minimum rate, even together.
    for stream in (3..).step_by(2) {
        assert!(Instant::now() < deadline, "it is never reset");
        client.allow(1, 10);
        client.request(stream, "GET", "/small.jpg");
        client.allow(stream, 1000);
        let is_reset = loop {
            let frame = client.next().expect("the connection stays open");
            match (frame.kind, frame.stream) {
                (RST_STREAM, 1) => break true,
                (RST_STREAM | GOAWAY, _) => panic!("{frame:?}"),
                (_, answered) if answered == stream && frame.ends_its_stream() => break false,
                _ => {}
            }
        };
        if is_reset {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn many_paused_streams_in_a_row_do_not_close_their_connection() {
    let (server, big, _folder) = serve("", "");
    let mut client = Frames::connect(server.address, 0);
    client.allow(0, 1 << 30);
    client.request(1, "GET", "/big.mp4");
    let mut body = Vec::new();
    for round in 0..3 {
        let paused: Vec<u32> = (0..60).map(|i| 3 + 2 * (60 * round + i)).collect();
        for stream in &paused {
            client.request(*stream, "GET", "/big.mp4");
        }
        body.extend(read_until_reset(&mut client, &paused).remove(&1).unwrap_or_default());
    }
    assert!(!body.is_empty() && body == big[..body.len()]);
}
