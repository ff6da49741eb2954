//! Watches the credential files of buckets, and renews the clients when they change, without a signal.
//!
//! The files are polled by name, as [certificates](crate::server) are: Kubernetes swaps a symbolic link in a folder
//! above, and agents rename files. New credentials are verified with a request before they are used.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::reload::InForce;
use crate::cli::{CommandError, Exit, store_error};
use crate::store::{CredentialFiles, Stores};

/// Time between two polls. A change is read when two polls in a row see the same contents, so that a file that is
/// being written is not read half.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two attempts to use the same contents: new keys may take effect only after a while, and the bucket may
/// be down.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// What was seen of the credential files.
#[derive(Default)]
pub(super) struct CredentialWatch {
    /// At the last poll.
    seen: Option<CredentialFiles>,
    /// The contents that could not be used, and when they were last tried.
    rejected: Option<(CredentialFiles, Instant)>,
}

impl CredentialWatch {
    /// Waits until the files differ from those that `stores` use, and have stopped changing. Waits for ever if no
    /// mount is a bucket.
    pub(super) async fn changed(&mut self, stores: &Stores) {
        if !stores.has_buckets() {
            return std::future::pending().await;
        }
        loop {
            sleep(POLL_INTERVAL).await;
            let polled = stores.clone();
            // The files may lie on a file system that hangs.
            let Ok(now) = spawn_blocking(move || polled.credential_files()).await else { continue };
            let is_settled = self.seen.as_ref() == Some(&now);
            if now == stores.credential_files_in_use() {
                self.rejected = None;
            } else if is_settled && self.is_due(&now) {
                return;
            }
            self.seen = Some(now);
        }
    }

    fn is_due(&self, now: &CredentialFiles) -> bool {
        self.rejected.as_ref().is_none_or(|(files, tried)| files != now || tried.elapsed() >= RETRY_INTERVAL)
    }

    /// Uses the changed files. If they cannot be used, the previous credentials stay in use, which is logged once for
    /// the same contents.
    ///
    /// Dropping the future while it still verifies them changes nothing.
    pub(super) async fn renew(&mut self, in_force: &mut InForce<'_>) {
        match verified(in_force).await {
            Ok(stores) => {
                let names = stores.names_of_buckets();
                in_force.replace_stores(stores).await;
                log::info!("credential files changed; {names} uses the new credentials");
                self.rejected = None;
            }
            Err(failure) => {
                let tried = self.seen.clone();
                let is_known = self.rejected.as_ref().map(|(files, _)| files) == tried.as_ref();
                if !is_known {
                    log::error!(
                        "credential files changed, but cannot be used; still using the previous credentials: {}",
                        failure.message
                    );
                }
                self.rejected = tried.map(|files| (files, Instant::now()));
            }
        }
    }
}

/// Stores with the credentials that the files have now, after a request to each bucket whose files changed.
async fn verified(in_force: &InForce<'_>) -> Result<Stores, CommandError> {
    let (stores, settings) = (in_force.stores.clone(), in_force.settings.clone());
    let opening = spawn_blocking(move || stores.reopen(&settings).map_err(store_error));
    let opened = opening.await.unwrap_or_else(|e| {
        Err(CommandError::new(Exit::System, format_args!("reading credential files was cancelled: {e}")))
    })?;
    opened.verify_new(&in_force.stores).await.map_err(store_error)?;
    Ok(opened)
}
