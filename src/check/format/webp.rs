//! WebP: canvas size, animation, transparency and truncation (RFC 9649 section 2; the frame headers of the two codecs: RFC 6386
//! section 9.1 for lossy, RFC 9649 section 3.4 for lossless).

use std::io;

use super::endian::{u16_le, u32_le};
use super::window::Window;
use super::{Damage, Format, Recognised, WebP};

/// The most chunks to walk from the extended header to the image.
const MAX_CHUNKS: usize = 64;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let size = window.size();
    let head = window.head(30)?;
    if !head.starts_with(b"RIFF") || head.get(8..12) != Some(b"WEBP") {
        return Ok(None);
    }
    let riff_size = u64::from(u32_le(head, 4).unwrap_or_default());
    let image = head.get(20..).unwrap_or_default();
    let found = match head.get(12..16) {
        Some(b"VP8 ") => vp8_header(image),
        Some(b"VP8L") => vp8l_header(image),
        Some(b"VP8X") => vp8x_header(image),
        _ => None,
    };
    let mut damage = Vec::new();
    if riff_size + 8 > size {
        damage.push(Damage::Truncated(format!(
            "the WebP header declares {riff_size} bytes, but {} are present",
            size - 8
        )));
    }
    let Some(webp) = found else {
        if damage.is_empty() {
            damage.push(Damage::Malformed("a WebP with no image header".into()));
        }
        return Ok(Some(Recognised { format: Format::Unknown, damage }));
    };
    if damage.is_empty() {
        damage.extend(missing_image(window, &webp)?);
    }
    Ok(Some(Recognised { format: Format::WebP(webp), damage }))
}

/// Parses the header of a VP8 key frame (lossy).
fn vp8_header(frame: &[u8]) -> Option<WebP> {
    let is_key = frame.first()? & 1 == 0;
    let size = |at| Some(u32::from(u16_le(frame, at)? & 0x3FFF));
    let webp = WebP { width: size(6)?, height: size(8)?, is_animated: false, has_alpha: false };
    (is_key && frame[3..6] == [0x9D, 0x01, 0x2A] && webp.width > 0 && webp.height > 0).then_some(webp)
}

/// Parses the VP8L header (lossless): a signature, width - 1 and height - 1 in 14 bits each, and an alpha hint.
fn vp8l_header(image: &[u8]) -> Option<WebP> {
    let bits = u32_le(image, 1).filter(|_| image[0] == 0x2F)?;
    let size = |shift: u32| (bits >> shift & 0x3FFF) + 1;
    Some(WebP { width: size(0), height: size(14), is_animated: false, has_alpha: bits >> 28 & 1 == 1 })
}

/// Parses the VP8X header (extended): flags, and width - 1 and height - 1 in 24 bits each.
fn vp8x_header(header: &[u8]) -> Option<WebP> {
    let flags = header.first()?;
    let size = |at: usize| Some(u32_le(&[header.get(at..at + 3)?, &[0]].concat(), 0)? + 1);
    Some(WebP {
        width: size(4)?,
        height: size(7)?,
        is_animated: flags & 0x02 != 0,
        has_alpha: flags & 0x10 != 0,
    })
}

/// The damage if no image chunk follows the extended header.
fn missing_image(window: &mut Window<'_>, webp: &WebP) -> io::Result<Option<Damage>> {
    let size = window.size();
    let wanted: &[&[u8]] = if webp.is_animated { &[b"ANMF"] } else { &[b"VP8 ", b"VP8L"] };
    let mut offset = 12;
    for _ in 0..MAX_CHUNKS {
        let chunk = window.at(offset, 8)?;
        let (Some(name), Some(length)) = (chunk.get(..4), u32_le(chunk, 4).map(u64::from)) else {
            let missing =
                if webp.is_animated { "an animated WebP without a frame" } else { "a WebP without an image" };
            return Ok(Some(Damage::Malformed(missing.into())));
        };
        let is_image = wanted.contains(&name) || name == b"VP8 " || name == b"VP8L";
        if offset + 8 + length > size {
            let (name, present) =
                (String::from_utf8_lossy(name).escape_debug().to_string(), size - offset - 8);
            return Ok(Some(Damage::Malformed(format!(
                "the WebP chunk {name} declares {length} bytes, but {present} are present"
            ))));
        }
        if is_image {
            return Ok(None);
        }
        // Chunks begin at even offsets.
        offset += 8 + length + length % 2;
    }
    Ok(None)
}
