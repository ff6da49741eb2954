//! ACME without an authority: errors before anything is bound, and behaviour while no authority can be reached.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::process::Signal;

use super::House;
use crate::admin::{address_of, ask};
use crate::support::{Server, eventually, outcome, run, wamedia};

/// A directory URL without a server.
const UNREACHABLE: &str =
    "listen = \"127.0.0.1:0\"\n[acme]\ndomains = \"a.example\"\ndirectory = \"https://127.0.0.1:1/dir\"\n";

#[test]
fn state_that_others_may_read_is_rejected_with_a_fix() {
    let house = House::new();
    house.write(UNREACHABLE);
    let state = house.folder.at("state");
    fs::create_dir(&state).expect("a folder");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).expect("a mode");
    let refused = run(house.folder.path(), &["serve"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for part in ["/state holds private keys", "mode 755", "chmod 700"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("a mode");
    let mut server = house.serve_as(UNREACHABLE);
    server.wait_for_line("cannot obtain a certificate for a.example");
}

#[test]
fn state_that_cannot_be_created_is_a_system_error_and_a_file_in_its_place_a_wrong_setting() {
    let house = House::new();
    house.write(UNREACHABLE);
    let state = house.folder.at("state");
    symlink("gone", &state).expect("a link");
    let refused = run(house.folder.path(), &["serve"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("name another folder as `acme.state`"), "{}", refused.stderr);
    fs::remove_file(&state).expect("removed");
    fs::write(&state, "").expect("a file");
    let refused = run(house.folder.path(), &["serve"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("name a folder as `acme.state`"), "{}", refused.stderr);
}

#[test]
fn a_ca_file_without_certificates_is_rejected() {
    let house = House::new();
    for (text, part) in [(None, "cannot be read"), (Some("nonsense"), "contains no PEM certificate")] {
        if let Some(text) = text {
            house.folder.write("ca.pem", text);
        }
        house.write(&format!("{UNREACHABLE}ca = \"ca.pem\"\n"));
        let refused = run(house.folder.path(), &["serve"]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("`acme.ca`") && refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
fn a_machine_without_root_certificates_is_reported() {
    let house = House::new();
    house.folder.write("none.pem", "");
    house.write(UNREACHABLE);
    let mut command = wamedia();
    command.current_dir(house.folder.path()).arg("serve").env("SSL_CERT_FILE", house.folder.at("none.pem"));
    command.env_remove("SSL_CERT_DIR");
    let mut server = Server::spawn(&mut command);
    server.wait_for_line("cannot obtain a certificate");
    assert!(server.lines().iter().any(|line| line.contains("trusts no certificate authority")));
}

#[test]
fn readiness_reports_why_there_is_no_certificate() {
    let house = House::new();
    let mut server = house.serve_as(&format!("admin.listen = \"127.0.0.1:0\"\n{UNREACHABLE}"));
    let admin = address_of(&mut server);
    // The error is set after it was logged.
    server.wait_for_line("cannot obtain a certificate for a.example");
    let text = eventually("the reason is there", || {
        let text = ask(admin, "/readyz").text().to_owned();
        text.contains("cannot obtain a certificate").then_some(text)
    });
    let begin = "not ok certificates: there is no certificate yet; cannot obtain a certificate for a.example from https://127.0.0.1:1/dir: ";
    assert!(text.contains(begin) && text.contains("cannot be reached"), "{text}");
    let counted = ask(admin, "/metrics").text().to_owned();
    assert!(counted.contains("\nwamedia_tls_certificates_wanted 1\n"), "{counted}");
}

#[test]
fn names_covered_by_certificate_files_are_not_ordered() {
    let house = House::new();
    let own = rcgen::generate_simple_self_signed(["a.example".to_owned(), "*.b.example".to_owned()])
        .expect("a certificate");
    house.folder.write("tls.pem", own.cert.pem()).write("tls.key", own.signing_key.serialize_pem());
    let toml = "listen = \"127.0.0.1:0\"\ntls.cert = \"tls.pem\"\ntls.key = \"tls.key\"\n\
                [acme]\ndirectory = \"https://127.0.0.1:1/dir\"\n";
    let mut server = house.serve_as(&format!("{toml}domains = [\"a.example\", \"c.b.example\"]\n"));
    assert!(server.lines().iter().any(|line| line.contains("ACME is not used")));
    assert!(!house.folder.at("state").exists());
    let mut server = house.serve_as(&format!("{toml}domains = [\"a.example\", \"c.example\"]\n"));
    server.wait_for_line("cannot obtain a certificate for c.example");
}

#[test]
fn an_attempt_in_progress_does_not_delay_the_shutdown() {
    let house = House::new();
    // A server that accepts connections and sends nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = hanging.local_addr().expect("an address");
    let mut server = house.serve_as(&format!(
        "listen = \"127.0.0.1:0\"\n[acme]\ndomains = \"a.example\"\ndirectory = \"https://{address}/dir\"\n"
    ));
    let _connection = hanging.accept().expect("a connection");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn print_config_shows_what_a_domain_implies() {
    let house = House::new();
    let mut command = wamedia();
    command.current_dir(house.folder.path()).env("STATE_DIRECTORY", "/var/lib/media");
    command.args([
        "serve",
        "media",
        "--domain",
        "media.example.com",
        "--domain",
        "b.example",
        "--print-config",
    ]);
    let printed = outcome(&mut command);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    for part in [
        "listen = [\"0.0.0.0:443\", \"[::]:443\"]",
        "plain_listen = [\"0.0.0.0:80\", \"[::]:80\"]",
        "plain_serves = \"challenges\"",
        "public_url = \"https://media.example.com\"",
        "domains = [\"media.example.com\", \"b.example\"]",
        "directory = \"https://acme-v02.api.letsencrypt.org/directory\"",
        "state = \"/var/lib/media/acme\"",
        "challenge = [\"tls-alpn-01\", \"http-01\"]",
        "# contact is not set",
    ] {
        assert!(printed.stdout.contains(part), "{part}: {}", printed.stdout);
    }
}
