//! Configuration: reads flags, environment variables and the configuration file into validated settings.
//!
//! Flags override environment variables, which override the file, which overrides the defaults. [`Settings`] need no further
//! checks: every value is in its range, every folder existed, and no rule contradicts another. This module prints nothing, opens
//! no store and binds no port.

mod acme;
mod auth;
mod bucket;
mod cache_rules;
mod env;
mod error;
mod file;
mod mount;
mod networks;
mod print;
mod public_url;
mod raw;
mod restart_required;
mod service_links;
mod settings_table;
mod signing;
mod state;
#[cfg(test)]
mod tests;
mod toml_string;
mod units;
mod unreachable_rules;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub use acme::{Acme, ChallengeType};
pub use auth::Auth;
pub(crate) use bucket::service_url;
pub use bucket::{Addressing, Bucket, Credentials, Environment, Service};
pub use cache_rules::{CacheRules, Precedence, Rule};
pub use error::{ConfigError, Place};
pub use mount::{LastModified, Location, Mount};
pub use networks::{Network, Networks, UNIX_PEER, UNIX_PREFIX};
pub use public_url::{PublicUrl, Scheme};
pub use signing::Signing;
pub(crate) use toml_string::toml_string;

use crate::asset::{AssetPath, CachePolicy};
use crate::http::{CorsOrigins, SigningKeys};
use mount::Surroundings;
use raw::{ExplicitKeys, Field, Value};
use settings_table::Key;

/// All settings, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Addresses to listen on: at least one, without duplicates. Port 0 lets the system choose. Default `127.0.0.1:8080`.
    pub listen: Vec<SocketAddr>,
    /// Further addresses without TLS; none of them is in `listen`. Default none.
    pub plain_listen: Vec<SocketAddr>,
    /// What the addresses without TLS serve. Default assets.
    pub plain_serves: PlainServes,
    /// The public URL of this server; see [`Settings::base_url`]. Default none.
    pub public_url: Option<PublicUrl>,
    /// Number of serving threads, 1 to 1024. Default: the number of processors available to this process.
    pub threads: usize,
    /// The folder for all that the program keeps over restarts, absolute. Default systemd's `$STATE_DIRECTORY`, else `wamedia` below
    /// `$XDG_STATE_HOME`, `~/.local/state` or `/var/lib`.
    pub state: PathBuf,
    /// Destination of the access log. Default text.
    pub access_log: AccessLog,
    /// The certificate files; if there are any, every address of `listen` serves HTTPS. Default none.
    pub tls: TlsFiles,
    /// Address of the admin listener. Default none.
    pub admin: Option<SocketAddr>,
    /// ACME settings; with domains, every address of `listen` serves HTTPS too. Default none.
    pub acme: Acme,
    /// The mounts: at least one, no two with the same path, in the order of the file.
    pub mounts: Vec<Mount>,
    /// Limits on memory.
    pub memory: Memory,
    /// The cache policies.
    pub cache: CacheRules,
    /// The signing keys, for assets whose rule requires signed links.
    pub signing: Signing,
    /// Paths that need credentials, no two with the same path. Default none.
    pub auth: Vec<Auth>,
    /// The web pages that may read responses. Default none.
    pub cors: CorsOrigins,
    /// Limits on requests to buckets.
    pub upstream: Upstream,
    /// Limits on clients.
    pub limits: Limits,
    /// Clients that `connections_per_client` and `requests_per_second` do not limit. Default none.
    pub exempt: Networks,
    /// Proxies whose `X-Forwarded-For` is trusted. Default none.
    pub trusted_proxies: Networks,
    /// Whether every connection begins with a PROXY protocol header, accepted from `trusted_proxies` only. Default false.
    pub proxy_protocol: bool,
    /// Unix sockets to listen on, beside `listen` or, if that is empty, alone. Absolute. Default none.
    pub listen_unix: Vec<PathBuf>,
    /// The configuration file that was read, absolute. It may be in a store and is never served.
    pub config_file: Option<PathBuf>,
    /// The keys that the operator has set.
    explicit: ExplicitKeys,
}

/// What the addresses without TLS serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainServes {
    /// The same as over HTTPS. Nothing is redirected, because WhatsApp's fetcher follows no redirect.
    Assets,
    /// Only responses to ACME challenges.
    Challenges,
}

