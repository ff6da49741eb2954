//! Metrics: values, both formats, and the names in the documentation.

#![allow(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "counts are whole numbers, which `f64` holds exactly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::admin::{address_of, ask};
use crate::bucket::{command_of, serving_with};
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, any, of};
use crate::support::openmetrics::{Families, open_metrics, prometheus, value};
use crate::support::{Client, Folder, Server, eventually, noise};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// All families, in the Prometheus format.
#[track_caller]
fn scrape(admin: SocketAddr) -> Families {
    let response = ask(admin, "/metrics");
    assert_eq!(response.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    prometheus(response.text())
}

/// The value of the one sample of a family without a histogram.
#[track_caller]
fn one(families: &Families, name: &str, labels: &[(&str, &str)]) -> f64 {
    value(families.get(name).unwrap_or_else(|| panic!("no {name} in {families:#?}")), name, labels)
}

/// Scrapes until a sample has a value: a response is counted when its last byte was sent, which the client may see earlier.
#[track_caller]
fn until(admin: SocketAddr, name: &str, labels: &[(&str, &str)], expected: f64) -> Families {
    eventually(&format!("{name}{labels:?} is {expected}"), || {
        let families = scrape(admin);
        (one(&families, name, labels) == expected).then_some(families)
    })
}

/// A folder of two mounts whose assets stay cached, and its server with an admin listener.
fn serve(toml: &str) -> (Server, SocketAddr, Folder) {
    let folder = Folder::new();
    fs::create_dir(folder.at("media")).expect("a folder");
    fs::create_dir(folder.at("other")).expect("a folder");
    let mut server = Server::configured(
        &folder,
        &format!(
            "threads = 2\n{toml}\n[[mount]]\nstore = \"media\"\nfresh = \"1h\"\n[[mount]]\npath = \"/other\"\n\
             store = \"other\"\nfresh = \"1h\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
        ),
    );
    let admin = address_of(&mut server);
    // Only now: at its start, a server reads an asset for the example in its banner.
    folder.write("media/a.jpg", "0123456789").write("other/b.jpg", "b");
    (server, admin, folder)
}

#[test]
fn counters_match_the_requests() {
    let (server, admin, _folder) = serve("access_log = \"off\"");
    let before = scrape(admin);
    assert_eq!(one(&before, "wamedia_http_connections_total", &[]), 0.0);
    let mut client = server.connect();
    let whole = client.request("GET", "/a.jpg", &[]);
    let etag = whole.field("etag").to_owned();
    for (method, path, fields, status) in [
        ("GET", "/a.jpg", &[][..], 200),
        ("HEAD", "/a.jpg", &[], 200),
        ("GET", "/a.jpg", &[("range", "bytes=0-3")], 206),
        ("GET", "/a.jpg", &[("if-none-match", &*etag)], 304),
        ("GET", "/a.jpg", &[("range", "bytes=99-")], 416),
        ("GET", "/none.jpg", &[], 404),
        ("GET", "/other/b.jpg", &[], 200),
        ("POST", "/a.jpg", &[("content-length", "0")], 405),
    ] {
        assert_eq!(client.request(method, path, fields).status, status, "{method} {path} {fields:?}");
    }
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "none"), ("status", "4xx")], 1.0);
    let requests =
        |mount, status| one(&seen, "wamedia_http_requests_total", &[("mount", mount), ("status", status)]);
    assert_eq!([requests("/", "2xx"), requests("/", "3xx"), requests("/", "4xx")], [4.0, 1.0, 2.0]);
    assert_eq!([requests("/other", "2xx"), requests("/other", "4xx")], [1.0, 0.0]);
    for mount in ["/", "/other", "none"] {
        assert_eq!([requests(mount, "5xx"), requests(mount, "none")], [0.0, 0.0], "{mount}");
    }
    let bytes = |mount| one(&seen, "wamedia_http_response_body_bytes_total", &[("mount", mount)]);
    // Two whole bodies and a range, and two error responses, which are not empty.
    assert!(bytes("/") > 24.0, "{}", bytes("/"));
    assert_eq!(bytes("/other"), 1.0);
    // The first request for each asset, and the missing one; the others were cached.
    assert_eq!(one(&seen, "wamedia_cache_misses_total", &[]), 3.0);
    assert_eq!(one(&seen, "wamedia_cache_hits_total", &[]), 5.0);
    assert_eq!(one(&seen, "wamedia_hash_files_total", &[]), 2.0);
    assert_eq!(one(&seen, "wamedia_hash_read_bytes_total", &[]), 11.0);
    assert_eq!(one(&seen, "wamedia_cache_held_bytes", &[]), 11.0);
    assert_eq!(one(&seen, "wamedia_http_connections_total", &[]), 1.0);
    assert_eq!(one(&seen, "wamedia_http_connections_open", &[]), 1.0);
    for nothing in ["wamedia_http_responses_cut_total", "wamedia_http_connections_turned_away_total"] {
        assert_eq!(one(&seen, nothing, &[]), 0.0);
    }
    for times in ["wamedia_http_time_to_first_byte_seconds", "wamedia_http_request_duration_seconds"] {
        assert_eq!(value(&seen[times], &format!("{times}_count"), &[]), 9.0, "{times}");
        assert!(value(&seen[times], &format!("{times}_sum"), &[]) > 0.0, "{times}");
    }
    drop(client);
    until(admin, "wamedia_http_connections_open", &[], 0.0);
}

