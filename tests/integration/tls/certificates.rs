//! Certificates: selection, replacement, and errors.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, mkfifoat};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;

use super::{Authority, BOTH, House, NAME, shake, shown};
use crate::support::{Client, Folder, Server, eventually, run, wamedia};

#[test]
fn the_certificate_is_selected_by_name_or_is_the_first() {
    let house = House::new();
    let wide = house.authority.issue(&["*.wide.example", "other.example", "exact.wide.example"]);
    let exact = house.authority.issue(&["exact.wide.example", "third.example"]);
    house.put("wide", &wide);
    house.put("exact", &exact);
    let toml = "[tls]\ncert = [\"tls.pem\", \"exact.pem\", \"wide.pem\"]\nkey = [\"tls.key\", \"exact.key\", \"wide.key\"]\n\
                [[mount]]\nstore = \"media\"\n";
    let server = Server::configured(&house.folder, toml);
    for (name, issued) in [
        (NAME, &house.issued),
        ("a.wide.example", &wide),
        ("A.Wide.Example", &wide),
        ("other.example", &wide),
        ("third.example", &exact),
        ("exact.wide.example", &exact),
    ] {
        let stream = shake(server.address, &house.authority.client(BOTH, &[]), name).expect("a handshake");
        assert!(shown(&stream) == issued.leaf, "{name}");
    }
    // Clients that request another name get the first certificate, and reject it.
    let verifying = house.authority.client(BOTH, &[]);
    for name in ["unknown.example", "a.b.wide.example", "wide.example", "127.0.0.1"] {
        shake(server.address, &verifying, name).expect_err(name);
    }
    let without_sni = house.authority.peculiar_client(BOTH, &[], |config| config.enable_sni = false);
    let stream = shake(server.address, &Arc::new(without_sni), NAME).expect("a handshake");
    assert!(shown(&stream) == house.issued.leaf, "no name at all");
}

#[test]
fn a_public_url_without_a_certificate_is_reported() {
    let house = House::new();
    let warning = "the host of public_url";
    for (url, expected) in [
        (format!("https://{NAME}"), None),
        ("https://192.0.2.1".to_owned(), None),
        (
            "https://elsewhere.example:8443/x".to_owned(),
            Some("no certificate is for elsewhere.example, the host"),
        ),
        (format!("http://{NAME}"), Some("serves HTTPS; write https://")),
    ] {
        let path = if url.ends_with("/x") { "/x" } else { "/" };
        let toml = format!(
            "public_url = \"{url}\"\n[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\n[[mount]]\npath = \"{path}\"\nstore = \"media\"\n"
        );
        let mut server = Server::configured(&house.folder, &toml);
        // Warnings come before the banner.
        let log = server.lines().join("\n");
        assert_eq!(log.contains(warning), expected.is_some_and(|part| part.contains("host")), "{url}: {log}");
        assert!(expected.is_none_or(|part| log.contains(part)), "{url}: {log}");
        // A reload logs the warning again.
        server.signal(Signal::HUP);
        if let Some(part) = expected {
            server.wait_for_line(part);
        }
        server.wait_for_line("configuration reloaded");
    }
}

#[test]
fn a_reload_applies_changed_certificates() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let mut server = house.serve("");
    let mut kept = house.connect(&server);
    let other = house.authority.issue(&[NAME, "second.example"]);
    house.put("other", &other);
    let two = "[tls]\ncert = [\"other.pem\", \"tls.pem\"]\nkey = [\"other.key\", \"tls.key\"]\n\
               [[mount]]\nstore = \"media\"\n";
    let one = two.replace(", \"tls.pem\"", "").replace(", \"tls.key\"", "");
    for toml in [two, &one, two, &one] {
        house.folder.write("wamedia.toml", toml);
        server.signal(Signal::HUP);
        server.wait_for_line("configuration reloaded");
        assert!(shown_now(&house, &server) == other.leaf, "{toml}");
        assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 200);
    }
    // A key of another certificate, and no certificate at all.
    for (toml, reason) in [
        (one.replace("other.key", "tls.key"), "does not belong to the certificate"),
        ("[[mount]]\nstore = \"media\"\n".to_owned(), "`tls.cert` changed; restart to apply it"),
    ] {
        house.folder.write("wamedia.toml", toml);
        server.signal(Signal::HUP);
        server.wait_for_line(reason);
        assert!(shown_now(&house, &server) == other.leaf, "{reason}");
    }
}

