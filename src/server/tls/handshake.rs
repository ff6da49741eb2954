//! The TLS handshake: how long it may take, what comes of it, and what the operator hears of those that fail.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{AlertDescription, Error};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{ACME_TLS, HTTP_2, Tls};
use crate::config::Limits;
use crate::server::Stopping;

/// How much of a response is kept in encrypted form until the socket takes it, a connection, in bytes. Four records, which
/// leave in one call; twice as much is no faster.
const SEALED: usize = 64 << 10;
/// How long a handshake may go on once the server is to end: some round trips, for those who came in time.
const LAST_HANDSHAKE: Duration = Duration::from_secs(1);
/// Between two summaries of handshakes that failed.
const SUMMARY_GAP: Duration = Duration::from_mins(1);

/// What is to be spoken over a connection that has been secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Application {
    Http1,
    Http2,
}

/// Makes the handshakes of all serving cores.
pub(in crate::server) struct Handshakes {
    acceptor: TlsAcceptor,
    failures: Mutex<Failures>,
}

/// Handshakes that the operator has not been told of yet.
#[derive(Debug, Default)]
struct Failures {
    counts: BTreeMap<&'static str, u64>,
    told: Option<Instant>,
}

impl Handshakes {
    pub(in crate::server) fn new(tls: &Tls) -> Result<Self, Error> {
        Ok(Self { acceptor: TlsAcceptor::from(tls.config()?), failures: Mutex::default() })
    }

    /// Makes one handshake; `None` where there is nothing to be spoken after it. Boxed, since hyper's connections hold what they
    /// speak over in several places, and there may be ten thousand of them.
    pub(in crate::server) async fn make<S>(
        &self,
        stream: S,
        client: SocketAddr,
        limits: &Limits,
        stopping: &Stopping,
    ) -> Option<(Box<TlsStream<S>>, Application)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let shaking = self.acceptor.accept_with(stream, |session| session.set_buffer_limit(Some(SEALED)));
        let mut shaking = pin!(timeout(limits.handshake_timeout, shaking));
        let shaken = tokio::select! {
            biased;
            shaken = shaking.as_mut() => shaken,
            () = stopping.drain.cancelled() => timeout(LAST_HANDSHAKE, shaking).await.and_then(|shaken| shaken),
        };
        let mut stream = match shaken {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(e)) => return self.fail(client, reason(&e), Some(&e)),
            Err(_) => return self.fail(client, "the client took too long", None),
        };
        match stream.get_ref().1.alpn_protocol() {
            Some(HTTP_2) => Some((stream, Application::Http2)),
            Some(ACME_TLS) => {
                // That was all that there is to say (RFC 8737 section 3).
                let _ = timeout(LAST_HANDSHAKE, stream.shutdown()).await;
                None
            }
            _ => Some((stream, Application::Http1)),
        }
    }

    fn fail<T>(&self, client: SocketAddr, why: &'static str, error: Option<&io::Error>) -> Option<T> {
        match error {
            Some(e) => log::debug!("{client}: the TLS handshake failed: {e}"),
            None => log::debug!("{client}: the TLS handshake failed: {why}"),
        }
        if let Some(summary) =
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).count(why, Instant::now())
        {
            log::info!("{summary}");
        }
        None
    }
}

impl Failures {
    /// Counts one; gives a summary of all since the last one, if that was long enough ago.
    fn count(&mut self, why: &'static str, now: Instant) -> Option<String> {
        *self.counts.entry(why).or_default() += 1;
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < SUMMARY_GAP) {
            return None;
        }
        self.told = Some(now);
        let counts = std::mem::take(&mut self.counts);
        let all: u64 = counts.values().sum();
        let each: Vec<_> = counts.iter().map(|(why, count)| format!("{count} × {why}")).collect();
        Some(format!("TLS handshakes that failed: {all} ({})", each.join(", ")))
    }
}

/// Why a handshake failed, in as few kinds as tell an operator whose fault it is.
fn reason(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        None => "the client left",
        Some(Error::InvalidMessage(_)) => "what the client sent is not TLS",
        Some(Error::NoCertificatesPresented | Error::General(_)) => {
            "there is no certificate for that name yet"
        }
        Some(Error::PeerIncompatible(_)) => "the client and this server have no version or cipher in common",
        Some(Error::NoApplicationProtocol) => "the client speaks neither HTTP/1.1 nor HTTP/2",
        Some(Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown,
        )) => "the client does not accept the certificate",
        Some(Error::AlertReceived(_)) => "the client broke off",
        Some(_) => "the client broke the rules of TLS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_at_once_and_then_now_and_then() {
        let mut failures = Failures::default();
        let start = Instant::now();
        assert_eq!(failures.count("a", start).as_deref(), Some("TLS handshakes that failed: 1 (1 × a)"));
        for seconds in 1..60 {
            assert_eq!(
                failures
                    .count(if seconds % 2 == 0 { "a" } else { "b" }, start + Duration::from_secs(seconds)),
                None
            );
        }
        assert_eq!(
            failures.count("a", start + SUMMARY_GAP).as_deref(),
            Some("TLS handshakes that failed: 60 (30 × a, 30 × b)")
        );
    }
}
