//! `wamedia check s3://…`: listing, access denied, outages, odd keys, and objects that change during the check.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::s3_server::{FOREVER, Fault, Meta, S3Server, Seen, gets_of, heads_of};
use crate::support::{Folder, Outcome, outcome, outcome_to, wamedia};

/// The parts of a JPEG that recognition reads, with this many components.
fn jpeg(components: u8) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc0, 0, 8 + 3 * components, 8, 0, 16, 0, 16, components];
    for component in 1..=components {
        bytes.extend([component, 0x11, 0]);
    }
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0, 0xff, 0xd9]);
    bytes
}

fn check(s3: &S3Server, folder: &Folder, given: &[&str]) -> Outcome {
    // The output for a thousand objects does not fit into a pipe.
    let output = folder.at(".output");
    let mut command = command(folder);
    command.envs(s3.environment()).args(["check", "--format", "json"]).args(given);
    let outcome = outcome_to(fs::File::create(&output).expect("a file"), &mut command);
    Outcome { stdout: fs::read_to_string(output).expect("the output"), ..outcome }
}

fn command(folder: &Folder) -> Command {
    let mut command = wamedia();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", folder.path()).current_dir(folder.path());
    command
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

fn assets(outcome: &Outcome) -> Vec<String> {
    let lines = lines(outcome);
    lines.iter().filter_map(|line| line["asset"].as_str()).map(str::to_owned).collect()
}

fn is_list(seen: &Seen) -> bool {
    seen.key.is_empty()
}

/// A count in the summary, which is the last line.
#[track_caller]
fn count(outcome: &Outcome, of_what: &str) -> u64 {
    let summary = lines(outcome).pop().unwrap_or_else(|| panic!("no summary: {outcome:?}"));
    summary["summary"][of_what].as_u64().unwrap_or_else(|| panic!("no summary: {outcome:?}"))
}

#[test]
fn a_prefix_an_object_and_a_missing_object() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for (key, bytes) in
        [("c/a.jpg", jpeg(3)), ("c/d/b.jpg", jpeg(4)), ("c/.x.jpg", jpeg(3)), ("o.jpg", jpeg(3))]
    {
        s3.put(key, bytes, Meta::typed("image/jpeg"));
    }
    let mounted = Folder::new();
    mounted.write("wamedia.toml", "[[mount]]\nstore = \"s3://media\"\n");
    for folder in [&folder, &mounted] {
        for (given, expected, code) in [
            ("s3://media/c", &["s3://media/c/a.jpg", "s3://media/c/d/b.jpg"][..], 1),
            ("s3://media/c/", &["s3://media/c/a.jpg", "s3://media/c/d/b.jpg"], 1),
            ("s3://media/c/d", &["s3://media/c/d/b.jpg"], 1),
            ("s3://media/o.jpg", &["s3://media/o.jpg"], 0),
            ("s3://media/c/a.jpg", &["s3://media/c/a.jpg"], 0),
        ] {
            let outcome = check(&s3, folder, &[given]);
            assert_eq!(
                (&assets(&outcome)[..], outcome.code),
                (&expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()[..], Some(code)),
                "{given}: {outcome:?}"
            );
            assert_eq!(count(&outcome, "failed"), 0, "{given}: {outcome:?}");
        }
        for given in ["s3://media/nothing.jpg", "s3://media/c/nothing", "s3://media/c/a.jpg/b"] {
            let outcome = check(&s3, folder, &[given]);
            assert_eq!(outcome.code, Some(1), "{given}: {outcome:?}");
            assert!(
                lines(&outcome)[0]["error"].as_str().is_some_and(|e| e.contains("no object")),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn without_list_permission_an_object_can_still_be_named() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    s3.put("c/a.jpg", jpeg(3), Meta::typed("image/jpeg"));
    s3.fault(is_list, Fault::ACCESS_DENIED, FOREVER);
    let one = check(&s3, &folder, &["s3://media/c/a.jpg"]);
    assert_eq!((assets(&one), one.code), (vec!["s3://media/c/a.jpg".to_owned()], Some(0)), "{one:?}");
    let all = check(&s3, &folder, &["s3://media/c"]);
    assert_eq!((count(&all, "failed"), all.code), (1, Some(3)), "{all:?}");
    assert!(lines(&all)[0]["error"].as_str().is_some_and(|error| error.contains("s3:ListBucket")), "{all:?}");
}

#[test]
fn refused_files_are_reported_although_a_bucket_is_down() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    folder.write("print.jpg", jpeg(4));
    s3.go_down();
    let outcome = check(&s3, &folder, &["print.jpg", "s3://media/c", "print.jpg"]);
    assert_eq!((count(&outcome, "refused"), count(&outcome, "failed")), (2, 1), "{outcome:?}");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}

#[test]
fn keys_that_no_url_can_name_are_refused_and_the_rest_is_checked() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for number in 0..1005 {
        let components = if number == 7 { 4 } else { 3 };
        s3.put(&format!("a/{number:04}.jpg"), jpeg(components), Meta::typed("image/jpeg"));
    }
    let odd = ["/a/0001.jpg", "b/../a/0001.jpg", "b/./c.jpg", "b//c.jpg", "b/c.jpg/", "b/new\nline.jpg"];
    for key in odd {
        s3.put(key, jpeg(3), Meta::typed("image/jpeg"));
    }
    // A key that sorts after them, a hidden one, and a folder marker.
    for (key, bytes) in [("c.jpg", jpeg(4)), ("b/.x/y.jpg", jpeg(4)), ("b/folder.d/", Vec::new())] {
        s3.put(key, bytes, Meta::typed("image/jpeg"));
    }
    let outcome = check(&s3, &folder, &["s3://media"]);
    let all = lines(&outcome);
    let not_served: Vec<_> =
        all.iter().filter(|line| line["findings"][0]["id"] == "name-not-served").collect();
    let names: Vec<_> = not_served.iter().filter_map(|line| line["asset"].as_str()).collect();
    assert_eq!(names, odd.map(|key| format!("s3://media/{key}")), "{:?}", outcome.stderr);
    for (line, why) in
        not_served.iter().zip(["begins with a slash", "`..`", "`.`", "two slashes", "ends with"])
    {
        let seen = line["findings"][0]["seen"].as_str().expect("a seen text");
        assert!(seen.contains(why) && line["format"].is_null(), "{line}");
    }
    assert_eq!((count(&outcome, "checked"), count(&outcome, "refused")), (1005 + 6 + 1, 2 + 6));
    assert_eq!((count(&outcome, "skipped"), count(&outcome, "failed"), outcome.code), (2, 0, Some(1)));
    // The same below a prefix, with and without a mount.
    let below = check(&s3, &folder, &["s3://media/b"]);
    assert_eq!(
        (count(&below, "checked"), count(&below, "skipped"), below.code),
        (5, 2, Some(1)),
        "{below:?}"
    );
    folder.write("wamedia.toml", "[[mount]]\npath = \"/shop\"\nstore = \"s3://media/b\"\n");
    let mounted = check(&s3, &folder, &["s3://media/b"]);
    assert_eq!(assets(&mounted), assets(&below), "{mounted:?}");
}

#[test]
fn more_objects_than_one_listing_page() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for number in 0..1100 {
        s3.put(&format!("a/{number:04}.jpg"), jpeg(3), Meta::typed("image/jpeg"));
    }
    let outcome = check(&s3, &folder, &["s3://media/a"]);
    assert_eq!((count(&outcome, "fine"), outcome.code), (1100, Some(0)));
    assert!(assets(&outcome).is_sorted());
}

