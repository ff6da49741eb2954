//! Replaces the stores at a reload: reuses what is unchanged, probes new buckets, and takes over the cache.

use std::sync::Arc;

use super::store_settings::StoreSettings;
use super::{CredentialFiles, Inner, Mount, Store, Stores, open_on, shared};
use crate::asset::AssetPath;
use crate::config::{self, Settings};
use crate::store::bucket::{BucketHistory, CredentialFingerprint};
use crate::store::{OpenAsset, StateAccess, StoreError, UpstreamFault};

impl Stores {
    /// The stores for new settings; these stores themselves if the new settings do not change them.
    ///
    /// Old and new stores share the memory budget and the counters. Files that did not change are not hashed again,
    /// and cached bodies can be [taken over](Self::take_over_cache). Settings that need a restart (`settings.memory`)
    /// keep their old values.
    ///
    /// Fails as [`open_all`](Self::open_all) does. Whether new buckets can be read is found out by
    /// [`probe_new`](Self::probe_new).
    pub fn reopen(&self, settings: &Settings) -> Result<Self, StoreError> {
        let inner = &*self.0;
        // Before clients are made, so that a key that changes meanwhile is noticed at the next reload.
        let store_settings = StoreSettings::of(settings);
        if inner.store_settings == store_settings {
            return Ok(self.clone());
        }
        let next = inner.context.successor(settings.cache.clone());
        let shared =
            inner.shared.as_ref().map_or_else(|| shared(settings, StateAccess::Write, &next), Arc::clone);
        let history = |number: usize| inner.history_for(&store_settings.mounts[number]);
        let mounts = open_on(&next, &shared, settings, history)?;
        Ok(Self::of(mounts, next, Some(shared), store_settings))
    }

    /// [Probes](Self::probe) the buckets that are not in `before` with the same credentials. A bucket that is
    /// unchanged stays in use even during an outage. So does one with new credentials, unless it rejects them.
    pub async fn probe_new(&self, before: &Self) -> Result<(), StoreError> {
        let known_before = |mount: &config::Mount| {
            before.0.store_settings.mounts.iter().find(|(known, _)| known.store.is_same_as(&mount.store))
        };
        for (mount, fingerprint) in &self.0.store_settings.mounts {
            let before = known_before(mount);
            if before.is_some_and(|(_, earlier)| earlier == fingerprint) {
                continue;
            }
            match (self.probe_selected(|path| path == mount.path).await, before) {
                (Err(StoreError::Upstream { fault, reason }), Some(_)) if fault != UpstreamFault::Refused => {
                    log::warn!("the new credentials of {} could not be verified: {reason}", mount.store);
                }
                (probed, _) => probed?,
            }
        }
        Ok(())
    }

    /// Probes the buckets whose credential files are not those of `before`. Unlike [`probe_new`](Self::probe_new), fails if
    /// a bucket does not answer: nobody has asked for the new credentials, so the ones that work stay in use.
    pub async fn verify_new(&self, before: &Self) -> Result<(), StoreError> {
        for made in &self.0.store_settings.mounts {
            if !before.0.store_settings.has(made) {
                self.probe_selected(|path| path == made.0.path).await?;
            }
        }
        Ok(())
    }

    /// Whether any mount is on a bucket.
    pub fn has_buckets(&self) -> bool {
        self.0.mounts.iter().any(|mount| matches!(mount.store, Store::Bucket(_)))
    }

    /// The names of the buckets, separated by commas.
    pub fn names_of_buckets(&self) -> String {
        self.0.store_settings.names_of_buckets().join(", ")
    }

    /// The credential files as they are now. Reads them, so serving cores should not call it.
    pub fn credential_files(&self) -> CredentialFiles {
        self.0.store_settings.credential_files_now()
    }

    /// The credential files that the clients of the buckets were made from.
    pub fn credential_files_in_use(&self) -> CredentialFiles {
        self.0.store_settings.credential_files()
    }

    /// Caches the bodies that `before` holds in memory for stores that are mounted at the same paths, described by
    /// the new rules. Paths that are never served are left out. To be called when these stores replace the others.
    pub fn take_over_cache(&self, before: &Self) {
        let inner = &*self.0;
        if self.is_same_as(before) {
            return;
        }
        let mut held: Vec<Vec<(AssetPath, OpenAsset)>> = inner.mounts.iter().map(|_| Vec::new()).collect();
        for (path, opened) in before.0.context.cache.bodies() {
            let Ok(path) = AssetPath::from_plain(&path).map(|path| path.to_owned()) else { continue };
            if let (Some(number), Some((old_mount, _))) = (self.mount_of(&path), before.0.find(&path))
                && inner.mounts[number].path == old_mount.path
                && inner.store_settings.is_on_same_store(&before.0.store_settings, &old_mount.path)
            {
                held[number].push((path, opened));
            }
        }
        for (mount, held) in inner.mounts.iter().zip(&held) {
            let held = held.iter().map(|(path, opened)| (path, opened));
            match &mount.store {
                Store::Folder(folder) => folder.take_over_cache(held),
                Store::Bucket(bucket) => bucket.take_over_cache(held),
            }
        }
    }

    /// Frees all cached bodies, once other stores have replaced these. Takes as long as it takes to free the memory,
    /// so serving cores should not call it.
    pub fn release_memory(&self) {
        self.0.context.cache.clear();
    }

    /// Whether both are the same stores, not others with equal settings.
    pub fn is_same_as(&self, others: &Self) -> bool {
        Arc::ptr_eq(&self.0, &others.0)
    }
}

impl Inner {
    /// The history of a bucket. Two mounts on one bucket have one each. Health is kept only if the bucket is
    /// unchanged, credentials included.
    fn history_for(&self, made: &(config::Mount, Option<CredentialFingerprint>)) -> BucketHistory {
        let (mount, name) = (&made.0, made.0.store.to_string());
        let before = self.mounts.iter().find(|before| before.path == mount.path && before.name == name);
        let Some(Mount { store: Store::Bucket(bucket), .. }) = before else {
            return BucketHistory::default();
        };
        if self.store_settings.has(made) { bucket.history() } else { bucket.history().without_health() }
    }
}
