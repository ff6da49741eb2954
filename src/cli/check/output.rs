//! Prints check results as text or JSON lines, with a summary, and decides the exit code.
//!
//! Text from files, file names and servers is escaped here, so that no control characters reach a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal;

use serde_json::{Map, Value, json};

use super::super::progress::Progress;
use super::super::{CommandError, Exit, print, print_stderr};
use super::Format;
use crate::check::{Finding, Report, Severity, Verdict};
use crate::escape::{escaped, json_line};
use crate::whatsapp::CURRENT_REGIME;

/// Prints reports one by one and counts the verdicts.
pub(super) struct Printer {
    format: Format,
    passes: Passes,
    has_colour: bool,
    counts: Counts,
    /// The progress indicator, which output must not overwrite.
    progress: Progress,
}

/// Which verdicts pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    /// All but refused.
    Unrefused,
    /// All but refused and doubtful.
    Undoubted,
}

/// How much of a report the text output has. JSON output always has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Summary, details, caching and findings.
    Full,
    /// Summary and findings, for one of several arguments.
    Line,
    /// Summary and findings, or nothing without findings, for one of many assets.
    Found,
}

#[derive(Debug, Default)]
struct Counts {
    checked: u64,
    fine: u64,
    advice: u64,
    doubtful: u64,
    refused: u64,
    skipped: u64,
    failed: u64,
    /// Arguments that do not exist.
    missing: u64,
    /// Refused and doubtful assets whose fix passes.
    fixed_refused: u64,
    fixed_doubtful: u64,
    /// Refused assets whose fix is doubtful.
    left_doubtful: u64,
    /// All fixed assets; `None` until a fix was tried.
    fixed: Option<u64>,
    /// Assets whose fix met a system error.
    not_fixed: u64,
}

impl Printer {
    pub(super) fn new(format: Format, passes: Passes) -> Self {
        let has_colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { format, passes, has_colour, counts: Counts::default(), progress: Progress::new("checked") }
    }

    /// Advances the progress indicator.
    pub(super) fn advance(&mut self, count: u64) {
        self.progress.advance(count);
    }

    /// Prints the report of one asset and counts its verdict.
    pub(super) fn report(&mut self, report: &Report, detail: Detail) -> Result<(), CommandError> {
        self.counts.add(report.verdict());
        self.report_uncounted(report, detail)
    }

    /// Prints a report on something that is no asset, such as a folder.
    pub(super) fn report_uncounted(&mut self, report: &Report, detail: Detail) -> Result<(), CommandError> {
        match self.format {
            Format::Json => self.print(&json_line(&as_json(report))),
            Format::Text if detail == Detail::Found && report.findings.is_empty() => Ok(()),
            Format::Text => self.print(&self.as_text(report, detail)),
        }
    }

    /// Prints a system error for an asset that could not be checked.
    pub(super) fn failed(&mut self, asset: &str, reason: &str) -> Result<(), CommandError> {
        self.counts.failed += 1;
        self.print_error(asset, reason)
    }

    /// Prints the error for an argument that does not exist.
    pub(super) fn missing(&mut self, asset: &str, reason: &str) -> Result<(), CommandError> {
        self.counts.missing += 1;
        self.print_error(asset, reason)
    }

    fn print_error(&self, asset: &str, reason: &str) -> Result<(), CommandError> {
        match self.format {
            Format::Json => self.print(&json_line(&json!({ "asset": asset, "error": reason }))),
            Format::Text => {
                let line = format!("wamedia: {}: {}\n", escaped(asset), escaped(reason));
                self.progress.suspend(|| print_stderr(&line));
                Ok(())
            }
        }
    }

    /// Prints the report of a fixed asset, which `tools` wrote, and counts the original by it.
    pub(super) fn fixed(
        &mut self,
        original: &Report,
        result: &Report,
        tools: &[&str],
    ) -> Result<(), CommandError> {
        self.counts.count_fixed(original.verdict(), result.verdict());
        match self.format {
            Format::Json => {
                let mut line = as_json(result);
                line["fixed_from"] = json!(original.asset);
                line["tools"] = json!(tools);
                self.print(&json_line(&line))
            }
            Format::Text => {
                let by = format!("  fixed with {}:\n", tools.join(" and "));
                self.print(&format!("{by}{}", self.as_text(result, Detail::Line)))
            }
        }
    }

