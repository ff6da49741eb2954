//! HEIF (HEIC, AVIF): images in the box structure of MP4, recognised by their `ftyp` brand (ISO/IEC 23008-12 section 10, AVIF
//! section 8). Nothing more is read, because WhatsApp accepts none of them.

use std::io;

use super::window::Window;
use super::{Format, Recognised};

/// The brands of images and image sequences.
pub(super) const BRANDS: [&[u8; 4]; 13] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1",
    b"avif", b"avis",
];

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(12)?;
    let brand =
        head.get(8..12).filter(|brand| head[4..8] == *b"ftyp" && BRANDS.iter().any(|known| brand == known));
    Ok(brand.map(|brand| Format::Heif { brand: String::from_utf8_lossy(brand).into_owned() }.into()))
}
