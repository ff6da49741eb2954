//! Handshakes that failed: why, in as few kinds as tell an operator whose fault it is, and what is said of them in the log.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{AlertDescription, Error};

use crate::server::limit::connections::Tally;

/// Why a handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Failure {
    Left,
    Late,
    NotTls,
    NoCertificate,
    NoChallenge,
    Incompatible,
    NoProtocol,
    Untrusted,
    BrokenOff,
    Malformed,
}

impl Failure {
    /// In the order in which they are declared.
    pub(in crate::server) const ALL: [Self; 10] = [
        Self::Left,
        Self::Late,
        Self::NotTls,
        Self::NoCertificate,
        Self::NoChallenge,
        Self::Incompatible,
        Self::NoProtocol,
        Self::Untrusted,
        Self::BrokenOff,
        Self::Malformed,
    ];

    /// What an error of a handshake means, in which the client `validates` as certificate authorities do or not.
    pub(super) fn of(error: &io::Error, validates: bool) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            None => Self::Left,
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(Error::NoCertificatesPresented | Error::General(_)) if validates => Self::NoChallenge,
            Some(Error::NoCertificatesPresented | Error::General(_)) => Self::NoCertificate,
            Some(Error::PeerIncompatible(_)) => Self::Incompatible,
            Some(Error::NoApplicationProtocol) => Self::NoProtocol,
            Some(Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown,
            )) => Self::Untrusted,
            Some(Error::AlertReceived(_)) => Self::BrokenOff,
            Some(_) => Self::Malformed,
        }
    }

    /// The value of the label `result`.
    pub(in crate::server) const fn label(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Late => "late",
            Self::NotTls => "not_tls",
            Self::NoCertificate => "no_certificate",
            Self::NoChallenge => "no_challenge",
            Self::Incompatible => "incompatible",
            Self::NoProtocol => "no_protocol",
            Self::Untrusted => "untrusted",
            Self::BrokenOff => "broken_off",
            Self::Malformed => "malformed",
        }
    }

    /// What an operator reads.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Left => "the client left",
            Self::Late => "the client took too long",
            Self::NotTls => "what the client sent is not TLS",
            Self::NoCertificate => "there is no certificate for that name yet",
            Self::NoChallenge => {
                "the client checked for a certificate authority (acme-tls/1) what this server has asked none to check"
            }
            Self::Incompatible => "the client and this server have no version or cipher in common",
            Self::NoProtocol => "the client speaks neither HTTP/1.1 nor HTTP/2",
            Self::Untrusted => "the client does not accept the certificate",
            Self::BrokenOff => "the client broke off",
            Self::Malformed => "the client broke the rules of TLS",
        }
    }
}

/// Failures that the operator is told of: the first at once, and what follows in one sum. What is left is told at the end.
#[derive(Debug, Default)]
pub(super) struct Failures {
    tally: Arc<Tally>,
    untold: Mutex<[u64; Failure::ALL.len()]>,
}

impl Failures {
    pub(super) fn count(self: &Arc<Self>, failure: Failure) {
        self.untold()[failure as usize] += 1;
        let failures = Arc::clone(self);
        self.tally.count(move |_| failures.tell());
    }

    fn tell(&self) {
        if let Some(summary) = self.summary() {
            log::info!("{summary}");
        }
    }

    /// What has happened since this was last asked; `None` where that is nothing.
    fn summary(&self) -> Option<String> {
        let counts = std::mem::take(&mut *self.untold());
        let each = Failure::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let each: Vec<_> = each.map(|(failure, count)| format!("{count} × {}", failure.why())).collect();
        let all: u64 = counts.iter().sum();
        (all > 0).then(|| format!("TLS handshakes that failed: {all} ({})", each.join(", ")))
    }

    fn untold(&self) -> MutexGuard<'_, [u64; Failure::ALL.len()]> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Failures {
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_failure_has_its_place_and_a_label_of_its_own() {
        for (place, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place, "{failure:?}");
        }
        assert_eq!(BTreeSet::from(Failure::ALL.map(Failure::label)).len(), Failure::ALL.len());
    }

    #[tokio::test]
    async fn failures_are_summed_by_reason_and_each_is_told_of_once() {
        let failures = Arc::new(Failures::default());
        assert_eq!(failures.summary(), None);
        // Told of at once.
        failures.count(Failure::Left);
        assert_eq!(failures.summary(), None);
        for failure in [Failure::NotTls, Failure::Left, Failure::NotTls] {
            failures.count(failure);
        }
        assert_eq!(
            failures.summary().as_deref(),
            Some("TLS handshakes that failed: 3 (1 × the client left, 2 × what the client sent is not TLS)")
        );
        assert_eq!(failures.summary(), None);
    }

    #[test]
    fn a_check_that_nobody_asked_for_is_not_taken_for_a_missing_certificate() {
        let error = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unresolved = || error(Error::General("no server certificate chain resolved".to_owned()));
        for (error, validates, expected) in [
            (unresolved(), false, Failure::NoCertificate),
            (unresolved(), true, Failure::NoChallenge),
            (error(Error::NoApplicationProtocol), true, Failure::NoProtocol),
            (error(Error::AlertReceived(AlertDescription::UnknownCA)), false, Failure::Untrusted),
            (error(Error::AlertReceived(AlertDescription::CloseNotify)), false, Failure::BrokenOff),
            (error(Error::DecryptError), false, Failure::Malformed),
            (io::ErrorKind::UnexpectedEof.into(), true, Failure::Left),
        ] {
            assert_eq!(Failure::of(&error, validates), expected, "{error} {validates}");
        }
    }
}
