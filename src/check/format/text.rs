//! Plain text and its character encoding. [`markup`] recognises HTML, SVG, XML and JSON.
//!
//! Text has no signature. Bytes count as text if their start and end contain only the control characters of text and are valid in
//! an encoding.

use std::io;

use super::window::Window;
use super::{Damage, Format, Recognised, Text, TextEncoding, markup};

/// Bytes read at the start.
const HEAD: usize = 32 * 1024;
/// Bytes read at the end.
const END: usize = 8 * 1024;
/// Minimum length, in bytes, of a mostly non-ASCII text in an older encoding.
const MIN_LEGACY: usize = 64;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let (size, head) = (window.size(), window.head(HEAD)?.to_vec());
    let is_all = head.len() as u64 == size;
    if let Some(is_big) = utf16_is_big_endian(&head) {
        let Some(start) = decode_utf16(&head, is_big, is_all) else { return Ok(None) };
        let text = Text { encoding: TextEncoding::Utf16, has_bom: has_utf16_bom(&head) };
        return Ok(Some(markup::recognise(&start, is_all, None).unwrap_or(Format::Text(text)).into()));
    }
    let end = window.tail(END)?;
    if !head.iter().chain(end).all(|byte| is_text_byte(*byte)) {
        return Ok(None);
    }
    let (has_bom, plain) = match head.strip_prefix(b"\xEF\xBB\xBF") {
        Some(plain) => (true, plain),
        None => (false, &head[..]),
    };
    let (mut encoding, is_cut) = encoding(plain);
    let mut damage = Vec::new();
    if is_all && is_cut && encoding == TextEncoding::Ascii {
        // The last byte would begin a multi-byte character: `caf\xe9`.
        encoding = TextEncoding::Legacy;
    } else if is_all && is_cut && encoding == TextEncoding::Utf8 {
        damage.push(Damage::Truncated("the text ends within a UTF-8 character".into()));
    }
    if !is_all {
        encoding = with_end(encoding, end);
    }
    if has_bom && encoding == TextEncoding::Ascii {
        encoding = TextEncoding::Utf8;
    }
    if encoding == TextEncoding::Legacy && !is_legacy_text(plain) {
        return Ok(None);
    }
    let format = markup::recognise(plain, is_all, end.trim_ascii_end().last().copied());
    Ok(Some(Recognised { format: format.unwrap_or(Format::Text(Text { encoding, has_bom })), damage }))
}

/// Whether a byte may occur in text: control characters only for whitespace, a form feed, the end of a DOS file (1A) and terminal
/// escapes (1B).
const fn is_text_byte(byte: u8) -> bool {
    !matches!(byte, 0..=8 | 0x0B | 0x0E..=0x19 | 0x1C..=0x1F | 0x7F)
}

/// The encoding of bytes, and whether they end within a character.
fn encoding(bytes: &[u8]) -> (TextEncoding, bool) {
    let (valid, is_cut) = match str::from_utf8(bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.error_len().is_none() => (&bytes[..error.valid_up_to()], true),
        Err(_) => return (TextEncoding::Legacy, false),
    };
    (if valid.is_ascii() { TextEncoding::Ascii } else { TextEncoding::Utf8 }, is_cut)
}

/// The encoding of a text whose start has the encoding `head` and whose `end` may begin within a character.
fn with_end(head: TextEncoding, end: &[u8]) -> TextEncoding {
    let within = end.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
    match (head, encoding(&end[within..]).0) {
        (TextEncoding::Ascii, end) => end,
        (TextEncoding::Utf8, TextEncoding::Ascii | TextEncoding::Utf8) => TextEncoding::Utf8,
        _ => TextEncoding::Legacy,
    }
}

/// Whether bytes that are not UTF-8 are probably text in an older encoding.
///
/// Such texts contain ASCII spaces and digits, and long binary data without control characters is unlikely.
fn is_legacy_text(bytes: &[u8]) -> bool {
    let beyond = bytes.iter().filter(|byte| **byte >= 0x80).count();
    let blank = bytes.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    if bytes.len() < MIN_LEGACY {
        beyond * 3 <= bytes.len()
    } else {
        beyond * 20 <= bytes.len() * 19 && blank > 0
    }
}

fn has_utf16_bom(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF])
}

/// Whether UTF-16 bytes are big-endian, by the byte order mark or by the zero bytes of ASCII characters; `None` if they are not
/// UTF-16.
fn utf16_is_big_endian(bytes: &[u8]) -> Option<bool> {
    let zeros = |parity: usize| bytes.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    match bytes {
        [0xFF, 0xFE, ..] => Some(false),
        [0xFE, 0xFF, ..] => Some(true),
        _ => match (zeros(0), zeros(1)) {
            (0, odd) if odd * 4 > bytes.len() => Some(false),
            (even, 0) if even * 4 > bytes.len() => Some(true),
            _ => None,
        },
    }
}

/// Converts UTF-16 to UTF-8; `None` if it is invalid or contains control characters.
fn decode_utf16(bytes: &[u8], is_big: bool, is_all: bool) -> Option<Vec<u8>> {
    let plain = if has_utf16_bom(bytes) { &bytes[2..] } else { bytes };
    if is_all && plain.len() % 2 == 1 {
        return None;
    }
    let order = if is_big { u16::from_be_bytes } else { u16::from_le_bytes };
    let mut text = String::new();
    let mut units =
        char::decode_utf16(plain.chunks_exact(2).map(|pair| order([pair[0], pair[1]]))).peekable();
    while let Some(character) = units.next() {
        match character {
            Ok('\u{FFFE}') => return None,
            Ok(character) if u8::try_from(character).is_ok_and(|byte| !is_text_byte(byte)) => return None,
            Ok(character) => text.push(character),
            // A surrogate pair cut by the end of the bytes read.
            Err(_) if units.peek().is_none() && !is_all => {}
            Err(_) => return None,
        }
    }
    Some(text.into_bytes())
}
