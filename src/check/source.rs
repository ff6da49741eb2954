//! Random-access byte source: a file, a bucket object or a fetched response.

use std::io;

/// Bytes that the format readers read at any offset.
///
/// A source reads exactly the requested range and nothing ahead, so that the bytes read can be counted against a limit.
pub trait Source {
    /// Total size in bytes.
    fn size(&self) -> u64;

    /// Reads bytes at `offset` into `buffer` and returns how many. 0 means the end of the source or an empty buffer. It may return
    /// fewer bytes than fit; call it again for the rest.
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
