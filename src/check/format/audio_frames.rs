//! Sound in bare frames, without a container: where the first stands behind tags and padding, and whether others follow it.
//!
//! A frame is known by a dozen bits, which any bytes may have by chance. So its word is only taken where a second one stands
//! at the place that the first leads to.

use std::io;

use super::window::{self, Window};

/// The ID3 tags that are passed over: some programs put a new one before the old.
const MOST_TAGS: usize = 8;

/// How many zero bytes may stand before the first frame.
const MOST_PADDING: usize = 16 * 1024;

/// How much of the end is searched for frames.
const TAIL: usize = 16 * 1024;

/// The frames that are followed.
const FOLLOWED: usize = 4;

/// What may stand behind the last frame: `ID3v1`, APE and Lyrics3 tags, or another `ID3v2`.
const TRAILERS: [&[u8]; 4] = [b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3"];

/// Where the tags at the head of a file end.
pub(super) enum Tags {
    /// There are none.
    None,
    /// They end here.
    End(u64),
    /// They say that they end here, which is not before the end of the file.
    Cut(u64),
}

/// Frames that follow each other.
pub(super) struct Chain<H> {
    /// What the head of each says.
    pub(super) header: H,
    /// Bytes that the last frame looked at lacks; 0 where it is whole.
    pub(super) missing: u64,
}

/// Goes past the tags of ID3 version 2 (id3.org, version 2.4.0, section 3.1) at the head of a file, by their sizes.
pub(super) fn tags(window: &mut Window<'_>) -> io::Result<Tags> {
    let mut at = 0;
    for _ in 0..MOST_TAGS {
        match tag_length(window.at(at, 10)?) {
            Some(length) => at += length,
            None => break,
        }
        if at >= window.size() {
            return Ok(Tags::Cut(at));
        }
    }
    Ok(if at == 0 { Tags::None } else { Tags::End(at) })
}

/// How long the tag is that begins `bytes`. Its size is kept in four times 7 bits, so that no byte of it looks like a frame.
fn tag_length(bytes: &[u8]) -> Option<u64> {
    let &[i, d, three, version, revision, flags, size @ ..] = bytes.first_chunk::<10>()?;
    if [i, d, three] != *b"ID3" || version == 0xFF || revision == 0xFF || size.iter().any(|byte| *byte > 0x7F)
    {
        return None;
    }
    let length = size.into_iter().fold(0, |length, byte| length << 7 | u64::from(byte));
    // From version 4 on, its head may be repeated behind it.
    Some(10 + length + if flags & 0x10 != 0 { 10 } else { 0 })
}

/// Where the zero bytes at `at` end.
pub(super) fn skip_padding(window: &mut Window<'_>, at: u64) -> io::Result<u64> {
    if window.at(at, 1)? != [0] {
        return Ok(at);
    }
    let bytes = window.at(at, MOST_PADDING)?;
    let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    Ok(at + zeros as u64)
}

/// The frames at `at`, if there are at least two that agree, or one that the file ends with.
///
/// `parse` tells what a frame's head says, and how long the frame is.
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
            // The last frame of a file that was cut in its head.
            _ if followed > 1 && window.size() - end < 8 => break,
            _ => return Ok(None),
        }
    }
    Ok(Some(Chain { header, missing: 0 }))
}

/// Bytes that the last frame of the file lacks, where frames can be followed to it: some in its tail are, that have this head
/// and lead from one to the next.
pub(super) fn tail_lacks<H: PartialEq>(
    window: &mut Window<'_>,
    header: &H,
    parse: fn(&[u8]) -> Option<(H, u64)>,
) -> io::Result<u64> {
    let bytes = match window.tail(TAIL) {
        Ok(bytes) => bytes,
        Err(error) if window::is_exhausted(&error) => return Ok(0),
        Err(error) => return Err(error),
    };
    // How far the frame at `at` goes, where one of this stream stands there.
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

/// Whether what stands behind a frame ends the sound.
fn is_trailer(bytes: &[u8]) -> bool {
    TRAILERS.iter().any(|trailer| bytes.starts_with(trailer)) || bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_measured_by_their_own_numbers() {
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
            assert_eq!(tag_length(bytes), expected, "{bytes:?}");
        }
    }
}
