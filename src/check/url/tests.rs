//! Slow and endless servers against short timeouts and small limits.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::{BodyEnd, Failure, Limits, Probe, Probed, Trust, probe};

fn limits() -> Limits {
    Limits {
        overall: Duration::from_secs(2),
        connect: Duration::from_secs(1),
        exchange: Duration::from_millis(500),
        head: 16 << 10,
        body: 1 << 20,
    }
}

/// A server that handles each connection with `treat`, on a thread of its own.
fn server(treat: impl Fn(TcpStream) -> std::io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let treat = treat.clone();
            std::thread::spawn(move || treat(stream));
        }
    });
    address
}

/// Reads a request and writes `first`, then `drop` every 20 ms until the client disconnects.
fn dripping(first: &'static [u8], drop: &'static [u8]) -> SocketAddr {
    server(move |mut stream| {
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(first)?;
        loop {
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(drop)?;
        }
    })
}

fn probed(url: &str, trust: Option<&Trust>) -> Probed {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(probe(url, trust, &limits())).expect("no fault of this machine")
}

#[test]
fn a_slow_response_head_times_out() {
    let idle = server(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()).map(drop));
    let slow_line = dripping(b"HTTP/1.1 200 ", b"x");
    let slow_head = dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n");
    let continues = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n");
    for (what, address) in [
        ("idle", idle),
        ("a slow line", slow_line),
        ("a slow head", slow_head),
        ("endless 100 Continue", continues),
    ] {
        let seen = probed(&format!("http://{address}/a.jpg"), None);
        let failure =
            seen.transcript.outcome(Probe::Fetch).expect("a probe was sent").as_ref().expect_err(what);
        assert_eq!(*failure, Failure::HeadTimeout, "{what}");
        assert!(seen.body.is_none());
    }
}

#[test]
fn a_slow_body_times_out() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    let seen = probed(&format!("http://{}/a.jpg", dripping(head, b"x")), None);
    let answer = seen.transcript.answer(Probe::Fetch).expect("a head");
    assert_eq!(answer.body.end, BodyEnd::OutOfTime);
    assert!(answer.body.digest.is_none() && seen.body.is_none());
}

#[test]
fn a_body_is_read_up_to_the_size_limit() {
    let address = server(|mut stream| {
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")?;
        stream.write_all(&vec![0; 2_000_000])
    });
    let seen = probed(&format!("http://{address}/a.jpg"), None);
    let answer = seen.transcript.answer(Probe::Fetch).expect("a head");
    assert_eq!(answer.body.end, BodyEnd::TooLarge);
    assert!(answer.body.received <= (1 << 20) + (64 << 10), "{}", answer.body.received);
}

#[test]
fn a_stalled_tls_handshake_times_out() {
    let trust = super::tls::of_an_unused_authority();
    let idle = server(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()).map(drop));
    let seen = probed(&format!("https://{idle}/a.jpg"), Some(&trust));
    let outcome = seen.transcript.outcome(Probe::Fetch).expect("a probe was sent");
    assert!(matches!(outcome, Err(Failure::Tls(_))), "{outcome:?}");
    assert_eq!(seen.transcript.exchanges.len(), 1);
}

#[test]
fn no_request_is_sent_for_a_url_without_a_valid_host() {
    for url in
        ["http://a..b/", "http://", "nonsense", "http://m\u{fc}nchen.example/", "http://x.example:99999/"]
    {
        let seen = probed(url, None);
        assert!(seen.transcript.exchanges.is_empty() && seen.body.is_none(), "{url}");
    }
}
