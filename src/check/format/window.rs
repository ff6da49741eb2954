//! Read window: random access to a source in bounded memory, with a limit on the total bytes read.
//!
//! The format readers interpret the bytes, with the integer functions of [`endian`](super::endian).

use std::io;

use super::Source;

/// The most bytes that are read from one source, read-ahead included.
pub const READ_BOUND: u64 = 256 * 1024;

/// The largest single read: the end record of a zip file (22 bytes and a comment of up to 65,535), rounded up.
pub(super) const MAX_READ: usize = 66 * 1024;

/// Bytes fetched at once at the start of the source, which every reader reads.
const HEAD: usize = 4 * 1024;

/// Bytes fetched at once elsewhere. Few, because most reads follow an offset to a few bytes and then another offset.
const STEP: usize = 512;

/// How many buffers are kept, the start of the source first. Together they use less memory than [`READ_BOUND`].
const BUFFERS: usize = 4;

/// A view of a source with limits on memory and bytes read.
pub(super) struct Window<'s> {
    source: &'s mut dyn Source,
    size: u64,
    /// The first buffer keeps the start of the source; the others are reused in turn.
    buffers: [Buffer; BUFFERS],
    oldest: usize,
    read: u64,
}

/// Some bytes of the source and their offset.
#[derive(Default)]
struct Buffer {
    offset: u64,
    bytes: Vec<u8>,
}

/// The read limit was reached. It is wrapped in an [`io::Error`], so that unread bytes are never mistaken for the end of the
/// source; [`recognise`](super::recognise) unwraps it.
#[derive(Debug, thiserror::Error)]
#[error("recognising the format needs more bytes than the read limit allows")]
struct Exhausted;

/// Whether a read failed because of the read limit, not because of the source.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    error.get_ref().and_then(|cause| cause.downcast_ref::<Exhausted>()).is_some()
}

impl<'s> Window<'s> {
    /// A view of the whole `source`.
    pub(super) fn new(source: &'s mut dyn Source) -> Self {
        let size = source.size();
        Self { source, size, buffers: Default::default(), oldest: 1, read: 0 }
    }

    /// Size of the source in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The first `count` bytes, or all if there are fewer.
    pub(super) fn head(&mut self, count: usize) -> io::Result<&[u8]> {
        self.at(0, count)
    }

    /// The last `count` bytes, or all if there are fewer.
    pub(super) fn tail(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(MAX_READ);
        self.at(self.size.saturating_sub(count as u64), count)
    }

    /// The `count` bytes at `offset`, or as many as the source has there. Never more than [`MAX_READ`].
    ///
    /// Fails if the source fails, and at the read limit with an error for which [`is_exhausted`] is true.
    pub(super) fn at(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let available = self.size.saturating_sub(offset);
        let count = usize::try_from(available).map_or(count, |available| available.min(count)).min(MAX_READ);
        let index = match self.buffers.iter().position(|buffer| buffer.contains(offset, count)) {
            Some(cached) => cached,
            None => self.fetch(offset, count)?,
        };
        let Buffer { offset: begin, bytes } = &self.buffers[index];
        let from = usize::try_from(offset.saturating_sub(*begin)).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[from..bytes.len().min(from + count)])
    }

    /// Reads `count` bytes at `offset` with read-ahead into a buffer, and returns its index.
    fn fetch(&mut self, offset: u64, count: usize) -> io::Result<usize> {
        let index = if offset == 0 { 0 } else { self.oldest };
        let wanted = count.max(if index == 0 { HEAD } else { STEP });
        let available = self.size.saturating_sub(offset);
        let wanted = usize::try_from(available).map_or(wanted, |available| available.min(wanted));
        if self.read + wanted as u64 > READ_BOUND {
            return Err(io::Error::other(Exhausted));
        }
        if index != 0 {
            self.oldest = index % (BUFFERS - 1) + 1;
        }
        let Buffer { offset: begin, bytes } = &mut self.buffers[index];
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
        Ok(index)
    }
}

impl Buffer {
    fn contains(&self, offset: u64, count: usize) -> bool {
        let end = self.offset + self.bytes.len() as u64;
        self.offset <= offset && offset.checked_add(count as u64).is_some_and(|wanted| wanted <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source whose bytes encode their offset, and that counts the bytes read.
    struct Counted {
        size: u64,
        read: u64,
    }

    impl Source for Counted {
        fn size(&self) -> u64 {
            self.size
        }

        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            // Like a file, it may return fewer bytes than requested.
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
    fn reads_return_the_bytes_at_their_offset() {
        let mut source = Counted { size: 100_000, read: 0 };
        let mut window = Window::new(&mut source);
        let reads = [(0, 4), (0, 10_000), (9_000, 4), (99_990, 20), (100_000, 4), (u64::MAX, 4), (50_000, 0)];
        for (offset, count) in reads.into_iter().chain((0..40).map(|step| (step * 2_500, 700))) {
            let seen = window.at(offset, count).unwrap();
            let expected = usize::try_from(100_000_u64.saturating_sub(offset)).unwrap().min(count);
            assert_eq!(seen.len(), expected, "{count} at {offset}");
            assert!(seen.iter().zip(offset..).all(|(byte, at)| *byte == value(at)), "{count} at {offset}");
        }
        assert_eq!(window.head(3).unwrap(), [0, 1, 2]);
        assert_eq!(window.tail(2).unwrap(), [value(99_998), value(99_999)]);
        assert_eq!(window.tail(usize::MAX).unwrap().len(), MAX_READ);
    }

    #[test]
    fn reads_stop_at_the_limit_and_buffered_bytes_stay_readable() {
        let mut source = Counted { size: u64::MAX, read: 0 };
        let mut window = Window::new(&mut source);
        window.head(4).unwrap();
        let refused = (1..).find_map(|step| window.at(step << 20, 700).err()).expect("the read limit");
        assert!(is_exhausted(&refused));
        assert_eq!(window.head(4).unwrap(), [0, 1, 2, 3]);
        assert!(source.read <= READ_BOUND && source.read > READ_BOUND - 700, "{}", source.read);
        assert!(!is_exhausted(&io::Error::other("a disk")));
    }

    #[test]
    fn a_source_shorter_than_its_size_ends_early() {
        struct Shrunk;
        impl Source for Shrunk {
            fn size(&self) -> u64 {
                1000
            }
            fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
                let available = usize::try_from(10_u64.saturating_sub(offset)).unwrap();
                Ok(available.min(buffer.len()))
            }
        }
        let mut source = Shrunk;
        let mut window = Window::new(&mut source);
        assert_eq!(window.head(20).unwrap().len(), 10);
        assert_eq!(window.at(500, 20).unwrap().len(), 0);
    }
}
