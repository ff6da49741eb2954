//! Recommends the cache policy and links that meet a freshness requirement with the fewest requests.

use std::time::{Duration, SystemTime};

use httpdate::HttpDate;

use super::play::{Links, Origin, Scenario};
use super::schedule::Schedule;
use super::totals::Totals;
use crate::asset::CachePolicy;
use crate::whatsapp::link_cache::{CacheControl, CacheHeaders, Keeping, Regime};

/// The freshness requirement, the schedule and the options.
#[derive(Debug, Clone, Copy)]
pub struct Requirements<'a> {
    /// Maximum time after an edit at which a message may still show the old version, in this schedule and in any other.
    pub within: Duration,
    /// The sends and edits.
    pub schedule: &'a Schedule,
    /// The start of the schedule.
    pub begins: SystemTime,
    /// The policy of versioned links.
    pub versioned: &'a CachePolicy,
    /// The kinds of link to consider.
    pub links: &'a [Links],
    /// The regimes under which the requirement must hold.
    pub regimes: &'a [Regime],
}

/// A cache policy and the kind of link that it is used with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The policy of responses to these links.
    pub policy: CachePolicy,
    /// The kind of link.
    pub links: Links,
}

/// The simulated result of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The candidate.
    pub candidate: Candidate,
    /// The totals for each regime, in the order of [`Requirements::regimes`].
    pub totals: Vec<Totals>,
    /// The longest time for which messages may show an old version under these regimes, whatever the schedule. Under `no-cache`,
    /// of edits within one second only the first counts.
    pub worst: Duration,
    /// Whether `worst` and the simulated result are both within the requirement.
    pub meets: bool,
}

/// All candidates, and the best of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The outcome of each candidate.
    pub outcomes: Vec<Outcome>,
    /// The index in `outcomes` of the one that meets the requirement with the fewest requests over all regimes. Ties go to the one
    /// that shows old versions for the shorter time. `None` if none meets it.
    pub best: Option<usize>,
}

impl Outcome {
    /// Number of requests over all regimes.
    pub fn requests(&self) -> u64 {
        self.totals.iter().map(|totals| totals.requests).sum()
    }
}

impl Advice {
    /// The best outcome.
    pub fn best(&self) -> Option<&Outcome> {
        self.outcomes.get(self.best?)
    }
}

/// Common values of max-age, in seconds.
const COMMON: [u64; 6] = [60, 300, 600, 3600, 86_400, 604_800];

/// Simulates every candidate and compares them. Assumes that responses have all three headers, as wamedia's do.
pub fn advise(requirements: &Requirements<'_>) -> Advice {
    let outcomes: Vec<_> =
        candidates(requirements).map(|candidate| outcome(requirements, candidate)).collect();
    let fitting = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.meets);
    let best = fitting.min_by_key(|(_, outcome)| (outcome.requests(), outcome.worst)).map(|(place, _)| place);
    Advice { outcomes, best }
}

/// The candidates. On a tie, the earlier one wins.
fn candidates<'a>(requirements: &'a Requirements<'_>) -> impl Iterator<Item = Candidate> + 'a {
    let versioned = Candidate { policy: requirements.versioned.clone(), links: Links::Versioned };
    let max = requirements.within.as_secs().min(CachePolicy::MAX_SECONDS.into());
    let common = COMMON.into_iter().filter(move |&seconds| seconds < max);
    let longest = Some(max).filter(|&seconds| seconds > 0);
    let max_age = common.chain(longest).map(|seconds| format!("max-age={seconds}"));
    let plain = ["no-cache".to_owned()].into_iter().chain(max_age).chain(["no-store".to_owned()]);
    let plain =
        plain.map(|value| Candidate { policy: value.parse().expect("a cache policy"), links: Links::Plain });
    [versioned].into_iter().chain(plain).filter(|candidate| requirements.links.contains(&candidate.links))
}

fn outcome(requirements: &Requirements<'_>, candidate: Candidate) -> Outcome {
    let headers = CacheHeaders {
        cache_control: CacheControl::Says(candidate.policy.storage()),
        last_modified: Some(HttpDate::from(requirements.begins)),
        etag: true,
    };
    let totals = requirements.regimes.iter().map(|&regime| {
        let mut totals = Totals::default();
        let origin = Origin { headers, size: None };
        let links = candidate.links;
        let scenario =
            Scenario { schedule: requirements.schedule, begins: requirements.begins, origin, links, regime };
        scenario.play(|event| totals.count(event));
        totals
    });
    let totals: Vec<_> = totals.collect();
    let kept = |regime: &Regime| match regime.keeping(&headers) {
        Some(Keeping::For(span)) => span,
        Some(Keeping::ForGood) => Duration::MAX,
        Some(Keeping::UntilModified(_)) | None => Duration::ZERO,
    };
    let worst = match candidate.links {
        Links::Versioned => Duration::ZERO,
        Links::Plain => requirements.regimes.iter().map(kept).max().unwrap_or_default(),
    };
    let longest_old = totals.iter().map(|totals| totals.longest_old).max().unwrap_or_default();
    let meets = worst <= requirements.within && longest_old <= requirements.within;
    Outcome { candidate, totals, worst, meets }
}
