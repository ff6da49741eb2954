//! The first certificate, and the stored state.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::pebble::{Pebble, has_key};
use super::{House, NAME, ask};
use crate::support::Client;
use crate::tls::shake;

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn the_first_certificate_is_obtained_by_either_challenge() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    for kind in ["tls-alpn-01", "http-01"] {
        let house = House::new();
        let acme = format!("contact = \"ops@example.com\"\nchallenge = \"{kind}\"\n");
        let mut server = house.serve(&pebble, &[NAME], &acme);
        let line = server.wait_for_line("obtained from");
        assert!(line.contains(NAME) && line.contains(&format!("by {kind}; renewal at")), "{line}");
        ask(&server, &pebble.client(&["http/1.1"]), NAME).expect("a handshake");
        ask(&server, &pebble.client(&[]), "other.example").expect_err("it is for another name");

        // Challenges are no longer answered.
        shake(server.address, &pebble.client(&["acme-tls/1"]), NAME).expect_err("there is no challenge");
        let mut plain = Client::new(server.addresses[1]);
        assert_eq!(plain.request("GET", "/.well-known/acme-challenge/a", &[]).status, 404);
        assert_eq!(plain.request("GET", "/a.jpg", &[]).status, 404);

        let kept = house.kept();
        for (path, _) in &kept {
            let mode = |path: &std::path::Path| {
                fs::metadata(path).expect("it is there").permissions().mode() & 0o777
            };
            assert_eq!(mode(path), 0o600, "{path:?}");
            assert_eq!(mode(path.parent().expect("a folder")), 0o700, "{path:?}");
        }
        assert_eq!(kept.len(), 3, "account, certificate and lock: {kept:?}");
        assert!(
            kept.iter().any(|(path, text)| path.extension().is_some_and(|end| end == "pem") && has_key(text))
        );
        let account: serde_json::Value = serde_json::from_slice(&house.account()).expect("JSON");
        assert_eq!(account["contact"][0], "mailto:ops@example.com");

        // The log contains no secrets.
        let secret = account["credentials"]["key_pkcs8"].as_str().expect("a key").to_owned();
        let lines = server.end();
        assert!(
            !lines.iter().any(|line| line.contains(&secret) || line.contains("PRIVATE KEY")),
            "{lines:#?}"
        );
    }
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn one_certificate_is_for_all_names() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME, "b.example"], "");
    server.wait_for_line("obtained from");
    let client = pebble.client(&["http/1.1"]);
    let shown = [NAME, "b.example"].map(|name| ask(&server, &client, name).expect("a handshake"));
    assert_eq!(shown[0], shown[1]);
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn a_name_is_added_with_the_same_account_while_the_old_certificate_is_served() {
    let mut pebble = Pebble::new(3600);
    pebble.start();
    let house = House::new();
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    let client = pebble.client(&["http/1.1"]);
    let first = ask(&server, &client, NAME).expect("a handshake");
    let account = house.account();
    server.end();

    // The new name points nowhere yet.
    pebble.lead("b.example", "127.0.0.2");
    let mut server = house.serve(&pebble, &[NAME, "b.example"], "");
    let line = server.wait_for_line("cannot obtain a certificate");
    assert!(line.contains("b.example could not be validated"), "{line}");
    assert!(line.contains("still serving the certificate for media.example.com"), "{line}");
    assert!(line.contains("this blocks media.example.com, too"), "{line}");
    assert!(line.contains("remove b.example from `acme.domains`"), "{line}");
    assert_eq!(ask(&server, &client, NAME).expect("a handshake"), first);
    server.end();

    pebble.lead("b.example", "127.0.0.1");
    let mut server = house.serve(&pebble, &[NAME, "b.example"], "");
    server.wait_for_line("obtained from");
    assert_ne!(ask(&server, &client, NAME).expect("a handshake"), first);
    ask(&server, &client, "b.example").expect("a handshake");
    assert!(!server.end().iter().any(|line| line.contains("an account with")));
    assert_eq!(house.account(), account);

    // The contact is updated, and nothing else of the account changes.
    let mut server = house.serve(&pebble, &[NAME, "c.example"], "contact = \"new@example.com\"");
    server.wait_for_line("obtained from");
    let after: serde_json::Value = serde_json::from_slice(&house.account()).expect("JSON");
    let before: serde_json::Value = serde_json::from_slice(&account).expect("JSON");
    assert_eq!(after["contact"][0], "mailto:new@example.com");
    assert_eq!(after["credentials"], before["credentials"]);
}

#[test]
#[ignore = "needs Pebble: tests/backends/run pebble"]
fn processes_with_one_state_folder_share_a_certificate() {
    let mut pebble = Pebble::new(3600).forgetful();
    pebble.start();
    let house = House::new();
    let mut aside = house.serve_aside(&pebble, &[NAME]);
    aside.wait_for_line("cannot obtain a certificate");
    let mut server = house.serve(&pebble, &[NAME], "");
    server.wait_for_line("obtained from");
    aside.wait_for_line("stored by another process");
    let client = pebble.client(&["http/1.1"]);
    assert_eq!(
        ask(&aside, &client, NAME).expect("a handshake"),
        ask(&server, &client, NAME).expect("a handshake")
    );
    assert!(!server.end().iter().any(|line| line.contains("an account with")), "it uses the same account");
}
