//! `wamedia simulate`: simulates WhatsApp's documented link caches over a schedule of sends and edits.
//!
//! `subject` resolves the argument, with `url` for the headers of a URL. [`crate::simulate`] runs the simulation. `text` and `json` format
//! the result.

mod json;
mod recommend;
mod subject;
mod table;
mod text;
mod url;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};

use super::{CommandError, Exit, print};
use crate::asset::CachePolicy;
use crate::config::byte_size;
use crate::simulate::{
    Advice, Extent, Links, Requirements, Scenario, Schedule, Strip, Timeline, Times, Totals, advise,
};
use crate::whatsapp::link_cache::{CacheControl, EtagAlone, Regime, Revalidation};
use subject::Subject;

/// Simulate WhatsApp's documented link caches over a schedule of sends
///
/// Predicts how often WhatsApp requests the asset, how many bytes the server sends, and for how long customers see an old version.
/// Two caching regimes are documented, and both are simulated: the older one follows the response headers, the current one
/// caches each link for 10 minutes by its exact text.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// The path of an asset, a file outside all mounts (under the default policy), a URL (requested once for its headers), or a
    /// Cache-Control value (none: a response without one). For a file named like a value, write ./no-cache
    #[arg(value_name = "PATH|URL|VALUE")]
    named: String,

    /// Interval between sends, from the start on [default: 5m without --send-at]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    send_every: Option<Duration>,

    /// Time of a send, from the start; repeatable
    #[arg(long, value_name = "SPAN", value_parser = span)]
    send_at: Vec<Duration>,

    /// Length of the schedule
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "1d")]
    length: Duration,

    /// Time of an edit of the asset, from the start; repeatable
    #[arg(long, value_name = "SPAN", value_parser = span)]
    edit_at: Vec<Duration>,

    /// Interval between edits of the asset
    #[arg(long, value_name = "SPAN", value_parser = span)]
    edit_every: Option<Duration>,

    /// The caching regimes to simulate
    #[arg(long, value_name = "REGIME", default_value = "both")]
    regime: Regimes,

    /// The links to send: plain (one link for all versions) or versioned (the link names its version)
    #[arg(long, value_name = "LINKS", default_value = "both")]
    links: WhichLinks,

    /// How WhatsApp revalidates what it keeps under no-cache, which Meta does not document
    #[arg(long, value_name = "HOW", default_value = "plain")]
    revalidation: RevalidationMethod,

    /// Size of the asset, such as 300 KiB [default: its real size]
    #[arg(long, value_name = "BYTES", value_parser = byte_size)]
    size: Option<u64>,

    /// For a VALUE: the validators of the response [default: both]
    #[arg(long, value_name = "WHICH")]
    validators: Option<Validators>,

    /// Recommend the policy with the fewest requests that shows every edit within this time
    #[arg(long, value_name = "SPAN", value_parser = span)]
    fresh_within: Option<Duration>,

    /// How much of the timeline to print
    #[arg(long, value_name = "HOW", default_value = "short")]
    timeline: TimelineLength,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

const HELP: &str = "\
Examples:
  wamedia simulate prices/price-list.pdf --edit-at 2h --edit-at 9h30m
  wamedia simulate ./banner.jpg --send-every 10m
  wamedia simulate max-age=3600 --send-every 1m --for 7d --edit-every 1d --size '300 KiB'
  wamedia simulate https://media.example.com/banner.jpg --edit-at 2h --format json
  wamedia simulate no-cache --revalidation conditional --regime headers
  wamedia simulate prices/price-list.pdf --edit-every 6h --fresh-within 1h

JSON is one object. `subject` has the argument and its headers, `schedule` and `assumptions` the
input, `advice` the recommendation of --fresh-within, if given. `runs` has, for each regime and kind
of link, `totals` (sends, edits, requests, not_modified, bodies, bytes, from_cache, old_sends,
longest_old_ms) and `timeline`. `bytes` is null if the size is not known. Times are milliseconds.

