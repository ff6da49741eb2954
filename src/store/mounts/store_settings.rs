//! The settings that stores are made from: a reload that changes none of them keeps the stores.

use std::path::PathBuf;

use crate::config::{self, CacheRules, Location, Settings};
use crate::store::bucket::CredentialFingerprint;

/// The settings that stores depend on. Equal settings mean equal stores.
#[derive(PartialEq)]
pub(super) struct StoreSettings {
    /// The mounts, each with the fingerprint of its credential files.
    pub(super) mounts: Vec<(config::Mount, Option<CredentialFingerprint>)>,
    rules: CacheRules,
    upstream: config::Upstream,
    never_served: Vec<PathBuf>,
}

/// The contents of the credential files of all mounts at one moment, to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFiles(Vec<Option<CredentialFingerprint>>);

impl StoreSettings {
    /// The credential files that were read for the stores.
    pub(super) fn credential_files(&self) -> CredentialFiles {
        CredentialFiles(self.mounts.iter().map(|(_, fingerprint)| *fingerprint).collect())
    }

    /// The credential files now.
    pub(super) fn credential_files_now(&self) -> CredentialFiles {
        CredentialFiles(self.mounts.iter().map(|(mount, _)| fingerprint(&mount.store)).collect())
    }

    /// The names of the buckets, for messages.
    pub(super) fn names_of_buckets(&self) -> Vec<String> {
        let buckets = self.mounts.iter().filter(|(_, fingerprint)| fingerprint.is_some());
        let mut names: Vec<_> = buckets.map(|(mount, _)| mount.store.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            mounts: settings.mounts.iter().map(|mount| (mount.clone(), fingerprint(&mount.store))).collect(),
            rules: settings.cache.clone(),
            upstream: settings.upstream,
            never_served: settings.never_served(),
        }
    }

    /// Whether the mounts of both at `path` are on the same store, with dates of the same kind.
    pub(super) fn is_on_same_store(&self, other: &Self, path: &str) -> bool {
        let [one, other] = [self, other].map(|made| made.mounts.iter().find(|(mount, _)| mount.path == path));
        one.zip(other).is_some_and(|((one, _), (other, _))| {
            one.store.is_same_as(&other.store) && one.last_modified == other.last_modified
        })
    }

    /// Whether there is a mount at the same path, on the same store, with the same credentials.
    pub(super) fn has(&self, (mount, fingerprint): &(config::Mount, Option<CredentialFingerprint>)) -> bool {
        self.mounts.iter().any(|(known, earlier)| {
            known.path == mount.path && known.store.is_same_as(&mount.store) && earlier == fingerprint
        })
    }
}

fn fingerprint(store: &Location) -> Option<CredentialFingerprint> {
    match store {
        Location::Folder(_) => None,
        Location::Bucket(bucket) => Some(CredentialFingerprint::of(bucket)),
    }
}
