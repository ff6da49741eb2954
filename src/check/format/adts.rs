//! AAC in ADTS frames: frame headers and truncation (ISO/IEC 13818-7, section 6.2; 14496-3, 1.A.2.2).

use std::io;

use super::audio_frames::{self, Chain};
use super::window::Window;
use super::{Adts, Damage, Format, Recognised};

/// Sampling rates by the index in a frame header.
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Reads AAC in ADTS frames. [`mp3`](super::mp3) finds those after an ID3 tag.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let start = audio_frames::skip_padding(window, 0)?;
    read_at(window, start)
}

/// The same, with the first frame at `start`.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    let Some(Chain { header, missing }) = audio_frames::chain(window, start, frame_header)? else {
        return Ok(None);
    };
    let missing = match missing {
        0 => audio_frames::missing_in_last_frame(window, &header, frame_header)?,
        missing => missing,
    };
    let damage = match missing {
        0 => Vec::new(),
        _ => vec![Damage::Truncated(format!("the last frame lacks {missing} bytes"))],
    };
    Ok(Some(Recognised { format: Format::Adts(header), damage }))
}

/// Parses a frame header; returns its fields and the frame's length in bytes.
fn frame_header(bytes: &[u8]) -> Option<(Adts, u64)> {
    let &[sync, version, b, c, d, e, ..] = bytes.first_chunk::<7>()?;
    // The sync word of twelve ones, either MPEG version, layer 0.
    if sync != 0xFF || version & 0xF6 != 0xF0 {
        return None;
    }
    let sample_rate = *SAMPLE_RATES.get(usize::from(b >> 2 & 0xF))?;
    let channels = match (b & 1) << 2 | c >> 6 {
        7 => 8,
        count => count,
    };
    let length = u64::from(c & 0x3) << 11 | u64::from(d) << 3 | u64::from(e >> 5);
    let has_crc = version & 1 == 0;
    if length <= if has_crc { 9 } else { 7 } {
        return None;
    }
    Some((Adts { object_type: (b >> 6) + 1, sample_rate, channels }, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_headers() {
        let table = [
            ([0xFF, 0xF1, 0x50, 0x80, 0x2F, 0x9F, 0xFC], Some((2, 44_100, 2, 380))),
            ([0xFF, 0xF9, 0x60, 0x40, 0x04, 0x1F, 0xFC], Some((2, 16_000, 1, 32))),
            ([0xFF, 0xF1, 0x4D, 0xC0, 0x04, 0x1F, 0xFC], Some((2, 48_000, 8, 32))),
            // A frame shorter than its header, an invalid rate, MPEG audio, and no sync word.
            ([0xFF, 0xF1, 0x50, 0x80, 0x00, 0xFF, 0xFC], None),
            ([0xFF, 0xF1, 0x74, 0x80, 0x2F, 0x9F, 0xFC], None),
            ([0xFF, 0xFB, 0x50, 0x80, 0x2F, 0x9F, 0xFC], None),
            ([0xFF, 0xE1, 0x50, 0x80, 0x2F, 0x9F, 0xFC], None),
        ];
        for (bytes, expected) in table {
            let seen = frame_header(&bytes)
                .map(|(head, length)| (head.object_type, head.sample_rate, head.channels, length));
            assert_eq!(seen, expected, "{bytes:02X?}");
        }
    }
}
