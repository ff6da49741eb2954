//! Assets in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! A request's way: [`Bucket`] says what has to be asked, [`upstream`] asks it through `object_store`, [`client`] carries it,
//! and [`error`] reads what is not a yes. What comes is an [`object`], described by its [`metadata`]; small ones
//! [arrive](arriving) in memory, for all who want them at once. How a bucket is found and who we say that we are,
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
pub(crate) use self::credential_files::Secrets;
use self::error::Refusal;
pub(crate) use self::health::Record;
pub use self::listing::{Listed, Listing, Piece};
use self::metadata::{Descriptions, entity_tag, http_date};
use self::object::Live;
use self::object::Object;
use self::shared_body::Arriving;
use self::upstream::{Question, Upstream};
use super::context::StoreContext;
use super::open_asset::Origin;
use super::shared_probe::SharedProbe;
use super::single_flight::Flights;
use super::{Ask, BucketStatus, Content, NOBODYS, OpenAsset, StoreError, UpstreamFault, Want};
use crate::asset::{Asset, AssetPath};
use crate::config;
use crate::http::{Fields, without_signatures};
use crate::log_throttle::RepeatThrottle;

/// Between two questions about one path that are asked for by name of an unknown version.
const ASK_GAP: Duration = Duration::from_millis(250);
/// How long it is known that there is no such object.
const MISSING: Duration = Duration::from_secs(1);
/// Paths of which that is known.
const MISSING_PATHS: usize = 4096;
/// How often the bucket is asked for one answer. What the first time finds under way may have begun before the question;
/// what the second finds has not.
const LOOKS: usize = 2;

/// A mounted bucket, and what is known of its objects.
pub(crate) struct Bucket {
    upstream: Arc<Upstream>,
    fresh: Duration,
    stale_if_error: Duration,
    shelf: Arc<StoreContext>,
    asking: Flights<(Box<str>, Question), Result<OpenAsset, StoreError>>,
    /// Since when it is known of a path that no object has it.
    missing: Cache<Box<str>, Instant>,
    /// Whether it answers, where nobody else asks.
    glance: SharedProbe<()>,
    denied: RepeatThrottle,
    unusable: RepeatThrottle,
    descriptions: Descriptions,
}

impl Question {
    /// The question that answers who wants this, where so much is known.
    fn of(want: Want, known: Option<&OpenAsset>, shelf: &StoreContext) -> Self {
        match (want, known) {
            (Want::Head, _) => Self::Head,
            // Which part of a large object is meant, and whether any, only who knows what it is can tell.
            (Want::Parts, Some(known)) if is_passed_on(known, shelf) => Self::Head,
            _ => Self::Get,
        }
    }
}

/// Whether this is an object that is too large to be held.
fn is_passed_on(known: &OpenAsset, shelf: &StoreContext) -> bool {
    matches!(known.content(), Content::Object(_)) && !shelf.may_hold(known.asset().len)
}

/// Whether its bytes are here, or on their way.
fn is_held(known: &OpenAsset) -> bool {
    matches!(known.content(), Content::Memory(_) | Content::Arriving(_))
}

impl Bucket {
    pub(crate) fn new(
        bucket: &config::Bucket,
        store: Arc<dyn ObjectStore>,
        fresh: Duration,
        patience: config::Upstream,
        record: Record,
        shelf: Arc<StoreContext>,
    ) -> Arc<Self> {
        Arc::new(Self {
            upstream: Upstream::new(store, bucket, patience, record, shelf.background.clone()),
            fresh,
            stale_if_error: bucket.stale_if_error,
            asking: Flights::new(shelf.background.clone()),
            shelf,
            missing: Cache::new(MISSING_PATHS),
            glance: SharedProbe::default(),
            denied: RepeatThrottle::default(),
            unusable: RepeatThrottle::default(),
            descriptions: Descriptions::default(),
        })
    }

    /// What was heard of it so far, for one that takes its place.
    pub(crate) fn record(&self) -> Record {
        self.upstream.record().clone()
    }

