//! Failed TLS handshakes: the reasons that operators have to distinguish, and their summary in the log.

use std::io;

use rustls::{AlertDescription, Error};

use crate::log_throttle::SummaryThrottle;

/// Why a handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum HandshakeFailure {
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

impl HandshakeFailure {
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

    /// The reason for an error of a handshake. `validates` says whether the client validated a name, as certificate authorities do.
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

    /// The reason in the log.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Left => "the client disconnected",
            Self::Late => "the client took too long",
            Self::NotTls => "the data received is not TLS",
            Self::NoCertificate => "no certificate for the requested name yet",
            Self::NoChallenge => "ACME validation (acme-tls/1) that this server has not requested",
            Self::Incompatible => "no TLS version or cipher suite in common",
            Self::NoProtocol => "the client offers neither HTTP/1.1 nor HTTP/2",
            Self::Untrusted => "the client rejected the certificate",
            Self::BrokenOff => "the client aborted the handshake",
            Self::Malformed => "the client violated the TLS protocol",
        }
    }
}

/// Sums up failures by reason for the log: the first is logged at once, later ones in one message, the rest at the end.
#[derive(Debug, Default)]
pub(super) struct FailureSummary(SummaryThrottle<Counts>);

type Counts = [u64; HandshakeFailure::ALL.len()];

impl FailureSummary {
    pub(super) fn count(&self, failure: HandshakeFailure) {
        self.0.record(|counts| counts[failure as usize] += 1, log_counts);
    }
}

impl Drop for FailureSummary {
    fn drop(&mut self) {
        log_counts(self.0.take());
    }
}

fn log_counts(counts: Counts) {
    if let Some(summary) = summary(counts) {
        log::info!("{summary}");
    }
}

/// The message for these counts; `None` if all are 0.
fn summary(counts: Counts) -> Option<String> {
    let each = HandshakeFailure::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    let each: Vec<_> = each.map(|(failure, count)| format!("{count} × {}", failure.why())).collect();
    let all: u64 = counts.iter().sum();
    (all > 0).then(|| format!("TLS handshakes failed: {all} ({})", each.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_failure_has_its_index_and_a_label_of_its_own() {
        for (place, failure) in HandshakeFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place, "{failure:?}");
        }
        assert_eq!(
            BTreeSet::from(HandshakeFailure::ALL.map(HandshakeFailure::label)).len(),
            HandshakeFailure::ALL.len()
        );
    }

    #[tokio::test]
    async fn failures_are_summed_by_reason_and_each_is_logged_once() {
        let failures = FailureSummary::default();
        assert_eq!(summary(Counts::default()), None);
        failures.count(HandshakeFailure::Left);
        assert_eq!(summary(failures.0.take()), None, "the first is logged at once");
        for failure in [HandshakeFailure::NotTls, HandshakeFailure::Left, HandshakeFailure::NotTls] {
            failures.count(failure);
        }
        assert_eq!(
            summary(failures.0.take()).as_deref(),
            Some("TLS handshakes failed: 3 (1 × the client disconnected, 2 × the data received is not TLS)")
        );
        assert_eq!(summary(failures.0.take()), None);
    }

    #[test]
    fn an_unrequested_validation_is_not_reported_as_a_missing_certificate() {
        let error = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unresolved = || error(Error::General("no server certificate chain resolved".to_owned()));
        for (error, validates, expected) in [
            (unresolved(), false, HandshakeFailure::NoCertificate),
            (unresolved(), true, HandshakeFailure::NoChallenge),
            (error(Error::NoApplicationProtocol), true, HandshakeFailure::NoProtocol),
            (error(Error::AlertReceived(AlertDescription::UnknownCA)), false, HandshakeFailure::Untrusted),
            (error(Error::AlertReceived(AlertDescription::CloseNotify)), false, HandshakeFailure::BrokenOff),
            (error(Error::DecryptError), false, HandshakeFailure::Malformed),
            (io::ErrorKind::UnexpectedEof.into(), true, HandshakeFailure::Left),
        ] {
            assert_eq!(HandshakeFailure::of(&error, validates), expected, "{error} {validates}");
        }
    }
}
