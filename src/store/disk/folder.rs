//! A mounted folder: when a file is read again, and what is cached of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use httpdate::HttpDate;

use super::disk_file::DiskFile;
use super::load::{Loaded, ObservedVersion, load};
use super::open_file::OpenFile;
use super::root::OpenMode;
use super::version::SETTLING;
use super::{Disk, OpenError, Shared};
use crate::asset::{Asset, AssetPath, EntityTag};
use crate::config::LastModified;
use crate::http::ResponseHeaders;
use crate::store::context::StoreContext;
use crate::store::dates::law::Facts;
use crate::store::dates::{Dating, FolderDates};
use crate::store::open_asset::Origin;
use crate::store::shared_probe::SharedProbe;
use crate::store::single_flight::{Cancellation, SingleFlight};
use crate::store::{Content, Freshness, OpenAsset, StoreError};
use crate::whatsapp;

/// Between two reads of one path that are caused by links with an unknown version.
const REREAD_GAP: Duration = Duration::from_millis(20);
/// Reads of a path for one call. A read that is already in flight may have begun before the call; the next one has
/// not.
const MAX_READS: usize = 2;

/// A mounted folder, and the work in flight on its files.
pub(crate) struct Folder {
    disk: Arc<Disk>,
    fresh: Duration,
    context: Arc<StoreContext>,
    loading: SingleFlight<Box<str>, Result<OpenAsset, StoreError>>,
    /// The dates of its files; `None` if they are the mtimes.
    dates: Option<Arc<FolderDates>>,
    warned_of_missing_mtime: AtomicBool,
    /// The health check: why the folder cannot be read, if so.
    probe: SharedProbe<Option<String>>,
}

/// The result of one open.
#[derive(Clone)]
struct Found {
    opened: OpenFile,
    seen: ObservedVersion,
    read_at: Instant,
}

impl Folder {
    /// Opens the folder at `directory`. The files at `never` are not assets even if they lie in it.
    ///
    /// Fails if it cannot be opened; the error names it.
    pub(crate) fn open_at(
        directory: &std::path::Path,
        never: Vec<PathBuf>,
        (fresh, last_modified): (Duration, LastModified),
        shared: Arc<Shared>,
        context: Arc<StoreContext>,
    ) -> Result<Arc<Self>, StoreError> {
        let failed = |e| {
            StoreError::Failed(format!("the folder {} cannot be opened: {e}", directory.display()).into())
        };
        let dates = match last_modified {
            LastModified::Content => Some(shared.dates.of_folder(directory).map_err(failed)?),
            LastModified::Mtime => None,
        };
        let disk = Disk::new(directory, never, shared).map_err(failed)?;
        Ok(Arc::new(Self {
            disk: Arc::new(disk),
            fresh,
            loading: SingleFlight::new(context.background.clone()),
            context,
            dates,
            warned_of_missing_mtime: AtomicBool::new(false),
            probe: SharedProbe::default(),
        }))
    }

    /// Why nothing in the folder can be read at the moment; `None` if it can. Takes as long as its disk does.
    pub(crate) async fn unavailable_reason(&self) -> Option<String> {
        let (disk, background) = (Arc::clone(&self.disk), self.context.background.clone());
        let aborted = || Some("the folder could not be checked".to_owned());
        let check = async move {
            let check = move || disk.unavailable_reason().map(|error| error.to_string());
            background.spawn_blocking(check).await.unwrap_or_else(|_| aborted())
        };
        self.probe.share(&self.context.background, check).await.unwrap_or_else(aborted)
    }

    /// Whether the cached version satisfies a request made at `now`.
    pub(crate) fn satisfies(&self, cached: &OpenAsset, freshness: Freshness, now: Instant) -> bool {
        cached.is_fresh(freshness, now, self.fresh)
            && !cached.is_broken()
            && (cached.is_settled() || !matches!(freshness, Freshness::Settled))
    }

    /// Opens the asset at `path`, which is `inside` this folder, where the `cached` version does not satisfy the
    /// request.
    pub(crate) async fn open(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        (freshness, now): (Freshness, Instant),
        mut cached: Option<OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        for _ in 0..MAX_READS {
            if let Some(until) = cached.as_ref().and_then(|cached| wait_until(cached, freshness)) {
                tokio::time::sleep_until(until.into()).await;
                cached = self.context.cache.get(path.as_str());
                if let Some(cached) = cached.as_ref().filter(|cached| self.satisfies(cached, freshness, now))
                {
                    return Ok(cached.clone());
                }
            }
            let opened = self.reread(path, inside, cached.as_ref()).await?;
            // Do not wait any longer for a file that changed again while its last change settled.
            let keeps_changing = matches!(freshness, Freshness::Settled)
                && opened.seen().is_some_and(|seen| !seen.version.is_settled(SystemTime::now()));
            if keeps_changing || self.satisfies(&opened, freshness, now) {
                return Ok(opened);
            }
            cached = Some(opened);
        }
        cached.ok_or(StoreError::Changing)
    }

