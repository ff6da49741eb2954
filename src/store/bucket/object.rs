//! One version of one object: asked for by its tag, so that what comes is of that version or does not come.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload};
use tokio::time::{Sleep, sleep};

use super::error::{BucketError, innermost};
use super::upstream::{Body, RETRIES, StreamPermit, Upstream};
use crate::asset::CachePolicy;
use crate::store::StoreError;
use crate::store::cut::CutError;

/// One version of one object.
pub struct Object {
    upstream: Arc<Upstream>,
    key: Path,
    /// The asset's path, for messages.
    path: Box<str>,
    /// The entity tag as the store writes it.
    tag: Box<str>,
    /// Length of the whole, in bytes.
    len: u64,
    /// The policy that it says of itself.
    own_policy: Option<CachePolicy>,
    /// Set when the object turned out to be another version than this.
    broken: AtomicBool,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("path", &self.path).field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl Object {
    pub(super) fn new(
        upstream: Arc<Upstream>,
        (key, path): (Path, &str),
        tag: String,
        len: u64,
        own_policy: Option<CachePolicy>,
    ) -> Arc<Self> {
        let broken = AtomicBool::new(false);
        Arc::new(Self { upstream, key, path: path.into(), tag: tag.into(), len, own_policy, broken })
    }

    /// The same version, to be asked for by another way to the same bucket.
    pub(super) fn through(&self, upstream: &Arc<Upstream>) -> Arc<Self> {
        Arc::new(Self {
            upstream: Arc::clone(upstream),
            key: self.key.clone(),
            path: self.path.clone(),
            tag: self.tag.clone(),
            len: self.len,
            own_policy: self.own_policy.clone(),
            broken: AtomicBool::new(self.is_broken()),
        })
    }

    /// The policy that it says of itself.
    pub(super) fn own_policy(&self) -> Option<&CachePolicy> {
        self.own_policy.as_ref()
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The bytes of `range`, which must lie within the object. Nothing is asked for before they are.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> ObjectStream {
        let (object, meant) = (Arc::clone(self), range.clone());
        let asking = async move {
            let stream_permit = object.upstream.stream_permit().await?;
            Ok((object.ask(meant).await?, Some(stream_permit)))
        };
        self.at(State::Asking(Box::pin(asking)), range, None)
    }

    /// The same, once the store has begun to send them.
    ///
    /// Fails with [`StoreError::Changing`] where the object is another version by now.
    pub(crate) async fn begin(self: &Arc<Self>, range: Range<u64>) -> Result<ObjectStream, StoreError> {
        let begun = async {
            let stream_permit = self.upstream.stream_permit().await?;
            Ok((self.ask(range.clone()).await?, stream_permit))
        };
        match begun.await {
            Ok((body, stream_permit)) => Ok(self.reading(body, range, Some(stream_permit))),
            Err(refusal) => {
                let refusal: BucketError = refusal;
                if refusal.is_version_gone() {
                    self.broken.store(true, Ordering::Relaxed);
                }
                Err(refusal.into_error(self.upstream.name()))
            }
        }
    }

    /// The bytes of `range` out of a body that begins with its first.
    pub(super) fn reading(
        self: &Arc<Self>,
        body: Body,
        range: Range<u64>,
        stream_permit: Option<StreamPermit>,
    ) -> ObjectStream {
        self.at(self.read(body), range, stream_permit)
    }

    fn at(
        self: &Arc<Self>,
        state: State,
        range: Range<u64>,
        stream_permit: Option<StreamPermit>,
    ) -> ObjectStream {
        let state = if range.is_empty() { State::Ended } else { state };
        ObjectStream {
            object: Arc::clone(self),
            rest: range,
            state,
            failures: 0,
            since_failure: 0,
            cause: String::new(),
            stream_permit,
        }
    }

    fn read(&self, body: Body) -> State {
        State::Reading(body, Box::pin(sleep(self.upstream.read_timeout())))
    }

    /// Asks for a range of this version and of no other.
    async fn ask(&self, range: Range<u64>) -> Result<Body, BucketError> {
        // A weak tag never matches (RFC 9110 section 13.1.1), but can be held against the answer's all the same.
        let if_match = (!self.tag.starts_with("W/")).then(|| self.tag.to_string());
        // A gateway that cannot do ranges answers the whole of it: so where the whole is meant, none is asked for.
        let part = (range != (0..self.len)).then(|| range.clone().into());
        let options = GetOptions { if_match, range: part, ..GetOptions::default() };
        let found = self.upstream.ask(&self.key, options).await?;
        if found.meta.e_tag.as_deref() != Some(&*self.tag) || found.meta.size != self.len {
            return Err(BucketError::Changed);
        }
        if found.range != range {
            self.upstream.counts().unusable.add(1);
            return Err(BucketError::Unusable(format!("it sent the bytes {:?} for {range:?}", found.range)));
        }
        Ok(body(found.payload))
    }

    fn unreadable(&self, reason: &str) -> CutError {
        CutError::Unreadable { path: self.path.clone(), reason: reason.into() }
    }
}

/// The bytes of an answer.
pub(super) fn body(payload: GetResultPayload) -> Body {
    // The other kind is there only where `object_store` reads folders, which it does not for us.
    let GetResultPayload::Stream(stream) = payload;
    stream
}

/// The body of an answer that logged of a version, until somebody reads it. It is there once.
#[derive(Clone)]
pub(crate) struct PendingBody(Arc<Mutex<Option<(Body, StreamPermit)>>>);

impl std::fmt::Debug for PendingBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PendingBody")
    }
}

