//! Finds an asset that the command line names, and builds the link to it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;

use super::{Background, CommandError, Exit, background, print_stderr, store_error};
use crate::asset::{Asset, AssetPath, UnicodeForm};
use crate::config::Settings;
use crate::escape::escaped;
use crate::shell::named;
use crate::store::{Freshness, ReadIntent, StateAccess, StoreError, Stores};

/// An asset and its path.
pub(super) struct Named {
    pub(super) path: AssetPath<'static>,
    pub(super) asset: Asset,
    /// Why its date may differ from the one that the server sends, if so.
    pub(super) date_doubt: Option<String>,
}

/// Finds the asset that `given` names.
pub(super) fn look_up(given: &Path, settings: &Settings) -> Result<Named, CommandError> {
    let mounts = Mounts::open(settings)?;
    let (path, reading) = mounts.read(given)?;
    let opened = mounts
        .runtime
        .block_on(mounts.stores.open(&path, ReadIntent::Head, Freshness::Configured, Instant::now()))
        .map_err(|e| match e {
            StoreError::NotFound => {
                // Behind a wrong endpoint, every asset is missing.
                if let Err(error) = mounts.runtime.block_on(mounts.stores.probe_at(&path)) {
                    return store_error(error).about(&path);
                }
                let similar = mounts.similar(&path).unwrap_or_default();
                CommandError::new(Exit::No, format_args!("{}{similar}", missing(&path, settings)))
            }
            e => store_error(e).about(&path),
        })?;
    mounts.note_other_readings(given, &path, reading);
    let date_doubt = mounts.runtime.block_on(mounts.stores.unusable_state_reason());
    Ok(Named { asset: opened.asset().clone(), path, date_doubt })
}

/// How an argument was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As the path of a file on disk, in a mount.
    File,
    /// As the path of an asset: a name, never percent-encoded.
    Name,
    /// As a link of this server.
    Url,
}

/// The configured mounts, to look up what an argument names.
pub(super) struct Mounts<'s> {
    runtime: Background,
    stores: Stores,
    settings: &'s Settings,
}

impl<'s> Mounts<'s> {
    pub(super) fn open(settings: &'s Settings) -> Result<Self, CommandError> {
        let runtime = background()?;
        let stores = Stores::open_all(settings, StateAccess::Read, runtime.handle()).map_err(store_error)?;
        Ok(Self { runtime, stores, settings })
    }

    /// A file on disk inside a mount is that asset, and a URL is a link of this server; anything else is the path of an asset.
    fn read(&self, given: &Path) -> Result<(AssetPath<'static>, Reading), CommandError> {
        let refuse = |why: &dyn std::fmt::Display| {
            let given = named(given);
            CommandError::new(
                Exit::No,
                format_args!("{} is not the path of an asset: {why}", escaped(&given)),
            )
        };
        if let Some(url) = given.to_str().filter(|text| text.contains("://")) {
            let base = self.settings.base_url();
            let path = base.linked_path(url).ok_or_else(|| {
                refuse(&format_args!(
                    "it is a URL, but not one of this server, whose links begin with {base}; write the path of the asset, such \
                     as campaign/banner.jpg"
                ))
            })?;
            return path.map(|path| (path.to_owned(), Reading::Url)).map_err(|e| refuse(&e));
        }
        if given.symlink_metadata().is_ok()
            && let Some(path) = self.stores.locate(self.settings, given)
        {
            return Ok((path, Reading::File));
        }
        let text = given.to_str().ok_or_else(|| refuse(&"it is not UTF-8"))?;
        let path = AssetPath::from_plain(without_dot(text)).map_err(|e| refuse(&e))?;
        Ok((path.to_owned(), Reading::Name))
    }

    fn contains(&self, path: &AssetPath<'_>) -> bool {
        self.runtime.block_on(self.stores.contains(path))
    }