#[test]
fn a_deeper_mount_hides_the_objects_below_its_path() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    folder.write("local/x.jpg", jpeg(3));
    folder.write(
        "wamedia.toml",
        "[[mount]]\nstore = \"s3://media\"\n[[mount]]\npath = \"/shop\"\nstore = \"local\"\n",
    );
    for key in ["a.jpg", "shop/hidden.jpg"] {
        s3.put(key, jpeg(4), Meta::typed("image/jpeg"));
    }
    let outcome = check(&s3, &folder, &["s3://media"]);
    assert_eq!(assets(&outcome), ["s3://media/a.jpg"], "{outcome:?}");
    assert_eq!(count(&outcome, "skipped"), 1, "{outcome:?}");
}

#[test]
fn an_object_that_changes_between_range_requests_is_not_judged() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    // Its frame header is beyond the first range request.
    let mut bytes = vec![0xff, 0xd8];
    for _ in 0..3 {
        bytes.extend([0xff, 0xe1, 0xff, 0xff]);
        bytes.resize(bytes.len() + 0xfffd, 0);
    }
    bytes.extend(&jpeg(3)[2..]);
    s3.put("a.jpg", bytes.clone(), Meta::typed("image/jpeg"));
    let whole = check(&s3, &folder, &["s3://media/a.jpg"]);
    assert_eq!((whole.code, s3.gets("a.jpg") > 1), (Some(0), true), "{whole:?}");
    let is_more = |seen: &Seen| gets_of("a.jpg")(seen) && seen.if_match.is_some();
    s3.fault(is_more, Fault::Error(412, "PreconditionFailed"), FOREVER);
    let changed = check(&s3, &folder, &["s3://media/a.jpg"]);
    assert_eq!((changed.code, count(&changed, "failed")), (Some(3), 1), "{changed:?}");
}

