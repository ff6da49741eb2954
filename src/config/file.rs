//! The configuration file: finds it and parses its TOML into values with their lines.
//!
//! The file is walked rather than deserialised, because each value must keep its line until it is validated, and an error about
//! an unknown key names the nearest known one. The settings interpret the values.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::raw::{Entry, Field, Value};
use super::settings_table::{self, KEYS, Key};
use super::values::absolute;
use super::{ConfigError, Place};
use crate::suggest::nearest;

/// The default file.
const DEFAULT_NAME: &str = "wamedia.toml";

/// Lists of tables.
const LISTS: [&str; 3] = ["mount", "cache.rule", "auth"];
/// The keys in the tables of those lists.
pub(super) const LIST_KEYS: [&str; 15] = [
    "mount.path",
    "mount.store",
    "mount.fresh",
    "mount.last_modified",
    "mount.stale_if_error",
    "mount.endpoint",
    "mount.region",
    "mount.addressing",
    "mount.credentials",
    "cache.rule.match",
    "cache.rule.cache_control",
    "cache.rule.signed",
    "auth.path",
    "auth.basic",
    "auth.bearer",
];

/// The contents of a configuration file.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) given: Vec<(&'static Key, Field)>,
    pub(super) mounts: Vec<Entry>,
    pub(super) rules: Vec<Entry>,
    pub(super) auth: Vec<Entry>,
}

/// Reads the file that the flag names, else the one that the variable names, else `wamedia.toml` if it exists.
///
/// Returns its absolute path and its contents.
pub(super) fn find(
    flag: Option<&Path>,
    variable: Option<&Path>,
    working_directory: &Path,
) -> Result<(Option<PathBuf>, Contents), ConfigError> {
    let (named, by) = match (flag, variable) {
        (Some(path), _) => (path, ", named by --config,"),
        (None, Some(path)) => (path, ", named by WAMEDIA_CONFIG,"),
        (None, None) => (Path::new(DEFAULT_NAME), ""),
    };
    let path = absolute(working_directory, named);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && by.is_empty() => {
            return Ok((None, Contents::default()));
        }
        Err(source) => {
            let fix = match source.kind() {
                io::ErrorKind::NotFound => "create it, or name another",
                io::ErrorKind::InvalidData => "save it as UTF-8",
                io::ErrorKind::IsADirectory => "name a file in it",
                _ => "make it readable, or name another",
            };
            return Err(ConfigError::Unreadable { path: named.to_owned(), named: by, source, fix });
        }
    };
    let contents = parse(&text, named)?;
    Ok((Some(path), contents))
}

/// Parses the text of a file; messages name the file by `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Contents, ConfigError> {
    let document = DeTable::parse(text).map_err(|error| syntax(text, path, &error))?;
    let mut walk = Walk { text, path, contents: Contents::default() };
    walk.table(document.get_ref(), "")?;
    Ok(walk.contents)
}

fn syntax(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    ConfigError::Syntax {
        path: path.to_owned(),
        line: line_of(text, before.len()),
        column: before[line_start..].chars().count() + 1,
        message: error.message().split('\n').collect::<Vec<_>>().join(", "),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// Every key of a file, with its tables.
fn known() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name).chain(LIST_KEYS)
}

/// The keys of a table (`""` is the top of the file): values, tables and lists.
fn children(table: &str) -> BTreeSet<&'static str> {
    let depth = if table.is_empty() { 0 } else { table.len() + 1 };
    known()
        .filter(|name| table.is_empty() || name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
        .map(|name| name[depth..].find('.').map_or(name, |end| &name[..depth + end]))
        .collect()
}

struct Walk<'a> {
    text: &'a str,
    path: &'a Path,
    contents: Contents,
}

