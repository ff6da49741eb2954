//! Boxes, of which every file of the MP4 family is made (ISO/IEC 14496-12, section 4.2): going from one to the next by their
//! heads, and never beyond the box that holds them.
//!
//! What is in a box is the business of its own reader.

use std::fmt::{self, Display, Formatter};
use std::io;

use crate::check::format::Damage;
use crate::check::format::endian::{u32_be, u64_be};
use crate::check::format::window::{self, Window};

/// The boxes that are looked at in one file.
const MOST_BOXES: u32 = 20_000;

/// What is told of damage in one file: the first of it explains the rest.
const MOST_DAMAGE: usize = 4;

/// Four characters that name a box, a brand or a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FourCc(pub(super) [u8; 4]);

/// The head of a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) kind: FourCc,
    /// Where what is in it begins.
    pub(super) body: u64,
    /// Where it ends, and never behind the end of the box that holds it.
    pub(super) end: u64,
    /// Whether it says that it is longer.
    is_cut: bool,
}

/// Boxes that stand side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Siblings {
    next: u64,
    end: u64,
    /// Whether they are the file's own, in no other box.
    is_top: bool,
    /// Whether the box that holds them is longer than what is there of it.
    is_cut: bool,
}

/// The reading of one file: what it looks at, how much it may, and what it found to be wrong.
pub(super) struct Reading<'w, 's> {
    window: &'w mut Window<'s>,
    boxes: u32,
    /// Whether a bound kept something from being seen.
    pub(super) is_bounded: bool,
    pub(super) damage: Vec<Damage>,
}

impl FourCc {
    /// Whether it could name a box: letters, digits and signs, or what Apple puts before names in `udta`.
    fn is_likely(self) -> bool {
        self.0.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xA9))
    }
}

impl Display for FourCc {
    /// One character a byte, so that no two are written alike.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{}", char::from(*byte)))
    }
}

impl Head {
    pub(super) fn is(&self, kind: [u8; 4]) -> bool {
        self.kind.0 == kind
    }

    /// How many bytes are in it.
    pub(super) const fn len(&self) -> u64 {
        self.end - self.body
    }

    /// The boxes in it, behind `skip` bytes of its own.
    pub(super) fn children(&self, skip: u64) -> Siblings {
        let next = self.body.saturating_add(skip).min(self.end);
        Siblings { next, end: self.end, is_top: false, is_cut: self.is_cut }
    }
}

impl<'w, 's> Reading<'w, 's> {
    pub(super) fn new(window: &'w mut Window<'s>) -> Self {
        Self { window, boxes: MOST_BOXES, is_bounded: false, damage: Vec::new() }
    }

    /// The boxes of the file itself.
    pub(super) fn top(&self) -> Siblings {
        Siblings { next: 0, end: self.window.size(), is_top: true, is_cut: false }
    }

    /// The `N` bytes at `offset` of what `within` holds; `None` where it ends before them, or a bound was reached.
    pub(super) fn bytes<const N: usize>(
        &mut self,
        within: &Head,
        offset: u64,
    ) -> io::Result<Option<[u8; N]>> {
        if offset.checked_add(N as u64).is_none_or(|end| end > within.len()) {
            return Ok(None);
        }
        self.raw(within.body + offset, N).map(|bytes| bytes.first_chunk().copied())
    }

    /// As many bytes at the beginning of what `within` holds as there are, up to `most`.
    pub(super) fn beginning(&mut self, within: &Head, most: usize) -> io::Result<&[u8]> {
        let count = usize::try_from(within.len()).map_or(most, |length| length.min(most));
        self.raw(within.body, count)
    }

    /// The next of `siblings`, or `None` behind the last, or where what follows is no box: what is wrong then is noted.
    pub(super) fn next(&mut self, siblings: &mut Siblings) -> io::Result<Option<Head>> {
        let start = siblings.next;
        let there = siblings.end - start;
        siblings.next = siblings.end;
        if there < 8 {
            // QuickTime ends some lists of boxes with four zero bytes, and a few bytes behind the last box harm nobody.
            return Ok(None);
        }
        if self.boxes == 0 {
            self.is_bounded = true;
            return Ok(None);
        }
        self.boxes -= 1;
        let Some((kind, said, head)) = self.sizes(start)? else { return Ok(None) };
        let length = match said {
            0 if siblings.is_top => there,
            // In another box, it ends the list.
            0 => return Ok(None),
            said if said < head => {
                if kind.is_likely() {
                    self.wrong(Damage::Malformed(format!(
                        "the box {kind} says {said} bytes, less than its own head"
                    )));
                }
                return Ok(None);
            }
            said => said,
        };
        let is_cut = length > there;
        if is_cut && !self.overlong(kind, length, there, siblings) {
            return Ok(None);
        }
        let end = start + length.min(there);
        siblings.next = end;
        Ok(Some(Head { kind, body: (start + head).min(end), end, is_cut: is_cut || siblings.is_cut }))
    }

    /// The first of `siblings` that is of this kind.
    pub(super) fn find(&mut self, mut siblings: Siblings, kind: [u8; 4]) -> io::Result<Option<Head>> {
        while let Some(head) = self.next(&mut siblings)? {
            if head.is(kind) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Notes what is wrong.
    pub(super) fn wrong(&mut self, damage: Damage) {
        if self.damage.len() < MOST_DAMAGE {
            self.damage.push(damage);
        }
    }

    /// What kind of box is at `start`, how many bytes it says it has (0: all that follow), and how many of them are its head.
    fn sizes(&mut self, start: u64) -> io::Result<Option<(FourCc, u64, u64)>> {
        let bytes = self.raw(start, 16)?;
        let (Some(short), Some(kind)) = (u32_be(bytes, 0), bytes.get(4..).and_then(<[u8]>::first_chunk))
        else {
            return Ok(None);
        };
        let kind = FourCc(*kind);
        Ok(match short {
            1 => u64_be(bytes, 8).map(|long| (kind, long, 16)),
            said => Some((kind, said.into(), 8)),
        })
    }

    /// Notes that a box is longer than what holds it; says whether it is a box at all.
    fn overlong(&mut self, kind: FourCc, length: u64, there: u64, siblings: &Siblings) -> bool {
        if !kind.is_likely() {
            return false;
        }
        if siblings.is_top {
            self.wrong(Damage::Truncated(format!(
                "the box {kind} says {length} bytes, and {there} are there"
            )));
        } else if !siblings.is_cut {
            self.wrong(Damage::Malformed(format!(
                "the box {kind} says {length} bytes, and the box around it has {there}"
            )));
        }
        true
    }

    /// What the window shows; nothing once its bound is reached.
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
