//! Access log: fields, destinations, rotation, and clients or readers that misbehave.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::admin::{self, ask};
use crate::support::http2_frames::Frames;
use crate::support::openmetrics::{prometheus, value};
use crate::support::proc::{resident, wait_until_listening};
use crate::support::{
    Client, Folder, Server, etag_of, eventually, noise, outcome, wamedia, wamedia_from_shell,
};

/// More than the socket buffers between server and client hold.
const BIG: usize = 24 << 20;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a.jpg", "a photo");
    folder
}

fn address_of(client: &Client) -> String {
    client.stream.get_ref().local_addr().expect("an address").to_string()
}

#[track_caller]
fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

/// The next line of a JSON log on stderr.
#[track_caller]
fn next_entry(server: &mut Server) -> Value {
    parsed(&server.wait_for_line("{\""))
}

/// These fields of an entry, in one text.
fn shown(entry: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| entry[field].to_string()).collect::<Vec<_>>().join(" ")
}

/// Method, target, header fields; and the logged status, bytes sent and length.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, u64, u64);

const ROWS: [Row<'_>; 9] = [
    ("GET", "/a.jpg", &[], 200, 7, 7),
    ("GET", "/a.jpg?v=0&x=%22", &[], 200, 7, 7),
    ("GET", "/a.jpg", &[("Range", "bytes=2-4")], 206, 3, 3),
    ("HEAD", "/a.jpg", &[], 200, 0, 0),
    ("GET", "/a.jpg", &[("If-None-Match", "*")], 304, 0, 0),
    ("GET", "/a.jpg", &[("If-Match", "\"other\"")], 412, 0, 0),
    ("GET", "/none.jpg", &[], 404, 0, 0),
    ("POST", "/a.jpg", &[], 405, 0, 0),
    ("OPTIONS", "/a.jpg", &[], 204, 0, 0),
];

/// Sends the request of a row; returns the length of the body, which the rows do not give for errors.
fn request(client: &mut Client, row: &Row<'_>) -> u64 {
    let (method, target, fields, status, _, meant) = *row;
    let response = client.request(method, target, &[fields, &[("User-Agent", "test/1.0")]].concat());
    assert_eq!(response.status, status, "{response:?}");
    if status < 400 { meant } else { response.body.len() as u64 }
}

#[test]
fn json_lines_have_every_field() {
    let folder = folder();
    let mut server = Server::with(folder.path(), &["--access-log", "json"]);
    let mut client = server.connect();
    for row in ROWS {
        let meant = request(&mut client, &row);
        let entry = next_entry(&mut server);
        let (method, target, _, status, ..) = row;
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let time = humantime::parse_rfc3339(entry["time"].as_str().expect("a time")).expect("RFC 3339");
        assert!(time.elapsed().expect("the past").as_secs() < 3600, "{entry}");
        assert_eq!(entry["client"], address_of(&client));
        assert_eq!(entry["peer"], entry["client"]);
        assert_eq!((&entry["method"], &entry["path"]), (&method.into(), &path.into()));
        assert_eq!(entry["query"], query.map_or(Value::Null, Value::from));
        assert_eq!((&entry["version"], &entry["status"]), (&"HTTP/1.1".into(), &status.into()));
        assert_eq!((&entry["sent"], &entry["length"]), (&meant.into(), &meant.into()), "{entry}");
        assert!(entry["duration_us"].is_u64(), "{entry}");
        assert_eq!((&entry["outcome"], &entry["user_agent"]), (&"completed".into(), &"test/1.0".into()));
        let (first_byte, duration) = (entry["first_byte_us"].as_u64(), entry["duration_us"].as_u64());
        assert!(first_byte.is_some() && first_byte <= duration, "{entry}");
        assert_eq!(entry["fetcher"], false);
        assert_eq!(entry["link"].is_null(), !matches!(status, 200 | 206 | 304 | 412 | 416), "{entry}");
        assert_eq!(entry["cache_control"].is_null(), method == "OPTIONS", "{entry}");
        assert_eq!(entry.as_object().expect("an object").len(), 17);
    }
    assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
    assert_eq!(next_entry(&mut server)["user_agent"], Value::Null);
    let mut http_2 = Frames::connect(server.address, 1 << 16);
    http_2.request(1, "GET", "/a.jpg");
    let entry = next_entry(&mut server);
    let fields = ["version", "status", "sent", "length", "outcome"];
    assert_eq!(shown(&entry, &fields), "\"HTTP/2.0\" 200 7 7 \"completed\"");
}