impl PlainServes {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Assets, Self::Challenges];

    /// As it is written in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assets => "assets",
            Self::Challenges => "challenges",
        }
    }
}

/// Certificate files, as absolute paths. Their contents are not checked here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chains in PEM, the default certificate first.
    pub cert: Vec<PathBuf>,
    /// Their private keys in PEM, in the same order.
    pub key: Vec<PathBuf>,
}

impl TlsFiles {
    /// Each certificate with its key.
    pub fn pairs(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.cert.iter().zip(&self.key).map(|(cert, key)| (&**cert, &**key))
    }
}

/// Destination and format of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// No access log.
    Off,
    /// Standard error, as text.
    Text,
    /// Standard error, as JSON.
    Json,
    /// This file (an absolute path in a folder that existed), as JSON.
    File(PathBuf),
}

/// Displays as it is written in a configuration file.
impl fmt::Display for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Text => f.write_str("text"),
            Self::Json => f.write_str("json"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Limits on memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of cached bodies; 0 caches none. Default 256 MiB.
    pub cache: usize,
    /// Bytes of buffers for streaming large files, for all clients together; at least 1 MiB. Default 32 MiB.
    pub streams: usize,
    /// Number of cached digests, 1 to 16,777,216. Default 65,536.
    pub digests: usize,
}

/// Limits on requests to buckets. Each timeout is 100 ms to 1 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upstream {
    /// Concurrent connections to each bucket, 2 to 100,000. Half of them are for objects that are too large to cache, which clients
    /// read at their own speed. Default 512.
    pub connections: usize,
    /// Timeout for connecting, with the TLS handshake. Default 3 s.
    pub connect_timeout: Duration,
    /// Timeout for the head of a response, and for each pause in its body. Default 10 s.
    pub first_byte_timeout: Duration,
    /// Timeout for the head of a response, with retries. Default 20 s.
    pub timeout: Duration,
}

/// Limits on clients. Each timeout is 100 ms to 1 h.
///
/// A *client* is an IPv4 address, or the first 64 bits of an IPv6 address, because one subscriber has all addresses with that prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, over all threads, 1 to 1,000,000. Default 10,000.
    pub connections: usize,
    /// Open connections of one client, 0 to 1,000,000; 0 sets no limit. Default 2,500: one client cannot take all connections, and
    /// the few addresses that WhatsApp fetches from have enough. Not counted for exempt clients and for trusted proxies, which
    /// have many clients behind them.
    pub connections_per_client: usize,
    /// Requests a second of one client, 0 to 1,000,000; 0 sets no limit. Default 0, because a 429 from us makes a send fail.
    pub requests_per_second: usize,
    /// Burst of one client before that rate applies (token bucket), 1 to 1,000,000. Default 100.
    pub burst: usize,
    /// Timeout for a TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// Timeout for the whole head of a request. Default 10 s.
    pub head_timeout: Duration,
    /// Idle timeout of a keep-alive connection. Default 75 s.
    pub idle_timeout: Duration,
    /// Timeout for a client that reads nothing of its response. Default 30 s.
    pub stall_timeout: Duration,
    /// Minimum send rate: bytes a second that a client must read of all responses on a connection together, on average over
    /// `stall_timeout`; up to 1 MiB, 0 sets no limit. Default 500.
    ///
    /// With the stall timeout alone, a client that reads a byte now and then could hold a connection and a response for days. Only
    /// bytes that the client's system has acknowledged count, not those in our socket buffers, and only the time in which we wait
    /// for the client, not for a store. 500 bytes a second are a tenth of the slowest mobile network in use (GPRS, about 40
    /// kbit/s). At that rate the smallest image that WhatsApp would show takes minutes, so any fetcher would have given up before.
    pub min_send_rate: usize,
    /// Time for requests in progress to finish at shutdown. Default 30 s.
    pub drain_timeout: Duration,
    /// Maximum size of a request head in bytes, 8 KiB to 1 MiB. Default 32 KiB.
    pub head_size: usize,
}

/// The flags of the command line, as typed; empty if absent.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// STORE: replaces every mount by one on `/`.
    pub store: Option<String>,
    /// `--listen`, repeatable.
    pub listen: Vec<String>,
    /// `--public-url`
    pub public_url: Option<String>,
    /// `--cache-control`: for assets that no rule matches.
    pub cache_control: Option<String>,
    /// `--access-log`
    pub access_log: Option<String>,
    /// `--tls-cert`, repeatable.
    pub tls_cert: Vec<String>,
    /// `--tls-key`, repeatable.
    pub tls_key: Vec<String>,
    /// `--admin`
    pub admin: Option<String>,
    /// `--domain`, repeatable.
    pub domain: Vec<String>,
}

