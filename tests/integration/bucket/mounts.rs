//! Several mounts, each with its own store, and links to assets in a bucket.

use std::process::Command;

use super::{command, command_of};
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, any};
use crate::support::{Folder, Server, outcome, version_of, wamedia};

const TOML: &str = "\
public_url = \"https://media.example.com/\"
[[mount]]
path = \"/\"
store = \"files\"
[[mount]]
path = \"/s3\"
store = \"s3://media/one\"
[[mount]]
path = \"/s3/deep\"
store = \"s3://media/two/x\"
";

fn scene() -> (S3Server, Folder) {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for key in [
        "one/a.jpg",
        "one/deep/a.jpg",
        "one/deep/b.jpg",
        "two/x/a.jpg",
        "two/x/dir/c.jpg",
        "three.jpg",
        "a.jpg",
    ] {
        s3.put(key, key, Meta::default());
    }
    for file in ["files/a.jpg", "files/s3/a.jpg", "files/s3/only.jpg", "files/s3x.jpg"] {
        folder.write(file, file);
    }
    (s3, folder)
}

fn serve(s3: &S3Server, folder: &Folder) -> Command {
    let mut command = command_of(folder, TOML);
    command.envs(s3.environment());
    command
}

/// `wamedia link` in the same environment.
fn link(s3: &S3Server, folder: &Folder, path: &str) -> Command {
    let mut command = wamedia();
    command.current_dir(folder.path()).env("HOME", folder.path()).args(["link", path]).envs(s3.environment());
    command
}

#[test]
fn the_deepest_mount_has_the_asset() {
    let (s3, folder) = scene();
    let server = Server::spawn(&mut serve(&s3, &folder));
    for (target, stored) in [
        ("/a.jpg", "files/a.jpg"),
        ("/s3x.jpg", "files/s3x.jpg"),
        ("/s3/a.jpg", "one/a.jpg"),
        ("/s3/deep/a.jpg", "two/x/a.jpg"),
        ("/s3/deep/dir/c.jpg", "two/x/dir/c.jpg"),
    ] {
        // The second time from memory.
        for _ in 0..2 {
            let response = server.get(target);
            assert_eq!((response.status, response.text()), (200, stored), "{target}");
        }
    }
    for target in [
        "/s3/only.jpg",
        "/s3/deep/b.jpg",
        "/three.jpg",
        "/s3/three.jpg",
        "/s3/../three.jpg",
        "/s3/%2e%2e/three.jpg",
        "/s3/..%2fthree.jpg",
        "/s3/deep/",
        "/s3/deep",
        "/s3",
    ] {
        let status = server.get(target).status;
        assert!(matches!(status, 400 | 404), "{target}: {status}");
    }
    let keys: Vec<_> = s3.requests().into_iter().map(|seen| seen.key).collect();
    assert!(keys.iter().all(|key| key.starts_with("one/") || key.starts_with("two/x/")), "{keys:?}");
}

#[test]
fn one_store_that_fails_does_not_affect_the_others() {
    let (s3, folder) = scene();
    let server = Server::spawn(&mut serve(&s3, &folder));
    s3.fault(|seen| seen.key.starts_with("one/"), Fault::WRONG_SIGNATURE, FOREVER);
    for _ in 0..2 {
        assert_eq!(server.get("/s3/a.jpg").status, 502);
        assert_eq!(server.get("/s3/deep/a.jpg").text(), "two/x/a.jpg");
        assert_eq!(server.get("/a.jpg").text(), "files/a.jpg");
    }
}

