//! Metrics: counters and histograms, which each core keeps for itself.
//!
//! A core's counters lie on cache lines that no other core writes, so that counting costs a request a few plain additions; the
//! reader adds the cores up. The [admin listener](super::admin) exposes the sums.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::StatusCode;

use super::request::record::Record;
use super::tls::HandshakeFailure;

/// A counter that one thread increments and any thread may read.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        // Not an atomic addition, which would cost several times as much: no other thread writes it.
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of a histogram's buckets.
pub(super) const BOUNDS: [Duration; 13] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_mins(1),
];

/// Histogram of durations.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// How many durations are within each bound and not within the one before; the last is for those above all bounds.
    buckets: [Counter; BOUNDS.len() + 1],
    /// Sum of all durations, in nanoseconds.
    sum: Counter,
}

/// The values of a [`Histogram`] at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HistogramSnapshot {
    pub(super) buckets: [u64; BOUNDS.len() + 1],
    pub(super) sum: Duration,
}

impl Histogram {
    fn add(&self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.sum.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn add_to(&self, seen: &mut HistogramSnapshot) {
        for (seen, bucket) in seen.buckets.iter_mut().zip(&self.buckets) {
            *seen += bucket.get();
        }
        seen.sum += Duration::from_nanos(self.sum.get());
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered with a status of this class: 2 to 5.
    Class(u8),
    /// The client disconnected before there was a response.
    Disconnected,
}

impl Outcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Class(2), Self::Class(3), Self::Class(4), Self::Class(5), Self::Disconnected];

    fn of(status: Option<StatusCode>) -> Self {
        // No response of ours has a status below 200 or above 599.
        status.map_or(Self::Disconnected, |status| Self::Class((status.as_u16() / 100).clamp(2, 5) as u8))
    }

    fn index(self) -> usize {
        match self {
            Self::Class(class) => usize::from(class) - 2,
            Self::Disconnected => 4,
        }
    }

    /// The value of the label `status`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Class(2) => "2xx",
            Self::Class(3) => "3xx",
            Self::Class(4) => "4xx",
            Self::Class(_) => "5xx",
            Self::Disconnected => "none",
        }
    }
}

/// Counters of the requests for one mount.
#[derive(Debug, Default)]
#[repr(align(128))]
struct MountCounters {
    requests: [Counter; Outcome::ALL.len()],
    bytes: Counter,
}

/// Counters of TLS handshakes by result.
#[derive(Debug, Default)]
pub(super) struct HandshakeCounters {
    completed: Counter,
    failed: [Counter; HandshakeFailure::ALL.len()],
}

impl HandshakeCounters {
    /// Counts a handshake that failed, or one that was completed.
    pub(super) fn count(&self, failure: Option<HandshakeFailure>) {
        failure.map_or(&self.completed, |failure| &self.failed[failure as usize]).add(1);
    }
}

/// Metrics of one core.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct CoreMetrics {
    pub(super) accepted: Counter,
    /// Connections beyond the limit.
    pub(super) rejected: Counter,
    /// Requests beyond the rate limit.
    pub(super) rate_limited: Counter,
    pub(super) handshakes: HandshakeCounters,
    /// Requests for an asset that were answered without asking its store, and those for which the store was asked.
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    cut: Counter,
    first_byte: Histogram,
    duration: Histogram,
}

/// Metrics of a server.
#[derive(Debug)]
pub(super) struct Metrics {
    cores: Box<[CoreMetrics]>,
    /// By mount; the first is for requests outside every mount. A mount that was ever counted keeps its place.
    mounts: ArcSwap<Vec<Arc<MountMetrics>>>,
}

/// Metrics of the requests under one path, whichever store is mounted there.
#[derive(Debug)]
pub(super) struct MountMetrics {
    /// The path as in URLs.
    name: String,
    cores: Box<[MountCounters]>,
}

/// The label of requests outside every mount.
const NO_MOUNT: &str = "none";

fn per_core<T: Default>(cores: usize) -> Box<[T]> {
    (0..cores).map(|_| T::default()).collect()
}

