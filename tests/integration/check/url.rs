//! `wamedia check URL`: findings about servers with scripted responses.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{Folder, Outcome, Server, noise, run, version_of, wamedia};

/// A request to a scripted server: the request line, and the header fields with names in lower case.
pub(crate) struct Request {
    pub(crate) line: String,
    fields: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn is_head(&self) -> bool {
        self.line.starts_with("HEAD ")
    }
}

/// A server on loopback that writes raw bytes, on a thread that runs until the test process ends.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// `answer` writes the raw response to the one request of each connection.
    pub(crate) fn start(
        answer: impl Fn(usize, &Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::wrapped(|stream| Box::new(stream), answer)
    }

    /// The same, with a wrapper around each connection, such as TLS.
    pub(crate) fn wrapped(
        wrap: impl Fn(TcpStream) -> Box<dyn Duplex> + Send + Sync + 'static,
        answer: impl Fn(usize, &Request, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let mut stream = BufReader::new(wrap(stream));
                let Some(request) = read_request(&mut stream) else { continue };
                log.lock().expect("not poisoned").push(request.line.clone());
                // A client may disconnect before the end.
                let _ = answer(number, &request, stream.get_mut());
                let _ = stream.get_mut().flush();
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

/// Both directions of a connection.
pub(crate) trait Duplex: std::io::Read + Write {}
impl<T: std::io::Read + Write> Duplex for T {}

fn read_request(stream: &mut impl BufRead) -> Option<Request> {
    let mut lines = std::iter::from_fn(|| {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        (!line.is_empty()).then_some(line)
    });
    let line = lines.next()?;
    let fields = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    let fields = fields.collect();
    Some(Request { line, fields })
}

/// The report of `wamedia check` for a URL, as JSON.
pub(crate) fn checked(url: &str, more: &[&str]) -> (Outcome, Value) {
    let folder = Folder::new();
    let mut arguments = vec!["check", "--format", "json", url];
    arguments.extend(more);
    let outcome = run(folder.path(), &arguments);
    let report = report(&outcome);
    (outcome, report)
}

pub(crate) fn report(outcome: &Outcome) -> Value {
    let line = outcome.stdout.lines().next().unwrap_or_else(|| panic!("no output: {outcome:?}"));
    serde_json::from_str(line).expect("JSON")
}

/// The ids of the findings, except the one that every server on loopback has.
pub(crate) fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {report}"));
    let ids = findings.iter().map(|finding| finding["id"].as_str().expect("an id"));
    ids.filter(|id| *id != "address-not-public").collect()
}

pub(crate) fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("no {id} in {report:#}"))
}

/// A real JPEG, from the sample media.
pub(crate) fn jpeg() -> Vec<u8> {
    std::fs::read("media-sample/campaign/banner.jpg").expect("a sample")
}

const GOOD: &str = "Content-Type: image/jpeg\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\n\
                    Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n";

/// Responds as a correct server does, with the given header fields.
pub(crate) fn good(request: &Request, out: &mut dyn Write, fields: &str, body: &[u8]) -> std::io::Result<()> {
    let has = request.field("if-none-match") == Some("\"a\"") || request.field("if-modified-since").is_some();
    if has {
        return write!(out, "HTTP/1.1 304 Not Modified\r\n{fields}\r\n");
    }
    let len = body.len();
    let (status, range, body) = match request.field("range") {
        Some("bytes=0-0") => {
            ("206 Partial Content", format!("Content-Range: bytes 0-0/{len}\r\n"), &body[..1])
        }
        Some(_) => {
            let last = len - 1;
            ("206 Partial Content", format!("Content-Range: bytes {last}-{last}/{len}\r\n"), &body[last..])
        }
        None => ("200 OK", String::new(), body),
    };
    write!(out, "HTTP/1.1 {status}\r\n{fields}{range}Content-Length: {}\r\n\r\n", body.len())?;
    if request.is_head() { Ok(()) } else { out.write_all(body) }
}