    /// Caches the bodies that the replaced folder `held` in memory, described by the rules of this one.
    pub(crate) fn take_over_cache<'a>(&self, held: impl Iterator<Item = (&'a AssetPath<'a>, &'a OpenAsset)>) {
        let never: Vec<_> = self.disk.never_served().collect();
        for (path, opened) in held {
            let (Content::Memory(_), Some(&seen), Some((digest, dated_by))) =
                (opened.content(), opened.seen(), opened.dated())
            else {
                continue;
            };
            if never.contains(&seen.version.identity()) {
                continue;
            }
            let cache_policy = self.context.rules.policy_for(path, None).clone();
            let asset = Asset { cache_policy, ..opened.asset().clone() };
            let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
            let origin = Origin::File { seen, settled: opened.is_settled(), digest, dated_by };
            self.context.cache.insert(path.as_str(), opened.with_description(asset, fields, origin));
        }
    }

    /// Opens the file once, and reads it if it changed.
    async fn reread(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        cached: Option<&OpenAsset>,
    ) -> Result<OpenAsset, StoreError> {
        let read_at = Instant::now();
        if let Some(dates) = &self.dates {
            dates.follow(self.fresh).await;
        }
        let opened = match self.open_file(inside).await {
            Ok(opened) => opened,
            Err(e) => {
                self.context.cache.remove(path.as_str());
                return Err(e);
            }
        };
        // Another call may have finished in the meantime.
        let present = self.context.cache.get(path.as_str());
        let cached = present.as_ref().or(cached);
        let same = cached.and_then(|cached| {
            cached.seen().filter(|seen| seen.version == opened.version).map(|seen| (cached, *seen))
        });
        let mut is_requested_again = false;
        if let Some((cached, _)) = same
            && cached.is_settled()
            && !cached.is_broken()
        {
            let is_dated = |dates: &Arc<FolderDates>| {
                cached.dated().is_some_and(|(_, generation)| dates.is_current(generation))
                    // The clock may have gone back since.
                    && cached.asset().last_modified.is_some_and(|date| SystemTime::from(date) <= SystemTime::now())
            };
            if !self.dates.as_ref().is_none_or(is_dated) {
                return self.date_again(path, inside, cached, read_at).await;
            }
            cached.confirm(read_at);
            if !matches!(cached.content(), Content::File(file) if file.fits_in_memory()) {
                return Ok(cached.clone());
            }
            is_requested_again = true;
        }
        let seen = same.map_or_else(
            || ObservedVersion { version: opened.version, since: read_at, since_wall: SystemTime::now() },
            |(_, seen)| seen,
        );
        let found = Found { opened, seen, read_at };
        // A file whose digest is known need not be read first: it is sent as it is read, on this thread. Once it is
        // requested again, it goes into memory.
        let known = (!is_requested_again)
            .then(|| Loaded::from_known_digest(self.disk.shared(), found.opened.version))
            .flatten();
        if let Some(loaded) = &known
            && let Some(dating) = self.dating_at_hand(path, inside, loaded, &found.seen)
        {
            return Ok(self.cache_found(path, found, loaded, dating));
        }
        self.loading
            .join(&path.as_str().into(), |cancellation| {
                let (folder, path, inside) = (Arc::clone(self), path.to_owned(), inside.to_owned());
                folder.load(path, inside, found.clone(), known.clone(), cancellation)
            })
            .await
    }

    /// Dates what is cached by the index of now.
    async fn date_again(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        cached: &OpenAsset,
        read_at: Instant,
    ) -> Result<OpenAsset, StoreError> {
        self.loading
            .join(&path.as_str().into(), |_| {
                let (folder, cached) = (Arc::clone(self), cached.clone());
                let (path, inside) = (path.to_owned(), inside.to_owned());
                async move { folder.describe_again(&path, &inside, &cached, read_at).await.map(Ok) }
            })
            .await
    }

    /// `None` if it cannot be dated.
    async fn describe_again(
        &self,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        cached: &OpenAsset,
        read_at: Instant,
    ) -> Option<OpenAsset> {
        let (dates, seen, (digest, _)) = (self.dates.as_ref()?, *cached.seen()?, cached.dated()?);
        let (mtime, ctime) = (seen.version.mtime(), seen.version.ctime());
        let facts = Facts { digest, size: cached.asset().len, mtime, ctime };
        let dating = dates.of(inside, facts, None).await;
        let asset = Asset { last_modified: dating.date, ..cached.asset().clone() };
        let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
        let settled = cached.is_settled();
        let origin = Origin::File { seen, settled, digest, dated_by: dating.generation };
        let opened = cached.with_description(asset, fields, origin);
        opened.confirm(read_at);
        self.context.cache.insert(path.as_str(), opened.clone());
        Some(opened)
    }

    /// The date of a file, if it can be had without waiting.
    fn dating_at_hand(
        &self,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        loaded: &Loaded,
        seen: &ObservedVersion,
    ) -> Option<Dating> {
        match &self.dates {
            Some(dates) => dates.at_hand(inside, &loaded.digest),
            None => Some(Dating { date: self.mtime_of(path, loaded, seen), generation: 0 }),
        }
    }

    /// Whether there is an asset at `inside`.
    pub(crate) async fn contains(&self, inside: &AssetPath<'_>) -> bool {
        self.open_file(inside).await.is_ok()
    }

    /// Opens the file without blocking if the kernel has everything in memory, else on a background thread.
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
            Ok(Err(OpenError::WouldBlock)) | Err(_) => {
                Err(StoreError::Busy("the task that opens the file was aborted".into()))
            }
        }
    }

    /// Reads and hashes the file unless what is to be read of it is `known`, dates it, and caches the result.
    async fn load(
        self: Arc<Self>,
        path: AssetPath<'static>,
        inside: AssetPath<'static>,
        found: Found,
        known: Option<Loaded>,
        cancellation: Cancellation<Result<OpenAsset, StoreError>>,
    ) -> Option<Result<OpenAsset, StoreError>> {
        let (dates, inside_too) = (self.dates.clone(), inside.clone());
        let lookup = move |loaded: &Loaded| {
            let dates = dates.as_ref()?;
            let is_at_hand = dates.at_hand(&inside_too, &loaded.digest).is_some();
            (!is_at_hand).then(|| dates.lookup(&inside_too, loaded.facts())).flatten()
        };
        let (found, loaded, lookup) = if let Some(loaded) = known {
            (found, loaded, None)
        } else {
            match load(self.disk.shared(), found.opened.clone(), found.seen, &cancellation, lookup).await? {
                Ok((file, loaded, lookup)) => {
                    let opened = OpenFile { file, version: loaded.version };
                    (Found { opened, ..found }, loaded, lookup)
                }
                Err(e) => return Some(Err(e)),
            }
        };
        let dating = match (self.dating_at_hand(&path, &inside, &loaded, &found.seen), &self.dates) {
            (Some(dating), _) => dating,
            (None, Some(dates)) => dates.of(&inside, loaded.facts(), lookup).await,
            (None, None) => return None,
        };
        Some(Ok(self.cache_found(&path, found, &loaded, dating)))
    }

    /// Caches what was read.
    fn cache_found(&self, path: &AssetPath<'_>, found: Found, loaded: &Loaded, dating: Dating) -> OpenAsset {
        let mut asset = self.describe(path, loaded, dating.date);
        if self.dates.is_none() {
            self.context.sent_dates.note(path, &mut asset);
        }
        let fields = ResponseHeaders::render(&asset, &self.context.rules.versioned);
        let seen = ObservedVersion { version: loaded.version, ..found.seen };
        let content = if let Some(body) = &loaded.body {
            Content::Memory(body.clone())
        } else {
            let file = DiskFile::new(found.opened.file, loaded, path, Arc::clone(&self.disk));
            Content::File(Arc::new(file))
        };
        let (settled, digest, dated_by) = (loaded.settled, loaded.digest, dating.generation);
        let origin = Origin::File { seen, settled, digest, dated_by };
        let opened = OpenAsset::new(asset, fields, content, origin, found.read_at);
        self.context.cache.insert(path.as_str(), opened.clone());
        opened
    }

    /// The mtime as a date, for a folder whose dates are the mtimes.
    fn mtime_of(&self, path: &AssetPath<'_>, loaded: &Loaded, seen: &ObservedVersion) -> Option<HttpDate> {
        let last_modified = loaded.version.last_modified(seen.since_wall);
        if last_modified.is_none() && !self.warned_of_missing_mtime.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{path} has an mtime of 0 or 1, which means no date, so it is served without Last-Modified; WhatsApp needs it for \
                 no-cache. Set the time with `touch`, or set last_modified = \"content\" in its [[mount]]. (Logged once; there may be \
                 more such files.)"
            );
        }
        last_modified
    }

    fn describe(&self, path: &AssetPath<'_>, loaded: &Loaded, last_modified: Option<HttpDate>) -> Asset {
        Asset {
            name: path.name().into(),
            len: loaded.len(),
            etag: EntityTag::of_digest(&loaded.digest),
            version: loaded.digest.version(),
            last_modified,
            is_date_ambiguous: false,
            media_type: whatsapp::media_type(path),
            content_encoding: None,
            cache_policy: self.context.rules.policy_for(path, None).clone(),
        }
    }
}

/// When the next read can satisfy the request; `None` if it need not wait.
fn wait_until(cached: &OpenAsset, freshness: Freshness) -> Option<Instant> {
    match freshness {
        Freshness::Configured => None,
        Freshness::Since(_) => Some(cached.checked() + REREAD_GAP),
        Freshness::Settled => {
            let seen = cached.seen().filter(|_| !cached.is_settled())?;
            let until = Instant::now() + seen.version.unsettled_for(SystemTime::now());
            Some(until.min(seen.since + SETTLING))
        }
    }
}
