//! File names: how they become links, and how recipients see a document's name.

use std::path::Path;

use super::{Subject, fix, format_types, rules};
use crate::asset::{AssetPath, UnicodeForm, composed};
use crate::check::format::Format;
use crate::check::recipe::Recipe;
use crate::check::{Finding, Fix};
use crate::escape::is_printable;
use crate::whatsapp::media_errors::not_fetched;

/// The longest document name, in characters, without a finding.
const LONG: usize = 240;

/// Judges the name that WhatsApp shows for a document.
pub(super) fn judge_document(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    let extension = subject.name.rsplit_once('.').map(|(stem, extension)| (stem, extension.trim()));
    if extension.is_none_or(|(stem, extension)| stem.is_empty() || extension.is_empty()) {
        let seen = if subject.name.is_empty() { "no name" } else { "a name without an extension" };
        let fix = match format_types::extension(format) {
            Some(extension) => fix::rename(subject, extension),
            None => "give it an extension, or set a filename with one in the message".into(),
        };
        findings.push(Finding::new(&rules::DOCUMENT_NAME, seen, fix));
    }
    let length = subject.name.chars().count();
    if length > LONG {
        let fix = "set a shorter filename in the message with --filename";
        findings.push(Finding::new(&rules::DOCUMENT_NAME_LONG, format!("{length} characters"), fix));
    }
}

/// Judges the path of a file below the served folder: how it becomes a link.
///
/// `path` is relative to that folder; `input` is the file for commands that rename it.
pub fn judge_path(path: &Path, input: &Path) -> Vec<Finding> {
    let Some(text) = path.to_str() else {
        return vec![not_served(path, input, "the path is not UTF-8")];
    };
    let asset = match AssetPath::from_plain(text) {
        Ok(asset) => asset,
        Err(error) => return vec![not_served(path, input, &error.to_string())],
    };
    let mut findings = Vec::new();
    let name = asset.name();
    if name.trim() != name || name.ends_with('.') {
        let better = name.trim().trim_end_matches('.').trim_end();
        let fix = Recipe::rename(input, input.with_file_name(better));
        findings.push(Finding::new(&rules::NAME_EDGES, quoted_name(name), fix));
    }
    if composed(text) != text {
        let seen = format!("{} ({})", asset.to_url_path(), UnicodeForm::of(text).name());
        findings.push(Finding::new(&rules::NAME_NOT_NFC, seen, rename_for_url(name, input)));
    }
    if let Some(part) = misleading(text) {
        findings.push(Finding::new(&rules::NAME_MISLEADS, part, rename_for_url(name, input)));
    } else if asset.to_url_path().contains('%') {
        // Only advice, so no other name is made without being asked for.
        let fix = format!(
            "write {} in the link, as wamedia link does, or rename it: {}",
            asset.to_url_path(),
            rename_for_url(name, input).text()
        );
        findings.push(Finding::new(&rules::NAME_ENCODED, quoted_name(text), fix));
    }
    findings
}

/// Judges an object's key below the mount's prefix. Unlike a file path, its segments can be empty, `.` or `..`.
pub fn judge_key(key: &str) -> Vec<Finding> {
    let is_name = |segment: &&str| !matches!(*segment, "" | "." | "..");
    if key.split('/').all(|segment| is_name(&segment)) {
        let name = key.rsplit('/').next().unwrap_or_default();
        return judge_path(Path::new(key), Path::new(name));
    }
    let why = match key {
        _ if key.starts_with('/') => "the key begins with a slash",
        _ if key.is_empty() || key.ends_with('/') => "the key ends with a slash",
        _ if key.contains("//") => "the key has two slashes in a row",
        _ => "the key has a `.` or `..` segment",
    };
    let plain: Vec<_> = key.split('/').filter(is_name).collect();
    let fix = if plain.is_empty() {
        "copy the object to a key with a file name".to_owned()
    } else {
        format!("copy the object to the key `{}`, and check the program that wrote it", plain.join("/"))
    };
    let finding = Finding::new(&rules::NAME_NOT_SERVED, why, fix);
    vec![Finding { webhook: not_fetched(404), ..finding }]
}

fn not_served(path: &Path, input: &Path, why: &str) -> Finding {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let finding =
        Finding::new(&rules::NAME_NOT_SERVED, why, rename_for_url(name.trim_start_matches('.'), input));
    Finding { webhook: not_fetched(404), ..finding }
}

/// The part of a path that has another meaning in a URL or in HTML.
fn misleading(path: &str) -> Option<String> {
    let is_escape = |at: usize| {
        path.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    if let Some(at) = path.match_indices('%').map(|(at, _)| at).find(|&at| is_escape(at)) {
        return Some(format!("{}, which looks percent-encoded already", &path[at..at + 3]));
    }
    for (part, what) in
        [("&amp;", "the HTML escape of &"), ("?", "the start of a query"), ("#", "the start of a fragment")]
    {
        if path.contains(part) {
            return Some(format!("{part}, {what}"));
        }
    }
    None
}

/// How to rename a file to a name that needs no escaping in a URL: ASCII letters, digits, dots, dashes, underscores.
fn rename_for_url(name: &str, input: &Path) -> Fix {
    let output = input.with_file_name(fix::plain_name(&composed(name)));
    if output == input {
        return "rename its folder".into();
    }
    Recipe::rename(input, output).into()
}

/// A name in backquotes, with unprintable characters replaced.
fn quoted_name(name: &str) -> String {
    let clean: String = name.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    format!("`{clean}`")
}
