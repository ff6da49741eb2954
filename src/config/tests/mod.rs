//! Tests of [`load`] as a whole, with files in a temporary folder.

mod layers;
mod manual;
mod printed;
mod private;
mod refusals;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::settings_table::KEYS;
use super::*;

/// A folder to load from, with a folder `media` and a file `a.txt` in it.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("media")).unwrap();
        fs::write(folder.path().join("a.txt"), "a").unwrap();
        let fixture = Self(folder);
        for name in ["a.keys", "b.keys", "c.keys"] {
            fixture.write_keys(name);
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file with one key, whose id is the file's name.
    fn write_keys(&self, name: &str) {
        fs::write(self.path(name), format!("{name}:{}=\n", "A".repeat(43))).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    fn with_file(text: &str) -> Self {
        let fixture = Self::new();
        fs::write(fixture.path("wamedia.toml"), text).unwrap();
        fixture
    }

    fn load(&self, flags: &Flags, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        load(flags, environment, self.0.path())
    }

    fn error(&self, flags: &Flags, variables: &[(&str, &str)]) -> String {
        let message = self.load(flags, variables).expect_err("an error").to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

const MOUNT: &str = "[[mount]]\nstore = \"media\"\n";

fn store() -> Flags {
    Flags { store: Some("media".to_owned()), ..Flags::default() }
}

/// For every key three values as text; the first is not the default.
fn samples() -> BTreeMap<&'static str, [&'static str; 3]> {
    BTreeMap::from([
        ("listen", ["127.0.0.1:1", "127.0.0.1:2, [::1]:2, unix:/a.sock", "unix:/b.sock"]),
        ("plain_listen", ["127.0.0.1:11", "127.0.0.1:12, [::1]:12", "0.0.0.0:13"]),
        ("plain_serves", ["challenges", "assets", "challenges"]),
        ("public_url", ["https://a.example", "https://b.example", "https://c.example"]),
        ("trusted_proxies", ["10.0.0.0/8, unix:", "192.0.2.1, 2001:db8::/32", "::1"]),
        ("proxy_protocol", ["true", "false", "true"]),
        ("threads", ["101", "102", "103"]),
        ("access_log", ["off", "json", "log.json"]),
        ("tls.cert", ["/a.pem", "/b.pem", "/c.pem"]),
        ("tls.key", ["/a.key", "/b.key", "/c.key"]),
        ("admin.listen", ["127.0.0.1:9900", "[::1]:9900", "127.0.0.1:0"]),
        ("acme.domains", ["a.example", "b.example, c.example", "d.example"]),
        ("acme.contact", ["a@example.com", "b@example.com", "c@example.com"]),
        ("acme.directory", ["staging", "https://a.example/dir", "https://b.example:14000/dir"]),
        ("state", ["/d", "/e", "/f"]),
        ("acme.state", ["/a", "/b", "/c"]),
        ("acme.ca", ["/a.pem", "/b.pem", "/c.pem"]),
        ("acme.challenge", ["http-01", "tls-alpn-01", "http-01, tls-alpn-01"]),
        ("memory.cache", ["1 MiB", "2 MB", "0"]),
        ("memory.streams", ["1 MiB", "2 MB", "3 GiB"]),
        ("memory.digests", ["1", "2", "3"]),
        ("cache.default", ["max-age=1", "private", "no-store"]),
        ("cache.versioned", ["max-age=1", "max-age=2", "no-cache"]),
        ("cache.precedence", ["rules", "object", "rules"]),
        ("cors.origins", ["https://a.example", "https://b.example, http://localhost:1", "*"]),
        ("signing.key_file", ["a.keys", "b.keys", "c.keys"]),
        ("upstream.connections", ["2", "3", "4"]),
        ("upstream.connect_timeout", ["100ms", "2s", "1h"]),
        ("upstream.first_byte_timeout", ["100ms", "2s", "1h"]),
        ("upstream.timeout", ["100ms", "2s", "1h"]),
        ("limits.connections", ["1", "2", "3"]),
        ("limits.connections_per_client", ["1", "0", "3"]),
        ("limits.requests_per_second", ["1", "2", "1000000"]),
        ("limits.burst", ["1", "2", "3"]),
        ("limits.exempt", ["203.0.113.0/24", "203.0.113.7, ::1", "0.0.0.0/0, ::/0"]),
        ("limits.handshake_timeout", ["100ms", "2s", "1h"]),
        ("limits.head_timeout", ["100ms", "2s", "1h"]),
        ("limits.idle_timeout", ["100ms", "2s", "1h"]),
        ("limits.stall_timeout", ["100ms", "2s", "1h"]),
        ("limits.min_send_rate", ["1 KiB", "0", "1 MiB"]),
        ("limits.drain_timeout", ["100ms", "2s", "1h"]),
        ("limits.head_size", ["8 KiB", "16384", "1 MiB"]),
    ])
}

/// Lines that a key needs beside it: a certificate needs its private key.
fn companion(name: &str) -> &'static str {
    match name {
        "tls.cert" => "tls.key = \"other.key\"\n",
        "proxy_protocol" => "trusted_proxies = \"::1\"\n",
        "tls.key" => "tls.cert = \"other.pem\"\n",
        _ => "",
    }
}

fn shown(settings: &Settings, key: &Key) -> Option<String> {
    (key.show)(settings).map(|shown| match shown {
        settings_table::Shown::Number(number) => number.to_string(),
        settings_table::Shown::Truth(truth) => truth.to_string(),
        settings_table::Shown::Text(text) => text,
        settings_table::Shown::List(items) => items.join(", "),
        settings_table::Shown::Policy(policy) => policy.to_string(),
    })
}
