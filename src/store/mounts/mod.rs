//! The stores behind their path prefixes: which one a path lies in, and whether it has to be looked at. How others take their place
//! is told in [`reload`].

mod reload;
mod store_settings;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::store_settings::StoreSettings;
use super::bucket::{Bucket, BucketHistory, Connector};
use super::context::StoreContext;
use super::disk::{BufferPool, Digests, Folder, Shared};
use super::{Content, Freshness, Listing, ObjectPart, OpenAsset, ReadIntent, StoreError, StoreStats, sample};
use crate::asset::AssetPath;
use crate::config::{self, Location, Settings};

/// How long an open file is held after the last request for it.
const HOLD: Duration = Duration::from_secs(10);
/// Bodies that are read from disks into memory at one time.
const LOADING: usize = 8;

/// All assets that are served, and what is known of them.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    /// The deepest first, so that the first that fits is the one that is meant.
    mounts: Vec<Mount>,
    context: Arc<StoreContext>,
    /// Of the folders; `None` where there are none but buckets.
    shared: Option<Arc<Shared>>,
    made_of: StoreSettings,
}

struct Mount {
    /// Without slashes at its ends; empty for the root.
    path: String,
    /// What it is called in messages.
    name: String,
    store: Store,
}

enum Store {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

impl Stores {
    /// Opens the mounts of `settings`. What is not one client's work runs on `background`.
    ///
    /// Fails where a folder cannot be opened, or where it can be told without asking that a bucket cannot; the error names
    /// it. Whether buckets can be read, [`probe`](Self::probe) finds out.
    pub fn open_all(settings: &Settings, background: &Handle) -> Result<Self, StoreError> {
        let context = context(settings, background);
        let shared = shared(settings, &context);
        let made_of = StoreSettings::of(settings);
        let mounts = open_on(&context, &shared, settings, |_| BucketHistory::default())?;
        Ok(Self::of(mounts, context, Some(shared), made_of))
    }

    /// The same where `settings` have one mount, on a bucket that `store` stands for.
    ///
    /// For programs that have a store of their own, such as one in memory.
    ///
    /// # Panics
    ///
    /// Where the first mount is on a folder.
    pub fn over(store: Arc<dyn ObjectStore>, settings: &Settings, background: &Handle) -> Self {
        let context = context(settings, background);
        let mount = &settings.mounts[0];
        let Location::Bucket(bucket) = &mount.store else { panic!("{} is no bucket", mount.store) };
        let store =
            Store::Bucket(bucket_at(bucket, store, mount, settings, (BucketHistory::default(), &context)));
        let mount = Mount { path: mount.path.clone(), name: mount.store.to_string(), store };
        Self::of(vec![mount], context, None, StoreSettings::of(settings))
    }

    fn of(
        mut mounts: Vec<Mount>,
        context: Arc<StoreContext>,
        shared: Option<Arc<Shared>>,
        made_of: StoreSettings,
    ) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
        let background = context.background.clone();
        let inner = Arc::new(Inner { mounts, context, shared, made_of });
        let sweeping = Arc::downgrade(&inner);
        background.spawn(async move {
            loop {
                tokio::time::sleep(HOLD).await;
                let Some(inner) = sweeping.upgrade() else { break };
                if let Some(before) = Instant::now().checked_sub(HOLD) {
                    inner.context.cache.sweep(before);
                }
            }
        });
        Self(inner)
    }

