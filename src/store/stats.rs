//! What the stores have done so far and how they are, for whoever watches over them.
//!
//! Counted is what is rare beside a request that is answered from memory; those the server counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::UpstreamFault;

/// A count that any thread may add to.
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

/// How the stores of a process are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Bytes of bodies in memory, those included that the cache has let go of while responses still send them.
    pub held: u64,
    /// Most that they may be.
    pub held_limit: u64,
    /// Bodies and open files that had to make room for others.
    pub evictions: u64,
    /// What was hashed.
    pub hashed: HashStats,
    /// The buckets, in the order in which they are looked through.
    pub buckets: Vec<BucketStats>,
}

/// What was read from disks to be hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HashStats {
    /// Number of files; one that changed is counted again.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The time that it took, reading included.
    pub time: Duration,
}

/// What was asked of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketStats {
    /// As it is written in the configuration: `s3://media/campaign`.
    pub name: String,
    /// The path of its mount, as in URLs: two mounts may be on one bucket.
    pub mount: String,
    /// Requests that were sent, retries included.
    pub requests: u64,
    /// Those that failed, by whose fault it was.
    pub failed: [(UpstreamFault, u64); 4],
    /// Those that were refused because we may not read the object, or may not know that there is none.
    pub forbidden: u64,
    /// Those whose answer was of no use: one that cannot be read, or that has no entity tag.
    pub unusable: u64,
    /// Those whose answer broke off within its body, whether or not the rest could be had afterwards.
    pub broken: u64,
    /// Whether it answered when it was last asked.
    pub answers: bool,
}

/// What of [`BucketStats`] is counted, while it is.
#[derive(Debug, Default)]
pub(super) struct BucketCounts {
    pub(super) requests: Counter,
    failed: [Counter; 4],
    pub(super) forbidden: Counter,
    pub(super) unusable: Counter,
    pub(super) broken: Counter,
}

/// [`HashStats`], while it is counted.
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
    fn a_failure_is_counted_under_its_fault() {
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
