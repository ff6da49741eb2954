//! Reload (SIGHUP), `sd_notify` and socket activation: settings change all together or not at all, and no request fails.

#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::admin::{address_of, ask};
use crate::http2::{Client2, in_time};
use crate::support::proc::resident;
use crate::support::{
    Client, Folder, Server, TIMEOUT, etag_of, eventually, hex, noise, run, wamedia, wamedia_from_shell,
};

const RELOADED: &str = "SIGHUP: configuration reloaded";
const REJECTED: &str = "SIGHUP: configuration rejected; still running with the previous one: ";

/// A configuration of the folder itself, with this policy for everything.
fn with_policy(policy: &str) -> String {
    format!("[[mount]]\nstore = \".\"\n[cache]\ndefault = \"{policy}\"\n")
}

/// Reloads the server with `toml`, and returns its log line about that.
#[track_caller]
fn reload(server: &mut Server, folder: &Folder, toml: &str) -> String {
    folder.write("wamedia.toml", toml);
    server.signal(Signal::HUP);
    server.wait_for_line(RELOADED)
}

#[track_caller]
fn policy_of(server: &Server, target: &str) -> String {
    server.get(target).field("cache-control").to_owned()
}

fn site() -> Folder {
    let folder = Folder::new();
    folder.write("a.jpg", "a photo").write("b/c.jpg", "another");
    folder
}

