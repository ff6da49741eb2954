//! GIF: animation and truncation within the first frames (`GIF89a` specification, sections 17 to 27).

use std::io;

use super::endian::u16_le;
use super::window::Window;
use super::{Damage, Format, Recognised};

/// The most blocks to walk, of up to 255 bytes each: enough for the first frame of most files.
const MAX_BLOCKS: usize = 400;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(13)?;
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return Ok(None);
    }
    let Some(&flags) = head.get(10).filter(|_| head.len() == 13) else {
        let damage = vec![Damage::Truncated("a GIF that ends within its header".into())];
        return Ok(Some(Recognised { format: Format::Unknown, damage }));
    };
    let is_empty = u16_le(head, 6) == Some(0) || u16_le(head, 8) == Some(0);
    let (is_animated, broken) = walk_blocks(window, 13 + colour_table_size(flags))?;
    let no_pixels = is_empty.then(|| Damage::Malformed("the GIF header has a size of 0 pixels".into()));
    let damage = broken.or(no_pixels).into_iter().collect();
    Ok(Some(Recognised { format: Format::Gif { is_animated }, damage }))
}

/// Size in bytes of the colour table that these flags announce.
const fn colour_table_size(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Walks the blocks up to a second frame or a loop extension; returns whether the image is animated, and the first damage.
fn walk_blocks(window: &mut Window<'_>, mut offset: u64) -> io::Result<(bool, Option<Damage>)> {
    let mut frames = 0;
    let mut blocks = 0;
    while blocks < MAX_BLOCKS && frames < 2 {
        blocks += 1;
        let block = window.at(offset, 19)?;
        match block {
            // The loop extension: only animated images have it.
            [0x21, 0xFF, 11, name @ ..] if name.starts_with(b"NETSCAPE2.0") => return Ok((true, None)),
            [0x21, _, ..] => offset += 2,
            [0x2C, _, _, _, _, _, _, _, _, flags, ..] => {
                frames += 1;
                offset += 11 + colour_table_size(*flags);
            }
            [0x3B, ..] => return Ok((false, None)),
            [] | [0x21 | 0x2C, ..] => {
                return Ok((false, Some(Damage::Truncated("the GIF blocks end before the trailer".into()))));
            }
            _ => {
                return Ok((false, Some(Damage::Malformed(format!("no GIF block begins at byte {offset}")))));
            }
        }
        // Extensions and frames consist of sub-blocks with a length byte, up to one of length 0.
        while blocks < MAX_BLOCKS {
            blocks += 1;
            let Some(&length) = window.at(offset, 1)?.first() else {
                return Ok((frames > 1, Some(Damage::Truncated("the GIF data end within a frame".into()))));
            };
            offset += 1 + u64::from(length);
            if length == 0 {
                break;
            }
        }
    }
    Ok((frames > 1, None))
}
