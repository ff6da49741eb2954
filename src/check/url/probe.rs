//! The questions, in their order, and where each is sent.
//!
//! Only GET and HEAD are ever sent: without cookies, without a referrer, without credentials. A redirect is followed for one
//! purpose, to tell where it ends.

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

use super::fetch::{Ask, Sink, Target, Trouble, exchange};
use super::transcript::{Answer, BodyEnd, Exchange, Failure, Handshake, Probe, Transcript};
use super::{address, expiry, redirect, resolve};
use crate::whatsapp::url_syntax;

/// What Meta's servers are known to call themselves.
const FETCHER: &str = crate::whatsapp::USER_AGENTS[0];
/// What we call ourselves.
const OURSELVES: &str = concat!("wamedia/", env!("CARGO_PKG_VERSION"));
/// An entity tag that nobody has.
const NOBODYS_TAG: &str = "\"wamedia-check-nobody-has-this\"";
/// Redirects that are followed to tell where they end.
const HOPS: usize = 5;

/// What was seen of a URL.
#[derive(Debug)]
pub struct Probed {
    /// What was asked, and what came.
    pub transcript: Transcript,
    /// The body of the first answer, where that was a 200 and came as its head said.
    pub body: Option<File>,
}

/// Why nobody was looked at: the fault is this machine's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is nobody to trust.
    #[error(
        "this machine trusts no certificate authority; install them (on Debian, ca-certificates) or name a file \
         of them by SSL_CERT_FILE"
    )]
    NoTrust,
    /// There is no way to the host from here.
    #[error("{0}; run the check from a machine that has one")]
    NoRoute(String),
    /// The body could not be kept.
    #[error("a temporary file cannot be written: {0}; make room, or name another folder by TMPDIR")]
    File(std::io::Error),
}

/// Asks the server of a URL all that there is to ask.
///
/// A server that cannot be reached is something that was seen, not an error.
pub async fn probe(link: &str, trust: Option<&Trust>, limits: &Limits) -> Result<Probed, ProbeError> {
    let mut server = match Server::find(link, trust, limits).await? {
        Ok(server) => server,
        Err(transcript) => return Ok(Probed { transcript, body: None }),
    };
    let body = server.ask_all().await?;
    let Server { mut transcript, deadline, .. } = server;
    if let Some(location) = location(transcript.answer(Probe::Fetch)) {
        let start = Start { link, is_public: is_public(&transcript.addresses) };
        transcript.leads_to = start.follow(&location, trust, limits, deadline).await;
    }
    Ok(Probed { transcript, body })
}

/// Asks the server of a URL for it once, and reads no more of the answer than its head.
///
/// The transcript has no exchange where the URL is none.
pub async fn glance(link: &str, trust: Option<&Trust>, limits: &Limits) -> Result<Transcript, ProbeError> {
    let mut server = match Server::find(link, trust, limits).await? {
        Ok(server) => server,
        Err(transcript) => return Ok(transcript),
    };
    server.ask(Probe::Fetch, Sink::None).await?;
    Ok(server.transcript)
}

/// The parts of a URL that a request can be made of; `None` where it is too wrong for that.
fn askable(link: &str) -> Option<url_syntax::Url<'_>> {
    let (url, remarks) = url_syntax::read(link);
    // A space or a letter beyond ASCII is written as it must be, and told of; without a proper host there is nobody to ask.
    url.filter(|_| !remarks.iter().any(|remark| remark.has_nobody_to_ask()))
}

/// What no request line may hold as it is; percent signs stay, since what they mean is the link's own.
const UNWRITTEN: &AsciiSet = &CONTROLS
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
    let mut path_and_query = utf8_percent_encode(path, UNWRITTEN).to_string();
    if !url.query.is_empty() {
        path_and_query.push('?');
        path_and_query.extend(utf8_percent_encode(url.query, UNWRITTEN));
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

/// A server that is being asked.
struct Server<'a> {
    target: Target,
    trust: Option<&'a Trust>,
    limits: &'a Limits,
    deadline: Instant,
    transcript: Transcript,
    /// Whether the link itself lets anybody in.
    is_secret: bool,
}

impl<'a> Server<'a> {
    /// The server of a URL; where there is none, what was learnt of that.
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
        let Some(url) = askable(link) else { return Ok(Err(transcript)) };
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

    /// Asks everything, and keeps the body of the first answer.
    async fn ask_all(&mut self) -> Result<Option<File>, ProbeError> {
        let mut file = tempfile::tempfile().map_err(ProbeError::File)?;
        self.ask(Probe::Fetch, Sink::File(&mut file)).await?;
        if !self.is_out_of_reach() {
            for probe in [Probe::OtherAgent, Probe::NoAgent] {
                self.ask(probe, Sink::None).await?;
            }
        }
        let Some(first) = self.transcript.answer(Probe::Fetch).cloned() else { return Ok(None) };
        let is_whole = first.status == 200 && first.body.end == BodyEnd::Complete;
        if is_whole {
            self.ask_more(&first).await?;
        }
        Ok(is_whole.then_some(file))
    }

