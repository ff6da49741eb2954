//! Admin listener: health, readiness, and its separation from the public listeners. [`crate::metrics`] tests the metrics.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;

use crate::bucket::serving_with;
use crate::s3_server::{Meta, S3Server, any};
use crate::support::{Client, Folder, Response, Server, eventually, noise, outcome, wamedia};

/// The address of a server's admin listener, from its banner.
#[track_caller]
pub(crate) fn address_of(server: &mut Server) -> SocketAddr {
    let lines = server.lines();
    let address = lines.iter().find_map(|line| line.trim().strip_prefix("admin      http://"));
    let address = address.unwrap_or_else(|| panic!("no admin listener in {lines:#?}"));
    address.split('/').next().expect("an address").parse().expect("an address")
}

/// One request to the admin listener, on a connection of its own.
#[track_caller]
pub(crate) fn ask(address: SocketAddr, path: &str) -> Response {
    Client::new(address).request("GET", path, &[])
}

/// A server for a folder with `small.jpg`.
fn serve() -> (Server, SocketAddr, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let mut server = Server::with(folder.path(), &["--admin", "127.0.0.1:0"]);
    let admin = address_of(&mut server);
    (server, admin, folder)
}

#[test]
fn the_admin_listener_is_off_unless_configured() {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let mut server = Server::start(folder.path());
    assert!(!server.lines().iter().any(|line| line.contains("tells of it")));

    folder.write("wamedia.toml", "[[mount]]\nstore = \".\"\n[admin]\nlisten = \"127.0.0.2:0\"\n");
    let command = || {
        let mut command = wamedia();
        command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]);
        command
    };
    let mut by_environment = command();
    by_environment.env("WAMEDIA_ADMIN_LISTEN", "127.0.0.3:0");
    let mut by_flag = command();
    by_flag.env("WAMEDIA_ADMIN_LISTEN", "127.0.0.3:0").args(["--admin", "127.0.0.4:0"]);
    for (mut command, expected) in
        [(command(), "127.0.0.2"), (by_environment, "127.0.0.3"), (by_flag, "127.0.0.4")]
    {
        let mut server = Server::spawn(&mut command);
        let admin = address_of(&mut server);
        assert_eq!(admin.ip().to_string(), expected);
        assert_eq!(ask(admin, "/healthz").text(), "ok\n");
    }
}

#[test]
fn the_admin_and_public_listeners_serve_nothing_of_each_other() {
    let (server, admin, folder) = serve();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(admin, path).status, 200, "{path}");
        assert_eq!(server.get(path).status, 404, "{path}");
        assert_eq!(server.request("HEAD", path, &[("accept", "application/openmetrics-text")]).status, 404);
    }
    folder.write("healthz", "an asset with this name");
    eventually("the asset is served", || {
        (server.get("/healthz").text() == "an asset with this name").then_some(())
    });
    assert_eq!(ask(admin, "/healthz").text(), "ok\n");
    assert_eq!(ask(admin, "/small.jpg").status, 404);
}

