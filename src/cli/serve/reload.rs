//! Settings that are read again while the server runs: all of them take effect, or none.
//!
//! Everything that can fail is done before anything is changed: reading, opening, asking new buckets. What is left then is to
//! put it in the place of what was.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{load, warnings};
use crate::cli::{CommandError, Exit, store_error};
use crate::config::{Flags, Settings};
use crate::server::{CertificateFiles, CertificatesRead, LogSink, LogWriter, Server};
use crate::store::Stores;

/// What is in force, and what is needed to put something else in its place.
pub(super) struct InForce<'s> {
    pub(super) flags: Arc<Flags>,
    pub(super) settings: Settings,
    pub(super) stores: Stores,
    pub(super) server: &'s Server,
    pub(super) log: LogWriter,
    /// Where HTTPS is spoken.
    pub(super) certificates: Option<CertificateFiles>,
    /// The names that certificates are got for by ACME.
    pub(super) got_for: Vec<String>,
}

/// What takes its place.
struct Next {
    settings: Settings,
    /// Keys of what was to be otherwise and cannot be.
    fixed: Vec<&'static str>,
    stores: Stores,
    certificates: Option<CertificatesRead>,
    access_log: LogSink,
}

impl InForce<'_> {
    /// Reads the settings again and puts them in force; where that fails, all stays as it is. Says in a few words what came of it.
    ///
    /// Dropped while it still reads, it has changed nothing.
    pub(super) async fn reload(&mut self) -> Result<String, String> {
        match self.prepare().await {
            Ok(next) => Ok(self.change_to(next).await),
            Err(failure) => {
                self.server.refused();
                log::error!(
                    "SIGHUP: the configuration is refused, and the one before goes on: {}",
                    failure.message
                );
                Err(failure.message)
            }
        }
    }

    async fn prepare(&self) -> Result<Next, CommandError> {
        let (flags, running, stores) = (Arc::clone(&self.flags), self.settings.clone(), self.stores.clone());
        let (has_certificates, got_for) = (self.certificates.is_some(), self.got_for.clone());
        // Files may lie on what does not answer.
        let reading = spawn_blocking(move || {
            let mut settings = load(&flags)?;
            let named = settings.acme.domains.clone();
            let fixed = settings.keep_what_is_fixed(&running);
            let certificates = has_certificates
                .then(|| CertificateFiles::read(settings.tls.pairs()))
                .transpose()
                .map_err(|e| CommandError::new(Exit::Usage, e))?;
            if let Some(read) = &certificates {
                refuse_to_lose_names(&settings.acme.domains, &named, &got_for, read)?;
            }
            let stores = stores.reopen(&settings).map_err(store_error)?;
            Ok((settings, fixed, stores, certificates))
        });
        let broken_off =
            |e| Err(CommandError::new(Exit::System, format_args!("reading it was broken off: {e}")));
        let (settings, fixed, stores, certificates) = reading.await.unwrap_or_else(broken_off)?;
        stores.probe_new(&self.stores).await.map_err(store_error)?;
        // Last, since it makes the file: what is refused leaves none behind.
        let log = settings.access_log.clone();
        let opening =
            spawn_blocking(move || LogSink::open(&log).map_err(|e| CommandError::new(Exit::System, e)));
        let access_log = opening.await.unwrap_or_else(|e| {
            Err(CommandError::new(Exit::System, format_args!("opening the log was broken off: {e}")))
        })?;
        Ok(Next { settings, fixed, stores, certificates, access_log })
    }

    async fn change_to(&mut self, next: Next) -> String {
        let Next { settings, fixed, stores, certificates, access_log } = next;
        let (heirs, before) = (stores.clone(), self.stores.clone());
        // Not before now, so that little is missed of what was read meanwhile; and there may be much to describe anew.
        let _ = spawn_blocking(move || heirs.take_over(&before)).await;
        self.server.apply(&settings, stores.clone());
        self.log.turn_to(access_log);
        if let (Some(files), Some(read)) = (self.certificates.clone(), certificates) {
            // Whoever looks after the files may be looking at them.
            let _ = spawn_blocking(move || files.show(read)).await;
        }
        let certificates = self.certificates.as_ref().map(|files| Arc::clone(files.certificates()));
        let (set, opened) = (settings.clone(), stores.clone());
        // A folder that does not answer is to keep no signal waiting.
        let _ = spawn_blocking(move || warnings::tell(&set, &opened, certificates.as_deref())).await;
        self.settings = settings;
        let before = std::mem::replace(&mut self.stores, stores);
        if !before.are(&self.stores) {
            // Nobody waits for it. Who still answers under the settings before has what it sends, and would be the one to give all
            // that memory back, on a serving core, if it were not done here.
            spawn_blocking(move || before.let_go());
        }
        for key in &fixed {
            log::warn!("SIGHUP: `{key}` is otherwise now, and that takes a restart: it stays as it was");
        }
        let but = if fixed.is_empty() { String::new() } else { format!(", but for {}", fixed.join(", ")) };
        log::info!("SIGHUP: the configuration was read again and is in force{but}");
        summary(&self.settings, self.server)
    }
}

/// Refuses files that leave a name of `acme.domains` without its only certificate: who gets certificates, and for which names, is
/// settled at the start. Of `running` names, those count that are `named` still, and all where there is no file at all.
fn refuse_to_lose_names(
    running: &[String],
    named: &[String],
    got_for: &[String],
    read: &CertificatesRead,
) -> Result<(), CommandError> {
    let is_lost = |name: &&String| {
        (named.contains(name) || read.is_empty()) && !got_for.contains(name) && !read.is_for(name)
    };
    running.iter().find(is_lost).map_or(Ok(()), |name| {
        let reason = format_args!(
            "no file of `tls.cert` would be for {name} of `acme.domains` any more, and another certificate is got for it only \
             after a restart; put back a file that is for it, or restart"
        );
        Err(CommandError::new(Exit::Usage, reason))
    })
}

/// What is served where, in a few words.
pub(super) fn summary(settings: &Settings, server: &Server) -> String {
    let mounts: Vec<_> =
        settings.mounts.iter().map(|mount| format!("{} at /{}", mount.store, mount.path)).collect();
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    format!("serves {} on {}", mounts.join(", "), addresses.join(", "))
}
