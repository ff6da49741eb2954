//! What can be wrong with a configuration, and where it was written.
//!
//! Each message names the place, the thing, the reason and the mend, in one line. How it reaches the operator is for
//! the command line.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a setting was written.
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

/// Why there are no settings to run with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file is missing or cannot be read.
    #[error("the configuration file {path}{named} cannot be read: {source}; {fix}", path = path.display())]
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// Who named it: `, named by --config,` or nothing.
        named: &'static str,
        /// What the system said.
        source: io::Error,
        /// What to do about it.
        fix: &'static str,
    },
    /// The configuration file is not TOML.
    #[error("{path} line {line}, column {column} is not TOML: {message}; mend the line", path = path.display())]
    Syntax {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
        /// What the parser met and what it expected.
        message: String,
    },
    /// A key that no setting has.
    #[error("unknown key `{key}` in {place}; {fix}")]
    UnknownKey {
        /// The key, with its table: `memory.cahce`.
        key: String,
        /// Where it stands.
        place: Place,
        /// The nearest known key, or all of them.
        fix: String,
    },
    /// A list of tables that has another name now.
    #[error("{place}: `[[{old}]]` is now `[[{new}]]`; rename the table")]
    RenamedTable {
        /// The name in the file.
        old: &'static str,
        /// The name to write.
        new: &'static str,
        /// Where the table begins.
        place: Place,
    },
    /// An environment variable that begins as ours do and is none of them.
    #[error("unknown variable {name} in the environment; {fix}")]
    UnknownVariable {
        /// The variable's name.
        name: String,
        /// The nearest known variable, or all of them.
        fix: String,
    },
    /// A table that lacks a key it cannot do without.
    #[error("the table [[{table}]] in {place} has no `{key}`; add {fix}")]
    MissingKey {
        /// The table's name.
        table: &'static str,
        /// The key that is missing.
        key: &'static str,
        /// Where the table begins.
        place: Place,
        /// An example of the line to add.
        fix: &'static str,
    },
    /// A value that is of the wrong type, malformed, or out of its range.
    #[error("{}: {reason}", subject(key, place))]
    Value {
        /// The setting, with its table: `limits.head_size`.
        key: String,
        /// Where the value stands.
        place: Place,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// A certificate has no key, or a key no certificate.
    #[error(
        "`tls.cert` names {certs} and `tls.key` {keys} files; name a certificate and its private key each time, in the same order \
         (flags --tls-cert and --tls-key, as often as it takes)"
    )]
    CertificatesAndKeys {
        /// How many certificates there are.
        certs: usize,
        /// How many keys there are.
        keys: usize,
    },
    /// An address is to be listened on for two purposes.
    #[error("{0} stands in `listen` and in `plain_listen`; keep it in one of them, or give one another port")]
    ListensTwice(SocketAddr),
    /// A challenge is asked for that there is no address for.
    #[error(
        "`acme.challenge` has \"http-01\", which authorities look for without TLS, and `plain_listen` is not set; add \
         plain_listen = [\"0.0.0.0:80\"], or write \"tls-alpn-01\" alone"
    )]
    NowhereForHttp01,
    /// Private keys would be served.
    #[error(
        "`acme.state` is {}, which lies in {store}, and what lies there is served; name a folder outside of it, or one that \
         begins with a dot",
        state.display()
    )]
    StateServed {
        /// The folder for state.
        state: PathBuf,
        /// The store that it lies in.
        store: String,
    },
    /// The admin listener would be where the public is served.
    #[error(
        "{0} stands in `admin.listen` and in `listen` or `plain_listen`; what the admin listener tells is not for the \
         public, so give it another port"
    )]
    AdminListensThereToo(SocketAddr),
    /// There is nothing to serve.
    #[error(
        "no store is named, so there is nothing to serve; name a folder as STORE on the command line \
         (wamedia serve media), as WAMEDIA_STORE, or in a [[mount]] of the configuration file (store = \"media\")"
    )]
    NoMount,
    /// A store's folder is missing, or something else than a folder.
    #[error("{}: {} {reason}", subject("mount.store", place), directory.display())]
    Directory {
        /// The folder, made absolute.
        directory: PathBuf,
        /// Where the store is named.
        place: Place,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Two mounts have the same path.
    #[error(
        "`mount.path` in {place}: the path `/{path}` has a mount already, in {earlier}; \
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
    /// A rule of which nothing is left once the rules before it have had their turn.
    #[error("`cache.rule` in {place}: `{pattern}` can never match, because {reason}")]
    IdleRule {
        /// The rule's pattern.
        pattern: String,
        /// Where the rule stands.
        place: Place,
        /// What takes its assets, and what to do.
        reason: String,
    },
    /// The keys of signed links cannot be read, or others can read them.
    #[error("{origin}: {reason}")]
    SigningKeys {
        /// The file or the variable.
        origin: String,
        /// What is wrong with it, and what to do; nothing of the keys.
        reason: String,
    },
    /// The public URL has a path that a mount does not lie below.
    #[error(
        "public_url {url} has the path `{folder}`, but the mount `/{mount}` does not lie below it: a link is the URL's \
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

/// A setting and where it was given: a variable or a flag says by itself which setting it is.
fn subject(key: &str, place: &Place) -> String {
    match place {
        Place::File { .. } => format!("`{key}` in {place}"),
        Place::Variable(_) | Place::Flag(_) => place.to_string(),
    }
}
