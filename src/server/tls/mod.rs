//! TLS: certificates, ACME challenges, and the handshake.
//!
//! [`Certificates`] holds what is served to clients, whatever its source: [`CertificateFiles`] reads files and watches them, an ACME
//! client [installs](Certificates::install) what it obtains. [`Challenges`] holds the responses that prove to a certificate
//! authority that a name belongs to this server. Both change at runtime, without effect on open connections.

mod certificate;
mod certificates;
mod challenges;
mod config;
mod files;
mod handshake;
mod handshake_failure;
#[cfg(test)]
mod tests;

pub use self::certificate::{Certificate, CertificateError};
pub use self::certificates::{CertificateSlot, Certificates};
pub use self::challenges::{ChallengeGuard, Challenges};
pub use self::config::Tls;
pub use self::files::{CertificateFiles, CertificateFilesError, LoadedCertificates};
pub(super) use self::handshake::{Handshakes, Protocol};
pub(super) use self::handshake_failure::HandshakeFailure;
