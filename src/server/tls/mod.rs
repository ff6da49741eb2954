//! TLS: which certificate a client is shown, where certificates come from, and the handshake that comes before HTTP.
//!
//! [`Certificates`] holds what is shown, whoever got it: [`CertificateFiles`] reads files and looks after them, an ACME client
//! [installs](Certificates::install) what it was issued. [`Challenges`] holds what proves to a certificate authority that this
//! is the server of a name. Both change at runtime and leave connections that are under way alone.

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
