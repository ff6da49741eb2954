//! The settings that are one value each: their keys, how each is read and how it is shown.
//!
//! [`KEYS`] is the one list of them. The file, the environment and `--print-config` are all driven by it, so that a
//! setting which stands here exists in all three. Mounts and cache rules are tables of their own and stand only in the
//! file.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::acme;
use super::mount::absolute;
use super::raw::Value;
use super::units::{ByteSize, Span};
use super::{AccessLog, ChallengeType, Network, Networks, PlainServes, Precedence, PublicUrl, Settings};
use crate::asset::CachePolicy;
use crate::suggest::nearest;

/// A setting that is one value.
pub(super) struct Key {
    /// The key in the file, with its table: `memory.cache`.
    pub(super) name: &'static str,
    /// Whether a changed value takes effect only after a restart; all others take effect at a reload (SIGHUP).
    pub(super) needs_restart: bool,
    /// Reads a value into the settings; relative paths are meant from the given folder.
    pub(super) set: fn(&mut Settings, &Value, &Path) -> Result<(), String>,
    /// The value in force; `None` where there is none.
    pub(super) show: fn(&Settings) -> Option<Shown>,
}

/// A value in force, in the form in which it is written to a file.
#[derive(PartialEq, Eq)]
pub(super) enum Shown {
    Number(usize),
    Text(String),
    List(Vec<String>),
    Policy(CachePolicy),
}

