//! CORS: which web pages may read responses.

use rustix::process::Signal;

use crate::support::{Folder, Server};

const APP: (&str, &str) = ("Origin", "https://app.example.com");
const EVIL: (&str, &str) = ("Origin", "https://evil.example");
const PREFLIGHT: (&str, &str) = ("Access-Control-Request-Method", "GET");

fn serve(toml: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("a.jpg", "bytes").write("team/b.jpg", "ours");
    (Server::configured(&folder, &format!("{toml}\n[[mount]]\nstore = \".\"\n")), folder)
}

const LISTED: &str = "[cors]\norigins = [\"https://app.example.com\", \"http://localhost:5173\"]";

#[test]
fn a_listed_origin_may_read_every_kind_of_response() {
    let (server, _folder) = serve(LISTED);
    let etag = server.get("/a.jpg").field("etag").to_owned();
    for (method, path, fields, status) in [
        ("GET", "/a.jpg", &[][..], 200),
        ("HEAD", "/a.jpg", &[], 200),
        ("GET", "/a.jpg", &[("Range", "bytes=0-1")], 206),
        ("GET", "/a.jpg", &[("Range", "bytes=9-")], 416),
        ("GET", "/a.jpg", &[("If-None-Match", &*etag)], 304),
        ("GET", "/a.jpg", &[("If-Match", "\"x\"")], 412),
        ("GET", "/missing.jpg", &[], 404),
        ("GET", "/a//b", &[], 404),
        ("POST", "/a.jpg", &[], 405),
    ] {
        for (origin, allowed) in [(&[APP][..], true), (&[EVIL], false), (&[], false)] {
            let response = server.request(method, path, &[fields, origin].concat());
            assert_eq!(response.status, status, "{method} {path} {fields:?}");
            assert_eq!(response.field("vary"), "Origin", "{method} {path} {fields:?} {origin:?}");
            assert_eq!(response.has("access-control-allow-origin"), allowed, "{method} {path} {origin:?}");
            assert_eq!(response.has("access-control-expose-headers"), allowed);
            if allowed {
                assert_eq!(response.field("access-control-allow-origin"), APP.1);
            }
            assert!(!response.has("access-control-allow-credentials"), "no [[auth]] covers it");
        }
    }
}

#[test]
fn preflights_are_answered_before_credentials_and_whatever_exists() {
    let auth = "[[auth]]\npath = \"/team\"\nbearer = \"sha256:3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9\"\n";
    let (server, _folder) = serve(&format!("{LISTED}\n{auth}"));
    let asked = ("Access-Control-Request-Headers", "range,authorization");
    for (path, headers) in
        [("/a.jpg", "range"), ("/missing.jpg", "range"), ("/team/b.jpg", "range, authorization")]
    {
        let response = server.request("OPTIONS", path, &[APP, PREFLIGHT, asked]);
        assert_eq!((response.status, response.field("access-control-allow-origin")), (204, APP.1), "{path}");
        assert_eq!(response.field("access-control-allow-methods"), "GET, HEAD");
        assert_eq!(response.field("access-control-allow-headers"), headers, "{path}");
        assert_eq!(response.field("access-control-max-age"), "7200");
        let foreign = server.request("OPTIONS", path, &[EVIL, PREFLIGHT, asked]);
        assert_eq!((foreign.status, foreign.has("access-control-allow-origin")), (204, false), "{path}");
    }
    let bearer = ("Authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let response = server.request("GET", "/team/b.jpg", &[APP, bearer]);
    assert_eq!((response.status, response.field("access-control-allow-credentials")), (200, "true"));
    let refused = server.request("GET", "/team/b.jpg", &[APP]);
    assert_eq!((refused.status, refused.field("access-control-allow-origin")), (401, APP.1));
    // Any other OPTIONS is answered as without CORS.
    let plain = server.request("OPTIONS", "/a.jpg", &[APP]);
    assert_eq!(
        (plain.status, plain.field("allow"), plain.has("access-control-allow-origin")),
        (204, "GET, HEAD, OPTIONS", false)
    );
}

#[test]
fn every_origin_is_allowed_without_credentials_and_none_by_default() {
    let auth = "[[auth]]\npath = \"/team\"\nbearer = \"sha256:3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9\"\n";
    let (mut server, folder) = serve(&format!("[cors]\norigins = \"*\"\n{auth}"));
    let bearer = ("Authorization", "Bearer 0123456789abcdef0123456789abcdef");
    for fields in [&[APP, bearer][..], &[bearer]] {
        let response = server.request("GET", "/team/b.jpg", fields);
        assert_eq!(response.field("access-control-allow-origin"), "*");
        assert!(!response.has("access-control-allow-credentials") && !response.has("vary"));
    }
    folder.write("wamedia.toml", "[[mount]]\nstore = \".\"\n");
    server.signal(Signal::HUP);
    server.wait_for_line("reload");
    let response = server.request("GET", "/a.jpg", &[APP]);
    assert!(!response.has("access-control-allow-origin") && !response.has("vary"), "{response:?}");
    assert_eq!(server.request("OPTIONS", "/a.jpg", &[APP, PREFLIGHT]).field("allow"), "GET, HEAD, OPTIONS");
}
