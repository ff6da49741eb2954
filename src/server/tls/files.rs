//! Certificates from files: read before anything is bound, and again whenever the files change.
//!
//! Files are looked at every few seconds rather than watched: what renews certificates replaces them by renaming, or swaps a
//! symbolic link in some folder above (as Kubernetes does with its secrets), and a poll by name sees all of that alike.

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

/// Between two looks at the files. What is broken at two looks running is told: a renewal replaces one file after the other,
/// and is not to be told of in between.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// No file with certificates or a key is anywhere near as long.
const MAX_LENGTH: u64 = 1 << 20;

/// Certificates in files, and the slots that they are shown from. Clones share them.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    certificates: Arc<Certificates>,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Debug, Default)]
struct Watched {
    pairs: Vec<Pair>,
    /// Slots of pairs that were there once.
    spare: Vec<CertificateSlot>,
}

/// Certificates that were read and are not shown yet.
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

/// A certificate's files, and what is known of them.
#[derive(Debug)]
struct Pair {
    files: Files,
    slot: CertificateSlot,
    /// The files as they were when they were last read.
    seen: Option<[Identity; 2]>,
    /// What was wrong with them then.
    trouble: Trouble,
    /// Whether it was told that the certificate expired.
    expired: bool,
}

#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// It may be over at the next poll.
    New,
    Explained,
}

/// What tells one state of a file from another.
type Identity = (u64, u64, u64, i64, i64, i64, i64);

/// Why a certificate cannot be had from its files. Says which file, the reason and the mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFilesError {
    /// A file is missing or cannot be read.
    #[error("{file} cannot be read: {source}; {}", fix(source))]
    Unreadable {
        /// Which of the two, and its path.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// What stands in a file is of no use.
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
        io::ErrorKind::PermissionDenied => "let this user read it (chown, or a group of its own)",
        io::ErrorKind::IsADirectory => "name the file in it",
        io::ErrorKind::InvalidInput => "name one",
        io::ErrorKind::FileTooLarge => "no certificate or key is as long: name another",
        _ => "make it readable, or name another",
    }
}

impl CertificateFiles {
    /// Reads these pairs of a certificate chain and its key, each in PEM, and installs them in this order. What clients may hold
    /// against one is logged as a warning.
    pub fn load<'a>(
        pairs: impl IntoIterator<Item = (&'a Path, &'a Path)>,
        certificates: &Arc<Certificates>,
    ) -> Result<Self, CertificateFilesError> {
        let files = Self { certificates: Arc::clone(certificates), watched: Arc::default() };
        files.install(Self::read(pairs)?);
        Ok(files)
    }

    /// Where what was read is shown from.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Reads such pairs; nothing is installed yet.
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a Path, &'a Path)>,
    ) -> Result<LoadedCertificates, CertificateFilesError> {
        let read = pairs.into_iter().map(|(cert, key)| {
            let files = Files { cert: cert.to_owned(), key: key.to_owned() };
            // Before they are read: what changes meanwhile is seen at the first poll.
            let seen = files.identify();
            let certificate = files.read()?;
            Ok((files, seen, certificate))
        });
        read.collect::<Result<_, _>>().map(LoadedCertificates)
    }

    /// Installs what was read in the place of all that was, in this order, and looks after it from now on. Where there are more
    /// than before, they come behind certificates that are not from files.
    pub fn install(&self, read: LoadedCertificates) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched { pairs, spare } = &mut *watched;
        let mut slots =
            pairs.drain(..).map(|pair| pair.slot).chain(spare.drain(..)).collect::<Vec<_>>().into_iter();
        let shown = read.0.into_iter().map(|(files, seen, certificate)| {
            let slot = slots.next().unwrap_or_else(|| self.certificates.reserve());
            files.warn(&certificate);
            let expired = certificate.not_after() < SystemTime::now();
            self.certificates.install(slot, Arc::new(certificate));
            Pair { files, slot, seen, trouble: Trouble::None, expired }
        });
        *pairs = shown.collect();
        *spare = slots.inspect(|slot| self.certificates.withdraw(*slot)).collect();
    }

    /// Looks after the files for ever: what changes is installed once certificate and key belong together; what is broken is
    /// told once, and the certificate before it stays. Never returns.
    pub async fn watch(self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            // Files may lie on what does not answer.
            let files = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let mut watched = files.watched.lock().unwrap_or_else(PoisonError::into_inner);
                for pair in &mut watched.pairs {
                    pair.poll(&files.certificates);
                }
            });
            if let Err(e) = looked.await {
                return log::error!("the certificate files are no longer looked at: {e}");
            }
        }
    }
}

impl Pair {
    fn poll(&mut self, certificates: &Certificates) {
        self.log_expiry(certificates);
        let now = self.files.identify();
        let has_changed = now.is_none() || now != self.seen;
        match (has_changed, self.trouble) {
            (false, Trouble::None | Trouble::Explained) => return,
            (true, Trouble::Explained) if now.is_none() && self.seen.is_none() => return,
            _ => {}
        }
        match self.files.read() {
            Ok(certificate) => {
                log::info!("{certificate}: read from {} and shown from now on", self.files.cert.display());
                self.files.warn(&certificate);
                self.expired = certificate.not_after() < SystemTime::now();
                certificates.install(self.slot, Arc::new(certificate));
                self.trouble = Trouble::None;
            }
            Err(e) if self.trouble == Trouble::New && now == self.seen => {
                log::error!("{e}; the certificate before it goes on being shown");
                self.trouble = Trouble::Explained;
            }
            Err(_) => self.trouble = Trouble::New,
        }
        self.seen = now;
    }

    /// A certificate that nobody renews is found out at the latest when clients find out.
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
    /// `None` where one of them cannot be seen.
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
                "{}: every user of this machine may read or change the private key; forbid it (chmod o= {0})",
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
