//! WebP: the size of its canvas, whether it moves and may be transparent, and whether all of it is there (RFC 9649
//! section 2; RFC 6386 section 9.1 and RFC 9649 section 3.4 for the two codecs' heads).

use std::io;

use super::endian::{u16_le, u32_le};
use super::window::Window;
use super::{Damage, Format, Recognised, WebP};

/// Chunks that are walked from the extended header to the image.
const MOST_CHUNKS: usize = 64;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let size = window.size();
    let head = window.head(30)?;
    if !head.starts_with(b"RIFF") || head.get(8..12) != Some(b"WEBP") {
        return Ok(None);
    }
    let said = u64::from(u32_le(head, 4).unwrap_or_default());
    let image = head.get(20..).unwrap_or_default();
    let found = match head.get(12..16) {
        Some(b"VP8 ") => lossy(image),
        Some(b"VP8L") => lossless(image),
        Some(b"VP8X") => extended(image),
        _ => None,
    };
    let mut damage = Vec::new();
    if said + 8 > size {
        damage.push(Damage::Truncated(format!(
            "its WebP header says {said} bytes, and {} are there",
            size - 8
        )));
    }
    let Some(webp) = found else {
        if damage.is_empty() {
            damage.push(Damage::Malformed("it begins as a WebP, but no image header follows".into()));
        }
        return Ok(Some(Recognised { format: Format::Unknown, damage }));
    };
    if damage.is_empty() {
        damage.extend(without_image(window, &webp)?);
    }
    Ok(Some(Recognised { format: Format::WebP(webp), damage }))
}

/// The head of a key frame of VP8.
fn lossy(frame: &[u8]) -> Option<WebP> {
    let is_key = frame.first()? & 1 == 0;
    let size = |at| Some(u32::from(u16_le(frame, at)? & 0x3FFF));
    let webp = WebP { width: size(6)?, height: size(8)?, is_animated: false, has_alpha: false };
    (is_key && frame[3..6] == [0x9D, 0x01, 0x2A] && webp.width > 0 && webp.height > 0).then_some(webp)
}

/// The head of a lossless image: a signature, two sizes less one of 14 bits each, and a hint of transparency.
fn lossless(image: &[u8]) -> Option<WebP> {
    let bits = u32_le(image, 1).filter(|_| image[0] == 0x2F)?;
    let size = |shift: u32| (bits >> shift & 0x3FFF) + 1;
    Some(WebP { width: size(0), height: size(14), is_animated: false, has_alpha: bits >> 28 & 1 == 1 })
}

/// The extended header: flags, and two sizes less one of 24 bits each.
fn extended(header: &[u8]) -> Option<WebP> {
    let flags = header.first()?;
    let size = |at: usize| Some(u32_le(&[header.get(at..at + 3)?, &[0]].concat(), 0)? + 1);
    Some(WebP {
        width: size(4)?,
        height: size(7)?,
        is_animated: flags & 0x02 != 0,
        has_alpha: flags & 0x10 != 0,
    })
}

/// What is wrong where a file with an extended header has no image behind it.
fn without_image(window: &mut Window<'_>, webp: &WebP) -> io::Result<Option<Damage>> {
    let size = window.size();
    let wanted: &[&[u8]] = if webp.is_animated { &[b"ANMF"] } else { &[b"VP8 ", b"VP8L"] };
    let mut offset = 12;
    for _ in 0..MOST_CHUNKS {
        let chunk = window.at(offset, 8)?;
        let (Some(name), Some(length)) = (chunk.get(..4), u32_le(chunk, 4).map(u64::from)) else {
            let missing = if webp.is_animated {
                "it is a moving WebP without a frame"
            } else {
                "it is a WebP without an image"
            };
            return Ok(Some(Damage::Malformed(missing.into())));
        };
        let is_image = wanted.contains(&name) || name == b"VP8 " || name == b"VP8L";
        if offset + 8 + length > size {
            let (name, there) = (String::from_utf8_lossy(name).escape_debug().to_string(), size - offset - 8);
            return Ok(Some(Damage::Malformed(format!(
                "the WebP chunk {name} says {length} bytes, and {there} are there"
            ))));
        }
        if is_image {
            return Ok(None);
        }
        // Chunks begin at even places.
        offset += 8 + length + length % 2;
    }
    Ok(None)
}
