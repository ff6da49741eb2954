//! Parser for WhatsApp's error texts, the sentences beside an error code.
//!
//! Meta documents none of them. All come from reports of users, some in more than one wording. So the parser matches the words that carry
//! the meaning, in either case, and accepts lists of any length.

use std::fmt;

use super::text::{after, has, number, split, url};
use crate::whatsapp::Kind;

/// Maximum number of list entries that are kept.
const MAX_ENTRIES: usize = 32;

/// The parts of an error text. Displays as one line.
///
/// ```
/// use wamedia::webhook::Details;
///
/// let text = "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.";
/// let Some(Details::Type { seen, accepted, .. }) = Details::parse(text) else { panic!() };
/// assert_eq!((&*seen, accepted), ("text/html", vec!["image/png".to_owned(), "image/jpeg".to_owned()]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Details {
    /// `Downloading media from weblink failed with http code 403, status message Forbidden`
    Fetch {
        /// The HTTP status code.
        status: u32,
        /// The reason phrase beside the status.
        reason: Option<String>,
        /// The rate limit that was reached, if the text names one.
        limit: Option<RateLimit>,
    },
    /// `Request for url https://… failed with error: 404 (Not Found)`, the wording of older APIs.
    Request {
        /// The URL that was requested.
        url: String,
        /// The HTTP status code, if there is one.
        status: Option<u32>,
        /// The reason phrase beside the status.
        reason: Option<String>,
    },
    /// `Unsupported Image mime type text/html. Please use one of image/png, image/jpeg.`
    Type {
        /// The kind of media as the text names it, such as `Voice`.
        medium: Option<String>,
        /// The Content-Type of the response.
        seen: String,
        /// The accepted types.
        accepted: Vec<String>,
    },
    /// `Audio file uploaded with mimetype as audio/mp4, however on processing it is of type application/octet-stream.`
    Processed {
        /// The kind of media as the text names it.
        medium: Option<String>,
        /// The Content-Type of the response.
        declared: String,
        /// The type of the bytes.
        found: String,
        /// Codecs that were found, such as `videoCodec=h264`.
        codecs: Vec<String>,
    },
    /// `Param file must be a file with one of the following types: … Received file of type 'application/octet-stream'.`
    Upload {
        /// The accepted types.
        accepted: Vec<String>,
        /// The type of the uploaded file.
        seen: Option<String>,
    },
    /// `header: Format mismatch, expected IMAGE, received UNKNOWN`
    Format {
        /// The component, such as `header`.
        component: Option<String>,
        /// The type that the template has.
        expected: String,
        /// The type that the message has.
        received: String,
    },
    /// `Param image['link'] is not a valid URI`
    Uri {
        /// The name of the parameter.
        parameter: String,
    },
}

/// A rate limit that stopped the fetch before it reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// What applies the limit, such as `fwdproxy`.
    pub by: Option<String>,
    /// The networks that it counts, as autonomous system numbers.
    pub networks: Vec<u32>,
}

impl Details {
    /// Parses a text that contains one of these sentences.
    pub fn parse(text: &str) -> Option<Self> {
        request(text)
            .or_else(|| fetch(text))
            .or_else(|| media_type(text))
            .or_else(|| processed(text))
            .or_else(|| upload(text))
            .or_else(|| format_mismatch(text))
            .or_else(|| uri(text))
    }

