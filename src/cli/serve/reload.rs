//! Reload (SIGHUP): reads the configuration again and applies all of it, or none.
//!
//! Everything that can fail comes before the first change: reading files, opening stores, probing new buckets. Then the new
//! state replaces the old one.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{load, warnings};
use crate::cli::{CommandError, Exit, store_error};
use crate::config::{Flags, Settings};
use crate::server::{CertificateFiles, LoadedCertificates, LogSink, LogWriter, Server};
use crate::store::Stores;

/// The settings in force, and the parts that a reload replaces.
pub(super) struct InForce<'s> {
    pub(super) flags: Arc<Flags>,
    pub(super) settings: Settings,
    pub(super) stores: Stores,
    pub(super) server: &'s Server,
    pub(super) log: LogWriter,
    /// Present where HTTPS is served.
    pub(super) certificates: Option<CertificateFiles>,
    /// The names with a certificate from ACME.
    pub(super) acme_names: Vec<String>,
}

/// A new configuration, read and opened but not applied.
struct Next {
    settings: Settings,
    /// Keys of changed settings that need a restart.
    restart_required: Vec<&'static str>,
    stores: Stores,
    certificates: Option<LoadedCertificates>,
    access_log: LogSink,
}

impl InForce<'_> {
    /// Reads the settings again and applies them; on an error nothing changes. Returns a status for the service manager.
    ///
    /// Dropping the future while it still reads changes nothing.
    pub(super) async fn reload(&mut self) -> Result<String, String> {
        match self.prepare().await {
            Ok(next) => Ok(self.apply(next).await),
            Err(failure) => {
                self.server.reload_rejected();
                log::error!(
                    "SIGHUP: configuration rejected; still running with the previous one: {}",
                    failure.message
                );
                Err(failure.message)
            }
        }
    }

    async fn prepare(&self) -> Result<Next, CommandError> {
        let (flags, running, stores) = (Arc::clone(&self.flags), self.settings.clone(), self.stores.clone());
        let (has_certificates, acme_names) = (self.certificates.is_some(), self.acme_names.clone());
        // The files may be on a file system that hangs.
        let reading = spawn_blocking(move || {
            let mut settings = load(&flags)?;
            let named = settings.acme.domains.clone();
            let restart_required = settings.keep_restart_required(&running);
            // The state folder in use is the running one.
            settings.reject_served_state().map_err(|e| CommandError::new(Exit::Usage, e))?;
            let certificates = has_certificates
                .then(|| CertificateFiles::read(settings.tls.pairs()))
                .transpose()
                .map_err(|e| CommandError::new(Exit::Usage, e))?;
            if let Some(read) = &certificates {
                refuse_to_lose_names(&settings.acme.domains, &named, &acme_names, read)?;
            }
            let stores = stores.reopen(&settings).map_err(store_error)?;
            Ok((settings, restart_required, stores, certificates))
        });
        let broken_off = |e| {
            Err(CommandError::new(Exit::System, format_args!("reading the configuration was cancelled: {e}")))
        };
        let (settings, restart_required, stores, certificates) = reading.await.unwrap_or_else(broken_off)?;
        stores.probe_new(&self.stores).await.map_err(store_error)?;
        // Last, because it creates the file: a rejected configuration leaves none behind.
        let log = settings.access_log.clone();
        let opening =
            spawn_blocking(move || LogSink::open(&log).map_err(|e| CommandError::new(Exit::System, e)));
        let access_log = opening.await.unwrap_or_else(|e| {
            Err(CommandError::new(Exit::System, format_args!("opening the access log was cancelled: {e}")))
        })?;
        Ok(Next { settings, restart_required, stores, certificates, access_log })
    }

    async fn apply(&mut self, next: Next) -> String {
        let Next { settings, restart_required, stores, certificates, access_log } = next;
        self.take_over_cache(&stores).await;
        self.server.apply(&settings, stores.clone());
        self.log.switch_to(access_log);
        if let (Some(files), Some(read)) = (self.certificates.clone(), certificates) {
            // Blocking: the task that watches the files may be reading them.
            let _ = spawn_blocking(move || files.install(read)).await;
        }
        let certificates = self.certificates.as_ref().map(|files| Arc::clone(files.certificates()));
        let (set, opened) = (settings.clone(), stores.clone());
        // Blocking: a folder that hangs must not delay signals.
        let _ = spawn_blocking(move || warnings::log_all(&set, &opened, certificates.as_deref())).await;
        self.settings = settings;
        self.retire(stores);
        for key in &restart_required {
            log::warn!("SIGHUP: `{key}` changed; restart to apply it");
        }
        let except = if restart_required.is_empty() {
            String::new()
        } else {
            format!("; restart to apply {}", restart_required.join(", "))
        };
        log::info!("SIGHUP: configuration reloaded{except}");
        summary(&self.settings, self.server)
    }

    /// Serves from other stores for the same settings.
    pub(super) async fn replace_stores(&mut self, stores: Stores) {
        self.take_over_cache(&stores).await;
        self.server.replace_stores(&self.settings, stores.clone());
        self.retire(stores);
    }

    /// As late as possible, so that the new stores inherit nearly all that the old ones have cached.
    async fn take_over_cache(&self, stores: &Stores) {
        let (heirs, before) = (stores.clone(), self.stores.clone());
        // Blocking: there may be many entries to describe again.
        let _ = spawn_blocking(move || heirs.take_over_cache(&before)).await;
    }

    /// Puts `stores` in place of the old ones.
    fn retire(&mut self, stores: Stores) {
        let before = std::mem::replace(&mut self.stores, stores);
        if !before.is_same_as(&self.stores) {
            // Not awaited. Responses in progress keep what they send. Without this, the last of them would free all the other
            // memory of the old stores, on a serving core.
            spawn_blocking(move || before.release_memory());
        }
    }
}

/// Rejects certificate files that leave a name of `acme.domains` without any certificate: the names for ACME are fixed at the
/// start. Of the `running` names, those count that are still `named`; all of them, where no file is left.
fn refuse_to_lose_names(
    running: &[String],
    named: &[String],
    acme_names: &[String],
    read: &LoadedCertificates,
) -> Result<(), CommandError> {
    let is_lost = |name: &&String| {
        (named.contains(name) || read.is_empty()) && !acme_names.contains(name) && !read.is_for(name)
    };
    running.iter().find(is_lost).map_or(Ok(()), |name| {
        let reason = format_args!(
            "no file of `tls.cert` covers {name} of `acme.domains` any more, and ACME obtains a certificate for it only after \
             a restart; put back a file that covers it, or restart"
        );
        Err(CommandError::new(Exit::Usage, reason))
    })
}

/// The mounts and addresses, as a status for the service manager.
pub(super) fn summary(settings: &Settings, server: &Server) -> String {
    let mounts: Vec<_> =
        settings.mounts.iter().map(|mount| format!("{} at /{}", mount.store, mount.path)).collect();
    let sockets = server.unix_sockets().iter().map(|path| format!("unix:{}", path.display()));
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).chain(sockets).collect();
    format!("serving {} on {}", mounts.join(", "), addresses.join(", "))
}
