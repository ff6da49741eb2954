//! Who may ask for an asset at all: credentials for what lies behind a door, a signature for what needs a signed link.
//!
//! This is asked before any store is, and of every path alike: what a refusal says and how long it takes do not depend on
//! whether there is such an asset. Where an asset has both a door and a signature, both are demanded, the door first.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, StatusCode};

use crate::asset::AssetPath;
use crate::config::{Auth, CacheRules, Rule, Settings};
use crate::http::{self, Answer, SigningKeys};

/// What the settings demand of requests. Made of them as a whole, and so replaced as a whole where they change.
pub(in crate::server) struct Authorizer {
    doors: Vec<Auth>,
    /// The rules, which say what is signed, and the keys; absent where nothing is. Without keys, no signature counts.
    signed: Option<(CacheRules, Option<SigningKeys>)>,
}

impl Authorizer {
    pub(in crate::server) fn of(settings: &Settings) -> Self {
        let has_signed = settings.cache.rules.iter().any(Rule::is_signed);
        let signed = has_signed.then(|| (settings.cache.clone(), settings.signing.keys.clone()));
        Self { doors: settings.auth.clone(), signed }
    }

    /// Lets a request for the asset at `path` pass, or says why not.
    pub(in crate::server) fn authorize(
        &self,
        head: &request::Parts,
        path: &AssetPath<'_>,
    ) -> Result<(), Box<Answer>> {
        if let Some(door) = Auth::covering(&self.doors, path)
            && !door.credentials.admit(&head.headers)
        {
            return Err(Box::new(door.credentials.challenge(&door.url_path())));
        }
        if let Some((rules, keys)) = &self.signed
            && rules.is_signed(path)
            && !keys.as_ref().is_some_and(|keys| keys.admit(path, head.uri.query(), now()))
        {
            return Err(Box::new(unsigned()));
        }
        Ok(())
    }

    /// Sees to it that no shared cache hands to others what was had with credentials.
    pub(in crate::server) fn restrict_caching(&self, head: &request::Parts, headers: &mut HeaderMap) {
        if self.doors.is_empty() {
            return;
        }
        let path = AssetPath::from_url_path(head.uri.path());
        if path.is_ok_and(|path| Auth::covering(&self.doors, &path).is_some())
            && let Some(policy) = headers.get_mut(CACHE_CONTROL)
            && let Some(closed) = policy.to_str().ok().and_then(http::without_sharing)
            && let Ok(closed) = HeaderValue::try_from(closed)
        {
            *policy = closed;
        }
    }
}

/// The same, whatever is missing or wrong.
fn unsigned() -> Answer {
    http::problem(
        StatusCode::FORBIDDEN,
        "this takes a signed link, and the one that was used is not signed, was altered, or has expired; ask for a new one",
    )
}

/// In Unix seconds. A clock before 1970 is not set, and then every link has expired.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}