    /// Asks every bucket once, so that a wrong name or credential is found before anybody needs it. Takes as long as one
    /// request may.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.probe_those(|_| true).await
    }

    async fn probe_those(&self, is_meant: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let mut probes = JoinSet::new();
        for mount in self.0.mounts.iter().filter(|mount| is_meant(&mount.path)) {
            if let Store::Bucket(bucket) = &mount.store {
                let bucket = Arc::clone(bucket);
                probes.spawn(async move { bucket.probe().await });
            }
        }
        while let Some(probed) = probes.join_next().await {
            probed.unwrap_or_else(|e| Err(StoreError::Busy(e.to_string().into())))?;
        }
        Ok(())
    }

    /// The paths of the mounts, without slashes at their ends, in the order in which they are numbered.
    pub fn mounts(&self) -> impl Iterator<Item = &str> {
        self.0.mounts.iter().map(|mount| &*mount.path)
    }

    /// The number of the mount that `path` lies in.
    pub fn mount_of(&self, path: &AssetPath<'_>) -> Option<usize> {
        self.0.mounts.iter().position(|mount| path.below(&mount.path).is_some())
    }

    /// How the stores are, and what they have done so far.
    pub fn stats(&self) -> StoreStats {
        let (held, held_limit) = self.0.context.budget.held();
        let buckets = self.0.mounts.iter().filter_map(|mount| match &mount.store {
            Store::Bucket(bucket) => Some(bucket.stats(&mount.path)),
            Store::Folder(_) => None,
        });
        StoreStats {
            held,
            held_limit,
            evictions: self.0.context.cache.evictions(),
            hashed: self.0.shared.as_ref().map(|shared| shared.digests.counts().stats()).unwrap_or_default(),
            buckets: buckets.collect(),
        }
    }

    /// What each mount is, and what keeps assets in it from being had at the moment, if anything does.
    ///
    /// A bucket of which nothing was heard for some seconds is asked; one that does not answer is asked again, once a second at
    /// most. What does not answer is waited for as long as `timeout_after` lasts; the others are not kept waiting.
    pub async fn health(&self, timeout_after: Duration) -> Vec<(String, Option<String>)> {
        let look = |number: usize| {
            let inner = Arc::clone(&self.0);
            let look = async move { inner.mounts[number].store.unavailable_reason(timeout_after).await };
            self.0.context.background.spawn(look)
        };
        let looks: Vec<_> = (0..self.0.mounts.len()).map(look).collect();
        let mut health = Vec::with_capacity(looks.len());
        for (mount, look) in self.0.mounts.iter().zip(looks) {
            let unavailable_reason =
                look.await.unwrap_or_else(|e| Some(format!("it could not be looked at: {e}")));
            health.push((format!("{} at /{}", mount.name, mount.path), unavailable_reason));
        }
        health
    }

    /// The asset at `path` as of `now`, where it is known without looking, and can be read without asking.
    pub fn cached(&self, path: &AssetPath<'_>, freshness: Freshness, now: Instant) -> Option<OpenAsset> {
        let known = self.0.context.cache.get(path.as_str())?;
        let (mount, _) = self.0.find(path)?;
        let is_at_hand = !matches!(known.content(), Content::Object(_));
        (is_at_hand && mount.store.satisfies(&known, ReadIntent::Whole, freshness, now)).then_some(known)
    }

    /// Opens the asset at `path`, as of `now`, for what the asker wants of it.
    pub async fn open(
        &self,
        path: &AssetPath<'_>,
        intent: ReadIntent,
        freshness: Freshness,
        now: Instant,
    ) -> Result<OpenAsset, StoreError> {
        let (mount, inside) = self.0.find(path).ok_or(StoreError::NotFound)?;
        let known = match self.0.context.cache.get(path.as_str()) {
            Some(known) if mount.store.satisfies(&known, intent, freshness, now) => return Ok(known),
            known => known,
        };
        match &mount.store {
            Store::Folder(folder) => folder.open(path, &inside, (freshness, now), known).await,
            Store::Bucket(bucket) => bucket.open(path, &inside, intent, (freshness, now), known).await,
        }
    }

    /// Lists what lies in the bucket that `folder` (a path without slashes at its ends, `""` for the root) lies in, from there
    /// on down; `None` where it lies in no bucket.
    pub fn list(&self, folder: &str) -> Option<Result<Listing, StoreError>> {
        let mount = self.0.mounts.iter().find(|mount| is_below(folder, &mount.path))?;
        let Store::Bucket(bucket) = &mount.store else { return None };
        let inside = folder[mount.path.len()..].trim_start_matches('/');
        let inside = match inside {
            "" => None,
            inside => match AssetPath::from_plain(inside) {
                Ok(inside) => Some(inside),
                Err(_) => return Some(Err(StoreError::NotFound)),
            },
        };
        Some(bucket.list(inside.as_ref()))
    }

    /// What the asset at `path` in a bucket is, and the bytes of it in `range`, which may be empty. Nothing is held of it.
    ///
    /// With the `tag` of an earlier [`ObjectPart`], it fails with [`StoreError::Changing`] where the asset is another version by now.
    pub async fn read_part(
        &self,
        path: &AssetPath<'_>,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<ObjectPart, StoreError> {
        let (mount, inside) = self.0.find(path).ok_or(StoreError::NotFound)?;
        match &mount.store {
            Store::Folder(_) => Err(StoreError::NotFound),
            Store::Bucket(bucket) => bucket.read_part(path, &inside, range, tag).await,
        }
    }

    /// Some asset that WhatsApp takes and that anybody may have, if there is one at a probe in a folder.
    pub fn example(&self, settings: &Settings) -> Option<AssetPath<'static>> {
        let is_public =
            |path: &AssetPath| !settings.cache.is_signed(path) && settings.auth_for(path).is_none();
        folder_mounts(settings).find_map(|(mount, folder)| {
            let seen = |inside: &AssetPath| self.0.path_in_mount(mount, inside).filter(is_public);
            seen(&sample::example(folder, |inside| seen(inside).is_some())?)
        })
    }

    /// The path of the asset that the file at `file` is, where it lies inside a mount.
    pub fn locate(&self, settings: &Settings, file: &Path) -> Option<AssetPath<'static>> {
        let (folder, name) = (file.parent()?, file.file_name()?);
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // Not the file itself: a link in the store is served under its own name.
        let file = folder.canonicalize().ok()?.join(name);
        folder_mounts(settings).find_map(|(mount, folder)| {
            let inside = file.strip_prefix(folder.canonicalize().ok()?).ok()?.to_str()?;
            self.0.path_in_mount(mount, &AssetPath::from_plain(inside).ok()?)
        })
    }
}

