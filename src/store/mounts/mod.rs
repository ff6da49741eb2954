//! Mounts: which store a path belongs to, and whether the cached version is fresh enough. A [reload] replaces the
//! stores.

mod reload;
mod spelling_reports;
mod store_settings;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::spelling_reports::SpellingReports;
pub use self::store_settings::CredentialFiles;
use self::store_settings::StoreSettings;
use super::bucket::{Bucket, BucketHistory, Connection, Connector};
use super::context::StoreContext;
use super::dates::{Dates, StateAccess};
use super::disk::{BufferPool, Digests, Folder, Shared};
use super::{Content, Freshness, Listing, ObjectPart, OpenAsset, ReadIntent, StoreError, StoreStats, sample};
use crate::asset::AssetPath;
use crate::config::{self, Location, Settings};

/// How long a file stays open after the last request for it.
const OPEN_FILE_TTL: Duration = Duration::from_secs(10);
/// Files that are read into memory at one time.
const MAX_CONCURRENT_READS: usize = 8;

/// All assets that are served, and the cache.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    /// The deepest first, so that the first match is the right one.
    mounts: Vec<Mount>,
    context: Arc<StoreContext>,
    /// What the folders share; `None` in [`over`](Stores::over).
    shared: Option<Arc<Shared>>,
    store_settings: StoreSettings,
    spelling_reports: SpellingReports,
}

struct Mount {
    /// Without slashes at its ends; empty for the root.
    path: String,
    /// The store's name in messages.
    name: String,
    store: Store,
}

enum Store {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

impl Stores {
    /// Opens the mounts of `settings`, whose state it may change as `access` says. Work that does not belong to one client runs on `background`.
    ///
    /// Fails if a folder cannot be opened, or if the settings of a bucket are invalid; the error names it. Whether
    /// buckets can be read is found out by [`probe`](Self::probe).
    pub fn open_all(
        settings: &Settings,
        access: StateAccess,
        background: &Handle,
    ) -> Result<Self, StoreError> {
        let context = context(settings, background);
        let shared = shared(settings, access, &context);
        let store_settings = StoreSettings::of(settings);
        let mounts = open_on(&context, &shared, settings, |_| BucketHistory::default())?;
        Ok(Self::of(mounts, context, Some(shared), store_settings))
    }

    /// The same for `settings` with one mount, on a bucket whose implementation is `store`.
    ///
    /// For programs that have a store of their own, such as one in memory.
    ///
    /// # Panics
    ///
    /// If the first mount is on a folder.
    pub fn over(store: Arc<dyn ObjectStore>, settings: &Settings, background: &Handle) -> Self {
        let context = context(settings, background);
        let mount = &settings.mounts[0];
        let Location::Bucket(bucket) = &mount.store else { panic!("{} is no bucket", mount.store) };
        let store = Store::Bucket(bucket_at(
            bucket,
            Connection::over(store),
            mount,
            settings,
            (BucketHistory::default(), &context),
        ));
        let mount = Mount { path: mount.path.clone(), name: mount.store.to_string(), store };
        Self::of(vec![mount], context, None, StoreSettings::of(settings))
    }

    fn of(
        mut mounts: Vec<Mount>,
        context: Arc<StoreContext>,
        shared: Option<Arc<Shared>>,
        store_settings: StoreSettings,
    ) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
        let background = context.background.clone();
        let inner = Arc::new(Inner {
            mounts,
            context,
            shared,
            store_settings,
            spelling_reports: SpellingReports::default(),
        });
        let sweeping = Arc::downgrade(&inner);
        background.spawn(async move {
            loop {
                tokio::time::sleep(OPEN_FILE_TTL).await;
                let Some(inner) = sweeping.upgrade() else { break };
                if let Some(before) = Instant::now().checked_sub(OPEN_FILE_TTL) {
                    inner.context.cache.sweep(before);
                }
            }
        });
        Self(inner)
    }

    /// Why dates of files that were kept are not used, if so.
    pub async fn unusable_state_reason(&self) -> Option<String> {
        self.0.shared.as_ref()?.dates.unusable_reason().await
    }

    /// Keeps what is to be kept of these stores and those that they replaced. To be called at the end of the process.
    pub async fn close(&self) {
        if let Some(shared) = &self.0.shared {
            shared.dates.close().await;
        }
    }

