//! What was named on the command line: an asset, a file, a URL or a Cache-Control value, and the headers that it is answered with.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use hyper::header::CACHE_CONTROL;

use crate::escape::escaped;
use super::super::{Exit, CommandError, asset, load_or_none, print_stderr};
use super::{Validators, url};
use crate::asset::{CachePolicy, PolicyError};
use crate::check::url::without_password;
use crate::check::FileSource;
use crate::config::{Flags, Location, Settings};
use crate::shell::named;
use crate::simulate::Links;
use crate::whatsapp::Treatment;
use crate::whatsapp::link_cache::{CacheControl, CacheHeaders};

/// What is simulated.
pub(super) struct Subject {
    pub(super) named: String,
    pub(super) sort: Sort,
    /// For a link that does not name its version.
    cache_control: Option<String>,
    /// For a link that does.
    versioned_cache_control: Option<String>,
    /// The headers for a link that does not name its version.
    pub(super) headers: CacheHeaders,
    pub(super) size: Option<u64>,
    /// What a link that names its version is answered with by wamedia.
    pub(super) versioned: CachePolicy,
    /// What a rule about it has to match.
    pub(super) pattern: String,
}

/// What kind of thing was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Asset,
    /// A file that lies in no mount.
    File,
    Url,
    Value,
}

impl Sort {
    /// Its name in results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::File => "file",
            Self::Url => "url",
            Self::Value => "value",
        }
    }
}

impl Subject {
    /// What links of this sort are answered with.
    pub(super) fn cache_control(&self, links: Links) -> Option<String> {
        match links {
            Links::Plain => self.cache_control.clone(),
            Links::Versioned => self.versioned_cache_control.clone(),
        }
    }
}

/// The word for a response without Cache-Control.
const NONE: &str = "none";

/// Tells what is meant, and looks it up.
pub(super) fn find(
    named: &str,
    validators: Option<Validators>,
    config: Option<PathBuf>,
    now: SystemTime,
) -> Result<Subject, CommandError> {
    if named == NONE || CachePolicy::lenient(named).is_some() {
        if named.contains(|c: char| c.is_control()) {
            let reason =
                format_args!("`{}` has a character that no header can hold; leave it out", escaped(named));
            return Err(CommandError::new(Exit::Usage, reason));
        }
        tell_how_it_is_read(named);
        return Ok(value(named, validators.unwrap_or(Validators::Both), now));
    }
    if validators.is_some() {
        let reason = format_args!(
            "--validators is for a Cache-Control value, and `{}` is none; its own headers count, so leave it out",
            named.escape_debug()
        );
        return Err(CommandError::new(Exit::Usage, reason));
    }
    if named.contains("://") { of_url(named) } else { of_path(named, config) }
}

/// A value that does not say one thing is played all the same, as lenient caches read it.
fn tell_how_it_is_read(named: &str) {
    use PolicyError::{NotSeconds, Twice};
    let Err(error @ (NotSeconds { .. } | Twice(_))) = named.parse::<CachePolicy>() else {
        return;
    };
    if let Some(policy) = CachePolicy::lenient(named) {
        let error = error.to_string();
        print_stderr(&format!(
            "wamedia: {}: {}; so it is read as: {}\n",
            escaped(named),
            escaped(&error),
            Treatment::under(&policy)
        ));
    }
}

/// Far enough in the past that no edit falls into the same second.
const AGE: Duration = Duration::from_hours(1);

fn value(named: &str, validators: Validators, now: SystemTime) -> Subject {
    let cache_control = (named != NONE).then(|| named.to_owned());
    let has_date = matches!(validators, Validators::Both | Validators::LastModified);
    let headers = CacheHeaders {
        cache_control: CacheControl::read(cache_control.as_deref()),
        last_modified: has_date.then(|| HttpDate::from(now - AGE)),
        etag: matches!(validators, Validators::Both | Validators::Etag),
    };
    Subject {
        named: named.to_owned(),
        sort: Sort::Value,
        versioned_cache_control: cache_control.clone(),
        cache_control,
        headers,
        size: None,
        versioned: CachePolicy::VERSIONED,
        pattern: "**".to_owned(),
    }
}

