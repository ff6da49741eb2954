//! Signed links: a valid link gives access to its asset, other requests do not even show whether it exists, and no key or
//! signature is printed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::bucket::command_of;
use crate::http2::Client2;
use crate::s3_server::{FOREVER, Fault, Meta, S3Server, any};
use crate::support::aws_signature::hmac;
use crate::support::{Folder, Outcome, Response, Server, etag_of, outcome, run, version_of, wamedia};

const INVOICE: &[u8] = b"an invoice";
const TOML: &str = "\
public_url = \"https://media.example.com\"
[[mount]]
store = \".\"
[signing]
key_file = \"signing.keys\"
[[cache.rule]]
match = \"personal/**\"
cache_control = \"private\"
signed = true
[[cache.rule]]
match = \"codes/**\"
cache_control = \"no-store\"
signed = true
";

/// A key whose octets count up from `first`, and its text.
fn key(first: u8) -> (Vec<u8>, String) {
    let key: Vec<u8> = (first..first + 32).collect();
    let text = BASE64_STANDARD.encode(&key);
    (key, text)
}

fn write_keys(folder: &Folder, text: &str, mode: u32) {
    folder.write("signing.keys", text);
    fs::set_permissions(folder.at("signing.keys"), Permissions::from_mode(mode)).expect("a mode");
}

/// A folder with an invoice, a key and a configuration.
fn site() -> Folder {
    let folder = Folder::new();
    folder.write("personal/invoice.pdf", INVOICE).write("personal/a b\u{e4}.pdf", INVOICE);
    folder.write("codes/1.png", INVOICE).write("z.jpg", "a photo").write("wamedia.toml", TOML);
    write_keys(&folder, &format!("k1:{}\n", key(0).1), 0o600);
    folder
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// A signature made as docs/private-links.md describes: `path` is decoded, with its slash.
fn signature(key: &[u8], id: &str, path: &str, expires: u64) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hmac(key, &format!("wamedia-link-v1\n{id}\n{expires}\n{path}")))
}

/// The query of a signed link.
fn query(path: &str, expires: u64) -> String {
    format!("expires={expires}&key=k1&signature={}", signature(&key(0).0, "k1", path, expires))
}

/// The path and query of the one link on stdout.
#[track_caller]
fn target(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout.trim_end().strip_prefix("https://media.example.com").expect("a link")
}

/// A response without its date.
fn without_date(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let fields = response.fields.iter().filter(|(name, _)| name != "date").cloned().collect();
    (response.status, fields, response.body.clone())
}

#[tokio::test]
async fn a_printed_link_fetches_its_asset() {
    let site = site();
    let server = Server::configured(&site, TOML);
    let minted = run(site.path(), &["link", "personal/a b\u{e4}.pdf"]);
    let link = target(&minted);
    let (etag, v) = (etag_of(INVOICE), version_of(INVOICE));
    let (path, query) = link.split_once('?').expect("a query");
    let names: Vec<_> = query.split('&').map(|part| part.split('=').next().expect("a name")).collect();
    assert_eq!((path, &*names), ("/personal/a%20b%C3%A4.pdf", &["v", "expires", "key", "signature"][..]));
    assert!(query.starts_with(&format!("v={v}&expires=")) && query.contains("&key=k1&signature="));

    let mut client = server.connect();
    let client2 = Client2::new(server.address).await;
    let reversed = query.split('&').rev().collect::<Vec<_>>().join("&");
    for target in [
        link.to_owned(),
        format!("{path}?{reversed}"),
        format!("{path}?x=1&&{query}&utm_source=mail&Signature=x"),
        format!("{}?{query}", "/person%61l/%61%20b%c3%a4.pdf"),
        link.replace(&format!("v={v}&"), ""),
        link.replace(&v, "0123456789abcdef"),
    ] {
        for (method, fields, status, body) in [
            ("GET", &[][..], 200, INVOICE),
            ("HEAD", &[], 200, b""),
            ("GET", &[("range", "bytes=3-")], 206, &INVOICE[3..]),
            ("GET", &[("if-none-match", &*etag)], 304, b""),
        ] {
            let response = client.request(method, &target, fields);
            assert_eq!((response.status, &*response.body), (status, body), "{method} {target}");
            assert_eq!((response.field("cache-control"), response.field("etag")), ("private", &*etag));
            let (response, bytes) = client2.request(method, &target, fields).await;
            assert_eq!((response.status().as_u16(), &*bytes), (status, body), "{method} {target}");
            assert_eq!(response.headers()["cache-control"], "private");
        }
    }
}

