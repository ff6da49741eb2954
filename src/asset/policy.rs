//! Cache policies as values.

use std::fmt;
use std::str::FromStr;

/// What caches may do with an asset: a checked `Cache-Control` response field value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePolicy {
    value: Box<str>,
    storage: Storage,
}

/// What a policy says of storing an asset, of the four ways that WhatsApp documents, the strictest one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// `no-store`
    NoStore,
    /// `private`
    Private,
    /// `no-cache`
    NoCache,
    /// `max-age=n`, in seconds
    MaxAge(u32),
}

/// Why a text is not a cache policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

impl CachePolicy {
    /// The field value.
    pub fn as_str(&self) -> &str {
        &self.value
    }
    /// Which of the four.
    pub fn storage(&self) -> Storage {
        self.storage
    }
    /// `versioned`, but never loosens no-store or private
    #[must_use]
    pub fn when_versioned(&self, versioned: &Self) -> Self {
        match self.storage {
            Storage::NoStore | Storage::Private => self.clone(),
            _ => versioned.clone(),
        }
    }
    /// `no-cache`, or this policy where it is stricter
    #[must_use]
    pub fn when_unrecognised(&self) -> Self {
        match self.storage {
            Storage::MaxAge(_) => "no-cache".parse().expect("a policy"),
            _ => self.clone(),
        }
    }
}

impl FromStr for CachePolicy {
    type Err = PolicyError;
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Ok(Self { value: text.into(), storage: Storage::NoCache })
    }
}

impl fmt::Display for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}
