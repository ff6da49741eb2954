//! What is known of a connection while it lasts: how far it has got, what it waits for and how long it may, and what it
//! was told from outside. No bytes pass here; those who serve the connection are in [`speaking`](super::serve).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::bad_head::Refusal;
use super::http2_flood::FloodGuard;
use super::send_queue::SendQueue;
use crate::config::Limits;
use crate::server::reporter::Reporter;
use crate::server::request::record::{Record, Transport};
use crate::server::tls::Protocol;

/// How long a client that has ended its side of the connection is worked for. It may have gone, or only have nothing
/// more to ask (RFC 9112 section 9.6 lets it say so); TCP does not tell until it is written to.
pub(in crate::server) const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is told from outside of it. The later ones outdo the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::server) enum Command {
    /// Serve.
    Serve,
    /// Close when what is under way has ended.
    Drain,
    /// Close now, unless the client has moved after all.
    CloseOverdue,
    /// Close now.
    Close,
}

/// What is known of a connection while it lasts.
///
/// Only its own core touches it, so most of this is read and then written without holding anything against others.
#[derive(Debug)]
pub(in crate::server) struct Connection {
    pub(in crate::server) client: SocketAddr,
    multiplexed: bool,
    transport: Transport,
    /// Requests without a finished response.
    in_flight: AtomicU32,
    /// Whether there was ever a request.
    used: AtomicBool,
    /// Bytes that the socket has taken.
    written: AtomicU64,
    /// Those of them that the client has not.
    queue: SendQueue,
    /// What the client has sent, over HTTP/2, and had reason to.
    flood_guard: FloodGuard,
    /// Counts what timeout begins anew with.
    activity: AtomicU32,
    /// The activity in which timeout ended.
    overdue_at: AtomicU32,
    /// Whether it was told to end because the client does not take what it asked for.
    aborted: AtomicBool,
    /// Whether the socket would take no more when it was last asked.
    blocked: AtomicBool,
    /// Whether there is a request without an answer to send.
    awaited: AtomicBool,
    /// Whether the client ended its side in the middle of an exchange.
    half_closed: AtomicBool,
    /// Whether the first byte of a request head has come and its end has not.
    in_head: AtomicBool,
    /// Records of exchanges whose last bytes may still be on their way to the socket, oldest first.
    #[expect(clippy::vec_box, reason = "they are handed on in their boxes")]
    ended: Mutex<Vec<Box<Record>>>,
    /// Whether there are such exchanges, told of or not.
    has_ended: AtomicBool,
    /// How many bytes the socket had taken when a response last left, and how many of those the client had not when it was closed:
    /// where it had ended its side, and is told of only then.
    flushed: AtomicU64,
    unacknowledged_at_close: AtomicU64,
    /// When each response of a multiplexed connection last moved: nanoseconds since `accepted`.
    responses: Mutex<Vec<Weak<AtomicU64>>>,
    accepted: Instant,
    /// An [`Command`].
    pending: AtomicU8,
    /// The task that serves it.
    task: Waker,
    reporter: Arc<Reporter>,
}

impl Connection {
    /// A connection that the calling task serves from now on. What is `accepted` then has the time of a request head.
    pub(in crate::server) async fn of_this_task(
        client: SocketAddr,
        accepted: Instant,
        protocol: Protocol,
        transport: Transport,
        reporter: &Arc<Reporter>,
    ) -> Arc<Self> {
        let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        Arc::new(Self::new(client, accepted, protocol, transport, task, Arc::clone(reporter)))
    }

