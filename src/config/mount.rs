//! Mounts: which folder is served below which path.
//!
//! A folder is looked at once, so that a mistake in its name ends the program before a port is bound. Opening what lies
//! in it belongs to the stores.

use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use super::given::{Entry, Field};
use super::{ConfigError, keys};
use crate::asset::AssetPath;

/// A folder whose files are served below a path.
///
/// Of several mounts whose paths lead to an asset, the longest path is the asset's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The path, decoded, without slashes at its ends; `""` is the root.
    pub path: String,
    /// The folder, absolute; it existed when the settings were loaded.
    pub directory: PathBuf,
    /// How old what is known of an asset may be before the folder is asked again: 0 (for every request) to 1 hour.
    pub fresh: Duration,
}

impl Mount {
    /// How long what is known of an asset counts where the operator says nothing.
    pub const DEFAULT_FRESH: Duration = Duration::from_secs(1);
}

/// The mount of a store that is named outside the configuration file.
pub(super) fn single(store: &Field, base: &Path) -> Result<Mount, ConfigError> {
    Ok(Mount { path: String::new(), directory: directory(store, base)?, fresh: Mount::DEFAULT_FRESH })
}

/// The mounts of the configuration file; `base` is the folder that it lies in.
pub(super) fn read(entries: &[Entry], base: &Path) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts: Vec<Mount> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mount = read_one(entry, base)?;
        if let Some(earlier) = mounts.iter().position(|earlier| earlier.path == mount.path) {
            return Err(ConfigError::SameMount {
                path: mount.path,
                place: entry.place.clone(),
                earlier: entries[earlier].place.clone(),
            });
        }
        mounts.push(mount);
    }
    Ok(mounts)
}

fn read_one(entry: &Entry, base: &Path) -> Result<Mount, ConfigError> {
    let path = match entry.field("path") {
        Some(path) => path.read(|value| mount_path(value.one()?))?,
        None => String::new(),
    };
    let fresh = match entry.field("fresh") {
        Some(fresh) => fresh.read(|value| keys::duration_within(value, Duration::ZERO..=keys::HOUR))?,
        None => Mount::DEFAULT_FRESH,
    };
    let store = entry.required("store", "store = \"media\"")?;
    Ok(Mount { path, directory: directory(store, base)?, fresh })
}

/// `/media/` → `media`
fn mount_path(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix('/').unwrap_or(text);
    if rest.is_empty() {
        return Ok(String::new());
    }
    let trimmed = rest.strip_suffix('/').unwrap_or(rest);
    match AssetPath::from_plain(trimmed) {
        // `from_plain` would drop a second leading slash.
        Ok(path) if path.as_str() == trimmed => Ok(trimmed.to_owned()),
        Ok(_) => Err(format!("`{text}` begins with two slashes; write one")),
        Err(error) => Err(format!(
            "no asset can lie below `{}`: {error}; write a path such as \"/media\", not percent-encoded",
            text.escape_debug()
        )),
    }
}

fn directory(store: &Field, base: &Path) -> Result<PathBuf, ConfigError> {
    let named = store.read(|value| {
        let text = value.one()?;
        if text.contains("://") {
            return Err(format!(
                "`{text}` is not a folder, and this version serves folders only; name a directory"
            ));
        }
        if text.contains('\0') {
            return Err("the name holds a NUL, which no file system takes; leave it out".to_owned());
        }
        Ok(absolute(base, text))
    })?;
    let reason = match fs::metadata(&named) {
        Ok(found) if found.is_dir() => return Ok(named),
        Ok(_) => "is not a directory; name the folder that the files lie in".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            "does not exist; create the folder, or name another".to_owned()
        }
        Err(error) => format!("cannot be looked at: {error}; mend that, or name another folder"),
    };
    Err(ConfigError::Directory { directory: named, place: store.place.clone(), reason })
}

/// The path made absolute below `base`, without `.` segments; nothing is looked up, so symbolic links stay.
pub(super) fn absolute(base: &Path, named: impl AsRef<Path>) -> PathBuf {
    let joined = base.join(named);
    path::absolute(&joined).unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_paths_lose_the_slashes_at_their_ends() {
        for (text, path) in [("/", ""), ("/media", "media"), ("media/", "media"), ("/a/b c/", "a/b c")] {
            assert_eq!(mount_path(text), Ok(path.to_owned()), "{text}");
        }
        for text in ["//", "//a", "/a//", "/a//b", "/../a", "/.hidden", "/a\\b", "a\n"] {
            assert!(mount_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_made_absolute_without_being_looked_up() {
        for (name, path) in [(".", "/base"), ("./a/./b", "/base/a/b"), ("../a", "/base/../a"), ("/x", "/x")] {
            assert_eq!(absolute(Path::new("/base"), name), Path::new(path), "{name}");
        }
    }
}
