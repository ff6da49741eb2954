//! The header contract: the headers of every response about an asset, and of every error.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::{Folder, Response, Server, TIMEOUT, etag_of, noise, wamedia};

/// The expected headers of one asset, besides those that follow from its bytes.
#[derive(Debug, Clone, Copy)]
struct Expected<'a> {
    media_type: &'a str,
    cache_control: &'a str,
    last_modified: Option<&'a str>,
    disposition: Option<&'a str>,
}

/// Fetches an asset with GET and HEAD over one connection, and compares both responses with the contract: exactly these headers,
/// each once.
#[track_caller]
fn check_contract(server: &Server, target: &str, bytes: &[u8], expected: Expected<'_>) {
    let mut client = server.connect();
    let get = client.request("GET", target, &[]);
    let head = client.request("HEAD", target, &[]);
    // If the HEAD had a body, this would read it as a head.
    let again = client.request("GET", target, &[]);
    assert!(get.complete && get.body == bytes && again.body == bytes, "{target}: the bytes");
    let (len, etag) = (bytes.len().to_string(), etag_of(bytes));
    let mut fields = vec![
        ("accept-ranges", "bytes"),
        ("cache-control", expected.cache_control),
        ("content-length", &len),
        ("content-type", expected.media_type),
        ("etag", &etag),
        ("x-content-type-options", "nosniff"),
    ];
    fields.extend(expected.last_modified.map(|date| ("last-modified", date)));
    fields.extend(expected.disposition.map(|value| ("content-disposition", value)));
    fields.sort_unstable();
    for response in [get, head] {
        assert_eq!(response.status, 200, "{target}");
        assert_eq!(fields_but_date(&response), fields, "{target}");
    }
}

/// All headers in the order of their names, without `Date`, which must occur once and be about now.
#[track_caller]
fn fields_but_date(response: &Response) -> Vec<(&str, &str)> {
    let date = httpdate::parse_http_date(response.field("date")).expect("a date");
    let hour = Duration::from_hours(1);
    let now = SystemTime::now();
    assert!(date > now - hour && date < now + hour, "{response:?}");
    let fields = response.fields.iter().map(|(name, value)| (&**name, &**value));
    let mut fields: Vec<_> = fields.filter(|(name, _)| *name != "date").collect();
    fields.sort_unstable();
    fields
}

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/media-sample");

const WEEK: &str = "max-age=604800";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const TEXT: &str = "text/plain; charset=utf-8";
const OPUS: &str = "audio/ogg; codecs=opus";

/// Every media file of the sample: its type, its policy, and whether it is a document.
const SAMPLE_MEDIA: [(&str, &str, &str, bool); 18] = [
    ("campaign/banner.jpg", "image/jpeg", WEEK, false),
    ("campaign/brochure.pptx", PPTX, WEEK, true),
    ("campaign/jingle.aac", "audio/aac", WEEK, false),
    ("campaign/jingle.m4a", "audio/mp4", WEEK, false),
    ("campaign/jingle.mp3", "audio/mpeg", WEEK, false),
    ("campaign/product.png", "image/png", WEEK, false),
    ("campaign/spot.3gp", "video/3gpp", WEEK, false),
    ("campaign/spot.mp4", "video/mp4", WEEK, false),
    ("codes/login-code.png", "image/png", "no-store", false),
    ("personal/invoice-1001.pdf", "application/pdf", "private", true),
    ("personal/voice-note.amr", "audio/amr", "private", false),
    ("personal/voice-note.ogg", OPUS, "private", false),
    ("prices/menu.docx", DOCX, "no-cache", true),
    ("prices/opening-hours.txt", TEXT, "no-cache", true),
    ("prices/price-list.pdf", "application/pdf", "no-cache", true),
    ("prices/price-list.xlsx", XLSX, "no-cache", true),
    ("stickers/luna.webp", "image/webp", "no-cache", false),
    ("stickers/steam.webp", "image/webp", "no-cache", false),
];