#[test]
fn text_lines_have_every_field() {
    let folder = folder();
    let mut server = Server::start(folder.path());
    let mut client = server.connect();
    for row in ROWS {
        let meant = request(&mut client, &row);
        let (method, target, _, status, ..) = row;
        let line = server.wait_for_line(" HTTP/1.1\" ");
        let (time, rest) = line.split_once(' ').expect("a time");
        humantime::parse_rfc3339(time).expect("RFC 3339");
        let target = target.replace('"', "\\\"");
        let expected =
            format!("{} \"{method} {target} HTTP/1.1\" {status} {meant}/{meant} ", address_of(&client));
        let rest = rest.strip_prefix(&expected).unwrap_or_else(|| panic!("no {expected} in {line}"));
        let (times, rest) = rest.split_once("ms ").expect("times");
        let (first_byte, duration) = times.split_once('/').expect("two of them");
        assert!(first_byte.parse::<f64>().is_ok() && duration.parse::<f64>().is_ok(), "{line}");
        let version = match status {
            200 | 206 | 304 | 412 if target.contains("v=") => "other",
            200 | 206 | 304 | 412 => "plain",
            _ => "-",
        };
        let rest = rest.strip_prefix(&format!("completed {version} \"")).unwrap_or_else(|| panic!("{line}"));
        let policy = rest.strip_suffix("\" \"test/1.0\"").unwrap_or_else(|| panic!("{line}"));
        assert!(
            ["no-cache", "no-store", "-"].contains(&policy) && (policy == "-") == (method == "OPTIONS"),
            "{line}"
        );
    }
}

/// Disconnects in the middle of a large body; returns the log entry.
fn leave(toml: &str) -> Value {
    let folder = folder();
    folder.write("big.mp4", noise(BIG, 1));
    let mut server =
        Server::configured(&folder, &format!("access_log = \"json\"\n{toml}[[mount]]\nstore = \".\""));
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().expect("a head").status, 200);
    client.stream.read_exact(&mut vec![0; 10 << 20]).expect("a part");
    drop(client);
    next_entry(&mut server)
}

#[test]
fn a_response_is_logged_as_cut_if_the_client_disconnects() {
    for toml in ["", "[memory]\ncache = 0\n"] {
        let entry = leave(toml);
        assert_eq!(shown(&entry, &["path", "status", "outcome"]), "\"/big.mp4\" 200 \"cut\"");
        assert_eq!(entry["length"], BIG);
        let sent = entry["sent"].as_u64().expect("a number");
        assert!((10 << 20..BIG as u64).contains(&sent), "{entry}");
    }
}

#[test]
fn an_http_2_response_is_logged_as_cut_if_the_client_disconnects() {
    let folder = folder();
    folder.write("big.mp4", noise(BIG, 1));
    let mut server = Server::with(folder.path(), &["--access-log", "json"]);
    let mut client = Frames::connect(server.address, 1 << 20);
    client.allow(0, 1 << 30);
    client.request(1, "GET", "/big.mp4");
    let mut read = 0;
    while read < 1 << 20 {
        let frame = client.next().expect("a frame");
        read += if frame.kind == crate::support::http2_frames::DATA { frame.payload.len() as u64 } else { 0 };
    }
    drop(client);
    let entry = next_entry(&mut server);
    assert_eq!(shown(&entry, &["version", "status", "outcome"]), "\"HTTP/2.0\" 200 \"cut\"");
    let sent = entry["sent"].as_u64().expect("a number");
    assert!((read..BIG as u64).contains(&sent), "{entry}");
}

/// What clients may put into a path and a user agent to attack a log.
const PATHS: [&str; 5] = [
    "/a\"b.jpg",
    "/a\\\"b.jpg",
    "/a%0d%0a2026 forged.jpg",
    "/\u{9b}31m\u{e4}.jpg",
    "/\",\"status\":200,\"x\":\"",
];
const USER_AGENTS: [&[u8]; 6] = [
    b"a \"quoted\" one",
    b"back\\slash\\",
    b"\xc2\x9b31m and \xff\xfe",
    b"tab\tand \x80",
    b"\",\"status\":200,\"x\":\"",
    b"\" 200 7/7 1.0ms completed \"x",
];

