//! Compares simulations with figures computed by hand, and with invariants that hold for all of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use proptest::prelude::*;

use super::*;
use crate::asset::CachePolicy;
use crate::whatsapp::link_cache::{CacheControl, CacheHeaders, EtagAlone, Regime, Revalidation};

const CONDITIONAL: Regime =
    Regime::Headers { etag_alone: EtagAlone::Ignored, revalidation: Revalidation::Conditional };

fn begins() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(500_000)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn origin(cache_control: Option<&str>) -> Origin {
    let last_modified = Some(HttpDate::from(begins() - seconds(1000)));
    let cache_control = CacheControl::read(cache_control);
    Origin { headers: CacheHeaders { cache_control, last_modified, etag: true }, size: Some(100) }
}

/// Sends every 5 minutes for a day; edits at these seconds.
fn a_day(edits: &[u64]) -> Schedule {
    let edits: Vec<_> = edits.iter().map(|&at| seconds(at)).collect();
    let sends = Times { every: Some(seconds(300)), at: &[] };
    Schedule::new(sends, Times { every: None, at: &edits }, seconds(86_400)).expect("a schedule")
}

fn play(schedule: &Schedule, origin: Origin, links: Links, regime: Regime) -> (Totals, Vec<Event>) {
    let (mut totals, mut events) = (Totals::default(), Vec::new());
    Scenario { schedule, begins: begins(), origin, links, regime }.play(|event| {
        totals.count(event);
        events.push(*event);
    });
    (totals, events)
}

/// Requests, 304s, messages that showed an old version, and the longest time in seconds that one was old.
type Figures = (u64, u64, u64, u64);

#[test]
fn a_day_with_two_edits_matches_figures_computed_by_hand() {
    let day = a_day(&[7200, 40_000]);
    for (cache_control, links, regime, figures) in [
        // Fetched each hour; after 7200 at once, since the hour ends there; after 40000 not before 43200.
        (Some("max-age=3600"), Links::Plain, Regime::HEADERS, (24, 0, 10, 2900)),
        (Some("max-age=604800"), Links::Plain, Regime::HEADERS, (1, 0, 264, 78_900)),
        (Some("max-age=604800"), Links::Versioned, Regime::HEADERS, (3, 0, 0, 0)),
        (Some("no-cache"), Links::Plain, Regime::HEADERS, (288, 0, 0, 0)),
        (Some("no-cache"), Links::Plain, CONDITIONAL, (288, 285, 0, 0)),
        (Some("no-cache"), Links::Versioned, CONDITIONAL, (288, 285, 0, 0)),
        (Some("no-store"), Links::Plain, CONDITIONAL, (288, 0, 0, 0)),
        (Some("private"), Links::Versioned, CONDITIONAL, (288, 0, 0, 0)),
        (None, Links::Plain, Regime::HEADERS, (288, 0, 0, 0)),
        // Each second message is fetched. 7200 is a fetch, and the one after 40000 is at 40200.
        (Some("max-age=604800"), Links::Plain, Regime::Fixed, (144, 0, 0, 0)),
        (Some("no-store"), Links::Plain, Regime::Fixed, (144, 0, 0, 0)),
        // The edit at 40000 makes a new link at 40200, with which the ten minutes continue as before.
        (Some("no-cache"), Links::Versioned, Regime::Fixed, (144, 0, 0, 0)),
    ] {
        let (totals, _) = play(&day, origin(cache_control), links, regime);
        let seen: Figures =
            (totals.requests, totals.not_modified, totals.old_sends, totals.longest_old.as_secs());
        assert_eq!(seen, figures, "{cache_control:?} {links:?} {regime:?}");
        assert_eq!((totals.sends, totals.edits), (288, 2));
        assert_eq!(totals.bytes(100), 100 * (figures.0 - figures.1));
    }
}

