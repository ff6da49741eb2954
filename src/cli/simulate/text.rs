//! Text output of a simulation: subject, plot, totals and timeline.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::subject::Sort;
use super::table::{span, table};
use super::{Report, Run, TimelineLength, name, recommend};
use crate::escape::escaped;
use crate::simulate::{Answer, Cell, Line, Stretch, What};
use crate::whatsapp::link_cache::{CacheControl, EtagAlone, Regime, Revalidation};

/// Width of the labels to the left of the plot.
const LABEL: usize = 24;

/// Number of cells in a plot: as many as fit in the terminal, or in a line of 80 characters.
pub(super) fn plot_width() -> usize {
    let columns: usize =
        rustix::termios::tcgetwinsize(std::io::stdout()).map_or(80, |size| size.ws_col.into());
    let columns = if columns == 0 { 80 } else { columns };
    columns.saturating_sub(LABEL + 2).clamp(10, 120)
}

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    write_subject(&mut text, report);
    write_plot(&mut text, report);
    write_totals(&mut text, report);
    if report.timeline != TimelineLength::None {
        report.runs.iter().for_each(|run| write_timeline(&mut text, run));
    }
    if let Some(recommended) = &report.recommended {
        let storage = match report.subject.headers.cache_control {
            CacheControl::Says(storage) => Some(storage),
            CacheControl::Absent | CacheControl::Unknown => None,
        };
        recommend::write(&mut text, recommended, &report.subject.pattern, storage);
    }
    text
}

fn write_subject(text: &mut String, report: &Report) {
    let Report { subject, schedule, .. } = report;
    let size = report.size.map_or(String::new(), |size| format!(" ({})", HumanBytes(size)));
    let validators = match (subject.headers.last_modified.is_some(), subject.headers.etag) {
        (true, true) => "with Last-Modified and ETag",
        (true, false) => "with Last-Modified, without ETag",
        (false, true) => "with ETag, without Last-Modified",
        (false, false) => "without Last-Modified and ETag",
    };
    let assumed = if subject.sort == Sort::Value { " (assumed)" } else { "" };
    let _ = writeln!(text, "{}{size}, {validators}{assumed}", escaped(&subject.named));
    let (sends, edits) = (schedule.send_count(), schedule.edit_count());
    let _ = writeln!(
        text,
        "{sends} send{} and {edits} edit{} within {}; the server serves an edit at once",
        plural(sends),
        plural(edits),
        span(schedule.length())
    );
    if report.runs.iter().any(|run| matches!(run.regime, Regime::Headers { .. })) {
        text.push_str(match report.revalidation {
            Revalidation::Plain => {
                "assumes that no-cache is revalidated by a plain GET (change with --revalidation conditional)\n"
            }
            Revalidation::Conditional => "assumes that no-cache is revalidated by a GET with If-Modified-Since\n",
        });
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn label(run: &Run) -> String {
    format!("{}, {}", name(run.regime), run.links.name())
}

fn write_plot(text: &mut String, report: &Report) {
    let Some(first) = report.runs.first() else { return };
    text.push('\n');
    if first.strip.edits().contains(&true) {
        let marks: String = first.strip.edits().iter().map(|edit| if *edit { 'v' } else { ' ' }).collect();
        let _ = writeln!(text, "{:LABEL$}{}", "edits", marks.trim_end());
    }
    for run in &report.runs {
        let cells: String = run.strip.cells().iter().map(|cell| symbol(*cell)).collect();
        let _ = writeln!(text, "{:LABEL$}{}", label(run), cells.trim_end());
    }
    text.push_str(
        "  # fetched (200)   = revalidated (304)   . from WhatsApp's cache   ! an old version was sent\n",
    );
}

fn symbol(cell: Cell) -> char {
    match cell {
        Cell::Nothing => ' ',
        Cell::Cache => '.',
        Cell::NotModified => '=',
        Cell::Whole => '#',
        Cell::Old => '!',
    }
}

fn write_totals(text: &mut String, report: &Report) {
    let mut rows = vec![
        ["regime, links", "requests", "304", "bodies", "bytes", "cached", "old sends", "longest old"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(report.runs.iter().map(|run| {
        let totals = &run.totals;
        let counts = [totals.requests, totals.not_modified, totals.bodies].map(|count| count.to_string());
        let bytes = report.size.map_or("-".to_owned(), |size| HumanBytes(totals.bytes(size)).to_string());
        let mut row = vec![label(run)];
        row.extend(counts);
        row.extend([bytes, totals.from_cache.to_string(), totals.old_sends.to_string()]);
        row.push(if totals.old_sends == 0 { "-".to_owned() } else { span(totals.longest_old) });
        row
    }));
    text.push('\n');
    table(text, &rows, 1);
}

fn write_timeline(text: &mut String, run: &Run) {
    let field = match &run.cache_control {
        Some(value) => format!("Cache-Control: {}", value.escape_debug()),
        None => "no Cache-Control".to_owned(),
    };
    let _ = writeln!(text, "\n{} links, {}: {field}", run.links.name(), regime_in_words(run.regime));
    for line in run.timeline.lines() {
        match line {
            Line::Stretch(stretch) => write_stretch(text, &stretch),
            Line::LeftOut { sends, edits, .. } => {
                let edits = if edits == 0 { String::new() } else { format!(" and {edits} edits") };
                let _ = writeln!(text, "  ... {sends} sends{edits} (--timeline all)");
            }
        }
    }
}

fn regime_in_words(regime: Regime) -> &'static str {
    match regime {
        Regime::Headers { etag_alone: EtagAlone::Ignored, .. } => "by the response headers",
        Regime::Headers { etag_alone: EtagAlone::KeptForGood, .. } => {
            "by the response headers, if a lone ETag makes it cached for good (unpredictable; this is one extreme)"
        }
        Regime::Fixed => "10 minutes for each link",
    }
}

fn write_stretch(text: &mut String, stretch: &Stretch) {
    let Stretch { first, last, version, what } = stretch;
    let when = if first == last { span(*first) } else { format!("{} to {}", span(*first), span(*last)) };
    let what = match what {
        What::Edit => format!("edited: version {version}"),
        What::Sends { count, answer, old_for } => {
            let how = match answer {
                Answer::Cache => "from the cache",
                Answer::Whole => "fetched",
                Answer::NotModified => "revalidated (304)",
            };
            let old = old_for.map_or(String::new(), |age| format!(", OLD for {}", span(age)));
            format!("{count} x {how}: version {version}{old}")
        }
    };
    let _ = writeln!(text, "  {when:<24} {what}");
}
