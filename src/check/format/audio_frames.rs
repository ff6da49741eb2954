//! Audio frames without a container: ID3 tags, padding, and chains of frame headers.
//!
//! A frame header is recognised by about a dozen bits, which random bytes may match. So a frame counts only if a second one follows
//! at the offset that its length gives.

use std::io;

use super::window::{self, Window};

/// The most ID3 tags to skip: some programs put a new one before the old.
const MAX_TAGS: usize = 8;

/// The most zero bytes before the first frame.
const MAX_PADDING: usize = 16 * 1024;

/// Bytes at the end that are searched for frames.
const TAIL: usize = 16 * 1024;

/// The frames to follow in a chain.
const FOLLOWED: usize = 4;

/// Signatures that may follow the last frame: `ID3v1`, APE and Lyrics3 tags, or another `ID3v2`.
const TRAILERS: [&[u8]; 4] = [b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3"];

/// Where the ID3 tags at the start of a file end.
pub(super) enum Tags {
    /// There are no tags.
    None,
    /// They end at this offset.
    End(u64),
    /// Their declared end is at or after the end of the file.
    Cut(u64),
}

/// A chain of consecutive frames.
pub(super) struct Chain<H> {
    /// The fields that all frame headers share.
    pub(super) header: H,
    /// Bytes missing from the last frame read; 0 if it is complete.
    pub(super) missing: u64,
}

/// Skips `ID3v2` tags (id3.org, version 2.4.0, section 3.1) at the start of a file, by their sizes.
pub(super) fn id3_tags(window: &mut Window<'_>) -> io::Result<Tags> {
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        match id3_length(window.at(at, 10)?) {
            Some(length) => at += length,
            None => break,
        }
        if at >= window.size() {
            return Ok(Tags::Cut(at));
        }
    }
    Ok(if at == 0 { Tags::None } else { Tags::End(at) })
}

/// The length of the ID3 tag at the start of `bytes`. Its size has four times 7 bits, so that no byte looks like a sync word.
fn id3_length(bytes: &[u8]) -> Option<u64> {
    let &[i, d, three, version, revision, flags, size @ ..] = bytes.first_chunk::<10>()?;
    if [i, d, three] != *b"ID3" || version == 0xFF || revision == 0xFF || size.iter().any(|byte| *byte > 0x7F)
    {
        return None;
    }
    let length = size.into_iter().fold(0, |length, byte| length << 7 | u64::from(byte));
    // From version 4 on, a footer may follow.
    Some(10 + length + if flags & 0x10 != 0 { 10 } else { 0 })
}

/// The end of the zero bytes at `at`.
pub(super) fn skip_padding(window: &mut Window<'_>, at: u64) -> io::Result<u64> {
    if window.at(at, 1)? != [0] {
        return Ok(at);
    }
    let bytes = window.at(at, MAX_PADDING)?;
    let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    Ok(at + zeros as u64)
}

/// The chain of frames at `at`, if there are at least two with equal headers, or one that ends with the file.
///
/// `parse` returns the fields of a frame header and the frame's length.
pub(super) fn chain<H: PartialEq>(
    window: &mut Window<'_>,
    at: u64,
    parse: fn(&[u8]) -> Option<(H, u64)>,
) -> io::Result<Option<Chain<H>>> {
    let Some((header, length)) = parse(window.at(at, 8)?) else { return Ok(None) };
    let mut end = at + length;
    for followed in 1..FOLLOWED {
        if end >= window.size() {
            let missing = end - window.size();
            return Ok((followed > 1 || missing == 0).then_some(Chain { header, missing }));
        }
        let bytes = window.at(end, 8)?;
        match parse(bytes) {
            Some((next, length)) if next == header => end += length,
            _ if is_trailer(window.at(end, 11)?) => break,
            // The file was truncated within the header of its last frame.
            _ if followed > 1 && window.size() - end < 8 => break,
            _ => return Ok(None),
        }
    }
    Ok(Some(Chain { header, missing: 0 }))
}

/// Bytes missing from the last frame of the file, if a chain of frames with this header leads to it from within the last bytes.
pub(super) fn missing_in_last_frame<H: PartialEq>(
    window: &mut Window<'_>,
    header: &H,
    parse: fn(&[u8]) -> Option<(H, u64)>,
) -> io::Result<u64> {
    let bytes = match window.tail(TAIL) {
        Ok(bytes) => bytes,
        Err(error) if window::is_exhausted(&error) => return Ok(0),
        Err(error) => return Err(error),
    };
    // The end of the frame at `at`, if it belongs to this stream.
    let frame = |at: usize| {
        let (head, length) = parse(bytes.get(at..)?)?;
        (head == *header).then(|| at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)))
    };
    for first in 0..bytes.len() {
        let (mut at, mut followed) = (first, 0);
        while let Some(end) = frame(at) {
            followed += 1;
            at = end;
        }
        if followed > FOLLOWED {
            return Ok(at.saturating_sub(bytes.len()) as u64);
        }
    }
    Ok(0)
}

/// Whether the bytes after a frame end the audio.
fn is_trailer(bytes: &[u8]) -> bool {
    TRAILERS.iter().any(|trailer| bytes.starts_with(trailer)) || bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id3_tag_lengths() {
        let table: [(&[u8], Option<u64>); 7] = [
            (b"ID3\x03\0\0\0\0\x02\x01", Some(10 + 257)),
            (b"ID3\x04\0\x10\0\0\0\x05", Some(25)),
            (b"ID3\x03\0\0\x7F\x7F\x7F\x7F", Some(10 + 0x0FFF_FFFF)),
            (b"ID3\x03\0\0\0\0\x80\0", None),
            (b"ID3\xFF\0\0\0\0\0\0", None),
            (b"ID3\x03\0\0\0\0\0", None),
            (b"TAG\x03\0\0\0\0\0\0", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(id3_length(bytes), expected, "{bytes:?}");
        }
    }
}