    /// How it is, and what was asked of it so far. `mount` is where it is served. One that did not answer is asked again now and
    /// then: it may be that nobody else does.
    pub(crate) fn status(&self, mount: &str) -> BucketStatus {
        self.look_again();
        self.upstream.counts().status(self.upstream.name(), mount, !self.upstream.trouble().is_on())
    }

    /// Why it cannot be read at the moment, where that is so. One of which nothing was heard for a while is asked, and waited for;
    /// one that did not answer is asked again now and then: it may be that nobody else does.
    pub(crate) async fn trouble(&self) -> Option<String> {
        let trouble = self.upstream.trouble();
        self.look_again();
        if !trouble.is_on() && trouble.is_out_of_date() {
            self.glance.share(&self.shelf.background, self.ask_whether_it_answers()).await;
        }
        trouble.reason()
    }

    /// Has it asked whether it answers again, where it did not and it is time to.
    fn look_again(&self) {
        let trouble = self.upstream.trouble();
        if trouble.is_on() && trouble.may_be_tried() {
            self.shelf.background.spawn(self.ask_whether_it_answers());
        }
    }

    /// What comes of it, the trouble knows.
    fn ask_whether_it_answers(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let upstream = Arc::clone(&self.upstream);
        let nothing = AssetPath::from_plain(NOBODYS).expect("a path");
        let key = self.upstream.key(&nothing).expect("a key");
        async move { drop(upstream.ask(&key, GetOptions::default()).await) }
    }

