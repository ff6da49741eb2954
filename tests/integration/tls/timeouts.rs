//! Timeouts, limits and shutdown over TLS.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::{BOTH, House, NAME, http2, shake, shake_over};
use crate::http2::read;
use crate::send_rate::{self, BEATS, SLOW, STEADY, take_slowly};
use crate::support::http2_frames::{
    END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, header_block,
};
use crate::support::proc::wait_until_read;
use crate::support::{Client, Server, connected, eventually, is_timeout, noise};

const BIG: usize = 24 << 20;
const STREAMED: &str = "[memory]\ncache = 0\n";

/// A folder with `big.mp4` and `small.jpg`, and its server.
fn serve(toml: &str) -> (House, Server, Vec<u8>) {
    let house = House::new();
    let big = noise(BIG, 1);
    house.folder.write("media/big.mp4", &big).write("media/small.jpg", "small");
    let server = house.serve(toml);
    (house, server, big)
}

/// Whether the server closes the connection, whatever it sends before.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(e) => !is_timeout(&e),
    }
}

const HANDSHAKE: &str = "[limits]\nhandshake_timeout = \"300ms\"\nhead_timeout = \"1h\"\nidle_timeout = \"1h\"\nstall_timeout = \"1h\"\n";

#[test]
fn an_unfinished_handshake_times_out() {
    let (house, server, _) = serve(HANDSHAKE);
    // Record headers (RFC 8446 section 5.1) of a handshake that announce more than is sent.
    for start in [&b""[..], &[22], &[22, 3, 1, 2, 0], &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]] {
        let mut stream = connected(server.address);
        stream.write_all(start).expect("it is taken");
        assert!(is_closed(&mut stream), "{start:?}");
    }
    // One byte at a time, at intervals shorter than every timeout.
    let mut stream = connected(server.address);
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let mut is_over = false;
    for octet in [22, 3, 1, 2, 0, 1, 0, 1, 252].into_iter().chain(std::iter::repeat_n(0, 500)) {
        is_over = stream.write_all(&[octet]).is_err()
            || matches!(stream.read(&mut [0; 64]), Ok(0))
            || stream.take_error().expect("an answer").is_some();
        if is_over {
            break;
        }
    }
    assert!(is_over, "it is never cut");
    // After the handshake that timeout no longer applies. It is short, so a test that was not scheduled in time tries again.
    let config = house.authority.client(BOTH, &[]);
    let stream = eventually("a handshake comes in time", || shake(server.address, &config, NAME).ok());
    let mut client = Client::over(stream);
    thread::sleep(Duration::from_millis(700));
    assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
}

#[test]
fn the_head_timeout_starts_after_the_handshake() {
    let limits = "[limits]\nhandshake_timeout = \"1h\"\nhead_timeout = \"300ms\"\nidle_timeout = \"1h\"\nstall_timeout = \"1h\"\n";
    let (house, server, _) = serve(limits);
    for start in ["", "GET /small.jpg HTTP/1.1\r\nHost"] {
        let mut client = house.connect(&server);
        client.send(start);
        client.stream.get_mut().flush().expect("it is taken");
        assert!(client.is_closed(), "{start:?}");
    }
    // The head timeout is short, so a test that was not scheduled in time tries again.
    let mut client = eventually("a request comes in time", || {
        let mut client = house.connect(&server);
        client.stream.get_mut().write_all(b"GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n").ok()?;
        let mut response = client.head().ok()?;
        client.body(&mut response);
        assert_eq!((response.status, response.text()), (200, "small"));
        Some(client)
    });
    client.send("GET /small.jpg HTTP/1.1\r\n");
    assert!(client.is_closed());
}

