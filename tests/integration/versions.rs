//! Links that name a version: their cache policy, and when an unknown version makes the server read the store again.

use std::fs;
use std::io::Write;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use crate::support::{Folder, Server, etag_of, noise, version_of};

const VERSIONED: &str = "max-age=31536000, immutable";
/// A server that would not notice a change by itself while a test runs.
const FRESH: &str = "[[mount]]\nstore = \".\"\nfresh = \"1h\"\n";
const STREAMED: &str = "[memory]\ncache = 0\n";
const UNKNOWN: &str = "0123456789abcdef";

#[test]
fn the_version_in_a_link_decides_its_cache_policy() {
    let folder = Folder::new();
    let policies =
        ["no-store", "private", "private, max-age=60", "no-cache", "public, no-cache", "max-age=60"];
    let mut toml = FRESH.to_owned();
    for (number, policy) in policies.into_iter().enumerate() {
        let name = format!("{number}.jpg");
        folder.write(&name, policy);
        toml.extend(["[[cache.rule]]\nmatch = \"", &*name, "\"\ncache_control = \"", policy, "\"\n"]);
    }
    // For a link to the current version, and for one to another version.
    let rows = [
        ("no-store", "no-store"),
        ("private", "private"),
        ("private, max-age=60", "private, max-age=60"),
        (VERSIONED, "no-cache"),
        (VERSIONED, "public, no-cache"),
        (VERSIONED, "no-cache"),
    ];
    for memory in ["", STREAMED] {
        let server = Server::configured(&folder, &format!("{memory}{toml}"));
        let mut client = server.connect();
        for (number, (own, (current, unknown))) in policies.into_iter().zip(rows).enumerate() {
            let v = version_of(own.as_bytes());
            let full = &etag_of(own.as_bytes())[1..65];
            for (query, expected) in [
                (String::new(), own),
                ("?".to_owned(), own),
                (format!("?v={v}"), current),
                (format!("?v={UNKNOWN}"), unknown),
                ("?v=".to_owned(), unknown),
                ("?v".to_owned(), unknown),
                (format!("?v={}", v.to_ascii_uppercase()), unknown),
                (format!("?v={}", &v[..15]), unknown),
                (format!("?v={v}0"), unknown),
                (format!("?v={full}"), unknown),
                (format!("?v=%{:02x}{}", v.as_bytes()[0], &v[1..]), unknown),
                // The first one counts.
                (format!("?v={v}&v={UNKNOWN}"), current),
                (format!("?v={UNKNOWN}&v={v}"), unknown),
                // Unknown parameters are ignored.
                (format!("?utm_source=mail&v={v}&x"), current),
                (format!("?utm_source=mail&v={UNKNOWN}&x"), unknown),
                (format!("?V={v}"), own),
                (format!("?version={v}&vv={UNKNOWN}&=v&&"), own),
                ("?utm_source=mail&fbclid=%zz&%".to_owned(), own),
                (format!("?x=?v={UNKNOWN}"), own),
            ] {
                let target = format!("/{number}.jpg{query}");
                let response = client.request("GET", &target, &[]);
                assert_eq!(response.status, 200, "{target}");
                assert_eq!(response.field("cache-control"), expected, "{own}: {target}");
                assert_eq!(response.field("etag"), etag_of(own.as_bytes()), "{target}");
                assert!(response.body == own.as_bytes(), "{target}");
            }
        }
    }
}