impl Metrics {
    /// For this number of cores.
    pub(super) fn new(cores: usize) -> Self {
        let no_mount = Arc::new(MountMetrics { name: NO_MOUNT.to_owned(), cores: per_core(cores) });
        Self { cores: per_core(cores), mounts: ArcSwap::from_pointee(vec![no_mount]) }
    }

    /// The number under which requests for the mount at `path` (without slashes at its ends) are counted: the same at every call,
    /// and unique.
    pub(super) fn number_of(&self, path: &str) -> usize {
        let name = format!("/{path}");
        let mounts = self.mounts.load();
        if let Some(number) = mounts.iter().position(|mount| mount.name == name) {
            return number;
        }
        // Only called when settings are applied, one call at a time.
        let mut more = Vec::clone(&mounts);
        more.push(Arc::new(MountMetrics { name, cores: per_core(self.cores.len()) }));
        let number = more.len() - 1;
        self.mounts.store(Arc::new(more));
        number
    }

    /// The metrics of one core, which only that core's thread may change.
    pub(super) fn core(&self, number: usize) -> &CoreMetrics {
        &self.cores[number]
    }

    /// Counts a request that has ended on a core.
    pub(super) fn count(&self, core: usize, record: &Record) {
        let mounts = self.mounts.load();
        let of_mount = &mounts[record.mount.unwrap_or(0)].cores[core];
        of_mount.requests[Outcome::of(record.status).index()].add(1);
        of_mount.bytes.add(record.sent);
        let core_metrics = &self.cores[core];
        if record.status.is_some() {
            if !record.completed {
                core_metrics.cut.add(1);
            }
            core_metrics.duration.add(record.ended.saturating_duration_since(record.started));
        }
        if let Some(first_byte) = record.first_byte {
            core_metrics.first_byte.add(first_byte.saturating_duration_since(record.started));
        }
    }

    fn sum(&self, count: impl Fn(&CoreMetrics) -> &Counter) -> u64 {
        self.cores.iter().map(|core| count(core).get()).sum()
    }

    fn times(&self, times: impl Fn(&CoreMetrics) -> &Histogram) -> HistogramSnapshot {
        let mut seen = HistogramSnapshot::default();
        for core in &self.cores {
            times(core).add_to(&mut seen);
        }
        seen
    }