/// Operators look for expired links under their mount.
#[test]
fn unauthorized_requests_count_under_their_mount() {
    let folder = Folder::new();
    let auth = format!("[[auth]]\npath = \"/other/partner\"\nbearer = \"sha256:{}\"\n", "0".repeat(64));
    let toml = "[admin]\nlisten = \"127.0.0.1:0\"\n[[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/other\"\n\
                store = \"other\"\n[[cache.rule]]\nmatch = \"personal/**\"\ncache_control = \"private\"\nsigned = true\n";
    folder.write("media/personal/a.jpg", "a").write("other/partner/a.jpg", "a");
    let mut command = command_of(&folder, &format!("{toml}{auth}"));
    let mut server =
        Server::spawn(command.env("WAMEDIA_SIGNING_KEYS", "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
    let admin = address_of(&mut server);
    for (path, status) in [
        ("/personal/a.jpg", 403),
        ("/personal/none.jpg?expires=1&key=k1&signature=00", 403),
        ("/other/partner/a.jpg", 401),
        ("/other/partner/b.jpg", 401),
        ("/other/partner/c.jpg", 401),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    let refused = |mount| [("mount", mount), ("status", "4xx")];
    until(admin, "wamedia_http_requests_total", &refused("/"), 2.0);
    let seen = until(admin, "wamedia_http_requests_total", &refused("/other"), 3.0);
    assert_eq!(one(&seen, "wamedia_http_requests_total", &refused("none")), 0.0);
}

#[test]
fn malformed_requests_count_under_no_mount() {
    let (server, admin, _folder) = serve("access_log = \"off\"");
    let mut sent = 0;
    for (request, status) in [
        ("GET /a b.jpg HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(), 400),
        (format!("GET /a.jpg HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(200_000)), 431),
    ] {
        let mut client = server.connect();
        client.send(request);
        let mut response = client.head().expect("a head");
        client.body(&mut response);
        assert_eq!(response.status, status);
        sent += response.body.len();
    }
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "none"), ("status", "4xx")], 2.0);
    assert_eq!(one(&seen, "wamedia_http_response_body_bytes_total", &[("mount", "none")]), sent as f64);
    assert_eq!(one(&seen, "wamedia_http_responses_cut_total", &[]), 0.0);
}

#[test]
fn bytes_are_those_of_the_bodies_sent() {
    let (server, admin, _folder) = serve("access_log = \"off\"");
    let mut client = server.connect();
    let mut sent = 0;
    for (path, fields) in
        [("/a.jpg", &[][..]), ("/a.jpg", &[("range", "bytes=2-4")]), ("/none.jpg", &[]), ("/a.jpg?v=1", &[])]
    {
        sent += client.request("GET", path, fields).body.len();
    }
    until(admin, "wamedia_http_requests_total", &[("mount", "/"), ("status", "2xx")], 3.0);
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "/"), ("status", "4xx")], 1.0);
    assert_eq!(one(&seen, "wamedia_http_response_body_bytes_total", &[("mount", "/")]), sent as f64);
}

