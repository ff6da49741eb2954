//! A mounted folder: when it is looked at again, and what is kept of what was found.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::disk_file::DiskFile;
use super::load::{Loaded, ObservedVersion, load};
use super::open_file::OpenFile;
use super::root::OpenMode;
use super::version::{FileVersion, SETTLING};
use super::{Disk, OpenError, Shared};
use crate::asset::{Asset, AssetPath, EntityTag};
use crate::http::ResponseHeaders;
use crate::store::context::StoreContext;
use crate::store::open_asset::Origin;
use crate::store::shared_probe::SharedProbe;
use crate::store::single_flight::{Cancellation, SingleFlight};
use crate::store::{Content, Freshness, OpenAsset, StoreError};
use crate::whatsapp;

/// Between two looks at one path that are asked for by name of an unknown version.
const REREAD_GAP: Duration = Duration::from_millis(20);
/// How often the disk is looked at for one answer. What the first look finds under way may have begun before the
/// question; what the second finds has not.
const MAX_READS: usize = 2;

/// A folder, and what is known of its files.
pub(crate) struct Folder {
    disk: Arc<Disk>,
    fresh: Duration,
    context: Arc<StoreContext>,
    loading: SingleFlight<Box<str>, Result<OpenAsset, StoreError>>,
    warned_of_no_time: AtomicBool,
    /// Whether it can be read, and if not, why.
    probe: SharedProbe<Option<String>>,
}

/// What a look at the disk found.
#[derive(Clone)]
struct Found {
    opened: OpenFile,
    seen: ObservedVersion,
    looked: Instant,
}

impl Folder {
    /// Opens the folder at `directory`. The files at `never` are not assets even if they lie in it.
    ///
    /// Fails where it cannot be opened; the error names it.
    pub(crate) fn open_at(
        directory: &std::path::Path,
        never: Vec<PathBuf>,
        fresh: Duration,
        shared: Arc<Shared>,
        context: Arc<StoreContext>,
    ) -> Result<Arc<Self>, StoreError> {
        let disk = Disk::new(directory, never, shared).map_err(|e| {
            StoreError::Failed(format!("the folder {} cannot be opened: {e}", directory.display()).into())
        })?;
        Ok(Arc::new(Self {
            disk: Arc::new(disk),
            fresh,
            loading: SingleFlight::new(context.background.clone()),
            context,
            warned_of_no_time: AtomicBool::new(false),
            probe: SharedProbe::default(),
        }))
    }

    /// Why nothing in it can be read at the moment, where that is so. Takes as long as its disk does.
    pub(crate) async fn unavailable_reason(&self) -> Option<String> {
        let (disk, background) = (Arc::clone(&self.disk), self.context.background.clone());
        let broken_off = || Some("the folder could not be looked at".to_owned());
        let look = async move {
            let look = move || disk.unavailable_reason().map(|error| error.to_string());
            background.spawn_blocking(look).await.unwrap_or_else(|_| broken_off())
        };
        self.probe.share(&self.context.background, look).await.unwrap_or_else(broken_off)
    }

    /// Whether what is known answers what was asked at `now`.
    pub(crate) fn satisfies(&self, known: &OpenAsset, freshness: Freshness, now: Instant) -> bool {
        known.is_new_enough(freshness, now, self.fresh)
            && !known.is_broken()
            && (known.is_settled() || !matches!(freshness, Freshness::Settled))
    }

    /// Opens the asset at `path`, which is `inside` this folder, anew: what is `known` of it is no answer.
    pub(crate) async fn open(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        (freshness, now): (Freshness, Instant),
        mut known: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        for _ in 0..MAX_READS {
            if let Some(until) = known.as_ref().and_then(|known| waits_until(known, freshness)) {
                tokio::time::sleep_until(until.into()).await;
                known = self.context.cache.get(path.as_str());
                if let Some(known) = known.as_ref().filter(|known| self.satisfies(known, freshness, now)) {
                    return Ok(known.clone());
                }
            }
            let opened = self.reread(path, inside, known.as_ref()).await?;
            // A file that has changed again while its last change settled is not waited for any longer.
            let never_rests = matches!(freshness, Freshness::Settled)
                && opened.seen().is_some_and(|seen| !seen.version.is_settled(SystemTime::now()));
            if never_rests || self.satisfies(&opened, freshness, now) {
                return Ok(opened);
            }
            known = Some(opened);
        }
        known.ok_or(StoreError::Changing)
    }

