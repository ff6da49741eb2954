//! Errors that prevent a start: one line that names the bucket and the fix, within the timeouts, before a port is bound.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{command, command_of};
use crate::s3_server::{ACCESS_KEY, FOREVER, Fault, Meta, REGION, S3Server, SECRET, any};
use crate::support::{Folder, Outcome, Server, eventually, outcome};

/// Longer than all timeouts of a test together.
const IN_TIME: Duration = Duration::from_secs(5);

const CLOCKS: &[(&str, &str)] = &[
    ("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_TIMEOUT", "1s"),
];

/// Runs a command that fails in time, with one line that contains no secret.
#[track_caller]
pub(super) fn refused(command: &mut Command, code: i32, words: &[&str]) -> Outcome {
    let start = Instant::now();
    let outcome = outcome(command);
    assert!(start.elapsed() < IN_TIME, "{:?}: {outcome:?}", start.elapsed());
    let text = &outcome.stderr;
    assert_eq!(outcome.code, Some(code), "{text}");
    assert!(outcome.stdout.is_empty() && text.lines().count() == 1, "{outcome:?}");
    assert!(text.starts_with("wamedia: "), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    for secret in [SECRET, "HUSH"] {
        assert!(!text.contains(secret), "{text}");
    }
    outcome
}

/// Serving the bucket with these variables is an error.
#[track_caller]
fn is_refused(s3: &S3Server, variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let folder = Folder::new();
    refused(command(s3, &folder, CLOCKS, "").envs(variables.iter().copied()), code, words);
}

/// A web server with one response to every request. It sends the request heads to `asked`.
struct Web {
    address: SocketAddr,
    asked: std::sync::mpsc::Receiver<String>,
}

impl Web {
    fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (send, asked) = std::sync::mpsc::channel();
        // A client must not send another request on a connection that is being closed.
        let answer = answer.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        thread::spawn(move || {
            // It runs until the tests end. A client may open a connection and not use it, so each has a thread.
            for stream in listener.incoming().map_while(Result::ok) {
                let (send, answer) = (send.clone(), answer.clone());
                thread::spawn(move || {
                    let mut head = String::new();
                    let mut reader = BufReader::new(&stream);
                    while reader.read_line(&mut head).is_ok_and(|len| len > 2) {}
                    let _ = send.send(head);
                    let _ = (&stream).write_all(answer.as_bytes());
                });
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[test]
fn wrong_credentials() {
    let s3 = S3Server::start();
    is_refused(
        &s3,
        &[("AWS_SECRET_ACCESS_KEY", "HUSHHUSHHUSH")],
        2,
        &["s3://media cannot be read: ", "SignatureDoesNotMatch", "check AWS_SECRET_ACCESS_KEY"],
    );
    is_refused(
        &s3,
        &[("AWS_ACCESS_KEY_ID", "AKIDOTHER")],
        2,
        &["s3://media cannot be read: ", "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"],
    );
    s3.fault(any, Fault::EXPIRED_TOKEN, 1);
    is_refused(&s3, &[("AWS_SESSION_TOKEN", "HUSH")], 2, &["the session token has expired"]);
    s3.fault(any, Fault::TIME_TOO_SKEWED, 1);
    is_refused(&s3, &[], 2, &["set this machine's clock (NTP)"]);
}

#[test]
fn only_one_of_two_keys() {
    let s3 = S3Server::start();
    for missing in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        // An empty variable counts as not set.
        is_refused(
            &s3,
            &[(missing, "")],
            2,
            &[
                "s3://media cannot be opened: ",
                "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both, or none",
            ],
        );
    }
    assert!(s3.requests().is_empty(), "no request was sent");
}

#[test]
fn no_credentials_at_all() {
    let s3 = S3Server::start();
    let nothing = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    // The address of the machine's metadata service refuses connections.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let metadata = format!("http://{gone}");
    let variables = [&nothing[..], &[("AWS_METADATA_ENDPOINT", &metadata)]].concat();
    is_refused(
        &s3,
        &variables,
        3,
        &[
            "s3://media cannot be reached: no credentials found",
            "AWS_ACCESS_KEY_ID",
            "credentials = \"anonymous\"",
        ],
    );
    // And here it does not respond.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let metadata = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [&nothing[..], &[("AWS_METADATA_ENDPOINT", &metadata)]].concat();
    is_refused(&s3, &variables, 3, &["s3://media does not answer in time"]);
    assert!(s3.requests().is_empty());
}

#[test]
fn a_bucket_that_does_not_exist() {
    let s3 = S3Server::start();
    let folder = Folder::new();
    let mut others = command(&s3, &folder, CLOCKS, "");
    folder.write("wamedia.toml", "[[mount]]\nstore = \"s3://others/campaign\"\n");
    refused(&mut others, 2, &["s3://others/campaign cannot be read: ", "NoSuchBucket", "check the name"]);
}

#[test]
fn another_region() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::Elsewhere("eu-west-1"), FOREVER);
    is_refused(&s3, &[], 2, &["s3://media cannot be read: ", "set AWS_REGION=eu-west-1"]);
}

#[test]
fn an_endpoint_that_refuses_connections() {
    let s3 = S3Server::start();
    s3.go_down();
    let host = s3.address().to_string();
    is_refused(&s3, &[], 3, &["s3://media cannot be reached: ", &host, "check its endpoint"]);
    is_refused(
        &s3,
        &[("AWS_ENDPOINT_URL", "http://nowhere.invalid")],
        3,
        &["s3://media cannot be reached: nowhere.invalid cannot be connected to"],
    );
}

#[test]
fn an_endpoint_that_does_not_respond() {
    let s3 = S3Server::start();
    let _gate = s3.hold(any);
    is_refused(&s3, &[], 3, &["s3://media does not answer in time: ", "check its endpoint"]);
}

#[test]
fn a_signal_stops_the_program_while_it_waits_for_the_bucket() {
    let s3 = S3Server::start();
    let gate = s3.hold(any);
    let folder = Folder::new();
    let mut command = command(&s3, &folder, &[], "");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    gate.wait_for(1);
    let start = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a signal");
    eventually("it ends", || child.try_wait().expect("a child"));
    assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
    let output = child.wait_with_output().expect("its output");
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_unavailable_bucket() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::INTERNAL_ERROR, 2);
    Server::spawn(&mut command(&s3, &Folder::new(), CLOCKS, ""));
    s3.fault(any, Fault::SLOW_DOWN, FOREVER);
    is_refused(&s3, &[], 3, &["s3://media is unavailable: ", "SlowDown"]);
}

#[test]
fn a_web_server_that_is_not_s3() {
    let s3 = S3Server::start();
    for (answer, words) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>no</p>",
            "it answers 404 without an S3 error code, as a web server does; check its endpoint",
        ),
        // A web server that sends its front page for every path.
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>hi</p>",
            "check its endpoint",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n",
            "it redirects to another address",
        ),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", "check its endpoint"),
    ] {
        let web = Web::answering(answer);
        let folder = Folder::new();
        let mut command = command(&s3, &folder, CLOCKS, "");
        let outcome = outcome(command.env("AWS_ENDPOINT_URL", web.url()).arg("--print-config"));
        assert_eq!(outcome.code, Some(0), "this needs no request: {outcome:?}");
        assert!(web.asked.try_recv().is_err());
        let mut command = self::command(&s3, &folder, CLOCKS, "");
        let code = if answer.starts_with("SSH") { 3 } else { 2 };
        refused(command.env("AWS_ENDPOINT_URL", web.url()), code, &["s3://media cannot be re", words]);
        let head = web.asked.try_recv().expect("a request");
        assert!(head.starts_with("GET /media/"), "{head}");
    }
    assert!(s3.requests().is_empty());
}

