//! State of a connection: how far it has come, which timeout applies, and what it was commanded to do.
//!
//! No bytes pass here; [`serve`](super::serve) serves the connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::bad_head::ErrorResponse;
use super::http2_flood::FloodGuard;
use super::send_queue::SendQueue;
use super::streams::{Progress, Streams};
use crate::config::Limits;
use crate::server::reporter::Reporter;
use crate::server::request::record::{Record, Transport};
use crate::server::tls::Protocol;

/// How long a response is prepared for a client that has closed its side of the connection. The client may have disconnected, or
/// only have nothing more to ask (RFC 9112 section 9.6 allows that); TCP does not tell before something is written.
pub(in crate::server) const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is commanded to do. Later commands override earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::server) enum Command {
    /// Serve.
    Serve,
    /// Close once the requests in flight are finished.
    Drain,
    /// Close now, unless the client has become active after all.
    CloseOverdue,
    /// Close now.
    Close,
}

/// State of a connection.
///
/// Only its own core uses it, so most fields are read and then written without synchronisation against other threads.
#[derive(Debug)]
pub(in crate::server) struct Connection {
    pub(in crate::server) client: SocketAddr,
    multiplexed: bool,
    transport: Transport,
    /// Requests whose response is not finished.
    in_flight: AtomicU32,
    /// Whether there was ever a request.
    used: AtomicBool,
    /// Bytes that the socket has accepted.
    written: AtomicU64,
    /// Those of them that the client has not acknowledged.
    queue: SendQueue,
    /// Bounds what the client sends over HTTP/2.
    flood_guard: FloodGuard,
    /// Counts the events that restart the timeout.
    activity: AtomicU32,
    /// The count at which the timeout passed.
    overdue_at: AtomicU32,
    /// Whether it closes because the client does not read the response.
    aborted: AtomicBool,
    /// Whether the last write would have blocked.
    blocked: AtomicBool,
    /// Whether there is a request without a response to send.
    awaited: AtomicBool,
    /// Whether the client closed its side before it had its response.
    half_closed: AtomicBool,
    /// Whether the first byte of a request head has been received, and the last one has not.
    in_head: AtomicBool,
    /// Records of requests whose last bytes may not have reached the socket yet, oldest first.
    #[expect(clippy::vec_box, reason = "they are passed on in their boxes")]
    ended: Mutex<Vec<Box<Record>>>,
    /// Whether there are such requests, recorded or not.
    has_ended: AtomicBool,
    /// Bytes that the socket had accepted when the last response was flushed, and how many of them the client had not acknowledged
    /// when the socket was closed. Only for a client that has closed its side: its requests are reported only then.
    flushed: AtomicU64,
    unacknowledged_at_close: AtomicU64,
    /// Only of a multiplexed connection.
    streams: Streams,
    /// A [`Command`].
    command: AtomicU8,
    /// The task that serves it.
    task: Waker,
    reporter: Arc<Reporter>,
}

impl Connection {
    /// A connection that the calling task serves from now on.
    pub(in crate::server) async fn of_this_task(
        client: SocketAddr,
        protocol: Protocol,
        transport: Transport,
        reporter: &Arc<Reporter>,
    ) -> Arc<Self> {
        let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        Arc::new(Self::new(client, protocol, transport, task, Arc::clone(reporter)))
    }

    fn new(
        client: SocketAddr,
        protocol: Protocol,
        transport: Transport,
        task: Waker,
        reporter: Arc<Reporter>,
    ) -> Self {
        Self {
            client,
            multiplexed: protocol == Protocol::Http2,
            transport,
            in_flight: AtomicU32::new(0),
            used: AtomicBool::new(false),
            written: AtomicU64::new(0),
            queue: SendQueue::default(),
            flood_guard: FloodGuard::default(),
            activity: AtomicU32::new(0),
            overdue_at: AtomicU32::new(0),
            aborted: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            half_closed: AtomicBool::new(false),
            in_head: AtomicBool::new(false),
            ended: Mutex::default(),
            has_ended: AtomicBool::new(false),
            flushed: AtomicU64::new(0),
            unacknowledged_at_close: AtomicU64::new(0),
            streams: Streams::default(),
            command: AtomicU8::new(Command::Serve as u8),
            task,
            reporter,
        }
    }

    /// Commands the connection, unless an overriding command is pending.
    pub(in crate::server) fn command(&self, command: Command) {
        if self.command.fetch_max(command as u8, Ordering::Relaxed) < command as u8 {
            self.task.wake_by_ref();
        }
    }

    /// Closes the connection, because a timeout passed at this count of `activity`.
    pub(in crate::server) fn close_overdue(&self, activity: u32) {
        self.aborted.store(self.waits_for_client(), Ordering::Relaxed);
        self.overdue_at.store(activity, Ordering::Relaxed);
        self.command(Command::CloseOverdue);
    }

