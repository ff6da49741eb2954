//! What can go wrong between a bucket and its client, and when it does: faults, the requests that they befall, and gates
//! that hold an answer until the test lets it go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Seen;
use crate::support::eventually;

/// A fault that is not to pass by itself.
pub(crate) const FOREVER: usize = usize::MAX;

/// One way to misbehave.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Answers with this status and S3's XML that has this code, whatever is asked.
    Error(u16, &'static str),
    /// Answers that the bucket lives in another region (301).
    Elsewhere(&'static str),
    /// Sets a field of the answer.
    Set(&'static str, &'static str),
    /// Leaves out a field of the answer.
    Without(&'static str),
    /// Sends the body in chunks, without saying how long it is.
    NoLength,
    /// Resets the connection instead of answering.
    HangUp,
    /// Resets the connection when so many bytes of the body have reached the client's kernel.
    ResetAfter(u64),
    /// Closes the connection when so many bytes of the body have reached the client's kernel.
    CloseAfter(u64),
    /// Sends nothing after so many bytes of the body, and leaves the connection open.
    StallAfter(u64),
    /// Waits before it answers.
    Delay(Duration),
    /// Sends at most so many bytes of the body at a time, and waits after each time.
    Dribble(usize, Duration),
    /// Answers as if no range had been asked for.
    IgnoreRange,
    /// Answers as if no condition had been set.
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

/// Says of a request whether it is meant.
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

/// Faults, whom they befall, and how often they still do.
pub(super) struct Rule {
    pub(super) is_for: Matcher,
    pub(super) faults: Vec<Fault>,
    pub(super) left: usize,
}

/// Holds what comes to it until the test releases it, which it does at the latest when it lets go of it.
pub(crate) struct Gate(Arc<Passage>);

/// A gate's other side.
pub(super) struct Passage {
    /// A permit lets one pass; closed, it lets pass whoever comes.
    permits: Semaphore,
    held: AtomicUsize,
}

impl Gate {
    pub(super) fn new() -> (Self, Arc<Passage>) {
        let passage = Arc::new(Passage { permits: Semaphore::new(0), held: AtomicUsize::new(0) });
        (Self(Arc::clone(&passage)), passage)
    }

    /// How many answers are held here now.
    pub(crate) fn held(&self) -> usize {
        self.0.held.load(Ordering::SeqCst)
    }

    /// Waits until exactly so many answers are held here.
    #[track_caller]
    pub(crate) fn wait_for(&self, answers: usize) {
        eventually("so many answers are held", || (self.held() == answers).then_some(()));
    }

    /// Lets one answer pass, or the next one that comes.
    pub(crate) fn release_one(&self) {
        self.0.permits.add_permits(1);
    }

    /// Lets pass what is held and what will come.
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
    /// Waits for the test to let it pass.
    pub(super) async fn pass(&self) {
        /// Who hangs up while it is held is held no longer.
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
