//! Sends the series of probe requests to the server of a URL.
//!
//! All requests are GET or HEAD without cookies, referrer or credentials. Redirects are followed only to report where they end.

use std::fs::File;
use std::net::IpAddr;
use std::time::SystemTime;

use hyper::Method;
use hyper::header::{
    ACCEPT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RANGE,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::{Instant, timeout_at};

pub use super::fetch::Limits;
pub use super::tls::Trust;

use super::fetch::{ExchangeError, RequestParts, Sink, Target, exchange};
use super::transcript::{Answer, BodyEnd, Exchange, Failure, Handshake, Probe, Transcript};
use super::{address, expiry, redirect, resolve};
use crate::whatsapp::url_syntax;

/// The User-Agent of Meta's fetcher.
const FETCHER: &str = crate::whatsapp::USER_AGENTS[0];
/// The User-Agent of wamedia.
const OWN_AGENT: &str = concat!("wamedia/", env!("CARGO_PKG_VERSION"));
/// An entity tag that no server has.
const UNKNOWN_TAG: &str = "\"wamedia-check-unknown-etag\"";
/// Maximum number of redirects to follow.
const HOPS: usize = 5;

/// The result of a probe.
#[derive(Debug)]
pub struct Probed {
    /// All requests and responses.
    pub transcript: Transcript,
    /// The body of the first response, if its status was 200 and the body complete.
    pub body: Option<File>,
}

/// Why a probe was not possible. The fault is on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// This machine trusts no certificate authority.
    #[error(
        "this machine trusts no certificate authorities; install them (on Debian: apt install ca-certificates), or set \
         SSL_CERT_FILE to a PEM file"
    )]
    NoTrust,
    /// This machine has no network route to the host.
    #[error("{0}; run the check on a machine that has a route")]
    NoRoute(String),
    /// The temporary file for the body could not be written.
    #[error("a temporary file cannot be written: {0}; free disk space, or set TMPDIR to another folder")]
    File(std::io::Error),
}

/// Sends all probe requests for a URL.
///
/// A server that cannot be reached is a result, not an error.
pub async fn probe(link: &str, trust: Option<&Trust>, limits: &Limits) -> Result<Probed, ProbeError> {
    let mut server = match Server::find(link, trust, limits).await? {
        Ok(server) => server,
        Err(transcript) => return Ok(Probed { transcript, body: None }),
    };
    let body = server.send_all().await?;
    let Server { mut transcript, deadline, .. } = server;
    if let Some(location) = location(transcript.answer(Probe::Fetch)) {
        let start = Start { link, is_public: is_public(&transcript.addresses) };
        transcript.leads_to = start.follow(&location, trust, limits, deadline).await;
    }
    Ok(Probed { transcript, body })
}

/// Sends one GET for a URL and reads only the head of the response.
///
/// The transcript has no exchange if the URL is malformed.
pub async fn probe_head(
    link: &str,
    trust: Option<&Trust>,
    limits: &Limits,
) -> Result<Transcript, ProbeError> {
    let mut server = match Server::find(link, trust, limits).await? {
        Ok(server) => server,
        Err(transcript) => return Ok(transcript),
    };
    server.send(Probe::Fetch, Sink::None).await?;
    Ok(server.transcript)
}

/// Parses a URL; `None` if it is too malformed to request.
fn requestable(link: &str) -> Option<url_syntax::Url<'_>> {
    let (url, remarks) = url_syntax::read(link);
    // Spaces and non-ASCII letters are percent-encoded for the request and reported. Without a valid host there is no server to ask.
    url.filter(|_| !remarks.iter().any(|remark| remark.has_no_valid_host()))
}

/// Characters that a request line must not contain. Percent signs stay, because the link may already be encoded.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn target(url: &url_syntax::Url<'_>, addresses: Vec<IpAddr>) -> Target {
    let path = if url.path.is_empty() { "/" } else { url.path };
    let mut path_and_query = utf8_percent_encode(path, ENCODED).to_string();
    if !url.query.is_empty() {
        path_and_query.push('?');
        path_and_query.extend(utf8_percent_encode(url.query, ENCODED));
    }
    Target {
        is_https: url.is_https,
        host: url.host.to_owned(),
        port: url.port.unwrap_or(if url.is_https { 443 } else { 80 }),
        addresses,
        path_and_query,
    }
}

