//! Conditions and ranges on assets of every length, both cached and uncached. The full tables for these headers are in
//! `conditions`; here are the rows that depend on a store.

use std::ops::Range;

use super::{Bench, Kept, LENGTHS, Sample};
use crate::support::response_checks::Expected::{
    self, Failed, NotModified, Part, Parts, Unsatisfiable, Whole,
};

pub(super) fn check(bench: &Bench<'_>) {
    let mut client = bench.client();
    // All are put before a part is requested: parts of a large file that was just written have to wait.
    let lengths = LENGTHS.map(|len| (len, several(len)));
    let mut firsts_of_new = Vec::new();
    // Except the longest, which only a chunked download distinguishes: a test store has little space.
    for (len, parts) in &lengths[..LENGTHS.len() - 1] {
        for (seed, (fields, expected)) in (700..).zip(firsts(*len, parts)) {
            let path = format!("parts/first/{len}/{seed}.jpg");
            firsts_of_new.push((bench.put(Sample::picture(&path, *len, seed)), fields, expected));
        }
    }
    let known: Vec<_> = (600..)
        .zip(LENGTHS)
        .map(|(seed, len)| bench.known(&mut client, Sample::picture(&format!("parts/{len}.jpg"), len, seed)))
        .collect();

    // One connection for all: any remainder of a response would break the next.
    for (kept, (len, parts)) in known.iter().zip(&lengths) {
        let rows = [conditions(kept), ranges(*len, parts), ranges_with_conditions(kept)];
        for (fields, expected) in rows.into_iter().flatten() {
            kept.asset.ask(&mut client, &kept.target, &borrowed(&fields), &expected);
        }
    }
    // The first response depends on the store's current state, and must be like any other.
    for (kept, fields, expected) in firsts_of_new {
        let fields = borrowed(&fields);
        let first = client.request("GET", &kept.target, &fields);
        // An error response has no tag; the next response has one.
        let second = client.request("HEAD", &kept.target, &[]);
        let kept = kept.learn(&second);
        kept.asset.check_head(&kept.target, &second, &Whole);
        let row = format!("first, {}, {fields:?}: {:?}", kept.target, (first.status, &first.fields));
        kept.asset.check(&row, &first, &expected);
        kept.asset.ask(&mut client, &kept.target, &fields, &expected);
    }
}

fn borrowed<'a>(fields: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, &**value)).collect()
}

/// Names and values of a request's headers, and the response to a GET.
type Row<'a> = (Vec<(&'a str, String)>, Expected<'a>);

fn row<'a>(fields: &[(&'a str, &str)], expected: Expected<'a>) -> Row<'a> {
    (fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), expected)
}

fn conditions(kept: &Kept) -> Vec<Row<'static>> {
    let etag = kept.etag();
    let weak = &format!("W/{etag}");
    let list = &format!("\"other\", {etag}");
    let [before, then, after] = &[-1, 0, 1].map(|seconds| kept.date(seconds));
    vec![
        row(&[("If-None-Match", etag)], NotModified),
        row(&[("If-None-Match", list)], NotModified),
        row(&[("If-None-Match", weak)], NotModified),
        row(&[("If-None-Match", "*")], NotModified),
        row(&[("If-None-Match", "\"other\"")], Whole),
        row(&[("If-None-Match", "\"other\""), ("If-Modified-Since", after)], Whole),
        row(&[("If-None-Match", etag), ("If-Modified-Since", before)], NotModified),
        row(&[("If-Modified-Since", before)], Whole),
        row(&[("If-Modified-Since", then)], NotModified),
        row(&[("If-Modified-Since", after)], NotModified),
        row(&[("If-Modified-Since", "yesterday")], Whole),
        row(&[("If-Match", etag)], Whole),
        row(&[("If-Match", list)], Whole),
        row(&[("If-Match", "*")], Whole),
        row(&[("If-Match", weak)], Failed),
        row(&[("If-Match", "\"other\"")], Failed),
        row(&[("If-Match", "\"other\""), ("If-None-Match", etag)], Failed),
        row(&[("If-Unmodified-Since", before)], Failed),
        row(&[("If-Unmodified-Since", then)], Whole),
        row(&[("If-Unmodified-Since", after)], Whole),
        row(&[("If-Match", etag), ("If-Unmodified-Since", before)], Whole),
    ]
}

