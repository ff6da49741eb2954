//! `wamedia link`: the URL to put into a message.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::{Exit, Failure, background, load, print, store_failure, tell};
use crate::asset::AssetPath;
use crate::config::{Flags, Settings};
use crate::store::{Ask, StoreError, Stores, Want};

/// Print the public URL of an asset's current version
///
/// The link carries `?v=` and the first 16 hex digits of the asset's SHA-256, or, in a bucket, of the SHA-256 of its entity tag.
/// WhatsApp keeps what it fetched by the exact text of the link, so an asset that has changed needs a link that has
/// changed, and this is it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wamedia link campaign/banner.jpg
  wamedia link --no-version prices/price-list.pdf
  wamedia --config shop.toml link media/campaign/banner.jpg

Exit codes: 0 the link was printed, 1 there is no such asset, 2 wrong usage or configuration (a bucket
that refuses us, too), 3 the file or the bucket could not be read.")]
pub(super) struct Arguments {
    /// A file in a folder that is served, or the asset's path as in its URL
    path: PathBuf,

    /// Leave out `?v=`, for a link that always means the current version
    #[arg(long)]
    no_version: bool,
}

pub(super) fn run(arguments: &Arguments, config: Option<PathBuf>) -> Result<Exit, Failure> {
    let settings = load(&Flags { config, ..Flags::default() })?;
    if settings.public_url.is_none() && settings.listen[0].port() == 0 {
        let reason = "public_url is not set, and with port 0 in listen only the running server knows its port, so \
                      there is no link to print; set public_url, or a port";
        return Err(Failure::new(Exit::Usage, reason));
    }
    let runtime = background()?;
    let stores = Stores::open_all(&settings, runtime.handle()).map_err(store_failure)?;
    let path = asset_path(&arguments.path, &stores, &settings)?;
    let opened = runtime.block_on(stores.open(&path, Want::Head, Ask::Usual, Instant::now())).map_err(
        |e| match e {
            StoreError::NotFound => Failure::new(Exit::No, missing(&path, &settings)),
            e => store_failure(e).about(&path),
        },
    )?;
    let version = (!arguments.no_version).then_some(&opened.asset().version);
    let base = settings.base_url();
    if settings.public_url.is_none() {
        tell(
            "wamedia: public_url is not set, so this link works on this machine only; WhatsApp needs one that it can \
             reach\n",
        );
    }
    print(&format!("{}\n", base.link(&path, version)))?;
    Ok(Exit::Fine)
}

/// A path that exists on disk and lies inside a mount means that asset; anything else is the asset's path as in its URL.
fn asset_path(given: &Path, stores: &Stores, settings: &Settings) -> Result<AssetPath<'static>, Failure> {
    if given.symlink_metadata().is_ok()
        && let Some(path) = stores.locate(settings, given)
    {
        return Ok(path);
    }
    let refuse = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::No, format_args!("{} is not the path of an asset: {why}", given.display()))
    };
    let text = given.to_str().ok_or_else(|| refuse(&"it is not UTF-8"))?;
    if text.contains("://") {
        return Err(refuse(&"it is a URL; write the path behind the host, such as campaign/banner.jpg"));
    }
    let url_path = format!("/{}", text.strip_prefix('/').unwrap_or(text));
    AssetPath::from_url_path(&url_path).map(|path| path.to_owned()).map_err(|e| refuse(&e))
}

fn missing(path: &AssetPath<'_>, settings: &Settings) -> String {
    let mounts = settings.mounts.iter().filter(|mount| path.below(&mount.path).is_some());
    match mounts.max_by_key(|mount| mount.path.len()) {
        Some(mount) => format!("there is no asset {path} in {} at /{}", mount.store, mount.path),
        None => format!("no mount has a path that {path} lies below"),
    }
}
