//! Report of a check: everything found about one asset.

use std::fmt;

use super::{Finding, Severity};
use crate::asset::CachePolicy;
use crate::whatsapp::{Kind, Treatment};

/// The result of checking one file, object or URL.
///
/// Its texts may contain anything from a file name or a server, control characters included: code that prints them escapes them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The asset as the user named it: a path, a bucket URL or a URL.
    pub asset: String,
    /// The kind of message that sends it; `None` if there was nothing to judge.
    pub kind: Option<Kind>,
    /// Its `Content-Type`.
    pub media_type: Option<String>,
    /// The format of its bytes, by its usual name.
    pub format: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// How WhatsApp's link cache treats it, if its cache policy is known.
    pub caching: Option<Caching>,
    /// Other observations as name (in lower case, such as `status` or `first byte`) and value, in the order to print them.
    pub details: Vec<(&'static str, String)>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

/// How an asset will be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caching {
    /// Its `Cache-Control`; `None` if there is none.
    pub policy: Option<String>,
    /// How WhatsApp caches it if it follows the headers: one sentence without a full stop.
    pub treatment: String,
}

/// The overall result for an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No findings.
    Fine,
    /// The severity of the worst finding.
    Found(Severity),
}

impl Report {
    /// An empty report on the asset with this name.
    pub fn new(asset: impl Into<String>) -> Self {
        Self {
            asset: asset.into(),
            kind: None,
            media_type: None,
            format: None,
            size: None,
            caching: None,
            details: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The overall result: the severity of the worst finding.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.rule.severity).max().map_or(Verdict::Fine, Verdict::Found)
    }

    /// Puts the worst findings first; findings of equal severity keep their order.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    }
}

impl Caching {
    /// Caching under a cache policy that wamedia serves.
    pub fn under(policy: &CachePolicy) -> Self {
        Self { policy: Some(policy.as_str().to_owned()), treatment: Treatment::under(policy).to_string() }
    }
}

impl Verdict {
    /// `fine`, or the severity's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Found(severity) => severity.name(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::rules;

    #[test]
    fn the_verdict_is_the_severity_of_the_worst_finding() {
        let mut report = Report::new("a.jpg");
        assert_eq!(report.verdict().name(), "fine");
        for severity in [Severity::Advice, Severity::Refused, Severity::Doubtful] {
            let rule = rules::all().find(|rule| rule.severity == severity).expect("a rule of each severity");
            report.findings.push(Finding::new(rule, "", ""));
        }
        assert_eq!(report.verdict(), Verdict::Found(Severity::Refused));
        report.sort();
        let order: Vec<_> = report.findings.iter().map(|finding| finding.rule.severity.name()).collect();
        assert_eq!(order, ["refused", "doubtful", "advice"]);
    }
}