    fn new(
        client: SocketAddr,
        accepted: Instant,
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
            responses: Mutex::default(),
            accepted,
            pending: AtomicU8::new(Command::Serve as u8),
            task,
            reporter,
        }
    }

    /// Tells the connection what to do, unless it has been told to do more than that.
    pub(in crate::server) fn command(&self, pending: Command) {
        if self.pending.fetch_max(pending as u8, Ordering::Relaxed) < pending as u8 {
            self.task.wake_by_ref();
        }
    }

    /// Tells the connection to end, since the client's time was over in `activity`.
    pub(in crate::server) fn close_overdue(&self, activity: u32) {
        self.aborted.store(self.waits_for_client(), Ordering::Relaxed);
        self.overdue_at.store(activity, Ordering::Relaxed);
        self.command(Command::CloseOverdue);
    }

    /// Tells the connection to end, since the client takes too little.
    pub(in crate::server) fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        self.command(Command::Close);
    }

    /// Whether it ends because the client does not take what it asked for, so that nothing of that is worth keeping.
    pub(in crate::server) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    /// Whether the client has moved since it was found overdue: what it did may have lain with the kernel.
    pub(in crate::server) fn is_active_again(&self, limits: &Limits) -> bool {
        self.activity() != self.overdue_at.load(Ordering::Relaxed)
            || self.overdue(limits, Duration::MAX).is_none()
    }

    /// Takes back the pending to leave.
    pub(in crate::server) fn resume(&self, draining: bool) {
        self.aborted.store(false, Ordering::Relaxed);
        let pending = if draining { Command::Drain } else { Command::Serve };
        self.pending.store(pending as u8, Ordering::Relaxed);
    }

    pub(in crate::server) fn pending(&self) -> Command {
        match self.pending.load(Ordering::Relaxed) {
            0 => Command::Serve,
            1 => Command::Drain,
            2 => Command::CloseOverdue,
            _ => Command::Close,
        }
    }

    pub(in crate::server) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Whether several requests may be under way at once.
    pub(in crate::server) fn is_multiplexed(&self) -> bool {
        self.multiplexed
    }

    /// Nanoseconds since the connection was accepted.
    pub(in crate::server) fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Changes whenever timeout with the client is to begin anew.
    pub(in crate::server) fn activity(&self) -> u32 {
        self.activity.load(Ordering::Relaxed)
    }

    /// While the socket takes nothing, nothing else that happens makes the client less late.
    fn note_activity(&self) {
        if !self.blocked.load(Ordering::Relaxed) {
            self.activity.store(self.activity().wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Bytes that the socket has taken so far.
    pub(in crate::server) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What the kernel holds of them.
    pub(in crate::server) fn queue(&self) -> &SendQueue {
        &self.queue
    }

    /// Bytes that the client has taken so far.
    pub(in crate::server) fn taken(&self) -> u64 {
        self.written().saturating_sub(self.queue.len())
    }

    /// Whether the client is to take something before we can do more.
    pub(in crate::server) fn waits_for_client(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) || self.longest_stall().is_some_and(|rest| rest > Duration::ZERO)
    }

    pub(in crate::server) fn wrote(&self, n: usize) {
        self.written.store(self.written() + n as u64, Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            self.blocked.store(false, Ordering::Relaxed);
            self.note_activity();
        }
    }

    pub(in crate::server) fn blocked_write(&self) {
        // Only what follows a success is a new wait.
        self.note_activity();
        self.blocked.store(true, Ordering::Relaxed);
    }

    pub(in crate::server) fn received_data(&self) {
        if !self.multiplexed && self.requests() == 0 && !self.in_head.load(Ordering::Relaxed) {
            self.in_head.store(true, Ordering::Relaxed);
            self.note_activity();
        }
    }

    /// Notes that the client has sent `n` more bytes; false where it sends too much for nothing.
    pub(in crate::server) fn received(&self, n: usize) -> bool {
        !self.multiplexed || self.flood_guard.receive(n as u64)
    }

    /// Notes that `n` more bytes of a response were handed over, of which the client may have something to say.
    pub(in crate::server) fn handed_over(&self, n: usize) {
        self.flood_guard.credit_body(n as u64);
    }

    /// Notes that a request with a head of `len` bytes was taken back, or cut.
    pub(in crate::server) fn cancelled(&self, len: u64) {
        self.flood_guard.debit_reset(len);
    }

    /// The client will send nothing more. Says whether that can wait, because it is owed a response.
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

    /// Whether the client has ended its side of the connection and has now had all that it asked for.
    pub(in crate::server) fn is_done(&self) -> bool {
        self.half_closed.load(Ordering::Relaxed) && self.requests() == 0
    }

    /// Requests without a finished response.
    fn requests(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A request head of `len` bytes, were it not compressed, has come in.
    pub(in crate::server) fn begin(&self, len: u64) {
        self.flood_guard.credit_request(len);
        self.awaited.store(true, Ordering::Relaxed);
        self.in_flight.store(self.requests() + 1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.note_activity();
    }

    /// There is an answer to the request.
    pub(in crate::server) fn answered(&self) {
        self.awaited.store(false, Ordering::Relaxed);
    }

    /// The time at which a response last moved, to be kept up to date by whoever sends it.
    pub(in crate::server) fn watch_progress(&self) -> Arc<AtomicU64> {
        let progress = Arc::new(AtomicU64::new(self.now()));
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        responses.retain(|response| response.strong_count() > 0);
        responses.push(Arc::downgrade(&progress));
        progress
    }

    /// A response has ended, by its last byte or before; `record` is what is to be told of it.
    pub(in crate::server) fn end(&self, record: Option<Box<Record>>) {
        self.in_flight.store(self.requests() - 1, Ordering::Relaxed);
        self.note_activity();
        if self.multiplexed {
            if let Some(mut record) = record {
                record.leave();
                self.reporter.report(self.client, record);
            }
            return;
        }
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(record) = record {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        }
    }

    /// A request head that could not be read is to be answered with this.
    pub(in crate::server) fn rejected(&self, refusal: &Refusal) {
        let is_logged = self.reporter.is_logged();
        if is_logged || self.reporter.is_metered() {
            let record = Record::of_rejected(refusal, is_logged, self.written());
            self.has_ended.store(true, Ordering::Relaxed);
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(record));
        }
    }

    /// All that was to be written has been.
    pub(in crate::server) fn flushed(&self) {
        if !self.has_ended.load(Ordering::Relaxed) {
            return;
        }
        self.has_ended.store(false, Ordering::Relaxed);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if self.half_closed.load(Ordering::Relaxed) {
            self.flushed.store(self.written(), Ordering::Relaxed);
            // Perhaps nobody is there to take it, which shows once it has been written.
            ended.iter_mut().for_each(|record| record.leave());
            return;
        }
        for mut record in ended.drain(..) {
            record.leave();
            self.reporter.report(self.client, record);
        }
    }

    /// Whether nothing is left to be found out: not whether a client that has ended its side has taken what there was for it.
    pub(in crate::server) fn is_settled(&self) -> bool {
        let none_is_untold = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        !self.half_closed.load(Ordering::Relaxed) || none_is_untold() || self.unacknowledged() == 0
    }

    /// Bytes of responses that the kernel holds for the client: without what followed them, the end of our side included, which it
    /// counts as one.
    fn unacknowledged(&self) -> u64 {
        let followed = self.written().saturating_sub(self.flushed.load(Ordering::Relaxed));
        self.queue.len().saturating_sub(followed + 1)
    }

    /// The socket is closed next.
    pub(in crate::server) fn close(&self) {
        if self.half_closed.load(Ordering::Relaxed) {
            self.unacknowledged_at_close.store(self.unacknowledged(), Ordering::Relaxed);
        }
        self.queue.close();
    }

    /// Whether every response has left, so that whatever is written now is none that the handler gave. Always false where
    /// several are under way at once.
    pub(in crate::server) fn is_between_responses(&self) -> bool {
        !self.multiplexed && self.requests() == 0 && !self.has_ended.load(Ordering::Relaxed)
    }

    /// Says over what the client has kept us waiting for too long, if it has, where its [activity](Self::activity) has been the
    /// same for `waited`.
    pub(in crate::server) fn overdue(&self, limits: &Limits, waited: Duration) -> Option<&'static str> {
        let (waited, timeout, why) = if self.blocked.load(Ordering::Relaxed) {
            (waited, limits.stall_timeout, "it took nothing of a response")
        } else if self.half_closed.load(Ordering::Relaxed) && self.awaited.load(Ordering::Relaxed) {
            (waited, HALF_CLOSED_TIMEOUT, "it has gone")
        } else if self.requests() > 0 {
            (self.longest_stall()?, limits.stall_timeout, "it took nothing of a response")
        } else if self.in_head.load(Ordering::Relaxed) {
            (waited, limits.head_timeout, "its request head took too long")
        } else if self.used.load(Ordering::Relaxed) {
            (waited, limits.idle_timeout, "it asked for nothing")
        } else {
            (waited, limits.head_timeout, "it asked for nothing")
        };
        (waited >= timeout).then_some(why)
    }

    /// How long ago that response of a multiplexed connection moved that has rested the longest; `None` while it is we who
    /// are to act.
    fn longest_stall(&self) -> Option<Duration> {
        let responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = responses.iter().filter_map(Weak::upgrade).map(|moved| moved.load(Ordering::Relaxed));
        Some(Duration::from_nanos(self.now().saturating_sub(moved.min()?)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let unacknowledged_at_close = *self.unacknowledged_at_close.get_mut();
        let (taken, transport) = (self.written().saturating_sub(unacknowledged_at_close), self.transport);
        for mut record in self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if unacknowledged_at_close > 0 || !record.has_left {
                record.cut(taken, transport);
            }
            self.reporter.report(self.client, record);
        }
    }
}
