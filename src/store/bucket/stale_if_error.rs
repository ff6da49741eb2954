//! stale-if-error (RFC 5861 section 4): while a bucket fails, cached bodies are served although they are no longer fresh.

use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::path::Path;

use super::{Bucket, is_held};
use crate::asset::AssetPath;
use crate::store::{Freshness, OpenAsset, ReadIntent};

impl Bucket {
    /// The cached version of an asset, where it may be served in place of an error of the bucket: its body is in memory,
    /// and it has been stale for less than the mount's `stale_if_error`.
    pub(super) fn stale_if_error(&self, cached: Option<&OpenAsset>) -> Option<OpenAsset> {
        let is_recent = |cached: &&OpenAsset| {
            self.stale_if_error > Duration::ZERO
                && cached.checked().elapsed() < self.fresh.saturating_add(self.stale_if_error)
        };
        cached.filter(|cached| is_held(cached) && !cached.is_broken()).filter(is_recent).cloned()
    }

    /// Requests the asset in the background, at most once a second, to notice when the bucket answers again.
    pub(super) fn revalidate_in_background(
        self: &Arc<Self>,
        path: &AssetPath<'_>,
        key: &Path,
        cached: Option<OpenAsset>,
        now: Instant,
    ) {
        if self.upstream.health().may_retry() {
            let (bucket, path, key) = (Arc::clone(self), path.to_owned(), key.clone());
            self.context.background.spawn(async move {
                // The result goes into the cache and into the health of the bucket.
                let _ = bucket
                    .request(&path, &key, ReadIntent::Whole, (Freshness::Since(now), now), cached.as_ref())
                    .await;
            });
        }
    }
}
