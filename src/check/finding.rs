//! Findings of a check: the rule that applies, what was seen, and how to fix it.

use super::recipe::Recipe;

/// A problem that a check can find. [`rules`](super::rules) lists all of them.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Stable identifier for scripts, such as `webp-as-image`.
    pub id: &'static str,
    /// How serious it is for the asset.
    pub severity: Severity,
    /// The problem in one short statement that does not name the asset: `A JPEG must be RGB, not CMYK`.
    pub title: &'static str,
    /// The document or report that the rule is based on.
    pub source: &'static str,
    /// How reliable that source is.
    pub evidence: Evidence,
    /// The error code that WhatsApp's API or webhook reports for it, if known.
    pub code: Option<u32>,
}

/// How serious a finding is for the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The asset arrives, and could be better.
    Advice,
    /// It may not arrive, or not as the sender intends.
    Doubtful,
    /// WhatsApp does not deliver it.
    Refused,
}

/// How reliable the source of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Documented by Meta or 360dialog.
    Documented,
    /// Reported by users of the API.
    Reported,
    /// Follows from how HTTP, TLS or the format works.
    Reasoned,
}

/// A rule that applies to an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What was seen, in one line, such as `512×384 pixels`. Text from a file or a server is escaped.
    pub seen: String,
    /// The text of `error_data.details` in Meta's webhook, if known.
    pub webhook: Option<String>,
    /// How to fix it; if a command does, that command, ready to paste.
    pub fix: String,
    /// The command of `fix`, to run; `None` if no command fixes it.
    pub recipe: Option<Recipe>,
}

/// How to fix a finding: a text, and the command in it, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    text: String,
    recipe: Option<Recipe>,
}

impl From<&str> for Fix {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), recipe: None }
    }
}

impl From<String> for Fix {
    fn from(text: String) -> Self {
        Self { text, recipe: None }
    }
}

impl From<Recipe> for Fix {
    fn from(recipe: Recipe) -> Self {
        Self { text: recipe.to_string(), recipe: Some(recipe) }
    }
}

impl Fix {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, with a text before the command.
    #[must_use]
    pub fn after(self, text: impl std::fmt::Display) -> Self {
        Self { text: format!("{text}{}", self.text), ..self }
    }

    /// The same, with another line.
    #[must_use]
    pub fn then(self, line: impl std::fmt::Display) -> Self {
        Self { text: format!("{}\n{line}", self.text), ..self }
    }
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
    /// A finding of `rule`, with what was `seen` and how to fix it.
    pub fn new(rule: &'static Rule, seen: impl Into<String>, fix: impl Into<Fix>) -> Self {
        let Fix { text, recipe } = fix.into();
        Self { rule, seen: seen.into(), webhook: None, fix: text, recipe }
    }

    /// Replaces how to fix it.
    pub(super) fn set_fix(&mut self, fix: Fix) {
        (self.fix, self.recipe) = (fix.text, fix.recipe);
    }

    /// Sets the text of Meta's webhook.
    #[must_use]
    pub fn webhook(self, details: impl Into<String>) -> Self {
        Self { webhook: Some(details.into()), ..self }
    }
}
