//! HEIF: still images in the box structure that MP4 has too, told by their brand (ISO/IEC 23008-12 section 10, AVIF
//! section 8). Nothing more is looked at, since WhatsApp takes none of them.

use std::io;

use super::window::Window;
use super::{Format, Recognised};

/// The brands of images and of sequences of images.
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
