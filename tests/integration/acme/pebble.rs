//! Pebble, the certificate authority for tests of ACME clients, and its name server: started, stopped and restarted as a test needs
//! them. Pebble rejects some good nonces and forgets everything when it ends; tests must cope with both.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::support::{Client, Folder, connected, eventually};
use crate::tls::{BOTH, shake};

/// A free local port, below those of outgoing connections, that no other test uses.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    eventually("a free port", || {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed);
        let begin = u16::try_from(std::process::id() % 1000).expect("it is small") * 10;
        let port = 20_000 + (begin + offset) % 10_000;
        let is_free = |ip| TcpListener::bind((ip, port)).is_ok();
        (is_free("127.0.0.1") && is_free("127.0.0.2")).then_some(port)
    })
}

pub(super) struct Pebble {
    folder: Folder,
    programs: serde_json::Value,
    running: Option<Child>,
    names: Child,
    names_port: u16,
    names_management: u16,
    directory_port: u16,
    management_port: u16,
    /// The ports on which it validates challenges.
    pub(super) tls_port: u16,
    pub(super) http_port: u16,
    reuse: Option<&'static str>,
}

impl Pebble {
    /// An authority whose certificates are valid for so many seconds, and for which every name resolves to 127.0.0.1. It is not running
    /// yet.
    pub(super) fn new(validity: u32) -> Self {
        let programs = std::env::var("WAMEDIA_TEST_PEBBLE")
            .expect("run as: tests/backends/run pebble -- cargo test --test integration acme -- --ignored");
        let programs: serde_json::Value = serde_json::from_str(&programs).expect("what the runner says");
        let folder = Folder::new();
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        folder.write("ca.pem", own.cert.pem()).write("ca.key", own.signing_key.serialize_pem());
        let [directory_port, management_port, tls_port, http_port, names_port, names_management] =
            std::array::from_fn(|_| free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{directory_port}"),
            "managementListenAddress": format!("127.0.0.1:{management_port}"),
            "certificate": folder.at("ca.pem"), "privateKey": folder.at("ca.key"),
            "httpPort": http_port, "tlsPort": tls_port, "ocspResponderURL": "",
            "externalAccountBindingRequired": false, "certificateValidityPeriod": validity,
        }});
        folder.write("pebble.json", config.to_string());
        let at = |port: u16| format!("127.0.0.1:{port}");
        let names = Command::new(programs["challtestsrv"].as_str().expect("a path"))
            .args([
                "-defaultIPv4",
                "127.0.0.1",
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .args(["-dns01", &at(names_port), "-management", &at(names_management)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the name server starts");
        eventually("the name server answers", || TcpStream::connect(at(names_management)).ok());
        Self {
            folder,
            programs,
            running: None,
            names,
            names_port,
            names_management,
            directory_port,
            management_port,
            tls_port,
            http_port,
            reuse: None,
        }
    }

    /// It validates every name again for each order.
    pub(super) fn forgetful(mut self) -> Self {
        self.reuse = Some("0");
        self
    }

    pub(super) fn start(&mut self) {
        let mut command = Command::new(self.programs["pebble"].as_str().expect("a path"));
        command.arg("-config").arg(self.folder.at("pebble.json"));
        command.args(["-dnsserver", &format!("127.0.0.1:{}", self.names_port)]);
        command.env("PEBBLE_VA_NOSLEEP", "1");
        if let Some(reuse) = self.reuse {
            command.env("PEBBLE_AUTHZREUSE", reuse);
        }
        self.running =
            Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("Pebble starts"));
        eventually("Pebble answers", || TcpStream::connect(("127.0.0.1", self.directory_port)).ok());
    }

    pub(super) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().expect("it runs");
            running.wait().expect("it ends");
        }
    }

    /// Resolves a name to this address only.
    pub(super) fn lead(&self, name: &str, address: &str) {
        self.tell_names("clear-a", &serde_json::json!({ "host": name }));
        self.tell_names("add-a", &serde_json::json!({ "host": name, "addresses": [address] }));
    }

    fn tell_names(&self, what: &str, body: &serde_json::Value) {
        let body = body.to_string();
        let mut stream = connected(([127, 0, 0, 1], self.names_management).into());
        write!(
            stream,
            "POST /{what} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// The settings under `[acme]` for this authority.
    pub(super) fn toml(&self) -> String {
        format!(
            "directory = \"https://127.0.0.1:{}/dir\"\nca = \"{}\"\n",
            self.directory_port,
            self.folder.at("ca.pem").display()
        )
    }

    /// A client that trusts the certificates that it issues while it runs.
    pub(super) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let config = |root, protocols: &[&str]| {
            let mut roots = RootCertStore::empty();
            roots.add(root).expect("a certificate");
            let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(BOTH)
                .expect("versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
            Arc::new(config)
        };
        let own = CertificateDer::from_pem_file(self.folder.at("ca.pem")).expect("a certificate");
        let address: SocketAddr = ([127, 0, 0, 1], self.management_port).into();
        let stream = shake(address, &config(own, &["http/1.1"]), "127.0.0.1").expect("a handshake");
        let root = Client::over(stream).request("GET", "/roots/0", &[]);
        config(CertificateDer::from_pem_slice(&root.body).expect("a root"), protocols)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

/// The only private key in a file.
pub(super) fn has_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}
