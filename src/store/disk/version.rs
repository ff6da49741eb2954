//! Version of a file: device, inode, size, mtime and ctime.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// How old the last change must be before the next change is certain to get other time stamps. File systems use the
/// kernel's tick (up to 10 ms) or coarser stamps (FAT: 2 s).
pub(crate) const SETTLING: Duration = Duration::from_secs(2);

/// Identifies one version of a file: two files with equal `FileVersion`s have the same bytes, once the last change
/// has [settled](SETTLING).
///
/// Size and mtime alone are not enough: `cp -p` and `rsync -t` preserve both. The ctime cannot be set, and changes
/// with every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileVersion {
    device: u64,
    inode: u64,
    /// Length in bytes.
    pub(crate) len: u64,
    mtime: Stamp,
    ctime: Stamp,
}

/// A time stamp of a file system: seconds since 1970, and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Stamp {
    seconds: i64,
    nanos: i64,
}

impl Stamp {
    fn time(self) -> SystemTime {
        match u64::try_from(self.seconds) {
            Ok(seconds) => UNIX_EPOCH + Duration::new(seconds, u32::try_from(self.nanos).unwrap_or(0)),
            Err(_) => UNIX_EPOCH,
        }
    }
}

/// Identifies the file, whatever its version: device and inode.
pub(crate) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl FileVersion {
    /// Identifies the file, whatever its version: device and inode.
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// In seconds since 1970.
    pub(crate) fn mtime(&self) -> i64 {
        self.mtime.seconds
    }

    /// In seconds since 1970.
    pub(crate) fn ctime(&self) -> i64 {
        self.ctime.seconds
    }

    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.size(),
            mtime: Stamp { seconds: metadata.mtime(), nanos: metadata.mtime_nsec() },
            ctime: Stamp { seconds: metadata.ctime(), nanos: metadata.ctime_nsec() },
        }
    }

    /// The current version of `file`. The same as [`of`](Self::of) its metadata, by a cheaper call: every response
    /// that reads a file makes it.
    pub(crate) fn current(file: &File) -> io::Result<Self> {
        let stat = rustix::fs::fstat(file)?;
        let stamp = |seconds, nanos| Stamp { seconds, nanos: i64::try_from(nanos).unwrap_or(0) };
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: stamp(stat.st_mtime, stat.st_mtime_nsec),
            ctime: stamp(stat.st_ctime, stat.st_ctime_nsec),
        })
    }

    /// Whether only the ctime differs: the result of a rename over the file, a new link or a `chmod`, none of which
    /// changes the bytes.
    pub(crate) fn differs_in_ctime_only(&self, other: &Self) -> bool {
        self.ctime != other.ctime && Self { ctime: other.ctime, ..*self } == *other
    }

    /// Whether the last change is old enough for the next one to get other time stamps.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        self.unsettled_for(now).is_zero()
    }

    /// Whether the last change is dated later than `now`.
    pub(crate) fn is_of_the_future(&self, now: SystemTime) -> bool {
        self.ctime.time() > now
    }

    /// How long it takes until the last change has settled. A time stamp in the future does not show how old the
    /// change is, so then it is the whole interval.
    pub(crate) fn unsettled_for(&self, now: SystemTime) -> Duration {
        now.duration_since(self.ctime.time()).map_or(SETTLING, |age| SETTLING.saturating_sub(age))
    }

    /// The `Last-Modified` of this version (RFC 9110 section 8.8.2); `None` if the mtime is 0 or 1 s after the epoch,
    /// which build systems write for "no time".
    ///
    /// An mtime in the future was set explicitly, and setting it set the ctime to the current time. That moment is
    /// when this version appeared, and it stays the same as long as the version exists. If the ctime is in the future
    /// too (the clock was set back), `first_seen` is used.
    pub(crate) fn last_modified(&self, first_seen: SystemTime) -> Option<HttpDate> {
        if self.mtime.seconds <= 1 {
            return None;
        }
        Some(HttpDate::from(self.mtime.min(self.ctime).time().min(first_seen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(mtime: i64, ctime: i64) -> FileVersion {
        let stamp = |seconds| Stamp { seconds, nanos: 5 };
        FileVersion { device: 1, inode: 2, len: 3, mtime: stamp(mtime), ctime: stamp(ctime) }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn last_modified_is_never_in_the_future_and_never_changes() {
        for (mtime, ctime, first_seen, expected) in [
            (1000, 2000, 3000, Some(1000)),
            (9000, 2000, 3000, Some(2000)),
            (9000, 9000, 3000, Some(3000)),
            (0, 2000, 3000, None),
            (1, 2000, 3000, None),
            (-5, 2000, 3000, None),
            (2, 2000, 3000, Some(2)),
        ] {
            let last_modified = version(mtime, ctime).last_modified(at(first_seen));
            assert_eq!(
                last_modified,
                expected.map(|s| HttpDate::from(at(s))),
                "{mtime} {ctime} {first_seen}"
            );
        }
    }

    #[test]
    fn metadata_and_fstat_give_the_same_version() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(7).expect("a length");
        let version = FileVersion::of(&file.metadata().expect("metadata"));
        assert_eq!(FileVersion::current(&file).expect("a version"), version);
        assert_eq!(version.len, 7);
    }

    #[test]
    fn a_change_settles_after_two_seconds() {
        assert!(!version(0, 1000).is_settled(at(1001)));
        assert!(version(0, 1000).is_settled(at(1003)));
        assert_eq!(version(0, 1000).unsettled_for(at(1001)), Duration::from_nanos(1_000_000_005));
        assert_eq!(
            version(0, 1000).unsettled_for(at(900)),
            SETTLING,
            "a stamp in the future does not show the age"
        );
    }

    #[test]
    fn a_new_ctime_alone_is_not_a_change() {
        assert!(version(1, 2).differs_in_ctime_only(&version(1, 3)));
        assert!(!version(1, 2).differs_in_ctime_only(&version(1, 2)));
        assert!(!version(1, 2).differs_in_ctime_only(&version(2, 3)));
        assert!(!version(1, 2).differs_in_ctime_only(&FileVersion { len: 9, ..version(1, 3) }));
    }
}
