//! ACME state folder: the account, certificates and failures, in files that only this user may read.
//!
//! ```text
//! acme/                                        0700
//!   acme-v02.api.letsencrypt.org-5c8df3a2/     0700, one for each directory, so that authorities never mix
//!     lock                                     held during an attempt
//!     account.json                             0600
//!     media.example.com-9f86d081.pem           0600, a private key and its chain, one file for each set of names
//!     media.example.com-9f86d081.failures      0600, failed attempts, until one succeeds
//! ```
//!
//! Each file is replaced atomically, and is on the disk before its name is.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::server::tls::{Certificate, CertificateError};
use crate::small_file;

/// Longest state file, in bytes.
const MAX_LENGTH: u64 = 1 << 20;
/// Most certificates of other sets of names that are read.
const MOST_FORMER: usize = 100;

/// The state of one directory and one set of names.
#[derive(Debug, Clone)]
pub(super) struct State {
    folder: PathBuf,
    certificate: PathBuf,
    /// The names, sorted.
    names: Vec<String>,
}

/// Why the state cannot be used. Names the file, the reason and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Something cannot be read or written.
    #[error("{} cannot be {verb}: {source}; {}", path.display(), fix(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed: read, written, ….
        verb: &'static str,
        /// The system error.
        source: io::Error,
    },
    /// Others may read private keys.
    #[error(
        "{} holds private keys and is accessible to other users of this machine (mode {mode:03o}); run chmod {right:o} {0}",
        path.display()
    )]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The required mode.
        right: u32,
    },
    /// A file has unexpected content.
    #[error("{} is damaged: {reason}; remove it, and a new one is obtained", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "change its owner to the user that the server runs as (chown), or name another folder as `acme.state`"
        }
        io::ErrorKind::StorageFull => "free disk space",
        io::ErrorKind::ReadOnlyFilesystem => "name a writable folder as `acme.state`",
        io::ErrorKind::NotADirectory => "name a folder as `acme.state`",
        _ => "fix it, or name another folder as `acme.state`",
    }
}

impl StateError {
    fn io(path: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, verb, source }
    }
}

/// Keeps other processes from ordering the same certificate; released when dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is what holds the lock")] File);

impl State {
    /// Creates missing folders, and rejects folders that other users may access.
    pub(super) fn open(root: &Path, directory: &str, names: &[String]) -> Result<Self, StateError> {
        let host: String = directory
            .trim_start_matches("https://")
            .chars()
            .take_while(|c| *c != '/')
            .map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' })
            .take(100)
            .collect();
        let folder = root.join(format!("{host}-{}", digest(directory)));
        for folder in [root, &folder] {
            make_folder(folder)?;
        }
        let mut names = names.to_vec();
        let first = names.first().cloned().unwrap_or_default();
        names.sort();
        // A host name may be longer than a file name.
        let stem: String = first.chars().take(100).collect();
        let certificate = folder.join(format!("{stem}-{}.pem", digest(&names.join(","))));
        let state = Self { folder, certificate, names };
        // Writing must fail now, not when a certificate is to be stored.
        drop(state.lock()?);
        Ok(state)
    }

    /// Takes the lock; `None` if another process holds it.
    pub(super) fn lock(&self) -> Result<Option<Lock>, StateError> {
        let path = self.folder.join("lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(StateError::io(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(StateError::io(&path, "locked")(e)),
        }
    }

    /// The account, if there is one.
    pub(super) fn account(&self) -> Result<Option<String>, StateError> {
        let path = self.folder.join("account.json");
        let damaged = |_| StateError::Damaged { path: path.clone(), reason: "it is not UTF-8".to_owned() };
        read(&path)?.map(|bytes| String::from_utf8(bytes).map_err(damaged)).transpose()
    }

    /// Stores the account.
    pub(super) fn keep_account(&self, text: &str) -> Result<(), StateError> {
        replace(&self.folder, &self.folder.join("account.json"), text.as_bytes())
    }

    /// Removes the account.
    pub(super) fn forget_account(&self) -> Result<(), StateError> {
        let path = self.folder.join("account.json");
        fs::remove_file(&path).map_err(StateError::io(&path, "removed"))
    }

    /// The error for a damaged account file. Without the text of `error`, which may quote the account's key.
    pub(super) fn damaged_account(&self, error: &serde_json::Error) -> StateError {
        let reason = match (error.line(), error.column()) {
            (0, _) => "it is not an account file of wamedia".to_owned(),
            (line, column) => format!("it is not an account file of wamedia (line {line}, column {column})"),
        };
        StateError::Damaged { path: self.folder.join("account.json"), reason }
    }

    /// The failed attempts for exactly these names.
    pub(super) fn failures(&self) -> Result<Option<String>, StateError> {
        let path = self.failures_file();
        let damaged = |_| StateError::Damaged { path: path.clone(), reason: "it is not UTF-8".to_owned() };
        read(&path)?.map(|bytes| String::from_utf8(bytes).map_err(damaged)).transpose()
    }

