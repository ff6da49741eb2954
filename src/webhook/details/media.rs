//! Parsers for the error texts about media: downloads, media types, uploads, links.

use super::words::{last_word, words};
use super::{Details, MAX_ENTRIES, RateLimit};
use crate::webhook::text::{after, has, number, split, url};

pub(super) fn request(text: &str) -> Option<Details> {
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

pub(super) fn fetch(text: &str) -> Option<Details> {
    let rest = after(text, "weblink").or_else(|| after(text, "download"))?;
    let (status, rest) = ["http code", "http status code", "http status"]
        .into_iter()
        .find_map(|marker| number(after(rest, marker)?.trim_start_matches([' ', ':', '='])))?;
    let reason = after(rest, "status message").unwrap_or_else(|| rest.trim_start_matches([',', ' ']));
    let reason = reason.trim_start_matches([' ', ':']);
    let reason = split(reason, ", ratelimit").map_or(reason, |(before, _)| before);
    Some(Details::Fetch { status, reason: words(reason), limit: limit(rest) })
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

pub(super) fn media_type(text: &str) -> Option<Details> {
    let rest = after(text, "unsupported ")?;
    let (medium, rest) = ["mime type", "mime-type", "mimetype"].into_iter().find_map(|m| split(rest, m))?;
    let (seen, rest) = type_at(rest.trim_start_matches([' ', ':', '\'', '"']))?;
    let accepted = after(rest, "one of").map(types).unwrap_or_default();
    Some(Details::Type { medium: last_word(medium), seen, accepted })
}

pub(super) fn processed(text: &str) -> Option<Details> {
    let (before, rest) = split(text, "uploaded with mime")?;
    let rest = after(rest, " as ")?;
    let (declared, rest) = type_at(rest.trim_start())?;
    let (found, rest) = type_at(after(rest, "is of type")?.trim_start())?;
    let codecs = rest.split([',', ' ', '.']).filter(|part| has(part, "codec=")).take(MAX_ENTRIES);
    let medium = last_word(split(before, "file").map_or(before, |(medium, _)| medium));
    Some(Details::Processed { medium, declared, found, codecs: codecs.map(str::to_owned).collect() })
}

pub(super) fn upload(text: &str) -> Option<Details> {
    let rest = after(text, "one of the following types")?;
    let (list, received) = split(rest, "received file of type").unwrap_or((rest, ""));
    let accepted = types(list.trim_start_matches(':'));
    let seen = type_at(received.trim_start_matches([' ', '\'', '"'])).map(|(seen, _)| seen);
    (!accepted.is_empty()).then_some(Details::Upload { accepted, seen })
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
