//! Reads an open file: its digest, and its bytes if they go into memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::open_file::OpenFile;
use super::version::{FileVersion, SETTLING};
use crate::asset::Digest;
use crate::store::StoreError;
use crate::store::dates::law::Facts;
use crate::store::memory_budget::Reservation;
use crate::store::single_flight::Cancellation;

/// What is known of a file once it has been read.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) version: FileVersion,
    pub(crate) digest: Digest,
    /// Whether any later change is certain to show in the version.
    pub(crate) settled: bool,
    /// The bytes, if they go into memory.
    pub(crate) body: Option<Bytes>,
}

/// A version, and when it was first seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObservedVersion {
    pub(crate) version: FileVersion,
    pub(crate) since: Instant,
    pub(crate) since_wall: SystemTime,
}

impl Loaded {
    /// What is known of `version` without reading it; `None` if its digest is not known.
    pub(crate) fn from_known_digest(shared: &Shared, version: FileVersion) -> Option<Self> {
        shared.digests.known(&version).map(|digest| Self { version, digest, settled: true, body: None })
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.body.as_ref().map_or(self.version.len, |body| body.len() as u64)
    }

    /// What its date depends on.
    pub(crate) fn facts(&self) -> Facts {
        let (mtime, ctime) = (self.version.mtime(), self.version.ctime());
        Facts { digest: self.digest, size: self.len(), mtime, ctime }
    }
}

impl ObservedVersion {
    /// Whether `version` has existed for so long that it is settled, even if its time stamps are from another clock.
    pub(crate) fn is_long_enough(&self, version: &FileVersion) -> bool {
        self.version == *version && self.since.elapsed() >= SETTLING
    }
}

/// How often a file that changes during a read is read again.
const ATTEMPTS: usize = 3;

/// Reads `opened`: into memory if it is small enough and the budget allows, else for its digest alone. What goes into memory is also
/// looked up by `lookup`, on the thread that has read it.
///
/// `None` if no caller waits for it any more.
pub(crate) async fn load<V: Clone + Send + Sync + 'static, L: Send + 'static>(
    shared: &Arc<Shared>,
    mut opened: OpenFile,
    seen: ObservedVersion,
    cancellation: &Cancellation<V>,
    lookup: impl Fn(&Loaded) -> Option<L> + Clone + Send + 'static,
) -> Option<Result<(Arc<File>, Loaded, Option<L>), StoreError>> {
    for attempt in 1..=ATTEMPTS {
        let version = opened.version;
        let watched = seen.is_long_enough(&version);
        let reservation =
            (version.len <= shared.max_body).then(|| shared.budget.reserve(version.len)).flatten();
        let loaded = if let Some(reservation) = reservation {
            let (file, cancellation) = (Arc::clone(&opened.file), cancellation.clone());
            let _permit = shared.loading.acquire().await.ok()?;
            let may_be_torn = attempt == ATTEMPTS;
            let (counting, lookup) = (Arc::clone(shared), lookup.clone());
            let work = move || {
                if cancellation.is_cancelled() {
                    return None;
                }
                let began = Instant::now();
                let loaded = read_and_hash(&file, version, reservation, watched, may_be_torn);
                Some(loaded.map(|loaded| {
                    counting.digests.counts().add(version.len, began.elapsed());
                    let found = lookup(&loaded);
                    (loaded, found)
                }))
            };
            let loaded = shared.background.spawn_blocking(work).await.ok()??;
            if let Ok((Loaded { version, digest, settled: true, .. }, _)) = loaded {
                shared.digests.learn(version, digest);
            }
            loaded
        } else {
            let hashed = shared.digests.of(&opened.file, version, watched).await;
            hashed.map(|hashed| {
                let (digest, settled) = (hashed.digest, hashed.settled);
                (Loaded { version, digest, settled, body: None }, None)
            })
        };
        match loaded {
            Ok((loaded, found)) => return Some(Ok((opened.file, loaded, found))),
            Err(StoreError::Changing) if attempt < ATTEMPTS => match FileVersion::current(&opened.file) {
                Ok(version) => opened.version = version,
                Err(e) => return Some(Err(StoreError::failed("checking", &e))),
            },
            Err(e) => return Some(Err(e)),
        }
    }
    Some(Err(StoreError::Changing))
}

/// Reads the whole file and hashes the bytes that it holds in memory, so that the digest is right whatever happens to
/// the file.
///
/// `may_be_torn` allows bytes that were read while the file changed, which is better than an error for a file that
/// changes all the time. They are marked as unsettled, and so are read again at the next request.
fn read_and_hash(
    file: &File,
    version: FileVersion,
    reservation: Reservation,
    watched: bool,
    may_be_torn: bool,
) -> Result<Loaded, StoreError> {
    let failed = |e: io::Error| StoreError::failed("reading", &e);
    let settled = watched || version.is_settled(SystemTime::now());
    let len = usize::try_from(version.len)
        .map_err(|_| StoreError::Busy("the file is too large for memory".into()))?;
    let mut body = vec![0; len];
    let filled = read_fully(file, &mut body).map_err(failed)?;
    body.truncate(filled);
    let intact = filled == len && FileVersion::current(file).map_err(failed)? == version;
    if !intact && !may_be_torn {
        return Err(StoreError::Changing);
    }
    let digest = Digest::new(Sha256::digest(&body).into());
    Ok(Loaded { version, digest, settled: settled && intact, body: Some(reservation.hold(body)) })
}

/// Reads from the start until `buffer` is full or the file ends.
fn read_fully(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