#[test]
fn no_request_fails_during_reloads() {
    let folder = site();
    let policies = ["max-age=1", "max-age=2"];
    let mut server = Server::configured(&folder, &with_policy(policies[0]));
    let (address, is_over) = (server.address, AtomicBool::new(false));
    thread::scope(|scope| {
        let load: Vec<_> = (0..4)
            .map(|number| {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut client = Client::new(address);
                    let mut count = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        if number % 2 == 0 {
                            client = Client::new(address);
                        }
                        let response = client.request("GET", "/a.jpg", &[]);
                        assert_eq!((response.status, response.text()), (200, "a photo"));
                        assert!(policies.contains(&response.field("cache-control")), "{response:?}");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        // The connection was open before the reload, and stays open.
        let mut kept = server.connect();
        for number in 1..=20 {
            let policy = policies[number % 2];
            reload(&mut server, &folder, &with_policy(policy));
            assert_eq!(kept.request("GET", "/a.jpg", &[]).field("cache-control"), policy, "{number}");
            assert_eq!(policy_of(&server, "/a.jpg"), policy, "{number}");
        }
        is_over.store(true, Ordering::Relaxed);
        for thread in load {
            assert!(thread.join().expect("no request failed") > 0);
        }
    });
}

#[test]
fn rejected_configuration_is_logged_and_the_previous_one_stays() {
    let folder = site();
    let good = with_policy("max-age=7");
    folder.write("wamedia.toml", &good);
    let command = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut server = Server::spawn(wamedia().current_dir(folder.path()).args(command));
    folder.write("open.keys", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    fs::set_permissions(folder.at("open.keys"), Permissions::from_mode(0o644)).expect("a mode");
    for (toml, parts) in [
        ("[[mount]]\nstore = ".to_owned(), &["line 2", "TOML"][..]),
        (format!("{good}\n[limits]\nconections = 1\n"), &["conections", "connections"]),
        (with_policy("max-age=-1"), &["cache.default", "max-age=-1"]),
        ("[[mount]]\nstore = \"gone\"\n".to_owned(), &["gone", "does not exist"]),
        ("[[mount]]\nstore = \".\"\n[signing]\nkey_file = \"open.keys\"\n".to_owned(), &["0644", "chmod 600"]),
        (format!("access_log = \"./b\"\n{good}"), &["access", "/b"]),
        // No server listens there.
        (
            "access_log = \"./new.json\"\n[upstream]\ntimeout = \"200ms\"\nfirst_byte_timeout = \"200ms\"\n[[mount]]\nstore = \"s3://media\"\n\
             endpoint = \"http://127.0.0.1:1\"\ncredentials = \"anonymous\"\n"
                .to_owned(),
            &["s3://media"],
        ),
    ] {
        folder.write("wamedia.toml", &toml);
        server.signal(Signal::HUP);
        let line = server.wait_for_line(REJECTED);
        assert!(parts.iter().all(|part| line.contains(part)) && line.contains("error: "), "{parts:?} {line}");
        assert_eq!(policy_of(&server, "/a.jpg"), "max-age=7", "{line}");
    }
    assert!(!folder.at("new.json").exists(), "a rejected configuration creates no log file");
    let metrics = metrics_of(&mut server);
    assert_eq!(value(&metrics, "wamedia_config_last_reload_successful"), 0.0);
    assert_eq!(value(&metrics, "wamedia_config_reloads_total{result=\"failure\"}"), 7.0);

    // A corrected configuration is accepted.
    reload(&mut server, &folder, &with_policy("max-age=8"));
    assert_eq!(policy_of(&server, "/a.jpg"), "max-age=8");
    let metrics = metrics_of(&mut server);
    assert_eq!(value(&metrics, "wamedia_config_last_reload_successful"), 1.0);
    assert_eq!(value(&metrics, "wamedia_config_reloads_total{result=\"success\"}"), 1.0);
    assert!(value(&metrics, "wamedia_config_last_reload_success_timestamp_seconds") > 1e9);
}

/// The metrics of the admin listener.
#[track_caller]
fn metrics_of(server: &mut Server) -> String {
    let response = ask(address_of(server), "/metrics");
    assert_eq!(response.status, 200);
    response.text().to_owned()
}

#[track_caller]
fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {metrics}")).parse().expect("a number")
}

#[test]
fn keys_auth_mounts_and_limits_can_be_added_and_removed() {
    let folder = site();
    folder.write("other/d.jpg", "elsewhere").write("personal/a.pdf", "an invoice");
    let keys = |text: &str| {
        folder.write("signing.keys", text);
        fs::set_permissions(folder.at("signing.keys"), Permissions::from_mode(0o600)).expect("a mode");
    };
    let (old, new) = (
        "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "k2:ICECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    );
    keys(old);
    let plain = "public_url = \"https://m.example\"\n[[mount]]\nstore = \".\"\n[signing]\nkey_file = \"signing.keys\"\n\
                 [[cache.rule]]\nmatch = \"personal/**\"\ncache_control = \"private\"\nsigned = true\n";
    let mut server = Server::configured(&folder, plain);
    let mut kept = server.connect();
    let link = || {
        let outcome = run(folder.path(), &["link", "personal/a.pdf"]);
        outcome.stdout.trim().strip_prefix("https://m.example").expect("a link").to_owned()
    };
    let by_old = link();
    assert_eq!(kept.request("GET", &by_old, &[]).status, 200);

    // First both keys, then only the new one.
    keys(&format!("{new}{old}"));
    let by_new = link();
    assert_eq!(kept.request("GET", &by_new, &[]).status, 403, "the new key is not loaded yet");
    reload(&mut server, &folder, plain);
    assert_eq!([&by_old, &by_new].map(|link| kept.request("GET", link, &[]).status), [200, 200]);
    keys(new);
    reload(&mut server, &folder, plain);
    assert_eq!([&by_old, &by_new].map(|link| kept.request("GET", link, &[]).status), [403, 200]);

    let auth =
        format!("{plain}[[auth]]\npath = \"/b\"\nbearer = \"sha256:{}\"\n", hex(&Sha256::digest("t0ken")));
    assert_eq!(kept.request("GET", "/b/c.jpg", &[]).status, 200);
    reload(&mut server, &folder, &auth);
    assert_eq!(kept.request("GET", "/b/c.jpg", &[]).status, 401);
    assert_eq!(kept.request("GET", "/b/c.jpg", &[("authorization", "Bearer t0ken")]).status, 200);
    reload(&mut server, &folder, plain);
    assert_eq!(kept.request("GET", "/b/c.jpg", &[]).status, 200);

    // Another store at the same path does not serve the cached bytes of the old one.
    folder.write("other/c.jpg", "of the other store");
    let mounted = format!("{plain}[[mount]]\npath = \"/b\"\nstore = \"other\"\n");
    reload(&mut server, &folder, &mounted);
    assert_eq!(kept.request("GET", "/b/c.jpg", &[]).text(), "of the other store");
    assert_eq!(kept.request("GET", "/b/d.jpg", &[]).text(), "elsewhere");
    reload(&mut server, &folder, plain);
    assert_eq!(kept.request("GET", "/b/c.jpg", &[]).text(), "another");
    assert_eq!(kept.request("GET", "/b/d.jpg", &[]).status, 404);

    let slow = format!("{plain}[limits]\nrequests_per_second = 1\nburst = 1\nconnections = 1\n");
    reload(&mut server, &folder, &slow);
    assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 200);
    assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 429);
    // With unchanged limits, the request counts of clients are kept.
    reload(&mut server, &folder, &slow.replace("private", "no-store"));
    assert_eq!(server.get("/a.jpg").status, 503, "one connection is open, and no more may be");
    reload(&mut server, &folder, plain);
    assert_eq!([(); 3].map(|()| kept.request("GET", "/a.jpg", &[]).status), [200; 3]);
    assert_eq!(server.get("/a.jpg").status, 200);
}