    /// Sends one request to every bucket, so that a wrong name or credential is found before a client needs an asset.
    /// Takes at most as long as one request may.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.probe_selected(|_| true).await
    }

    /// [Probes](Self::probe) the bucket that `path` lies in, if it is one.
    pub async fn probe_at(&self, path: &AssetPath<'_>) -> Result<(), StoreError> {
        match self.0.find(path) {
            Some((mount, _)) => self.probe_selected(|selected| selected == mount.path).await,
            None => Ok(()),
        }
    }

    async fn probe_selected(&self, is_selected: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let mut probes = JoinSet::new();
        for mount in self.0.mounts.iter().filter(|mount| is_selected(&mount.path)) {
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

    /// The paths of the mounts, without slashes at their ends, in the order of their numbers.
    pub fn mounts(&self) -> impl Iterator<Item = &str> {
        self.0.mounts.iter().map(|mount| &*mount.path)
    }

    /// The number of the mount that `path` lies in.
    pub fn mount_of(&self, path: &AssetPath<'_>) -> Option<usize> {
        self.0.mounts.iter().position(|mount| path.below(&mount.path).is_some())
    }

    /// Counters and health of the stores.
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

    /// The name of each mount, and why its assets cannot be read at the moment, if so.
    ///
    /// A bucket whose last result is older than some seconds gets a request; one that fails is retried, at most once
    /// a second. A store that does not answer within `timeout` counts as failed, and does not delay the others.
    pub async fn health(&self, timeout: Duration) -> Vec<(String, Option<String>)> {
        let check = |number: usize| {
            let inner = Arc::clone(&self.0);
            let check = async move { inner.mounts[number].store.unavailable_reason(timeout).await };
            self.0.context.background.spawn(check)
        };
        let checks: Vec<_> = (0..self.0.mounts.len()).map(check).collect();
        let mut health = Vec::with_capacity(checks.len());
        for (mount, check) in self.0.mounts.iter().zip(checks) {
            let unavailable_reason =
                check.await.unwrap_or_else(|e| Some(format!("the health check failed: {e}")));
            health.push((format!("{} at /{}", mount.name, mount.path), unavailable_reason));
        }
        health
    }

    /// The cached version of the asset at `path`, if it is fresh enough at `now` and can be read without a request.
    pub fn cached(&self, path: &AssetPath<'_>, freshness: Freshness, now: Instant) -> Option<OpenAsset> {
        let known = self.0.context.cache.get(path.as_str())?;
        let (mount, _) = self.0.find(path)?;
        let is_at_hand = !matches!(known.content(), Content::Object(_));
        (is_at_hand && mount.store.satisfies(&known, ReadIntent::Whole, freshness, now)).then_some(known)
    }

    /// Opens the asset at `path`, as of `now`, for what the caller intends to read.
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

    /// Whether there is an asset at `path`. Nothing of it is read or cached.
    pub async fn contains(&self, path: &AssetPath<'_>) -> bool {
        let Some((mount, inside)) = self.0.find(path) else { return false };
        match &mount.store {
            Store::Folder(folder) => folder.contains(&inside).await,
            Store::Bucket(bucket) => bucket.read_part(path, &inside, 0..0, None).await.is_ok(),
        }
    }

    /// The path of an asset whose name is that of `path` in another Unicode form, if there is one.
    pub async fn other_spelling(&self, path: &AssetPath<'_>) -> Option<AssetPath<'static>> {
        for other in path.other_spellings() {
            if self.contains(&other).await {
                return Some(other);
            }
        }
        None
    }

    /// Has the log report it if `path`, which was requested and has no asset, has one in another Unicode form. Searches in the
    /// background, and seldom: clients choose the paths.
    pub fn report_other_spelling(&self, path: &AssetPath<'_>) {
        if path.as_str().is_ascii() || !self.0.spelling_reports.may_search(path, Instant::now()) {
            return;
        }
        let (stores, path) = (self.clone(), path.to_owned());
        self.0.context.background.spawn(async move {
            if let Some(other) = stores.other_spelling(&path).await {
                stores.0.spelling_reports.log(&path, &other, Instant::now());
            }
        });
    }

    /// Lists the objects below `folder` (a path without slashes at its ends, `""` for the root) in the bucket that it
    /// lies in; `None` if it lies in no bucket.
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

    /// The metadata of the asset at `path` in a bucket, and its bytes in `range`, which may be empty. Nothing is
    /// cached.
    ///
    /// If `tag` is that of an earlier [`ObjectPart`], fails with [`StoreError::Changing`] when the asset is another
    /// version by now.
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

    /// An asset in a folder that WhatsApp accepts and that anyone may read, if a short search finds one.
    pub fn example(&self, settings: &Settings) -> Option<AssetPath<'static>> {
        let is_public =
            |path: &AssetPath| !settings.cache.is_signed(path) && settings.auth_for(path).is_none();
        folder_mounts(settings).find_map(|(mount, folder)| {
            let seen = |inside: &AssetPath| self.0.path_in_mount(mount, inside).filter(is_public);
            seen(&sample::example(folder, |inside| seen(inside).is_some())?)
        })
    }

    /// The path of the asset that the file at `file` is, if it lies inside a mount.
    pub fn locate(&self, settings: &Settings, file: &Path) -> Option<AssetPath<'static>> {
        let (folder, name) = (file.parent()?, file.file_name()?);
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // Not of the file itself: a link in the store is served under its own name.
        let file = folder.canonicalize().ok()?.join(name);
        folder_mounts(settings).find_map(|(mount, folder)| {
            let inside = file.strip_prefix(folder.canonicalize().ok()?).ok()?.to_str()?;
            self.0.path_in_mount(mount, &AssetPath::from_plain(inside).ok()?)
        })
    }
}

