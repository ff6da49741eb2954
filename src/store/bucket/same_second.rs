//! Objects that were uploaded in the second in which they are read: another upload within it would have the same date.

use std::time::{Duration, SystemTime};

use object_store::GetResult;

use super::Bucket;
use super::metadata::http_date;
use crate::asset::{AssetPath, Storage};

impl Bucket {
    /// How long the second lasts in which the object was written, if it is to be sent under `no-cache`: another upload within it would
    /// have the same date, and caches that compare dates would never ask for it.
    pub(super) fn until_the_next_second(&self, path: &AssetPath<'_>, found: &GetResult) -> Option<Duration> {
        let written = http_date(found.meta.last_modified.into())?;
        let next = SystemTime::from(written) + Duration::from_secs(1);
        // Longer, and it is the clock of the store that is ahead.
        let wait = next.duration_since(SystemTime::now()).ok()?.min(Duration::from_secs(1));
        let own_policy = self.metadata.own_policy(path, &found.attributes);
        let policy = self.context.rules.policy_for(path, own_policy.as_ref());
        (policy.storage() == Storage::NoCache && !self.was_sent(path, found)).then_some(wait)
    }

    /// Whether this version of the object is cached, and so has been sent.
    fn was_sent(&self, path: &AssetPath<'_>, found: &GetResult) -> bool {
        let cached = self.context.cache.get(path.as_str());
        cached.and_then(|cached| Some(cached.object()?.tag() == found.meta.e_tag.as_deref()?)) == Some(true)
    }
}
