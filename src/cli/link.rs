//! `wamedia link`: the URL to put into a message.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{CommandError, Exit, asset, load, print};
use crate::config::Flags;

/// Print the public URL of an asset's current version
///
/// The link carries `?v=` and the first 16 hex digits of the asset's SHA-256, or, in a bucket, of the SHA-256 of its entity tag.
/// WhatsApp caches by the exact text of a link. So after an asset has changed, print its link again: only the new link is
/// fetched anew.
///
/// If the rule of the asset has `signed = true`, the link is signed and expires.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia link campaign/banner.jpg
  wamedia link --no-version prices/price-list.pdf
  wamedia --config shop.toml link media/campaign/banner.jpg
  wamedia link personal/invoice.pdf --expires 7d

Exit codes: 0 the link was printed, 1 there is no such asset or it is archived, 2 wrong usage or
configuration (also when a bucket denies access), 3 system error (the file or the bucket could not be read).")]
pub(super) struct Arguments {
    /// A file in a served folder, the path of the asset (a name, not percent-encoded), or its URL
    path: PathBuf,

    /// Leave out `?v=`, for a link that always leads to the current version
    #[arg(long)]
    no_version: bool,

    /// Lifetime of the link, for an asset that needs a signed one: 15m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = asset::lifetime, allow_hyphen_values = true)]
    expires: Option<Duration>,
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, CommandError> {
    let settings = load(&Flags { config, ..Flags::default() })?;
    asset::refuse_unlinkable(&settings)?;
    let named = asset::look_up(&arguments.path, &settings)?;
    let link = asset::link(&named, &settings, !arguments.no_version, arguments.expires)?;
    print(&format!("{link}\n"))?;
    Ok(Exit::Fine)
}
