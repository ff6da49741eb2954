//! MP4, M4A, 3GP and MOV (ISO/IEC 14496-12 and 14496-14, 3GPP TS 26.244, Apple's `QuickTime` File Format).
//!
//! [`box_order`] walks the top-level boxes by their headers, so that a video of any length needs only a few reads. [`moov`] reads the
//! tracks, [`sample_entry`] their codecs, and [`b_frames`] whether pictures are displayed in another order than stored.

mod b_frames;
mod box_order;
mod boxes;
mod moov;
mod sample_entry;
#[cfg(test)]
mod tests;

use std::io;

use self::b_frames::Fragments;
use self::box_order::TopLevel;
use self::boxes::{BoxReader, FourCc};
use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, Mp4, Recognised, heif};

/// The major brand of Canon's raw images (CR3), which use the same boxes.
const CR3_BRAND: &[u8; 4] = b"crx ";

/// The first boxes of files without `ftyp`: older `QuickTime`, and media segments.
const FIRST_BOXES: &[&[u8; 4]] =
    &[b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx", b"moof"];

/// Reads an MP4, M4A, 3GP or MOV file.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    if !is_iso_media(window)? {
        return Ok(None);
    }
    let mut reading = BoxReader::new(window);
    let top = TopLevel::read(&mut reading)?;
    let movie = match top.moov {
        Some(moov) => moov::movie(&mut reading, &moov, &top.fragments)?,
        // It may be at an offset that was not read.
        None if reading.is_bounded => return Ok(Some(Format::Unreached.into())),
        None => {
            moov_missing(&mut reading, &top.fragments);
            moov::Movie::default()
        }
    };
    if top.moov.is_some() && !top.has_mdat && !reading.is_bounded && reading.damage.is_empty() {
        reading.add_damage(Damage::Truncated("the file has a moov box but no media data (mdat)".to_owned()));
    }
    let mp4 = Mp4 {
        brand: top.brand.map(|brand| brand.to_string()),
        compatible: top.compatible.iter().map(FourCc::to_string).collect(),
        tracks: movie.tracks,
        moov: top.moov_position(),
        is_fragmented: movie.is_extended || !top.fragments.moofs.is_empty(),
        duration_ms: movie.duration_ms,
    };
    Ok(Some(Recognised { format: Format::Mp4(Box::new(mp4)), damage: reading.damage }))
}

/// Whether the first box is that of an ISO base media file: `ftyp`, or for files without `ftyp` a typical first box that is followed
/// by another known box.
fn is_iso_media(window: &mut Window<'_>) -> io::Result<bool> {
    let head = window.head(12)?;
    let (Some(length), Some(&kind)) = (u32_be(head, 0), head.get(4..).and_then(<[u8]>::first_chunk)) else {
        return Ok(false);
    };
    if head[0] >= b'\t' {
        // Text that contains the name of a box as a word.
        return Ok(false);
    }
    if kind == *b"ftyp" {
        let mut image_brands = heif::BRANDS.iter().copied().chain([CR3_BRAND]);
        return Ok(!image_brands.any(|brand| head.get(8..12) == Some(&brand[..])));
    }
    if !FIRST_BOXES.contains(&&kind) {
        return Ok(false);
    }
    match (&kind, length) {
        (b"moov" | b"mdat" | b"moof", 0 | 1) => Ok(true),
        (_, 0..8) => Ok(false),
        _ if u64::from(length) >= window.size() => Ok(matches!(&kind, b"moov" | b"mdat" | b"moof")),
        _ => {
            let next = window.at(length.into(), 8)?;
            Ok(next.get(4..).is_some_and(|kind| FIRST_BOXES.iter().any(|known| kind == &known[..])))
        }
    }
}

/// Adds the damage of a missing `moov`, unless earlier damage explains it.
fn moov_missing(reading: &mut BoxReader<'_, '_>, fragments: &Fragments) {
    if reading.damage.is_empty() {
        let why = if fragments.moofs.is_empty() {
            "the recording was not finished"
        } else {
            "it is a segment of a stream, which plays only after its initialisation segment"
        };
        reading.add_damage(Damage::Truncated(format!("the file has no moov box: {why}")));
    }
}
