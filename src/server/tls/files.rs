//! Certificate files: read before anything is bound, and again whenever they change.
//!
//! The files are polled every few seconds, and not watched by inotify: tools that renew certificates rename files, or swap a symbolic
//! link in some folder above (as Kubernetes does for secrets), and polling by name notices all of that.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::certificate::{Certificate, CertificateError, CertificateWarning};
use super::certificates::{CertificateSlot, Certificates};
use crate::small_file;

/// Time between two polls. An error is logged if two polls in a row find it: a renewal replaces one file after the other, and the
/// state in between is no error.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Longest certificate or key file, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

/// Certificates from files, and the slots that they are installed in. Clones share them.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    certificates: Arc<Certificates>,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Debug, Default)]
struct Watched {
    pairs: Vec<Pair>,
    /// Slots of pairs that were removed.
    spare: Vec<CertificateSlot>,
}

/// Certificates that were read and not installed yet.
#[derive(Debug)]
pub struct LoadedCertificates(Vec<(Files, Option<[Identity; 2]>, Certificate)>);

impl LoadedCertificates {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is for this host name, in lower case.
    pub fn is_for(&self, name: &str) -> bool {
        self.0.iter().any(|(_, _, certificate)| certificate.is_for(name))
    }
}

/// The two files of a certificate, and their state.
#[derive(Debug)]
struct Pair {
    files: Files,
    slot: CertificateSlot,
    /// The files' identity when they were last read.
    seen: Option<[Identity; 2]>,
    /// Whether reading them failed then.
    state: ReadState,
    /// Whether it was logged that the certificate expired.
    expired: bool,
}

#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadState {
    Ok,
    /// Not logged: it may be over at the next poll.
    Error,
    ErrorLogged,
}

/// Distinguishes two versions of a file.
type Identity = (u64, u64, u64, i64, i64, i64, i64);

/// Why a certificate cannot be loaded from its files. Names the file, the reason and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFilesError {
    /// A file is missing or cannot be read.
    #[error("{file} cannot be read: {source}; {}", fix(source))]
    Unreadable {
        /// Which of the two, and its path.
        file: String,
        /// The system error.
        source: io::Error,
    },
    /// The content of a file cannot be used.
    #[error("{file} {error}")]
    Unusable {
        /// Which of the two, and its path.
        file: String,
        /// What is wrong with it.
        error: CertificateError,
    },
}

fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "put it there, or name another",
        io::ErrorKind::PermissionDenied => "make it readable for this user (chown, or a group of its own)",
        io::ErrorKind::IsADirectory => "name the file in it",
        io::ErrorKind::InvalidInput => "name one",
        io::ErrorKind::FileTooLarge => "no certificate or key is that long: name another",
        _ => "make it readable, or name another",
    }
}

impl CertificateFiles {
    /// Reads pairs of a certificate chain and its key, each in PEM, and installs them in this order. Reasons why clients may reject
    /// one are logged as warnings.
    pub fn load<'a>(
        pairs: impl IntoIterator<Item = (&'a Path, &'a Path)>,
        certificates: &Arc<Certificates>,
    ) -> Result<Self, CertificateFilesError> {
        let files = Self { certificates: Arc::clone(certificates), watched: Arc::default() };
        files.install(Self::read(pairs)?);
        Ok(files)
    }

    /// Where they are installed.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Reads such pairs, without installing them.
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a Path, &'a Path)>,
    ) -> Result<LoadedCertificates, CertificateFilesError> {
        let read = pairs.into_iter().map(|(cert, key)| {
            let files = Files { cert: cert.to_owned(), key: key.to_owned() };
            // Before the files are read: a change in between is noticed by the first poll.
            let seen = files.identify();
            let certificate = files.read()?;
            Ok((files, seen, certificate))
        });
        read.collect::<Result<_, _>>().map(LoadedCertificates)
    }

    /// Installs these certificates in this order, in place of all previous ones, and watches them from now on. If there are more than
    /// before, the additional ones come after certificates that are not from files.
    pub fn install(&self, read: LoadedCertificates) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched { pairs, spare } = &mut *watched;
        let mut slots =
            pairs.drain(..).map(|pair| pair.slot).chain(spare.drain(..)).collect::<Vec<_>>().into_iter();
        let installed = read.0.into_iter().map(|(files, seen, certificate)| {
            let slot = slots.next().unwrap_or_else(|| self.certificates.reserve());
            files.warn(&certificate);
            let expired = certificate.not_after() < SystemTime::now();
            self.certificates.install(slot, Arc::new(certificate));
            Pair { files, slot, seen, state: ReadState::Ok, expired }
        });
        *pairs = installed.collect();
        *spare = slots.inspect(|slot| self.certificates.withdraw(*slot)).collect();
    }

    /// Watches the files for ever: a change is installed once certificate and key match; an error is logged once, and the previous
    /// certificate stays. Never returns.
    pub async fn watch(self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            // The files may lie on a file system that hangs.
            let files = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let mut watched = files.watched.lock().unwrap_or_else(PoisonError::into_inner);
                for pair in &mut watched.pairs {
                    pair.poll(&files.certificates);
                }
            });
            if let Err(e) = looked.await {
                return log::error!("certificate files are no longer watched: {e}");
            }
        }
    }
}