    /// Asks for an object that is hardly there, to find out whether the bucket is, and lets us read.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let nothing = AssetPath::from_plain(NOBODYS).expect("a path");
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
            Err(Refusal::Missing { .. }) => Ok(()),
            Err(Refusal::Forbidden) => {
                log::warn!(
                    "{} says that access is denied to an object that is hardly there. That is what it says to who may read \
                     but not list, and then all is well, but missing objects are told from forbidden ones by nobody; and it is \
                     what it says to who may do neither. Allow both (s3:GetObject, s3:ListBucket) to know.",
                    self.upstream.name()
                );
                Ok(())
            }
            Err(refusal) => Err(refusal.into_error(self.upstream.name())),
        }
    }

    /// Whether what is known answers what was asked at `now`.
    pub(crate) fn is_answered_by(&self, known: &OpenAsset, want: Want, ask: Ask, now: Instant) -> bool {
        // The body of a large object is asked for when it is known what of it is meant.
        let is_enough =
            want == Want::Head || is_held(known) || (want == Want::Parts && is_passed_on(known, &self.shelf));
        is_enough && !known.is_broken() && known.is_new_enough(ask, now, self.fresh)
    }

    /// Opens the asset at `path`, which is `inside` this bucket, anew: what is `known` of it is no answer.
    pub(crate) async fn open(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        want: Want,
        (ask, now): (Ask, Instant),
        mut known: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        if known.is_none() && self.is_known_to_be_missing(path, now) {
            return Err(StoreError::NotFound);
        }
        let key = self.upstream.key(inside).ok_or(StoreError::NotFound)?;
        for _ in 0..LOOKS {
            if let (Ask::Since(_), Some(earlier)) = (ask, known.as_ref().filter(|known| !known.is_broken())) {
                tokio::time::sleep_until((earlier.checked() + ASK_GAP).into()).await;
                known = self.shelf.cache.get(path.as_str());
                if let Some(known) = known.as_ref().filter(|known| self.is_answered_by(known, want, ask, now))
                {
                    return Ok(known.clone());
                }
            }
            let stale = self.stale_if_error(known.as_ref());
            let trouble = self.upstream.trouble();
            if let Some(stale) = &stale
                && trouble.is_on()
            {
                trouble.stand_in();
                self.revalidate_in_background(path, &key, known.clone(), now);
                return Ok(stale.clone());
            }
            let opened = match (self.look(path, &key, want, (ask, now), known.as_ref()).await, stale) {
                (Ok(opened), _) => opened,
                (Err(StoreError::Upstream { .. } | StoreError::Busy(_)), Some(stale)) => {
                    trouble.stand_in();
                    return Ok(stale);
                }
                (Err(e), _) => return Err(e),
            };
            if !opened.is_broken() && opened.is_new_enough(ask, now, self.fresh) {
                return Ok(opened);
            }
            known = Some(opened);
        }
        known.ok_or(StoreError::Changing)
    }

    /// Holds what the bucket in whose place it comes `held` in memory, as its own rules describe it. What is still on its way
    /// comes as it began.
    pub(crate) fn take_over<'a>(&self, held: impl Iterator<Item = (&'a AssetPath<'a>, &'a OpenAsset)>) {
        for (path, opened) in held.filter(|(_, opened)| is_held(opened) && !opened.is_broken()) {
            let Some(object) = opened.object() else { continue };
            let cache_policy = self.shelf.rules.policy_for(path, object.own_policy()).clone();
            let asset = Asset { cache_policy, ..opened.asset().clone() };
            let fields = Fields::render(&asset, &self.shelf.rules.versioned);
            let origin = Origin::Object(object.through(&self.upstream));
            self.shelf.cache.insert(path.as_str(), opened.described_as(asset, fields, origin));
        }
    }

    fn is_known_to_be_missing(&self, path: &AssetPath<'_>, now: Instant) -> bool {
        self.missing
            .get(path.as_str())
            .is_some_and(|since| now.saturating_duration_since(since) < MISSING.min(self.fresh))
    }

    /// Asks the bucket once.
    async fn look(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        key: &Path,
        want: Want,
        (ask, now): (Ask, Instant),
        known: Option<&OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let question = Question::of(want, known, &self.shelf);
        self.asking
            .join(&(path.as_str().into(), question), |_| {
                let (bucket, path, key) = (Arc::clone(self), path.to_owned(), key.clone());
                // Another may have asked between the look into the cache and here.
                let present = bucket.shelf.cache.get(path.as_str());
                let known = present.as_ref().or(known);
                let answer = known.filter(|known| bucket.is_answered_by(known, want, ask, now)).cloned();
                // What is not held has to come anew, changed or not.
                let known = known.filter(|known| question == Question::Head || is_held(known)).cloned();
                async move {
                    match answer {
                        Some(answer) => Some(Ok(answer)),
                        None => Some(bucket.ask(path, key, question, known).await),
                    }
                }
            })
            .await
    }

    async fn ask(
        self: Arc<Self>,
        path: AssetPath<'static>,
        key: Path,
        question: Question,
        known: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let known = known.filter(|known| !known.is_broken());
        let mut if_none_match =
            known.as_ref().and_then(OpenAsset::object).map(|object| object.tag().to_owned());
        loop {
            let asked = Instant::now();
            let head = question == Question::Head;
            let options = GetOptions { if_none_match: if_none_match.take(), head, ..GetOptions::default() };
            let is_conditional = options.if_none_match.is_some();
            let outcome = self.upstream.ask(&key, options).await;
            return match (outcome, &known) {
                (Ok(found), _) => self.keep(&path, &key, question, found, asked),
                (Err(Refusal::NotModified(date)), Some(known)) if is_conditional => {
                    let date = match date {
                        Some(date) => Some(date),
                        None => self.date_of(&key).await,
                    };
                    if date.is_some() && known.asset().last_modified.is_some_and(|known| Some(known) != date)
                    {
                        // The same bytes with other metadata: all of it has to come anew.
                        continue;
                    }
                    known.confirm(asked);
                    if self.shelf.cache.get(path.as_str()).is_none() {
                        self.shelf.cache.insert(path.as_str(), known.clone());
                    }
                    Ok(known.clone())
                }
                (Err(refusal), _) => {
                    // Nothing was said of a version or of a part.
                    let refusal = match refusal {
                        Refusal::Changed => {
                            Refusal::Unusable("it says that a condition fails, and there is none".to_owned())
                        }
                        other => other,
                    };
                    self.tell(&path, &refusal);
                    let error = refusal.into_error(self.upstream.name());
                    if error == StoreError::NotFound && self.known_since(&path, asked).is_none() {
                        self.shelf.cache.remove(path.as_str());
                        self.missing.insert(path.as_str().into(), asked);
                    }
                    Err(error)
                }
            };
        }
    }

    /// When the object was written, from a store such as `SeaweedFS` that does not say so with a 304: without it nobody
    /// can tell that the same bytes were put again under another policy.
    async fn date_of(&self, key: &Path) -> Option<HttpDate> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.upstream.ask(key, options).await.ok()?;
        http_date(found.meta.last_modified.into())
    }

    /// Tells the operator of a refusal that is about one object. Of what is about the bucket, its trouble tells.
    fn tell(&self, path: &AssetPath<'_>, refusal: &Refusal) {
        let (name, path) = (self.upstream.name(), without_signatures(path.as_str()));
        match refusal {
            Refusal::Forbidden => self.denied.log(name, |others| {
                log::warn!("{path}: {name} denies access, so it is answered as missing{others}");
            }),
            Refusal::Unusable(reason) => {
                self.unusable
                    .log(reason, |others| log::warn!("{path}: {name} cannot be read: {reason}{others}"));
            }
            _ => {}
        }
    }

    /// What somebody knows of it who asked later than `asked`: an older answer must not take its place.
    fn known_since(&self, path: &AssetPath<'_>, asked: Instant) -> Option<OpenAsset> {
        self.shelf.cache.get(path.as_str()).filter(|known| known.checked() > asked && !known.is_broken())
    }

    /// Keeps what is known of what was found.
    fn keep(
        &self,
        path: &AssetPath<'_>,
        key: &Path,
        question: Question,
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
                Refusal::Unusable("it has no ETag, so its versions cannot be told apart".to_owned());
            self.tell(path, &refusal);
            return Err(refusal.into_error(self.upstream.name()));
        };
        let told_by = (self.upstream.name(), &self.shelf.rules);
        let own_policy = self.descriptions.own_policy(path, &attributes);
        let asset =
            self.descriptions.describe(told_by, path, (etag, &meta), &attributes, own_policy.as_ref());
        if let Some(present) = self.shelf.cache.get(path.as_str())
            && is_held(&present)
            && !present.is_broken()
            && *present.asset() == asset
        {
            present.confirm(asked);
            return Ok(present);
        }
        let object =
            Object::new(Arc::clone(&self.upstream), (key.clone(), path.as_str()), tag, meta.size, own_policy);
        let (content, live) = self.content(&object, question, payload, meta.size);
        let fields = Fields::render(&asset, &self.shelf.rules.versioned);
        let opened = OpenAsset::new(asset, fields, content, Origin::Object(object), asked);
        self.shelf.cache.insert(path.as_str(), opened.clone());
        Ok(match live {
            Some(live) => opened.with(live),
            None => opened,
        })
    }

    /// How an object is to be read that was found just now.
    fn content(
        &self,
        object: &Arc<Object>,
        question: Question,
        payload: object_store::GetResultPayload,
        size: u64,
    ) -> (Content, Option<Live>) {
        if size == 0 {
            return (Content::Memory(bytes::Bytes::new()), None);
        }
        let whole = Content::Object(Arc::clone(object));
        if question == Question::Head {
            return (whole, None);
        }
        let body = object::body(payload);
        let room = self.shelf.may_hold(size).then(|| self.shelf.budget.reserve(size)).flatten();
        let (Some(room), Ok(len)) = (room, usize::try_from(size)) else {
            return (whole, self.upstream.passage_now().map(|passage| Live::new(body, passage)));
        };
        let stream = object.reading(body, 0..size, None);
        let (arriving, filling) = Arriving::fill(stream, len, room, object.path());
        self.shelf.background.spawn(filling);
        (Content::Arriving(arriving), None)
    }
}