/// Every such setting: those outside of any table first, then table by table.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "listen",
        needs_restart: true,
        set: |s, value, _| put(&mut s.listen, addresses(value)),
        show: |s| Some(Shown::List(s.listen.iter().map(SocketAddr::to_string).collect())),
    },
    Key {
        name: "plain_listen",
        needs_restart: true,
        set: |s, value, _| put(&mut s.plain_listen, addresses(value)),
        show: |s| shown_list(s.plain_listen.iter().map(SocketAddr::to_string)),
    },
    Key {
        name: "plain_serves",
        needs_restart: false,
        set: |s, value, _| put(&mut s.plain_serves, plain_serves(value)),
        show: |s| Some(Shown::Text(s.plain_serves.as_str().to_owned())),
    },
    Key {
        name: "public_url",
        needs_restart: false,
        set: |s, value, _| put(&mut s.public_url, value.one().and_then(PublicUrl::parse).map(Some)),
        show: |s| s.public_url.as_ref().map(|url| Shown::Text(url.to_string())),
    },
    Key {
        name: "trusted_proxies",
        needs_restart: false,
        set: |s, value, _| put(&mut s.trusted_proxies, networks(value)),
        show: |s| shown_networks(&s.trusted_proxies),
    },
    Key {
        name: "threads",
        needs_restart: true,
        set: |s, value, _| put(&mut s.threads, count(value, 1..=1024)),
        show: |s| Some(Shown::Number(s.threads)),
    },
    Key {
        name: "access_log",
        needs_restart: false,
        set: |s, value, base| put(&mut s.access_log, access_log(value, base)),
        show: |s| Some(Shown::Text(s.access_log.to_string())),
    },
    Key {
        name: "tls.cert",
        needs_restart: false,
        set: |s, value, base| put(&mut s.tls.cert, files(value, base)),
        show: |s| shown_list(s.tls.cert.iter().map(|file| file.to_string_lossy().into_owned())),
    },
    Key {
        name: "tls.key",
        needs_restart: false,
        set: |s, value, base| put(&mut s.tls.key, files(value, base)),
        show: |s| shown_list(s.tls.key.iter().map(|file| file.to_string_lossy().into_owned())),
    },
    Key {
        name: "acme.domains",
        needs_restart: true,
        set: |s, value, _| put(&mut s.acme.domains, acme::domains(value)),
        show: |s| shown_list(s.acme.domains.iter().cloned()),
    },
    Key {
        name: "acme.contact",
        needs_restart: true,
        set: |s, value, _| put(&mut s.acme.contact, acme::contact(value)),
        show: |s| s.acme.contact.clone().map(Shown::Text),
    },
    Key {
        name: "acme.directory",
        needs_restart: true,
        set: |s, value, _| put(&mut s.acme.directory, acme::directory(value)),
        show: |s| Some(Shown::Text(s.acme.directory.clone())),
    },
    Key {
        name: "acme.state",
        needs_restart: true,
        set: |s, value, base| put(&mut s.acme.state, acme::path(value, base)),
        show: |s| Some(Shown::Text(s.acme.state.to_string_lossy().into_owned())),
    },
    Key {
        name: "acme.ca",
        needs_restart: true,
        set: |s, value, base| put(&mut s.acme.ca, acme::path(value, base).map(Some)),
        show: |s| s.acme.ca.as_ref().map(|file| Shown::Text(file.to_string_lossy().into_owned())),
    },
    Key {
        name: "acme.challenge",
        needs_restart: true,
        set: |s, value, _| put(&mut s.acme.challenge, acme::challenge(value)),
        show: |s| shown_list(s.acme.challenge.iter().copied().map(ChallengeType::as_str).map(str::to_owned)),
    },
    Key {
        name: "admin.listen",
        needs_restart: true,
        set: |s, value, _| put(&mut s.admin, value.one().and_then(address).map(Some)),
        show: |s| s.admin.map(|address| Shown::Text(address.to_string())),
    },
    Key {
        name: "memory.cache",
        needs_restart: true,
        set: |s, value, _| put(&mut s.memory.cache, size(value, 0..=usize::MAX)),
        show: |s| Some(shown_size(s.memory.cache)),
    },
    Key {
        name: "memory.streams",
        needs_restart: true,
        set: |s, value, _| put(&mut s.memory.streams, size(value, MIB..=usize::MAX)),
        show: |s| Some(shown_size(s.memory.streams)),
    },
    Key {
        name: "memory.digests",
        needs_restart: true,
        set: |s, value, _| put(&mut s.memory.digests, count(value, 1..=16_777_216)),
        show: |s| Some(Shown::Number(s.memory.digests)),
    },
    Key {
        name: "cache.default",
        needs_restart: false,
        set: |s, value, _| put(&mut s.cache.default, policy(value)),
        show: |s| Some(Shown::Policy(s.cache.default.clone())),
    },
    Key {
        name: "cache.versioned",
        needs_restart: false,
        set: |s, value, _| put(&mut s.cache.versioned, policy(value)),
        show: |s| Some(Shown::Policy(s.cache.versioned.clone())),
    },
    Key {
        name: "cache.precedence",
        needs_restart: false,
        set: |s, value, _| put(&mut s.cache.precedence, precedence(value)),
        show: |s| Some(Shown::Text(s.cache.precedence.as_str().to_owned())),
    },
    Key {
        name: "signing.key_file",
        needs_restart: false,
        set: |s, value, base| put(&mut s.signing.key_file, key_file(value, base).map(Some)),
        show: |s| s.signing.key_file.as_ref().map(|file| Shown::Text(file.display().to_string())),
    },
    Key {
        name: "upstream.connections",
        needs_restart: false,
        set: |s, value, _| put(&mut s.upstream.connections, count(value, 2..=100_000)),
        show: |s| Some(Shown::Number(s.upstream.connections)),
    },
    Key {
        name: "upstream.connect_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.upstream.connect_timeout, timeout(value)),
        show: |s| Some(shown_span(s.upstream.connect_timeout)),
    },
    Key {
        name: "upstream.first_byte_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.upstream.first_byte_timeout, timeout(value)),
        show: |s| Some(shown_span(s.upstream.first_byte_timeout)),
    },
    Key {
        name: "upstream.timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.upstream.timeout, timeout(value)),
        show: |s| Some(shown_span(s.upstream.timeout)),
    },
    Key {
        name: "limits.connections",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.connections, count(value, 1..=1_000_000)),
        show: |s| Some(Shown::Number(s.limits.connections)),
    },
    Key {
        name: "limits.connections_per_client",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.connections_per_client, count(value, 0..=1_000_000)),
        show: |s| Some(Shown::Number(s.limits.connections_per_client)),
    },
    Key {
        name: "limits.requests_per_second",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.requests_per_second, count(value, 0..=1_000_000)),
        show: |s| Some(Shown::Number(s.limits.requests_per_second)),
    },
    Key {
        name: "limits.burst",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.burst, count(value, 1..=1_000_000)),
        show: |s| Some(Shown::Number(s.limits.burst)),
    },
    Key {
        name: "limits.exempt",
        needs_restart: false,
        set: |s, value, _| put(&mut s.exempt, networks(value)),
        show: |s| shown_networks(&s.exempt),
    },
    Key {
        name: "limits.handshake_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.handshake_timeout, timeout(value)),
        show: |s| Some(shown_span(s.limits.handshake_timeout)),
    },
    Key {
        name: "limits.head_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.head_timeout, timeout(value)),
        show: |s| Some(shown_span(s.limits.head_timeout)),
    },
    Key {
        name: "limits.idle_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.idle_timeout, timeout(value)),
        show: |s| Some(shown_span(s.limits.idle_timeout)),
    },
    Key {
        name: "limits.stall_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.stall_timeout, timeout(value)),
        show: |s| Some(shown_span(s.limits.stall_timeout)),
    },
    Key {
        name: "limits.min_send_rate",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.min_send_rate, size(value, 0..=MIB)),
        show: |s| Some(shown_size(s.limits.min_send_rate)),
    },
    Key {
        name: "limits.drain_timeout",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.drain_timeout, timeout(value)),
        show: |s| Some(shown_span(s.limits.drain_timeout)),
    },
    Key {
        name: "limits.head_size",
        needs_restart: false,
        set: |s, value, _| put(&mut s.limits.head_size, size(value, 8 * KIB..=MIB)),
        show: |s| Some(shown_size(s.limits.head_size)),
    },
];

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// The longest that a wait may be set to.
pub(super) const HOUR: Duration = Duration::from_hours(1);
/// The longest that something old may be served for.
pub(super) const WEEK: Duration = Duration::from_hours(168);

