//! Sends requests for objects to one bucket: keys, timeouts, retries and the limit on concurrent requests.
//!
//! What a response means for the cache is decided by the [bucket](super::Bucket).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_core::Stream;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectMeta, ObjectStore};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::client::ObjectRequest;
use super::connect::Connection;
use super::endpoint::Endpoint;
use super::error::BucketError;
use super::health::{BucketHistory, Health};
use super::metadata::entity_tag;
use crate::asset::AssetPath;
use crate::config::{self, Service};
use crate::store::stats::BucketCounts;
use crate::store::{PROBE_NAME, UpstreamFault};

/// Retries of a request that may succeed a moment later.
pub(super) const RETRIES: u32 = 2;
/// Delay before the first retry. Each further delay is four times as long.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Longest key that a service accepts, in bytes: the limit of S3 and of Azure, which counts characters.
const MAX_KEY: usize = 1024;

/// The bytes of an object, as they arrive.
pub(super) type Body = Pin<Box<dyn Stream<Item = object_store::Result<Bytes>> + Send>>;

/// Permit to stream an object to a client while it downloads.
pub(super) type StreamPermit = OwnedSemaphorePermit;

/// One bucket, with its timeouts and limits.
pub(crate) struct Upstream {
    store: Arc<dyn ObjectStore>,
    endpoint: Option<Endpoint>,
    /// The name of the bucket.
    bucket: String,
    service: Service,
    /// The prefix of all keys.
    prefix: Path,
    /// Its name in messages: `s3://media/campaign`.
    name: String,
    timeouts: config::Upstream,
    health: Health,
    history: BucketHistory,
    /// Permits for requests that wait for a response, and for responses that clients read at their own speed. They
    /// are separate, so that slow clients do not block short requests.
    requests: Semaphore,
    streams: Arc<Semaphore>,
    background: Handle,
}

/// The method of a request for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Method {
    /// Metadata.
    Head,
    /// Metadata and body.
    Get,
}

