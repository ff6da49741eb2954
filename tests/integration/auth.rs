//! HTTP authentication below some paths: without credentials every request gets the same 401, whether the asset exists or not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::http2::Client2;
use crate::support::{Folder, Response, Server, etag_of, hex, run, version_of};

const TOML: &str = "\
public_url = \"https://media.example.com\"
[[mount]]
store = \".\"
[[auth]]
path = \"/partner\"
basic = [\"whatsapp:sha256:HASH(pass:word)\", \"next:sha256:HASH(other)\"]
[[auth]]
path = \"/partner/deep\"
bearer = \"sha256:HASH(t0ken)\"
[[auth]]
path = \"/both/M\u{e4}rz.jpg\"
basic = \"whatsapp:sha256:HASH(pass:word)\"
bearer = \"sha256:HASH(t0ken)\"
";
const BASIC: &str = "Basic realm=\"/partner\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"/partner/deep\"";

/// The configuration with each `HASH(secret)` replaced.
fn toml() -> String {
    ["pass:word", "other", "t0ken"].iter().fold(TOML.to_owned(), |toml, secret| {
        toml.replace(&format!("HASH({secret})"), &hex(&Sha256::digest(secret)))
    })
}

fn site() -> Folder {
    let folder = Folder::new();
    for name in ["partner/a.jpg", "partner/deep/b.jpg", "both/M\u{e4}rz.jpg", "partners/c.jpg", "z.jpg"] {
        folder.write(name, name);
    }
    folder.write("wamedia.toml", toml());
    folder
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// A response without its date.
fn without_date(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let fields = response.fields.iter().filter(|(name, _)| name != "date").cloned().collect();
    (response.status, fields, response.body.clone())
}

#[tokio::test]
async fn valid_credentials_give_access() {
    let site = site();
    let server = Server::configured(&site, &toml());
    let client2 = Client2::new(server.address).await;
    let mut client = server.connect();
    let (whatsapp, next) = (basic("whatsapp:pass:word"), basic("next:other"));
    for (target, name, credential) in [
        ("/partner/a.jpg", "partner/a.jpg", &*whatsapp),
        ("/partner/a.jpg?v=0123456789abcdef", "partner/a.jpg", &next),
        ("/p%61rtner/a.jpg", "partner/a.jpg", &whatsapp.replace("Basic ", "basic  ")),
        ("/partner/deep/b.jpg", "partner/deep/b.jpg", "Bearer t0ken"),
        ("/both/M%C3%A4rz.jpg", "both/M\u{e4}rz.jpg", "bearer t0ken"),
        ("/both/M%C3%A4rz.jpg", "both/M\u{e4}rz.jpg", &whatsapp),
        // The path of an [[auth]] covers what lies below it, not names with the same beginning.
        ("/partners/c.jpg", "partners/c.jpg", "Basic nonsense"),
        ("/z.jpg", "z.jpg", "nonsense"),
    ] {
        let fields = [("authorization", credential)];
        let response = client.request("GET", target, &fields);
        assert_eq!((response.status, response.text()), (200, name), "{target}");
        assert_eq!(response.field("cache-control"), "no-cache");
        assert_eq!(client.request("HEAD", target, &fields).status, 200, "{target}");
        let etag = etag_of(name.as_bytes());
        for (field, status) in [(("range", "bytes=1-2"), 206), (("if-none-match", &*etag), 304)] {
            assert_eq!(client.request("GET", target, &[fields[0], field]).status, status, "{target}");
        }
        let (response, body) = client2.request("GET", target, &fields).await;
        assert_eq!((response.status().as_u16(), &*body), (200, name.as_bytes()), "{target}");
    }
    let missing = client.request("GET", "/partner/none.jpg", &[("authorization", &whatsapp)]);
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn without_credentials_every_response_is_the_same_challenge() {
    let site = site();
    let server = Server::configured(&site, &toml());
    let client2 = Client2::new(server.address).await;
    let mut client = server.connect();
    let huge = format!("Bearer {}", "x".repeat(20_000));
    let (good, wrong) = (basic("whatsapp:pass:word"), basic("whatsapp:password"));
    let sent: [&[(&str, &str)]; 13] = [
        &[],
        &[("authorization", "")],
        &[("authorization", "Basic")],
        &[("authorization", "Basic !!!")],
        &[("authorization", "Basic d2hhdHNhcHA")],
        &[("authorization", "Basic \u{e4}")],
        &[("authorization", &wrong)],
        &[("authorization", &huge)],
        &[("authorization", "Digest username=\"whatsapp\"")],
        &[("authorization", "Bearer T0ken")],
        &[("authorization", &good), ("authorization", "Bearer t0ken")],
        &[("proxy-authorization", &good)],
        &[("range", "bytes=0-0"), ("if-none-match", "*")],
    ];
    for (folder, challenges, other) in
        [("/partner", &[BASIC][..], "Bearer t0ken"), ("/partner/deep", &[BEARER], &*good)]
    {
        let targets = ["a.jpg", "b.jpg", "none.jpg", "none/none", "x?v=0123456789abcdef"]
            .map(|name| format!("{folder}/{name}"));
        let expected = without_date(&client.request("GET", &targets[0], &[]));
        assert_eq!(expected.0, 401);
        let field = |name: &str| {
            let values =
                expected.1.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
            values.collect::<Vec<_>>()
        };
        assert_eq!(
            (field("www-authenticate"), field("cache-control")),
            (challenges.to_vec(), vec!["no-store"])
        );
        for target in targets.iter().map(String::as_str).chain([folder]) {
            if (folder, target) == ("/partner", "/partner/deep") {
                continue;
            }
            for fields in sent.into_iter().chain([&[("authorization", other)][..]]) {
                let response = client.request("GET", target, fields);
                assert_eq!(without_date(&response), expected, "{target} {fields:.100?}");
            }
            let (response, body) = client2.request("GET", target, &[("authorization", "Basic =")]).await;
            assert_eq!((response.status().as_u16(), &body), (401, &expected.2), "{target}");
            assert_eq!(response.headers()["www-authenticate"], challenges[0]);
        }
    }
    let both = server.get("/both/M%C3%A4rz.jpg");
    let challenges: Vec<_> = both
        .fields
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| &**value)
        .collect();
    let realm = "realm=\"/both/M%C3%A4rz.jpg\"";
    assert_eq!(challenges, [format!("Basic {realm}, charset=\"UTF-8\""), format!("Bearer {realm}")]);
    assert_eq!(server.request("OPTIONS", "/partner/a.jpg", &[]).status, 204);
    assert_eq!(server.get("/partner/../z.jpg").status, 400);
}

#[test]
fn a_signed_path_below_auth_needs_signature_and_credentials() {
    use std::os::unix::fs::PermissionsExt;

    let site = site();
    site.write("signing.keys", format!("k1:{}=\n", "A".repeat(43)));
    std::fs::set_permissions(site.at("signing.keys"), std::fs::Permissions::from_mode(0o600))
        .expect("a mode");
    let toml = format!(
        "{}[signing]\nkey_file = \"signing.keys\"\n[[cache.rule]]\nmatch = \"partner/**\"\ncache_control = \"private\"\n\
         signed = true\n",
        toml()
    );
    let server = Server::configured(&site, &toml);
    let printed = run(site.path(), &["link", "partner/a.jpg"]);
    let target = printed.stdout.trim().strip_prefix("https://media.example.com").expect("a link");
    let good = basic("whatsapp:pass:word");
    for (target, credential, status) in [
        (target, &*good, 200),
        (target, "Basic x", 401),
        ("/partner/a.jpg", &good, 403),
        ("/partner/none.jpg", &good, 403),
        ("/partner/a.jpg", "Basic x", 401),
    ] {
        let response = server.request("GET", target, &[("authorization", credential)]);
        assert_eq!(response.status, status, "{target}");
    }
}

#[test]
fn no_policy_lets_shared_caches_store_responses_to_credentials() {
    let site = site();
    site.write("partner/list.pdf", "a list");
    let toml = format!(
        "{}[cache]\ndefault = \"public, max-age=60, s-maxage=9\"\nversioned = \"max-age=600, immutable, public\"\n\
         [[cache.rule]]\nmatch = \"*.pdf\"\ncache_control = \"no-cache, must-revalidate\"\n",
        toml()
    );
    let server = Server::configured(&site, &toml);
    let credential = basic("whatsapp:pass:word");
    let v = format!("v={}", version_of(b"partner/a.jpg"));
    let (photo, versioned) = ("/partner/a.jpg", format!("/partner/a.jpg?{v}"));
    let condition = etag_of(b"partner/a.jpg");
    for (target, field, status, policy) in [
        (photo, ("x", "y"), 200, "max-age=60"),
        (photo, ("if-none-match", &*condition), 304, "max-age=60"),
        (photo, ("range", "bytes=0-1"), 206, "max-age=60"),
        (&versioned, ("x", "y"), 200, "max-age=600, immutable"),
        ("/partner/list.pdf", ("x", "y"), 200, "no-cache"),
        ("/z.jpg", ("x", "y"), 200, "public, max-age=60, s-maxage=9"),
    ] {
        let response = server.request("GET", target, &[("authorization", &credential), field]);
        assert_eq!((response.status, response.field("cache-control")), (status, policy), "{target}");
    }
}

#[test]
fn links_mention_auth_and_no_output_contains_credentials() {
    let site = site();
    for arguments in [&["link", "partner/a.jpg"][..], &["message", "partner/a.jpg", "--to", "+16505551234"]] {
        let outcome = run(site.path(), arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stdout.contains(&format!("/partner/a.jpg?v={}", version_of(b"partner/a.jpg"))));
        for part in [
            "partner/a.jpg needs the credentials of [[auth]] /partner",
            "On-Premises",
            "the Cloud API never does",
        ] {
            assert!(outcome.stderr.contains(part), "{outcome:?}");
        }
    }
    assert_eq!(run(site.path(), &["link", "z.jpg"]).stderr, "");

    let printed = run(site.path(), &["serve", "--print-config"]);
    assert!(
        printed.stdout.contains("path = \"/partner/deep\"\n# basic is not set\n# bearer: 1, not printed")
    );
    let hashes = ["pass:word", "other", "t0ken"].map(|secret| hex(&Sha256::digest(secret)));
    let credential = basic("whatsapp:pass:word");
    for format in ["text", "json"] {
        let server = Server::configured(&site, &format!("access_log = \"{format}\"\n{}", toml()));
        assert_eq!(server.request("GET", "/partner/a.jpg", &[("authorization", &credential)]).status, 200);
        assert_eq!(server.get("/partner/a.jpg").status, 401);
        let logged = server.end().join("\n");
        assert!(
            logged.contains("/partner/a.jpg") && logged.contains("credentials required below /partner/deep"),
            "{logged}"
        );
        assert!(
            logged.contains("/both/") || logged.contains("/z.jpg") || logged.contains("/partners/c.jpg"),
            "{logged}"
        );
        for secret in [&credential[6..], &hashes[0], &hashes[1], &hashes[2], "pass:word", "whatsapp:"] {
            assert!(!logged.contains(secret) && !printed.stdout.contains(secret), "{secret}: {logged}");
        }
    }
}

#[test]
fn an_invalid_auth_is_an_error_that_does_not_repeat_the_secret() {
    for (credentials, part) in [
        ("basic = \"whatsapp:hunter2\"", "sha256sum"),
        ("bearer = \"hunter2\"", "sha256sum"),
        ("token = \"hunter2\"", "unknown key `auth.token`"),
        ("", "has no `basic`"),
    ] {
        let site = Folder::new();
        site.write(
            "wamedia.toml",
            format!("[[mount]]\nstore = \".\"\n[[auth]]\npath = \"/partner\"\n{credentials}\n"),
        );
        let outcome = run(site.path(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(part) && !outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
}
