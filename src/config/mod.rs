//! What the operator wrote, made into settings that hold.
//!
//! Flags win over environment variables, those over the configuration file, that over the defaults. Whoever holds
//! [`Settings`] needs to check nothing again: every value is within its range, every folder existed, and no rule
//! contradicts another. Nothing is printed, opened for serving or bound here.

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
mod settings_table;
mod signing;
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
pub use mount::{Location, Mount};
pub use networks::{Network, Networks};
pub use public_url::{PublicUrl, Scheme};
pub use signing::Signing;
pub(crate) use toml_string::toml_string;

use crate::asset::{AssetPath, CachePolicy};
use crate::http::SigningKeys;
use mount::Surroundings;
use raw::{Field, Said, Value};
use settings_table::Key;

/// Everything that the operator can decide, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen: at least one address, none twice. Port 0 lets the system choose. Default `127.0.0.1:8080`.
    pub listen: Vec<SocketAddr>,
    /// Where to listen without TLS beside it: no address that `listen` has. Default nowhere.
    pub plain_listen: Vec<SocketAddr>,
    /// What is served there. Default the assets.
    pub plain_serves: PlainServes,
    /// How the world reaches this server; see [`Settings::base_url`]. Default none.
    pub public_url: Option<PublicUrl>,
    /// Number of serving threads, 1 to 1024. Default: the processors that this process may run on.
    pub threads: usize,
    /// Where the access log goes. Default text.
    pub access_log: AccessLog,
    /// The certificates; where there are any, every address of `listen` speaks HTTPS. Default none.
    pub tls: TlsFiles,
    /// Where who runs the server is told how it is. Default nowhere.
    pub admin: Option<SocketAddr>,
    /// Certificates that the server gets by itself; likewise. Default none.
    pub acme: Acme,
    /// What is served: at least one mount, no two with the same path, in the order in which they were written.
    pub mounts: Vec<Mount>,
    /// What may be held in memory.
    pub memory: Memory,
    /// Which asset gets which cache policy.
    pub cache: CacheRules,
    /// What signs the links to assets whose rule asks for that.
    pub signing: Signing,
    /// Below which paths credentials are asked for, no two for the same path. Default none.
    pub auth: Vec<Auth>,
    /// How long a bucket may take.
    pub upstream: Upstream,
    /// What a client may ask for, and how long it may take.
    pub limits: Limits,
    /// Clients for whom neither `connections_per_client` nor `requests_per_second` of the limits holds. Default none.
    pub exempt: Networks,
    /// Proxies whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Networks,
    /// The configuration file that was read, absolute. It may lie in a store and is never served.
    pub config_file: Option<PathBuf>,
    /// Which of these the operator has said.
    said: Said,
}

/// What the addresses without TLS serve beside those with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainServes {
    /// The same as over HTTPS. Nothing is redirected: the fetcher does not follow.
    Assets,
    /// Answers to certificate authorities, and nothing else.
    Challenges,
}

impl PlainServes {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Assets, Self::Challenges];

    /// As it is written in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assets => "assets",
            Self::Challenges => "challenges",
        }
    }
}

/// Files of certificates, as absolute paths. What stands in them is not looked at here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chains in PEM, the default one first.
    pub cert: Vec<PathBuf>,
    /// The private keys of them in PEM, in the same order: as many.
    pub key: Vec<PathBuf>,
}

impl TlsFiles {
    /// Each certificate with its key.
    pub fn pairs(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.cert.iter().zip(&self.key).map(|(cert, key)| (&**cert, &**key))
    }
}

/// Where a line for each request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard error, for people.
    Text,
    /// To standard error, as JSON.
    Json,
    /// To this file (an absolute path in a folder that existed), as JSON.
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

/// Bounds on what is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of bodies that are kept for the next request; 0 keeps none. Default 256 MiB.
    pub cache: usize,
    /// Bytes of buffers for large files on their way out, all clients together; at least 1 MiB. Default 32 MiB.
    pub streams: usize,
    /// Number of digests that are remembered, 1 to 16,777,216. Default 65,536.
    pub digests: usize,
}

