//! Mounts: folders and buckets with the path below which they are served.
//!
//! A folder is checked once, so that a mistake in its name ends the program before a port is bound. The stores open files and
//! send requests to buckets.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::raw::{Entry, Field};
use super::values::{HOUR, absolute, duration_within, last_modified};
use super::{Bucket, ConfigError, Environment, bucket};
use crate::asset::AssetPath;

/// A store whose assets are served below a path.
///
/// An asset belongs to the mount with the longest path above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The path, decoded, without slashes at its ends; `""` is the root.
    pub path: String,
    /// The folder or bucket with the assets.
    pub store: Location,
    /// How long the metadata of an asset is used before the store is asked again: 0 (ask for every request) to 1 hour. Default 1 s
    /// for a folder, 5 s for a bucket.
    pub fresh: Duration,
    /// What the `Last-Modified` of files follows. Default [`LastModified::Content`]; buckets have dates of their own.
    pub last_modified: LastModified,
}

/// What the `Last-Modified` of files follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastModified {
    /// It changes when the bytes change, and only then.
    Content,
    /// It is the mtime.
    Mtime,
}

impl LastModified {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Content, Self::Mtime];

    /// As it is written in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Mtime => "mtime",
        }
    }
}

impl Mount {
    /// Whether it is on a folder whose dates follow the content.
    pub fn has_dates_of_content(&self) -> bool {
        matches!(self.store, Location::Folder(_)) && self.last_modified == LastModified::Content
    }
}

/// The folder or bucket of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder; the path is absolute, and the folder existed when the settings were loaded.
    Folder(PathBuf),
    /// A bucket.
    Bucket(Box<Bucket>),
}

/// Displays as it is written in a configuration file.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => write!(f, "{bucket}"),
        }
    }
}

impl Location {
    /// Whether both are the same folder, or the same bucket with the same credentials.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bucket(one), Self::Bucket(other)) => one.is_reached_like(other),
            _ => self == other,
        }
    }

    /// Default of `fresh`.
    fn default_fresh(&self) -> Duration {
        match self {
            Self::Folder(_) => Duration::from_secs(1),
            Self::Bucket(_) => Bucket::DEFAULT_FRESH,
        }
    }
}

/// The context for reading a store: the base of relative paths, and the environment variables for buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) base: &'a Path,
    pub(super) environment: &'a Environment,
}

/// The mount of a store that a flag or a variable names.
pub(super) fn single(store: &Field, around: Surroundings) -> Result<Mount, ConfigError> {
    let store = location(store, around)?;
    let fresh = store.default_fresh();
    Ok(Mount { path: String::new(), fresh, store, last_modified: LastModified::Content })
}

/// The mounts of the configuration file; relative paths begin at the file's folder.
pub(super) fn read(entries: &[Entry], around: Surroundings) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts: Vec<Mount> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mount = read_one(entry, around)?;
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

fn read_one(entry: &Entry, around: Surroundings) -> Result<Mount, ConfigError> {
    let path = match entry.field("path") {
        Some(path) => path.read(|value| mount_path(value.one()?))?,
        None => String::new(),
    };
    let mut store = location(entry.required("store", "store = \"media\"")?, around)?;
    match &mut store {
        Location::Bucket(bucket) => bucket.read(entry)?,
        Location::Folder(_) => {
            if let Some(field) = bucket::KEYS.iter().find_map(|key| entry.field(key)) {
                return field.read(|_| {
                    Err("is for buckets, but the store of this mount is a folder; remove it".to_owned())
                });
            }
        }
    }
    let fresh = match entry.field("fresh") {
        Some(fresh) => fresh.read(|value| duration_within(value, Duration::ZERO..=HOUR))?,
        None => store.default_fresh(),
    };
    let last_modified = match (entry.field("last_modified"), &store) {
        (Some(field), Location::Folder(_)) => field.read(last_modified)?,
        (Some(field), Location::Bucket(_)) => {
            return field.read(|_| {
                Err("is for folders, but the store of this mount is a bucket, whose dates are its own; remove it".to_owned())
            });
        }
        (None, _) => LastModified::Content,
    };
    Ok(Mount { path, store, fresh, last_modified })
}

/// Parses the path of a mount: `/media/` → `media`.
pub(super) fn mount_path(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix('/').unwrap_or(text);
    if rest.is_empty() {
        return Ok(String::new());
    }
    let trimmed = rest.strip_suffix('/').unwrap_or(rest);
    match AssetPath::from_plain(trimmed) {
        // `from_plain` drops a second leading slash.
        Ok(path) if path.as_str() == trimmed => Ok(trimmed.to_owned()),
        Ok(_) => Err(format!("`{text}` begins with two slashes; write one")),
        Err(error) => Err(format!(
            "no asset can be below `{}`: {error}; write a path such as \"/media\", not percent-encoded",
            text.escape_debug()
        )),
    }
}

fn location(store: &Field, around: Surroundings) -> Result<Location, ConfigError> {
    let named = store.read(|value| {
        let text = value.one()?;
        if text.contains("://") {
            return Ok(Location::Bucket(Box::new(Bucket::parse(text, around.environment.clone())?)));
        }
        if text.contains('\0') {
            return Err("the name has a NUL byte, which no file system allows; remove it".to_owned());
        }
        Ok(Location::Folder(absolute(around.base, text)))
    })?;
    let Location::Folder(folder) = &named else { return Ok(named) };
    let reason = match fs::metadata(folder) {
        Ok(found) if found.is_dir() => return Ok(named),
        Ok(_) => "is not a directory; name the folder with the files".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            "does not exist; create the folder, or name another".to_owned()
        }
        Err(error) => format!("cannot be read: {error}; correct that, or name another folder"),
    };
    Err(ConfigError::Directory { directory: folder.clone(), place: store.place.clone(), reason })
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
}