#[test]
fn anyone_with_the_key_can_sign() {
    let site = site();
    let server = Server::configured(&site, TOML);
    for (path, target, status) in [
        ("/personal/invoice.pdf", "/personal/invoice.pdf", 200),
        ("/personal/a b\u{e4}.pdf", "/personal/a%20b%C3%A4.pdf", 200),
        ("/codes/1.png", "/codes/1.png", 200),
        // With a valid signature, a missing asset shows as 404.
        ("/personal/none.pdf", "/personal/none.pdf", 404),
        ("/personal", "/personal", 404),
    ] {
        for expires in [now() + 100, u64::MAX] {
            let response = server.get(&format!("{target}?{}", query(path, expires)));
            assert_eq!(response.status, status, "{target}");
        }
    }
    assert_eq!(server.get("/z.jpg").status, 200, "no rule requires a signature");
    assert_eq!(server.get("/z.jpg?signature=x&expires=0").status, 200, "no rule requires a signature");
}

/// Targets below a signed rule without a valid signature.
fn refused() -> Vec<String> {
    let (name, later) = ("/personal/invoice.pdf", now() + 1000);
    let good = query(name, later);
    let signature = good.rsplit('=').next().expect("a signature").to_owned();
    let mut queries = vec![
        String::new(),
        "?".to_owned(),
        format!("?v={}", version_of(INVOICE)),
        format!("?{}", query(name, now())),
        format!("?{}", query(name, 0)),
        format!("?{}", query("/personal/other.pdf", later)),
        format!("?{}", query("/personal", later)),
        format!("?{}", query("personal/invoice.pdf", later)),
        format!("?{}", query("/personal/invoice.pdf\n", later)),
        format!("?{good}&signature={signature}"),
        format!("?{good}&expires={later}"),
        format!("?{good}&key=k1"),
        format!("?key&{good}"),
        format!("?{}", good.replace("k1", "k2")),
        format!("?{}", good.replace("k1", "")),
        format!("?{}", good.replace(&later.to_string(), &(later + 1).to_string())),
        format!("?{}", good.replace(&later.to_string(), &format!("0{later}"))),
        format!("?{}", good.replace(&later.to_string(), "-1")),
        format!("?{}", good.replace(&later.to_string(), "99999999999999999999")),
        format!("?{good}="),
        format!("?{}", good.replace('&', "&amp;")),
        format!("?{}", good.replace("signature", "%73ignature")),
        format!("?{}", good.replace("signature", "Signature")),
        format!("?{}", good.replace(&signature, &signature.to_lowercase())),
        format!("?{}", good.replace(&signature, &signature[1..])),
        format!("?{}", good.replace(&signature, "")),
        format!("?signature={}", "A".repeat(20_000)),
        format!("?{good}{}", "&key=k1".repeat(1000)),
    ];
    for left_out in 0..3 {
        let mut parts: Vec<_> = good.split('&').collect();
        parts.remove(left_out);
        queries.push(format!("?{}", parts.join("&")));
    }
    queries.into_iter().map(|query| format!("{name}{query}")).collect()
}

