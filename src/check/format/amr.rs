//! AMR and AMR-WB files (RFC 4867, section 5): a magic line, then frames.

use std::io;

use super::endian::u32_be;
use super::window::Window;
use super::{Amr, Damage, Format, Recognised};

/// The four magic lines: whether the file is wideband, and whether it has a channel field.
const MAGIC: [(&[u8], bool, bool); 4] = [
    (b"#!AMR\n", false, false),
    (b"#!AMR-WB\n", true, false),
    (b"#!AMR_MC1.0\n", false, true),
    (b"#!AMR-WB_MC1.0\n", true, true),
];

/// Bytes within which frames are followed: at least 4 s of speech.
const FOLLOWED: usize = 4 * 1024;

/// Reads an AMR file.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let size = window.size();
    let head = window.head(FOLLOWED)?;
    let Some((magic, is_wideband, has_channels)) =
        MAGIC.into_iter().find(|(magic, ..)| head.starts_with(magic))
    else {
        return Ok(None);
    };
    let mut damage = Vec::new();
    let mut at = magic.len();
    let mut channels = 1;
    if has_channels {
        // 28 reserved bits, then 4 bits with the number of channels.
        match u32_be(head, at).map(|field| field.to_be_bytes()[3] & 0x0F) {
            Some(0) => damage.push(Damage::Malformed("the AMR header declares no channels".into())),
            Some(count) => channels = count,
            None => damage.push(Damage::Truncated("the file ends before the AMR channel field".into())),
        }
        at += 4;
    }
    if damage.is_empty() {
        damage.extend(frame_damage(head, at, is_wideband, head.len() as u64 == size));
    }
    Ok(Some(Recognised { format: Format::Amr(Amr { is_wideband, channels }), damage }))
}

/// The first damage in the frames from `at` on in `head`; `is_all` says that `head` is the whole file.
fn frame_damage(head: &[u8], mut at: usize, is_wideband: bool, is_all: bool) -> Option<Damage> {
    if at >= head.len() {
        return Some(Damage::Truncated("the AMR file has no frames".into()));
    }
    while let Some(&header) = head.get(at) {
        let Some(length) = frame_length(header, is_wideband) else {
            return Some(Damage::Malformed(format!("no AMR frame begins at byte {at}")));
        };
        at += length;
        if at > head.len() && is_all {
            return Some(Damage::Truncated(format!(
                "the last frame ends at byte {at}, but {} bytes are present",
                head.len()
            )));
        }
    }
    None
}

/// The length of a frame whose first byte is `header`, including that byte; `None` if the byte is not a frame header.
///
/// The sizes follow from the bits of each mode, 3GPP TS 26.101 table 2 and TS 26.201 table 2, in whole bytes.
fn frame_length(header: u8, is_wideband: bool) -> Option<usize> {
    // The padding bits, the first and the last two, are zero.
    if header & 0x83 != 0 {
        return None;
    }
    let bytes = match (header >> 3 & 0x0F, is_wideband) {
        (kind @ 0..=8, false) => [12, 13, 15, 17, 19, 20, 26, 31, 5][usize::from(kind)],
        (kind @ 0..=9, true) => [17, 23, 32, 36, 40, 46, 50, 58, 60, 5][usize::from(kind)],
        // Lost speech (14) and no data (15).
        (14, true) | (15, _) => 0,
        _ => return None,
    };
    Some(1 + bytes)
}
