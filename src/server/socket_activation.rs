//! Sockets that were bound by who started us: socket activation (`sd_listen_fds`, section 3 of the manual).
//!
//! With them, who runs the server needs no right to bind a low port, and connections wait while it is started anew.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;

use super::listener::{self, BindError};

/// Where names of sockets stand.
const NAMES: &str = "LISTEN_FDNAMES";

/// The sockets that were passed to this process, by what they are for.
#[derive(Debug, Default)]
pub struct InheritedSockets {
    pub(super) listen: Vec<TcpListener>,
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
    /// By the name of the socket (`FileDescriptorName=`): `plain` and `admin` are for those; any other, such as the name of the unit,
    /// which is what systemd gives where none is said, is for `listen`.
    fn of(name: &str) -> Self {
        match name {
            "plain" => Self::Plain,
            "admin" => Self::Admin,
            _ => Self::Listen,
        }
    }
}

impl InheritedSockets {
    /// Takes what was passed. To be called once, before there are threads: the variables that say to whom and how many
    /// (`LISTEN_PID`, `LISTEN_FDS`) are taken away, so that no child believes that it is meant. The names stay, and mean nothing
    /// without them.
    ///
    /// Fails where something else than a TCP socket that listens was passed.
    pub fn take() -> Result<Self, BindError> {
        let names = std::env::var(NAMES).unwrap_or_default();
        let mut names = names.split(':');
        let mut fds = ListenFd::from_env();
        let mut passed = Self::default();
        for number in 0..fds.len() {
            let name = names.next().unwrap_or_default();
            let refused = |reason: String| {
                let name =
                    if name.is_empty() { format!("number {}", number + 1) } else { format!("`{name}`") };
                BindError::InheritedSockets { name, reason }
            };
            let socket = fds.take_tcp_listener(number).map_err(|e| refused(e.to_string()))?;
            let Some(socket) = socket else { continue };
            listener::adopt(&socket).map_err(|e| refused(e.to_string()))?;
            match Purpose::of(name) {
                Purpose::Listen => passed.listen.push(socket),
                Purpose::Plain => passed.plain.push(socket),
                Purpose::Admin if passed.admin.is_some() => {
                    return Err(refused("there is another of that name, and one is enough".to_owned()));
                }
                Purpose::Admin => passed.admin = Some(socket),
            }
        }
        Ok(passed)
    }

    /// The one for the admin listener, if there is one.
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