#[tokio::test]
async fn without_a_signature_all_requests_are_rejected_alike() {
    let site = site();
    let server = Server::configured(&site, TOML);
    let mut client = server.connect();
    let first = client.request("GET", "/personal/invoice.pdf", &[]);
    assert_eq!((first.status, first.field("cache-control")), (403, "no-store"));
    assert_eq!(first.field("x-content-type-options"), "nosniff");
    assert!(first.text().contains("not signed, was altered, or has expired"), "{}", first.text());
    let expected = without_date(&first);
    let etag = etag_of(INVOICE);
    let fields: [&[(&str, &str)]; 4] = [
        &[],
        &[("range", "bytes=0-1")],
        &[("if-none-match", &etag)],
        &[("if-match", "\"x\""), ("authorization", "Basic x")],
    ];
    let client2 = Client2::new(server.address).await;
    for target in refused() {
        let missing = target.replace("invoice.pdf", "none.pdf");
        let folder = target.replace("/invoice.pdf", "");
        for target in [&target, &missing, &folder.replace("/personal", "/codes/none")] {
            for fields in fields {
                let response = client.request("GET", target, fields);
                assert_eq!(without_date(&response), expected, "{target:.200} {fields:?}");
            }
            let head = client.request("HEAD", target, &[]);
            assert_eq!((head.status, without_date(&head).1), (403, expected.1.clone()), "{target:.200}");
            let (response, body) = client2.request("GET", target, &[]).await;
            assert_eq!((response.status().as_u16(), &body), (403, &expected.2), "{target:.200}");
            let mut names: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
            names.retain(|name| name != "date");
            assert_eq!(names.len(), expected.1.len());
        }
    }
    for (method, target, status) in [
        ("OPTIONS", "/personal/invoice.pdf", 204),
        ("POST", "/personal/invoice.pdf", 405),
        ("GET", "/personal/../z.jpg", 400),
        ("GET", "/personal/%2e%2e/z.jpg", 400),
        ("GET", "/personal/a%2fb", 400),
        ("GET", "/personal/", 404),
        ("GET", "//personal/invoice.pdf", 404),
    ] {
        let response = server.request(method, target, &[]);
        assert_eq!(response.status, status, "{method} {target}");
        assert!(!response.has("etag"), "{method} {target}");
    }
    let absolute = server.get("http://other.example/personal/invoice.pdf");
    assert_eq!(without_date(&absolute), expected);
}

#[test]
fn keys_are_rotated_by_putting_a_new_one_first() {
    let site = site();
    let (old, new) = (key(0).1, key(100).1);
    let link = |site: &Folder| target(&run(site.path(), &["link", "personal/invoice.pdf"])).to_owned();
    let by_old = link(&site);
    write_keys(&site, &format!("# since today\nk2:{new}\n\nk1:{old}\n"), 0o400);
    let by_new = link(&site);
    assert!(by_old.contains("&key=k1&") && by_new.contains("&key=k2&"), "{by_old} {by_new}");
    let both = Server::configured(&site, TOML);
    assert_eq!([&by_old, &by_new].map(|link| both.get(link).status), [200, 200]);
    fs::remove_file(site.at("signing.keys")).expect("removed");
    write_keys(&site, &format!("k2:{new}\n"), 0o600);
    let after = Server::configured(&site, TOML);
    assert_eq!([&by_old, &by_new].map(|link| after.get(link).status), [403, 200]);
}