#[test]
fn under_the_current_regime_an_edit_is_hidden_for_up_to_ten_minutes() {
    let day = a_day(&[601]);
    let (totals, events) = play(&day, origin(Some("no-store")), Links::Plain, Regime::Fixed);
    assert_eq!((totals.old_sends, totals.longest_old), (1, seconds(299)));
    let send = |answer, version, old_for| Happening::Send { answer, version, old_for };
    let expected = [
        (0, send(Answer::Whole, 1, None)),
        (300, send(Answer::Cache, 1, None)),
        (600, send(Answer::Whole, 1, None)),
        (601, Happening::Edit { version: 2 }),
        (900, send(Answer::Cache, 1, Some(seconds(299)))),
        (1200, send(Answer::Whole, 2, None)),
    ];
    let seen: Vec<_> = events.iter().take(6).map(|event| (event.at.as_secs(), event.happening)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn two_edits_in_one_second_have_the_same_last_modified() {
    let sends = [Duration::ZERO, Duration::from_millis(9100), Duration::from_millis(9500), seconds(20)];
    let edits = [Duration::from_secs(9), Duration::from_millis(9300)];
    let schedule =
        Schedule::new(Times { every: None, at: &sends }, Times { every: None, at: &edits }, seconds(30))
            .expect("a schedule");
    for (regime, answer) in [(Regime::HEADERS, Answer::Whole), (CONDITIONAL, Answer::NotModified)] {
        let (totals, events) = play(&schedule, origin(Some("no-cache")), Links::Plain, regime);
        assert_eq!((totals.old_sends, totals.longest_old), (2, Duration::from_millis(10_700)));
        let last = events.last().expect("an event");
        assert_eq!(
            last.happening,
            Happening::Send { answer, version: 2, old_for: Some(Duration::from_millis(10_700)) }
        );
        let (totals, _) = play(&schedule, origin(Some("no-cache")), Links::Versioned, regime);
        assert_eq!(totals.old_sends, 0, "their links differ");
    }
}

#[test]
fn a_schedule_is_bounded_and_in_order() {
    let every = |span| Times { every: Some(span), at: &[] };
    let none = Times::default();
    let at = [seconds(50), seconds(7), seconds(7)];
    let schedule =
        Schedule::new(Times { every: Some(seconds(30)), at: &at }, every(seconds(40)), seconds(90))
            .expect("a schedule");
    assert_eq!(schedule.sends().collect::<Vec<_>>(), [0, 7, 7, 30, 50, 60].map(seconds));
    assert_eq!(schedule.edits().collect::<Vec<_>>(), [40, 80].map(seconds));
    assert_eq!((schedule.send_count(), schedule.edit_count()), (6, 2));
    for (every, length, count) in [(30, 90, 3), (30, 91, 4), (90, 90, 1), (91, 90, 1)] {
        let times = Times { every: Some(seconds(every)), at: &[] };
        let schedule = Schedule::new(times, times, seconds(length)).expect("a schedule");
        assert_eq!((schedule.sends().count(), schedule.send_count()), (count, count), "{every} in {length}");
        // The first edit is one interval after the first message.
        assert_eq!((schedule.edits().count(), schedule.edit_count()), (count - 1, count - 1), "{every}");
    }
    for (sends, edits, length, part) in [
        (every(seconds(1)), none, Duration::ZERO, "length is 0"),
        (every(seconds(1)), none, Duration::MAX, "100 years"),
        (every(Duration::ZERO), none, seconds(9), "interval"),
        (every(seconds(1)), every(Duration::ZERO), seconds(9), "interval"),
        (none, none, seconds(9), "has no sends"),
        (Times { every: None, at: &[seconds(9)] }, none, seconds(9), "sends is at 9 seconds"),
        (every(seconds(1)), Times { every: None, at: &[seconds(10)] }, seconds(9), "ends after 9 seconds"),
        (every(Duration::from_millis(1)), none, seconds(1001), "1000000 sends"),
        (every(seconds(1)), every(Duration::from_nanos(1)), seconds(1001), "1000000 edits"),
    ] {
        let message = Schedule::new(sends, edits, length).expect_err(part).to_string();
        assert!(message.contains(part), "{message}");
    }
    let most = Schedule::new(every(Duration::from_millis(1)), none, seconds(1000)).expect("a schedule");
    assert_eq!((most.send_count(), most.sends().count()), (MAX_EVENTS, MAX_EVENTS));
}

#[test]
fn messages_with_the_same_outcome_are_one_line_and_a_long_timeline_is_abridged() {
    let day = a_day(&[7200, 40_000]);
    let list = |cache_control, extent| {
        let mut timeline = Timeline::new(extent);
        let (_, events) = play(&day, origin(Some(cache_control)), Links::Plain, Regime::HEADERS);
        for event in &events {
            timeline.record(event);
        }
        timeline.lines()
    };
    // A fetch, then cache hits, and the cache hits again after each edit, which show the old version.
    let few = list("max-age=604800", Extent::All);
    assert_eq!(few.len(), 6);
    assert_eq!(list("max-age=604800", Extent::Short), few);
    assert_eq!(list("max-age=604800", Extent::None), []);
    let (short, many) = (list("max-age=3600", Extent::Short), list("max-age=3600", Extent::All));
    let stretches = short.iter().filter(|line| matches!(line, Line::Stretch(_))).count();
    assert_eq!(stretches, Timeline::SHORT);
    let count = |lines: &[Line]| -> (u64, usize) {
        lines.iter().fold((0, 0), |(sends, edits), line| match line {
            Line::Stretch(stretch) => {
                (sends + stretch.sends(), edits + usize::from(stretch.what == What::Edit))
            }
            Line::LeftOut { sends: more, edits: others, .. } => (sends + more, edits + others),
        })
    };
    assert_eq!((count(&short), count(&many)), ((288, 2), (288, 2)));
    assert_eq!(
        short.iter().filter(|line| matches!(line, Line::Stretch(s) if s.what == What::Edit)).count(),
        2
    );
}

#[test]
fn a_short_timeline_is_bounded_for_any_number_of_events() {
    let send = |at| {
        let happening = Happening::Send { answer: Answer::Whole, version: 1, old_for: None };
        Event { at: seconds(at), happening }
    };
    let edit = |at| Event { at: seconds(at), happening: Happening::Edit { version: 2 } };
    let mut timeline = Timeline::new(Extent::Short);
    // The messages before the first edit are one stretch; each edit and each message after it is one.
    for at in 0..100_000 {
        timeline.record(&send(at));
        if at > 50 {
            timeline.record(&edit(at));
        }
    }
    assert!(timeline.kept() <= 3 * Timeline::SHORT, "{} stretches in memory", timeline.kept());
    let lines = timeline.lines();
    let [beginning @ .., Line::LeftOut { stretches, sends, edits }, Line::Stretch(last)] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(beginning.len(), Timeline::SHORT - 1);
    assert!(matches!(beginning[0], Line::Stretch(Stretch { what: What::Sends { count: 52, .. }, .. })));
    assert_eq!((last.first, last.what), (seconds(99_999), What::Edit));
    assert_eq!((*stretches, *sends, *edits), (199_898 - 16, 99_941, 99_941));
}

#[test]
fn each_cell_of_a_strip_shows_the_worst_outcome() {
    let day = a_day(&[7200]);
    for (cache_control, regime, cells) in [
        ("max-age=604800", Regime::HEADERS, "WOOOOOOOOOOO"),
        ("no-cache", CONDITIONAL, "WWnnnnnnnnnn"),
        ("no-store", Regime::Fixed, "WWWWWWWWWWWW"),
    ] {
        let mut strip = Strip::new(12, day.length());
        let (_, events) = play(&day, origin(Some(cache_control)), Links::Plain, regime);
        for event in &events {
            strip.record(event);
        }
        let shown: String = strip
            .cells()
            .iter()
            .map(|cell| match cell {
                Cell::Nothing => ' ',
                Cell::Cache => 'c',
                Cell::NotModified => 'n',
                Cell::Whole => 'W',
                Cell::Old => 'O',
            })
            .collect();
        // The edit is at the start of the second cell, before the message of the same time.
        assert_eq!(shown, cells, "{cache_control}");
        assert_eq!(strip.edits().iter().position(|edit| *edit), Some(1));
    }
}

fn requirements<'a>(
    within: u64,
    schedule: &'a Schedule,
    versioned: &'a CachePolicy,
    links: &'a [Links],
    regimes: &'a [Regime],
) -> Requirements<'a> {
    Requirements { within: seconds(within), schedule, begins: begins(), versioned, links, regimes }
}

