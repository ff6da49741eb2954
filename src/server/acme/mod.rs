//! Automatic certificates: an ACME client (RFC 8555) that obtains and renews them.
//!
//! It runs on the background runtime. [`schedule`] decides when, [`order`] orders a certificate over the HTTP [`client`], [`state`]
//! stores what must outlive the process, [`order_error`] explains failures. [`tls`](super::tls) serves certificates and challenges.
//!
//! A valid certificate continues to be served whatever the authority does.

mod client;
mod order;
mod order_error;
mod schedule;
mod state;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use self::client::AcmeHttpClient;
use self::order::CertificateOrder;
use self::order_error::OrderError;
use self::schedule::{Failures, Validity, next_attempt};
use self::state::State;
pub use self::state::StateError;
use super::tls::{Certificate, CertificateSlot, Tls};
use crate::config::Acme;
use crate::https_client;
use crate::small_file;

/// While waiting: how often the clock is read, which may be set, and what other processes have stored.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How often to check whether another process has finished its attempt.
const BUSY_INTERVAL: Duration = Duration::from_secs(5);
/// For one whole attempt: one that hangs is given up.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(5);

/// Longest file of CA certificates, in bytes.
const MAX_CA_LENGTH: u64 = 4 << 20;

/// Obtains and renews one certificate for the names in the settings.
#[derive(Debug)]
pub struct AcmeClient {
    settings: Acme,
    state: State,
    roots: RootCertStore,
    tls: Tls,
    slot: CertificateSlot,
    /// Failed attempts before the start.
    failures: Failures,
}

/// Why certificates cannot be obtained at all. Names the thing, the reason and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The CA certificates for the directory cannot be read.
    #[error("{}, named by `acme.ca`, {reason}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and how to fix it.
        reason: String,
    },
}

/// The result of an attempt.
enum Attempt {
    /// The authority has issued it.
    Obtained(Certificate),
    /// Another process has obtained it meanwhile, and it was installed.
    Found,
    /// Another process is making an attempt.
    Busy,
}

impl AcmeClient {
    /// Opens the state, and installs a stored certificate that is still valid. `None` if the installed certificates are for all of the
    /// names.
    pub fn open(settings: &Acme, tls: &Tls) -> Result<Option<Self>, AcmeError> {
        let mut settings = settings.clone();
        settings.domains.retain(|name| !tls.certificates().is_for(name));
        if settings.domains.is_empty() {
            return Ok(None);
        }
        let roots = roots(settings.ca.as_deref())?;
        let state = State::open(&settings.state, &settings.directory, &settings.domains)?;
        // An account file that others can read is an error now, not when it is needed.
        state.account()?;
        let slot = tls.certificates().reserve();
        let failures = failures(&state);
        let client = Self { settings, state, roots, tls: tls.clone(), slot, failures };
        client.install_stored()?;
        Ok(Some(client))
    }

    /// The names that it obtains a certificate for.
    pub fn names(&self) -> &[String] {
        &self.settings.domains
    }

    /// Installs the stored certificate, or those stored for other sets of names until there is a better one.
    fn install_stored(&self) -> Result<(), StateError> {
        let now = SystemTime::now();
        match self.state.certificate() {
            Ok(Some(kept)) if kept.not_after() > now => {
                log::info!("{kept}: found in {}", self.settings.state.display());
                self.install(kept);
                return Ok(());
            }
            Ok(Some(kept)) => log::warn!("{kept}, has expired; requesting a new one"),
            Ok(None) => log::info!("no certificate for {self} yet; requesting one"),
            Err(e @ StateError::Damaged { .. }) => log::warn!("{e}"),
            Err(e) => return Err(e),
        }
        for former in self.state.former_certificates(now) {
            log::info!("{former}: served until there is one for {self}");
            let slot = self.tls.certificates().reserve();
            self.tls.certificates().install(slot, Arc::new(former));
        }
        Ok(())
    }

    fn install(&self, certificate: Certificate) -> Arc<Certificate> {
        let certificate = Arc::new(certificate);
        self.tls.certificates().install(self.slot, Arc::clone(&certificate));
        certificate
    }

    fn validity(&self) -> Option<Validity> {
        self.tls.certificates().installed(self.slot).map(|installed| Validity::of(&installed))
    }

