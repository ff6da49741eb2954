//! What is known of a connection while it lasts: how far it has got, what it waits for and how long it may, and what it
//! was told from outside. No bytes pass here; those who serve the connection are in [`speaking`](super::serve).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::bad_head::Refusal;
use super::http2_flood::Talk;
use super::send_queue::Queue;
use crate::config::Limits;
use crate::server::Service;
use crate::server::request::record::Record;
use crate::server::tls::Application;

/// How long a client that has ended its side of the connection is worked for. It may have gone, or only have nothing
/// more to ask (RFC 9112 section 9.6 lets it say so); TCP does not tell until it is written to.
pub(in crate::server) const ENDED_ITS_SIDE: Duration = Duration::from_secs(5);

/// What a connection is told from outside of it. The later ones outdo the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::server) enum Order {
    /// Serve.
    Go,
    /// End when what is under way has ended.
    Finish,
    /// End now, unless the client has moved after all.
    Leave,
    /// End now.
    End,
}

/// What lies between HTTP and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Layer {
    /// Nothing.
    Plain,
    /// Records that are somewhat longer than what is in them.
    Tls,
}

/// What is known of a connection while it lasts.
///
/// Only its own core touches it, so most of this is read and then written without holding anything against others.
#[derive(Debug)]
pub(in crate::server) struct Connection {
    pub(in crate::server) client: SocketAddr,
    multiplexed: bool,
    layer: Layer,
    /// Requests without a finished response.
    in_flight: AtomicU32,
    /// Whether there was ever a request.
    used: AtomicBool,
    /// Bytes that the socket has taken.
    written: AtomicU64,
    /// Those of them that the client has not.
    queue: Queue,
    /// What the client has sent, over HTTP/2, and had reason to.
    talk: Talk,
    /// Counts what patience begins anew with.
    turn: AtomicU32,
    /// The turn in which patience ended.
    overdue_in: AtomicU32,
    /// Whether it was told to end because the client does not take what it asked for.
    abandoned: AtomicBool,
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
    untaken: AtomicU64,
    /// When each response of a multiplexed connection last moved: nanoseconds since `accepted`.
    responses: Mutex<Vec<Weak<AtomicU64>>>,
    accepted: Instant,
    /// An [`Order`].
    order: AtomicU8,
    /// The task that serves it.
    task: Waker,
    service: Arc<Service>,
}

impl Connection {
    /// A connection that the calling task serves from now on. What is `accepted` then has the time of a request head.
    pub(in crate::server) async fn accept(
        client: SocketAddr,
        accepted: Instant,
        application: Application,
        layer: Layer,
        service: &Arc<Service>,
    ) -> Arc<Self> {
        let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let connection = Arc::new(Self::new(client, accepted, application, layer, task, Arc::clone(service)));
        service.patrol.watch(&connection, accepted);
        if service.stopping.drain.is_cancelled() {
            connection.give(Order::Finish);
        }
        connection
    }

    fn new(
        client: SocketAddr,
        accepted: Instant,
        application: Application,
        layer: Layer,
        task: Waker,
        service: Arc<Service>,
    ) -> Self {
        Self {
            client,
            multiplexed: application == Application::Http2,
            layer,
            in_flight: AtomicU32::new(0),
            used: AtomicBool::new(false),
            written: AtomicU64::new(0),
            queue: Queue::default(),
            talk: Talk::default(),
            turn: AtomicU32::new(0),
            overdue_in: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            half_closed: AtomicBool::new(false),
            in_head: AtomicBool::new(false),
            ended: Mutex::default(),
            has_ended: AtomicBool::new(false),
            flushed: AtomicU64::new(0),
            untaken: AtomicU64::new(0),
            responses: Mutex::default(),
            accepted,
            order: AtomicU8::new(Order::Go as u8),
            task,
            service,
        }
    }

