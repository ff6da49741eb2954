//! Configuration errors, with the place of the setting: file and line, variable or flag.
//!
//! Each message names the place, the thing, the reason and the fix, in one line. The command line prints it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The place of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// On the command line, as this flag or argument.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Flag(name) => write!(f, "{name} on the command line"),
        }
    }
}

/// Why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file is missing or cannot be read.
    #[error("the configuration file {path}{named} cannot be read: {source}; {fix}", path = path.display())]
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// Where the name comes from: `, named by --config,` or nothing.
        named: &'static str,
        /// The system's error.
        source: io::Error,
        /// How to fix it.
        fix: &'static str,
    },
    /// The configuration file is not TOML.
    #[error("{path} line {line}, column {column} is not TOML: {message}; correct the line", path = path.display())]
    Syntax {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
        /// The parser's message: what it found and what it expected.
        message: String,
    },
    /// A key that no setting has.
    #[error("unknown key `{key}` in {place}; {fix}")]
    UnknownKey {
        /// The key, with its table: `memory.cahce`.
        key: String,
        /// Its place.
        place: Place,
        /// The nearest known key, or all of them.
        fix: String,
    },
    /// A list of tables that was renamed.
    #[error("{place}: `[[{old}]]` is now `[[{new}]]`; rename the table")]
    RenamedTable {
        /// The name in the file.
        old: &'static str,
        /// The name to write.
        new: &'static str,
        /// The place of the table.
        place: Place,
    },
    /// An environment variable that begins with `WAMEDIA_` and is not known.
    #[error("unknown variable {name} in the environment; {fix}")]
    UnknownVariable {
        /// The variable's name.
        name: String,
        /// The nearest known variable, or all of them.
        fix: String,
    },
    /// A table without a required key.
    #[error("the table [[{table}]] in {place} has no `{key}`; add {fix}")]
    MissingKey {
        /// The table's name.
        table: &'static str,
        /// The key that is missing.
        key: &'static str,
        /// The place of the table.
        place: Place,
        /// An example of the line to add.
        fix: &'static str,
    },
    /// A value of the wrong type, malformed, or out of range.
    #[error("{}: {reason}", subject(key, place))]
    Value {
        /// The setting, with its table: `limits.head_size`.
        key: String,
        /// The place of the value.
        place: Place,
        /// The reason, and what to write.
        reason: String,
    },
    /// Different numbers of certificates and private keys.
    #[error(
        "`tls.cert` names {certs} and `tls.key` {keys} files; name the private key of each certificate, in the same order \
         (the flags --tls-cert and --tls-key are repeatable)"
    )]
    CertificatesAndKeys {
        /// Number of certificates.
        certs: usize,
        /// Number of keys.
        keys: usize,
    },
    /// The same address in `listen` and `plain_listen`.
    #[error("{0} is in both `listen` and `plain_listen`; remove it from one of them, or use another port")]
    ListensTwice(SocketAddr),
    /// A PROXY protocol header that nobody may send.
    #[error(
        "`proxy_protocol` is true, but `trusted_proxies` is not set, so every connection would be refused; list the load balancer's \
         addresses there, such as trusted_proxies = [\"10.0.0.0/8\"]"
    )]
    ProxyProtocolFromNobody,
    /// HTTP-01 without an address for it.
    #[error(
        "`acme.challenge` has \"http-01\", which needs an address without TLS, but `plain_listen` is not set; add \
         plain_listen = [\"0.0.0.0:80\"], or write only \"tls-alpn-01\""
    )]
    NowhereForHttp01,
    /// A folder for state would be served.
    #[error(
        "`{key}` is {} in the served folder {store}, so what is kept there would be public; name a folder outside of it, \
         or one whose name begins with a dot",
        state.display()
    )]
    StateServed {
        /// The setting.
        key: &'static str,
        /// The folder for state.
        state: PathBuf,
        /// The store that contains it.
        store: String,
    },
    /// The admin listener has an address of the public server.
    #[error(
        "{0} is in `admin.listen` and also in `listen` or `plain_listen`; the admin listener must not be public, so use another \
         port for it"
    )]
    AdminListensThereToo(SocketAddr),
    /// No store is configured.
    #[error(
        "no store is configured, so there is nothing to serve; name a folder as STORE on the command line \
         (wamedia serve media), as WAMEDIA_STORE, or in a [[mount]] of the configuration file (store = \"media\")"
    )]
    NoMount,
    /// The folder of a store is missing, or not a folder.
    #[error("{}: {} {reason}", subject("mount.store", place), directory.display())]
    Directory {
        /// The folder, made absolute.
        directory: PathBuf,
        /// The place of the store.
        place: Place,
        /// The reason, and the fix.
        reason: String,
    },
    /// Two mounts have the same path.
    #[error(
        "`mount.path` in {place}: the path `/{path}` already has a mount, in {earlier}; \
         give one of them another path, or remove it"
    )]
    SameMount {
        /// The path, without slashes at its ends.
        path: String,
        /// The second mount.
        place: Place,
        /// The first mount.
        earlier: Place,
    },
    /// A rule that can never match, because the rules before it match all of its assets.
    #[error("`cache.rule` in {place}: `{pattern}` can never match, because {reason}")]
    UnreachableRule {
        /// The rule's pattern.
        pattern: String,
        /// The place of the rule.
        place: Place,
        /// Why, and the fix.
        reason: String,
    },
    /// The signing keys cannot be read, or other users can read them.
    #[error("{origin}: {reason}")]
    SigningKeys {
        /// The file or the variable.
        origin: String,
        /// The reason and the fix; no part of a key.
        reason: String,
    },
    /// The public URL has a path, and a mount is not below it.
    #[error(
        "public_url {url} has the path `{folder}`, but the mount `/{mount}` is not below it: a link is the URL's \
         scheme and host followed by the asset's whole path, so links to that mount would lead out of `{folder}`; \
         give the mount a path at or below it (path = \"{folder}\"), or leave the path out of public_url"
    )]
    PublicUrlOutsideMounts {
        /// The public URL.
        url: String,
        /// The URL's path.
        folder: String,
        /// The mount's path, without slashes at its ends.
        mount: String,
    },
}

/// The setting with its place; the name of a variable or a flag already identifies the setting.
fn subject(key: &str, place: &Place) -> String {
    match place {
        Place::File { .. } => format!("`{key}` in {place}"),
        Place::Variable(_) | Place::Flag(_) => place.to_string(),
    }
}
