//! TLS configuration of the server: versions, ALPN protocols and session resumption.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use super::certificates::{Certificates, Resolver};
use super::challenges::{ACME_TLS, Challenges};

/// ALPN protocols in order of preference; only certificate authorities use the last one (RFC 8737).
const PROTOCOLS: [&[u8]; 4] = [HTTP_2, b"http/1.1", b"http/1.0", ACME_TLS];
/// The ALPN name of HTTP/2 (RFC 9113 section 3.2).
pub(super) const HTTP_2: &[u8] = b"h2";
/// Supported protocol versions.
pub(super) const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Certificates and challenges, for a server with TLS. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    certificates: Arc<Certificates>,
    challenges: Arc<Challenges>,
}

impl Tls {
    /// The certificates that are served to clients.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// The challenges that certificate authorities validate.
    pub fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// The configuration of all serving cores: TLS 1.2 and 1.3 with the cipher suites of rustls, all of which have forward secrecy
    /// and authenticated encryption; session resumption by tickets, whose keys change every six hours and never leave the process;
    /// no early data, which could be replayed.
    pub(super) fn config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let resolver = Resolver::new(Arc::clone(&self.certificates), Arc::clone(&self.challenges));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&VERSIONS)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        // Clients that cannot use tickets are not worth a table that all cores share and clients fill.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        // Our order suits every client, and TLS scanners expect the server to have one.
        config.ignore_client_order = true;
        Ok(Arc::new(config))
    }
}