#[test]
fn keys_from_the_environment_come_before_the_file() {
    let site = site();
    let keys = format!("env:{}", key(100).1);
    let run = |arguments: &[&str]| {
        outcome(wamedia().current_dir(site.path()).args(arguments).env("WAMEDIA_SIGNING_KEYS", &keys))
    };
    let minted = run(&["link", "personal/invoice.pdf"]);
    assert!(target(&minted).contains("&key=env&"), "{minted:?}");
    let server = Server::spawn(
        wamedia()
            .current_dir(site.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("WAMEDIA_SIGNING_KEYS", &keys),
    );
    assert_eq!(server.get(target(&minted)).status, 200);
    let by_file = format!("/personal/invoice.pdf?{}", query("/personal/invoice.pdf", now() + 100));
    assert_eq!(server.get(&by_file).status, 403);
    assert_eq!(server.get("/signing.keys").status, 404);
    // The output contains nothing of it.
    let printed = run(&["serve", "--print-config"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    for secret in [&key(0).1, &key(100).1] {
        assert!(!printed.stdout.contains(&secret[..12]) && !printed.stderr.contains(&secret[..12]));
    }
    assert!(printed.stdout.contains("signing.keys\"") && printed.stdout.contains("signed = true"));
}

#[test]
fn a_key_file_that_others_can_read_is_rejected_before_a_port_is_bound() {
    let site = site();
    for (mode, is_taken) in [(0o644, false), (0o640, false), (0o660, false), (0o604, false), (0o400, true)] {
        fs::set_permissions(site.at("signing.keys"), Permissions::from_mode(mode)).expect("a mode");
        for arguments in [&["serve", "--print-config"][..], &["link", "personal/invoice.pdf"]] {
            let outcome = run(site.path(), arguments);
            assert_eq!(outcome.code, Some(if is_taken { 0 } else { 2 }), "{mode:o} {outcome:?}");
            if !is_taken {
                assert!(outcome.stderr.contains("chmod 600") && outcome.stdout.is_empty(), "{outcome:?}");
            }
        }
    }
    fs::set_permissions(site.at("signing.keys"), Permissions::from_mode(0o600)).expect("a mode");
    for (keys, part) in [
        ("hunter2hunter2", "line 1 is not `id:base64`"),
        ("k1:hunter2hunter2hunter", "has 15 bytes"),
        ("k1:hunter2!", "is not base64"),
    ] {
        site.write("signing.keys", keys);
        let outcome = run(site.path(), &["serve"]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(part) && !outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
}

#[test]
fn the_key_file_is_not_served_from_its_folder() {
    let site = site();
    std::os::unix::fs::symlink("signing.keys", site.at("alias.txt")).expect("a link");
    let server = Server::configured(&site, TOML);
    for path in ["/signing.keys", "/alias.txt"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn no_log_contains_a_signature_or_a_key() {
    let site = site();
    let secret = query("/personal/invoice.pdf", now() + 1000);
    let (rest, signature) = secret.split_once("signature=").expect("a signature");
    let targets: Vec<_> = [
        format!("?{secret}"),
        format!("?signature={signature}&{rest}"),
        format!("?{secret}&signature={signature}"),
        format!("?{rest}%73ignature={signature}"),
        format!("?{rest}SIGNATURE={signature}"),
        format!("?{rest}%2573ignature%3d{signature}"),
        format!("?{}", secret.replace('&', "&amp;")),
        format!("?{}", secret.replace('&', ";")),
        format!("?url=https%3A%2F%2Fx%2Fa%3F{}", secret.replace('=', "%3D").replace('&', "%26")),
        format!("%3F{secret}"),
        format!("?sig={signature}"),
        format!("/{signature}"),
    ]
    .into_iter()
    .map(|query| format!("/personal/invoice.pdf{query}"))
    .collect();
    for format in ["text", "json"] {
        let server = Server::configured(&site, &format!("access_log = \"{format}\"\n{TOML}"));
        let mut client = server.connect();
        for target in &targets {
            let referer = format!("https://media.example.com{target}");
            let response = client.request("GET", target, &[("Referer", &referer), ("User-Agent", &referer)]);
            assert!([200, 403].contains(&response.status), "{response:?}");
        }
        let client_address = client.stream.get_ref().local_addr().expect("an address").to_string();
        drop(client);
        let lines = server.end();
        let logged: Vec<_> = lines.iter().filter(|line| line.contains(&client_address)).collect();
        assert_eq!(logged.len(), targets.len(), "{lines:#?}");
        for line in &lines {
            assert!(!line.contains(signature) && !line.contains(&key(0).1[..12]), "{line}");
        }
        assert!(logged[0].contains("key=k1&signature=hidden"), "{}", logged[0]);
        if format == "json" {
            for line in logged {
                serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            }
        }
    }
}

/// A link whose `?` was percent-encoded is a path, which no rule matches, and errors about it are logged.
#[test]
fn no_bucket_error_contains_the_signature_of_a_mangled_link() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    write_keys(&folder, &format!("k1:{}", key(0).1), 0o600);
    let toml = TOML.replace("store = \".\"", "store = \"s3://media\"").replace("personal/**", "*.pdf");
    let mut server = Server::spawn(command_of(&folder, &toml).envs(s3.environment()));
    let secret = query("/a.pdf", now() + 1000);
    let signature = secret.rsplit('=').next().expect("a signature");
    s3.put(&format!("a.pdf?{secret}"), INVOICE, Meta::default());
    for (fault, status, words) in
        [(Fault::NO_ETAG, 502, "cannot be read"), (Fault::ACCESS_DENIED, 404, "denies access")]
    {
        s3.heal();
        s3.fault(any, fault, FOREVER);
        assert_eq!(server.get(&format!("/a.pdf%3F{secret}")).status, status);
        let line = server.wait_for_line(&format!("s3://media {words}"));
        assert!(line.contains("a.pdf?") && line.contains("signature=hidden"), "{line}");
    }
    for line in server.end() {
        assert!(!line.contains(signature), "{line}");
    }
}

#[test]
fn a_link_expires_after_the_requested_time() {
    let site = site();
    for (arguments, lifetime, warns) in [
        (&["link", "personal/invoice.pdf"][..], 86_400, false),
        (&["link", "--no-version", "personal/invoice.pdf"], 86_400, false),
        (&["link", "personal/invoice.pdf", "--expires", "7d"], 604_800, false),
        (&["link", "personal/invoice.pdf", "--expires", "15m"], 900, false),
        (&["link", "personal/invoice.pdf", "--expires", "14m"], 840, true),
        (&["link", "personal/invoice.pdf", "--expires", "10years"], 315_576_000, false),
        (&["link", "codes/1.png", "--expires=1s"], 1, true),
    ] {
        let before = now();
        let outcome = run(site.path(), arguments);
        let (_, rest) = target(&outcome).split_once("expires=").expect("an expiry");
        let expires: u64 = rest.split('&').next().expect("a value").parse().expect("a number");
        assert!((before + lifetime..=now() + lifetime).contains(&expires), "{arguments:?} {expires}");
        let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + std::time::Duration::from_secs(expires));
        assert!(outcome.stderr.contains(&format!("is signed and expires at {date}")), "{outcome:?}");
        assert_eq!(outcome.stderr.contains("15m or more"), warns, "{outcome:?}");
    }
    for (arguments, parts) in [
        (&["link", "z.jpg", "--expires", "24h"][..], &["z.jpg", "signed = true", "omit --expires"][..]),
        (&["message", "z.jpg", "--to", "+16505551234", "--expires", "24h"], &["z.jpg", "signed = true"]),
        (&["link", "personal/invoice.pdf", "--expires", "0s"], &["15m, 24h or 7d"]),
        (&["link", "personal/invoice.pdf", "--expires", "11y"], &["out of range"]),
        (&["link", "personal/invoice.pdf", "--expires", "1500ms"], &["fractions of a second"]),
        (&["link", "personal/invoice.pdf", "--expires", "24"], &["15m, 24h or 7d"]),
        (&["link", "personal/invoice.pdf", "--expires", "-1h"], &["--expires", "15m, 24h or 7d"]),
        (&["message", "image", "--id", "1", "--to", "+16505551234", "--expires", "1h"], &["--expires"]),
    ] {
        let outcome = run(site.path(), arguments);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?} {outcome:?}");
        for part in parts {
            assert!(outcome.stderr.contains(part), "{arguments:?} {outcome:?}");
        }
    }
    let public = run(site.path(), &["link", "z.jpg"]);
    assert_eq!((target(&public), &*public.stderr), (&*format!("/z.jpg?v={}", version_of(b"a photo")), ""));
}

#[test]
fn the_signed_link_in_a_message_can_be_fetched() {
    let site = site();
    site.write("personal/photo.jpg", "a photo");
    let server = Server::configured(&site, TOML);
    let template = ["template", "--name", "bill", "--language", "en", "--header", "personal/invoice.pdf"];
    for (arguments, link, lifetime) in [
        (&["personal/invoice.pdf"][..], "/document/link", 86_400),
        (&["personal/photo.jpg", "--expires", "1h"], "/image/link", 3600),
        (&["document", "personal/photo.jpg", "--expires", "1h", "--no-version"], "/document/link", 3600),
        (&template, "/template/components/0/parameters/0/document/link", 86_400),
        (
            &[&template[..], &["--expires", "30m"]].concat(),
            "/template/components/0/parameters/0/document/link",
            1800,
        ),
    ] {
        let arguments = [&["message"], arguments, &["--to", "+16505551234"]].concat();
        let outcome = run(site.path(), &arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let payload: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let link = payload.pointer(link).and_then(Value::as_str).unwrap_or_else(|| panic!("{payload}"));
        let target = link.strip_prefix("https://media.example.com").expect("a link");
        let response = server.get(target);
        assert_eq!((response.status, response.field("cache-control")), (200, "private"), "{target}");
        let (_, rest) = target.split_once("expires=").expect("an expiry");
        let expires: u64 = rest.split('&').next().expect("a value").parse().expect("a number");
        assert!((now() + lifetime - 60..=now() + lifetime).contains(&expires), "{target}");
        // The printed payload is valid for WhatsApp.
        site.write("payload.json", &outcome.stdout);
        let validated = run(site.path(), &["message", "validate", "payload.json"]);
        assert_eq!(validated.code, Some(0), "{validated:?}");
    }
}

#[test]
fn the_startup_banner_offers_a_public_asset() {
    let site = site();
    let mut server = Server::configured(&site, TOML);
    let line = server.wait_for_line("  try ");
    assert!(line.contains("/z.jpg?v="), "{line}");
    assert!(
        server
            .lines()
            .iter()
            .any(|line| line.contains("personal/**") && line.contains("needs a signed link"))
    );
    fs::remove_file(site.at("z.jpg")).expect("removed");
    let server = Server::configured(&site, TOML);
    assert_eq!(server.get("/codes/1.png").status, 403);
    let lines = server.end();
    assert!(!lines.iter().any(|line| line.contains("  try ")), "{lines:#?}");
}

#[test]
fn a_bucket_gets_no_request_without_a_signature_and_loosens_no_policy() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    for (object, cache_control) in
        [("a.pdf", "public, max-age=600"), ("b.pdf", "no-store"), ("c.pdf", "no-cache")]
    {
        let meta = Meta { cache_control: Some(cache_control.to_owned()), ..Meta::default() };
        s3.put(&format!("personal/{object}"), INVOICE, meta);
    }
    write_keys(&folder, &format!("k1:{}", key(0).1), 0o600);
    for precedence in ["object", "rules"] {
        let cache = format!("[cache]\nprecedence = \"{precedence}\"\n[signing]");
        let toml = TOML.replace("store = \".\"", "store = \"s3://media\"").replace("[signing]", &cache);
        let server = Server::spawn(command_of(&folder, &toml).envs(s3.environment()));
        s3.clear();
        for target in ["/personal/a.pdf", "/personal/none.pdf", "/personal/a.pdf?v=0123456789abcdef"] {
            assert_eq!(server.get(target).status, 403, "{target}");
        }
        assert!(s3.requests().is_empty(), "{:?}", s3.requests());
        for (name, policy) in [("a.pdf", "private"), ("b.pdf", "no-store"), ("c.pdf", "private")] {
            let path = format!("/personal/{name}");
            let response = server.get(&format!("{path}?{}", query(&path, now() + 100)));
            assert_eq!(
                (response.status, response.field("cache-control")),
                (200, policy),
                "{name} {precedence}"
            );
        }
        let missing = format!("/personal/none.pdf?{}", query("/personal/none.pdf", now() + 100));
        assert_eq!(server.get(&missing).status, 404);
    }
}