#[test]
fn cut_responses_and_rejected_connections_are_counted() {
    let (server, admin, folder) = serve("access_log = \"off\"\n[limits]\nconnections = 2\n");
    let big = noise(24 << 20, 1);
    folder.write("other/big.mp4", &big);
    let mut kept = server.connect();
    assert_eq!(kept.request("GET", "/a.jpg", &[]).status, 200);
    let mut leaving = server.connect();
    leaving.send("GET /other/big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(leaving.head().expect("a head").status, 200);
    assert_eq!(server.connect().request("GET", "/a.jpg", &[]).status, 503);
    until(admin, "wamedia_http_connections_turned_away_total", &[], 1.0);

    drop(leaving);
    let seen = until(admin, "wamedia_http_responses_cut_total", &[], 1.0);
    let sent = one(&seen, "wamedia_http_response_body_bytes_total", &[("mount", "/other")]);
    assert!(sent < big.len() as f64, "{sent}");
    assert_eq!(one(&seen, "wamedia_http_requests_total", &[("mount", "/other"), ("status", "2xx")]), 1.0);
    assert_eq!(one(&seen, "wamedia_http_connections_total", &[]), 2.0, "the rejected one does not count");
}

#[test]
fn without_the_permission_to_list_missing_objects_are_not_counted_as_forbidden() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::Error(403, "AccessDenied"), FOREVER);
    let mut server = serving_with(&s3, &[("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")], "");
    let admin = address_of(&mut server);
    assert_eq!(ask(admin, "/readyz").status, 200, "it answers");
    assert!(!s3.requests().is_empty());
    let labels = [("bucket", "s3://media"), ("mount", "/"), ("kind", "forbidden")];
    assert_eq!(one(&scrape(admin), "wamedia_upstream_errors_total", &labels), 0.0);
    assert_eq!(server.get("/a.jpg").status, 404);
    until(admin, "wamedia_upstream_errors_total", &labels, 1.0);
}

#[test]
fn rate_limited_requests_are_counted() {
    let (server, admin, _folder) = serve("[limits]\nrequests_per_second = 1\nburst = 2\n");
    let mut client = server.connect();
    let refused = (0..20).filter(|_| client.request("GET", "/a.jpg", &[]).status == 429).count();
    assert!(refused > 0);
    until(admin, "wamedia_http_requests_limited_total", &[], refused as f64);
}

#[test]
fn bucket_requests_and_errors_are_counted() {
    let s3 = S3Server::start();
    s3.put("a.jpg", "0123456789", Meta::default());
    let variables = [
        ("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "200ms"),
        ("WAMEDIA_UPSTREAM_TIMEOUT", "800ms"),
        ("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0"),
    ];
    let mut server = serving_with(&s3, &variables, "path = \"/shop\"\nfresh = \"1h\"");
    let admin = address_of(&mut server);
    let bucket = [("bucket", "s3://media"), ("mount", "/shop")];
    let asked = one(&scrape(admin), "wamedia_upstream_requests_total", &bucket);
    assert_eq!(server.get("/shop/a.jpg").text(), "0123456789");
    assert_eq!(server.get("/shop/a.jpg").text(), "0123456789");
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "/shop"), ("status", "2xx")], 2.0);
    assert_eq!(one(&seen, "wamedia_upstream_requests_total", &bucket) - asked, s3.requests().len() as f64);
    assert_eq!(one(&seen, "wamedia_upstream_answers", &bucket), 1.0);
    for kind in ["refused", "unreachable", "unavailable", "late", "forbidden", "unusable", "broken"] {
        let labels = [bucket[0], bucket[1], ("kind", kind)];
        assert_eq!(one(&seen, "wamedia_upstream_errors_total", &labels), 0.0, "{kind}");
    }
    s3.go_down();
    assert_eq!(server.get("/shop/b.jpg").status, 502);
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "/shop"), ("status", "5xx")], 1.0);
    assert_eq!(one(&seen, "wamedia_upstream_answers", &bucket), 0.0);
    let labels = [bucket[0], bucket[1], ("kind", "unreachable")];
    assert!(one(&seen, "wamedia_upstream_errors_total", &labels) >= 1.0);
}