    /// Stores failed attempts.
    pub(super) fn keep_failures(&self, text: &str) -> Result<(), StateError> {
        replace(&self.folder, &self.failures_file(), text.as_bytes())
    }

    /// Removes failed attempts, if any are stored.
    pub(super) fn forget_failures(&self) -> Result<(), StateError> {
        let path = self.failures_file();
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StateError::io(&path, "removed")(e)),
            _ => Ok(()),
        }
    }

    fn failures_file(&self) -> PathBuf {
        self.certificate.with_extension("failures")
    }

    /// The certificate for exactly these names, if there is one; it may have expired.
    pub(super) fn certificate(&self) -> Result<Option<Certificate>, StateError> {
        read_certificate(&self.certificate)
    }

    /// Stores a private key and its certificate chain, both in PEM.
    pub(super) fn keep_certificate(&self, key: &str, chain: &str) -> Result<(), StateError> {
        replace(&self.folder, &self.certificate, format!("{}\n{chain}", key.trim_end()).as_bytes())
    }

    /// Valid certificates for other sets of names that include one of these names, the longest-lived first. They are served until there
    /// is one for all names.
    pub(super) fn former_certificates(&self, now: SystemTime) -> Vec<Certificate> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut former: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "pem") && *path != self.certificate)
            .take(MOST_FORMER)
            .filter_map(|path| read_certificate(&path).ok().flatten())
            .filter(|one| one.not_after() > now && one.names().iter().any(|name| self.names.contains(name)))
            .collect();
        former.sort_by_key(|one| std::cmp::Reverse(one.not_after()));
        former
    }
}

/// The first 8 hex digits of a text's SHA-256: enough to distinguish a few texts that were not chosen to collide.
fn digest(text: &str) -> String {
    let [a, b, c, d, ..] = Sha256::digest(text).0;
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

fn make_folder(path: &Path) -> Result<(), StateError> {
    if let Some(parent) = path.parent() {
        // Folders above belong to others, too, and keep the default mode.
        fs::create_dir_all(parent).map_err(StateError::io(parent, "created"))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(StateError::io(path, "created")(e)),
        _ => {}
    }
    let metadata = fs::metadata(path).map_err(StateError::io(path, "inspected"))?;
    if !metadata.is_dir() {
        return Err(StateError::io(path, "used")(io::ErrorKind::NotADirectory.into()));
    }
    reject_accessible(path, &metadata, 0o700)
}

fn reject_accessible(path: &Path, metadata: &fs::Metadata, right: u32) -> Result<(), StateError> {
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 { Err(StateError::Open { path: path.to_owned(), mode, right }) } else { Ok(()) }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match small_file::read(path, MAX_LENGTH) {
        Ok((bytes, metadata)) => reject_accessible(path, &metadata, 0o600).map(|()| Some(bytes)),
        Err(e) => match e.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge => {
                Err(StateError::Damaged { path: path.to_owned(), reason: e.to_string() })
            }
            _ => Err(StateError::io(path, "read")(e)),
        },
    }
}

fn read_certificate(path: &Path) -> Result<Option<Certificate>, StateError> {
    let damaged = |e: CertificateError| StateError::Damaged { path: path.to_owned(), reason: e.to_string() };
    read(path)?.map(|bytes| Certificate::from_pem(&bytes, &bytes).map_err(damaged)).transpose()
}

