//! Text, and how it is encoded. What kind of text it is, [`markup`] tells.
//!
//! Nothing says of itself that it is a text. It is taken for one where it holds no control characters but those of texts,
//! and is sound in an encoding, at its head and at its end.

use std::io;

use super::window::Window;
use super::{Damage, Format, Recognised, Text, TextEncoding, markup};

/// How much of the head is looked at.
const HEAD: usize = 32 * 1024;
/// How much of the end is looked at.
const END: usize = 8 * 1024;
/// From how many bytes on an older encoding is believed, where most of them are not ASCII.
const ENOUGH: usize = 64;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let (size, head) = (window.size(), window.head(HEAD)?.to_vec());
    let is_all = head.len() as u64 == size;
    if let Some(is_big) = utf16_order(&head) {
        let Some(opening) = utf16(&head, is_big, is_all) else { return Ok(None) };
        let text = Text { encoding: TextEncoding::Utf16, has_bom: has_utf16_mark(&head) };
        return Ok(Some(markup::kind(&opening, is_all, None).unwrap_or(Format::Text(text)).into()));
    }
    let end = window.tail(END)?;
    if !head.iter().chain(end).all(|byte| is_of_text(*byte)) {
        return Ok(None);
    }
    let (has_bom, plain) = match head.strip_prefix(b"\xEF\xBB\xBF") {
        Some(plain) => (true, plain),
        None => (false, &head[..]),
    };
    let (mut encoding, is_cut) = encoding(plain);
    let mut damage = Vec::new();
    if is_all && is_cut && encoding == TextEncoding::Ascii {
        // One byte that would begin a character, at the very end: `caf\xe9`.
        encoding = TextEncoding::Legacy;
    } else if is_all && is_cut && encoding == TextEncoding::Utf8 {
        damage.push(Damage::Truncated("its text ends within a character".into()));
    }
    if !is_all {
        encoding = joined(encoding, end);
    }
    if has_bom && encoding == TextEncoding::Ascii {
        encoding = TextEncoding::Utf8;
    }
    if encoding == TextEncoding::Legacy && !is_likely(plain) {
        return Ok(None);
    }
    let format = markup::kind(plain, is_all, end.trim_ascii_end().last().copied());
    Ok(Some(Recognised { format: format.unwrap_or(Format::Text(Text { encoding, has_bom })), damage }))
}

/// Whether a byte may stand in a text: no control characters but those that move on, end a page or a DOS file, or begin a
/// terminal's colours.
const fn is_of_text(byte: u8) -> bool {
    !matches!(byte, 0..=8 | 0x0B | 0x0E..=0x19 | 0x1C..=0x1F | 0x7F)
}

/// How bytes are encoded, and whether they end within a character.
fn encoding(bytes: &[u8]) -> (TextEncoding, bool) {
    let (sound, is_cut) = match str::from_utf8(bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.error_len().is_none() => (&bytes[..error.valid_up_to()], true),
        Err(_) => return (TextEncoding::Legacy, false),
    };
    (if sound.is_ascii() { TextEncoding::Ascii } else { TextEncoding::Utf8 }, is_cut)
}

/// How a text is encoded whose head is in `head` and whose `end` may begin within a character.
fn joined(head: TextEncoding, end: &[u8]) -> TextEncoding {
    let within = end.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
    match (head, encoding(&end[within..]).0) {
        (TextEncoding::Ascii, end) => end,
        (TextEncoding::Utf8, TextEncoding::Ascii | TextEncoding::Utf8) => TextEncoding::Utf8,
        _ => TextEncoding::Legacy,
    }
}

/// Whether bytes that are not UTF-8 are likely a text in an older encoding rather than anything else.
///
/// Such texts have blanks and digits in ASCII, and few bytes would be without control characters by chance if there are many.
fn is_likely(bytes: &[u8]) -> bool {
    let beyond = bytes.iter().filter(|byte| **byte >= 0x80).count();
    let blank = bytes.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    if bytes.len() < ENOUGH {
        beyond * 3 <= bytes.len()
    } else {
        beyond * 20 <= bytes.len() * 19 && blank > 0
    }
}

fn has_utf16_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF])
}

/// Whether bytes are UTF-16 of the big-endian order, as a byte order mark says or the zeros tell that texts with ASCII in them
/// have; `None` where they are not UTF-16.
fn utf16_order(bytes: &[u8]) -> Option<bool> {
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

/// The text of UTF-16, made UTF-8; `None` where it is unsound, or holds what texts do not.
fn utf16(bytes: &[u8], is_big: bool, is_all: bool) -> Option<Vec<u8>> {
    let plain = if has_utf16_mark(bytes) { &bytes[2..] } else { bytes };
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
            Ok(character) if u8::try_from(character).is_ok_and(|byte| !is_of_text(byte)) => return None,
            Ok(character) => text.push(character),
            // A pair of surrogates that the look has cut.
            Err(_) if units.peek().is_none() && !is_all => {}
            Err(_) => return None,
        }
    }
    Some(text.into_bytes())
}
