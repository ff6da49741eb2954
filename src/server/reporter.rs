//! Reports requests to the access log and to the metrics.

use std::net::SocketAddr;
use std::sync::Arc;

use super::logging::access::AccessLine;
use super::logging::writer::{LogWriter, Message};
use super::metrics::{CoreMetrics, Metrics};
use super::request::record::Record;
use super::shutdown::Shutdown;
use super::snapshot::CurrentSnapshot;

/// Where one serving core reports its requests. Connections hold it instead of all that they share.
pub(super) struct Reporter {
    snapshots: Arc<CurrentSnapshot>,
    log: LogWriter,
    metrics: Arc<Metrics>,
    /// The number of this core.
    core: usize,
    is_metered: bool,
    shutdown: Shutdown,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").field("core", &self.core).finish_non_exhaustive()
    }
}

impl Reporter {
    /// For the core of this number. `is_metered` says whether an admin listener exposes the metrics.
    pub(super) fn new(
        snapshots: Arc<CurrentSnapshot>,
        log: LogWriter,
        metrics: Arc<Metrics>,
        core: usize,
        is_metered: bool,
        shutdown: Shutdown,
    ) -> Self {
        Self { snapshots, log, metrics, core, is_metered, shutdown }
    }

    /// The signals of a shutdown.
    pub(super) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Reports a request that has ended.
    pub(super) fn report(&self, client: SocketAddr, record: Box<Record>) {
        if self.is_metered {
            self.metrics.count(self.core, &record);
        }
        if let Some(line) = AccessLine::of(client, record) {
            self.log.put(Message::Access(line));
        }
    }

    /// Whether the current settings have an access log.
    pub(super) fn is_logged(&self) -> bool {
        self.snapshots.load().is_logged
    }

    /// Whether an admin listener exposes the metrics.
    pub(super) fn is_metered(&self) -> bool {
        self.is_metered
    }

    /// The counters of this core.
    pub(super) fn counters(&self) -> &CoreMetrics {
        self.metrics.core(self.core)
    }
}
