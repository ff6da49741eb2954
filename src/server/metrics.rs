//! What is counted of serving. Each core counts for itself, on lines of memory that no other core writes, so that
//! counting costs a request a few plain additions; who reads adds the cores up.
//!
//! How the counts are told to a monitoring system is the [admin listener's](super::admin) to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::StatusCode;

use super::request::record::Record;
use super::tls::Failure;

/// A count that a single thread adds to, and any may read.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        // Not an atomic addition, which would cost several times as much: nobody else writes it.
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets in which times are counted.
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

/// Times by size.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// How many fell below each bound and not below the one before; the last is for those above all.
    buckets: [Count; BOUNDS.len() + 1],
    /// Of all of them, in nanoseconds.
    sum: Count,
}

/// What [`Times`] held when it was looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TimesSeen {
    pub(super) buckets: [u64; BOUNDS.len() + 1],
    pub(super) sum: Duration,
}

impl Times {
    fn add(&self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.sum.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn add_to(&self, seen: &mut TimesSeen) {
        for (seen, bucket) in seen.buckets.iter_mut().zip(&self.buckets) {
            *seen += bucket.get();
        }
        seen.sum += Duration::from_nanos(self.sum.get());
    }
}

/// What a request ended in, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered with a status of this class: 2 to 5.
    Class(u8),
    /// The client left before there was an answer.
    Left,
}

impl Outcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Class(2), Self::Class(3), Self::Class(4), Self::Class(5), Self::Left];

    fn of(status: Option<StatusCode>) -> Self {
        // No answer of ours has a status below 200 or above 599.
        status.map_or(Self::Left, |status| Self::Class((status.as_u16() / 100).clamp(2, 5) as u8))
    }

    fn index(self) -> usize {
        match self {
            Self::Class(class) => usize::from(class) - 2,
            Self::Left => 4,
        }
    }

    /// The value of the label `status`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Class(2) => "2xx",
            Self::Class(3) => "3xx",
            Self::Class(4) => "4xx",
            Self::Class(_) => "5xx",
            Self::Left => "none",
        }
    }
}

/// Of the requests for what lies in one mount.
#[derive(Debug, Default)]
#[repr(align(128))]
struct OfMount {
    requests: [Count; Outcome::ALL.len()],
    bytes: Count,
}

/// TLS handshakes, by what they came to.
#[derive(Debug, Default)]
pub(super) struct OfHandshakes {
    made: Count,
    failed: [Count; Failure::ALL.len()],
}

impl OfHandshakes {
    /// Counts one that failed, or that was made.
    pub(super) fn count(&self, failure: Option<Failure>) {
        failure.map_or(&self.made, |failure| &self.failed[failure as usize]).add(1);
    }
}

/// Of all that one core does.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct OfCore {
    pub(super) accepted: Count,
    /// Connections past the limit.
    pub(super) turned_away: Count,
    /// Requests past the rate.
    pub(super) limited: Count,
    pub(super) handshakes: OfHandshakes,
    /// Requests for an asset that were answered without asking the store, and those for which it was asked.
    pub(super) hits: Count,
    pub(super) misses: Count,
    cut: Count,
    first_byte: Times,
    duration: Times,
}

/// The counts of a server.
#[derive(Debug)]
pub(super) struct Metrics {
    cores: Box<[OfCore]>,
    /// By the mounts' paths; the first is for requests that lie in none of them. What was ever counted stays, in its place.
    mounts: ArcSwap<Vec<Arc<Counted>>>,
}

/// The requests for what lies at one path, whichever store is mounted there.
#[derive(Debug)]
pub(super) struct Counted {
    /// The path as in URLs.
    name: String,
    cores: Box<[OfMount]>,
}

/// The label of requests that lie in no mount.
const ELSEWHERE: &str = "none";

fn of_each<T: Default>(cores: usize) -> Box<[T]> {
    (0..cores).map(|_| T::default()).collect()
}

impl Metrics {
    /// For so many cores.
    pub(super) fn new(cores: usize) -> Self {
        let elsewhere = Arc::new(Counted { name: ELSEWHERE.to_owned(), cores: of_each(cores) });
        Self { cores: of_each(cores), mounts: ArcSwap::from_pointee(vec![elsewhere]) }
    }

    /// The number under which requests for what lies in the mount at `path` (without slashes at its ends) are counted. It is
    /// the same each time, and nobody else's.
    pub(super) fn number_of(&self, path: &str) -> usize {
        let name = format!("/{path}");
        let mounts = self.mounts.load();
        if let Some(number) = mounts.iter().position(|mount| mount.name == name) {
            return number;
        }
        // Only who puts settings in force comes here, and one at a time.
        let mut more = Vec::clone(&mounts);
        more.push(Arc::new(Counted { name, cores: of_each(self.cores.len()) }));
        let number = more.len() - 1;
        self.mounts.store(Arc::new(more));
        number
    }

    /// The counts of one core, which only that core's thread may add to.
    pub(super) fn core(&self, number: usize) -> &OfCore {
        &self.cores[number]
    }

