//! JPEG: frame header (SOF), EXIF orientation and truncation (ITU-T T.81 annex B; EXIF 2.32 section 4.5).
//!
//! Segments before the frame header are skipped by their lengths, because colour profiles and previews can be large.

use std::io;

use super::endian::{u16_be, u16_le, u32_be, u32_le};
use super::window::Window;
use super::{Damage, Format, Jpeg, Recognised};

/// The most segments to walk. Real files have a few dozen: a colour profile or extended XMP comes in pieces of 64 KiB.
const MAX_SEGMENTS: usize = 256;
/// The most entries of an EXIF directory (IFD) to read; the orientation is one of the first.
const MAX_ENTRIES: u16 = 256;
/// Bytes at the end that are searched for the EOI marker if the file does not end with it.
const END_SEARCHED: usize = 16 * 1024;

/// Results of walking the segments.
#[derive(Default)]
struct Walked {
    frame: Option<Jpeg>,
    orientation: Option<u8>,
    /// Offset of the first scan's data.
    scan: Option<u64>,
}

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    if window.head(3)? != [0xFF, 0xD8, 0xFF] {
        return Ok(None);
    }
    let mut walked = Walked::default();
    let broken = walk_segments(window, &mut walked)?;
    let unfinished = match (&broken, walked.scan) {
        (None, Some(scan)) if !has_eoi(window, scan)? => {
            Some(Damage::Truncated("the JPEG image data end before the end-of-image marker (EOI)".into()))
        }
        _ => None,
    };
    let damage = broken.or(unfinished).into_iter().collect();
    Ok(Some(match walked.frame {
        Some(frame) => {
            Recognised { format: Format::Jpeg(Jpeg { orientation: walked.orientation, ..frame }), damage }
        }
        None => Recognised { format: Format::Unknown, damage },
    }))
}

/// Walks the segments up to the first scan (SOS) and returns the first damage.
fn walk_segments(window: &mut Window<'_>, walked: &mut Walked) -> io::Result<Option<Damage>> {
    let mut offset = 2;
    for _ in 0..MAX_SEGMENTS {
        let segment = window.at(offset, 20)?;
        let (Some(0xFF), Some(&marker)) = (segment.first(), segment.get(1)) else {
            return Ok(Some(match segment.len() {
                0 | 1 => Damage::Truncated("a JPEG that ends within its header segments".into()),
                _ => Damage::Malformed(format!("no JPEG segment begins at byte {offset}")),
            }));
        };
        match marker {
            // Fill bytes and standalone markers.
            0xFF => {
                offset += 1;
                continue;
            }
            0x01 | 0xD0..=0xD7 => {
                offset += 2;
                continue;
            }
            0xD9 => {
                return Ok(Some(Damage::Malformed("a JPEG with EOI before any image data".into())));
            }
            _ => {}
        }
        let Some(length) = u16_be(segment, 2).map(u64::from) else {
            return Ok(Some(Damage::Truncated("a JPEG that ends within its header segments".into())));
        };
        if is_sof(marker) {
            walked.frame = frame_header(marker, segment);
        }
        let (is_exif, end) = (marker == 0xE1 && segment[4..].starts_with(b"Exif\0\0"), offset + 2 + length);
        if length < 2 {
            return Ok(Some(Damage::Malformed(format!(
                "a JPEG segment is {length} bytes long, less than its length field"
            ))));
        }
        if end > window.size() {
            let present = window.size() - offset - 2;
            let missing = format!("a JPEG segment declares {length} bytes, but {present} are present");
            return Ok(Some(Damage::Truncated(missing)));
        }
        if is_exif && walked.orientation.is_none() {
            walked.orientation = exif_orientation(window, offset + 10, end)?;
        }
        if marker == 0xDA {
            walked.scan = Some(end);
            return Ok(frame_damage(walked.frame.as_ref()));
        }
        offset = end;
    }
    Ok(Some(Damage::Malformed(format!(
        "the JPEG has more than {MAX_SEGMENTS} segments before its image data"
    ))))
}

/// The damage of the frame header when its scan begins.
fn frame_damage(frame: Option<&Jpeg>) -> Option<Damage> {
    match frame {
        None => Some(Damage::Malformed("a JPEG with image data but no frame header (SOF)".into())),
        Some(Jpeg { width: 0, .. }) => {
            Some(Damage::Malformed("the JPEG frame header has a width of 0".into()))
        }
        Some(Jpeg { height: 0, .. }) => Some(Damage::Malformed(
            "the JPEG frame header has no height and relies on a later DNL segment".into(),
        )),
        Some(_) => None,
    }
}

