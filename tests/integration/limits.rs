//! Limits of connections, request heads and file descriptors; and bytes that are not HTTP.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::http2_frames::PREFACE;
use crate::support::proc::cpu_time;
use crate::support::{Client, Folder, Server, eventually, noise, outcome, wamedia_from_shell};

fn serve(limits: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let server = Server::configured(&folder, &format!("[limits]\n{limits}\n[[mount]]\nstore = \".\"\n"));
    (server, folder)
}

#[track_caller]
fn assert_served(server: &Server) {
    assert_eq!(server.get("/small.jpg").text(), "small");
}

#[test]
fn a_connection_beyond_the_limit_gets_503() {
    let (server, _folder) = serve("connections = 2");
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
    }
    for _ in 0..3 {
        let mut third = server.connect();
        let response = third.request("GET", "/small.jpg", &[]);
        assert_eq!((response.status, response.complete), (503, true));
        assert_eq!((response.field("retry-after"), response.field("cache-control")), ("1", "no-store"));
        assert_eq!(response.field("connection"), "close");
        assert!(response.text().contains("connection limit is reached"), "{response:?}");
        assert!(third.is_closed());
    }
    for client in &mut clients {
        assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200, "those within the limit go on");
    }
    let [first, mut second] = clients;
    drop(first);
    let mut third = eventually("the place of the first is free", || {
        let mut third = server.connect();
        (third.request("GET", "/small.jpg", &[]).status == 200).then_some(third)
    });
    assert_eq!(server.get("/small.jpg").status, 503, "but only that one");
    for client in [&mut second, &mut third] {
        assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200);
    }
}

#[test]
fn many_connections_beyond_the_limit_are_rejected() {
    let (server, _folder) = serve("connections = 1");
    let mut first = server.connect();
    assert_eq!(first.request("GET", "/small.jpg", &[]).status, 200);
    // Most send nothing, and they are more than get a response.
    let crowd: Vec<_> = (0..400).map(|_| server.connect()).collect();
    assert_eq!(first.request("GET", "/small.jpg", &[]).status, 200);
    for mut client in crowd {
        assert!(client.is_closed());
    }
    drop(first);
    eventually("the place is free", || {
        let mut client = server.connect();
        client.send("GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
        // A connection that comes while that many are being rejected gets no response.
        client.head().is_ok_and(|response| response.status == 200).then_some(())
    });
}

/// Sends bytes that the server may not read to the end, and returns the status of its response.
#[track_caller]
fn status_of(server: &Server, head: &str) -> u16 {
    let mut client = server.connect();
    let _ = client.stream.get_mut().write_all(head.as_bytes());
    let status = client.head().expect("a response head").status;
    client.read_to_end();
    status
}

#[test]
fn an_oversized_request_head_is_rejected() {
    let (mut server, _folder) = serve("head_size = \"8 KiB\"");
    let long = |len| "x".repeat(len);
    let request = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
    for (head, statuses) in [
        (request("/small.jpg", &format!("X-Long: {}\r\n", long(9_000))), &[431][..]),
        (request("/small.jpg", &format!("X-Long: {}\r\n", long(1 << 20))), &[431]),
        (request("/small.jpg", &"X-Many: 1\r\n".repeat(900)), &[431]),
        (request("/small.jpg", &"a:\r\n".repeat(500)), &[431]),
        (request(&format!("/{}", long(9_000)), ""), &[414, 431]),
        (request(&format!("/{}", long(70_000)), ""), &[414, 431]),
        (request(&format!("/small.jpg?{}", long(9_000)), ""), &[414, 431]),
    ] {
        let status = status_of(&server, &head);
        assert!(statuses.contains(&status), "{status} for {}… of {} bytes", &head[..40], head.len());
        assert_served(&server);
    }
    // A head within the limit is accepted; a path that fits into it but is too long for a file is not found.
    let response = server.request("GET", "/small.jpg", &[("X-Long", &long(7_000))]);
    assert_eq!(response.status, 200);
    assert_eq!(server.get(&format!("/{}", long(5_000))).status, 404);
    assert!(server.is_running());
}

#[test]
fn the_limit_of_request_heads_is_configurable() {
    let (server, _folder) = serve("head_size = \"256 KiB\"");
    let response = server.request("GET", "/small.jpg", &[("X-Long", &"x".repeat(200_000))]);
    assert_eq!(response.status, 200);
}

#[test]
fn bytes_other_than_http_are_rejected_and_do_no_harm() {
    let (mut server, _folder) = serve("head_timeout = \"1s\"");
    // A ClientHello, as sent to a port that a client takes for HTTPS (RFC 8446 section 4.1.2).
    let client_hello = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), noise(506, 7)].concat();
    // The first frame must be SETTINGS (RFC 9113 section 3.4).
    let unexpected_frames = [PREFACE, &noise(4096, 8)].concat();
    for bytes in [
        &client_hello[..],
        &unexpected_frames,
        &[PREFACE, PREFACE].concat(),
        &noise(1 << 16, 9),
        &[0; 4096],
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: test\r\n\r\n",
        b"GET /small.jpg\r\n",
        b"GET /small.jpg HTTP/1.1\r\nHost test\r\n\r\n",
        b"GET /small.jpg HTTP/1.1\r\nHost: test\r\nA\0B: c\r\n\r\n",
        b"GET /small.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n",
        b"GET /small.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        "G\u{cb}T / HTTP/1.1\r\n\r\n".as_bytes(),
    ] {
        let mut client = server.connect();
        // The connection may be closed before everything is sent.
        let _ = client.stream.get_mut().write_all(bytes);
        let answer = client.read_to_end();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{shown:?}: {}", String::from_utf8_lossy(&answer));
        assert_served(&server);
    }
    for _ in 0..100 {
        drop(server.connect());
    }
    assert_served(&server);
    assert!(!server.lines().iter().any(|line| line.contains("panicked")), "{:#?}", server.lines());
}

