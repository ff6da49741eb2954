//! HTTP server: listeners, TLS, connections, requests, limits, logs, metrics, and the admin listener.
//!
//! A request's way: [`accept`] accepts a connection, [`tls`] performs the handshake of HTTPS, [`connection`] serves HTTP/1.1
//! or HTTP/2 and enforces the timeouts, [`request`] turns a request into a response, and the [`reporter`] passes its record to
//! [`logging`] and [`metrics`]. [`limit`] bounds connections and requests. Each serving core does all of this by itself, on one
//! thread; no connection ever moves to another. A reload replaces the [`snapshot`] of the settings.
//!
//! On the background runtime, [`acme`] obtains certificates and [`admin`] serves health checks and metrics.

mod accept;
mod acme;
mod admin;
mod connection;
mod limit;
mod listener;
mod liveness;
mod logging;
mod metrics;
mod reload_status;
mod reporter;
mod request;
mod sd_notify;
mod service;
mod shutdown;
mod snapshot;
mod socket_activation;
mod status;
mod tls;
mod unix_socket;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::Notify;

pub use self::acme::{AcmeClient, AcmeError, StateError};
pub use self::admin::Admin;
use self::connection::watchdog::Watchdog;
use self::limit::connection_limit::Connections;
pub use self::listener::BindError;
pub use self::liveness::Liveness;
use self::liveness::Probes;
pub use self::logging::writer::{LogSink, LogWriter};
use self::metrics::Metrics;
use self::reload_status::ReloadStatus;
use self::reporter::Reporter;
pub use self::sd_notify::ServiceManager;
use self::service::{ListenerKind, Service};
use self::shutdown::Shutdown;
use self::snapshot::{CurrentSnapshot, Snapshot};
pub use self::socket_activation::InheritedSockets;
pub use self::status::ServerStatus;
use self::tls::Handshakes;
pub use self::tls::{
    Certificate, CertificateError, CertificateFiles, CertificateFilesError, CertificateSlot, Certificates,
    ChallengeGuard, Challenges, LoadedCertificates, Tls,
};
use self::unix_socket::SocketFile;
use crate::config::Settings;
use crate::store::Stores;

/// A running server.
///
/// Dropping it does not stop it; [`drain`](Self::drain) does.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    unix: UnixSockets,
    plain_addresses: Vec<SocketAddr>,
    dual_stack: Vec<(SocketAddr, bool)>,
    cores: Vec<JoinHandle<()>>,
    liveness: Liveness,
    shutdown: Shutdown,
    status: ServerStatus,
}

/// The Unix sockets of `listen`. Their files are removed when this is dropped, also if the start fails later.
#[derive(Debug, Default)]
struct UnixSockets {
    paths: Vec<PathBuf>,
    /// Those that this process has bound.
    files: Vec<SocketFile>,
}

impl Drop for UnixSockets {
    fn drop(&mut self) {
        self.files.iter().for_each(SocketFile::remove);
    }
}