    /// Mount, outcome and number of requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = (String, Outcome, u64)> {
        self.by_mount().flat_map(|mount| {
            Outcome::ALL.map(|outcome| {
                let count = mount.cores.iter().map(|core| core.requests[outcome.index()].get()).sum();
                (mount.name.clone(), outcome, count)
            })
        })
    }

    fn by_mount(&self) -> impl Iterator<Item = Arc<MountMetrics>> {
        Vec::clone(&self.mounts.load()).into_iter()
    }

    /// Mount and bytes of bodies that were sent.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (String, u64)> {
        self.by_mount()
            .map(|mount| (mount.name.clone(), mount.cores.iter().map(|core| core.bytes.get()).sum()))
    }

    pub(super) fn first_byte(&self) -> HistogramSnapshot {
        self.times(|core| &core.first_byte)
    }

    pub(super) fn duration(&self) -> HistogramSnapshot {
        self.times(|core| &core.duration)
    }

    pub(super) fn cut(&self) -> u64 {
        self.sum(|core| &core.cut)
    }

    pub(super) fn hits(&self) -> u64 {
        self.sum(|core| &core.hits)
    }

    pub(super) fn misses(&self) -> u64 {
        self.sum(|core| &core.misses)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.sum(|core| &core.accepted)
    }

    pub(super) fn rejected(&self) -> u64 {
        self.sum(|core| &core.rejected)
    }

    pub(super) fn rate_limited(&self) -> u64 {
        self.sum(|core| &core.rate_limited)
    }

    /// The number of TLS handshakes by result.
    pub(super) fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let completed = [("ok", self.sum(|core| &core.handshakes.completed))].into_iter();
        completed.chain(
            HandshakeFailure::ALL
                .map(|failure| (failure.label(), self.sum(|core| &core.handshakes.failed[failure as usize]))),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn record(mount: Option<usize>, status: Option<u16>, sent: u64, completed: bool) -> Record {
        let started = Instant::now();
        Record {
            started,
            ended: started + Duration::from_millis(7),
            first_byte: status.map(|_| started + Duration::from_micros(400)),
            status: status.map(|status| StatusCode::from_u16(status).expect("a status")),
            mount,
            logged: None,
            length: 10,
            sent,
            completed,
            is_flushed: false,
            written_before: 0,
            head_len: 0,
        }
    }

    #[test]
    fn cores_add_up_by_mount_and_outcome() {
        let metrics = Metrics::new(2);
        let (root, campaign) = (metrics.number_of(""), metrics.number_of("campaign"));
        metrics.count(0, &record(Some(root), Some(200), 10, true));
        metrics.count(1, &record(Some(root), Some(206), 10, true));
        metrics.count(1, &record(Some(campaign), Some(304), 0, true));
        metrics.count(0, &record(Some(campaign), Some(200), 4, false));
        metrics.count(0, &record(None, Some(404), 3, true));
        metrics.count(0, &record(None, None, 0, false));
        let requests: Vec<_> = metrics
            .requests()
            .filter(|(_, _, count)| *count > 0)
            .map(|(mount, outcome, count)| (mount, outcome.label(), count))
            .collect();
        let expected = [
            ("none", "4xx", 1),
            ("none", "none", 1),
            ("/", "2xx", 2),
            ("/campaign", "2xx", 1),
            ("/campaign", "3xx", 1),
        ]
        .map(|(mount, outcome, count)| (mount.to_owned(), outcome, count));
        assert_eq!(requests, expected);
        let bytes =
            [("none", 3), ("/", 20), ("/campaign", 4)].map(|(mount, count)| (mount.to_owned(), count));
        assert_eq!(metrics.bytes().collect::<Vec<_>>(), bytes);
        assert_eq!(
            metrics.cut(),
            1,
            "a request whose client disconnected before the response is not a cut response"
        );
        assert_eq!(metrics.duration().buckets.iter().sum::<u64>(), 5);
        assert_eq!(metrics.first_byte().buckets[0], 5);
        assert_eq!(metrics.first_byte().sum, Duration::from_millis(2));
    }

    #[test]
    fn handshakes_add_up_by_result() {
        let metrics = Metrics::new(2);
        for (core, failure) in [
            (0, None),
            (1, None),
            (0, Some(HandshakeFailure::Left)),
            (1, Some(HandshakeFailure::Malformed)),
            (0, Some(HandshakeFailure::Left)),
        ] {
            metrics.core(core).handshakes.count(failure);
        }
        let counted: Vec<_> = metrics.handshakes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 2), ("left", 2), ("malformed", 1)]);
        assert_eq!(metrics.handshakes().count(), 11, "every result has a counter from the start");
    }

    #[test]
    fn a_mount_keeps_its_number_when_others_are_added() {
        let metrics = Metrics::new(1);
        let numbers = ["", "a", "b"].map(|path| metrics.number_of(path));
        metrics.count(0, &record(Some(numbers[2]), Some(200), 7, true));
        assert_eq!(["b", "c", "a", ""].map(|path| metrics.number_of(path)), [3, 4, 2, 1]);
        metrics.count(0, &record(Some(metrics.number_of("b")), Some(200), 1, true));
        assert!(metrics.bytes().any(|counted| counted == ("/b".to_owned(), 8)));
    }

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let times = Histogram::default();
        for time in [Duration::ZERO, BOUNDS[0], BOUNDS[0] + Duration::from_nanos(1), Duration::from_hours(1)]
        {
            times.add(time);
        }
        let mut seen = HistogramSnapshot::default();
        times.add_to(&mut seen);
        assert_eq!((seen.buckets[0], seen.buckets[1], seen.buckets[BOUNDS.len()]), (2, 1, 1));
        assert!(BOUNDS.is_sorted());
    }
}
