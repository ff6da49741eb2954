//! Which `Last-Modified` each path was sent with, so that a date that stands for two versions is known to be no validator.
//!
//! Build tools give all files one constant date, and the dates of objects have whole seconds: new bytes may come under the old date.

use std::hash::BuildHasher;

use httpdate::HttpDate;
use quick_cache::DefaultHashBuilder;
use quick_cache::sync::Cache;

use crate::asset::{Asset, AssetPath};

/// Paths that are remembered; an entry takes some 60 bytes. The cache grows with the paths that are requested.
const MAX_PATHS: usize = 1 << 16;

/// The dates of paths, by the path's hash. Paths with the same hash make a date ambiguous that is not, which costs a response a body.
#[derive(Debug)]
pub(super) struct SentDates {
    paths: Cache<u64, Sent>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    date: HttpDate,
    /// Hash of the entity tag.
    tag: u64,
    is_ambiguous: bool,
}

impl Default for SentDates {
    fn default() -> Self {
        Self { paths: Cache::new(MAX_PATHS), hasher: DefaultHashBuilder::default() }
    }
}

impl SentDates {
    /// Remembers the asset's date, and marks the asset if another version of the path had the same one.
    pub(super) fn note(&self, path: &AssetPath<'_>, asset: &mut Asset) {
        let Some(date) = asset.last_modified else { return };
        let key = self.hasher.hash_one(path.as_str());
        let tag = self.hasher.hash_one(asset.etag.as_str());
        let before = self.paths.get(&key).filter(|sent| sent.date == date);
        asset.is_date_ambiguous = before.is_some_and(|sent| sent.is_ambiguous || sent.tag != tag);
        self.paths.insert(key, Sent { date, tag, is_ambiguous: asset.is_date_ambiguous });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::asset::{CachePolicy, Digest, EntityTag, MediaType};

    fn is_ambiguous(dates: &SentDates, path: &'static str, tag: &str, date: Option<u64>) -> bool {
        let mut asset = Asset {
            name: path.into(),
            len: 1,
            etag: EntityTag::parse(tag).expect("a tag"),
            version: Digest::new([1; 32]).version(),
            last_modified: date.map(|seconds| HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds))),
            is_date_ambiguous: false,
            media_type: MediaType::from_static("image/jpeg"),
            content_encoding: None,
            cache_policy: CachePolicy::NO_CACHE,
        };
        dates.note(&AssetPath::from_plain(path).expect("a path"), &mut asset);
        asset.is_date_ambiguous
    }

    #[test]
    fn a_date_of_two_versions_is_ambiguous_until_the_date_changes() {
        let dates = SentDates::default();
        for (path, tag, date, expected) in [
            ("a.jpg", "\"1\"", Some(100), false),
            ("a.jpg", "\"1\"", Some(100), false),
            // Another path has a date of its own.
            ("b.jpg", "\"2\"", Some(100), false),
            ("a.jpg", "\"2\"", Some(100), true),
            // Also for the first version, if it comes back.
            ("a.jpg", "\"1\"", Some(100), true),
            ("a.jpg", "\"1\"", None, false),
            ("a.jpg", "\"1\"", Some(100), true),
            ("a.jpg", "\"3\"", Some(200), false),
            ("a.jpg", "\"3\"", Some(200), false),
            ("b.jpg", "\"2\"", Some(100), false),
        ] {
            assert_eq!(is_ambiguous(&dates, path, tag, date), expected, "{path} {tag} {date:?}");
        }
    }
}