#[test]
fn settings_that_need_a_restart_are_reported_and_the_others_applied() {
    let folder = site();
    let mut server = Server::configured(&folder, &with_policy("max-age=1"));
    let fixed =
        ["plain_listen", "threads", "admin.listen", "memory.cache", "memory.streams", "memory.digests"];
    let toml = format!(
        "plain_listen = \"127.0.0.1:0\"\nthreads = 7\n[admin]\nlisten = \"127.0.0.1:0\"\n[memory]\ncache = \"1 MiB\"\n\
         streams = \"1 MiB\"\ndigests = 5\n{}",
        with_policy("max-age=2")
    );
    let line = reload(&mut server, &folder, &toml);
    assert!(line.ends_with(&format!("reloaded; restart to apply {}", fixed.join(", "))), "{line}");
    assert_eq!(policy_of(&server, "/a.jpg"), "max-age=2");
    // The configuration is now the same as the running settings.
    let line = reload(&mut server, &folder, &with_policy("max-age=3"));
    assert!(line.ends_with("configuration reloaded"), "{line}");
    let lines = server.end();
    for key in fixed {
        let warnings = lines.iter().filter(|line| line.contains(&format!("warning: SIGHUP: `{key}`")));
        assert_eq!(warnings.count(), 1, "{key} {lines:#?}");
    }
}

