//! Recommendation of `--fresh-within`: in words, and as lines for the configuration file.

use std::fmt::Write as _;
use std::time::Duration;

use super::table::{span, table};
use super::{Recommended, name};
use crate::asset::{CachePolicy, Storage};
use crate::config::toml_string;
use crate::simulate::{Candidate, Links, Outcome};
use crate::whatsapp::link_cache::{FIXED_TIME, Regime};

/// Writes the recommendation. `storage` is that of the asset's current policy.
pub(super) fn write(text: &mut String, recommended: &Recommended, pattern: &str, storage: Option<Storage>) {
    let Recommended { within, regimes, versioned, advice } = recommended;
    let _ = writeln!(text, "\nEdits visible within {}, with as few requests as possible:", span(*within));
    let mut head = vec!["links".to_owned(), "Cache-Control".to_owned()];
    head.extend(regimes.iter().map(|regime| format!("requests, {}", name(*regime))));
    head.extend(["longest old".to_owned(), "fits".to_owned()]);
    let mut rows = vec![head];
    rows.extend(advice.outcomes.iter().map(row));
    table(text, &rows, 2);
    let Some(best) = advice.best() else {
        let _ = writeln!(text, "None of these fits: {}.", why_none(*within, regimes));
        return;
    };
    let _ = writeln!(
        text,
        "Recommended: {} links with {}. {}.",
        best.candidate.links.name(),
        best.candidate.policy,
        why(best, advice.outcomes.as_slice(), *within, regimes)
    );
    if matches!(storage, Some(Storage::NoStore | Storage::Private)) {
        text.push_str(
            "The current policy forbids storage. Keep that if the asset is personal to one recipient.\n",
        );
    }
    let _ = write!(text, "\n{}", rule(&best.candidate, versioned, pattern));
}

fn row(outcome: &Outcome) -> Vec<String> {
    let mut row = vec![outcome.candidate.links.name().to_owned(), outcome.candidate.policy.to_string()];
    row.extend(outcome.totals.iter().map(|totals| totals.requests.to_string()));
    row.extend([span(outcome.worst), if outcome.meets { "yes" } else { "no" }.to_owned()]);
    row
}

fn why(best: &Outcome, all: &[Outcome], within: Duration, regimes: &[Regime]) -> String {
    let plain_fits = all.iter().any(|outcome| outcome.meets && outcome.candidate.links == Links::Plain);
    match best.candidate.links {
        Links::Versioned if !plain_fits && regimes.contains(&Regime::Fixed) && within < FIXED_TIME => {
            "The current regime serves an old version for up to 10 minutes for a plain link, whatever the headers are; \
             only a link that changes with the asset is fresh at once"
                .to_owned()
        }
        Links::Versioned => "An edit makes a new link, which is fetched at once, so a long max-age is safe: no plain link that is \
                             fresh enough needs fewer requests, and none is fresher"
            .to_owned(),
        Links::Plain => {
            let versioned = all.iter().find(|outcome| outcome.candidate.links == Links::Versioned);
            let than = match versioned {
                Some(versioned) if versioned.requests() > best.requests() => format!(
                    ", fewer than the {} of versioned links, which are fetched again after each edit",
                    versioned.requests()
                ),
                _ => String::new(),
            };
            let old = match best.worst {
                Duration::ZERO => "never shows an old version".to_owned(),
                worst => format!("shows an old version for at most {}", span(worst)),
            };
            format!("It needs {} requests over the simulated regimes{than}, and {old}", best.requests())
        }
    }
}

fn why_none(within: Duration, regimes: &[Regime]) -> &'static str {
    if regimes.contains(&Regime::Fixed) && within < FIXED_TIME {
        "the current regime serves an old version for up to 10 minutes for a plain link, whatever the headers are; \
         allow versioned links, as `wamedia link` prints them, or 10 minutes"
    } else {
        "two edits within one second have the same Last-Modified; allow versioned links, which differ"
    }
}

/// The lines for the configuration file.
pub(super) fn rule(candidate: &Candidate, versioned: &CachePolicy, pattern: &str) -> String {
    let rule = |policy: &str| {
        format!(
            "[[cache.rule]]             # put it before other rules: the first match wins\n\
             match = {}\ncache_control = {}\n",
            toml_string(pattern),
            toml_string(policy)
        )
    };
    match candidate.links {
        Links::Plain => rule(candidate.policy.as_str()),
        // The plain link remains for people, so it must always be fresh.
        Links::Versioned => format!(
            "[cache]                    # send the links that `wamedia link` prints\nversioned = {}\n\n{}",
            toml_string(versioned.as_str()),
            rule("no-cache")
        ),
    }
}
