//! Property tests: on any bytes, recognition ends, stays within the read limit and does not panic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// A source of any declared size, with bytes at its start and end and zeros between them. Counts the bytes read.
struct Sparse {
    head: Vec<u8>,
    tail: Vec<u8>,
    size: u64,
    read: u64,
}

impl Source for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let available = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buffer.len().min(available);
        let tail = self.size.saturating_sub(self.tail.len() as u64);
        for (byte, at) in buffer[..count].iter_mut().zip(offset..) {
            let of_head = usize::try_from(at).ok().and_then(|at| self.head.get(at));
            let of_tail = at.checked_sub(tail).and_then(|at| self.tail.get(usize::try_from(at).ok()?));
            *byte = of_head.or(of_tail).copied().unwrap_or(0);
        }
        self.read += count as u64;
        Ok(count)
    }
}

/// Recognises these bytes, alone and as start and end of a source of `size`, and asserts the read limit.
fn assert_read_limit(bytes: &[u8], size: u64) {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let whole = Sparse { head: bytes.to_vec(), tail: Vec::new(), size: bytes.len() as u64, read: 0 };
    let large =
        Sparse { head: head.to_vec(), tail: tail.to_vec(), size: size.max(bytes.len() as u64), read: 0 };
    for mut source in [whole, large] {
        let recognised = recognise(&mut source).expect("a source that can be read");
        assert!(source.read <= READ_BOUND, "{} bytes were read for {recognised:?}", source.read);
        // Every format has a name.
        let _ = recognised.format.name();
    }
}

/// Every file of `tests/media`, and the smaller ones of `media-sample`.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folders = ["tests/media", "media-sample/stickers", "media-sample/prices", "media-sample/personal"];
    let files = folders.into_iter().flat_map(|name| std::fs::read_dir(folder(name)).unwrap());
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_recognised_within_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..2048), size: u64) {
        assert_read_limit(&bytes, size);
    }

    #[test]
    fn any_mutated_file_is_recognised_within_the_limit(
        seed: prop::sample::Index,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0), Just(0xFF), any::<u8>()]), 0..12),
        cut: prop::sample::Index,
        is_cut: bool,
        size in prop_oneof![0..100_000_u64, any::<u64>()],
    ) {
        let mut bytes = SEEDS[seed.index(SEEDS.len())].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            // Most relevant fields are at the start.
            let at = if at % 2 == 0 { at } else { at % 256 % bytes.len() };
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        assert_read_limit(&bytes, size);
    }
}
