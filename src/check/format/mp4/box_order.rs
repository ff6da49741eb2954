//! Top-level boxes of an MP4 file and their order: whether `moov` precedes `mdat` (fast start).

use std::io;

use super::b_frames::Fragments;
use super::boxes::{BoxHeader, BoxReader, FourCc};
use crate::check::format::MoovPosition;
/// The most compatible brands to report.
const MAX_BRANDS: u64 = 32;

/// The most fragments (moof) to read.
const MAX_FRAGMENTS: usize = 64;

/// The top-level boxes of a file.
#[derive(Default)]
pub(super) struct TopLevel {
    pub(super) brand: Option<FourCc>,
    pub(super) compatible: Vec<FourCc>,
    pub(super) moov: Option<BoxHeader>,
    /// Whether `mdat` precedes `moov`.
    is_mdat_first: bool,
    pub(super) has_mdat: bool,
    pub(super) fragments: Fragments,
}

impl TopLevel {
    /// Walks the top-level boxes of the file.
    pub(super) fn read(reading: &mut BoxReader<'_, '_>) -> io::Result<Self> {
        let mut top = Self::default();
        let mut siblings = reading.top();
        while let Some(head) = reading.next(&mut siblings)? {
            match &head.kind.0 {
                b"ftyp" if top.brand.is_none() => brands(reading, &head, &mut top)?,
                b"moov" if top.moov.is_none() => {
                    top.is_mdat_first = top.has_mdat;
                    top.moov = Some(head);
                }
                // Some writers leave an empty mdat before the real one; it does not count.
                b"mdat" => top.has_mdat |= head.len() > 0,
                b"moof" => {
                    if top.fragments.moofs.len() < MAX_FRAGMENTS {
                        top.fragments.moofs.push(head);
                    } else {
                        top.fragments.has_more = true;
                        if top.moov.is_some() {
                            // The rest of the read limit is for moov.
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

    /// The position of `moov` relative to the first `mdat` that is not empty.
    pub(super) fn moov_position(&self) -> MoovPosition {
        match (&self.moov, self.is_mdat_first) {
            (None, _) => MoovPosition::Missing,
            (Some(_), false) => MoovPosition::First,
            (Some(_), true) => MoovPosition::Last,
        }
    }
}

/// Reads the brands in `ftyp`.
fn brands(reading: &mut BoxReader<'_, '_>, ftyp: &BoxHeader, top: &mut TopLevel) -> io::Result<()> {
    top.brand = reading.bytes(ftyp, 0)?.map(FourCc);
    for at in 0..MAX_BRANDS {
        match reading.bytes(ftyp, 8 + 4 * at)? {
            // Some writers pad the list with zero bytes.
            Some([0, 0, 0, 0]) => {}
            Some(brand) => top.compatible.push(FourCc(brand)),
            None => break,
        }
    }
    Ok(())
}