impl PendingBody {
    pub(super) fn new(body: Body, stream_permit: StreamPermit) -> Self {
        Self(Arc::new(Mutex::new(Some((body, stream_permit)))))
    }

    /// The bytes of `range` of the object whose body this is; `None` where somebody else reads it already, or where more
    /// would have to be read than is meant. Then the answer ends here: it costs as long as it is not let go of.
    pub(crate) fn take(&self, object: &Arc<Object>, range: &Range<u64>) -> Option<ObjectStream> {
        let (body, stream_permit) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (range.start == 0).then(|| object.reading(body, range.clone(), Some(stream_permit)))
    }
}

/// The bytes of a range of one version of an object. What breaks off is asked for again, from there on.
pub struct ObjectStream {
    object: Arc<Object>,
    /// What is still to be read.
    rest: Range<u64>,
    state: State,
    /// How often it broke off without much coming in between, and how much has come since, in bytes.
    failures: u32,
    since_failure: usize,
    /// Why it broke off last.
    cause: String,
    /// Held as long as the answer is read at a client's speed.
    stream_permit: Option<StreamPermit>,
}

/// So many bytes later, a break is another one than the last.
const MUCH: usize = 64 << 10;

type Asked = Result<(Body, Option<StreamPermit>), BucketError>;

enum State {
    /// The answer brings the place that it takes along, if it took one.
    Asking(Pin<Box<dyn Future<Output = Asked> + Send>>),
    /// With the time until which the store may pause.
    Reading(Body, Pin<Box<Sleep>>),
    Ended,
}

impl std::fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectStream")
            .field("object", &self.object)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

impl ObjectStream {
    /// The next chunk; `None` after the last one.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutError>>> {
        loop {
            let broke_off = match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Asking(asking) => match std::task::ready!(asking.as_mut().poll(cx)) {
                    Ok((body, stream_permit)) => {
                        self.stream_permit = self.stream_permit.take().or(stream_permit);
                        self.state = self.object.read(body);
                        continue;
                    }
                    Err(refusal) => return Poll::Ready(Some(Err(self.end(refusal)))),
                },
                State::Reading(body, patience) => match body.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(chunk))) => {
                        let at = tokio::time::Instant::now() + self.object.upstream.read_timeout();
                        patience.as_mut().reset(at);
                        if chunk.is_empty() {
                            continue;
                        }
                        return Poll::Ready(Some(Ok(self.take(chunk))));
                    }
                    Poll::Ready(Some(Err(e))) => innermost(&e),
                    Poll::Ready(None) => "the answer ended before its last byte".to_owned(),
                    Poll::Pending => {
                        std::task::ready!(patience.as_mut().poll(cx));
                        format!("nothing came for {:.1} s", self.object.upstream.read_timeout().as_secs_f32())
                    }
                },
            };
            self.object.upstream.counts().broken.add(1);
            if self.failures == RETRIES {
                self.state = State::Ended;
                let name = self.object.upstream.name();
                return Poll::Ready(Some(Err(self.object.unreadable(&format!("{name}: {broke_off}")))));
            }
            (self.failures, self.since_failure) = (self.failures + 1, 0);
            self.cause.clone_from(&broke_off);
            log::debug!(
                "{}: {} breaks off at {}: {broke_off}",
                self.object.upstream.name(),
                self.object.path,
                self.rest.start
            );
            let (object, rest, failures) = (Arc::clone(&self.object), self.rest.clone(), self.failures);
            self.state = State::Asking(Box::pin(async move {
                Upstream::pause_before_retry(failures).await;
                Ok((object.ask(rest).await?, None))
            }));
        }
    }

    /// What of a chunk is meant.
    fn take(&mut self, mut chunk: Bytes) -> Bytes {
        self.since_failure = self.since_failure.saturating_add(chunk.len());
        if self.since_failure >= MUCH {
            self.failures = 0;
        }
        let left = self.rest.end - self.rest.start;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.rest.start += chunk.len() as u64;
        if self.rest.is_empty() {
            self.state = State::Ended;
        }
        chunk
    }

    fn end(&mut self, refusal: BucketError) -> CutError {
        self.state = State::Ended;
        if refusal.is_version_gone() {
            self.object.broken.store(true, Ordering::Relaxed);
            return CutError::Changed { path: self.object.path.clone() };
        }
        let refused = refusal.into_error(self.object.upstream.name()).to_string();
        let before = if self.cause.is_empty() { String::new() } else { format!("{}, and then ", self.cause) };
        self.object.unreadable(&format!("{before}{refused}"))
    }
}
