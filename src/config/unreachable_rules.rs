//! Finds cache rules that can never match, because the rules before them match all of their assets.
//!
//! Patterns are regular languages, so the question has an exact answer. For each rule, the automata of the rule, of the rules
//! before it and of all asset paths run in parallel; either they reach a path that only this rule matches, or there is none.
//! Automata and walks are bounded in size. Past the bound a rule counts as reachable, because this check is a help and not a
//! safeguard.

use std::collections::HashSet;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// Largest automaton, in bytes.
const AUTOMATON_LIMIT: usize = 1 << 20;
/// Most transitions of one walk: some milliseconds.
const WALK_LIMIT: usize = 1 << 18;

/// Every text that [`crate::asset::AssetPath`] accepts, apart from its limits on length.
const ASSET_PATHS: &str =
    r"^[^\x00-\x1f\x7f/\\.][^\x00-\x1f\x7f/\\]*(?:/[^\x00-\x1f\x7f/\\.][^\x00-\x1f\x7f/\\]*)*$";

/// A rule that can never match, by its index, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shadowed {
    /// No asset can have a path that the pattern matches.
    ByNothing(usize),
    /// The rule with the second index matches all that the first would.
    By(usize, usize),
    /// The rules before it together match all that it would.
    ByAll(usize),
}

/// The first of these patterns that can never match. Patterns are the regular expressions that globset generates.
pub(super) fn first_shadowed(patterns: &[&str]) -> Option<Shadowed> {
    let paths = automaton(ASSET_PATHS, true).expect("the expression is ours and small");
    let mut earlier: Vec<(usize, Dfa)> = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let Some(rule) = automaton(pattern, false) else { continue };
        if is_covered(&paths, &rule, []) {
            return Some(Shadowed::ByNothing(index));
        }
        // Single rules first: those walks are short, and the answer is more precise.
        if let Some((by, _)) = earlier.iter().find(|(_, dfa)| is_covered(&paths, &rule, [dfa])) {
            return Some(Shadowed::By(index, *by));
        }
        if is_covered(&paths, &rule, earlier.iter().map(|(_, dfa)| dfa)) {
            return Some(Shadowed::ByAll(index));
        }
        earlier.push((index, rule));
    }
    None
}

/// The indices of the first pattern with `is_first` and of a later pattern with `is_later` that both match a path which no pattern
/// before them matches. What is too large to decide counts as an overlap, because this check is a safeguard.
pub(super) fn first_overlap(
    patterns: &[&str],
    is_first: impl Fn(usize) -> bool,
    is_later: impl Fn(usize) -> bool,
) -> Option<(usize, usize)> {
    let last = (0..patterns.len()).rfind(|index| is_later(*index))?;
    let paths = automaton(ASSET_PATHS, true).expect("the expression is ours and small");
    let rules: Vec<_> = patterns[..=last].iter().map(|pattern| automaton(pattern, false)).collect();
    let overlaps = |index: usize, later: usize| {
        let (Some(rule), Some(later)) = (&rules[index], &rules[later]) else { return true };
        let earlier: Vec<_> = rules[..index].iter().flatten().collect();
        // Without the earlier patterns if they make the walk too long; then the answer may be a false positive.
        is_empty(&[&paths, rule, later], &earlier)
            .or_else(|| is_empty(&[&paths, rule, later], &[]))
            .is_none_or(|is_empty| !is_empty)
    };
    (0..last).filter(|index| is_first(*index)).find_map(|index| {
        Some((index, (index + 1..=last).find(|later| is_later(*later) && overlaps(index, *later))?))
    })
}

type Dfa = dense::DFA<Vec<u32>>;

/// `utf8`: classes match characters; otherwise bytes, as in globset.
fn automaton(regex: &str, utf8: bool) -> Option<Dfa> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Anchored)
                .dfa_size_limit(Some(AUTOMATON_LIMIT))
                .determinize_size_limit(Some(AUTOMATON_LIMIT)),
        )
        .syntax(syntax::Config::new().utf8(utf8).dot_matches_new_line(true))
        .thompson(thompson::Config::new().utf8(utf8).nfa_size_limit(Some(AUTOMATON_LIMIT)))
        .build(regex)
        .ok()
}

