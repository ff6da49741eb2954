//! What a name does: to a link, and to a document in the hands of who gets it.

use std::path::Path;

use super::{Subject, fix, format_types, rules};
use crate::asset::AssetPath;
use crate::check::Finding;
use crate::check::format::Format;
use crate::escape::is_printable;
use crate::shell::quoted;
use crate::whatsapp::media_errors::not_fetched;

/// Names of documents that are longer than this, in characters, are doubted.
const LONG: usize = 240;

/// What the client shows of a document.
pub(super) fn judge_document(subject: &Subject<'_>, format: &Format, findings: &mut Vec<Finding>) {
    let extension = subject.name.rsplit_once('.').map(|(stem, extension)| (stem, extension.trim()));
    if extension.is_none_or(|(stem, extension)| stem.is_empty() || extension.is_empty()) {
        let seen = if subject.name.is_empty() { "no name" } else { "a name without an extension" };
        let fix = match format_types::extension(format) {
            Some(extension) => fix::rename(subject.input, extension),
            None => "give it an extension, or the message a filename with one".to_owned(),
        };
        findings.push(Finding::new(&rules::DOCUMENT_NAME, seen, fix));
    }
    let length = subject.name.chars().count();
    if length > LONG {
        let fix = "give the message a filename of its own, with --filename";
        findings.push(Finding::new(&rules::DOCUMENT_NAME_LONG, format!("{length} characters"), fix));
    }
}

/// Judges the path of a file below the folder that is served: what becomes of it in a link.
///
/// `path` is relative, as the file system has it; `input` is the file for commands that rename it.
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
        let fix = format!("mv -n {} {}", quoted(input), quoted(&input.with_file_name(better)));
        findings.push(Finding::new(&rules::NAME_EDGES, shown(name), fix));
    }
    if let Some(part) = misleading(text) {
        findings.push(Finding::new(&rules::NAME_MISLEADS, part, plain_name(name, input)));
    } else if asset.to_url_path().contains('%') {
        let fix = format!(
            "write {} in the link, as wamedia link does, or rename it: {}",
            asset.to_url_path(),
            plain_name(name, input)
        );
        findings.push(Finding::new(&rules::NAME_ENCODED, shown(text), fix));
    }
    findings
}

/// Judges the key of an object below what the keys of all assets begin with. Unlike a file's path, it need not be made of names.
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
        _ => "the key has a `.` or `..` between its slashes",
    };
    let plain: Vec<_> = key.split('/').filter(is_name).collect();
    let fix = if plain.is_empty() {
        "copy the object to a key with a name in it".to_owned()
    } else {
        format!("copy the object to the key `{}`, and look at what should have written that", plain.join("/"))
    };
    let finding = Finding::new(&rules::NAME_NOT_SERVED, why, fix);
    vec![Finding { webhook: not_fetched(404), ..finding }]
}

fn not_served(path: &Path, input: &Path, why: &str) -> Finding {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let finding = Finding::new(&rules::NAME_NOT_SERVED, why, plain_name(name.trim_start_matches('.'), input));
    Finding { webhook: not_fetched(404), ..finding }
}

/// The part of a path that is read as something else by whoever puts it into a link, or into a page first.
fn misleading(path: &str) -> Option<String> {
    let is_escape = |at: usize| {
        path.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    if let Some(at) = path.match_indices('%').map(|(at, _)| at).find(|&at| is_escape(at)) {
        return Some(format!("{}, which looks percent-encoded already", &path[at..at + 3]));
    }
    for (part, what) in
        [("&amp;", "which HTML makes of &"), ("?", "where a query begins"), ("#", "where a fragment begins")]
    {
        if path.contains(part) {
            return Some(format!("{part}, {what}"));
        }
    }
    None
}

/// Renames a file so that its name means itself in a link: letters without accents, digits, dots, dashes.
fn plain_name(name: &str, input: &Path) -> String {
    let mut plain = String::new();
    for c in name.replace("&amp;", "and").chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            plain.push(c);
        } else if let Some(letters) = transliterated(c) {
            plain.push_str(letters);
        } else if !plain.ends_with('-') {
            plain.push('-');
        }
    }
    let plain = plain.trim_matches(['-', '.']);
    let plain = if plain.is_empty() { "file" } else { plain };
    let short: String = plain.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
    let output = input.with_file_name(&short);
    if output == input {
        return "rename the folder that it lies in".to_owned();
    }
    format!("mv -n {} {}", quoted(input), quoted(&output))
}

/// The usual letters for those of western Europe.
fn transliterated(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ß' => "ss",
        'á' | 'à' | 'â' | 'ã' | 'å' => "a",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'í' | 'ì' | 'î' | 'ï' => "i",
        'ó' | 'ò' | 'ô' | 'õ' => "o",
        'ú' | 'ù' | 'û' => "u",
        'ç' => "c",
        'ñ' => "n",
        '&' => "and",
        _ => return None,
    })
}

/// A name with its ends to be seen.
fn shown(name: &str) -> String {
    let clean: String = name.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    format!("`{clean}`")
}
