//! What `wamedia serve` says when it serves: what is served where, what WhatsApp will do with it, and a command to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::task::spawn_blocking;

use crate::config::{PlainServes, PublicUrl, Settings};
use crate::server::{Admin, Server};
use crate::store::{Ask, Stores, Want};
use crate::whatsapp;

/// What is served where, and what WhatsApp will do with it.
pub(super) fn text(settings: &Settings, server: &Server, admin: Option<&Admin>) -> String {
    let mut text = format!("wamedia {}\n", env!("CARGO_PKG_VERSION"));
    for mount in &settings.mounts {
        let _ = writeln!(text, "  serves     {} at /{}", mount.store, mount.path);
    }
    for address in server.addresses() {
        let _ = writeln!(text, "  listens    {}://{address}", settings.scheme().as_str());
    }
    for address in server.plain_addresses() {
        let only = match settings.plain_serves {
            PlainServes::Assets => "",
            PlainServes::Challenges => " (for certificate authorities only)",
        };
        let _ = writeln!(text, "  listens    http://{address}{only}");
    }
    if let Some(admin) = admin {
        let _ = writeln!(text, "  tells of it on http://{}/metrics, /healthz and /readyz", admin.address());
    }
    let _ = writeln!(text, "  policies, the first that matches counts:");
    let rules = settings.cache.rules.iter().map(|rule| (rule.pattern(), rule.policy(), rule.is_signed()));
    let rows: Vec<_> = rules
        .chain([
            ("anything else", &settings.cache.default, false),
            ("?v= of the current version", &settings.cache.versioned, false),
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
        let _ = writeln!(text, "  asks       for credentials below {}", auth.url_path());
    }
    text
}

/// A line with a command that asks for some asset at `address`, which this machine can reach; `name` is one that a certificate is
/// for. Takes as long as it takes to find an asset and to hash it.
pub(super) async fn example(
    settings: Settings,
    stores: Stores,
    address: SocketAddr,
    name: Option<String>,
) -> Option<String> {
    let looking = spawn_blocking({
        let stores = stores.clone();
        move || (stores.example(&settings), settings)
    });
    let (path, settings) = looking.await.ok()?;
    let path = path?;
    let opened = stores.open(&path, Want::Head, Ask::Usual, Instant::now()).await.ok()?;
    let here = PublicUrl::of_address(settings.scheme(), address);
    let version = Some(&opened.asset().version);
    // A certificate is for a name, which leads elsewhere or nowhere yet.
    let command = match name.or_else(|| settings.acme.domains.first().cloned()) {
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
