//! Outages of the authority, and failed validations.

use std::fs;

use rustix::process::Signal;
use rustls::{AlertDescription, Error};

use super::pebble::Pebble;
use super::{House, NAME, ask};
use crate::support::{Client, Folder, Server};
use crate::tls::shake;

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn a_stored_certificate_is_served_at_once_while_the_authority_is_down() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    let client = pebble.client(&["http/1.1"]);
    let first = ask(&server, &client, NAME).expect("a handshake");
    server.end();
    pebble.stop();
    let server = house.serve(&pebble, &[NAME], "");
    assert_eq!(ask(&server, &client, NAME).expect("a handshake"), first);
    let lines = server.end();
    assert!(lines.iter().any(|line| line.contains(NAME) && line.contains("found in")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("cannot obtain a certificate")), "{lines:#?}");
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn an_authority_that_is_down_at_the_first_start_is_retried() {
    let mut pebble = Pebble::new(3600);
    // It must have been up before: its root certificate is created at each start, and clients need one.
    pebble.start();
    let client = pebble.client(&["http/1.1"]);
    pebble.stop();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    let line = server.wait_for_line("cannot obtain a certificate");
    assert!(line.contains("cannot be reached") && line.contains("no certificate is served"), "{line}");
    assert!(line.contains("the next attempt is at"), "{line}");
    let error = shake(server.address, &client, NAME).expect_err("no certificate is served");
    let error = error.into_inner().expect("an error of TLS");
    let alert = Error::AlertReceived(AlertDescription::AccessDenied);
    assert_eq!(*error.downcast::<Error>().expect("an error of TLS"), alert);
    server.wait_for_line("no certificate for the requested name yet");
    assert_eq!(Client::new(server.addresses[1]).request("GET", "/a.jpg", &[]).status, 404);

    pebble.start();
    server.wait_for_line("obtained from");
    ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn a_certificate_that_cannot_be_stored_is_served() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    let first = ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
    server.end();
    // A folder cannot be replaced by a file.
    for (path, _) in house.kept() {
        if path.extension().is_some_and(|end| end == "pem") || path.ends_with("account.json") {
            fs::remove_file(&path).expect("removed");
            if !path.ends_with("account.json") {
                fs::create_dir(&path).expect("a folder");
            }
        }
    }
    let mut server = house.serve(&pebble, &[NAME], "");
    let line = server.wait_for_line("the new certificate is served until the server stops");
    assert!(line.contains("cannot be written"), "{line}");
    server.wait_for_line("obtained from");
    assert_ne!(ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake"), first);
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn failures_outlive_the_process() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    pebble.lead(NAME, "127.0.0.2");
    let house = House::new();
    // After a first failure a restart retries at once: something may have been fixed. After a second one it does not.
    for _ in 0..2 {
        let mut server = house.serve(&pebble, &[NAME], "");
        server.wait_for_line("cannot obtain a certificate");
        server.end();
    }
    let (_, text) = house
        .kept()
        .into_iter()
        .find(|(path, _)| path.extension() == Some("failures".as_ref()))
        .expect("failures");
    let kept: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!((&kept["count"], &kept["unreached"]), (&2.into(), &false.into()));
    let mut server = house.serve(&pebble, &[NAME], "");
    let line = server.wait_for_line("earlier attempts failed repeatedly");
    assert!(line.contains("the next attempt for media.example.com is at"), "{line}");
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn a_name_that_points_elsewhere_is_reported_and_nothing_breaks() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    pebble.lead(NAME, "127.0.0.2");
    let elsewhere = Folder::new();
    let address = format!("127.0.0.2:{}", pebble.http_port);
    let _other = Server::with(elsewhere.path(), &["--listen", &address]);
    for (kind, parts) in [
        (
            "tls-alpn-01",
            ["A and AAAA records of media.example.com", "make port 443 reachable", "terminates TLS"],
        ),
        ("http-01", ["(unauthorized)", "A and AAAA", "make port 80 reachable"]),
    ] {
        let house = House::new();
        let mut server = house.serve(&pebble, &[NAME], &format!("challenge = \"{kind}\""));
        let line = server.wait_for_line("cannot obtain a certificate");
        for part in parts.iter().chain(&[NAME, "could not be validated", "the next attempt is at"]) {
            assert!(line.contains(part), "{part}: {line}");
        }
        shake(server.address, &pebble.client(&[]), NAME).expect_err("no certificate is served");
        assert_eq!(Client::new(server.addresses[1]).request("GET", "/a.jpg", &[]).status, 404);
        assert!(server.is_running());
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
        // Once it is fixed, the next start obtains the certificate.
        pebble.lead(NAME, "127.0.0.1");
        let mut server = house.serve(&pebble, &[NAME], &format!("challenge = \"{kind}\""));
        server.wait_for_line("obtained from");
        ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
        pebble.lead(NAME, "127.0.0.2");
    }
}
