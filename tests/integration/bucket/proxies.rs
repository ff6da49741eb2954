//! A bucket behind an HTTP proxy: tunnels for HTTPS, whole URLs for HTTP, credentials, exceptions and errors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use super::starting::refused;
use super::{command, serving_with};
use crate::s3_server::{Meta, S3Server};
use crate::support::Folder;

/// A proxy that notes the head of each request and passes it on.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// With `refusal`, it answers every request with this status line.
    fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&heads);
        // It runs until the tests end.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let noted = Arc::clone(&noted);
                thread::spawn(move || pass_on(client, &noted, refusal));
            }
        });
        Self { address, heads }
    }

    fn url(&self) -> String {
        format!("http://shop:HUSH@{}", self.address)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

fn read_head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|len| len > 2) {}
    head
}

fn pass_on(client: TcpStream, noted: &Mutex<Vec<String>>, refusal: Option<&str>) {
    let mut reader = BufReader::new(client.try_clone().expect("a socket"));
    let head = read_head(&mut reader);
    noted.lock().expect("not poisoned").push(head.clone());
    let mut client = client;
    if let Some(status) = refusal {
        let _ = client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        return;
    }
    let target = head.split(' ').nth(1).expect("a target");
    if head.starts_with("CONNECT ") {
        let server = TcpStream::connect(target).expect("the server");
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
        join(client, server);
        return;
    }
    let (host, path) =
        target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a whole URL");
    let mut server = TcpStream::connect(host).expect("the server");
    // One request for each connection.
    let head = head.replacen(target, &format!("/{path}"), 1).replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes()).expect("written");
    join(client, server);
}

/// Copies both ways until both have ended.
fn join(client: TcpStream, server: TcpStream) {
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let (other_client, other_server) =
        (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    let back = thread::spawn(move || copy(other_server, other_client));
    copy(client, server);
    back.join().expect("it ends");
}

/// Serves `s3` over TLS, one request for each connection; returns the address and the certificate.
fn secured(s3: &S3Server) -> (SocketAddr, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    let (config, plain) = (Arc::new(config), s3.endpoint().replace("http://", ""));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
            let plain = plain.clone();
            thread::spawn(move || {
                let mut stream = rustls::StreamOwned::new(session, client);
                let head = read_head(&mut BufReader::with_capacity(1, &mut stream));
                let mut server = TcpStream::connect(plain).expect("the server");
                server
                    .write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())
                    .expect("written");
                let mut answer = Vec::new();
                let _ = server.read_to_end(&mut answer);
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    (address, cert.pem())
}

fn stored() -> S3Server {
    let s3 = S3Server::start();
    s3.put("a.jpg", "right", Meta::default());
    s3
}

/// `shop:HUSH`
const AUTHORIZATION: &str = "proxy-authorization: Basic c2hvcDpIVVNI";

#[test]
fn a_plain_endpoint_is_requested_with_its_whole_url() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (s3, proxy) = (stored(), Proxy::start(None));
        let server = serving_with(&s3, &[(name, &proxy.url())], "");
        assert_eq!(server.get("/a.jpg").text(), "right", "{name}");
        let heads = proxy.heads();
        assert_eq!(heads.len(), 2, "the probe and the object: {heads:?}");
        for head in heads {
            assert!(head.starts_with(&format!("GET {}/media/", s3.endpoint())), "{head}");
            assert!(head.to_ascii_lowercase().contains(&AUTHORIZATION.to_ascii_lowercase()), "{head}");
        }
        let lines = server.end();
        assert!(!lines.iter().any(|line| line.contains("HUSH")), "{lines:#?}");
    }
}

#[test]
fn a_secured_endpoint_is_reached_through_a_tunnel() {
    let (s3, proxy, folder) = (stored(), Proxy::start(None), Folder::new());
    let (address, certificate) = secured(&s3);
    folder.write("ca.pem", certificate);
    let endpoint = format!("https://localhost:{}", address.port());
    let bundle = folder.at("ca.pem").display().to_string();
    let variables =
        [("AWS_ENDPOINT_URL", &*endpoint), ("AWS_CA_BUNDLE", &*bundle), ("HTTPS_PROXY", &*proxy.url())];
    let server = serving_with(&s3, &variables, "");
    assert_eq!(server.get("/a.jpg").text(), "right");
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    for head in heads {
        assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", address.port())), "{head}");
        assert!(head.to_ascii_lowercase().contains(&AUTHORIZATION.to_ascii_lowercase()), "{head}");
    }
    // The certificate is still that of the bucket's service.
    let (untrusted, folder) = (S3Server::start(), Folder::new());
    let mut serve = command(&untrusted, &folder, &[], "");
    serve.env("AWS_ENDPOINT_URL", &endpoint).env("HTTPS_PROXY", proxy.url());
    refused(&mut serve, 2, &["cannot be trusted: invalid peer certificate"]);
}

#[test]
fn exceptions_and_other_schemes_are_requested_directly() {
    let s3 = stored();
    for variables in [
        [("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "127.0.0.1")],
        [("ALL_PROXY", "http://127.0.0.1:9"), ("no_proxy", "example.com,127.0.0.0/8")],
        [("HTTPS_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "")],
    ] {
        assert_eq!(serving_with(&s3, &variables, "").get("/a.jpg").text(), "right", "{variables:?}");
    }
}

#[test]
fn errors_of_the_proxy_name_it_and_the_variables() {
    let s3 = stored();
    let asking = Proxy::start(Some("407 Proxy Authentication Required"));
    let refusing = Proxy::start(Some("403 Forbidden"));
    let secured = [("AWS_ENDPOINT_URL", "https://localhost:9"), ("HTTPS_PROXY", "")];
    for (variables, code, words) in [
        (
            [secured[0], ("HTTPS_PROXY", &*asking.url())],
            3,
            &["proxy", "authorization required", "HTTPS_PROXY"][..],
        ),
        (
            [secured[0], ("HTTPS_PROXY", &*refusing.url())],
            3,
            &["through the proxy 127.0.0.1:", "HTTPS_PROXY"],
        ),
        (
            [secured[0], ("HTTPS_PROXY", "http://127.0.0.1:9")],
            3,
            &["through the proxy 127.0.0.1:9", "HTTPS_PROXY"],
        ),
        (
            [secured[0], ("https_proxy", "socks5://HUSH:1")],
            2,
            &["the variable https_proxy", "http:// proxies"],
        ),
        ([secured[0], ("HTTPS_PROXY", "http://HUSH HUSH")], 2, &["the variable HTTPS_PROXY", "is not a URL"]),
    ] {
        let folder = Folder::new();
        let mut serve = command(&s3, &folder, &[("WAMEDIA_UPSTREAM_TIMEOUT", "2s")], "");
        refused(serve.envs(variables), code, words);
    }
}
