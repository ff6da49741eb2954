//! Status of a running server, which the admin listener reads.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::limit::connection_limit::Connections;
use super::logging::writer::LogWriter;
use super::metrics::Metrics;
use super::reload_status::ReloadStatus;
use super::snapshot::CurrentSnapshot;
use super::tls::Certificates;

/// What the [`Admin`](super::Admin) listener reports. It outlives the server.
#[derive(Clone)]
pub struct ServerStatus {
    pub(super) snapshots: Arc<CurrentSnapshot>,
    pub(super) reloads: Arc<ReloadStatus>,
    pub(super) connections: Arc<Connections>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) drain: CancellationToken,
    pub(super) log: LogWriter,
    /// Only with HTTPS.
    pub(super) certificates: Option<Arc<Certificates>>,
}

impl ServerStatus {
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }
}

impl fmt::Debug for ServerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStatus").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}