#[test]
fn a_correct_server_has_no_findings_and_gets_only_get_and_head() {
    let body = jpeg();
    let server = Scripted::start(move |_, request, out| {
        assert!(request.field("cookie").is_none() && request.field("referer").is_none());
        good(request, out, GOOD, &body)
    });
    let (outcome, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert_eq!(ids(&report), Vec::<&str>::new(), "{report:#}");
    // It is refused only because Meta cannot reach loopback.
    assert_eq!(outcome.code, Some(1));
    assert_eq!((&report["media_type"], &report["size"]), (&"image/jpeg".into(), &jpeg().len().into()));
    assert_eq!(
        report["caching"]["treatment"],
        "WhatsApp keeps it for 1 minute and reuses it without asking the server"
    );
    let requests = server.requests();
    assert!(requests.len() > 9, "{requests:?}");
    let is_harmless =
        |line: &String| line.starts_with("GET /a.jpg?v=1 ") || line.starts_with("HEAD /a.jpg?v=1 ");
    assert!(requests.iter().all(is_harmless), "{requests:?}");
}

#[test]
fn links_of_wamedia_serve_have_no_findings() {
    let server = Server::configured(
        &Folder::new(),
        &format!(
            "[[mount]]\npath = \"/\"\nstore = {:?}\n[[cache.rule]]\nmatch = \"codes/**\"\ncache_control = \"no-store\"\n",
            std::fs::canonicalize("media-sample").expect("the samples")
        ),
    );
    for name in [
        "campaign/banner.jpg",
        "campaign/product.png",
        "codes/login-code.png",
        "prices/price-list.pdf",
        "prices/opening-hours.txt",
        "stickers/luna.webp",
    ] {
        let bytes = std::fs::read(format!("media-sample/{name}")).expect("a sample");
        let url = format!("http://{}/{name}?v={}", server.address, version_of(&bytes));
        let (_, report) = checked(&url, &[]);
        assert_eq!(but_recent(&report), Vec::<&str>::new(), "{report:#}");
    }
    let (_, report) = checked(&format!("http://{}/campaign/banner.jpg", server.address), &[]);
    assert_eq!(but_recent(&report), ["url-no-version"]);
    let (_, report) = checked(&format!("http://{}/nothing.jpg", server.address), &[]);
    assert_eq!(ids(&report), ["status-not-found"]);
}

/// The samples may have been checked out within the last minute.
fn but_recent(report: &Value) -> Vec<&str> {
    ids(report).into_iter().filter(|id| *id != "date-recent").collect()
}

#[test]
fn a_recently_written_file_is_reported() {
    let folder = Folder::new();
    folder.write("new.jpg", jpeg()).write("old.jpg", jpeg());
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    folder.set_mtime("old.jpg", hour_ago);
    let server = Server::start(folder.path());
    for (name, is_recent) in [("new.jpg", true), ("old.jpg", false)] {
        let (_, report) = checked(&format!("http://{}/{name}", server.address), &[]);
        assert_eq!(ids(&report).contains(&"date-recent"), is_recent, "{name}: {report:#}");
    }
}

#[test]
fn an_error_text_is_not_an_image() {
    let text = GOOD.replace("image/jpeg", "text/plain");
    let server = Scripted::start(move |_, request, out| good(request, out, &text, b"404: Not Found"));
    let (outcome, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    let finding = finding(&report, "type-not-taken");
    assert_eq!((&report["kind"], &finding["severity"]), (&"image".into(), &"refused".into()));
    let details = finding["webhook"].as_str().expect("Meta's error text");
    assert!(details.starts_with("Unsupported Image mime type text/plain."), "{details}");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}

#[test]
fn passwords_in_urls_are_masked() {
    let server = Scripted::start(|_, request, out| good(request, out, GOOD, &jpeg()));
    for format in [&["--format", "json"][..], &[]] {
        let url = format!("http://anna:secret@{}/null.jpg", server.address);
        let outcome = run(Folder::new().path(), &[&["check", &*url], format].concat());
        assert!(outcome.stdout.contains("anna:***@"), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    }
}

#[test]
fn faulty_responses_are_reported() {
    let no = |part: &str| GOOD.replace(part, "");
    let page = GOOD.replace("image/jpeg", "text/html");
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: /b/c.jpg\r\n{page}Content-Length: 0\r\n\r\n");
    for (head, expected) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned(), &["status-forbidden"][..]),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(), &["status-authentication"]),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_owned(), &["status-server-error"]),
        (format!("HTTP/1.1 200 OK\r\n{page}Content-Length: 4\r\n\r\nabcd"), &["page-instead"]),
        (format!("HTTP/1.1 200 OK\r\n{GOOD}Content-Length: 9\r\n\r\nabcd"), &["body-short"]),
        (
            format!("HTTP/1.1 200 OK\r\n{}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", no("")),
            &["length-missing"],
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1\r\n\r\nx", no("Content-Type: image/jpeg\r\n")),
            &["type-missing"],
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{GOOD}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
            &["encoded-unasked"],
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), &["not-http"]),
        (String::new(), &["no-answer"]),
        (moved, &["redirect"]),
    ] {
        let text = head.clone();
        let server = Scripted::start(move |_, _, out| out.write_all(text.as_bytes()));
        let (outcome, report) = checked(&server.url("/a.jpg?v=1"), &[]);
        let found = ids(&report);
        assert!(expected.iter().all(|id| found.contains(id)), "{head:?}: {found:?}");
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
    }
}