    /// Holds what the folder in whose place it comes `held` in memory, as its own rules describe it.
    pub(crate) fn take_over_cache<'a>(&self, held: impl Iterator<Item = (&'a AssetPath<'a>, &'a OpenAsset)>) {
        let never: Vec<_> = self.disk.never_served().collect();
        for (path, opened) in held {
            let (Content::Memory(_), Some(&seen)) = (opened.content(), opened.seen()) else { continue };
            if never.contains(&seen.version.identity()) {
                continue;
            }
            let cache_policy = self.context.rules.policy_for(path, None).clone();
            let asset = Asset { cache_policy, ..opened.asset().clone() };
            let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
            let origin = Origin::File { seen, settled: opened.is_settled() };
            self.context.cache.insert(path.as_str(), opened.with_description(asset, fields, origin));
        }
    }

    /// Looks at the disk once.
    async fn reread(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        known: Option<&OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let looked = Instant::now();
        let opened = match self.open_file(inside).await {
            Ok(opened) => opened,
            Err(e) => {
                self.context.cache.remove(path.as_str());
                return Err(e);
            }
        };
        // Somebody else may have looked while this look took its time.
        let present = self.context.cache.get(path.as_str());
        let known = present.as_ref().or(known);
        let same = known.and_then(|known| {
            known.seen().filter(|seen| seen.version == opened.version).map(|seen| (known, *seen))
        });
        let mut is_asked_again = false;
        if let Some((known, _)) = same
            && known.is_settled()
            && !known.is_broken()
        {
            known.confirm(looked);
            if !matches!(known.content(), Content::File(file) if file.fits_in_memory()) {
                return Ok(known.clone());
            }
            is_asked_again = true;
        }
        let seen = same.map_or_else(
            || ObservedVersion { version: opened.version, since: looked, since_wall: SystemTime::now() },
            |(_, seen)| seen,
        );
        let found = Found { opened, seen, looked };
        // What must not be read for its digest is sent as it is read, without a turn on another thread. Once it is asked
        // for again, it is worth its place in memory.
        if !is_asked_again && let Some(loaded) = Loaded::known(self.disk.shared(), found.opened.version) {
            return Ok(self.cache_found(path, found, &loaded));
        }
        self.loading
            .join(&path.as_str().into(), |cancellation| {
                let (folder, path) = (Arc::clone(self), path.to_owned());
                folder.load(path, found.clone(), cancellation)
            })
            .await
    }

    /// Opens without waiting where the kernel has it all in memory, else on a background thread.
    async fn open_file(&self, inside: &AssetPath<'_>) -> Result<OpenFile, StoreError> {
        match self.disk.open(inside, OpenMode::CachedOnly) {
            Ok(opened) => return Ok(opened),
            Err(OpenError::Store(e)) => return Err(e),
            Err(OpenError::WouldBlock) => {}
        }
        let (disk, inside) = (Arc::clone(&self.disk), inside.to_owned());
        let opening = self.context.background.spawn_blocking(move || {
            disk.open(&inside, OpenMode::MayBlock).inspect(OpenFile::fetch_beginning)
        });
        match opening.await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(OpenError::Store(e))) => Err(e),
            Ok(Err(OpenError::WouldBlock)) | Err(_) => Err(StoreError::Busy("opening the file".into())),
        }
    }

    /// Reads and hashes what was found, and keeps what is learnt of it.
    async fn load(
        self: Arc<Self>,
        path: AssetPath<'static>,
        found: Found,
        cancellation: Cancellation<Result<OpenAsset, StoreError>>,
    ) -> Option<Result<OpenAsset, StoreError>> {
        Some(match load(self.disk.shared(), found.opened.clone(), found.seen, &cancellation).await? {
            Ok((file, loaded)) => {
                let opened = OpenFile { file, version: loaded.version };
                Ok(self.cache_found(&path, Found { opened, ..found }, &loaded))
            }
            Err(e) => Err(e),
        })
    }

    /// Keeps what is known of what was found.
    fn cache_found(&self, path: &AssetPath<'_>, found: Found, loaded: &Loaded) -> OpenAsset {
        let asset = self.describe(path, loaded, &found.seen);
        let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
        let seen = ObservedVersion { version: loaded.version, ..found.seen };
        let content = if let Some(body) = &loaded.body {
            Content::Memory(body.clone())
        } else {
            let file = DiskFile::new(found.opened.file, loaded, path, Arc::clone(&self.disk));
            Content::File(Arc::new(file))
        };
        let origin = Origin::File { seen, settled: loaded.settled };
        let opened = OpenAsset::new(asset, fields, content, origin, found.looked);
        self.context.cache.insert(path.as_str(), opened.clone());
        opened
    }

    fn describe(&self, path: &AssetPath<'_>, loaded: &Loaded, seen: &ObservedVersion) -> Asset {
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
            content_encoding: None,
            cache_policy: self.context.rules.policy_for(path, None).clone(),
        }
    }
}

/// Until when the asker has to wait before another look can give what it asks for.
fn waits_until(known: &OpenAsset, freshness: Freshness) -> Option<Instant> {
    match freshness {
        Freshness::Configured => None,
        Freshness::Since(_) => Some(known.checked() + REREAD_GAP),
        Freshness::Settled => {
            let seen = known.seen().filter(|_| !known.is_settled())?;
            let until = Instant::now() + seen.version.unsettled_for(SystemTime::now());
            Some(until.min(seen.since + SETTLING))
        }
    }
}
