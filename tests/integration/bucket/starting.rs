//! What keeps a server from starting: one line that names the bucket and the mend, in time, and no port is bound.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{command, command_of};
use crate::s3_server::{ACCESS_KEY, FOREVER, Fault, REGION, S3Server, SECRET, any};
use crate::support::{Folder, Outcome, Server, eventually, outcome};

/// Longer than all clocks of a test together.
const IN_TIME: Duration = Duration::from_secs(5);

const CLOCKS: &[(&str, &str)] = &[
    ("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_FIRST_BYTE_TIMEOUT", "300ms"),
    ("WAMEDIA_UPSTREAM_TIMEOUT", "1s"),
];

/// Runs a command that ends by itself with one line, in time, which holds no secret.
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

/// The bucket that is served with these variables is refused.
#[track_caller]
fn is_refused(s3: &S3Server, variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let folder = Folder::new();
    refused(command(s3, &folder, CLOCKS, "").envs(variables.iter().copied()), code, words);
}

/// A web server that answers every request alike, and gives back the heads of what it was asked where it is `asked`.
struct Web {
    address: SocketAddr,
    asked: std::sync::mpsc::Receiver<String>,
}

impl Web {
    fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (send, asked) = std::sync::mpsc::channel();
        thread::spawn(move || {
            // It ends with the tests.
            for stream in listener.incoming().map_while(Result::ok) {
                let mut head = String::new();
                let mut reader = BufReader::new(&stream);
                while reader.read_line(&mut head).is_ok_and(|len| len > 2) {}
                let _ = send.send(head);
                let _ = (&stream).write_all(answer.as_bytes());
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
fn half_a_credential() {
    let s3 = S3Server::start();
    for missing in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        // Set to nothing is not set.
        is_refused(
            &s3,
            &[(missing, "")],
            2,
            &["s3://media cannot be opened: ", "only one is set; set both, or none"],
        );
    }
    assert!(s3.requests().is_empty(), "nobody was asked");
}

#[test]
fn no_credential_at_all() {
    let s3 = S3Server::start();
    let nothing = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    // Where the machine would be asked for its own there is no machine.
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
    // And where it says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let metadata = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [&nothing[..], &[("AWS_METADATA_ENDPOINT", &metadata)]].concat();
    is_refused(&s3, &variables, 3, &["s3://media does not answer in time"]);
    assert!(s3.requests().is_empty());
}

#[test]
fn a_bucket_that_is_not_there() {
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
fn nobody_there() {
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
fn somebody_there_who_says_nothing() {
    let s3 = S3Server::start();
    let _gate = s3.hold(any);
    is_refused(&s3, &[], 3, &["s3://media does not answer in time: ", "check its endpoint"]);
}

#[test]
fn a_signal_is_heeded_while_the_bucket_is_asked() {
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
fn a_bucket_that_is_out_of_order() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::INTERNAL_ERROR, 2);
    Server::spawn(&mut command(&s3, &Folder::new(), CLOCKS, ""));
    s3.fault(any, Fault::SLOW_DOWN, FOREVER);
    is_refused(&s3, &[], 3, &["s3://media is unavailable: ", "SlowDown"]);
}

#[test]
fn a_web_server_that_is_no_s3() {
    let s3 = S3Server::start();
    for (answer, words) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>no</p>",
            "it answers 404 without an S3 error code, as a web server does; check its endpoint",
        ),
        // As one does that sends its front page for whatever it is asked.
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
        assert_eq!(outcome.code, Some(0), "nobody is asked for that: {outcome:?}");
        assert!(web.asked.try_recv().is_err());
        let mut command = self::command(&s3, &folder, CLOCKS, "");
        let code = if answer.starts_with("SSH") { 3 } else { 2 };
        refused(command.env("AWS_ENDPOINT_URL", web.url()), code, &["s3://media cannot be re", words]);
        let head = web.asked.try_recv().expect("it was asked");
        assert!(head.starts_with("GET /media/"), "{head}");
    }
    assert!(s3.requests().is_empty());
}

#[test]
fn plain_http_has_to_be_allowed() {
    let s3 = S3Server::start();
    is_refused(&s3, &[("AWS_ALLOW_HTTP", "false")], 2, &["without TLS", "https://", "AWS_ALLOW_HTTP=true"]);
    assert!(s3.requests().is_empty(), "nothing was said in the clear");
    // What stands in our own configuration is meant.
    let folder = Folder::new();
    let mount = format!("endpoint = \"{}\"", s3.endpoint());
    let mut command = command(&s3, &folder, CLOCKS, &mount);
    Server::spawn(command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_ALLOW_HTTP"));
}

#[test]
fn tls_where_nobody_speaks_it() {
    let s3 = S3Server::start();
    let endpoint = s3.endpoint().replace("http:", "https:");
    let folder = Folder::new();
    let outcome = outcome(command(&s3, &folder, CLOCKS, "").env("AWS_ENDPOINT_URL", endpoint));
    // Without certificates to trust, it ends before that.
    assert!(matches!(outcome.code, Some(2 | 3)), "{outcome:?}");
    assert!(outcome.stderr.starts_with("wamedia: s3://media cannot be re"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn certificates_that_are_not_there() {
    let (s3, folder) = (S3Server::start(), Folder::new());
    folder.write("ca.der", "not in PEM");
    let of_another_kind = folder.at("ca.der");
    for bundle in ["/nowhere/ca.pem", of_another_kind.to_str().expect("UTF-8")] {
        is_refused(&s3, &[("AWS_CA_BUNDLE", bundle)], 2, &[bundle, "AWS_CA_BUNDLE", "fix or unset"]);
    }
}

#[test]
fn access_that_is_denied_to_what_is_hardly_there_is_only_warned_of() {
    let s3 = S3Server::start();
    s3.fault(any, Fault::ACCESS_DENIED, 1);
    let mut server = Server::spawn(&mut command(&s3, &Folder::new(), CLOCKS, ""));
    let warnings: Vec<_> = server.lines().iter().filter(|line| line.contains("denies access to an object that does not exist")).collect();
    assert_eq!(warnings.len(), 1, "{:#?}", server.lines());
    assert!(warnings[0].contains("s3://media") && warnings[0].contains("s3:ListBucket"), "{warnings:?}");
}

#[test]
fn one_of_several_that_cannot_be_read_is_named() {
    let s3 = S3Server::start();
    let folder = Folder::new();
    let mut command = command(&s3, &folder, CLOCKS, "");
    folder.write(
        "wamedia.toml",
        "[[mount]]\nstore = \"s3://media\"\n[[mount]]\npath = \"/x\"\nstore = \"s3://others\"\n",
    );
    refused(&mut command, 2, &["s3://others cannot be read: "]);
}

/// `127` and `0.0.1` make a host that is found without a name server.
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
        let head = web.asked.recv().expect("it was asked").to_ascii_lowercase();
        assert!(head.starts_with(&format!("get {target}")), "{head}");
        assert!(head.contains(&format!("\r\nhost: {host}:{port}\r\n")), "{head}");
    }
}
