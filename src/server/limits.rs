//! How many connections are open, and what becomes of those that are too many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Counts the connections of all serving cores.
#[derive(Debug)]
pub(super) struct Connections {
    open: AtomicUsize,
    limit: usize,
    turned_away: Mutex<TurnedAway>,
}

/// Connections past the limit that the operator has not been told of yet.
#[derive(Debug, Default)]
struct TurnedAway {
    count: u64,
    told: Option<Instant>,
}

/// The right to a connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Connections>);

/// How many connections past the limit are told so at one time; the others are closed without a word.
const TOLD_AT_ONCE: usize = 256;
/// Between two warnings that connections are turned away.
const WARNING_GAP: Duration = Duration::from_secs(10);
/// How long a client that is turned away may take over its request and our answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a client past the limit is told.
const OVERLOADED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 82\r\n\
    Cache-Control: no-store\r\n\
    Retry-After: 1\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Connection: close\r\n\
    \r\n\
    503 Service Unavailable: this server has as many connections as it is allowed to.\n";

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { open: AtomicUsize::new(0), limit, turned_away: Mutex::default() }
    }

    /// A place for one more connection; `None` where there is none.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Permit> {
        self.take(self.limit)
    }

    /// A place among those that are told that there is no other.
    fn admit_to_be_told(self: &Arc<Self>) -> Option<Permit> {
        self.take(self.limit + TOLD_AT_ONCE)
    }

    /// Tells the operator, now and then, that connections are turned away.
    fn warn(&self) {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        turned_away.count += 1;
        if turned_away.told.is_none_or(|told| told.elapsed() >= WARNING_GAP) {
            let TurnedAway { count, .. } =
                std::mem::replace(&mut *turned_away, TurnedAway { count: 0, told: Some(Instant::now()) });
            log::warn!(
                "{count} connections were turned away with 503: all {} of limits.connections are taken",
                self.limit
            );
        }
    }

    fn take(self: &Arc<Self>, limit: usize) -> Option<Permit> {
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < limit).then_some(open + 1))
            .ok()
            .map(|_| Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a client that it is one too many. Its request is read first: closing a socket with unread bytes resets the
/// connection, and the answer would be lost with it.
pub(super) fn turn_away(mut client: TcpStream, connections: &Arc<Connections>) {
    connections.warn();
    let Some(permit) = connections.admit_to_be_told() else { return };
    tokio::spawn(async move {
        let _permit = permit;
        let farewell = async {
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await?;
            client.write_all(OVERLOADED).await?;
            client.shutdown().await?;
            while client.read(&mut request).await? > 0 {}
            std::io::Result::Ok(())
        };
        let _ = timeout(FAREWELL, farewell).await;
    });
}

/// File descriptors that are kept for what is not a connection: listeners, files that are sent or held, the log.
const OTHER_DESCRIPTORS: usize = 2048;

/// Raises the process's limit of file descriptors as far as it may, and says how many connections fit under it: `wanted`
/// or, with a warning, fewer.
pub(super) fn affordable(wanted: usize) -> usize {
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

    #[test]
    fn the_limit_holds_and_places_come_back() {
        let connections = Arc::new(Connections::new(1));
        let first = connections.admit().expect("the one place");
        assert!(connections.admit().is_none());
        let told = connections.admit_to_be_told().expect("a place to be told");
        drop(first);
        assert!(connections.admit().is_none(), "being told takes a place too");
        drop(told);
        assert!(connections.admit().is_some());
    }

    #[test]
    fn the_answer_past_the_limit_has_the_length_it_says() {
        let text = std::str::from_utf8(OVERLOADED).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
