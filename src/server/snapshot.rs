//! What a reload replaces: all that the settings say of requests, as one value.
//!
//! A request is answered by the one that it found when its head had come, so that no answer is made of two configurations.
//! Who waits between requests asks anew.

use arc_swap::{ArcSwap, Guard};

use super::limit::client_rules::ClientRules;
use super::metrics::Metrics;
use super::request::authorize::Authorizer;
use crate::asset::AssetPath;
use crate::config::{AccessLog, Limits, PlainServes, Settings};
use crate::store::Stores;

/// What the settings say of requests.
pub(super) struct Snapshot {
    pub(super) stores: Stores,
    pub(super) authorizer: Authorizer,
    pub(super) client_rules: ClientRules,
    pub(super) limits: Limits,
    /// What is served at the addresses without TLS.
    pub(super) plain_serves: PlainServes,
    /// Whether there is an access log.
    pub(super) is_logged: bool,
    /// Under which number the requests for each mount are counted, in the order in which the stores number mounts.
    counted_as: Box<[usize]>,
}

impl Snapshot {
    /// What `settings` say. Who was counted under those `before` is counted on where the rate is the same.
    pub(super) fn of(settings: &Settings, stores: Stores, metrics: &Metrics, before: Option<&Self>) -> Self {
        Self {
            authorizer: Authorizer::of(settings),
            client_rules: ClientRules::of(settings, before.map(|before| &before.client_rules)),
            limits: settings.limits,
            plain_serves: settings.plain_serves,
            is_logged: settings.access_log != AccessLog::Off,
            counted_as: stores.mounts().map(|path| metrics.number_of(path)).collect(),
            stores,
        }
    }

    /// Under which number requests for the asset at `path` are counted.
    pub(super) fn counted_as(&self, path: &AssetPath<'_>) -> Option<usize> {
        self.counted_as.get(self.stores.mount_of(path)?).copied()
    }
}

/// The one that is in force. To look at it takes no lock and no memory that another core writes.
pub(super) struct CurrentSnapshot(ArcSwap<Snapshot>);

impl CurrentSnapshot {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// For a moment; who waits with it in hand makes it [its own](Guard::into_inner).
    pub(super) fn load(&self) -> Guard<std::sync::Arc<Snapshot>> {
        self.0.load()
    }

    pub(super) fn limits(&self) -> Limits {
        self.load().limits
    }

    pub(super) fn store(&self, snapshot: Snapshot) {
        self.0.store(std::sync::Arc::new(snapshot));
    }
}