    /// Obtains the certificate if it is missing, and renews it for ever. Never returns; an attempt that is interrupted by dropping it
    /// is repeated after the next start.
    pub async fn run(self) {
        let mut failures = self.failures;
        let mut kinds = self.settings.challenge.iter().cycle().copied();
        let Some(mut kind) = kinds.next() else { return };
        let mut jitter = jitter();
        if failures.last.is_some() {
            log::warn!(
                "earlier attempts failed repeatedly; the next attempt for {self} is at {}",
                format_rfc3339_seconds(next_attempt(self.validity(), failures, jitter))
            );
        }
        loop {
            // After the clock was set back, it must not wait for the time that the clock showed before.
            failures.last = failures.last.map(|last| last.min(SystemTime::now()));
            let next = next_attempt(self.validity(), failures, jitter);
            if let Ok(left) = next.duration_since(SystemTime::now())
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(POLL_INTERVAL)).await;
                // Only after failures: otherwise the stored certificate is checked when a renewal is due.
                if failures.count > 0 && self.install_newer(jitter).await {
                    (failures, jitter) = (Failures::default(), self::jitter());
                    self.remember(failures).await;
                }
                continue;
            }
            let client = AcmeHttpClient::new(self.roots.clone());
            let order = CertificateOrder {
                settings: &self.settings,
                state: &self.state,
                client: &client,
                challenges: self.tls.challenges(),
                kind,
            };
            let attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, self.attempt(&order, jitter)).await;
            match attempt.unwrap_or(Err(OrderError::Timeout(ATTEMPT_TIMEOUT))) {
                Ok(Attempt::Busy) => tokio::time::sleep(BUSY_INTERVAL).await,
                Ok(Attempt::Obtained(certificate)) => {
                    jitter = self::jitter();
                    let certificate = self.install(certificate);
                    failures = Failures::after_success(Validity::of(&certificate), jitter, SystemTime::now());
                    self.remember(failures).await;
                    let next = next_attempt(self.validity(), failures, jitter);
                    let (from, next) = (&self.settings.directory, format_rfc3339_seconds(next));
                    log::info!("{certificate}: obtained from {from} by {}; renewal at {next}", kind.as_str());
                    if failures.count > 0 {
                        log::warn!(
                            "{certificate}, is new but already due for renewal: set this machine's clock, or ask the authority's \
                             operator about its lifetime"
                        );
                    }
                }
                Ok(Attempt::Found) => {
                    (failures, jitter) = (Failures::default(), self::jitter());
                    self.remember(failures).await;
                }
                Err(error) => {
                    failures = Failures {
                        count: failures.count.saturating_add(1),
                        last: Some(SystemTime::now()),
                        unreached: error.is_unprocessed() && !client.may_have_acted(),
                        not_before: client.retry_after(),
                    };
                    self.remember(failures).await;
                    jitter = self::jitter();
                    let next = next_attempt(self.validity(), failures, jitter);
                    self.log_failure(&error, next);
                    if !error.is_unprocessed() {
                        kind = kinds.next().unwrap_or(kind);
                    }
                }
            }
        }
    }

    /// Stores the failures for the next start, until an attempt succeeds.
    async fn remember(&self, failures: Failures) {
        let state = self.state.clone();
        let kept = tokio::task::spawn_blocking(move || match failures.count {
            0 => state.forget_failures(),
            _ => state.keep_failures(&failures.to_text()),
        });
        if let Ok(Err(e)) = kept.await {
            log::warn!("{e}; the next start will not know that attempts have failed");
        }
    }

    /// Orders the certificate, unless another process has done so or is doing so.
    async fn attempt(&self, order: &CertificateOrder<'_>, jitter: f64) -> Result<Attempt, OrderError> {
        let state = self.state.clone();
        let locked = tokio::task::spawn_blocking(move || state.lock()).await;
        let Some(lock) = locked.map_err(|e| OrderError::Unusable(e.to_string()))?? else {
            return Ok(Attempt::Busy);
        };
        if self.install_newer(jitter).await {
            return Ok(Attempt::Found);
        }
        let obtained = order.obtain().await;
        drop(lock);
        obtained.map(Attempt::Obtained)
    }

    /// Installs what another process has stored, if that is newer and not due for renewal itself; returns whether it did.
    async fn install_newer(&self, jitter: f64) -> bool {
        let state = self.state.clone();
        let kept = tokio::task::spawn_blocking(move || state.certificate().ok().flatten()).await;
        let Some(kept) = kept.ok().flatten() else { return false };
        let validity = Validity::of(&kept);
        let is_newer = self.validity().is_none_or(|installed| installed.not_after < validity.not_after);
        let is_due = next_attempt(Some(validity), Failures::default(), jitter) <= SystemTime::now();
        if is_newer && !is_due {
            let kept = self.install(kept);
            log::info!("{kept}: found in {}, stored by another process", self.settings.state.display());
        }
        is_newer && !is_due
    }

    /// Logs what failed, what that means for clients, and when the next attempt is.
    fn log_failure(&self, error: &OrderError, next: SystemTime) {
        let consequence = match self.tls.certificates().installed(self.slot) {
            None => {
                let is_served = |name: &&String| self.tls.certificates().is_for(name);
                let names: Vec<_> =
                    self.settings.domains.iter().filter(is_served).map(String::as_str).collect();
                match names[..] {
                    [] => "no certificate is served until then".to_owned(),
                    _ => format!("still serving the certificate for {}", names.join(", ")),
                }
            }
            Some(installed) if installed.not_after() > SystemTime::now() => {
                format!(
                    "still serving the previous certificate, valid until {}",
                    format_rfc3339_seconds(installed.not_after())
                )
            }
            Some(installed) => {
                format!(
                    "the previous certificate expired at {}",
                    format_rfc3339_seconds(installed.not_after())
                )
            }
        };
        let message = format!(
            "cannot obtain a certificate for {self} from {}: {error}{}",
            self.settings.directory,
            blocked_names(&self.settings.domains, &error.names())
        );
        log::error!("{message} ({consequence}; the next attempt is at {})", format_rfc3339_seconds(next));
        self.tls.certificates().set_error(self.slot, message);
    }
}