#[test]
fn unknown_paths_and_methods_are_answered_with_the_known_ones() {
    let (_server, admin, _folder) = serve();
    let mut client = Client::new(admin);
    for path in ["/", "/metricsx", "/metrics/", "/healthz/../metrics", "//metrics"] {
        let response = client.request("GET", path, &[]);
        assert_eq!(response.status, 404, "{path}");
        assert!(response.text().contains("/metrics"), "{path}: {response:?}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = client.request(method, "/metrics", &[("content-length", "0")]);
        assert_eq!((response.status, response.field("allow")), (405, "GET, HEAD"), "{method}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let head = client.request("HEAD", path, &[]);
        assert_eq!((head.status, head.field("cache-control")), (200, "no-store"), "{path}");
        assert_eq!(head.field("x-content-type-options"), "nosniff");
        assert!(client.request("GET", &format!("{path}?a=b"), &[]).complete, "{path}");
    }
}

#[test]
fn idle_connections_do_not_keep_others_out() {
    let (_server, admin, _folder) = serve();
    let mut crowd: Vec<_> = (0..200).map(|_| Client::new(admin)).collect();
    assert_eq!(ask(admin, "/healthz").text(), "ok\n");
    assert!(crowd[0].is_closed(), "the oldest connection is closed");
    // The others are answered before the idle connections time out.
    for young in &mut crowd[150..] {
        assert_eq!(young.request("GET", "/healthz", &[]).status, 200);
    }
}

#[test]
fn a_missing_folder_makes_it_unready_until_it_is_back() {
    let folder = Folder::new();
    folder.write("media/a.jpg", "a").write("other/b.jpg", "b");
    let toml = "[[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/other\"\nstore = \"other\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";
    let mut server = Server::configured(&folder, toml);
    let admin = address_of(&mut server);
    let ready = ask(admin, "/readyz");
    assert_eq!(ready.status, 200);
    let lines: Vec<_> = ready.text().lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "ok serving");
    assert!(lines[1].starts_with("ok ") && lines[1].ends_with("/other at /other"), "{lines:?}");
    assert!(lines[2].ends_with("/media at /"), "{lines:?}");

    fs::rename(folder.at("other"), folder.at("elsewhere")).expect("renamed");
    let unready = ask(admin, "/readyz");
    assert_eq!(unready.status, 503);
    let reason = unready.text().lines().find(|line| line.starts_with("not ok")).expect("a reason");
    assert!(reason.contains("/other at /other: the folder ") && reason.contains("No such file"), "{reason}");
    assert!(unready.text().contains("/media at /\n") && unready.text().starts_with("ok serving\n"));
    assert_eq!(ask(admin, "/healthz").status, 200, "it is alive");

    fs::rename(folder.at("elsewhere"), folder.at("other")).expect("renamed");
    assert_eq!(ask(admin, "/readyz").status, 200);
}

#[test]
fn a_bucket_outage_makes_it_unready_until_it_is_over() {
    let s3 = S3Server::start();
    s3.put("a.jpg", "a", Meta::default());
    let clocks = [("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "200ms"), ("WAMEDIA_UPSTREAM_TIMEOUT", "800ms")];
    let variables = [clocks[0], clocks[1], ("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")];
    let mut server = serving_with(&s3, &variables, "");
    let admin = address_of(&mut server);
    assert_eq!(ask(admin, "/readyz").text(), "ok serving\nok s3://media at /\n");

    s3.go_down();
    assert_eq!(server.get("/a.jpg").status, 502);
    let unready = ask(admin, "/readyz");
    assert_eq!(unready.status, 503);
    assert!(unready.text().contains("\nnot ok s3://media at /: it does not answer: "), "{}", unready.text());

    // Without requests for assets, readiness probes the bucket itself.
    s3.come_back();
    eventually("it is ready again", || (ask(admin, "/readyz").status == 200).then_some(()));
}

#[test]
fn an_unused_bucket_is_probed_by_readiness() {
    let s3 = S3Server::start();
    let clocks = [("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "200ms"), ("WAMEDIA_UPSTREAM_TIMEOUT", "800ms")];
    let variables = [clocks[0], clocks[1], ("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")];
    let mut server = serving_with(&s3, &variables, "");
    let admin = address_of(&mut server);
    assert_eq!(ask(admin, "/readyz").status, 200);
    s3.go_down();
    // The last result counts for a while.
    let unready = eventually("the outage is noticed", || {
        let answer = ask(admin, "/readyz");
        (answer.status == 503).then_some(answer)
    });
    assert!(unready.text().contains("\nnot ok s3://media at /: it does not answer: "), "{}", unready.text());
    s3.come_back();
    eventually("it is ready again", || (ask(admin, "/readyz").status == 200).then_some(()));
}

#[test]
fn concurrent_readiness_checks_share_one_probe_of_a_hanging_bucket() {
    let s3 = S3Server::start();
    let mut server = serving_with(&s3, &[("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")], "");
    let admin = address_of(&mut server);
    let gate = s3.hold(any);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(|| ask(admin, "/readyz"))).collect();
        for answer in asking {
            let answer = answer.join().expect("an answer");
            let line = "\nnot ok s3://media at /: it did not answer for 2 s\n";
            assert!(answer.status == 503 && answer.text().contains(line), "{}", answer.text());
        }
    });
    assert_eq!(s3.requests().len(), 1);
    gate.release();
    eventually("it is ready", || (ask(admin, "/readyz").status == 200).then_some(()));
}

#[test]
fn https_without_a_valid_certificate_is_unready_and_one_valid_certificate_is_enough() {
    let folder = Folder::new();
    let put = |name: &str, host: &str, expires: i32| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(expires, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        folder
            .write(&format!("{name}.key"), key.serialize_pem())
            .write(&format!("{name}.pem"), certificate.pem());
    };
    put("old", "old.example", 2020);
    put("new", "new.example", 2100);
    folder.write("media/a.jpg", "a");
    for (names, is_ready) in [(&["old"][..], false), (&["old", "new"], true), (&["new"], true)] {
        let list = |extension: &str| {
            let files: Vec<_> = names.iter().map(|name| format!("\"{name}.{extension}\"")).collect();
            files.join(", ")
        };
        let toml = format!(
            "[tls]\ncert = [{}]\nkey = [{}]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[mount]]\nstore = \"media\"\n",
            list("pem"),
            list("key")
        );
        let mut server = Server::configured(&folder, &toml);
        let readiness = ask(address_of(&mut server), "/readyz");
        assert_eq!(readiness.status, if is_ready { 200 } else { 503 }, "{names:?}: {}", readiness.text());
        let expected = if is_ready {
            "\nok certificates\n"
        } else {
            "\nnot ok certificates: no certificate is valid now: the certificate for old.example, valid until 2020-01-01T00:00:00Z\n"
        };
        assert!(readiness.text().contains(expected), "{names:?}: {}", readiness.text());
    }
}

#[test]
fn a_draining_server_is_alive_and_not_ready() {
    let folder = Folder::new();
    // More than the sockets between server and client hold.
    let big = noise(24 << 20, 1);
    folder.write("big.mp4", &big);
    let mut server = Server::with(folder.path(), &["--admin", "127.0.0.1:0"]);
    let admin = address_of(&mut server);
    let mut slow = server.connect();
    slow.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut response = slow.head().expect("a head");
    // A monitoring system that keeps its connection open.
    let mut kept = Client::new(admin);
    assert_eq!(kept.request("GET", "/readyz", &[]).status, 200);

    server.signal(Signal::TERM);
    server.wait_for_line("shutting down; requests in progress have");
    let unready = eventually("it is not ready", || {
        let answer = kept.request("GET", "/readyz", &[]);
        (answer.status == 503).then_some(answer)
    });
    assert!(unready.text().contains("not ok serving: the server is shutting down"), "{}", unready.text());
    assert_eq!(ask(admin, "/healthz").status, 200);
    assert!(ask(admin, "/metrics").text().contains("wamedia_http_connections_open 1\n"));

    slow.body(&mut response);
    assert!(response.complete && response.body == big);
    assert_eq!(server.wait().code(), Some(0), "monitoring does not delay the shutdown");
}

#[test]
fn an_unavailable_address_is_reported_before_anything_is_served() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let also_taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let name = |listener: &TcpListener| listener.local_addr().expect("an address").to_string();
    let serve = |public: &str, admin: &str| {
        let mut command = wamedia();
        command.arg("serve").arg(folder.path()).args(["--listen", public, "--admin", admin]);
        outcome(&mut command)
    };
    // Both are taken, and the error names the admin listener's: the other was not tried yet.
    let refused = serve(&name(&also_taken), &name(&taken));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains(&format!("{} is in use by another program", name(&taken))),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains("listens"), "{refused:?}");

    drop(taken);
    let refused = serve("127.0.0.1:9", "127.0.0.1:9");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("127.0.0.1:9 is in `admin.listen` and also in `listen`"), "{refused:?}");
    for wrong in ["9900", "localhost", ":9900", "127.0.0.1:99999"] {
        assert_eq!(serve("127.0.0.1:0", wrong).code, Some(2), "{wrong}");
    }
}

#[test]
fn malformed_and_slow_requests_do_not_keep_others_out() {
    let (server, admin, _folder) = serve();
    for bytes in ["\r\n\r\n\0\0", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = Client::new(admin);
        client.send(bytes);
        client.read_to_end();
    }
    let mut endless = Client::new(admin);
    let field = format!("X-Long: {}\r\n", "x".repeat(1000));
    let mut head = "GET /healthz HTTP/1.1\r\n".to_owned() + &field.repeat(1000);
    head.push_str("\r\n");
    let _ = endless.stream.get_mut().write_all(head.as_bytes());
    assert!(endless.head().map_or(true, |response| response.status == 431));

    // More connections than the limit, each of which has sent part of a request.
    let mut slow: Vec<_> = (0..80).map(|_| Client::new(admin)).collect();
    for client in &mut slow {
        client.send("GET /healthz HT");
    }
    assert_eq!(server.get("/small.jpg").status, 200, "the public listener is not affected");
    assert_eq!(ask(admin, "/healthz").status, 200);
    assert!(slow[0].is_closed(), "an incomplete head times out");
}
