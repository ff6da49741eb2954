//! `wamedia serve`: settings, server, signals, drain.

mod banner;
mod reload;
mod warnings;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::reload::InForce;
use super::{CommandError, Exit, background, load, print, store_error};
use crate::config::{Flags, Scheme, Settings};
use crate::server::{
    AcmeClient, AcmeError, Admin, CertificateFiles, InheritedSockets, LogWriter, Server, ServiceManager,
    StateError, Tls,
};
use crate::store::Stores;

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

--domain gets a certificate from Let's Encrypt and renews it; whoever uses it agrees to Let's
Encrypt's terms. The name must lead to this machine, and ports 443 and 80 to this program. Another
authority, a contact and where keys are kept: [acme] in the configuration file.

SIGTERM and SIGINT end it gently: what is in flight may end. A second one ends it at once.
SIGHUP reads the configuration, keys and certificates again; one that is wrong is refused, and
the one before goes on.

For a bucket, credentials, region and endpoint come from the environment and the files of the
provider's own tools (AWS_…, GOOGLE_…, AZURE_…), or from its [[mount]] in the configuration file.

Exit codes: 0 it was told to end and did, 2 wrong usage or configuration (a bucket that refuses us, too),
3 the system failed it (a port in use, a folder that cannot be read or written, a bucket that cannot be reached).")]
pub(super) struct Arguments {
    // Not a doc comment, which would have to put the URLs into brackets.
    #[arg(
        help = "The folder to host, or s3://BUCKET/PREFIX, gs://… or az://…, instead of the mounts in the file"
    )]
    store: Option<String>,

    /// Address and port to listen on, repeatable [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,

    /// How the world reaches this server; links are built from it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// What caches may do with an asset that no rule matches [default: no-cache]
    #[arg(long, value_name = "VALUE")]
    cache_control: Option<String>,

    /// Where requests are logged: off, text or json (both on stderr), or a file (JSON) [default: text]
    #[arg(long, value_name = "WHERE")]
    access_log: Option<String>,

    /// Certificate chain in PEM, for HTTPS on every --listen; repeatable, one for each --tls-key
    #[arg(long, value_name = "FILE")]
    tls_cert: Vec<String>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Vec<String>,

    /// Name to get a certificate for and be reached by, repeatable; listens on ports 443 and 80 unless told otherwise
    #[arg(long, value_name = "NAME")]
    domain: Vec<String>,

    /// Address and port for /healthz, /readyz and /metrics, apart from what is served [default: none]
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
    // Before there are threads.
    let passed = InheritedSockets::take().map_err(|e| CommandError::new(Exit::Usage, e))?;
    background()?.block_on(serve(Arc::new(flags), settings, passed))?;
    Ok(Exit::Fine)
}

