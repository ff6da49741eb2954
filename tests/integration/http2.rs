//! Cleartext HTTP/2 with prior knowledge, and several listening addresses.

use std::fs;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::time::Duration;

use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::HeaderName;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Client, Folder, Server, TIMEOUT, etag_of, noise, version_of, wamedia};

/// A connection that speaks HTTP/2 from its first byte.
#[derive(Clone)]
pub(crate) struct Client2(SendRequest<String>);

impl Client2 {
    pub(crate) async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self::speaking(&http2::Builder::new(TokioExecutor::new()), stream).await
    }

    pub(crate) async fn speaking<S>(how: &http2::Builder<TokioExecutor>, stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = how.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        // It ends with an error in some tests; these check what their request sees of it.
        tokio::spawn(connection);
        Self(sender)
    }

    /// A response whose body has not been read.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("http://test{target}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(String::new()).expect("a request");
        let response = in_time(self.0.clone().send_request(request)).await.expect("a response");
        assert_eq!(response.version(), Version::HTTP_2);
        response
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> (Response<()>, Vec<u8>) {
        let (head, mut body) = self.send(method, target, fields).await.into_parts();
        let bytes = read(&mut body).await.expect("a whole body");
        (Response::from_parts(head, ()), bytes)
    }

    pub(crate) async fn get(&self, target: &str) -> (Response<()>, Vec<u8>) {
        self.request("GET", target, &[]).await
    }
}

pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future).await.expect("in time")
}

async fn next_frame(body: &mut Incoming) -> Option<hyper::Result<Bytes>> {
    let frame = in_time(std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx))).await?;
    Some(frame.map(|frame| frame.into_data().expect("data")))
}

/// The rest of a body; an error if the stream is reset before its end.
pub(crate) async fn read(body: &mut Incoming) -> hyper::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = next_frame(body).await {
        bytes.extend_from_slice(&frame?);
    }
    Ok(bytes)
}

/// The value of the only field of that name; empty if there is none.
#[track_caller]
fn field<'a, T>(response: &'a Response<T>, name: &str) -> &'a str {
    let mut values = response.headers().get_all(name).iter();
    let value = values.next().map_or("", |value| value.to_str().expect("ASCII"));
    assert!(values.next().is_none(), "more than one {name}");
    value
}

/// A request and its fields, and the status, body and policy of its response.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, &'a [u8], &'a str);

