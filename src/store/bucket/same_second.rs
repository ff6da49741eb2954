//! Objects that were uploaded in the second in which they are read: another upload within it would have the same date.

use std::time::{Duration, SystemTime};

use object_store::path::Path;
use object_store::{GetOptions, GetResult};

use super::Bucket;
use super::metadata::http_date;
use super::upstream::Method;
use crate::asset::{AssetPath, Storage};

impl Bucket {
    /// What the bucket has once the second is over in which the object was written, if it is to be sent under `no-cache`. Caches that
    /// compare dates would never ask for another upload within it.
    pub(super) async fn after_its_second(
        &self,
        path: &AssetPath<'_>,
        key: &Path,
        method: Method,
        found: GetResult,
    ) -> GetResult {
        let Some(wait) = self.until_the_next_second(path, &found) else { return found };
        tokio::time::sleep(wait).await;
        let (if_none_match, head) = (found.meta.e_tag.clone(), method == Method::Head);
        let again = GetOptions { if_none_match, head, ..GetOptions::default() };
        self.upstream.get(key, again).await.unwrap_or(found)
    }

    fn until_the_next_second(&self, path: &AssetPath<'_>, found: &GetResult) -> Option<Duration> {
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
