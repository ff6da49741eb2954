//! Asking one bucket for one object: the key, the timeouts, the retries. What an answer means for what we hold is the
//! [bucket](super::Bucket)'s.

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
use super::error::BucketError;
use super::health::{BucketHistory, Health};
use super::metadata::entity_tag;
use crate::asset::AssetPath;
use crate::config::{self, Service};
use crate::store::stats::BucketCounts;
use crate::store::{PROBE_NAME, UpstreamFault};

/// How often a request that may succeed a moment later is made again.
pub(super) const RETRIES: u32 = 2;
/// The wait before the first retry; each further one is four times as long.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest key in bytes that a service takes: that of S3 and Azure, in characters with Azure.
const MAX_KEY: usize = 1024;

/// The bytes of an object as they come.
pub(super) type Body = Pin<Box<dyn Stream<Item = object_store::Result<Bytes>> + Send>>;

/// A place among those that an object is passed on to while it comes.
pub(super) type StreamPermit = OwnedSemaphorePermit;

/// One bucket, and how long it may take.
pub(crate) struct Upstream {
    store: Arc<dyn ObjectStore>,
    service: Service,
    /// What all keys begin with.
    prefix: Path,
    /// What it is called in messages: `s3://media/campaign`.
    name: String,
    timeouts: config::Upstream,
    health: Health,
    history: BucketHistory,
    /// Permits for requests that wait for their answer, and for answers that clients read at their own speed. Apart, so
    /// that slow clients keep nobody from what is read fast.
    asking: Semaphore,
    streams: Arc<Semaphore>,
    background: Handle,
}

/// What is asked about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Method {
    /// What it is.
    Head,
    /// What it is, and its bytes.
    Get,
}