/// Two parts that do not touch, the later one first; none if the asset is too short.
fn several(len: usize) -> Vec<Range<usize>> {
    if len < 100 { Vec::new() } else { vec![len / 2..len / 2 + 30, 0..len / 3] }
}

/// The row for a range of `len` bytes. An empty asset has no ranges, so it is sent whole.
fn of(len: usize, range: &str, expected: Expected<'static>) -> Row<'static> {
    row(&[("Range", range)], if len == 0 { Whole } else { expected })
}

fn ranges(len: usize, parts: &[Range<usize>]) -> Vec<Row<'_>> {
    let (third, half) = (len / 3, len / 2);
    let mut rows = vec![
        of(len, "bytes=0-0", Part(0..len.min(1))),
        of(len, "bytes=0-9", Part(0..len.min(10))),
        of(len, &format!("bytes={third}-{}", third + half), Part(third..len.min(third + half + 1))),
        of(len, "bytes=-1", Part(len.saturating_sub(1)..len)),
        of(len, "bytes=-500", Part(len.saturating_sub(500)..len)),
        of(len, &format!("bytes={half}-"), Part(half..len)),
        of(len, "bytes=0-", Part(0..len)),
        of(len, &format!("bytes={half}-{}", 2 * len), Part(half..len)),
        of(len, &format!("bytes={len}-"), Unsatisfiable),
        of(len, &format!("bytes={}-{}", len + 5, len + 9), Unsatisfiable),
        of(len, "bytes=-0", Unsatisfiable),
    ];
    for malformed in ["bytes=5-4", "bytes=", "bytes=a-b", "lines=0-9", "0-9"] {
        rows.push(row(&[("Range", malformed)], Whole));
    }
    if let [later, earlier] = parts {
        let range = |range: &Range<usize>| format!("{}-{}", range.start, range.end - 1);
        rows.push(row(&[("Range", &format!("bytes={},{}", range(later), range(earlier)))], Parts(parts)));
        rows.push(row(&[("Range", &format!("bytes={len}-,{}", range(later)))], Part(later.clone())));
        rows.push(row(&[("Range", "bytes=0-49,50-99")], Part(0..100)));
    }
    rows
}

fn ranges_with_conditions(kept: &Kept) -> Vec<Row<'static>> {
    let len = kept.asset.bytes.len();
    let etag = kept.etag();
    let weak = &format!("W/{etag}");
    let [before, then] = &[-1, 0].map(|seconds| kept.date(seconds));
    let part = || if len == 0 { Whole } else { Part(0..len.min(10)) };
    let range = ("Range", "bytes=0-9");
    vec![
        row(&[range, ("If-Range", etag)], part()),
        row(&[range, ("If-Range", then)], part()),
        row(&[range, ("If-Range", weak)], Whole),
        row(&[range, ("If-Range", "\"other\"")], Whole),
        row(&[range, ("If-Range", before)], Whole),
        row(&[range, ("If-Match", etag)], part()),
        row(&[range, ("If-Match", "\"other\"")], Failed),
        row(&[range, ("If-None-Match", etag)], NotModified),
        row(&[range, ("If-None-Match", "\"other\"")], part()),
        row(&[range, ("If-Unmodified-Since", before)], Failed),
        row(&[("Range", "bytes=99999999-"), ("If-None-Match", etag)], NotModified),
    ]
}

/// Conditions of a first request, when no client can know a tag or a date.
fn firsts(len: usize, parts: &[Range<usize>]) -> Vec<Row<'_>> {
    let mut firsts = ranges(len, parts);
    firsts.extend([
        row(&[("If-None-Match", "*")], NotModified),
        row(&[("If-None-Match", "\"other\"")], Whole),
        row(&[("If-Match", "*")], Whole),
        row(&[("If-Match", "\"other\"")], Failed),
        row(&[("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")], NotModified),
        row(&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], Failed),
        row(&[("Range", "bytes=0-9"), ("If-Range", "\"other\"")], Whole),
    ]);
    firsts
}
