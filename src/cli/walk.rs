//! Walks a folder in a stable order, yielding the files that are served; runs work in parallel.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};

/// An entry of a walk.
#[derive(Debug)]
pub(super) enum Entry {
    /// A regular file that is served.
    File(PathBuf),
    /// An entry that is not served: hidden, the configuration, not a regular file, or a symbolic link that is broken, leaves the root or
    /// forms a loop.
    Skipped,
    /// An entry that could not be read, and why.
    Unreadable(PathBuf, String),
}

/// The files of a folder and its subfolders, sorted by name within each. Symbolic links inside the root are followed, as when serving.
///
/// Keeps the names of one folder per level in memory.
#[derive(Debug)]
pub(super) struct Walk {
    entries: walkdir::IntoIter,
    /// Symbolic links must not leave this folder. Absolute, without symbolic links.
    root: PathBuf,
    never: Vec<PathBuf>,
}

impl Walk {
    /// Walks `folder`, which is `root` or inside it (absolute, without symbolic links). The files at `never` are not served.
    pub(super) fn new(folder: &Path, root: PathBuf, never: Vec<PathBuf>) -> Self {
        let entries = WalkDir::new(folder).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
        Self { entries, root, never }
    }

    fn is_inside(&self, entry: &DirEntry) -> bool {
        !entry.path_is_symlink()
            || entry.path().canonicalize().is_ok_and(|target| target.starts_with(&self.root))
    }

    fn is_never_served(&self, path: &Path) -> bool {
        self.never.iter().any(|never| {
            never.file_name() == path.file_name()
                && never.canonicalize().is_ok_and(|never| path.canonicalize().is_ok_and(|path| path == never))
        })
    }

    /// Classifies a directory entry; `None` for a folder to walk.
    fn classify(&mut self, entry: &DirEntry) -> Option<Entry> {
        let is_folder = entry.file_type().is_dir();
        if is_hidden(entry.file_name()) || !self.is_inside(entry) {
            if is_folder {
                self.entries.skip_current_dir();
            }
            return Some(Entry::Skipped);
        }
        if is_folder {
            return None;
        }
        let is_served = entry.file_type().is_file() && !self.is_never_served(entry.path());
        Some(if is_served { Entry::File(entry.path().to_owned()) } else { Entry::Skipped })
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            match self.entries.next()? {
                Ok(entry) => {
                    if let Some(entry) = self.classify(&entry) {
                        return Some(entry);
                    }
                }
                Err(error) => return Some(of_error(&error)),
            }
        }
    }
}

/// Classifies an error of the walk.
fn of_error(error: &walkdir::Error) -> Entry {
    // A symbolic link to one of its own parent folders has no system error; a link to itself does.
    let is_broken_link = |cause: &std::io::Error| {
        cause.kind() == std::io::ErrorKind::NotFound
            || cause.raw_os_error() == Some(Errno::LOOP.raw_os_error())
    };
    match (error.path(), error.io_error()) {
        (Some(path), Some(cause)) if !is_broken_link(cause) => {
            Entry::Unreadable(path.to_owned(), cause.to_string())
        }
        _ => Entry::Skipped,
    }
}

/// Whether a name begins with a dot, so that the file is never served.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Number of threads for work that keeps all processors busy.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `work` for each item on several threads and returns the results in order.
pub(super) fn in_parallel<T: Sync, R: Send + Sync>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let results: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    items.get(at).zip(results.get(at))
                } {
                    let _ = result.set(work(item));
                }
            });
        }
    });
    results.into_iter().map(|result| result.into_inner().expect("every item has a result")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Mode;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn walked(folder: &Path) -> (Vec<String>, usize) {
        let root = folder.canonicalize().expect("a folder");
        let mut names = Vec::new();
        let mut skipped = 0;
        for entry in Walk::new(folder, root, vec![folder.join("wamedia.toml")]) {
            match entry {
                Entry::File(path) => {
                    names.push(path.strip_prefix(folder).expect("below").display().to_string());
                }
                Entry::Skipped => skipped += 1,
                Entry::Unreadable(path, reason) => panic!("{path:?}: {reason}"),
            }
        }
        (names, skipped)
    }

    #[test]
    fn served_files_are_yielded_in_order_and_once_for_each_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("root/b/.git")).expect("folders");
        for name in [
            "root/b/2.jpg",
            "root/b/1.jpg",
            "root/a.jpg",
            "root/.hidden",
            "root/b/.git/x",
            "root/wamedia.toml",
            "out.jpg",
        ] {
            fs::write(at(name), "x").expect("a file");
        }
        symlink("../b", at("root/b/circle")).expect("a link");
        symlink("b", at("root/c")).expect("a link");
        symlink("../out.jpg", at("root/out.jpg")).expect("a link");
        symlink("..", at("root/up")).expect("a link");
        symlink("nowhere", at("root/nowhere")).expect("a link");
        rustix::fs::mknodat(rustix::fs::CWD, at("root/fifo"), rustix::fs::FileType::Fifo, Mode::RWXU, 0)
            .expect("a FIFO");
        let (names, skipped) = walked(&at("root"));
        assert_eq!(names, ["a.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg", "c/2.jpg"]);
        // .hidden, .git and the loop in b and c, wamedia.toml, out.jpg, up, nowhere, fifo.
        assert_eq!(skipped, 10);
    }

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<u32> = (0..1000).collect();
        for threads in [1, 2, 7] {
            assert_eq!(
                in_parallel(&items, threads, |n| n * 2),
                items.iter().map(|n| n * 2).collect::<Vec<_>>()
            );
        }
        assert!(in_parallel(&[], 4, |n: &u32| *n).is_empty());
    }
}
