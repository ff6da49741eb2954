//! The stores behind their path prefixes, and when to look at them again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::cache::{Cache, Opened};
use super::disk::{
    Chunks, Digests, Disk, DiskFile, FileVersion, Loaded, OpenError, OpenFile, Patience, SETTLING, Seen,
    Shared, load,
};
use super::flights::{Demand, Flights};
use super::memory::Budget;
use super::{Ask, Content, StoreError, survey};
use crate::asset::{Asset, AssetPath, EntityTag};
use crate::config::{AccessLog, CacheRules, Settings};
use crate::http::Fields;
use crate::whatsapp;

/// Between two looks at one path that are asked for by name of an unknown version.
const LOOK_GAP: Duration = Duration::from_millis(20);
/// How long an open file is held after the last request for it.
const HOLD: Duration = Duration::from_secs(10);
/// Bodies that are read into memory at one time.
const LOADING: usize = 8;
/// How often the disk is looked at for one answer. What the first look finds under way may have begun before the
/// question; what the second finds has not.
const LOOKS: usize = 2;

/// All assets that are served, and what is known of them.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    /// The deepest first, so that the first that fits is the one that is meant.
    mounts: Vec<Mount>,
    rules: CacheRules,
    cache: Cache,
    loading: Flights<Box<str>, Result<Opened, StoreError>>,
    background: Handle,
    warned_of_no_time: AtomicBool,
}

/// What a look at the disk found.
#[derive(Clone)]
struct Found {
    opened: OpenFile,
    seen: Seen,
    looked: Instant,
}

struct Mount {
    /// Without slashes at its ends; empty for the root.
    path: String,
    disk: Arc<Disk>,
    fresh: Duration,
}

