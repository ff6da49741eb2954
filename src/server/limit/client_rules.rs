//! Settings about clients: trusted proxies, exempt networks, and the request rate.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};

use super::client_identity::{Client, is_unix_peer};
use super::request_rate::RateLimit;
use crate::config::{Networks, Settings, UNIX_PREFIX};
use crate::http::{self, Answer};
use crate::log_throttle::SummaryThrottle;

/// What the settings say about clients.
pub(in crate::server) struct ClientRules {
    trusted_proxies: Networks,
    proxy_protocol: bool,
    exempt: Networks,
    /// `None` if requests are not limited.
    rate: Option<Arc<RateLimit>>,
    rejected: SummaryThrottle<u64>,
    warned_of_proxy: AtomicBool,
}

impl ClientRules {
    /// From `settings`. A rate limit that is the same as `before` keeps what it knows of clients.
    pub(in crate::server) fn of(settings: &Settings, before: Option<&Self>) -> Self {
        if settings.trusted_proxies.contains_all() {
            log::warn!(
                "trusted_proxies contains every address, so any client can forge its address with X-Forwarded-For, and \
                 limits.connections_per_client applies to none; list only the networks of your proxies"
            );
        }
        let (per_second, burst) = (settings.limits.requests_per_second, settings.limits.burst);
        let same = before.and_then(|before| before.rate.as_ref()).filter(|rate| rate.is(per_second, burst));
        Self {
            trusted_proxies: settings.trusted_proxies.clone(),
            proxy_protocol: settings.proxy_protocol,
            exempt: settings.exempt.clone(),
            rate: same.map(Arc::clone).or_else(|| RateLimit::new(per_second, burst).map(Arc::new)),
            rejected: SummaryThrottle::default(),
            warned_of_proxy: AtomicBool::new(false),
        }
    }

    /// Whether every connection begins with a PROXY protocol header.
    pub(in crate::server) fn expects_proxy_header(&self) -> bool {
        self.proxy_protocol
    }

    /// Whether `peer` is a trusted proxy.
    pub(in crate::server) fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.contains(peer)
    }

    /// The client that a connection from `peer` counts for; `None` for a proxy, which has many clients behind it, for a Unix socket, on
    /// which it is not known, and if exempt.
    pub(in crate::server) fn counted(&self, peer: IpAddr) -> Option<Client> {
        (!is_unix_peer(peer) && !self.trusted_proxies.contains(peer) && !self.exempt.contains(peer))
            .then(|| peer.into())
    }

    /// The client for which `peer` forwards a request; `None` if `peer` is the client.
    pub(in crate::server) fn forwarded_for(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if self.trusted_proxies.is_empty() {
            return None;
        }
        let client = http::client_behind(peer, headers, |address| self.trusted_proxies.contains(address));
        (client != peer.to_canonical()).then_some(client)
    }

    /// Admits one more request of the client at `address`, or returns the response that says when to retry.
    ///
    /// If the address is a trusted proxy, it named no client; then the rate of a single client does not apply.
    pub(in crate::server) fn admit(&self, address: IpAddr) -> Result<(), Box<Answer>> {
        let Some(rate) = &self.rate else { return Ok(()) };
        if self.exempt.contains(address) {
            return Ok(());
        }
        if is_unix_peer(address) && !self.trusted_proxies.contains(address) {
            return Ok(());
        }
        if self.trusted_proxies.contains(address) {
            if !self.warned_of_proxy.swap(true, Ordering::Relaxed) {
                let address =
                    if is_unix_peer(address) { UNIX_PREFIX.to_owned() } else { address.to_string() };
                log::warn!(
                    "trusted_proxies: {address} does not send the client's address, so limits.requests_per_second does not apply to \
                     its requests; make it add the address to X-Forwarded-For (logged once; other proxies may do the same)"
                );
            }
            return Ok(());
        }
        rate.admit(address.into()).map_err(|wait| {
            self.rejected.record(
                |count| *count += 1,
                move |count| {
                    log::warn!(
                        "request rate limit reached: {count} answered 429, from {address} and perhaps others \
                     (limits.requests_per_second); list clients that must not be limited in limits.exempt"
                    );
                },
            );
            let mut answer = http::problem(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests from this client; try again later",
            );
            // Whole seconds, rounded up (RFC 9110 section 10.2.3).
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
            Box::new(answer)
        })
    }
}
