//! Assets in a bucket: S3 and compatible services, Google Cloud Storage, Azure Blob Storage.
//!
//! [`Bucket`] decides what to request; [`upstream`] requests it through `object_store`, whose HTTP client is
//! [`client`]; [`error`] classifies error responses. The result is an [`object`] with its [`metadata`]. Small objects
//! download into memory, in a [body](shared_body) that all concurrent requests share. [`connect`](mod@connect) makes
//! a client from the settings.

mod aws_profile;
mod aws_settings;
mod client;
mod connect;
mod connector;
mod credential_files;
mod endpoint;
mod error;
mod health;
mod listing;
mod metadata;
pub(super) mod object;
mod object_keys;
mod probe;
mod proxy;
mod same_second;
pub(super) mod shared_body;
mod stale_if_error;
mod upstream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use httpdate::HttpDate;
use object_store::path::Path;
use object_store::{GetOptions, GetResult};
use quick_cache::sync::Cache;

pub(crate) use self::client::Connector;
pub(crate) use self::connect::{Connection, connect};
pub(crate) use self::credential_files::CredentialFingerprint;
use self::error::BucketError;
pub(crate) use self::health::BucketHistory;
pub use self::listing::{ListedObject, Listing, ObjectPart};
use self::metadata::{MetadataReader, entity_tag, http_date};
use self::object::Object;
use self::object::PendingBody;
use self::shared_body::SharedBody;
use self::upstream::{Method, Upstream};
use super::context::StoreContext;
use super::open_asset::Origin;
use super::shared_probe::SharedProbe;
use super::single_flight::SingleFlight;
use super::{BucketStats, Content, Freshness, OpenAsset, PROBE_NAME, ReadIntent, StoreError, UpstreamFault};
use crate::asset::{Asset, AssetPath};
use crate::config;
use crate::http::{ResponseHeaders, without_signatures};
use crate::log_throttle::RepeatThrottle;

/// Between two requests for one path that are caused by links with an unknown version.
const REQUEST_GAP: Duration = Duration::from_millis(250);
/// How long it is cached that an object does not exist.
const MISSING_TTL: Duration = Duration::from_secs(1);
/// Paths for which that is cached.
const MISSING_PATHS: usize = 4096;
/// Requests to the bucket for one call. A request that is already in flight may have begun before the call; the next
/// one has not.
const MAX_REQUESTS: usize = 2;

/// A mounted bucket, and what is cached of its objects.
pub(crate) struct Bucket {
    upstream: Arc<Upstream>,
    fresh: Duration,
    stale_if_error: Duration,
    context: Arc<StoreContext>,
    requests: SingleFlight<(Box<str>, Method), Result<OpenAsset, StoreError>>,
    /// When the bucket said that no object has this path.
    missing: Cache<Box<str>, Instant>,
    /// The health check.
    probe: SharedProbe<()>,
    forbidden: RepeatThrottle,
    unusable: RepeatThrottle,
    metadata: MetadataReader,
}

impl Method {
    /// The method for a request with this intent, in view of the cached version.
    fn of(intent: ReadIntent, cached: Option<&OpenAsset>, context: &StoreContext) -> Self {
        match (intent, cached) {
            (ReadIntent::Head, _) => Self::Head,
            // Which bytes of a large object are needed can be decided only once its metadata is known.
            (ReadIntent::Parts, Some(cached)) if is_streamed(cached, context) => Self::Head,
            _ => Self::Get,
        }
    }
}

/// Whether this object is too large for the cache, so that each request downloads it.
fn is_streamed(cached: &OpenAsset, context: &StoreContext) -> bool {
    matches!(cached.content(), Content::Object(_)) && !context.may_hold(cached.asset().len)
}

/// Whether the body is in memory, or on its way into memory.
fn is_held(cached: &OpenAsset) -> bool {
    matches!(cached.content(), Content::Memory(_) | Content::SharedBody(_))
}

