//! What hyper costs: a server that answers every request with one prepared response, over HTTP/1.1 or HTTP/2, plain or TLS.
//!
//! It has the libraries and the settings of wamedia, and nothing of its own: no routing, no conditions, no limits, no log.
//! What wamedia needs beyond it is wamedia's; what it needs beyond `bare_epoll` is the libraries'. Started by
//! `benches/compare/run`: `bare_hyper PORT FILE [CERTIFICATE KEY]`.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

type AnyError = Box<dyn Error>;

fn main() -> Result<(), AnyError> {
    let mut arguments = env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(port), Some(file)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` and `cargo test --benches` run every target without arguments.
        return Ok(());
    };
    let body = Bytes::from(fs::read(file)?);
    let acceptor = match (arguments.next(), arguments.next()) {
        (Some(certificate), Some(key)) => Some(acceptor(&certificate, &key)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(accept(port.parse()?, body, acceptor))
}

/// Speaks TLS as wamedia does: the same library, HTTP/2 or HTTP/1.1 by ALPN, sessions resumed by tickets.
fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, AnyError> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(port: u16, body: Bytes, acceptor: Option<TlsAcceptor>) -> Result<(), AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, body.clone(), acceptor.clone()));
    }
}

async fn serve(stream: TcpStream, body: Bytes, acceptor: Option<TlsAcceptor>) {
    let Some(acceptor) = acceptor else { return speak(stream, false, body).await };
    // A failed handshake is the client's concern.
    if let Ok(stream) = acceptor.accept(stream).await {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        speak(stream, is_http2, body).await;
    }
}

/// Answers requests until the client closes the connection, which hyper may report as an error.
async fn speak<S>(stream: S, is_http2: bool, body: Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |_: Request<_>| {
        let mut response = Response::new(Full::new(body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
        async { Ok::<_, Infallible>(response) }
    });
    let io = TokioIo::new(stream);
    let _ = if is_http2 {
        http2::Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).serve_connection(io, answer).await
    } else {
        http1::Builder::new().serve_connection(io, answer).await
    };
}