#[test]
fn a_list_request_that_is_answered_with_no_such_key_is_not_about_permissions() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for (fault, word) in [
        (Fault::Error(404, "NoSuchKey"), "address of the bucket is probably wrong"),
        (Fault::NO_SUCH_BUCKET, "there is no bucket of this name"),
        (Fault::ACCESS_DENIED, "s3:ListBucket"),
    ] {
        s3.heal();
        s3.fault(is_list, fault, FOREVER);
        let outcome = check(&s3, &folder, &["s3://media/c"]);
        assert_eq!((count(&outcome, "failed"), outcome.code), (1, Some(3)), "{outcome:?}");
        let error = lines(&outcome)[0]["error"].as_str().expect("an error").to_owned();
        assert!(error.contains(word), "{error}");
        assert_eq!(error.contains("s3:ListBucket"), word == "s3:ListBucket", "{error}");
    }
}

#[test]
fn an_archived_object_is_a_finding_and_the_others_are_checked() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for key in ["c/a.jpg", "c/b.jpg"] {
        s3.put(key, jpeg(3), Meta::typed("image/jpeg"));
    }
    s3.fault(heads_of("c/a.jpg"), Fault::Set("x-amz-storage-class", "DEEP_ARCHIVE"), FOREVER);
    s3.fault(gets_of("c/a.jpg"), Fault::Error(403, "InvalidObjectState"), FOREVER);
    let all = check(&s3, &folder, &["s3://media/c"]);
    assert_eq!((count(&all, "refused"), count(&all, "fine"), count(&all, "failed")), (1, 1, 0), "{all:?}");
    // Without the permission to list, too.
    s3.fault(is_list, Fault::ACCESS_DENIED, FOREVER);
    let one = check(&s3, &folder, &["s3://media/c/a.jpg"]);
    for outcome in [all, one] {
        let line = &lines(&outcome)[0];
        assert_eq!(line["asset"], "s3://media/c/a.jpg", "{outcome:?}");
        assert_eq!(line["findings"][0]["id"], "archived", "{outcome:?}");
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
    }
}

#[test]
fn content_encoding_in_metadata_is_compared_with_the_bytes() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    let encoded =
        |encoding: &str| Meta { content_encoding: Some(encoding.to_owned()), ..Meta::typed("image/jpeg") };
    let gzip = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/hi.gz")).expect("a gzip file");
    s3.put("a.jpg", jpeg(3), encoded("gzip"));
    s3.put("b.jpg", gzip, encoded("gzip"));
    s3.put("c.jpg", jpeg(3), encoded("aws-chunked"));
    s3.put("d.jpg", jpeg(4), encoded("gzip"));
    let outcome = check(&s3, &folder, &["s3://media"]);
    let found: Vec<_> = lines(&outcome)
        .iter()
        .filter_map(|line| {
            let asset = line["asset"].as_str()?.trim_start_matches("s3://media/");
            let ids = line["findings"].as_array()?.iter().filter_map(|finding| finding["id"].as_str());
            Some(format!("{asset}: {}", ids.collect::<Vec<_>>().join(" ")))
        })
        .collect();
    assert_eq!(
        found,
        [
            "a.jpg: content-encoding-false",
            "b.jpg: content-encoding",
            "c.jpg: content-encoding-upload",
            // The bytes themselves are checked, too.
            "d.jpg: image-cmyk content-encoding-false",
        ],
        "{outcome:?}"
    );
}

#[test]
fn an_endpoint_that_contains_the_bucket_is_an_error_with_the_right_value() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    let mut command = command(&folder);
    command.envs(s3.environment()).env("AWS_ENDPOINT_URL", format!("{}/media", s3.endpoint()));
    let outcome = outcome(command.args(["check", "--format", "json", "s3://media/c"]));
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let right = format!("set AWS_ENDPOINT_URL={}", s3.endpoint());
    let error = lines(&outcome)[0]["error"].as_str().expect("an error").to_owned();
    assert!(error.contains(&right) && !error.contains("s3:ListBucket"), "{error}");
}
