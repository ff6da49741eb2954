//! Clients that disconnect, and half-closed clients that have nothing more to ask.

use std::fs::File;
use std::io::Read;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::bucket::serving;
use crate::s3_server::{Meta, S3Server};
use crate::support::proc::{cpu_time, wait_until_read};
use crate::support::{Client, Folder, Server, eventually, noise};

const GET_BIG: &str = "GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n";
const GET_SMALL: &str = "GET /small.jpg HTTP/1.1\r\nHost: test\r\n\r\n";

/// More than the socket buffers between server and client hold.
const BIG: usize = 24 << 20;

fn serve(toml: &str) -> (Server, Vec<u8>, Folder) {
    let folder = Folder::new();
    let big = noise(BIG, 1);
    folder.write("big.mp4", &big).write("small.jpg", "small");
    let server = Server::configured(&folder, &format!("{toml}[[mount]]\nstore = \".\"\n"));
    (server, big, folder)
}

#[test]
fn a_half_closed_client_gets_its_response() {
    for toml in ["", "[memory]\ncache = 0\n"] {
        let (server, big, _folder) = serve(toml);
        // The first time the file has to be hashed, the second time it is cached.
        for time in ["first", "second"] {
            let with_half_a_body = GET_SMALL.replace("\r\n\r\n", "\r\nContent-Length: 10\r\n\r\n01234");
            for (request, body) in
                [(GET_SMALL, &b"small"[..]), (GET_BIG, &big), (&*with_half_a_body, &b"small"[..])]
            {
                let mut client = server.connect();
                client.send(request);
                client.end();
                let mut response = client.head().expect("a head");
                client.body(&mut response);
                assert!(response.complete && response.body == body, "{request:?} {time} {toml:?}");
                assert!(client.is_closed());
            }
        }
    }
}

#[test]
fn a_half_closed_client_gets_every_pipelined_response() {
    let (server, _, _folder) = serve("");
    let mut client = server.connect();
    client.send(format!("{GET_SMALL}HEAD /none HTTP/1.1\r\nHost: test\r\n\r\n{GET_SMALL}"));
    client.end();
    for status in [200, 404, 200] {
        let mut response = client.head().expect("a head");
        assert_eq!(response.status, status);
        if status == 200 {
            client.body(&mut response);
            assert_eq!(response.text(), "small");
        }
    }
    assert!(client.is_closed());
}

#[test]
fn a_client_that_half_closes_while_reading_gets_the_rest() {
    let (server, big, _folder) = serve("");
    let mut client = server.connect();
    client.send(GET_BIG);
    let mut response = client.head().expect("a head");
    let mut first = vec![0; 1 << 20];
    client.stream.read_exact(&mut first).expect("a part");
    client.end();
    response.body = first;
    response.body.extend(client.read_to_end());
    assert!(response.body == big, "{} of {BIG} bytes", response.body.len());
}

#[test]
fn an_incomplete_request_gets_no_response() {
    let (server, _, _folder) = serve("");
    for half in ["", "GET /small.jpg HTTP/1.1\r\n", "GET /small.jpg HTTP/1.1\r\nHost: test\r\n"] {
        let mut client = server.connect();
        client.send(half);
        client.end();
        let answer = client.read_to_end();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{half:?}");
    }
}

/// Resets a connection.
fn reset(client: Client) {
    SockRef::from(client.stream.get_ref()).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(client);
}

#[test]
fn a_disconnect_cancels_the_work_for_the_client() {
    for leave in [drop, reset] {
        let folder = Folder::new();
        // A sparse file that takes minutes to hash.
        File::create(folder.at("huge.mp4")).expect("a file").set_len(256 << 30).expect("a length");
        folder.write("small.jpg", "small");
        let mut server = Server::start(folder.path());
        let mut client = server.connect();
        client.send("GET /huge.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        wait_until_read(client.stream.get_ref());
        leave(client);
        let line = server.wait_for_line("/huge.mp4");
        assert!(line.contains("\" - 0/0 ") && line.contains(" cut "), "{line}");
        eventually("the server is idle", || {
            let before = cpu_time(server.pid());
            thread::sleep(Duration::from_millis(100));
            (cpu_time(server.pid()) == before).then_some(())
        });
        assert_eq!(server.get("/small.jpg").text(), "small");
    }
}

#[test]
fn a_response_to_a_disconnected_client_is_logged_as_cut() {
    /// More than the socket buffers hold: on a busy machine, the news that the client is gone comes after the first bytes.
    const LENGTH: usize = 16 << 20;
    let s3 = S3Server::start();
    for name in ["gone.jpg", "waiting.jpg"] {
        s3.put(name, noise(LENGTH, 1), Meta::default());
    }
    let mut server = serving(&s3);
    for (name, outcome) in [("gone.jpg", " cut "), ("waiting.jpg", " completed ")] {
        let gate = s3.hold(|_| true);
        let mut client = server.connect();
        client.send(format!("GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n"));
        client.end();
        wait_until_read(client.stream.get_ref());
        // Both look the same until something is sent.
        let client = (name == "waiting.jpg").then_some(client);
        drop(gate);
        if let Some(mut client) = client {
            let mut response = client.head().expect("a head");
            client.body(&mut response);
            assert!(response.complete);
        }
        let line = server.wait_for_line(&format!("/{name} "));
        assert!(line.contains(outcome), "{line}");
        assert_eq!(line.contains(&format!(" {LENGTH}/{LENGTH} ")), outcome == " completed ", "{line}");
    }
}

#[test]
fn disconnected_clients_leave_nothing_behind() {
    let (mut server, _, _folder) = serve("[limits]\nconnections = 20\n");
    for number in 0..200 {
        let mut client = server.connect();
        match number % 5 {
            0 => {}
            1 => client.send("GET /sm"),
            2 => client.send(GET_BIG),
            3 => {
                client.send(GET_BIG);
                let _ = client.head();
            }
            _ => {
                client.send(GET_BIG);
                reset(client);
            }
        }
    }
    // Every connection is free again.
    eventually("twenty connections are accepted", || {
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        clients.iter_mut().all(|client| client.request("GET", "/small.jpg", &[]).status == 200).then_some(())
    });
    assert!(server.is_running());
    assert!(!server.lines().iter().any(|line| line.contains("panicked")), "{:#?}", server.lines());
}
