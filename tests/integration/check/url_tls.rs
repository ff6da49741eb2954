//! `wamedia check https://…`: findings about certificates.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::check::url::{Scripted, finding, good, ids, jpeg, report};
use crate::support::{Folder, Outcome, outcome, wamedia};

const GOOD: &str = "Content-Type: image/jpeg\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\n\
                    Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n";
const DAY: Duration = Duration::from_hours(24);

/// A certificate authority that a check trusts.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: Folder,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("The Root")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = authority(name);
        let folder = Folder::new();
        folder.write("roots.pem", params.self_signed(&key).expect("a certificate").pem());
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// The PEM file with its certificate.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.at("roots.pem")
    }

    /// An intermediate authority, with its certificate.
    fn intermediate(&self) -> (Issuer<'static, KeyPair>, CertificateDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let params = authority("In Between");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        (Issuer::new(params, key), certificate)
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A server certificate that is valid between these days from now.
fn of_server(name: &str, from: i64, until: i64) -> CertificateParams {
    let at = |days: i64| {
        let away = DAY * u32::try_from(days.unsigned_abs()).expect("few");
        if days < 0 { SystemTime::now() - away } else { SystemTime::now() + away }
    };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "media");
    params.not_before = at(from).into();
    params.not_after = at(until).into();
    params
}

/// A TLS server with this certificate chain.
fn serve(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Scripted {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a chain and its key");
    let config = Arc::new(config);
    let body = jpeg();
    Scripted::wrapped(
        move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            Box::new(Closing(StreamOwned::new(connection, stream)))
        },
        move |_, request, out| good(request, out, GOOD, &body),
    )
}

/// Sends `close_notify` at the end, as TLS requires.
struct Closing(StreamOwned<ServerConnection, TcpStream>);

impl Read for Closing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
    }
}

fn check(roots: &Path, url: &str) -> Outcome {
    outcome(wamedia().args(["check", "--format", "json", url]).env("SSL_CERT_FILE", roots))
}

#[test]
fn chain_faults_are_reported_and_the_response_is_checked_nevertheless() {
    let root = Authority::new();
    let (between, between_certificate) = root.intermediate();
    let unknown = Authority::named("Unknown Root");
    let key = KeyPair::generate().expect("a key");
    let by_root =
        |params: CertificateParams| vec![params.signed_by(&key, &root.issuer).expect("a leaf").der().clone()];
    let leaf = of_server("127.0.0.1", -1, 90);
    let by_between = leaf.signed_by(&key, &between).expect("a leaf").der().clone();
    let by_unknown = leaf.signed_by(&key, &unknown.issuer).expect("a leaf").der().clone();
    let self_signed = leaf.self_signed(&key).expect("a leaf").der().clone();
    let mut own_authority = of_server("127.0.0.1", -1, 90);
    own_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own_authority = own_authority.self_signed(&key).expect("a leaf").der().clone();
    let unknown_pem = std::fs::read(unknown.file()).expect("its file");
    let unknown_root =
        rustls::pki_types::pem::PemObject::from_pem_slice(&unknown_pem).expect("a certificate");
    for (what, chain, expected) in [
        ("good", by_root(leaf.clone()), &[][..]),
        ("with its intermediate", vec![by_between.clone(), between_certificate], &[]),
        ("without its intermediate", vec![by_between], &["tls-chain-incomplete"]),
        ("self-signed", vec![self_signed], &["tls-self-signed"]),
        ("self-signed as openssl does", vec![own_authority], &["tls-self-signed"]),
        ("of an unknown authority", vec![by_unknown, unknown_root], &["tls-unknown-authority"]),
        ("expired", by_root(of_server("127.0.0.1", -90, -1)), &["tls-expired"]),
        ("of tomorrow", by_root(of_server("127.0.0.1", 2, 90)), &["tls-not-yet-valid"]),
        ("of another name", by_root(of_server("other.example.com", -1, 90)), &["tls-wrong-name"]),
        ("expiring soon", by_root(of_server("127.0.0.1", -80, 13)), &["tls-expires-soon"]),
        ("not expiring soon", by_root(of_server("127.0.0.1", -80, 15)), &[]),
    ] {
        let server = serve(chain, &key);
        let outcome = check(&root.file(), &format!("https://{}/a.jpg?v=1", server.address));
        let report = report(&outcome);
        assert_eq!(ids(&report), *expected, "{what}: {report:#}");
        assert_eq!(report["media_type"], "image/jpeg", "{what}: {report:#}");
    }
}

#[test]
fn a_signed_link_is_not_sent_to_an_untrusted_server() {
    let root = Authority::new();
    let key = KeyPair::generate().expect("a key");
    let chain = vec![of_server("127.0.0.1", -1, 90).self_signed(&key).expect("a leaf").der().clone()];
    let server = serve(chain, &key);
    let outcome = check(&root.file(), &format!("https://{}/a.jpg?se=2030-01-01&sig=abc", server.address));
    assert_eq!(ids(&report(&outcome)), ["tls-self-signed"]);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn a_port_without_tls_is_reported() {
    let root = Authority::new();
    let server = Scripted::start(|_, request, out| good(request, out, GOOD, &jpeg()));
    let outcome = check(&root.file(), &format!("https://{}/a.jpg?v=1", server.address));
    let report = report(&outcome);
    assert_eq!(ids(&report), ["tls-failed"]);
    assert!(finding(&report, "tls-failed")["seen"].as_str().expect("text").contains("TLS"), "{report:#}");
}
