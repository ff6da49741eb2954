//! `wamedia simulate`: its predictions against the server's log, its arguments, and its output.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use serde_json::Value;
use wamedia::whatsapp::link_cache::{
    CacheControl, CacheHeaders, EtagAlone, LinkCache, Regime, Request, Response, Revalidation, Step,
};

use crate::support::{Client, Folder, Server, noise, run, version_of};

/// The four policies, each for a file of its own.
const CONFIG: &str = "\
    access_log = \"access.jsonl\"\n\
    [[mount]]\npath = \"/\"\nstore = \".\"\nfresh = \"0s\"\n\
    [[cache.rule]]\nmatch = \"campaign.jpg\"\ncache_control = \"max-age=3600\"\n\
    [[cache.rule]]\nmatch = \"code.png\"\ncache_control = \"no-store\"\n\
    [[cache.rule]]\nmatch = \"invoice.pdf\"\ncache_control = \"private\"\n";

const FILES: [&str; 4] = ["campaign.jpg", "prices.pdf", "code.png", "invoice.pdf"];

/// The schedule of `wamedia simulate` and of the client below.
const SEND_EVERY: u64 = 240;
const LENGTH: u64 = 4 * 3600;
const EDITS: [u64; 5] = [1800, 1801, 5000, 9600, 14_399];
const SIZE: usize = 3000;

#[track_caller]
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let outcome = run(folder, &[&["simulate", "--format", "json"], arguments].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {}", outcome.stdout))
}

/// Sends messages by the schedule, with real edits and real requests.
struct Sender<'a> {
    folder: &'a Folder,
    server: &'a Server,
    file: &'static str,
    versioned: bool,
    /// The User-Agent that identifies the requests in the log.
    mark: String,
    begins: SystemTime,
}

impl Sender<'_> {
    /// Returns how many messages showed an old version.
    fn send_all(&self, regime: Regime) -> u64 {
        let mut client = self.server.connect();
        let mut cache = LinkCache::new(regime);
        let mut edits = EDITS.into_iter().peekable();
        let mut current = self.edit(0);
        let mut old = 0;
        for at in (0..LENGTH).step_by(SEND_EVERY.try_into().expect("small")) {
            while let Some(edited) = edits.next_if(|&edited| edited <= at) {
                current = self.edit(edited);
            }
            let at = Duration::from_secs(at);
            let version = if self.versioned { format!("?v={}", version_of(&current)) } else { String::new() };
            let link = format!("/{}{version}", self.file);
            let shown = match cache.send(&link, at) {
                Step::FromCache(bytes) => bytes,
                Step::Fetch(request) => {
                    let response = self.fetch(&mut client, &link, request);
                    cache.receive(&link, at, response).expect("bytes to show")
                }
            };
            old += u64::from(shown != current);
        }
        old
    }

    /// Writes the version that is current from this second of the schedule on.
    fn edit(&self, at: u64) -> Vec<u8> {
        let bytes = noise(SIZE, at + 1);
        let mtime = self.begins + Duration::from_secs(at);
        self.folder.write(self.file, &bytes).set_mtime(self.file, mtime);
        bytes
    }

    fn fetch(&self, client: &mut Client, link: &str, request: Request) -> Response<Vec<u8>> {
        let date = match request {
            Request::Plain => None,
            Request::IfModifiedSince(date) => Some(date.to_string()),
        };
        let mut fields = vec![("User-Agent", &*self.mark)];
        fields.extend(date.as_deref().map(|date| ("If-Modified-Since", date)));
        let response = client.request("GET", link, &fields);
        if response.status == 304 {
            return Response::NotModified;
        }
        assert_eq!((response.status, response.complete), (200, true), "{response:?}");
        let last_modified: HttpDate = response.field("last-modified").parse().expect("a date");
        let headers = CacheHeaders {
            cache_control: CacheControl::read(Some(response.field("cache-control"))),
            last_modified: Some(last_modified),
            etag: response.has("etag"),
        };
        Response::Whole { headers, asset: response.body }
    }
}

