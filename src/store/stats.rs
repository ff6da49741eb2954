//! Counters and health of the stores, for metrics and health checks.
//!
//! The stores count what is rare compared with a request that is answered from memory. The server counts requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::UpstreamFault;

/// A counter that any thread may add to.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters and health of the stores of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Bytes of bodies in memory, including those that responses still send after their eviction from the cache.
    pub held: u64,
    /// The limit on those bytes.
    pub held_limit: u64,
    /// Bodies and open files that were evicted to make space for others.
    pub evictions: u64,
    /// What was hashed.
    pub hashed: HashStats,
    /// The buckets, in the order in which a path is matched with the mounts.
    pub buckets: Vec<BucketStats>,
}

/// What was read from disks to be hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HashStats {
    /// Number of files. A file that changed counts again.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The time spent, reading included.
    pub time: Duration,
}

/// Counters and health of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketStats {
    /// Its name in the configuration: `s3://media/campaign`.
    pub name: String,
    /// The path of its mount, as in URLs: two mounts may use one bucket.
    pub mount: String,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Failed requests, by kind of fault.
    pub failed: [(UpstreamFault, u64); 4],
    /// Requests denied because we may not read the object, or may not know that it does not exist.
    pub forbidden: u64,
    /// Responses that cannot be used: malformed, or without an entity tag.
    pub unusable: u64,
    /// Responses that broke off within their body, whether or not the rest could be read afterwards.
    pub broken: u64,
    /// Whether it answered the last request.
    pub answers: bool,
}

/// The counters behind [`BucketStats`].
#[derive(Debug, Default)]
pub(super) struct BucketCounts {
    pub(super) requests: Counter,
    failed: [Counter; 4],
    pub(super) forbidden: Counter,
    pub(super) unusable: Counter,
    pub(super) broken: Counter,
}

/// The counters behind [`HashStats`].
#[derive(Debug, Default)]
pub(crate) struct HashCounts {
    files: Counter,
    bytes: Counter,
    nanos: Counter,
}

impl BucketCounts {
    pub(super) fn failed(&self, fault: UpstreamFault) {
        self.failed[fault as usize].add(1);
    }

    pub(super) fn stats(&self, name: &str, mount: &str, answers: bool) -> BucketStats {
        BucketStats {
            name: name.to_owned(),
            mount: format!("/{mount}"),
            requests: self.requests.get(),
            failed: UpstreamFault::ALL.map(|fault| (fault, self.failed[fault as usize].get())),
            forbidden: self.forbidden.get(),
            unusable: self.unusable.get(),
            broken: self.broken.get(),
            answers,
        }
    }
}

impl HashCounts {
    pub(crate) fn add(&self, bytes: u64, time: Duration) {
        self.files.add(1);
        self.bytes.add(bytes);
        self.nanos.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn stats(&self) -> HashStats {
        HashStats {
            files: self.files.get(),
            bytes: self.bytes.get(),
            time: Duration::from_nanos(self.nanos.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_fault() {
        let counts = BucketCounts::default();
        counts.requests.add(3);
        counts.failed(UpstreamFault::Late);
        counts.failed(UpstreamFault::Late);
        counts.failed(UpstreamFault::Refused);
        let status = counts.stats("s3://media", "campaign", true);
        let expected = [
            (UpstreamFault::Refused, 1),
            (UpstreamFault::Unreachable, 0),
            (UpstreamFault::Unavailable, 0),
            (UpstreamFault::Late, 2),
        ];
        assert_eq!((status.requests, status.failed), (3, expected));
    }
}
