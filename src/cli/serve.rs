//! `wamedia serve`: settings, server, signals, drain.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Exit, Failure, background, load, print, store_failure};
use crate::config::{self, Flags, PublicUrl, Settings};
use crate::server::{AccessLog, LogWriter, Server};
use crate::store::{Ask, Stores, Want};
use crate::whatsapp;

/// Host a folder or a bucket
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia serve media-sample
  wamedia serve --config media-sample/wamedia.toml
  wamedia serve media --listen 0.0.0.0:80 --public-url http://media.example.com
  wamedia serve media --cache-control max-age=3600 --access-log access.json
  AWS_REGION=eu-west-1 wamedia serve s3://my-media/campaign
  wamedia serve --print-config

SIGTERM and SIGINT end it gently: what is in flight may end. A second one ends it at once.

For a bucket, credentials, region and endpoint come from the environment and the files of the
provider's own tools (AWS_…, GOOGLE_…, AZURE_…), or from its [[mount]] in the configuration file.

Exit codes: 0 it was told to end and did, 2 wrong usage or configuration (a bucket that refuses us, too),
3 the system failed it (a port in use, a folder that cannot be read, a bucket that cannot be reached).")]
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

    /// Print the settings in force as a configuration file, and exit
    #[arg(long)]
    print_config: bool,
}

pub(super) fn run(arguments: Arguments, config: Option<PathBuf>) -> Result<Exit, Failure> {
    let flags = Flags {
        config,
        store: arguments.store,
        listen: arguments.listen,
        public_url: arguments.public_url,
        cache_control: arguments.cache_control,
        access_log: arguments.access_log,
    };
    let settings = load(&flags)?;
    if arguments.print_config {
        print(&settings.as_file().to_string())?;
        return Ok(Exit::Fine);
    }
    background()?.block_on(serve(&settings))?;
    Ok(Exit::Fine)
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    let system = |e: &dyn std::fmt::Display| Failure::new(Exit::System, e);
    // Before anything is bound: from here on a signal means drain, not death.
    let mut signals =
        Signals::listen().map_err(|e| system(&format_args!("signals cannot be received: {e}")))?;
    let stores = Stores::open_all(settings, &tokio::runtime::Handle::current()).map_err(store_failure)?;
    let log = LogWriter::start(&settings.access_log).map_err(|e| system(&e))?;
    // Before the buckets are asked: there may be something to warn of.
    log.take_notices(log::LevelFilter::Info);
    let probed = tokio::select! {
        probed = stores.probe() => Some(probed),
        _ = signals.next() => None,
    };
    let Some(Ok(())) = probed else {
        // What was warned of is told before what it ended with.
        log.close();
        // Told to end before it began is told to end.
        return probed.map_or(Ok(()), |probed| probed.map_err(store_failure));
    };
    let access_log = AccessLog::new((settings.access_log != config::AccessLog::Off).then(|| log.clone()));
    let server = Server::start(settings, stores.clone(), access_log).map_err(|e| system(&e))?;
    // Not written here: from here on nothing may keep a signal from being heeded, a stderr that nobody reads included.
    log.say(greeting(settings, &server, &stores).await);

    let name = signals.next().await;
    log.say(format!(
        "wamedia: {name}: taking no new connections; what is in flight has {} s to end (once more ends it at once)\n",
        settings.limits.drain_timeout.as_secs_f32()
    ));
    let again = async {
        signals.next().await;
    };
    if !server.drain(again).await {
        log::warn!("some responses were cut");
    }
    log.close();
    Ok(())
}

/// The signals that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// What is served where, what WhatsApp will do with it, and a link to try.
async fn greeting(settings: &Settings, server: &Server, stores: &Stores) -> String {
    let mut text = format!("wamedia {}\n", env!("CARGO_PKG_VERSION"));
    for mount in &settings.mounts {
        let _ = writeln!(text, "  serves     {} at /{}", mount.store, mount.path);
    }
    for address in server.addresses() {
        let _ = writeln!(text, "  listens    http://{address}");
    }
    let _ = writeln!(text, "  policies, the first that matches counts:");
    let rules = settings.cache.rules.iter().map(|rule| (rule.pattern(), rule.policy()));
    let rows: Vec<_> = rules
        .chain([
            ("anything else", &settings.cache.default),
            ("?v= of the current version", &settings.cache.versioned),
        ])
        .map(|(what, policy)| (what, policy.as_str(), whatsapp::Treatment::under(policy).to_string()))
        .collect();
    let width = |column: fn(&(&str, &str, String)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (what_width, policy_width) = (width(|row| row.0.chars().count()), width(|row| row.1.len()));
    for (what, policy, meaning) in &rows {
        let _ = writeln!(text, "    {what:what_width$}  {policy:policy_width$}  {meaning}");
    }
    if let Some(link) = example(settings, server, stores).await {
        let _ = writeln!(text, "  try        curl -I '{link}'");
    }
    text
}

/// A link to some asset, on the address that this machine can reach.
async fn example(settings: &Settings, server: &Server, stores: &Stores) -> Option<String> {
    let path = stores.example(settings)?;
    let opened = stores.open(&path, Want::Head, Ask::Usual, Instant::now()).await.ok()?;
    let address = server.addresses().first()?;
    Some(PublicUrl::of_address(*address).link(&path, Some(&opened.asset().version)))
}
