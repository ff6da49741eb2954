//! What holds of [`load`] as a whole, tested on files in a folder of its own.

mod layers;
mod printed;
mod refusals;

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::keys::KEYS;
use super::*;

/// A folder to load from, with a folder `media` and a file `a.txt` in it.
struct House(TempDir);

impl House {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("media")).unwrap();
        fs::write(folder.path().join("a.txt"), "a").unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with_file(text: &str) -> Self {
        let house = Self::new();
        fs::write(house.path("wamedia.toml"), text).unwrap();
        house
    }

    fn load(&self, flags: &Flags, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        load(flags, environment, self.0.path())
    }

    fn refusal(&self, flags: &Flags, variables: &[(&str, &str)]) -> String {
        let message = self.load(flags, variables).expect_err("a refusal").to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

const MOUNT: &str = "[[mount]]\nstore = \"media\"\n";

fn store() -> Flags {
    Flags { store: Some("media".to_owned()), ..Flags::default() }
}

/// For every key a value that is not its default, as a text; and two more for the layers above.
fn samples() -> BTreeMap<&'static str, [&'static str; 3]> {
    BTreeMap::from([
        ("listen", ["127.0.0.1:1", "127.0.0.1:2, [::1]:2", "0.0.0.0:3"]),
        ("public_url", ["https://a.example", "https://b.example", "https://c.example"]),
        ("threads", ["101", "102", "103"]),
        ("access_log", ["off", "json", "log.json"]),
        ("memory.cache", ["1 MiB", "2 MB", "0"]),
        ("memory.streams", ["1 MiB", "2 MB", "3 GiB"]),
        ("memory.digests", ["1", "2", "3"]),
        ("cache.default", ["max-age=1", "private", "no-store"]),
        ("cache.versioned", ["max-age=1", "max-age=2", "no-cache"]),
        ("cache.precedence", ["rules", "object", "rules"]),
        ("upstream.connections", ["2", "3", "4"]),
        ("upstream.connect_timeout", ["100ms", "2s", "1h"]),
        ("upstream.first_byte_timeout", ["100ms", "2s", "1h"]),
        ("upstream.timeout", ["100ms", "2s", "1h"]),
        ("limits.connections", ["1", "2", "3"]),
        ("limits.head_timeout", ["100ms", "2s", "1h"]),
        ("limits.idle_timeout", ["100ms", "2s", "1h"]),
        ("limits.stall_timeout", ["100ms", "2s", "1h"]),
        ("limits.drain_timeout", ["100ms", "2s", "1h"]),
        ("limits.head_size", ["8 KiB", "16384", "1 MiB"]),
    ])
}

fn shown(settings: &Settings, key: &Key) -> Option<String> {
    (key.show)(settings).map(|shown| match shown {
        keys::Shown::Number(number) => number.to_string(),
        keys::Shown::Text(text) => text,
        keys::Shown::List(items) => items.join(", "),
        keys::Shown::Policy(policy) => policy.to_string(),
    })
}
