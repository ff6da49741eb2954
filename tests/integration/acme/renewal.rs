//! Certificates of some seconds, renewed in real time.

use std::time::{Duration, Instant};

use super::pebble::Pebble;
use super::{House, NAME, ask};

/// Lifetime of a certificate in seconds, where every handshake must succeed: a third of it is for the renewal.
const LIFETIME: u32 = 40;
/// And where handshakes do not matter.
const SHORT: u32 = 30;

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn certificates_are_renewed_while_clients_connect() {
    let mut pebble = Pebble::new(LIFETIME);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    let mut shown: Vec<Vec<u8>> = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(u64::from(LIFETIME) * 4);
    while shown.len() < 3 {
        assert!(Instant::now() < deadline, "{} certificates: {:#?}", shown.len(), server.lines());
        // Each with a session of its own, so that none is resumed and each sees the certificate.
        let certificate = ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
        if shown.last() != Some(&certificate) {
            shown.push(certificate);
        }
    }
    assert!(!server.end().iter().any(|line| line.contains("cannot obtain a certificate")));
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn after_a_failed_challenge_the_other_type_is_tried() {
    let mut pebble = Pebble::new(SHORT).forgetful();
    pebble.start();
    let house = House::new();
    // Not on the port of TLS-ALPN-01.
    let toml = |challenge| {
        format!(
            "listen = \"127.0.0.1:0\"\nplain_listen = \"127.0.0.1:{}\"\n[acme]\ndomains = {NAME:?}\nchallenge = {challenge}\n{}",
            pebble.http_port,
            pebble.toml()
        )
    };
    let mut server = house.serve_as(&toml("\"http-01\""));
    server.wait_for_line("obtained from");
    server.end();
    // The stored certificate is so short-lived that the waits after failures are seconds.
    let mut server = house.serve_as(&toml("[\"tls-alpn-01\", \"http-01\"]"));
    let line = server.wait_for_line("cannot obtain a certificate");
    assert!(line.contains("port 443") && line.contains("still serving the previous certificate"), "{line}");
    let line = server.wait_for_line("obtained from");
    assert!(line.contains("by http-01"), "{line}");
    ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn during_an_outage_of_the_authority_the_certificate_stays_and_renewal_is_retried() {
    let mut pebble = Pebble::new(SHORT);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    let client = pebble.client(&["http/1.1"]);
    pebble.stop();
    let line = server.wait_for_line("cannot obtain a certificate");
    assert!(
        line.contains("cannot be reached") && line.contains("still serving the previous certificate"),
        "{line}"
    );
    ask(&server, &client, NAME).expect("a handshake");
    // Pebble has forgotten the account, too.
    pebble.start();
    server.wait_for_line("no longer has the account");
    server.wait_for_line("obtained from");
    ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
}
