//! A schedule, a server and a cache, played against each other moment by moment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use super::schedule::Schedule;
use crate::whatsapp::link_cache::{CacheHeaders, LinkCache, Regime, Request, Response, Step};

/// What the server has, and what it says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The headers of a complete response for the first version. A version that is made by an edit has the edit's whole second as
    /// its `Last-Modified`, if the first has one.
    pub headers: CacheHeaders,
    /// The length of every version in bytes, where it is known.
    pub size: Option<u64>,
}

/// What the sender puts into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// One link, which always means the current version.
    Plain,
    /// A link that names the version, as `wamedia link` prints it: each edit makes another one, which the next message has.
    Versioned,
}

/// Everything that decides what happens.
#[derive(Debug, Clone, Copy)]
pub struct Scenario<'a> {
    /// When what happens.
    pub schedule: &'a Schedule,
    /// The moment at which the schedule begins; only its relation to the first version's `Last-Modified` counts.
    pub begins: SystemTime,
    /// The server. It sees an edit at once.
    pub origin: Origin,
    /// The links that are sent.
    pub links: Links,
    /// How WhatsApp caches.
    pub regime: Regime,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, after the beginning.
    pub at: Duration,
    /// What.
    pub happening: Happening,
}

/// What happens. Versions are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The asset becomes this version.
    Edit {
        /// Its number.
        version: u32,
    },
    /// A message is sent.
    Send {
        /// Where its asset came from.
        answer: Answer,
        /// The version that the customer sees.
        version: u32,
        /// For how long that has been an old one; `None` where it is the current one.
        old_for: Option<Duration>,
    },
}

/// Where a message's asset came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// From WhatsApp's cache. The server was not asked.
    Cache,
    /// The server was asked and answered 200 with the whole asset.
    Whole,
    /// The server was asked and answered 304.
    NotModified,
}

impl Answer {
    /// Its name in results: `cache`, `200` or `304`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Whole => "200",
            Self::NotModified => "304",
        }
    }
}

impl Links {
    /// Its name in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Versioned => "versioned",
        }
    }
}

impl Scenario<'_> {
    /// Plays it from the beginning to the end, and tells `listener` of each event in its order.
    pub fn play(&self, mut listener: impl FnMut(&Event)) {
        let mut cache = LinkCache::new(self.regime);
        let mut current = Version { number: 1, last_modified: self.origin.headers.last_modified };
        let mut link = self.link_to(current);
        // What the last message showed. Where the next shows an old version, it is the same.
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

    /// Where the asset of a message comes from, and which version it is.
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
        (answer, version.expect("only what is kept is asked for under a condition"))
    }
}

#[derive(Debug, Clone, Copy)]
struct Version {
    /// From 1.
    number: u32,
    last_modified: Option<HttpDate>,
}

/// A version that a message showed, and the moment of the edit that made it an old one.
#[derive(Debug, Clone, Copy)]
struct Shown {
    version: u32,
    ended: Option<Duration>,
}

impl Version {
    /// Whether `If-Modified-Since` is answered with 304 (RFC 9110 section 13.1.3).
    fn is_no_newer_than(self, known: HttpDate) -> bool {
        self.last_modified.is_some_and(|date| SystemTime::from(date) <= SystemTime::from(known))
    }
}

/// 31 December 9999, 23:59:59, in seconds since 1970: the latest date that HTTP can express.
const LAST_SECOND: u64 = 253_402_300_799;

fn whole_second(moment: SystemTime) -> HttpDate {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Past the year 9999, which no date can tell, there are no further ones.
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND)))
}
