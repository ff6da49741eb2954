//! GIF: whether it moves, and whether its first frames are there (`GIF89a` specification, sections 17 to 27).

use std::io;

use super::endian::u16_le;
use super::window::Window;
use super::{Damage, Format, Recognised};

/// Blocks that are walked, of 255 bytes each at most: enough for the first frame of most.
const MOST_BLOCKS: usize = 400;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(13)?;
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return Ok(None);
    }
    let Some(&flags) = head.get(10).filter(|_| head.len() == 13) else {
        let damage = vec![Damage::Truncated("it begins as a GIF and ends within its header".into())];
        return Ok(Some(Recognised { format: Format::Unknown, damage }));
    };
    let is_empty = u16_le(head, 6) == Some(0) || u16_le(head, 8) == Some(0);
    let (is_animated, broken) = walk(window, 13 + colours(flags))?;
    let flat = is_empty.then(|| Damage::Malformed("its GIF header says a size of 0 pixels".into()));
    let damage = broken.or(flat).into_iter().collect();
    Ok(Some(Recognised { format: Format::Gif { is_animated }, damage }))
}

/// Bytes of the table of colours that these flags announce.
const fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Walks the blocks up to a second frame, or to what only moving images have; says whether it moves, and what is wrong.
fn walk(window: &mut Window<'_>, mut offset: u64) -> io::Result<(bool, Option<Damage>)> {
    let mut frames = 0;
    let mut blocks = 0;
    while blocks < MOST_BLOCKS && frames < 2 {
        blocks += 1;
        let block = window.at(offset, 19)?;
        match block {
            // What loops has more than one frame: this extension is written for nothing else.
            [0x21, 0xFF, 11, name @ ..] if name.starts_with(b"NETSCAPE2.0") => return Ok((true, None)),
            [0x21, _, ..] => offset += 2,
            [0x2C, _, _, _, _, _, _, _, _, flags, ..] => {
                frames += 1;
                offset += 11 + colours(*flags);
            }
            [0x3B, ..] => return Ok((false, None)),
            [] | [0x21 | 0x2C, ..] => {
                return Ok((
                    false,
                    Some(Damage::Truncated("its GIF blocks stop before the last one".into())),
                ));
            }
            _ => {
                return Ok((false, Some(Damage::Malformed(format!("no GIF block begins at byte {offset}")))));
            }
        }
        // The data of both come in blocks that say their lengths, up to one of 0.
        while blocks < MOST_BLOCKS {
            blocks += 1;
            let Some(&length) = window.at(offset, 1)?.first() else {
                return Ok((frames > 1, Some(Damage::Truncated("its GIF data stop within a frame".into()))));
            };
            offset += 1 + u64::from(length);
            if length == 0 {
                break;
            }
        }
    }
    Ok((frames > 1, None))
}
