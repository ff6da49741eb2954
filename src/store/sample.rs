//! A sample of a folder: its first entries, and among them a file to show as an example. Bounded: a folder of a million files takes no
//! longer than one of a few hundred.

use std::collections::VecDeque;
use std::fs::{DirEntry, ReadDir};
use std::path::{Path, PathBuf};

use crate::asset::AssetPath;
use crate::whatsapp;

/// Directory entries that are read.
const MAX_ENTRIES: usize = 256;
/// Longest file that can be an example, in bytes: its digest is needed, and takes time.
const MAX_LENGTH: u64 = 16 << 20;

/// The first entries of a folder and its subfolders, breadth first, with their paths inside the folder. What cannot be read is left out.
pub fn first_entries(folder: &Path) -> impl Iterator<Item = (PathBuf, DirEntry)> {
    let mut folders = VecDeque::from([PathBuf::new()]);
    let mut current: Option<(PathBuf, ReadDir)> = None;
    let all = std::iter::from_fn(move || {
        loop {
            if let Some((inside, entries)) = &mut current
                && let Some(entry) = entries.flatten().next()
            {
                let path = inside.join(entry.file_name());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push_back(path.clone());
                }
                return Some((path, entry));
            }
            let inside = folders.pop_front()?;
            current = folder.join(&inside).read_dir().ok().map(|entries| (inside, entries));
        }
    });
    all.take(MAX_ENTRIES)
}

/// The path inside `folder` of a file that WhatsApp accepts and that `may_be` allows: of the entries read, the first
/// by name.
pub(super) fn example(folder: &Path, may_be: impl Fn(&AssetPath) -> bool) -> Option<AssetPath<'static>> {
    let mut best: Option<AssetPath<'static>> = None;
    for (path, entry) in first_entries(folder) {
        let Some(asset) = path.to_str().and_then(|path| AssetPath::from_plain(path).ok()) else { continue };
        let is_better = best.as_ref().is_none_or(|best| asset.as_str() < best.as_str());
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_taken = is_file && whatsapp::kind(&asset).is_some() && may_be(&asset);
        if is_better && is_taken && entry.metadata().is_ok_and(|metadata| metadata.len() <= MAX_LENGTH) {
            best = Some(asset.to_owned());
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_by_name_that_whatsapp_accepts() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(example(dir.path(), |_| true), None);
        std::fs::create_dir(dir.path().join("b")).expect("a folder");
        for name in [".hidden.jpg", "a.toml", "c.jpg", "b/z.png", "b/a.pdf"] {
            std::fs::write(dir.path().join(name), "x").expect("a file");
        }
        assert_eq!(example(dir.path(), |_| true).expect("one").as_str(), "b/a.pdf");
        let other = example(dir.path(), |path| path.below("b").is_none());
        assert_eq!(other.expect("one").as_str(), "c.jpg");
    }

    #[test]
    fn the_search_is_bounded() {
        let dir = tempfile::tempdir().expect("a directory");
        for number in 0..=MAX_ENTRIES {
            std::fs::create_dir(dir.path().join(number.to_string())).expect("a folder");
            std::fs::write(dir.path().join(format!("{number}/a.jpg")), "x").expect("a file");
        }
        assert_eq!(first_entries(dir.path()).count(), MAX_ENTRIES);
        assert_eq!(example(dir.path(), |_| true), None, "the folders alone are more than a probe");
    }
}
