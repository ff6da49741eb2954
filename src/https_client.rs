//! TLS client set-up for outgoing HTTPS: trust roots, the TLS configuration, and the connector for `hyper`.
//!
//! Three clients use it: [buckets](crate::store), certificate authorities ([ACME](crate::server)) and
//! [`wamedia check URL`](crate::check). Timeouts, name resolution and what is sent over a connection are theirs.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};

/// Whether a client may also connect without TLS, to `http://` URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schemes {
    HttpsOnly,
    HttpsOrHttp,
}

/// The trust roots of this machine: those of the operating system, or those in the files that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name. Certificates that cannot be parsed are skipped. Empty where there are none.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The cryptography that all TLS clients use.
pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The TLS configuration of clients. Servers must present a certificate that one of `roots` vouches for.
pub(crate) fn tls_config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Puts TLS on top of `http` for HTTP/1.1. Servers must present a certificate that one of `roots` vouches for.
pub(crate) fn https_connector<R>(
    mut http: HttpConnector<R>,
    roots: RootCertStore,
    schemes: Schemes,
) -> HttpsConnector<HttpConnector<R>> {
    http.enforce_http(false);
    http.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls_config(roots));
    let builder = match schemes {
        Schemes::HttpsOnly => builder.https_only(),
        Schemes::HttpsOrHttp => builder.https_or_http(),
    };
    builder.enable_http1().wrap_connector(http)
}