/// The key of this name.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    *slot = value?;
    Ok(())
}

pub(super) fn policy(value: &Value) -> Result<CachePolicy, String> {
    let text = value.text()?;
    text.parse().map_err(|error| format!("\"{}\" is no cache policy: {error}", text.escape_debug()))
}

fn key_file(value: &Value, base: &Path) -> Result<PathBuf, String> {
    match value.one()? {
        name if name.contains('\0') => {
            Err("the name holds a NUL, which no file system takes; leave it out".to_owned())
        }
        name => Ok(absolute(base, name)),
    }
}

fn precedence(value: &Value) -> Result<Precedence, String> {
    let text = value.one()?;
    Precedence::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"object\" (the Cache-Control that an object in a bucket carries comes before the rules) nor \
             \"rules\" (it counts where no rule matches); write one of them",
            text.escape_debug()
        )
    })
}

/// A span of time within a range.
pub(super) fn duration_within(value: &Value, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let Span(duration) = value.quantity()?.parse()?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (Span(*range.start()), Span(*range.end()));
    Err(format!("{} is out of range; write a time from {least} to {most}", Span(duration)))
}

fn timeout(value: &Value) -> Result<Duration, String> {
    let range = Duration::from_millis(100)..=HOUR;
    if value.quantity()?.parse() == Ok(Span(Duration::ZERO)) {
        return Err(format!(
            "0 would be a wait without end, which holds a connection for ever; write a time from {} to {}",
            Span(*range.start()),
            Span(*range.end()),
        ));
    }
    duration_within(value, range)
}

fn count(value: &Value, range: RangeInclusive<usize>) -> Result<usize, String> {
    let refuse = |what: &str| {
        format!("{what} is not a whole number from {} to {}; write one in digits", range.start(), range.end())
    };
    let text = match value {
        Value::Truth(_) => return Err(refuse("a boolean")),
        Value::Other(what) => return Err(refuse(what)),
        _ => value.quantity()?,
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(count) if digits && range.contains(&count) => Ok(count),
        _ => Err(refuse(&format!("`{}`", text.escape_debug()))),
    }
}