#[test]
fn the_recommendation_meets_the_requirement_with_the_fewest_requests() {
    let versioned: CachePolicy = "max-age=31536000, immutable".parse().expect("a policy");
    let both_links = [Links::Plain, Links::Versioned];
    let both = [Regime::HEADERS, Regime::Fixed];
    let calm = a_day(&[7200]);
    let sends = Times { every: Some(seconds(60)), at: &[] };
    let busy = Schedule::new(sends, Times { every: Some(seconds(60)), at: &[] }, seconds(86_400))
        .expect("a schedule");
    for (within, schedule, links, regimes, best) in [
        // Each version is fetched once: nothing needs fewer requests while edits are few.
        (3600, &calm, &both_links[..], &both[..], Some("versioned max-age=31536000, immutable")),
        (0, &calm, &both_links, &both, Some("versioned max-age=31536000, immutable")),
        // With an edit every minute, versioned links are fetched every minute.
        (3600, &busy, &both_links, &both, Some("plain max-age=3600")),
        (599, &busy, &both_links, &both, Some("versioned max-age=31536000, immutable")),
        (600, &calm, &both_links[..1], &both, Some("plain max-age=600")),
        // The current regime caches a plain link for ten minutes, whatever the headers say.
        (599, &calm, &both_links[..1], &both, None),
        (599, &calm, &both_links[..1], &both[..1], Some("plain max-age=599")),
        (0, &calm, &both_links[..1], &both[..1], Some("plain no-cache")),
        (600, &calm, &both_links[..1], &both[1..], Some("plain no-cache")),
    ] {
        let advice = advise(&requirements(within, schedule, &versioned, links, regimes));
        let named = advice
            .best()
            .map(|outcome| format!("{} {}", outcome.candidate.links.name(), outcome.candidate.policy));
        assert_eq!(named.as_deref(), best, "within {within}");
    }
}