/// Displays as the names.
impl fmt::Display for AcmeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.settings.domains.join(", "))
    }
}

impl Validity {
    fn of(certificate: &Certificate) -> Self {
        Self { not_before: certificate.not_before(), not_after: certificate.not_after() }
    }
}

/// What failures of some names mean for the other `domains`: there is one certificate for all of them, or none.
fn blocked_names(domains: &[String], failing: &BTreeSet<String>) -> String {
    let (failing, others): (Vec<_>, Vec<_>) =
        domains.iter().map(String::as_str).partition(|name| failing.contains(*name));
    if failing.is_empty() || others.is_empty() {
        return String::new();
    }
    let (failing, others) = (failing.join(", "), others.join(", "));
    format!("; this blocks {others}, too: if it cannot be fixed soon, remove {failing} from `acme.domains`")
}

/// Failed attempts before the start.
fn failures(state: &State) -> Failures {
    let kept = match state.failures() {
        Ok(kept) => kept.as_deref().and_then(Failures::from_text),
        Err(e) => {
            log::warn!("{e}");
            None
        }
    };
    kept.unwrap_or_default().after_start()
}

/// The trusted root certificates for the authority.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, AcmeError> {
    let Some(path) = ca else {
        let roots = https_client::system_roots();
        if roots.is_empty() {
            // Not fatal: a stored certificate can be served.
            log::warn!(
                "this machine trusts no certificate authority, so no ACME directory can be used; install root certificates \
                 (Debian: ca-certificates), or name a file of them as `acme.ca`"
            );
        }
        return Ok(roots);
    };
    let refuse = |reason: String| AcmeError::Ca { path: path.to_owned(), reason };
    let unreadable = |e: &dyn fmt::Display| {
        refuse(format!("cannot be read: {e}; put a PEM certificate there, or name another file"))
    };
    let (text, _) = small_file::read(path, MAX_CA_LENGTH).map_err(|e| unreadable(&e))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = read.map_err(|e| unreadable(&e))?;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(refuse(
            "contains no PEM certificate; name the file that contains -----BEGIN CERTIFICATE-----".to_owned(),
        ));
    }
    Ok(roots)
}

/// A random number from 0 to 1.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    // If this fails, servers that were started together renew together, which does little harm.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_that_fails_is_reported_to_block_the_others() {
        let domains = ["a.example", "b.example", "c.example"].map(str::to_owned);
        let blocked_names = |failing: &[&str]| {
            super::blocked_names(&domains, &failing.iter().map(|name| (*name).to_owned()).collect())
        };
        let text = blocked_names(&["b.example"]);
        for part in ["blocks a.example, c.example, too", "remove b.example from `acme.domains`"] {
            assert!(text.contains(part), "{text}");
        }
        for none in [&[][..], &["x.example"]] {
            assert_eq!(blocked_names(none), "");
        }
        assert_eq!(blocked_names(&["a.example", "b.example", "c.example"]), "", "there is no other");
    }
}
