//! TLS handshake: timeout, ALPN, and its [failures](super::handshake_failure).

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::Acceptor;
use rustls::{Error, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::challenges::{ACME_TLS, validates};
use super::config::{HTTP_2, Tls};
use super::handshake_failure::{FailureSummary, HandshakeFailure};
use crate::config::Limits;
use crate::server::shutdown::Shutdown;

/// Encrypted bytes of a response that a connection buffers until the socket accepts them. Four records, which are written in one call;
/// twice as much is no faster.
const SEND_BUFFER: usize = 64 << 10;
/// How long a handshake may take during a shutdown: some round trips, for clients that connected before.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The HTTP version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Protocol {
    Http1,
    Http2,
}

/// Performs the handshakes of all serving cores.
pub(in crate::server) struct Handshakes {
    config: Arc<ServerConfig>,
    failures: FailureSummary,
}

impl Handshakes {
    pub(in crate::server) fn new(tls: &Tls) -> Result<Self, Error> {
        Ok(Self { config: tls.config()?, failures: FailureSummary::default() })
    }

    /// Performs a handshake; `Ok(None)` if no HTTP follows. The stream is boxed, because hyper's connections hold it in several places,
    /// and there may be ten thousand of them.
    pub(in crate::server) async fn make<S>(
        &self,
        stream: S,
        client: SocketAddr,
        limits: &Limits,
        shutdown: &Shutdown,
    ) -> Result<Option<(Box<TlsStream<S>>, Protocol)>, HandshakeFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut handshake = pin!(timeout(limits.handshake_timeout, self.perform(stream)));
        let result = tokio::select! {
            biased;
            result = handshake.as_mut() => result,
            () = shutdown.drain.cancelled() => timeout(DRAIN_TIMEOUT, handshake).await.and_then(|result| result),
        };
        let mut stream = match result {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err((failure, error))) => {
                log::debug!("{client}: TLS handshake failed: {} ({error})", failure.why());
                return Err(self.fail(failure));
            }
            Err(_) => {
                log::debug!("{client}: TLS handshake failed: {}", HandshakeFailure::Late.why());
                return Err(self.fail(HandshakeFailure::Late));
            }
        };
        Ok(match stream.get_ref().1.alpn_protocol() {
            Some(HTTP_2) => Some((stream, Protocol::Http2)),
            Some(ACME_TLS) => {
                // A validation ends with the handshake (RFC 8737 section 3).
                let _ = timeout(DRAIN_TIMEOUT, stream.shutdown()).await;
                None
            }
            _ => Some((stream, Protocol::Http1)),
        })
    }

    /// In two steps, because after a failure nothing tells what the client offered.
    async fn perform<S>(&self, stream: S) -> Result<TlsStream<S>, (HandshakeFailure, io::Error)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await;
        let begun = begun.map_err(|error| (HandshakeFailure::of(&error, false), error))?;
        let validates = validates(&begun.client_hello());
        let handshake = begun.into_stream_with(Arc::clone(&self.config), |session| {
            session.set_buffer_limit(Some(SEND_BUFFER));
        });
        handshake.await.map_err(|error| (HandshakeFailure::of(&error, validates), error))
    }

    fn fail(&self, failure: HandshakeFailure) -> HandshakeFailure {
        self.failures.count(failure);
        failure
    }
}
