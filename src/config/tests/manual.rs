//! The table of settings in `docs/configuration.md` has every key, with its default, variable, flag and reload behaviour.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::config::env::{STORE, variable};
use crate::config::file::LIST_KEYS;
use crate::config::settings_table::{Shown, key};
use crate::config::units::Span;

/// A row of the table: its cells without the code marks around the whole cell, empty where there is nothing.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    key: &'static str,
    takes: &'static str,
    default: String,
    variable: String,
    flag: String,
    reload: &'static str,
}

/// The rows that the page has below "Every setting".
fn rows() -> Vec<Row> {
    let page = include_str!("../../../docs/configuration.md");
    let section = page.split("\n## Every setting\n").nth(1).expect("the section");
    let lines = section.lines().skip_while(|line| !line.starts_with("| `"));
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [key, takes, default, variable, flag, reload] = cells[..] else {
                panic!("not six cells: {line}")
            };
            let code = |cell: &'static str| cell.trim_matches('`');
            Row {
                key: code(key),
                takes,
                default: default.to_owned(),
                variable: code(variable).to_owned(),
                flag: code(flag).to_owned(),
                reload,
            }
        })
        .collect()
}

fn all_flags() -> Flags {
    let one = || Some("x".to_owned());
    let many = || vec!["x".to_owned()];
    Flags {
        config: None,
        store: one(),
        listen: many(),
        public_url: one(),
        cache_control: one(),
        access_log: one(),
        tls_cert: many(),
        tls_key: many(),
        admin: one(),
        domain: many(),
    }
}

fn name_of(place: &Place) -> String {
    match place {
        Place::Flag(name) => (*name).to_owned(),
        other => panic!("not a flag: {other:?}"),
    }
}

/// A value as it is written in a file, between code marks.
fn written(shown: Option<Shown>) -> String {
    match shown {
        None => "none".to_owned(),
        Some(Shown::Number(number)) => format!("`{number}`"),
        Some(Shown::Truth(truth)) => format!("`{truth}`"),
        Some(Shown::Text(text)) => format!("`\"{text}\"`"),
        Some(Shown::Policy(policy)) => format!("`\"{policy}\"`"),
        Some(Shown::List(items)) => {
            let items: Vec<_> = items.iter().map(|item| format!("\"{item}\"")).collect();
            format!("`[{}]`", items.join(", "))
        }
    }
}

/// What a list of tables needs: every required key, in a configuration that loads.
const TABLES: [(&str, &[(&str, &str)]); 3] = [
    ("mount", &[("store", "\"media\"")]),
    ("cache.rule", &[("match", "\"*\""), ("cache_control", "\"no-store\"")]),
    (
        "auth",
        &[
            ("path", "\"/partner\""),
            ("bearer", "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\""),
        ],
    ),
];

/// Loads a configuration with one of these tables, without one of its keys.
fn load_table(table: &str, left_out: &str) -> Result<Settings, ConfigError> {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("media")).expect("a folder");
    let (_, keys) = TABLES.iter().find(|(name, _)| *name == table).expect("a table");
    let mut text = format!("[[{table}]]\n");
    for (key, value) in keys.iter().filter(|(key, _)| *key != left_out) {
        writeln!(text, "{key} = {value}").expect("a string takes any text");
    }
    if table != "mount" {
        text += "[[mount]]\nstore = \"media\"\n";
    }
    fs::write(folder.path().join("wamedia.toml"), text).expect("a file");
    load(&Flags::default(), std::iter::empty(), folder.path())
}

/// The default of a key in a list of tables, as the page writes it.
fn default_in_table(name: &str) -> String {
    let (table, key) = name.rsplit_once('.').expect("a table and a key");
    if matches!(load_table(table, key), Err(ConfigError::MissingKey { key: missing, .. }) if missing == key) {
        return "required".to_owned();
    }
    let settings = load_table("mount", "").expect("a mount");
    let mount = &settings.mounts[0];
    let bucket = Bucket::parse("s3://media", Environment::default()).expect("a bucket");
    let text = |text: &dyn fmt::Display| format!("`\"{text}\"`");
    let optional = |value: &Option<String>| value.as_ref().map_or("none".to_owned(), |value| text(value));
    match name {
        "mount.path" => text(&format!("/{}", mount.path)),
        "mount.fresh" => {
            format!("{}; {} for a bucket", text(&Span(mount.fresh)), text(&Span(Bucket::DEFAULT_FRESH)))
        }
        "mount.last_modified" => text(&mount.last_modified.as_str()),
        "mount.stale_if_error" => text(&Span(bucket.stale_if_error)),
        "mount.endpoint" => optional(&bucket.endpoint),
        "mount.region" => optional(&bucket.region),
        "mount.addressing" => text(&bucket.addressing.as_str()),
        "mount.credentials" => text(&bucket.credentials),
        "cache.rule.signed" => {
            format!("`{}`", load_table("cache.rule", "").expect("a rule").cache.rules[0].is_signed())
        }
        // One of them is enough; the other one is what `TABLES` has.
        "auth.basic" | "auth.bearer" => {
            load_table("auth", "basic").expect("a table with one of them");
            "none".to_owned()
        }
        other => panic!("`{other}` is neither required nor has a known default"),
    }
}

