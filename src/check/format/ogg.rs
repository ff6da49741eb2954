//! Ogg (RFC 3533): logical streams, their codec and channels, and truncation.
//!
//! Each stream begins with a page of its own, before all continuing pages. The first packet of a stream fills that page and names
//! the codec. Later packets are not decoded.

use std::io;

use super::endian::u32_le;
use super::window::{self, Window};
use super::{Damage, Format, Ogg, OggCodec, Recognised};

/// Length of the fixed part of a page header.
const PAGE_HEADER: usize = 27;

/// The largest page: its header, 255 segment sizes, and 255 segments of 255 bytes.
const LARGEST_PAGE: usize = PAGE_HEADER + 255 + 255 * 255;

/// Bytes at the end that are searched first: pages of speech and music are seldom close to the largest.
const USUAL_TAIL: usize = 16 * 1024;

/// The most streams to count.
const MAX_STREAMS: usize = 64;

/// Header flag of the first page of a logical stream (BOS).
const BOS: u8 = 0x02;

/// A page header.
struct Page {
    flags: u8,
    /// Length of the header.
    header: usize,
    /// Length of the whole page.
    length: usize,
}

/// Reads an Ogg file.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    read_at(window, 0)
}

/// The same at offset `start`, for files after an ID3 tag.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    if window.at(start, 5)? != b"OggS\0" {
        return Ok(None);
    }
    let mut ogg = Ogg { codec: OggCodec::Unknown, streams: 0, channels: None };
    let mut damage = Vec::new();
    let mut at = start;
    while ogg.streams < MAX_STREAMS {
        let Some(page) = page_header(window.at(at, PAGE_HEADER + 255)?) else {
            // The end of the file is checked below; a file with only first pages has no audio.
            if at < window.size() && window.at(at, 4)? != b"OggS" {
                damage.push(Damage::Malformed(format!("no Ogg page begins at byte {at}")));
            }
            break;
        };
        if page.flags & BOS == 0 {
            if ogg.streams == 0 {
                damage.push(Damage::Malformed("the Ogg file begins in the middle of a stream".into()));
            }
            break;
        }
        let packet = window.at(at + page.header as u64, page.length - page.header)?;
        // A Skeleton stream describes the other streams and is not played.
        if !packet.starts_with(b"fishead\0") {
            if ogg.streams == 0 {
                (ogg.codec, ogg.channels) = codec(packet);
            }
            ogg.streams += 1;
        }
        at += page.length as u64;
    }
    if at >= window.size() && damage.is_empty() {
        damage.push(Damage::Truncated("the Ogg file ends after the first pages of its streams".into()));
    }
    if damage.is_empty() {
        damage.extend(last_page_damage(window)?);
    }
    Ok(Some(Recognised { format: Format::Ogg(ogg), damage }))
}

/// Parses the page header at the start of `bytes`, which must be complete.
fn page_header(bytes: &[u8]) -> Option<Page> {
    if !bytes.starts_with(b"OggS\0") {
        return None;
    }
    let flags = *bytes.get(5)?;
    let segments = bytes.get(PAGE_HEADER..PAGE_HEADER + usize::from(*bytes.get(PAGE_HEADER - 1)?))?;
    let header = PAGE_HEADER + segments.len();
    Some(Page {
        flags,
        header,
        length: header + segments.iter().map(|size| usize::from(*size)).sum::<usize>(),
    })
}

/// The codec and channels in the first packet of a stream.
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

/// The damage at the end of the file, where the last page must end.
fn last_page_damage(window: &mut Window<'_>) -> io::Result<Option<Damage>> {
    for most in [USUAL_TAIL, LARGEST_PAGE] {
        let bytes = match window.tail(most) {
            Ok(bytes) => bytes,
            Err(error) if window::is_exhausted(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(last) = bytes.windows(5).rposition(|five| five == b"OggS\0") else { continue };
        let bytes = &bytes[last..];
        return Ok(match page_header(bytes) {
            None => Some(Damage::Truncated("the file ends within an Ogg page header".into())),
            Some(page) if page.length > bytes.len() => Some(Damage::Truncated(format!(
                "the last Ogg page declares {} bytes, but {} are present",
                page.length,
                bytes.len()
            ))),
            Some(_) => None,
        });
    }
    Ok(Some(Damage::Malformed("no Ogg page at the end of the file".into())))
}
