//! File formats: any bytes are recognised as something, without a panic, and without reading more than the limit.

#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use wamedia::check::Source;
use wamedia::check::format::{READ_BOUND, recognise};

/// The bytes, and how many of them were read.
struct Counted<'b> {
    bytes: &'b [u8],
    read: u64,
}

impl Source for Counted<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read_at(offset, buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut source = Counted { bytes, read: 0 };
    let recognised = recognise(&mut source).expect("memory can be read");
    assert!(source.read <= READ_BOUND, "{} bytes were read", source.read);
    let _ = recognised.format.name();
});
