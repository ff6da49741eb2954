//! Whether the pictures of a track are shown in another order than they are stored in, which is what B-frames do.
//!
//! Each sample has the time at which it is decoded, the sum of the durations before it, and an offset from there to the time
//! at which it is shown (ISO/IEC 14496-12, 8.6.1). Offsets alone mean nothing: some writers shift all pictures alike. Where a
//! picture is shown before one that is stored before it, there is reordering.

use std::io;

use super::boxes::{Head, Reading};

/// The entries of a table, or the samples of fragments, that are looked at. Where pictures are reordered at all, one of the
/// first few shows it.
const MOST_ENTRIES: u32 = 4096;

/// The parts of one fragment, of all tracks, that are looked into.
const MOST_RUNS: u32 = 64;

/// The fragments of a movie.
#[derive(Default)]
pub(super) struct Fragments {
    pub(super) heads: Vec<Head>,
    /// Whether there are more than were noted.
    pub(super) has_more: bool,
}

/// The tables that stand in the movie's head.
#[derive(Default)]
pub(super) struct Samples {
    /// `stts`: how long samples last.
    pub(super) durations: Option<Head>,
    /// `ctts`: how much later they are shown.
    pub(super) offsets: Option<Head>,
}

/// Whether samples that are shown one after another are stored so.
#[derive(Default)]
struct Order {
    /// When the next sample is decoded.
    clock: i64,
    /// When the last one is shown.
    shown: Option<i64>,
    is_broken: bool,
}

impl Order {
    /// `count` samples follow, of this duration and offset each.
    fn push(&mut self, count: u32, duration: u32, offset: i32) {
        if count == 0 {
            return;
        }
        let first = self.clock.saturating_add(offset.into());
        let length = i64::from(duration).saturating_mul((count - 1).into());
        self.is_broken |= self.shown.is_some_and(|shown| first < shown);
        self.shown = Some(first.saturating_add(length));
        self.clock = self.clock.saturating_add(length).saturating_add(duration.into());
    }
}

/// Whether the pictures of the track with this `id` are reordered; `None` where that could not be seen within bounds.
pub(super) fn is_reordered(
    reading: &mut Reading<'_, '_>,
    samples: &Samples,
    id: u32,
    extension: Option<&Head>,
    fragments: &Fragments,
) -> io::Result<Option<bool>> {
    let in_tables = in_tables(reading, samples)?;
    if in_tables == Some(true) || fragments.heads.is_empty() {
        return Ok(in_tables);
    }
    let in_fragments = in_fragments(reading, id, extension, fragments)?;
    Ok(match (in_tables, in_fragments) {
        (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    })
}

/// What the tables of the movie's head say.
fn in_tables(reading: &mut Reading<'_, '_>, samples: &Samples) -> io::Result<Option<bool>> {
    let Some(offsets) = &samples.offsets else {
        return Ok((!reading.is_bounded).then_some(false));
    };
    let Some(entries) = reading.bytes(offsets, 4)?.map(u32::from_be_bytes) else { return Ok(None) };
    let mut durations = Durations { table: samples.durations, next: 0, left: 0, duration: 0 };
    let mut order = Order::default();
    for entry in 0..entries.min(MOST_ENTRIES) {
        let Some(count) = reading.bytes(offsets, 8 + 8 * u64::from(entry))?.map(u32::from_be_bytes) else {
            return Ok(None);
        };
        // Signed in version 1, and in QuickTime always.
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
    Ok((entries <= MOST_ENTRIES).then_some(false))
}

/// A walk along `stts`.
struct Durations {
    table: Option<Head>,
    /// The entry that comes next.
    next: u32,
    /// Samples of the present one that are left.
    left: u32,
    duration: u32,
}

impl Durations {
    /// How many samples follow that last alike, and how long each; `None` behind the last, or at a bound.
    fn next(&mut self, reading: &mut Reading<'_, '_>) -> io::Result<Option<(u32, u32)>> {
        let Some(table) = self.table else { return Ok(None) };
        while self.left == 0 {
            if self.next == MOST_ENTRIES {
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

/// What the fragments say.
fn in_fragments(
    reading: &mut Reading<'_, '_>,
    id: u32,
    extension: Option<&Head>,
    fragments: &Fragments,
) -> io::Result<Option<bool>> {
    let duration = match extension {
        Some(mvex) => default_duration(reading, mvex, id)?,
        None => 0,
    };
    let mut walk = Runs { duration, order: Order::default(), samples: MOST_ENTRIES, is_whole: true };
    for moof in &fragments.heads {
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

/// How long samples of a track last where a fragment does not say: `trex`.
fn default_duration(reading: &mut Reading<'_, '_>, mvex: &Head, id: u32) -> io::Result<u32> {
    let mut siblings = mvex.children(0);
    while let Some(head) = reading.next(&mut siblings)? {
        if head.is(*b"trex") && reading.bytes(&head, 4)? == Some(id.to_be_bytes()) {
            return Ok(reading.bytes(&head, 12)?.map_or(0, u32::from_be_bytes));
        }
    }
    Ok(0)
}

/// A walk along the runs of samples in the fragments of one track.
struct Runs {
    /// How long a sample lasts by default.
    duration: u32,
    order: Order,
    /// How many samples may still be looked at.
    samples: u32,
    /// Whether all were.
    is_whole: bool,
}

impl Runs {
    /// Follows one `traf`, if it is of the track with this `id`.
    fn fragment(&mut self, reading: &mut Reading<'_, '_>, traf: &Head, id: u32) -> io::Result<()> {
        let mut duration = self.duration;
        let mut runs = 0;
        let shown = self.order.shown;
        let mut siblings = traf.children(0);
        while let Some(head) = reading.next(&mut siblings)? {
            match &head.kind.0 {
                b"tfhd" => {
                    if reading.bytes(&head, 4)? != Some(id.to_be_bytes()) {
                        return Ok(());
                    }
                    duration = track_duration(reading, &head)?.unwrap_or(duration);
                    // Without `tfdt`, it is not known how much later it is than the one before.
                    self.order.shown = None;
                }
                b"tfdt" => {
                    self.order.shown = shown;
                    self.start(reading, &head)?;
                }
                b"trun" if runs == MOST_RUNS => self.is_whole = false,
                b"trun" => {
                    runs += 1;
                    self.run(reading, &head, duration)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets the clock to what `tfdt` says.
    fn start(&mut self, reading: &mut Reading<'_, '_>, tfdt: &Head) -> io::Result<()> {
        let clock = match reading.bytes(tfdt, 0)? {
            Some([1]) => reading.bytes(tfdt, 4)?.map(i64::from_be_bytes),
            _ => reading.bytes(tfdt, 4)?.map(u32::from_be_bytes).map(i64::from),
        };
        if let Some(clock) = clock {
            self.order.clock = clock;
        }
        Ok(())
    }

    /// Follows one `trun`.
    fn run(&mut self, reading: &mut Reading<'_, '_>, trun: &Head, default: u32) -> io::Result<()> {
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

/// How long samples last of which `tfhd` is the head, where it says so.
fn track_duration(reading: &mut Reading<'_, '_>, tfhd: &Head) -> io::Result<Option<u32>> {
    let flags = reading.bytes(tfhd, 0)?.map_or(0, u32::from_be_bytes);
    if flags & 0x8 == 0 {
        return Ok(None);
    }
    let at = 8 + if flags & 0x1 != 0 { 8 } else { 0 } + if flags & 0x2 != 0 { 4 } else { 0 };
    Ok(reading.bytes(tfhd, at)?.map(u32::from_be_bytes))
}
