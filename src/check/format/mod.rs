//! Telling what bytes are, whatever their name says: a reader for each format that WhatsApp takes, and recognition of what
//! is usually sent in its place.
//!
//! Readers look at heads, at tails, and where the format leads them; never at a whole file. What they read is a stranger's:
//! every length in it is held against what is there. A reader is a file of its own with a function `read`, which tells what
//! it found, or `None` where the bytes are of another format.

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

/// Every reader, in the order in which they are asked: the first that knows the bytes has them.
///
/// Formats with a signature that nothing else begins with come first. Then those that are known by a few bits (MPEG
/// audio, ADTS) or by something that need not stand at the very beginning (PDF), and text last, since all of them could
/// pass for a text in some encoding. HEIF comes before MP4, whose box structure it shares.
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

/// What the bytes of `source` are.
///
/// Reads [`READ_BOUND`] bytes at most; where that is too little to tell, the format is [`Format::Unreached`]. Fails only where the
/// source cannot be read. Bytes that make no sense are told as [`Recognised::damage`], or are [`Format::Unknown`].
pub fn recognise(source: &mut dyn Source) -> io::Result<Recognised> {
    let mut window = Window::new(source);
    if window.size() == 0 {
        return Ok(Format::Empty.into());
    }
    for read in READERS {
        match read(&mut window) {
            Ok(None) => {}
            Ok(Some(recognised)) => return Ok(recognised),
            // A reader goes on past its first look only with bytes that are its own, so no later one would know them.
            Err(error) if window::is_exhausted(&error) => return Ok(Format::Unreached.into()),
            Err(error) => return Err(error),
        }
    }
    Ok(Format::Unknown.into())
}

impl From<Format> for Recognised {
    /// Bytes of this format, with nothing wrong seen.
    fn from(format: Format) -> Self {
        Self { format, damage: Vec::new() }
    }
}
