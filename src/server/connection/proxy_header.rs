//! Reads the PROXY protocol header at the start of a connection, and nothing behind it: that may belong to a TLS handshake.

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::client_stream::ClientStream;
use super::serve::LAST_READ;
use crate::http::{MAX_PROXY_HEADER, ProxyHeader, proxy_header};
use crate::server::service::Service;

/// The client that the header names; `None` if it names none, as for a health check of the proxy.
///
/// Fails with the reason; with `None` if the connection ended before its first byte, as port scans and health checks do, or because the
/// server shuts down.
pub(in crate::server) async fn read<S: ClientStream>(
    stream: &mut S,
    service: &Service,
) -> Result<Option<SocketAddr>, Option<&'static str>> {
    let head_timeout = service.snapshots.limits().head_timeout;
    // In memory of its own, which the rest of the connection's life does not need.
    let mut reading = Box::pin(timeout(head_timeout, read_all(stream)));
    tokio::select! {
        biased;
        header = reading.as_mut() => header.unwrap_or(Err(Some("it takes longer than limits.head_timeout"))),
        () = service.shutdown.drain.cancelled() => match timeout(LAST_READ, reading).await {
            Ok(Ok(header)) => header,
            _ => Err(None),
        },
    }
}

async fn read_all<S: ClientStream>(stream: &mut S) -> Result<Option<SocketAddr>, Option<&'static str>> {
    let broken = |_| Some("the connection broke");
    let mut header: Vec<u8> = Vec::new();
    loop {
        let mut space = [0; MAX_PROXY_HEADER];
        let peeked = stream.peek(&mut space).await.map_err(broken)?;
        if peeked == 0 {
            return Err((!header.is_empty()).then_some("the connection ended within it"));
        }
        let consumed = header.len();
        header.extend_from_slice(&space[..peeked]);
        let (taken, outcome) = match proxy_header(&header) {
            ProxyHeader::Complete { len, client } => (len.saturating_sub(consumed), Some(client)),
            // All of it belongs to the header.
            ProxyHeader::Incomplete => (peeked, None),
            ProxyHeader::Invalid(reason) => return Err(Some(reason)),
        };
        stream.read_exact(&mut space[..taken]).await.map_err(broken)?;
        if let Some(client) = outcome {
            return Ok(client);
        }
    }
}
