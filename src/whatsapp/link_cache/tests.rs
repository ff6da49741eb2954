//! Tests the cache against Meta's pages, sentence by sentence, and against invariants for any schedule.

use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use proptest::prelude::*;

use super::*;

const HEADERS: Regime = Regime::HEADERS;
const CONDITIONAL: Regime =
    Regime::Headers { etag_alone: EtagAlone::Ignored, revalidation: Revalidation::Conditional };
const DISCRETION: Regime =
    Regime::Headers { etag_alone: EtagAlone::KeptForGood, revalidation: Revalidation::Plain };

/// The effect of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The kept asset was sent.
    Kept(u32),
    /// An unconditional request, and this asset was sent.
    Asked(u32),
    /// A request with If-Modified-Since, and this asset was sent.
    AskedIf(u32),
}
use Seen::{Asked, AskedIf, Kept};

/// A message: its time in seconds, its link, and the state of the server: asset, Cache-Control, Last-Modified and `ETag`.
type Send<'a> = (u64, &'a str, (u32, Option<&'a str>, Option<u64>, bool));

fn date(seconds: u64) -> HttpDate {
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds))
}

fn headers(cache_control: Option<&str>, last_modified: Option<u64>, etag: bool) -> CacheHeaders {
    CacheHeaders {
        cache_control: CacheControl::read(cache_control),
        last_modified: last_modified.map(date),
        etag,
    }
}

/// Sends one message. The server evaluates a condition by RFC 9110 section 13.1.3.
fn send(cache: &mut LinkCache<u32>, (at, link, server): Send<'_>) -> Seen {
    let (asset, cache_control, last_modified, etag) = server;
    let at = Duration::from_secs(at);
    let whole = Response::Whole { headers: headers(cache_control, last_modified, etag), asset };
    match cache.send(link, at) {
        Step::FromCache(asset) => Kept(asset),
        Step::Fetch(Request::Plain) => Asked(cache.receive(link, at, whole).expect("an asset")),
        Step::Fetch(Request::IfModifiedSince(known)) => {
            let response = if last_modified.map(date) == Some(known) { Response::NotModified } else { whole };
            AskedIf(cache.receive(link, at, response).expect("an asset"))
        }
    }
}