impl Pair {
    fn poll(&mut self, certificates: &Certificates) {
        self.log_expiry(certificates);
        let now = self.files.identify();
        let has_changed = now.is_none() || now != self.seen;
        match (has_changed, self.state) {
            (false, ReadState::Ok | ReadState::ErrorLogged) => return,
            (true, ReadState::ErrorLogged) if now.is_none() && self.seen.is_none() => return,
            _ => {}
        }
        match self.files.read() {
            Ok(certificate) => {
                log::info!("{certificate}: loaded from {}", self.files.cert.display());
                self.files.warn(&certificate);
                self.expired = certificate.not_after() < SystemTime::now();
                certificates.install(self.slot, Arc::new(certificate));
                self.state = ReadState::Ok;
            }
            Err(e) if self.state == ReadState::Error && now == self.seen => {
                log::error!("{e}; still serving the previous certificate");
                self.state = ReadState::ErrorLogged;
            }
            Err(_) => self.state = ReadState::Error,
        }
        self.seen = now;
    }

    /// Logs once that the certificate has expired, in case nothing renews it.
    fn log_expiry(&mut self, certificates: &Certificates) {
        let Some(certificate) = certificates.installed(self.slot) else { return };
        if !self.expired && certificate.not_after() < SystemTime::now() {
            self.expired = true;
            log::error!(
                "{}: {}",
                self.files.cert.display(),
                CertificateWarning::Expired(certificate.not_after())
            );
        }
    }
}

impl Files {
    /// `None` if one of them cannot be inspected.
    fn identify(&self) -> Option<[Identity; 2]> {
        Some([identify(&self.cert)?, identify(&self.key)?])
    }

    fn read(&self) -> Result<Certificate, CertificateFilesError> {
        let cert_file = || format!("the certificate {}", self.cert.display());
        let key_file = || format!("the private key {}", self.key.display());
        let unreadable = |file: String| move |source| CertificateFilesError::Unreadable { file, source };
        let (chain, _) = small_file::read(&self.cert, MAX_LENGTH).map_err(unreadable(cert_file()))?;
        let (key, _) = small_file::read(&self.key, MAX_LENGTH).map_err(unreadable(key_file()))?;
        Certificate::from_pem(&chain, &key).map_err(|error| {
            let file = match &error {
                CertificateError::Key(_) => key_file(),
                CertificateError::Mismatch => format!("{} and {}:", cert_file(), key_file()),
                CertificateError::Chain(_) => cert_file(),
            };
            CertificateFilesError::Unusable { file, error }
        })
    }

    fn warn(&self, certificate: &Certificate) {
        for warning in certificate.warnings(SystemTime::now()) {
            log::warn!("{}: {warning}", self.cert.display());
        }
        let mode = fs::metadata(&self.key).map_or(0, |metadata| metadata.mode());
        if mode & 0o007 != 0 {
            log::warn!(
                "{}: the private key is accessible to every user of this machine; run chmod o= {0}",
                self.key.display()
            );
        }
    }
}

fn identify(path: &Path) -> Option<Identity> {
    let of = fs::metadata(path).ok()?;
    Some((of.dev(), of.ino(), of.size(), of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()))
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = if self.names().is_empty() { "no name".to_owned() } else { self.names().join(", ") };
        write!(
            f,
            "the certificate for {names}, valid until {}",
            humantime::format_rfc3339_seconds(self.not_after())
        )
    }
}
