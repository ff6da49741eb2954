//! Changes of an asset: its bytes or metadata are replaced, it is removed and added again. And links that name a version.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::paths::assert_refused;
use super::{Bench, Beside, DEFAULT_POLICY, HELD, Kept, Sample, Tag, VERSIONED_POLICY};
use crate::support::Client;
use crate::support::response_checks::Expected::{Failed, NotModified, Part, Whole};

/// One that is cached in memory, and one that is too large for that.
const LENGTHS: [usize; 2] = [100 << 10, 3 * HELD / 2];

pub(super) fn check(bench: &Bench<'_>) {
    for (seed, len) in [2000, 2100].into_iter().zip(LENGTHS) {
        bytes_are_replaced(bench, len, seed);
        an_asset_is_removed_and_added_again(bench, len, seed);
    }
    metadata_is_replaced(bench);
    links_never_loosen_a_strict_policy(bench);
}

/// A version that does not exist.
const NO_VERSION: &str = "0000000000000000";

fn link(kept: &Kept, version: &str) -> String {
    format!("{}?v={version}", kept.target)
}

#[track_caller]
fn get(client: &mut Client, kept: Kept, target: &str) -> Kept {
    let answer = client.request("GET", target, &[]);
    assert_eq!(answer.status, 200, "{target}: {answer:?}");
    assert!(answer.body == kept.asset.bytes, "{target}: not the bytes that were put last");
    kept.learn(&answer)
}

fn bytes_are_replaced(bench: &Bench<'_>, len: usize, seed: u64) {
    let mut client = bench.client();
    let path = format!("changes/replaced-{len}.jpg");
    let first = bench.known(&mut client, Sample::picture(&path, len, seed));

    // Of the same length, and at once: a link with an unknown version makes the server read the store.
    let second = bench.put(Sample::picture(&path, len, seed + 1));
    let second = get(&mut client, second, &link(&first, NO_VERSION));
    assert_ne!(second.etag(), first.etag());

    let third = bench.put(Sample::picture(&path, len + 1, seed + 2));
    sleep(bench.stale);
    let target = third.target.clone();
    let third = get(&mut client, third, &target);
    assert_ne!(third.etag(), second.etag());
    for gone in [&first, &second] {
        let etag = gone.etag();
        third.asset.ask(&mut client, &target, &[("If-None-Match", etag)], &Whole);
        third.asset.ask(&mut client, &target, &[("If-Match", etag)], &Failed);
        third.asset.ask(&mut client, &target, &[("Range", "bytes=9-"), ("If-Range", etag)], &Whole);
    }
    third.asset.ask(&mut client, &target, &[("If-None-Match", third.etag())], &NotModified);
    third.asset.ask(&mut client, &target, &[("Range", "bytes=9-")], &Part(9..len + 1));

    // The policy of a link to the current version applies to other requests, too.
    let current = link(&third, &third.version());
    let asset = third.under(VERSIONED_POLICY);
    asset.ask(&mut client, &current, &[], &Whole);
    asset.ask(&mut client, &current, &[("If-None-Match", third.etag())], &NotModified);
    asset.ask(&mut client, &current, &[("Range", "bytes=0-9")], &Part(0..10));
    for version in [&*first.version(), &*second.version(), NO_VERSION] {
        third.under("no-cache").ask(&mut client, &link(&third, version), &[], &Whole);
    }
    third.asset.ask(&mut client, &format!("{target}?w={NO_VERSION}"), &[], &Whole);
}

fn an_asset_is_removed_and_added_again(bench: &Bench<'_>, len: usize, seed: u64) {
    let mut client = bench.client();
    let path = format!("changes/gone-{len}.jpg");
    let first = bench.known(&mut client, Sample::picture(&path, len, seed + 10));
    bench.subject.remove(&path);
    sleep(bench.stale);
    assert_refused(&mut client, &first.target, 404);
    assert_refused(&mut client, &link(&first, &first.version()), 404);
    let answer = client.request("GET", &first.target, &[("If-None-Match", first.etag())]);
    assert_eq!(answer.status, 404, "{answer:?}");

    let second = bench.put(Sample::picture(&path, len, seed + 11));
    let since = Instant::now();
    while client.request("HEAD", &second.target, &[]).status != 200 {
        assert!(since.elapsed() < Duration::from_secs(3), "{} is back, and is not found", second.target);
        sleep(Duration::from_millis(20));
    }
    let target = second.target.clone();
    let second = get(&mut client, second, &target);
    second.asset.ask(&mut client, &target, &[("If-None-Match", first.etag())], &Whole);
}

/// The same bytes, and so for some stores the same tag, with another policy. A folder has no metadata; there it is the same
/// file put again.
fn metadata_is_replaced(bench: &Bench<'_>) {
    let mut client = bench.client();
    let sample = |path, cache_control| {
        let beside = Beside { content_type: None, cache_control };
        Sample { beside, ..Sample::picture(path, 5000, 2200) }
    };
    let paths = ["changes/described-1.jpg", "changes/described-2.jpg"];
    let before = paths.map(|path| bench.known(&mut client, sample(path, Some("max-age=60"))).when[0]);
    // If the tags are equal, the dates must differ.
    sleep(Duration::from_secs(1));
    let all = [("changes/described-1.jpg", Some("no-store")), ("changes/described-2.jpg", None)]
        .map(|(path, policy)| bench.put(sample(path, policy)));
    sleep(bench.stale);
    for (mut kept, before) in all.into_iter().zip(before) {
        // The date of a file follows its content, which is the same.
        if kept.tag == Tag::Sha256 {
            kept.when[0] = before;
        }
        let target = kept.target.clone();
        let kept = get(&mut client, kept, &target);
        kept.asset.ask(&mut client, &target, &[], &Whole);
    }
}

fn links_never_loosen_a_strict_policy(bench: &Bench<'_>) {
    let mut client = bench.client();
    for (seed, policy) in (2300..).zip(["no-store", "private, max-age=60", "max-age=60"]) {
        let path = format!("changes/link-{seed}.jpg");
        let beside = Beside { content_type: None, cache_control: Some(policy) };
        let kept = bench.known(&mut client, Sample { beside, ..Sample::picture(&path, 100, seed) });
        let own = if bench.subject.manner().keeps { policy } else { DEFAULT_POLICY };
        let (current, other) =
            if own.starts_with("max-age") { (VERSIONED_POLICY, "no-cache") } else { (own, own) };
        let current = if own == DEFAULT_POLICY { VERSIONED_POLICY } else { current };
        kept.under(current).ask(&mut client, &link(&kept, &kept.version()), &[], &Whole);
        kept.under(other).ask(&mut client, &link(&kept, NO_VERSION), &[], &Whole);
    }
}
