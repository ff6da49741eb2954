//! One version of one object. Requests carry its entity tag, so they return bytes of this version or fail.

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
    /// The entity tag as the store sends it.
    tag: Box<str>,
    /// Length of the whole object, in bytes.
    len: u64,
    /// The cache policy in its own metadata.
    own_policy: Option<CachePolicy>,
    /// Set when a request showed that the object is another version by now.
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

    /// The same version, for requests by another connection to the same bucket.
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

    /// The cache policy in its own metadata.
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

    /// The bytes of `range`, which must lie within the object. The request is sent when they are first polled.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> ObjectStream {
        let (object, requested) = (Arc::clone(self), range.clone());
        let requesting = async move {
            let stream_permit = object.upstream.stream_permit().await?;
            Ok((object.request_range(requested).await?, Some(stream_permit)))
        };
        self.at(State::Requesting(Box::pin(requesting)), range, None)
    }

    /// The same, once the store has begun to send them.
    ///
    /// Fails with [`StoreError::Changing`] if the object is another version by now.
    pub(crate) async fn begin(self: &Arc<Self>, range: Range<u64>) -> Result<ObjectStream, StoreError> {
        let begun = async {
            let stream_permit = self.upstream.stream_permit().await?;
            Ok((self.request_range(range.clone()).await?, stream_permit))
        };
        match begun.await {
            Ok((body, stream_permit)) => Ok(self.reading(body, range, Some(stream_permit))),
            Err(error) => {
                let error: BucketError = error;
                if error.is_version_gone() {
                    self.broken.store(true, Ordering::Relaxed);
                }
                Err(error.into_error(self.upstream.name()))
            }
        }
    }

    /// The bytes of `range`, read from a body that begins with the first of them.
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

    /// Requests a range of this version.
    async fn request_range(&self, range: Range<u64>) -> Result<Body, BucketError> {
        // A weak tag never matches (RFC 9110 section 13.1.1), so it is compared with the response's tag below.
        let if_match = (!self.tag.starts_with("W/")).then(|| self.tag.to_string());
        // A gateway without support for ranges sends the whole object, so a request for the whole has no range.
        let part = (range != (0..self.len)).then(|| range.clone().into());
        let options = GetOptions { if_match, range: part, ..GetOptions::default() };
        let found = self.upstream.get(&self.key, options).await?;
        if found.meta.e_tag.as_deref() != Some(&*self.tag) || found.meta.size != self.len {
            return Err(BucketError::Changed);
        }
        if found.range != range {
            self.upstream.counts().unusable.add(1);
            return Err(BucketError::Unusable(format!(
                "it sent the bytes {:?} in place of {range:?}",
                found.range
            )));
        }
        Ok(body(found.payload))
    }

    fn unreadable(&self, reason: &str) -> CutError {
        CutError::Unreadable { path: self.path.clone(), reason: reason.into() }
    }
}

/// The body of a response.
pub(super) fn body(payload: GetResultPayload) -> Body {
    // `object_store` has other kinds only for local files, which wamedia does not read with it.
    let GetResultPayload::Stream(stream) = payload;
    stream
}

/// The body of the response that described a version, until a client reads it. It can be taken once.
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

    /// The bytes of `range` from this body. `None` if another caller has taken it, or if the range does not begin at
    /// the first byte; then the response ends here, because it occupies a connection.
    pub(crate) fn take(&self, object: &Arc<Object>, range: &Range<u64>) -> Option<ObjectStream> {
        let (body, stream_permit) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (range.start == 0).then(|| object.reading(body, range.clone(), Some(stream_permit)))
    }
}

/// The bytes of a range of one version of an object. If the response breaks off, the rest is requested again.
pub struct ObjectStream {
    object: Arc<Object>,
    /// What is still to be read.
    rest: Range<u64>,
    state: State,
    /// Consecutive failures without [progress](PROGRESS) between them, and the bytes received since the last one.
    failures: u32,
    since_failure: usize,
    /// The last failure.
    cause: String,
    /// Held while the client reads at its own speed.
    stream_permit: Option<StreamPermit>,
}

/// After so many bytes, a failure does not count as a repetition of the last one.
const PROGRESS: usize = 64 << 10;

type Requested = Result<(Body, Option<StreamPermit>), BucketError>;

enum State {
    /// With a permit, if the request took one.
    Requesting(Pin<Box<dyn Future<Output = Requested> + Send>>),
    /// With the read timeout of the store.
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
                State::Requesting(requesting) => match std::task::ready!(requesting.as_mut().poll(cx)) {
                    Ok((body, stream_permit)) => {
                        self.stream_permit = self.stream_permit.take().or(stream_permit);
                        self.state = self.object.read(body);
                        continue;
                    }
                    Err(error) => return Poll::Ready(Some(Err(self.end(error)))),
                },
                State::Reading(body, read_timeout) => match body.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(chunk))) => {
                        let at = tokio::time::Instant::now() + self.object.upstream.read_timeout();
                        read_timeout.as_mut().reset(at);
                        if chunk.is_empty() {
                            continue;
                        }
                        return Poll::Ready(Some(Ok(self.take(chunk))));
                    }
                    Poll::Ready(Some(Err(e))) => innermost(&e),
                    Poll::Ready(None) => "the response ended before its last byte".to_owned(),
                    Poll::Pending => {
                        std::task::ready!(read_timeout.as_mut().poll(cx));
                        format!("no data for {:.1} s", self.object.upstream.read_timeout().as_secs_f32())
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
                "{}: {} broke off at byte {}: {broke_off}",
                self.object.upstream.name(),
                self.object.path,
                self.rest.start
            );
            let (object, rest, failures) = (Arc::clone(&self.object), self.rest.clone(), self.failures);
            self.state = State::Requesting(Box::pin(async move {
                Upstream::delay_before_retry(failures).await;
                Ok((object.request_range(rest).await?, None))
            }));
        }
    }

    /// The part of a chunk that lies within the range.
    fn take(&mut self, mut chunk: Bytes) -> Bytes {
        self.since_failure = self.since_failure.saturating_add(chunk.len());
        if self.since_failure >= PROGRESS {
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

    fn end(&mut self, error: BucketError) -> CutError {
        self.state = State::Ended;
        if error.is_version_gone() {
            self.object.broken.store(true, Ordering::Relaxed);
            return CutError::Changed { path: self.object.path.clone() };
        }
        let reason = error.into_error(self.object.upstream.name()).to_string();
        let before = if self.cause.is_empty() { String::new() } else { format!("{}, then ", self.cause) };
        self.object.unreadable(&format!("{before}{reason}"))
    }
}