#[test]
fn a_link_names_the_version_by_the_buckets_tag() {
    let (s3, folder) = scene();
    let server = Server::spawn(&mut serve(&s3, &folder));
    let tag = s3.put("one/campaign/a.jpg", "banner", Meta::default());
    s3.clear();
    let printed = outcome(&mut link(&s3, &folder, "s3/campaign/a.jpg"));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let version = version_of(tag.as_bytes());
    assert_eq!(printed.stdout, format!("https://media.example.com/s3/campaign/a.jpg?v={version}\n"));
    let seen: Vec<_> = s3.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(seen, ["HEAD"], "one request is enough");

    let response = server.get(&format!("/s3/campaign/a.jpg?v={version}"));
    assert_eq!((response.status, response.text(), response.field("etag")), (200, "banner", &*tag));
    assert_eq!(response.field("cache-control"), "max-age=31536000, immutable");
    assert_eq!(server.get("/s3/campaign/a.jpg").field("cache-control"), "no-cache");

    // A new version has a new link, and no cache stores the response to the old one.
    let tag = s3.put("one/campaign/a.jpg", "price", Meta::default());
    let next = version_of(tag.as_bytes());
    assert!(outcome(&mut link(&s3, &folder, "s3/campaign/a.jpg")).stdout.ends_with(&format!("?v={next}\n")));
    let response = server.get(&format!("/s3/campaign/a.jpg?v={next}"));
    assert_eq!((response.text(), response.field("cache-control")), ("price", "max-age=31536000, immutable"));
    let response = server.get(&format!("/s3/campaign/a.jpg?v={version}"));
    assert_eq!((response.text(), response.field("cache-control")), ("price", "no-cache"));
}

#[test]
fn there_is_no_link_to_a_missing_asset() {
    let (s3, folder) = scene();
    // This writes the file with the mounts.
    drop(serve(&s3, &folder));
    let printed = outcome(&mut link(&s3, &folder, "s3/none.jpg"));
    assert_eq!((printed.code, &*printed.stdout), (Some(1), ""), "{printed:?}");
    assert!(printed.stderr.contains("there is no asset s3/none.jpg"), "{printed:?}");

    let mut wrong = link(&s3, &folder, "s3/a.jpg");
    let printed = outcome(wrong.env("AWS_SECRET_ACCESS_KEY", "HUSH"));
    assert_eq!((printed.code, &*printed.stdout), (Some(2), ""), "{printed:?}");
    assert!(
        printed.stderr.contains("check AWS_SECRET_ACCESS_KEY") && !printed.stderr.contains("HUSH"),
        "{printed:?}"
    );

    s3.fault(any, Fault::INTERNAL_ERROR, FOREVER);
    assert_eq!(outcome(&mut link(&s3, &folder, "s3/a.jpg")).code, Some(3));
    s3.go_down();
    let printed = outcome(&mut link(&s3, &folder, "s3/a.jpg"));
    assert_eq!((printed.code, &*printed.stdout), (Some(3), ""), "{printed:?}");
    assert_eq!(printed.stderr.lines().count(), 1, "{printed:?}");
    // A path outside the bucket causes no request to it.
    assert_eq!(outcome(&mut link(&s3, &folder, "a.jpg")).code, Some(0));
}

#[test]
fn the_bucket_can_be_named_on_the_command_line() {
    let (s3, folder) = scene();
    let mut command = command(&s3, &folder, &[], "");
    let server = Server::spawn(command.arg("s3://media/two"));
    assert_eq!(server.get("/x/a.jpg").text(), "two/x/a.jpg");
}

#[test]
fn keys_are_requested_exactly_as_in_the_path() {
    let s3 = S3Server::start();
    let server = super::serving(&s3);
    for (target, key) in [
        ("/a%20b.jpg", "a b.jpg"),
        ("/a+b.jpg", "a+b.jpg"),
        ("/a%2Bb%2520c.jpg", "a+b%20c.jpg"),
        ("/dir/M%C3%A4rz.jpg", "dir/M\u{e4}rz.jpg"),
        ("/a%23b%3Fc%2Ad~e.jpg", "a#b?c*d~e.jpg"),
        ("/a&b=c;d'e(f)!@$,g.jpg", "a&b=c;d'e(f)!@$,g.jpg"),
        ("/a%5Bb%5D%7Bc%7D%3Cd%3E%22%5E%60%7C.jpg", "a[b]{c}<d>\"^`|.jpg"),
        ("/a%3Ab.jpg", "a:b.jpg"),
        ("/%F0%9F%98%80.jpg", "\u{1f600}.jpg"),
        ("/a..b.jpg", "a..b.jpg"),
    ] {
        s3.put(key, key, Meta::default());
        for method in ["HEAD", "GET"] {
            let response = server.request(method, target, &[]);
            assert_eq!(response.status, 200, "{method} {target}");
            assert!(method == "HEAD" || response.text() == key, "{target}");
        }
    }
}
