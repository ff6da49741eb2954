//! The notices on stderr: the documentation says of each warning and each error what it means and what to do.

use std::fs;
use std::path::{Path, PathBuf};

/// A line of the table in the documentation: what a notice says, with `…` for what differs, and its level.
#[derive(Debug)]
struct Row {
    text: String,
    levels: String,
}

/// A notice as it stands in the source, with `…` for what differs.
#[derive(Debug)]
struct Notice {
    file: PathBuf,
    level: &'static str,
    text: String,
}

/// Files in which a notice passes on what others say, and adds no words of its own: an error, a doubt about a certificate.
const OTHERS_WORDS: [&str; 4] =
    ["server/acme/mod.rs", "server/body.rs", "server/handler.rs", "server/tls/files.rs"];
/// A text with fewer bytes that never differ cannot be told from others by them.
const TELLING: usize = 10;

/// The table's rows; one that names several texts is several.
fn documented() -> Vec<Row> {
    let text = include_str!("../../docs/operations.md");
    let table = text.lines().skip_while(|line| *line != "| line | level | meaning | what to do |").skip(2);
    let mut rows = Vec::new();
    for line in table.take_while(|line| line.starts_with('|')) {
        let mut cells = line.trim_matches('|').split(" | ");
        let (texts, levels) = (cells.next().expect("a text").trim(), cells.next().expect("a level").trim());
        // What stands between two backquotes may hold single ones.
        let (quote, texts) = if texts.starts_with("``") { ("``", texts) } else { ("`", texts) };
        for text in texts.split(quote).skip(1).step_by(2) {
            rows.push(Row { text: text.to_owned(), levels: levels.to_owned() });
        }
    }
    rows
}

/// All files of the program.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Source text without the breaks within its string literals.
fn joined(source: &str) -> String {
    let mut parts = source.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |joined, part| joined + part.trim_start())
}

/// What is said by the macro whose arguments begin here, with `…` for what differs.
fn said(arguments: &str) -> String {
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

fn notices(sources: &[(PathBuf, String)]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (file, source) in sources {
        for (level, call) in [("warning", "log::warn!("), ("error", "log::error!(")] {
            let calls = source.split(call).skip(1);
            notices.extend(calls.map(|rest| Notice { file: file.clone(), level, text: said(rest) }));
        }
    }
    notices
}

/// The longest part of a text that never differs, without the punctuation around it.
fn telling(text: &str) -> &str {
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
    let notices = notices(&sources);
    assert!(rows.len() > 40 && notices.len() > 30, "{} {}", rows.len(), notices.len());
    for notice in &notices {
        if telling(&notice.text).len() < TELLING {
            assert!(OTHERS_WORDS.iter().any(|file| notice.file.ends_with(file)), "{notice:?}");
            continue;
        }
        let is_it = |row: &&Row| {
            let part = telling(&row.text);
            part.len() >= TELLING && notice.text.contains(part) || row.text.contains(telling(&notice.text))
        };
        let rows: Vec<_> = rows.iter().filter(is_it).collect();
        assert!(!rows.is_empty(), "docs/operations.md says nothing of {notice:?}");
        assert!(rows.iter().any(|row| row.levels.contains(notice.level)), "{notice:?}: {rows:?}");
    }
}

#[test]
fn every_documented_notice_is_said_somewhere() {
    let sources = read_sources();
    for row in documented() {
        let part = telling(&row.text).replace('"', "\\\"");
        assert!(sources.iter().any(|(_, source)| source.contains(&part)), "nobody says {row:?}");
    }
}
