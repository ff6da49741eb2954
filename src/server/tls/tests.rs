//! Handshakes without sockets: certificate selection and TLS-ALPN-01 challenges.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::challenges::ACME_TLS;
use super::config::{HTTP_2, VERSIONS};
use super::*;
use crate::config::Limits;
use crate::server::shutdown::Shutdown;
use std::time::Duration;

const LIMITS: Limits = Limits {
    connections: 1,
    connections_per_client: 0,
    requests_per_second: 0,
    burst: 1,
    min_send_rate: 0,
    handshake_timeout: Duration::from_secs(30),
    head_timeout: Duration::from_secs(30),
    idle_timeout: Duration::from_secs(30),
    stall_timeout: Duration::from_secs(30),
    drain_timeout: Duration::from_secs(30),
    head_size: 8192,
};

/// Verifies nothing, like a certificate authority that validates a name: the certificate is self-signed.
#[derive(Debug)]
struct Validator;

impl ServerCertVerifier for Validator {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client(protocols: &[&[u8]]) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Validator))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn pem(names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    (own.cert.pem(), own.signing_key.serialize_pem())
}

fn certificate(names: &[&str]) -> Arc<Certificate> {
    let (chain, key) = pem(names);
    Arc::new(Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap())
}

/// The results of a handshake for the client and for the server.
async fn shake(
    tls: &Tls,
    name: &str,
    protocols: &[&[u8]],
) -> (io::Result<TlsStream<DuplexStream>>, Result<Option<Protocol>, HandshakeFailure>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let handshakes = Handshakes::new(tls).unwrap();
    let connector = client(protocols);
    let connecting = connector.connect(ServerName::try_from(name.to_owned()).unwrap(), near);
    let shutdown = Shutdown::default();
    let making = handshakes.make(far, ([127, 0, 0, 1], 1).into(), &LIMITS, &shutdown);
    let (near, far) = tokio::join!(connecting, making);
    (near, far.map(|made| made.map(|(_, protocol)| protocol)))
}

fn shown(stream: &TlsStream<DuplexStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_challenge_is_served_only_to_validating_clients_and_the_connection_ends() {
    let tls = Tls::default();
    let slot = tls.certificates().reserve();
    let usual = certificate(&["a.example", "b.example"]);
    tls.certificates().install(slot, Arc::clone(&usual));
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    let der = params.self_signed(&key).unwrap().der().clone();
    let signing = aws_lc_rs::sign::any_supported_type(&key.serialize_der().try_into().unwrap()).unwrap();
    let guard =
        tls.challenges().answer_by_tls("A.example", Arc::new(CertifiedKey::new(vec![der.clone()], signing)));

    let (stream, protocol) = shake(&tls, "a.example", &[ACME_TLS]).await;
    let mut stream = stream.unwrap();
    assert_eq!((shown(&stream), stream.get_ref().1.alpn_protocol()), (der, Some(ACME_TLS)));
    assert_eq!(protocol, Ok(None), "no HTTP follows");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "and the connection is closed properly");

    for protocols in [&[][..], &[HTTP_2], &[ACME_TLS, b"http/1.1"]] {
        let (stream, protocol) = shake(&tls, "a.example", protocols).await;
        assert_eq!(shown(&stream.unwrap()), usual.key().cert[0], "{protocols:?}");
        assert!(matches!(protocol, Ok(Some(_))), "{protocols:?}");
    }
    let (stream, protocol) = shake(&tls, "b.example", &[ACME_TLS]).await;
    assert!(stream.is_err(), "there is no challenge for that name");
    assert_eq!(protocol, Err(HandshakeFailure::NoChallenge));

    drop(guard);
    let (stream, _) = shake(&tls, "a.example", &[ACME_TLS]).await;
    assert!(stream.is_err(), "the guard was dropped");
}

#[tokio::test]
async fn certificates_may_be_installed_later_and_replaced() {
    let tls = Tls::default();
    let (first, second) = (tls.certificates().reserve(), tls.certificates().reserve());
    let (stream, protocol) = shake(&tls, "a.example", &[]).await;
    assert!(stream.is_err() && protocol == Err(HandshakeFailure::NoCertificate), "there is none yet");
    let (a, b, c) = (certificate(&["b.example"]), certificate(&["a.example"]), certificate(&["a.example"]));
    for (slot, installed, name, expected) in [
        (second, &b, "a.example", &b),
        // No certificate is for the name: the first one.
        (second, &b, "x.example", &b),
        (first, &a, "x.example", &a),
        (first, &a, "a.example", &b),
        (second, &c, "a.example", &c),
        // Both are for the name: that in the earlier slot.
        (first, &b, "a.example", &b),
    ] {
        tls.certificates().install(slot, Arc::clone(installed));
        let (stream, _) = shake(&tls, name, &[]).await;
        assert_eq!(shown(&stream.unwrap()), expected.key().cert[0], "{name}");
    }
    assert!(Arc::ptr_eq(&tls.certificates().installed(second).unwrap(), &c));
    assert_eq!(tls.certificates().example_name().as_deref(), Some("a.example"));
}
