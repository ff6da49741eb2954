//! Reloads with buckets: the cache and the counters survive.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::Signal;

use super::{begun, command, command_of, finish};
use crate::admin::{address_of, ask};
use crate::s3_server::{ACCESS_KEY, Meta, OTHER_ACCESS_KEY, REGION, S3Server, SECRET, of};
use crate::support::{Folder, Server, eventually};

const RELOADED: &str = "SIGHUP: configuration reloaded";

/// An admin listener, and timeouts that keep an outage short.
const VARIABLES: [(&str, &str); 4] = [
    ("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0"),
    ("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "200ms"),
    ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_TIMEOUT", "800ms"),
];

/// Serves the configuration `toml` in the environment of `s3`.
fn serve(s3: &S3Server, folder: &Folder, toml: &str) -> Server {
    Server::spawn(command_of(folder, toml).envs(s3.environment()).envs(VARIABLES))
}

/// Reloads the server with `toml`, and waits until the reload is done.
#[track_caller]
fn reload(server: &mut Server, folder: &Folder, toml: &str) {
    folder.write("wamedia.toml", toml);
    server.signal(Signal::HUP);
    let line = server.wait_for_line("SIGHUP: configuration ");
    assert!(line.contains(RELOADED), "{line}");
}

/// The value of a metric for the bucket mounted at `mount`.
#[track_caller]
fn sample(server: &mut Server, name: &str, mount: &str) -> u64 {
    let metrics = ask(address_of(server), "/metrics");
    let start = format!("{name}{{bucket=\"s3://media\",mount=\"{mount}\"}} ");
    let value = metrics.text().lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("no {start} in {}", metrics.text())).parse().expect("a number")
}

#[test]
fn two_mounts_on_one_bucket_keep_their_own_counters() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    s3.put("a.jpg", "a", Meta::default());
    s3.put("b.jpg", "b", Meta::default());
    let mounts = "[[mount]]\npath = \"/one\"\nstore = \"s3://media\"\n[[mount]]\npath = \"/two\"\nstore = \"s3://media\"\n";
    let mut server = serve(&s3, &folder, mounts);
    let requests = |server: &mut Server| {
        ["/one", "/two"].map(|mount| sample(server, "wamedia_upstream_requests_total", mount))
    };
    let before = requests(&mut server);
    assert_eq!([server.get("/one/a.jpg").status, server.get("/one/b.jpg").status], [200, 200]);
    let asked = [before[0] + 2, before[1]];
    assert_eq!(requests(&mut server), asked);
    for policy in ["max-age=1", "max-age=2"] {
        reload(&mut server, &folder, &format!("{mounts}[cache]\ndefault = \"{policy}\"\n"));
        assert_eq!(requests(&mut server), asked, "{policy}");
    }
    assert_eq!(server.get("/two/a.jpg").status, 200);
    assert_eq!(requests(&mut server), [asked[0], asked[1] + 1]);
    // A bucket at another mount starts with new counters.
    reload(&mut server, &folder, &mounts.replace("/one", "/three"));
    assert_eq!(sample(&mut server, "wamedia_upstream_requests_total", "/two"), asked[1] + 1);
}

#[test]
fn a_failing_bucket_is_known_to_fail_after_a_reload() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    let mut server = Server::spawn(&mut command(&s3, &folder, &VARIABLES, ""));
    s3.go_down();
    assert_eq!(server.get("/a.jpg").status, 502);
    assert_eq!(sample(&mut server, "wamedia_upstream_answers", "/"), 0);
    reload(&mut server, &folder, "[[mount]]\nstore = \"s3://media\"\nstale_if_error = \"2h\"\n");
    assert_eq!(sample(&mut server, "wamedia_upstream_answers", "/"), 0);
    assert_eq!(ask(address_of(&mut server), "/readyz").status, 503);
    s3.come_back();
    eventually("it is back", || (ask(address_of(&mut server), "/readyz").status == 200).then_some(()));
    server.wait_for_line("s3://media answers again");
}

