//! B-frame detection: whether a track's pictures are displayed in another order than they are stored.
//!
//! Each sample has a decoding time, which is the sum of the durations before it, and an offset to its composition (display) time
//! (ISO/IEC 14496-12, 8.6.1). Offsets alone prove nothing: some writers shift all pictures equally. A track is reordered if a
//! picture is displayed before one that is stored before it.

use std::io;

use super::boxes::{BoxHeader, BoxReader};

/// The most entries of a table, or samples of fragments, to read. If pictures are reordered at all, the first few show it.
const MAX_ENTRIES: u32 = 4096;

/// The most `trun` boxes to read in one track fragment.
const MAX_RUNS: u32 = 64;

/// The fragments of a movie.
#[derive(Default)]
pub(super) struct Fragments {
    pub(super) moofs: Vec<BoxHeader>,
    /// Whether there are more than in this list.
    pub(super) has_more: bool,
}

/// The sample tables in `moov`.
#[derive(Default)]
pub(super) struct Samples {
    /// `stts`: sample durations.
    pub(super) durations: Option<BoxHeader>,
    /// `ctts`: composition offsets.
    pub(super) offsets: Option<BoxHeader>,
}

/// Compares the display order of samples with their storage order.
#[derive(Default)]
struct Order {
    /// Decoding time of the next sample.
    clock: i64,
    /// Display time of the last sample.
    displayed: Option<i64>,
    is_broken: bool,
}

impl Order {
    /// Adds `count` samples of this duration and offset each.
    fn push(&mut self, count: u32, duration: u32, offset: i32) {
        if count == 0 {
            return;
        }
        let first = self.clock.saturating_add(offset.into());
        let length = i64::from(duration).saturating_mul((count - 1).into());
        self.is_broken |= self.displayed.is_some_and(|displayed| first < displayed);
        self.displayed = Some(first.saturating_add(length));
        self.clock = self.clock.saturating_add(length).saturating_add(duration.into());
    }
}

