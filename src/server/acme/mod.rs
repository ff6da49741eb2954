//! Certificates that the server gets and renews by itself, by ACME (RFC 8555).
//!
//! All of it happens on the background runtime: [`schedule`] says when, [`order`] asks, [`client`] carries what is order, [`state`]
//! keeps what must outlive the process, [`order_error`] says what went wrong. What clients and authorities are shown is for
//! [`tls`](super::tls).
//!
//! What is valid goes on being shown whatever the authority does.

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

/// So often, while something is waited for, the clock is looked at, which may be set, and what other processes have kept.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Between two looks whether another process is done client.
const BUSY_INTERVAL: Duration = Duration::from_secs(5);
/// For one attempt, all in all: what hangs is given up.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(5);

/// No file of authorities' certificates is as long, in bytes.
const MAX_CA_LENGTH: u64 = 4 << 20;

/// Looks after one certificate for the names in the settings.
#[derive(Debug)]
pub struct AcmeClient {
    settings: Acme,
    state: State,
    roots: RootCertStore,
    tls: Tls,
    slot: CertificateSlot,
    /// What came of the attempts before the start.
    failures: Failures,
}

/// Why no certificates can be got at all. Says what, the reason and the mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The certificates that vouch for the directory cannot be read.
    #[error("{}, named by `acme.ca`, {reason}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the mend.
        reason: String,
    },
}

/// What an attempt came to.
enum Attempt {
    /// The authority has issued it.
    Obtained(Certificate),
    /// Another process has got it meanwhile, and it is shown.
    Found,
    /// Another process is at it.
    Busy,
}

impl AcmeClient {
    /// Opens the state, and shows what it holds and is still valid. `None` where certificates that are shown already are for all of
    /// the names.
    pub fn open(settings: &Acme, tls: &Tls) -> Result<Option<Self>, AcmeError> {
        let mut settings = settings.clone();
        settings.domains.retain(|name| !tls.certificates().is_for(name));
        if settings.domains.is_empty() {
            return Ok(None);
        }
        let roots = roots(settings.ca.as_deref())?;
        let state = State::open(&settings.state, &settings.directory, &settings.domains)?;
        // An account that others can read is told of now, not when it is needed.
        state.account()?;
        let slot = tls.certificates().reserve();
        let failures = failures(&state);
        let client = Self { settings, state, roots, tls: tls.clone(), slot, failures };
        client.install_stored()?;
        Ok(Some(client))
    }

    /// The names that it gets a certificate for.
    pub fn names(&self) -> &[String] {
        &self.settings.domains
    }