impl Server {
    /// Binds every address and starts the serving cores. Requests are logged to `log` if `settings` have an access log. With
    /// `tls`, every address of `listen` serves HTTPS; certificates may be installed later. `inherited` sockets replace addresses.
    ///
    /// Fails if an address cannot be bound; the error names it. Nothing that was bound outlives a failed call.
    pub fn start(
        settings: &Settings,
        stores: Stores,
        log: LogWriter,
        tls: Option<&Tls>,
        inherited: &InheritedSockets,
    ) -> Result<Self, BindError> {
        let threads = settings.threads;
        let is_inherited = !inherited.listen.is_empty() || !inherited.listen_unix.is_empty();
        let mut bound = if is_inherited {
            listener::share_all(&inherited.listen, threads)?
        } else {
            listener::bind_all(&settings.listen, threads)?
        };
        let mut unix = UnixSockets::default();
        for socket in &inherited.listen_unix {
            listener::share_unix(socket, true, &mut bound.cores).map_err(BindError::Thread)?;
            let path = socket.local_addr().ok().and_then(|address| Some(address.as_pathname()?.to_owned()));
            unix.paths.extend(path);
        }
        for path in settings.listen_unix.iter().filter(|_| !is_inherited) {
            let (socket, file) = unix_socket::bind(path)?;
            unix.files.push(file);
            listener::share_unix(&socket, false, &mut bound.cores).map_err(BindError::Thread)?;
            unix.paths.push(path.clone());
        }
        let plain = match &inherited.plain[..] {
            [] => listener::bind_all(&settings.plain_listen, threads)?,
            sockets => listener::share_all(sockets, threads)?,
        };
        let shutdown = Shutdown::default();
        let handshakes = tls.map(Handshakes::new).transpose().map_err(BindError::Tls)?.map(Arc::new);
        let challenges = tls.map(|tls| Arc::clone(tls.challenges())).unwrap_or_default();
        let most = limit::connection_limit::affordable(settings.limits.connections);
        let metrics = Arc::new(Metrics::new(threads));
        let status = ServerStatus {
            snapshots: Arc::new(CurrentSnapshot::new(Snapshot::of(settings, stores, &metrics, None))),
            reloads: Arc::new(ReloadStatus::new()),
            connections: Arc::new(Connections::new(most, settings.limits.connections_per_client)),
            metrics,
            drain: shutdown.drain.clone(),
            log,
            certificates: tls.map(|tls| Arc::clone(tls.certificates())),
        };
        let is_metered = settings.admin.is_some() || inherited.admin.is_some();
        let mut cores = Vec::with_capacity(threads);
        let mut liveness = Liveness::default();
        for (number, (sockets, plain_sockets)) in bound.cores.into_iter().zip(plain.cores).enumerate() {
            let (log, metrics) = (status.log.clone(), Arc::clone(&status.metrics));
            let for_core = shutdown.for_one_core();
            let snapshots = Arc::clone(&status.snapshots);
            let reporter = Reporter::new(snapshots, log, metrics, number, is_metered, for_core.clone());
            let service = Arc::new(Service {
                snapshots: Arc::clone(&status.snapshots),
                listener: ListenerKind::Assets,
                handshakes: handshakes.clone(),
                connections: Arc::clone(&status.connections),
                reporter: Arc::new(reporter),
                watchdog: Arc::<Watchdog>::default(),
                shutdown: for_core,
            });
            let plain_service = Arc::new(Service {
                listener: ListenerKind::Plain(Arc::clone(&challenges)),
                handshakes: None,
                ..Service::clone(&service)
            });
            let endpoints = sockets.into_iter().map(|socket| (socket, Arc::clone(&service)));
            let plain = plain_sockets.into_iter().map(|socket| (socket, Arc::clone(&plain_service)));
            let endpoints: Vec<_> = endpoints.chain(plain).collect();
            let probes = liveness.add_core();
            // Dropped when the core ends, so that a core that ends without a word is not waited for.
            let (started, starting) = std::sync::mpsc::channel();
            let core = std::thread::Builder::new()
                .name(format!("serving-{number}"))
                .spawn(move || run_core(endpoints, &service, probes, &started));
            // All cores must run: the kernel would give connections to the listeners of one that does not.
            match core
                .and_then(|core| starting.recv().unwrap_or_else(|e| Err(io::Error::other(e))).map(|()| core))
            {
                Ok(core) => cores.push(core),
                Err(e) => {
                    shutdown.drain.cancel();
                    shutdown.stop.cancel();
                    for core in cores {
                        let _ = core.join();
                    }
                    return Err(BindError::Thread(e));
                }
            }
        }
        Ok(Self {
            addresses: bound.addresses,
            unix,
            plain_addresses: plain.addresses,
            dual_stack: [bound.dual_stack, plain.dual_stack].concat(),
            cores,
            liveness,
            shutdown,
            status,
        })
    }

