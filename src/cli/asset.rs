//! An asset that was named on the command line: which one is meant, what it is, and the link to it.

use std::path::Path;
use std::time::Instant;

use super::{Exit, Failure, background, store_failure, tell};
use crate::asset::{Asset, AssetPath};
use crate::config::Settings;
use crate::store::{Ask, StoreError, Stores, Want};

/// An asset, and where it is.
pub(super) struct Named {
    pub(super) path: AssetPath<'static>,
    pub(super) asset: Asset,
}

/// Looks up the asset that `given` means.
pub(super) fn look_up(given: &Path, settings: &Settings) -> Result<Named, Failure> {
    let runtime = background()?;
    let stores = Stores::open_all(settings, runtime.handle()).map_err(store_failure)?;
    let path = asset_path(given, &stores, settings)?;
    let opened = runtime.block_on(stores.open(&path, Want::Head, Ask::Usual, Instant::now())).map_err(
        |e| match e {
            StoreError::NotFound => Failure::new(Exit::No, missing(&path, settings)),
            e => store_failure(e).about(&path),
        },
    )?;
    Ok(Named { asset: opened.asset().clone(), path })
}

/// Refuses settings from which no link can be built.
pub(super) fn refuse_unlinkable(settings: &Settings) -> Result<(), Failure> {
    if settings.public_url.is_none() && settings.listen[0].port() == 0 {
        let reason = "public_url is not set, and with port 0 in listen only the running server knows its port, so \
                      there is no link to print; set public_url, or a port";
        return Err(Failure::new(Exit::Usage, reason));
    }
    Ok(())
}

/// The link to an asset, and to its current version if that is asked for. A link that leads nowhere but here is told of.
pub(super) fn link(named: &Named, settings: &Settings, with_version: bool) -> String {
    if settings.public_url.is_none() {
        tell(
            "wamedia: public_url is not set, so this link works on this machine only; WhatsApp needs one that it can \
             reach: set public_url in the configuration file, or the variable WAMEDIA_PUBLIC_URL\n",
        );
    }
    let version = with_version.then_some(&named.asset.version);
    settings.base_url().link(&named.path, version)
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
    // `./text` is how a file is told from a type of message.
    let text = text.strip_prefix("./").unwrap_or(text);
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