impl Upstream {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        bucket: &config::Bucket,
        timeouts: config::Upstream,
        history: BucketHistory,
        background: Handle,
    ) -> Arc<Self> {
        let streams = (timeouts.connections / 2).max(1);
        Arc::new(Self {
            store,
            service: bucket.service,
            prefix: Path::parse(&bucket.prefix).expect("the settings hold no other prefix"),
            name: bucket.to_string(),
            timeouts,
            health: Health::new(bucket, &history),
            history,
            asking: Semaphore::new((timeouts.connections - timeouts.connections / 2).max(1)),
            streams: Arc::new(Semaphore::new(streams)),
            background,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What all keys begin with.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// How long a request may take, retries included.
    pub(super) fn request_timeout(&self) -> Duration {
        self.timeouts.timeout
    }

    /// The objects below `folder`, a whole key, or below the prefix; their keys are [encoded](super::object_keys).
    pub(super) fn list(
        &self,
        folder: Option<&Path>,
    ) -> Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>> {
        self.store.list(Some(folder.unwrap_or(&self.prefix)))
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// What was updated of it so far.
    pub(super) fn history(&self) -> &BucketHistory {
        &self.history
    }

    /// What was asked of it so far.
    pub(super) fn counts(&self) -> &BucketCounts {
        self.history.counts()
    }

    /// How long it may pause within a body.
    pub(super) fn read_timeout(&self) -> Duration {
        self.timeouts.first_byte_timeout
    }

    /// The key of the asset at `path`; `None` where no object can have it.
    pub(super) fn key(&self, path: &AssetPath<'_>) -> Option<Path> {
        let inside = Path::parse(path.as_str()).ok()?;
        let key: Path = self.prefix.parts().chain(inside.parts()).collect();
        (key.as_ref().len() <= MAX_KEY).then_some(key)
    }

    /// A place for streams an object on, if there is one now.
    pub(super) fn try_stream_permit(&self) -> Option<StreamPermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// A place for streams an object on, within the time that a request has.
    pub(super) async fn stream_permit(&self) -> Result<StreamPermit, BucketError> {
        let place = timeout(self.timeouts.timeout, Arc::clone(&self.streams).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(BucketError::Busy)
    }

    /// Asks about an object, once and, where that may help, twice more.
    ///
    /// Runs on the background, where the connections live, and ends with its caller.
    pub(super) async fn ask(
        self: &Arc<Self>,
        key: &Path,
        options: GetOptions,
    ) -> Result<GetResult, BucketError> {
        let (upstream, key) = (Arc::clone(self), key.clone());
        let asking = self.background.spawn(async move {
            let answer = upstream.ask_here(&key, options).await;
            upstream.health.record(answer.as_ref().err());
            answer
        });
        AbortOnDropHandle::new(asking)
            .await
            .unwrap_or_else(|e| Err(BucketError::Unusable(format!("asking it failed: {e}"))))
    }

    /// The same within the caller's own task. What comes of it is not noted, so it is the caller's to tell.
    pub(super) async fn ask_here(
        &self,
        key: &Path,
        mut options: GetOptions,
    ) -> Result<GetResult, BucketError> {
        options.extensions.insert(ObjectRequest { takes_encoded: self.service == Service::Gcs });
        let deadline = Instant::now() + self.timeouts.timeout;
        let Ok(_place) = timeout_at(deadline, self.asking.acquire()).await else {
            return Err(BucketError::Busy);
        };
        let mut retries = 0;
        loop {
            let refusal = match self.try_once(key, options.clone(), deadline).await {
                Ok(found) => return Ok(found),
                // The refusal of a HEAD has no body, so it does not say why.
                Err(BucketError::Forbidden | BucketError::Missing { .. } | BucketError::Unusable(_))
                    if options.head =>
                {
                    let first_byte = Some((0..1).into());
                    let asked_why = GetOptions { head: false, range: first_byte, ..options.clone() };
                    match self.try_once(key, asked_why, deadline).await {
                        // It is there by now.
                        Ok(found) => return Ok(found),
                        Err(refusal) => refusal,
                    }
                }
                Err(refusal) => refusal,
            };
            let refusal = match refusal {
                // Any web server answers 404. A store says why; where it does not, it is not the store that answers, but what
                // stands before it. Google's says so, too, but its emulators do not.
                BucketError::Missing { explained: false } if self.service == Service::S3 => BucketError::UpstreamFault(
                    UpstreamFault::Refused,
                    "it answers 404 without a reason, as a web server does that is no S3; check its endpoint"
                        .to_owned(),
                ),
                other => other,
            };
            self.count_failed(&refusal, key, &options);
            let pause = jittered(PAUSE * 4u32.pow(retries));
            if retries == RETRIES || !refusal.is_transient() || Instant::now() + pause >= deadline {
                return Err(refusal);
            }
            log::debug!("{}: {key} is asked for again: {refusal:?}", self.name);
            retries += 1;
            sleep(pause).await;
        }
    }

    async fn try_once(
        &self,
        key: &Path,
        options: GetOptions,
        deadline: Instant,
    ) -> Result<GetResult, BucketError> {
        let patience =
            self.timeouts.first_byte_timeout.min(deadline.saturating_duration_since(Instant::now()));
        self.counts().requests.add(1);
        match timeout(patience, self.store.get_opts(key, options)).await {
            Ok(Ok(found)) => {
                // What that means, the asker says; here it is a request that brought nothing of use.
                if found.meta.e_tag.as_deref().and_then(entity_tag).is_none() {
                    self.counts().unusable.add(1);
                }
                Ok(found)
            }
            Ok(Err(e)) => Err(BucketError::of(&e)),
            Err(_) => {
                let waited = format!("there was no answer for {:.1} s", patience.as_secs_f32());
                Err(BucketError::UpstreamFault(UpstreamFault::Late, waited))
            }
        }
    }

    /// Counts a refusal that is a failure of the bucket's, or of what is set for it. That something is missing, or another
    /// version by now, is an answer.
    fn count_failed(&self, refusal: &BucketError, key: &Path, asked: &GetOptions) {
        // Who may not list is logged so in the place of that something is missing: that it answers is all there is to it.
        let is_nobodys = key.as_ref().ends_with(PROBE_NAME);
        let names_a_version = asked.if_match.is_some() || asked.range.is_some();
        match refusal {
            BucketError::UpstreamFault(fault, _) => self.counts().failed(*fault),
            BucketError::Forbidden if is_nobodys => {}
            BucketError::Forbidden => self.counts().forbidden.add(1),
            BucketError::Unusable(_) => self.counts().unusable.add(1),
            BucketError::NotModified(_) if asked.if_none_match.is_none() => self.counts().unusable.add(1),
            BucketError::Changed if !names_a_version => self.counts().unusable.add(1),
            BucketError::NotModified(_)
            | BucketError::Changed
            | BucketError::Missing { .. }
            | BucketError::Busy => {}
        }
    }

    /// Waits a little before what broke off for the `times`th time is asked for again.
    pub(super) async fn pause_before_retry(times: u32) {
        sleep(jittered(PAUSE * 4u32.pow(times.saturating_sub(1)))).await;
    }
}

/// Between half of a pause and the whole, so that those who were refused together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let share = f64::from(now.subsec_nanos() % 1000) / 1000.0;
    pause.mul_f64(0.5 + share / 2.0)
}
