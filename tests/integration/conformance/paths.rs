//! Paths: every spelling that leads to an asset, and errors for all others.

use super::{Bench, Beside, Sample, target};
use crate::support::Client;
use crate::support::response_checks::{Expected, assert_refusal};

pub(super) fn check(bench: &Bench<'_>) {
    unusual_names_work(bench);
    missing_paths_are_not_found(bench);
}

/// Each would be another name if it were encoded or decoded once too often or not at all.
const ODD: [&str; 17] = [
    "a b.jpg",
    "a+b.jpg",
    "50%.jpg",
    "a%20b.jpg",
    "100%25.jpg",
    "a&b=c;d.jpg",
    "what?.jpg",
    "nr#1.jpg",
    "Preisliste M\u{e4}rz.jpg",
    // These look the same and differ in bytes.
    "Preisliste Ma\u{308}rz.jpg",
    "\u{1f600}.jpg",
    "\u{4ef7}\u{683c}.jpg",
    "it's (1)!~$,:@*.jpg",
    "[a]{b}^`|.jpg",
    "\"<q>\".jpg",
    "a..b...jpg",
    "deep/er/and/deeper/st ill/until/the/ve%72y/end/a b.jpg",
];

fn unusual_names_work(bench: &Bench<'_>) {
    let mut client = bench.client();
    // All are put before any is requested, so that each is distinguished from the others.
    let kept: Vec<_> = (1000..)
        .zip(ODD)
        .map(|(seed, name)| bench.put(Sample::picture(&format!("odd/{name}"), 500, seed)))
        .collect();
    for kept in kept {
        let answer = client.request("GET", &kept.target, &[]);
        assert_eq!(answer.status, 200, "{}: {answer:?}", kept.target);
        let kept = kept.learn(&answer);
        kept.asset.ask(&mut client, &kept.target, &[], &Expected::Whole);
        let part = [("Range", "bytes=100-199")];
        kept.asset.ask(&mut client, &kept.target, &part, &Expected::Part(100..200));
    }
    // Characters that a client need not encode may be sent as they are.
    for (plain, escaped) in [("/odd/a+b.jpg", "a+b.jpg"), ("/odd/a&b=c;d.jpg", "a&b=c;d.jpg")] {
        let [one, other] = [plain.to_owned(), target(&format!("odd/{escaped}"))]
            .map(|target| client.request("GET", &target, &[]));
        assert_eq!((one.status, one.body), (200, other.body), "{plain}");
    }
}

/// Requests it with GET and with HEAD.
#[track_caller]
pub(super) fn assert_refused(client: &mut Client, target: &str, status: u16) {
    for method in ["GET", "HEAD"] {
        let answer = client.request(method, target, &[]);
        assert_refusal(&format!("{method} {target}: {answer:?}"), &answer, status, None);
    }
}

fn missing_paths_are_not_found(bench: &Bench<'_>) {
    let mut client = bench.client();
    let nothing = Beside::default();
    for path in ["folder/inside/a.jpg", "folder/.hidden.jpg", ".hidden/a.jpg", "folder/b.jpg"] {
        bench.subject.put(path, b"some bytes", nothing);
    }
    for (target, status) in [
        ("/folder/inside/a.jpg", 200),
        ("/missing.jpg", 404),
        ("/folder/missing.jpg", 404),
        ("/missing/folder/a.jpg", 404),
        // A folder is not an asset, by any name, and an asset is not a folder.
        ("/", 404),
        ("/folder", 404),
        ("/folder/", 404),
        ("/folder/inside", 404),
        ("/folder/inside/", 404),
        ("/folder/b.jpg/", 404),
        ("/folder/b.jpg/a.jpg", 404),
        ("//folder/b.jpg", 404),
        ("/folder//b.jpg", 404),
        // Names are case-sensitive.
        ("/folder/B.jpg", 404),
        ("/folder/b.jp", 404),
        ("/folder/b.jpgg", 404),
        ("/folder/b.jpg%20", 404),
        ("/folder/%2562.jpg", 404),
        // Hidden files exist, but are not served.
        ("/folder/.hidden.jpg", 404),
        ("/.hidden/a.jpg", 404),
        ("/folder/../folder/b.jpg", 400),
        ("/folder/%2e%2e/folder/b.jpg", 400),
        ("/../b.jpg", 400),
        ("/./folder/b.jpg", 400),
        ("/folder%2fb.jpg", 400),
        ("/folder/b%zz.jpg", 400),
        ("/folder/%00b.jpg", 400),
    ] {
        if status == 200 {
            assert_eq!(client.request("GET", target, &[]).status, 200, "{target}");
        } else {
            assert_refused(&mut client, target, status);
        }
    }
}
