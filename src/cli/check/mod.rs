//! `wamedia check`: will WhatsApp take it, as what, and how will it be cached?
//!
//! What is named decides who looks: files and trees in `paths`, buckets in `bucket`, URLs in `urls`, a failed status in `webhook`. All of them
//! hand their results to `output`.

mod bucket;
mod output;
mod paths;
mod urls;
mod walk;
mod webhook;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::output::{Detail, Passes};
use super::{Exit, CommandError, load_or_none};
use crate::config::{Flags, Settings};
use crate::whatsapp::Kind;

/// Tell whether WhatsApp will take files or URLs, and how it will cache them
///
/// Of a folder or a bucket only what is found wanting is told, and a summary. What is refused will not arrive; what is doubtful may
/// not, or not as it is meant.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia check media
  wamedia check --strict media
  wamedia check media/campaign/banner.jpg
  wamedia check --as sticker luna.webp
  wamedia check s3://my-media/campaign --format json
  wamedia check https://media.example.com/campaign/banner.jpg
  wamedia check --webhook status.json

Exit codes: 0 nothing is refused, 1 something is (with --strict, or is doubtful), or is not there
(this wins over 3), 2 wrong usage or configuration, 3 something could not be looked at.")]
pub(super) struct Arguments {
    /// Files, folders, URLs, or s3://BUCKET/PREFIX, gs://…, az://…
    #[arg(value_name = "PATH|URL", required_unless_present = "webhook")]
    given: Vec<PathBuf>,

    /// The kind of message that is to send it: image, video, audio, document or sticker
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,

    /// Let what is doubtful decide the exit code as what is refused does; advice never does
    #[arg(long, conflicts_with = "webhook")]
    strict: bool,

    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// A failed status as WhatsApp's webhook brought it, or the text of its details: tell what it means [FILE or -]
    #[arg(long, value_name = "FILE", conflicts_with = "given")]
    webhook: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

/// Number of assets that are checked before the first result is printed: they run in parallel, and results keep their order.
const BATCH: usize = 1024;

/// What is asked of everything that is named.
struct Wanted<'s> {
    /// The kind of message that is to send it.
    as_kind: Option<Kind>,
    /// What is configured, where anything is: a check needs nothing.
    settings: Option<&'s Settings>,
    /// The file that says so, if one was named.
    config: Option<&'s Path>,
    /// How much is told of a single asset.
    detail: Detail,
}

pub(super) fn run(arguments: &Arguments, config: Option<&Path>) -> Result<Exit, CommandError> {
    if let Some(file) = &arguments.webhook {
        return webhook::run(file, arguments.format);
    }
    let passes = if arguments.strict { Passes::Undoubted } else { Passes::Unrefused };
    let mut printer = output::Printer::new(arguments.format, passes);
    let things: Vec<_> = arguments.given.iter().map(|given| Thing::of(given)).collect();
    // A URL needs no configuration, so a wrong one does not matter there.
    let needs_settings = things.iter().any(|thing| !matches!(thing, Thing::Url(_)));
    let flags = Flags { config: config.map(Path::to_owned), ..Flags::default() };
    let settings = if needs_settings { load_or_none(&flags)? } else { None };
    let detail = if things.len() == 1 { Detail::Full } else { Detail::Line };
    let wanted = Wanted { as_kind: arguments.kind, settings: settings.as_ref(), config, detail };
    // Files that are named one after the other are looked at together.
    for together in things.chunk_by(|one, next| matches!((one, next), (Thing::File(_), Thing::File(_)))) {
        match together[0] {
            Thing::File(_) => {
                let files = together.iter().filter_map(Thing::file).collect::<Vec<_>>();
                paths::files(&files, &wanted, &mut printer)?;
            }
            Thing::Url(url) => urls::run(url, &wanted, &mut printer)?,
            Thing::Bucket(url) => bucket::run(url, &wanted, &mut printer)?,
            Thing::Path(path) => paths::run(path, &wanted, &mut printer)?,
        }
    }
    printer.finish()
}

/// What an argument names.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Url(&'a str),
    Bucket(&'a str),
    /// A regular file on the disk.
    File(&'a Path),
    /// A folder, or a path that is to be found in the mounts.
    Path(&'a Path),
}

impl<'a> Thing<'a> {
    fn of(given: &'a Path) -> Self {
        match given.to_str() {
            Some(text) if is_url(text) => Self::Url(text),
            Some(text) if is_bucket(text) => Self::Bucket(text),
            _ if given.is_file() => Self::File(given),
            _ => Self::Path(given),
        }
    }

    fn file(&self) -> Option<&'a Path> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

fn is_bucket(text: &str) -> bool {
    ["s3://", "gs://", "az://"].iter().any(|scheme| text.starts_with(scheme))
}

fn is_url(given: &str) -> bool {
    let scheme = given.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)))
}
