//! The `moov` box: duration and tracks of a movie.

use std::io;

use super::b_frames::{self, Fragments, Samples};
use super::boxes::{BoxHeader, BoxReader, Siblings};
use super::sample_entry;
use crate::check::format::{Damage, Track, TrackDetail, TrackKind};

/// The most tracks to report for one file.
const MAX_TRACKS: usize = 64;

/// `profile_idc` of Baseline, which has no B-frames (ITU-T H.264, A.2.1).
const BASELINE: u8 = 66;

/// The content of a `moov` box.
#[derive(Default)]
pub(super) struct Movie {
    pub(super) tracks: Vec<Track>,
    pub(super) duration_ms: Option<u64>,
    /// Whether it announces fragments (`mvex`).
    pub(super) is_extended: bool,
}

/// A movie's time scale and duration.
#[derive(Default, Clone, Copy)]
struct Clock {
    /// Units per second.
    timescale: u32,
    /// In units; `None` if unknown.
    duration: Option<u64>,
}

/// Reads `moov` of a movie with these fragments, which may be none.
pub(super) fn movie(
    reading: &mut BoxReader<'_, '_>,
    moov: &BoxHeader,
    fragments: &Fragments,
) -> io::Result<Movie> {
    let mut movie = Movie::default();
    let mut clock = Clock::default();
    let mut traks = Vec::new();
    let mut extension = None;
    let mut siblings = moov.children(0);
    while let Some(head) = reading.next(&mut siblings)? {
        match &head.kind.0 {
            b"mvhd" => clock = mvhd_clock(reading, &head)?,
            b"trak" if traks.len() < MAX_TRACKS => traks.push(head),
            b"mvex" => extension = Some(head),
            b"cmov" => reading.add_damage(Damage::Malformed(
                "the moov box is compressed (cmov), which few players read".into(),
            )),
            _ => {}
        }
    }
    movie.is_extended = extension.is_some();
    let is_fragmented = movie.is_extended || !fragments.moofs.is_empty();
    if is_fragmented && clock.duration == Some(0) {
        // The duration in mvhd covers only the samples before the fragments, and there are none.
        clock.duration = match extension {
            Some(extension) => mehd_duration(reading, &extension)?,
            None => None,
        };
    }
    movie.duration_ms = clock.milliseconds();
    for trak in traks {
        let track = track(reading, &trak, extension.as_ref(), fragments)?;
        movie.tracks.push(track);
    }
    Ok(movie)
}

impl Clock {
    fn milliseconds(self) -> Option<u64> {
        let milliseconds = u128::from(self.duration?) * 1000 / u128::from(self.timescale).max(1);
        (self.timescale > 0).then(|| u64::try_from(milliseconds).ok()).flatten()
    }
}

/// Reads `mvhd`.
fn mvhd_clock(reading: &mut BoxReader<'_, '_>, mvhd: &BoxHeader) -> io::Result<Clock> {
    let Some([version]) = reading.bytes(mvhd, 0)? else { return Ok(Clock::default()) };
    let at = if version == 1 { 20 } else { 12 };
    let timescale = reading.bytes(mvhd, at)?.map_or(0, u32::from_be_bytes);
    Ok(Clock { timescale, duration: duration(reading, mvhd, version, at + 4)? })
}

/// Reads `mehd` in `mvex`: the duration of a movie with all its fragments.
fn mehd_duration(reading: &mut BoxReader<'_, '_>, mvex: &BoxHeader) -> io::Result<Option<u64>> {
    let Some(mehd) = reading.find(mvex.children(0), *b"mehd")? else { return Ok(None) };
    let Some([version]) = reading.bytes(&mehd, 0)? else { return Ok(None) };
    duration(reading, &mehd, version, 4)
}

/// A duration at `at`, of 64 bits from version 1 on. All ones mean unknown.
fn duration(
    reading: &mut BoxReader<'_, '_>,
    head: &BoxHeader,
    version: u8,
    at: u64,
) -> io::Result<Option<u64>> {
    if version == 1 {
        let duration = reading.bytes(head, at)?.map(u64::from_be_bytes);
        return Ok(duration.filter(|duration| *duration != u64::MAX));
    }
    let duration = reading.bytes(head, at)?.map(u32::from_be_bytes);
    Ok(duration.filter(|duration| *duration != u32::MAX).map(u64::from))
}

/// Reads `trak`.
fn track(
    reading: &mut BoxReader<'_, '_>,
    trak: &BoxHeader,
    extension: Option<&BoxHeader>,
    fragments: &Fragments,
) -> io::Result<Track> {
    let mut kind = TrackKind::Other;
    let mut id = 0;
    let mut samples = Samples::default();
    let mut descriptions = None;
    let mut siblings = trak.children(0);
    while let Some(head) = reading.next(&mut siblings)? {
        match &head.kind.0 {
            b"tkhd" => id = track_id(reading, &head)?,
            b"mdia" => {
                let mut within = head.children(0);
                while let Some(head) = reading.next(&mut within)? {
                    match &head.kind.0 {
                        b"hdlr" => kind = handler(reading, &head)?,
                        b"minf" => sample_tables(reading, head.children(0), &mut descriptions, &mut samples)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let Some(stsd) = descriptions else {
        return Ok(Track { kind, codec: String::new(), detail: TrackDetail::None });
    };
    let (codec, mut detail) = sample_entry::read(reading, &stsd, kind)?;
    if let TrackDetail::Avc { profile, has_reordering, .. } = &mut detail {
        *has_reordering = match *profile {
            BASELINE => Some(false),
            _ => b_frames::is_reordered(reading, &samples, id, extension, fragments)?,
        };
    }
    Ok(Track { kind, codec, detail })
}

/// Finds the sample tables of a track in `minf`.
fn sample_tables(
    reading: &mut BoxReader<'_, '_>,
    minf: Siblings,
    descriptions: &mut Option<BoxHeader>,
    samples: &mut Samples,
) -> io::Result<()> {
    let Some(stbl) = reading.find(minf, *b"stbl")? else { return Ok(()) };
    let mut within = stbl.children(0);
    while let Some(head) = reading.next(&mut within)? {
        match &head.kind.0 {
            b"stsd" => *descriptions = Some(head),
            b"stts" => samples.durations = Some(head),
            b"ctts" => samples.offsets = Some(head),
            _ => {}
        }
    }
    Ok(())
}

/// The track ID, by which fragments refer to the track.
fn track_id(reading: &mut BoxReader<'_, '_>, tkhd: &BoxHeader) -> io::Result<u32> {
    let Some([version]) = reading.bytes(tkhd, 0)? else { return Ok(0) };
    let at = if version == 1 { 20 } else { 12 };
    Ok(reading.bytes(tkhd, at)?.map_or(0, u32::from_be_bytes))
}

/// The media type in the track's handler box.
fn handler(reading: &mut BoxReader<'_, '_>, hdlr: &BoxHeader) -> io::Result<TrackKind> {
    Ok(match reading.bytes(hdlr, 8)?.as_ref() {
        Some(b"vide") => TrackKind::Video,
        Some(b"soun") => TrackKind::Audio,
        Some(b"text" | b"subt" | b"sbtl" | b"clcp") => TrackKind::Text,
        _ => TrackKind::Other,
    })
}
