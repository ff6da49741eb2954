//! HTTP proxies towards buckets: tunnels for `https://`, whole URLs for `http://`, and hosts that need none.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::command_of;
use super::starting::refused;
use crate::s3_server::{ACCESS_KEY, Meta, REGION, S3Server, SECRET};
use crate::support::{Folder, Server};

/// Whether a head has the credentials `user:p@ss` for the proxy.
fn has_credentials(head: &str) -> bool {
    let is_one = |(name, value): (&str, &str)| {
        name.eq_ignore_ascii_case("proxy-authorization") && value == "Basic dXNlcjpwQHNz"
    };
    head.lines().filter_map(|line| line.split_once(": ")).any(is_one)
}

/// A proxy that leads every request to one server. It sends the heads that it receives to `heads`.
struct Proxy {
    address: SocketAddr,
    heads: mpsc::Receiver<String>,
}

impl Proxy {
    /// `tls` is the certificate of the server at the end of tunnels. With a `refusal`, that is every response.
    fn start(to: SocketAddr, tls: Option<Arc<ServerConfig>>, refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (send, heads) = mpsc::channel();
        thread::spawn(move || {
            // It runs until the tests end.
            for client in listener.incoming().map_while(Result::ok) {
                let (send, tls) = (send.clone(), tls.clone());
                // A client that disconnects is no fault.
                thread::spawn(move || drop(answer(client, to, tls, refusal, &send)));
            }
        });
        Self { address, heads }
    }

    fn first_head(&self) -> String {
        self.heads.try_recv().expect("a request to the proxy")
    }
}

fn read_head(from: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Sends a request without a body, and passes on the response up to the end of the connection.
fn pass_on(head: &str, to: SocketAddr, client: &mut impl Write) -> io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes())?;
    io::copy(&mut server, client)?;
    client.flush()
}

fn answer(
    mut client: TcpStream,
    to: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    refusal: Option<&str>,
    heads: &mpsc::Sender<String>,
) -> io::Result<()> {
    let head = read_head(&mut client)?;
    let _ = heads.send(head.clone());
    if let Some(refusal) = refusal {
        return client.write_all(format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    }
    if !head.starts_with("CONNECT ") {
        return pass_on(&head, to, &mut client);
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let connection = ServerConnection::new(tls.expect("a certificate")).map_err(io::Error::other)?;
    let mut inner = StreamOwned::new(connection, client);
    let head = read_head(&mut inner)?;
    pass_on(&head, to, &mut inner)?;
    inner.conn.send_close_notify();
    inner.flush()
}

/// A certificate for `s3.test`, and that certificate in PEM, which also is its authority.
fn certificate() -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["s3.test".to_owned()]).expect("a name");
    let own = params.self_signed(&key).expect("a certificate");
    let pem = own.pem();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .expect("a certificate");
    (Arc::new(config), pem)
}

/// Serves `s3://media` at an endpoint that only the proxy knows, or at that of `s3`.
fn serving(folder: &Folder, endpoint: &str, variables: &[(&str, &str)]) -> Command {
    let toml =
        format!("[[mount]]\nstore = \"s3://media\"\nendpoint = \"{endpoint}\"\nregion = \"{REGION}\"\n");
    let mut command = command_of(folder, &toml);
    command
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .envs([("WAMEDIA_UPSTREAM_CONNECT_TIMEOUT", "500ms"), ("WAMEDIA_UPSTREAM_TIMEOUT", "2s")])
        .envs(variables.iter().copied());
    command
}

fn stored() -> S3Server {
    let s3 = S3Server::start();
    s3.put("a.jpg", "right", Meta::default());
    s3
}

#[test]
fn a_bucket_without_tls_is_requested_through_a_proxy_with_whole_urls() {
    let (s3, folder) = (stored(), Folder::new());
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = Proxy::start(s3.address(), None, None);
        let url = format!("http://user:p%40ss@{}", proxy.address);
        let server = Server::spawn(&mut serving(&folder, "http://s3.test:9000", &[(variable, &url)]));
        assert_eq!(server.get("/a.jpg").text(), "right", "{variable}");
        let head = proxy.first_head();
        assert!(head.starts_with("GET http://s3.test:9000/media/"), "{head}");
        assert!(has_credentials(&head), "{head}");
    }
}

