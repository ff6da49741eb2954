//! Sound and films that WhatsApp takes under no type, told by their heads, so that what is sent in place of an MP3 or an MP4
//! gets its name.

use std::io;

use super::endian::u64_le;
use super::window::Window;
use super::{Format, Recognised, matroska};

use Format::{OtherAudio, OtherVideo};

/// What stands at the very beginning.
const SIGNATURES: &[(&[u8], Format)] = &[
    (b"fLaC", OtherAudio("FLAC")),
    (b"MThd\0\0\0\x06", OtherAudio("MIDI")),
    (b"caff\0\x01", OtherAudio("CAF")),
    (b"ADIF", OtherAudio("AAC in ADIF")),
    (b".snd\0\0\0", OtherAudio("AU")),
    (b"wvpk", OtherAudio("WavPack")),
    (b"MAC \x96\x0F", OtherAudio("Monkey's Audio")),
    // What WeChat records; it puts a byte before the name.
    (b"#!SILK_V3", OtherAudio("SILK")),
    (b"\x02#!SILK_V3", OtherAudio("SILK")),
    (b"FLV\x01", OtherVideo("FLV")),
    (b".RMF\0\0\0", OtherVideo("RealMedia")),
    // Start codes (ISO/IEC 13818-1, 2.5.3; 13818-2, 6.2.2): a pack, a sequence.
    (b"\0\0\x01\xBA", OtherVideo("MPEG-PS")),
    (b"\0\0\x01\xB3", OtherVideo("MPEG video")),
    // A sequence parameter set that can be referred to (ITU-T H.264, B.1 and 7.3.1).
    (b"\0\0\0\x01\x67", OtherVideo("H.264 without a container")),
];

/// Names of four characters.
type Names = &'static [&'static [u8; 4]];

/// Chunks of the Interchange File Format, by their container and the four characters 8 bytes on.
const CHUNKS: &[(Names, Names, Format)] = &[
    (&[b"RIFF", b"RIFX", b"RF64", b"BW64"], &[b"WAVE"], OtherAudio("WAV")),
    (&[b"RIFF"], &[b"AVI ", b"AVIX"], OtherVideo("AVI")),
    (&[b"RIFF"], &[b"RMID"], OtherAudio("MIDI")),
    (&[b"FORM"], &[b"AIFF", b"AIFC"], OtherAudio("AIFF")),
];

/// Identifiers of ASF's objects (the ASF specification, section 10), in the order in which they stand in a file.
pub(super) const ASF_HEADER: [u8; 16] = *b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C";
const ASF_STREAM: [u8; 16] = *b"\x91\x07\xDC\xB7\xB7\xA9\xCF\x11\x8E\xE6\x00\xC0\x0C\x20\x53\x65";
const ASF_SOUND: [u8; 16] = *b"\x40\x9E\x69\xF8\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B";

/// The objects of an ASF file's head that are looked at.
const MOST_OBJECTS: usize = 64;

/// Packets of MPEG-TS, bare and with a time before each (M2TS): where the first one's sync byte stands, and the next ones'.
const PACKETS: [(u64, u64); 2] = [(0, 188), (4, 192)];

/// Reads what these are.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    read_at(window, 0)
}

/// The same, where the file begins behind something else.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    let head = window.at(start, 16)?;
    let known =
        SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, format)| format);
    if let Some(format) = known.or_else(|| chunk(head)) {
        return Ok(Some(format.clone().into()));
    }
    let format = if head == ASF_HEADER {
        Some(asf(window, start)?)
    } else if matroska::is(head) {
        matroska::read_at(window, start)?
    } else if is_transport_stream(window, start)? {
        Some(OtherVideo("MPEG-TS"))
    } else {
        None
    };
    Ok(format.map(Recognised::from))
}

/// What the first chunk says that the file is.
fn chunk(head: &[u8]) -> Option<&'static Format> {
    let (container, form) = (head.get(..4)?, head.get(8..12)?);
    let is_one = |names: Names, name: &[u8]| names.iter().any(|known| name == &known[..]);
    CHUNKS
        .iter()
        .find(|(containers, forms, _)| is_one(containers, container) && is_one(forms, form))
        .map(|(.., format)| format)
}

/// Windows Media: sound where all its streams are.
fn asf(window: &mut Window<'_>, start: u64) -> io::Result<Format> {
    let mut has_sound = false;
    let mut at = start + 30;
    for _ in 0..MOST_OBJECTS {
        let object = window.at(at, 40)?;
        let Some(length) = u64_le(object, 16).filter(|length| *length >= 24) else { break };
        if object.starts_with(&ASF_STREAM) {
            if !object.ends_with(&ASF_SOUND) {
                return Ok(OtherVideo("WMV"));
            }
            has_sound = true;
        }
        at = at.saturating_add(length);
    }
    Ok(if has_sound { OtherAudio("WMA") } else { OtherVideo("WMV") })
}

/// Whether packets of MPEG-TS (ISO/IEC 13818-1, 2.4.3.2) follow each other: four of them, or as many as there are.
fn is_transport_stream(window: &mut Window<'_>, start: u64) -> io::Result<bool> {
    for (first, length) in PACKETS {
        let mut synced = 0;
        for packet in 0..4 {
            let Some(byte) = window.at(start + first + packet * length, 1)?.first().copied() else { break };
            if byte != 0x47 {
                synced = 0;
                break;
            }
            synced += 1;
        }
        if synced > 1 {
            return Ok(true);
        }
    }
    Ok(false)
}
