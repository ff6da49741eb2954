//! Connections to services: DNS, TCP and TLS, within a connect timeout. The [client](super::client) sends requests
//! over them.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::https_client::{self, Schemes};
use crate::store::{StoreError, UpstreamFault};

/// DNS lookups that run at one time.
const LOOKUPS: usize = 4;
/// TCP keep-alive: the kernel probes a connection that has been idle for this long.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// The trust roots of this machine, and the certificates in the PEM file `more`.
pub(super) fn roots(more: Option<&str>) -> Result<RootCertStore, StoreError> {
    let mut roots = https_client::system_roots();
    if let Some(file) = more {
        roots.add_parsable_certificates(read_certificates(file)?);
    }
    Ok(roots)
}

fn read_certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let reason = match read {
        // A file in another format parses as one without certificates.
        Ok(certificates) if certificates.is_empty() => "it contains no PEM certificate".to_owned(),
        Ok(certificates) => return Ok(certificates),
        Err(e) => e.to_string(),
    };
    Err(StoreError::Upstream {
        fault: UpstreamFault::Refused,
        reason: format!(
            "the certificates in {file}, named by AWS_CA_BUNDLE, cannot be read: {reason}; fix or unset it"
        )
        .into(),
    })
}

/// Resolves names with the system's resolver, in few threads at a time. Without a network a lookup can hang, and it
/// must not occupy the threads that read files.
#[derive(Clone)]
struct Resolver {
    background: Handle,
    lookups: Arc<Semaphore>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { background, lookups } = self.clone();
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let lookup = background.spawn_blocking(move || {
                // Released when the lookup ends, even if no caller waits for it any more.
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs()
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// Runs the tasks of connections on the background runtime, whichever runtime a request comes from.
#[derive(Clone)]
pub(super) struct BackgroundExecutor(pub(super) Handle);

impl<F> Executor<F> for BackgroundExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// Opens connections, TLS handshake included, within a timeout.
#[derive(Clone)]
pub(super) struct TimedConnector {
    https: HttpsConnector<HttpConnector<Resolver>>,
    timeout: Duration,
}

impl TimedConnector {
    /// Connects to servers whose certificate one of `roots` vouches for.
    pub(super) fn new(roots: RootCertStore, timeout: Duration, background: &Handle) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver {
            background: background.clone(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        });
        http.set_keepalive(Some(KEEPALIVE));
        Self { https: https_client::https_connector(http, roots, Schemes::HttpsOrHttp), timeout }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for TimedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout) = (self.https.call(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} s", timeout.as_secs_f32()).into()),
            }
        })
    }
}
