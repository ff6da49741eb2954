//! Codecs of audio tracks in MP4: which WhatsApp takes, and what they are called.

use crate::check::format::{Track, TrackDetail};

/// The object type indication of AAC in `esds`.
const AAC: u8 = 0x40;
/// The audio object types of AAC that phones decode: AAC-LC (2), and HE-AAC, which extends it with SBR (5) and PS (29).
pub(super) const LC_AND_HE_AAC: [u8; 3] = [2, 5, 29];

/// Whether an audio track is AAC of a profile that phones decode.
pub(super) fn is_accepted(track: &Track) -> bool {
    let has_profile = match track.detail {
        TrackDetail::Mpeg4Audio { aac, .. } => aac.is_none_or(|aac| LC_AND_HE_AAC.contains(&aac)),
        _ => false,
    };
    has_profile && is_aac(track)
}

/// Whether an audio track is AAC.
pub(super) fn is_aac(track: &Track) -> bool {
    matches!(track.detail, TrackDetail::Mpeg4Audio { object_type: AAC | 0x66..=0x68, .. })
}

/// The codec's usual name, with the sample entry's four characters.
pub(super) fn codec(track: &Track) -> String {
    let known = match (track.codec.as_str(), &track.detail) {
        (_, TrackDetail::Mpeg4Audio { object_type: 0x6b | 0x69, .. }) => "MP3",
        ("alac", _) => "Apple Lossless",
        ("Opus", _) => "Opus",
        ("ac-3", _) => "AC-3",
        ("ec-3", _) => "E-AC-3",
        ("samr", _) => "AMR",
        ("sawb", _) => "AMR-WB",
        ("hvc1" | "hev1", _) => "HEVC (H.265)",
        ("av01", _) => "AV1",
        ("vp09", _) => "VP9",
        ("mp4v", _) => "MPEG-4 part 2",
        ("s263" | "h263", _) => "H.263",
        ("sowt" | "twos" | "lpcm", _) => "PCM",
        _ => return track.codec.clone(),
    };
    format!("{known} ({})", track.codec)
}