impl Bucket {
    pub(crate) fn new(
        bucket: &config::Bucket,
        connection: Connection,
        fresh: Duration,
        timeouts: config::Upstream,
        history: BucketHistory,
        context: Arc<StoreContext>,
    ) -> Arc<Self> {
        Arc::new(Self {
            upstream: Upstream::new(connection, bucket, timeouts, history, context.background.clone()),
            fresh,
            stale_if_error: bucket.stale_if_error,
            requests: SingleFlight::new(context.background.clone()),
            context,
            missing: Cache::new(MISSING_PATHS),
            probe: SharedProbe::default(),
            forbidden: RepeatThrottle::default(),
            unusable: RepeatThrottle::default(),
            metadata: MetadataReader::default(),
        })
    }

    /// Counters and health so far, for a bucket that replaces this one.
    pub(crate) fn history(&self) -> BucketHistory {
        self.upstream.history().clone()
    }

    /// Counters and health. `mount` is the path of the mount. If the bucket fails, this retries it at intervals:
    /// there may be no other requests.
    pub(crate) fn stats(&self, mount: &str) -> BucketStats {
        self.retry_if_failing();
        self.upstream.counts().stats(self.upstream.name(), mount, !self.upstream.health().is_failing())
    }

    /// Why no assets can be read at the moment; `None` if they can. Waits for a request if the last result is too
    /// old. If the bucket fails, this retries it at intervals: there may be no other requests.
    pub(crate) async fn unavailable_reason(&self) -> Option<String> {
        let health = self.upstream.health();
        self.retry_if_failing();
        if !health.is_failing() && health.is_outdated() {
            self.probe.share(&self.context.background, self.health_request()).await;
        }
        health.reason()
    }

    /// Starts a request if the bucket fails and the next retry is due.
    fn retry_if_failing(&self) {
        let health = self.upstream.health();
        if health.is_failing() && health.may_retry() {
            self.context.background.spawn(self.health_request());
        }
    }

    /// A request whose result updates the health of the bucket.
    fn health_request(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let upstream = Arc::clone(&self.upstream);
        let probe_path = AssetPath::from_plain(PROBE_NAME).expect("a path");
        let key = self.upstream.key(&probe_path).expect("a key");
        async move { drop(upstream.get(&key, GetOptions::default()).await) }
    }

    /// Whether the cached version satisfies a request made at `now`.
    pub(crate) fn satisfies(
        &self,
        cached: &OpenAsset,
        intent: ReadIntent,
        freshness: Freshness,
        now: Instant,
    ) -> bool {
        // The body of a large object is requested later, when it is known which bytes are needed.
        let is_enough = intent == ReadIntent::Head
            || is_held(cached)
            || (intent == ReadIntent::Parts && is_streamed(cached, &self.context));
        is_enough && !cached.is_broken() && cached.is_fresh(freshness, now, self.fresh)
    }

    /// Opens the asset at `path`, which is `inside` this bucket, where the `cached` version does not satisfy the
    /// request.
    pub(crate) async fn open(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        intent: ReadIntent,
        (freshness, now): (Freshness, Instant),
        mut cached: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        if cached.is_none() && self.is_cached_as_missing(path, now) {
            return Err(StoreError::NotFound);
        }
        let key = self.upstream.key(inside).ok_or(StoreError::NotFound)?;
        for _ in 0..MAX_REQUESTS {
            if let (Freshness::Since(_), Some(earlier)) =
                (freshness, cached.as_ref().filter(|cached| !cached.is_broken()))
            {
                tokio::time::sleep_until((earlier.checked() + REQUEST_GAP).into()).await;
                cached = self.context.cache.get(path.as_str());
                if let Some(cached) =
                    cached.as_ref().filter(|cached| self.satisfies(cached, intent, freshness, now))
                {
                    return Ok(cached.clone());
                }
            }
            let stale = self.stale_if_error(cached.as_ref());
            let health = self.upstream.health();
            if let Some(stale) = &stale
                && health.is_failing()
            {
                health.count_stale_response();
                self.revalidate_in_background(path, &key, cached.clone(), now);
                return Ok(stale.clone());
            }
            let opened =
                match (self.request(path, &key, intent, (freshness, now), cached.as_ref()).await, stale) {
                    (Ok(opened), _) => opened,
                    (
                        Err(StoreError::Upstream { .. } | StoreError::Archived(_) | StoreError::Busy(_)),
                        Some(stale),
                    ) => {
                        health.count_stale_response();
                        return Ok(stale);
                    }
                    (Err(e), _) => return Err(e),
                };
            if !opened.is_broken() && opened.is_fresh(freshness, now, self.fresh) {
                return Ok(opened);
            }
            cached = Some(opened);
        }
        cached.ok_or(StoreError::Changing)
    }