    /// Counts an exchange that has ended on a core.
    pub(super) fn count(&self, core: usize, record: &Record) {
        let mounts = self.mounts.load();
        let of_mount = &mounts[record.mount.unwrap_or(0)].cores[core];
        of_mount.requests[Outcome::of(record.status).index()].add(1);
        of_mount.bytes.add(record.sent);
        let of_core = &self.cores[core];
        if record.status.is_some() {
            if !record.completed {
                of_core.cut.add(1);
            }
            of_core.duration.add(record.ended.saturating_duration_since(record.began));
        }
        if let Some(first_byte) = record.first_byte {
            of_core.first_byte.add(first_byte.saturating_duration_since(record.began));
        }
    }

    fn sum(&self, count: impl Fn(&OfCore) -> &Count) -> u64 {
        self.cores.iter().map(|core| count(core).get()).sum()
    }

    fn times(&self, times: impl Fn(&OfCore) -> &Times) -> TimesSeen {
        let mut seen = TimesSeen::default();
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

    fn by_mount(&self) -> impl Iterator<Item = Arc<Counted>> {
        Vec::clone(&self.mounts.load()).into_iter()
    }

    /// Mount and bytes of bodies that were sent.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (String, u64)> {
        self.by_mount()
            .map(|mount| (mount.name.clone(), mount.cores.iter().map(|core| core.bytes.get()).sum()))
    }

    pub(super) fn first_byte(&self) -> TimesSeen {
        self.times(|core| &core.first_byte)
    }

    pub(super) fn duration(&self) -> TimesSeen {
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

    pub(super) fn turned_away(&self) -> u64 {
        self.sum(|core| &core.turned_away)
    }

    pub(super) fn limited(&self) -> u64 {
        self.sum(|core| &core.limited)
    }

    /// What TLS handshakes came to, and how many did.
    pub(super) fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let made = [("ok", self.sum(|core| &core.handshakes.made))].into_iter();
        made.chain(
            Failure::ALL
                .map(|failure| (failure.label(), self.sum(|core| &core.handshakes.failed[failure as usize]))),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn record(mount: Option<usize>, status: Option<u16>, sent: u64, completed: bool) -> Record {
        let began = Instant::now();
        Record {
            began,
            ended: began + Duration::from_millis(7),
            first_byte: status.map(|_| began + Duration::from_micros(400)),
            status: status.map(|status| StatusCode::from_u16(status).expect("a status")),
            mount,
            logged: None,
            meant: 10,
            sent,
            completed,
            has_left: false,
            written_before: 0,
            head_len: 0,
        }
    }

    #[test]
    fn cores_add_up_by_mount_and_outcome() {
        let meters = Metrics::new(2);
        let (root, campaign) = (meters.number_of(""), meters.number_of("campaign"));
        meters.count(0, &record(Some(root), Some(200), 10, true));
        meters.count(1, &record(Some(root), Some(206), 10, true));
        meters.count(1, &record(Some(campaign), Some(304), 0, true));
        meters.count(0, &record(Some(campaign), Some(200), 4, false));
        meters.count(0, &record(None, Some(404), 3, true));
        meters.count(0, &record(None, None, 0, false));
        let requests: Vec<_> = meters
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
        assert_eq!(meters.bytes().collect::<Vec<_>>(), bytes);
        assert_eq!(meters.cut(), 1, "one whose client left before the answer is none that was cut");
        assert_eq!(meters.duration().buckets.iter().sum::<u64>(), 5);
        assert_eq!(meters.first_byte().buckets[0], 5);
        assert_eq!(meters.first_byte().sum, Duration::from_millis(2));
    }

    #[test]
    fn handshakes_add_up_by_what_they_came_to() {
        let meters = Metrics::new(2);
        for (core, failure) in [
            (0, None),
            (1, None),
            (0, Some(Failure::Left)),
            (1, Some(Failure::Malformed)),
            (0, Some(Failure::Left)),
        ] {
            meters.core(core).handshakes.count(failure);
        }
        let counted: Vec<_> = meters.handshakes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("ok", 2), ("left", 2), ("malformed", 1)]);
        assert_eq!(meters.handshakes().count(), 11, "each is there from the start");
    }

    #[test]
    fn a_path_is_counted_under_one_number_whatever_comes_and_goes() {
        let meters = Metrics::new(1);
        let numbers = ["", "a", "b"].map(|path| meters.number_of(path));
        meters.count(0, &record(Some(numbers[2]), Some(200), 7, true));
        assert_eq!(["b", "c", "a", ""].map(|path| meters.number_of(path)), [3, 4, 2, 1]);
        meters.count(0, &record(Some(meters.number_of("b")), Some(200), 1, true));
        assert!(meters.bytes().any(|counted| counted == ("/b".to_owned(), 8)));
    }

    #[test]
    fn a_time_is_counted_below_the_first_bound_that_it_does_not_pass() {
        let times = Times::default();
        for time in [Duration::ZERO, BOUNDS[0], BOUNDS[0] + Duration::from_nanos(1), Duration::from_hours(1)]
        {
            times.add(time);
        }
        let mut seen = TimesSeen::default();
        times.add_to(&mut seen);
        assert_eq!((seen.buckets[0], seen.buckets[1], seen.buckets[BOUNDS.len()]), (2, 1, 1));
        assert!(BOUNDS.is_sorted());
    }
}
