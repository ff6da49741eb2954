//! The family of MP4 (ISO/IEC 14496-12 and 14496-14, 3GPP TS 26.244, Apple's `QuickTime` File Format): MP4, M4A, 3GP, MOV.
//!
//! The boxes on top are walked here, by their heads, so that a film of any length costs a few looks. What a track holds is told
//! by [`moov`], what its codec is by [`sample_entry`], and whether its pictures are shown in another order by [`b_frames`].

mod b_frames;
mod boxes;
mod moov;
mod sample_entry;
#[cfg(test)]
mod tests;

use std::io;

use self::b_frames::Fragments;
use self::boxes::{FourCc, Head, Reading};
use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, MovieHead, Mp4, Recognised, heif};

/// The major brand of Canon's raw pictures, which are kept in the same boxes.
const RAW_PICTURE: &[u8; 4] = b"crx ";

/// Boxes with which a file without `ftyp` begins: older `QuickTime`, and segments that are meant to be joined.
const FIRST: &[&[u8; 4]] = &[b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx", b"moof"];

/// The compatible brands that are told.
const MOST_BRANDS: u64 = 32;

/// The fragments that are looked into.
const MOST_FRAGMENTS: usize = 64;

/// What was met among the boxes of the file itself.
#[derive(Default)]
struct Top {
    brand: Option<FourCc>,
    compatible: Vec<FourCc>,
    movie: Option<Head>,
    /// Whether media data came before the movie's head.
    is_data_first: bool,
    has_data: bool,
    fragments: Fragments,
}

/// Reads an MP4, or another of its family.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    if !is_family(window)? {
        return Ok(None);
    }
    let mut reading = Reading::new(window);
    let top = walk(&mut reading)?;
    let movie = match top.movie {
        Some(head) => moov::movie(&mut reading, &head, &top.fragments)?,
        // It may stand where nothing was looked at.
        None if reading.is_bounded => return Ok(Some(Format::Unreached.into())),
        None => {
            headless(&mut reading, &top.fragments);
            moov::Movie::default()
        }
    };
    if top.movie.is_some() && !top.has_data && !reading.is_bounded && reading.damage.is_empty() {
        reading.wrong(Damage::Truncated(
            "it has a head (moov), and no sound or pictures (mdat) with it".to_owned(),
        ));
    }
    let head = match (top.movie, top.is_data_first) {
        (None, _) => MovieHead::Missing,
        (Some(_), false) => MovieHead::First,
        (Some(_), true) => MovieHead::Last,
    };
    let mp4 = Mp4 {
        brand: top.brand.map(|brand| brand.to_string()),
        compatible: top.compatible.iter().map(FourCc::to_string).collect(),
        tracks: movie.tracks,
        head,
        is_fragmented: movie.is_extended || !top.fragments.heads.is_empty(),
        duration_ms: movie.duration_ms,
    };
    Ok(Some(Recognised { format: Format::Mp4(Box::new(mp4)), damage: reading.damage }))
}

/// Whether the first box is one of this family: `ftyp`, or a box that stands first where there is none and leads to another
/// that is known.
fn is_family(window: &mut Window<'_>) -> io::Result<bool> {
    let head = window.head(12)?;
    let (Some(length), Some(&kind)) = (u32_be(head, 0), head.get(4..).and_then(<[u8]>::first_chunk)) else {
        return Ok(false);
    };
    if head[0] >= b'\t' {
        // Text, in which the name of a box is a word.
        return Ok(false);
    }
    if kind == *b"ftyp" {
        let mut pictures = heif::BRANDS.iter().copied().chain([RAW_PICTURE]);
        return Ok(!pictures.any(|brand| head.get(8..12) == Some(&brand[..])));
    }
    if !FIRST.contains(&&kind) {
        return Ok(false);
    }
    match (&kind, length) {
        (b"moov" | b"mdat" | b"moof", 0 | 1) => Ok(true),
        (_, 0..8) => Ok(false),
        _ if u64::from(length) >= window.size() => Ok(matches!(&kind, b"moov" | b"mdat" | b"moof")),
        _ => {
            let next = window.at(length.into(), 8)?;
            Ok(next.get(4..).is_some_and(|kind| FIRST.iter().any(|known| kind == &known[..])))
        }
    }
}

/// Says what is wrong with a movie that has no head, unless something that explains it was seen before.
fn headless(reading: &mut Reading<'_, '_>, fragments: &Fragments) {
    if reading.damage.is_empty() {
        let why = if fragments.heads.is_empty() {
            "the recording was not finished"
        } else {
            "it is one piece of a stream, which plays behind its first piece only"
        };
        reading.wrong(Damage::Truncated(format!("it has no head (moov): {why}")));
    }
}

/// Goes through the boxes of the file.
fn walk(reading: &mut Reading<'_, '_>) -> io::Result<Top> {
    let mut top = Top::default();
    let mut siblings = reading.top();
    while let Some(head) = reading.next(&mut siblings)? {
        match &head.kind.0 {
            b"ftyp" if top.brand.is_none() => brands(reading, &head, &mut top)?,
            b"moov" if top.movie.is_none() => {
                top.is_data_first = top.has_data;
                top.movie = Some(head);
            }
            // An empty one, as some writers leave before the real one, is no data.
            b"mdat" => top.has_data |= head.len() > 0,
            b"moof" => {
                if top.fragments.heads.len() < MOST_FRAGMENTS {
                    top.fragments.heads.push(head);
                } else {
                    top.fragments.has_more = true;
                    if top.movie.is_some() {
                        // What is left of the bound is for the movie's head.
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    top.fragments.has_more |= reading.is_bounded;
    Ok(top)
}

/// Reads the brands that `ftyp` names.
fn brands(reading: &mut Reading<'_, '_>, head: &Head, top: &mut Top) -> io::Result<()> {
    top.brand = reading.bytes(head, 0)?.map(FourCc);
    for at in 0..MOST_BRANDS {
        match reading.bytes(head, 8 + 4 * at)? {
            // Some writers pad the list with zero bytes.
            Some([0, 0, 0, 0]) => {}
            Some(brand) => top.compatible.push(FourCc(brand)),
            None => break,
        }
    }
    Ok(())
}
