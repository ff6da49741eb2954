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
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tower_service::Service;

use super::error::{INVALID_CERTIFICATE, innermost};
use super::proxy::{Proxies, Proxy};
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

/// Opens connections, TLS handshake included, within a timeout: directly, or through a proxy.
#[derive(Clone)]
pub(super) struct TimedConnector {
    https: HttpsConnector<HttpConnector<Resolver>>,
    /// The proxies, and the TLS configuration of what is sent through their tunnels.
    proxies: Option<(Arc<Proxies>, Arc<ClientConfig>)>,
    timeout: Duration,
}

impl TimedConnector {
    /// Connects to servers whose certificate one of `roots` vouches for.
    pub(super) fn new(
        roots: RootCertStore,
        proxies: Option<Arc<Proxies>>,
        timeout: Duration,
        background: &Handle,
    ) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver {
            background: background.clone(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        });
        http.set_keepalive(Some(KEEPALIVE));
        let proxies = proxies.map(|proxies| (proxies, Arc::new(https_client::tls_config(roots.clone()))));
        Self { https: https_client::https_connector(http, roots, Schemes::HttpsOrHttp), proxies, timeout }
    }

    /// The same without proxies.
    pub(super) fn direct(&self) -> Self {
        Self { proxies: None, ..self.clone() }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Direct = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection: over TLS or not, and the outer one perhaps within a tunnel.
pub(super) struct Stream {
    stream: MaybeHttpsStream<Direct>,
    /// Whether a proxy reads the requests, which then name the whole URL (RFC 9112 section 3.2.2).
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

impl Service<Uri> for TimedConnector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let proxy = self.proxies.as_ref().and_then(|(proxies, tls)| Some((proxies.of_url(&uri)?, tls)));
        let connecting: Self::Future = match proxy {
            None => {
                let connecting = self.https.call(uri);
                Box::pin(async move {
                    Ok(Stream { stream: MaybeHttpsStream::Http(connecting.await?), is_proxied: false })
                })
            }
            Some((proxy, tls)) => through(proxy, tls, &self.https, uri),
        };
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} s", timeout.as_secs_f32()).into()),
            }
        })
    }
}

/// Whether a proxy refused a tunnel because it requires credentials.
fn requires_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    // Its type is not public.
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.to_string() == "tunnel error: proxy authorization required")
}

/// Connects through a proxy: in a tunnel for `https://`, which hides the requests from it, else to the proxy itself.
fn through(
    proxy: Proxy,
    tls: &Arc<ClientConfig>,
    https: &HttpsConnector<HttpConnector<Resolver>>,
    uri: Uri,
) -> <TimedConnector as Service<Uri>>::Future {
    let Proxy { intercept, variable } = proxy;
    let (at, mut https, tls) = (intercept.uri().clone(), https.clone(), Arc::clone(tls));
    Box::pin(async move {
        let connected = if uri.scheme_str() == Some("https") {
            let mut tunnel = Tunnel::new(at.clone(), https);
            if let Some(credentials) = intercept.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            HttpsConnector::from((tunnel, tls))
                .call(uri)
                .await
                .map(|stream| Stream { stream, is_proxied: false })
        } else {
            let connected = https.call(at.clone()).await;
            connected.map(|stream| Stream { stream: MaybeHttpsStream::Http(stream), is_proxied: true })
        };
        connected.map_err(|e| {
            let host = at.authority().map(ToString::to_string).unwrap_or_default();
            let reason = innermost(&*e);
            // The certificate is that of the bucket, unless the proxy has one.
            if reason.starts_with(INVALID_CERTIFICATE) {
                return e;
            }
            if requires_credentials(&*e) {
                return format!(
                    "the proxy {host} requires credentials; write them into {variable} as http://user:password@host:port"
                )
                .into();
            }
            format!("the proxy {host} of {variable} does not connect to it: {reason}").into()
        })
    })
}