#[test]
fn a_reload_uses_replaced_keys_and_rejects_wrong_ones() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for key in ["a.jpg", "b.jpg", "c.jpg"] {
        s3.put(key, key, Meta::default());
    }
    let keys = |id: &str, secret: &str| {
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        folder.write(".aws/credentials", text);
    };
    let toml = format!(
        "[[mount]]\nstore = \"s3://media\"\nendpoint = \"{}\"\nregion = \"{REGION}\"\n",
        s3.endpoint()
    );
    keys(ACCESS_KEY, SECRET);
    let mut server = Server::spawn(command_of(&folder, &toml).envs(VARIABLES));
    let asked_with = |server: &Server, target: &str| {
        assert_eq!(server.get(target).status, 200);
        s3.requests().last().expect("a request").access_key.clone()
    };
    assert_eq!(asked_with(&server, "/a.jpg").as_deref(), Some(ACCESS_KEY));

    keys(OTHER_ACCESS_KEY, SECRET);
    reload(&mut server, &folder, &toml);
    assert_eq!(asked_with(&server, "/b.jpg").as_deref(), Some(OTHER_ACCESS_KEY));

    keys("AKIDWRONG", SECRET);
    server.signal(Signal::HUP);
    let line = server.wait_for_line("SIGHUP: configuration ");
    assert!(line.contains("rejected") && line.contains("InvalidAccessKeyId"), "{line}");
    assert_eq!(asked_with(&server, "/c.jpg").as_deref(), Some(OTHER_ACCESS_KEY));

    // Without a change there is no request.
    keys(OTHER_ACCESS_KEY, SECRET);
    s3.clear();
    reload(&mut server, &folder, &toml);
    assert!(s3.requests().is_empty());

    // A bucket that does not answer rejects nothing.
    s3.go_down();
    keys(ACCESS_KEY, SECRET);
    reload(&mut server, &folder, &toml);
    assert!(
        server
            .lines()
            .iter()
            .any(|line| line.contains("the new credentials of s3://media could not be verified: "))
    );
    assert_eq!(server.get("/a.jpg").text(), "a.jpg");
    s3.come_back();
    eventually("the new keys are used", || {
        server.get("/none.jpg");
        (s3.requests().last()?.access_key.as_deref() == Some(ACCESS_KEY)).then_some(())
    });
}

#[test]
fn cached_bodies_are_served_in_an_outage_under_reloaded_rules() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    let own = Meta { cache_control: Some("max-age=5".to_owned()), ..Meta::default() };
    s3.put("own.jpg", "with a policy", own);
    s3.put("a.jpg", "the first", Meta::default());
    let mount = "[[mount]]\nstore = \"s3://media\"\nfresh = \"100ms\"\n";
    let rules = |precedence: &str, default: &str| {
        format!(
            "{mount}[cache]\nprecedence = \"{precedence}\"\ndefault = \"{default}\"\n[[cache.rule]]\nmatch = \"own.*\"\ncache_control = \"max-age=9\"\n"
        )
    };
    let mut server = serve(&s3, &folder, &rules("object", "max-age=1"));
    let policies = |server: &Server| {
        [("/own.jpg", "with a policy"), ("/a.jpg", "the first")].map(|(target, text)| {
            let response = server.get(target);
            assert_eq!((response.status, response.text()), (200, text));
            response.field("cache-control").to_owned()
        })
    };
    assert_eq!(policies(&server), ["max-age=5", "max-age=1"]);
    reload(&mut server, &folder, &rules("object", "max-age=2"));
    assert_eq!(policies(&server), ["max-age=5", "max-age=2"]);
    assert_eq!([s3.unconditional_gets("a.jpg"), s3.unconditional_gets("own.jpg")], [1, 1]);

    s3.go_down();
    eventually("the outage is noticed", || (server.get("/b.jpg").status == 502).then_some(()));
    for (precedence, default, expected) in [
        ("object", "max-age=3", ["max-age=5", "max-age=3"]),
        ("rules", "max-age=4", ["max-age=9", "max-age=4"]),
        ("object", "no-cache", ["max-age=5", "no-cache"]),
    ] {
        reload(&mut server, &folder, &rules(precedence, default));
        assert_eq!(policies(&server), expected);
    }
    // Not for another bucket, or another prefix of it.
    s3.come_back();
    s3.put("x/a.jpg", "of another folder", Meta::default());
    reload(&mut server, &folder, &rules("object", "no-cache").replace("s3://media", "s3://media/x"));
    assert_eq!(server.get("/a.jpg").text(), "of another folder");
    assert_eq!(server.get("/own.jpg").status, 404);
}