    /// Applies new settings, with their stores, to every later request. Requests in flight finish under the previous ones.
    ///
    /// Settings that need a restart keep their value; see [`Settings::keep_restart_required`].
    pub fn apply(&self, settings: &Settings, stores: Stores) {
        let ServerStatus { connections, reloads, .. } = &self.status;
        let most = limit::connection_limit::affordable(settings.limits.connections);
        connections.set_limits(most, settings.limits.connections_per_client);
        self.replace_stores(settings, stores);
        reloads.succeeded();
    }

    /// Serves every later request from `stores`, under the settings in force.
    pub fn replace_stores(&self, settings: &Settings, stores: Stores) {
        let ServerStatus { snapshots, metrics, .. } = &self.status;
        let next = Snapshot::of(settings, stores, metrics, Some(&**snapshots.load()));
        snapshots.store(next);
    }

    /// Counts a reload whose configuration was rejected.
    pub fn reload_rejected(&self) {
        self.status.reloads.failed();
    }

    /// Liveness of the serving cores.
    pub fn liveness(&self) -> Liveness {
        self.liveness.clone()
    }

    /// What the admin listener reports.
    pub fn status(&self) -> ServerStatus {
        self.status.clone()
    }

    /// The paths of the Unix sockets of `listen`.
    pub fn unix_sockets(&self) -> &[PathBuf] {
        &self.unix.paths
    }

    /// The bound addresses of `listen`, with the port that the system chose for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether a bound address accepts IPv4 connections, too, if it is `[::]`; `None` for any other address.
    pub fn is_dual_stack(&self, address: SocketAddr) -> Option<bool> {
        self.dual_stack.iter().find(|(bound, _)| *bound == address).map(|(_, is_dual)| *is_dual)
    }

    /// The bound addresses of `plain_listen`, likewise.
    pub fn plain_addresses(&self) -> &[SocketAddr] {
        &self.plain_addresses
    }

    /// Shuts down gracefully: accepts no new connection, lets requests in flight finish, and returns when all have, after
    /// `limits.drain_timeout` at the latest, or as soon as `at_once` completes. What is still in flight then is cut.
    ///
    /// Returns how many responses were cut.
    pub async fn drain(self, at_once: impl Future<Output = ()>) -> usize {
        let drain_timeout = self.status.snapshots.limits().drain_timeout;
        self.shutdown.drain.cancel();
        // Clients that come now find no server, and try another.
        drop(self.unix);
        let done = Arc::new(Notify::new());
        let all_done = Arc::clone(&done);
        let cores = self.cores;
        let join_all = move || {
            for core in cores {
                if core.join().is_err() {
                    log::error!("a serving core panicked");
                }
            }
            all_done.notify_one();
        };
        let joining = match std::thread::Builder::new().name("draining".into()).spawn(join_all) {
            Ok(joining) => joining,
            Err(e) => {
                log::error!(
                    "what is in flight is cut at once, since no thread can be started to wait for it: {e}"
                );
                self.shutdown.stop.cancel();
                return self.shutdown.cut();
            }
        };
        tokio::select! {
            () = done.notified() => {}
            () = tokio::time::sleep(drain_timeout) => {}
            () = at_once => {}
        }
        self.shutdown.stop.cancel();
        // The cores drop their tasks and return; none of them blocks.
        let _ = tokio::task::spawn_blocking(move || joining.join()).await;
        self.shutdown.cut()
    }
}

/// Runs one serving core, a current-thread runtime, until the server stops. Sends to `started` whether it could start.
fn run_core(
    endpoints: Vec<listener::Endpoint>,
    service: &Service,
    probes: Probes,
    started: &std::sync::mpsc::Sender<io::Result<()>>,
) {
    let prepared = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let _here = runtime.enter();
        let endpoints = accept::register(endpoints)?;
        Ok((runtime, endpoints))
    });
    let (runtime, endpoints) = match prepared {
        Ok(prepared) => prepared,
        Err(e) => return drop(started.send(Err(e))),
    };
    let _ = started.send(Ok(()));
    runtime.spawn(probes.answer());
    runtime.block_on(accept::serve(endpoints, service));
}