/// All files below `folder`, relative to `root`, in the order of their names.
fn files_below(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(root, &path));
        } else {
            files.push(path.strip_prefix(root).expect("below the root").to_owned());
        }
    }
    files.sort();
    files
}

/// A copy of the sample in which every file has its own mtime, and a server for it.
fn serve_sample() -> (Folder, Server) {
    let folder = Folder::new();
    for (number, file) in (0..).zip(files_below(Path::new(SAMPLE), Path::new(SAMPLE))) {
        let name = file.to_str().expect("UTF-8");
        folder.write(name, fs::read(Path::new(SAMPLE).join(&file)).expect("a file"));
        folder.set_mtime(name, sample_mtime(number));
    }
    let elsewhere = Folder::new();
    let config = folder.at("wamedia.toml");
    let mut command = wamedia();
    command.current_dir(elsewhere.path()).args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
    let server = Server::spawn(&mut command);
    (folder, server)
}

/// Just before the full second, to detect rounding.
fn sample_mtime(number: u64) -> SystemTime {
    UNIX_EPOCH + Duration::new(1_700_000_000 + 86_399 * number, 999_999_999)
}

#[test]
fn every_sample_file_keeps_the_contract() {
    let (folder, server) = serve_sample();
    let files = files_below(folder.path(), folder.path());
    let mut checked = Vec::new();
    for (number, file) in (0..).zip(&files) {
        let path = file.to_str().expect("UTF-8");
        let Some((_, media_type, cache_control, is_document)) =
            SAMPLE_MEDIA.into_iter().find(|row| row.0 == path)
        else {
            continue;
        };
        let name = path.rsplit('/').next().expect("a name");
        let disposition = format!("inline; filename=\"{name}\"; filename*=UTF-8''{name}");
        let last_modified = httpdate::fmt_http_date(sample_mtime(number));
        let expected = Expected {
            media_type,
            cache_control,
            last_modified: Some(&last_modified),
            disposition: is_document.then_some(&disposition),
        };
        check_contract(&server, &format!("/{path}"), &fs::read(folder.at(path)).expect("a file"), expected);
        checked.push(path);
    }
    let others: Vec<_> = files.iter().filter(|f| !checked.contains(&f.to_str().expect("UTF-8"))).collect();
    assert_eq!(checked.len(), SAMPLE_MEDIA.len(), "only {checked:?}");
    assert_eq!(others, [Path::new("README.md"), Path::new("wamedia.toml")], "no file without a row");
}

/// A `Content-Type`, whether it is that of a document, and its extensions.
const TYPES: [(&str, bool, &[&str]); 23] = [
    ("audio/aac", false, &["aac", "AAC"]),
    ("audio/amr", false, &["amr", "AMR"]),
    ("audio/mpeg", false, &["mp3", "MP3"]),
    ("audio/mp4", false, &["m4a", "M4A"]),
    (OPUS, false, &["ogg", "oga", "opus", "OGG", "OpUs"]),
    ("image/jpeg", false, &["jpg", "jpeg", "JPG", "JPEG"]),
    ("image/png", false, &["png", "PNG"]),
    ("image/webp", false, &["webp", "WEBP"]),
    ("image/gif", false, &["gif"]),
    ("video/mp4", false, &["mp4", "MP4"]),
    ("video/3gpp", false, &["3gp", "3GP"]),
    ("application/pdf", true, &["pdf", "PDF"]),
    ("application/msword", true, &["doc", "DOC"]),
    ("application/vnd.ms-excel", true, &["xls", "XLS"]),
    ("application/vnd.ms-powerpoint", true, &["ppt", "PPT"]),
    (DOCX, true, &["docx", "DOCX"]),
    (XLSX, true, &["xlsx", "XLSX"]),
    (PPTX, true, &["pptx", "PPTX"]),
    (TEXT, true, &["txt", "TXT"]),
    ("text/csv; charset=utf-8", true, &["csv", "CSV"]),
    ("application/zip", true, &["zip"]),
    ("application/octet-stream", true, &["unheard-of", "", "jpg2000x"]),
    ("text/html", true, &["html"]),
];

