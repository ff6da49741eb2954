//! `wamedia simulate`: WhatsApp's documented link caches, played over a schedule of sends and edits.
//!
//! What is named is found out in `subject`, a URL's headers in `url`; what happens is the simulation's, in
//! `check::simulation`; how it is told, for `text` and `json`.

mod json;
mod recommend;
mod subject;
mod table;
mod text;
mod url;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};

use super::{Exit, CommandError, print};
use crate::asset::CachePolicy;
use crate::config::byte_size;
use crate::simulate::{
    Advice, Ask, Extent, Links, Scenario, Schedule, Strip, Timeline, Times, Totals, advise,
};
use crate::whatsapp::link_cache::{CacheControl, EtagAlone, Regime, Revalidation};
use subject::Subject;

/// Play WhatsApp's documented link caches over a schedule of sends
///
/// Says how often WhatsApp asks the server, how many bytes go out, and for how long customers are shown an old version. Two
/// regimes are documented, and both are played: the older one follows the response headers, the current one keeps each link
/// for 10 minutes by its exact text.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// An asset as its path, a file that lies in no mount (under the default policy), a URL that is fetched once for its headers, or
    /// a Cache-Control value (none: a response without one). A word that is such a value is one: write ./no-cache for a file of that name
    #[arg(value_name = "PATH|URL|VALUE")]
    named: String,

    /// A message is sent every so often, from the beginning on [default: 5m, if there is no --send-at]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    send_every: Option<Duration>,

    /// A message is sent so long after the beginning; repeatable
    #[arg(long, value_name = "SPAN", value_parser = span)]
    send_at: Vec<Duration>,

    /// How long the schedule is
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "1d")]
    length: Duration,

    /// The asset is edited so long after the beginning; repeatable
    #[arg(long, value_name = "SPAN", value_parser = span)]
    edit_at: Vec<Duration>,

    /// The asset is edited every so often
    #[arg(long, value_name = "SPAN", value_parser = span)]
    edit_every: Option<Duration>,

    /// Which of the documented regimes are played
    #[arg(long, value_name = "REGIME", default_value = "both")]
    regime: Regimes,

    /// Which links are sent: one that always means the current version, or one that names its version
    #[arg(long, value_name = "LINKS", default_value = "both")]
    links: WhichLinks,

    /// How WhatsApp asks again for what it keeps under no-cache, which is documented nowhere
    #[arg(long, value_name = "HOW", default_value = "plain")]
    revalidation: Asking,

    /// The length of the asset, such as 300 KiB [default: an asset's own]
    #[arg(long, value_name = "BYTES", value_parser = byte_size)]
    size: Option<u64>,

    /// For a VALUE: which of Last-Modified and ETag go with it [default: both]
    #[arg(long, value_name = "WHICH")]
    validators: Option<Validators>,

    /// Recommend the policy with the fewest requests under which every edit is visible after so long
    #[arg(long, value_name = "SPAN", value_parser = span)]
    fresh_within: Option<Duration>,

    /// How much of the timeline is told
    #[arg(long, value_name = "HOW", default_value = "short")]
    timeline: HowMuch,

    /// How the result is printed
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

JSON is one object. `subject` says what was named and its headers, `schedule` and `assumptions`
what was played, `advice` what --fresh-within recommends, if it is asked for. `runs` has, for each
regime and sort of link, `totals` (sends, edits, requests, not_modified, bodies, bytes, from_cache,
old_sends, longest_old_ms) and `timeline`. `bytes` is null where no length is known. Times are
milliseconds.

Exit codes: 0 it was played, 1 there is no such asset or no policy that is fresh enough, 2 wrong
usage or configuration, 3 the file, the bucket or the URL could not be read.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Regimes {
    /// By the response headers, 2022 to API v20
    Headers,
    /// 10 minutes by the link's exact text, since April 2026
    Fixed,
    /// One after the other
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhichLinks {
    /// One for all versions
    Plain,
    /// As wamedia link prints them
    Versioned,
    /// One after the other
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Asking {
    /// A plain GET, whose Last-Modified is compared: what the page reads like, and the most bytes
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
enum HowMuch {
    /// The beginning, the first edits and the end
    Short,
    /// Everything
    All,
    /// Nothing
    None,
}

impl From<HowMuch> for Extent {
    fn from(how_much: HowMuch) -> Self {
        match how_much {
            HowMuch::Short => Self::Short,
            HowMuch::All => Self::All,
            HowMuch::None => Self::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// One simulation: what it was, and what happened.
struct Run {
    regime: Regime,
    links: Links,
    /// What the links of this run are answered with.
    cache_control: Option<String>,
    totals: Totals,
    timeline: Timeline,
    strip: Strip,
}

/// A recommendation, and what it was asked for.
struct Recommended {
    within: Duration,
    regimes: Vec<Regime>,
    versioned: CachePolicy,
    advice: Advice,
}

/// All that there is to tell.
struct Report {
    subject: Subject,
    schedule: Schedule,
    revalidation: Revalidation,
    size: Option<u64>,
    timeline: HowMuch,
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
        let reason =
            "--size: so many bytes, sent so often, are more than can be counted; give a smaller size";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    // A version that exists cannot be younger than the schedule in which it is edited.
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

/// The whole second that it is: within it, versions are told apart as in any other.
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
                if arguments.timeline != HowMuch::None {
                    run.timeline.see(event);
                }
                run.strip.see(event);
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
    let ask = Ask { within, schedule, begins, versioned: &versioned, links: &links, regimes: &regimes };
    let advice = advise(&ask);
    Recommended { within, regimes, versioned, advice }
}

impl Arguments {
    /// The regimes that are played. An ETag alone can lead to two things under the older one, and both of them are.
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

impl From<Asking> for Revalidation {
    fn from(asking: Asking) -> Self {
        match asking {
            Asking::Plain => Self::Plain,
            Asking::Conditional => Self::Conditional,
        }
    }
}

/// A regime's name in results.
fn name(regime: Regime) -> &'static str {
    match regime {
        Regime::Headers { etag_alone: EtagAlone::Ignored, .. } => "headers",
        Regime::Headers { etag_alone: EtagAlone::KeptForGood, .. } => "headers-etag",
        Regime::Fixed => "fixed",
    }
}

/// A span of time in whole milliseconds.
fn span(text: &str) -> Result<Duration, String> {
    let fix = "write numbers with their units, such as 90s, 5m, 2h30m or 7d";
    let span = match text {
        "0" => Duration::ZERO,
        text => humantime::parse_duration(text).map_err(|e| format!("{e}; {fix}"))?,
    };
    if span.subsec_nanos() % 1_000_000 == 0 {
        Ok(span)
    } else {
        Err(format!("it is no whole number of milliseconds; {fix}"))
    }
}
