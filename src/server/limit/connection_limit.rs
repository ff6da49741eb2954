//! Connection limits: in all and per client, and the response to connections beyond them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::client_identity::Client;
use crate::log_throttle::SummaryThrottle;
use crate::server::connection::client_stream::ClientStream;

/// Counts the open connections of all serving cores.
#[derive(Debug)]
pub(in crate::server) struct Connections {
    open: AtomicUsize,
    limit: AtomicUsize,
    /// Connections of each client that has any.
    per_client: Mutex<HashMap<Client, usize>>,
    /// 0 if clients are not counted.
    limit_per_client: AtomicUsize,
    rejected: SummaryThrottle<u64>,
    rejected_per_client: SummaryThrottle<u64>,
    accept_errors: SummaryThrottle<u64>,
    untrusted_peers: SummaryThrottle<u64>,
    bad_proxy_headers: SummaryThrottle<u64>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub(in crate::server) struct Permit {
    connections: Arc<Connections>,
    /// The client for which it counts.
    client: Option<Client>,
}

/// The limit that a connection exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum LimitReached {
    /// `limits.connections`.
    Server,
    /// `limits.connections_per_client`.
    Client,
}

/// Connections beyond the limit that get a response at the same time; others are closed without one.
const MAX_REJECTIONS: usize = 256;
/// How long a rejected client may take to send its request and read the response.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(5);

impl LimitReached {
    /// The response to a client beyond the limit.
    fn response(self) -> String {
        let reason = match self {
            Self::Server => "the server's connection limit is reached; try again later",
            Self::Client => "this client has as many connections as one client may have; close some",
        };
        let body = format!("503 Service Unavailable: {reason}.\n");
        format!(
            "HTTP/1.1 503 Service Unavailable\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Cache-Control: no-store\r\n\
             Retry-After: 1\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n\
             \r\n\
             {body}",
            body.len()
        )
    }
}

impl Connections {
    /// `limit` connections in all, and `limit_per_client` for each client; 0 means no limit per client.
    pub(in crate::server) fn new(limit: usize, limit_per_client: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            per_client: Mutex::default(),
            limit_per_client: AtomicUsize::new(limit_per_client),
            rejected: SummaryThrottle::default(),
            rejected_per_client: SummaryThrottle::default(),
            accept_errors: SummaryThrottle::default(),
            untrusted_peers: SummaryThrottle::default(),
            bad_proxy_headers: SummaryThrottle::default(),
        }
    }

    /// Changes the limits. They apply to new connections; no open one is closed. If clients were not counted before, their open
    /// connections remain uncounted.
    pub(in crate::server) fn set_limits(&self, limit: usize, limit_per_client: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.limit_per_client.store(limit_per_client, Ordering::Relaxed);
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Open connections, including those that are being rejected.
    pub(in crate::server) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed) as u64
    }

    /// Admits one more connection, which counts for `client`.
    pub(in crate::server) fn admit(self: &Arc<Self>, client: Option<Client>) -> Result<Permit, LimitReached> {
        self.take(self.limit()).ok_or(LimitReached::Server)?.counting_for(client)
    }

    /// Admits a connection beyond the limit, only to be rejected with a response.
    fn admit_rejected(self: &Arc<Self>) -> Option<Permit> {
        self.take(self.limit() + MAX_REJECTIONS)
    }

    /// Logs, throttled, that the system does not let us accept a connection.
    pub(in crate::server) fn log_accept_error(&self, error: io::Error) {
        self.accept_errors.record(
            |count| *count += 1,
            move |count| {
                log::warn!("cannot accept connections: {error} (attempts since the last message: {count})");
            },
        );
    }

    /// Logs, throttled, that connections are closed because their peer may not send a PROXY protocol header.
    pub(in crate::server) fn log_untrusted_peer(&self, peer: IpAddr) {
        self.untrusted_peers.record(
            |count| *count += 1,
            move |count| {
                log::warn!(
                    "proxy_protocol: {count} connections closed, from {peer} and perhaps others that are not in trusted_proxies; list the \
                     load balancer there"
                );
            },
        );
    }

    /// Logs, throttled, that connections are closed because a trusted proxy sent no valid PROXY protocol header.
    pub(in crate::server) fn log_bad_proxy_header(&self, peer: IpAddr, reason: &'static str) {
        self.bad_proxy_headers.record(
            |count| *count += 1,
            move |count| {
                log::warn!(
                    "proxy_protocol: {count} connections closed without a valid PROXY header, the last from {peer}: {reason}; make the load \
                     balancer send it (send-proxy, proxy_protocol on), or set proxy_protocol = false"
                );
            },
        );
    }

    /// Logs, throttled, that connections are rejected, the last one from `peer`.
    pub(in crate::server) fn log_rejected(&self, reached: LimitReached, peer: IpAddr) {
        match reached {
            LimitReached::Server => {
                let limit = self.limit();
                self.rejected.record(
                    |count| *count += 1,
                    move |count| {
                        log::warn!(
                            "connection limit reached: {count} rejected (limits.connections is {limit})"
                        );
                    },
                );
            }
            LimitReached::Client => {
                let limit = self.limit_per_client.load(Ordering::Relaxed);
                self.rejected_per_client.record(|count| *count += 1, move |count| {
                    log::warn!(
                        "connection limit per client reached: {count} rejected, from {peer} and perhaps others \
                         (limits.connections_per_client is {limit}); list clients that must not be limited in limits.exempt, \
                         and proxies in trusted_proxies"
                    );
                });
            }
        }
    }

    fn take(self: &Arc<Self>, limit: usize) -> Option<Permit> {
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < limit).then_some(open + 1))
            .ok()
            .map(|_| Permit { connections: Arc::clone(self), client: None })
    }
}