    /// Shows what is kept, and what was kept for other sets of names as long as there is nothing better.
    fn install_stored(&self) -> Result<(), StateError> {
        let now = SystemTime::now();
        match self.state.certificate() {
            Ok(Some(kept)) if kept.not_after() > now => {
                log::info!("{kept}: found in {}", self.settings.state.display());
                self.install(kept);
                return Ok(());
            }
            Ok(Some(kept)) => log::warn!("{kept}, has expired; another one is order for"),
            Ok(None) => log::info!("there is no certificate for {self} yet; one is order for"),
            Err(e @ StateError::Damaged { .. }) => log::warn!("{e}"),
            Err(e) => return Err(e),
        }
        for former in self.state.former_certificates(now) {
            log::info!("{former}: shown until there is one for {self}");
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
        self.tls.certificates().installed(self.slot).map(|shown| Validity::of(&shown))
    }

    /// Gets the certificate where it is missing, and renews it for ever. Never returns; what is under way when it is dropped is
    /// order for again after the next start.
    pub async fn run(self) {
        let mut failures = self.failures;
        let mut kinds = self.settings.challenge.iter().cycle().copied();
        let Some(mut kind) = kinds.next() else { return };
        let mut jitter = jitter();
        if failures.last.is_some() {
            log::warn!(
                "what was order for before the start failed time and again; the next attempt for {self} is at {}",
                format_rfc3339_seconds(next_attempt(self.validity(), failures, jitter))
            );
        }
        loop {
            // A clock that was set back must not make it wait for the time that it showed before.
            failures.last = failures.last.map(|last| last.min(SystemTime::now()));
            let next = next_attempt(self.validity(), failures, jitter);
            if let Ok(left) = next.duration_since(SystemTime::now())
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(POLL_INTERVAL)).await;
                // Only where something is wrong: else what is due is looked for when it is.
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
            match attempt.unwrap_or(Err(OrderError::Late(ATTEMPT_TIMEOUT))) {
                Ok(Attempt::Busy) => tokio::time::sleep(BUSY_INTERVAL).await,
                Ok(Attempt::Obtained(certificate)) => {
                    jitter = self::jitter();
                    let certificate = self.install(certificate);
                    failures = Failures::after_success(Validity::of(&certificate), jitter, SystemTime::now());
                    self.remember(failures).await;
                    let next = next_attempt(self.validity(), failures, jitter);
                    let (from, next) = (&self.settings.directory, format_rfc3339_seconds(next));
                    log::info!(
                        "{certificate}: obtained from {from} by {}, to be renewed at {next}",
                        kind.as_str()
                    );
                    if failures.count > 0 {
                        log::warn!(
                            "{certificate}, is new and has to be renewed already: set this machine's clock, or ask the \
                             authority's operator about its lifetime"
                        );
                    }
                }
                Ok(Attempt::Found) => {
                    (failures, jitter) = (Failures::default(), self::jitter());
                    self.remember(failures).await;
                }
                Err(failure) => {
                    failures = Failures {
                        count: failures.count.saturating_add(1),
                        last: Some(SystemTime::now()),
                        unreached: failure.is_unheard() && !client.was_heard(),
                        not_before: client.retry_after(),
                    };
                    self.remember(failures).await;
                    jitter = self::jitter();
                    let next = next_attempt(self.validity(), failures, jitter);
                    self.log_failure(&failure, next);
                    if !failure.is_unheard() {
                        kind = kinds.next().unwrap_or(kind);
                    }
                }
            }
        }
    }

    /// Keeps what came of the attempts for the next start, as long as they fail.
    async fn remember(&self, failures: Failures) {
        let state = self.state.clone();
        let kept = tokio::task::spawn_blocking(move || match failures.count {
            0 => state.forget_failures(),
            _ => state.keep_failures(&failures.to_text()),
        });
        if let Ok(Err(e)) = kept.await {
            log::warn!("{e}; after a start it is not known how the attempts before it ended");
        }
    }

    /// Asks for the certificate, unless another process has done so or is doing so.
    async fn attempt(&self, order: &CertificateOrder<'_>, jitter: f64) -> Result<Attempt, OrderError> {
        let state = self.state.clone();
        let locked = tokio::task::spawn_blocking(move || state.lock()).await;
        let Some(lock) = locked.map_err(|e| OrderError::Useless(e.to_string()))?? else {
            return Ok(Attempt::Busy);
        };
        if self.install_newer(jitter).await {
            return Ok(Attempt::Found);
        }
        let obtained = order.obtain().await;
        drop(lock);
        obtained.map(Attempt::Obtained)
    }

    /// Shows what another process has kept, if that is newer and not due to be renewed itself; says whether it is.
    async fn install_newer(&self, jitter: f64) -> bool {
        let state = self.state.clone();
        let kept = tokio::task::spawn_blocking(move || state.certificate().ok().flatten()).await;
        let Some(kept) = kept.ok().flatten() else { return false };
        let validity = Validity::of(&kept);
        let is_newer = self.validity().is_none_or(|shown| shown.not_after < validity.not_after);
        let is_due = next_attempt(Some(validity), Failures::default(), jitter) <= SystemTime::now();
        if is_newer && !is_due {
            let kept = self.install(kept);
            log::info!("{kept}: found in {}, where another process put it", self.settings.state.display());
        }
        is_newer && !is_due
    }

