//! Timeouts: heads, idle connections and stalled readers; slow but steady clients are not cut.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::bucket::command_of;
use crate::s3_server::{Meta, S3Server, of};
use crate::support::http2_frames::{DATA, Frames, PREFACE, RST_STREAM};
use crate::support::proc::wait_until_read;
use crate::support::{Client, Folder, Server, TIMEOUT, eventually, noise};

/// More than the socket buffers between server and client hold.
const BIG: usize = 24 << 20;
const IN_MEMORY: &str = "";
const STREAMED: &str = "[memory]\ncache = 0\n";

/// A folder with `big.mp4` and `small.jpg`, and its server with these limits.
fn serve(toml: &str, limits: &str) -> (Server, Vec<u8>, Folder) {
    let folder = Folder::new();
    let big = noise(BIG, 1);
    folder.write("big.mp4", &big).write("small.jpg", "small");
    let server =
        Server::configured(&folder, &format!("{toml}[limits]\n{limits}\n[[mount]]\nstore = \".\"\n"));
    (server, big, folder)
}

/// One timeout is short, so that no other can close the connection.
const HEAD: &str = "head_timeout = \"300ms\"\nidle_timeout = \"1h\"\nstall_timeout = \"1h\"";
const IDLE: &str = "head_timeout = \"1h\"\nidle_timeout = \"300ms\"\nstall_timeout = \"1h\"";
const STALL: &str = "head_timeout = \"1h\"\nidle_timeout = \"1h\"\nstall_timeout = \"500ms\"";

const GET_SMALL: &str = "GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n";

/// A connection whose first request was answered. With a short head timeout, a test that was not scheduled in time tries again.
#[track_caller]
fn answered(server: &Server) -> Client {
    eventually("a request comes in time", || {
        let mut client = server.connect();
        client.stream.get_mut().write_all(GET_SMALL.as_bytes()).ok()?;
        let mut response = client.head().ok()?;
        client.body(&mut response);
        assert_eq!((response.status, response.text()), (200, "small"));
        Some(client)
    })
}

#[test]
fn a_client_that_sends_no_request_is_closed() {
    let (server, _, _folder) = serve(IN_MEMORY, HEAD);
    for start in [
        &b""[..],
        b"G",
        b"GET /small.jpg HTTP/1.1\r\n",
        b"GET /small.jpg HTTP/1.1\r\nHost: test\r\nUser-Agent: wait for",
        // Part of the HTTP/2 preface, and all of it without a request.
        b"P",
        &PREFACE[..16],
        PREFACE,
        // A method that begins like the HTTP/2 preface.
        b"PRI",
        b"PROPFIND / HTTP/1.1\r\n",
    ] {
        let mut client = server.connect();
        client.send(start);
        while !client.is_closed() {
            // HTTP/2 sends frames before it closes.
            let len = client.stream.buffer().len();
            assert!(len > 0 && start == PREFACE, "{start:?}");
            client.stream.consume(len);
        }
    }
    answered(&server);
}

#[test]
fn the_head_timeout_applies_to_every_request() {
    let (server, _, _folder) = serve(IN_MEMORY, HEAD);
    let mut client = answered(&server);
    client.send("GET /small.jpg HTTP/1.1\r\nHost");
    assert!(client.is_closed());
}

/// Sends these bytes over and over, one at a time and at intervals shorter than every timeout, until the server has closed the
/// connection.
fn drip(mut stream: TcpStream, start: &[u8], then: &[u8]) {
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let deadline = Instant::now() + TIMEOUT;
    for byte in start.iter().chain(then.iter().cycle()) {
        assert!(Instant::now() < deadline, "it is never closed");
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return,
            Err(e) if !crate::support::is_timeout(&e) => return,
            _ => {}
        }
    }
}

#[test]
fn a_request_head_sent_byte_by_byte_times_out() {
    let (server, _, _folder) = serve(IN_MEMORY, HEAD);
    thread::scope(|scope| {
        for (start, then) in [
            ("GET /small.jpg HTTP/1.1\r\nHost: test\r\n", "X-Slow: x\r\n"),
            ("GET /", "a"),
            ("", "\r\n"),
            ("PRI * HTTP/2.0\r\n\r\n", "x"),
        ] {
            let stream = server.connect().stream.into_inner();
            scope.spawn(move || drip(stream, start.as_bytes(), then.as_bytes()));
        }
        // A preface that would be complete after half a second.
        let stream = server.connect().stream.into_inner();
        scope.spawn(move || drip(stream, PREFACE, &[0]));
        // The second request of a connection.
        let stream = answered(&server).stream.into_inner();
        scope.spawn(move || drip(stream, b"GET /small.jpg HTTP/1.1\r\n", b"X-Slow: x\r\n"));
    });
}