    /// Caches the bodies that the replaced bucket `held` in memory, described by the rules of this one. Downloads in
    /// progress continue.
    pub(crate) fn take_over_cache<'a>(&self, held: impl Iterator<Item = (&'a AssetPath<'a>, &'a OpenAsset)>) {
        for (path, opened) in held.filter(|(_, opened)| is_held(opened) && !opened.is_broken()) {
            let Some(object) = opened.object() else { continue };
            let cache_policy = self.context.rules.policy_for(path, object.own_policy()).clone();
            let asset = Asset { cache_policy, ..opened.asset().clone() };
            let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
            let origin = Origin::Object(object.through(&self.upstream));
            self.context.cache.insert(path.as_str(), opened.with_description(asset, fields, origin));
        }
    }

    fn is_cached_as_missing(&self, path: &AssetPath<'_>, now: Instant) -> bool {
        self.missing
            .get(path.as_str())
            .is_some_and(|since| now.saturating_duration_since(since) < MISSING_TTL.min(self.fresh))
    }

    /// Requests the asset from the bucket once. Concurrent requests for it share one fetch.
    async fn request(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        key: &Path,
        intent: ReadIntent,
        (freshness, now): (Freshness, Instant),
        cached: Option<&OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let method = Method::of(intent, cached, &self.context);
        self.requests
            .join(&(path.as_str().into(), method), |_| {
                let (bucket, path, key) = (Arc::clone(self), path.to_owned(), key.clone());
                // Another request may have finished since the cache was read.
                let present = bucket.context.cache.get(path.as_str());
                let cached = present.as_ref().or(cached);
                let answer =
                    cached.filter(|cached| bucket.satisfies(cached, intent, freshness, now)).cloned();
                // A body that is not in memory has to be fetched, changed or not, so the request is unconditional.
                let cached = cached.filter(|cached| method == Method::Head || is_held(cached)).cloned();
                async move {
                    match answer {
                        Some(answer) => Some(Ok(answer)),
                        None => Some(bucket.fetch(path, key, method, cached).await),
                    }
                }
            })
            .await
    }

    async fn fetch(
        self: Arc<Self>,
        path: AssetPath<'static>,
        key: Path,
        method: Method,
        cached: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let cached = cached.filter(|cached| !cached.is_broken());
        let mut if_none_match =
            cached.as_ref().and_then(OpenAsset::object).map(|object| object.tag().to_owned());
        loop {
            let asked = Instant::now();
            let head = method == Method::Head;
            let options = GetOptions { if_none_match: if_none_match.take(), head, ..GetOptions::default() };
            let is_conditional = options.if_none_match.is_some();
            let outcome = self.upstream.get(&key, options).await;
            return match (outcome, &cached) {
                (Ok(found), _) => {
                    let found = self.after_its_second(&path, &key, method, found).await;
                    self.cache_found(&path, &key, method, found, asked)
                }
                (Err(BucketError::NotModified(date)), Some(cached)) if is_conditional => {
                    let date = match date {
                        Some(date) => Some(date),
                        None => self.fetch_date(&key).await,
                    };
                    if date.is_some()
                        && cached.asset().last_modified.is_some_and(|cached| Some(cached) != date)
                    {
                        // The same bytes with other metadata: fetch both again, without a condition.
                        continue;
                    }
                    cached.confirm(asked);
                    if self.context.cache.get(path.as_str()).is_none() {
                        self.context.cache.insert(path.as_str(), cached.clone());
                    }
                    Ok(cached.clone())
                }
                (Err(error), _) => {
                    // The request had neither a version nor a range.
                    let error = match error {
                        BucketError::Changed => {
                            BucketError::Unusable("it answers 412 to a request without conditions".to_owned())
                        }
                        other => other,
                    };
                    self.log_error(&path, &error);
                    let error = error.into_error(self.upstream.name());
                    if error == StoreError::NotFound && self.cached_since(&path, asked).is_none() {
                        self.context.cache.remove(path.as_str());
                        self.missing.insert(path.as_str().into(), asked);
                    }
                    Err(error)
                }
            };
        }
    }

    /// When the object was written, from a store such as `SeaweedFS` that does not send `Last-Modified` with a 304.
    /// Without it, an upload of the same bytes with another cache policy would go unnoticed.
    async fn fetch_date(&self, key: &Path) -> Option<HttpDate> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.upstream.get(key, options).await.ok()?;
        http_date(found.meta.last_modified.into())
    }

    /// Logs an error that is about one object. Errors of the whole bucket are logged by its health.
    fn log_error(&self, path: &AssetPath<'_>, error: &BucketError) {
        let (name, path) = (self.upstream.name(), without_signatures(path.as_str()));
        match error {
            BucketError::Forbidden => self.forbidden.log(name, |others| {
                log::warn!("{path}: {name} denies access, so the response is 404{others}");
            }),
            BucketError::Archived(response) => self.unusable.log("archived", |others| {
                log::warn!(
                    "{path}: {name} cannot be read: {response}: the object is archived; restore it, or copy it to a storage \
                     class that can be read at once{others}"
                );
            }),
            BucketError::Unusable(reason) => {
                self.unusable
                    .log(reason, |others| log::warn!("{path}: {name} cannot be read: {reason}{others}"));
            }
            _ => {}
        }
    }

    /// The cached version, if its request began after `asked`: an older result must not replace it.
    fn cached_since(&self, path: &AssetPath<'_>, asked: Instant) -> Option<OpenAsset> {
        self.context.cache.get(path.as_str()).filter(|cached| cached.checked() > asked && !cached.is_broken())
    }

    /// Caches the asset in a response.
    fn cache_found(
        &self,
        path: &AssetPath<'_>,
        key: &Path,
        method: Method,
        found: GetResult,
        asked: Instant,
    ) -> Result<OpenAsset, StoreError> {
        self.missing.remove(path.as_str());
        if let Some(newer) = self.cached_since(path, asked) {
            return Ok(newer);
        }
        let GetResult { meta, attributes, payload, .. } = found;
        let Some((tag, etag)) = meta.e_tag.clone().and_then(|tag| Some((tag.clone(), entity_tag(&tag)?)))
        else {
            let error = BucketError::Unusable("it has no ETag, which tells its versions apart".to_owned());
            self.log_error(path, &error);
            return Err(error.into_error(self.upstream.name()));
        };
        let store = (self.upstream.name(), &self.context.rules);
        let own_policy = self.metadata.own_policy(path, &attributes);
        let mut asset = self.metadata.describe(store, path, (etag, &meta), &attributes, own_policy.as_ref());
        self.context.sent_dates.note(path, &mut asset);
        if let Some(present) = self.context.cache.get(path.as_str())
            && is_held(&present)
            && !present.is_broken()
            && *present.asset() == asset
        {
            present.confirm(asked);
            return Ok(present);
        }
        let object =
            Object::new(Arc::clone(&self.upstream), (key.clone(), path.as_str()), tag, meta.size, own_policy);
        let (content, pending) = self.content(&object, method, payload, meta.size);
        let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
        let opened = OpenAsset::new(asset, fields, content, Origin::Object(object), asked);
        self.context.cache.insert(path.as_str(), opened.clone());
        Ok(match pending {
            Some(pending) => opened.with(pending),
            None => opened,
        })
    }

    /// How to read an object from this response.
    fn content(
        &self,
        object: &Arc<Object>,
        method: Method,
        payload: object_store::GetResultPayload,
        size: u64,
    ) -> (Content, Option<PendingBody>) {
        if size == 0 {
            return (Content::Memory(bytes::Bytes::new()), None);
        }
        let whole = Content::Object(Arc::clone(object));
        if method == Method::Head {
            return (whole, None);
        }
        let body = object::body(payload);
        let reservation = self.context.may_hold(size).then(|| self.context.budget.reserve(size)).flatten();
        let (Some(reservation), Ok(len)) = (reservation, usize::try_from(size)) else {
            return (
                whole,
                self.upstream.try_stream_permit().map(|stream_permit| PendingBody::new(body, stream_permit)),
            );
        };
        let stream = object.reading(body, 0..size, None);
        let (body, download) = SharedBody::download(stream, len, reservation, object.path());
        self.context.background.spawn(download);
        (Content::SharedBody(body), None)
    }
}