#[tokio::test]
async fn the_header_contract_holds_over_http2() {
    let folder = Folder::new();
    let bytes = noise(700_000, 1);
    folder.write("report.pdf", &bytes).write("empty.pdf", "");
    let (etag, v) = (etag_of(&bytes), version_of(&bytes));
    let server = Server::start(folder.path());
    let client = Client2::new(server.address).await;
    let last_modified = client.get("/report.pdf").await.0.headers()["last-modified"].clone();
    let last_modified = last_modified.to_str().expect("ASCII");
    for method in ["GET", "HEAD"] {
        let (response, body) = client.request(method, "/report.pdf", &[]).await;
        let mut fields: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        fields.sort_unstable();
        let expected = [
            "accept-ranges",
            "cache-control",
            "content-disposition",
            "content-length",
            "content-type",
            "date",
            "etag",
            "last-modified",
            "x-content-type-options",
        ];
        assert_eq!((response.status().as_u16(), fields), (200, expected.to_vec()), "{method}");
        assert_eq!(field(&response, "etag"), etag);
        assert_eq!(field(&response, "content-length"), "700000");
        assert_eq!(field(&response, "content-type"), "application/pdf");
        assert_eq!(field(&response, "cache-control"), "no-cache");
        assert_eq!(field(&response, "x-content-type-options"), "nosniff");
        assert!(if method == "GET" { body == bytes } else { body.is_empty() });
    }
    let versioned = format!("/report.pdf?v={v}");
    let rows: &[Row<'_>] = &[
        ("GET", &versioned, &[], 200, &bytes, "max-age=31536000, immutable"),
        (
            "GET",
            "/report.pdf",
            &[("range", "bytes=100000-599999")],
            206,
            &bytes[100_000..600_000],
            "no-cache",
        ),
        ("GET", "/report.pdf", &[("range", "bytes=-1")], 206, &bytes[699_999..], "no-cache"),
        ("HEAD", "/report.pdf", &[("range", "bytes=0-1")], 200, b"", "no-cache"),
        ("GET", "/report.pdf", &[("range", "bytes=0-1"), ("if-range", "\"x\"")], 200, &bytes, "no-cache"),
        ("GET", "/report.pdf", &[("if-none-match", &etag)], 304, b"", "no-cache"),
        ("HEAD", &versioned, &[("if-none-match", &etag)], 304, b"", "max-age=31536000, immutable"),
        ("GET", "/report.pdf", &[("if-modified-since", last_modified)], 304, b"", "no-cache"),
        ("GET", "/empty.pdf", &[], 200, b"", "no-cache"),
        ("GET", "/empty.pdf", &[("range", "bytes=0-")], 200, b"", "no-cache"),
        ("OPTIONS", "/report.pdf", &[], 204, b"", ""),
    ];
    for (method, target, fields, status, expected, policy) in rows {
        let (response, body) = client.request(method, target, fields).await;
        let got = (response.status().as_u16(), field(&response, "cache-control"));
        assert_eq!(got, (*status, *policy), "{method} {target} {fields:?}");
        assert!(body == *expected, "{method} {target} {fields:?}");
        assert_eq!(field(&response, "x-content-type-options"), "nosniff");
        assert!(field(&response, "connection").is_empty(), "a field of HTTP/1");
        if *status == 206 {
            assert_eq!(field(&response, "content-length"), expected.len().to_string());
        }
    }
    let several = client.request("GET", "/report.pdf", &[("range", "bytes=0-9,20-29")]).await;
    assert!(field(&several.0, "content-type").starts_with("multipart/byteranges; boundary="));
    assert_eq!(field(&several.0, "content-length"), several.1.len().to_string());
}

#[tokio::test]
async fn error_responses_over_http2_are_those_of_http1() {
    let folder = Folder::new();
    folder.write("a.jpg", "a").write(".env", "hidden");
    let server = Server::start(folder.path());
    let client = Client2::new(server.address).await;
    for (method, target, fields, status) in [
        ("GET", "/missing.jpg", &[][..], 404),
        ("GET", "/", &[], 404),
        ("GET", "/.env", &[], 404),
        ("GET", "/%2e%2e/a.jpg", &[], 400),
        ("GET", "/a%00.jpg", &[], 400),
        ("GET", "/a.jpg", &[("if-match", "\"other\"")], 412),
        ("GET", "/a.jpg", &[("range", "bytes=1-")], 416),
        ("POST", "/a.jpg", &[], 405),
        ("BREW", "/a.jpg", &[], 405),
    ] {
        let (response, body) = client.request(method, target, fields).await;
        let text = String::from_utf8(body).expect("UTF-8");
        assert_eq!(response.status(), status, "{method} {target}: {text}");
        assert!(text.starts_with(&format!("{status} ")), "{text}");
        assert_eq!(field(&response, "cache-control"), "no-store", "{text}");
        assert_eq!(field(&response, "x-content-type-options"), "nosniff", "{text}");
        assert_eq!(field(&response, "content-length"), text.len().to_string());
        assert_eq!(field(&response, "allow"), if status == 405 { "GET, HEAD, OPTIONS" } else { "" });
    }
    assert_eq!(client.get("/a.jpg").await.1, b"a");
}