impl Walk<'_> {
    /// Walks a table in the order of its lines, so that the first of several mistakes is reported.
    fn table(&mut self, table: &DeTable, name: &str) -> Result<(), ConfigError> {
        for (key, value, place) in self.by_line(table, name) {
            if let Some(list) = LISTS.into_iter().find(|list| *list == key) {
                self.list(value, list, &place)?;
            } else if let Some(known) = settings_table::key(&key) {
                self.contents.given.push((known, Field { key, value: read(value), place }));
            } else if children(&key).is_empty() {
                return Err(unknown(&key, name, place));
            } else {
                let DeValue::Table(inner) = value else {
                    let reason = format!("is a table, not a value; write [{key}] and its settings below it");
                    return Err(ConfigError::Value { key, place, reason });
                };
                self.table(inner, &key)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, value: &DeValue, name: &'static str, place: &Place) -> Result<(), ConfigError> {
        let refuse = || ConfigError::Value {
            key: name.to_owned(),
            place: place.clone(),
            reason: format!("is a list of tables; write [[{name}]], with double brackets, once for each"),
        };
        let DeValue::Array(items) = value else { return Err(refuse()) };
        for item in items {
            let DeValue::Table(table) = item.get_ref() else { return Err(refuse()) };
            let mut fields = Vec::new();
            for (key, value, place) in self.by_line(table, name) {
                if !LIST_KEYS.contains(&key.as_str()) {
                    return Err(unknown(&key, name, place));
                }
                fields.push(Field { key, value: read(value), place });
            }
            let entry = Entry { table: name, place: self.place(item), fields };
            let entries = match name {
                "mount" => &mut self.contents.mounts,
                "auth" => &mut self.contents.auth,
                _ => &mut self.contents.rules,
            };
            entries.push(entry);
        }
        Ok(())
    }

    /// The entries of a table with their full keys and their places.
    fn by_line<'t>(&self, table: &'t DeTable<'t>, name: &str) -> Vec<(String, &'t DeValue<'t>, Place)> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, value)| {
                let own = key.get_ref();
                // A quoted key with a dot is one key, not a nested table.
                let own = if own.contains('.') { format!("\"{own}\"") } else { own.to_string() };
                let full = if name.is_empty() { own } else { format!("{name}.{own}") };
                (full, value.get_ref(), self.place(key))
            })
            .collect()
    }

    fn place<T>(&self, spanned: &Spanned<T>) -> Place {
        Place::File { path: self.path.to_owned(), line: line_of(self.text, spanned.span().start) }
    }
}

fn read(value: &DeValue) -> Value {
    match value {
        DeValue::Integer(number) if whole(number).is_none() => Value::Number(number.as_str().to_owned()),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::String(_) | DeValue::Integer(_) => read_one(value).map_or_else(Value::Other, Value::One),
        DeValue::Array(items) => items
            .iter()
            .map(|item| read_one(item.get_ref()))
            .collect::<Result<_, _>>()
            .map_or_else(Value::Other, Value::Many),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn read_one(value: &DeValue) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => whole(number).ok_or("a list with a number of more than 64 bits"),
        _ => Err("a list of values other than texts"),
    }
}

/// The number in decimal digits; `None` if it has more than 64 bits.
fn whole(number: &DeInteger) -> Option<String> {
    i64::from_str_radix(number.as_str(), number.radix()).map(|number| number.to_string()).ok()
}

fn unknown(key: &str, table: &str, place: Place) -> ConfigError {
    // The former name of `[[auth]]`.
    if key == "door" {
        return ConfigError::RenamedTable { old: "door", new: "auth", place };
    }
    let siblings = children(table);
    let own = last(key);
    let elsewhere = known().find(|name| last(name) == own);
    let near = nearest(own, siblings.iter().map(|name| last(name)));
    let fix = match (elsewhere, near) {
        (Some(name), _) => match name.rsplit_once('.') {
            None => format!("`{own}` belongs at the top, before the first [table]"),
            Some((list, _)) if LISTS.contains(&list) => format!("`{own}` belongs in a [[{list}]]"),
            Some((table, _)) => format!("`{own}` belongs in [{table}]"),
        },
        (None, Some(near)) => {
            let near = siblings.iter().find(|name| last(name) == near).expect("it is one of them");
            format!("did you mean `{near}`?")
        }
        (None, None) => format!("the known keys are {}", Vec::from_iter(siblings).join(", ")),
    };
    ConfigError::UnknownKey { key: key.escape_debug().to_string(), place, fix }
}