/// Whether a marker begins a frame header (SOF; annex B.1.1.3, and SOF55 of JPEG-LS).
const fn is_sof(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF | 0xF7) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// Parses a frame header, from its marker on.
fn frame_header(marker: u8, segment: &[u8]) -> Option<Jpeg> {
    Some(Jpeg {
        width: u16_be(segment, 7)?.into(),
        height: u16_be(segment, 5)?.into(),
        precision: *segment.get(4)?,
        components: *segment.get(9)?,
        is_progressive: matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE),
        is_common_process: matches!(marker, 0xC0..=0xC2),
        orientation: None,
    })
}

/// The EXIF orientation in the TIFF structure from `tiff` to `end`; `None` if it is missing or invalid.
fn exif_orientation(window: &mut Window<'_>, tiff: u64, end: u64) -> io::Result<Option<u8>> {
    const ORIENTATION: u16 = 0x0112;
    const SHORT: u16 = 3;
    let head = window.at(tiff, 8)?;
    let is_big = match head.get(..4) {
        Some(b"II*\0") => false,
        Some(b"MM\0*") => true,
        _ => return Ok(None),
    };
    let u16 = |bytes: &[u8], at| if is_big { u16_be(bytes, at) } else { u16_le(bytes, at) };
    let offset = if is_big { u32_be(head, 4) } else { u32_le(head, 4) };
    let Some(directory) = offset.map(|offset| tiff + u64::from(offset)).filter(|at| *at < end) else {
        return Ok(None);
    };
    let count = u16(window.at(directory, 2)?, 0).unwrap_or(0).min(MAX_ENTRIES);
    let within = usize::try_from(end - directory).unwrap_or(usize::MAX);
    let entries = window.at(directory, within.min(2 + usize::from(count) * 12))?;
    let found = entries
        .get(2..)
        .unwrap_or_default()
        .chunks_exact(12)
        .find(|entry| u16(entry, 0) == Some(ORIENTATION));
    let value = found.filter(|entry| u16(entry, 2) == Some(SHORT)).and_then(|entry| u16(entry, 8));
    Ok(value.and_then(|value| u8::try_from(value).ok()).filter(|value| (1..=8).contains(value)))
}

/// Whether the image data that begin at `scan` have an end-of-image marker, judged by the end of the file.
///
/// Cameras append data after the image, such as previews or a short video. So a file is truncated only if it ends *within* coded
/// data, where a byte FF is followed by 00, by a restart marker, or by a segment between two scans.
fn has_eoi(window: &mut Window<'_>, scan: u64) -> io::Result<bool> {
    const EOI: [u8; 2] = [0xFF, 0xD9];
    let length = usize::try_from(window.size() - scan).unwrap_or(usize::MAX);
    if window.tail(length.min(2))? == EOI {
        return Ok(true);
    }
    let end = window.tail(length.min(END_SEARCHED))?;
    let is_scan_data = |pair: &[u8]| {
        pair[0] != 0xFF || matches!(pair[1], 0 | 0xFF | 0xD0..=0xD7 | 0xC4 | 0xDA | 0xDB | 0xDD)
    };
    if !end.is_empty() && end.iter().all(|byte| *byte == 0) {
        // Zeros after EOI are padding; zeros without EOI replace what an interrupted copy did not write.
        let begin = trailing_zeros(window, scan)?;
        return Ok(window.at(begin.saturating_sub(2), 2)? == EOI);
    }
    Ok(end.windows(2).any(|pair| pair == EOI) || !end.windows(2).all(is_scan_data))
}

/// The offset, at `from` or after it, of the zero bytes that end the file. A binary search, because there may be many.
fn trailing_zeros(window: &mut Window<'_>, from: u64) -> io::Result<u64> {
    const BLOCK: u64 = 512;
    let (mut low, mut high) = (from, window.size().saturating_sub(BLOCK).max(from));
    while high - low > BLOCK {
        let middle = low + (high - low) / 2;
        match window.at(middle, 512)?.iter().rposition(|byte| *byte != 0) {
            Some(last) => low = middle + last as u64 + 1,
            None => high = middle,
        }
    }
    let bytes = window.at(low, usize::try_from(high - low).unwrap_or(0))?;
    Ok(bytes.iter().rposition(|byte| *byte != 0).map_or(low, |last| low + last as u64 + 1))
}