#[test]
fn http_2_has_the_head_timeout_and_then_the_idle_timeout() {
    let settings = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let block = header_block("GET", "/small.jpg");
    let request = |flags, block| [&settings[..], &frame(HEADERS, flags, 1, block)].concat();
    let half = request(END_STREAM, &block[..10]);
    let whole = request(END_STREAM | END_HEADERS, &block);
    for (limits, starts) in [
        (
            "head_timeout = \"300ms\"\nidle_timeout = \"1h\"",
            &[&b""[..], &PREFACE[..10], &settings, &half][..],
        ),
        ("head_timeout = \"1h\"\nidle_timeout = \"300ms\"", &[&whole]),
    ] {
        let (house, server, _) = serve(&format!("[limits]\n{limits}\nstall_timeout = \"1h\"\n"));
        let config = house.authority.client(BOTH, &["h2"]);
        for start in starts {
            let mut stream = shake(server.address, &config, NAME).expect("a handshake");
            stream.write_all(start).expect("it is taken");
            stream.flush().expect("it is taken");
            let ended = stream.read_to_end(&mut Vec::new());
            assert!(!ended.is_err_and(|e| is_timeout(&e)), "{limits}: {start:?}");
        }
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let limits = "[limits]\nhead_timeout = \"1h\"\nidle_timeout = \"300ms\"\nstall_timeout = \"1h\"\n";
    let (house, server, _) = serve(limits);
    let mut client = house.connect(&server);
    assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
    // Bytes of an incomplete record are not a request.
    client.stream.get_mut().sock.write_all(&[23, 3, 3, 0, 100, 1, 2, 3]).expect("it is taken");
    assert!(client.is_closed());
}

const STALL: &str = "[limits]\nhead_timeout = \"1h\"\nidle_timeout = \"1h\"\nstall_timeout = \"500ms\"\n";

#[test]
fn a_client_that_stops_reading_is_cut_and_logged() {
    for toml in ["", STREAMED] {
        let (house, mut server, _) = serve(&format!("{toml}{STALL}"));
        let mut client = house.connect(&server);
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut response = client.head().expect("a head");
        client.stream.read_exact(&mut vec![0; 1 << 20]).expect("a part");
        let line = server.wait_for_line("/big.mp4");
        assert!(line.contains(" 200 ") && line.contains(" cut "), "{line}");
        client.body(&mut response);
        assert!(!response.complete, "{toml:?}");
    }
}

#[test]
fn bytes_buffered_by_tls_for_a_stalled_client_are_cut_too() {
    const COUNT: u64 = 128;
    // Whatever the sockets hold, of some of these only a tail is left, which TLS buffers: HTTP has written them completely.
    let house = House::new();
    for number in 0..COUNT {
        let file = File::create(house.folder.at(&format!("media/{number}.jpg"))).expect("a file");
        file.set_len((256 + 32 * number) << 10).expect("a length");
    }
    let mut server = house.serve(STALL);
    let clients: Vec<_> = (0..COUNT)
        .map(|number| {
            let mut client = house.connect(&server);
            client.send(format!("GET /{number}.jpg HTTP/1.1\r\nHost: test\r\n\r\n"));
            client
        })
        .collect();
    // A response is logged when it was sent or given up, and not before.
    let lines = eventually("each is logged", || {
        let lines: Vec<_> = server.lines().iter().filter(|line| line.contains(".jpg ")).cloned().collect();
        (lines.len() as u64 == COUNT).then_some(lines)
    });
    assert!(lines.iter().any(|line| line.contains(" cut ")), "none was cut: {lines:#?}");
    drop(clients);
}

#[tokio::test]
async fn an_http2_client_without_a_window_is_cut() {
    let (house, mut server, _) = serve(STALL);
    let mut how = http2();
    how.initial_stream_window_size(65_535).initial_connection_window_size(1 << 20);
    let client = house.connect2(&server, &how).await;
    let mut body = client.send("GET", "/big.mp4", &[]).await.into_body();
    let line = tokio::task::spawn_blocking(move || server.wait_for_line("/big.mp4")).await.expect("a line");
    assert!(line.contains(" cut "), "{line}");
    read(&mut body).await.expect_err("it was cut");
}

#[test]
fn a_slow_but_steady_reader_is_not_cut() {
    let (house, server, big) = serve("[limits]\nstall_timeout = \"2s\"\n");
    let mut client = house.connect(&server);
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("a head").status, 200);
    let (mut body, mut piece) = (Vec::new(), vec![0; 256 << 10]);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(500));
        client.stream.read_exact(&mut piece).expect("the response continues");
        body.extend(&piece);
    }
    let rest = (BIG - body.len()) as u64;
    (&mut client.stream).take(rest).read_to_end(&mut body).expect("the response continues");
    assert!(body == big);
}

#[test]
fn handshakes_count_towards_the_connection_limit() {
    let (house, mut server, _) = serve("[limits]\nconnections = 2\n");
    let first = connected(server.address);
    let mut second = house.connect(&server);
    assert_eq!(second.request("GET", "/small.jpg", &[]).status, 200);
    let mut third = connected(server.address);
    assert!(is_closed(&mut third));
    server.wait_for_line("connection limit reached");
    drop(first);
    eventually("the place is free", || {
        let stream = shake(server.address, &house.authority.client(BOTH, &[]), NAME).ok()?;
        (Client::over(stream).request("GET", "/small.jpg", &[]).status == 200).then_some(())
    });
}

#[test]
fn requests_in_flight_finish_and_nothing_else_delays_the_shutdown() {
    for toml in ["", STREAMED] {
        let (house, mut server, big) = serve(&format!(
            "{toml}[limits]\ndrain_timeout = \"1h\"\nhandshake_timeout = \"1h\"\nidle_timeout = \"1h\"\n"
        ));
        let mut unfinished = connected(server.address);
        unfinished.write_all(&[22, 3, 1]).expect("a write");
        wait_until_read(&unfinished);
        let mut idle = house.connect(&server);
        assert_eq!(idle.request("GET", "/small.jpg", &[]).status, 200);
        let mut unused = house.connect(&server);
        let mut client = house.connect(&server);
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut response = client.head().expect("a head");
        server.signal(Signal::TERM);
        server.wait_for_line("SIGTERM");
        assert!(idle.is_closed() && unused.is_closed() && is_closed(&mut unfinished));
        client.body(&mut response);
        assert!(response.complete && response.body == big);
        // With close_notify, which shows that nothing is missing (RFC 8446 section 6.1).
        assert_eq!(client.stream.read(&mut [0]).expect("an end that is said"), 0);
        assert_eq!(server.wait().code(), Some(0));
        assert!(!server.all_lines().iter().any(|line| line.contains("cut off")));
    }
}

#[test]
fn the_minimum_send_rate_is_measured_in_received_bytes() {
    let (house, server, big) = serve("[limits]\nstall_timeout = \"2s\"\nmin_send_rate = \"64 KiB\"\n");
    let config = house.authority.client(BOTH, &["http/1.1"]);
    let take = |in_a_beat, beats| {
        let stream = shake_over(send_rate::connect(server.address), &config, NAME).expect("a handshake");
        take_slowly(Client::over(stream), in_a_beat, beats, &big)
    };
    thread::scope(|scope| {
        let steady = scope.spawn(|| take(STEADY, BEATS));
        let slow = scope.spawn(|| take(SLOW, usize::MAX));
        assert!(slow.join().expect("it ends").is_err());
        assert_eq!(steady.join().expect("it ends"), Ok(()));
    });
}