Exit codes: 0 success, 1 there is no such asset, or no policy meets --fresh-within, 2 wrong usage or
configuration, 3 the file, the bucket or the URL could not be read.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Regimes {
    /// Follows the response headers (2022 to API v20)
    Headers,
    /// Caches each link for 10 minutes by its exact text (since April 2026)
    Fixed,
    /// Both, one after the other
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhichLinks {
    /// One link for all versions
    Plain,
    /// A link for each version, as wamedia link prints it
    Versioned,
    /// Both, one after the other
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RevalidationMethod {
    /// A plain GET, and compares Last-Modified: the likely meaning of Meta's page, and the most bytes
    Plain,
    /// A GET with If-Modified-Since, which a 304 can answer
    Conditional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Validators {
    /// Last-Modified and ETag
    Both,
    /// Last-Modified only
    LastModified,
    /// ETag only
    Etag,
    /// Neither
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimelineLength {
    /// The beginning, the first edits and the end
    Short,
    /// All of it
    All,
    /// None of it
    None,
}

impl From<TimelineLength> for Extent {
    fn from(length: TimelineLength) -> Self {
        match length {
            TimelineLength::Short => Self::Short,
            TimelineLength::All => Self::All,
            TimelineLength::None => Self::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Text,
    /// One JSON object
    Json,
}

/// One simulation and its results.
struct Run {
    regime: Regime,
    links: Links,
    /// The Cache-Control of responses to the links of this run.
    cache_control: Option<String>,
    totals: Totals,
    timeline: Timeline,
    strip: Strip,
}

/// A recommendation and its input.
struct Recommended {
    within: Duration,
    regimes: Vec<Regime>,
    versioned: CachePolicy,
    advice: Advice,
}

/// The result of the command.
struct Report {
    subject: Subject,
    schedule: Schedule,
    revalidation: Revalidation,
    size: Option<u64>,
    timeline: TimelineLength,
    runs: Vec<Run>,
    recommended: Option<Recommended>,
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    let schedule = schedule(arguments)?;
    let begins = this_second();
    let subject = subject::find(&arguments.named, arguments.validators, config, begins)?;
    let size = arguments.size.or(subject.size);
    let sends = schedule.send_count() as u64;
    if size.is_some_and(|size| size.checked_mul(sends).is_none()) {
        let reason = "--size: the total number of bytes overflows; give a smaller size";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    // The schedule cannot begin before the existing version was made.
    let begins = subject.headers.last_modified.map_or(begins, |date| begins.max(date.into()));
    let runs = runs(arguments, &subject, &schedule, begins, size);
    let recommended =
        arguments.fresh_within.map(|within| recommended(arguments, within, &subject, &schedule, begins));
    let exit = match &recommended {
        Some(recommended) if recommended.advice.best.is_none() => Exit::No,
        _ => Exit::Fine,
    };
    let revalidation = arguments.revalidation.into();
    let report =
        Report { subject, schedule, revalidation, size, timeline: arguments.timeline, runs, recommended };
    print(&match arguments.format {
        Format::Text => text::render(&report),
        Format::Json => json::render(&report),
    })?;
    Ok(exit)
}

/// The current time, rounded down to a whole second, since Last-Modified has whole seconds.
fn this_second() -> SystemTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn schedule(arguments: &Arguments) -> Result<Schedule, CommandError> {
    let usual = arguments.send_at.is_empty().then_some(Duration::from_mins(5));
    let sends = Times { every: arguments.send_every.or(usual), at: &arguments.send_at };
    let edits = Times { every: arguments.edit_every, at: &arguments.edit_at };
    Schedule::new(sends, edits, arguments.length)
        .map_err(|e| CommandError::new(Exit::Usage, format_args!("the schedule: {e}")))
}

fn runs(
    arguments: &Arguments,
    subject: &Subject,
    schedule: &Schedule,
    begins: SystemTime,
    size: Option<u64>,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for links in arguments.links.each() {
        let (cache_control, mut headers) = (subject.cache_control(links), subject.headers);
        headers.cache_control = CacheControl::read(cache_control.as_deref());
        let alone =
            headers.etag && headers.cache_control == CacheControl::Absent && headers.last_modified.is_none();
        for regime in arguments.regimes(alone) {
            let origin = crate::simulate::Origin { headers, size };
            let scenario = Scenario { schedule, begins, origin, links, regime };
            let mut run = Run {
                regime,
                links,
                cache_control: cache_control.clone(),
                totals: Totals::default(),
                timeline: Timeline::new(arguments.timeline.into()),
                strip: Strip::new(text::plot_width(), schedule.length()),
            };
            scenario.play(|event| {
                run.totals.count(event);
                if arguments.timeline != TimelineLength::None {
                    run.timeline.record(event);
                }
                run.strip.record(event);
            });
            runs.push(run);
        }
    }
    runs
}

fn recommended(
    arguments: &Arguments,
    within: Duration,
    subject: &Subject,
    schedule: &Schedule,
    begins: SystemTime,
) -> Recommended {
    let regimes = arguments.regimes(false);
    let links = arguments.links.each();
    let versioned = subject.versioned.clone();
    let requirements =
        Requirements { within, schedule, begins, versioned: &versioned, links: &links, regimes: &regimes };
    let advice = advise(&requirements);
    Recommended { within, regimes, versioned, advice }
}

impl Arguments {
    /// The regimes to simulate. Under the older one, a lone ETag has two possible outcomes, so both are simulated.
    fn regimes(&self, etag_alone: bool) -> Vec<Regime> {
        let revalidation = self.revalidation.into();
        let headers = |etag_alone| Regime::Headers { etag_alone, revalidation };
        let mut regimes = Vec::new();
        if self.regime != Regimes::Fixed {
            regimes.push(headers(EtagAlone::Ignored));
            if etag_alone {
                regimes.push(headers(EtagAlone::KeptForGood));
            }
        }
        if self.regime != Regimes::Headers {
            regimes.push(Regime::Fixed);
        }
        regimes
    }
}

impl WhichLinks {
    fn each(self) -> Vec<Links> {
        match self {
            Self::Plain => vec![Links::Plain],
            Self::Versioned => vec![Links::Versioned],
            Self::Both => vec![Links::Plain, Links::Versioned],
        }
    }
}

impl From<RevalidationMethod> for Revalidation {
    fn from(method: RevalidationMethod) -> Self {
        match method {
            RevalidationMethod::Plain => Self::Plain,
            RevalidationMethod::Conditional => Self::Conditional,
        }
    }
}

/// The name of a regime in results.
fn name(regime: Regime) -> &'static str {
    match regime {
        Regime::Headers { etag_alone: EtagAlone::Ignored, .. } => "headers",
        Regime::Headers { etag_alone: EtagAlone::KeptForGood, .. } => "headers-etag",
        Regime::Fixed => "fixed",
    }
}

/// Parses a time span in whole milliseconds.
fn span(text: &str) -> Result<Duration, String> {
    let fix = "write numbers with units, such as 90s, 5m, 2h30m or 7d";
    let span = match text {
        "0" => Duration::ZERO,
        text => humantime::parse_duration(text).map_err(|e| format!("{e}; {fix}"))?,
    };
    if span.subsec_nanos() % 1_000_000 == 0 {
        Ok(span)
    } else {
        Err(format!("not a whole number of milliseconds; {fix}"))
    }
}