/// Whether one of `earlier` matches every asset path that `rule` matches; `false` if the walk grows too long.
fn is_covered<'a>(paths: &'a Dfa, rule: &'a Dfa, earlier: impl IntoIterator<Item = &'a Dfa>) -> bool {
    is_empty(&[paths, rule], &Vec::from_iter(earlier)) == Some(true)
}

/// Whether no text matches all of `musts` (the first of which is that of asset paths) and none of `nots`; `None` if the walk grows
/// too long.
fn is_empty(musts: &[&Dfa], nots: &[&Dfa]) -> Option<bool> {
    let automata = [musts, nots].concat();
    let anchored = start::Config::new().anchored(Anchored::Yes);
    let begin: Box<[StateID]> = automata
        .iter()
        .map(|dfa| dfa.start_state(&anchored).expect("the automata are built for anchored search"))
        .collect();
    let bytes = distinct_bytes(&automata);
    let mut budget = WALK_LIMIT;
    let mut seen = HashSet::from([begin.clone()]);
    let mut open = vec![begin];
    while let Some(states) = open.pop() {
        let accepts: Vec<bool> = automata
            .iter()
            .zip(&states)
            .map(|(dfa, id)| dfa.is_match_state(dfa.next_eoi_state(*id)))
            .collect();
        let (wanted, unwanted) = accepts.split_at(musts.len());
        if !wanted.contains(&false) && !unwanted.contains(&true) {
            return Some(false);
        }
        for &byte in &bytes {
            budget = budget.checked_sub(automata.len())?;
            let next: Box<[StateID]> =
                automata.iter().zip(&states).map(|(dfa, id)| dfa.next_state(*id, byte)).collect();
            let leads_nowhere = musts.iter().zip(&next).any(|(dfa, id)| dfa.is_dead_state(*id));
            if !leads_nowhere && seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Some(true)
}

/// One byte of each class of bytes that no automaton distinguishes.
fn distinct_bytes(automata: &[&Dfa]) -> Vec<u8> {
    let mut classes = HashSet::new();
    (0..=u8::MAX)
        .filter(|&byte| {
            classes.insert(automata.iter().map(|dfa| dfa.byte_classes().get(byte)).collect::<Vec<_>>())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::AssetPath;
    use crate::config::cache_rules::Rule;
    use proptest::prelude::*;

    fn find(patterns: &[&str]) -> Option<Shadowed> {
        let rules: Vec<_> = patterns
            .iter()
            .map(|pattern| Rule::new(pattern, "no-cache".parse().unwrap()).expect("a pattern"))
            .collect();
        first_shadowed(&rules.iter().map(Rule::regex).collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_that_can_never_match_is_found() {
        for (patterns, found) in [
            (&["a/b.pdf", "a/b.pdf"][..], Shadowed::By(1, 0)),
            (&["**", "a/**"], Shadowed::By(1, 0)),
            (&["*", "x.png"], Shadowed::By(1, 0)),
            (&["a/**", "b/**", "a/*.pdf"], Shadowed::By(2, 0)),
            (&["*.pdf", "docs/*.pdf"], Shadowed::By(1, 0)),
            (&["*.pdf", "docs/**/*.pdf"], Shadowed::By(1, 0)),
            (&["**/*.pdf", "*.pdf"], Shadowed::By(1, 0)),
            (&["*.{pdf,png}", "*.png"], Shadowed::By(1, 0)),
            (&["*.pdf", "*.png", "*.{pdf,png}"], Shadowed::ByAll(2)),
            (&["{a,b}/**", "{b,c}/**", "[a-c]/*.png"], Shadowed::ByAll(2)),
            (&["*.*", "**/[!.]*", "**"], Shadowed::By(2, 1)),
            (&["a/**", "b.png", "**", "c/**"], Shadowed::By(3, 2)),
            (&["M\u{e4}rz/*", "{M\u{e4}rz,x}/a", "M\u{e4}rz/a"], Shadowed::By(2, 0)),
            (&["a//b"], Shadowed::ByNothing(0)),
            (&[".well-known/**"], Shadowed::ByNothing(0)),
            (&["**", "a//b"], Shadowed::ByNothing(1)),
        ] {
            assert_eq!(find(patterns), Some(found), "{patterns:?}");
        }
    }

    #[test]
    fn rule_with_a_remaining_path_is_reachable() {
        for patterns in [
            &[][..],
            &["**"],
            &["a/**", "**"],
            &["docs/*.pdf", "*.pdf"],
            &["docs/*.pdf", "docs/**/*.pdf"],
            &["*.pdf", "*.PDF"],
            &["a/*", "a/**"],
            &["*.pdf", "*.png", "*.{pdf,png,jpg}"],
            &["{a,b}/**", "[a-c]/*.png"],
            &["a/**", "a"],
            &["a?.png", "a*.png"],
        ] {
            assert_eq!(find(patterns), None, "{patterns:?}");
        }
    }

    #[test]
    fn patterns_too_large_to_decide_count_as_reachable() {
        // One state for each set of the last twenty bytes that were an `a`.
        let large = format!("*a{}", "?".repeat(20));
        assert_eq!(find(&[&large, &large]), None);
        assert_eq!(find(&["**", &large, "x", "x"]), Some(Shadowed::By(2, 0)));
        // Each is small, but all in parallel are too large; they are still compared one by one.
        let mut patterns: Vec<_> = ('a'..='z').map(|letter| format!("*{letter}{}", "?".repeat(6))).collect();
        patterns.push("*[a-z]??????".to_owned());
        assert_eq!(find(&patterns.iter().map(String::as_str).collect::<Vec<_>>()), None);
        patterns.push(patterns[3].clone());
        assert_eq!(find(&patterns.iter().map(String::as_str).collect::<Vec<_>>()), Some(Shadowed::By(27, 3)));
    }

    proptest! {
        #[test]
        fn automaton_matches_as_the_glob_does(
            pattern in "([ab.*?]|\\*\\*/|\\{a,b/\\}|\\[!a\\]|/){1,8}",
            path in "[ab./]{1,8}",
        ) {
            let policy = "no-cache".parse().expect("a policy");
            if let (Ok(rule), Ok(path)) = (Rule::new(&pattern, policy), AssetPath::from_plain(&path)) {
                let dfa = automaton(rule.regex(), false).expect("a small automaton");
                let anchored = start::Config::new().anchored(Anchored::Yes);
                let begin = dfa.start_state(&anchored).expect("anchored");
                let end = path.as_str().bytes().fold(begin, |state, byte| dfa.next_state(state, byte));
                prop_assert_eq!(dfa.is_match_state(dfa.next_eoi_state(end)), rule.matches(&path));
            }
        }

        #[test]
        fn unreachable_rule_matches_no_remaining_short_path(
            patterns in prop::collection::vec("([ab*?]|\\*\\*/|\\{a,b/\\*\\}|/){1,4}", 1..5),
        ) {
            let policy = || "no-cache".parse().expect("a policy");
            let rules: Vec<_> = patterns.iter().filter_map(|pattern| Rule::new(pattern, policy()).ok()).collect();
            let taken = match first_shadowed(&rules.iter().map(Rule::regex).collect::<Vec<_>>()) {
                None => return Ok(()),
                Some(Shadowed::ByNothing(index)) => (index, vec![]),
                Some(Shadowed::By(index, by)) => (index, vec![by]),
                Some(Shadowed::ByAll(index)) => (index, (0..index).collect()),
            };
            for code in 0..4_usize.pow(5) {
                let path: String = (0..5).map(|at| ['a', 'b', '/', '.'][code / 4_usize.pow(at) % 4]).collect();
                let Ok(path) = AssetPath::from_plain(path.trim_end_matches('.')) else { continue };
                let by_another = taken.1.iter().any(|by| rules[*by].matches(&path));
                prop_assert!(by_another || !rules[taken.0].matches(&path), "{:?} {}", patterns, path);
            }
        }

        #[test]
        fn every_asset_path_is_in_the_language_of_asset_paths(text in "\\PC{1,12}") {
            let paths = automaton(ASSET_PATHS, true).expect("an automaton");
            let anchored = start::Config::new().anchored(Anchored::Yes);
            let begin = paths.start_state(&anchored).expect("anchored");
            let end = text.bytes().fold(begin, |state, byte| paths.next_state(state, byte));
            let accepted = paths.is_match_state(paths.next_eoi_state(end));
            let is_path = !text.starts_with('/') && AssetPath::from_plain(&text).is_ok();
            prop_assert_eq!(accepted, is_path);
        }
    }
}