#[test]
fn a_server_out_of_file_descriptors_survives_and_pauses() {
    let folder = Folder::new();
    folder.write("small.jpg", "small").write("other.jpg", "other");
    let mut command = wamedia_from_shell("ulimit -n 64; exec \"$0\" \"$@\"");
    let mut server =
        Server::spawn(command.current_dir(folder.path()).args(["serve", ".", "--listen", "127.0.0.1:0"]));
    let mut first = server.connect();
    assert_eq!(first.request("GET", "/small.jpg", &[]).text(), "small");
    let crowd: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    server.wait_for_line("cannot accept connections");

    let before = cpu_time(server.pid());
    thread::sleep(Duration::from_secs(2));
    let spent = cpu_time(server.pid()).saturating_sub(before);
    assert!(spent < Duration::from_secs(1), "{spent:?} in two seconds, for nothing");

    // Without a descriptor a file cannot be opened either; that must not look as if the file were missing.
    for (target, body) in [("/small.jpg", "small"), ("/other.jpg", "other")] {
        let response = first.request("GET", target, &[]);
        match response.status {
            200 => assert_eq!(response.text(), body),
            503 => assert!(response.has("retry-after"), "{response:?}"),
            _ => panic!("{response:?}"),
        }
    }
    drop(crowd);
    eventually("new connections are served again", || {
        let mut client = server.connect();
        client.send("GET /other.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
        client.head().is_ok_and(|response| response.status == 200).then_some(())
    });
    assert!(server.is_running());
}

#[test]
fn a_server_that_cannot_start_every_core_does_not_start() {
    let folder = Folder::new();
    let mut command = wamedia_from_shell("ulimit -n 20; exec \"$0\" serve . --listen 127.0.0.1:0");
    let outcome = outcome(command.current_dir(folder.path()).env("WAMEDIA_THREADS", "8"));
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot start a serving core: Too many open files"), "{outcome:?}");
    assert!(outcome.stderr.contains("ulimit -n"), "{outcome:?}");
}