/// Loads settings from the configuration file, the environment and the command line.
///
/// `environment` is the process's variables (`std::env::vars_os()`). Relative paths in the file begin at the file's folder, all
/// others at `working_directory`, which must be absolute.
pub fn load(
    flags: &Flags,
    environment: impl Iterator<Item = (OsString, OsString)>,
    working_directory: &Path,
) -> Result<Settings, ConfigError> {
    let variables = env::read(environment)?;
    let (config_file, contents) =
        file::find(flags.config.as_deref(), variables.config.as_deref(), working_directory)?;
    let file_folder = config_file.as_deref().and_then(Path::parent).unwrap_or(working_directory);

    let mut settings = Settings::defaults();
    settings.state = variables.state;
    let flags_given = flags.given();
    settings.apply(&contents.given, file_folder)?;
    settings.apply(&variables.given, working_directory)?;
    settings.apply(&flags_given, working_directory)?;
    let all_given = [&contents.given, &variables.given, &flags_given];
    settings.explicit = ExplicitKeys(all_given.into_iter().flatten().map(|(key, _)| key.name).collect());
    if !settings.explicit.has("acme.state") {
        settings.acme.state = settings.state.join("acme");
    }
    settings.complete_for_acme()?;
    settings.check_listening()?;
    settings.cache.rules = cache_rules::read(&contents.rules)?;
    settings.signing.keys = signing::read(
        settings.signing.key_file.as_deref(),
        variables.signing_keys.as_deref(),
        variables.credentials.as_deref(),
    )?;
    cache_rules::reject_unsignable(&contents.rules, &settings)?;
    let around = |base| Surroundings { base, environment: &variables.buckets };
    settings.mounts = match flags.store().or(variables.store) {
        Some(store) => vec![mount::single(&store, around(working_directory))?],
        None => mount::read(&contents.mounts, around(file_folder))?,
    };
    if settings.mounts.is_empty() {
        return Err(ConfigError::NoMount);
    }
    settings.auth = auth::read(&contents.auth, &settings.mounts)?;
    if let Some(url) = &settings.public_url {
        url.reject_outside(&settings.mounts)?;
    }
    settings.reject_served_state()?;
    settings.config_file = config_file;
    Ok(settings)
}

/// Parses a size such as `300 KiB`; the error says what to write.
pub(crate) fn byte_size(text: &str) -> Result<u64, String> {
    text.parse().map(|units::ByteSize(bytes)| bytes)
}

