//! Magic bytes of formats that WhatsApp does not list but that are sent anyway.

use std::io;

use super::endian::{u16_le, u32_le};
use super::window::Window;
use super::{Format, Recognised};

/// A signature: its offset, its bytes and the format.
struct Signature(usize, &'static [u8], Format);

use Format::{Other, OtherImage};

/// Signatures shorter than three bytes are confirmed by other fields of the file ([`is_confirmed`]).
const SIGNATURES: &[Signature] = &[
    Signature(0, b"II*\0", OtherImage("TIFF")),
    Signature(0, b"MM\0*", OtherImage("TIFF")),
    Signature(0, b"II+\0", OtherImage("TIFF")),
    Signature(0, b"MM\0+", OtherImage("TIFF")),
    Signature(0, b"BM", OtherImage("BMP")),
    Signature(0, b"\0\0\x01\0", OtherImage("ICO")),
    Signature(0, b"8BPS\0", OtherImage("PSD")),
    Signature(0, b"\0\0\0\x0cJXL \r\n\x87\n", OtherImage("JPEG XL")),
    Signature(0, b"\xff\x0a", OtherImage("JPEG XL")),
    Signature(0, b"\0\0\0\x0cjP  \r\n\x87\n", OtherImage("JPEG 2000")),
    Signature(0, b"\xff\x4f\xff\x51", OtherImage("JPEG 2000")),
    Signature(0, b"AT&TFORM", Other("DjVu")),
    Signature(0, b"{\\rtf", Format::Rtf),
    Signature(0, b"%!PS", Other("PostScript")),
    Signature(0, b"\xc5\xd0\xd3\xc6", Other("PostScript")),
    Signature(0, b"\x1f\x8b\x08", Other("gzip")),
    Signature(0, b"BZh", Other("bzip2")),
    Signature(0, b"\xfd7zXZ\0", Other("xz")),
    Signature(0, b"\x28\xb5\x2f\xfd", Other("Zstandard")),
    Signature(0, b"7z\xbc\xaf\x27\x1c", Other("7z")),
    Signature(0, b"Rar!\x1a\x07", Other("RAR")),
    Signature(257, b"ustar", Other("tar")),
    Signature(0, b"MSCF\0\0\0\0", Other("cabinet")),
    Signature(0, b"\x7fELF", Other("ELF program")),
    Signature(0, b"MZ", Other("Windows program")),
    Signature(0, b"\xfe\xed\xfa\xce", Other("macOS program")),
    Signature(0, b"\xfe\xed\xfa\xcf", Other("macOS program")),
    Signature(0, b"\xce\xfa\xed\xfe", Other("macOS program")),
    Signature(0, b"\xcf\xfa\xed\xfe", Other("macOS program")),
    Signature(0, b"\xca\xfe\xba\xbe", Other("Java class or macOS program")),
    Signature(0, b"\0asm", Other("WebAssembly")),
    Signature(0, b"#!", Other("script")),
    Signature(0, b"SQLite format 3\0", Other("SQLite")),
    Signature(0, b"\0\x01\0\0", Other("font")),
    Signature(0, b"OTTO", Other("font")),
    Signature(0, b"ttcf\0", Other("font")),
    Signature(0, b"wOFF", Other("font")),
    Signature(0, b"wOF2", Other("font")),
    Signature(0, b"bplist0", Other("property list")),
    Signature(0, b"L\0\0\0\x01\x14\x02\0", Other("Windows shortcut")),
    // AppleDouble: what macOS writes beside a file as `._name` on foreign file systems. LFS pointer: a large file in a Git repository.
    Signature(0, b"\0\x05\x16\x07", Other("AppleDouble file")),
    Signature(0, b"version https://git-lfs.github.com/", Other("Git LFS pointer")),
];

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    for Signature(at, bytes, format) in SIGNATURES {
        let head = window.head(at + bytes.len())?;
        if head.get(*at..) == Some(bytes) && is_confirmed(window, bytes)? {
            return Ok(Some(format.clone().into()));
        }
    }
    Ok(None)
}

/// Whether the fields after a short signature confirm the format.
fn is_confirmed(window: &mut Window<'_>, signature: &[u8]) -> io::Result<bool> {
    let size = window.size();
    let head = window.head(64)?;
    Ok(match signature {
        // The DIB header's length is one of the defined ones.
        b"BM" => u32_le(head, 14).is_some_and(|length| matches!(length, 12 | 40 | 52 | 56 | 64 | 108 | 124)),
        // The first image lies within the file.
        b"\0\0\x01\0" => {
            let image = u32_le(head, 14).zip(u32_le(head, 18));
            let count = u16_le(head, 4).unwrap_or(0);
            let fits =
                |(length, at)| at >= 6 + 16 * u32::from(count) && u64::from(at) + u64::from(length) <= size;
            count > 0 && head.get(9) == Some(&0) && image.is_some_and(fits)
        }
        // A bare JPEG XL codestream: contains control characters, unlike text that begins with these bytes.
        b"\xff\x0a" => head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26)),
        b"BZh" => head.get(4..10) == Some(b"1AY&SY") || head.get(4..10) == Some(b"\x17\x72\x45\x38\x50\x90"),
        b"MZ" => match u32_le(head, 60) {
            Some(at) => window.at(at.into(), 4)? == b"PE\0\0",
            None => false,
        },
        b"#!" => head[2..].trim_ascii_start().starts_with(b"/"),
        // The number of tables matches the search range computed from it.
        b"\0\x01\0\0" => {
            let tables = head.get(4..6).map(|bytes| u16::from(bytes[0]) << 8 | u16::from(bytes[1]));
            let range = head.get(6..8).map(|bytes| u16::from(bytes[0]) << 8 | u16::from(bytes[1]));
            tables.filter(|tables| (1..=256).contains(tables)).map(|tables| 16 << tables.ilog2()) == range
        }
        _ => true,
    })
}
