//! JPEG: what its frame header says, the orientation that EXIF gives it, and whether its image data comes to an end
//! (ITU-T T.81 annex B; EXIF 2.32 section 4.5).
//!
//! Segments before the frame header are skipped by their lengths, since colour profiles and previews can make them large.

use std::io;

use super::endian::{u16_be, u16_le, u32_be, u32_le};
use super::window::Window;
use super::{Damage, Format, Jpeg, Recognised};

/// Segments that are walked. Real files have some dozens: a colour profile or extended XMP comes in pieces of 64 KiB.
const MOST_SEGMENTS: usize = 256;
/// Entries of an EXIF directory that are looked at; the orientation is one of the first.
const MOST_ENTRIES: u16 = 256;
/// How much of the end is searched for the marker that ends the image, where it is not the very last.
const END_SEARCHED: usize = 16 * 1024;

/// What a walk over the segments has found.
#[derive(Default)]
struct Walked {
    frame: Option<Jpeg>,
    orientation: Option<u8>,
    /// Where the first scan's data begin.
    scan: Option<u64>,
}

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    if window.head(3)? != [0xFF, 0xD8, 0xFF] {
        return Ok(None);
    }
    let mut walked = Walked::default();
    let broken = walk(window, &mut walked)?;
    let unfinished = match (&broken, walked.scan) {
        (None, Some(scan)) if !has_end(window, scan)? => {
            Some(Damage::Truncated("its image data stop before the marker that ends them".into()))
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

/// Walks the segments up to the first scan; says what is wrong with them.
fn walk(window: &mut Window<'_>, walked: &mut Walked) -> io::Result<Option<Damage>> {
    let mut offset = 2;
    for _ in 0..MOST_SEGMENTS {
        let segment = window.at(offset, 20)?;
        let (Some(0xFF), Some(&marker)) = (segment.first(), segment.get(1)) else {
            return Ok(Some(match segment.len() {
                0 | 1 => Damage::Truncated("it begins as a JPEG and ends within its head".into()),
                _ => Damage::Malformed(format!("in its JPEG head, no segment begins at byte {offset}")),
            }));
        };
        match marker {
            // Fill bytes and markers that stand alone.
            0xFF => {
                offset += 1;
                continue;
            }
            0x01 | 0xD0..=0xD7 => {
                offset += 2;
                continue;
            }
            0xD9 => {
                return Ok(Some(Damage::Malformed("it is a JPEG that ends before any image data".into())));
            }
            _ => {}
        }
        let Some(length) = u16_be(segment, 2).map(u64::from) else {
            return Ok(Some(Damage::Truncated("it begins as a JPEG and ends within its head".into())));
        };
        if is_frame(marker) {
            walked.frame = frame(marker, segment);
        }
        let (is_exif, end) = (marker == 0xE1 && segment[4..].starts_with(b"Exif\0\0"), offset + 2 + length);
        if length < 2 {
            return Ok(Some(Damage::Malformed(format!(
                "in its JPEG head, a segment is {length} bytes long"
            ))));
        }
        if end > window.size() {
            let there = window.size() - offset - 2;
            let missing = format!("a segment of its JPEG head says {length} bytes, and {there} are there");
            return Ok(Some(Damage::Truncated(missing)));
        }
        if is_exif && walked.orientation.is_none() {
            walked.orientation = orientation(window, offset + 10, end)?;
        }
        if marker == 0xDA {
            walked.scan = Some(end);
            return Ok(unfit(walked.frame.as_ref()));
        }
        offset = end;
    }
    Ok(Some(Damage::Malformed(format!("its JPEG head has more than {MOST_SEGMENTS} segments"))))
}

/// What is wrong with a frame as its scan begins.
fn unfit(frame: Option<&Jpeg>) -> Option<Damage> {
    match frame {
        None => Some(Damage::Malformed("it is a JPEG whose image data come without a frame header".into())),
        Some(Jpeg { width: 0, .. }) => {
            Some(Damage::Malformed("its JPEG frame header says a width of 0".into()))
        }
        Some(Jpeg { height: 0, .. }) => {
            Some(Damage::Malformed("its JPEG frame header leaves the height to a later segment (DNL)".into()))
        }
        Some(_) => None,
    }
}

/// Whether a marker begins a frame header (SOF; annex B.1.1.3, and SOF55 of JPEG-LS).
const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF | 0xF7) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// A frame header, from its marker on.
fn frame(marker: u8, segment: &[u8]) -> Option<Jpeg> {
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

/// The orientation in the TIFF structure that stands from `tiff` to `end`; `None` where there is none, or no sound one.
fn orientation(window: &mut Window<'_>, tiff: u64, end: u64) -> io::Result<Option<u8>> {
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
    let count = u16(window.at(directory, 2)?, 0).unwrap_or(0).min(MOST_ENTRIES);
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

/// Whether the image data that begin at `scan` come to an end, as far as can be told from the end of the file.
///
/// Cameras put more behind the image: previews, a short film. So a file is short only where it ends *within* coded data,
/// which shows: in those, a byte FF is followed by 00, by a restart marker, or by a segment between two scans.
fn has_end(window: &mut Window<'_>, scan: u64) -> io::Result<bool> {
    const END: [u8; 2] = [0xFF, 0xD9];
    let behind = usize::try_from(window.size() - scan).unwrap_or(usize::MAX);
    if window.tail(behind.min(2))? == END {
        return Ok(true);
    }
    let end = window.tail(behind.min(END_SEARCHED))?;
    let is_of_scans = |pair: &[u8]| {
        pair[0] != 0xFF || matches!(pair[1], 0 | 0xFF | 0xD0..=0xD7 | 0xC4 | 0xDA | 0xDB | 0xDD)
    };
    if !end.is_empty() && end.iter().all(|byte| *byte == 0) {
        // Padding stands behind the end; what a failed copy left out stands in place of it.
        let begin = zeros(window, scan)?;
        return Ok(window.at(begin.saturating_sub(2), 2)? == END);
    }
    Ok(end.windows(2).any(|pair| pair == END) || !end.windows(2).all(is_of_scans))
}

/// Where the zeros begin with which the file ends, at `from` or behind it: found by halves, since there may be many.
fn zeros(window: &mut Window<'_>, from: u64) -> io::Result<u64> {
    const LOOK: u64 = 512;
    let (mut low, mut high) = (from, window.size().saturating_sub(LOOK).max(from));
    while high - low > LOOK {
        let middle = low + (high - low) / 2;
        match window.at(middle, 512)?.iter().rposition(|byte| *byte != 0) {
            Some(last) => low = middle + last as u64 + 1,
            None => high = middle,
        }
    }
    let bytes = window.at(low, usize::try_from(high - low).unwrap_or(0))?;
    Ok(bytes.iter().rposition(|byte| *byte != 0).map_or(low, |last| low + last as u64 + 1))
}
