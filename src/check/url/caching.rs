//! Describes how WhatsApp's link cache treats a response. Pure.
//!
//! [`Treatment`] describes a valid policy. This file adds the cases that only other servers have: missing headers and unusual
//! `Cache-Control` values.

use hyper::header::CACHE_CONTROL;

use super::transcript::Answer;
use crate::asset::{CachePolicy, Storage};
use crate::check::Caching;
use crate::whatsapp::Treatment;
use crate::whatsapp::link_cache::{EtagAlone, Regime, Revalidation};

/// The reading of Meta's page under which the headers allow the longest caching.
const KEEPING_MOST: Regime =
    Regime::Headers { etag_alone: EtagAlone::KeptForGood, revalidation: Revalidation::Plain };

/// How WhatsApp caches a response if it follows the headers (Meta: sending messages, media HTTP caching, 2022 to API v20).
pub fn caching(answer: &Answer) -> Caching {
    let written = answer.field(&CACHE_CONTROL);
    let headers = answer.cache_headers();
    let is_kept = Regime::HEADERS.keeping(&headers).is_some();
    let is_kept_perhaps = KEEPING_MOST.keeping(&headers).is_some();
    let treatment = match written.as_deref().and_then(CachePolicy::lenient) {
        Some(policy) if policy.storage() == Storage::NoCache && !is_kept => {
            "WhatsApp does not keep it, because no-cache needs a Last-Modified: every message fetches it again"
                .to_owned()
        }
        Some(policy) => Treatment::under(&policy).to_string(),
        None if is_kept_perhaps => {
            "WhatsApp keeps it by undisclosed rules of its own".to_owned()
        }
        None => "No header controls caching, so WhatsApp does not keep it: every message fetches it again".to_owned(),
    };
    Caching { policy: written, treatment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::url::Body;
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};
    use std::time::Duration;

    #[test]
    fn every_combination_of_headers_is_described() {
        const DATE: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        const TAG: (&str, &str) = ("etag", "\"a\"");
        for (fields, part) in [
            (&[("cache-control", "max-age=604800")][..], "keeps it for 7 days"),
            (&[("cache-control", "public, max-age=60"), DATE, TAG], "keeps it for 1 minute"),
            (&[("cache-control", "max-age=60"), ("cache-control", "no-store")], "does not keep it"),
            (&[("cache-control", "no-cache"), DATE], "fetches a new copy when Last-Modified has changed"),
            (&[("cache-control", "no-cache"), TAG], "needs a Last-Modified"),
            (&[("cache-control", "no-cache"), ("last-modified", "2026-11-21")], "needs a Last-Modified"),
            (&[("last-modified", "yesterday"), TAG], "undisclosed rules"),
            (&[("cache-control", "private")], "personal to its recipient"),
            (&[("cache-control", "public"), TAG], "No header controls caching"),
            (&[TAG], "undisclosed rules"),
            (&[TAG, DATE], "No header controls caching"),
            (&[DATE], "No header controls caching"),
            (&[], "No header controls caching"),
        ] {
            let fields: HeaderMap = fields
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .fold(HeaderMap::new(), |mut map, (name, value)| {
                    map.append(name, value);
                    map
                });
            let answer = Answer { status: 200, fields, first_byte: Duration::ZERO, body: Body::UNREAD };
            let treatment = caching(&answer).treatment;
            assert!(treatment.contains(part), "{:?}: {treatment}", answer.fields);
        }
    }
}
