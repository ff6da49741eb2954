//! Warnings about settings that are valid but probably a mistake, logged at the start and at each reload.

use std::net::IpAddr;

use crate::check::SharedDates;
use crate::config::{AccessLog, LastModified, Location, Scheme, Settings};
use crate::server::Certificates;
use crate::store::Stores;

/// Logs a warning for each; `certificates` are there where HTTPS is served. Stats folders, so it may block on a disk.
pub(super) fn log_all(settings: &Settings, stores: &Stores, certificates: Option<&Certificates>) {
    if let Some(certificates) = certificates {
        warn_of_links(settings, certificates);
    }
    warn_of_log_file(settings, stores);
    warn_of_shared_dates(settings);
}

/// Warns of links that cannot work: http links where every address serves HTTPS, and hosts without a certificate.
fn warn_of_links(settings: &Settings, certificates: &Certificates) {
    let Some(url) = &settings.public_url else { return };
    let host = url.host();
    if url.scheme() == Scheme::Http {
        if settings.plain_listen.is_empty() {
            log::warn!(
                "public_url is {url}, but every address that the server listens on serves HTTPS; write https:// in it, or add plain_listen"
            );
        }
    } else if host.parse::<IpAddr>().is_err()
        && !host.starts_with('[')
        && !certificates.is_for(host)
        && !settings.acme.domains.iter().any(|domain| domain == host)
    {
        log::warn!(
            "no certificate is for {host}, the host of public_url, so WhatsApp will refuse the printed links; add its \
             certificate, or correct public_url (ignore this if a proxy in front has the certificate)"
        );
    }
}

/// Warns of an access log in a served folder. The log file itself is never served, but rotated copies of it are.
fn warn_of_log_file(settings: &Settings, stores: &Stores) {
    if let AccessLog::File(path) = &settings.access_log
        && let Some(asset) = stores.locate(settings, path)
    {
        log::warn!(
            "access_log is {}, in a served folder: anyone could download rotated files beside it (/{asset}.1); move it to \
             a folder that is not served",
            path.display()
        );
    }
}

/// Warns of folders whose files got one date from a build tool. Looks at some files only, so a large folder does not delay the start.
fn warn_of_shared_dates(settings: &Settings) {
    for mount in &settings.mounts {
        if let (Location::Folder(folder), LastModified::Mtime) = (&mount.store, mount.last_modified)
            && let Some(shared) = SharedDates::sample(folder).shared()
        {
            log::warn!(
                "{} of {} files in {} have the same date, {}, so Last-Modified does not change with a file, and caches that compare \
                 dates keep the old one; set last_modified = \"content\" in the [[mount]], or let the deployment keep the files' own times",
                shared.count,
                shared.of,
                folder.display(),
                shared.date
            );
        }
    }
}
