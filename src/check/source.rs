//! Bytes that can be read at any place: of a file, of an object in a bucket, of a response that was fetched.

use std::io;

/// What a reader of formats reads from.
///
/// A source hands out what is asked for and nothing more, so that what a reader looks at can be counted.
pub trait Source {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Reads bytes at `offset` into `buffer` and says how many: 0 where there are none or none fit, else perhaps fewer than fit,
    /// so that who needs them all asks again.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        let count = buffer.len().min(self.len() - from);
        buffer[..count].copy_from_slice(&self[from..from + count]);
        Ok(count)
    }
}