#[test]
fn access_log_is_reopened_without_lost_or_duplicate_lines() {
    let folder = site();
    let toml = |log: &str| format!("access_log = \"{log}\"\n{}", with_policy("no-cache"));
    let mut server = Server::configured(&folder, &toml("./1.json"));
    let (address, is_over) = (server.address, AtomicBool::new(false));
    let asked: usize = thread::scope(|scope| {
        let load: Vec<_> = (0..3)
            .map(|number| {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut client = Client::new(address);
                    let mut count = 0;
                    // At most as many as the queue holds.
                    while !is_over.load(Ordering::Relaxed) && count < 20_000 {
                        assert_eq!(
                            client.request("GET", &format!("/a.jpg?{number}-{count}"), &[]).status,
                            200
                        );
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let has_lines = |name: &str| {
            eventually("there are lines", || fs::metadata(folder.at(name)).ok()?.len().checked_sub(1));
        };
        for number in 1..6 {
            has_lines("1.json");
            fs::rename(folder.at("1.json"), folder.at(&format!("old-{number}.json"))).expect("renamed");
            reload(&mut server, &folder, &toml("./1.json"));
        }
        // And with another file name.
        reload(&mut server, &folder, &toml("./2.json"));
        has_lines("2.json");
        is_over.store(true, Ordering::Relaxed);
        load.into_iter().map(|thread| thread.join().expect("no request failed")).sum()
    });
    server.end();
    let mut seen = Vec::new();
    for name in ["old-1", "old-2", "old-3", "old-4", "old-5", "1", "2"] {
        let text = fs::read_to_string(folder.at(&format!("{name}.json"))).unwrap_or_default();
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).expect("a whole line");
            seen.push(entry["query"].as_str().expect("a query").to_owned());
        }
    }
    assert_eq!(seen.len(), asked, "one line a request");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), asked, "and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_in_progress_finish_with_the_old_settings() {
    /// More than the socket buffers between server and client hold.
    const BIG: usize = 24 << 20;
    let (folder, big) = (site(), noise(BIG, 1));
    folder.write("big.mp4", &big);
    for memory in ["", "[memory]\ncache = 0\n"] {
        let toml = |policy| format!("{memory}{}", with_policy(policy));
        let mut server = Server::configured(&folder, &toml("max-age=1"));
        let mut client = server.connect();
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        let head = client.head().expect("a head");
        assert_eq!((head.status, head.field("cache-control")), (200, "max-age=1"));
        let client2 = Client2::new(server.address).await;
        let streamed = client2.send("GET", "/big.mp4", &[]).await;
        assert_eq!(streamed.headers()["cache-control"], "max-age=1");

        // Both the rules and the folder have changed.
        folder.write("other/a.jpg", "of another folder");
        reload(&mut server, &folder, &toml("max-age=2").replace("\".\"", "\"other\""));
        let (head, body) = client2.get("/a.jpg").await;
        assert_eq!(
            (&head.headers()["cache-control"], &*body),
            (&"max-age=2".parse().expect("a value"), &b"of another folder"[..])
        );
        assert_eq!(client2.get("/big.mp4").await.0.status(), 404);

        let mut body = vec![0; BIG];
        client.stream.read_exact(&mut body).expect("all of it");
        assert_eq!(etag_of(&body), etag_of(&big));
        let body = in_time(crate::http2::read(&mut streamed.into_body())).await.expect("all of it");
        assert_eq!(etag_of(&body), etag_of(&big));
        assert_eq!(client.request("GET", "/a.jpg", &[]).field("cache-control"), "max-age=2");
    }
}

#[test]
fn unchanged_files_are_not_hashed_again() {
    let folder = site();
    folder.settle();
    let toml = |policy| format!("{}[admin]\nlisten = \"127.0.0.1:0\"\n", with_policy(policy));
    let mut server = Server::configured(&folder, &toml("max-age=1"));
    let hashed = |server: &mut Server| value(&metrics_of(server), "wamedia_hash_files_total");
    let get_both = |server: &Server| ["/a.jpg", "/b/c.jpg"].map(|target| server.get(target).status);
    assert_eq!(get_both(&server), [200, 200]);
    assert_eq!(hashed(&mut server), 2.0);
    for policy in ["max-age=2", "no-cache"] {
        reload(&mut server, &folder, &toml(policy));
        assert_eq!(policy_of(&server, "/a.jpg"), policy);
        assert_eq!(get_both(&server), [200, 200]);
        assert_eq!(hashed(&mut server), 2.0, "{policy}");
    }
    // The counter does count reads.
    folder.write("a.jpg", "another photo").settle();
    eventually("the change is seen", || (server.get("/a.jpg").text() == "another photo").then_some(()));
    assert_eq!(hashed(&mut server), 3.0);
    let evicted = value(&metrics_of(&mut server), "wamedia_cache_evictions_total");
    assert_eq!(evicted, 0.0, "replacing an older version evicts nothing");
}

