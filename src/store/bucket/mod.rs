//! Assets in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! A request's way: [`Bucket`] says what has to be asked, [`upstream`] asks it through `object_store`, [`client`] carries it,
//! and [`error`] reads what is not a yes. What comes is an [`object`], described by its [`metadata`]; small ones
//! [arrive](arriving) in memory, for all who intent them at once. How a bucket is found and who we say that we are,
//! [`connect`](mod@connect) makes of the settings.

mod aws_profile;
mod client;
mod connect;
mod connector;
mod credential_files;
mod error;
mod health;
mod listing;
mod metadata;
pub(super) mod object;
mod object_keys;
pub(super) mod shared_body;
mod stale_if_error;
mod upstream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use httpdate::HttpDate;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore};
use quick_cache::sync::Cache;

pub(crate) use self::client::Connector;
pub(crate) use self::connect::connect;
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

/// Between two questions about one path that are asked for by name of an unknown version.
const REQUEST_GAP: Duration = Duration::from_millis(250);
/// How long it is known that there is no such object.
const MISSING: Duration = Duration::from_secs(1);
/// Paths of which that is known.
const MISSING_PATHS: usize = 4096;
/// How often the bucket is asked for one answer. What the first time finds under way may have begun before the method;
/// what the second finds has not.
const MAX_REQUESTS: usize = 2;

/// A mounted bucket, and what is known of its objects.
pub(crate) struct Bucket {
    upstream: Arc<Upstream>,
    fresh: Duration,
    stale_if_error: Duration,
    context: Arc<StoreContext>,
    asking: SingleFlight<(Box<str>, Method), Result<OpenAsset, StoreError>>,
    /// Since when it is known of a path that no object has it.
    missing: Cache<Box<str>, Instant>,
    /// Whether it answers, where nobody else asks.
    probe: SharedProbe<()>,
    denied: RepeatThrottle,
    unusable: RepeatThrottle,
    descriptions: MetadataReader,
}

impl Method {
    /// The method that answers who wants this, where so much is known.
    fn of(intent: ReadIntent, known: Option<&OpenAsset>, context: &StoreContext) -> Self {
        match (intent, known) {
            (ReadIntent::Head, _) => Self::Head,
            // Which part of a large object is meant, and whether any, only who knows what it is can tell.
            (ReadIntent::Parts, Some(known)) if is_passed_on(known, context) => Self::Head,
            _ => Self::Get,
        }
    }
}

/// Whether this is an object that is too large to be held.
fn is_passed_on(known: &OpenAsset, context: &StoreContext) -> bool {
    matches!(known.content(), Content::Object(_)) && !context.may_hold(known.asset().len)
}

/// Whether its bytes are here, or on their way.
fn is_held(known: &OpenAsset) -> bool {
    matches!(known.content(), Content::Memory(_) | Content::SharedBody(_))
}

impl Bucket {
    pub(crate) fn new(
        bucket: &config::Bucket,
        store: Arc<dyn ObjectStore>,
        fresh: Duration,
        timeouts: config::Upstream,
        history: BucketHistory,
        context: Arc<StoreContext>,
    ) -> Arc<Self> {
        Arc::new(Self {
            upstream: Upstream::new(store, bucket, timeouts, history, context.background.clone()),
            fresh,
            stale_if_error: bucket.stale_if_error,
            asking: SingleFlight::new(context.background.clone()),
            context,
            missing: Cache::new(MISSING_PATHS),
            probe: SharedProbe::default(),
            denied: RepeatThrottle::default(),
            unusable: RepeatThrottle::default(),
            descriptions: MetadataReader::default(),
        })
    }

    /// What was updated of it so far, for one that takes its place.
    pub(crate) fn history(&self) -> BucketHistory {
        self.upstream.history().clone()
    }

    /// How it is, and what was asked of it so far. `mount` is where it is served. One that did not answer is asked again now and
    /// then: it may be that nobody else does.
    pub(crate) fn stats(&self, mount: &str) -> BucketStats {
        self.retry_if_failing();
        self.upstream.counts().stats(self.upstream.name(), mount, !self.upstream.health().is_failing())
    }

    /// Why it cannot be read at the moment, where that is so. One of which nothing was updated for a while is asked, and waited for;
    /// one that did not answer is asked again now and then: it may be that nobody else does.
    pub(crate) async fn unavailable_reason(&self) -> Option<String> {
        let health = self.upstream.health();
        self.retry_if_failing();
        if !health.is_failing() && health.is_outdated() {
            self.probe.share(&self.context.background, self.health_request()).await;
        }
        health.reason()
    }

    /// Has it asked whether it answers again, where it did not and it is time to.
    fn retry_if_failing(&self) {
        let health = self.upstream.health();
        if health.is_failing() && health.may_retry() {
            self.context.background.spawn(self.health_request());
        }
    }

