//! Opens files beneath a root folder, and never outside it.
//!
//! The kernel resolves the path (`openat2` with `RESOLVE_BENEATH`). Where it cannot, a walk opens one path component
//! at a time and resolves symbolic links itself: on kernels before 5.6, under a seccomp filter that blocks the call,
//! and for absolute links, which `RESOLVE_BENEATH` rejects even if they lead back inside.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::asset::AssetPath;

/// The folder that a store serves.
///
/// It is opened by name for every open, not kept open: a deployment that swaps the folder, or the link to it, takes
/// effect at the next open, and the old folder's disk can be unmounted.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// Cleared when the kernel turns out not to support `openat2`.
    has_openat2: AtomicBool,
    /// Cleared when the kernel turns out not to support `RESOLVE_CACHED` (before 5.12).
    has_cached: AtomicBool,
}

/// Why nothing was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenBeneathError {
    /// The folder itself cannot be opened: an outage, not a missing file.
    Root(Errno),
    /// The path beneath it cannot be opened.
    Path(Errno),
}

/// Whether an open may wait for the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// Only what the kernel has in memory is used; `EAGAIN` if that is not enough.
    CachedOnly,
    /// The file system may block.
    MayBlock,
}

/// The kernel's limit on symbolic links in one path.
const MAX_LINKS: u32 = 40;

/// `O_NONBLOCK` keeps the open of a FIFO from blocking; it has no effect on a regular file.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const ROOT: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);
const INSPECT: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Root {
    /// The folder at `path`, which may be a link; it must exist.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        rustix::fs::open(path, ROOT, Mode::empty())?;
        Ok(Self {
            path: std::path::absolute(path)?,
            has_openat2: AtomicBool::new(true),
            has_cached: AtomicBool::new(true),
        })
    }

    /// The absolute path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file at `path`, of whatever type. The caller checks the type.
    pub(crate) fn open_beneath(
        &self,
        path: &AssetPath<'_>,
        mode: OpenMode,
    ) -> Result<File, OpenBeneathError> {
        self.open_named(path.as_str(), mode)
    }

    /// The same for a file of our own, such as one that is hidden.
    pub(crate) fn open_own(&self, name: &'static str, mode: OpenMode) -> Result<File, OpenBeneathError> {
        self.open_named(name, mode)
    }

    fn open_named(&self, path: &str, mode: OpenMode) -> Result<File, OpenBeneathError> {
        if self.has_openat2.load(Ordering::Relaxed) {
            match self.open_by_kernel(path, mode) {
                // EXDEV: a link leads outside, or only seems to.
                Err(OpenBeneathError::Path(Errno::XDEV)) => {}
                Err(OpenBeneathError::Root(Errno::NOSYS | Errno::PERM)) => {
                    self.has_openat2.store(false, Ordering::Relaxed);
                }
                result => return result.map(File::from),
            }
        }
        match mode {
            OpenMode::CachedOnly => Err(OpenBeneathError::Path(Errno::AGAIN)),
            OpenMode::MayBlock => self.open_by_walking(path).map(File::from),
        }
    }

    fn open_by_kernel(&self, path: &str, mode: OpenMode) -> Result<OwnedFd, OpenBeneathError> {
        let cached = match mode {
            OpenMode::CachedOnly if !self.has_cached.load(Ordering::Relaxed) => {
                return Err(OpenBeneathError::Path(Errno::AGAIN));
            }
            OpenMode::CachedOnly => ResolveFlags::CACHED,
            OpenMode::MayBlock => ResolveFlags::empty(),
        };
        let root =
            rustix::fs::openat2(CWD, &self.path, ROOT, Mode::empty(), cached).map_err(|e| match e {
                Errno::AGAIN => OpenBeneathError::Path(e),
                Errno::INVAL if mode == OpenMode::CachedOnly => {
                    self.has_cached.store(false, Ordering::Relaxed);
                    OpenBeneathError::Path(Errno::AGAIN)
                }
                e => OpenBeneathError::Root(e),
            })?;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | cached;
        // EAGAIN from an open that may block: something was renamed meanwhile, and the kernel could not verify that
        // the path stayed beneath the root.
        let tries = if mode == OpenMode::CachedOnly { 1 } else { 8 };
        for _ in 0..tries {
            match rustix::fs::openat2(&root, path, READ, Mode::empty(), beneath) {
                Err(Errno::AGAIN) => {}
                result => return result.map_err(OpenBeneathError::Path),
            }
        }
        Err(OpenBeneathError::Path(Errno::AGAIN))
    }

    /// Resolves one component at a time. `..` returns to the parent that was opened on the way down, never to the
    /// kernel's parent, so a folder that is moved meanwhile cannot lead outside.
    fn open_by_walking(&self, path: &str) -> Result<OwnedFd, OpenBeneathError> {
        let root = rustix::fs::open(&self.path, ROOT, Mode::empty()).map_err(OpenBeneathError::Root)?;
        self.walk(&root, path).map_err(OpenBeneathError::Path)
    }

    fn walk(&self, root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
        let mut todo: VecDeque<OsString> = path.split('/').map(OsString::from).collect();
        let mut above: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(component) = todo.pop_front() {
            let here = above.last().unwrap_or(root).as_fd();
            match component.as_bytes() {
                b"" | b"." => continue,
                b".." => {
                    above.pop().ok_or(Errno::XDEV)?;
                    continue;
                }
                _ => {}
            }
            let entry = rustix::fs::openat(here, &component, INSPECT, Mode::empty())?;
            match FileType::from_raw_mode(rustix::fs::fstat(&entry)?.st_mode) {
                FileType::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target =
                        OsString::from_vec(rustix::fs::readlinkat(&entry, "", Vec::new())?.into_bytes());
                    let target = if target.as_bytes().starts_with(b"/") {
                        above.clear();
                        self.inside(Path::new(&target)).ok_or(Errno::XDEV)?
                    } else {
                        target
                    };
                    for part in target.as_bytes().rsplit(|&b| b == b'/') {
                        todo.push_front(OsStr::from_bytes(part).to_owned());
                    }
                }
                FileType::Directory if !todo.is_empty() => above.push(entry),
                _ if !todo.is_empty() => return Err(Errno::NOTDIR),
                _ => return reopen(here, &component, &entry),
            }
        }
        Err(Errno::ISDIR)
    }

    /// The rest of an absolute path below the root, by the root's given name or its canonical one; `None` if the path
    /// does not lie there.
    fn inside(&self, target: &Path) -> Option<OsString> {
        let below = |root: &Path| target.strip_prefix(root).ok().map(|rest| rest.as_os_str().to_owned());
        below(&self.path).or_else(|| below(&self.path.canonicalize().ok()?))
    }
}