/// The stores of the mounts of `settings`, in their order. What was heard of a bucket so far, `record` has by the mount's number.
fn open_on(
    context: &Arc<StoreContext>,
    shared: &Arc<Shared>,
    settings: &Settings,
    history: impl Fn(usize) -> BucketHistory,
) -> Result<Vec<Mount>, StoreError> {
    let mut buckets = settings.mounts.iter().filter_map(|mount| match &mount.store {
        Location::Bucket(bucket) => Some(bucket),
        Location::Folder(_) => None,
    });
    // StoreSettings only where it is needed: it reads the certificates of whom this machine trusts.
    let connector = match buckets.next() {
        Some(bucket) => {
            let more_roots = bucket.environment.get("AWS_CA_BUNDLE");
            Some(Connector::new(settings.upstream.connect_timeout, more_roots, &context.background)?)
        }
        None => None,
    };
    let mut mounts = Vec::with_capacity(settings.mounts.len());
    for (number, mount) in settings.mounts.iter().enumerate() {
        let store = match &mount.store {
            Location::Folder(directory) => Store::Folder(Folder::open_at(
                directory,
                settings.never_served(),
                mount.fresh,
                Arc::clone(shared),
                Arc::clone(context),
            )?),
            Location::Bucket(bucket) => {
                let connector = connector.as_ref().expect("there is one where there is a bucket");
                let store = super::bucket::connect(bucket, connector)?;
                Store::Bucket(bucket_at(bucket, store, mount, settings, (history(number), context)))
            }
        };
        mounts.push(Mount { path: mount.path.clone(), name: mount.store.to_string(), store });
    }
    Ok(mounts)
}

/// The mounts on folders: the mount's path, and the folder.
fn folder_mounts(settings: &Settings) -> impl Iterator<Item = (&str, &Path)> {
    settings.mounts.iter().filter_map(|mount| match &mount.store {
        Location::Folder(folder) => Some((mount.path.as_str(), folder.as_path())),
        Location::Bucket(_) => None,
    })
}

/// Whether `path` is `folder` or lies below it; both without slashes at their ends.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn context(settings: &Settings, background: &Handle) -> Arc<StoreContext> {
    StoreContext::new(settings.memory.cache as u64, settings.cache.clone(), background.clone())
}

/// What all folders have in common.
fn shared(settings: &Settings, context: &StoreContext) -> Arc<Shared> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Shared {
        digests: Digests::new(settings.memory.digests, at_once, context.background.clone()),
        budget: Arc::clone(&context.budget),
        max_body: context.max_body,
        loading: Semaphore::new(LOADING),
        buffers: BufferPool::new(settings.memory.streams as u64),
        background: context.background.clone(),
    })
}

fn bucket_at(
    bucket: &config::Bucket,
    store: Arc<dyn ObjectStore>,
    mount: &config::Mount,
    settings: &Settings,
    (history, context): (BucketHistory, &Arc<StoreContext>),
) -> Arc<Bucket> {
    Bucket::new(bucket, store, mount.fresh, settings.upstream, history, Arc::clone(context))
}

impl Store {
    /// What keeps assets in it from being had, if anything does.
    async fn unavailable_reason(&self, timeout_after: Duration) -> Option<String> {
        let looking = async {
            match self {
                Self::Folder(folder) => folder.unavailable_reason().await,
                Self::Bucket(bucket) => bucket.unavailable_reason().await,
            }
        };
        let late = |_| {
            let what = match self {
                Self::Folder(_) => "its disk",
                Self::Bucket(_) => "it",
            };
            Some(format!("{what} did not answer for {} s", timeout_after.as_secs()))
        };
        timeout(timeout_after, looking).await.unwrap_or_else(late)
    }

    /// Whether what is known answers what was asked at `now`.
    fn satisfies(&self, known: &OpenAsset, intent: ReadIntent, freshness: Freshness, now: Instant) -> bool {
        match self {
            Self::Folder(folder) => folder.satisfies(known, freshness, now),
            Self::Bucket(bucket) => bucket.satisfies(known, intent, freshness, now),
        }
    }
}

impl Inner {
    /// The mount that `path` lies in, and the path inside it.
    fn find<'p>(&self, path: &'p AssetPath<'_>) -> Option<(&Mount, AssetPath<'p>)> {
        self.mounts.iter().find_map(|mount| Some((mount, path.below(&mount.path)?)))
    }

    /// The path of what lies at `inside` in the mount at `mount`, unless a deeper mount hides it.
    fn path_in_mount(&self, mount: &str, inside: &AssetPath<'_>) -> Option<AssetPath<'static>> {
        let path = if mount.is_empty() { inside.as_str().to_owned() } else { format!("{mount}/{inside}") };
        let path = AssetPath::from_plain(&path).ok()?.to_owned();
        (self.find(&path)?.0.path == mount).then_some(path)
    }
}
