//! PDF: version, encryption and end marker (ISO 32000-1 sections 7.5 and 7.6).
//!
//! The trailer refers to the encryption dictionary. It follows the cross-reference table that `startxref` points to, or is the
//! dictionary of a cross-reference stream there.

use std::io;

use super::window::Window;
use super::{Format, Pdf, Recognised};

/// PDF viewers search the first 1024 bytes for the header and the last 1024 for the end marker.
const SEARCHED: usize = 1024;
/// Bytes at the end that are searched for a trailer if `startxref` does not lead to it.
const TRAILER_SEARCHED: usize = 8 * 1024;
/// The most subsections of a cross-reference table to skip on the way to its trailer.
const MAX_SUBSECTIONS: usize = 64;
/// Size of every entry in the cross-reference table, in bytes.
const ENTRY: u64 = 20;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(SEARCHED + 16)?;
    let Some(begin) = position(&head[..head.len().min(SEARCHED + 5)], b"%PDF-") else {
        return Ok(None);
    };
    let version = head[begin + 5..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').take(8);
    let version = version.map(|byte| char::from(*byte)).collect();
    let end = window.tail(SEARCHED)?;
    let has_end = position(end, b"%%EOF").is_some();
    let begin = begin as u64;
    // A text may mention %PDF-; only a file that also ends as a PDF is one.
    if begin > 0 && !has_end && last_position(end, b"startxref").is_none() {
        return Ok(None);
    }
    let is_encrypted = is_encrypted(window, begin)?;
    Ok(Some(Format::Pdf(Pdf { version, junk_before: begin, is_encrypted, has_end }).into()))
}

/// Whether the last trailer names an encryption dictionary. Offsets count from `begin`.
fn is_encrypted(window: &mut Window<'_>, begin: u64) -> io::Result<bool> {
    let end = window.tail(SEARCHED)?;
    let start = last_position(end, b"startxref").and_then(|at| number(&end[at + 9..]));
    if let Some((start, _)) = start {
        // Offsets count from the PDF header, or with some writers from the start of the file.
        for at in [begin.saturating_add(start), start] {
            if let Some(trailer) = trailer(window, at)? {
                return Ok(has_encrypt_key(window.at(trailer, TRAILER_SEARCHED)?));
            }
        }
    }
    let end = window.tail(TRAILER_SEARCHED)?;
    Ok(last_position(end, b"trailer").is_some_and(|at| has_encrypt_key(&end[at..])))
}

/// The offset of the trailer dictionary of the cross-references at `at`; `None` if there are none.
fn trailer(window: &mut Window<'_>, at: u64) -> io::Result<Option<u64>> {
    let head = window.at(at, 64)?;
    let blank = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    // A cross-reference stream: an object whose dictionary follows.
    if let Some((_, digits)) = number(&head[blank..]) {
        let is_object = position(head, b" obj").is_some_and(|obj| obj > blank + digits);
        return Ok(is_object.then_some(at));
    }
    if !head[blank..].starts_with(b"xref") {
        return Ok(None);
    }
    let mut at = at + blank as u64 + 4;
    for _ in 0..MAX_SUBSECTIONS {
        let line = window.at(at, 64)?;
        let blank = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if line[blank..].starts_with(b"trailer") {
            return Ok(Some(at));
        }
        let Some((_, first)) = number(&line[blank..]) else { return Ok(None) };
        let Some((count, digits)) = number(&line[blank + first..]) else { return Ok(None) };
        let header = blank + first + digits;
        let gap = line[header..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let entries = count.saturating_mul(ENTRY);
        at = at.saturating_add((header + gap) as u64).saturating_add(entries);
    }
    Ok(None)
}

/// Whether a dictionary at the start of these bytes has the key `Encrypt`.
fn has_encrypt_key(bytes: &[u8]) -> bool {
    // The dictionary ends where its stream or the next item begins.
    let ends = [&b"stream"[..], b"startxref", b"endobj"];
    let end = ends.iter().filter_map(|end| position(bytes, end)).min().unwrap_or(bytes.len());
    let (key, dictionary) = (b"/Encrypt", &bytes[..end]);
    let is_delimited = |at: usize| !dictionary.get(at).is_some_and(u8::is_ascii_alphanumeric);
    dictionary.windows(key.len()).enumerate().any(|(at, name)| name == key && is_delimited(at + key.len()))
}

/// The number at the start of these bytes, after whitespace, and the length of both.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let digits = bytes[blank..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = str::from_utf8(&bytes[blank..blank + digits]).ok()?.parse().ok()?;
    Some((value, blank + digits))
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|bytes| bytes == wanted)
}

fn last_position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|bytes| bytes == wanted)
}