#[test]
fn an_extension_in_any_case_has_its_exact_type() {
    let folder = Folder::new();
    let mtime = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let mut assets = Vec::new();
    for (media_type, is_document, extensions) in TYPES {
        for extension in extensions {
            let name = format!("file.{extension}").trim_end_matches('.').to_owned();
            // The bytes play no part: these begin like a PNG.
            let bytes = [b"\x89PNG\r\n\x1a\n", name.as_bytes()].concat();
            folder.write(&name, &bytes).set_mtime(&name, mtime);
            assets.push((name, media_type, is_document, bytes));
        }
    }
    let server = Server::start(folder.path());
    for (name, media_type, is_document, bytes) in assets {
        let disposition = format!("inline; filename=\"{name}\"; filename*=UTF-8''{name}");
        let expected = Expected {
            media_type,
            cache_control: "no-cache",
            last_modified: Some("Sun, 09 Sep 2001 01:46:40 GMT"),
            disposition: is_document.then_some(&disposition),
        };
        check_contract(&server, &format!("/{name}"), &bytes, expected);
    }
}

#[test]
fn names_of_any_spelling_are_found_and_sent() {
    let folder = Folder::new();
    let mtime = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    // The file name, its spelling in a URL, `filename` and `filename*`.
    let rows = [
        ("price list.pdf", "price%20list.pdf", "price list.pdf", "price%20list.pdf"),
        (
            "Preisliste M\u{e4}rz.pdf",
            "Preisliste%20M%C3%A4rz.pdf",
            "Preisliste M_rz.pdf",
            "Preisliste%20M%C3%A4rz.pdf",
        ),
        ("say \"hi\".pdf", "say%20%22hi%22.pdf", "say \\\"hi\\\".pdf", "say%20%22hi%22.pdf"),
        ("it's; a=b,c.pdf", "it's;%20a=b,c.pdf", "it's; a=b,c.pdf", "it%27s%3B%20a%3Db%2Cc.pdf"),
        ("50%41 off.pdf", "50%2541%20off.pdf", "50_41 off.pdf", "50%2541%20off.pdf"),
        ("what?#.pdf", "what%3F%23.pdf", "what?#.pdf", "what%3F#.pdf"),
        ("a+b&c.pdf", "a+b&c.pdf", "a+b&c.pdf", "a+b&c.pdf"),
        (
            "\u{4ef7}\u{683c}\u{1f9fe}.pdf",
            "%e4%bb%b7%E6%A0%BC%f0%9f%a7%be.pdf",
            "___.pdf",
            "%E4%BB%B7%E6%A0%BC%F0%9F%A7%BE.pdf",
        ),
    ];
    for (name, ..) in rows {
        folder.write(name, name).set_mtime(name, mtime);
    }
    let server = Server::start(folder.path());
    for (name, url, plain, exact) in rows {
        let expected = Expected {
            media_type: "application/pdf",
            cache_control: "no-cache",
            last_modified: Some("Sun, 09 Sep 2001 01:46:40 GMT"),
            disposition: Some(&format!("inline; filename=\"{plain}\"; filename*=UTF-8''{exact}")),
        };
        check_contract(&server, &format!("/{url}"), name.as_bytes(), expected);
        // A link must not be able to name its target.
        check_contract(&server, &format!("/{url}?filename=evil.exe&download=1"), name.as_bytes(), expected);
    }
}