    /// Closes the connection at once, because the client reads too slowly.
    pub(in crate::server) fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        self.command(Command::Close);
    }

    /// Whether it closes because the client does not read the response, so that unsent bytes are discarded.
    pub(in crate::server) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    /// Whether the client has been active since its timeout passed: what it sent may have been in the kernel's buffer.
    pub(in crate::server) fn is_active_again(&self, limits: &Limits) -> bool {
        self.activity() != self.overdue_at.load(Ordering::Relaxed)
            || self.overdue(limits, Duration::MAX).is_none()
    }

    /// Revokes the command to close.
    pub(in crate::server) fn resume(&self, draining: bool) {
        self.aborted.store(false, Ordering::Relaxed);
        let command = if draining { Command::Drain } else { Command::Serve };
        self.command.store(command as u8, Ordering::Relaxed);
    }

    pub(in crate::server) fn pending_command(&self) -> Command {
        match self.command.load(Ordering::Relaxed) {
            0 => Command::Serve,
            1 => Command::Drain,
            2 => Command::CloseOverdue,
            _ => Command::Close,
        }
    }

    pub(in crate::server) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Whether several requests may be in flight at once.
    pub(in crate::server) fn is_multiplexed(&self) -> bool {
        self.multiplexed
    }

    /// Changes whenever the timeout restarts.
    pub(in crate::server) fn activity(&self) -> u32 {
        self.activity.load(Ordering::Relaxed)
    }

    /// Restarts the timeout. While writes block, nothing else that happens does.
    fn note_activity(&self) {
        if !self.blocked.load(Ordering::Relaxed) {
            self.activity.store(self.activity().wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Bytes that the socket has accepted so far.
    pub(in crate::server) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Measures how many of them the kernel still holds.
    pub(in crate::server) fn queue(&self) -> &SendQueue {
        &self.queue
    }

    /// Bytes that the client has acknowledged so far.
    pub(in crate::server) fn acknowledged(&self) -> u64 {
        self.written().saturating_sub(self.queue.len())
    }

    /// Whether the client has to read before the server can write more.
    pub(in crate::server) fn waits_for_client(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Records that the socket accepted `n` bytes.
    pub(in crate::server) fn wrote(&self, n: usize) {
        self.written.store(self.written() + n as u64, Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            self.blocked.store(false, Ordering::Relaxed);
            self.note_activity();
        }
    }

    /// Records that a write would have blocked.
    pub(in crate::server) fn blocked_write(&self) {
        // Only the first one after a successful write restarts the timeout.
        self.note_activity();
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// Records that the client has sent something that belongs to a request.
    pub(in crate::server) fn received_data(&self) {
        if !self.multiplexed && self.requests() == 0 && !self.in_head.load(Ordering::Relaxed) {
            self.in_head.store(true, Ordering::Relaxed);
            self.note_activity();
        }
    }

    /// Records that the client has sent `n` more bytes; false if it floods the connection.
    pub(in crate::server) fn received(&self, n: usize) -> bool {
        !self.multiplexed || self.flood_guard.receive(n as u64)
    }

    /// Records that `n` more bytes of a response were passed to HTTP/2, for which the client may send window updates.
    pub(in crate::server) fn handed_over(&self, n: usize) {
        self.flood_guard.credit_body(n as u64);
    }

    /// Records that a request with a head of `len` bytes was cancelled, or its response cut.
    pub(in crate::server) fn cancelled(&self, len: u64) {
        self.reporter.shutdown().response_cut();
        self.flood_guard.debit_reset(len);
    }

    /// Records that the client has closed its side. Returns whether the connection stays open, because a response is due.
    pub(in crate::server) fn received_end(&self) -> bool {
        let is_owed = self.requests() > 0 || self.has_ended.load(Ordering::Relaxed);
        if self.multiplexed || !is_owed {
            return false;
        }
        if !self.half_closed.load(Ordering::Relaxed) {
            self.half_closed.store(true, Ordering::Relaxed);
            self.note_activity();
        }
        true
    }

    /// Whether the client has closed its side of the connection and every response is finished.
    pub(in crate::server) fn is_done(&self) -> bool {
        self.half_closed.load(Ordering::Relaxed) && self.requests() == 0
    }

    /// Requests whose response is not finished.
    fn requests(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Records that a request head has been received, of `len` bytes before compression.
    pub(in crate::server) fn begin(&self, len: u64) {
        self.flood_guard.credit_request(len);
        self.awaited.store(true, Ordering::Relaxed);
        self.in_flight.store(self.requests() + 1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.note_activity();
    }

    /// Records that there is a response to the request.
    pub(in crate::server) fn answered(&self) {
        self.awaited.store(false, Ordering::Relaxed);
    }

    /// The streams of a multiplexed connection.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The progress of the request that was just read, on a multiplexed connection.
    pub(in crate::server) fn begin_stream(&self) -> Option<Arc<Progress>> {
        self.multiplexed.then(|| self.streams.begin())
    }

    /// Whether no response is due and none waits to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.requests() == 0
            && !self.blocked.load(Ordering::Relaxed)
            && !self.has_ended.load(Ordering::Relaxed)
    }

    /// Records that a response has ended, completely or not; `record` is to be reported.
    pub(in crate::server) fn end(&self, record: Option<Box<Record>>) {
        self.in_flight.store(self.requests() - 1, Ordering::Relaxed);
        self.note_activity();
        if self.multiplexed {
            if let Some(mut record) = record {
                record.flushed();
                self.reporter.report(self.client, record);
            }
            return;
        }
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(record) = record {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        }
    }

    /// Records that a request head that cannot be parsed is answered with `error`.
    pub(in crate::server) fn rejected(&self, error: &ErrorResponse) {
        let is_logged = self.reporter.is_logged();
        if is_logged || self.reporter.is_metered() {
            let record = Record::of_rejected(error, is_logged, self.written());
            self.has_ended.store(true, Ordering::Relaxed);
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(record));
        }
    }

    /// Records that everything was written to the socket.
    pub(in crate::server) fn flushed(&self) {
        if !self.has_ended.load(Ordering::Relaxed) {
            return;
        }
        self.has_ended.store(false, Ordering::Relaxed);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if self.half_closed.load(Ordering::Relaxed) {
            self.flushed.store(self.written(), Ordering::Relaxed);
            // The client may have disconnected; that shows only after the write.
            ended.iter_mut().for_each(|record| record.flushed());
            return;
        }
        for mut record in ended.drain(..) {
            record.flushed();
            self.reporter.report(self.client, record);
        }
    }

    /// Whether nothing remains to be learned, such as whether a client that has closed its side received its response.
    pub(in crate::server) fn is_settled(&self) -> bool {
        let all_reported = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        !self.half_closed.load(Ordering::Relaxed) || all_reported() || self.unacknowledged() == 0
    }

    /// Bytes of responses that the kernel holds for the client, without what was sent after them: the end of our side counts as one
    /// byte.
    fn unacknowledged(&self) -> u64 {
        let followed = self.written().saturating_sub(self.flushed.load(Ordering::Relaxed));
        self.queue.len().saturating_sub(followed + 1)
    }

    /// Whether the client has acknowledged everything, but perhaps the end of our side, which counts as one byte.
    pub(in crate::server) fn is_received(&self) -> bool {
        self.queue.len() <= 1
    }

    /// Whether the server shuts down.
    pub(in crate::server) fn is_draining(&self) -> bool {
        self.reporter.shutdown().drain.is_cancelled()
    }

    /// To be called right before the socket is closed.
    pub(in crate::server) fn close(&self) {
        if self.half_closed.load(Ordering::Relaxed) {
            self.unacknowledged_at_close.store(self.unacknowledged(), Ordering::Relaxed);
        }
        self.queue.close();
    }

    /// Whether every response has been flushed, so that whatever is written now comes from hyper and not from the handler. Always
    /// false on a multiplexed connection.
    pub(in crate::server) fn is_between_responses(&self) -> bool {
        !self.multiplexed && self.requests() == 0 && !self.has_ended.load(Ordering::Relaxed)
    }

    /// Which timeout has passed, if one has, after [`activity`](Self::activity) has stayed the same for `waited`.
    pub(in crate::server) fn overdue(&self, limits: &Limits, waited: Duration) -> Option<&'static str> {
        let (waited, timeout, why) = if self.blocked.load(Ordering::Relaxed) {
            (waited, limits.stall_timeout, "the client reads nothing of the response")
        } else if self.half_closed.load(Ordering::Relaxed) && self.awaited.load(Ordering::Relaxed) {
            (waited, HALF_CLOSED_TIMEOUT, "the client has closed its side")
        } else if self.requests() > 0 {
            // The server has to act, or the client has to read a stream, which is judged by itself.
            return None;
        } else if self.in_head.load(Ordering::Relaxed) {
            (waited, limits.head_timeout, "the request head took too long")
        } else if self.used.load(Ordering::Relaxed) {
            (waited, limits.idle_timeout, "idle: no further request")
        } else {
            (waited, limits.head_timeout, "idle: no request")
        };
        (waited >= timeout).then_some(why)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Over HTTP/1, not all of the last response was passed to the socket.
        if *self.has_ended.get_mut() {
            self.reporter.shutdown().response_cut();
        }
        let unacknowledged_at_close = *self.unacknowledged_at_close.get_mut();
        let (acknowledged, transport) =
            (self.written().saturating_sub(unacknowledged_at_close), self.transport);
        for mut record in self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if unacknowledged_at_close > 0 || !record.is_flushed {
                record.cut(acknowledged, transport);
            }
            self.reporter.report(self.client, record);
        }
    }
}
