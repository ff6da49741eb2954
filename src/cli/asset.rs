//! Finds an asset that the command line names, and builds the link to it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{CommandError, Exit, background, print_stderr, store_error};
use crate::asset::{Asset, AssetPath};
use crate::config::Settings;
use crate::store::{Freshness, ReadIntent, StoreError, Stores};

/// An asset and its path.
pub(super) struct Named {
    pub(super) path: AssetPath<'static>,
    pub(super) asset: Asset,
}

/// Finds the asset that `given` names.
pub(super) fn look_up(given: &Path, settings: &Settings) -> Result<Named, CommandError> {
    let runtime = background()?;
    let stores = Stores::open_all(settings, runtime.handle()).map_err(store_error)?;
    let path = asset_path(given, &stores, settings)?;
    let opened = runtime
        .block_on(stores.open(&path, ReadIntent::Head, Freshness::Configured, Instant::now()))
        .map_err(|e| match e {
            StoreError::NotFound => CommandError::new(Exit::No, missing(&path, settings)),
            e => store_error(e).about(&path),
        })?;
    Ok(Named { asset: opened.asset().clone(), path })
}

/// Rejects settings from which no link can be built.
pub(super) fn refuse_unlinkable(settings: &Settings) -> Result<(), CommandError> {
    if settings.public_url.is_none() && settings.listen[0].port() == 0 {
        let reason = "no link can be printed: public_url is not set, and with port 0 in listen only the running server knows \
                      its port; set public_url, or a port";
        return Err(CommandError::new(Exit::Usage, reason));
    }
    Ok(())
}

/// Default lifetime of a signed link.
const LIFETIME: Duration = Duration::from_hours(24);
/// With a shorter lifetime, the link of a message that waits in a queue may expire before the fetch.
const SHORT: Duration = Duration::from_mins(15);
/// Longest lifetime of a link: ten years.
const LONGEST: Duration = Duration::from_hours(87_660);

/// Parses the lifetime of a signed link: `15m`, `24h`, `7days`.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let refuse = |reason: &str| format!("it {reason}; write a time such as 15m, 24h or 7d, from 1s to 10y");
    let lifetime = humantime::parse_duration(text).map_err(|_| refuse("is not a time"))?;
    if lifetime.subsec_nanos() != 0 {
        return Err(refuse("has fractions of a second, which links do not support"));
    }
    if !(Duration::from_secs(1)..=LONGEST).contains(&lifetime) {
        return Err(refuse("is out of range"));
    }
    Ok(lifetime)
}

/// The link to an asset, or to its current version (`with_version`); signed where the asset's rule requires it. Warns on stderr
/// about an expiry, about credentials and about a link that works on this machine only.
pub(super) fn link(
    named: &Named,
    settings: &Settings,
    with_version: bool,
    expires: Option<Duration>,
) -> Result<String, CommandError> {
    let Named { path, asset } = named;
    let version = with_version.then_some(&asset.version);
    let link = match (settings.signs(path), expires) {
        (Some(keys), expires) => {
            let signature = keys.sign(path, expiry(path, expires.unwrap_or(LIFETIME))?);
            settings.base_url().signed_link(path, version, &signature)
        }
        (None, None) => settings.base_url().link(path, version),
        (None, Some(_)) => {
            let reason = "its link needs no signature, so it never expires; set signed = true in the [[cache.rule]] that \
                          matches it, or omit --expires";
            return Err(CommandError::new(Exit::Usage, reason).about(path));
        }
    };
    warn_of_reach(path, settings);
    Ok(link)
}

/// When a link with this lifetime expires, in Unix seconds.
fn expiry(path: &AssetPath<'_>, lifetime: Duration) -> Result<u64, CommandError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| {
        CommandError::new(
            Exit::System,
            "the clock is set before 1970, so no expiry can be computed; set the clock",
        )
    })?;
    let expires = now.as_secs() + lifetime.as_secs();
    let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(expires));
    print_stderr(&format!("wamedia: the link to {path} is signed and expires at {date}\n"));
    if lifetime < SHORT {
        print_stderr(
            "wamedia: warning: WhatsApp may fetch the link some time after the message is sent; 15m or more is safer\n",
        );
    }
    Ok(expires)
}

/// Warns of a link that WhatsApp may not be able to fetch.
fn warn_of_reach(path: &AssetPath<'_>, settings: &Settings) {
    if let Some(auth) = settings.auth_for(path) {
        print_stderr(&format!(
            "wamedia: {path} needs the credentials of [[auth]] {}. WhatsApp's On-Premises API sends them for a link with a \
             media provider; the Cloud API never does: it needs a public or a signed link\n",
            auth.url_path()
        ));
    }
    if settings.public_url.is_none() {
        print_stderr(
            "wamedia: public_url is not set, so this link works on this machine only, and WhatsApp cannot fetch it; set \
             public_url in the configuration file, or the variable WAMEDIA_PUBLIC_URL\n",
        );
    }
}

/// A path that exists on disk inside a mount is that asset; anything else is the path of an asset as in its URL.
fn asset_path(
    given: &Path,
    stores: &Stores,
    settings: &Settings,
) -> Result<AssetPath<'static>, CommandError> {
    if given.symlink_metadata().is_ok()
        && let Some(path) = stores.locate(settings, given)
    {
        return Ok(path);
    }
    let refuse = |why: &dyn std::fmt::Display| {
        CommandError::new(Exit::No, format_args!("{} is not the path of an asset: {why}", given.display()))
    };
    let text = given.to_str().ok_or_else(|| refuse(&"it is not UTF-8"))?;
    if text.contains("://") {
        return Err(refuse(&"it is a URL; write only the path after the host, such as campaign/banner.jpg"));
    }
    // `./text` means a file: `text` alone would be a kind of message.
    let text = text.strip_prefix("./").unwrap_or(text);
    let url_path = format!("/{}", text.strip_prefix('/').unwrap_or(text));
    AssetPath::from_url_path(&url_path).map(|path| path.to_owned()).map_err(|e| refuse(&e))
}

fn missing(path: &AssetPath<'_>, settings: &Settings) -> String {
    let mounts = settings.mounts.iter().filter(|mount| path.below(&mount.path).is_some());
    match mounts.max_by_key(|mount| mount.path.len()) {
        Some(mount) => format!("there is no asset {path} in {} at /{}", mount.store, mount.path),
        None => format!("no mount has a path above {path}"),
    }
}
