//! TLS handshakes: negotiation, resumption and failures.

use std::io::{Read, Write};

use rustls::{AlertDescription, Error, HandshakeKind};

use super::{BOTH, House, NAME, TLS12, TLS13, configuration, http2, shake, shake_over};
use crate::support::http2_frames::PREFACE;
use crate::support::{Client, Server, connected, is_timeout, noise};

#[test]
fn both_tls_versions_and_http_versions_are_negotiated() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let server = house.serve("");
    for (versions, version) in [(TLS12, "TLSv1_2"), (TLS13, "TLSv1_3"), (BOTH, "TLSv1_3")] {
        for (offered, agreed) in [
            (&[][..], None),
            (&["http/1.1"], Some("http/1.1")),
            (&["http/1.0"], Some("http/1.0")),
            (&["h2"], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
            (&["spdy/1", "http/1.1"], Some("http/1.1")),
            // `acme-tls/1` beside other protocols is not a validation.
            (&["acme-tls/1", "http/1.1"], Some("http/1.1")),
        ] {
            let config = house.authority.client(versions, offered);
            let stream = shake(server.address, &config, NAME).expect("a handshake");
            assert_eq!(format!("{:?}", stream.conn.protocol_version().expect("a version")), version);
            let got = stream.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
            assert_eq!(got.as_deref(), agreed, "{offered:?}");
            if agreed != Some("h2") {
                let response = Client::over(stream).request("GET", "/a.jpg", &[]);
                assert_eq!((response.status, response.text()), (200, "a"), "{offered:?}");
            }
        }
    }
}

#[tokio::test]
async fn http2_carries_many_streams_over_one_handshake() {
    let house = House::new();
    for number in 0..50 {
        house.folder.write(&format!("media/{number}.jpg"), noise(70_000, number));
    }
    let server = house.serve("");
    let client = house.connect2(&server, &http2()).await;
    let streams: Vec<_> = (0..50)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.get(&format!("/{number}.jpg")).await })
        })
        .collect();
    for (number, stream) in (0..).zip(streams) {
        let (response, body) = stream.await.expect("an answer");
        assert!(response.status() == 200 && body == noise(70_000, number), "{number}");
    }
}

#[test]
fn sessions_are_resumed_on_every_core() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let server = house.serve("");
    let toml = "threads = 2\n".to_owned() + &configuration("");
    let two = Server::configured(&house.folder, &toml);
    for server in [&server, &two] {
        for versions in [TLS12, TLS13] {
            let config = house.authority.client(versions, &["http/1.1"]);
            for number in 0..8 {
                let mut client = Client::over(shake(server.address, &config, NAME).expect("a handshake"));
                // With the response the client has received the ticket for the next session.
                assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
                let kind = client.stream.get_ref().conn.handshake_kind();
                let expected = if number == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
                assert_eq!(kind, Some(expected), "{number}");
            }
        }
    }
}

/// The alert with which the server ends a handshake.
fn refusal(house: &House, server: &Server, offered: &[&str]) -> Error {
    let error = shake(server.address, &house.authority.client(BOTH, offered), NAME).expect_err("a refusal");
    let error = error.into_inner().expect("an error of TLS");
    *error.downcast().expect("an error of TLS")
}

#[test]
fn a_client_without_a_common_protocol_gets_an_alert() {
    let house = House::new();
    let server = house.serve("");
    let alert = AlertDescription::NoApplicationProtocol;
    assert_eq!(refusal(&house, &server, &["spdy/1"]), Error::AlertReceived(alert));
    // A challenge that this server has not requested.
    let alert = AlertDescription::AccessDenied;
    assert_eq!(refusal(&house, &server, &["acme-tls/1"]), Error::AlertReceived(alert));
}

#[test]
fn a_connection_without_tls_is_closed_with_an_alert_at_most() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let mut server = house.serve("");
    for bytes in
        [&b"GET /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n"[..], PREFACE, &noise(1000, 1), b"\r\n\r\n\r\n"]
    {
        let mut stream = connected(server.address);
        stream.write_all(bytes).expect("it is taken");
        let mut answer = Vec::new();
        if let Err(e) = stream.read_to_end(&mut answer) {
            assert!(!is_timeout(&e), "neither an answer nor an end");
        }
        // An alert record (RFC 8446 section 6), and no HTTP.
        assert!(answer.is_empty() || answer[0] == 21 && answer.len() < 10, "{answer:?}");
    }
    assert_eq!(house.connect(&server).request("GET", "/a.jpg", &[]).status, 200);
    let line = server.wait_for_line("handshakes failed");
    assert!(line.contains("is not TLS"), "{line}");
    // Failures that were not logged yet are logged at the end.
    let lines = server.end();
    let summaries = lines.iter().filter_map(|line| line.split("handshakes failed: ").nth(1));
    let count = |summary: &str| summary.split(' ').next()?.parse().ok();
    let counts: Vec<u32> = summaries.map(|summary| count(summary).expect("a count")).collect();
    assert_eq!(counts.iter().sum::<u32>(), 4, "each once: {lines:#?}");
}

#[test]
fn failed_handshakes_are_logged_even_if_none_follows() {
    let house = House::new();
    let mut server = house.serve("");
    for _ in 0..2 {
        refusal(&house, &server, &["acme-tls/1"]);
        let line = server.wait_for_line("handshakes failed: 1 ");
        assert!(line.contains("(1 × ACME validation (acme-tls/1)"), "{line}");
        assert!(!line.contains("no certificate"), "{line}");
    }
}

#[test]
fn a_client_that_rejects_the_certificate_is_reported() {
    let house = House::new();
    let mut server = house.serve("");
    let config = house.authority.client(BOTH, &[]);
    shake(server.address, &config, "unknown.example").expect_err("it is for another name");
    let line = server.wait_for_line("handshakes failed");
    assert!(line.contains("1 × the client rejected the certificate"), "{line}");
}

#[test]
fn the_proxy_protocol_comes_before_tls() {
    let house = House::new();
    house.folder.write("media/small.jpg", "small");
    let mut server = Server::configured(
        &house.folder,
        &format!("proxy_protocol = true\ntrusted_proxies = [\"127.0.0.1\"]\n{}", configuration("")),
    );
    for header in [
        &b"PROXY TCP4 192.0.2.7 198.51.100.2 56324 443\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x02\xdc\x04\x01\xbb",
    ] {
        let mut stream = connected(server.address);
        stream.write_all(header).expect("written");
        let config = house.authority.client(BOTH, &["http/1.1"]);
        let mut client = Client::over(shake_over(stream, &config, NAME).expect("a handshake"));
        assert_eq!(client.request("GET", "/small.jpg", &[]).text(), "small");
        let line = server.wait_for_line("\"GET /small.jpg");
        assert!(line.contains(" 192.0.2.7:56324 "), "{line}");
    }
}
