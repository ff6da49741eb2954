//! Start-up banner of `wamedia serve`: mounts, addresses, cache policies, and a command to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use tokio::task::spawn_blocking;

use crate::config::{PlainServes, PublicUrl, Settings};
use crate::server::{Admin, Server};
use crate::shell::quoted;
use crate::store::{Freshness, ReadIntent, Stores};
use crate::whatsapp;

/// Mounts, addresses, and what WhatsApp does under each cache policy.
pub(super) fn text(settings: &Settings, server: &Server, admin: Option<&Admin>) -> String {
    let mut text = format!("wamedia {}\n", env!("CARGO_PKG_VERSION"));
    for mount in &settings.mounts {
        let _ = writeln!(text, "  serves     {} at /{}", mount.store, mount.path);
    }
    for address in server.addresses() {
        let families = families(server.is_dual_stack(*address));
        let _ = writeln!(text, "  listens    {}://{address}{families}", settings.scheme().as_str());
    }
    for path in server.unix_sockets() {
        let _ = writeln!(text, "  listens    unix:{} ({})", path.display(), settings.scheme().as_str());
    }
    for address in server.plain_addresses() {
        let only = match settings.plain_serves {
            PlainServes::Assets => "",
            PlainServes::Challenges => " (for certificate authorities only)",
        };
        let families = families(server.is_dual_stack(*address));
        let _ = writeln!(text, "  listens    http://{address}{families}{only}");
    }
    if let Some(admin) = admin {
        let _ = writeln!(
            text,
            "  admin      http://{}/metrics, /healthz, /readyz{}",
            admin.address(),
            families(admin.is_dual_stack())
        );
    }
    let _ = writeln!(text, "  cache policies, the first match counts:");
    let rules = settings.cache.rules.iter().map(|rule| (rule.pattern(), rule.policy(), rule.is_signed()));
    let rows: Vec<_> = rules
        .chain([
            ("all other assets", &settings.cache.default, false),
            ("links with the current ?v=", &settings.cache.versioned, false),
        ])
        .map(|(what, policy, is_signed)| {
            let note = if is_signed { "; needs a signed link" } else { "" };
            (what, policy.as_str(), format!("{}{note}", whatsapp::Treatment::under(policy)))
        })
        .collect();
    let width = |column: fn(&(&str, &str, String)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (what_width, policy_width) = (width(|row| row.0.chars().count()), width(|row| row.1.len()));
    for (what, policy, meaning) in &rows {
        let _ = writeln!(text, "    {what:what_width$}  {policy:policy_width$}  {meaning}");
    }
    for auth in &settings.auth {
        let _ = writeln!(text, "  auth       credentials required below {}", auth.url_path());
    }
    text
}

/// What a listener on `[::]` accepts.
fn families(is_dual_stack: Option<bool>) -> &'static str {
    match is_dual_stack {
        None => "",
        Some(false) => " (IPv6 only)",
        Some(true) => " (IPv6 and IPv4)",
    }
}

/// Warns of addresses that IPv4 clients cannot reach though they were probably meant to.
pub(super) fn warn_of_ipv6_only(server: &Server) {
    for addresses in [server.addresses(), server.plain_addresses()] {
        for address in addresses.iter().filter(|address| server.is_dual_stack(**address) == Some(false)) {
            let accepts_ipv4 = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
            if !addresses.iter().any(accepts_ipv4) {
                let port = address.port();
                log::warn!(
                    "{address} accepts IPv6 connections only, and nothing listens on this port for IPv4; to accept both, listen \
                     on 0.0.0.0:{port}, too"
                );
            }
        }
    }
}

/// Where an example is requested.
pub(super) enum ExampleAddress {
    /// An address that this machine can reach.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ExampleAddress {
    /// The first address of the server, else its first Unix socket.
    pub(super) fn of(server: &Server) -> Option<Self> {
        let socket = || server.unix_sockets().first().map(|path| Self::Unix(path.clone()));
        server.addresses().first().map(|address| Self::Tcp(*address)).or_else(socket)
    }
}

/// A line with a command that requests some asset from `address`; `name` is a host name with a certificate. Waits until an asset is
/// found and hashed.
pub(super) async fn example(
    settings: Settings,
    stores: Stores,
    address: ExampleAddress,
    name: Option<String>,
) -> Option<String> {
    let search = spawn_blocking({
        let stores = stores.clone();
        move || (stores.example(&settings), settings)
    });
    let (path, settings) = search.await.ok()?;
    let path = path?;
    let opened = stores.open(&path, ReadIntent::Head, Freshness::Configured, Instant::now()).await.ok()?;
    let version = Some(&opened.asset().version);
    let name = name.or_else(|| settings.acme.domains.first().cloned());
    let address = match address {
        ExampleAddress::Tcp(address) => address,
        ExampleAddress::Unix(socket) => {
            let url = match name {
                Some(name) => PublicUrl::of_name(&name, 443),
                None => PublicUrl::of_localhost(settings.scheme()),
            };
            let socket = quoted(&socket);
            return Some(format!(
                "  try        curl --unix-socket {socket} -I '{}'\n",
                url.link(&path, version)
            ));
        }
    };
    let here = PublicUrl::of_address(settings.scheme(), address);
    // A certificate is for a name, which may resolve to another address, or to none yet.
    let command = match name {
        None => format!("curl -I '{}'", here.link(&path, version)),
        Some(name) => {
            let url = PublicUrl::of_name(&name, address.port());
            let here = here.to_string();
            let authority = here.rsplit("//").next().unwrap_or_default();
            format!("curl -I --connect-to ::{authority} '{}'", url.link(&path, version))
        }
    };
    Some(format!("  try        {command}\n"))
}