/// Whether the pictures of the track with this `id` are reordered; `None` if the limits kept it from being determined.
pub(super) fn is_reordered(
    reading: &mut BoxReader<'_, '_>,
    samples: &Samples,
    id: u32,
    extension: Option<&BoxHeader>,
    fragments: &Fragments,
) -> io::Result<Option<bool>> {
    let in_tables = in_tables(reading, samples)?;
    if in_tables == Some(true) || fragments.moofs.is_empty() {
        return Ok(in_tables);
    }
    let in_fragments = in_fragments(reading, id, extension, fragments)?;
    Ok(match (in_tables, in_fragments) {
        (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    })
}

/// Reordering in the sample tables of `moov`.
fn in_tables(reading: &mut BoxReader<'_, '_>, samples: &Samples) -> io::Result<Option<bool>> {
    let Some(offsets) = &samples.offsets else {
        return Ok((!reading.is_bounded).then_some(false));
    };
    let Some(entries) = reading.bytes(offsets, 4)?.map(u32::from_be_bytes) else { return Ok(None) };
    let mut durations = Durations { table: samples.durations, next: 0, left: 0, duration: 0 };
    let mut order = Order::default();
    for entry in 0..entries.min(MAX_ENTRIES) {
        let Some(count) = reading.bytes(offsets, 8 + 8 * u64::from(entry))?.map(u32::from_be_bytes) else {
            return Ok(None);
        };
        // Signed in version 1, and always in QuickTime.
        let Some(offset) = reading.bytes(offsets, 12 + 8 * u64::from(entry))?.map(i32::from_be_bytes) else {
            return Ok(None);
        };
        let mut left = count;
        while left > 0 {
            let Some((most, duration)) = durations.next(reading)? else { return Ok(None) };
            let taken = left.min(most);
            order.push(taken, duration, offset);
            durations.left -= taken;
            left -= taken;
        }
        if order.is_broken {
            return Ok(Some(true));
        }
    }
    Ok((entries <= MAX_ENTRIES).then_some(false))
}

/// Iterates over `stts`.
struct Durations {
    table: Option<BoxHeader>,
    /// Index of the next entry.
    next: u32,
    /// Samples left in the current entry.
    left: u32,
    duration: u32,
}

impl Durations {
    /// The number of next samples with equal duration, and that duration; `None` after the last, or at a limit.
    fn next(&mut self, reading: &mut BoxReader<'_, '_>) -> io::Result<Option<(u32, u32)>> {
        let Some(table) = self.table else { return Ok(None) };
        while self.left == 0 {
            if self.next == MAX_ENTRIES {
                return Ok(None);
            }
            let at = 8 + 8 * u64::from(self.next);
            let (Some(count), Some(duration)) = (reading.bytes(&table, at)?, reading.bytes(&table, at + 4)?)
            else {
                return Ok(None);
            };
            self.next += 1;
            self.left = u32::from_be_bytes(count);
            self.duration = u32::from_be_bytes(duration);
        }
        Ok(Some((self.left, self.duration)))
    }
}

/// Reordering in the fragments.
fn in_fragments(
    reading: &mut BoxReader<'_, '_>,
    id: u32,
    extension: Option<&BoxHeader>,
    fragments: &Fragments,
) -> io::Result<Option<bool>> {
    let duration = match extension {
        Some(mvex) => default_duration(reading, mvex, id)?,
        None => 0,
    };
    let mut walk = Runs { duration, order: Order::default(), samples: MAX_ENTRIES, is_whole: true };
    for moof in &fragments.moofs {
        let mut siblings = moof.children(0);
        while let Some(head) = reading.next(&mut siblings)? {
            if head.is(*b"traf") {
                walk.fragment(reading, &head, id)?;
            }
        }
        if walk.order.is_broken {
            return Ok(Some(true));
        }
    }
    Ok((walk.is_whole && !fragments.has_more && !reading.is_bounded).then_some(false))
}

/// The default sample duration of a track (`trex`).
fn default_duration(reading: &mut BoxReader<'_, '_>, mvex: &BoxHeader, id: u32) -> io::Result<u32> {
    let mut siblings = mvex.children(0);
    while let Some(head) = reading.next(&mut siblings)? {
        if head.is(*b"trex") && reading.bytes(&head, 4)? == Some(id.to_be_bytes()) {
            return Ok(reading.bytes(&head, 12)?.map_or(0, u32::from_be_bytes));
        }
    }
    Ok(0)
}

/// Iterates over the track runs (`trun`) in the fragments of one track.
struct Runs {
    /// Default sample duration.
    duration: u32,
    order: Order,
    /// How many more samples may be read.
    samples: u32,
    /// Whether all samples were read.
    is_whole: bool,
}

impl Runs {
    /// Reads one `traf` if it belongs to the track with this `id`.
    fn fragment(&mut self, reading: &mut BoxReader<'_, '_>, traf: &BoxHeader, id: u32) -> io::Result<()> {
        let mut duration = self.duration;
        let mut runs = 0;
        let displayed = self.order.displayed;
        let mut siblings = traf.children(0);
        while let Some(head) = reading.next(&mut siblings)? {
            match &head.kind.0 {
                b"tfhd" => {
                    if reading.bytes(&head, 4)? != Some(id.to_be_bytes()) {
                        return Ok(());
                    }
                    duration = tfhd_duration(reading, &head)?.unwrap_or(duration);
                    // Without `tfdt`, the time since the previous fragment is unknown.
                    self.order.displayed = None;
                }
                b"tfdt" => {
                    self.order.displayed = displayed;
                    self.set_clock(reading, &head)?;
                }
                b"trun" if runs == MAX_RUNS => self.is_whole = false,
                b"trun" => {
                    runs += 1;
                    self.run(reading, &head, duration)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets the clock from `tfdt`.
    fn set_clock(&mut self, reading: &mut BoxReader<'_, '_>, tfdt: &BoxHeader) -> io::Result<()> {
        let clock = match reading.bytes(tfdt, 0)? {
            Some([1]) => reading.bytes(tfdt, 4)?.map(i64::from_be_bytes),
            _ => reading.bytes(tfdt, 4)?.map(u32::from_be_bytes).map(i64::from),
        };
        if let Some(clock) = clock {
            self.order.clock = clock;
        }
        Ok(())
    }

    /// Reads one `trun`.
    fn run(&mut self, reading: &mut BoxReader<'_, '_>, trun: &BoxHeader, default: u32) -> io::Result<()> {
        let (Some(flags), Some(count)) = (reading.bytes(trun, 0)?, reading.bytes(trun, 4)?) else {
            self.is_whole = false;
            return Ok(());
        };
        let (flags, count) = (u32::from_be_bytes(flags), u32::from_be_bytes(count));
        let has = |flag: u32| u64::from(flags & flag != 0);
        let (has_duration, has_offset) = (has(0x100) == 1, has(0x800) == 1);
        if !has_duration && !has_offset {
            self.order.push(count, default, 0);
            return Ok(());
        }
        let fields = 8 + 4 * (has(0x1) + has(0x4));
        let each = 4 * (has(0x100) + has(0x200) + has(0x400) + has(0x800));
        self.is_whole &= count <= self.samples;
        for sample in 0..count.min(self.samples) {
            let at = fields + each * u64::from(sample);
            let duration = if has_duration { reading.bytes(trun, at)? } else { Some(default.to_be_bytes()) };
            let offset = if has_offset { reading.bytes(trun, at + each - 4)? } else { Some([0; 4]) };
            let (Some(duration), Some(offset)) = (duration, offset) else {
                self.is_whole = false;
                return Ok(());
            };
            self.samples -= 1;
            self.order.push(1, u32::from_be_bytes(duration), i32::from_be_bytes(offset));
            if self.order.is_broken {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The default sample duration in `tfhd`, if present.
fn tfhd_duration(reading: &mut BoxReader<'_, '_>, tfhd: &BoxHeader) -> io::Result<Option<u32>> {
    let flags = reading.bytes(tfhd, 0)?.map_or(0, u32::from_be_bytes);
    if flags & 0x8 == 0 {
        return Ok(None);
    }
    let at = 8 + if flags & 0x1 != 0 { 8 } else { 0 } + if flags & 0x2 != 0 { 4 } else { 0 };
    Ok(reading.bytes(tfhd, at)?.map(u32::from_be_bytes))
}