/// Bounds on what a bucket may take. Each time is 100 ms to 1 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upstream {
    /// Connections to each bucket at once, 2 to 100,000. Half of them are for objects that are too large to be held, which
    /// clients read at their own speed. Default 512.
    pub connections: usize,
    /// For a connection, its TLS handshake included. Default 3 s.
    pub connect_timeout: Duration,
    /// For the head of an answer, and for each pause within its body. Default 10 s.
    pub first_byte_timeout: Duration,
    /// For the head of an answer, retries included. Default 20 s.
    pub timeout: Duration,
}

/// Bounds on what clients may do. Each time is 100 ms to 1 h.
///
/// A *client* is an IPv4 address, or the 64 bits that an IPv6 address begins with: one subscriber has all that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at once, over all threads, 1 to 1,000,000. Default 10,000.
    pub connections: usize,
    /// Of these, connections of one client, 0 to 1,000,000; 0 sets no limit. Default 2,500: a client that opens all it can leaves
    /// room for others, and the few addresses that WhatsApp fetches from have plenty. Not counted where the peer is a trusted
    /// proxy, which has many clients behind it, or exempt.
    pub connections_per_client: usize,
    /// Requests a second of one client, 0 to 1,000,000; 0 sets no limit. Default 0, since a 429 of ours makes a send fail.
    pub requests_per_second: usize,
    /// Requests that a client may make at once before that rate holds, 1 to 1,000,000. Default 100.
    pub burst: usize,
    /// Within this time a TLS handshake must be over. Default 10 s.
    pub handshake_timeout: Duration,
    /// Within this time the whole head of a request must have arrived. Default 10 s.
    pub head_timeout: Duration,
    /// So long may a connection that is kept alive be without a request. Default 75 s.
    pub idle_timeout: Duration,
    /// So long may a client take nothing of a response. Default 30 s.
    pub stall_timeout: Duration,
    /// Bytes a second that a client must take of its responses, all of its connection's together, on average over
    /// `stall_timeout`; up to 1 MiB, 0 sets no limit. Default 500.
    ///
    /// The stall timeout alone is content with a byte now and then, and so lets a client hold a connection and a response for
    /// days. What counts is what the client's system has acknowledged, not what ours has taken over, and only the time in which
    /// we wait for the client, not that in which we wait for a store. 500 bytes a second are a tenth of what the slowest mobile
    /// network in use gives (GPRS, about 40 kbit/s), and at that rate the smallest image that WhatsApp would show takes minutes,
    /// so that no fetcher is served who would not have given up before.
    pub min_send_rate: usize,
    /// So long may what is in flight take to end, once the server was told to stop. Default 30 s.
    pub drain_timeout: Duration,
    /// Bytes that the head of a request may take, 8 KiB to 1 MiB. Default 32 KiB.
    pub head_size: usize,
}

/// What stands on the command line, as it was typed; empty where a flag is not there.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// STORE: replaces every mount by one on `/`.
    pub store: Option<String>,
    /// `--listen`, as often as it stands there.
    pub listen: Vec<String>,
    /// `--public-url`
    pub public_url: Option<String>,
    /// `--cache-control`: for what no rule matches.
    pub cache_control: Option<String>,
    /// `--access-log`
    pub access_log: Option<String>,
    /// `--tls-cert`, as often as it stands there.
    pub tls_cert: Vec<String>,
    /// `--tls-key`, likewise.
    pub tls_key: Vec<String>,
    /// `--admin`
    pub admin: Option<String>,
    /// `--domain`, likewise.
    pub domain: Vec<String>,
}