#[test]
fn cached_assets_stay_cached_unless_they_are_no_longer_assets() {
    let folder = site();
    folder.write("signing.keys", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").settle();
    fs::set_permissions(folder.at("signing.keys"), Permissions::from_mode(0o600)).expect("a mode");
    // The folder is not read again during the test.
    let toml = |rest: &str| format!("[[mount]]\nstore = \".\"\nfresh = \"1h\"\n{rest}");
    let mut server = Server::configured(&folder, &toml(""));
    assert_eq!([server.get("/a.jpg").status, server.get("/signing.keys").status], [200, 200]);
    folder.write("a.jpg", "of another time");
    for (rest, policy) in [
        ("[cache]\ndefault = \"max-age=2\"\n", "max-age=2"),
        ("[signing]\nkey_file = \"signing.keys\"\n", "no-cache"),
    ] {
        reload(&mut server, &folder, &toml(rest));
        let response = server.get("/a.jpg");
        assert_eq!((response.text(), response.field("cache-control")), ("a photo", policy));
    }
    assert_eq!(server.get("/signing.keys").status, 404);
    reload(&mut server, &folder, &format!("access_log = \"./a.jpg\"\n{}", toml("")));
    assert_eq!(server.get("/a.jpg").status, 404);
}

#[test]
fn metrics_of_a_mount_path_continue_with_another_store() {
    let folder = site();
    folder.write("other/c.jpg", "of the other store");
    let toml = |mounts: &[(&str, &str)]| {
        mounts.iter().fold(String::new(), |toml, (path, store)| {
            toml + &format!("[[mount]]\npath = \"{path}\"\nstore = \"{store}\"\n")
        })
    };
    folder.write("wamedia.toml", toml(&[("/", "."), ("/b", "b")]));
    let command = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut server = Server::spawn(wamedia().current_dir(folder.path()).args(command));
    let counted = |server: &mut Server, path: &str| {
        let metrics = metrics_of(server);
        value(&metrics, &format!("wamedia_http_requests_total{{mount=\"{path}\",status=\"2xx\"}}"))
    };
    // A response may be counted a moment after it was sent.
    let wait_for = |server: &mut Server, path: &str, count: f64| {
        eventually("it is counted", || (counted(server, path) == count).then_some(()));
    };
    server.get("/a.jpg");
    server.get("/b/c.jpg");
    wait_for(&mut server, "/b", 1.0);
    wait_for(&mut server, "/", 1.0);

    reload(&mut server, &folder, &toml(&[("/long/er", "b"), ("/b", "other"), ("/", ".")]));
    assert_eq!(["/", "/b", "/long/er"].map(|path| counted(&mut server, path)), [1.0, 1.0, 0.0]);
    server.get("/a.jpg");
    assert_eq!(server.get("/b/c.jpg").text(), "of the other store");
    server.get("/long/er/c.jpg");
    for (path, count) in [("/", 2.0), ("/b", 2.0), ("/long/er", 1.0)] {
        wait_for(&mut server, path, count);
    }

    reload(&mut server, &folder, &toml(&[("/b", "b")]));
    server.get("/b/c.jpg");
    wait_for(&mut server, "/b", 3.0);
    assert_eq!(["/", "/long/er"].map(|path| counted(&mut server, path)), [2.0, 1.0]);
}

#[test]
fn reloads_leak_no_memory_and_no_file_descriptors() {
    const LEN: usize = 4 << 20;
    let folder = site();
    folder.write("big.mp4", noise(LEN, 1));
    let mut server = Server::configured(&folder, &with_policy("max-age=1"));
    let mut kept = server.connect();
    let mut turn = |server: &mut Server, number: u32| {
        reload(server, &folder, &with_policy(&format!("max-age={number}")));
        // Once to find it, once to cache it, once to serve it from the cache.
        for _ in 0..3 {
            assert_eq!(kept.request("GET", "/big.mp4", &[]).body.len(), LEN);
        }
    };
    (2..12).for_each(|number| turn(&mut server, number));
    let before = resident(server.pid());
    let open =
        |server: &Server| fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("a process").count();
    let open_before = open(&server);
    (12..62).for_each(|number| turn(&mut server, number));
    let after = resident(server.pid());
    // If each reload leaked its cached body, this would be 200 MiB more.
    assert!(after < before + (40 << 20), "{before} {after}");
    let open_after = open(&server);
    assert!(open_after <= open_before + 2, "{open_before} {open_after}");
}

/// A notification socket like that of the service manager, and its path.
fn manager(folder: &Folder) -> (UnixDatagram, String) {
    let path = folder.at("notify.sock");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    (socket, path.to_str().expect("UTF-8").to_owned())
}

/// The next message except for watchdog messages.
#[track_caller]
fn next_message(socket: &UnixDatagram) -> String {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let mut message = [0; 4096];
        let len = socket.recv(&mut message).expect("a message");
        let text = std::str::from_utf8(&message[..len]).expect("UTF-8");
        if text != "WATCHDOG=1\n" {
            return text.to_owned();
        }
    }
    panic!("no message but that it lives");
}