impl Stores {
    /// Opens the mounts of `settings`. What is not one client's work runs on `background`.
    ///
    /// Fails where a folder cannot be opened; the error names it.
    pub fn open_all(settings: &Settings, background: &Handle) -> Result<Self, StoreError> {
        let memory = &settings.memory;
        let cache = memory.cache as u64;
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            digests: Digests::new(memory.digests, at_once, background.clone()),
            budget: Budget::new(cache),
            max_body: cache / 8,
            loading: Semaphore::new(LOADING),
            chunks: Chunks::new(memory.streams as u64),
            background: background.clone(),
        });
        let log_file = match &settings.access_log {
            AccessLog::File(path) => Some(path.clone()),
            AccessLog::Off | AccessLog::Text | AccessLog::Json => None,
        };
        let never: Vec<_> = settings.config_file.iter().cloned().chain(log_file).collect();
        let mut mounts = Vec::with_capacity(settings.mounts.len());
        for mount in &settings.mounts {
            let disk = Disk::new(&mount.directory, never.clone(), Arc::clone(&shared)).map_err(|e| {
                StoreError::Failed(
                    format!("the folder {} cannot be opened: {e}", mount.directory.display()).into(),
                )
            })?;
            mounts.push(Mount { path: mount.path.clone(), disk: Arc::new(disk), fresh: mount.fresh });
        }
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
        let inner = Arc::new(Inner {
            mounts,
            rules: settings.cache.clone(),
            // The last eighth is for bodies that the cache has let go of while responses still send them.
            cache: Cache::new(cache - cache / 8),
            loading: Flights::new(background.clone()),
            background: background.clone(),
            warned_of_no_time: AtomicBool::new(false),
        });
        let sweeping = Arc::downgrade(&inner);
        background.spawn(async move {
            loop {
                tokio::time::sleep(HOLD).await;
                let Some(inner) = sweeping.upgrade() else { break };
                if let Some(before) = Instant::now().checked_sub(HOLD) {
                    inner.cache.sweep(before);
                }
            }
        });
        Ok(Self(inner))
    }

    /// The asset at `path` as of `now`, where it is known without looking.
    pub fn known(&self, path: &AssetPath<'_>, ask: Ask, now: Instant) -> Option<Opened> {
        let known = self.0.cache.get(path.as_str())?;
        let (mount, _) = self.0.find(path)?;
        mount.is_fresh(&known, ask, now).then_some(known)
    }

    /// Opens the asset at `path`, as of `now`.
    pub async fn open(&self, path: &AssetPath<'_>, ask: Ask, now: Instant) -> Result<Opened, StoreError> {
        let (mount, inside) = self.0.find(path).ok_or(StoreError::NotFound)?;
        match self.0.cache.get(path.as_str()) {
            Some(known) if mount.is_fresh(&known, ask, now) => Ok(known),
            known => self.open_anew(path, mount, &inside, (ask, now), known).await,
        }
    }

    async fn open_anew(
        &self,
        path: &AssetPath<'_>,
        mount: &Mount,
        inside: &AssetPath<'_>,
        (ask, now): (Ask, Instant),
        mut known: Option<Opened>,
    ) -> Result<Opened, StoreError> {
        for _ in 0..LOOKS {
            if let Some(until) = known.as_ref().and_then(|known| waits_until(known, ask)) {
                tokio::time::sleep_until(until.into()).await;
                known = self.0.cache.get(path.as_str());
                if let Some(known) = known.as_ref().filter(|known| mount.is_fresh(known, ask, now)) {
                    return Ok(known.clone());
                }
            }
            let opened = self.look(path, mount, inside, known.as_ref()).await?;
            // A file that has changed again while its last change settled is not waited for any longer.
            let never_rests =
                matches!(ask, Ask::Settled) && !opened.seen().version.is_settled(SystemTime::now());
            if never_rests || mount.is_fresh(&opened, ask, now) {
                return Ok(opened);
            }
            known = Some(opened);
        }
        known.ok_or(StoreError::Changing)
    }

    /// Looks at the disk once.
    async fn look(
        &self,
        path: &AssetPath<'_>,
        mount: &Mount,
        inside: &AssetPath<'_>,
        known: Option<&Opened>,
    ) -> Result<Opened, StoreError> {
        let looked = Instant::now();
        let opened = match mount.open(inside, &self.0.background).await {
            Ok(opened) => opened,
            Err(e) => {
                self.0.cache.remove(path.as_str());
                return Err(e);
            }
        };
        // Somebody else may have looked while this look took its time.
        let present = self.0.cache.get(path.as_str());
        let known = present.as_ref().or(known);
        let mut is_asked_again = false;
        if let Some(known) = known
            && known.is_settled()
            && !known.is_broken()
            && known.seen().version == opened.version
        {
            known.confirm(looked);
            if !matches!(known.content(), Content::File(file) if file.finds_room()) {
                return Ok(known.clone());
            }
            is_asked_again = true;
        }
        let seen = match known.map(Opened::seen) {
            Some(seen) if seen.version == opened.version => *seen,
            _ => Seen { version: opened.version, since: looked, since_wall: SystemTime::now() },
        };
        let found = Found { opened, seen, looked };
        // What must not be read for its digest is sent as it is read, without a turn on another thread. Once it is asked
        // for again, it is worth its place in memory.
        if !is_asked_again && let Some(loaded) = Loaded::known(mount.disk.shared(), found.opened.version) {
            return Ok(self.0.keep(&mount.disk, path, found, &loaded));
        }
        self.0
            .loading
            .join(&path.as_str().into(), |demand| {
                let (inner, disk, path) = (Arc::clone(&self.0), Arc::clone(&mount.disk), path.to_owned());
                inner.load(disk, path, found.clone(), demand)
            })
            .await
    }

    /// Some asset that WhatsApp takes, if there is one at a glance.
    pub fn example(&self, settings: &Settings) -> Option<AssetPath<'static>> {
        settings
            .mounts
            .iter()
            .find_map(|mount| self.0.seen_through(&mount.path, &survey::example(&mount.directory)?))
    }

    /// The path of the asset that the file at `file` is, where it lies inside a mount.
    pub fn locate(&self, settings: &Settings, file: &Path) -> Option<AssetPath<'static>> {
        let (folder, name) = (file.parent()?, file.file_name()?);
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // Not the file itself: a link in the store is served under its own name.
        let file = folder.canonicalize().ok()?.join(name);
        settings.mounts.iter().find_map(|mount| {
            let inside = file.strip_prefix(mount.directory.canonicalize().ok()?).ok()?.to_str()?;
            self.0.seen_through(&mount.path, &AssetPath::from_plain(inside).ok()?)
        })
    }
}

/// Until when the asker has to wait before another look can give what it asks for.
fn waits_until(known: &Opened, ask: Ask) -> Option<Instant> {
    match ask {
        Ask::Usual => None,
        Ask::Since(_) => Some(known.checked() + LOOK_GAP),
        Ask::Settled => (!known.is_settled())
            .then(|| Instant::now() + known.seen().version.unsettled_for(SystemTime::now()))
            .map(|until| until.min(known.seen().since + SETTLING)),
    }
}

