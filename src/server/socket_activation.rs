//! Sockets inherited from the service manager: socket activation (`sd_listen_fds(3)`).
//!
//! With them, the server needs no right to bind a low port, and connections wait in the socket during a restart.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

use super::listener::{self, BindError};

/// The environment variable with the sockets' names.
const NAMES: &str = "LISTEN_FDNAMES";

/// The sockets that were passed to this process, by purpose.
#[derive(Debug, Default)]
pub struct InheritedSockets {
    pub(super) listen: Vec<TcpListener>,
    /// For `listen`, too.
    pub(super) listen_unix: Vec<UnixListener>,
    pub(super) plain: Vec<TcpListener>,
    pub(super) admin: Option<TcpListener>,
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Listen,
    Plain,
    Admin,
}

impl Purpose {
    /// From the socket's name (`FileDescriptorName=`): `plain` and `admin` are for those listeners; any other name, such as that
    /// of the unit, which is systemd's default, is for `listen`.
    fn of(name: &str) -> Self {
        match name {
            "plain" => Self::Plain,
            "admin" => Self::Admin,
            _ => Self::Listen,
        }
    }
}

impl InheritedSockets {
    /// Takes the inherited sockets. Call it once, before there are threads: it removes the variables that say for which process
    /// they are and how many (`LISTEN_PID`, `LISTEN_FDS`), so that no child process takes them for its own. The names stay, and
    /// mean nothing without the others.
    ///
    /// Fails if something other than a listening TCP or Unix socket was passed.
    pub fn take() -> Result<Self, BindError> {
        let names = std::env::var(NAMES).unwrap_or_default();
        let mut names = names.split(':');
        let mut fds = ListenFd::from_env();
        let mut inherited = Self::default();
        for number in 0..fds.len() {
            let name = names.next().unwrap_or_default();
            let unusable = |reason: String| {
                let name =
                    if name.is_empty() { format!("number {}", number + 1) } else { format!("`{name}`") };
                BindError::InheritedSockets { name, reason }
            };
            let socket = match fds.take_tcp_listener(number) {
                Ok(Some(socket)) => socket,
                Ok(None) => continue,
                Err(not_tcp) => match (fds.take_unix_listener(number), Purpose::of(name)) {
                    (Ok(Some(socket)), Purpose::Listen) => {
                        listener::adopt_unix(&socket).map_err(|e| unusable(e.to_string()))?;
                        inherited.listen_unix.push(socket);
                        continue;
                    }
                    (Ok(Some(_)), _) => {
                        return Err(unusable("it is a Unix socket, which only `listen` can have".to_owned()));
                    }
                    _ => return Err(unusable(not_tcp.to_string())),
                },
            };
            listener::adopt(&socket).map_err(|e| unusable(e.to_string()))?;
            match Purpose::of(name) {
                Purpose::Listen => inherited.listen.push(socket),
                Purpose::Plain => inherited.plain.push(socket),
                Purpose::Admin if inherited.admin.is_some() => {
                    return Err(unusable(
                        "another socket has the same name, and only one is allowed".to_owned(),
                    ));
                }
                Purpose::Admin => inherited.admin = Some(socket),
            }
        }
        Ok(inherited)
    }

    /// The socket for the admin listener, if there is one.
    pub fn admin(&self) -> Option<io::Result<TcpListener>> {
        self.admin.as_ref().map(TcpListener::try_clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_listen_unless_its_name_says_otherwise() {
        for (name, purpose) in [
            ("", Purpose::Listen),
            ("unknown", Purpose::Listen),
            ("wamedia.socket", Purpose::Listen),
            ("https", Purpose::Listen),
            ("plain", Purpose::Plain),
            ("admin", Purpose::Admin),
        ] {
            assert_eq!(Purpose::of(name), purpose, "{name}");
        }
    }
}