fn any_cache_control() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("no-cache".to_owned())),
        Just(Some("no-store".to_owned())),
        Just(Some("private".to_owned())),
        (0u32..3000).prop_map(|n| Some(format!("max-age={n}"))),
    ]
}

fn any_regime() -> impl Strategy<Value = Regime> {
    prop_oneof![Just(Regime::HEADERS), Just(CONDITIONAL), Just(Regime::Fixed)]
}

fn any_links() -> impl Strategy<Value = Links> {
    prop_oneof![Just(Links::Plain), Just(Links::Versioned)]
}

proptest! {
    #[test]
    fn totals_add_up_and_staleness_is_bounded(
        sends in proptest::collection::vec(0u64..10_000, 1..80),
        edits in proptest::collection::btree_set(0u64..10_000, 0..20),
        cache_control in any_cache_control(),
        links in any_links(),
        regime in any_regime(),
    ) {
        let sends: Vec<_> = sends.into_iter().map(seconds).collect();
        let edits: Vec<_> = edits.into_iter().map(seconds).collect();
        let length = seconds(10_000);
        let schedule =
            Schedule::new(Times { every: None, at: &sends }, Times { every: None, at: &edits }, length)
                .expect("a schedule");
        let origin = origin(cache_control.as_deref());
        let (totals, events) = play(&schedule, origin, links, regime);
        prop_assert_eq!(totals.sends, sends.len() as u64);
        prop_assert_eq!(totals.edits, edits.len() as u64);
        prop_assert_eq!(totals.requests + totals.from_cache, totals.sends);
        prop_assert_eq!(totals.bodies + totals.not_modified, totals.requests);
        prop_assert!(events.is_sorted_by_key(|event| event.at));
        prop_assert!(totals.old_sends <= totals.from_cache, "a fetched version is never old");
        for event in &events {
            let Happening::Send { version, old_for, .. } = event.happening else { continue };
            // Version n ended with the edit that made version n + 1, which is edit n - 1 counted from 0.
            let ended = edits.get(version as usize - 1).filter(|ended| **ended <= event.at);
            prop_assert_eq!(old_for, ended.map(|ended| event.at.saturating_sub(*ended)));
        }
        let bound = match (links, regime, origin.headers.cache_control) {
            (Links::Versioned, ..) => Duration::ZERO,
            (_, Regime::Fixed, _) => seconds(600),
            (_, _, CacheControl::Says(crate::asset::Storage::MaxAge(n))) => seconds(n.into()),
            _ => Duration::ZERO,
        };
        prop_assert!(totals.longest_old <= bound);
        if totals.old_sends > 0 {
            prop_assert!(totals.longest_old < bound);
        }

        let (mut timeline, mut strip) = (Timeline::new(Extent::All), Strip::new(7, length));
        for event in &events {
            timeline.record(event);
            strip.record(event);
        }
        let shown: u64 = timeline.lines().iter().map(|line| match line {
            Line::Stretch(stretch) => stretch.sends(),
            Line::LeftOut { .. } => 0,
        }).sum();
        prop_assert_eq!(shown, totals.sends);
        prop_assert_eq!(strip.cells().contains(&Cell::Old), totals.old_sends > 0);
    }

    /// The number of requests from the definition alone: a link is requested once its time has passed.
    #[test]
    fn the_number_of_requests_matches_the_definition(
        sends in proptest::collection::btree_set(0u64..10_000, 1..80),
        max_age in 0u64..3000,
    ) {
        let (mut requests, mut until) = (0, 0);
        for &at in &sends {
            if requests == 0 || at >= until {
                (requests, until) = (requests + 1, at + max_age);
            }
        }
        let sends: Vec<_> = sends.into_iter().map(seconds).collect();
        let schedule = Schedule::new(Times { every: None, at: &sends }, Times::default(), seconds(10_000))
            .expect("a schedule");
        let policy = format!("max-age={max_age}");
        let (totals, _) = play(&schedule, origin(Some(&policy)), Links::Plain, Regime::HEADERS);
        prop_assert_eq!(totals.requests, requests);
    }
}
