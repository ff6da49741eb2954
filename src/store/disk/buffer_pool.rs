//! Buffer pool for bytes on their way from a file to a socket.
//!
//! Large buffers make large files fast, but a thousand slow clients must not hold a thousand of them. So large
//! buffers come from a pool of a configured size. A stream that finds the pool empty, or whose client is slow, reads
//! into small buffers.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Size of a pooled buffer, in bytes.
pub(crate) const LARGE: usize = 256 << 10;
/// Size of a buffer outside the pool, in bytes: what every stream may hold, however many there are.
pub(crate) const SMALL: usize = 16 << 10;

/// The pool of large buffers.
#[derive(Debug)]
pub(crate) struct BufferPool {
    state: Mutex<PoolState>,
}

#[derive(Debug)]
struct PoolState {
    free: Vec<Box<[u8]>>,
    /// Buffers that may still be allocated.
    unmade: usize,
}

/// A buffer to read into.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Never empty until the buffer is dropped.
    bytes: Box<[u8]>,
    filled: usize,
    /// The pool that it returns to; `None` for a small one.
    pool: Option<Arc<BufferPool>>,
}

impl BufferPool {
    /// A pool of `bytes` bytes, rounded down to whole buffers.
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        let unmade = usize::try_from(bytes / LARGE as u64).unwrap_or(usize::MAX);
        Arc::new(Self { state: Mutex::new(PoolState { free: Vec::new(), unmade }) })
    }

    /// A large buffer, if the pool has one left.
    pub(crate) fn large(self: &Arc<Self>) -> Option<Buffer> {
        let mut pool = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = if let Some(bytes) = pool.free.pop() {
            bytes
        } else {
            pool.unmade = pool.unmade.checked_sub(1)?;
            drop(pool);
            vec![0; LARGE].into()
        };
        Some(Buffer { bytes, filled: 0, pool: Some(Arc::clone(self)) })
    }
}

impl Buffer {
    /// A buffer of at most [`SMALL`] bytes.
    pub(crate) fn small(len: usize) -> Self {
        Self { bytes: vec![0; len.clamp(1, SMALL)].into(), filled: 0, pool: None }
    }

    /// The part of the buffer to read into: at most `len` bytes.
    pub(crate) fn spare_capacity(&mut self, len: u64) -> &mut [u8] {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.bytes.len());
        &mut self.bytes[..len]
    }

    /// The first `filled` bytes, which have been read.
    pub(crate) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            let bytes = std::mem::take(&mut self.bytes);
            pool.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_the_configured_size_and_buffers_return_to_it() {
        let pool = BufferPool::new(2 * LARGE as u64 + 1);
        let first = pool.large().expect("one of two").into_bytes(3);
        let second = pool.large().expect("two of two");
        assert!(pool.large().is_none());
        let reader = first.slice(1..2);
        drop(first);
        assert!(pool.large().is_none(), "still being read");
        drop((reader, second));
        assert!(pool.large().is_some());
    }
}
