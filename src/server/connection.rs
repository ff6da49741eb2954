//! One connection: which protocol it speaks, how long it may keep us waiting, and how it ends.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep_until, timeout};

use super::body::MULTIPLEXED_SLICE;
use super::exchange::Ended;
use super::limits::Permit;
use super::wire::Wire;
use super::{Service, handler};
use crate::config::Limits;

/// What a client sends first if it speaks HTTP/2 without being asked (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a client that has ended its side of the connection is worked for. It may have gone, or only have nothing
/// more to ask (RFC 9112 section 9.6 lets it say so); TCP does not tell until it is written to.
const ENDED_ITS_SIDE: Duration = Duration::from_secs(5);
/// How long the first bytes of a connection may take once the server is to end. What the client sent before it could
/// know may lie with the kernel already, and this is time to look.
const LAST_LOOK: Duration = Duration::from_millis(50);
/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 64;

/// What is known of a connection while it lasts. Times are nanoseconds since `accepted`.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    accepted: Instant,
    multiplexed: bool,
    /// Requests without a finished response.
    in_flight: AtomicU32,
    /// Whether there was ever a request.
    used: AtomicBool,
    /// Bytes that the socket has taken.
    written: AtomicU64,
    /// When the socket last took some.
    progress: AtomicU64,
    /// Whether the socket would take no more when it was last asked.
    blocked: AtomicBool,
    /// Whether there is a request without an answer to send.
    awaited: AtomicBool,
    /// When the client ended its side in the middle of an exchange; 0 where it did not.
    ended_its_side: AtomicU64,
    half_closed: Notify,
    /// When the first byte of a request head came whose end has not; 0 for none.
    head_since: AtomicU64,
    /// When the last response ended.
    idle_since: AtomicU64,
    /// Exchanges whose last bytes may still be on their way to the socket, oldest first.
    ended: Mutex<Vec<Ended>>,
    has_ended: AtomicBool,
    /// When each response of a multiplexed connection last moved.
    responses: Mutex<Vec<Weak<AtomicU64>>>,
    service: Arc<Service>,
}

/// Serves one connection to its end.
pub(super) async fn serve(mut stream: TcpStream, client: SocketAddr, service: Arc<Service>, _permit: Permit) {
    let accepted = Instant::now();
    let Some(prefix) = sniff(&mut stream, &service).await else { return };
    let multiplexed = &*prefix == PREFACE;
    let connection = Arc::new(Connection::new(client, accepted, multiplexed, Arc::clone(&service)));
    let io = TokioIo::new(Wire::new(stream, prefix, Arc::clone(&connection)));
    let handle = service_fn({
        let connection = Arc::clone(&connection);
        move |request| handler::handle(request, Arc::clone(&connection))
    });
    let head_size = service.limits.head_size;
    if multiplexed {
        let mut speaking = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .max_send_buf_size(MULTIPLEXED_SLICE)
                .max_header_list_size(u32::try_from(head_size).unwrap_or(u32::MAX))
                .serve_connection(io, handle)
        );
        drive(speaking.as_mut(), http2::Connection::graceful_shutdown, &connection).await;
    } else {
        let mut speaking = pin!(http1::Builder::new().max_buf_size(head_size).serve_connection(io, handle));
        drive(speaking.as_mut(), http1::Connection::graceful_shutdown, &connection).await;
    }
}

/// Reads as much as it takes to tell HTTP/2 from HTTP/1; `None` where the client takes too long over it, leaves, or has
/// asked nothing when the server is to end.
async fn sniff(stream: &mut TcpStream, service: &Service) -> Option<Bytes> {
    let mut start = [0; PREFACE.len()];
    let mut len = 0;
    let reading = async {
        while len < PREFACE.len() && PREFACE.starts_with(&start[..len]) {
            match stream.read(&mut start[len..]).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => len += n,
            }
        }
        Some(Bytes::copy_from_slice(&start[..len]))
    };
    let mut reading = pin!(timeout(service.limits.head_timeout, reading));
    let prefix = tokio::select! {
        biased;
        prefix = reading.as_mut() => prefix,
        () = service.stopping.drain.cancelled() => timeout(LAST_LOOK, reading).await.and_then(|prefix| prefix),
    };
    prefix.ok().flatten()
}

/// Lets a connection run until it ends, is told to end, or has kept us waiting for too long.
///
/// Borrowed, since a future that is handed over takes its place twice in the one that it is handed to, and there may be
/// ten thousand of these.
async fn drive<C>(mut speaking: Pin<&mut C>, begin_shutdown: impl Fn(Pin<&mut C>), connection: &Connection)
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut watch = pin!(connection.watch());
    let drain = &connection.service.stopping.drain;
    let mut drained = pin!(drain.cancelled());
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            result = speaking.as_mut() => {
                if let Err(e) = result {
                    log::debug!("{}: {e}", connection.client);
                }
                return;
            }
            () = drained.as_mut(), if !draining => {
                draining = true;
                begin_shutdown(speaking.as_mut());
            }
            why = watch.as_mut() => {
                log::debug!("{}: closed: {why}", connection.client);
                return;
            }
        }
    }
}