#[tokio::test]
async fn concurrent_streams_each_get_their_own_bytes() {
    // More streams than the server allows at a time; the others wait.
    const STREAMS: u64 = 150;
    let folder = Folder::new();
    let len = |number: u64| 1 + usize::try_from(number).expect("small") * 4001;
    for number in 0..STREAMS {
        folder.write(&format!("{number}.jpg"), noise(len(number), number));
    }
    for memory in ["", "[memory]\ncache = 0\n"] {
        let server = Server::configured(&folder, &format!("{memory}[[mount]]\nstore = \".\"\n"));
        let client = Client2::new(server.address).await;
        // From the first response on, the client knows how many streams the server allows.
        client.get("/0.jpg").await;
        let streams: Vec<_> = (0..STREAMS)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move { client.get(&format!("/{number}.jpg")).await })
            })
            .collect();
        for (number, stream) in (0..).zip(streams) {
            let (response, body) = stream.await.expect("an answer");
            let bytes = noise(len(number), number);
            assert_eq!((response.status().as_u16(), field(&response, "etag")), (200, &*etag_of(&bytes)));
            assert!(body == bytes, "{number}");
        }
    }
}

#[tokio::test]
async fn an_unread_stream_does_not_block_the_others() {
    let folder = Folder::new();
    let bytes = noise(24 << 20, 1);
    folder.write("big.mp4", &bytes).write("a.jpg", "a");
    let server = Server::start(folder.path());
    let client = Client2::new(server.address).await;
    let mut unread = client.send("GET", "/big.mp4", &[]).await.into_body();
    for _ in 0..20 {
        assert_eq!(client.get("/a.jpg").await.1, b"a");
    }
    // A cancelled stream affects no other.
    drop(client.send("GET", "/big.mp4", &[]).await);
    assert_eq!(client.get("/a.jpg").await.1, b"a");
    assert!(read(&mut unread).await.expect("all of it") == bytes);
}

#[tokio::test]
async fn a_file_that_changes_while_sent_resets_only_its_stream() {
    let old = noise(24 << 20, 1);
    for (name, settled) in [("young.mp4", false), ("settled.mp4", true)] {
        let folder = Folder::new();
        folder.write(name, &old).write("other.mp4", &old);
        let server =
            Server::configured(&folder, "[memory]\ncache = 0\n[[mount]]\nstore = \".\"\nfresh = \"1h\"\n");
        let client = Client2::new(server.address).await;
        if settled {
            // Ranges are served once the file's version has settled.
            let part = client.request("GET", &format!("/{name}"), &[("range", "bytes=0-9")]).await;
            assert_eq!((part.0.status().as_u16(), &*part.1), (206, &old[..10]), "{name}");
        }
        let mut other = client.send("GET", "/other.mp4", &[]).await.into_body();
        let response = client.send("GET", &format!("/{name}"), &[]).await;
        assert_eq!(field(&response, "etag"), etag_of(&old), "{name}");
        let mut body = response.into_body();
        next_frame(&mut body).await.expect("a frame").expect("data");
        let new = noise(24 << 20, 2);
        fs::write(folder.at(name), &new).expect("written over");
        read(&mut body).await.expect_err("it cannot be completed");
        // The others continue, on the same connection.
        assert!(read(&mut other).await.expect("all of it") == old, "{name}");
        let (response, body) = client.get(&format!("/{name}")).await;
        assert_eq!(field(&response, "etag"), etag_of(&new), "{name}");
        assert!(body == new, "{name}");
    }
}

#[tokio::test]
async fn http1_and_http2_share_one_port() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::start(folder.path());
    let client = Client2::new(server.address).await;
    for _ in 0..3 {
        assert_eq!(client.get("/a.jpg").await.1, b"a");
        assert_eq!(server.get("/a.jpg").body, b"a");
    }
    // The first letters of the preface, one at a time, are an HTTP/1 method until they are not.
    let mut slow = server.connect();
    for byte in b"PRI /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n" {
        slow.send([*byte]);
    }
    let mut response = slow.head().expect("a head");
    slow.body(&mut response);
    assert_eq!(response.status, 405, "{response:?}");
    // A request to upgrade is ignored (RFC 9113 section 3.1).
    let upgrade = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ];
    let response = server.request("GET", "/a.jpg", &upgrade);
    assert_eq!((response.status, response.text()), (200, "a"));
}

