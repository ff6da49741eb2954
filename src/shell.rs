//! Paths as words of a shell command.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::escape::is_printable;

/// A path as one word of a command that can be pasted into sh, bash or zsh, and as harmless to a terminal as to them.
///
/// What cannot stand in plain quotes (control characters, bytes that are not UTF-8) is written in the dollar quotes of POSIX
/// (2024 edition, Shell Command Language, section 2.2.4). A name that a program may take for something else gets `./`: for an option
/// where it begins with a dash, for a list of names (`@`), for a protocol or a format where a colon stands in its first part.
pub fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let first = bytes.split(|byte| *byte == b'/').next().unwrap_or_default();
    let misleads = matches!(bytes.first(), Some(b'-' | b'@')) || first.contains(&b':');
    let bytes = if misleads { Cow::Owned([b"./", bytes].concat()) } else { Cow::Borrowed(bytes) };
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.chars().all(is_printable) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => dollar_quoted(&bytes),
    }
}

/// A path as a text: what in it is not UTF-8 is written `\xff`.
pub fn named(path: &Path) -> String {
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
    fn whatever_a_name_holds_it_stays_one_word() {
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
    fn a_shell_reads_it_back() {
        for name in [&b"a b"[..], b"it's", b"a\nb\n", b"\xff\x01'\\x41\x07", "\u{202e}1".as_bytes(), b"\x1b1"]
        {
            let quoted = quoted(Path::new(OsStr::from_bytes(name)));
            let script = format!("printf %s {quoted}");
            let output = Command::new("bash").args(["-c", &script]).output().expect("bash is installed");
            assert_eq!(output.stdout, name, "{quoted}");
        }
    }
}