/// The stores of the mounts of `settings`, in their order. `history` is the history of a bucket, by the number of its
/// mount.
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
    // Made only if it is needed, because it loads the trust roots of this machine.
    let connector = match buckets.next() {
        Some(bucket) => {
            Some(Connector::new(settings.upstream.connect_timeout, &bucket.environment, &context.background)?)
        }
        None => None,
    };
    let mut mounts = Vec::with_capacity(settings.mounts.len());
    for (number, mount) in settings.mounts.iter().enumerate() {
        let store = match &mount.store {
            Location::Folder(directory) => Store::Folder(Folder::open_at(
                directory,
                settings.never_served(),
                (mount.fresh, mount.last_modified),
                Arc::clone(shared),
                Arc::clone(context),
            )?),
            Location::Bucket(bucket) => {
                let connector = connector.as_ref().expect("there is one where there is a bucket");
                let connection = super::bucket::connect(bucket, connector)?;
                Store::Bucket(bucket_at(bucket, connection, mount, settings, (history(number), context)))
            }
        };
        mounts.push(Mount { path: mount.path.clone(), name: mount.store.to_string(), store });
    }
    Ok(mounts)
}

/// The mounts on folders: path of the mount, and the folder.
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

/// What all folders share.
fn shared(settings: &Settings, access: StateAccess, context: &StoreContext) -> Arc<Shared> {
    let (memory, background) = (settings.memory, &context.background);
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Shared {
        digests: Digests::new(memory.digests, at_once, background.clone()),
        budget: Arc::clone(&context.budget),
        max_body: context.max_body,
        loading: Semaphore::new(MAX_CONCURRENT_READS),
        buffers: BufferPool::new(memory.streams as u64),
        dates: Dates::new(&settings.state, access, memory.digests, background.clone()),
        background: background.clone(),
    })
}

fn bucket_at(
    bucket: &config::Bucket,
    connection: Connection,
    mount: &config::Mount,
    settings: &Settings,
    (history, context): (BucketHistory, &Arc<StoreContext>),
) -> Arc<Bucket> {
    Bucket::new(bucket, connection, mount.fresh, settings.upstream, history, Arc::clone(context))
}

impl Store {
    /// Why its assets cannot be read; `None` if they can.
    async fn unavailable_reason(&self, timeout: Duration) -> Option<String> {
        let check = async {
            match self {
                Self::Folder(folder) => folder.unavailable_reason().await,
                Self::Bucket(bucket) => bucket.unavailable_reason().await,
            }
        };
        let timed_out = |_| {
            let what = match self {
                Self::Folder(_) => "its disk",
                Self::Bucket(_) => "it",
            };
            Some(format!("{what} did not answer for {} s", timeout.as_secs()))
        };
        tokio::time::timeout(timeout, check).await.unwrap_or_else(timed_out)
    }

    /// Whether the cached version satisfies a request made at `now`.
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

    /// The path of the asset at `inside` in the mount at `mount`, unless a deeper mount covers it.
    fn path_in_mount(&self, mount: &str, inside: &AssetPath<'_>) -> Option<AssetPath<'static>> {
        let path = if mount.is_empty() { inside.as_str().to_owned() } else { format!("{mount}/{inside}") };
        let path = AssetPath::from_plain(&path).ok()?.to_owned();
        (self.find(&path)?.0.path == mount).then_some(path)
    }
}
