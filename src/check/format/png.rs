//! PNG: header (IHDR), animation (APNG) and truncation (W3C PNG, third edition, sections 5 and 11).

use std::io;

use super::endian::u32_be;
use super::window::Window;
use super::{Damage, Format, Png, PngColour, Recognised};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The IEND chunk that ends every PNG; its bytes are always the same.
const IEND: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";
/// The most chunks to walk: those before the image data, and all of them if IEND is not at the end of the file.
const MAX_CHUNKS: usize = 256;
/// Bytes at the end that are searched for IEND if there are too many chunks to walk.
const END_SEARCHED: usize = 16 * 1024;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(33)?;
    if !head.starts_with(&SIGNATURE) {
        return Ok(None);
    }
    let mut png = match ihdr(head) {
        Ok(png) => png,
        Err(damage) => return Ok(Some(Recognised { format: Format::Unknown, damage: vec![damage] })),
    };
    let damage = walk_chunks(window, &mut png)?.into_iter().collect();
    Ok(Some(Recognised { format: Format::Png(png), damage }))
}

/// Parses IHDR, the first chunk.
fn ihdr(head: &[u8]) -> Result<Png, Damage> {
    let malformed = |how: String| Err(Damage::Malformed(how));
    let (Some(width), Some(height), Some(&[bit_depth, colour])) =
        (u32_be(head, 16), u32_be(head, 20), head.get(24..26))
    else {
        return Err(Damage::Truncated("a PNG that ends within its header".into()));
    };
    match &head[12..16] {
        b"IHDR" => {}
        b"CgBI" => {
            return malformed(
                "a PNG in Apple's own variant (CgBI), which other software does not read".into(),
            );
        }
        _ => return malformed("a PNG whose first chunk is not a header (IHDR)".into()),
    }
    let (colour, depths): (_, &[u8]) = match colour {
        0 => (PngColour::Greyscale, &[1, 2, 4, 8, 16]),
        2 => (PngColour::Rgb, &[8, 16]),
        3 => (PngColour::Indexed, &[1, 2, 4, 8]),
        4 => (PngColour::GreyscaleAlpha, &[8, 16]),
        6 => (PngColour::Rgba, &[8, 16]),
        _ => return malformed(format!("the PNG header has colour type {colour}, which does not exist")),
    };
    if !depths.contains(&bit_depth) {
        return malformed(format!(
            "the PNG header has {bit_depth} bits per sample, which its colour type does not allow"
        ));
    }
    if ![width, height].iter().all(|side| (1..=i32::MAX.unsigned_abs()).contains(side)) {
        return malformed(format!("the PNG header has {width}×{height} pixels"));
    }
    Ok(Png { width, height, bit_depth, colour, is_animated: false })
}

impl Png {
    /// The minimum file size for this many pixels: DEFLATE expands one byte to at most 1032 (RFC 1951).
    fn min_size(&self) -> u64 {
        const MAX_RATIO: u64 = 1032;
        let samples = match self.colour {
            PngColour::Greyscale | PngColour::Indexed => 1,
            PngColour::GreyscaleAlpha => 2,
            PngColour::Rgb => 3,
            PngColour::Rgba => 4,
        };
        let row = 1 + (u64::from(self.width) * samples * u64::from(self.bit_depth)).div_ceil(8);
        row.saturating_mul(self.height.into()) / MAX_RATIO
    }
}

/// Walks the chunks: sets `is_animated` (acTL precedes the image data) and returns the first damage.
fn walk_chunks(window: &mut Window<'_>, png: &mut Png) -> io::Result<Option<Damage>> {
    let size = window.size();
    let ends_well = window.tail(IEND.len())? == IEND;
    if png.min_size() > size {
        return Ok(Some(Damage::Truncated(format!(
            "the PNG header has {}×{} pixels, which {size} bytes cannot hold",
            png.width, png.height
        ))));
    }
    let mut has_data = false;
    let mut offset = 33;
    for _ in 0..MAX_CHUNKS {
        let chunk = window.at(offset, 12)?;
        let (Some(length), Some(name)) = (u32_be(chunk, 0), chunk.get(4..8)) else {
            return Ok(Some(Damage::Truncated("the PNG chunks end before the last one (IEND)".into())));
        };
        if !name.iter().all(u8::is_ascii_alphabetic) {
            return Ok(Some(Damage::Malformed(format!("no PNG chunk begins at byte {offset}"))));
        }
        let end = offset + 12 + u64::from(length);
        if end > size {
            let (name, present) = (String::from_utf8_lossy(name).into_owned(), size - offset - 8);
            return Ok(Some(Damage::Truncated(format!(
                "the PNG chunk {name} declares {length} bytes, but {present} are present"
            ))));
        }
        match name {
            b"acTL" => png.is_animated = u32_be(chunk, 8) != Some(1),
            b"IDAT" if ends_well => return Ok(None),
            b"IDAT" => has_data = true,
            b"IEND" if !has_data => {
                return Ok(Some(Damage::Truncated("a PNG without image data (IDAT)".into())));
            }
            b"IEND" => return Ok(None),
            _ => {}
        }
        offset = end;
    }
    let is_ended = window.tail(END_SEARCHED)?.windows(IEND.len()).any(|bytes| bytes == IEND);
    Ok((!is_ended).then(|| Damage::Truncated("the PNG chunks end before the last one (IEND)".into())))
}
