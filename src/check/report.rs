//! All that is told of one asset.

use std::fmt;

use super::{Finding, Severity};
use crate::asset::CachePolicy;
use crate::whatsapp::{Kind, Treatment};

/// What was found out of one file, object or URL.
///
/// Its texts may hold anything that a file's name or a server said, control characters included: who prints them escapes them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The asset as it was named: a path, a bucket's URL, a URL.
    pub asset: String,
    /// The kind of message that sends it; `None` where nothing was there to judge.
    pub kind: Option<Kind>,
    /// The `Content-Type` under which it comes.
    pub media_type: Option<String>,
    /// What its bytes are, by the format's usual name.
    pub format: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    /// What WhatsApp's link cache does with it, where it is known under which policy it comes.
    pub caching: Option<Caching>,
    /// What else was seen, each under its name in lower case (`status`, `first byte`), in the order to be told in.
    pub details: Vec<(&'static str, String)>,
    /// What it is found wanting in, the worst first.
    pub findings: Vec<Finding>,
}

/// How an asset will be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caching {
    /// The `Cache-Control` under which it comes; `None` where there is none.
    pub policy: Option<String>,
    /// What WhatsApp does with it where it follows the headers: one sentence without its full stop.
    pub treatment: String,
}

/// What the findings of an asset come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing was found.
    Fine,
    /// The worst of what was found.
    Found(Severity),
}

impl Report {
    /// Of the asset that was named so, nothing is known yet.
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

    /// What its findings come to.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.rule.severity).max().map_or(Verdict::Fine, Verdict::Found)
    }

    /// Puts the worst findings first; those that are equally bad stay in their order.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    }
}

impl Caching {
    /// Under a policy of ours.
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
    fn a_report_is_as_bad_as_the_worst_of_its_findings() {
        let mut report = Report::new("a.jpg");
        assert_eq!(report.verdict().name(), "fine");
        for severity in [Severity::Advice, Severity::Refused, Severity::Doubtful] {
            let rule = rules::all().find(|rule| rule.severity == severity).expect("there is one of each");
            report.findings.push(Finding::new(rule, "", ""));
        }
        assert_eq!(report.verdict(), Verdict::Found(Severity::Refused));
        report.sort();
        let order: Vec<_> = report.findings.iter().map(|finding| finding.rule.severity.name()).collect();
        assert_eq!(order, ["refused", "doubtful", "advice"]);
    }
}