/// Puts settings together from what was written in the configuration file, the environment and the command line.
///
/// `environment` is the process's variables (`std::env::vars_os()`). Paths in the file are meant from the folder it
/// lies in, all others from `working_directory`, which must be absolute.
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
    settings.acme.state = variables.state;
    let flags_given = flags.given();
    settings.apply(&contents.given, file_folder)?;
    settings.apply(&variables.given, working_directory)?;
    settings.apply(&flags_given, working_directory)?;
    let all_given = [&contents.given, &variables.given, &flags_given];
    settings.said = Said(all_given.into_iter().flatten().map(|(key, _)| key.name).collect());
    settings.complete_for_acme()?;
    settings.check_listening()?;
    settings.cache.rules = cache_rules::read(&contents.rules)?;
    settings.signing.keys = signing::read(
        settings.signing.key_file.as_deref(),
        variables.signing_keys.as_deref(),
        variables.credentials.as_deref(),
    )?;
    cache_rules::refuse_unsignable(&contents.rules, &settings)?;
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
        url.refuse_outside(&settings.mounts)?;
    }
    settings.acme.refuse_served_state(&settings.mounts)?;
    settings.config_file = config_file;
    Ok(settings)
}

/// Reads a number of bytes as people write it, such as `300 KiB`; the error says what to write.
pub(crate) fn byte_size(text: &str) -> Result<u64, String> {
    text.parse().map(|units::ByteSize(bytes)| bytes)
}

impl Settings {
    /// What holds where the operator says nothing; only a mount is missing.
    fn defaults() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            plain_listen: Vec::new(),
            plain_serves: PlainServes::Assets,
            public_url: None,
            threads: thread::available_parallelism().map_or(1, |count| count.get().min(1024)),
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
            config_file: None,
            said: Said::default(),
        }
    }

    /// Files that are no assets even if they lie in a folder that is served, or are linked from there.
    pub fn never_served(&self) -> Vec<PathBuf> {
        let log_file = match &self.access_log {
            AccessLog::File(path) => Some(path),
            AccessLog::Off | AccessLog::Text | AccessLog::Json => None,
        };
        // A certificate may stand in one file with its key.
        let secrets = self.signing.key_file.iter().chain(&self.tls.key).chain(&self.tls.cert);
        self.config_file.iter().chain(log_file).chain(secrets).cloned().collect()
    }

    fn apply(&mut self, given: &[(&'static Key, Field)], base: &Path) -> Result<(), ConfigError> {
        given.iter().try_for_each(|(key, field)| field.read(|value| (key.set)(self, value, base)))
    }

    /// Refuses certificates without keys, and one address for two purposes.
    fn check_listening(&self) -> Result<(), ConfigError> {
        if self.tls.cert.len() != self.tls.key.len() {
            return Err(ConfigError::CertificatesAndKeys {
                certs: self.tls.cert.len(),
                keys: self.tls.key.len(),
            });
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

    /// How the addresses of `listen` are spoken to.
    pub fn scheme(&self) -> Scheme {
        let is_secured = !self.tls.cert.is_empty() || !self.acme.domains.is_empty();
        if is_secured { Scheme::Https } else { Scheme::Http }
    }

    /// What links are built from: the public URL, or else the first address that is listened on.
    ///
    /// Where that address has port 0, only the listener knows the port; see [`PublicUrl::of_address`].
    pub fn base_url(&self) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| PublicUrl::of_address(self.scheme(), self.listen[0]))
    }

    /// What signs links to this asset; `None` where its link needs no signature.
    pub fn signs(&self, path: &AssetPath) -> Option<&SigningKeys> {
        self.signing.keys.as_ref().filter(|_| self.cache.is_signed(path))
    }

    /// The credentials that this asset needs: of several `[[auth]]` tables, the one with the longest path.
    pub fn auth_for(&self, path: &AssetPath) -> Option<&Auth> {
        Auth::covering(&self.auth, path)
    }

    /// The settings as a configuration file with comments, which gives the same settings when it is read.
    pub fn as_file(&self) -> impl fmt::Display {
        print::AsFile(self)
    }
}

impl Flags {
    /// Those flags that are keys of the file, too.
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
