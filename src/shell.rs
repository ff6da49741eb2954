//! Shell quoting: a path or a text as one word of a POSIX shell command.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::escape::is_printable;

/// A text in single quotes, in which a shell expands nothing (POSIX, Shell Command Language, section 2.2.2).
pub(crate) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path as one word of a command that can be pasted into sh, bash or zsh, safe for the terminal too.
///
/// Control characters and bytes that are not UTF-8 need the dollar quotes of POSIX (2024 edition, Shell Command Language,
/// section 2.2.4). A name that a program could mistake for something else gets a leading `./`: one that begins with a dash (an
/// option) or `@` (a list of names), or has a colon in its first segment (a protocol or a format).
pub(crate) fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let first = bytes.split(|byte| *byte == b'/').next().unwrap_or_default();
    let is_ambiguous = matches!(bytes.first(), Some(b'-' | b'@')) || first.contains(&b':');
    let bytes = if is_ambiguous { Cow::Owned([b"./", bytes].concat()) } else { Cow::Borrowed(bytes) };
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.chars().all(is_printable) => single_quoted(text),
        _ => dollar_quoted(&bytes),
    }
}

/// A path as text; a byte that is not UTF-8 becomes `\xff`.
pub(crate) fn named(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn dollar_quoted(bytes: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                c if is_printable(c) => text.push(c),
                c => octal(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text.push('\'');
    text
}

fn octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::process::Command;

    #[test]
    fn single_quotes_are_closed_and_opened_again_around_a_quote() {
        assert_eq!(single_quoted("$a `b` \"c\" \\"), "'$a `b` \"c\" \\'");
        assert_eq!(single_quoted("it's"), r"'it'\''s'");
        assert_eq!(single_quoted(""), "''");
    }

    #[test]
    fn every_name_becomes_one_word() {
        for (name, expected) in [
            (&b"a.mov"[..], "'a.mov'"),
            (b"it's $(id) `b` \"c\" \\", r#"'it'\''s $(id) `b` "c" \'"#),
            (b"-i.mp4", "'./-i.mp4'"),
            (b"@a.mp4", "'./@a.mp4'"),
            (b"a:b.mov", "'./a:b.mov'"),
            (b"x/a:b.mov", "'x/a:b.mov'"),
            ("Preisliste M\u{e4}rz.pdf".as_bytes(), "'Preisliste M\u{e4}rz.pdf'"),
            (b"a\nb", r"$'a\nb'"),
            (b"a\x1b[31m'\\", r"$'a\033[31m\'\\'"),
            ("Ma\u{308}rz".as_bytes(), "'Ma\u{308}rz'"),
            (b"\xff.jpg", r"$'\377.jpg'"),
            ("\u{202e}gpj.a".as_bytes(), r"$'\342\200\256gpj.a'"),
        ] {
            assert_eq!(quoted(Path::new(OsStr::from_bytes(name))), expected);
        }
    }

    #[test]
    fn bash_reads_back_the_quoted_name() {
        for name in [&b"a b"[..], b"it's", b"a\nb\n", b"\xff\x01'\\x41\x07", "\u{202e}1".as_bytes(), b"\x1b1"]
        {
            let quoted = quoted(Path::new(OsStr::from_bytes(name)));
            let script = format!("printf %s {quoted}");
            let output = Command::new("bash").args(["-c", &script]).output().expect("bash is installed");
            assert_eq!(output.stdout, name, "{quoted}");
        }
    }
}