/// Sends a request with every path and user agent; `check` gets both and the status.
fn ask_for_forgeries(server: &mut Server, mut check: impl FnMut(&mut Server, &str, &str, u16)) {
    for path in PATHS {
        for user_agent in USER_AGENTS {
            let mut client = server.connect();
            let path = path.replace(' ', "%20");
            client.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\nUser-Agent: "));
            client.send([user_agent, b"\r\n\r\n"].concat());
            let status = client.head().expect("a head").status;
            assert!(matches!(status, 400 | 404), "{path} {status}");
            check(server, &path, &String::from_utf8_lossy(user_agent), status);
        }
    }
}

#[test]
fn clients_cannot_forge_json_lines() {
    let folder = folder();
    let mut server = Server::with(folder.path(), &["--access-log", "json"]);
    let mut count = 0;
    ask_for_forgeries(&mut server, |server, path, user_agent, status| {
        let entry = next_entry(server);
        assert_eq!((&entry["path"], &entry["user_agent"]), (&path.into(), &user_agent.into()));
        assert_eq!(entry["status"], status);
        assert_eq!(entry.as_object().expect("an object").len(), 17);
        count += 1;
    });
    let entries = server.lines().iter().filter(|line| line.starts_with('{')).count();
    assert_eq!(entries, count, "one line a request");
    assert!(server.lines().iter().all(|line| !line.contains(char::is_control)));
}

#[test]
fn clients_cannot_forge_text_lines() {
    let folder = folder();
    let mut server = Server::start(folder.path());
    let mut count = 0;
    ask_for_forgeries(&mut server, |server, _, _, status| {
        let line = server.wait_for_line(" HTTP/1.1\" ");
        // Without the escaped ones, the remaining quotes are the log's own.
        let plain = line.replace("\\\\", "").replace("\\\"", "");
        let parts: Vec<_> = plain.split('"').collect();
        assert_eq!(parts.len(), 7, "{line}");
        assert!(parts[1].starts_with("GET /") && parts[1].ends_with(" HTTP/1.1"), "{line}");
        assert!(
            parts[2].starts_with(&format!(" {status} ")) && parts[2].ends_with(" completed - "),
            "{line}"
        );
        count += 1;
    });
    let lines = server.lines().iter().filter(|line| line.contains("\"GET ")).count();
    assert_eq!(lines, count, "one line a request");
    assert!(server.lines().iter().all(|line| !line.contains(char::is_control)));
}

#[test]
fn a_malformed_request_is_logged_without_its_path() {
    let folder = folder();
    let ask = |server: &Server| {
        let mut client = server.connect();
        // The first request is answered normally, and its line comes first.
        client.send("GET /a.jpg HTTP/1.1\r\nHost: test\r\n\r\nGET /a secret HTTP/1.1\r\n\r\n");
        let from = address_of(&client);
        let text = String::from_utf8(client.read_to_end()).expect("UTF-8");
        let refusal = text.split_once("HTTP/1.1 400 ").expect("a refusal").1;
        (from, refusal.split_once("\r\n\r\n").expect("a body").1.len())
    };
    let mut server = Server::with(folder.path(), &["--access-log", "json"]);
    let (client, len) = ask(&server);
    assert_eq!(next_entry(&mut server)["path"], "/a.jpg");
    let entry = next_entry(&mut server);
    assert_eq!(entry.as_object().expect("an object").len(), 17);
    let fields =
        ["method", "path", "query", "version", "user_agent", "link", "status", "outcome", "cache_control"];
    let expected = "null null null null null null 400 \"completed\" \"no-store\"";
    assert_eq!(shown(&entry, &fields), expected);
    assert_eq!((&entry["client"], &entry["sent"]), (&client.into(), &len.into()));

    let mut server = Server::start(folder.path());
    let (client, len) = ask(&server);
    let line = server.wait_for_line(" 400 ");
    assert!(line.contains(&format!(" {client} \"-\" 400 {len}/{len} ")), "{line}");
    assert!(server.lines().iter().all(|line| !line.contains("secret")));
}

