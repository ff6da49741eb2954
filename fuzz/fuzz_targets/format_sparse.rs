//! File formats of files of any size up to the maximum: the first eight bytes are the size, two more say how many of the
//! others are at the head; the rest are at the end, with zeros between them.

#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use wamedia::check::Source;
use wamedia::check::format::{READ_BOUND, recognise};

struct Sparse<'b> {
    head: &'b [u8],
    tail: &'b [u8],
    size: u64,
    read: u64,
}

impl Source for Sparse<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let there = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buffer.len().min(there);
        let tail = self.size - self.tail.len() as u64;
        for (byte, at) in buffer[..count].iter_mut().zip(offset..) {
            let of_head = usize::try_from(at).ok().and_then(|at| self.head.get(at));
            let of_tail = at.checked_sub(tail).and_then(|at| self.tail.get(usize::try_from(at).ok()?));
            *byte = of_head.or(of_tail).copied().unwrap_or(0);
        }
        self.read += count as u64;
        Ok(count)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, bytes)) = bytes.split_first_chunk() else { return };
    let Some((head, bytes)) = bytes.split_first_chunk() else { return };
    let size = u64::from_le_bytes(*size).max(bytes.len() as u64);
    let (head, tail) = bytes.split_at(usize::from(u16::from_le_bytes(*head)).min(bytes.len()));
    let mut source = Sparse { head, tail, size, read: 0 };
    let recognised = recognise(&mut source).expect("memory can be read");
    assert!(source.read <= READ_BOUND, "{} bytes were read", source.read);
    let _ = recognised.format.name();
});