#[test]
fn certificate_files_inside_the_served_folder_are_not_served() {
    let house = House::new();
    house.folder.write("a.jpg", "a");
    symlink("tls.key", house.folder.at("alias.txt")).expect("a link");
    // As Kubernetes mounts secrets: the file itself is a link, too.
    house.folder.write("v1/k8s.key", &house.issued.key).write("v1/k8s.pem", house.issued.chain());
    symlink("v1/k8s.key", house.folder.at("k8s.key")).expect("a link");
    symlink("v1/k8s.pem", house.folder.at("k8s.pem")).expect("a link");
    let toml = "tls.cert = [\"tls.pem\", \"k8s.pem\"]\ntls.key = [\"tls.key\", \"k8s.key\"]\n\
                [[mount]]\nstore = \".\"\n";
    let server = Server::configured(&house.folder, toml);
    let mut client = house.connect(&server);
    assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
    let files = ["tls.key", "tls.pem", "alias.txt", "k8s.key", "k8s.pem", "v1/k8s.key", "v1/k8s.pem"];
    let renewed = house.authority.issue(&[NAME]);
    for issued in [&house.issued, &renewed] {
        house.put("tls", issued);
        for file in files {
            assert_eq!(client.request("GET", &format!("/{file}"), &[]).status, 404, "{file}");
        }
    }
}

/// The certificate that a new client gets.
fn shown_now(house: &House, server: &Server) -> CertificateDer<'static> {
    shown(&shake(server.address, &house.authority.client(BOTH, &[]), NAME).expect("a handshake"))
}