impl Mount {
    /// Whether what is known answers what was asked at `now`.
    fn is_fresh(&self, known: &Opened, ask: Ask, now: Instant) -> bool {
        let checked = known.checked();
        let is_new_enough = match ask {
            Ask::Since(moment) => checked >= moment,
            // What was looked at after the question is an answer even where nothing may be kept.
            Ask::Usual | Ask::Settled => checked >= now || now.duration_since(checked) < self.fresh,
        };
        is_new_enough && !known.is_broken() && (known.is_settled() || !matches!(ask, Ask::Settled))
    }

    /// Opens without waiting where the kernel has it all in memory, else on a background thread.
    async fn open(&self, inside: &AssetPath<'_>, background: &Handle) -> Result<OpenFile, StoreError> {
        match self.disk.open(inside, Patience::Never) {
            Ok(opened) => return Ok(opened),
            Err(OpenError::Store(e)) => return Err(e),
            Err(OpenError::WouldBlock) => {}
        }
        let (disk, inside) = (Arc::clone(&self.disk), inside.to_owned());
        let opening = background.spawn_blocking(move || {
            disk.open(&inside, Patience::Blocking).inspect(OpenFile::fetch_beginning)
        });
        match opening.await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(OpenError::Store(e))) => Err(e),
            Ok(Err(OpenError::WouldBlock)) | Err(_) => Err(StoreError::Busy("opening the file".into())),
        }
    }
}

impl Inner {
    /// The mount that `path` lies in, and the path inside it.
    fn find<'p>(&self, path: &'p AssetPath<'_>) -> Option<(&Mount, AssetPath<'p>)> {
        self.mounts.iter().find_map(|mount| Some((mount, path.below(&mount.path)?)))
    }

    /// The path of what lies at `inside` in the mount at `mount`, unless a deeper mount hides it.
    fn seen_through(&self, mount: &str, inside: &AssetPath<'_>) -> Option<AssetPath<'static>> {
        let path = if mount.is_empty() { inside.as_str().to_owned() } else { format!("{mount}/{inside}") };
        let path = AssetPath::from_plain(&path).ok()?.to_owned();
        (self.find(&path)?.0.path == mount).then_some(path)
    }

    /// Reads and hashes what was found, and keeps what is learnt of it.
    async fn load(
        self: Arc<Self>,
        disk: Arc<Disk>,
        path: AssetPath<'static>,
        found: Found,
        demand: Demand<Result<Opened, StoreError>>,
    ) -> Option<Result<Opened, StoreError>> {
        Some(match load(disk.shared(), found.opened.clone(), found.seen, &demand).await? {
            Ok((file, loaded)) => {
                let opened = OpenFile { file, version: loaded.version };
                Ok(self.keep(&disk, &path, Found { opened, ..found }, &loaded))
            }
            Err(e) => Err(e),
        })
    }

    /// Keeps what is known of what was found.
    fn keep(&self, disk: &Arc<Disk>, path: &AssetPath<'_>, found: Found, loaded: &Loaded) -> Opened {
        let asset = self.describe(path, loaded, &found.seen);
        let fields = Fields::render(&asset, &self.rules.versioned);
        let seen = Seen { version: loaded.version, ..found.seen };
        let content = if let Some(body) = &loaded.body {
            Content::Memory(body.clone())
        } else {
            Content::File(Arc::new(DiskFile::new(found.opened.file, loaded, path, Arc::clone(disk))))
        };
        let opened = Opened::new(asset, fields, content, seen, loaded.settled, found.looked);
        self.cache.insert(path.as_str().into(), opened.clone());
        opened
    }

    fn describe(&self, path: &AssetPath<'_>, loaded: &Loaded, seen: &Seen) -> Asset {
        let version: &FileVersion = &loaded.version;
        let last_modified = version.last_modified(seen.since_wall);
        if last_modified.is_none() && !self.warned_of_no_time.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{path} has an mtime of 0 or 1, which says nothing, so it is served without Last-Modified; WhatsApp \
                 needs it for no-cache. Set the time with `touch`. (Said once; there may be more such files.)"
            );
        }
        Asset {
            name: path.name().into(),
            len: loaded.body.as_ref().map_or(version.len, |body| body.len() as u64),
            etag: EntityTag::of_digest(&loaded.digest),
            version: loaded.digest.version(),
            last_modified,
            media_type: whatsapp::media_type(path),
            cache_policy: self.rules.policy_for(path).clone(),
        }
    }
}