fn is_public(addresses: &[IpAddr]) -> bool {
    addresses.iter().all(|address| address::restricted(*address).is_none())
}

/// A probe in progress.
struct Server<'a> {
    target: Target,
    trust: Option<&'a Trust>,
    limits: &'a Limits,
    deadline: Instant,
    transcript: Transcript,
    /// Whether the link grants access to anyone who has it.
    is_secret: bool,
}

impl<'a> Server<'a> {
    /// Resolves the server of a URL. Returns the transcript so far if that fails.
    async fn find(
        link: &str,
        trust: Option<&'a Trust>,
        limits: &'a Limits,
    ) -> Result<Result<Self, Transcript>, ProbeError> {
        let mut transcript = Transcript {
            link: link.to_owned(),
            began: SystemTime::now(),
            addresses: Vec::new(),
            dead_addresses: Vec::new(),
            handshake: None,
            exchanges: Vec::new(),
            leads_to: None,
        };
        let Some(url) = requestable(link) else { return Ok(Err(transcript)) };
        let deadline = Instant::now() + limits.overall;
        let addresses = match resolve::addresses(url.host, limits.connect).await {
            Ok(addresses) => addresses,
            Err(failure) => {
                transcript.exchanges.push(Exchange { probe: Probe::Fetch, outcome: Err(failure) });
                return Ok(Err(transcript));
            }
        };
        if url.is_https && trust.is_none() {
            return Err(ProbeError::NoTrust);
        }
        transcript.addresses.clone_from(&addresses);
        let target = target(&url, addresses);
        let is_secret = expiry::is_signed(url.query);
        Ok(Ok(Self { target, trust, limits, deadline, transcript, is_secret }))
    }

    /// Sends all probes and returns the body of the first response.
    async fn send_all(&mut self) -> Result<Option<File>, ProbeError> {
        let mut file = tempfile::tempfile().map_err(ProbeError::File)?;
        self.send(Probe::Fetch, Sink::File(&mut file)).await?;
        if !self.is_unreachable() {
            for probe in [Probe::OtherAgent, Probe::NoAgent] {
                self.send(probe, Sink::None).await?;
            }
        }
        let Some(first) = self.transcript.answer(Probe::Fetch).cloned() else { return Ok(None) };
        let is_whole = first.status == 200 && first.body.end == BodyEnd::Complete;
        if is_whole {
            self.send_rest(&first).await?;
        }
        Ok(is_whole.then_some(file))
    }

    /// Whether the first probe did not reach an HTTP server, so that further probes are useless.
    fn is_unreachable(&self) -> bool {
        use Failure::{Connect, ConnectTimeout, Lookup, NoRoute, Tls};
        let outcome = self.transcript.outcome(Probe::Fetch);
        matches!(outcome, None | Some(Err(Lookup(_) | Connect(_) | ConnectTimeout | NoRoute(_) | Tls(_))))
    }

    /// Sends the probes that make sense only after a complete 200.
    async fn send_rest(&mut self, first: &Answer) -> Result<(), ProbeError> {
        for probe in [Probe::Head, Probe::FirstByte, Probe::LastByte, Probe::Compressed] {
            self.send(probe, Sink::None).await?;
        }
        if first.fields.contains_key(ETAG) {
            self.send(Probe::SameTag, Sink::None).await?;
            self.send(Probe::OtherTag, Sink::None).await?;
        }
        if first.fields.contains_key(LAST_MODIFIED) {
            self.send(Probe::SameDate, Sink::None).await?;
        }
        self.send(Probe::Again, Sink::Hash).await
    }

