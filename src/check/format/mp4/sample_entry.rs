//! Sample descriptions (`stsd`): a track's codec and its details.

use std::io;

use super::boxes::{BoxHeader, BoxReader, FourCc};
use crate::check::format::{Damage, TrackDetail, TrackKind};

/// The most bytes of `esds` to read: its descriptors are few and short.
const MAX_ESDS: usize = 128;

/// Reads the first entry of `stsd`: the codec's four-character code and its details.
///
/// Leaves `has_reordering` unknown.
pub(super) fn read(
    reading: &mut BoxReader<'_, '_>,
    stsd: &BoxHeader,
    kind: TrackKind,
) -> io::Result<(String, TrackDetail)> {
    let Some([version]) = reading.bytes(stsd, 0)? else { return Ok((String::new(), TrackDetail::None)) };
    let Some(entry) = reading.next(&mut stsd.children(8))? else {
        return Ok((String::new(), TrackDetail::None));
    };
    let detail = match kind {
        TrackKind::Video => video(reading, &entry)?,
        TrackKind::Audio => audio(reading, &entry, version)?,
        TrackKind::Text | TrackKind::Other => TrackDetail::None,
    };
    Ok((entry.kind.to_string(), detail))
}

/// A visual sample entry (ISO/IEC 14496-12, 12.1.3).
fn video(reading: &mut BoxReader<'_, '_>, entry: &BoxHeader) -> io::Result<TrackDetail> {
    let width = reading.bytes(entry, 24)?.map_or(0, u16::from_be_bytes);
    let height = reading.bytes(entry, 26)?.map_or(0, u16::from_be_bytes);
    if !matches!(&entry.kind.0, b"avc1" | b"avc2" | b"avc3" | b"avc4") {
        return Ok(TrackDetail::Video { width, height });
    }
    // ISO/IEC 14496-15, 5.3.3.1.2: version, profile, compatibility, level.
    let configuration = match reading.find(entry.children(78), *b"avcC")? {
        Some(avcc) => reading.bytes(&avcc, 0)?,
        None => None,
    };
    let Some([_, profile, _, level]) = configuration else {
        missing(reading, entry.kind, "avcC");
        return Ok(TrackDetail::Video { width, height });
    };
    Ok(TrackDetail::Avc { profile, level, has_reordering: None, width, height })
}

/// An audio sample entry (ISO/IEC 14496-12, 12.2.3; `QuickTime`'s versions 1 and 2).
fn audio(reading: &mut BoxReader<'_, '_>, entry: &BoxHeader, stsd_version: u8) -> io::Result<TrackDetail> {
    let version = reading.bytes(entry, 8)?.map_or(0, u16::from_be_bytes);
    let mut channels = reading.bytes(entry, 16)?.map_or(0, u16::from_be_bytes);
    let fields = match (version, stsd_version) {
        (1, 0) => 44,
        (2, 0) => {
            let count = reading.bytes(entry, 40)?.map_or(0, u32::from_be_bytes);
            channels = u16::try_from(count).unwrap_or(u16::MAX);
            64
        }
        _ => 28,
    };
    if entry.is(*b"samr") || entry.is(*b"sawb") {
        // AMR is mono, whatever its field says: 3GPP TS 26.244, 6.5, requires 2 there.
        channels = 1;
    }
    if !entry.is(*b"mp4a") {
        return Ok(TrackDetail::Audio { channels });
    }
    let mut siblings = entry.children(fields);
    while let Some(head) = reading.next(&mut siblings)? {
        let esds = match &head.kind.0 {
            b"esds" => Some(head),
            // QuickTime wraps esds in wave.
            b"wave" => reading.find(head.children(0), *b"esds")?,
            _ => None,
        };
        if let Some(esds) = esds
            && let Some((object_type, aac, configured)) = decoder_config(reading.prefix(&esds, MAX_ESDS)?)
        {
            // Many writers put 2 into every sample entry.
            let channels = configured.unwrap_or(channels);
            return Ok(TrackDetail::Mpeg4Audio { object_type, aac, channels });
        }
    }
    missing(reading, entry.kind, "esds");
    Ok(TrackDetail::Audio { channels })
}

/// Adds the damage of a missing decoder configuration, unless the read limit kept it from being read.
fn missing(reading: &mut BoxReader<'_, '_>, entry: FourCc, what: &str) {
    if !reading.is_bounded && reading.damage.is_empty() {
        reading.add_damage(Damage::Malformed(format!("the {entry} sample entry has no readable {what}")));
    }
}

/// The object type indication in `esds`, and AAC's audio object type and channels (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2.1).
fn decoder_config(esds: &[u8]) -> Option<(u8, Option<u8>, Option<u16>)> {
    let stream = descriptor(esds.get(4..)?, 0x03)?;
    let flags = *stream.get(2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*stream.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let decoder = descriptor(stream.get(at..)?, 0x04)?;
    let object_type = *decoder.first()?;
    let config = match object_type {
        0x40 => decoder.get(13..).and_then(|rest| descriptor(rest, 0x05)),
        _ => None,
    };
    Some((object_type, config.and_then(audio_object_type), config.and_then(channels)))
}

/// The content of the descriptor at the start of `bytes` if it has this `tag`; as much of it as is present.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&found, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    (found == tag).then(|| &rest[..length.min(rest.len())])
}

/// The audio object type: 5 bits, and 6 more where they are all ones.
fn audio_object_type(config: &[u8]) -> Option<u8> {
    match *config.first()? >> 3 {
        31 => Some(32 + ((config[0] & 0x07) << 3 | config.get(1)? >> 5)),
        short => Some(short),
    }
}

/// The channels, if they follow a short object type and an indexed sampling rate and are not in a program config element.
fn channels(config: &[u8]) -> Option<u16> {
    let &[first, second] = config.first_chunk()?;
    let rate = (first & 0x07) << 1 | second >> 7;
    if first >> 3 == 31 || rate == 15 {
        return None;
    }
    match second >> 3 & 0x0F {
        count @ 1..=6 => Some(count.into()),
        7 => Some(8),
        _ => None,
    }
}