#[test]
fn a_bucket_with_tls_is_requested_through_a_tunnel() {
    let (s3, folder) = (stored(), Folder::new());
    let (tls, pem) = certificate();
    folder.write("ca.pem", pem);
    let ca = folder.at("ca.pem");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let proxy = Proxy::start(s3.address(), Some(Arc::clone(&tls)), None);
        let url = format!("user:p%40ss@{}", proxy.address);
        let variables = [(variable, &*url), ("AWS_CA_BUNDLE", ca.to_str().expect("UTF-8"))];
        let server = Server::spawn(&mut serving(&folder, "https://s3.test:9443", &variables));
        assert_eq!(server.get("/a.jpg").text(), "right", "{variable}");
        let head = proxy.first_head();
        assert!(head.starts_with("CONNECT s3.test:9443 HTTP/1.1\r\n"), "{head}");
        assert!(has_credentials(&head), "{head}");
        assert!(!head.contains("AWS4"), "the request itself is for the bucket only: {head}");
    }
}

#[test]
fn hosts_in_no_proxy_and_other_schemes_are_requested_directly() {
    let (s3, folder) = (stored(), Folder::new());
    let port = format!("127.0.0.1:{}", s3.address().port());
    for (variable, no_proxy) in [
        ("HTTP_PROXY", "127.0.0.1"),
        ("ALL_PROXY", "127.0.0.0/8"),
        ("HTTP_PROXY", &*port),
        ("HTTPS_PROXY", ""),
    ] {
        let proxy = Proxy::start(s3.address(), None, None);
        let url = format!("http://{}", proxy.address);
        let variables = [(variable, &*url), ("NO_PROXY", no_proxy)];
        let server = Server::spawn(&mut serving(&folder, &s3.endpoint(), &variables));
        assert_eq!(server.get("/a.jpg").text(), "right", "{variable} {no_proxy}");
        assert!(proxy.heads.try_recv().is_err(), "{variable} {no_proxy}");
    }
}

#[test]
fn a_proxy_that_refuses_and_a_bad_variable_are_named_without_the_password() {
    let (s3, folder) = (stored(), Folder::new());
    for (variable, endpoint) in [("HTTPS_PROXY", "https://s3.test"), ("HTTP_PROXY", "http://s3.test")] {
        let proxy = Proxy::start(s3.address(), None, Some("407 Proxy Authentication Required"));
        let url = format!("http://user:HUSH@{}", proxy.address);
        let code = if variable == "HTTP_PROXY" { 2 } else { 3 };
        let variables =
            [(variable, &*url), ("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))];
        let (_, pem) = certificate();
        folder.write("ca.pem", pem);
        let mut command = serving(&folder, endpoint, &variables);
        command.env("AWS_CA_BUNDLE", folder.at("ca.pem"));
        refused(
            &mut command,
            code,
            &["s3://media cannot be re", variable, "requires credentials", "http://user:password@host:port"],
        );
    }
    for (variable, value) in
        [("HTTPS_PROXY", "socks5://user:HUSH@127.0.0.1:1"), ("http_proxy", "http://user:HUSH@127.0.0.1:x")]
    {
        refused(
            &mut serving(&folder, "http://s3.test", &[(variable, value)]),
            2,
            &[variable, "fix or unset it"],
        );
    }
}

#[test]
fn credentials_of_the_machine_are_not_requested_through_a_proxy() {
    let (s3, folder) = (stored(), Folder::new());
    let proxy = Proxy::start(s3.address(), None, None);
    let url = format!("http://{}", proxy.address);
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let metadata = format!("http://{gone}");
    let mut command = serving(
        &folder,
        "http://s3.test:9000",
        &[("HTTP_PROXY", &url), ("AWS_METADATA_ENDPOINT", &metadata)],
    );
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    refused(&mut command, 3, &["no credentials found"]);
    assert!(proxy.heads.try_recv().is_err(), "the proxy saw a request for credentials");
}