fn of_url(named: &str) -> Result<Subject, CommandError> {
    let answer = url::ask(named)?;
    let cache_control = answer.field(&CACHE_CONTROL);
    let headers = answer.cache_headers();
    Ok(Subject {
        named: without_password(named).into_owned(),
        sort: Sort::Url,
        versioned_cache_control: cache_control.clone(),
        cache_control,
        headers,
        size: answer.length(),
        versioned: CachePolicy::VERSIONED,
        pattern: "**".to_owned(),
    })
}

/// An asset by its path, or else a file that lies in no mount.
fn of_path(named: &str, config: Option<PathBuf>) -> Result<Subject, CommandError> {
    let path = Path::new(named);
    let Some(settings) = load_or_none(&Flags { config, ..Flags::default() })? else {
        if path.is_file() {
            return of_file(path, &CachePolicy::NO_CACHE, CachePolicy::VERSIONED);
        }
        let reason = format_args!(
            "`{}` is no file, no URL and no Cache-Control value (max-age=n, no-cache, no-store, private or none), and there is \
             no store in which it may be an asset; name one by WAMEDIA_STORE=FOLDER, or in wamedia.toml",
            escaped(named)
        );
        return Err(CommandError::new(Exit::Usage, reason));
    };
    match asset::look_up(path, &settings) {
        Ok(found) => Ok(of_asset(&found, &settings)),
        Err(CommandError { exit: Exit::No, .. }) if path.is_file() && !is_in_a_mount(path, &settings) => {
            of_file(path, &settings.cache.default, settings.cache.versioned)
        }
        Err(failure) => Err(failure),
    }
}

fn of_asset(found: &asset::Named, settings: &Settings) -> Subject {
    let policy = &found.asset.cache_policy;
    let headers = CacheHeaders {
        cache_control: CacheControl::Says(policy.storage()),
        last_modified: found.asset.last_modified,
        etag: true,
    };
    let versioned = policy.when_versioned(&settings.cache.versioned);
    Subject {
        named: found.path.to_string(),
        sort: Sort::Asset,
        cache_control: Some(policy.to_string()),
        versioned_cache_control: Some(versioned.to_string()),
        headers,
        size: Some(found.asset.len),
        versioned: settings.cache.versioned.clone(),
        pattern: globset::escape(found.path.as_str()),
    }
}

/// Whether a file lies in a folder that is mounted, and so is served or kept back as the configuration says.
fn is_in_a_mount(file: &Path, settings: &Settings) -> bool {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return false };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // Not the file itself: a link in a store is served, or kept back, under its own name.
    let Ok(file) = folder.canonicalize().map(|folder| folder.join(name)) else { return false };
    settings.mounts.iter().any(|mount| match &mount.store {
        Location::Folder(folder) => folder.canonicalize().is_ok_and(|folder| file.starts_with(folder)),
        Location::Bucket(_) => false,
    })
}

/// A file as it would be served under its own name, where no rule is about it.
fn of_file(file: &Path, policy: &CachePolicy, versioned: CachePolicy) -> Result<Subject, CommandError> {
    let named = named(file);
    let (_, metadata) = FileSource::open(file)
        .map_err(|e| CommandError::new(Exit::System, format_args!("{} cannot be read: {e}", escaped(&named))))?;
    print_stderr(&format!(
        "wamedia: {} lies in no mount, so it is played under the default policy: {policy}\n",
        escaped(&named)
    ));
    // As it is served: the first two seconds are no honest date, and none lies in the future.
    let modified = metadata.modified().map(|modified| modified.min(SystemTime::now()));
    let seconds = modified.ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let last_modified = seconds.map(|seconds| seconds.as_secs()).filter(|seconds| *seconds > 1);
    let headers = CacheHeaders {
        cache_control: CacheControl::Says(policy.storage()),
        last_modified: last_modified.map(|seconds| HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds))),
        etag: true,
    };
    let name = file.file_name().and_then(|name| name.to_str());
    Ok(Subject {
        named,
        sort: Sort::File,
        cache_control: Some(policy.to_string()),
        versioned_cache_control: Some(policy.when_versioned(&versioned).to_string()),
        headers,
        size: Some(metadata.len()),
        versioned,
        pattern: name.map_or_else(|| "**".to_owned(), globset::escape),
    })
}
