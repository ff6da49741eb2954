//! Snapshot of the settings that requests depend on; a reload replaces it as a whole.
//!
//! A request uses the snapshot that was current when its head arrived, so that no response mixes two configurations. Whatever
//! waits between requests loads it again.

use arc_swap::{ArcSwap, Guard};

use super::limit::client_rules::ClientRules;
use super::metrics::Metrics;
use super::request::authorize::Authorizer;
use crate::asset::AssetPath;
use crate::config::{AccessLog, Limits, PlainServes, Settings};
use crate::http::CorsOrigins;
use crate::store::Stores;

/// The settings that requests depend on.
pub(super) struct Snapshot {
    pub(super) stores: Stores,
    pub(super) authorizer: Authorizer,
    pub(super) client_rules: ClientRules,
    pub(super) limits: Limits,
    /// The web pages that may read responses.
    pub(super) cors: CorsOrigins,
    /// What addresses without TLS serve.
    pub(super) plain_serves: PlainServes,
    /// Whether there is an access log.
    pub(super) is_logged: bool,
    /// The numbers under which the requests for each mount are counted, in the order in which the stores number mounts.
    counted_as: Box<[usize]>,
}

impl Snapshot {
    /// From `settings`. A rate limit that is the same as in the snapshot `before` keeps what it knows of clients.
    pub(super) fn of(settings: &Settings, stores: Stores, metrics: &Metrics, before: Option<&Self>) -> Self {
        Self {
            authorizer: Authorizer::of(settings),
            client_rules: ClientRules::of(settings, before.map(|before| &before.client_rules)),
            limits: settings.limits,
            cors: settings.cors.clone(),
            plain_serves: settings.plain_serves,
            is_logged: settings.access_log != AccessLog::Off,
            counted_as: stores.mounts().map(|path| metrics.number_of(path)).collect(),
            stores,
        }
    }

    /// The number under which requests for the asset at `path` are counted.
    pub(super) fn counted_as(&self, path: &AssetPath<'_>) -> Option<usize> {
        self.counted_as.get(self.stores.mount_of(path)?).copied()
    }
}

/// The current snapshot. Loading it takes no lock and reads no memory that another core writes.
pub(super) struct CurrentSnapshot(ArcSwap<Snapshot>);

impl CurrentSnapshot {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// For a short time; to keep it across an await, make it an [`Arc`](Guard::into_inner).
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