async fn serve(flags: Arc<Flags>, settings: Settings, passed: InheritedSockets) -> Result<(), CommandError> {
    let system = |e: &dyn std::fmt::Display| CommandError::new(Exit::System, e);
    // Before anything is bound: from here on a signal means drain, not death.
    let mut signals =
        Signals::listen().map_err(|e| system(&format_args!("signals cannot be received: {e}")))?;
    let stores = Stores::open_all(&settings, &tokio::runtime::Handle::current()).map_err(store_error)?;
    let log = LogWriter::start(&settings.access_log).map_err(|e| system(&e))?;
    // Before the buckets are asked: there may be something to warn of.
    log.take_notices(log::LevelFilter::Info);
    let _closing = Closing(log.clone());
    let supervisor = ServiceManager::find();
    let (tls, certificates, acme) = match secure(&settings)? {
        None => (None, None, None),
        Some((tls, certificates, acme)) => (Some(tls), Some(certificates), acme),
    };
    warnings::tell(&settings, &stores, tls.as_ref().map(|tls| &**tls.certificates()));
    let probed = tokio::select! {
        probed = stores.probe() => Some(probed),
        _ = signals.next() => None,
    };
    let Some(Ok(())) = probed else {
        // Told to end before it began is told to end.
        return probed.map_or(Ok(()), |probed| probed.map_err(store_error));
    };
    // First, so that nothing is served yet where it cannot be had.
    let admin = match passed.admin() {
        Some(socket) => Some(
            socket.map_err(|e| system(&e)).and_then(|socket| Admin::on(socket).map_err(|e| system(&e)))?,
        ),
        None => settings.admin.map(Admin::bind).transpose().map_err(|e| system(&e))?,
    };
    let server = Server::start(&settings, stores.clone(), log.clone(), tls.as_ref(), &passed)
        .map_err(|e| system(&e))?;
    drop(passed);
    // Not written here: from here on nothing may keep a signal from being heeded, a stderr that nobody reads included, nor a folder
    // that does not answer.
    log.say(banner::text(&settings, &server, admin.as_ref()));
    if let Some(&address) = server.addresses().first() {
        let name = tls.as_ref().and_then(|tls| tls.certificates().example_name());
        let (example, log) = (banner::example(settings.clone(), stores.clone(), address, name), log.clone());
        tokio::spawn(async move { example.await.into_iter().for_each(|line| log.say(line)) });
    }
    if let Some(admin) = admin {
        tokio::spawn(admin.run(server.watch()));
    }
    let got_for = acme.as_ref().map_or_else(Vec::new, |acme| acme.names().to_vec());
    if let Some(acme) = acme {
        // Now that authorities find somebody who answers. It is dropped with the runtime, wherever it is.
        tokio::spawn(acme.run());
    }

    supervisor.ready(reload::summary(&settings, &server));
    tokio::spawn(supervisor.clone().keep_telling(server.pulse()));

    let mut in_force =
        InForce { flags, settings, stores, server: &server, log: log.clone(), certificates, got_for };
    let name = serve_until_told(&mut signals, &mut in_force, &supervisor).await;
    let patience = in_force.settings.limits.drain_timeout.as_secs_f32();
    supervisor.stopping(format!("{name}: what is in flight has {patience} s to end"));
    log.say(format!(
        "wamedia: {name}: taking no new connections; what is in flight has {patience} s to end (once more ends it at once)\n",
    ));
    let again = async {
        signals.next().await;
    };
    if !server.drain(again).await {
        log::warn!("some responses were cut");
    }
    supervisor.close();
    Ok(())
}

/// Has the log written to its end, however the command ends: what was warned of is told before what it ended with.
struct Closing(LogWriter);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Lets the server serve, under new settings whenever it is told to read them, until it is told to end: by the signal of this
/// name.
async fn serve_until_told(
    signals: &mut Signals,
    in_force: &mut InForce<'_>,
    supervisor: &ServiceManager,
) -> &'static str {
    loop {
        if let Some(name) = signals.any().await {
            return name;
        }
        supervisor.reloading();
        let reloaded = tokio::select! {
            reloaded = in_force.reload() => reloaded,
            name = signals.next() => return name,
        };
        supervisor.ready(match reloaded {
            Ok(status) => status,
            Err(reason) => format!("goes on as before, since the configuration is refused: {reason}"),
        });
    }
}

/// What HTTPS takes, if it is to be spoken: certificates, their files, which are looked after from now on, and who gets other
/// certificates once addresses are bound.
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
        log::info!("the certificate files are for all of `acme.domains`: no other certificate is asked for");
    }
    Ok(Some((tls, files, acme)))
}

/// State that the system will not read or write is the system's failure; any other is one of the settings.
fn acme_error(error: AcmeError) -> CommandError {
    let exit = match &error {
        AcmeError::State(StateError::Io { source, .. }) if source.kind() != ErrorKind::NotADirectory => {
            Exit::System
        }
        _ => Exit::Usage,
    };
    CommandError::new(exit, error)
}

/// The signals that end the program, and the one that has it read its settings again.
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

    /// The next; `None` for the one to read settings again.
    async fn any(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.hangup.recv() => None,
        }
    }

    /// The next that ends the program.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
