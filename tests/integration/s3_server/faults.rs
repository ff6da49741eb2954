//! Faults between a bucket and its client, the requests that they affect, and gates that hold a response until the test
//! releases it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Seen;
use crate::support::eventually;

/// The count of a fault that does not end by itself.
pub(crate) const FOREVER: usize = usize::MAX;

/// One kind of misbehaviour.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Responds with this status and this S3 error code.
    Error(u16, &'static str),
    /// Responds that the bucket is in another region (301).
    Elsewhere(&'static str),
    /// Sets a header of the response.
    Set(&'static str, &'static str),
    /// Removes a header of the response.
    Without(&'static str),
    /// Sends the body in chunks, without a Content-Length.
    NoLength,
    /// Resets the connection without a response.
    HangUp,
    /// Resets the connection when so many bytes of the body have reached the client's kernel.
    ResetAfter(u64),
    /// Closes the connection when so many bytes of the body have reached the client's kernel.
    CloseAfter(u64),
    /// Sends nothing after so many bytes of the body, and leaves the connection open.
    StallAfter(u64),
    /// Waits before it responds.
    Delay(Duration),
    /// Sends at most so many bytes of the body at a time, with a pause after each.
    Dribble(usize, Duration),
    /// Responds as if the request had no range.
    IgnoreRange,
    /// Responds as if the request had no condition.
    IgnoreConditions,
}

impl Fault {
    pub(crate) const SLOW_DOWN: Self = Self::Error(503, "SlowDown");
    pub(crate) const INTERNAL_ERROR: Self = Self::Error(500, "InternalError");
    pub(crate) const ACCESS_DENIED: Self = Self::Error(403, "AccessDenied");
    pub(crate) const TIME_TOO_SKEWED: Self = Self::Error(403, "RequestTimeTooSkewed");
    pub(crate) const WRONG_SIGNATURE: Self = Self::Error(403, "SignatureDoesNotMatch");
    pub(crate) const EXPIRED_TOKEN: Self = Self::Error(400, "ExpiredToken");
    pub(crate) const NO_SUCH_BUCKET: Self = Self::Error(404, "NoSuchBucket");
    pub(crate) const NO_ETAG: Self = Self::Without("etag");
    pub(crate) const NO_LAST_MODIFIED: Self = Self::Without("last-modified");
}

impl From<Fault> for Vec<Fault> {
    fn from(fault: Fault) -> Self {
        vec![fault]
    }
}

/// Whether a fault or gate applies to a request.
pub(super) type Matcher = Box<dyn Fn(&Seen) -> bool + Send>;

/// Every request.
pub(crate) fn any(_: &Seen) -> bool {
    true
}

/// Every request for this key.
pub(crate) fn of(key: &str) -> impl Fn(&Seen) -> bool + Send + use<> {
    let key = key.to_owned();
    move |seen| seen.key == key
}

/// GET requests for this key.
pub(crate) fn gets_of(key: &str) -> impl Fn(&Seen) -> bool + Send + use<> {
    let of_key = of(key);
    move |seen| seen.method == "GET" && of_key(seen)
}

/// HEAD requests for this key.
pub(crate) fn heads_of(key: &str) -> impl Fn(&Seen) -> bool + Send + use<> {
    let of_key = of(key);
    move |seen| seen.method == "HEAD" && of_key(seen)
}

/// Faults, the requests that they affect, and how often they still do.
pub(super) struct Rule {
    pub(super) is_for: Matcher,
    pub(super) faults: Vec<Fault>,
    pub(super) left: usize,
}

/// Holds responses until the test releases them, at the latest when the gate is dropped.
pub(crate) struct Gate(Arc<Passage>);

/// The server's side of a gate.
pub(super) struct Passage {
    /// A permit releases one response; closed, it releases all.
    permits: Semaphore,
    held: AtomicUsize,
}

impl Gate {
    pub(super) fn new() -> (Self, Arc<Passage>) {
        let passage = Arc::new(Passage { permits: Semaphore::new(0), held: AtomicUsize::new(0) });
        (Self(Arc::clone(&passage)), passage)
    }

    /// How many responses are held now.
    pub(crate) fn held(&self) -> usize {
        self.0.held.load(Ordering::SeqCst)
    }

    /// Waits until exactly so many responses are held.
    #[track_caller]
    pub(crate) fn wait_for(&self, answers: usize) {
        eventually("so many responses are held", || (self.held() == answers).then_some(()));
    }

    /// Releases one response, or the next one that comes.
    pub(crate) fn release_one(&self) {
        self.0.permits.add_permits(1);
    }

    /// Releases all held responses and all later ones.
    pub(crate) fn release(&self) {
        self.0.permits.close();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

impl Passage {
    /// Waits for the test to release it.
    pub(super) async fn pass(&self) {
        /// A client that disconnects is not counted any more.
        struct Held<'a>(&'a AtomicUsize);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        if self.permits.is_closed() {
            return;
        }
        self.held.fetch_add(1, Ordering::SeqCst);
        let _held = Held(&self.held);
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }
}
