//! Digests of files: computed once for each version, remembered up to a limit, never on a serving core.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::version::FileVersion;
use crate::asset::Digest;
use crate::store::StoreError;
use crate::store::single_flight::{Cancellation, SingleFlight};
use crate::store::stats::HashCounts;

/// Bytes that are hashed between two checks for cancellation.
const BLOCK: usize = 1 << 20;

/// The digests of files.
pub(crate) struct Digests {
    /// Of settled versions only: the next change of an unsettled one may carry the same time stamps.
    known: Cache<FileVersion, Digest>,
    hashing: SingleFlight<FileVersion, Result<Hashed, StoreError>>,
    /// Limits concurrent hashing, so that background threads remain for reading.
    permits: Arc<Semaphore>,
    counts: Arc<HashCounts>,
    background: Handle,
}

/// The digest of one version of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashed {
    pub(crate) digest: Digest,
    /// Whether any later change is certain to show in the [`FileVersion`].
    pub(crate) settled: bool,
}

impl Digests {
    /// Remembers at most `capacity` digests and computes at most `at_once` at a time.
    pub(crate) fn new(capacity: usize, at_once: usize, background: Handle) -> Self {
        Self {
            known: Cache::new(capacity),
            hashing: SingleFlight::new(background.clone()),
            permits: Arc::new(Semaphore::new(at_once)),
            counts: Arc::default(),
            background,
        }
    }

    /// What was hashed so far.
    pub(crate) fn counts(&self) -> &HashCounts {
        &self.counts
    }

    /// The digest of `version`, if it is known without reading.
    pub(crate) fn known(&self, version: &FileVersion) -> Option<Digest> {
        self.known.get(version)
    }

    /// Remembers the digest of a settled version.
    pub(crate) fn learn(&self, version: FileVersion, digest: Digest) {
        self.known.insert(version, digest);
    }

    /// The digest of `version` of `file`. `watched` says that this version was first seen long enough ago to be
    /// settled whatever its time stamps say.
    ///
    /// Fails with [`StoreError::Changing`] if the file is no longer that version.
    pub(crate) async fn of(
        &self,
        file: &Arc<File>,
        version: FileVersion,
        watched: bool,
    ) -> Result<Hashed, StoreError> {
        if let Some(digest) = self.known(&version) {
            return Ok(Hashed { digest, settled: true });
        }
        let hashed = self
            .hashing
            .join(&version, |cancellation| {
                let (file, permits, background) =
                    (Arc::clone(file), Arc::clone(&self.permits), self.background.clone());
                let counts = Arc::clone(&self.counts);
                async move {
                    let _permit = permits.acquire_owned().await.ok()?;
                    let work = move || {
                        let began = Instant::now();
                        let hashed = hash_version(&file, version, watched, &cancellation).transpose();
                        if matches!(hashed, Some(Ok(_))) {
                            counts.add(version.len, began.elapsed());
                        }
                        hashed
                    };
                    background.spawn_blocking(work).await.ok()?
                }
            })
            .await?;
        if hashed.settled {
            self.learn(version, hashed.digest);
        }
        Ok(hashed)
    }
}

/// Reads and hashes the whole file; `None` if no caller waits for it any more.
fn hash_version<V>(
    file: &File,
    version: FileVersion,
    watched: bool,
    cancellation: &Cancellation<V>,
) -> Result<Option<Hashed>, StoreError> {
    let settled = watched || version.is_settled(SystemTime::now());
    let Some(digest) = hash(file, version.len, || cancellation.is_cancelled())? else { return Ok(None) };
    if FileVersion::current(file).map_err(|e| StoreError::failed("reading", &e))? != version {
        return Err(StoreError::Changing);
    }
    Ok(Some(Hashed { digest, settled }))
}

/// The digest of the first `len` bytes of a file; `None` once `is_cancelled`.
pub(crate) fn hash(
    file: &File,
    len: u64,
    is_cancelled: impl Fn() -> bool,
) -> Result<Option<Digest>, StoreError> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK.min(usize::try_from(len).unwrap_or(BLOCK)).max(1)];
    let mut at = 0;
    while at < len {
        if is_cancelled() {
            return Ok(None);
        }
        match file.read_at(&mut block, at) {
            Ok(0) => return Err(StoreError::Changing),
            Ok(n) => {
                hasher.update(&block[..n]);
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(StoreError::failed("reading", &e)),
        }
    }
    Ok(Some(Digest::new(hasher.finalize().into())))
}
