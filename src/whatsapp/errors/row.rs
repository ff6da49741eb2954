//! A row of a table of error codes, and what its columns mean.

/// The API that an error code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Meta's Cloud API, also when a provider forwards its errors.
    Cloud,
    /// The On-Premises API, which Meta shut down in October 2025.
    OnPremises,
    /// 360dialog's gateway, before a message reaches WhatsApp.
    Dialog360,
    /// Twilio, which has codes of its own for WhatsApp's.
    Twilio,
    /// Gupshup, which has codes of its own beside WhatsApp's.
    Gupshup,
}

/// Whether a retry of the same message helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after a while.
    Later,
    /// Yes, once the cause is fixed.
    AfterFix,
    /// No.
    Never,
}

/// How well the meaning of a code is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Meta or the provider documents it.
    Documented,
    /// Users of the API have reported it.
    Reported,
    /// Common knowledge among users of the API; no document was read for it.
    General,
}

/// What is known of one error code, or of a range of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The first code of the range.
    pub first: u32,
    /// The last code of the range; for a single code, the same as `first`.
    pub last: u32,
    /// The API that the code belongs to.
    pub api: Api,
    /// What the code means: a sentence without its full stop.
    pub meaning: &'static str,
    /// How to fix the problem: a sentence without its full stop.
    pub fix: &'static str,
    /// Whether a retry helps.
    pub retry: Retry,
    /// How well the meaning is known.
    pub certainty: Certainty,
    /// The document or report that this comes from.
    pub source: &'static str,
}

impl Api {
    /// The usual name, such as `Cloud API`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Cloud API",
            Self::OnPremises => "On-Premises API",
            Self::Dialog360 => "360dialog",
            Self::Twilio => "Twilio",
            Self::Gupshup => "Gupshup",
        }
    }
}

impl Retry {
    /// `later`, `after-fix` or `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::AfterFix => "after-fix",
            Self::Never => "never",
        }
    }
}

impl Certainty {
    /// `documented`, `reported` or `general`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::General => "general",
        }
    }
}

pub(super) const META: &str = "Meta: Cloud API, error codes, May 2026";
/// The source of rows whose meaning no document gives.
pub(super) const COMMON: &str = "common knowledge of the API";

pub(super) const fn range(
    (first, last): (u32, u32),
    meaning: &'static str,
    fix: &'static str,
    retry: Retry,
) -> ErrorCode {
    let certainty = Certainty::Documented;
    ErrorCode { first, last, api: Api::Cloud, meaning, fix, retry, certainty, source: META }
}

pub(super) const fn one(code: u32, meaning: &'static str, fix: &'static str, retry: Retry) -> ErrorCode {
    range((code, code), meaning, fix, retry)
}

impl ErrorCode {
    /// Whether this row is about `code`.
    pub const fn covers(&self, code: u32) -> bool {
        self.first <= code && code <= self.last
    }

    /// The same row, known from no particular document.
    pub(super) const fn general(self) -> Self {
        Self { certainty: Certainty::General, source: COMMON, ..self }
    }

    pub(super) const fn reported(self, source: &'static str) -> Self {
        Self { certainty: Certainty::Reported, source, ..self }
    }

    pub(super) const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// The same row, of another API and from its document.
    pub(super) const fn of(self, api: Api, source: &'static str) -> Self {
        Self { api, source, ..self }
    }
}

pub(super) use Retry::{AfterFix, Later, Never};

pub(super) const VALIDATE: &str =
    "run `wamedia message validate` on the payload: it names the field and the reason";
pub(super) const CHECK_URL: &str =
    "run `wamedia check URL` on the link: it requests the link the way Meta's fetcher does";
pub(super) const BACK_OFF: &str =
    "wait, then retry at a lower rate, with growing pauses (exponential backoff)";
pub(super) const RETRY_LATER: &str = "retry after a while";
pub(super) const PAYMENT: &str = "fix the payment method of the WhatsApp Business Account";
pub(super) const MANAGER: &str = "open WhatsApp Manager to see the reason";
pub(super) const OUTSIDE_WINDOW: &str = "more than 24 hours have passed since the recipient last wrote to this number (the customer \
         service window is closed)";
pub(super) const SEND_TEMPLATE: &str = "send a template message, or wait until the recipient writes";