/// Writes a file atomically and durably.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let write = || {
        // Created with mode 0600.
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|e| e.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(StateError::io(path, "written"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    const DIRECTORY: &str = "https://ca.example:14000/dir";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn issue(of: &[&str]) -> (String, String) {
        let own = rcgen::generate_simple_self_signed(names(of)).unwrap();
        (own.signing_key.serialize_pem(), own.cert.pem())
    }

    #[test]
    fn stored_state_is_read_again_and_private() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("a/b/acme");
        let of = names(&["b.example", "a.example"]);
        let state = State::open(&root, DIRECTORY, &of).unwrap();
        assert_eq!((state.account().unwrap(), state.certificate().unwrap().is_none()), (None, true));
        let (key, chain) = issue(&["a.example", "b.example"]);
        for _ in 0..2 {
            state.keep_account("{}").unwrap();
            state.keep_certificate(&key, &chain).unwrap();
        }
        // The same names in another order are the same set.
        let again = State::open(&root, DIRECTORY, &of).unwrap();
        assert_eq!(again.account().unwrap().as_deref(), Some("{}"));
        assert_eq!(again.certificate().unwrap().unwrap().names(), ["a.example", "b.example"]);
        assert_eq!((mode(&root), mode(&state.folder)), (0o700, 0o700));
        let files: Vec<_> = fs::read_dir(&state.folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{file:?}");
        }
    }

    #[test]
    fn authorities_and_sets_of_names_never_mix() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("acme");
        let one = State::open(&root, DIRECTORY, &names(&["a.example"])).unwrap();
        one.keep_account("{}").unwrap();
        let (key, chain) = issue(&["a.example"]);
        one.keep_certificate(&key, &chain).unwrap();
        for (directory, of) in [
            ("https://ca.example:14000/dir2", &["a.example"][..]),
            ("https://ca.example:14000/../../../../etc", &["a.example"]),
        ] {
            let other = State::open(&root, directory, &names(of)).unwrap();
            assert!(other.account().unwrap().is_none() && other.certificate().unwrap().is_none());
            assert!(other.former_certificates(SystemTime::UNIX_EPOCH).is_empty());
            assert_eq!(other.folder.parent(), Some(&*root));
        }
        let more = State::open(&root, DIRECTORY, &names(&["a.example", "b.example"])).unwrap();
        assert!(more.certificate().unwrap().is_none());
        let former = more.former_certificates(SystemTime::now());
        assert_eq!(former.iter().map(Certificate::names).collect::<Vec<_>>(), [["a.example"]]);
        let later = former[0].not_after() + Duration::from_secs(1);
        assert!(more.former_certificates(later).is_empty(), "it has expired");
        let other = State::open(&root, DIRECTORY, &names(&["c.example"])).unwrap();
        assert!(other.former_certificates(SystemTime::now()).is_empty());
    }

    #[test]
    fn accessible_or_damaged_state_is_rejected_with_a_fix() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("acme");
        let of = names(&["a.example"]);
        let open = || State::open(&root, DIRECTORY, &of);
        let state = open().unwrap();
        let (key, chain) = issue(&["a.example"]);
        state.keep_certificate(&key, &chain).unwrap();
        state.keep_account("{}").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o750, 0o705, 0o777] {
            set(&root, mode);
            let message = open().unwrap_err().to_string();
            assert!(message.contains("chmod 700") && message.contains(&format!("{mode:o}")), "{message}");
        }
        set(&root, 0o700);
        set(&state.folder, 0o755);
        assert!(open().unwrap_err().to_string().contains("chmod 700"));
        set(&state.folder, 0o700);
        set(&state.certificate, 0o640);
        assert!(state.certificate().unwrap_err().to_string().contains("chmod 600"));
        set(&state.certificate, 0o600);
        fs::write(&state.certificate, "nonsense").unwrap();
        assert!(state.certificate().unwrap_err().to_string().contains("remove it"));
        let account = state.folder.join("account.json");
        set(&account, 0o644);
        assert!(state.account().unwrap_err().to_string().contains("chmod 600"));
        fs::write(place.path().join("file"), "").unwrap();
        let message = State::open(&place.path().join("file"), DIRECTORY, &of).unwrap_err().to_string();
        assert!(message.contains("name a folder"), "{message}");
    }

    #[test]
    fn failures_are_stored_for_one_set_of_names_until_they_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let open = |of: &[&str]| State::open(&place.path().join("acme"), DIRECTORY, &names(of)).unwrap();
        let state = open(&["a.example"]);
        assert_eq!(state.failures().unwrap(), None);
        state.forget_failures().unwrap();
        state.keep_failures("{}").unwrap();
        assert_eq!(open(&["a.example"]).failures().unwrap().as_deref(), Some("{}"));
        assert_eq!(mode(&state.failures_file()), 0o600);
        assert_eq!(open(&["a.example", "b.example"]).failures().unwrap(), None);
        state.forget_failures().unwrap();
        assert_eq!(state.failures().unwrap(), None);
    }

    #[test]
    fn errors_quote_nothing_of_a_damaged_account() {
        let place = tempfile::tempdir().unwrap();
        let state = State::open(&place.path().join("acme"), DIRECTORY, &names(&["a.example"])).unwrap();
        let value = serde_json::json!("SECRET");
        for (error, part) in [
            (
                serde_json::from_str::<u32>("\"SECRET\"").unwrap_err(),
                "of wamedia (line 1, column 8); remove it",
            ),
            (serde_json::from_value::<u32>(value).unwrap_err(), "of wamedia; remove it"),
        ] {
            assert!(error.to_string().contains("SECRET"));
            let message = state.damaged_account(&error).to_string();
            assert!(message.contains(part) && !message.contains("SECRET"), "{message}");
        }
    }

    #[test]
    fn other_than_regular_files_are_damaged_and_do_not_block() {
        let place = tempfile::tempdir().unwrap();
        let state = State::open(&place.path().join("acme"), DIRECTORY, &names(&["a.example"])).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &state.certificate, 0o600.into()).unwrap();
        fs::create_dir(state.folder.join("account.json")).unwrap();
        let refused = [state.certificate().unwrap_err(), state.account().unwrap_err()];
        for error in refused {
            assert!(matches!(error, StateError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn one_process_at_a_time_holds_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let state = State::open(&place.path().join("acme"), DIRECTORY, &names(&["a.example"])).unwrap();
        let lock = state.lock().unwrap();
        assert!(lock.is_some() && state.lock().unwrap().is_none());
        drop(lock);
        assert!(state.lock().unwrap().is_some());
    }
}
