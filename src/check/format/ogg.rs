//! Ogg (RFC 3533): which codec its streams carry, and in how many channels.
//!
//! Streams begin with a page each, all of them before the first page that goes on with one. The first packet of a stream
//! fills its page and names the codec. What a decoder would say of the packets behind it is not asked.

use std::io;

use super::endian::u32_le;
use super::window::{self, Window};
use super::{Damage, Format, Ogg, OggCodec, Recognised};

/// The fixed part of a page's head.
const PAGE_HEAD: usize = 27;

/// The largest page: its head, 255 segments' sizes, and as many segments of 255 bytes.
const LARGEST_PAGE: usize = PAGE_HEAD + 255 + 255 * 255;

/// Where an end is looked for first: pages of speech and music seldom come close to the largest.
const USUAL_TAIL: usize = 16 * 1024;

/// The streams that are counted.
const MOST_STREAMS: usize = 64;

/// The flag of a page with which a stream begins.
const BEGINS: u8 = 0x02;

/// The head of a page.
struct Page {
    flags: u8,
    /// How long its head is.
    head: usize,
    /// How long it is as a whole.
    length: usize,
}

/// Reads an Ogg file.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    read_at(window, 0)
}

/// The same, where the file begins behind something else.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    if window.at(start, 5)? != b"OggS\0" {
        return Ok(None);
    }
    let mut ogg = Ogg { codec: OggCodec::Unknown, streams: 0, channels: None };
    let mut damage = Vec::new();
    let mut at = start;
    while ogg.streams < MOST_STREAMS {
        let Some(page) = page(window.at(at, PAGE_HEAD + 255)?) else {
            // The end is looked at below; a file that has nothing but beginnings has no sound either.
            if at < window.size() && window.at(at, 4)? != b"OggS" {
                damage.push(Damage::Malformed(format!("no page begins at byte {at}, where one ends")));
            }
            break;
        };
        if page.flags & BEGINS == 0 {
            if ogg.streams == 0 {
                damage.push(Damage::Malformed("it begins in the middle of a stream".into()));
            }
            break;
        }
        let packet = window.at(at + page.head as u64, page.length - page.head)?;
        // A skeleton describes the other streams, and is nothing to play.
        if !packet.starts_with(b"fishead\0") {
            if ogg.streams == 0 {
                (ogg.codec, ogg.channels) = codec(packet);
            }
            ogg.streams += 1;
        }
        at += page.length as u64;
    }
    if at >= window.size() && damage.is_empty() {
        damage.push(Damage::Truncated("it ends where its streams begin".into()));
    }
    if damage.is_empty() {
        damage.extend(tail(window)?);
    }
    Ok(Some(Recognised { format: Format::Ogg(ogg), damage }))
}

/// The page at the beginning of `bytes`, whose head has to be there whole.
fn page(bytes: &[u8]) -> Option<Page> {
    if !bytes.starts_with(b"OggS\0") {
        return None;
    }
    let flags = *bytes.get(5)?;
    let segments = bytes.get(PAGE_HEAD..PAGE_HEAD + usize::from(*bytes.get(PAGE_HEAD - 1)?))?;
    let head = PAGE_HEAD + segments.len();
    Some(Page { flags, head, length: head + segments.iter().map(|size| usize::from(*size)).sum::<usize>() })
}

/// The codec that the first packet of a stream names, and its channels.
fn codec(packet: &[u8]) -> (OggCodec, Option<u8>) {
    // RFC 7845, section 5.1; Vorbis I, section 4.2.2; the Speex manual, table 7.1; the Ogg mapping of FLAC.
    if packet.starts_with(b"OpusHead") {
        (OggCodec::Opus, packet.get(9).copied())
    } else if packet.starts_with(b"\x01vorbis") {
        (OggCodec::Vorbis, packet.get(11).copied())
    } else if packet.starts_with(b"Speex   ") {
        (OggCodec::Speex, u32_le(packet, 48).and_then(|channels| channels.try_into().ok()))
    } else if packet.starts_with(b"\x7FFLAC") {
        (OggCodec::Flac, packet.get(29).map(|byte| (byte >> 1 & 0x07) + 1))
    } else if packet.starts_with(b"fLaC") {
        (OggCodec::Flac, None)
    } else if packet.starts_with(b"\x80theora") {
        (OggCodec::Theora, None)
    } else {
        (OggCodec::Unknown, None)
    }
}

/// What is wrong with the end: the last page has to end with the file.
fn tail(window: &mut Window<'_>) -> io::Result<Option<Damage>> {
    for most in [USUAL_TAIL, LARGEST_PAGE] {
        let bytes = match window.tail(most) {
            Ok(bytes) => bytes,
            Err(error) if window::is_exhausted(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(last) = bytes.windows(5).rposition(|five| five == b"OggS\0") else { continue };
        let bytes = &bytes[last..];
        return Ok(match page(bytes) {
            None => Some(Damage::Truncated("it ends in the head of a page".into())),
            Some(page) if page.length > bytes.len() => Some(Damage::Truncated(format!(
                "the last page says {} bytes, and {} are there",
                page.length,
                bytes.len()
            ))),
            Some(_) => None,
        });
    }
    Ok(Some(Damage::Malformed("no page ends with the file".into())))
}