impl Upstream {
    pub(super) fn new(
        Connection { store, endpoint }: Connection,
        bucket: &config::Bucket,
        timeouts: config::Upstream,
        history: BucketHistory,
        background: Handle,
    ) -> Arc<Self> {
        let streams = (timeouts.connections / 2).max(1);
        Arc::new(Self {
            store,
            endpoint,
            bucket: bucket.name.clone(),
            service: bucket.service,
            prefix: Path::parse(&bucket.prefix).expect("the settings hold no other prefix"),
            name: bucket.to_string(),
            timeouts,
            health: Health::new(bucket, &history),
            history,
            requests: Semaphore::new((timeouts.connections - timeouts.connections / 2).max(1)),
            streams: Arc::new(Semaphore::new(streams)),
            background,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its endpoint, if one is configured; its service, and the name of the bucket.
    pub(super) fn address(&self) -> (Option<&Endpoint>, Service, &str) {
        (self.endpoint.as_ref(), self.service, &self.bucket)
    }

    /// The error of a list request for the keys below `prefix`; `None` if the bucket lists them.
    pub(super) async fn list_error(&self, prefix: &Path) -> Option<BucketError> {
        let mut objects = self.list(Some(prefix));
        let limit = self.timeouts.first_byte_timeout;
        match timeout(limit, poll_fn(|cx| objects.as_mut().poll_next(cx))).await {
            Ok(Some(Err(error))) => Some(BucketError::of(&error)),
            Ok(_) => None,
            Err(_) => Some(BucketError::UpstreamFault(UpstreamFault::Late, "no list".to_owned())),
        }
    }

    /// The permissions to read and to list, as the service names them.
    pub(super) fn permissions(&self) -> [&'static str; 2] {
        match self.service {
            Service::S3 => ["s3:GetObject", "s3:ListBucket"],
            Service::Gcs => ["storage.objects.get", "storage.objects.list"],
            Service::Azure => ["blobs/read", "containers/read, both in the role Storage Blob Data Reader"],
        }
    }

    /// The prefix of all keys.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The timeout of a request, retries included.
    pub(super) fn request_timeout(&self) -> Duration {
        self.timeouts.timeout
    }

    /// The objects below the key `folder`, or below the prefix. Their keys are [encoded](super::object_keys).
    pub(super) fn list(
        &self,
        folder: Option<&Path>,
    ) -> Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>> {
        self.store.list(Some(folder.unwrap_or(&self.prefix)))
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Counters and health of the bucket so far.
    pub(super) fn history(&self) -> &BucketHistory {
        &self.history
    }

    /// The counters.
    pub(super) fn counts(&self) -> &BucketCounts {
        self.history.counts()
    }

    /// How long the bucket may pause within a body.
    pub(super) fn read_timeout(&self) -> Duration {
        self.timeouts.first_byte_timeout
    }

    /// The key of the asset at `path`; `None` if no object can have that key.
    pub(super) fn key(&self, path: &AssetPath<'_>) -> Option<Path> {
        let inside = Path::parse(path.as_str()).ok()?;
        let key: Path = self.prefix.parts().chain(inside.parts()).collect();
        (key.as_ref().len() <= MAX_KEY).then_some(key)
    }

    /// A permit to stream an object, if one is free now.
    pub(super) fn try_stream_permit(&self) -> Option<StreamPermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// A permit to stream an object. Waits for at most the timeout of a request.
    pub(super) async fn stream_permit(&self) -> Result<StreamPermit, BucketError> {
        let permit = timeout(self.timeouts.timeout, Arc::clone(&self.streams).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or(BucketError::Busy)
    }

    /// Requests an object, with retries of errors that may be transient.
    ///
    /// The request runs on the background runtime, which owns the connections. It is cancelled when the caller stops
    /// waiting.
    pub(super) async fn get(
        self: &Arc<Self>,
        key: &Path,
        options: GetOptions,
    ) -> Result<GetResult, BucketError> {
        let (upstream, key) = (Arc::clone(self), key.clone());
        let task = self.background.spawn(async move {
            let result = upstream.get_unrecorded(&key, options).await;
            upstream.health.record(result.as_ref().err());
            result
        });
        AbortOnDropHandle::new(task)
            .await
            .unwrap_or_else(|e| Err(BucketError::Unusable(format!("the request was aborted: {e}"))))
    }

    /// The same within the caller's task. The result does not change the health of the bucket, so the caller must
    /// report errors.
    pub(super) async fn get_unrecorded(
        &self,
        key: &Path,
        mut options: GetOptions,
    ) -> Result<GetResult, BucketError> {
        options.extensions.insert(ObjectRequest { takes_encoded: self.service == Service::Gcs });
        let deadline = Instant::now() + self.timeouts.timeout;
        let Ok(_permit) = timeout_at(deadline, self.requests.acquire()).await else {
            return Err(BucketError::Busy);
        };
        let mut retries = 0;
        loop {
            let error = match self.try_once(key, options.clone(), deadline).await {
                Ok(found) => return Ok(found),
                // The error response to a HEAD has no body, so it does not explain the error.
                Err(
                    BucketError::Forbidden
                    | BucketError::Missing { .. }
                    | BucketError::Archived(_)
                    | BucketError::Unusable(_),
                ) if options.head => {
                    let first_byte = Some((0..1).into());
                    let why_options = GetOptions { head: false, range: first_byte, ..options.clone() };
                    match self.try_once(key, why_options, deadline).await {
                        // It exists by now.
                        Ok(found) => return Ok(found),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            let error = match error {
                // Any web server answers 404, but S3 sends an error code with it. Without one, the response is from
                // another server in front of S3. Google sends codes too, but its emulators do not.
                BucketError::Missing { explained: false } if self.service == Service::S3 => {
                    BucketError::UpstreamFault(
                        UpstreamFault::Refused,
                        "it answers 404 without an S3 error code, as a web server does; check its endpoint"
                            .to_owned(),
                    )
                }
                other => other,
            };
            self.count_failed(&error, key, &options);
            let delay = jittered(RETRY_DELAY * 4u32.pow(retries));
            if retries == RETRIES || !error.is_transient() || Instant::now() + delay >= deadline {
                return Err(error);
            }
            log::debug!("{}: retrying {key}: {error:?}", self.name);
            retries += 1;
            sleep(delay).await;
        }
    }

    async fn try_once(
        &self,
        key: &Path,
        options: GetOptions,
        deadline: Instant,
    ) -> Result<GetResult, BucketError> {
        let limit = self.timeouts.first_byte_timeout.min(deadline.saturating_duration_since(Instant::now()));
        self.counts().requests.add(1);
        match timeout(limit, self.store.get_opts(key, options)).await {
            Ok(Ok(found)) => {
                // The caller decides what to do with it. Here it counts as a request without a usable result.
                if found.meta.e_tag.as_deref().and_then(entity_tag).is_none() {
                    self.counts().unusable.add(1);
                }
                Ok(found)
            }
            Ok(Err(e)) => Err(BucketError::of(&e)),
            Err(_) => {
                let reason = format!("no response within {:.1} s", limit.as_secs_f32());
                Err(BucketError::UpstreamFault(UpstreamFault::Late, reason))
            }
        }
    }

    /// Counts an error that is a failure of the bucket or of its settings. A missing object, or another version, is a
    /// valid response.
    fn count_failed(&self, error: &BucketError, key: &Path, asked: &GetOptions) {
        // Without permission to list, a probe gets 403 in place of 404. It still shows that the bucket answers.
        let is_probe = key.as_ref().ends_with(PROBE_NAME);
        let names_a_version = asked.if_match.is_some() || asked.range.is_some();
        match error {
            BucketError::UpstreamFault(fault, _) => self.counts().failed(*fault),
            BucketError::Forbidden if is_probe => {}
            BucketError::Forbidden => self.counts().forbidden.add(1),
            BucketError::Archived(_) | BucketError::Unusable(_) => self.counts().unusable.add(1),
            BucketError::NotModified(_) if asked.if_none_match.is_none() => self.counts().unusable.add(1),
            BucketError::Changed if !names_a_version => self.counts().unusable.add(1),
            BucketError::NotModified(_)
            | BucketError::Changed
            | BucketError::Missing { .. }
            | BucketError::Busy => {}
        }
    }

    /// Waits before the retry number `times`.
    pub(super) async fn delay_before_retry(times: u32) {
        sleep(jittered(RETRY_DELAY * 4u32.pow(times.saturating_sub(1)))).await;
    }
}

/// Between half of the delay and all of it, so that clients that failed together do not retry together.
fn jittered(delay: Duration) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let share = f64::from(now.subsec_nanos() % 1000) / 1000.0;
    delay.mul_f64(0.5 + share / 2.0)
}