#[track_caller]
fn play(sentence: &str, regime: Regime, messages: &[(Send<'_>, Seen)]) {
    let mut cache = LinkCache::new(regime);
    for (number, (message, seen)) in messages.iter().enumerate() {
        assert_eq!(send(&mut cache, *message), *seen, "{sentence}: message {number} under {regime:?}");
    }
}

const A: &str = "https://media.example.com/a.jpg";
const WEEK: Option<&str> = Some("max-age=604800");
const NO_CACHE: Option<&str> = Some("no-cache");

#[test]
fn a_response_with_none_of_the_headers_is_not_kept() {
    play(
        "without any of these headers, the asset is not cached",
        HEADERS,
        &[((0, A, (1, None, None, false)), Asked(1)), ((0, A, (2, None, None, false)), Asked(2))],
    );
}

#[test]
fn max_age_is_a_time_without_requests() {
    for regime in [HEADERS, CONDITIONAL] {
        play(
            "n seconds for which it is cached, and used in later messages until they have passed",
            regime,
            &[
                ((0, A, (1, WEEK, Some(0), true)), Asked(1)),
                ((604_799, A, (2, WEEK, Some(9), true)), Kept(1)),
                ((604_800, A, (2, WEEK, Some(9), true)), Asked(2)),
            ],
        );
        play(
            "afterwards it is requested again, if it is needed: the time runs from the new response",
            regime,
            &[
                ((0, A, (1, Some("max-age=60"), None, false)), Asked(1)),
                ((1000, A, (2, Some("max-age=60"), None, false)), Asked(2)),
                ((1059, A, (3, Some("max-age=60"), None, false)), Kept(2)),
                ((1060, A, (3, Some("max-age=60"), None, false)), Asked(3)),
            ],
        );
        play(
            "no time at all",
            regime,
            &[
                ((0, A, (1, Some("max-age=0"), Some(0), true)), Asked(1)),
                ((0, A, (2, Some("max-age=0"), Some(0), true)), Asked(2)),
            ],
        );
        play(
            "a use does not make it younger",
            regime,
            &[
                ((0, A, (1, Some("max-age=60"), None, false)), Asked(1)),
                ((50, A, (2, Some("max-age=60"), None, false)), Kept(1)),
                ((100, A, (2, Some("max-age=60"), None, false)), Asked(2)),
            ],
        );
    }
}

#[test]
fn no_cache_takes_a_new_copy_when_last_modified_differs() {
    for (regime, asked) in [(HEADERS, Asked as fn(u32) -> Seen), (CONDITIONAL, AskedIf)] {
        play(
            "it can be cached, and is refreshed when Last-Modified differs from an earlier response's",
            regime,
            &[
                ((0, A, (1, NO_CACHE, Some(0), true)), Asked(1)),
                ((0, A, (1, NO_CACHE, Some(0), true)), asked(1)),
                ((5, A, (2, NO_CACHE, Some(4), true)), asked(2)),
                ((6, A, (2, NO_CACHE, Some(4), true)), asked(2)),
            ],
        );
        play(
            "it is Last-Modified that is compared: an edit within the same second is not seen",
            regime,
            &[
                ((0, A, (1, NO_CACHE, Some(0), true)), Asked(1)),
                ((1, A, (2, NO_CACHE, Some(0), true)), asked(1)),
                ((2, A, (3, NO_CACHE, Some(2), true)), asked(3)),
            ],
        );
        play(
            "differs, not is later: a file that was put back counts as changed",
            regime,
            &[
                ((0, A, (1, NO_CACHE, Some(9), true)), Asked(1)),
                ((1, A, (2, NO_CACHE, Some(3), true)), asked(2)),
            ],
        );
        play(
            "no-cache requires Last-Modified",
            regime,
            &[((0, A, (1, NO_CACHE, None, true)), Asked(1)), ((0, A, (2, NO_CACHE, None, true)), Asked(2))],
        );
        play(
            "the refresh needs no-cache in the response: what says no-store replaces nothing and ends what is kept",
            regime,
            &[
                ((0, A, (1, NO_CACHE, Some(0), true)), Asked(1)),
                ((1, A, (2, Some("no-store"), Some(1), true)), asked(2)),
                ((2, A, (3, NO_CACHE, Some(0), true)), Asked(3)),
            ],
        );
    }
    play(
        "compared with an earlier response, whatever policy that one had",
        HEADERS,
        &[
            ((0, A, (1, Some("max-age=9"), Some(0), true)), Asked(1)),
            ((9, A, (2, NO_CACHE, Some(0), true)), Asked(1)),
            ((10, A, (3, NO_CACHE, Some(1), true)), Asked(3)),
        ],
    );
}

#[test]
fn no_store_and_private_are_not_kept() {
    for directive in ["no-store", "private", "Private", "private, max-age=60", "no-cache, no-store"] {
        for regime in [HEADERS, CONDITIONAL, DISCRETION] {
            play(
                "no-store: not cached; private: made for the recipient, and not cached",
                regime,
                &[
                    ((0, A, (1, Some(directive), Some(0), true)), Asked(1)),
                    ((0, A, (2, Some(directive), Some(0), true)), Asked(2)),
                ],
            );
        }
    }
}

#[test]
fn a_lone_last_modified_has_no_effect() {
    for etag in [false, true] {
        for regime in [HEADERS, CONDITIONAL, DISCRETION] {
            play(
                "Last-Modified is used with no-cache",
                regime,
                &[((0, A, (1, None, Some(0), etag)), Asked(1)), ((0, A, (2, None, Some(0), etag)), Asked(2))],
            );
        }
    }
}

#[test]
fn an_etag_counts_only_alone_and_only_in_the_english_page() {
    let alone = (0, A, (1, None, None, true));
    let later = (1 << 40, A, (2, None, None, true));
    play("German: ignored without the other two", HEADERS, &[(alone, Asked(1)), (later, Asked(2))]);
    play("English, one extreme: kept", DISCRETION, &[(alone, Asked(1)), (later, Kept(1))]);
    for etag in [false, true] {
        play(
            "English: ignored unless neither of the other two is there",
            DISCRETION,
            &[
                ((0, A, (1, WEEK, None, etag)), Asked(1)),
                ((604_799, A, (2, WEEK, None, etag)), Kept(1)),
                ((604_800, A, (2, Some("public"), None, etag)), Asked(2)),
                ((604_801, A, (3, Some("public"), None, etag)), Asked(3)),
            ],
        );
    }
}

#[test]
fn the_strictest_directive_of_any_server_wins() {
    for (field, keeping) in [
        ("MAX-AGE=60", Some(Keeping::For(Duration::from_mins(1)))),
        ("max-age=60, s-maxage=9", Some(Keeping::For(Duration::from_mins(1)))),
        ("public, max-age=60, no-cache", Some(Keeping::UntilModified(date(0)))),
        ("max-age=soon", Some(Keeping::UntilModified(date(0)))),
        ("max-age=0, no-store, no-cache", None),
        ("public", None),
        ("s-maxage=60", None),
        ("", None),
    ] {
        assert_eq!(HEADERS.keeping(&headers(Some(field), Some(0), true)), keeping, "{field}");
    }
}

#[test]
fn the_current_regime_keeps_each_link_for_ten_minutes() {
    let links = ["a?v=1", "a?v=2", "a", "A", "a?", "a#top"];
    for cache_control in [None, NO_CACHE, WEEK, Some("no-store"), Some("private"), Some("max-age=1")] {
        play(
            "static 10 minutes, whatever the headers are",
            Regime::Fixed,
            &[
                ((0, A, (1, cache_control, Some(0), true)), Asked(1)),
                ((599, A, (2, cache_control, Some(1), true)), Kept(1)),
                ((600, A, (2, cache_control, Some(1), true)), Asked(2)),
                ((1199, A, (3, cache_control, Some(2), true)), Kept(2)),
                ((1200, A, (3, cache_control, Some(2), true)), Asked(3)),
            ],
        );
        for regime in [HEADERS, CONDITIONAL, DISCRETION, Regime::Fixed] {
            let mut cache = LinkCache::new(regime);
            for (number, link) in (0..).zip(links) {
                let message = (number.into(), link, (number, cache_control, Some(0), true));
                assert_eq!(send(&mut cache, message), Asked(number), "the exact text is the key: {link}");
            }
        }
    }
}

#[test]
fn a_304_without_an_entry_returns_nothing() {
    let mut cache = LinkCache::<u32>::new(HEADERS);
    assert_eq!(cache.receive(A, Duration::ZERO, Response::NotModified), None);
    assert_eq!(cache.send(A, Duration::ZERO), Step::Fetch(Request::Plain));
}

fn any_cache_control() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("no-cache".to_owned())),
        Just(Some("no-store".to_owned())),
        Just(Some("private".to_owned())),
        (0u32..2000).prop_map(|n| Some(format!("max-age={n}"))),
        "[a-z0-9=, -]{0,20}".prop_map(Some),
    ]
}