#[test]
fn old_responses_after_a_reload_hold_only_their_own_body_in_memory() {
    const LEN: u64 = 1 << 20;
    let (s3, folder) = (S3Server::start(), Folder::new());
    s3.put("big.jpg", vec![0; 1 << 20], Meta::default());
    s3.put("slow.jpg", "at last", Meta::default());
    folder.write("media/a.jpg", "a photo");
    let mut server = serve(&s3, &folder, "[[mount]]\nstore = \"s3://media\"\n");
    let held = |server: &mut Server| {
        let metrics = ask(address_of(server), "/metrics");
        let value = metrics.text().lines().find_map(|line| line.strip_prefix("wamedia_cache_held_bytes "));
        value.unwrap_or_else(|| panic!("{}", metrics.text())).parse::<u64>().expect("a number")
    };
    assert_eq!(server.get("/big.jpg").status, 200);
    eventually("it is cached", || (held(&mut server) >= LEN).then_some(()));
    let gate = s3.hold(of("slow.jpg"));
    let mut slow = begun(&server, "GET /slow.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
    gate.wait_for(1);

    reload(&mut server, &folder, "[[mount]]\nstore = \"media\"\n");
    eventually("it is released", || (held(&mut server) < LEN).then_some(()));
    assert_eq!(server.get("/a.jpg").text(), "a photo");
    gate.release();
    assert_eq!(finish(&mut slow).text(), "at last");
}

#[test]
fn changed_credential_files_are_followed_without_a_signal() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for key in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"] {
        s3.put(key, key, Meta::default());
    }
    let keys = |folder: &Folder, name: &str, id: &str| {
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n");
        folder.write(name, text);
    };
    // As Kubernetes mounts a secret: the file is a link through `..data`, which is swapped.
    for (version, id) in [("v1", ACCESS_KEY), ("v2", OTHER_ACCESS_KEY)] {
        keys(&folder, &format!("secret/{version}/credentials"), id);
    }
    folder.write("secret/v3/credentials", "[default]\naws_access_key_id = HALF\n");
    keys(&folder, "secret/v4/credentials", "AKIDWRONG");
    let swap = |version: &str| {
        let (data, next) = (folder.at("secret/..data"), folder.at("secret/..next"));
        symlink(version, &next).expect("a link");
        fs::rename(next, data).expect("a rename");
    };
    swap("v1");
    symlink("..data/credentials", folder.at("secret/credentials")).expect("a link");
    let toml = format!(
        "[[mount]]\nstore = \"s3://media\"\nendpoint = \"{}\"\nregion = \"{REGION}\"\n",
        s3.endpoint()
    );
    let mut command = command_of(&folder, &toml);
    command.env("AWS_SHARED_CREDENTIALS_FILE", folder.at("secret/credentials")).envs(VARIABLES);
    let mut server = Server::spawn(&mut command);
    let asked_with = |server: &Server, target: &str| {
        assert_eq!(server.get(target).status, 200);
        s3.requests().last().expect("a request").access_key.clone()
    };
    assert_eq!(asked_with(&server, "/a.jpg").as_deref(), Some(ACCESS_KEY));

    swap("v2");
    let line = server.wait_for_line("credential files changed");
    assert!(line.contains("s3://media uses the new credentials"), "{line}");
    assert_eq!(asked_with(&server, "/b.jpg").as_deref(), Some(OTHER_ACCESS_KEY));
    // Cached bodies survive.
    assert_eq!(server.get("/a.jpg").status, 200);
    assert_eq!(s3.unconditional_gets("a.jpg"), 1);

    // A half-written file, and keys that the bucket rejects.
    for (version, word, target) in
        [("v3", "no aws_secret_access_key", "/c.jpg"), ("v4", "InvalidAccessKeyId", "/d.jpg")]
    {
        swap(version);
        let line = server.wait_for_line("credential files changed, but cannot be used");
        assert!(line.contains(word) && !line.contains(SECRET), "{line}");
        assert_eq!(asked_with(&server, target).as_deref(), Some(OTHER_ACCESS_KEY));
    }
}