#[test]
fn unusable_answers_of_a_bucket_are_counted() {
    let s3 = S3Server::start();
    let large = noise(3 << 20, 1);
    for key in ["a.jpg", "b.jpg"] {
        s3.put(key, "0123456789", Meta::default());
    }
    s3.put("large.mp4", large.clone(), Meta::default());
    let mut server =
        serving_with(&s3, &[("WAMEDIA_MEMORY_CACHE", "8 MiB"), ("WAMEDIA_ADMIN_LISTEN", "127.0.0.1:0")], "");
    let admin = address_of(&mut server);
    let errors = || {
        let seen = scrape(admin);
        ["refused", "unreachable", "unavailable", "late", "forbidden", "unusable", "broken"].map(|kind| {
            let labels = [("bucket", "s3://media"), ("mount", "/"), ("kind", kind)];
            one(&seen, "wamedia_upstream_errors_total", &labels)
        })
    };
    assert_eq!(errors(), [0.0; 7]);
    s3.fault(of("a.jpg"), Fault::NO_ETAG, FOREVER);
    assert_eq!(server.get("/a.jpg").status, 502);
    assert_eq!(errors(), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    s3.fault(of("b.jpg"), Fault::NoLength, FOREVER);
    assert_eq!(server.get("/b.jpg").status, 502);
    assert_eq!(errors(), [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    // A failed HEAD is repeated as a GET, and both are one failure.
    assert_eq!(server.request("HEAD", "/b.jpg", &[]).status, 502);
    assert_eq!(errors(), [0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0]);
    s3.fault(of("large.mp4"), Fault::CloseAfter(1 << 20), 1);
    assert_eq!(server.get("/large.mp4").body, large, "the rest is asked for");
    assert_eq!(errors(), [0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1.0]);
    assert_eq!(server.get("/missing.jpg").status, 404);
    assert_eq!(errors(), [0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1.0], "that something is missing is an answer");
}

/// As the documentation says: an alert on the cached bytes reaching the limit would never fire.
#[test]
fn a_cache_of_small_bodies_evicts_at_half_of_its_limit() {
    let (server, admin, folder) = serve("access_log = \"off\"\n[memory]\ncache = \"8 MiB\"\n");
    let mut client = server.connect();
    // 8 MiB hold 1,024 of them.
    for number in 0..1300 {
        folder.write(&format!("media/{number}.webp"), noise(4096, number));
        assert_eq!(client.request("GET", &format!("/{number}.webp"), &[]).status, 200);
    }
    let seen = until(admin, "wamedia_http_requests_total", &[("mount", "/"), ("status", "2xx")], 1300.0);
    assert!(one(&seen, "wamedia_cache_evictions_total", &[]) > 0.0);
    let held = one(&seen, "wamedia_cache_held_bytes", &[]) / one(&seen, "wamedia_cache_limit_bytes", &[]);
    assert!((0.4..0.6).contains(&held), "{held}");
}

/// A server with samples for every metric: HTTPS, a folder, a bucket.
fn with_everything() -> (SocketAddr, (Server, S3Server, Folder)) {
    let (folder, s3) = (Folder::new(), S3Server::start());
    let key = KeyPair::generate().expect("a key");
    let mut params =
        CertificateParams::new(["one.example".to_owned(), "two.example".to_owned()]).expect("names");
    params.not_after = date_time_ymd(2100, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    folder
        .write("cert.pem", certificate.pem())
        .write("key.pem", key.serialize_pem())
        .write("media/a.jpg", "a");
    let toml = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
                [[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/bucket\"\nstore = \"s3://media\"\n";
    let mut server = Server::spawn(command_of(&folder, toml).envs(s3.environment()));
    (address_of(&mut server), (server, s3, folder))
}

#[test]
fn both_formats_have_the_same_values_and_the_expiry_of_certificates() {
    let (admin, _running) = with_everything();
    let mut client = Client::new(admin);
    let response = client.request("GET", "/metrics", &[("accept", OPEN_METRICS)]);
    assert_eq!(response.field("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let newer = open_metrics(response.text());
    let older = scrape(admin);
    let names = |families: &Families| -> BTreeSet<_> {
        let samples = families.values().flat_map(|family| &family.samples);
        samples.map(|(name, labels, _)| (name.clone(), labels.clone())).collect()
    };
    assert_eq!(names(&newer), names(&older));
    assert_eq!(newer["wamedia_build"].kind, "info");
    assert_eq!(older["wamedia_build_info"].kind, "gauge");
    for name in ["one.example", "two.example"] {
        let expiry = one(&older, "wamedia_tls_certificate_expiry_timestamp_seconds", &[("name", name)]);
        assert_eq!(expiry, 4_102_444_800.0, "{name}");
    }
    assert!(ask(admin, "/readyz").text().contains("ok certificates\n"));
}

#[test]
fn handshakes_are_counted_by_result() {
    let (admin, (server, ..)) = with_everything();
    let name = "wamedia_tls_handshakes_total";
    let seen = scrape(admin);
    for result in ["ok", "not_tls", "late", "untrusted", "no_challenge"] {
        assert_eq!(one(&seen, name, &[("result", result)]), 0.0, "{result}");
    }
    for count in 1..=3_u8 {
        let mut client = server.connect();
        client.send("GET /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n");
        client.read_to_end();
        until(admin, name, &[("result", "not_tls")], f64::from(count));
    }
    drop(server.connect());
    let seen = until(admin, name, &[("result", "left")], 1.0);
    assert_eq!(one(&seen, name, &[("result", "ok")]), 0.0);
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let (admin, _running) = with_everything();
    let exposed: BTreeSet<_> = scrape(admin)
        .into_iter()
        .map(|(name, family)| {
            let labels = family.samples.iter().flat_map(|(_, labels, _)| labels.keys());
            let labels: BTreeSet<_> = labels.filter(|label| *label != "le").cloned().collect();
            (name, family.kind, labels)
        })
        .collect();
    // `| name | type | labels | …`, the names in backquotes.
    let text = include_str!("../../docs/operations.md");
    let documented: BTreeSet<_> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let name = cells.next()?.strip_suffix('`')?;
            let is_metric = name.starts_with("wamedia_") || name.starts_with("process_");
            let (kind, labels) = (cells.next()?, cells.next()?);
            let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            is_metric.then(|| (name.to_owned(), kind.to_owned(), labels))
        })
        .collect();
    assert_eq!(exposed, documented);
    assert!(exposed.len() > 20);
}

#[test]
fn alerts_use_existing_metrics() {
    let (admin, _running) = with_everything();
    let families = scrape(admin);
    let rules = include_str!("../../packaging/prometheus-alerts.yml");
    let expressions = rules.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = expressions.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let used: BTreeSet<_> =
        words.filter(|word| word.starts_with("wamedia_") || word.starts_with("process_")).collect();
    for name in &used {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(
            families.contains_key(*name) || family.is_some_and(|name| families.contains_key(name)),
            "{name}"
        );
    }
    assert!(used.len() > 5, "{used:?}");
    // A metric that must not be 0 needs an alert.
    let documentation = include_str!("../../docs/operations.md").lines();
    let zero_is_bad = documentation.filter_map(|line| {
        let cells: Vec<_> =
            line.strip_prefix("| `")?.trim_end_matches('|').split('|').map(str::trim).collect();
        let [name, _, _, _, "0" | "0 for two minutes"] = cells[..] else { return None };
        name.strip_suffix('`')
    });
    let mut count = 0;
    for name in zero_is_bad {
        assert!(used.contains(name), "no alert tells that {name} is 0");
        count += 1;
    }
    assert!(count >= 2, "{count}");
}
