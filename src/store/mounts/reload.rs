//! Stores of other settings in the place of those before: what is made anew, what is asked first, and what is taken over.

use std::sync::Arc;

use super::store_settings::StoreSettings;
use super::{Inner, Mount, Store, Stores, open_on, shared};
use crate::asset::AssetPath;
use crate::config::{self, Settings};
use crate::store::bucket::{BucketHistory, CredentialFingerprint};
use crate::store::{OpenAsset, StoreError, UpstreamFault};

impl Stores {
    /// The stores of other settings, which take the place of these: these themselves where nothing of the stores is to be
    /// otherwise.
    ///
    /// Both together hold no more than either may, and what was counted goes on being counted. No file is hashed again that was
    /// not changed; what is held in memory they [take over](Self::take_over_cache). What is not of the stores' own (`settings.memory`)
    /// stays as it was.
    ///
    /// Fails as [`open_all`](Self::open_all) does. Whether buckets can be read that were not there before,
    /// [`probe_new`](Self::probe_new) finds out.
    pub fn reopen(&self, settings: &Settings) -> Result<Self, StoreError> {
        let inner = &*self.0;
        // Before clients are made: keys that change meanwhile are seen at the next reload.
        let made_of = StoreSettings::of(settings);
        if inner.made_of == made_of {
            return Ok(self.clone());
        }
        let next = inner.context.successor(settings.cache.clone());
        let shared = inner.shared.as_ref().map_or_else(|| shared(settings, &next), Arc::clone);
        let history = |number: usize| inner.history_for(&made_of.mounts[number]);
        let mounts = open_on(&next, &shared, settings, history)?;
        Ok(Self::of(mounts, next, Some(shared), made_of))
    }

    /// [Asks](Self::probe) the buckets that are not found alike in `before`, keys included: one that was there goes on as it did, in an
    /// outage, too. So does one that has other keys, unless it refuses them.
    pub async fn probe_new(&self, before: &Self) -> Result<(), StoreError> {
        let known = |mount: &config::Mount| {
            before.0.made_of.mounts.iter().find(|(known, _)| known.store.is_same_as(&mount.store))
        };
        for (mount, secrets) in &self.0.made_of.mounts {
            let before = known(mount);
            if before.is_some_and(|(_, then)| then == secrets) {
                continue;
            }
            match (self.probe_those(|path| path == mount.path).await, before) {
                (Err(StoreError::Upstream { fault, reason }), Some(_)) if fault != UpstreamFault::Refused => {
                    log::warn!("the keys of {} could not be tried: {reason}", mount.store);
                }
                (probed, _) => probed?,
            }
        }
        Ok(())
    }

    /// Holds what those `before` hold in memory of stores that are mounted where they were, as the rules of these describe it; of
    /// what is never served now, nothing. To be called when these take the place of those.
    pub fn take_over_cache(&self, before: &Self) {
        let inner = &*self.0;
        if self.is_same_as(before) {
            return;
        }
        let mut held: Vec<Vec<(AssetPath, OpenAsset)>> = inner.mounts.iter().map(|_| Vec::new()).collect();
        for (path, opened) in before.0.context.cache.bodies() {
            let Ok(path) = AssetPath::from_plain(&path).map(|path| path.to_owned()) else { continue };
            if let (Some(number), Some((then, _))) = (self.mount_of(&path), before.0.find(&path))
                && inner.mounts[number].path == then.path
                && inner.made_of.is_on_same_store(&before.0.made_of, &then.path)
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

    /// Lets go of all that is held in memory, once others have taken the place of these. Takes as long as it takes to give it
    /// back, so no serving core should have to.
    pub fn release_memory(&self) {
        self.0.context.cache.clear();
    }

    /// Whether these are those, and not others in their place.
    pub fn is_same_as(&self, others: &Self) -> bool {
        Arc::ptr_eq(&self.0, &others.0)
    }
}

impl Inner {
    /// What was heard of a bucket so far: of two mounts on one bucket, each has its own. How it is, is known of one that is asked
    /// as before only.
    fn history_for(&self, made: &(config::Mount, Option<CredentialFingerprint>)) -> BucketHistory {
        let (mount, name) = (&made.0, made.0.store.to_string());
        let before = self.mounts.iter().find(|before| before.path == mount.path && before.name == name);
        let Some(Mount { store: Store::Bucket(bucket), .. }) = before else {
            return BucketHistory::default();
        };
        if self.made_of.has(made) { bucket.history() } else { bucket.history().without_health() }
    }
}