#[test]
fn a_renewed_certificate_is_served_without_closing_connections() {
    let house = House::new();
    house.folder.write("media/a.jpg", "a");
    let server = house.serve("");
    let mut kept = house.connect(&server);
    assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 200);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut count = 0;
            let mut old = house.connect(&server);
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(old.request("GET", "/a.jpg", &[]).text(), "a");
                assert_eq!(house.connect(&server).request("GET", "/a.jpg", &[]).text(), "a");
                count += 1;
            }
            count
        });
        for _ in 0..2 {
            let new = house.authority.issue(&[NAME]);
            house.put("tls", &new);
            eventually("the new certificate is shown", || {
                (shown_now(&house, &server) == new.leaf).then_some(())
            });
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(load.join().expect("nothing was dropped") > 0);
    });
    assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 200);
    let lines = server.end();
    assert!(!lines.iter().any(|line| line.contains(" error: ") || line.contains(" warning: ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(NAME) && line.contains("loaded from")), "{lines:#?}");
}

#[test]
fn a_broken_replacement_is_reported_and_the_old_certificate_stays_until_it_is_fixed() {
    let house = House::new();
    let mut server = house.serve("");
    let other = house.authority.issue(&[NAME]);
    for (file, text, part) in [
        ("tls.pem", "not a certificate", "contains no PEM certificate"),
        ("tls.pem", &other.chain(), "does not belong to the certificate"),
        ("tls.key", "-----BEGIN PRIVATE KEY-----\n", "is damaged"),
    ] {
        house.put_file(file, text);
        let line = server.wait_for_line("still serving the previous certificate");
        assert!(line.contains(part) && line.contains(file), "{line}");
        assert!(shown_now(&house, &server) == house.issued.leaf, "{file}");
    }
    fs::remove_file(house.folder.at("tls.key")).expect("removed");
    let line = server.wait_for_line("still serving the previous certificate");
    assert!(line.contains("cannot be read"), "{line}");
    assert!(shown_now(&house, &server) == house.issued.leaf);
    house.put_file("tls.key", &other.key);
    eventually("the new certificate is shown", || (shown_now(&house, &server) == other.leaf).then_some(()));
    let count =
        server.end().iter().filter(|line| line.contains("still serving the previous certificate")).count();
    assert_eq!(count, 4, "each once");
}

#[test]
fn a_swapped_symbolic_link_is_noticed_as_kubernetes_does_it() {
    let house = House::new();
    let new = house.authority.issue(&[NAME]);
    for (version, issued) in [("v1", &house.issued), ("v2", &new)] {
        house.folder.write(&format!("{version}/tls.crt"), issued.chain());
        house.folder.write(&format!("{version}/tls.key"), &issued.key);
    }
    symlink("v1", house.folder.at("..data")).expect("a link");
    symlink("..data/tls.crt", house.folder.at("tls.crt")).expect("a link");
    symlink("..data/tls.key", house.folder.at("k8s.key")).expect("a link");
    let toml = "[tls]\ncert = \"tls.crt\"\nkey = \"k8s.key\"\n[[mount]]\nstore = \"media\"\n";
    let server = Server::configured(&house.folder, toml);
    assert!(shown_now(&house, &server) == house.issued.leaf);
    symlink("v2", house.folder.at("..next")).expect("a link");
    fs::rename(house.folder.at("..next"), house.folder.at("..data")).expect("swapped");
    eventually("the new certificate is shown", || (shown_now(&house, &server) == new.leaf).then_some(()));
}

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

#[test]
fn unusable_certificates_end_the_program_before_a_port_is_bound() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&[NAME]), authority.issue(&[NAME]));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let damaged = one.own.replace("END", "DNE");
    for (chain, key, parts) in [
        ("", &*one.key, &["the certificate ", "a.pem cannot be read", "put it there"][..]),
        (&*one.chain(), "", &["the private key ", "a.key cannot be read", "put it there"]),
        ("hello", &one.key, &["a.pem contains no PEM certificate", "fullchain.pem"]),
        (&one.chain(), "hello", &["a.key contains no PEM private key", "privkey.pem"]),
        (&one.key, &one.chain(), &["a.pem contains a private key and no certificate", "swapped"]),
        (&one.chain(), &other.chain(), &["a.key contains a certificate and no private key", "swapped"]),
        (&one.chain(), &other.key, &["a.pem and the private key", "does not belong to the certificate"]),
        (&one.chain(), ENCRYPTED, &["a.key is encrypted", "openssl pkey"]),
        (&damaged, &one.key, &["a.pem is damaged", "its end is missing", "get a new copy"]),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one.key,
            &["a.pem contains something other than X.509"],
        ),
        (
            &one.chain(),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            &["a.key contains a key that cannot be used", "ECDSA P-256"],
        ),
    ] {
        let folder = Folder::new();
        for (name, text) in [("a.pem", chain), ("a.key", key)] {
            if !text.is_empty() {
                folder.write(name, text);
            }
        }
        // The address is taken: a server that got as far as binding would end with another message and code.
        let outcome = run(
            folder.path(),
            &["serve", ".", "--listen", &address, "--tls-cert", "a.pem", "--tls-key", "a.key"],
        );
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        for part in parts {
            assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
        }
        let secret = one.key.lines().nth(1).expect("a line of the key");
        assert!(!outcome.stderr.contains(secret), "nothing of the files: {}", outcome.stderr);
    }
}

