//! `wamedia serve`: settings, server, signals, graceful shutdown.

mod banner;
mod credential_watch;
mod reload;
mod warnings;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::credential_watch::CredentialWatch;
use self::reload::InForce;
use super::{CommandError, Exit, background, load, print, store_error};
use crate::config::{Flags, Scheme, Settings};
use crate::server::{
    AcmeClient, AcmeError, Admin, CertificateFiles, InheritedSockets, LogWriter, Server, ServiceManager,
    StateError, Tls,
};
use crate::store::{StateAccess, Stores};

/// Host a folder or a bucket
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia serve media-sample
  wamedia serve --config media-sample/wamedia.toml
  wamedia serve media --listen 0.0.0.0:80 --public-url http://media.example.com
  wamedia serve media --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem
  wamedia serve media --domain media.example.com
  wamedia serve media --cache-control max-age=3600 --access-log access.json
  AWS_REGION=eu-west-1 wamedia serve s3://my-media/campaign
  wamedia serve --print-config

--domain obtains a certificate from Let's Encrypt and renews it; by using it you agree to Let's
Encrypt's terms. The name must resolve to this machine, and ports 443 and 80 must reach this
program. The section [acme] of the configuration file sets another authority, a contact address
and the folder for keys.

SIGTERM and SIGINT shut down gracefully: responses in progress may finish. A second signal stops
at once. SIGHUP reloads the configuration, keys and certificates; if there is an error, the server
keeps running with the previous ones.

For a bucket, credentials, region and endpoint come from the environment and the files of the
provider's own tools (AWS_…, GOOGLE_…, AZURE_…), or from its [[mount]] in the configuration file.

Exit codes: 0 stopped by a signal, 2 wrong usage or configuration (also when a bucket denies
access), 3 system error (port in use, folder not readable or writable, bucket not reachable).")]
pub(super) struct Arguments {
    // Not a doc comment: rustdoc would want the URLs in brackets.
    #[arg(
        help = "Folder to host, or s3://BUCKET/PREFIX, gs://… or az://…; replaces the mounts of the configuration file"
    )]
    store: Option<String>,

    /// Address and port, or unix:PATH, to listen on; repeatable [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,

    /// Public base URL of this server; printed links begin with it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Cache-Control of assets that no rule matches [default: no-cache]
    #[arg(long, value_name = "VALUE")]
    cache_control: Option<String>,

    /// Access log: off, text or json (both to stderr), or a file (JSON) [default: text]
    #[arg(long, value_name = "WHERE")]
    access_log: Option<String>,

    /// Certificate chain in PEM, for HTTPS on every --listen; repeatable, one for each --tls-key
    #[arg(long, value_name = "FILE")]
    tls_cert: Vec<String>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Vec<String>,

    /// Host name to obtain a certificate for, repeatable; listens on ports 443 and 80 unless --listen is given
    #[arg(long, value_name = "NAME")]
    domain: Vec<String>,

    /// Address and port of the admin listener: /healthz, /readyz and /metrics [default: none]
    #[arg(long, value_name = "ADDR:PORT")]
    admin: Option<String>,

    /// Print the settings in force as a configuration file, and exit
    #[arg(long)]
    print_config: bool,
}

pub(super) fn run(arguments: Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    let flags = Flags {
        config,
        store: arguments.store,
        listen: arguments.listen,
        public_url: arguments.public_url,
        cache_control: arguments.cache_control,
        access_log: arguments.access_log,
        tls_cert: arguments.tls_cert,
        tls_key: arguments.tls_key,
        admin: arguments.admin,
        domain: arguments.domain,
    };
    let settings = load(&flags)?;
    if arguments.print_config {
        print(&settings.as_file().to_string())?;
        return Ok(Exit::Fine);
    }
    // Before any thread starts: it removes environment variables.
    let passed = InheritedSockets::take().map_err(|e| CommandError::new(Exit::Usage, e))?;
    background()?.block_on(serve(Arc::new(flags), settings, passed))?;
    Ok(Exit::Fine)
}