/// Opens a checked entry for reading, and verifies that it is still the same file.
fn reopen(directory: BorrowedFd<'_>, name: &OsStr, seen: &OwnedFd) -> Result<OwnedFd, Errno> {
    let file = rustix::fs::openat(directory, name, READ | OFlags::NOFOLLOW, Mode::empty())?;
    let (now, before) = (rustix::fs::fstat(&file)?, rustix::fs::statat(seen, "", AtFlags::EMPTY_PATH)?);
    if (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino) { Ok(file) } else { Err(Errno::AGAIN) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    /// The result of both ways of opening a path: the bytes read, or the error.
    fn outcomes(root: &Root, path: &str) -> [Result<String, Errno>; 2] {
        let path = AssetPath::from_plain(path).expect("a proper path");
        let read = |file: Result<OwnedFd, OpenBeneathError>| {
            let mut text = String::new();
            let file = file.map_err(|error| match error {
                OpenBeneathError::Path(errno) => errno,
                OpenBeneathError::Root(errno) => panic!("the root is there: {errno}"),
            })?;
            File::from(file)
                .read_to_string(&mut text)
                .map_err(|e| Errno::from_io_error(&e).expect("an errno"))?;
            Ok(text)
        };
        [
            read(root.open_by_kernel(path.as_str(), OpenMode::MayBlock)),
            read(root.open_by_walking(path.as_str())),
        ]
    }

    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).expect("folders");
        std::fs::write(root.join("a/b/file"), "inside").expect("a file");
        std::fs::write(dir.path().join("secret"), "outside").expect("a file");
        let opened = Root::new(&root).expect("a root");
        (dir, opened)
    }

    #[test]
    fn kernel_and_walk_open_what_stays_inside() {
        let (dir, root) = tree();
        let at = |name: &str| dir.path().join("root").join(name);
        symlink("a/b/file", at("relative")).expect("a link");
        symlink("../b/../b/file", at("a/b/climbing")).expect("a link");
        symlink("relative", at("twice")).expect("a link");
        symlink("b", at("a/folder")).expect("a link");
        for path in ["a/b/file", "relative", "a/b/climbing", "twice", "a/folder/file"] {
            assert_eq!(outcomes(&root, path), [Ok("inside".to_owned()), Ok("inside".to_owned())], "{path}");
        }
    }

    #[test]
    fn kernel_and_walk_reject_what_leads_outside() {
        let (dir, root) = tree();
        let at = |name: &str| dir.path().join("root").join(name);
        symlink("../secret", at("out")).expect("a link");
        symlink("a/../../secret", at("detour")).expect("a link");
        symlink(dir.path().join("secret"), at("absolute")).expect("a link");
        symlink("..", at("parent")).expect("a link");
        symlink("/proc/self/root", at("magic")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        for path in ["out", "detour", "absolute", "parent/secret", "magic/etc/passwd"] {
            assert_eq!(outcomes(&root, path), [Err(Errno::XDEV), Err(Errno::XDEV)], "{path}");
        }
        assert_eq!(outcomes(&root, "loop"), [Err(Errno::LOOP), Err(Errno::LOOP)]);
        assert_eq!(outcomes(&root, "missing"), [Err(Errno::NOENT), Err(Errno::NOENT)]);
        assert_eq!(outcomes(&root, "a/b/file/more"), [Err(Errno::NOTDIR), Err(Errno::NOTDIR)]);
    }

    #[test]
    fn an_absolute_link_back_inside_is_followed() {
        let (dir, root) = tree();
        symlink(dir.path().join("root/a/b/file"), dir.path().join("root/absolute")).expect("a link");
        let path = AssetPath::from_plain("absolute").expect("a path");
        let mut text = String::new();
        let mut file = root.open_beneath(&path, OpenMode::MayBlock).expect("it is inside");
        file.read_to_string(&mut text).expect("readable");
        assert_eq!(text, "inside");
        assert_eq!(
            root.open_beneath(&path, OpenMode::CachedOnly).map(drop),
            Err(OpenBeneathError::Path(Errno::AGAIN))
        );
    }

    #[test]
    fn a_swapped_root_is_followed_and_a_missing_root_is_not_a_missing_file() {
        let (dir, _) = tree();
        symlink("root", dir.path().join("current")).expect("a link");
        let root = Root::new(&dir.path().join("current")).expect("a root");
        let path = AssetPath::from_plain("a/b/file").expect("a path");
        assert!(root.open_beneath(&path, OpenMode::MayBlock).is_ok());
        std::fs::create_dir(dir.path().join("next")).expect("a folder");
        std::fs::remove_file(dir.path().join("current")).expect("unlinked");
        let gone = Err(OpenBeneathError::Root(Errno::NOENT));
        assert_eq!(root.open_beneath(&path, OpenMode::MayBlock).map(drop), gone);
        assert_eq!(root.open_by_walking(path.as_str()).map(drop), gone);
        symlink("next", dir.path().join("current")).expect("a link");
        let missing = Err(OpenBeneathError::Path(Errno::NOENT));
        assert_eq!(root.open_beneath(&path, OpenMode::MayBlock).map(drop), missing);
    }

    #[test]
    fn without_openat2_the_walk_takes_over() {
        let (_dir, root) = tree();
        root.has_openat2.store(false, Ordering::Relaxed);
        let path = AssetPath::from_plain("a/b/file").expect("a path");
        assert!(root.open_beneath(&path, OpenMode::MayBlock).is_ok());
        assert_eq!(
            root.open_beneath(&path, OpenMode::CachedOnly).map(drop),
            Err(OpenBeneathError::Path(Errno::AGAIN))
        );
    }
}
