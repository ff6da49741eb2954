//! What the operator wrote, made into settings that hold.
//!
//! Flags win over environment variables, those over the configuration file, that over the defaults. Whoever holds
//! [`Settings`] needs to check nothing again: every value is within its range, every folder existed, and no rule
//! contradicts another. Nothing is printed, opened for serving or bound here.

mod bucket;
mod env;
mod error;
mod file;
mod given;
mod keys;
mod mount;
mod print;
mod public_url;
mod rules;
mod shadow;
#[cfg(test)]
mod tests;
mod units;

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub(crate) use bucket::service_url;
pub use bucket::{Addressing, Bucket, Credentials, Environment, Service};
pub use error::{ConfigError, Place};
pub use mount::{Location, Mount};
pub use public_url::PublicUrl;
pub use rules::{CacheRules, Precedence, Rule};

use crate::asset::CachePolicy;
use given::{Field, Value};
use keys::Key;
use mount::Surroundings;

/// Everything that the operator can decide, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen: at least one address, none twice. Port 0 lets the system choose. Default `127.0.0.1:8080`.
    pub listen: Vec<SocketAddr>,
    /// How the world reaches this server; see [`Settings::base_url`]. Default none.
    pub public_url: Option<PublicUrl>,
    /// Number of serving threads, 1 to 1024. Default: the processors that this process may run on.
    pub threads: usize,
    /// Where the access log goes. Default text.
    pub access_log: AccessLog,
    /// What is served: at least one mount, no two with the same path, in the order in which they were written.
    pub mounts: Vec<Mount>,
    /// What may be held in memory.
    pub memory: Memory,
    /// Which asset gets which cache policy.
    pub cache: CacheRules,
    /// How long a bucket may take.
    pub upstream: Upstream,
    /// What a client may ask for, and how long it may take.
    pub limits: Limits,
    /// The configuration file that was read, absolute. It may lie in a store and is never served.
    pub config_file: Option<PathBuf>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at once, over all threads, 1 to 1,000,000. Default 10,000.
    pub connections: usize,
    /// Within this time the whole head of a request must have arrived. Default 10 s.
    pub head_timeout: Duration,
    /// So long may a connection that is kept alive be without a request. Default 75 s.
    pub idle_timeout: Duration,
    /// So long may a client take nothing of a response. Default 30 s.
    pub stall_timeout: Duration,
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
    settings.apply(&contents.given, file_folder)?;
    settings.apply(&variables.given, working_directory)?;
    settings.apply(&flags.given(), working_directory)?;
    settings.cache.rules = rules::read(&contents.rules)?;
    let around = |base| Surroundings { base, environment: &variables.buckets };
    settings.mounts = match flags.store().or(variables.store) {
        Some(store) => vec![mount::single(&store, around(working_directory))?],
        None => mount::read(&contents.mounts, around(file_folder))?,
    };
    if settings.mounts.is_empty() {
        return Err(ConfigError::NoMount);
    }
    if let Some(url) = &settings.public_url {
        url.refuse_outside(&settings.mounts)?;
    }
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
            public_url: None,
            threads: thread::available_parallelism().map_or(1, |count| count.get().min(1024)),
            access_log: AccessLog::Text,
            mounts: Vec::new(),
            memory: Memory { cache: 256 << 20, streams: 32 << 20, digests: 1 << 16 },
            cache: CacheRules {
                default: CachePolicy::NO_CACHE,
                versioned: CachePolicy::VERSIONED,
                rules: Vec::new(),
                precedence: Precedence::Object,
            },
            upstream: Upstream {
                connections: 512,
                connect_timeout: Duration::from_secs(3),
                first_byte_timeout: Duration::from_secs(10),
                timeout: Duration::from_secs(20),
            },
            limits: Limits {
                connections: 10_000,
                head_timeout: Duration::from_secs(10),
                idle_timeout: Duration::from_secs(75),
                stall_timeout: Duration::from_secs(30),
                drain_timeout: Duration::from_secs(30),
                head_size: 32 << 10,
            },
            config_file: None,
        }
    }

    fn apply(&mut self, given: &[(&'static Key, Field)], base: &Path) -> Result<(), ConfigError> {
        given.iter().try_for_each(|(key, field)| field.read(|value| (key.set)(self, value, base)))
    }

    /// What links are built from: the public URL, or else the first address that is listened on.
    ///
    /// Where that address has port 0, only the listener knows the port; see [`PublicUrl::of_address`].
    pub fn base_url(&self) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| PublicUrl::of_address(self.listen[0]))
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
        let listen = (!self.listen.is_empty()).then(|| Value::Many(self.listen.clone()));
        [
            ("--listen", "listen", listen),
            ("--public-url", "public_url", one(&self.public_url)),
            ("--cache-control", "cache.default", one(&self.cache_control)),
            ("--access-log", "access_log", one(&self.access_log)),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| {
            let field = Field { key: key.to_owned(), value: value?, place: Place::Flag(flag) };
            Some((keys::key(key).expect("every flag is a key"), field))
        })
        .collect()
    }

    fn store(&self) -> Option<Field> {
        let value = Value::One(self.store.clone()?);
        Some(Field { key: "mount.store".to_owned(), value, place: Place::Flag("STORE") })
    }
}
