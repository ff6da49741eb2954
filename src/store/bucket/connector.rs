//! Connections to services: DNS, TCP, proxies and TLS, within a connect timeout. The [client](super::client) sends requests
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

use super::error::innermost;
use super::proxy::Proxies;
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
    http: HttpConnector<Resolver>,
    https: HttpsConnector<HttpConnector<Resolver>>,
    tls: Arc<ClientConfig>,
    proxies: Proxies,
    timeout: Duration,
}

impl TimedConnector {
    /// Connects to servers whose certificate one of `roots` vouches for.
    pub(super) fn new(
        roots: RootCertStore,
        timeout: Duration,
        proxies: Proxies,
        background: &Handle,
    ) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver {
            background: background.clone(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        });
        http.set_keepalive(Some(KEEPALIVE));
        http.set_nodelay(true);
        let https = https_client::https_connector(http.clone(), roots.clone(), Schemes::HttpsOrHttp);
        Self { http, https, tls: Arc::new(https_client::tls_config(roots)), proxies, timeout }
    }

    /// Connects to `uri`, through its proxy if it has one.
    fn connect(&mut self, uri: Uri) -> Connecting<ServerStream> {
        let Some(proxy) = self.proxies.intercept(&uri) else {
            let connecting = self.https.call(uri);
            return Box::pin(async move { Ok(ServerStream { stream: connecting.await?, is_proxy: false }) });
        };
        let address = proxy.uri().authority().map(ToString::to_string).unwrap_or_default();
        let (connecting, is_proxy): (Connecting<_>, _) = if uri.scheme_str() == Some("https") {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.http.clone());
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            (Box::pin(HttpsConnector::from((tunnel, Arc::clone(&self.tls))).call(uri)), false)
        } else {
            (Box::pin(self.https.call(proxy.uri().clone())), true)
        };
        Box::pin(async move {
            match connecting.await {
                Ok(stream) => Ok(ServerStream { stream, is_proxy }),
                // The certificate is the server's, not the proxy's.
                Err(error) if !is_proxy && !is_of_tunnel(&*error) => Err(error),
                Err(error) => {
                    let reason = innermost(&*error);
                    Err(format!(
                        "{reason}, through the proxy {address}; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
                    )
                    .into())
                }
            }
        })
    }
}

/// Whether the tunnel through the proxy failed. hyper-util does not export the type of that error.
fn is_of_tunnel(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| error.to_string().starts_with("tunnel error"))
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl Service<Uri> for TimedConnector {
    type Response = ServerStream;
    type Error = BoxError;
    type Future = Connecting<ServerStream>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout) = (self.connect(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} s", timeout.as_secs_f32()).into()),
            }
        })
    }
}

/// A connection to a server, or to a proxy that passes on requests without TLS.
pub(super) struct ServerStream {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// Whether requests name the whole URL.
    is_proxy: bool,
}

impl Connection for ServerStream {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxy)
    }
}

impl Read for ServerStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl Write for ServerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }
}
