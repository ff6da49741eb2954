//! Unix sockets that the server listens on: bound with a fixed mode, in place of a stale one, and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::listener::{BACKLOG, BindError};

/// Anyone on this machine may connect, as to a loopback address. The folder can restrict that.
const MODE: u32 = 0o666;
/// Longest path, in bytes (unix(7)).
const MAX_PATH: usize = 107;

/// The file of a socket that this process has bound.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Removes the file, unless another process has put its own there.
    pub(super) fn remove(&self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if is_ours && let Err(e) = fs::remove_file(&self.path) {
            log::warn!("the socket {} cannot be removed: {e}; remove it", self.path.display());
        }
    }
}

/// Binds a socket at `path`, in place of one on which nobody listens any more.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    let failed = |reason: String| BindError::UnixSocket { path: path.to_owned(), reason };
    let length = path.as_os_str().len();
    if length > MAX_PATH {
        return Err(failed(format!(
            "its path has {length} bytes, and at most {MAX_PATH} are possible; choose a shorter one"
        )));
    }
    remove_stale(path).map_err(failed)?;
    let bind = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Before anyone can connect, whatever the umask is.
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        let found = fs::symlink_metadata(path)?;
        let file = SocketFile { path: path.to_owned(), identity: (found.dev(), found.ino()) };
        socket.listen(BACKLOG)?;
        Ok((UnixListener::from(socket), file))
    };
    bind().map_err(|e: io::Error| {
        failed(match e.kind() {
            io::ErrorKind::NotFound => {
                "its folder does not exist; create it (in a unit: RuntimeDirectory=)".to_owned()
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not create files in its folder; change the folder's owner, or choose another"
                    .to_owned()
            }
            _ => e.to_string(),
        })
    })
}

/// Removes a socket at `path` on which nobody listens; fails if there is anything else.
fn remove_stale(path: &Path) -> Result<(), String> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err("there is a file or a folder of that name, and it is no socket; remove it, or choose another path".to_owned());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err("another program listens on it; stop that, or choose another path".to_owned()),
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|e| format!("a stale socket is in its place and cannot be removed: {e}; remove it")),
        Err(e) => Err(format!(
            "there is a socket, and it cannot be seen whether it is in use: {e}; remove it if it is not"
        )),
    }
}
