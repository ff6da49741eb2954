//! Reads small files such as keys and certificates: completely, or with an error.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The bytes of the regular file at `path`, and its metadata.
///
/// Fails with [`IsADirectory`](io::ErrorKind::IsADirectory) or [`InvalidInput`](io::ErrorKind::InvalidInput) if it is
/// not a regular file, and with [`FileTooLarge`](io::ErrorKind::FileTooLarge) if it has more than `max` bytes: a part
/// of a key or of a certificate chain is useless.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<(Vec<u8>, Metadata)> {
    // Non-blocking: the open of a FIFO without a writer would wait for ever.
    let file = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
        return Err(io::Error::new(kind, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        let reason = format!("it has more than {} KiB", max >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok((bytes, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_a_whole_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        fs::write(at("empty"), "").unwrap();
        fs::write(at("longest"), [b'x'; 1024]).unwrap();
        fs::write(at("longer"), [b'x'; 1025]).unwrap();
        for (name, expected) in [
            ("empty", Ok(0)),
            ("longest", Ok(1024)),
            ("longer", Err(io::ErrorKind::FileTooLarge)),
            ("fifo", Err(io::ErrorKind::InvalidInput)),
            (".", Err(io::ErrorKind::IsADirectory)),
            ("gone", Err(io::ErrorKind::NotFound)),
        ] {
            let outcome = read(&at(name), 1024).map(|(bytes, _)| bytes.len()).map_err(|e| e.kind());
            assert_eq!(outcome, expected, "{name}");
        }
    }
}