#[test]
fn access_log_off_writes_nothing() {
    let folder = folder();
    let mut server = Server::with(folder.path(), &["--access-log", "off"]);
    assert_eq!(server.get("/a.jpg").status, 200);
    assert_eq!(server.get("/none.jpg").status, 404);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let lines = server.all_lines();
    assert!(lines.iter().any(|line| line.contains("SIGTERM")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("HTTP/1.1")), "{lines:#?}");
}

/// The entries of a log file, each of which must be complete.
fn entries(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(parsed).collect()
}

/// Waits until the last entry is for this path.
#[track_caller]
fn wait_for_entry(file: &Path, path: &str) -> Vec<Value> {
    eventually("the request is in the log", || {
        let entries = entries(file);
        (entries.last()?["path"] == path).then_some(entries)
    })
}

#[test]
fn a_log_file_is_json_and_is_reopened_after_rotation() {
    let folder = folder();
    let logs = Folder::new();
    let (log, moved) = (logs.at("access.json"), logs.at("access.json.1"));
    logs.write("access.json", "{\"path\":\"from before\"}\n");
    let mut server = Server::with(folder.path(), &["--access-log", log.to_str().expect("UTF-8")]);
    let mut client = server.connect();
    assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
    let written = wait_for_entry(&log, "/a.jpg");
    assert_eq!(written.len(), 2, "existing lines stay");
    assert_eq!(shown(&written[1], &["status", "sent", "outcome"]), "200 7 \"completed\"");

    fs::rename(&log, &moved).expect("a rename");
    assert_eq!(client.request("GET", "/second", &[]).status, 404);
    assert_eq!(wait_for_entry(&log, "/second").len(), 1);
    assert_eq!(wait_for_entry(&moved, "/a.jpg").len(), 2);
    fs::remove_file(&log).expect("deleted");
    assert_eq!(client.request("GET", "/third", &[]).status, 404);
    assert_eq!(wait_for_entry(&log, "/third").len(), 1);

    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let lines = server.all_lines();
    assert!(!lines.iter().any(|line| line.contains("HTTP/1.1")), "no access log on stderr: {lines:#?}");
}

#[test]
fn a_log_file_that_becomes_unwritable_is_reported_and_does_not_stop_serving() {
    let folder = folder();
    let logs = Folder::new();
    logs.write("logs/access.json", "");
    let log = logs.at("logs/access.json");
    let mut server = Server::with(folder.path(), &["--access-log", log.to_str().expect("UTF-8")]);
    let mut client = server.connect();
    fs::rename(logs.at("logs"), logs.at("gone")).expect("a rename");
    assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
    let line = server.wait_for_line("cannot write the access log");
    assert!(line.contains("error: ") && line.contains(log.to_str().expect("UTF-8")), "{line}");
    fs::create_dir(logs.at("logs")).expect("a folder");
    assert_eq!(client.request("GET", "/second", &[]).status, 404);
    wait_for_entry(&log, "/second");
}

#[test]
fn an_unwritable_log_file_is_rejected_before_a_port_is_bound() {
    let folder = folder();
    fs::create_dir(folder.at("logs")).expect("a folder");
    symlink(folder.at("nowhere/access.json"), folder.at("dangling.json")).expect("a link");
    // A server that got as far as binding would report this port as taken.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (log, code, parts) in [
        ("logs", 2, ["--access-log", "is a directory; name a file in it"]),
        ("nowhere/access.json", 2, ["--access-log", "the directory"]),
        ("jsno", 2, ["--access-log", "did you mean `json`"]),
        ("", 2, ["--access-log", "is empty"]),
        ("dangling.json", 3, ["cannot write the access log ", "dangling.json: "]),
    ] {
        let mut command = wamedia();
        let arguments = ["serve", ".", "--listen", &address, "--access-log", log];
        let outcome = outcome(command.current_dir(folder.path()).args(arguments));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        assert!(parts.iter().all(|part| outcome.stderr.contains(part)), "{outcome:?}");
    }
}

/// A server whose stderr is not read. It ends with the test.
struct Unheard {
    child: Child,
    address: SocketAddr,
}

impl Unheard {
    fn spawn(command: &mut Command, folder: &Folder, stderr: impl Into<Stdio>) -> Self {
        let arguments = ["serve", ".", "--listen", "127.0.0.1:0"];
        command.current_dir(folder.path()).args(arguments).stdout(Stdio::null()).stderr(stderr);
        let child = command.spawn().expect("the binary starts");
        let address = wait_until_listening(child.id());
        Self { child, address }
    }

