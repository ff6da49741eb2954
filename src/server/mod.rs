//! From sockets to responses.
//!
//! A request's way: [`listener`] accepts, [`tls`] secures where that is asked for, [`speaking`] speaks HTTP/1.1 or
//! HTTP/2 over a [`wire`] and a [`gauge`] that tell what passes, [`handler`] turns a request into a response, [`body`]
//! sends it, [`access_log`] tells of it. What is known of a [`connection`] meanwhile tells a [`patrol`] whom to end,
//! since something takes too long. [`limits`] counts connections and [`rate`] requests, of whom [`clients`] says;
//! [`pace`] is about those who take too slowly, [`talk`] about those who say too much. Each serving core does all of
//! this by itself, on one thread; no connection ever moves to another.
//!
//! Beside them, on the background, [`acme`] gets the certificates that nobody put there.

mod acme;
mod admin;
mod connection;
mod limit;
mod listener;
mod logging;
mod metrics;
mod reload_status;
mod request;
mod sd_notify;
mod snapshot;
mod socket_activation;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use self::acme::{AcmeClient, AcmeError, StateError};
pub use self::admin::Admin;
use self::connection::watchdog::Watchdog;
use self::limit::connections::Connections;
pub use self::listener::BindError;
use self::logging::access::Line;
use self::logging::writer::Message;
pub use self::logging::writer::{LogSink, LogWriter};
use self::metrics::{Metrics, OfCore};
use self::reload_status::ReloadStatus;
use self::request::record::Record;
pub use self::sd_notify::ServiceManager;
use self::snapshot::{InForce, Snapshot};
pub use self::socket_activation::InheritedSockets;
use self::tls::Handshakes;
pub use self::tls::{
    Answering, Certificate, CertificateError, CertificateFiles, CertificateFilesError, Certificates,
    CertificatesRead, Challenges, Slot, Tls,
};
use crate::config::Settings;
use crate::store::Stores;

/// A server that is running.
///
/// Dropping it does not end it; [`drain`](Self::drain) does.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    plain_addresses: Vec<SocketAddr>,
    cores: Vec<JoinHandle<()>>,
    pulse: Pulse,
    stopping: Stopping,
    watch: Watch,
}

/// What the [`Admin`] listener tells of.
#[derive(Clone)]
pub struct Watch {
    live: Arc<InForce>,
    reloads: Arc<ReloadStatus>,
    connections: Arc<Connections>,
    meters: Arc<Metrics>,
    drain: CancellationToken,
    log: LogWriter,
    /// There where HTTPS is spoken.
    certificates: Option<Arc<Certificates>>,
}

impl Watch {
    fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("meters", &self.meters).finish_non_exhaustive()
    }
}

/// Tells whether the serving cores do anything at all. It outlives the server.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Vec<mpsc::Sender<oneshot::Sender<()>>>);

impl Pulse {
    /// Waits until every serving core has taken a turn, or has ended.
    pub async fn beat(&self) {
        for core in &self.0 {
            let (answer, answered) = oneshot::channel();
            if core.send(answer).await.is_ok() {
                let _ = answered.await;
            }
        }
    }
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

/// What may be had at an address.
#[derive(Debug, Clone)]
enum Offer {
    Assets,
    /// Answers to certificate authorities, and what `plain_serves` says.
    Plain(Arc<Challenges>),
}

/// What a serving core needs to answer the requests that come in at one kind of address.
#[derive(Clone)]
struct Service {
    live: Arc<InForce>,
    offer: Offer,
    /// What secures connections; there where they are to be secured.
    handshakes: Option<Arc<Handshakes>>,
    connections: Arc<Connections>,
    log: LogWriter,
    meters: Arc<Metrics>,
    /// The number of this core.
    core: usize,
    /// Whether somebody looks at what is counted.
    is_metered: bool,
    /// Of this core's connections.
    patrol: Arc<Watchdog>,
    stopping: Stopping,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("limits", &self.live.limits()).finish_non_exhaustive()
    }
}

impl Service {
    /// Tells of an exchange that has ended.
    fn tell(&self, client: SocketAddr, record: Box<Record>) {
        if self.is_metered {
            self.meters.count(self.core, &record);
        }
        if let Some(line) = Line::of(client, record) {
            self.log.put(Message::Access(line));
        }
    }

    /// What this core counts.
    fn counts(&self) -> &OfCore {
        self.meters.core(self.core)
    }
}