impl Settings {
    /// The defaults, without a mount.
    fn defaults() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            plain_listen: Vec::new(),
            plain_serves: PlainServes::Assets,
            public_url: None,
            threads: thread::available_parallelism().map_or(1, |count| count.get().min(1024)),
            state: state::default_state(&[]),
            access_log: AccessLog::Text,
            tls: TlsFiles::default(),
            admin: None,
            acme: Acme::defaults(),
            mounts: Vec::new(),
            memory: Memory { cache: 256 << 20, streams: 32 << 20, digests: 1 << 16 },
            cache: CacheRules {
                default: CachePolicy::NO_CACHE,
                versioned: CachePolicy::VERSIONED,
                rules: Vec::new(),
                precedence: Precedence::Object,
            },
            signing: Signing::default(),
            auth: Vec::new(),
            upstream: Upstream {
                connections: 512,
                connect_timeout: Duration::from_secs(3),
                first_byte_timeout: Duration::from_secs(10),
                timeout: Duration::from_secs(20),
            },
            limits: Limits {
                connections: 10_000,
                connections_per_client: 2_500,
                requests_per_second: 0,
                burst: 100,
                handshake_timeout: Duration::from_secs(10),
                head_timeout: Duration::from_secs(10),
                idle_timeout: Duration::from_secs(75),
                stall_timeout: Duration::from_secs(30),
                min_send_rate: 500,
                drain_timeout: Duration::from_secs(30),
                head_size: 32 << 10,
            },
            exempt: Networks::default(),
            trusted_proxies: Networks::default(),
            proxy_protocol: false,
            cors: CorsOrigins::default(),
            listen_unix: Vec::new(),
            config_file: None,
            explicit: ExplicitKeys::default(),
        }
    }

    /// Files that are never served, even if they are in a served folder or linked from there.
    pub fn never_served(&self) -> Vec<PathBuf> {
        let log_file = match &self.access_log {
            AccessLog::File(path) => Some(path),
            AccessLog::Off | AccessLog::Text | AccessLog::Json => None,
        };
        // A certificate may be in one file with its key.
        let secrets = self.signing.key_file.iter().chain(&self.tls.key).chain(&self.tls.cert);
        self.config_file.iter().chain(log_file).chain(secrets).cloned().collect()
    }

    fn apply(&mut self, given: &[(&'static Key, Field)], base: &Path) -> Result<(), ConfigError> {
        given.iter().try_for_each(|(key, field)| field.read(|value| (key.set)(self, value, base)))
    }

    /// Rejects certificates without keys, and one address for two purposes.
    fn check_listening(&self) -> Result<(), ConfigError> {
        if self.tls.cert.len() != self.tls.key.len() {
            return Err(ConfigError::CertificatesAndKeys {
                certs: self.tls.cert.len(),
                keys: self.tls.key.len(),
            });
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Err(ConfigError::ProxyProtocolFromNobody);
        }
        if let Some(admin) = self.admin.filter(|admin| admin.port() != 0)
            && self.listen.iter().chain(&self.plain_listen).any(|address| *address == admin)
        {
            return Err(ConfigError::AdminListensThereToo(admin));
        }
        match self.plain_listen.iter().find(|address| self.listen.contains(address) && address.port() != 0) {
            Some(address) => Err(ConfigError::ListensTwice(*address)),
            None => Ok(()),
        }
    }

    /// The scheme of the addresses of `listen`.
    pub fn scheme(&self) -> Scheme {
        let is_secured = !self.tls.cert.is_empty() || !self.acme.domains.is_empty();
        if is_secured { Scheme::Https } else { Scheme::Http }
    }

    /// The base of links: the public URL, or else the first address of `listen`; `localhost` with Unix sockets alone.
    ///
    /// If that address has port 0, only the listener knows the port; see [`PublicUrl::of_address`].
    pub fn base_url(&self) -> PublicUrl {
        let of_listen = || match self.listen.first() {
            Some(&address) => PublicUrl::of_address(self.scheme(), address),
            None => PublicUrl::of_localhost(self.scheme()),
        };
        self.public_url.clone().unwrap_or_else(of_listen)
    }

    /// The keys for links to this asset; `None` if its link needs no signature.
    pub fn signs(&self, path: &AssetPath) -> Option<&SigningKeys> {
        self.signing.keys.as_ref().filter(|_| self.cache.is_signed(path))
    }

    /// The credentials that this asset needs: of several `[[auth]]` tables, the one with the longest path.
    pub fn auth_for(&self, path: &AssetPath) -> Option<&Auth> {
        Auth::covering(&self.auth, path)
    }

    /// The settings as a configuration file with comments, which reads back as the same settings.
    pub fn as_file(&self) -> impl fmt::Display {
        print::AsFile(self)
    }
}

impl Flags {
    /// The flags that are also keys of the file.
    fn given(&self) -> Vec<(&'static Key, Field)> {
        let one = |text: &Option<String>| text.clone().map(Value::One);
        let many = |texts: &Vec<String>| (!texts.is_empty()).then(|| Value::Many(texts.clone()));
        [
            ("--listen", "listen", many(&self.listen)),
            ("--public-url", "public_url", one(&self.public_url)),
            ("--cache-control", "cache.default", one(&self.cache_control)),
            ("--access-log", "access_log", one(&self.access_log)),
            ("--tls-cert", "tls.cert", many(&self.tls_cert)),
            ("--tls-key", "tls.key", many(&self.tls_key)),
            ("--admin", "admin.listen", one(&self.admin)),
            ("--domain", "acme.domains", many(&self.domain)),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| {
            let field = Field { key: key.to_owned(), value: value?, place: Place::Flag(flag) };
            Some((settings_table::key(key).expect("every flag is a key"), field))
        })
        .collect()
    }

    fn store(&self) -> Option<Field> {
        let value = Value::One(self.store.clone()?);
        Some(Field { key: "mount.store".to_owned(), value, place: Place::Flag("STORE") })
    }
}
