//! Audio and video formats that WhatsApp does not accept, recognised so that findings can name them.

use std::io;

use super::endian::u64_le;
use super::window::Window;
use super::{Format, Recognised, matroska};

use Format::{OtherAudio, OtherVideo};

/// Signatures at the start of the file.
const SIGNATURES: &[(&[u8], Format)] = &[
    (b"fLaC", OtherAudio("FLAC")),
    (b"MThd\0\0\0\x06", OtherAudio("MIDI")),
    (b"caff\0\x01", OtherAudio("CAF")),
    (b"ADIF", OtherAudio("AAC in ADIF")),
    (b".snd\0\0\0", OtherAudio("AU")),
    (b"wvpk", OtherAudio("WavPack")),
    (b"MAC \x96\x0F", OtherAudio("Monkey's Audio")),
    // WeChat's voice recordings; it puts a byte before the signature.
    (b"#!SILK_V3", OtherAudio("SILK")),
    (b"\x02#!SILK_V3", OtherAudio("SILK")),
    (b"FLV\x01", OtherVideo("FLV")),
    (b".RMF\0\0\0", OtherVideo("RealMedia")),
    // Start codes (ISO/IEC 13818-1, 2.5.3; 13818-2, 6.2.2): a pack, a sequence.
    (b"\0\0\x01\xBA", OtherVideo("MPEG-PS")),
    (b"\0\0\x01\xB3", OtherVideo("MPEG video")),
    // A sequence parameter set with nal_ref_idc 3 (ITU-T H.264, B.1 and 7.3.1).
    (b"\0\0\0\x01\x67", OtherVideo("H.264 without a container")),
];

/// Four-character codes.
type Names = &'static [&'static [u8; 4]];

/// RIFF and IFF chunks, by their container and the form type 8 bytes later.
const CHUNKS: &[(Names, Names, Format)] = &[
    (&[b"RIFF", b"RIFX", b"RF64", b"BW64"], &[b"WAVE"], OtherAudio("WAV")),
    (&[b"RIFF"], &[b"AVI ", b"AVIX"], OtherVideo("AVI")),
    (&[b"RIFF"], &[b"RMID"], OtherAudio("MIDI")),
    (&[b"FORM"], &[b"AIFF", b"AIFC"], OtherAudio("AIFF")),
];

/// GUIDs of ASF objects (ASF specification, section 10), in file byte order.
pub(super) const ASF_HEADER: [u8; 16] = *b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C";
const ASF_STREAM: [u8; 16] = *b"\x91\x07\xDC\xB7\xB7\xA9\xCF\x11\x8E\xE6\x00\xC0\x0C\x20\x53\x65";
const ASF_AUDIO: [u8; 16] = *b"\x40\x9E\x69\xF8\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B";

/// The most objects of an ASF header to read.
const MAX_OBJECTS: usize = 64;

/// MPEG-TS packets, plain and with a timestamp before each (M2TS): offset of the first sync byte, and distance between them.
const PACKETS: [(u64, u64); 2] = [(0, 188), (4, 192)];

/// Recognises these formats.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    read_at(window, 0)
}

/// The same at offset `start`, for files after an ID3 tag.
pub(super) fn read_at(window: &mut Window<'_>, start: u64) -> io::Result<Option<Recognised>> {
    let head = window.at(start, 16)?;
    let known =
        SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, format)| format);
    if let Some(format) = known.or_else(|| chunk(head)) {
        return Ok(Some(format.clone().into()));
    }
    let format = if head == ASF_HEADER {
        Some(asf(window, start)?)
    } else if matroska::is_ebml(head) {
        matroska::read_at(window, start)?
    } else if is_transport_stream(window, start)? {
        Some(OtherVideo("MPEG-TS"))
    } else {
        None
    };
    Ok(format.map(Recognised::from))
}

/// The format that the first RIFF or IFF chunk names.
fn chunk(head: &[u8]) -> Option<&'static Format> {
    let (container, form) = (head.get(..4)?, head.get(8..12)?);
    let is_one = |names: Names, name: &[u8]| names.iter().any(|known| name == &known[..]);
    CHUNKS
        .iter()
        .find(|(containers, forms, _)| is_one(containers, container) && is_one(forms, form))
        .map(|(.., format)| format)
}

/// Windows Media: audio if all streams are audio.
fn asf(window: &mut Window<'_>, start: u64) -> io::Result<Format> {
    let mut has_audio = false;
    let mut at = start + 30;
    for _ in 0..MAX_OBJECTS {
        let object = window.at(at, 40)?;
        let Some(length) = u64_le(object, 16).filter(|length| *length >= 24) else { break };
        if object.starts_with(&ASF_STREAM) {
            if !object.ends_with(&ASF_AUDIO) {
                return Ok(OtherVideo("WMV"));
            }
            has_audio = true;
        }
        at = at.saturating_add(length);
    }
    Ok(if has_audio { OtherAudio("WMA") } else { OtherVideo("WMV") })
}

/// Whether MPEG-TS packets (ISO/IEC 13818-1, 2.4.3.2) follow each other: four of them, or as many as the file has.
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