    /// Stable name of the sentence, for scripts.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Request { .. } => "request",
            Self::Type { .. } => "type",
            Self::Processed { .. } => "processed",
            Self::Upload { .. } => "upload",
            Self::Format { .. } => "format",
            Self::Uri { .. } => "uri",
        }
    }

    /// The kind of media, if the sentence names it.
    pub fn kind(&self) -> Option<Kind> {
        let word = match self {
            Self::Type { medium, .. } | Self::Processed { medium, .. } => medium.as_deref()?,
            Self::Format { expected, .. } => expected,
            Self::Uri { parameter } => parameter.split('[').next()?,
            Self::Fetch { .. } | Self::Request { .. } | Self::Upload { .. } => return None,
        };
        let word = word.to_ascii_lowercase();
        if word == "voice" {
            return Some(Kind::Audio);
        }
        Kind::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch { status, reason, limit } => {
                write!(f, "HTTP status {status}")?;
                write_reason(f, reason.as_deref())?;
                limit.as_ref().map_or(Ok(()), |limit| write!(f, ", {limit}"))
            }
            Self::Request { status, reason, .. } => {
                match status {
                    Some(status) => write!(f, "HTTP status {status}")?,
                    None => f.write_str("no HTTP status")?,
                }
                write_reason(f, reason.as_deref())
            }
            Self::Type { seen, accepted, .. } => write!(f, "{seen}; accepted types: {}", accepted.join(", ")),
            Self::Processed { declared, found, codecs, .. } => {
                write!(f, "sent as {declared}, detected as {found}")?;
                codecs.iter().try_for_each(|codec| write!(f, ", {codec}"))
            }
            Self::Upload { seen, .. } => {
                write!(f, "{}", seen.as_deref().unwrap_or("a type that is not accepted"))
            }
            Self::Format { component, expected, received } => {
                let component = component.as_deref().unwrap_or("parameter");
                write!(f, "{component}: the template has {expected}, the message has {received}")
            }
            Self::Uri { parameter } => f.write_str(parameter),
        }
    }
}

fn write_reason(f: &mut fmt::Formatter<'_>, reason: Option<&str>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, " {reason}"))
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limited by {}", self.by.as_deref().unwrap_or("a proxy"))?;
        let mut before = " for the network ";
        for network in &self.networks {
            write!(f, "{before}AS{network}")?;
            before = ", ";
        }
        Ok(())
    }
}

fn request(text: &str) -> Option<Details> {
    let rest = after(text, "request for url")?;
    let url = url(rest)?;
    let (_, outcome) = split(rest, "failed")?;
    let digits = outcome.find(|c: char| c.is_ascii_digit()).and_then(|at| number(&outcome[at..]));
    let (status, reason) = match digits {
        Some((status, rest)) => (Some(status), words(rest.trim_start().trim_start_matches('('))),
        None => (None, words(after(outcome, "error:").unwrap_or(""))),
    };
    Some(Details::Request { url: url.to_owned(), status, reason })
}

fn fetch(text: &str) -> Option<Details> {
    let rest = after(text, "weblink").or_else(|| after(text, "download"))?;
    let (status, rest) = ["http code", "http status code", "http status"]
        .into_iter()
        .find_map(|marker| number(after(rest, marker)?.trim_start_matches([' ', ':', '='])))?;
    let reason = after(rest, "status message").unwrap_or_else(|| rest.trim_start_matches([',', ' ']));
    let reason = reason.trim_start_matches([' ', ':']);
    let reason = split(reason, ", ratelimit").map_or(reason, |(before, _)| before);
    Some(Details::Fetch { status, reason: words(reason), limit: limit(rest) })
}

/// A reason phrase: the letters, digits, spaces, hyphens and apostrophes at the beginning of `text`.
fn words(text: &str) -> Option<String> {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || matches!(c, ' ' | '-' | '\''))).unwrap_or(text.len());
    let words: String = text[..end].trim().chars().take(80).collect();
    (!words.is_empty()).then_some(words)
}

fn limit(text: &str) -> Option<RateLimit> {
    let limit_text = after(text, "ratelimit").or_else(|| after(text, "rate limit"))?;
    let by =
        after(limit_text, "ratelimit by").or_else(|| after(limit_text, "ratelimited by")).and_then(words);
    let mut networks = Vec::new();
    let mut rest = after(limit_text, "asn_list").or_else(|| after(limit_text, "asn")).unwrap_or("");
    while networks.len() < MAX_ENTRIES {
        rest = rest.trim_start_matches([':', '=', ' ', ',', '[', '"', '\'']);
        let Some((network, more)) = number(rest) else { break };
        networks.push(network);
        rest = more;
    }
    Some(RateLimit { by, networks })
}

