//! Format recognition: identifies media by their bytes, independent of name and Content-Type.
//!
//! Each format that WhatsApp accepts has a reader; formats that are often sent instead are recognised by their signatures. Readers
//! read the start, the end and the offsets that the format points to, never a whole file. The input is untrusted: every length in
//! it is checked against the bytes available. A reader is a file with a function `read`, which returns what it found, or `None` if
//! the bytes have another format.

mod adts;
mod amr;
mod audio_frames;
mod compound;
mod endian;
mod format_names;
mod gif;
mod heif;
mod jpeg;
mod magic_bytes;
mod markup;
mod matroska;
mod model;
mod mp3;
mod mp4;
mod ogg;
mod pdf;
mod png;
#[cfg(test)]
mod tests;
mod text;
mod unsupported_media;
mod webp;
mod window;
mod zip;

pub use model::*;
pub use window::READ_BOUND;

use std::io;

use super::Source;
use window::Window;

type Reader = fn(&mut Window<'_>) -> io::Result<Option<Recognised>>;

/// All readers, in the order in which they are tried; the first match wins.
///
/// Formats with a unique signature come first. Then come formats known by a few bits (MPEG audio, ADTS) or by a signature that
/// need not be at offset 0 (PDF). Text comes last, because most formats could pass for text in some encoding. HEIF comes before
/// MP4, because both consist of the same boxes.
const READERS: &[Reader] = &[
    jpeg::read,
    png::read,
    webp::read,
    gif::read,
    heif::read,
    ogg::read,
    amr::read,
    mp4::read,
    unsupported_media::read,
    zip::read,
    compound::read,
    magic_bytes::read,
    pdf::read,
    mp3::read,
    adts::read,
    text::read,
];

/// Recognises the format of the bytes of `source`.
///
/// Reads at most [`READ_BOUND`] bytes; if that is not enough, the format is [`Format::Unreached`]. Fails only if reading the source
/// fails. Malformed bytes are reported as [`Recognised::damage`], or are [`Format::Unknown`].
pub fn recognise(source: &mut dyn Source) -> io::Result<Recognised> {
    let mut window = Window::new(source);
    if window.size() == 0 {
        return Ok(Format::Empty.into());
    }
    for read in READERS {
        match read(&mut window) {
            Ok(None) => {}
            Ok(Some(recognised)) => return Ok(recognised),
            // A reader continues after its first read only if the bytes have its format, so no later reader would match.
            Err(error) if window::is_exhausted(&error) => return Ok(Format::Unreached.into()),
            Err(error) => return Err(error),
        }
    }
    Ok(Format::Unknown.into())
}

impl From<Format> for Recognised {
    /// Bytes of this format, without damage.
    fn from(format: Format) -> Self {
        Self { format, damage: Vec::new() }
    }
}
