//! From sockets to responses.
//!
//! A request's way: [`listener`] accepts, [`connection`] speaks HTTP/1.1 or HTTP/2 over a [`wire`] that counts and times
//! what passes, [`handler`] turns a request into a response, [`body`] sends it, [`access_log`] tells of it; a [`patrol`]
//! ends what takes too long. Each serving core does all of this by itself, on one thread; no connection ever moves to
//! another.

mod access_log;
mod body;
mod connection;
mod exchange;
mod handler;
mod limits;
mod listener;
mod log_writer;
mod malformed;
mod patrol;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::access_log::AccessLog;
use self::limits::Connections;
pub use self::listener::BindError;
pub use self::log_writer::LogWriter;
use self::patrol::Patrol;
use crate::config::{Limits, Settings};
use crate::store::Stores;

/// A server that is running.
///
/// Dropping it does not end it; [`drain`](Self::drain) does.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    cores: Vec<JoinHandle<()>>,
    stopping: Stopping,
    drain_timeout: Duration,
}

/// The two steps of stopping, known to every part of the server.
#[derive(Debug, Clone, Default)]
struct Stopping {
    /// No new connections and no new requests; what is in flight goes on.
    drain: CancellationToken,
    /// Everything ends here.
    stop: CancellationToken,
}

impl Stopping {
    /// The same, for the connections of one core: each of them looks at it, and what is looked at from several cores is
    /// slow to look at.
    fn of_one_core(&self) -> Self {
        Self { drain: self.drain.child_token(), stop: self.stop.child_token() }
    }
}

/// What every serving core needs to answer requests.
#[derive(Clone)]
struct Service {
    stores: Stores,
    limits: Limits,
    connections: Arc<Connections>,
    access_log: AccessLog,
    /// Of this core's connections.
    patrol: Arc<Patrol>,
    stopping: Stopping,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds every address and starts the serving cores.
    ///
    /// Fails, having bound nothing that outlives the call, where an address cannot be had; the error names it.
    pub fn start(settings: &Settings, stores: Stores, access_log: AccessLog) -> Result<Self, BindError> {
        let threads = settings.threads;
        let bound = listener::bind_all(&settings.listen, threads)?;
        let addresses = bound.addresses;
        let stopping = Stopping::default();
        let service = Service {
            stores,
            limits: settings.limits,
            connections: Arc::new(Connections::new(limits::affordable(settings.limits.connections))),
            access_log,
            patrol: Arc::default(),
            stopping: stopping.clone(),
        };
        let mut cores = Vec::with_capacity(threads);
        for (number, sockets) in bound.cores.into_iter().enumerate() {
            let service = Arc::new(Service {
                patrol: Arc::default(),
                stopping: stopping.of_one_core(),
                ..service.clone()
            });
            let core = std::thread::Builder::new()
                .name(format!("serving-{number}"))
                .spawn(move || run_core(sockets, &service))
                .map_err(BindError::Thread);
            match core {
                Ok(core) => cores.push(core),
                Err(e) => {
                    stopping.drain.cancel();
                    stopping.stop.cancel();
                    return Err(e);
                }
            }
        }
        Ok(Self { addresses, cores, stopping, drain_timeout: settings.limits.drain_timeout })
    }

    /// The addresses that it listens on, with the ports that were chosen where port 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no new connection, lets what is in flight end, and returns when all of it has: after the configured time
    /// at the latest, or as soon as `at_once` says so. What is then still in flight is cut.
    ///
    /// Says whether everything ended by itself.
    pub async fn drain(self, at_once: impl Future<Output = ()>) -> bool {
        self.stopping.drain.cancel();
        let done = Arc::new(Notify::new());
        let all_done = Arc::clone(&done);
        let joining = std::thread::spawn(move || {
            for core in self.cores {
                if core.join().is_err() {
                    log::error!("a serving core panicked");
                }
            }
            all_done.notify_one();
        });
        let by_itself = tokio::select! {
            () = done.notified() => true,
            () = tokio::time::sleep(self.drain_timeout) => false,
            () = at_once => false,
        };
        self.stopping.stop.cancel();
        // The cores drop what they hold and return; nothing in them waits.
        let _ = tokio::task::spawn_blocking(move || joining.join()).await;
        by_itself
    }
}

/// One serving core: a runtime of one thread, and what runs on it until the server stops.
fn run_core(sockets: Vec<std::net::TcpListener>, service: &Arc<Service>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            log::error!("a serving core could not start: {}", io::Error::other(e));
            return;
        }
    };
    runtime.block_on(listener::serve(sockets, service));
}