    /// Whether nobody was there to read the first request, so that nobody will read another.
    fn is_out_of_reach(&self) -> bool {
        use Failure::{Connect, ConnectTimeout, Lookup, NoRoute, Tls};
        let outcome = self.transcript.outcome(Probe::Fetch);
        matches!(outcome, None | Some(Err(Lookup(_) | Connect(_) | ConnectTimeout | NoRoute(_) | Tls(_))))
    }

    /// What is asked of a server that answers as it should.
    async fn ask_more(&mut self, first: &Answer) -> Result<(), ProbeError> {
        for probe in [Probe::Head, Probe::FirstByte, Probe::LastByte, Probe::Compressed] {
            self.ask(probe, Sink::None).await?;
        }
        if first.fields.contains_key(ETAG) {
            self.ask(Probe::SameTag, Sink::None).await?;
            self.ask(Probe::OtherTag, Sink::None).await?;
        }
        if first.fields.contains_key(LAST_MODIFIED) {
            self.ask(Probe::SameDate, Sink::None).await?;
        }
        self.ask(Probe::Again, Sink::Hash).await
    }

    /// Asks once and notes what came. When the time is over, nothing more is asked.
    async fn ask(&mut self, probe: Probe, sink: Sink<'_>) -> Result<(), ProbeError> {
        if Instant::now() >= self.deadline {
            return Ok(());
        }
        let ask = self.question(probe);
        let is_secret = self.is_secret;
        let may_go_on = |handshake: &Handshake| handshake.fault.is_none() || !is_secret;
        let asked =
            exchange(&self.target, ask, sink, self.trust, self.limits, self.deadline, may_go_on).await;
        let (outcome, handshake) = match asked {
            Ok(exchanged) => {
                if probe == Probe::Fetch {
                    self.transcript.dead_addresses = exchanged.dead_addresses;
                }
                (Ok(exchanged.answer), exchanged.handshake)
            }
            Err(Trouble::Theirs(Failure::NoRoute(reason), _)) if probe == Probe::Fetch => {
                return Err(ProbeError::NoRoute(Failure::NoRoute(reason).to_string()));
            }
            Err(Trouble::Theirs(failure, handshake)) => (Err(failure), handshake),
            Err(Trouble::Ours(error)) => return Err(ProbeError::File(error)),
        };
        // Of the last probes, what our own impatience ended tells nothing.
        if probe != Probe::Fetch && outcome.is_err() && Instant::now() >= self.deadline {
            return Ok(());
        }
        if self.transcript.handshake.is_none() {
            self.transcript.handshake = handshake;
        }
        self.transcript.exchanges.push(Exchange { probe, outcome });
        Ok(())
    }

    fn question(&self, probe: Probe) -> Ask {
        let user_agent = match probe {
            Probe::NoAgent => None,
            Probe::OtherAgent => Some(OURSELVES),
            _ => Some(FETCHER),
        };
        let method = if probe == Probe::Head { Method::HEAD } else { Method::GET };
        let own = |name: HeaderName| self.transcript.answer(Probe::Fetch)?.fields.get(name).cloned();
        let field = match probe {
            Probe::FirstByte => Some((RANGE, HeaderValue::from_static("bytes=0-0"))),
            Probe::LastByte => Some((RANGE, HeaderValue::from_static("bytes=-1"))),
            Probe::SameTag => own(ETAG).map(|tag| (IF_NONE_MATCH, tag)),
            Probe::OtherTag => Some((IF_NONE_MATCH, HeaderValue::from_static(NOBODYS_TAG))),
            Probe::SameDate => own(LAST_MODIFIED).map(|date| (IF_MODIFIED_SINCE, date)),
            Probe::Compressed => Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"))),
            _ => None,
        };
        Ask { method, user_agent, fields: field.into_iter().collect::<HeaderMap>() }
    }
}

fn location(answer: Option<&Answer>) -> Option<String> {
    answer.filter(|answer| (300..400).contains(&answer.status))?.field(&LOCATION)
}

/// Where redirects begin.
struct Start<'a> {
    link: &'a str,
    is_public: bool,
}

impl Start<'_> {
    /// The last URL that can be named: where the redirects end, or where they go too far.
    ///
    /// A stranger's redirect into a network that is not public is not followed: what lies there is not for it to ask.
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
        let url = askable(at)?;
        let looking_up = resolve::addresses(url.host, limits.connect);
        let addresses = timeout_at(deadline, looking_up).await.ok()?.ok()?;
        if self.is_public && !is_public(&addresses) {
            return None;
        }
        let ask = Ask { method: Method::GET, user_agent: Some(FETCHER), fields: HeaderMap::new() };
        let is_trusted = |handshake: &Handshake| handshake.fault.is_none();
        let target = target(&url, addresses);
        let exchanged = exchange(&target, ask, Sink::None, trust, limits, deadline, is_trusted).await.ok()?;
        redirect::target(at, &location(Some(&exchanged.answer))?)
    }
}