async fn serve(flags: Arc<Flags>, settings: Settings, passed: InheritedSockets) -> Result<(), CommandError> {
    let system = |e: &dyn std::fmt::Display| CommandError::new(Exit::System, e);
    // Before any port is bound: from here on a signal starts a graceful shutdown.
    let mut signals =
        Signals::listen().map_err(|e| system(&format_args!("cannot listen for signals: {e}")))?;
    let handle = tokio::runtime::Handle::current();
    let stores = Stores::open_all(&settings, StateAccess::Write, &handle).map_err(store_error)?;
    let log = LogWriter::start(&settings.access_log).map_err(|e| system(&e))?;
    // Before buckets are probed, which may log warnings.
    log.install(log::LevelFilter::Info);
    let _closing = Closing(log.clone());
    let supervisor = ServiceManager::find();
    let (tls, certificates, acme) = match secure(&settings)? {
        None => (None, None, None),
        Some((tls, certificates, acme)) => (Some(tls), Some(certificates), acme),
    };
    warnings::log_all(&settings, &stores, tls.as_ref().map(|tls| &**tls.certificates()));
    let probed = tokio::select! {
        probed = stores.probe() => Some(probed),
        _ = signals.next() => None,
    };
    let Some(Ok(())) = probed else {
        // A signal before the start is a normal end.
        return probed.map_or(Ok(()), |probed| probed.map_err(store_error));
    };
    // First, so that the server does not start if the admin listener cannot.
    let admin = match passed.admin() {
        Some(socket) => Some(
            socket.map_err(|e| system(&e)).and_then(|socket| Admin::on(socket).map_err(|e| system(&e)))?,
        ),
        None => settings.admin.map(Admin::bind).transpose().map_err(|e| system(&e))?,
    };
    let server = Server::start(&settings, stores.clone(), log.clone(), tls.as_ref(), &passed)
        .map_err(|e| system(&e))?;
    drop(passed);
    // Through the log writer, not directly: from here on nothing may delay the handling of signals, neither a blocked stderr nor a
    // folder that hangs.
    log.print(banner::text(&settings, &server, admin.as_ref()));
    banner::warn_of_ipv6_only(&server);
    if let Some(address) = banner::ExampleAddress::of(&server) {
        let name = tls.as_ref().and_then(|tls| tls.certificates().example_name());
        let (example, log) = (banner::example(settings.clone(), stores.clone(), address, name), log.clone());
        tokio::spawn(async move { example.await.into_iter().for_each(|line| log.print(line)) });
    }
    if let Some(admin) = admin {
        tokio::spawn(admin.run(server.status()));
    }
    let acme_names = acme.as_ref().map_or_else(Vec::new, |acme| acme.names().to_vec());
    if let Some(acme) = acme {
        // Now that challenges can be answered. The task ends with the runtime.
        tokio::spawn(acme.run());
    }

    supervisor.ready(reload::summary(&settings, &server));
    tokio::spawn(supervisor.clone().run_watchdog(server.liveness()));

    let mut in_force =
        InForce { flags, settings, stores, server: &server, log: log.clone(), certificates, acme_names };
    let name = serve_until_signal(&mut signals, &mut in_force, &supervisor).await;
    let timeout = in_force.settings.limits.drain_timeout.as_secs_f32();
    supervisor.stopping(format!("{name}: shutting down, requests in progress have {timeout} s to finish"));
    log.print(format!(
        "wamedia: {name}: shutting down; requests in progress have {timeout} s to finish (a second signal stops at once)\n",
    ));
    let again = async {
        signals.next().await;
    };
    let stores = in_force.stores.clone();
    match server.drain(again).await {
        0 => {}
        1 => log::warn!("shutdown: 1 response was cut off"),
        cut => log::warn!("shutdown: {cut} responses were cut off"),
    }
    stores.close().await;
    supervisor.close();
    Ok(())
}

/// Flushes the log however the command ends, so that warnings appear before the final error.
struct Closing(LogWriter);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Serves until a signal ends the program, and returns that signal's name. Each SIGHUP reloads the settings; changed credential files
/// are followed without one.
async fn serve_until_signal(
    signals: &mut Signals,
    in_force: &mut InForce<'_>,
    supervisor: &ServiceManager,
) -> &'static str {
    let mut watch = CredentialWatch::default();
    loop {
        let signal = tokio::select! {
            signal = signals.any() => signal,
            () = watch.changed(&in_force.stores) => {
                tokio::select! {
                    () = watch.renew(in_force) => {}
                    name = signals.next() => return name,
                }
                continue;
            }
        };
        if let Some(name) = signal {
            return name;
        }
        supervisor.reloading();
        let reloaded = tokio::select! {
            reloaded = in_force.reload() => reloaded,
            name = signals.next() => return name,
        };
        supervisor.ready(match reloaded {
            Ok(status) => status,
            Err(reason) => format!("configuration rejected; still running with the previous one: {reason}"),
        });
    }
}

/// The parts of HTTPS, if it is configured: certificates, their files (watched from now on), and the ACME client, which runs once
/// addresses are bound.
fn secure(settings: &Settings) -> Result<Option<(Tls, CertificateFiles, Option<AcmeClient>)>, CommandError> {
    if settings.scheme() == Scheme::Http {
        return Ok(None);
    }
    let tls = Tls::default();
    let files = CertificateFiles::load(settings.tls.pairs(), tls.certificates())
        .map_err(|e| CommandError::new(Exit::Usage, e))?;
    tokio::spawn(files.clone().watch());
    if settings.acme.domains.is_empty() {
        return Ok(Some((tls, files, None)));
    }
    let acme = AcmeClient::open(&settings.acme, &tls).map_err(acme_error)?;
    if acme.is_none() {
        log::info!("the certificate files cover all of `acme.domains`: ACME is not used");
    }
    Ok(Some((tls, files, acme)))
}

/// State that cannot be read or written is a system error; any other error is one of the configuration.
fn acme_error(error: AcmeError) -> CommandError {
    let exit = match &error {
        AcmeError::State(StateError::Io { source, .. }) if source.kind() != ErrorKind::NotADirectory => {
            Exit::System
        }
        _ => Exit::Usage,
    };
    CommandError::new(exit, error)
}

/// The signals that end the program, and SIGHUP, which reloads the settings.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next signal; `None` for SIGHUP.
    async fn any(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.hangup.recv() => None,
        }
    }

    /// The next signal that ends the program.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
