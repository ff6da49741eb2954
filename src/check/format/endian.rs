//! Big-endian and little-endian integers from byte slices; `None` past the end of the slice.

/// The `N` bytes at `at`.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(super) fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

pub(super) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub(super) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_be(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

pub(super) fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_both_byte_orders_and_none_past_the_end() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((u16_be(&bytes, 6), u16_le(&bytes, 0)), (Some(0x0708), Some(0x0201)));
        assert_eq!((u32_be(&bytes, 4), u32_le(&bytes, 0)), (Some(0x0506_0708), Some(0x0403_0201)));
        assert_eq!(u64_le(&bytes, 0), Some(0x0807_0605_0403_0201));
        assert_eq!((u16_be(&bytes, 7), u32_le(&bytes, 5), u64_le(&bytes, 1)), (None, None, None));
        assert_eq!(u16_le(&bytes, usize::MAX), None);
    }
}