fn size(value: &Value, range: RangeInclusive<usize>) -> Result<usize, String> {
    let ByteSize(bytes) = value.quantity()?.parse()?;
    match usize::try_from(bytes) {
        Ok(size) if range.contains(&size) => Ok(size),
        _ if *range.end() == usize::MAX => {
            Err(format!("{} is out of range; write at least {}", ByteSize(bytes), in_bytes(*range.start())))
        }
        _ => Err(format!(
            "{} is out of range; write a size from {} to {}",
            ByteSize(bytes),
            in_bytes(*range.start()),
            in_bytes(*range.end()),
        )),
    }
}

fn in_bytes(size: usize) -> ByteSize {
    ByteSize(size.try_into().unwrap_or(u64::MAX))
}

fn shown_size(size: usize) -> Shown {
    Shown::Text(in_bytes(size).to_string())
}

fn shown_span(span: Duration) -> Shown {
    Shown::Text(Span(span).to_string())
}

/// `None` where the list is empty, which no file can say.
fn shown_list(items: impl Iterator<Item = String>) -> Option<Shown> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then_some(Shown::List(items))
}

fn shown_networks(networks: &Networks) -> Option<Shown> {
    shown_list(networks.as_slice().iter().map(Network::to_string))
}

fn networks(value: &Value) -> Result<Networks, String> {
    let networks: Vec<Network> = value.items()?.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    match networks.iter().enumerate().find(|(index, network)| networks[..*index].contains(network)) {
        _ if networks.is_empty() => Err("names no address; name one, or leave it out".to_owned()),
        Some((_, twice)) => Err(format!("`{twice}` stands twice; keep one")),
        None => Ok(networks.into_iter().collect()),
    }
}

fn plain_serves(value: &Value) -> Result<PlainServes, String> {
    let text = value.one()?;
    PlainServes::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!(
            "`{}` is neither \"assets\" (all that is served over https, too) nor \"challenges\" (nothing but answers to \
             certificate authorities); write one of them",
            text.escape_debug()
        )
    })
}

/// Files, absolute; whether they are there is looked at when they are read.
fn files(value: &Value, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for item in value.items()? {
        if item.is_empty() {
            return Err("names a file with an empty name; name one, or leave it out".to_owned());
        }
        if item.contains('\0') {
            return Err("the file name holds a NUL, which no file system takes; leave it out".to_owned());
        }
        files.push(absolute(base, item));
    }
    if files.is_empty() {
        return Err("names no file; name one, or leave it out".to_owned());
    }
    Ok(files)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{}` is not an address and a port; write such as \"127.0.0.1:8080\", \"[::1]:8080\", \
             or \"0.0.0.0:8080\" for every IPv4 address of this machine",
            text.escape_debug(),
        )
    })
}

fn addresses(value: &Value) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    for item in value.items()? {
        let address = address(item)?;
        if addresses.contains(&address) {
            return Err(format!("`{address}` stands twice; keep one"));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err("no address is named; write at least one, such as \"127.0.0.1:8080\"".to_owned());
    }
    Ok(addresses)
}

fn access_log(value: &Value, base: &Path) -> Result<AccessLog, String> {
    const WORDS: [&str; 3] = ["off", "text", "json"];
    let text = value.one()?;
    match text {
        "off" => return Ok(AccessLog::Off),
        "text" => return Ok(AccessLog::Text),
        "json" => return Ok(AccessLog::Json),
        _ => {}
    }
    let shown = text.escape_debug();
    // Anything else is a file, but a file called `jsno` is what nobody wants.
    if !text.contains(['/', '.'])
        && let Some(word) = nearest(&text.to_ascii_lowercase(), WORDS)
    {
        return Err(format!(
            "did you mean `{word}` by `{shown}`? for a file of that name write \"./{shown}\""
        ));
    }
    if text.contains('\0') {
        return Err("the file name holds a NUL, which no file system takes; leave it out".to_owned());
    }
    let file = absolute(base, text);
    if file.is_dir() {
        return Err(format!("{} is a directory; name a file in it", file.display()));
    }
    match file.parent() {
        Some(folder) if !folder.is_dir() => Err(format!(
            "there is no directory {} for the file; create it, or name another",
            folder.display()
        )),
        _ => Ok(AccessLog::File(file)),
    }
}