    /// Tells the connection what to do, unless it has been told to do more than that.
    pub(in crate::server) fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::Relaxed) < order as u8 {
            self.task.wake_by_ref();
        }
    }

    /// Tells the connection to end, since the client's time was over in `turn`.
    pub(in crate::server) fn dismiss(&self, turn: u32) {
        self.abandoned.store(self.waits_to_be_taken(), Ordering::Relaxed);
        self.overdue_in.store(turn, Ordering::Relaxed);
        self.give(Order::Leave);
    }

    /// Tells the connection to end, since the client takes too little.
    pub(in crate::server) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.give(Order::End);
    }

    /// Whether it ends because the client does not take what it asked for, so that nothing of that is worth keeping.
    pub(in crate::server) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Whether the client has moved since it was found overdue: what it did may have lain with the kernel.
    pub(in crate::server) fn has_moved(&self) -> bool {
        self.turn() != self.overdue_in.load(Ordering::Relaxed)
            || self.overdue(&self.service.live.limits(), Duration::MAX).is_none()
    }

    /// Takes back the order to leave.
    pub(in crate::server) fn stay(&self, finishing: bool) {
        self.abandoned.store(false, Ordering::Relaxed);
        let order = if finishing { Order::Finish } else { Order::Go };
        self.order.store(order as u8, Ordering::Relaxed);
    }

    pub(in crate::server) fn order(&self) -> Order {
        match self.order.load(Ordering::Relaxed) {
            0 => Order::Go,
            1 => Order::Finish,
            2 => Order::Leave,
            _ => Order::End,
        }
    }

    pub(in crate::server) fn service(&self) -> &Service {
        &self.service
    }

    /// Whether several requests may be under way at once.
    pub(in crate::server) fn is_multiplexed(&self) -> bool {
        self.multiplexed
    }

    /// Nanoseconds since the connection was accepted.
    pub(in crate::server) fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Changes whenever patience with the client is to begin anew.
    pub(in crate::server) fn turn(&self) -> u32 {
        self.turn.load(Ordering::Relaxed)
    }

    /// While the socket takes nothing, nothing else that happens makes the client less late.
    fn next_turn(&self) {
        if !self.blocked.load(Ordering::Relaxed) {
            self.turn.store(self.turn().wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Bytes that the socket has taken so far.
    pub(in crate::server) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What the kernel holds of them.
    pub(in crate::server) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Bytes that the client has taken so far.
    pub(in crate::server) fn taken(&self) -> u64 {
        self.written().saturating_sub(self.queue.len())
    }

    /// Whether the client is to take something before we can do more.
    pub(in crate::server) fn waits_to_be_taken(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) || self.longest_rest().is_some_and(|rest| rest > Duration::ZERO)
    }

    pub(in crate::server) fn wrote(&self, n: usize) {
        self.written.store(self.written() + n as u64, Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            self.blocked.store(false, Ordering::Relaxed);
            self.next_turn();
        }
    }

    pub(in crate::server) fn is_blocked(&self) {
        // Only what follows a success is a new wait.
        self.next_turn();
        self.blocked.store(true, Ordering::Relaxed);
    }

    pub(in crate::server) fn read_something(&self) {
        if !self.multiplexed && self.requests() == 0 && !self.in_head.load(Ordering::Relaxed) {
            self.in_head.store(true, Ordering::Relaxed);
            self.next_turn();
        }
    }

    /// Notes that the client has sent `n` more bytes; false where it sends too much for nothing.
    pub(in crate::server) fn received(&self, n: usize) -> bool {
        !self.multiplexed || self.talk.hear(n as u64)
    }

    /// Notes that `n` more bytes of a response were handed over, of which the client may have something to say.
    pub(in crate::server) fn handed_over(&self, n: usize) {
        self.talk.of_body(n as u64);
    }

    /// Notes that a request with a head of `len` bytes was taken back, or cut.
    pub(in crate::server) fn taken_back(&self, len: u64) {
        self.talk.of_reset(len);
    }

    /// The client will send nothing more. Says whether that can wait, because it is owed a response.
    pub(in crate::server) fn read_the_end(&self) -> bool {
        let is_owed = self.requests() > 0 || self.has_ended.load(Ordering::Relaxed);
        if self.multiplexed || !is_owed {
            return false;
        }
        if !self.half_closed.load(Ordering::Relaxed) {
            self.half_closed.store(true, Ordering::Relaxed);
            self.next_turn();
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
        self.talk.of_request(len);
        self.awaited.store(true, Ordering::Relaxed);
        self.in_flight.store(self.requests() + 1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.next_turn();
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
        self.next_turn();
        if self.multiplexed {
            if let Some(mut record) = record {
                record.leave();
                self.service.tell(self.client, record);
            }
            return;
        }
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(record) = record {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        }
    }

    /// A request head that could not be read is to be answered with this.
    pub(in crate::server) fn refused(&self, refusal: &Refusal) {
        let is_logged = self.service.live.now().is_logged;
        if is_logged || self.service.is_metered {
            let record = Record::of_refused(refusal, is_logged, self.written());
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
            self.service.tell(self.client, record);
        }
    }

    /// Whether nothing is left to be found out: not whether a client that has ended its side has taken what there was for it.
    pub(in crate::server) fn is_settled(&self) -> bool {
        let none_is_untold = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        !self.half_closed.load(Ordering::Relaxed) || none_is_untold() || self.still_untaken() == 0
    }

    /// Bytes of responses that the kernel holds for the client: without what followed them, the end of our side included, which it
    /// counts as one.
    fn still_untaken(&self) -> u64 {
        let followed = self.written().saturating_sub(self.flushed.load(Ordering::Relaxed));
        self.queue.len().saturating_sub(followed + 1)
    }

    /// The socket is closed next.
    pub(in crate::server) fn close(&self) {
        if self.half_closed.load(Ordering::Relaxed) {
            self.untaken.store(self.still_untaken(), Ordering::Relaxed);
        }
        self.queue.close();
    }

    /// Whether every response has left, so that whatever is written now is none that the handler gave. Always false where
    /// several are under way at once.
    pub(in crate::server) fn is_between_responses(&self) -> bool {
        !self.multiplexed && self.requests() == 0 && !self.has_ended.load(Ordering::Relaxed)
    }

    /// Says over what the client has kept us waiting for too long, if it has, where its [turn](Self::turn) has been the
    /// same for `waited`.
    pub(in crate::server) fn overdue(&self, limits: &Limits, waited: Duration) -> Option<&'static str> {
        let (waited, patience, why) = if self.blocked.load(Ordering::Relaxed) {
            (waited, limits.stall_timeout, "it took nothing of a response")
        } else if self.half_closed.load(Ordering::Relaxed) && self.awaited.load(Ordering::Relaxed) {
            (waited, ENDED_ITS_SIDE, "it has gone")
        } else if self.requests() > 0 {
            (self.longest_rest()?, limits.stall_timeout, "it took nothing of a response")
        } else if self.in_head.load(Ordering::Relaxed) {
            (waited, limits.head_timeout, "its request head took too long")
        } else if self.used.load(Ordering::Relaxed) {
            (waited, limits.idle_timeout, "it asked for nothing")
        } else {
            (waited, limits.head_timeout, "it asked for nothing")
        };
        (waited >= patience).then_some(why)
    }

    /// How long ago that response of a multiplexed connection moved that has rested the longest; `None` while it is we who
    /// are to act.
    fn longest_rest(&self) -> Option<Duration> {
        let responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = responses.iter().filter_map(Weak::upgrade).map(|moved| moved.load(Ordering::Relaxed));
        Some(Duration::from_nanos(self.now().saturating_sub(moved.min()?)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let untaken = *self.untaken.get_mut();
        let (taken, layer) = (self.written().saturating_sub(untaken), self.layer);
        for mut record in self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if untaken > 0 || !record.has_left {
                record.cut(taken, layer);
            }
            self.service.tell(self.client, record);
        }
    }
}