#[test]
fn plain_http_must_be_allowed() {
    let s3 = S3Server::start();
    is_refused(&s3, &[("AWS_ALLOW_HTTP", "false")], 2, &["without TLS", "https://", "AWS_ALLOW_HTTP=true"]);
    assert!(s3.requests().is_empty(), "nothing was sent without TLS");
    // An http:// endpoint in wamedia's own configuration is allowed.
    let folder = Folder::new();
    let mount = format!("endpoint = \"{}\"", s3.endpoint());
    let mut command = command(&s3, &folder, CLOCKS, &mount);
    Server::spawn(command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_ALLOW_HTTP"));
}

#[test]
fn an_https_endpoint_without_tls() {
    let s3 = S3Server::start();
    let endpoint = s3.endpoint().replace("http:", "https:");
    let folder = Folder::new();
    let outcome = outcome(command(&s3, &folder, CLOCKS, "").env("AWS_ENDPOINT_URL", endpoint));
    // Without trust roots on this machine, it fails before the handshake.
    assert!(matches!(outcome.code, Some(2 | 3)), "{outcome:?}");
    assert!(outcome.stderr.starts_with("wamedia: s3://media cannot be re"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn an_unreadable_ca_bundle() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    folder.write("ca.der", "not in PEM");
    let of_another_kind = folder.at("ca.der");
    for bundle in ["/nowhere/ca.pem", of_another_kind.to_str().expect("UTF-8")] {
        is_refused(&s3, &[("AWS_CA_BUNDLE", bundle)], 2, &[bundle, "AWS_CA_BUNDLE", "fix or unset"]);
    }
}

#[test]
fn access_denied_to_the_probe_is_only_a_warning() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::ACCESS_DENIED, 1);
    let mut server = Server::spawn(&mut command(&s3, &Folder::new(), CLOCKS, ""));
    let warnings: Vec<_> = server
        .lines()
        .iter()
        .filter(|line| line.contains("denies access to an object that does not exist"))
        .collect();
    assert_eq!(warnings.len(), 1, "{:#?}", server.lines());
    assert!(warnings[0].contains("s3://media") && warnings[0].contains("s3:ListBucket"), "{warnings:?}");
}

#[test]
fn an_unreadable_bucket_among_several_is_named() {
    let s3 = S3Server::start();
    let folder = Folder::new();
    let mut command = command(&s3, &folder, CLOCKS, "");
    folder.write(
        "wamedia.toml",
        "[[mount]]\nstore = \"s3://media\"\n[[mount]]\npath = \"/x\"\nstore = \"s3://others\"\n",
    );
    refused(&mut command, 2, &["s3://others cannot be read: "]);
}

/// `127` and `0.0.1` make a host that needs no DNS.
#[test]
fn a_bucket_can_be_named_in_the_host() {
    const NO_SUCH_KEY: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 38\r\n\r\n\
                               <Error><Code>NoSuchKey</Code></Error>\n";
    for (addressing, host, target) in
        [("virtual-host", "127.0.0.1", "/campaign/"), ("path", "127.0.0.1", "/media/campaign/")]
    {
        let web = Web::answering(NO_SUCH_KEY);
        let port = web.address.port();
        let (bucket, endpoint) = if addressing == "path" { ("media", "127.0.0.1") } else { ("127", "0.0.1") };
        let folder = Folder::new();
        let toml = format!(
            "[[mount]]\nstore = \"s3://{bucket}/campaign\"\nendpoint = \"http://{endpoint}:{port}\"\n\
             addressing = \"{addressing}\"\nregion = \"{REGION}\"\n"
        );
        let mut command = command_of(&folder, &toml);
        Server::spawn(command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET));
        let head = web.asked.recv().expect("a request").to_ascii_lowercase();
        assert!(head.starts_with(&format!("get {target}")), "{head}");
        assert!(head.contains(&format!("\r\nhost: {host}:{port}\r\n")), "{head}");
    }
}