    /// Sends one probe and records the outcome. Does nothing once the overall timeout has passed.
    async fn send(&mut self, probe: Probe, sink: Sink<'_>) -> Result<(), ProbeError> {
        if Instant::now() >= self.deadline {
            return Ok(());
        }
        let parts = self.request(probe);
        let is_secret = self.is_secret;
        let may_continue = |handshake: &Handshake| handshake.fault.is_none() || !is_secret;
        let sent =
            exchange(&self.target, parts, sink, self.trust, self.limits, self.deadline, may_continue).await;
        let (outcome, handshake) = match sent {
            Ok(exchanged) => {
                if probe == Probe::Fetch {
                    self.transcript.dead_addresses = exchanged.dead_addresses;
                }
                (Ok(exchanged.answer), exchanged.handshake)
            }
            Err(ExchangeError::Server(Failure::NoRoute(reason), _)) if probe == Probe::Fetch => {
                return Err(ProbeError::NoRoute(Failure::NoRoute(reason).to_string()));
            }
            Err(ExchangeError::Server(failure, handshake)) => (Err(failure), handshake),
            Err(ExchangeError::Local(error)) => return Err(ProbeError::File(error)),
        };
        // A later probe that our own timeout ended says nothing about the server.
        if probe != Probe::Fetch && outcome.is_err() && Instant::now() >= self.deadline {
            return Ok(());
        }
        if self.transcript.handshake.is_none() {
            self.transcript.handshake = handshake;
        }
        self.transcript.exchanges.push(Exchange { probe, outcome });
        Ok(())
    }

    fn request(&self, probe: Probe) -> RequestParts {
        let user_agent = match probe {
            Probe::NoAgent => None,
            Probe::OtherAgent => Some(OWN_AGENT),
            _ => Some(FETCHER),
        };
        let method = if probe == Probe::Head { Method::HEAD } else { Method::GET };
        let own = |name: HeaderName| self.transcript.answer(Probe::Fetch)?.fields.get(name).cloned();
        let field = match probe {
            Probe::FirstByte => Some((RANGE, HeaderValue::from_static("bytes=0-0"))),
            Probe::LastByte => Some((RANGE, HeaderValue::from_static("bytes=-1"))),
            Probe::SameTag => own(ETAG).map(|tag| (IF_NONE_MATCH, tag)),
            Probe::OtherTag => Some((IF_NONE_MATCH, HeaderValue::from_static(UNKNOWN_TAG))),
            Probe::SameDate => own(LAST_MODIFIED).map(|date| (IF_MODIFIED_SINCE, date)),
            Probe::Compressed => Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"))),
            _ => None,
        };
        RequestParts { method, user_agent, fields: field.into_iter().collect::<HeaderMap>() }
    }
}

fn location(answer: Option<&Answer>) -> Option<String> {
    answer.filter(|answer| (300..400).contains(&answer.status))?.field(&LOCATION)
}

/// The link whose redirects are followed.
struct Start<'a> {
    link: &'a str,
    is_public: bool,
}

impl Start<'_> {
    /// The URL where the redirects end, or the last one within the limit.
    ///
    /// A redirect from a public server into a private network is not followed (server-side request forgery).
    async fn follow(
        &self,
        location: &str,
        trust: Option<&Trust>,
        limits: &Limits,
        deadline: Instant,
    ) -> Option<String> {
        let mut at = redirect::target(self.link, location)?;
        for _ in 1..HOPS {
            let Some(next) = self.hop(&at, trust, limits, deadline).await else { break };
            at = next;
        }
        Some(at)
    }

    async fn hop(
        &self,
        at: &str,
        trust: Option<&Trust>,
        limits: &Limits,
        deadline: Instant,
    ) -> Option<String> {
        let url = requestable(at)?;
        let lookup = resolve::addresses(url.host, limits.connect);
        let addresses = timeout_at(deadline, lookup).await.ok()?.ok()?;
        if self.is_public && !is_public(&addresses) {
            return None;
        }
        let parts = RequestParts { method: Method::GET, user_agent: Some(FETCHER), fields: HeaderMap::new() };
        let is_trusted = |handshake: &Handshake| handshake.fault.is_none();
        let target = target(&url, addresses);
        let exchanged =
            exchange(&target, parts, Sink::None, trust, limits, deadline, is_trusted).await.ok()?;
        redirect::target(at, &location(Some(&exchanged.answer))?)
    }
}