fn any_regime() -> impl Strategy<Value = Regime> {
    prop_oneof![Just(HEADERS), Just(CONDITIONAL), Just(DISCRETION), Just(Regime::Fixed)]
}

proptest! {
    /// Each second has its own version and its own Last-Modified.
    #[test]
    fn no_asset_is_sent_after_its_lifetime(
        regime in any_regime(),
        cache_control in any_cache_control(),
        etag in any::<bool>(),
        pauses in proptest::collection::vec(0u64..1500, 1..60),
    ) {
        let mut cache = LinkCache::new(regime);
        let mut now = 0;
        for pause in pauses {
            now += pause;
            let version = u32::try_from(now).expect("small");
            let server = (version, cache_control.as_deref(), Some(now), etag);
            let seen = send(&mut cache, (now, A, server));
            let keeping = regime.keeping(&headers(cache_control.as_deref(), Some(now), etag));
            match (seen, keeping) {
                (Kept(shown), Some(Keeping::For(span))) => {
                    prop_assert!(Duration::from_secs(now - u64::from(shown)) < span);
                }
                (Kept(_), Some(Keeping::ForGood)) => {}
                (Kept(_), _) => prop_assert!(false, "{seen:?}, although it must be requested"),
                (Asked(shown) | AskedIf(shown), _) => prop_assert_eq!(shown, version),
            }
        }
    }
}
