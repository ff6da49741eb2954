//! What may be served like this, and is probably not meant: told in the log, at the start and at each reload.

use std::net::IpAddr;

use crate::config::{AccessLog, Scheme, Settings};
use crate::server::Certificates;
use crate::store::Stores;

/// Tells of everything that is doubtful; of certificates where HTTPS is spoken. Looks at folders, so it may have to wait for a disk.
pub(super) fn tell(settings: &Settings, stores: &Stores, certificates: Option<&Certificates>) {
    if let Some(certificates) = certificates {
        of_links(settings, certificates);
    }
    of_the_log(settings, stores);
}

/// Tells of links that nobody could follow: to where no TLS is spoken, or to a name that no certificate is for.
fn of_links(settings: &Settings, certificates: &Certificates) {
    let Some(url) = &settings.public_url else { return };
    let host = url.host();
    if url.scheme() == Scheme::Http {
        if settings.plain_listen.is_empty() {
            log::warn!(
                "public_url is {url}, and all that is listened on speaks HTTPS; write https:// in it, or add plain_listen"
            );
        }
    } else if host.parse::<IpAddr>().is_err()
        && !host.starts_with('[')
        && !certificates.is_for(host)
        && !settings.acme.domains.iter().any(|domain| domain == host)
    {
        log::warn!(
            "no certificate is for {host}, the host of public_url, so WhatsApp will refuse the links that are printed; add \
             its certificate, or fix public_url (all is well where a proxy in front has the certificate)"
        );
    }
}

/// Tells of a log in a folder that is served. The log itself is hidden there, and what rotation makes of it is not.
fn of_the_log(settings: &Settings, stores: &Stores) {
    if let AccessLog::File(path) = &settings.access_log
        && let Some(asset) = stores.locate(settings, path)
    {
        log::warn!(
            "access_log is {}, in a folder that is served: rotated files beside it could be had by anybody (/{asset}.1); put it \
             into a folder that is not",
            path.display()
        );
    }
}
