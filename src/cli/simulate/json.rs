//! JSON output of a simulation. The format is stable: fields may be added, but none is renamed or removed.

use std::time::Duration;

use serde_json::{Value, json};

use super::recommend::rule;
use super::{Recommended, Report, Run, name};
use crate::escape::json_pretty;
use crate::simulate::{Line, Stretch, What};
use crate::whatsapp::link_cache::Revalidation;

pub(super) fn render(report: &Report) -> String {
    let Report { subject, schedule, .. } = report;
    let headers = &subject.headers;
    let mut object = json!({
        "subject": {
            "named": subject.named,
            "sort": subject.sort.name(),
            "last_modified": headers.last_modified.map(|date| date.to_string()),
            "etag": headers.etag,
            "size": report.size,
        },
        "schedule": {
            "for_ms": millis(schedule.length()),
            "sends": schedule.send_count(),
            "edits": schedule.edit_count(),
        },
        "assumptions": {
            "revalidation": match report.revalidation {
                Revalidation::Plain => "plain",
                Revalidation::Conditional => "conditional",
            },
        },
        "runs": report.runs.iter().map(|run| one_run(run, report)).collect::<Vec<_>>(),
    });
    if let Some(recommended) = &report.recommended {
        object["advice"] = advice(recommended, &subject.pattern);
    }
    json_pretty(&object)
}

fn one_run(run: &Run, report: &Report) -> Value {
    let totals = &run.totals;
    json!({
        "regime": name(run.regime),
        "links": run.links.name(),
        "cache_control": run.cache_control,
        "totals": {
            "sends": totals.sends,
            "edits": totals.edits,
            "requests": totals.requests,
            "not_modified": totals.not_modified,
            "bodies": totals.bodies,
            "bytes": report.size.map(|size| totals.bytes(size)),
            "from_cache": totals.from_cache,
            "old_sends": totals.old_sends,
            "longest_old_ms": millis(totals.longest_old),
        },
        "timeline": run.timeline.lines().iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(line: &Line) -> Value {
    match line {
        Line::LeftOut { sends, edits, .. } => {
            json!({ "event": "left_out", "sends": sends, "edits": edits })
        }
        Line::Stretch(Stretch { first, version, what: What::Edit, .. }) => {
            json!({ "event": "edit", "at_ms": millis(*first), "version": version })
        }
        Line::Stretch(Stretch { first, last, version, what: What::Sends { count, answer, old_for } }) => {
            json!({
                "event": "sends",
                "at_ms": millis(*first),
                "until_ms": millis(*last),
                "count": count,
                "answer": answer.name(),
                "version": version,
                "old_for_ms": old_for.map(millis),
            })
        }
    }
}

fn advice(recommended: &Recommended, pattern: &str) -> Value {
    let Recommended { within, regimes, versioned, advice } = recommended;
    let candidates: Vec<_> = advice
        .outcomes
        .iter()
        .map(|outcome| {
            let requests: serde_json::Map<_, _> = regimes
                .iter()
                .zip(&outcome.totals)
                .map(|(regime, totals)| (name(*regime).to_owned(), totals.requests.into()))
                .collect();
            json!({
                "cache_control": outcome.candidate.policy.as_str(),
                "links": outcome.candidate.links.name(),
                "requests": requests,
                "longest_possible_old_ms": millis(outcome.worst),
                "meets": outcome.meets,
            })
        })
        .collect();
    json!({
        "fresh_within_ms": millis(*within),
        "best": advice.best,
        "candidates": candidates,
        "rule": advice.best().map(|best| rule(&best.candidate, versioned, pattern)),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
