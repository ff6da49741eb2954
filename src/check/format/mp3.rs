//! MPEG audio (ISO/IEC 11172-3 and 13818-3): layers I to III, of which the third is MP3. Also, since such a tag is mostly met
//! before an MP3, whatever stands behind an ID3 tag.

use std::io;

use super::audio_frames::{self, Chain, Tags};
use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, Mp3, Recognised, adts, ogg, unsupported_media};

/// How far behind a tag the first frame is looked for: some taggers miscount.
const SEARCHED: usize = 4 * 1024;

/// Kilobits a second by the number in a frame's head: MPEG-1 layers I, II and III, then the lower rates' layer I, and II and
/// III. 0 stands for what the head does not tell.
const BIT_RATES: [[u16; 16]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

/// Reads MPEG audio, or what stands behind an ID3 tag.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    match audio_frames::tags(window)? {
        Tags::None => {
            let start = audio_frames::skip_padding(window, 0)?;
            read_at(window, start)
        }
        Tags::End(end) => behind_tag(window, end),
        Tags::Cut(end) => Ok(Some(Recognised {
            format: Format::Unknown,
            damage: vec![Damage::Truncated(format!(
                "the ID3 tag says that it ends at byte {end}, and there are {}",
                window.size()
            ))],
        })),
    }
}

/// What stands behind a tag that ends at `end`.
fn behind_tag(window: &mut Window<'_>, end: u64) -> io::Result<Option<Recognised>> {
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

/// Reads MPEG audio whose first frame stands at `start`.
fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    let Some(Chain { header, missing }) = audio_frames::chain(window, start, frame)? else { return Ok(None) };
    let mut damage = Vec::new();
    let size = window.size();
    // What a frame without sound, put first by encoders, says of all of them. Some count tags in, so the file is what it is
    // held against.
    if let Some(said) = said_size(window.at(start, 64)?, &header)
        && said > size
    {
        damage.push(Damage::Truncated(format!("its first frame says {said} bytes, and {size} are there")));
    } else if missing > 0 {
        damage.push(Damage::Truncated(format!("its last frame lacks {missing} bytes")));
    }
    Ok(Some(Recognised { format: Format::Mp3(header), damage }))
}

/// What the head of a frame says, and how many bytes the frame has.
fn frame(bytes: &[u8]) -> Option<(Mp3, u64)> {
    let head = u32_be(bytes, 0)?;
    if head >> 21 != 0x7FF {
        return None;
    }
    // 0 for MPEG-1, and how often the sampling rate is halved in the others.
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

/// How many bytes all frames have, where the first one tells (`Xing` or `Info`).
fn said_size(frame: &[u8], header: &Mp3) -> Option<u64> {
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
    fn the_heads_of_frames() {
        let table = [
            ([0xFF, 0xFB, 0x90, 0x00], Some((3, 44_100, 2, 417))),
            ([0xFF, 0xFB, 0x92, 0x00], Some((3, 44_100, 2, 418))),
            ([0xFF, 0xFB, 0x94, 0xC0], Some((3, 48_000, 1, 384))),
            ([0xFF, 0xF3, 0x48, 0xC0], Some((3, 16_000, 1, 144))),
            ([0xFF, 0xE3, 0x18, 0xC4], Some((3, 8_000, 1, 72))),
            ([0xFF, 0xFD, 0x80, 0x00], Some((2, 44_100, 2, 417))),
            ([0xFF, 0xFF, 0x18, 0x00], Some((1, 32_000, 2, 48))),
            // Layer 0 is AAC's, version 1 and rate 3 are no one's; a bit rate of 15 is none, of 0 is not told.
            ([0xFF, 0xF1, 0x50, 0x80], None),
            ([0xFF, 0xEB, 0x90, 0x00], None),
            ([0xFF, 0xFB, 0x9C, 0x00], None),
            ([0xFF, 0xFB, 0xF0, 0x00], None),
            ([0xFF, 0xFB, 0x00, 0x00], None),
        ];
        for (bytes, expected) in table {
            let seen =
                frame(&bytes).map(|(head, length)| (head.layer, head.sample_rate, head.channels, length));
            assert_eq!(seen, expected, "{bytes:02X?}");
        }
    }
}
