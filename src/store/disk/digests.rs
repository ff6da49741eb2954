//! The digests of files: computed once a version, remembered within a bound, never on a serving thread.

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

/// How much is hashed between two looks at whether anybody still waits.
const BLOCK: usize = 1 << 20;

/// What the bytes of files hash to.
pub(crate) struct Digests {
    /// Of settled versions only: of a younger one the next change may carry the same stamps.
    known: Cache<FileVersion, Digest>,
    flights: SingleFlight<FileVersion, Result<Hashed, StoreError>>,
    /// Keeps hashing from taking every background thread away from reading.
    slots: Arc<Semaphore>,
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
            flights: SingleFlight::new(background.clone()),
            slots: Arc::new(Semaphore::new(at_once)),
            counts: Arc::default(),
            background,
        }
    }

    /// What was hashed so far.
    pub(crate) fn counts(&self) -> &HashCounts {
        &self.counts
    }

    /// The digest of `version` of `file`, where it is known without reading.
    pub(crate) fn known(&self, version: &FileVersion) -> Option<Digest> {
        self.known.get(version)
    }

    /// Remembers the digest of a settled version.
    pub(crate) fn learn(&self, version: FileVersion, digest: Digest) {
        self.known.insert(version, digest);
    }

    /// The digest of `version` of `file`. `watched` says that this version was first seen long enough ago to be
    /// settled whatever its stamps say.
    ///
    /// Fails with [`StoreError::Changing`] where the file is no longer that version.
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
            .flights
            .join(&version, |cancellation| {
                let (file, slots, background) =
                    (Arc::clone(file), Arc::clone(&self.slots), self.background.clone());
                let counts = Arc::clone(&self.counts);
                async move {
                    let _slot = slots.acquire_owned().await.ok()?;
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

/// Reads and hashes the whole file; `None` where nobody waits for it any more.
fn hash_version<V>(
    file: &File,
    version: FileVersion,
    watched: bool,
    cancellation: &Cancellation<V>,
) -> Result<Option<Hashed>, StoreError> {
    let settled = watched || version.is_settled(SystemTime::now());
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK.min(usize::try_from(version.len).unwrap_or(BLOCK)).max(1)];
    let mut at = 0;
    while at < version.len {
        if cancellation.is_cancelled() {
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
    if FileVersion::current(file).map_err(|e| StoreError::failed("reading", &e))? != version {
        return Err(StoreError::Changing);
    }
    Ok(Some(Hashed { digest: Digest::new(hasher.finalize().into()), settled }))
}
