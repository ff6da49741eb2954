//! MPEG audio (ISO/IEC 11172-3 and 13818-3): Layers I to III, of which Layer III is MP3. Also any format after an ID3 tag, because
//! the tag usually precedes an MP3.

use std::io;

use super::audio_frames::{self, Chain, Tags};
use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, Mp3, Recognised, adts, ogg, unsupported_media};

/// Bytes after an ID3 tag that are searched for the first frame: some taggers write a wrong size.
const SEARCHED: usize = 4 * 1024;

/// Bit rates in kbit/s by the index in a frame header: MPEG-1 Layers I, II and III, then MPEG-2 Layer I, and Layers II and III. 0
/// marks the free format and the invalid index.
const BIT_RATES: [[u16; 16]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

/// Reads MPEG audio, or the format after an ID3 tag.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    match audio_frames::id3_tags(window)? {
        Tags::None => {
            let start = audio_frames::skip_padding(window, 0)?;
            read_at(window, start)
        }
        Tags::End(end) => after_id3(window, end),
        Tags::Cut(end) => Ok(Some(Recognised {
            format: Format::Unknown,
            damage: vec![Damage::Truncated(format!(
                "the ID3 tag ends at byte {end}, but {} bytes are present",
                window.size()
            ))],
        })),
    }
}

/// Reads the format after an ID3 tag that ends at `end`.
fn after_id3(window: &mut Window<'_>, end: u64) -> io::Result<Option<Recognised>> {
    let start = audio_frames::skip_padding(window, end)?;
    for read in [read_at, adts::read_at, ogg::read_at, unsupported_media::read_at] {
        if let Some(recognised) = read(window, start)? {
            return Ok(Some(recognised));
        }
    }
    let bytes = window.at(start, SEARCHED)?.to_vec();
    for (at, two) in (start..).zip(bytes.windows(2)).skip(1) {
        if two[0] != 0xFF || two[1] & 0xE0 != 0xE0 {
            continue;
        }
        for read in [read_at, adts::read_at] {
            if let Some(recognised) = read(window, at)? {
                return Ok(Some(recognised));
            }
        }
    }
    Ok(None)
}

/// Reads MPEG audio whose first frame is at `start`.
fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    let Some(Chain { header, missing }) = audio_frames::chain(window, start, frame_header)? else {
        return Ok(None);
    };
    let mut damage = Vec::new();
    let size = window.size();
    // Encoders put a frame without audio first (Xing or Info) that gives the total size. Some include tags in it, so it is compared
    // with the file size.
    if let Some(declared) = xing_size(window.at(start, 64)?, &header)
        && declared > size
    {
        damage.push(Damage::Truncated(format!(
            "the first frame declares {declared} bytes, but {size} are present"
        )));
    } else if missing > 0 {
        damage.push(Damage::Truncated(format!("the last frame lacks {missing} bytes")));
    }
    Ok(Some(Recognised { format: Format::Mp3(header), damage }))
}

/// Parses a frame header; returns its fields and the frame's length in bytes.
fn frame_header(bytes: &[u8]) -> Option<(Mp3, u64)> {
    let head = u32_be(bytes, 0)?;
    if head >> 21 != 0x7FF {
        return None;
    }
    // How often the sampling rate is halved: 0 for MPEG-1, 1 for MPEG-2, 2 for MPEG-2.5.
    let halved = match head >> 19 & 0x3 {
        0b11 => 0,
        0b10 => 1,
        0b00 => 2,
        _ => return None,
    };
    let layer = match head >> 17 & 0x3 {
        0b11 => 1,
        0b10 => 2,
        0b01 => 3,
        _ => return None,
    };
    let sample_rate = [44_100, 48_000, 32_000].get(usize::try_from(head >> 10 & 0x3).ok()?)? >> halved;
    let rates = match (halved, layer) {
        (0, layer) => BIT_RATES[usize::from(layer) - 1],
        (_, 1) => BIT_RATES[3],
        _ => BIT_RATES[4],
    };
    let bit_rate = 1000 * u32::from(rates[usize::try_from(head >> 12 & 0xF).ok()?]);
    if bit_rate == 0 {
        return None;
    }
    let padding = head >> 9 & 1;
    let length = match (layer, halved) {
        (1, _) => 4 * (12 * bit_rate / sample_rate + padding),
        (3, 1 | 2) => 72 * bit_rate / sample_rate + padding,
        _ => 144 * bit_rate / sample_rate + padding,
    };
    let channels = if head >> 6 & 0x3 == 0x3 { 1 } else { 2 };
    Some((Mp3 { layer, sample_rate, channels }, length.into()))
}

/// Total bytes of all frames, if the first one says (`Xing` or `Info`).
fn xing_size(frame: &[u8], header: &Mp3) -> Option<u64> {
    let side = match (header.sample_rate > 24_000, header.channels) {
        (true, 2) => 32,
        (false, 1) => 9,
        _ => 17,
    };
    let tag = frame.get(4 + side..)?;
    if !tag.starts_with(b"Xing") && !tag.starts_with(b"Info") {
        return None;
    }
    let flags = u32_be(tag, 4)?;
    let at = if flags & 0x1 != 0 { 12 } else { 8 };
    (flags & 0x2 != 0).then(|| u32_be(tag, at)).flatten().map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_headers() {
        let table = [
            ([0xFF, 0xFB, 0x90, 0x00], Some((3, 44_100, 2, 417))),
            ([0xFF, 0xFB, 0x92, 0x00], Some((3, 44_100, 2, 418))),
            ([0xFF, 0xFB, 0x94, 0xC0], Some((3, 48_000, 1, 384))),
            ([0xFF, 0xF3, 0x48, 0xC0], Some((3, 16_000, 1, 144))),
            ([0xFF, 0xE3, 0x18, 0xC4], Some((3, 8_000, 1, 72))),
            ([0xFF, 0xFD, 0x80, 0x00], Some((2, 44_100, 2, 417))),
            ([0xFF, 0xFF, 0x18, 0x00], Some((1, 32_000, 2, 48))),
            // Layer bits 0 mean AAC; version 1 and rate index 3 are reserved; bit rate index 15 is invalid, 0 is the free format.
            ([0xFF, 0xF1, 0x50, 0x80], None),
            ([0xFF, 0xEB, 0x90, 0x00], None),
            ([0xFF, 0xFB, 0x9C, 0x00], None),
            ([0xFF, 0xFB, 0xF0, 0x00], None),
            ([0xFF, 0xFB, 0x00, 0x00], None),
        ];
        for (bytes, expected) in table {
            let seen = frame_header(&bytes)
                .map(|(head, length)| (head.layer, head.sample_rate, head.channels, length));
            assert_eq!(seen, expected, "{bytes:02X?}");
        }
    }
}