impl Permit {
    /// The same, counted for `client`, unless that has as many connections as it may have.
    pub(in crate::server) fn counting_for(mut self, client: Option<Client>) -> Result<Self, LimitReached> {
        let limit = self.connections.limit_per_client.load(Ordering::Relaxed);
        let Some(client) = client.filter(|_| limit > 0) else { return Ok(self) };
        {
            let mut per_client = self.connections.per_client.lock().unwrap_or_else(PoisonError::into_inner);
            let open = per_client.entry(client).or_insert(0);
            if *open >= limit {
                return Err(LimitReached::Client);
            }
            *open += 1;
        }
        self.client = Some(client);
        Ok(self)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut per_client = self.connections.per_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut open) = per_client.entry(client) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

/// Rejects a connection with a response. The request is read first: closing a socket with unread bytes resets the connection, and
/// the response would be lost with it.
pub(in crate::server) fn reject<S: ClientStream>(
    mut client: S,
    reached: LimitReached,
    connections: &Arc<Connections>,
) {
    let Some(permit) = connections.admit_rejected() else { return };
    tokio::spawn(async move {
        let _permit = permit;
        let rejection = async {
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await?;
            client.write_all(reached.response().as_bytes()).await?;
            client.shutdown().await?;
            while client.read(&mut request).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(REJECTION_TIMEOUT, rejection).await;
    });
}

/// File descriptors reserved for everything but connections: listeners, open assets, the log.
const OTHER_DESCRIPTORS: usize = 2048;

/// Raises the process's limit of file descriptors to its maximum, and returns how many connections fit under it: `wanted` or, with
/// a warning, fewer.
pub(in crate::server) fn affordable(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(e) = setrlimit(Resource::Nofile, raised) {
            log::warn!("cannot raise the limit of open files: {e}");
        }
    }
    let descriptors =
        getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let fitting = descriptors.saturating_sub(OTHER_DESCRIPTORS.min(descriptors / 2)).max(1);
    if fitting < wanted {
        log::warn!(
            "limits.connections is {wanted}, but the operating system allows this process {descriptors} open files, \
             so at most {fitting} connections are accepted; raise the limit (`ulimit -n`, LimitNOFILE=)"
        );
    }
    wanted.min(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<Client> = Some(Client::V4(1));
    const B: Option<Client> = Some(Client::V6(1));

    #[test]
    fn the_limit_applies_and_permits_are_given_back() {
        let connections = Arc::new(Connections::new(1, 0));
        let first = connections.admit(A).expect("the one place");
        assert_eq!(connections.admit(B).err(), Some(LimitReached::Server));
        let rejected = connections.admit_rejected().expect("a permit to be rejected");
        drop(first);
        assert_eq!(
            connections.admit(A).err(),
            Some(LimitReached::Server),
            "a rejected connection counts, too"
        );
        drop(rejected);
        assert!(connections.admit(B).is_ok());
    }

    #[test]
    fn each_client_has_its_own_limit_and_clients_without_connections_are_forgotten() {
        let connections = Arc::new(Connections::new(5, 2));
        let first = connections.admit(A).expect("a place");
        let second = connections.admit(A).expect("a place");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Client));
        let other = connections.admit(B).expect("a place");
        let uncounted = [connections.admit(None), connections.admit(None)];
        assert!(uncounted.iter().all(Result::is_ok), "rejected connections hold no permit");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Server));
        drop(uncounted);
        drop(first);
        let third = connections.admit(A).expect("the place of the first");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Client));
        drop((second, third, other));
        assert!(connections.per_client.lock().unwrap().is_empty());
        assert_eq!(connections.open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn changed_limits_apply_to_new_connections() {
        let connections = Arc::new(Connections::new(1, 0));
        let first = connections.admit(A).expect("the one place");
        assert_eq!(connections.admit(B).err(), Some(LimitReached::Server));
        connections.set_limits(3, 1);
        let second = connections.admit(A).expect("the first was not counted");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Client));
        let third = connections.admit(B).expect("a place");
        connections.set_limits(1, 0);
        drop((second, third));
        assert_eq!(connections.admit(B).err(), Some(LimitReached::Server));
        drop(first);
        assert!(connections.admit(B).is_ok());
        assert!(connections.per_client.lock().unwrap().is_empty());
    }

    #[test]
    fn the_response_beyond_the_limit_has_the_right_length() {
        for reached in [LimitReached::Server, LimitReached::Client] {
            let text = reached.response();
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{text}");
        }
    }
}