#[test]
fn other_than_regular_files_are_rejected_without_blocking() {
    let issued = Authority::new().issue(&[NAME]);
    let folder = Folder::new();
    folder.write("a.pem", issued.chain()).write("a.key", &issued.key);
    folder.write("long.pem", issued.chain() + &"\n".repeat(1 << 20));
    mkfifoat(CWD, folder.at("fifo"), 0o600.into()).expect("a FIFO");
    fs::create_dir(folder.at("folder")).expect("a folder");
    for (cert, key, parts) in [
        ("fifo", "a.key", ["the certificate ", "fifo cannot be read: it is not a regular file; name one"]),
        ("a.pem", "fifo", ["the private key ", "fifo cannot be read: it is not a regular file; name one"]),
        ("folder", "a.key", ["the certificate ", "it is not a regular file; name the file in it"]),
        ("long.pem", "a.key", ["the certificate ", "it has more than 1024 KiB"]),
    ] {
        let outcome = run(folder.path(), &["serve", ".", "--tls-cert", cert, "--tls-key", key]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        for part in parts {
            assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
        }
    }
}

#[test]
fn reasons_to_reject_a_certificate_are_logged_at_the_start() {
    let authority = Authority::new();
    let good = authority.issue(&[NAME]);
    let expired = authority.issue_as(&[NAME], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.issue_as(&[NAME], |params| params.not_before = rcgen::date_time_ymd(3000, 1, 1));
    let nameless = authority.issue(&[]);
    let own = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let turned = format!("{}{}", good.intermediate, good.own);
    for (chain, key, mode, part) in [
        (&*good.chain(), &*good.key, 0o600, ""),
        (&good.chain(), &good.key, 0o640, ""),
        (&expired.chain(), &expired.key, 0o600, "the certificate expired at 2020-01-01T00:00:00Z"),
        (&early.chain(), &early.key, 0o600, "valid only from 3000-01-01T00:00:00Z on"),
        (&good.own, &good.key, 0o600, "do not know its issuer (CN=Test Intermediate)"),
        (&turned, &good.key, 0o600, "in the wrong order"),
        (&nameless.chain(), &nameless.key, 0o600, "names no host"),
        (&own.cert.pem(), &own.signing_key.serialize_pem(), 0o600, "is self-signed"),
        (&good.chain(), &good.key, 0o604, "accessible to every user of this machine"),
    ] {
        let folder = Folder::new();
        folder.write("a.pem", chain).write("a.key", key);
        fs::set_permissions(folder.at("a.key"), fs::Permissions::from_mode(mode)).expect("a mode");
        let mut command = wamedia();
        command.current_dir(folder.path());
        command.args(["serve", ".", "--listen", "127.0.0.1:0", "--tls-cert", "a.pem", "--tls-key", "a.key"]);
        let mut server = Server::spawn(&mut command);
        let lines = server.lines().to_vec();
        let warnings: Vec<_> = lines.iter().filter(|line| line.contains(" warning: ")).collect();
        assert_eq!(warnings.len(), usize::from(!part.is_empty()), "{lines:#?}");
        assert!(warnings.iter().all(|line| line.contains(part)), "{part}: {lines:#?}");
        // It is served nevertheless, and in the right order.
        if part.is_empty() || part.contains("order") {
            let config = authority.client(BOTH, &[]);
            let stream = shake(server.address, &config, NAME).expect("a handshake");
            Client::over(stream).request("GET", "/nothing.jpg", &[]);
        }
    }
}

#[test]
fn a_reload_that_takes_a_names_only_certificate_is_rejected() {
    let house = House::new();
    house.put("other", &house.authority.issue(&["other.example"]));
    let config = house.authority.client(BOTH, &[]);
    let acme = |names: &[&str]| {
        format!("[acme]\nstate = \"state\"\ndirectory = \"https://127.0.0.1:1/dir\"\ndomains = {names:?}\n")
    };
    let none = "[acme]\nstate = \"state\"\n".to_owned();
    let toml = |cert: &str, acme: &str| {
        let files = format!("[tls]\ncert = \"{cert}.pem\"\nkey = \"{cert}.key\"\n");
        let files = if cert.is_empty() { "" } else { &files };
        format!("{files}{acme}[[mount]]\nstore = \"media\"\n")
    };
    let mut server = Server::configured(&house.folder, &toml("tls", &acme(&[NAME])));
    assert!(shake(server.address, &config, NAME).is_ok());
    for refused in [toml("", &acme(&[NAME])), toml("", &none), toml("other", &acme(&[NAME]))] {
        house.folder.write("wamedia.toml", &refused);
        server.signal(Signal::HUP);
        let line = server.wait_for_line("SIGHUP: configuration ");
        let parts = ["rejected", "`tls.cert`", NAME, "`acme.domains`", "or restart"];
        assert!(parts.iter().all(|part| line.contains(part)), "{line}\n{refused}");
        assert!(shake(server.address, &config, NAME).is_ok(), "{refused}");
    }
    // A name that is no longer configured needs no certificate.
    house.folder.write("wamedia.toml", toml("other", &none));
    server.signal(Signal::HUP);
    server.wait_for_line("configuration reloaded");
    assert!(shake(server.address, &config, "other.example").is_ok());

    // Nor does a name that ACME obtains a certificate for.
    let mut server = Server::configured(&house.folder, &toml("tls", &acme(&["b.example"])));
    house.folder.write("wamedia.toml", toml("", &acme(&["b.example"])));
    server.signal(Signal::HUP);
    server.wait_for_line("configuration reloaded");
    assert!(shake(server.address, &config, NAME).is_err());
}
