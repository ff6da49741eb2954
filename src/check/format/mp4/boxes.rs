//! Boxes of ISO base media files (ISO/IEC 14496-12, section 4.2): walks box headers, never past the end of the enclosing box.
//!
//! The readers of each box interpret its content.

use std::fmt::{self, Display, Formatter};
use std::io;

use crate::check::format::Damage;
use crate::check::format::endian::{u32_be, u64_be};
use crate::check::format::window::{self, Window};

/// The most boxes to read in one file.
const MAX_BOXES: u32 = 20_000;

/// The most damage to report for one file: the first explains the rest.
const MAX_DAMAGE: usize = 4;

/// A four-character code of a box, a brand or a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FourCc(pub(super) [u8; 4]);

/// A box header.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoxHeader {
    pub(super) kind: FourCc,
    /// Offset of its content.
    pub(super) body: u64,
    /// Its end, at most the end of the enclosing box.
    pub(super) end: u64,
    /// Whether its declared size reaches past that end.
    is_cut: bool,
}

/// The boxes of one level, read one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Siblings {
    next: u64,
    end: u64,
    /// Whether they are top-level boxes.
    is_top: bool,
    /// Whether the enclosing box is truncated.
    is_cut: bool,
}

/// Reads the boxes of one file within limits and collects damage.
pub(super) struct BoxReader<'w, 's> {
    window: &'w mut Window<'s>,
    boxes: u32,
    /// Whether a limit was reached, so that something was not read.
    pub(super) is_bounded: bool,
    pub(super) damage: Vec<Damage>,
}

impl FourCc {
    /// Whether it could be a box type: printable ASCII, or the © (A9) that Apple puts before names in `udta`.
    fn is_plausible(self) -> bool {
        self.0.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xA9))
    }
}

impl Display for FourCc {
    /// One character for each byte, so that different codes are printed differently.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{}", char::from(*byte)))
    }
}

impl BoxHeader {
    pub(super) fn is(&self, kind: [u8; 4]) -> bool {
        self.kind.0 == kind
    }

    /// Length of its content in bytes.
    pub(super) const fn len(&self) -> u64 {
        self.end - self.body
    }

    /// Its child boxes, after `skip` bytes of its own fields.
    pub(super) fn children(&self, skip: u64) -> Siblings {
        let next = self.body.saturating_add(skip).min(self.end);
        Siblings { next, end: self.end, is_top: false, is_cut: self.is_cut }
    }
}

impl<'w, 's> BoxReader<'w, 's> {
    pub(super) fn new(window: &'w mut Window<'s>) -> Self {
        Self { window, boxes: MAX_BOXES, is_bounded: false, damage: Vec::new() }
    }

    /// The top-level boxes.
    pub(super) fn top(&self) -> Siblings {
        Siblings { next: 0, end: self.window.size(), is_top: true, is_cut: false }
    }

    /// The `N` bytes at `offset` in the content of `within`; `None` past its end or at the read limit.
    pub(super) fn bytes<const N: usize>(
        &mut self,
        within: &BoxHeader,
        offset: u64,
    ) -> io::Result<Option<[u8; N]>> {
        if offset.checked_add(N as u64).is_none_or(|end| end > within.len()) {
            return Ok(None);
        }
        self.raw(within.body + offset, N).map(|bytes| bytes.first_chunk().copied())
    }

    /// Up to `most` bytes at the start of the content of `within`.
    pub(super) fn prefix(&mut self, within: &BoxHeader, most: usize) -> io::Result<&[u8]> {
        let count = usize::try_from(within.len()).map_or(most, |length| length.min(most));
        self.raw(within.body, count)
    }

    /// The next of `siblings`; `None` after the last one, or if no valid box follows, which is added to the damage.
    pub(super) fn next(&mut self, siblings: &mut Siblings) -> io::Result<Option<BoxHeader>> {
        let start = siblings.next;
        let available = siblings.end - start;
        siblings.next = siblings.end;
        if available < 8 {
            // QuickTime ends some lists of boxes with four zero bytes, and a few bytes after the last box are harmless.
            return Ok(None);
        }
        if self.boxes == 0 {
            self.is_bounded = true;
            return Ok(None);
        }
        self.boxes -= 1;
        let Some((kind, declared, header)) = self.sizes(start)? else { return Ok(None) };
        let length = match declared {
            0 if siblings.is_top => available,
            // Inside another box, size 0 ends the list.
            0 => return Ok(None),
            declared if declared < header => {
                if kind.is_plausible() {
                    self.add_damage(Damage::Malformed(format!(
                        "the {kind} box declares {declared} bytes, less than its header"
                    )));
                }
                return Ok(None);
            }
            declared => declared,
        };
        let is_cut = length > available;
        if is_cut && !self.report_overlong(kind, length, available, siblings) {
            return Ok(None);
        }
        let end = start + length.min(available);
        siblings.next = end;
        Ok(Some(BoxHeader { kind, body: (start + header).min(end), end, is_cut: is_cut || siblings.is_cut }))
    }

    /// The first of `siblings` of this type.
    pub(super) fn find(&mut self, mut siblings: Siblings, kind: [u8; 4]) -> io::Result<Option<BoxHeader>> {
        while let Some(head) = self.next(&mut siblings)? {
            if head.is(kind) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Adds damage to the report.
    pub(super) fn add_damage(&mut self, damage: Damage) {
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(damage);
        }
    }

    /// The type of the box at `start`, its declared size (0: to the end of the file), and the size of its header.
    fn sizes(&mut self, start: u64) -> io::Result<Option<(FourCc, u64, u64)>> {
        let bytes = self.raw(start, 16)?;
        let (Some(short), Some(kind)) = (u32_be(bytes, 0), bytes.get(4..).and_then(<[u8]>::first_chunk))
        else {
            return Ok(None);
        };
        let kind = FourCc(*kind);
        Ok(match short {
            1 => u64_be(bytes, 8).map(|long| (kind, long, 16)),
            size => Some((kind, size.into(), 8)),
        })
    }

    /// Adds the damage of a box that is longer than its enclosing box; returns whether it is a box at all.
    fn report_overlong(&mut self, kind: FourCc, length: u64, available: u64, siblings: &Siblings) -> bool {
        if !kind.is_plausible() {
            return false;
        }
        if siblings.is_top {
            self.add_damage(Damage::Truncated(format!(
                "the {kind} box declares {length} bytes, but {available} are present"
            )));
        } else if !siblings.is_cut {
            self.add_damage(Damage::Malformed(format!(
                "the {kind} box declares {length} bytes, but its enclosing box has {available}"
            )));
        }
        true
    }

    /// Bytes from the window; none once the read limit is reached.
    fn raw(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        match self.window.at(offset, count) {
            Ok(bytes) => Ok(bytes),
            Err(error) if window::is_exhausted(&error) => {
                self.is_bounded = true;
                Ok(&[])
            }
            Err(error) => Err(error),
        }
    }
}
