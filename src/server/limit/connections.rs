//! How many connections are open, and what becomes of those that are too many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Client;
use crate::log_throttle::SummaryThrottle;

/// Counts the connections of all serving cores.
#[derive(Debug)]
pub(in crate::server) struct Connections {
    open: AtomicUsize,
    limit: AtomicUsize,
    /// Those of each client that has any.
    of_clients: Mutex<HashMap<Client, usize>>,
    /// 0 where clients are not counted.
    limit_per_client: AtomicUsize,
    rejected: SummaryThrottle<u64>,
    rejected_per_client: SummaryThrottle<u64>,
    accept_errors: SummaryThrottle<u64>,
}

/// The right to a connection, given back when dropped.
#[derive(Debug)]
pub(in crate::server) struct Permit {
    connections: Arc<Connections>,
    /// As whose it counts.
    client: Option<Client>,
}

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum LimitReached {
    /// All places are taken.
    Server,
    /// The client has as many as one may.
    Client,
}

/// How many connections past the limit are told so at one time; the others are closed without a word.
const MAX_REJECTIONS: usize = 256;
/// How long a client that is turned away may take over its request and our answer.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(5);

impl LimitReached {
    /// What a client is told for whom there is no place.
    fn answer(self) -> String {
        let reason = match self {
            Self::Server => "this server has as many connections as it is allowed to",
            Self::Client => "this client has as many connections to this server as one client may have",
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
    /// `limit` connections in all, and of each client `limit_per_client`; as many as there are where that is 0.
    pub(in crate::server) fn new(limit: usize, limit_per_client: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            of_clients: Mutex::default(),
            limit_per_client: AtomicUsize::new(limit_per_client),
            rejected: SummaryThrottle::default(),
            rejected_per_client: SummaryThrottle::default(),
            accept_errors: SummaryThrottle::default(),
        }
    }

    /// Sets other limits. They hold for connections to come; none that is open is ended. Where clients were not counted before,
    /// what they have open goes on not to count.
    pub(in crate::server) fn set_limits(&self, limit: usize, limit_per_client: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.limit_per_client.store(limit_per_client, Ordering::Relaxed);
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many are open, those included that are being told that they are too many.
    pub(in crate::server) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed) as u64
    }

    /// A place for one more connection, which counts as `client`'s.
    pub(in crate::server) fn admit(self: &Arc<Self>, client: Option<Client>) -> Result<Permit, LimitReached> {
        let mut permit = self.take(self.limit()).ok_or(LimitReached::Server)?;
        let limit_per_client = self.limit_per_client.load(Ordering::Relaxed);
        if let Some(client) = client.filter(|_| limit_per_client > 0) {
            let mut of_clients = self.of_clients.lock().unwrap_or_else(PoisonError::into_inner);
            let open = of_clients.entry(client).or_insert(0);
            if *open >= limit_per_client {
                // Given back once nothing is locked.
                return Err(LimitReached::Client);
            }
            *open += 1;
            permit.client = Some(client);
        }
        Ok(permit)
    }

    /// A place among those that are told that there is no other.
    fn admit_rejected(self: &Arc<Self>) -> Option<Permit> {
        self.take(self.limit() + MAX_REJECTIONS)
    }

    /// Tells the operator, now and then, that the system lets us accept none.
    pub(in crate::server) fn log_accept_error(&self, error: io::Error) {
        self.accept_errors.record(|count| *count += 1, move |count| {
            log::warn!(
                "no connection can be accepted: {error}; it was tried {count} times since this was last told"
            );
        });
    }

    /// Tells the operator, now and then, that connections are turned away, last one from `peer`.
    pub(in crate::server) fn log_rejected(&self, full: LimitReached, peer: IpAddr) {
        match full {
            LimitReached::Server => {
                let limit = self.limit();
                self.rejected.record(|count| *count += 1, move |count| {
                    log::warn!(
                        "{count} connections were turned away: all {limit} of limits.connections are taken"
                    );
                });
            }
            LimitReached::Client => {
                let limit = self.limit_per_client.load(Ordering::Relaxed);
                self.rejected_per_client.record(|count| *count += 1, move |count| {
                    log::warn!(
                        "{count} connections were turned away: {peer}, and perhaps others, had all {limit} of \
                         limits.connections_per_client; whom that must not hit belongs in limits.exempt, and a proxy in \
                         trusted_proxies"
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

impl Drop for Permit {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut of_clients = self.connections.of_clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut open) = of_clients.entry(client) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

/// Tells a client that it is one too many. Its request is read first: closing a socket with unread bytes resets the
/// connection, and the answer would be lost with it.
pub(in crate::server) fn reject(mut client: TcpStream, full: LimitReached, connections: &Arc<Connections>) {
    let Some(permit) = connections.admit_rejected() else { return };
    tokio::spawn(async move {
        let _permit = permit;
        let farewell = async {
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await?;
            client.write_all(full.answer().as_bytes()).await?;
            client.shutdown().await?;
            while client.read(&mut request).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(REJECTION_TIMEOUT, farewell).await;
    });
}

/// File descriptors that are kept for what is not a connection: listeners, files that are sent or held, the log.
const OTHER_DESCRIPTORS: usize = 2048;

/// Raises the process's limit of file descriptors as far as it may, and says how many connections fit under it: `wanted`
/// or, with a warning, fewer.
pub(in crate::server) fn affordable(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(e) = setrlimit(Resource::Nofile, raised) {
            log::warn!("the limit of open files could not be raised: {e}");
        }
    }
    let descriptors =
        getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let fitting = descriptors.saturating_sub(OTHER_DESCRIPTORS.min(descriptors / 2)).max(1);
    if fitting < wanted {
        log::warn!(
            "limits.connections is {wanted}, but the operating system allows this process {descriptors} open files, \
             so at most {fitting} connections are taken; raise the limit (`ulimit -n`, LimitNOFILE=)"
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
    fn the_limit_holds_and_places_come_back() {
        let connections = Arc::new(Connections::new(1, 0));
        let first = connections.admit(A).expect("the one place");
        assert_eq!(connections.admit(B).err(), Some(LimitReached::Server));
        let told = connections.admit_rejected().expect("a place to be told");
        drop(first);
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Server), "being told takes a place too");
        drop(told);
        assert!(connections.admit(B).is_ok());
    }

    #[test]
    fn each_client_has_its_own_limit_and_nobody_is_remembered_who_has_gone() {
        let connections = Arc::new(Connections::new(5, 2));
        let first = connections.admit(A).expect("a place");
        let second = connections.admit(A).expect("a place");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Client));
        let other = connections.admit(B).expect("a place");
        let nobodys = [connections.admit(None), connections.admit(None)];
        assert!(nobodys.iter().all(Result::is_ok), "what is turned away takes no place");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Server));
        drop(nobodys);
        drop(first);
        let third = connections.admit(A).expect("the place of the first");
        assert_eq!(connections.admit(A).err(), Some(LimitReached::Client));
        drop((second, third, other));
        assert!(connections.of_clients.lock().unwrap().is_empty());
        assert_eq!(connections.open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn limits_that_change_hold_from_then_on() {
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
        assert!(connections.of_clients.lock().unwrap().is_empty());
    }

    #[test]
    fn the_answer_past_the_limit_has_the_length_it_says() {
        for full in [LimitReached::Server, LimitReached::Client] {
            let text = full.answer();
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{text}");
        }
    }
}