#[test]
fn the_manual_lists_every_key() {
    let flags = all_flags();
    let flag_of = |name: &str| {
        let given = flags.given();
        given
            .iter()
            .find(|(key, _)| key.name == name)
            .map_or(String::new(), |(_, field)| name_of(&field.place))
    };
    let values = KEYS.iter().map(|key| {
        // Two defaults depend on the machine.
        let default = match key.name {
            "threads" => "the processors available".to_owned(),
            "state" => "[the state folder](dates.md#the-state-folder)".to_owned(),
            "acme.state" => "`acme` in `state`".to_owned(),
            _ => written((key.show)(&Settings::defaults())),
        };
        let reload = if key.needs_restart { "restart" } else { "yes" };
        Row {
            key: key.name,
            takes: "",
            default,
            variable: variable(key.name),
            flag: flag_of(key.name),
            reload,
        }
    });
    let in_tables = LIST_KEYS.iter().map(|name| {
        let store = flags.store().filter(|field| field.key == *name);
        let variable = store.as_ref().map_or("", |_| STORE).to_owned();
        let flag = store.map_or(String::new(), |field| name_of(&field.place));
        Row { key: name, takes: "", default: default_in_table(name), variable, flag, reload: "yes" }
    });
    let documented = rows();
    for expected in values.chain(in_tables) {
        let row = documented.iter().find(|row| row.key == expected.key);
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md has no row for `{}`", expected.key));
        assert_eq!(
            *row,
            Row { takes: row.takes, ..expected },
            "the row in docs/configuration.md is on the left"
        );
    }
    let keys: BTreeSet<_> = documented.iter().map(|row| row.key).collect();
    assert_eq!(keys.len(), documented.len(), "a key has two rows in docs/configuration.md");
    for key in keys {
        let is_known = KEYS.iter().any(|known| known.name == key) || LIST_KEYS.contains(&key);
        assert!(is_known, "docs/configuration.md has a row for `{key}`, which is no key");
    }
}

/// The values and the ends of the range that a cell of the table names, and values that are just outside.
fn documented_values(takes: &str) -> (Vec<String>, Vec<String>) {
    let mut accepted: Vec<_> =
        takes.split("`\"").skip(1).filter_map(|rest| rest.split("\"`").next()).map(str::to_owned).collect();
    let mut rejected = Vec::new();
    if let Some((kind, range)) = takes.split_once(", ") {
        let bounds: Vec<_> = range.split(" to ").map(|bound| bound.replace(',', "")).collect();
        if let ("number" | "time" | "size", [least, most]) = (kind, &bounds[..]) {
            accepted.extend([least.clone(), most.clone()]);
            if let Ok(most) = most.parse::<u64>() {
                rejected.push((most + 1).to_string());
            }
        }
    }
    (accepted, rejected)
}

#[test]
fn the_manual_names_values_and_ranges_that_hold() {
    let mut count = 0;
    for row in rows() {
        let Some(key) = key(row.key) else { continue };
        let set = |text: &str| {
            let mut settings = Settings::defaults();
            (key.set)(&mut settings, &Value::One(text.to_owned()), Path::new("/"))
        };
        let (accepted, rejected) = documented_values(row.takes);
        for value in &accepted {
            assert_eq!(set(value), Ok(()), "`{}` with the value {value} of docs/configuration.md", row.key);
        }
        for value in &rejected {
            assert!(
                set(value).is_err(),
                "`{}` takes {value}, beyond the range in docs/configuration.md",
                row.key
            );
        }
        count += accepted.len();
    }
    assert!(count > 40, "only {count} values were found in the table");
}