impl Server {
    /// Binds every address and starts the serving cores. Requests are told of to `log`, where `settings` want that. With `tls`,
    /// every address of `listen` speaks HTTPS; certificates may come later. Sockets that were `passed` take the place of addresses.
    ///
    /// Fails, having bound nothing that outlives the call, where an address cannot be had; the error names it.
    pub fn start(
        settings: &Settings,
        stores: Stores,
        log: LogWriter,
        tls: Option<&Tls>,
        passed: &InheritedSockets,
    ) -> Result<Self, BindError> {
        let threads = settings.threads;
        let bound = match &passed.listen[..] {
            [] => listener::bind_all(&settings.listen, threads)?,
            passed => listener::share_all(passed, threads)?,
        };
        let plain = match &passed.plain[..] {
            [] => listener::bind_all(&settings.plain_listen, threads)?,
            passed => listener::share_all(passed, threads)?,
        };
        let stopping = Stopping::default();
        let handshakes = tls.map(Handshakes::new).transpose().map_err(BindError::Tls)?.map(Arc::new);
        let challenges = tls.map(|tls| Arc::clone(tls.challenges())).unwrap_or_default();
        let most = limit::connections::affordable(settings.limits.connections);
        let meters = Arc::new(Metrics::new(threads));
        let watch = Watch {
            live: Arc::new(InForce::new(Snapshot::of(settings, stores, &meters, None))),
            reloads: Arc::new(ReloadStatus::new()),
            connections: Arc::new(Connections::new(most, settings.limits.connections_per_client)),
            meters,
            drain: stopping.drain.clone(),
            log,
            certificates: tls.map(|tls| Arc::clone(tls.certificates())),
        };
        let service = Service {
            live: Arc::clone(&watch.live),
            offer: Offer::Assets,
            handshakes,
            connections: Arc::clone(&watch.connections),
            log: watch.log.clone(),
            meters: Arc::clone(&watch.meters),
            core: 0,
            is_metered: settings.admin.is_some() || passed.admin.is_some(),
            patrol: Arc::default(),
            stopping: stopping.clone(),
        };
        let plain_service = Service { offer: Offer::Plain(challenges), handshakes: None, ..service.clone() };
        let mut cores = Vec::with_capacity(threads);
        let mut pulse = Pulse::default();
        for (number, (sockets, plain_sockets)) in bound.cores.into_iter().zip(plain.cores).enumerate() {
            let (patrol, stopping_here) = (Arc::<Watchdog>::default(), stopping.of_one_core());
            let here = |service: &Service| {
                let (patrol, stopping) = (Arc::clone(&patrol), stopping_here.clone());
                Arc::new(Service { core: number, patrol, stopping, ..service.clone() })
            };
            let (service, plain_service) = (here(&service), here(&plain_service));
            let (ask, asked) = mpsc::channel(1);
            pulse.0.push(ask);
            let endpoints = sockets.into_iter().map(|socket| (socket, Arc::clone(&service)));
            let plain = plain_sockets.into_iter().map(|socket| (socket, Arc::clone(&plain_service)));
            let endpoints: Vec<_> = endpoints.chain(plain).collect();
            // Ends with the core, so that one that says nothing is not waited for.
            let (started, starting) = std::sync::mpsc::channel();
            let core = std::thread::Builder::new()
                .name(format!("serving-{number}"))
                .spawn(move || run_core(endpoints, &service, asked, &started));
            // None is done without, or a part of the connections would find nobody.
            match core
                .and_then(|core| starting.recv().unwrap_or_else(|e| Err(io::Error::other(e))).map(|()| core))
            {
                Ok(core) => cores.push(core),
                Err(e) => {
                    stopping.drain.cancel();
                    stopping.stop.cancel();
                    for core in cores {
                        let _ = core.join();
                    }
                    return Err(BindError::Thread(e));
                }
            }
        }
        Ok(Self {
            addresses: bound.addresses,
            plain_addresses: plain.addresses,
            cores,
            stopping,
            pulse,
            watch,
        })
    }

    /// Puts other settings in force, with their stores, for every request from the next one on. What is under way ends as it began.
    ///
    /// What cannot change while the server runs is left as it is; see [`Settings::keep_what_is_fixed`].
    pub fn apply(&self, settings: &Settings, stores: Stores) {
        let Watch { live, meters, connections, reloads, .. } = &self.watch;
        let most = limit::connections::affordable(settings.limits.connections);
        connections.limit_to(most, settings.limits.connections_per_client);
        let next = Snapshot::of(settings, stores, meters, Some(&**live.now()));
        live.replace(next);
        reloads.taken();
    }

    /// Notes that other settings were refused.
    pub fn refused(&self) {
        self.watch.reloads.refused();
    }

    /// Whether its cores live.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// What there is to be told of it. It outlives the server.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// The addresses of `listen`, with the ports that were chosen where port 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses of `plain_listen`, likewise.
    pub fn plain_addresses(&self) -> &[SocketAddr] {
        &self.plain_addresses
    }

    /// Takes no new connection, lets what is in flight end, and returns when all of it has: after the configured time
    /// at the latest, or as soon as `at_once` says so. What is then still in flight is cut.
    ///
    /// Says whether everything ended by itself.
    pub async fn drain(self, at_once: impl Future<Output = ()>) -> bool {
        let drain_timeout = self.watch.live.limits().drain_timeout;
        self.stopping.drain.cancel();
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
                self.stopping.stop.cancel();
                return false;
            }
        };
        let by_itself = tokio::select! {
            () = done.notified() => true,
            () = tokio::time::sleep(drain_timeout) => false,
            () = at_once => false,
        };
        self.stopping.stop.cancel();
        // The cores drop what they hold and return; nothing in them waits.
        let _ = tokio::task::spawn_blocking(move || joining.join()).await;
        by_itself
    }
}

/// One serving core: a runtime of one thread, and what runs on it until the server stops. Says whether it has `started`.
fn run_core(
    endpoints: Vec<listener::Endpoint>,
    service: &Service,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    started: &std::sync::mpsc::Sender<io::Result<()>>,
) {
    let prepared = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let _here = runtime.enter();
        let endpoints = listener::register(endpoints)?;
        Ok((runtime, endpoints))
    });
    let (runtime, endpoints) = match prepared {
        Ok(prepared) => prepared,
        Err(e) => return drop(started.send(Err(e))),
    };
    let _ = started.send(Ok(()));
    runtime.spawn(async move {
        while let Some(answer) = asked.recv().await {
            let _ = answer.send(());
        }
    });
    runtime.block_on(listener::serve(endpoints, service));
}