    /// Prints why an asset was not fixed.
    pub(super) fn not_fixed(
        &mut self,
        original: &Report,
        reason: &str,
        is_system_error: bool,
    ) -> Result<(), CommandError> {
        self.counts.fixed.get_or_insert(0);
        self.counts.not_fixed += u64::from(is_system_error);
        match self.format {
            Format::Json => self.print(&json_line(&json!({ "asset": original.asset, "fix_error": reason }))),
            Format::Text => self.print(&format!("  not fixed: {}\n", escaped(reason))),
        }
    }

    /// Counts assets that are not served and were not checked.
    pub(super) fn skipped(&mut self, count: u64) {
        self.counts.skipped += count;
    }

    /// Prints the summary. For the exit code, failed checks take precedence over system errors.
    pub(super) fn finish(self) -> Result<Exit, CommandError> {
        self.progress.finish();
        let counts = &self.counts;
        match self.format {
            Format::Json => self.print(&json_line(&json!({ "summary": counts.as_json() })))?,
            Format::Text if counts.checked + counts.failed + counts.missing + counts.skipped != 1 => {
                self.print(&format!("{}\n", counts.as_text()))?;
            }
            Format::Text => {}
        }
        Ok(counts.exit(self.passes))
    }

    fn print(&self, text: &str) -> Result<(), CommandError> {
        self.progress.suspend(|| print(text))
    }

    fn as_text(&self, report: &Report, detail: Detail) -> String {
        let mut text = String::new();
        let verdict = report.verdict();
        let _ = writeln!(
            text,
            "{} {}{}",
            self.painted(verdict, verdict.name()),
            self.bold(&escaped(&report.asset)),
            description(report)
        );
        if detail == Detail::Full {
            for (name, value) in &report.details {
                let _ = writeln!(text, "  {name}: {}", escaped(value));
            }
            if let Some(caching) = &report.caching {
                let policy = caching.policy.as_deref().unwrap_or("no Cache-Control");
                let _ = writeln!(text, "  cached: {} ({})", escaped(&caching.treatment), escaped(policy));
                let _ = writeln!(text, "          {CURRENT_REGIME}");
            }
        }
        for finding in &report.findings {
            self.write_finding(&mut text, finding);
        }
        text
    }

    fn write_finding(&self, text: &mut String, finding: &Finding) {
        let rule = finding.rule;
        let head = format!("{}[{}]", rule.severity.name(), rule.id);
        let _ = writeln!(text, "  {}: {}", self.painted(Verdict::Found(rule.severity), &head), rule.title);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "    {name:<8} {value}");
        };
        line("seen", &escaped(&finding.seen));
        match (&finding.webhook, rule.code) {
            (Some(details), Some(code)) => line("webhook", &format!("{code} {}", escaped(details))),
            (Some(details), None) => line("webhook", &escaped(details)),
            (None, Some(code)) => line("webhook", &code.to_string()),
            (None, None) => {}
        }
        for (number, part) in finding.fix.lines().enumerate() {
            line(if number == 0 { "fix" } else { "" }, &escaped(part));
        }
        line("source", &format!("{} ({})", rule.source, rule.evidence.name()));
    }

    fn painted(&self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Fine => "32",
            Verdict::Found(Severity::Advice) => "36",
            Verdict::Found(Severity::Doubtful) => "33",
            Verdict::Found(Severity::Refused) => "31",
        };
        if self.has_colour { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.has_colour { format!("\x1b[1m{text}\x1b[0m").into() } else { text.into() }
    }
}

