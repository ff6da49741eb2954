//! The TLS handshake: how long it may take, and what comes of it. What one that fails means is a [failure](super::handshake_failure)'s
//! to say.

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

/// How much of a response is kept in encrypted form until the socket takes it, a connection, in bytes. Four records, which
/// leave in one call; twice as much is no faster.
const SEALED: usize = 64 << 10;
/// How long a handshake may go on once the server is to end: some round trips, for those who came in time.
const LAST_HANDSHAKE: Duration = Duration::from_secs(1);

/// What is to be spoken over a connection that has been secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Protocol {
    Http1,
    Http2,
}

/// Makes the handshakes of all serving cores.
pub(in crate::server) struct Handshakes {
    config: Arc<ServerConfig>,
    failures: FailureSummary,
}

impl Handshakes {
    pub(in crate::server) fn new(tls: &Tls) -> Result<Self, Error> {
        Ok(Self { config: tls.config()?, failures: FailureSummary::default() })
    }

    /// Makes one handshake; `Ok(None)` where there is nothing to be spoken after it. Boxed, since hyper's connections hold what
    /// they speak over in several places, and there may be ten thousand of them.
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
        let mut shaking = pin!(timeout(limits.handshake_timeout, self.shake(stream)));
        let shaken = tokio::select! {
            biased;
            shaken = shaking.as_mut() => shaken,
            () = shutdown.drain.cancelled() => timeout(LAST_HANDSHAKE, shaking).await.and_then(|shaken| shaken),
        };
        let mut stream = match shaken {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err((failure, error))) => {
                log::debug!("{client}: the TLS handshake failed: {} ({error})", failure.why());
                return Err(self.fail(failure));
            }
            Err(_) => {
                log::debug!("{client}: the TLS handshake failed: {}", HandshakeFailure::Late.why());
                return Err(self.fail(HandshakeFailure::Late));
            }
        };
        Ok(match stream.get_ref().1.alpn_protocol() {
            Some(HTTP_2) => Some((stream, Protocol::Http2)),
            Some(ACME_TLS) => {
                // That was all that there is to say (RFC 8737 section 3).
                let _ = timeout(LAST_HANDSHAKE, stream.shutdown()).await;
                None
            }
            _ => Some((stream, Protocol::Http1)),
        })
    }

    /// In two steps, since once it has failed nothing tells any more what the client began with.
    async fn shake<S>(&self, stream: S) -> Result<TlsStream<S>, (HandshakeFailure, io::Error)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await;
        let begun = begun.map_err(|error| (HandshakeFailure::of(&error, false), error))?;
        let validates = validates(&begun.client_hello());
        let shaking = begun.into_stream_with(Arc::clone(&self.config), |session| {
            session.set_buffer_limit(Some(SEALED));
        });
        shaking.await.map_err(|error| (HandshakeFailure::of(&error, validates), error))
    }

    fn fail(&self, failure: HandshakeFailure) -> HandshakeFailure {
        self.failures.count(failure);
        failure
    }
}
