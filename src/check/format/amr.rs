//! AMR and AMR-WB as a file (RFC 4867, section 5): a line that names the form, then frames one after another.

use std::io;

use super::endian::u32_be;
use super::window::Window;
use super::{Amr, Damage, Format, Recognised};

/// What the four forms begin with: whether it is wide band, and whether it says how many channels it has.
const FORMS: [(&[u8], bool, bool); 4] = [
    (b"#!AMR\n", false, false),
    (b"#!AMR-WB\n", true, false),
    (b"#!AMR_MC1.0\n", false, true),
    (b"#!AMR-WB_MC1.0\n", true, true),
];

/// How far frames are followed: 4 s of speech at the least.
const FOLLOWED: usize = 4 * 1024;

/// Reads an AMR file.
pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let size = window.size();
    let head = window.head(FOLLOWED)?;
    let Some((magic, is_wideband, has_channels)) =
        FORMS.into_iter().find(|(magic, ..)| head.starts_with(magic))
    else {
        return Ok(None);
    };
    let mut damage = Vec::new();
    let mut at = magic.len();
    let mut channels = 1;
    if has_channels {
        // 28 bits that are reserved, and 4 that count.
        match u32_be(head, at).map(|field| field.to_be_bytes()[3] & 0x0F) {
            Some(0) => damage.push(Damage::Malformed("it says that it has no channels".into())),
            Some(told) => channels = told,
            None => damage.push(Damage::Truncated("it ends before it says how many channels it has".into())),
        }
        at += 4;
    }
    if damage.is_empty() {
        damage.extend(frames(head, at, is_wideband, head.len() as u64 == size));
    }
    Ok(Some(Recognised { format: Format::Amr(Amr { is_wideband, channels }), damage }))
}

/// What is wrong with the frames from `at` on in `head`, which `is_all` of the file or a part.
fn frames(head: &[u8], mut at: usize, is_wideband: bool, is_all: bool) -> Option<Damage> {
    if at >= head.len() {
        return Some(Damage::Truncated("it has no frames".into()));
    }
    while let Some(&header) = head.get(at) {
        let Some(length) = frame_length(header, is_wideband) else {
            return Some(Damage::Malformed(format!("no frame begins at byte {at}, where one should")));
        };
        at += length;
        if at > head.len() && is_all {
            return Some(Damage::Truncated(format!(
                "the last frame ends at byte {at}, and there are {}",
                head.len()
            )));
        }
    }
    None
}

/// How long a frame is whose first byte is `header`, with that byte; `None` where no frame begins so.
///
/// The sizes follow from the bits of each mode, 3GPP TS 26.101 table 2 and TS 26.201 table 2, in whole bytes.
fn frame_length(header: u8, is_wideband: bool) -> Option<usize> {
    // Padding, which is zero: the first bit and the last two.
    if header & 0x83 != 0 {
        return None;
    }
    let bytes = match (header >> 3 & 0x0F, is_wideband) {
        (kind @ 0..=8, false) => [12, 13, 15, 17, 19, 20, 26, 31, 5][usize::from(kind)],
        (kind @ 0..=9, true) => [17, 23, 32, 36, 40, 46, 50, 58, 60, 5][usize::from(kind)],
        // Speech that was lost, and nothing to send.
        (14, true) | (15, _) => 0,
        _ => return None,
    };
    Some(1 + bytes)
}
