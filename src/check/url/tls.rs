//! TLS client that completes every handshake and records whether the certificate chain is trusted.
//!
//! Data from such a connection is not trusted, and [`probe`](mod@super::probe) sends nothing secret over it unless the chain is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::transcript::{Certificate, ChainFault, Failure, Handshake};
use crate::https_client;

/// Maximum number of certificates to read from a chain; real chains have two or three.
const MAX_CHAIN: usize = 10;
/// Maximum number of names to report for a certificate; some have hundreds.
const MAX_NAMES: usize = 8;

/// The certificate authorities that this machine trusts.
#[derive(Debug, Clone)]
pub struct Trust(Arc<WebPkiServerVerifier>);

impl Trust {
    /// The authorities of the system, or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`; `None` if there are none.
    pub fn of_system() -> Option<Self> {
        Self::of_roots(https_client::system_roots())
    }

    fn of_roots(roots: RootCertStore) -> Option<Self> {
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), https_client::crypto_provider());
        builder.build().ok().map(Self)
    }
}

/// Makes a TLS handshake with `host` and returns the certificates with a verdict on them.
pub(super) async fn handshake(
    stream: TcpStream,
    host: &str,
    trust: &Trust,
) -> Result<(TlsStream<TcpStream>, Handshake), Failure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|_| Failure::Tls("the host name is not valid in a certificate".to_owned()))?;
    let verifier = Arc::new(RecordingVerifier { trust: trust.clone(), seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(https_client::crypto_provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocol's versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|e| Failure::Tls(e.to_string()))?;
    let seen = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((stream, seen.unwrap_or(Handshake { chain: Vec::new(), fault: None })))
}

/// Verifies a chain, records the verdict, and accepts the chain in any case.
#[derive(Debug)]
struct RecordingVerifier {
    trust: Trust,
    seen: Mutex<Option<Handshake>>,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.trust.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let sent = std::iter::once(end_entity).chain(intermediates).take(MAX_CHAIN);
        let chain: Vec<_> = sent.filter_map(|der| certificate(der)).collect();
        let fault = verdict.err().map(|error| fault(&error, &chain));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Handshake { chain, fault });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.0.supported_verify_schemes()
    }
}

/// Why a chain is not trusted.
fn fault(error: &Error, chain: &[Certificate]) -> ChainFault {
    use CertificateError as Cert;
    let is_alone = chain.len() == 1 && chain[0].is_self_issued();
    match error {
        Error::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => ChainFault::Expired,
        Error::InvalidCertificate(Cert::NotValidYet | Cert::NotValidYetContext { .. }) => {
            ChainFault::NotYetValid
        }
        Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => {
            ChainFault::WrongName
        }
        // openssl's default certificate is marked as an authority, so rustls reports another error for it.
        _ if is_alone => ChainFault::SelfSigned,
        Error::InvalidCertificate(Cert::UnknownIssuer) => {
            let ends_at_authority = chain.last().is_some_and(Certificate::is_self_issued);
            if ends_at_authority { ChainFault::UnknownIssuer } else { ChainFault::Incomplete }
        }
        other => ChainFault::Other(other.to_string()),
    }
}

impl Certificate {
    /// Whether the certificate names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// Parses a certificate; `None` if it is malformed.
fn certificate(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    });
    Some(Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names: names.take(MAX_NAMES).collect(),
        not_before: time(validity.not_before.timestamp()),
        not_after: time(validity.not_after.timestamp()),
    })
}

fn address(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| std::net::IpAddr::from(octets).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| std::net::IpAddr::from(octets).to_string())).ok()
}

/// The last second of the year 9999, the expiry of certificates that never expire (RFC 5280 section 4.1.2.5).
const NEVER: u64 = 253_402_300_799;

/// Converts seconds since 1970; earlier times become 1970.
fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(NEVER))
}

/// Trust in an authority that has signed no server certificate.
#[cfg(test)]
pub(super) fn of_an_unused_authority() -> Trust {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    let mut roots = RootCertStore::empty();
    roots.add(params.self_signed(&key).expect("a certificate").der().clone()).expect("a root");
    Trust::of_roots(roots).expect("there is a root")
}