fn media_type(text: &str) -> Option<Details> {
    let rest = after(text, "unsupported ")?;
    let (medium, rest) = ["mime type", "mime-type", "mimetype"].into_iter().find_map(|m| split(rest, m))?;
    let (seen, rest) = type_at(rest.trim_start_matches([' ', ':', '\'', '"']))?;
    let accepted = after(rest, "one of").map(types).unwrap_or_default();
    Some(Details::Type { medium: last_word(medium), seen, accepted })
}

fn processed(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "uploaded with mime")?;
    let rest = after(rest, " as ")?;
    let (declared, rest) = type_at(rest.trim_start())?;
    let (found, rest) = type_at(after(rest, "is of type")?.trim_start())?;
    let codecs = rest.split([',', ' ', '.']).filter(|part| has(part, "codec=")).take(MAX_ENTRIES);
    let medium = last_word(split(before, "file").map_or(before, |(medium, _)| medium));
    Some(Details::Processed { medium, declared, found, codecs: codecs.map(str::to_owned).collect() })
}

fn upload(text: &str) -> Option<Details> {
    let rest = after(text, "one of the following types")?;
    let (list, received) = split(rest, "received file of type").unwrap_or((rest, ""));
    let accepted = types(list.trim_start_matches(':'));
    let seen = type_at(received.trim_start_matches([' ', '\'', '"'])).map(|(seen, _)| seen);
    (!accepted.is_empty()).then_some(Details::Upload { accepted, seen })
}

fn format_mismatch(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "format mismatch")?;
    let (expected, rest) = word_at(after(rest, "expected")?)?;
    let (received, _) = word_at(after(rest, "received")?)?;
    let component = before.trim_end().strip_suffix(':').and_then(last_word);
    Some(Details::Format { component, expected, received })
}

fn uri(text: &str) -> Option<Details> {
    let (before, _) = split(text, "is not a valid uri").or_else(|| split(text, "is not a valid url"))?;
    let parameter = after(before, "param ").or_else(|| after(before, "parameter "))?.trim();
    (!parameter.is_empty()).then(|| Details::Uri { parameter: parameter.chars().take(80).collect() })
}

fn last_word(text: &str) -> Option<String> {
    let word = text.split_whitespace().next_back()?;
    let word: String = word.chars().filter(|c| c.is_alphanumeric() || *c == '_').take(40).collect();
    (!word.is_empty()).then_some(word)
}

fn word_at(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', ':', '\'', '"']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| (text[..end.min(40)].to_owned(), &text[end..]))
}

/// The media type at the beginning, with its `codecs` parameter, and the rest of the text.
fn type_at(text: &str) -> Option<(String, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let name = text[..end].trim_end_matches('.');
    if !name.trim_matches('/').contains('/') || name.len() > 200 {
        return None;
    }
    let rest = &text[name.len()..];
    let parameter = rest.strip_prefix(';').map(str::trim_start).filter(|rest| {
        rest.get(.."codecs=".len()).is_some_and(|start| start.eq_ignore_ascii_case("codecs="))
    });
    let Some(parameter) = parameter else { return Some((name.to_owned(), rest)) };
    let end = parameter.find([' ', ',', ';']).unwrap_or(parameter.len());
    let codecs = parameter[..end].trim_end_matches(['.', '"', '\'']);
    let codecs_shown: String = codecs.chars().take(80).collect();
    Some((format!("{name}; {codecs_shown}"), &parameter[codecs.len()..]))
}

/// The media types in a comma-separated list.
fn types(list: &str) -> Vec<String> {
    let entries = list.split(',').map(|entry| type_at(entry.trim_start_matches([' ', '\'', '"'])));
    entries.map_while(|entry| entry.map(|(name, _)| name)).take(MAX_ENTRIES).collect()
}
