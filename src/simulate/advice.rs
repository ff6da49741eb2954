//! Which policy and which links meet a need with the fewest requests.

use std::time::{Duration, SystemTime};

use httpdate::HttpDate;

use super::play::{Links, Origin, Scenario};
use super::schedule::Schedule;
use super::totals::Totals;
use crate::asset::CachePolicy;
use crate::whatsapp::link_cache::{CacheControl, CacheHeaders, Keeping, Regime};

/// What somebody needs, and what there is to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// An edit has to be seen by every customer who is sent a message so long after it, in this schedule and in any other.
    pub within: Duration,
    /// When what happens.
    pub schedule: &'a Schedule,
    /// The moment at which the schedule begins.
    pub begins: SystemTime,
    /// The policy of links that name their version.
    pub versioned: &'a CachePolicy,
    /// The links that can be sent.
    pub links: &'a [Links],
    /// The regimes under which the need has to be met.
    pub regimes: &'a [Regime],
}

/// A policy, and the links that are sent with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The policy that those links are answered with.
    pub policy: CachePolicy,
    /// The links.
    pub links: Links,
}

/// What a candidate comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The candidate.
    pub candidate: Candidate,
    /// What happened in the schedule, for each regime in the order in which they were asked for.
    pub totals: Vec<Totals>,
    /// The longest time for which an old version may be shown under these regimes, whatever the schedule. Under `no-cache`, of
    /// edits within one second only the first counts.
    pub worst: Duration,
    /// Whether that is within what was asked for, and what happened is, too.
    pub meets: bool,
}

/// All candidates, and the best of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Each candidate's outcome.
    pub outcomes: Vec<Outcome>,
    /// The place in `outcomes` of the one that meets the need with the fewest requests, all regimes together; of equals the one
    /// that shows old versions for the shorter time. `None` where none meets it.
    pub best: Option<usize>,
}

impl Outcome {
    /// Requests, all regimes together.
    pub fn requests(&self) -> u64 {
        self.totals.iter().map(|totals| totals.requests).sum()
    }
}

impl Advice {
    /// The best one.
    pub fn best(&self) -> Option<&Outcome> {
        self.outcomes.get(self.best?)
    }
}

/// Spans that people choose, in seconds.
const USUAL: [u64; 6] = [60, 300, 600, 3600, 86_400, 604_800];

/// Plays every candidate and compares them. Responses are taken to carry all three headers, as wamedia's do.
pub fn advise(ask: &Ask<'_>) -> Advice {
    let outcomes: Vec<_> = candidates(ask).map(|candidate| outcome(ask, candidate)).collect();
    let fitting = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.meets);
    let best = fitting.min_by_key(|(_, outcome)| (outcome.requests(), outcome.worst)).map(|(place, _)| place);
    Advice { outcomes, best }
}

/// Of equals, the first is the better one.
fn candidates<'a>(ask: &'a Ask<'_>) -> impl Iterator<Item = Candidate> + 'a {
    let versioned = Candidate { policy: ask.versioned.clone(), links: Links::Versioned };
    let most = ask.within.as_secs().min(CachePolicy::MAX_SECONDS.into());
    let usual = USUAL.into_iter().filter(move |&seconds| seconds < most);
    let longest = Some(most).filter(|&seconds| seconds > 0);
    let max_age = usual.chain(longest).map(|seconds| format!("max-age={seconds}"));
    let plain = ["no-cache".to_owned()].into_iter().chain(max_age).chain(["no-store".to_owned()]);
    let plain =
        plain.map(|value| Candidate { policy: value.parse().expect("a cache policy"), links: Links::Plain });
    [versioned].into_iter().chain(plain).filter(|candidate| ask.links.contains(&candidate.links))
}

fn outcome(ask: &Ask<'_>, candidate: Candidate) -> Outcome {
    let headers = CacheHeaders {
        cache_control: CacheControl::Says(candidate.policy.storage()),
        last_modified: Some(HttpDate::from(ask.begins)),
        etag: true,
    };
    let totals = ask.regimes.iter().map(|&regime| {
        let mut totals = Totals::default();
        let origin = Origin { headers, size: None };
        let links = candidate.links;
        let scenario = Scenario { schedule: ask.schedule, begins: ask.begins, origin, links, regime };
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
        Links::Plain => ask.regimes.iter().map(kept).max().unwrap_or_default(),
    };
    let longest_old = totals.iter().map(|totals| totals.longest_old).max().unwrap_or_default();
    let meets = worst <= ask.within && longest_old <= ask.within;
    Outcome { candidate, totals, worst, meets }
}
