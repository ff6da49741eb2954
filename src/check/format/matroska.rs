//! Matroska and `WebM` (RFC 9559): document type, and whether all tracks are audio, as in browser recordings.

use std::io;

use super::Format;
use super::window::Window;

/// Element IDs, including their length marker bits.
const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_TYPE: u32 = 0x83;

/// The most elements to read.
const MAX_ELEMENTS: usize = 128;

/// An EBML element (RFC 8794).
struct Element {
    id: u32,
    /// Offset of its content.
    body: u64,
    /// Length of its content; `None` if unknown, as in live recordings.
    length: Option<u64>,
}

/// Whether the file begins with an EBML header.
pub(super) fn is_ebml(head: &[u8]) -> bool {
    head.starts_with(&EBML.to_be_bytes())
}

/// Reads the file that begins at `start`.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Format>> {
    let mut left = MAX_ELEMENTS;
    let Some(head) = element(window, start)? else { return Ok(None) };
    let head_end = head.end(window.size());
    let name = match find(window, head.body, head_end, DOC_TYPE, &mut left)? {
        Some(doc_type) => match window.at(doc_type.body, 8)? {
            bytes if bytes.starts_with(b"webm") => "WebM",
            bytes if bytes.starts_with(b"matroska") => "Matroska",
            _ => return Ok(None),
        },
        None => return Ok(None),
    };
    let is_audio_only = is_audio_only(window, head_end, &mut left)?;
    Ok(Some(if is_audio_only { Format::OtherAudio(name) } else { Format::OtherVideo(name) }))
}

/// Whether all tracks are known and are audio.
fn is_audio_only(window: &mut Window<'_>, start: u64, left: &mut usize) -> io::Result<bool> {
    let size = window.size();
    let Some(segment) = find(window, start, size, SEGMENT, left)? else { return Ok(false) };
    let Some(tracks) = find(window, segment.body, segment.end(size), TRACKS, left)? else { return Ok(false) };
    let (mut at, end) = (tracks.body, tracks.end(size));
    let mut has_audio = false;
    while let Some(entry) = find(window, at, end, TRACK_ENTRY, left)? {
        at = entry.end(end);
        if let Some(kind) = find(window, entry.body, at, TRACK_TYPE, left)? {
            match window.at(kind.body, 1)? {
                [2] => has_audio = true,
                _ => return Ok(false),
            }
        }
    }
    Ok(has_audio)
}

impl Element {
    /// Its end, but at most `most`.
    fn end(&self, most: u64) -> u64 {
        self.length.and_then(|length| self.body.checked_add(length)).map_or(most, |end| end.min(most))
    }
}

/// The first element with this `id` between two offsets. The search ends at the first cluster, which contains media.
fn find(
    window: &mut Window<'_>,
    mut at: u64,
    end: u64,
    id: u32,
    left: &mut usize,
) -> io::Result<Option<Element>> {
    while at < end && *left > 0 {
        *left -= 1;
        match element(window, at)? {
            Some(element) if element.id == id => return Ok(Some(element)),
            Some(element) if element.id != CLUSTER => at = element.end(end),
            _ => break,
        }
    }
    Ok(None)
}

/// Parses the element at `at`.
fn element(window: &mut Window<'_>, at: u64) -> io::Result<Option<Element>> {
    let bytes = window.at(at, 12)?;
    let Some((id, id_length)) = vint(bytes, 4) else { return Ok(None) };
    let Some((raw, length)) = bytes.get(id_length..).and_then(|bytes| vint(bytes, 8)) else {
        return Ok(None);
    };
    let Ok(id) = u32::try_from(id) else { return Ok(None) };
    // All ones after the marker bit mean an unknown length.
    let marker = 1 << (7 * length);
    let value = raw & (marker - 1);
    let body = at + (id_length + length) as u64;
    Ok(Some(Element { id, body, length: (value != marker - 1).then_some(value) }))
}

/// A variable-size integer of up to `most` bytes, including its marker bit, and its length, which its leading zero bits give.
fn vint(bytes: &[u8], most: usize) -> Option<(u64, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    if length > most {
        return None;
    }
    Some((bytes.get(..length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)), length))
}
