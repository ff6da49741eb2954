//! `wamedia check`: checks files, buckets and URLs against WhatsApp's rules, and explains failed messages.
//!
//! `paths` checks files and folders, `bucket` buckets, and `urls` URLs; `webhook` explains failures. `fix`
//! runs the fixes of files, and `output` prints the results.

mod bucket;
mod fix;
mod output;
mod paths;
mod urls;
mod webhook;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::fix::Fixer;
use self::output::{Detail, Passes};
use super::{CommandError, Exit, load_or_none};
use crate::config::{Flags, Settings};
use crate::whatsapp::Kind;

/// Check whether WhatsApp accepts files or URLs, and how it caches them
///
/// For a folder or a bucket, prints only the assets with findings, and a summary. A refused asset will not be delivered. A doubtful
/// one may not be delivered, or not as intended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia check media
  wamedia check --strict media
  wamedia check media/campaign/banner.jpg
  wamedia check --as sticker luna.webp
  wamedia check --fix --out fixed recordings
  wamedia check s3://my-media/campaign --format json
  wamedia check https://media.example.com/campaign/banner.jpg
  wamedia check --webhook status.json

Exit codes: 0 nothing is refused, 1 something is refused (with --strict: or doubtful) or missing
(takes precedence over 3), 2 wrong usage or configuration, 3 something could not be checked.")]
pub(super) struct Arguments {
    /// Files, folders, URLs, or s3://BUCKET/PREFIX, gs://…, az://…
    #[arg(value_name = "PATH|URL", required_unless_present = "webhook")]
    given: Vec<PathBuf>,

    /// The kind of message that will send it: image, video, audio, document or sticker
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,

    /// Exit with 1 for doubtful assets, too; advice never changes the exit code
    #[arg(long, conflicts_with = "webhook")]
    strict: bool,

    /// Run the fixes of files that have findings (ffmpeg, ImageMagick, libvips, cwebp …), and check the results
    ///
    /// Each result is a new file beside the original, which stays as it is. No file is overwritten. A tool that is not installed is
    /// named. The exit code counts a fixed file by its result.
    #[arg(long, conflicts_with = "webhook")]
    fix: bool,

    /// Folder for the results of --fix, created if needed; a checked folder's structure is kept [default: beside the originals]
    #[arg(long, value_name = "FOLDER", requires = "fix")]
    out: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Explain the failures in FILE (- for stdin): a webhook body, an API error, or the text of its details
    #[arg(long, value_name = "FILE", conflicts_with = "given")]
    webhook: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Text,
    /// One JSON object per line
    Json,
}

/// Number of assets that are checked before the first result is printed: they run in parallel, and results keep their order.
const BATCH: usize = 1024;

/// The options that apply to all arguments.
struct Options<'s> {
    /// The kind of message that will send the assets.
    as_kind: Option<Kind>,
    /// The configuration, if there is one; a check does not need it.
    settings: Option<&'s Settings>,
    /// The configuration file, if one was named.
    config: Option<&'s Path>,
    /// How much to print for a single asset.
    detail: Detail,
    /// Runs the fixes, if that was asked for.
    fixer: Option<&'s Fixer>,
}

pub(super) fn run(arguments: &Arguments, config: Option<&Path>) -> Result<Exit, CommandError> {
    if let Some(file) = &arguments.webhook {
        return webhook::run(file, arguments.format);
    }
    let passes = if arguments.strict { Passes::Undoubted } else { Passes::Unrefused };
    let mut printer = output::Printer::new(arguments.format, passes);
    let targets: Vec<_> = arguments.given.iter().map(|given| Target::of(given)).collect();
    let elsewhere = |target: &&Target<'_>| matches!(target, Target::Url(_) | Target::Bucket(_));
    if arguments.fix && targets.iter().any(|target| elsewhere(&target)) {
        let reason = "--fix works on files and folders: download the URL or the objects, fix them, and upload the results";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    let fixer = arguments.fix.then(|| Fixer::new(arguments.kind, arguments.out.clone()));
    // A URL check needs no configuration, so an invalid one must not stop it.
    let needs_settings = targets.iter().any(|target| !matches!(target, Target::Url(_)));
    let flags = Flags { config: config.map(Path::to_owned), ..Flags::default() };
    let settings = if needs_settings { load_or_none(&flags)? } else { None };
    let detail = if targets.len() == 1 { Detail::Full } else { Detail::Line };
    let options = Options {
        as_kind: arguments.kind,
        settings: settings.as_ref(),
        config,
        detail,
        fixer: fixer.as_ref(),
    };
    // Consecutive files are checked together, in parallel.
    for together in targets.chunk_by(|one, next| matches!((one, next), (Target::File(_), Target::File(_)))) {
        match together[0] {
            Target::File(_) => {
                let files = together.iter().filter_map(Target::file).collect::<Vec<_>>();
                paths::files(&files, &options, &mut printer)?;
            }
            Target::Url(url) => urls::run(url, &options, &mut printer)?,
            Target::Bucket(url) => bucket::run(url, &options, &mut printer)?,
            Target::Path(path) => paths::run(path, &options, &mut printer)?,
        }
    }
    printer.finish()
}

/// The kind of an argument.
#[derive(Clone, Copy)]
enum Target<'a> {
    Url(&'a str),
    Bucket(&'a str),
    /// A regular file on the disk.
    File(&'a Path),
    /// A folder, or the path of an asset in the mounts.
    Path(&'a Path),
}

impl<'a> Target<'a> {
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