    #[track_caller]
    fn assert_serves(&self) {
        let response = Client::new(self.address).request("GET", "/a.jpg", &[]);
        assert_eq!((response.status, response.field("etag")), (200, &*etag_of(b"a photo")));
    }

    /// Sends a number of requests, with a query of this length.
    fn ask(&self, times: usize, query: usize) {
        let mut client = Client::new(self.address);
        let target = format!("/a.jpg?{}", "x".repeat(query));
        for _ in 0..times {
            assert_eq!(client.request("HEAD", &target, &[]).status, 200);
        }
    }

    #[track_caller]
    fn assert_shuts_down(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
        let status = eventually("the server ends", || self.child.try_wait().expect("a child"));
        assert_eq!(status.code(), Some(0));
    }

    fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("a pipe")
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_stderr_without_a_reader_stops_neither_serving_nor_the_shutdown() {
    let folder = folder();
    let mut server = Unheard::spawn(&mut wamedia(), &folder, Stdio::piped());
    let mut stderr = server.stderr();
    // Several times the capacity of a pipe.
    server.ask(300, 2000);
    let full = rustix::pipe::fcntl_getpipe_size(&stderr).expect("a size") as u64 - 4096;
    eventually("the pipe is full", || {
        let held = rustix::io::ioctl_fionread(&stderr).expect("a length");
        (held >= full).then_some(())
    });
    server.assert_serves();
    server.assert_shuts_down();
    let mut written = Vec::new();
    stderr.read_to_end(&mut written).expect("the content of the pipe");
    assert!(written.len() < 300 * 2000, "everything was written, so the pipe was not full");
}

#[test]
fn a_pipe_that_is_full_at_the_start_does_not_stop_serving() {
    let folder = folder();
    let (_reader, mut writer) = io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a mode");
    while io::Write::write(&mut writer, &[b'\n'; 4096]).is_ok() {}
    while io::Write::write(&mut writer, b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a mode");
    let mut server = Unheard::spawn(&mut wamedia(), &folder, writer);
    server.assert_serves();
    server.assert_shuts_down();
}

#[test]
fn the_log_queue_takes_bounded_memory() {
    let folder = folder();
    let mut server = Unheard::spawn(&mut wamedia(), &folder, Stdio::piped());
    server.ask(100, 2000);
    let before = resident(server.child.id());
    // 90 MB of queries.
    server.ask(3000, 30_000);
    let more = resident(server.child.id()).saturating_sub(before);
    assert!(more < 64 << 20, "{} MiB more", more >> 20);
    // Once stderr is read, the log reports dropped lines.
    let mut lines = BufReader::new(server.stderr()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("log queue full; lines dropped: ")));
    server.assert_serves();
}

#[test]
fn a_closed_stderr_does_not_stop_serving() {
    let folder = folder();
    let mut closed =
        Unheard::spawn(&mut wamedia_from_shell("exec \"$0\" \"$@\" 2>&-"), &folder, Stdio::null());
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let mut broken = Unheard::spawn(&mut wamedia(), &folder, writer);
    let full = File::options().write(true).open("/dev/full").expect("a device");
    let mut full = Unheard::spawn(&mut wamedia(), &folder, full);
    for server in [&mut closed, &mut broken, &mut full] {
        server.assert_serves();
        server.assert_shuts_down();
    }
}

#[test]
fn an_unfinished_line_does_not_corrupt_the_next_one() {
    let (folder, logs) = (folder(), Folder::new());
    logs.write("access.json", "{\"time\":");
    let path = logs.at("access.json");
    let mut server = Server::with(folder.path(), &["--access-log", path.to_str().expect("UTF-8")]);
    for number in 1..3 {
        assert_eq!(server.get("/a.jpg").status, 200);
        let text = eventually("the line is there", || {
            let text = fs::read_to_string(&path).expect("a log");
            (text.lines().count() == number + 1 && text.ends_with('\n')).then_some(text)
        });
        parsed(text.lines().last().expect("a line"));
        server.signal(Signal::HUP);
        server.wait_for_line("configuration reloaded");
    }
}

#[test]
fn a_log_inside_the_served_folder_is_not_served() {
    let folder = folder();
    let mut server = Server::with(folder.path(), &["--access-log", "access.json"]);
    let log = server.lines().join("\n");
    assert!(log.contains("anyone could download rotated files beside it (/access.json.1)"), "{log}");
    symlink("access.json", folder.at("alias.json")).expect("a link");
    assert_eq!(server.get("/a.jpg").status, 200);
    eventually("the log has a line", || {
        fs::read(folder.at("access.json")).is_ok_and(|log| !log.is_empty()).then_some(())
    });
    for path in ["/access.json", "/alias.json"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

/// Lost lines, according to the metrics.
fn lost(admin: SocketAddr) -> f64 {
    let families = prometheus(ask(admin, "/metrics").text());
    let name = "wamedia_log_lines_dropped_total";
    value(&families[name], name, &[])
}

#[test]
fn lines_lost_on_a_full_disk_are_counted_and_reported_in_sums() {
    let folder = folder();
    let arguments = ["--access-log", "/dev/full", "--admin", "127.0.0.1:0"];
    let mut server = Server::with(folder.path(), &arguments);
    let admin = admin::address_of(&mut server);
    let mut client = server.connect();
    for asked in 1..=5 {
        assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
        // Each line in a batch of its own.
        eventually("the line is counted", || (lost(admin) >= f64::from(asked)).then_some(()));
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let said: Vec<_> = server.all_lines().iter().filter(|line| line.contains("/dev/full")).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("error: cannot write the access log /dev/full: "), "{said:#?}");
    assert!(said[0].ends_with("(lines lost: 1)") && said[1].ends_with("(lines lost: 4)"), "{said:#?}");
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success());
}

/// A reader that is opened before the server starts, and read later.
fn reader_of(fifo: &Path) -> File {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let reader = File::options().read(true).custom_flags(nonblocking).open(fifo).expect("a reader");
    rustix::io::ioctl_fionbio(&reader, false).expect("a mode");
    reader
}

#[test]
fn a_slow_fifo_reader_gets_every_line_whole() {
    let folder = folder();
    let fifo = folder.at("log.fifo");
    make_fifo(&fifo);
    let reader = reader_of(&fifo);
    let server = Server::with(folder.path(), &["--access-log", fifo.to_str().expect("UTF-8")]);
    let mut client = server.connect();
    let queries: Vec<_> = (0..40).map(|number| format!("{number}{}", "x".repeat(9000))).collect();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            for query in &queries {
                assert_eq!(client.request("GET", &format!("/a.jpg?{query}"), &[]).status, 200);
            }
        });
        eventually("the pipe is full", || {
            (rustix::io::ioctl_fionread(&reader).expect("a length") > 48 << 10).then_some(())
        });
        let lines = BufReader::new(&reader).lines().map(|line| line.expect("a line"));
        for (query, line) in queries.iter().zip(lines) {
            assert_eq!(parsed(&line)["query"], **query);
        }
        asking.join().expect("all requests are answered");
    });
}