#[test]
fn every_response_with_validators_has_the_policy_of_its_link() {
    let folder = Folder::new();
    folder.write("a.jpg", "0123456789");
    let server = Server::configured(&folder, &format!("{FRESH}[cache]\ndefault = \"max-age=60\"\n"));
    let (etag, v) = (etag_of(b"0123456789"), version_of(b"0123456789"));
    for (query, policy) in
        [("", "max-age=60"), (&*format!("?v={v}"), VERSIONED), (&*format!("?v={UNKNOWN}"), "no-cache")]
    {
        for (status, fields) in [
            (206, [("Range", "bytes=1-2"), ("If-Range", &*etag)]),
            (206, [("Range", "bytes=1-2,5-6"), ("If-Range", &*etag)]),
            (304, [("If-None-Match", &*etag), ("Range", "bytes=1-2")]),
        ] {
            let response = server.request("GET", &format!("/a.jpg{query}"), &fields);
            let got = (response.status, response.field("cache-control"), response.field("etag"));
            assert_eq!(got, (status, policy, &*etag), "{query} {fields:?}");
            assert!(response.has("last-modified"), "{query} {fields:?}");
        }
        // An error is never cached, whatever the link.
        for (status, fields) in [(412, ("If-Match", "\"other\"")), (416, ("Range", "bytes=10-"))] {
            let response = server.request("GET", &format!("/a.jpg{query}"), &[fields]);
            assert_eq!((response.status, response.field("cache-control")), (status, "no-store"), "{query}");
        }
        let missing = server.get(&format!("/missing.jpg{query}"));
        assert_eq!((missing.status, missing.field("cache-control")), (404, "no-store"), "{query}");
    }
}

#[test]
fn the_operator_can_set_the_policy_of_versioned_links() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server =
        Server::configured(&folder, &format!("{FRESH}[cache]\nversioned = \"max-age=60, public\"\n"));
    let policy = |v: &str| server.get(&format!("/a.jpg?v={v}")).field("cache-control").to_owned();
    assert_eq!(policy(&version_of(b"a")), "max-age=60, public");
    assert_eq!(policy(UNKNOWN), "no-cache");
}

/// Rewrites a file in place or by renaming.
fn rewrite(folder: &Folder, name: &str, bytes: &[u8], in_place: bool) {
    if in_place {
        let mut file = fs::OpenOptions::new().write(true).open(folder.at(name)).expect("a file");
        file.write_all(bytes).expect("written");
    } else {
        folder.write("next", bytes);
        fs::rename(folder.at("next"), folder.at(name)).expect("a rename");
    }
}

#[test]
fn a_link_newer_than_the_cache_gets_the_new_version_at_once() {
    for memory in ["", STREAMED] {
        let folder = Folder::new();
        folder.write("list.pdf", noise(300_000, 0));
        let server = Server::configured(&folder, &format!("{memory}{FRESH}"));
        let mut client = server.connect();
        let first = client.request("GET", "/list.pdf", &[]);
        assert_eq!(first.field("etag"), etag_of(&noise(300_000, 0)));
        for seed in 1..24 {
            let old = version_of(&noise(300_000, seed - 1));
            // Of the same length, and as quickly as possible: the time stamps hardly change.
            let bytes = noise(300_000, seed);
            rewrite(&folder, "list.pdf", &bytes, seed % 2 == 0);
            let target = format!("/list.pdf?v={}", version_of(&bytes));
            let response = client.request("GET", &target, &[]);
            assert_eq!((response.status, response.field("cache-control")), (200, VERSIONED), "{seed}");
            assert_eq!(response.field("etag"), etag_of(&bytes), "{seed}");
            assert!(response.complete && response.body == bytes, "{seed}");
            // All later requests get the new version.
            assert_eq!(client.request("HEAD", "/list.pdf", &[]).field("etag"), etag_of(&bytes), "{seed}");
            let gone_by = client.request("HEAD", &format!("/list.pdf?v={old}"), &[]);
            assert_eq!(gone_by.field("cache-control"), "no-cache", "{seed}");
            assert_eq!(gone_by.field("etag"), etag_of(&bytes), "{seed}");
        }
    }
}

