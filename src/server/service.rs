//! State that the connections of one listener share on one serving core.

use std::sync::Arc;

use super::connection::watchdog::Watchdog;
use super::limit::connection_limit::Connections;
use super::reporter::Reporter;
use super::shutdown::Shutdown;
use super::snapshot::CurrentSnapshot;
use super::tls::{Challenges, Handshakes};

/// State that the connections of one kind of listener share on one serving core.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) snapshots: Arc<CurrentSnapshot>,
    pub(super) listener: ListenerKind,
    /// For listeners with TLS.
    pub(super) handshakes: Option<Arc<Handshakes>>,
    pub(super) connections: Arc<Connections>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) shutdown: Shutdown,
}

/// What a listener serves.
#[derive(Debug, Clone)]
pub(super) enum ListenerKind {
    /// Assets (`listen`).
    Assets,
    /// ACME challenges, and what `plain_serves` says (`plain_listen`).
    Plain(Arc<Challenges>),
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("limits", &self.snapshots.limits()).finish_non_exhaustive()
    }
}