impl Connection {
    fn new(client: SocketAddr, accepted: Instant, multiplexed: bool, service: Arc<Service>) -> Self {
        Self {
            client,
            accepted,
            multiplexed,
            in_flight: AtomicU32::new(0),
            used: AtomicBool::new(false),
            written: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            ended_its_side: AtomicU64::new(0),
            half_closed: Notify::new(),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            ended: Mutex::default(),
            has_ended: AtomicBool::new(false),
            responses: Mutex::default(),
            service,
        }
    }

    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Whether several requests may be under way at once.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed
    }

    /// Nanoseconds since the connection was accepted; never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// Bytes that the socket has taken so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn wrote(&self, n: usize) {
        self.written.fetch_add(n as u64, Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            self.blocked.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn is_blocked(&self) {
        // Only what follows a success is a new wait.
        if !self.blocked.swap(true, Ordering::Relaxed) {
            self.progress.store(self.now(), Ordering::Relaxed);
        }
    }

    pub(super) fn read_something(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// The client will send nothing more. Says whether that can wait, because it is owed a response.
    pub(super) fn read_the_end(&self) -> bool {
        let is_owed = self.in_flight.load(Ordering::Relaxed) > 0 || self.has_ended.load(Ordering::Relaxed);
        if self.multiplexed || !is_owed {
            return false;
        }
        if self.ended_its_side.load(Ordering::Relaxed) == 0 {
            self.ended_its_side.store(self.now(), Ordering::Relaxed);
            self.half_closed.notify_one();
        }
        true
    }

    /// Whether the client has ended its side of the connection and has now had all that it asked for.
    pub(super) fn is_done(&self) -> bool {
        self.ended_its_side.load(Ordering::Relaxed) > 0 && self.in_flight.load(Ordering::Relaxed) == 0
    }

    /// A request head has come in.
    pub(super) fn begin(&self) {
        self.awaited.store(true, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
    }

    /// There is an answer to the request.
    pub(super) fn answered(&self) {
        self.awaited.store(false, Ordering::Relaxed);
    }

    /// The time at which a response last moved, to be kept up to date by whoever sends it.
    pub(super) fn watch_progress(&self) -> Arc<AtomicU64> {
        let progress = Arc::new(AtomicU64::new(self.now()));
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        responses.retain(|response| response.strong_count() > 0);
        responses.push(Arc::downgrade(&progress));
        progress
    }

    /// A response has ended, by its last byte or before.
    pub(super) fn end(&self, ended: Ended) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.idle_since.store(self.now(), Ordering::Relaxed);
        if self.multiplexed {
            self.service.access_log.tell(self.client, ended.flushed());
        } else {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
            self.has_ended.store(true, Ordering::Relaxed);
        }
    }

    /// All that was to be written has been.
    pub(super) fn flushed(&self) {
        if self.has_ended.swap(false, Ordering::Relaxed) {
            for ended in self.ended.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                self.service.access_log.tell(self.client, ended.flushed());
            }
        }
    }

    /// Whether every response has left, so that whatever is written now is none that the handler gave. Always false where
    /// several are under way at once.
    pub(super) fn is_between_responses(&self) -> bool {
        !self.multiplexed
            && self.in_flight.load(Ordering::Relaxed) == 0
            && !self.has_ended.load(Ordering::Relaxed)
    }

    /// Returns when the client has kept us waiting for too long, and says over what.
    async fn watch(&self) -> &'static str {
        let limits = &self.service.limits;
        // A wait that begins after a look must not be over before the next look.
        let step = limits.head_timeout.min(limits.idle_timeout).min(limits.stall_timeout);
        loop {
            let now = Instant::now();
            let next = match self.due(limits) {
                Some((due, why)) if due <= now => return why,
                Some((due, _)) => due.min(now + step),
                None => now + step,
            };
            tokio::select! {
                () = sleep_until(next.into()) => {}
                () = self.half_closed.notified() => {}
            }
        }
    }

    /// When the patience with the client ends, as things are; `None` while it is we who are to act.
    fn due(&self, limits: &Limits) -> Option<(Instant, &'static str)> {
        let after = |since: u64, patience: Duration| self.accepted + Duration::from_nanos(since) + patience;
        let load = |time: &AtomicU64| time.load(Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            return Some((
                after(load(&self.progress), limits.stall_timeout),
                "it took nothing of a response",
            ));
        }
        let ended = load(&self.ended_its_side);
        if ended > 0 && self.awaited.load(Ordering::Relaxed) {
            return Some((after(ended, ENDED_ITS_SIDE), "it has gone"));
        }
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            let responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = responses.iter().filter_map(Weak::upgrade).map(|progress| load(&progress)).min()?;
            return Some((after(oldest, limits.stall_timeout), "it took nothing of a response"));
        }
        let head_since = load(&self.head_since);
        if head_since > 0 && !self.multiplexed {
            return Some((after(head_since, limits.head_timeout), "its request head took too long"));
        }
        let patience =
            if self.used.load(Ordering::Relaxed) { limits.idle_timeout } else { limits.head_timeout };
        Some((after(load(&self.idle_since), patience), "it asked for nothing"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let written = self.written();
        for ended in self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.service.access_log.tell(self.client, ended.cut(written));
        }
    }
}