#[test]
fn a_link_to_a_newer_version_of_a_settled_file_causes_a_read_too() {
    for memory in ["", STREAMED] {
        let folder = Folder::new();
        let (old, new) = (noise(100_000, 1), noise(100_000, 2));
        folder.write("list.pdf", &old);
        let server = Server::configured(&folder, &format!("{memory}{FRESH}"));
        // A part of a streamed file is sent once the version has settled.
        let part = server.request("GET", "/list.pdf", &[("Range", "bytes=0-9")]);
        assert_eq!((part.status, &*part.body), (206, &old[..10]));
        // As `rsync -t` and `cp -p` do: length and mtime stay the same.
        let mtime = fs::metadata(folder.at("list.pdf")).expect("metadata").modified().expect("an mtime");
        folder.write("next", &new).set_mtime("next", mtime);
        fs::rename(folder.at("next"), folder.at("list.pdf")).expect("a rename");
        let stale = server.get("/list.pdf");
        assert!(stale.body == old || stale.body == new, "fresh for an hour, as configured");
        let response = server.get(&format!("/list.pdf?v={}", version_of(&new)));
        assert_eq!(response.field("cache-control"), VERSIONED);
        assert!(response.body == new);
    }
}

#[test]
fn a_link_finds_a_new_asset_and_notices_a_deletion() {
    let folder = Folder::new();
    let server = Server::configured(&folder, FRESH);
    let target = format!("/a.jpg?v={}", version_of(b"a"));
    assert_eq!(server.get(&target).status, 404);
    folder.write("a.jpg", "a");
    assert_eq!(server.get(&target).field("cache-control"), VERSIONED, "absence is not cached");
    fs::remove_file(folder.at("a.jpg")).expect("deleted");
    assert_eq!(server.get(&format!("/a.jpg?v={UNKNOWN}")).status, 404, "the folder was read");
    assert_eq!(server.get(&target).status, 404, "the deletion is cached for all");
}

#[test]
fn old_bytes_that_come_back_have_their_old_version() {
    // Back to earlier bytes: their link names them again.
    let folder = Folder::new();
    folder.write("a.jpg", "one");
    let server = Server::configured(&folder, FRESH);
    for bytes in ["one", "two", "one", "two"] {
        folder.write("a.jpg", bytes);
        let response = server.get(&format!("/a.jpg?v={}", version_of(bytes.as_bytes())));
        assert_eq!((response.field("cache-control"), response.text()), (VERSIONED, bytes));
    }
}

#[test]
fn random_versions_get_the_current_bytes_and_do_not_wait_for_ever() {
    const READERS: u64 = 8;
    const REQUESTS: u64 = 40;
    for memory in ["", STREAMED] {
        let folder = Folder::new();
        let bytes = noise(50_000, 5);
        folder.write("a.jpg", &bytes).set_mtime("a.jpg", UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        let server = Server::configured(&folder, &format!("{memory}{FRESH}"));
        thread::scope(|scope| {
            for reader in 0..READERS {
                let (server, bytes) = (&server, &bytes);
                scope.spawn(move || {
                    let mut client = server.connect();
                    for request in 0..REQUESTS {
                        let v = version_of(&noise(8, reader * REQUESTS + request));
                        let response = client.request("GET", &format!("/a.jpg?v={v}"), &[]);
                        let got = (response.status, response.field("cache-control"));
                        assert_eq!(got, (200, "no-cache"), "{v}");
                        assert!(response.complete && response.body == *bytes, "{v}");
                    }
                });
            }
        });
        let current = server.get(&format!("/a.jpg?v={}", version_of(&bytes)));
        assert_eq!(current.field("cache-control"), VERSIONED);
    }
}

#[test]
fn many_concurrent_requests_for_new_links_get_the_new_version() {
    let folder = Folder::new();
    folder.write("a.jpg", noise(100_000, 0));
    let server = Server::configured(&folder, FRESH);
    assert_eq!(server.get("/a.jpg").status, 200);
    for seed in 1..6 {
        let bytes = noise(100_000, seed);
        rewrite(&folder, "a.jpg", &bytes, false);
        let target = format!("/a.jpg?v={}", version_of(&bytes));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let response = server.get(&target);
                    assert_eq!(response.field("cache-control"), VERSIONED, "{seed}");
                    assert!(response.body == bytes, "{seed}");
                });
            }
        });
    }
}
