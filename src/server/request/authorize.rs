//! Authorization of requests: Basic or Bearer credentials, and signed links.
//!
//! It comes before any store is asked, and is the same for every path: neither the response nor its time depends on whether the
//! asset exists. Where an asset needs both credentials and a signature, both are checked, the credentials first.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, StatusCode};

use crate::asset::AssetPath;
use crate::config::{Auth, CacheRules, Rule, Settings};
use crate::http::{self, Answer, SigningKeys};

/// What the settings require of requests. Built from the whole settings, and so replaced as a whole by a reload.
pub(in crate::server) struct Authorizer {
    auth: Vec<Auth>,
    /// The rules, which say what needs a signature, and the keys; `None` if nothing does. Without keys, no signature is valid.
    signed: Option<(CacheRules, Option<SigningKeys>)>,
}

impl Authorizer {
    pub(in crate::server) fn of(settings: &Settings) -> Self {
        let has_signed = settings.cache.rules.iter().any(Rule::is_signed);
        let signed = has_signed.then(|| (settings.cache.clone(), settings.signing.keys.clone()));
        Self { auth: settings.auth.clone(), signed }
    }

    /// Authorizes a request for the asset at `path`, or returns the response that rejects it.
    pub(in crate::server) fn authorize(
        &self,
        head: &request::Parts,
        path: &AssetPath<'_>,
    ) -> Result<(), Box<Answer>> {
        if let Some(auth) = Auth::covering(&self.auth, path)
            && !auth.credentials.admit(&head.headers)
        {
            return Err(Box::new(auth.credentials.challenge(&auth.url_path())));
        }
        if let Some((rules, keys)) = &self.signed
            && rules.is_signed(path)
            && !keys.as_ref().is_some_and(|keys| keys.admit(path, head.uri.query(), now()))
        {
            return Err(Box::new(unsigned()));
        }
        Ok(())
    }

    /// Whether the requested path needs an `Authorization`.
    pub(in crate::server) fn takes_credentials(&self, head: &request::Parts) -> bool {
        !self.auth.is_empty()
            && AssetPath::from_url_path(head.uri.path())
                .is_ok_and(|path| Auth::covering(&self.auth, &path).is_some())
    }

    /// Keeps shared caches from storing responses that need credentials.
    pub(in crate::server) fn restrict_caching(&self, head: &request::Parts, headers: &mut HeaderMap) {
        if self.takes_credentials(head)
            && let Some(policy) = headers.get_mut(CACHE_CONTROL)
            && let Some(restricted) = policy.to_str().ok().and_then(http::without_sharing)
            && let Ok(restricted) = HeaderValue::try_from(restricted)
        {
            *policy = restricted;
        }
    }
}

/// The same response whatever is missing or wrong.
fn unsigned() -> Answer {
    http::problem(
        StatusCode::FORBIDDEN,
        "this asset needs a signed link, and this link is not signed, was altered, or has expired; ask for a new one",
    )
}

/// Unix time in seconds. A clock before 1970 is not set; then every link has expired.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}