#[test]
fn redirects_are_followed_to_their_end_at_most_five_times() {
    let body = jpeg();
    let server = Scripted::start(move |_, request, out| match request.line.split(' ').nth(1) {
        Some("/a.jpg") => {
            out.write_all(b"HTTP/1.1 301 Moved\r\nLocation: /b.jpg#x\r\nContent-Length: 0\r\n\r\n")
        }
        Some("/b.jpg") => {
            out.write_all(b"HTTP/1.1 307 Moved\r\nLocation: c/d.jpg\r\nContent-Length: 0\r\n\r\n")
        }
        Some("/loop") => out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
        _ => good(request, out, GOOD, &body),
    });
    let (_, report) = checked(&server.url("/a.jpg"), &[]);
    let redirect = finding(&report, "redirect");
    assert!(redirect["fix"].as_str().expect("text").ends_with(&server.url("/c/d.jpg")), "{redirect}");
    assert_eq!(
        redirect["webhook"],
        "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg."
    );
    let before = server.requests().len();
    checked(&server.url("/loop"), &[]);
    assert!(server.requests().len() - before <= 3 + 4, "{:?}", server.requests());
}

#[test]
fn different_responses_to_user_agents_are_reported() {
    let body = jpeg();
    let server = Scripted::start(move |_, request, out| match request.field("user-agent") {
        None => out.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        Some(_) => good(request, out, GOOD, &body),
    });
    let (_, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert_eq!(ids(&report), ["agent-dependent"]);
    let seen = finding(&report, "agent-dependent")["seen"].as_str().expect("text");
    assert!(seen.contains("GET without a User-Agent: 403"), "{seen}");

    let body = jpeg();
    let server = Scripted::start(move |_, request, out| match request.field("user-agent") {
        // A firewall that closes the connection.
        Some("facebookexternalua") => Ok(()),
        _ => good(request, out, GOOD, &body),
    });
    let (_, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert_eq!(ids(&report), ["no-answer", "agent-dependent"]);
}

#[test]
fn wrong_validators_are_reported() {
    let server = Scripted::start(|number, request, out| {
        let mut body = jpeg();
        body.extend_from_slice(&number.to_be_bytes());
        good(request, out, GOOD, &body)
    });
    let (_, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    let found = ids(&report);
    assert!(found.contains(&"etag-lies") && found.contains(&"date-lies"), "{found:?}");

    let body = jpeg();
    let server = Scripted::start(move |number, request, out| {
        good(request, out, &GOOD.replace("\"a\"", &format!("\"{number}\"")), &body)
    });
    let (_, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert_eq!(ids(&report), ["etag-unstable"]);

    let server = Scripted::start(move |_, request, out| match request.field("if-none-match") {
        Some(_) => out.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        None => good(request, out, GOOD, &jpeg()),
    });
    let (_, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert_eq!(ids(&report), ["not-modified-wrongly", "not-modified-bare"]);
}

#[test]
fn endless_responses_are_reported() {
    // A megabyte of header fields, and a field that is longer than any limit.
    let many = Scripted::start(|_, _, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\n")?;
        (0..100_000).try_for_each(|n| write!(out, "X-{n}: y\r\n"))
    });
    let long = Scripted::start(|_, _, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        (0..100).try_for_each(|_| out.write_all(&vec![b'y'; 1 << 20]))
    });
    for server in [many, long] {
        let (outcome, report) = checked(&server.url("/a.jpg?v=1"), &[]);
        assert_eq!((ids(&report), outcome.code), (vec!["head-too-large"], Some(1)));
    }
    // A chunked body without an end.
    let server = Scripted::start(|_, request, out| {
        write!(out, "HTTP/1.1 200 OK\r\n{GOOD}Transfer-Encoding: chunked\r\n\r\n")?;
        let is_first = request.field("user-agent") == Some("facebookexternalua");
        let chunk = noise(1 << 20, 1);
        if !is_first {
            return Ok(());
        }
        loop {
            write!(out, "{:x}\r\n", chunk.len())?;
            out.write_all(&chunk)?;
            out.write_all(b"\r\n")?;
        }
    });
    let (outcome, report) = checked(&server.url("/a.jpg?v=1"), &[]);
    assert!(ids(&report).contains(&"body-too-large"), "{:?}", ids(&report));
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn control_characters_of_a_server_are_escaped() {
    let server = Scripted::start(|_, _, out| {
        out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\x80\xff\xc2\x9b\xe2\x80\xae\r\nContent-Type: a\tb\r\nContent-Length: 0\r\n\r\n")
    });
    let folder = Folder::new();
    let outcome = run(folder.path(), &["check", &server.url("/a.jpg\u{202e}")]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let is_plain = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}' || c == '\u{9b}');
    assert!(outcome.stdout.chars().all(is_plain), "{:?}", outcome.stdout);
}

#[test]
fn unreachable_hosts_and_malformed_urls_are_reported() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (url, id) in [
        (format!("http://{closed}/a.jpg?v=1"), "unreachable"),
        (format!("https://{closed}/a.jpg?v=1"), "unreachable"),
        ("http://nobody.invalid/a.jpg?v=1".to_owned(), "host-unknown"),
        ("http://a..b/a.jpg".to_owned(), "url-malformed"),
        ("http://m\u{fc}nchen.example/a.jpg".to_owned(), "url-malformed"),
        (format!("http://{closed}/{}", "a".repeat(20_000)), "url-malformed"),
    ] {
        let mut command = wamedia();
        command.args(["check", "--format", "json", &url]);
        if url.starts_with("https") {
            command.env("SSL_CERT_FILE", crate::check::url_tls::Authority::new().file());
        }
        let outcome = crate::support::outcome(&mut command);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        finding(&report(&outcome), id);
    }
}

#[test]
fn missing_trust_roots_are_a_system_error() {
    let folder = Folder::new();
    folder.write("none.pem", "");
    let mut command = wamedia();
    command.args(["check", "https://127.0.0.1:1/a.jpg"]).env("SSL_CERT_FILE", folder.at("none.pem"));
    command.env("SSL_CERT_DIR", folder.path());
    let outcome = crate::support::outcome(&mut command);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.contains("SSL_CERT_FILE"), "{outcome:?}");
}