#[test]
fn sd_notify_reports_ready_reloading_and_stopping() {
    let folder = site();
    let (socket, path) = manager(&folder);
    folder.write("wamedia.toml", with_policy("max-age=1"));
    let mut command = wamedia();
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::spawn(command.env("NOTIFY_SOCKET", path));
    let message = next_message(&socket);
    assert!(message.starts_with("READY=1\nSTATUS=serving "), "{message}");
    assert!(message.contains(&server.address.to_string()), "{message}");

    reload(&mut server, &folder, &with_policy("max-age=2"));
    let message = next_message(&socket);
    let time =
        message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the message that systemd expects");
    assert!(time.trim().parse::<u64>().expect("a time") > 0, "{message}");
    assert!(next_message(&socket).starts_with("READY=1\nSTATUS=serving "));

    folder.write("wamedia.toml", "nonsense");
    server.signal(Signal::HUP);
    assert!(next_message(&socket).starts_with("RELOADING=1\n"));
    let message = next_message(&socket);
    assert!(message.starts_with("READY=1\nSTATUS=configuration rejected; still running"), "{message}");
    assert_eq!(message.lines().count(), 2, "{message}");

    server.signal(Signal::TERM);
    assert!(next_message(&socket).starts_with("STOPPING=1\nSTATUS=SIGTERM"));
    assert_eq!(server.wait().code(), Some(0));
}

/// Waits until the notification socket, which is not read, is full.
#[track_caller]
fn wait_until_full(folder: &Folder) {
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.connect(folder.at("notify.sock")).expect("a peer");
    sender.set_nonblocking(true).expect("a mode");
    eventually("it is full", || sender.send(b"WATCHDOG=1\n").is_err().then_some(()));
}

#[test]
fn watchdog_messages_continue_and_a_full_notification_socket_blocks_nothing() {
    let folder = site();
    let (socket, path) = manager(&folder);
    folder.write("wamedia.toml", with_policy("max-age=0"));
    let mut command = wamedia();
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::spawn(command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "20000"));
    assert!(next_message(&socket).starts_with("READY=1\n"));
    let mut beats = 0;
    while beats < 5 {
        let mut message = [0; 4096];
        let len = socket.recv(&mut message).expect("a message");
        beats += usize::from(&message[..len] == b"WATCHDOG=1\n");
    }
    // From here on, the socket is not read.
    wait_until_full(&folder);
    let reloads = 20;
    for number in 1..=reloads {
        reload(&mut server, &folder, &with_policy(&format!("max-age={number}")));
        assert_eq!(policy_of(&server, "/a.jpg"), format!("max-age={number}"));
    }
    // Once the socket is read again, all messages arrive: systemd waits for the end of each reload that it has requested.
    for number in 1..=reloads {
        assert!(next_message(&socket).starts_with("RELOADING=1\n"), "{number}");
        assert!(next_message(&socket).starts_with("READY=1\n"), "{number}");
    }
    wait_until_full(&folder);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// Serves the folder with sockets that a shell passes as descriptors 3 and up, under these names.