#[test]
fn the_predicted_requests_match_the_access_log() {
    let folder = Folder::new();
    let begins = SystemTime::now() - Duration::from_hours(48);
    for file in FILES {
        folder.write(file, noise(SIZE, 0)).set_mtime(file, begins - Duration::from_mins(1));
    }
    let server = Server::configured(&folder, CONFIG);
    let mut predictions = Vec::new();
    for (revalidation, asking) in [("plain", Revalidation::Plain), ("conditional", Revalidation::Conditional)]
    {
        let headers = Regime::Headers { etag_alone: EtagAlone::Ignored, revalidation: asking };
        for file in FILES {
            let edits: Vec<_> = EDITS.iter().map(|at| format!("--edit-at={at}s")).collect();
            let (every, length) = (format!("{SEND_EVERY}s"), format!("{LENGTH}s"));
            let mut arguments = vec![file, "--send-every", &every, "--for", &length];
            arguments.extend(["--revalidation", revalidation]);
            arguments.extend(edits.iter().map(String::as_str));
            let report = json(folder.path(), &arguments);
            let runs = report["runs"].as_array().expect("runs");
            assert_eq!(runs.len(), 4, "two regimes, two kinds of link");
            for run in runs {
                let regime = if run["regime"] == "fixed" { Regime::Fixed } else { headers };
                let sender = Sender {
                    folder: &folder,
                    server: &server,
                    file,
                    versioned: run["links"] == "versioned",
                    mark: format!("{} {} {file} {revalidation}", run["regime"], run["links"]),
                    begins,
                };
                assert_eq!(run["totals"]["old_sends"], sender.send_all(regime), "{}", sender.mark);
                predictions.push((sender.mark, run["totals"].clone()));
            }
        }
    }
    server.end();
    let log = fs::read_to_string(folder.at("access.jsonl")).expect("a log");
    let log: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut all = 0;
    for (mark, totals) in predictions {
        let mine: Vec<_> = log.iter().filter(|entry| entry["user_agent"] == *mark).collect();
        let of = |status: u16| mine.iter().filter(|entry| entry["status"] == status).count();
        let sent: u64 = mine.iter().map(|entry| entry["sent"].as_u64().expect("bytes")).sum();
        assert_eq!(totals["requests"], mine.len(), "requests: {mark}");
        assert_eq!(totals["not_modified"], of(304), "304s: {mark}");
        assert_eq!(totals["bodies"], of(200), "bodies: {mark}");
        assert_eq!(totals["bytes"], sent, "bytes: {mark}");
        all += mine.len();
    }
    assert_eq!(all, log.len(), "the log has no other requests");
    assert!(log.iter().any(|entry| entry["status"] == 304));
}

/// Requests under each regime and kind of link, in the order of the output.
fn requests(report: &Value) -> Vec<(String, u64)> {
    let of = |run: &Value| {
        let name = format!("{} {}", run["regime"], run["links"]).replace('"', "");
        (name, run["totals"]["requests"].as_u64().expect("a number"))
    };
    report["runs"].as_array().expect("runs").iter().map(of).collect()
}