    /// Says on stderr how an argument that names `path` was read, if it could have named another asset or file.
    pub(super) fn note_other_readings(&self, given: &Path, path: &AssetPath<'_>, reading: Reading) {
        let shown = named(given);
        let shown = escaped(&shown);
        if reading == Reading::Url {
            return note_file_of_that_name(given, "a URL");
        }
        let by_name = given.to_str().and_then(|text| AssetPath::from_plain(without_dot(text)).ok());
        match by_name {
            Some(other) if reading == Reading::File && other != *path && self.contains(&other) => {
                print_stderr(&format!(
                    "wamedia: {shown} was taken as the file on disk, the asset {path}; for the asset {other} write /{other}\n"
                ));
            }
            _ if reading == Reading::Name && given.symlink_metadata().is_ok() => print_stderr(&format!(
                "wamedia: {shown} was taken as the path of an asset; the file of that name on disk is in no mount\n"
            )),
            _ => {}
        }
        if let Some(decoded) = percent_decoded(path).filter(|decoded| self.contains(decoded)) {
            print_stderr(&format!(
                "wamedia: {shown} was taken as a name, in which % has no special meaning; there is also an asset {decoded}\n"
            ));
        }
    }

    /// What to write instead of a path that has no asset, to follow the error message; if there is an asset that was probably meant.
    pub(super) fn similar(&self, path: &AssetPath<'_>) -> Option<String> {
        if let Some(other) = self.runtime.block_on(self.stores.other_spelling(path)) {
            let form = |path: &AssetPath<'_>| UnicodeForm::of(path.as_str()).name();
            return Some(format!(
                "; the same name is there in another Unicode form, {} ({}) instead of {} ({}): pass that, or rename the file",
                other.to_url_path(),
                form(&other),
                path.to_url_path(),
                form(path)
            ));
        }
        let text = path.as_str();
        let before_query = text.find(['?', '#']).and_then(|end| AssetPath::from_plain(&text[..end]).ok());
        let candidates = [percent_decoded(path), before_query.as_ref().and_then(percent_decoded)];
        let candidates = candidates.into_iter().flatten().chain(before_query.map(|path| path.to_owned()));
        let found = candidates.into_iter().find(|candidate| self.contains(candidate))?;
        Some(format!(
            "; a path is a name, in which %, ? and # have no special meaning: write {found}, or the whole URL"
        ))
    }
}

/// `./text` means a file, since `text` alone can be a kind of message or a Cache-Control value.
fn without_dot(text: &str) -> &str {
    text.strip_prefix("./").unwrap_or(text)
}

/// What a path would name if it were percent-encoded, if that is another path.
fn percent_decoded(path: &AssetPath<'_>) -> Option<AssetPath<'static>> {
    let text = format!("/{path}");
    AssetPath::from_url_path(&text).ok().filter(|decoded| decoded != path).map(|decoded| decoded.to_owned())
}

/// Says on stderr that the path of a file on disk was taken as a name, if there is a file under what it would be percent-decoded.
pub(super) fn note_percent_decoded(file: &Path) {
    let text = file.to_str().filter(|text| text.contains('%'));
    let Some(text) = text else { return };
    if let Ok(decoded) = percent_decode_str(text).decode_utf8()
        && decoded != text
        && Path::new(&*decoded).symlink_metadata().is_ok()
    {
        print_stderr(&format!(
            "wamedia: {} was taken as a name, in which % has no special meaning; there is also {}\n",
            escaped(text),
            escaped(&decoded)
        ));
    }
}

/// Says on stderr that an argument was not taken as a file, if there is a file of that name.
pub(super) fn note_file_of_that_name(given: &Path, taken_as: &str) {
    if given.symlink_metadata().is_ok() {
        let given = named(given);
        let given = escaped(&given);
        print_stderr(&format!(
            "wamedia: {given} was taken as {taken_as}; for the file of that name write ./{given}\n"
        ));
    }
}

/// Rejects settings from which no link can be built.
pub(super) fn refuse_unlinkable(settings: &Settings) -> Result<(), CommandError> {
    if settings.public_url.is_none() && settings.listen.first().is_some_and(|address| address.port() == 0) {
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
    let Named { path, asset, .. } = named;
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

fn missing(path: &AssetPath<'_>, settings: &Settings) -> String {
    let mounts = settings.mounts.iter().filter(|mount| path.below(&mount.path).is_some());
    match mounts.max_by_key(|mount| mount.path.len()) {
        Some(mount) => format!("there is no asset {path} in {} at /{}", mount.store, mount.path),
        None => format!("no mount has a path above {path}"),
    }
}