#[test]
fn an_empty_file_is_an_asset() {
    let folder = Folder::new();
    folder.write("empty.jpg", "").set_mtime("empty.jpg", UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    for memory in ["", "[memory]\ncache = 0\n"] {
        let server = Server::configured(&folder, &format!("{memory}[[mount]]\nstore = \".\"\n"));
        let expected = Expected {
            media_type: "image/jpeg",
            cache_control: "no-cache",
            last_modified: Some("Sun, 09 Sep 2001 01:46:40 GMT"),
            disposition: None,
        };
        check_contract(&server, "/empty.jpg", b"", expected);
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let folder = Folder::new();
    let rows = [
        ("campaign/a.jpg", "max-age=60, public"),
        ("campaign/codes/a.jpg", "no-store"),
        ("campaign/list.pdf", "private"),
        ("other/list.pdf", "private"),
        ("other/a.jpg", "max-age=5"),
    ];
    for (path, _) in rows {
        folder.write(path, path);
    }
    let server = Server::configured(
        &folder,
        r#"
        [[mount]]
        store = "."
        [cache]
        default = "max-age=5"
        [[cache.rule]]
        match = "*.pdf"
        cache_control = "private"
        [[cache.rule]]
        match = "campaign/codes/**"
        cache_control = "no-store"
        [[cache.rule]]
        match = "campaign/**"
        cache_control = "max-age=60, public"
        "#,
    );
    for (path, policy) in rows {
        assert_eq!(server.get(&format!("/{path}")).field("cache-control"), policy, "{path}");
    }
}

/// A mount whose dates are the mtimes.
const OWN_MTIMES: &str = "[[mount]]\nstore = \".\"\nlast_modified = \"mtime\"\n";

#[test]
fn an_mtime_in_the_future_becomes_the_time_when_the_version_appeared() {
    let folder = Folder::new();
    let servers = ["", "[memory]\ncache = 0\n"]
        .map(|memory| Server::configured(&folder, &format!("{memory}{OWN_MTIMES}fresh = \"0s\"\n")));
    let before = SystemTime::now() - Duration::from_secs(2);
    for (name, ahead) in [("day.jpg", 86_400), ("years.jpg", 900_000_000)] {
        folder.write(name, noise(200_000, ahead));
        folder.set_mtime(name, SystemTime::now() + Duration::from_secs(ahead));
    }
    let look = |server: &Server, name: &str| {
        let response = server.get(&format!("/{name}"));
        let date = |name| httpdate::parse_http_date(response.field(name)).expect("a date");
        assert!(date("last-modified") <= date("date"), "{response:?}");
        assert!(date("last-modified") >= before, "{response:?}");
        (response.field("last-modified").to_owned(), date("date"))
    };
    let look_at_all = || {
        ["day.jpg", "years.jpg"].map(|name| {
            let looks = servers.each_ref().map(|server| look(server, name));
            assert_eq!(looks[0].0, looks[1].0, "two servers say the same of {name}");
            looks
        })
    };
    let first = look_at_all();
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < TIMEOUT, "the clock does not advance");
        // Every request reads the metadata of the files again.
        let now = look_at_all();
        for (first, now) in first.iter().zip(&now) {
            assert_eq!(first[0].0, now[0].0);
        }
        if now[0][0].1 >= first[0][0].1 + Duration::from_secs(3) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let unchanged = [("If-Modified-Since", &*first[0][0].0)];
    for server in &servers {
        assert_eq!(server.request("GET", "/day.jpg", &unchanged).status, 304);
    }
}

#[test]
fn a_meaningless_mtime_is_not_sent_and_warned_about_once() {
    let folder = Folder::new();
    let names = ["zero.pdf", "zero-and-a-bit.pdf", "one.pdf"];
    for (name, (seconds, nanos)) in names.into_iter().zip([(0, 0), (0, 5), (1, 0)]) {
        folder.write(name, name).set_mtime(name, UNIX_EPOCH + Duration::new(seconds, nanos));
    }
    folder.write("two.pdf", "two").set_mtime("two.pdf", UNIX_EPOCH + Duration::from_secs(2));
    let server = Server::configured(&folder, OWN_MTIMES);
    for name in [names, names].concat() {
        let expected = Expected {
            media_type: "application/pdf",
            cache_control: "no-cache",
            last_modified: None,
            disposition: Some(&format!("inline; filename=\"{name}\"; filename*=UTF-8''{name}")),
        };
        check_contract(&server, &format!("/{name}"), name.as_bytes(), expected);
        // Without a date there is nothing to compare with.
        for field in ["If-Modified-Since", "If-Unmodified-Since"] {
            for date in ["Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 06 Nov 2050 08:49:37 GMT"] {
                let response = server.request("GET", &format!("/{name}"), &[(field, date)]);
                assert_eq!(response.status, 200, "{name}: {field}: {date}");
            }
        }
    }
    assert_eq!(server.get("/two.pdf").field("last-modified"), "Thu, 01 Jan 1970 00:00:02 GMT");
    let lines = server.end();
    let warnings: Vec<_> = lines.iter().filter(|line| line.contains("mtime")).collect();
    assert_eq!(warnings.len(), 1, "{lines:#?}");
    // The warning names the asset, the reason and the fix.
    assert!(names.iter().any(|name| warnings[0].contains(name)), "{warnings:?}");
    assert!(warnings[0].contains("warning") && warnings[0].contains("touch"), "{warnings:?}");
}

const ALLOWED: &str = "GET, HEAD, OPTIONS";

#[test]
fn options_lists_the_allowed_methods() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::start(folder.path());
    let mut client = server.connect();
    for target in ["/a.jpg", "/missing.jpg", "/", "*"] {
        let response = client.request("OPTIONS", target, &[]);
        assert_eq!(response.status, 204, "{target}");
        let expected = [("allow", ALLOWED), ("x-content-type-options", "nosniff")];
        assert_eq!(fields_but_date(&response), expected, "{target}");
    }
    assert_eq!(client.request("GET", "/a.jpg", &[]).body, b"a", "no remainder of the other responses");
}