    /// Tells what failed, what that means for clients, and what comes next.
    fn log_failure(&self, failure: &OrderError, next: SystemTime) {
        let standing = match self.tls.certificates().installed(self.slot) {
            None => {
                let shown = |name: &&String| self.tls.certificates().is_for(name);
                let names: Vec<_> = self.settings.domains.iter().filter(shown).map(String::as_str).collect();
                match names[..] {
                    [] => "there is none to show until then".to_owned(),
                    _ => format!("what there is for {} is shown", names.join(", ")),
                }
            }
            Some(shown) if shown.not_after() > SystemTime::now() => {
                format!(
                    "the one before it is shown and valid until {}",
                    format_rfc3339_seconds(shown.not_after())
                )
            }
            Some(shown) => {
                format!("the one before it expired at {}", format_rfc3339_seconds(shown.not_after()))
            }
        };
        let trouble = format!(
            "no certificate for {self} could be got from {}: {failure}{}",
            self.settings.directory,
            blocked_names(&self.settings.domains, &failure.names())
        );
        log::error!("{trouble} ({standing}; the next attempt is at {})", format_rfc3339_seconds(next));
        self.tls.certificates().set_error(self.slot, trouble);
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

/// What it means for the other `domains` that some are `failing`: there is one certificate for all of them, or none.
fn blocked_names(domains: &[String], failing: &BTreeSet<String>) -> String {
    let (failing, others): (Vec<_>, Vec<_>) =
        domains.iter().map(String::as_str).partition(|name| failing.contains(*name));
    if failing.is_empty() || others.is_empty() {
        return String::new();
    }
    let (failing, others) = (failing.join(", "), others.join(", "));
    format!(
        "; that holds up {others}, too: where it cannot be mended soon, take {failing} out of `acme.domains`"
    )
}

/// What is kept of the attempts before the start.
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

/// Whom to believe that they are the authority.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, AcmeError> {
    let Some(path) = ca else {
        let roots = https_client::system_roots();
        if roots.is_empty() {
            // No reason to end: what is kept can be shown.
            log::warn!(
                "this machine trusts no certificate authority, so none can be order; install its certificates (Debian: \
                 ca-certificates), or name a file of them as `acme.ca`"
            );
        }
        return Ok(roots);
    };
    let refuse = |reason: String| AcmeError::Ca { path: path.to_owned(), reason };
    let unreadable = |e: &dyn fmt::Display| {
        refuse(format!("cannot be read: {e}; put a certificate in PEM there, or name another file"))
    };
    let (text, _) = small_file::read(path, MAX_CA_LENGTH).map_err(|e| unreadable(&e))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = read.map_err(|e| unreadable(&e))?;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(refuse(
            "holds no certificate in PEM; name the file with -----BEGIN CERTIFICATE----- in it".to_owned(),
        ));
    }
    Ok(roots)
}

/// A number from 0 to 1 that nobody knows in advance.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    // Without jitter, servers that were started together ask together: a pity, no more.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_name_that_fails_is_said_to_hold_up_the_others() {
        let domains = ["a.example", "b.example", "c.example"].map(str::to_owned);
        let blocked_names = |failing: &[&str]| {
            super::blocked_names(&domains, &failing.iter().map(|name| (*name).to_owned()).collect())
        };
        let text = blocked_names(&["b.example"]);
        for part in ["holds up a.example, c.example, too", "take b.example out of `acme.domains`"] {
            assert!(text.contains(part), "{text}");
        }
        for none_of_them in [&[][..], &["x.example"]] {
            assert_eq!(blocked_names(none_of_them), "");
        }
        assert_eq!(blocked_names(&["a.example", "b.example", "c.example"]), "", "there is no other");
    }
}
