//! Complete responses: which headers they have and their values, and that the first response has no fewer than later ones.

use super::{Bench, Beside, LENGTHS, Sample};
use crate::support::http2_frames::{DATA, Frames};
use crate::support::response_checks::Expected;

pub(super) fn check(bench: &Bench<'_>) {
    every_header_is_right(bench);
    a_head_may_come_first(bench);
    http2_gets_the_same_response(bench);
}

const NOTHING: Beside<'_> = Beside { content_type: None, cache_control: None };

const fn typed(content_type: &str) -> Beside<'_> {
    Beside { content_type: Some(content_type), cache_control: None }
}

const fn policed(cache_control: &str) -> Beside<'_> {
    Beside { content_type: None, cache_control: Some(cache_control) }
}

/// Path, metadata, and the type for the name.
const HEADS: [(&str, Beside<'_>, Option<&str>); 15] = [
    // The name comes first, whatever type the store has.
    ("typed/banner.jpg", typed("image/x-wrong"), Some("image/jpeg")),
    ("typed/none.jpg", NOTHING, Some("image/jpeg")),
    ("typed/voice.OGG", typed("audio/ogg"), Some("audio/ogg; codecs=opus")),
    ("typed/voice.m4a", typed("audio/x-m4a"), Some("audio/mp4")),
    ("typed/clip.mp4", typed("application/octet-stream"), Some("video/mp4")),
    ("typed/sticker.webp", NOTHING, Some("image/webp")),
    ("typed/list.pdf", typed("application/x-pdf"), Some("application/pdf")),
    ("typed/list.csv", typed("text/plain"), Some("text/csv; charset=utf-8")),
    // Without a type for the name, the store's counts.
    ("typed/page.unheard-of", typed("application/x-house; a=b"), None),
    ("typed/picture.unheard-of", typed("image/x-house"), None),
    ("typed/nameless", NOTHING, None),
    // The object's own policy comes before the rules, and those before the default.
    ("policy/own.jpg", policed("max-age=60, public"), Some("image/jpeg")),
    ("policy/private.pdf", policed("private"), Some("application/pdf")),
    ("ruled/banner.jpg", NOTHING, Some("image/jpeg")),
    ("ruled/own.jpg", policed("no-store"), Some("image/jpeg")),
];

fn every_header_is_right(bench: &Bench<'_>) {
    let mut client = bench.client();
    for (seed, (path, beside, named)) in (100..).zip(HEADS) {
        let kept = bench.known(&mut client, Sample { path, len: 1000, seed, beside, named });
        // Exactly these headers, so none of the store's own (`x-amz-…`, `x-goog-…`, `x-ms-…`).
        kept.asset.ask(&mut client, &kept.target, &[], &Expected::Whole);
    }
    for (seed, len) in (200..).zip(LENGTHS) {
        let kept = bench.known(&mut client, Sample::picture(&format!("length/{len}.jpg"), len, seed));
        for _ in 0..2 {
            kept.asset.ask(&mut client, &kept.target, &[], &Expected::Whole);
        }
    }
}

/// A HEAD causes a different request to the store than a GET, and its response must be the same.
fn a_head_may_come_first(bench: &Bench<'_>) {
    let mut client = bench.client();
    for (seed, (path, beside, named)) in (300..).zip(HEADS) {
        let path = &format!("{path}.first/{}", path.rsplit('/').next().expect("a name"));
        let kept = bench.put(Sample { path, len: 1000, seed, beside, named });
        let head = client.request("HEAD", &kept.target, &[]);
        let kept = kept.learn(&head);
        kept.asset.check_head(path, &head, &Expected::Whole);
        kept.asset.ask(&mut client, &kept.target, &[], &Expected::Whole);
    }
    for (seed, len) in (400..).zip(LENGTHS) {
        let kept = bench.put(Sample::picture(&format!("length/first/{len}.jpg"), len, seed));
        let head = client.request("HEAD", &kept.target, &[]);
        let kept = kept.learn(&head);
        kept.asset.check_head(&kept.target, &head, &Expected::Whole);
        kept.asset.ask(&mut client, &kept.target, &[], &Expected::Whole);
    }
}

fn http2_gets_the_same_response(bench: &Bench<'_>) {
    for (seed, len) in (500..).zip(LENGTHS) {
        let kept = bench.put(Sample::picture(&format!("http2/{len}.jpg"), len, seed));
        let mut frames = Frames::connect(bench.subject.address(), 16 << 20);
        frames.allow(0, 16 << 20);
        frames.request(1, "GET", &kept.target);
        frames.wait_for_200(1);
        // A response without a body ends with its head.
        let mut body = Vec::new();
        while let Some(frame) = if len == 0 { None } else { frames.next() } {
            if frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
            }
            if frame.ends_its_stream() {
                break;
            }
        }
        assert!(body == kept.asset.bytes, "{}: {} of {len} bytes", kept.target, body.len());
    }
}