/// Compares an error response with the properties of all error responses.
#[track_caller]
fn check_error(response: &Response, status: u16, more: &[(&str, &str)]) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert!(response.complete && text.starts_with(&format!("{status} ")) && text.ends_with('\n'), "{text:?}");
    let len = text.len().to_string();
    let mut fields = vec![
        ("cache-control", "no-store"),
        ("content-length", &len),
        ("content-type", TEXT),
        ("x-content-type-options", "nosniff"),
    ];
    fields.extend(more);
    fields.sort_unstable();
    assert_eq!(fields_but_date(response), fields);
}

#[test]
fn other_methods_are_rejected_with_the_allowed_ones() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::start(folder.path());
    let mut client = server.connect();
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW", "get", "Head"] {
        for target in ["/a.jpg", "/missing.jpg", "/"] {
            let response = client.request(method, target, &[("If-None-Match", "*"), ("Range", "bytes=0-0")]);
            check_error(&response, 405, &[("allow", ALLOWED)]);
            assert!(response.text().contains(method), "{}", response.text());
        }
    }
    assert_eq!(client.request("GET", "/a.jpg", &[]).body, b"a");
}

#[test]
fn a_missing_asset_is_a_text_that_no_cache_stores() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::with(folder.path(), &["--cache-control", "max-age=3600"]);
    let mut client = server.connect();
    // Conditions apply to a representation, and there is none.
    let conditions: [&[(&str, &str)]; 4] =
        [&[], &[("If-None-Match", "*")], &[("If-Match", "\"v1\"")], &[("Range", "bytes=0-0")]];
    for target in ["/missing.jpg", "/folder/missing.jpg", "/a.jpg/x", "/?v=0123456789abcdef", "/m.jpg?v=0"] {
        for fields in conditions {
            let get = client.request("GET", target, fields);
            check_error(&get, 404, &[]);
            let head = client.request("HEAD", target, fields);
            assert_eq!(head.status, 404, "{target}");
            assert_eq!(fields_but_date(&head), fields_but_date(&get), "{target}");
        }
    }
    assert_eq!(client.request("GET", "/a.jpg", &[]).body, b"a", "no remainder of the other responses");
}