#[test]
fn values_paths_and_urls_are_distinguished() {
    let folder = Folder::new();
    folder.write("wamedia.toml", CONFIG).write("campaign.jpg", "a photo");
    let hour = ["--for", "1h", "--regime", "headers", "--links", "plain"];
    for (named, sort, sends, last_modified) in [
        ("max-age=600", "value", 6, true),
        ("Public, max-age=600", "value", 6, true),
        // Other servers send contradictory values: the strictest directive wins.
        ("max-age=600, no-store", "value", 12, true),
        ("no-cache", "value", 12, true),
        ("none", "value", 12, true),
        ("campaign.jpg", "asset", 1, true),
    ] {
        let report = json(folder.path(), &[&[named], &hour[..]].concat());
        assert_eq!(report["subject"]["sort"], sort, "{named}");
        assert_eq!(report["subject"]["last_modified"].is_string(), last_modified, "{named}");
        assert_eq!(requests(&report), [("headers plain".to_owned(), sends)], "{named}");
    }
    // Where both readings exist, the value is taken, and stderr says so.
    folder.write("no-cache", "a file");
    assert_eq!(json(folder.path(), &[&["./no-cache"], &hour[..]].concat())["subject"]["sort"], "asset");
    let value = run(folder.path(), &[&["simulate", "no-cache"], &hour[..]].concat());
    assert_eq!(value.code, Some(0), "{value:?}");
    assert!(
        value.stderr.contains("taken as a Cache-Control value") && value.stderr.contains("write ./no-cache"),
        "{value:?}"
    );
    let server = Server::configured(&folder, CONFIG);
    let url = format!("http://{}/campaign.jpg", server.address);
    let report = json(folder.path(), &[&[&*url], &hour[..]].concat());
    let subject = &report["subject"];
    assert_eq!(
        (&subject["sort"], &subject["size"], &subject["etag"]),
        (&"url".into(), &7.into(), &true.into())
    );
    assert_eq!(report["runs"][0]["cache_control"], "max-age=3600");
    assert_eq!(requests(&report), [("headers plain".to_owned(), 1)]);
    server.end();
    let log = fs::read_to_string(folder.at("access.jsonl")).expect("a log");
    assert_eq!(log.lines().count(), 1, "one request: {log}");

    for (arguments, code, part) in [
        (&["missing.jpg"][..], 1, "there is no asset missing.jpg"),
        (&["s3://bucket/a.jpg"], 2, "http and https only"),
        (&[&*url], 3, "cannot be fetched"),
        (&["no-cache", "--for", "0s"], 2, "length is 0"),
        (&["no-cache", "--send-every", "1ms"], 2, "1000000 sends"),
        (&["no-cache", "--edit-at", "25h"], 2, "make it longer"),
        (&["no-cache", "--send-every", "5"], 2, "such as 90s"),
        (&["no-cache", "--send-every", "1us"], 2, "whole number of milliseconds"),
        (&["no-cache", "--size", "large"], 2, "is not a size"),
        (&["campaign.jpg", "--validators", "etag"], 2, "--validators is for"),
        (&["max-age=60\x1b[31m"], 2, "not valid in a header"),
        (&["max-age=60\nX-Evil: 1"], 2, "not valid in a header"),
        (&["no-cache", "--size", "18446744073709551615"], 2, "overflows"),
    ] {
        let outcome = run(folder.path(), &[&["simulate"], arguments].concat());
        assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(part), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn an_ambiguous_value_is_simulated_with_a_warning() {
    let folder = Folder::new();
    for (named, has_warning) in [("max-age=-1", true), ("max-age=60, max-age=70", true), ("no-cache", false)]
    {
        let outcome = run(folder.path(), &["simulate", named]);
        assert_eq!(
            (outcome.code, outcome.stderr.contains("is read as")),
            (Some(0), has_warning),
            "{outcome:?}"
        );
    }
    let outcome = run(folder.path(), &["simulate", "list.pdf"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("WAMEDIA_STORE") && outcome.stderr.contains("no-cache"), "{outcome:?}");
}

#[test]
fn a_file_inside_or_outside_a_mount_is_simulated() {
    let folder = Folder::new();
    folder
        .write("out/banner.jpg", "a banner")
        .write("out/same.jpg", "a file")
        .write("media/same.jpg", "an asset");
    folder.write("media/.hidden.jpg", "kept back");
    symlink("../out/banner.jpg", folder.at("media/link.jpg")).expect("a link");
    let play = |path: &str| {
        let arguments = ["simulate", path, "--for", "1h", "--regime", "headers", "--format", "json"];
        run(folder.path(), &arguments)
    };
    // Without a configuration, beside one, and in a mount.
    let config = "[cache]\ndefault = \"max-age=1200\"\n[[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/out\"\nstore = \"more\"\n";
    fs::create_dir(folder.at("more")).expect("a folder");
    for (config, path, sort, policy, requests) in [
        (None, "./out/banner.jpg", "file", "no-cache", 12),
        (Some(config), "./out/banner.jpg", "file", "max-age=1200", 3),
        (Some(config), "media/same.jpg", "asset", "max-age=1200", 3),
        (Some(config), "same.jpg", "asset", "max-age=1200", 3),
    ] {
        if let Some(config) = config {
            folder.write("wamedia.toml", config);
        }
        let outcome = play(path);
        let has_warning = outcome.stderr.contains("is in no mount") && outcome.stderr.contains(policy);
        assert_eq!((outcome.code, has_warning), (Some(0), sort == "file"), "{path}: {outcome:?}");
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(
            (&report["subject"]["sort"], &report["subject"]["size"]),
            (&sort.into(), &8.into()),
            "{path}"
        );
        assert!(report["subject"]["last_modified"].is_string(), "{report}");
        assert_eq!(report["runs"][0]["cache_control"], policy, "{path}");
        assert_eq!(report["runs"][0]["totals"]["requests"], requests, "{path}");
    }
    for (path, code, part) in [
        ("media/link.jpg", 1, "link.jpg"),
        ("media/.hidden.jpg", 1, "hidden"),
        ("out", 1, "no asset"),
        ("out/nothing.jpg", 1, "no asset"),
    ] {
        let outcome = play(path);
        assert_eq!(outcome.code, Some(code), "{path}: {outcome:?}");
        assert!(outcome.stderr.contains(part), "{path}: {outcome:?}");
    }
}

#[test]
fn a_lone_etag_is_simulated_both_ways() {
    let folder = Folder::new();
    let report = json(folder.path(), &["none", "--validators", "etag", "--for", "1h", "--links", "plain"]);
    let expected = [("headers plain", 12), ("headers-etag plain", 1), ("fixed plain", 6)];
    assert_eq!(requests(&report), expected.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(report["runs"][0]["totals"]["bytes"], Value::Null, "the size is not known");
}

#[test]
fn the_text_shows_a_plot_the_totals_and_a_timeline() {
    let folder = Folder::new();
    let outcome = run(
        folder.path(),
        &["simulate", "max-age=604800", "--edit-at", "12h", "--size", "1 KiB", "--send-every", "30m"],
    );
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    for part in [
        "max-age=604800 (1.00 KiB), with Last-Modified and ETag (assumed)",
        "48 sends and 1 edit within 1day",
        // The first half of the plot is before the edit.
        &format!("edits                   {}v\n", " ".repeat(27)),
        "headers, plain          #....... ........ ........ !!!!!!!! ",
        "headers, plain             1    0       1   1.00 KiB      47         24      11h 30m",
        "headers, versioned         2    0       2   2.00 KiB      46          0            -",
        "fixed, plain              48    0      48  48.00 KiB       0          0            -",
        "  12h                      edited: version 2\n",
        "  12h to 23h 30m           24 x from the cache: version 1, OLD for 11h 30m\n",
    ] {
        assert!(outcome.stdout.contains(part), "no {part:?} in:\n{}", outcome.stdout);
    }
    assert!(outcome.stdout.lines().all(|line| line.len() <= 100), "{}", outcome.stdout);
    let short = run(folder.path(), &["simulate", "max-age=60", "--timeline", "none", "--send-at", "7s"]);
    assert!(short.stdout.contains("1 send and 0 edits"), "{short:?}");
    assert!(!short.stdout.contains("fetched: version"), "{short:?}");
}

#[test]
fn the_recommended_rule_works_when_pasted() {
    let folder = Folder::new();
    folder
        .write("a[1] \"b\".pdf", "a list")
        .write("wamedia.toml", "[[mount]]\npath = \"/\"\nstore = \".\"\n");
    let named = "a[1] \"b\".pdf";
    for (arguments, best, policy) in [
        (&["--edit-at", "2h", "--fresh-within", "1h"][..], "versioned", "no-cache"),
        (&["--edit-every", "1m", "--fresh-within", "1h"], "plain", "max-age=3600"),
        (&["--links", "plain", "--edit-at", "2h", "--fresh-within", "1h"], "plain", "max-age=3600"),
    ] {
        let report = json(folder.path(), &[&[named, "--timeline", "none"], arguments].concat());
        let advice = &report["advice"];
        let place = usize::try_from(advice["best"].as_u64().expect("a place")).expect("small");
        assert_eq!(advice["candidates"][place]["links"], best, "{arguments:?}");
        let rule = advice["rule"].as_str().expect("lines");
        let text = run(folder.path(), &[&["simulate", named], arguments].concat());
        assert!(text.stdout.ends_with(rule), "{text:?}");

        // The rule applies to this file and to no other.
        let pasted = Folder::new();
        pasted.write(named, "a list").write("a1 b.pdf", "another");
        let server = Server::configured(&pasted, &format!("[[mount]]\npath = \"/\"\nstore = \".\"\n{rule}"));
        let response = server.get("/a%5B1%5D%20%22b%22.pdf");
        assert_eq!((response.status, response.field("cache-control")), (200, policy));
        assert_eq!(server.get("/a1%20b.pdf").field("cache-control"), "no-cache");
    }
    let outcome = run(folder.path(), &["simulate", named, "--links", "plain", "--fresh-within", "5m"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("None of these fits"), "{outcome:?}");
    let report = run(
        folder.path(),
        &["simulate", named, "--links", "plain", "--regime", "headers", "--fresh-within", "30m"],
    );
    assert!(report.stdout.contains("Recommended: plain links with max-age=1800"), "{report:?}");
}

#[test]
fn the_timeline_of_a_long_schedule_is_short() {
    let folder = Folder::new();
    let arguments =
        ["no-cache", "--send-every", "1s", "--for", "50000s", "--edit-every", "1s", "--links", "versioned"];
    let report = json(folder.path(), &arguments);
    assert_eq!(report["runs"][0]["totals"]["requests"], 50_000);
    assert_eq!(report["runs"][0]["timeline"].as_array().expect("lines").len(), 17);
}
