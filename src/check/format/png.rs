//! PNG: what its header says, whether it moves (APNG), and whether its end is there (W3C PNG, third edition, sections 5
//! and 11).

use std::io;

use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, Png, PngColour, Recognised};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The chunk that ends every PNG, which is always the same.
const END: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";
/// Chunks that are walked: before the image data, and through them where the end is not where it should be.
const MOST_CHUNKS: usize = 256;
/// How much of the end is searched for the end's chunk, where there are too many chunks to walk.
const END_SEARCHED: usize = 16 * 1024;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(33)?;
    if !head.starts_with(&SIGNATURE) {
        return Ok(None);
    }
    let mut png = match header(head) {
        Ok(png) => png,
        Err(damage) => return Ok(Some(Recognised { format: Format::Unknown, damage: vec![damage] })),
    };
    let damage = walk(window, &mut png)?.into_iter().collect();
    Ok(Some(Recognised { format: Format::Png(png), damage }))
}

/// The header chunk, which stands first.
fn header(head: &[u8]) -> Result<Png, Damage> {
    let malformed = |how: String| Err(Damage::Malformed(how));
    let (Some(width), Some(height), Some(&[bit_depth, colour])) =
        (u32_be(head, 16), u32_be(head, 20), head.get(24..26))
    else {
        return Err(Damage::Truncated("it begins as a PNG and ends within its header".into()));
    };
    match &head[12..16] {
        b"IHDR" => {}
        b"CgBI" => {
            return malformed("it is a PNG in Apple's own form (CgBI), which nothing else reads".into());
        }
        _ => return malformed("it begins as a PNG, but its first chunk is not a header (IHDR)".into()),
    }
    let (colour, depths): (_, &[u8]) = match colour {
        0 => (PngColour::Greyscale, &[1, 2, 4, 8, 16]),
        2 => (PngColour::Rgb, &[8, 16]),
        3 => (PngColour::Indexed, &[1, 2, 4, 8]),
        4 => (PngColour::GreyscaleAlpha, &[8, 16]),
        6 => (PngColour::Rgba, &[8, 16]),
        _ => return malformed(format!("its PNG header names colour type {colour}, which there is not")),
    };
    if !depths.contains(&bit_depth) {
        return malformed(format!(
            "its PNG header says {bit_depth} bits a sample, which its colours cannot have"
        ));
    }
    if ![width, height].iter().all(|side| (1..=i32::MAX.unsigned_abs()).contains(side)) {
        return malformed(format!("its PNG header says {width}×{height} pixels"));
    }
    Ok(Png { width, height, bit_depth, colour, is_animated: false })
}

impl Png {
    /// The fewest bytes in which so many pixels can stand: the coding makes 1032 bytes out of one at most (RFC 1951).
    fn least_size(&self) -> u64 {
        const MOST: u64 = 1032;
        let samples = match self.colour {
            PngColour::Greyscale | PngColour::Indexed => 1,
            PngColour::GreyscaleAlpha => 2,
            PngColour::Rgb => 3,
            PngColour::Rgba => 4,
        };
        let row = 1 + (u64::from(self.width) * samples * u64::from(self.bit_depth)).div_ceil(8);
        row.saturating_mul(self.height.into()) / MOST
    }
}

/// Walks the chunks: notes whether the image moves, which stands before the image data, and says what is wrong with them.
fn walk(window: &mut Window<'_>, png: &mut Png) -> io::Result<Option<Damage>> {
    let size = window.size();
    let ends_well = window.tail(END.len())? == END;
    if png.least_size() > size {
        return Ok(Some(Damage::Truncated(format!(
            "its PNG header says {}×{} pixels, which {size} bytes cannot hold",
            png.width, png.height
        ))));
    }
    let mut has_data = false;
    let mut offset = 33;
    for _ in 0..MOST_CHUNKS {
        let chunk = window.at(offset, 12)?;
        let (Some(length), Some(name)) = (u32_be(chunk, 0), chunk.get(4..8)) else {
            return Ok(Some(Damage::Truncated("its PNG chunks stop before the last one (IEND)".into())));
        };
        if !name.iter().all(u8::is_ascii_alphabetic) {
            return Ok(Some(Damage::Malformed(format!("no PNG chunk begins at byte {offset}"))));
        }
        let end = offset + 12 + u64::from(length);
        if end > size {
            let (name, there) = (String::from_utf8_lossy(name).into_owned(), size - offset - 8);
            return Ok(Some(Damage::Truncated(format!(
                "the PNG chunk {name} says {length} bytes, and {there} are there"
            ))));
        }
        match name {
            b"acTL" => png.is_animated = u32_be(chunk, 8) != Some(1),
            b"IDAT" if ends_well => return Ok(None),
            b"IDAT" => has_data = true,
            b"IEND" if !has_data => {
                return Ok(Some(Damage::Truncated("it is a PNG without image data (IDAT)".into())));
            }
            b"IEND" => return Ok(None),
            _ => {}
        }
        offset = end;
    }
    let is_ended = window.tail(END_SEARCHED)?.windows(END.len()).any(|bytes| bytes == END);
    Ok((!is_ended).then(|| Damage::Truncated("its PNG chunks stop before the last one (IEND)".into())))
}
