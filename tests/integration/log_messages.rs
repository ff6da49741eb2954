//! Log messages on stderr: the documentation explains every warning and every error.

use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table in the documentation: a message, with `…` for what varies, and its level.
#[derive(Debug)]
struct Row {
    text: String,
    levels: String,
}

/// A message in the source, with `…` for what varies.
#[derive(Debug)]
struct Message {
    file: PathBuf,
    level: &'static str,
    text: String,
}

/// Files in which a message consists of an error's text, without words of its own.
const FORWARDED: [&str; 4] =
    ["server/acme/mod.rs", "server/request/body.rs", "server/request/handler.rs", "server/tls/files.rs"];
/// A constant part of fewer bytes does not identify a message.
const MIN_CONSTANT: usize = 10;

/// The table's rows; a row with several messages counts as several.
fn documented() -> Vec<Row> {
    let text = include_str!("../../docs/operations.md");
    let table = text.lines().skip_while(|line| *line != "| line | level | meaning | what to do |").skip(2);
    let mut rows = Vec::new();
    for line in table.take_while(|line| line.starts_with('|')) {
        let mut cells = line.trim_matches('|').split(" | ");
        let (texts, levels) = (cells.next().expect("a text").trim(), cells.next().expect("a level").trim());
        // A text in double backquotes may contain single ones.
        let (quote, texts) = if texts.starts_with("``") { ("``", texts) } else { ("`", texts) };
        for text in texts.split(quote).skip(1).step_by(2) {
            rows.push(Row { text: text.to_owned(), levels: levels.to_owned() });
        }
    }
    rows
}

/// All source files.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Source text without the line breaks within its string literals.
fn joined(source: &str) -> String {
    let mut parts = source.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |joined, part| joined + part.trim_start())
}

/// The message of the macro whose arguments begin here, with `…` for what varies.
fn message(arguments: &str) -> String {
    let literal = arguments.trim_start().strip_prefix('"').expect("a text comes first");
    let (mut text, mut chars) = (String::new(), literal.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => return text,
            '\\' => text.extend(chars.next()),
            '{' => {
                text.push('…');
                chars.by_ref().take_while(|c| *c != '}').for_each(drop);
            }
            c => text.push(c),
        }
    }
    panic!("no end of {arguments:.80}")
}

fn messages(sources: &[(PathBuf, String)]) -> Vec<Message> {
    let mut messages = Vec::new();
    for (file, source) in sources {
        for (level, call) in [("warning", "log::warn!("), ("error", "log::error!(")] {
            let calls = source.split(call).skip(1);
            messages.extend(calls.map(|rest| Message { file: file.clone(), level, text: message(rest) }));
        }
    }
    messages
}

/// The longest constant part of a text, without the punctuation around it.
fn constant_part(text: &str) -> &str {
    let parts = text.split('…').map(|part| part.trim_matches([' ', ':', ';', ',']));
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

fn read_sources() -> Vec<(PathBuf, String)> {
    let (root, mut files) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), Vec::new());
    sources(&root, &mut files);
    let read = |file: PathBuf| (joined(&fs::read_to_string(&file).expect("a source")), file);
    files.into_iter().map(read).map(|(source, file)| (file, source)).collect()
}

#[test]
fn every_warning_and_every_error_is_documented() {
    let (rows, sources) = (documented(), read_sources());
    let messages = messages(&sources);
    assert!(rows.len() > 40 && messages.len() > 30, "{} {}", rows.len(), messages.len());
    for message in &messages {
        if constant_part(&message.text).len() < MIN_CONSTANT {
            assert!(FORWARDED.iter().any(|file| message.file.ends_with(file)), "{message:?}");
            continue;
        }
        let is_it = |row: &&Row| {
            let part = constant_part(&row.text);
            part.len() >= MIN_CONSTANT && message.text.contains(part)
                || row.text.contains(constant_part(&message.text))
        };
        let rows: Vec<_> = rows.iter().filter(is_it).collect();
        assert!(!rows.is_empty(), "docs/operations.md does not explain {message:?}");
        assert!(rows.iter().any(|row| row.levels.contains(message.level)), "{message:?}: {rows:?}");
    }
}

#[test]
fn every_documented_message_is_in_the_source() {
    let sources = read_sources();
    for row in documented() {
        let part = constant_part(&row.text).replace('"', "\\\"");
        assert!(sources.iter().any(|(_, source)| source.contains(&part)), "no source has {row:?}");
    }
}
