//! What a check finds: a rule that was met, and what was seen.

/// Something that a check can find. All of them stand in [`rules`](super::rules).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its name for scripts, as in `webp-as-image`. It never changes.
    pub id: &'static str,
    /// What it means for the asset.
    pub severity: Severity,
    /// What is wrong or doubtful, in a few words, without the asset: `A WebP goes as a sticker only`.
    pub title: &'static str,
    /// Where this is known from.
    pub source: &'static str,
    /// How well it is known.
    pub evidence: Evidence,
    /// The code with which WhatsApp answers or reports it, where one is known.
    pub code: Option<u32>,
}

/// What a finding means for the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It would be better otherwise.
    Advice,
    /// It may fail, or do something else than the sender means.
    Doubtful,
    /// WhatsApp does not take it.
    Refused,
}

/// How well something is known of WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Meta or 360dialog say so in their documents.
    Documented,
    /// Users have met it.
    Reported,
    /// It follows from how HTTP, TLS or the format work.
    Reasoned,
}

/// A rule that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which one.
    pub rule: &'static Rule,
    /// What was seen, in one line, such as `512×384 pixels`. What comes from a file or a server is escaped in it.
    pub seen: String,
    /// The text that Meta's webhook would carry in `error_data.details`, where it is known.
    pub webhook: Option<String>,
    /// How to mend it; where a command does, that command, ready to be pasted.
    pub fix: String,
}

impl Severity {
    /// `refused`, `doubtful` or `advice`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Doubtful => "doubtful",
            Self::Refused => "refused",
        }
    }
}

impl Evidence {
    /// `documented`, `reported` or `reasoned`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::Reasoned => "reasoned",
        }
    }
}

impl Finding {
    /// `rule` met by what was `seen`.
    pub fn new(rule: &'static Rule, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { rule, seen: seen.into(), webhook: None, fix: fix.into() }
    }

    /// The same, with the text that Meta's webhook would carry.
    #[must_use]
    pub fn webhook(self, details: impl Into<String>) -> Self {
        Self { webhook: Some(details.into()), ..self }
    }
}