/// `: JPEG as image, image/jpeg, 12345 bytes`
fn description(report: &Report) -> String {
    let mut parts = Vec::new();
    match (&report.format, report.kind) {
        (Some(format), Some(kind)) => parts.push(format!("{} as {kind}", escaped(format))),
        (Some(format), None) => parts.push(escaped(format).into_owned()),
        (None, Some(kind)) => parts.push(format!("as {kind}")),
        (None, None) => {}
    }
    parts.extend(report.media_type.as_deref().map(|media_type| escaped(media_type).into_owned()));
    parts.extend(report.size.map(|size| format!("{size} bytes")));
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// A report as one JSON object. The format is stable: names may be added, but none is removed or changes its meaning.
///
/// | name | value |
/// | --- | --- |
/// | `asset` | the asset as named in the command |
/// | `verdict` | `fine`, `advice`, `doubtful`, `refused`: the worst of the findings |
/// | `kind` | the kind of message that sends it, or null |
/// | `media_type`, `format`, `size` | `Content-Type`, name of the format of the bytes, number of bytes; each may be null |
/// | `caching` | null, or `policy` (or null) and `treatment`, a sentence |
/// | `details` | an object of texts by their names |
/// | `findings` | objects of `id`, `severity`, `title`, `seen`, `source`, `evidence`, `code`, `webhook`, `fix`; `code` and `webhook` may be null |
///
/// An asset that could not be checked is an object of `asset` and `error`. The last line is an object with the one name `summary`: the
/// numbers of assets `checked`, of these `fine`, `advice`, `doubtful`, `refused`; and `skipped` (not served) or `failed`.
fn as_json(report: &Report) -> Value {
    let details: Map<_, _> =
        report.details.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let caching = report
        .caching
        .as_ref()
        .map(|caching| json!({ "policy": caching.policy, "treatment": caching.treatment }));
    let findings: Vec<_> = report.findings.iter().map(finding_as_json).collect();
    json!({
        "asset": report.asset,
        "verdict": report.verdict().name(),
        "kind": report.kind.map(crate::whatsapp::Kind::name),
        "media_type": report.media_type,
        "format": report.format,
        "size": report.size,
        "caching": caching,
        "details": details,
        "findings": findings,
    })
}

fn finding_as_json(finding: &Finding) -> Value {
    let rule = finding.rule;
    json!({
        "id": rule.id,
        "severity": rule.severity.name(),
        "title": rule.title,
        "seen": finding.seen,
        "source": rule.source,
        "evidence": rule.evidence.name(),
        "code": rule.code,
        "webhook": finding.webhook,
        "fix": finding.fix,
    })
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        self.checked += 1;
        *match verdict {
            Verdict::Fine => &mut self.fine,
            Verdict::Found(Severity::Advice) => &mut self.advice,
            Verdict::Found(Severity::Doubtful) => &mut self.doubtful,
            Verdict::Found(Severity::Refused) => &mut self.refused,
        } += 1;
    }

    /// Counts an asset of the verdict `before` whose fix has the verdict `after`.
    fn count_fixed(&mut self, before: Verdict, after: Verdict) {
        *self.fixed.get_or_insert(0) += 1;
        match (before, after) {
            (Verdict::Found(Severity::Refused), Verdict::Found(Severity::Doubtful)) => {
                // It counts as a doubtful asset does.
                self.fixed_refused += 1;
                self.left_doubtful += 1;
            }
            (Verdict::Found(Severity::Refused), _) => self.fixed_refused += 1,
            (Verdict::Found(Severity::Doubtful), _) => self.fixed_doubtful += 1,
            _ => {}
        }
    }

    fn exit(&self, passes: Passes) -> Exit {
        let refused = self.refused - self.fixed_refused;
        let rejected = match passes {
            Passes::Unrefused => refused,
            Passes::Undoubted => refused + self.left_doubtful + self.doubtful - self.fixed_doubtful,
        };
        match (rejected + self.missing, self.failed + self.not_fixed) {
            (0, 0) => Exit::Fine,
            (0, _) => Exit::System,
            _ => Exit::No,
        }
    }

    fn as_json(&self) -> Value {
        let mut counts = json!({
            "checked": self.checked,
            "fine": self.fine,
            "advice": self.advice,
            "doubtful": self.doubtful,
            "refused": self.refused,
            "skipped": self.skipped,
            "failed": self.failed + self.missing,
        });
        if let Some(fixed) = self.fixed {
            counts["fixed"] = fixed.into();
        }
        counts
    }

    fn as_text(&self) -> String {
        let mut text = format!("{} checked", self.checked);
        let parts = [
            (self.refused, "refused"),
            (self.doubtful, "doubtful"),
            (self.advice, "with advice"),
            (self.fine, "fine"),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !parts.is_empty() {
            let _ = write!(text, ": {}", parts.join(", "));
        }
        if self.skipped > 0 {
            let _ = write!(text, "; {} skipped, since not served", self.skipped);
        }
        if let Some(fixed) = self.fixed {
            let _ = write!(text, "; {fixed} fixed");
        }
        let failed = self.failed + self.missing;
        if failed > 0 {
            let _ = write!(text, "; {failed} could not be checked");
        }
        text
    }
}
