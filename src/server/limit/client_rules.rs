//! ClientRules, as limits count them: which addresses are one, whom a proxy asks for, and who is asked no restraint.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};

use super::client::Client;
use super::request_rate::RateLimit;
use crate::config::{Networks, Settings};
use crate::http::{self, Answer};
use crate::log_throttle::SummaryThrottle;

/// What the settings say of clients.
pub(in crate::server) struct ClientRules {
    trusted_proxies: Networks,
    exempt: Networks,
    /// Absent where requests are not limited.
    rate: Option<Arc<RateLimit>>,
    refused: SummaryThrottle<u64>,
    warned_of_silent_proxy: AtomicBool,
}

impl ClientRules {
    /// What `settings` say. A rate that is as it was `before` remembers who has asked how much.
    pub(in crate::server) fn of(settings: &Settings, before: Option<&Self>) -> Self {
        if settings.trusted_proxies.has_everybody() {
            log::warn!(
                "trusted_proxies has every address, so whoever writes an X-Forwarded-For is believed to be whom it names, and \
                 limits.connections_per_client holds for nobody; name the proxies' own networks"
            );
        }
        let (per_second, burst) = (settings.limits.requests_per_second, settings.limits.burst);
        let same = before.and_then(|before| before.rate.as_ref()).filter(|rate| rate.is(per_second, burst));
        Self {
            trusted_proxies: settings.trusted_proxies.clone(),
            exempt: settings.exempt.clone(),
            rate: same.map(Arc::clone).or_else(|| RateLimit::new(per_second, burst).map(Arc::new)),
            refused: SummaryThrottle::default(),
            warned_of_silent_proxy: AtomicBool::new(false),
        }
    }

    /// As whose a connection from `peer` counts; `None` where it counts as nobody's, since a proxy has many clients behind it.
    pub(in crate::server) fn counted(&self, peer: IpAddr) -> Option<Client> {
        (!self.trusted_proxies.contains(peer) && !self.exempt.contains(peer)).then(|| peer.into())
    }

    /// For whom `peer` asks: `None` where for itself.
    pub(in crate::server) fn forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if self.trusted_proxies.is_empty() {
            return None;
        }
        let client = http::client_behind(peer, headers, |address| self.trusted_proxies.contains(address));
        (client != peer.to_canonical()).then_some(client)
    }

    /// Lets one more request of the client at `address` pass, or says when it may come again.
    ///
    /// Where that is a proxy, it did not say for whom it asks, and its many clients are not held to the rate of one.
    pub(in crate::server) fn admit(&self, address: IpAddr) -> Result<(), Box<Answer>> {
        let Some(rate) = &self.rate else { return Ok(()) };
        if self.exempt.contains(address) {
            return Ok(());
        }
        if self.trusted_proxies.contains(address) {
            if !self.warned_of_silent_proxy.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{address} is in trusted_proxies and does not say for whom it asks, so limits.requests_per_second does not \
                     hold for that; have it add the client's address to X-Forwarded-For. (Said once; there may be more such.)"
                );
            }
            return Ok(());
        }
        rate.admit(address.into()).map_err(|wait| {
            self.refused.record(|count| *count += 1, move |count| {
                log::warn!(
                    "{count} requests were told 429, of {address} and perhaps others: they passed limits.requests_per_second; \
                     whom that must not hit belongs in limits.exempt"
                );
            });
            let mut answer =
                http::problem(StatusCode::TOO_MANY_REQUESTS, "this client asks too often; come back later");
            // Whole seconds, and not before the time (RFC 9110 section 10.2.3).
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
            Box::new(answer)
        })
    }
}