#[test]
fn a_hanging_fifo_reader_stops_neither_serving_nor_the_shutdown() {
    let folder = folder();
    let fifo = folder.at("log.fifo");
    make_fifo(&fifo);
    let reader = reader_of(&fifo);
    let arguments = ["--access-log", fifo.to_str().expect("UTF-8"), "--admin", "127.0.0.1:0"];
    let mut server = Server::with(folder.path(), &arguments);
    let admin = admin::address_of(&mut server);
    let mut client = server.connect();
    let target = format!("/a.jpg?{}", "x".repeat(9000));
    for _ in 0..40 {
        assert_eq!(client.request("GET", &target, &[]).status, 200);
    }
    eventually("lost lines are counted", || (lost(admin) > 0.0).then_some(()));
    assert_eq!(client.request("GET", "/a.jpg", &[]).status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let lines = server.all_lines();
    assert!(lines.iter().any(|line| line.contains("log.fifo: its reader has read nothing")), "{lines:#?}");
    drop(reader);
}

#[test]
fn a_fifo_without_a_reader_is_rejected_as_a_log() {
    let folder = folder();
    make_fifo(&folder.at("log.fifo"));
    let outcome =
        outcome(wamedia().arg("serve").arg(folder.path()).arg("--access-log").arg(folder.at("log.fifo")));
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(outcome.stderr.contains("log.fifo: "), "{outcome:?}");
}