pub(crate) fn activated(folder: &Folder, sockets: &[&dyn AsFd], names: &str, arguments: &str) -> Server {
    let mut redirections = String::new();
    for (number, socket) in sockets.iter().enumerate() {
        let socket = socket.as_fd();
        fcntl_setfd(socket, FdFlags::empty()).expect("a flag");
        let _ = write!(redirections, " {}<&{}", number + 3, socket.as_raw_fd());
    }
    // Some shells do not support descriptors of two digits.
    let script = format!(
        "exec{redirections}; LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={names} exec \"$0\" serve \"$DIR\" {arguments}",
        sockets.len()
    );
    let mut command = wamedia_from_shell("exec bash -c \"$SCRIPT\" \"$0\"");
    Server::spawn(command.env("SCRIPT", script).env("DIR", folder.path()))
}

#[test]
fn inherited_sockets_are_shared_by_all_cores_and_outlive_the_server() {
    let folder = site();
    folder.write("wamedia.toml", "threads = 2\n");
    let mut sockets = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a socket"));
    // So that no descriptor is overwritten before it is duplicated.
    sockets.sort_by_key(AsRawFd::as_raw_fd);
    let [public, plain, admin] = &sockets;
    let addresses = [public, plain, admin].map(|socket| socket.local_addr().expect("an address"));
    let arguments = format!("--config {}", folder.at("wamedia.toml").display());
    let mut server = activated(&folder, &[public, plain, admin], "wamedia.socket:plain:admin", &arguments);
    assert_eq!(server.addresses, addresses[..2]);
    for address in &addresses[..2] {
        for _ in 0..20 {
            assert_eq!(Client::new(*address).request("GET", "/a.jpg", &[]).text(), "a photo");
        }
    }
    assert_eq!(Client::new(addresses[2]).request("GET", "/healthz", &[]).status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));

    // New connections wait for the next server.
    let mut early = Client::new(addresses[0]);
    early.send("GET /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
    let _next = activated(&folder, &[public], "", &arguments);
    let mut response = early.head().expect("a response");
    early.body(&mut response);
    assert_eq!((response.status, response.text()), (200, "a photo"));
}

#[test]
fn address_for_acme_challenges_serves_no_assets_after_a_reload() {
    let folder = site();
    let acme =
        "[acme]\ndomains = \"m.example\"\ndirectory = \"https://127.0.0.1:1/dir\"\nstate = \".state\"\n";
    folder.write("wamedia.toml", acme);
    let mut sockets = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a socket"));
    sockets.sort_by_key(AsRawFd::as_raw_fd);
    let plain_address = sockets[1].local_addr().expect("an address");
    let arguments = format!("--config {}", folder.at("wamedia.toml").display());
    let mut server = activated(&folder, &[&sockets[0], &sockets[1]], "wamedia.socket:plain", &arguments);
    let status = || Client::new(plain_address).request("GET", "/a.jpg", &[]).status;
    assert_eq!(status(), 404);
    for toml in [
        format!("listen = \"127.0.0.1:0\"\n{acme}"),
        format!("plain_listen = \"127.0.0.1:0\"\n{acme}"),
        String::new(),
    ] {
        let line = reload(&mut server, &folder, &toml);
        assert!(line.ends_with(", plain_serves"), "{line}");
        assert_eq!(status(), 404, "{toml}");
    }
    // An explicit setting applies.
    reload(&mut server, &folder, &format!("plain_serves = \"assets\"\n{acme}"));
    assert_eq!(status(), 200);
    let line = reload(&mut server, &folder, acme);
    assert!(line.ends_with("configuration reloaded"), "{line}");
    assert_eq!(status(), 404);
}

#[test]
fn sockets_for_another_process_are_ignored_and_other_descriptors_are_errors() {
    let folder = site();
    let mut command = wamedia();
    command.arg("serve").arg(folder.path()).args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command.env("LISTEN_PID", "1").env("LISTEN_FDS", "2"));
    assert_eq!(server.get("/a.jpg").status, 200);

    let script = "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=odd exec \"$0\" serve \"$DIR\"";
    let outcome = crate::support::outcome(wamedia_from_shell(script).env("DIR", folder.path()));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for part in ["`odd`", "LISTEN_FDS", "ListenStream="] {
        assert!(outcome.stderr.contains(part), "{outcome:?}");
    }
}
