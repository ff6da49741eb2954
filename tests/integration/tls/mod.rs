//! HTTPS over real sockets, with certificates made for the test, and clients that trust them.

mod bytes;
mod certificates;
mod memory;
mod plain;
mod protocols;
mod timeouts;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};
use tokio_rustls::TlsConnector;

use crate::http2::{Client2, in_time};
use crate::support::{Client, Folder, Server, connected};

const TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate authority with an intermediate certificate, like the public ones.
struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Issued {
    leaf: CertificateDer<'static>,
    /// The server's own certificate, in PEM.
    own: String,
    /// The intermediate certificate, in PEM.
    intermediate: String,
    key: String,
}

impl Issued {
    fn chain(&self) -> String {
        format!("{}{}", self.own, self.intermediate)
    }
}

impl Authority {
    fn new() -> Self {
        let params = |name: &str| {
            let mut params = CertificateParams::new([]).expect("no names");
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(params("Test Root"), key()).expect("a root");
        let intermediate =
            CertifiedIssuer::signed_by(params("Test Intermediate"), key(), &root).expect("an intermediate");
        Self { root, intermediate }
    }

    fn issue(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |_| {})
    }

    /// Issues a certificate with changed parameters.
    fn issue_as(&self, names: &[&str], peculiar: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, "the server");
        peculiar(&mut params);
        let key = KeyPair::generate().expect("a key");
        let own = params.signed_by(&key, &self.intermediate).expect("a certificate");
        Issued {
            leaf: own.der().clone(),
            own: own.pem(),
            intermediate: self.intermediate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A client that trusts this authority.
    fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Arc<ClientConfig> {
        Arc::new(self.peculiar_client(versions, protocols, |_| {}))
    }

    fn peculiar_client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
        peculiar: impl FnOnce(&mut ClientConfig),
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        peculiar(&mut config);
        config
    }
}

/// The host name of most tests.
const NAME: &str = "media.example.com";

/// A certificate for [`NAME`], its authority, and a folder with the files: `media` is served.
struct House {
    folder: Folder,
    authority: Authority,
    issued: Issued,
}

impl House {
    fn new() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new());
        let issued = authority.issue(&[NAME]);
        fs::create_dir(folder.at("media")).expect("a folder");
        let house = Self { folder, authority, issued };
        house.put("tls", &house.issued);
        house
    }

    /// Writes `NAME.pem` and `NAME.key` by renaming, as tools that renew certificates do.
    fn put(&self, name: &str, issued: &Issued) {
        self.put_file(&format!("{name}.key"), &issued.key);
        self.put_file(&format!("{name}.pem"), &issued.chain());
    }

    fn put_file(&self, name: &str, text: &str) {
        self.folder.write("new", text);
        fs::set_permissions(self.folder.at("new"), fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::rename(self.folder.at("new"), self.folder.at(name)).expect("renamed");
    }

    /// Serves `media` over HTTPS, with `toml` before its mount.
    fn serve(&self, toml: &str) -> Server {
        Server::configured(&self.folder, &configuration(toml))
    }

    /// A connection with HTTP/1.1 over TLS 1.3.
    fn connect(&self, server: &Server) -> Client<Stream> {
        let config = self.authority.client(BOTH, &["http/1.1"]);
        Client::over(shake(server.address, &config, NAME).expect("a handshake"))
    }

    /// A connection with HTTP/2.
    async fn connect2(&self, server: &Server, how: &http2::Builder<TokioExecutor>) -> Client2 {
        let config = self.authority.client(BOTH, &["h2"]);
        Client2::speaking(how, shake_async(server.address, config).await).await
    }
}

/// Serves `media` over HTTPS, and `toml` before its mount.
fn configuration(toml: &str) -> String {
    format!("[tls]\ncert = \"tls.pem\"\nkey = \"tls.key\"\n{toml}\n[[mount]]\nstore = \"media\"\n")
}

fn http2() -> http2::Builder<TokioExecutor> {
    http2::Builder::new(TokioExecutor::new())
}

/// Completes a handshake.
pub(crate) fn shake(address: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<Stream> {
    shake_over(connected(address), config, name)
}

/// The same over an open connection.
fn shake_over(stream: TcpStream, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<Stream> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let session = ClientConnection::new(Arc::clone(config), name).expect("a session");
    let mut stream = StreamOwned::new(session, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

async fn shake_async(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from(NAME).expect("a name");
    in_time(TlsConnector::from(config).connect(name, stream)).await.expect("a handshake")
}

/// The server's certificate.
fn shown(stream: &Stream) -> CertificateDer<'static> {
    stream.conn.peer_certificates().expect("certificates")[0].clone().into_owned()
}
