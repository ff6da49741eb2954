//! Signing keys: reads the keys of signed links from a file or a variable, and checks the permissions of the file.
//!
//! The module `http` parses keys and signs. No message and no output contains a key.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::env::SIGNING_KEYS;
use crate::http::SigningKeys;
use crate::small_file;

/// The signing keys and their origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// The key file, absolute. It may be in a store and is never served. Default none.
    pub key_file: Option<PathBuf>,
    /// The keys from the variable, else from the file. Default none; then no rule requires signed links.
    pub keys: Option<SigningKeys>,
}

/// The permissions that the key file may have: its owner may read and write it.
const MODE: u32 = 0o600;
/// The permissions of a file in the folder where systemd passes credentials. Only the service can enter that folder, and an
/// access control list that lets the service read the file shows as a group permission (systemd.exec(5), `LoadCredential=`;
/// acl(5)).
const MODE_OF_CREDENTIAL: u32 = 0o640;
/// The largest key file, in bytes.
const MAX_LEN: u64 = 64 << 10;

/// Reads the keys. `text` is the value of the variable, if set; `credentials` is systemd's folder of credentials.
pub(super) fn read(
    key_file: Option<&Path>,
    text: Option<&str>,
    credentials: Option<&Path>,
) -> Result<Option<SigningKeys>, ConfigError> {
    let (origin, text) = match (text, key_file) {
        (Some(text), _) => (format!("the variable {SIGNING_KEYS}"), Ok(text.to_owned())),
        (None, Some(path)) => (format!("the key file {}", path.display()), read_file(path, credentials)),
        (None, None) => return Ok(None),
    };
    let keys = text.and_then(|text| SigningKeys::parse(&text).map_err(|error| error.to_string()));
    keys.map(Some).map_err(|reason| ConfigError::SigningKeys { origin, reason })
}

fn read_file(path: &Path, credentials: Option<&Path>) -> Result<String, String> {
    let (bytes, metadata) = small_file::read(path, MAX_LEN).map_err(|error| unreadable(&error))?;
    let mode = metadata.mode() & 0o7777;
    let is_handed_over = credentials.is_some() && path.parent() == credentials;
    if mode & !(if is_handed_over { MODE_OF_CREDENTIAL } else { MODE }) != 0 {
        return Err(format!(
            "it has the mode {mode:04o}, so its permissions go beyond reading and writing by its owner; make it 0600 \
             (chmod 600 {})",
            path.display()
        ));
    }
    // UTF-16 has a byte order mark, or a zero in every other byte of ASCII text.
    let is_ascii_in_pairs =
        |zero: usize| bytes.len() > 1 && bytes.iter().skip(zero).step_by(2).all(|byte| *byte == 0);
    let is_marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if is_marked || is_ascii_in_pairs(0) || is_ascii_in_pairs(1) {
        return Err("it is UTF-16, which some editors and shells write; save it as UTF-8 without a byte order mark, with the \
                    mode 0600 (umask 077; iconv -f UTF-16 -t UTF-8 FILE > NEW)"
            .to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8; save it as UTF-8".to_owned())
}

fn unreadable(error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::NotFound => {
            "create it with one `id:base64` a line and the mode 0600 \
             (umask 077; printf '2026-01:%s\\n' \"$(openssl rand -base64 32)\" > FILE), or name another"
        }
        io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => "name a regular file",
        io::ErrorKind::FileTooLarge => "no list of keys is that long; name another",
        _ => "make it readable for the user that wamedia runs as, who must own it, or name another",
    };
    format!("it cannot be read: {error}; {fix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    #[test]
    fn key_file_with_too_wide_permissions_is_rejected_with_the_fix() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signing.keys");
        fs::write(&file, KEYS).expect("a file");
        for mode in [0o600, 0o400] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
            assert_eq!(
                read(Some(&file), None, None).expect("keys"),
                Some(SigningKeys::parse(KEYS).expect("keys"))
            );
        }
        for mode in [0o644, 0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o700, 0o660, 0o666, 0o440, 0o4600] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
            let message = read(Some(&file), None, None).expect_err("a refusal").to_string();
            for part in [&format!("the mode {mode:04o}"), "chmod 600 /", "/signing.keys", "the key file"] {
                assert!(message.contains(part), "{message}");
            }
        }
    }

    #[test]
    fn systemd_credential_may_be_readable_by_its_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signing-keys");
        fs::write(&file, KEYS).expect("a file");
        let elsewhere = Path::new("/run/credentials/another.service");
        for (mode, credentials, is_taken) in [
            (0o400, folder.path(), true),
            (0o440, folder.path(), true),
            (0o444, folder.path(), false),
            (0o460, folder.path(), false),
            (0o440, elsewhere, false),
            (0o440, Path::new(""), false),
        ] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
            let outcome = read(Some(&file), None, Some(credentials));
            assert_eq!(outcome.is_ok(), is_taken, "{mode:o} with {}", credentials.display());
        }
    }

    #[test]
    fn unreadable_key_file_is_rejected_with_the_fix() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).expect("a FIFO");
        let write = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            fs::write(&file, bytes).expect("a file");
            fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
            file
        };
        let huge = write("huge", KEYS.repeat(2000).as_bytes());
        let binary = write("binary", b"k1:\xff\xfe");
        let marked = write("marked", format!("\u{feff}{KEYS}").as_bytes());
        let little: Vec<u8> = KEYS.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = KEYS.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wide = [
            write("little", &little),
            write("little-marked", &[b"\xff\xfe", &*little].concat()),
            write("big", &big),
            write("big-marked", &[b"\xfe\xff", &*big].concat()),
        ];
        let empty = write("empty", b"");
        let short = write("short", b"k1:U0VDUkVU");
        let wide = wide.into_iter().flat_map(|file| {
            ["it is UTF-16", "UTF-8 without a byte order mark"].map(|part| (file.clone(), part))
        });
        let others = [
            (folder.path().join("gone"), "openssl rand"),
            (folder.path().to_owned(), "not a regular file"),
            (fifo, "not a regular file"),
            (huge, "more than 64 KiB"),
            (binary, "it is not UTF-8"),
            (write("zero", b"k1:\0U0VDUkVU"), "line 1"),
            (marked.clone(), "a byte order mark (EF BB BF)"),
            (marked, "without one"),
            (empty, "there is no key"),
            (short, "has 6 bytes"),
        ];
        for (file, part) in others.into_iter().chain(wide) {
            let message = read(Some(&file), None, None).expect_err("a refusal").to_string();
            assert!(message.contains(part) && message.contains("the key file"), "{message}");
            assert!(!message.contains("U0VDUkVU") && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn variable_overrides_key_file() {
        assert_eq!(read(None, None, None).expect("nothing"), None);
        let gone = Path::new("/gone/signing.keys");
        assert!(read(Some(gone), Some(KEYS), None).expect("keys").is_some());
        let message = read(None, Some("SECRET"), None).expect_err("a refusal").to_string();
        assert!(message.contains("the variable WAMEDIA_SIGNING_KEYS: line 1"), "{message}");
        assert!(!message.contains("SECRET\""), "{message}");
    }
}
