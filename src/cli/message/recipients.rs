//! Reads JSON contents and lists of recipients from files or stdin.

use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::cli::{CommandError, Exit};
use crate::escape::is_printable;
use crate::message;

/// Whether this is `-`, which means stdin.
pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Rejects reading stdin for more than one of these flags.
pub(super) fn refuse_stdin_twice(files: &[(&str, Option<&Path>)]) -> Result<(), CommandError> {
    let mut reading = files.iter().filter(|(_, file)| file.is_some_and(is_stdin));
    if let (Some((first, _)), Some((second, _))) = (reading.next(), reading.next()) {
        let reason = format_args!("{first} and {second} cannot both read stdin; write one of them to a file");
        return Err(CommandError::new(Exit::Usage, reason));
    }
    Ok(())
}

/// The text of a file, or of stdin for `-`.
pub(super) fn read(file: &Path) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let outcome = if is_stdin(file) {
        io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|read| bytes = read)
    };
    let name = name(file);
    outcome.map_err(|e| {
        let exit = if e.kind() == io::ErrorKind::NotFound { Exit::Usage } else { Exit::System };
        CommandError::new(exit, format_args!("{name} cannot be read: {e}"))
    })?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CommandError::new(Exit::Usage, format_args!("{name} is not UTF-8 at byte {at}; save it as UTF-8"))
    })
}

/// The JSON of a file, or of stdin for `-`. Duplicate keys are an error, because one of the values would be lost.
pub(super) fn read_json(file: &Path) -> Result<Value, CommandError> {
    let text = read(file)?;
    let usage = |e: &dyn std::fmt::Display| CommandError::new(Exit::Usage, e);
    let json = serde_json::from_str(&text)
        .map_err(|e| usage(&format_args!("{} is not JSON: {e}; correct it there", name(file))))?;
    match message::duplicate_keys(&text).first() {
        None => Ok(json),
        Some(fault) => Err(CommandError::new(Exit::No, fault).about(name(file))),
    }
}

/// The text without characters that nobody sees, such as those that spreadsheets and address books put around a number, and how many
/// there were.
pub(super) fn without_invisible(text: &str) -> (String, usize) {
    let visible: String = text.chars().filter(|c| c.is_ascii() || is_printable(*c)).collect();
    let dropped = text.chars().count() - visible.chars().count();
    (visible.trim().to_owned(), dropped)
}

fn name(file: &Path) -> String {
    if is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_dropped_and_counted() {
        for (text, visible, dropped) in [
            ("\u{202a}+49 170 1234567\u{202c}", "+49 170 1234567", 2),
            ("+49\u{a0}170\u{200b}1234567", "+491701234567", 2),
            ("\u{feff}+491701234567", "+491701234567", 1),
            ("+491701234567", "+491701234567", 0),
            ("+49\t170", "+49\t170", 0),
            ("+49–170", "+49–170", 0),
        ] {
            assert_eq!(without_invisible(text), (visible.to_owned(), dropped), "{text:?}");
        }
    }
}