/// The last part of a key: `cache` of `memory.cache`.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        parse(text, Path::new("wamedia.toml"))
            .err()
            .unwrap_or_else(|| panic!("{text} is accepted"))
            .to_string()
    }

    #[test]
    fn values_keep_their_keys_and_lines() {
        let text = "threads = 0x10\nlisten = [\"a\", 1]\n\n[cache]\ndefault = \"private\"\n\
                    [[mount]]\nstore = \"a\"\n[[mount]]\n\nstore = \"b\"\n[[cache.rule]]\nmatch = \"*\"\n";
        let contents = parse(text, Path::new("w.toml")).unwrap();
        let place = |line| Place::File { path: PathBuf::from("w.toml"), line };
        let given: Vec<_> =
            contents.given.iter().map(|(key, f)| (key.name, f.value.clone(), f.place.clone())).collect();
        assert_eq!(
            given,
            [
                ("threads", Value::One("16".to_owned()), place(1)),
                ("listen", Value::Many(vec!["a".to_owned(), "1".to_owned()]), place(2)),
                ("cache.default", Value::One("private".to_owned()), place(5)),
            ]
        );
        let stores: Vec<_> = contents
            .mounts
            .iter()
            .map(|m| (m.place.clone(), m.field("store").unwrap().place.clone()))
            .collect();
        assert_eq!(stores, [(place(6), place(7)), (place(8), place(10))]);
        assert_eq!(contents.rules[0].field("match").unwrap().value, Value::One("*".to_owned()));
        assert_eq!(contents.rules[0].field("rule.match"), None);
    }

    #[test]
    fn unknown_keys_are_reported_with_line_and_fix() {
        for (text, expected) in [
            ("\n\nlisen = 1", "unknown key `lisen` in wamedia.toml line 3; did you mean `listen`?"),
            (
                "[memory]\ncahce = 1",
                "unknown key `memory.cahce` in wamedia.toml line 2; did you mean `memory.cache`?",
            ),
            (
                "limits.headsize = 1",
                "unknown key `limits.headsize` in wamedia.toml line 1; did you mean `limits.head_size`?",
            ),
            (
                "[limit]\nconnections = 1",
                "unknown key `limit` in wamedia.toml line 1; did you mean `limits`?",
            ),
            (
                "[[mount]]\npaht = 1",
                "unknown key `mount.paht` in wamedia.toml line 2; did you mean `mount.path`?",
            ),
            (
                "[[cache.rules]]",
                "unknown key `cache.rules` in wamedia.toml line 1; did you mean `cache.rule`?",
            ),
            (
                "[[cache.rule]]\ncache-control = 1",
                "unknown key `cache.rule.cache-control` in wamedia.toml line 2; did you mean `cache.rule.cache_control`?",
            ),
            (
                "[cache]\nlisten = 1",
                "unknown key `cache.listen` in wamedia.toml line 2; `listen` belongs at the top, before the first [table]",
            ),
            (
                "head_size = 1",
                "unknown key `head_size` in wamedia.toml line 1; `head_size` belongs in [limits]",
            ),
            ("store = \"a\"", "unknown key `store` in wamedia.toml line 1; `store` belongs in a [[mount]]"),
            (
                "[memory]\nxyzzy = 1",
                "unknown key `memory.xyzzy` in wamedia.toml line 2; \
                 the known keys are memory.cache, memory.digests, memory.streams",
            ),
            ("\"memory.cache\" = 1", "unknown key `\\\"memory.cache\\\"` in wamedia.toml line 1; "),
        ] {
            let message = refusal(text);
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn syntax_errors_and_wrong_shapes_are_reported_with_their_line() {
        for (text, parts) in [
            ("threads = 1\nlisten = [\"a\"\n", &["wamedia.toml line 2, column", "not TOML"][..]),
            ("listen = a", &["wamedia.toml line 1, column 10 is not TOML", "quot"]),
            ("threads = 1\nthreads = 2", &["wamedia.toml line 2, column 1 is not TOML", "duplicate"]),
            ("\n\u{fc} = \u{fc}", &["line 2, column"]),
            ("memory = \"256 MiB\"", &["`memory` in wamedia.toml line 1", "write [memory]"]),
            ("[mount]\nstore = \"a\"", &["`mount` in wamedia.toml line 1", "[[mount]]"]),
            ("mount = [1]", &["[[mount]]"]),
            ("[cache]\nrule = {}", &["`cache.rule` in wamedia.toml line 2", "[[cache.rule]]"]),
        ] {
            let message = refusal(text);
            for part in parts {
                assert!(message.contains(part), "{text:?}: {message}");
            }
            assert!(!message.contains('\n'), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rejected_or_accepted_without_a_panic(text in "\\PC{0,60}") {
            let _ = parse(&text, Path::new("w.toml"));
        }

        #[test]
        fn any_shape_is_rejected_or_accepted_without_a_panic(
            lines in prop::collection::vec(
                "(\\[?\\[(mount|cache|cache.rule|limits|x)\\]?\\])|((path|store|listen|cache|match|default|limits.head_size|\"a.b\")\
                 = ?(1|1.5|true|\"x\"|\\[\\]|\\[\"a\", 2\\]|\\[\\{\\}\\]|\\{\\}|1979-05-27|99999999999999999999))",
                0..6,
            ),
        ) {
            let _ = parse(&lines.join("\n"), Path::new("w.toml"));
        }
    }
}