#[test]
fn a_client_that_keeps_sending_after_the_end_is_closed() {
    let (server, _, _folder) = serve(IN_MEMORY, IDLE);
    let mut client = server.connect();
    client.send("POST /small.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    assert_eq!(client.head().expect("a head").status, 405);
    // Never idle for long, and far from complete.
    let deadline = Instant::now() + TIMEOUT;
    while client.stream.get_mut().write_all(b"x").is_ok() {
        assert!(Instant::now() < deadline, "it is listened to for ever");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_head_in_pieces_is_answered_within_the_time() {
    let (server, _, _folder) = serve(IN_MEMORY, "idle_timeout = \"100ms\"\nstall_timeout = \"100ms\"");
    let mut client = server.connect();
    for piece in ["GET /sm", "all.jpg HTTP/1.1\r\nHo", "st: test\r\n", "\r\n"] {
        // Longer than every other timeout.
        thread::sleep(Duration::from_millis(300));
        client.send(piece);
    }
    assert_eq!(client.head().expect("a head").status, 200);
}

#[test]
fn an_idle_connection_is_closed() {
    let (server, _, _folder) = serve(IN_MEMORY, IDLE);
    let mut client = server.connect();
    // Both at once: the connection must not be idle in between.
    client.send([GET_SMALL, &GET_SMALL.replace("GET", "HEAD")].concat());
    let mut first = client.head().expect("a head");
    client.body(&mut first);
    assert_eq!((first.text(), client.head().expect("a head").status), ("small", 200));
    assert!(client.is_closed());

    let mut client = Frames::connect(server.address, 1 << 16);
    client.request(1, "GET", "/small.jpg");
    assert_eq!(client.read_to_end(1), (b"small".to_vec(), true));
}

#[test]
fn pings_do_not_keep_an_http_2_connection_open() {
    let (server, _, _folder) = serve(IN_MEMORY, IDLE);
    let mut client = Frames::connect(server.address, 1 << 16);
    client.request(1, "GET", "/small.jpg");
    let mut pinging = client.stream.try_clone().map(|stream| Frames { stream }).expect("a socket");
    let pings = thread::spawn(move || {
        let deadline = Instant::now() + TIMEOUT;
        while pinging.ping().is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(client.read_to_end(1), (b"small".to_vec(), true));
    pings.join().expect("pings");
}

#[test]
fn half_an_http_2_request_times_out() {
    let (server, _, _folder) = serve(IN_MEMORY, HEAD);
    let mut client = Frames::connect(server.address, 1 << 16);
    // The server may have closed it before this thread runs again.
    let _ = client.request_in_part(1, "/small.jpg");
    assert!(!client.read_to_end(1).1);
}

#[test]
fn the_head_timeout_applies_to_a_connection_without_a_request() {
    let (server, _, _folder) = serve(IN_MEMORY, IDLE);
    let mut client = server.connect();
    // Five times the timeout of a used connection.
    thread::sleep(Duration::from_millis(1500));
    assert!(client.is_silent());
    assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
}

/// The access log's line for a response that was cut, once there is one.
#[track_caller]
fn wait_for_cut(server: &mut Server) {
    let line = server.wait_for_line("/big.mp4");
    assert!(line.contains(" 200 ") && line.contains(" cut "), "{line}");
}

#[test]
fn a_client_that_reads_nothing_of_its_response_is_cut() {
    for toml in [IN_MEMORY, STREAMED] {
        let (mut server, _, _folder) = serve(toml, STALL);
        let mut client = server.connect();
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        wait_for_cut(&mut server);
        let mut response = client.head().expect("a head");
        client.body(&mut response);
        assert!(!response.complete, "{toml:?}");
    }
}

#[test]
fn a_client_that_stops_reading_in_the_middle_is_cut() {
    for toml in [IN_MEMORY, STREAMED] {
        let (mut server, _, _folder) = serve(toml, STALL);
        let mut client = server.connect();
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut response = client.head().expect("a head");
        let mut read = vec![0; 1 << 20];
        client.stream.read_exact(&mut read).expect("a part");
        wait_for_cut(&mut server);
        client.body(&mut response);
        assert!(!response.complete, "{toml:?}");
    }
}

#[test]
fn a_client_that_sends_requests_and_reads_nothing_is_cut() {
    let (mut server, _, _folder) = serve(IN_MEMORY, STALL);
    let client = server.connect();
    let mut asking = client.stream.get_ref().try_clone().expect("a socket");
    let asked = thread::spawn(move || {
        // Until the server reads no more, and then until it has closed the connection.
        while asking.write_all(b"GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n").is_ok() {}
    });
    wait_for_cut(&mut server);
    asked.join().expect("it ends");
}

#[test]
fn an_http_2_stream_without_a_window_is_reset() {
    for toml in [IN_MEMORY, STREAMED] {
        // No window at all, and one that is used up in the middle.
        for window in [0, 1 << 18] {
            let (mut server, _, _folder) = serve(toml, STALL);
            let mut client = Frames::connect(server.address, window);
            client.allow(0, 1 << 30);
            client.request(1, "GET", "/big.mp4");
            let (body, is_complete) = client.read_stream(1);
            assert_eq!((body.len(), is_complete), (window as usize, false), "{toml:?}");
            wait_for_cut(&mut server);
            // The connection itself goes on.
            client.request(3, "HEAD", "/small.jpg");
            client.wait_for_200(3);
        }
    }
}

#[test]
fn an_http_2_stream_of_a_client_that_only_pings_is_reset() {
    let (server, _, _folder) = serve(IN_MEMORY, STALL);
    let mut client = Frames::connect(server.address, 0);
    client.request(1, "GET", "/big.mp4");
    client.wait_for_200(1);
    let mut pinging = client.stream.try_clone().map(|stream| Frames { stream }).expect("a socket");
    let pings = thread::spawn(move || {
        let deadline = Instant::now() + TIMEOUT;
        while pinging.ping().is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(!client.read_stream(1).1);
    drop(client);
    drop(server);
    pings.join().expect("pings");
}

#[test]
fn a_paused_http_2_stream_cuts_no_other() {
    for (toml, limits) in [
        (IN_MEMORY, STALL),
        (STREAMED, STALL),
        // The paused stream and pauses between requests use up no credit of the connection either.
        (
            IN_MEMORY,
            "head_timeout = \"1h\"\nidle_timeout = \"1h\"\nstall_timeout = \"500ms\"\nmin_send_rate = \"1 KiB\"",
        ),
    ] {
        let (mut server, big, _folder) = serve(toml, limits);
        let mut client = Frames::connect(server.address, 0);
        client.allow(0, 1 << 30);
        for paused in [1, 3, 5] {
            client.request(paused, "GET", "/big.mp4");
            client.wait_for_200(paused);
        }
        client.request(7, "GET", "/big.mp4");
        client.wait_for_200(7);
        let began = Instant::now();
        let (mut body, mut resets) = (Vec::new(), 0);
        // Four times the timeout of the paused streams.
        while began.elapsed() < Duration::from_secs(2) {
            client.allow(7, 1 << 16);
            let expected = body.len() + (1 << 16);
            while body.len() < expected {
                let frame = client.next().expect("the connection goes on");
                match (frame.kind, frame.stream) {
                    (DATA, 7) => body.extend(frame.payload),
                    (RST_STREAM, 1 | 3 | 5) => resets += 1,
                    _ => panic!("{frame:?}"),
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(resets, 3, "{toml:?}");
        client.allow(7, 1 << 30);
        let (rest, is_complete) = client.read_stream(7);
        body.extend(rest);
        assert!(is_complete && body == big, "{} bytes", body.len());
        wait_for_cut(&mut server);
    }
}

#[test]
fn an_http_2_client_with_a_window_that_reads_nothing_is_cut() {
    for toml in [IN_MEMORY, STREAMED] {
        let (mut server, _, _folder) = serve(toml, STALL);
        let mut client = Frames::connect(server.address, 1 << 30);
        client.allow(0, 1 << 30);
        client.request(1, "GET", "/big.mp4");
        wait_for_cut(&mut server);
        assert!(!client.read_to_end(1).1, "{toml:?}");
    }
}

#[test]
fn an_http_2_client_that_sends_requests_and_reads_nothing_is_cut() {
    let (mut server, _, _folder) = serve(IN_MEMORY, STALL);
    let mut client = Frames::connect(server.address, 1 << 30);
    client.allow(0, 1 << 30);
    client.request(1, "GET", "/big.mp4");
    let mut asking = client.stream.try_clone().map(|stream| Frames { stream }).expect("a socket");
    let asks = thread::spawn(move || {
        let deadline = Instant::now() + TIMEOUT;
        let mut streams = (3..).step_by(2);
        while asking.try_request(streams.next().expect("a stream"), "HEAD", "/small.jpg").is_ok() {
            assert!(Instant::now() < deadline, "it is never cut");
            thread::sleep(Duration::from_millis(50));
        }
    });
    wait_for_cut(&mut server);
    asks.join().expect("it was cut in time");
}

#[test]
fn a_pause_within_a_response_is_not_idle_time() {
    let (server, big, _folder) =
        serve(IN_MEMORY, "idle_timeout = \"500ms\"\nstall_timeout = \"1h\"\nhead_timeout = \"1h\"");
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("a head").status, 200);
    thread::sleep(Duration::from_secs(1));
    let mut body = vec![0; BIG];
    client.stream.read_exact(&mut body).expect("all of it");
    assert!(body == big);
    assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
}

/// The timeout for a slow reader: it reads a little four times in this, for three times as long.
const STALLED: Duration = Duration::from_secs(2);
const STEADY: &str = "stall_timeout = \"2s\"";

/// Repeats something slowly and steadily.
fn steadily(mut step: impl FnMut()) {
    for _ in 0..12 {
        thread::sleep(STALLED / 4);
        step();
    }
}

#[test]
fn a_slow_but_steady_reader_is_not_cut() {
    thread::scope(|scope| {
        for toml in [IN_MEMORY, STREAMED] {
            scope.spawn(move || {
                let (server, big, _folder) = serve(toml, STEADY);
                let mut client = server.connect();
                client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
                assert_eq!(client.head().expect("a head").status, 200);
                let (mut body, mut piece) = (Vec::new(), vec![0; 256 << 10]);
                steadily(|| {
                    client.stream.read_exact(&mut piece).expect("the response continues");
                    body.extend(&piece);
                });
                let rest = (BIG - body.len()) as u64;
                (&mut client.stream).take(rest).read_to_end(&mut body).expect("the response continues");
                assert!(body == big, "{} of {BIG} bytes", body.len());
            });
            scope.spawn(move || {
                let (server, big, _folder) = serve(toml, STEADY);
                let mut client = Frames::connect(server.address, 1 << 16);
                client.allow(0, 1 << 30);
                client.request(1, "GET", "/big.mp4");
                client.wait_for_200(1);
                let (mut body, mut allowed) = (Vec::new(), 1 << 16);
                let mut read_until = |client: &mut Frames, len| {
                    while body.len() < len {
                        let frame = client.next().expect("the response continues");
                        assert_eq!((frame.kind, frame.stream), (DATA, 1));
                        body.extend(frame.payload);
                    }
                };
                steadily(|| {
                    read_until(&mut client, allowed);
                    client.allow(1, 128 << 10);
                    allowed += 128 << 10;
                });
                client.allow(1, 1 << 30);
                read_until(&mut client, BIG);
                assert!(body == big);
            });
        }
    });
}

#[test]
fn the_servers_own_work_does_not_count_towards_timeouts() {
    let (folder, s3) = (Folder::new(), S3Server::start());
    s3.put("late.mp4", noise(1000, 1), Meta::default());
    // A second, because that is the clients' head timeout.
    let limits = "head_timeout = \"1s\"\nidle_timeout = \"100ms\"\nstall_timeout = \"100ms\"";
    let upstream = "first_byte_timeout = \"1h\"\ntimeout = \"1h\"";
    let toml = format!("[limits]\n{limits}\n[upstream]\n{upstream}\n[[mount]]\nstore = \"s3://media\"\n");
    let server = Server::spawn(command_of(&folder, &toml).envs(s3.environment()));
    let bucket = s3.hold(of("late.mp4"));
    let mut first = server.connect();
    first.send("HEAD /late.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut second = Frames::connect(server.address, 1 << 16);
    second.request(1, "HEAD", "/late.mp4");
    wait_until_read(first.stream.get_ref());
    wait_until_read(&second.stream);
    bucket.wait_for(1);
    // Longer than each of these timeouts.
    thread::sleep(Duration::from_secs(2));
    assert!(first.is_silent(), "neither answered nor closed");
    bucket.release();
    assert_eq!(first.head().expect("a head").field("content-length"), "1000");
    second.wait_for_200(1);
}