#[test]
fn an_endpoint_that_contains_the_bucket() {
    let s3 = S3Server::start();
    s3.put("a.jpg", "a", Meta::default());
    let right = format!("AWS_ENDPOINT_URL={}", s3.endpoint());
    let wrong = format!("{}/media", s3.endpoint());
    let words = ["s3://media cannot be read: ", "ends with the name of the bucket", &right];
    is_refused(&s3, &[("AWS_ENDPOINT_URL", &wrong)], 2, &words);
    is_refused(&s3, &[("AWS_ENDPOINT_URL", &format!("{wrong}/"))], 2, &words);
    // Another bucket, or none of that name.
    let other = format!("{}/others", s3.endpoint());
    is_refused(&s3, &[("AWS_ENDPOINT_URL", &other)], 2, &["NoSuchBucket", "takes for a bucket", &right]);
    let folder = Folder::new();
    let mut command = command(&s3, &folder, CLOCKS, &format!("endpoint = \"{wrong}\""));
    let fix = format!("endpoint = \"{}\" in its [[mount]]", s3.endpoint());
    refused(&mut command, 2, &["s3://media cannot be read: ", &fix]);
    // The same for commands that read one asset.
    let mut link = crate::support::wamedia();
    link.env("HOME", folder.path()).current_dir(folder.path()).envs(s3.environment());
    refused(link.args(["link", "a.jpg"]), 2, &["s3://media cannot be read: ", &fix]);
}

#[test]
fn an_endpoint_with_a_path_is_used_if_the_bucket_does_not_say_that_it_is_wrong() {
    let s3 = S3Server::start();
    // A gateway that serves a store below a path, without the permission to list.
    s3.fault(|seen| seen.query.is_some(), Fault::ACCESS_DENIED, FOREVER);
    let endpoint = format!("{}/media", s3.endpoint());
    Server::spawn(&mut command(&s3, &Folder::new(), &[("AWS_ENDPOINT_URL", &endpoint)], ""));
}

#[test]
fn an_endpoint_of_google_or_azure_that_contains_the_bucket() {
    const MISSING: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 41\r\n\r\n\
                           <Error><Code>BlobNotFound</Code></Error>\n";
    // Only an answer verifies the suspicion, so a busy machine gets the usual time for it.
    let variables = [("AZURE_STORAGE_ACCOUNT_NAME", "shop")];
    for store in ["gs://media", "az://media/campaign"] {
        let web = Web::answering(MISSING);
        let folder = Folder::new();
        let toml = |endpoint: &str| {
            format!(
                "[[mount]]\nstore = \"{store}\"\nendpoint = \"{endpoint}\"\ncredentials = \"anonymous\"\n"
            )
        };
        let mut command = command_of(&folder, &toml(&format!("{}/media", web.url())));
        let fix = format!("endpoint = \"{}\" in its [[mount]]", web.url());
        refused(command.envs(variables), 2, &[store, "ends with the name of the bucket", &fix]);
        let mut command = command_of(&folder, &toml(&web.url()));
        Server::spawn(command.envs(variables));
    }
}
