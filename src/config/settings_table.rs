//! The table of settings with one value: key, parser and printer of each.
//!
//! [`KEYS`] is the only list of them. The file, the environment and `--print-config` all use it, so a setting in this table exists
//! in all three. Lists of tables (mounts, cache rules, `[[auth]]`) exist only in the file.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::acme;
use super::raw::Value;
use super::units::Span;
use super::values::{
    KIB, MIB, access_log, address, addresses, addresses_and_sockets, count, files, in_bytes, key_file,
    networks, plain_serves, policy, precedence, size, timeout,
};
use super::{ChallengeType, Network, Networks, PublicUrl, Settings, UNIX_PREFIX};
use crate::asset::CachePolicy;
use crate::http::CorsOrigins;

/// A setting with one value.
pub(super) struct Key {
    /// The key in the file, with its table: `memory.cache`.
    pub(super) name: &'static str,
    /// Whether a changed value takes effect only after a restart; all others take effect at a reload (SIGHUP).
    pub(super) needs_restart: bool,
    /// Parses a value into the settings; relative paths begin at the given folder.
    pub(super) set: fn(&mut Settings, &Value, &Path) -> Result<(), String>,
    /// The value in force; `None` if there is none.
    pub(super) show: fn(&Settings) -> Option<Shown>,
}

/// A value in force, for printing.
#[derive(PartialEq, Eq)]
pub(super) enum Shown {
    Number(usize),
    Truth(bool),
    Text(String),
    List(Vec<String>),
    Policy(CachePolicy),
}

/// Every such setting: top-level settings first, then table by table.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "listen",
        needs_restart: true,
        set: |s, value, base| {
            (s.listen, s.listen_unix) = addresses_and_sockets(value, base)?;
            Ok(())
        },
        show: |s| {
            let sockets = s.listen_unix.iter().map(|path| format!("{UNIX_PREFIX}{}", path.display()));
            Some(Shown::List(s.listen.iter().map(SocketAddr::to_string).chain(sockets).collect()))
        },
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
        name: "proxy_protocol",
        needs_restart: false,
        set: |s, value, _| put(&mut s.proxy_protocol, value.truth_or_text()),
        show: |s| Some(Shown::Truth(s.proxy_protocol)),
    },
    Key {
        name: "threads",
        needs_restart: true,
        set: |s, value, _| put(&mut s.threads, count(value, 1..=1024)),
        show: |s| Some(Shown::Number(s.threads)),
    },
    Key {
        name: "state",
        needs_restart: true,
        set: |s, value, base| put(&mut s.state, acme::path(value, base)),
        show: |s| Some(Shown::Text(s.state.to_string_lossy().into_owned())),
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
        name: "cors.origins",
        needs_restart: false,
        set: |s, value, _| put(&mut s.cors, value.items().and_then(CorsOrigins::parse)),
        show: |s| shown_list(s.cors.texts().into_iter()),
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

/// The key of this name.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    *slot = value?;
    Ok(())
}

fn shown_size(size: usize) -> Shown {
    Shown::Text(in_bytes(size).to_string())
}

fn shown_span(span: Duration) -> Shown {
    Shown::Text(Span(span).to_string())
}

/// `None` if the list is empty, which a file cannot express.
fn shown_list(items: impl Iterator<Item = String>) -> Option<Shown> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then_some(Shown::List(items))
}

fn shown_networks(networks: &Networks) -> Option<Shown> {
    shown_list(networks.as_slice().iter().map(Network::to_string))
}