#[tokio::test]
async fn the_server_listens_on_every_address() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let mut addresses = vec!["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"];
    match StdListener::bind("[::1]:0") {
        Ok(_) => addresses.push("[::1]:0"),
        Err(e) => eprintln!("skipped: this machine has no IPv6: {e}"),
    }
    // A repeated address is rejected, with port 0, too, so the third has a port of its own.
    let free =
        StdListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    addresses[2] = &free;
    let mut command = wamedia();
    command.arg("serve").arg(folder.path()).args(addresses.iter().flat_map(|a| ["--listen", *a]));
    let server = Server::spawn(&mut command);
    assert_eq!(server.addresses.len(), addresses.len());
    for (asked, address) in addresses.iter().zip(&server.addresses) {
        let asked: SocketAddr = asked.parse().expect("an address");
        assert_eq!(asked.ip(), address.ip());
        assert!(asked.port() == address.port() || asked.port() == 0 && address.port() != 0);
        assert_eq!(Client::new(*address).request("GET", "/a.jpg", &[]).body, b"a", "{address}");
        assert_eq!(Client2::new(*address).await.get("/a.jpg").await.1, b"a", "{address}");
    }
}

#[tokio::test]
async fn ipv4_and_ipv6_share_a_port() {
    let Ok(probe) = StdListener::bind("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let port = probe.local_addr().expect("an address").port();
    drop(probe);
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let addresses = [format!("0.0.0.0:{port}"), format!("[::]:{port}")];
    let arguments: Vec<_> = addresses.iter().flat_map(|address| ["--listen", address]).collect();
    let server = Server::with(folder.path(), &arguments);
    assert_eq!(server.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), addresses);
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let address = address.parse().expect("an address");
        let response = Client::new(address).request("GET", "/a.jpg", &[]);
        assert_eq!((response.status, response.text()), (200, "a"), "{address}");
        assert_eq!(Client2::new(address).await.get("/a.jpg").await.1, b"a", "{address}");
    }
}

#[tokio::test]
async fn a_graceful_shutdown_completes_http2_responses() {
    let folder = Folder::new();
    let bytes = noise(1 << 20, 1);
    folder.write("big.mp4", &bytes);
    let mut server = Server::start(folder.path());
    let mut clients = Vec::new();
    for _ in 0..24 {
        // The less the client's socket holds, the more is still in the server's socket after the last write; and with small windows
        // the client has more window updates to send after that.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4 << 10).expect("a size");
        let stream = socket.connect(server.address).await.expect("a connection");
        let mut how = http2::Builder::new(TokioExecutor::new());
        how.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
        let client = Client2::speaking(&how, stream).await;
        let body = client.send("GET", "/big.mp4", &[]).await.into_body();
        clients.push((client, body));
    }
    server.signal(rustix::process::Signal::TERM);
    server.wait_for_line("SIGTERM");
    let reading =
        clients.into_iter().map(|(_client, mut body)| tokio::spawn(async move { read(&mut body).await }));
    for body in reading.collect::<Vec<_>>() {
        assert!(body.await.expect("a reader").expect("all of it") == bytes);
    }
    let status = tokio::task::spawn_blocking(move || server.wait()).await.expect("an end");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn an_oversized_request_head_is_rejected_over_http2() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::start(folder.path());
    let client = Client2::new(server.address).await;
    let wide = "b".repeat(40_000);
    let request =
        Request::get("http://test/a.jpg").header("x", &wide).body(String::new()).expect("a request");
    // Either an error response or a reset; never the asset, and never nothing.
    match in_time(client.0.clone().send_request(request)).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(e) => assert!(!e.is_timeout(), "{e}"),
    }
    let after =
        tokio::time::timeout(Duration::from_secs(5), Client2::new(server.address)).await.expect("in time");
    assert_eq!(after.get("/a.jpg").await.1, b"a");
}
