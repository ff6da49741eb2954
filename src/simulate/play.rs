//! Discrete-event simulation of a schedule, a server and WhatsApp's link cache.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use super::schedule::Schedule;
use crate::whatsapp::link_cache::{CacheHeaders, LinkCache, Regime, Request, Response, Step};

/// The server's responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The headers of a complete response for the first version. A version made by an edit has the second of the edit as its
    /// `Last-Modified`, if the first version has one.
    pub headers: CacheHeaders,
    /// Size of every version in bytes, if known.
    pub size: Option<u64>,
}

/// The kind of link in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// One link for all versions.
    Plain,
    /// A link that names the version, as `wamedia link` prints it. Each edit makes a new link, which the next message has.
    Versioned,
}

/// The input of a simulation.
#[derive(Debug, Clone, Copy)]
pub struct Scenario<'a> {
    /// The sends and edits.
    pub schedule: &'a Schedule,
    /// The start of the schedule; only its relation to the first version's `Last-Modified` matters.
    pub begins: SystemTime,
    /// The server. It serves an edit at once.
    pub origin: Origin,
    /// The kind of link that is sent.
    pub links: Links,
    /// The caching rules that WhatsApp follows.
    pub regime: Regime,
}

/// One event of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Time since the start of the schedule.
    pub at: Duration,
    /// What happens.
    pub happening: Happening,
}

/// What happens in an event. Versions count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The asset changes to this version.
    Edit {
        /// The number of the version.
        version: u32,
    },
    /// A message is sent.
    Send {
        /// The source of the asset.
        answer: Answer,
        /// The version that the customer sees.
        version: u32,
        /// How long that version has been outdated; `None` if it is current.
        old_for: Option<Duration>,
    },
}

/// The source of the asset in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// WhatsApp's cache, without a request.
    Cache,
    /// A request that the server answered with 200 and the whole asset.
    Whole,
    /// A request that the server answered with 304.
    NotModified,
}

impl Answer {
    /// The name in results: `cache`, `200` or `304`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Whole => "200",
            Self::NotModified => "304",
        }
    }
}

impl Links {
    /// The name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Versioned => "versioned",
        }
    }
}

impl Scenario<'_> {
    /// Runs the simulation and passes each event to `listener`, in order.
    pub fn play(&self, mut listener: impl FnMut(&Event)) {
        let mut cache = LinkCache::new(self.regime);
        let mut current = Version { number: 1, last_modified: self.origin.headers.last_modified };
        let mut link = self.link_to(current);
        // The version in the last message. If the next message shows an old version, it is the same one.
        let mut shown = Shown { version: current.number, ended: None };
        let mut pending = (2..).zip(self.schedule.edits()).peekable();
        for at in self.schedule.sends() {
            while let Some((number, at)) = pending.next_if(|(_, edited)| *edited <= at) {
                if shown.version == current.number {
                    shown.ended = Some(at);
                }
                current = self.edited(number, at);
                let next = self.link_to(current);
                if next != link {
                    cache.forget(&link);
                    link = next;
                }
                listener(&Event { at, happening: Happening::Edit { version: number } });
            }
            let (answer, version) = self.send(&mut cache, &link, at, current);
            if version == current.number {
                shown = Shown { version, ended: None };
            }
            let old_for = shown.ended.map(|ended| at.saturating_sub(ended));
            listener(&Event { at, happening: Happening::Send { answer, version, old_for } });
        }
        for (version, at) in pending {
            listener(&Event { at, happening: Happening::Edit { version } });
        }
    }

    fn edited(&self, number: u32, at: Duration) -> Version {
        let last_modified = self.origin.headers.last_modified.map(|_| whole_second(self.begins + at));
        Version { number, last_modified }
    }

    fn link_to(&self, version: Version) -> String {
        match self.links {
            Links::Plain => String::new(),
            Links::Versioned => version.number.to_string(),
        }
    }

    /// The source and the version of the asset in a message.
    fn send(&self, cache: &mut LinkCache<u32>, link: &str, at: Duration, current: Version) -> (Answer, u32) {
        let request = match cache.send(link, at) {
            Step::FromCache(version) => return (Answer::Cache, version),
            Step::Fetch(request) => request,
        };
        let (answer, response) = match request {
            Request::IfModifiedSince(known) if current.is_no_newer_than(known) => {
                (Answer::NotModified, Response::NotModified)
            }
            _ => {
                let headers = CacheHeaders { last_modified: current.last_modified, ..self.origin.headers };
                (Answer::Whole, Response::Whole { headers, asset: current.number })
            }
        };
        let version = cache.receive(link, at, response);
        (answer, version.expect("a conditional request is sent only for a cached version"))
    }
}

#[derive(Debug, Clone, Copy)]
struct Version {
    /// From 1.
    number: u32,
    last_modified: Option<HttpDate>,
}

/// A version that a message showed, and the time of the edit that made it outdated.
#[derive(Debug, Clone, Copy)]
struct Shown {
    version: u32,
    ended: Option<Duration>,
}

impl Version {
    /// Whether the server answers `If-Modified-Since` with 304 (RFC 9110 section 13.1.3).
    fn is_no_newer_than(self, known: HttpDate) -> bool {
        self.last_modified.is_some_and(|date| SystemTime::from(date) <= SystemTime::from(known))
    }
}

/// 31 December 9999, 23:59:59, in seconds since 1970: the latest date that HTTP can express.
const LAST_SECOND: u64 = 253_402_300_799;

fn whole_second(moment: SystemTime) -> HttpDate {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Later times, which no HTTP date can express, all become the last date.
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND)))
}