    /// What comes of it, the health knows.
    fn health_request(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let upstream = Arc::clone(&self.upstream);
        let nothing = AssetPath::from_plain(PROBE_NAME).expect("a path");
        let key = self.upstream.key(&nothing).expect("a key");
        async move { drop(upstream.ask(&key, GetOptions::default()).await) }
    }

    /// Asks for an object that is hardly there, to find out whether the bucket is, and lets us read.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let nothing = AssetPath::from_plain(PROBE_NAME).expect("a path");
        let key = self.upstream.key(&nothing).expect("a key");
        match self.upstream.ask_here(&key, GetOptions::default()).await {
            // Its pages would be served as assets, with our types.
            Ok(_) => {
                let reason = format!(
                    "{} cannot be read: it has {key}, which nobody has put there, as a web server does that has a page for \
                     whatever it is asked; check its endpoint",
                    self.upstream.name()
                );
                Err(StoreError::Upstream { fault: UpstreamFault::Refused, reason: reason.into() })
            }
            Err(BucketError::Missing { .. }) => Ok(()),
            Err(BucketError::Forbidden) => {
                log::warn!(
                    "{} says that access is denied to an object that is hardly there. That is what it says to who may read \
                     but not list, and then all is well, but missing objects are logged from forbidden ones by nobody; and it is \
                     what it says to who may do neither. Allow both (s3:GetObject, s3:ListBucket) to know.",
                    self.upstream.name()
                );
                Ok(())
            }
            Err(refusal) => Err(refusal.into_error(self.upstream.name())),
        }
    }

    /// Whether what is known answers what was asked at `now`.
    pub(crate) fn satisfies(
        &self,
        known: &OpenAsset,
        intent: ReadIntent,
        freshness: Freshness,
        now: Instant,
    ) -> bool {
        // The body of a large object is asked for when it is known what of it is meant.
        let is_enough = intent == ReadIntent::Head
            || is_held(known)
            || (intent == ReadIntent::Parts && is_passed_on(known, &self.context));
        is_enough && !known.is_broken() && known.is_new_enough(freshness, now, self.fresh)
    }

    /// Opens the asset at `path`, which is `inside` this bucket, anew: what is `known` of it is no answer.
    pub(crate) async fn open(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        intent: ReadIntent,
        (freshness, now): (Freshness, Instant),
        mut known: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        if known.is_none() && self.is_known_to_be_missing(path, now) {
            return Err(StoreError::NotFound);
        }
        let key = self.upstream.key(inside).ok_or(StoreError::NotFound)?;
        for _ in 0..MAX_REQUESTS {
            if let (Freshness::Since(_), Some(earlier)) =
                (freshness, known.as_ref().filter(|known| !known.is_broken()))
            {
                tokio::time::sleep_until((earlier.checked() + REQUEST_GAP).into()).await;
                known = self.context.cache.get(path.as_str());
                if let Some(known) =
                    known.as_ref().filter(|known| self.satisfies(known, intent, freshness, now))
                {
                    return Ok(known.clone());
                }
            }
            let stale = self.stale_if_error(known.as_ref());
            let health = self.upstream.health();
            if let Some(stale) = &stale
                && health.is_failing()
            {
                health.count_stale_response();
                self.revalidate_in_background(path, &key, known.clone(), now);
                return Ok(stale.clone());
            }
            let opened =
                match (self.request(path, &key, intent, (freshness, now), known.as_ref()).await, stale) {
                    (Ok(opened), _) => opened,
                    (Err(StoreError::Upstream { .. } | StoreError::Busy(_)), Some(stale)) => {
                        health.count_stale_response();
                        return Ok(stale);
                    }
                    (Err(e), _) => return Err(e),
                };
            if !opened.is_broken() && opened.is_new_enough(freshness, now, self.fresh) {
                return Ok(opened);
            }
            known = Some(opened);
        }
        known.ok_or(StoreError::Changing)
    }

    /// Holds what the bucket in whose place it comes `held` in memory, as its own rules describe it. What is still on its way
    /// comes as it began.
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

    fn is_known_to_be_missing(&self, path: &AssetPath<'_>, now: Instant) -> bool {
        self.missing
            .get(path.as_str())
            .is_some_and(|since| now.saturating_duration_since(since) < MISSING.min(self.fresh))
    }

    /// Asks the bucket once.
    async fn request(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        key: &Path,
        intent: ReadIntent,
        (freshness, now): (Freshness, Instant),
        known: Option<&OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let method = Method::of(intent, known, &self.context);
        self.asking
            .join(&(path.as_str().into(), method), |_| {
                let (bucket, path, key) = (Arc::clone(self), path.to_owned(), key.clone());
                // Another may have asked between the look into the cache and here.
                let present = bucket.context.cache.get(path.as_str());
                let known = present.as_ref().or(known);
                let answer = known.filter(|known| bucket.satisfies(known, intent, freshness, now)).cloned();
                // What is not held has to come anew, changed or not.
                let known = known.filter(|known| method == Method::Head || is_held(known)).cloned();
                async move {
                    match answer {
                        Some(answer) => Some(Ok(answer)),
                        None => Some(bucket.ask(path, key, method, known).await),
                    }
                }
            })
            .await
    }

    async fn ask(
        self: Arc<Self>,
        path: AssetPath<'static>,
        key: Path,
        method: Method,
        known: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let known = known.filter(|known| !known.is_broken());
        let mut if_none_match =
            known.as_ref().and_then(OpenAsset::object).map(|object| object.tag().to_owned());
        loop {
            let asked = Instant::now();
            let head = method == Method::Head;
            let options = GetOptions { if_none_match: if_none_match.take(), head, ..GetOptions::default() };
            let is_conditional = options.if_none_match.is_some();
            let outcome = self.upstream.ask(&key, options).await;
            return match (outcome, &known) {
                (Ok(found), _) => self.cache_found(&path, &key, method, found, asked),
                (Err(BucketError::NotModified(date)), Some(known)) if is_conditional => {
                    let date = match date {
                        Some(date) => Some(date),
                        None => self.fetch_date(&key).await,
                    };
                    if date.is_some() && known.asset().last_modified.is_some_and(|known| Some(known) != date)
                    {
                        // The same bytes with other metadata: all of it has to come anew.
                        continue;
                    }
                    known.confirm(asked);
                    if self.context.cache.get(path.as_str()).is_none() {
                        self.context.cache.insert(path.as_str(), known.clone());
                    }
                    Ok(known.clone())
                }
                (Err(refusal), _) => {
                    // Nothing was said of a version or of a part.
                    let refusal = match refusal {
                        BucketError::Changed => BucketError::Unusable(
                            "it says that a condition fails, and there is none".to_owned(),
                        ),
                        other => other,
                    };
                    self.log_error(&path, &refusal);
                    let error = refusal.into_error(self.upstream.name());
                    if error == StoreError::NotFound && self.known_since(&path, asked).is_none() {
                        self.context.cache.remove(path.as_str());
                        self.missing.insert(path.as_str().into(), asked);
                    }
                    Err(error)
                }
            };
        }
    }

    /// When the object was written, from a store such as `SeaweedFS` that does not say so with a 304: without it nobody
    /// can tell that the same bytes were put again under another policy.
    async fn fetch_date(&self, key: &Path) -> Option<HttpDate> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.upstream.ask(key, options).await.ok()?;
        http_date(found.meta.last_modified.into())
    }

    /// Tells the operator of a refusal that is about one object. Of what is about the bucket, its health tells.
    fn log_error(&self, path: &AssetPath<'_>, refusal: &BucketError) {
        let (name, path) = (self.upstream.name(), without_signatures(path.as_str()));
        match refusal {
            BucketError::Forbidden => self.denied.log(name, |others| {
                log::warn!("{path}: {name} denies access, so it is answered as missing{others}");
            }),
            BucketError::Unusable(reason) => {
                self.unusable
                    .log(reason, |others| log::warn!("{path}: {name} cannot be read: {reason}{others}"));
            }
            _ => {}
        }
    }

    /// What somebody knows of it who asked later than `asked`: an older answer must not take its place.
    fn known_since(&self, path: &AssetPath<'_>, asked: Instant) -> Option<OpenAsset> {
        self.context.cache.get(path.as_str()).filter(|known| known.checked() > asked && !known.is_broken())
    }

    /// Keeps what is known of what was found.
    fn cache_found(
        &self,
        path: &AssetPath<'_>,
        key: &Path,
        method: Method,
        found: GetResult,
        asked: Instant,
    ) -> Result<OpenAsset, StoreError> {
        self.missing.remove(path.as_str());
        if let Some(newer) = self.known_since(path, asked) {
            return Ok(newer);
        }
        let GetResult { meta, attributes, payload, .. } = found;
        let Some((tag, etag)) = meta.e_tag.clone().and_then(|tag| Some((tag.clone(), entity_tag(&tag)?)))
        else {
            let refusal =
                BucketError::Unusable("it has no ETag, so its versions cannot be logged apart".to_owned());
            self.log_error(path, &refusal);
            return Err(refusal.into_error(self.upstream.name()));
        };
        let told_by = (self.upstream.name(), &self.context.rules);
        let own_policy = self.descriptions.own_policy(path, &attributes);
        let asset =
            self.descriptions.describe(told_by, path, (etag, &meta), &attributes, own_policy.as_ref());
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

    /// How an object is to be read that was found just now.
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
        let room = self.context.may_hold(size).then(|| self.context.budget.reserve(size)).flatten();
        let (Some(room), Ok(len)) = (room, usize::try_from(size)) else {
            return (
                whole,
                self.upstream.try_stream_permit().map(|stream_permit| PendingBody::new(body, stream_permit)),
            );
        };
        let stream = object.reading(body, 0..size, None);
        let (arriving, filling) = SharedBody::fill(stream, len, room, object.path());
        self.context.background.spawn(filling);
        (Content::SharedBody(arriving), None)
    }
}
