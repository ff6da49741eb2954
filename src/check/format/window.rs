//! What a reader of formats sees of a source: bytes at any place of it, in bounded memory, and not more of them than a bound.
//!
//! What the bytes mean is the readers' business; numbers in them are taken out with [`number`](super::endian).

use std::io;

use super::Source;

/// Bytes that are read of one source at most, counted with what is read ahead.
pub const READ_BOUND: u64 = 256 * 1024;

/// The most that one look shows: as much as the end of a zip file can need (22 bytes and a comment of 65,535), rounded up.
pub(super) const LARGEST_LOOK: usize = 66 * 1024;

/// What is read at once at the head, where every reader looks.
const HEAD: usize = 4 * 1024;

/// What is read at once elsewhere. Little, because most looks follow an offset to a few bytes and go on from there.
const STEP: usize = 512;

/// How many places are held at once, the head first. They take what is read at most, and so less than [`READ_BOUND`].
const PLACES: usize = 4;

/// A bounded view of a source.
pub(super) struct Window<'s> {
    source: &'s mut dyn Source,
    size: u64,
    /// The head first, which is kept; the others are read over in turn.
    places: [Place; PLACES],
    oldest: usize,
    read: u64,
}

/// Some bytes, and where they stand.
#[derive(Default)]
struct Place {
    offset: u64,
    bytes: Vec<u8>,
}

/// The bound was reached. It travels in an [`io::Error`], so that what could not be looked at is never taken for an end of
/// the bytes; [`recognise`](super::recognise) takes it out again.
#[derive(Debug, thiserror::Error)]
#[error("more would have to be read than a look at the format may")]
struct Exhausted;

/// Whether a look failed for the bound alone, and not for the source.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    error.get_ref().and_then(|cause| cause.downcast_ref::<Exhausted>()).is_some()
}

impl<'s> Window<'s> {
    /// A view of all of `source`.
    pub(super) fn new(source: &'s mut dyn Source) -> Self {
        let size = source.size();
        Self { source, size, places: Default::default(), oldest: 1, read: 0 }
    }

    /// How many bytes there are.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The first `count` bytes, or all where there are fewer.
    pub(super) fn head(&mut self, count: usize) -> io::Result<&[u8]> {
        self.at(0, count)
    }

    /// The last `count` bytes, or all where there are fewer.
    pub(super) fn tail(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(LARGEST_LOOK);
        self.at(self.size.saturating_sub(count as u64), count)
    }

    /// The `count` bytes at `offset`, or as many as there are: none behind the end. Never more than [`LARGEST_LOOK`].
    ///
    /// Fails where the source does, and at the bound with an error that [`is_exhausted`] knows.
    pub(super) fn at(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let there = self.size.saturating_sub(offset);
        let count = usize::try_from(there).map_or(count, |there| there.min(count)).min(LARGEST_LOOK);
        let place = match self.places.iter().position(|place| place.holds(offset, count)) {
            Some(held) => held,
            None => self.fetch(offset, count)?,
        };
        let Place { offset: begin, bytes } = &self.places[place];
        let from = usize::try_from(offset.saturating_sub(*begin)).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[from..bytes.len().min(from + count)])
    }

    /// Reads `count` bytes at `offset` and some behind them; says into which place.
    fn fetch(&mut self, offset: u64, count: usize) -> io::Result<usize> {
        let place = if offset == 0 { 0 } else { self.oldest };
        let wanted = count.max(if place == 0 { HEAD } else { STEP });
        let there = self.size.saturating_sub(offset);
        let wanted = usize::try_from(there).map_or(wanted, |there| there.min(wanted));
        if self.read + wanted as u64 > READ_BOUND {
            return Err(io::Error::other(Exhausted));
        }
        if place != 0 {
            self.oldest = place % (PLACES - 1) + 1;
        }
        let Place { offset: begin, bytes } = &mut self.places[place];
        bytes.clear();
        bytes.resize(wanted, 0);
        *begin = offset;
        let mut filled = 0;
        while filled < wanted {
            match self.source.read_at(offset + filled as u64, &mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count.min(wanted - filled),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    bytes.clear();
                    return Err(error);
                }
            }
        }
        bytes.truncate(filled);
        self.read += filled as u64;
        Ok(place)
    }
}

impl Place {
    fn holds(&self, offset: u64, count: usize) -> bool {
        let end = self.offset + self.bytes.len() as u64;
        self.offset <= offset && offset.checked_add(count as u64).is_some_and(|wanted| wanted <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that say their place, and how many of them were read.
    struct Counted {
        size: u64,
        read: u64,
    }

    impl Source for Counted {
        fn size(&self) -> u64 {
            self.size
        }

        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            // As files may: less than was asked for.
            let count = buffer.len().min(300).min(usize::try_from(self.size - offset).unwrap_or(usize::MAX));
            for (at, byte) in buffer[..count].iter_mut().enumerate() {
                *byte = value(offset + at as u64);
            }
            self.read += count as u64;
            Ok(count)
        }
    }

    fn value(offset: u64) -> u8 {
        (offset % 251) as u8
    }

    #[test]
    fn what_is_seen_is_what_stands_there() {
        let mut source = Counted { size: 100_000, read: 0 };
        let mut window = Window::new(&mut source);
        let looks = [(0, 4), (0, 10_000), (9_000, 4), (99_990, 20), (100_000, 4), (u64::MAX, 4), (50_000, 0)];
        for (offset, count) in looks.into_iter().chain((0..40).map(|step| (step * 2_500, 700))) {
            let seen = window.at(offset, count).unwrap();
            let expected = usize::try_from(100_000_u64.saturating_sub(offset)).unwrap().min(count);
            assert_eq!(seen.len(), expected, "{count} at {offset}");
            assert!(seen.iter().zip(offset..).all(|(byte, at)| *byte == value(at)), "{count} at {offset}");
        }
        assert_eq!(window.head(3).unwrap(), [0, 1, 2]);
        assert_eq!(window.tail(2).unwrap(), [value(99_998), value(99_999)]);
        assert_eq!(window.tail(usize::MAX).unwrap().len(), LARGEST_LOOK);
    }

    #[test]
    fn no_more_is_read_than_the_bound_and_what_is_held_is_still_seen() {
        let mut source = Counted { size: u64::MAX, read: 0 };
        let mut window = Window::new(&mut source);
        window.head(4).unwrap();
        let refused = (1..).find_map(|step| window.at(step << 20, 700).err()).expect("a bound");
        assert!(is_exhausted(&refused));
        assert_eq!(window.head(4).unwrap(), [0, 1, 2, 3]);
        assert!(source.read <= READ_BOUND && source.read > READ_BOUND - 700, "{}", source.read);
        assert!(!is_exhausted(&io::Error::other("a disk")));
    }

    #[test]
    fn an_end_that_comes_too_early_is_an_end() {
        struct Shrunk;
        impl Source for Shrunk {
            fn size(&self) -> u64 {
                1000
            }
            fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
                let there = usize::try_from(10_u64.saturating_sub(offset)).unwrap();
                Ok(there.min(buffer.len()))
            }
        }
        let mut source = Shrunk;
        let mut window = Window::new(&mut source);
        assert_eq!(window.head(20).unwrap().len(), 10);
        assert_eq!(window.at(500, 20).unwrap().len(), 0);
    }
}
