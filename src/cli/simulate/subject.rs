//! Resolves the argument of `simulate` (asset, file, URL or Cache-Control value) to response headers.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use hyper::header::CACHE_CONTROL;

use super::super::{CommandError, Exit, asset, load_or_none, print_stderr};
use super::{Validators, url};
use crate::asset::{CachePolicy, PolicyError};
use crate::check::FileSource;
use crate::check::url::without_password;
use crate::config::{Flags, Location, Settings};
use crate::escape::escaped;
use crate::shell::named;
use crate::simulate::Links;
use crate::whatsapp::Treatment;
use crate::whatsapp::link_cache::{CacheControl, CacheHeaders};

/// What is simulated.
pub(super) struct Subject {
    pub(super) named: String,
    pub(super) sort: Sort,
    /// Cache-Control for a plain link.
    cache_control: Option<String>,
    /// Cache-Control for a versioned link.
    versioned_cache_control: Option<String>,
    /// The headers for a plain link.
    pub(super) headers: CacheHeaders,
    pub(super) size: Option<u64>,
    /// The policy that wamedia applies to versioned links.
    pub(super) versioned: CachePolicy,
    /// The glob pattern of a rule for it.
    pub(super) pattern: String,
}

/// The kind of argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Asset,
    /// A file outside all mounts.
    File,
    Url,
    Value,
}

impl Sort {
    /// The name in results.
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
    /// The Cache-Control of responses to these links.
    pub(super) fn cache_control(&self, links: Links) -> Option<String> {
        match links {
            Links::Plain => self.cache_control.clone(),
            Links::Versioned => self.versioned_cache_control.clone(),
        }
    }
}

/// The word for a response without Cache-Control.
const NONE: &str = "none";

/// Resolves the argument.
pub(super) fn find(
    named: &str,
    validators: Option<Validators>,
    config: Option<PathBuf>,
    now: SystemTime,
) -> Result<Subject, CommandError> {
    if named == NONE || CachePolicy::lenient(named).is_some() {
        if named.contains(|c: char| c.is_control()) {
            let reason =
                format_args!("`{}` has a character that is not valid in a header; remove it", escaped(named));
            return Err(CommandError::new(Exit::Usage, reason));
        }
        warn_if_ambiguous(named);
        asset::note_file_of_that_name(Path::new(named), "a Cache-Control value");
        return Ok(value(named, validators.unwrap_or(Validators::Both), now));
    }
    if validators.is_some() {
        let reason = format_args!(
            "--validators is for a Cache-Control value, but `{}` is not one and has headers of its own; remove the option",
            named.escape_debug()
        );
        return Err(CommandError::new(Exit::Usage, reason));
    }
    if named.contains("://") {
        asset::note_file_of_that_name(Path::new(named), "a URL");
        return of_url(named);
    }
    of_path(named, config)
}

/// Warns that an ambiguous value is simulated the way lenient caches read it.
fn warn_if_ambiguous(named: &str) {
    use PolicyError::{NotSeconds, Twice};
    let Err(error @ (NotSeconds { .. } | Twice(_))) = named.parse::<CachePolicy>() else {
        return;
    };
    if let Some(policy) = CachePolicy::lenient(named) {
        let error = error.to_string();
        print_stderr(&format!(
            "wamedia: {}: {}; it is read as: {}\n",
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
    let answer = url::fetch_head(named)?;
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

/// An asset by its path, or a file outside all mounts.
fn of_path(named: &str, config: Option<PathBuf>) -> Result<Subject, CommandError> {
    let path = Path::new(named);
    let Some(settings) = load_or_none(&Flags { config, ..Flags::default() })? else {
        if path.is_file() {
            return of_file(path, &CachePolicy::NO_CACHE, CachePolicy::VERSIONED);
        }
        let reason = format_args!(
            "`{}` is not a file, a URL or a Cache-Control value (max-age=SECONDS, no-cache, no-store, private or none), and no \
             store is configured in which it could be an asset; set WAMEDIA_STORE=FOLDER or write a wamedia.toml",
            escaped(named)
        );
        return Err(CommandError::new(Exit::Usage, reason));
    };
    match asset::look_up(path, &settings) {
        Ok(found) => {
            if let Some(doubt) = &found.date_doubt {
                print_stderr(&format!(
                    "wamedia: warning: {}. Last-Modified may differ from what the server sends; run this as the server's user, with its \
                     `state`\n",
                    escaped(doubt)
                ));
            }
            Ok(of_asset(&found, &settings))
        }
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

/// Whether a file is in a mounted folder, so that the configuration decides whether it is served.
fn is_in_a_mount(file: &Path, settings: &Settings) -> bool {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return false };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // Resolve the folder, not the file: a symbolic link in a store is served or hidden under its own name.
    let Ok(file) = folder.canonicalize().map(|folder| folder.join(name)) else { return false };
    settings.mounts.iter().any(|mount| match &mount.store {
        Location::Folder(folder) => folder.canonicalize().is_ok_and(|folder| file.starts_with(folder)),
        Location::Bucket(_) => false,
    })
}

/// A file as it would be served if no rule matched it.
fn of_file(file: &Path, policy: &CachePolicy, versioned: CachePolicy) -> Result<Subject, CommandError> {
    let named = named(file);
    let (_, metadata) = FileSource::open(file).map_err(|e| {
        CommandError::new(Exit::System, format_args!("{} cannot be read: {e}", escaped(&named)))
    })?;
    print_stderr(&format!(
        "wamedia: {} is in no mount, so the default policy applies: {policy}\n",
        escaped(&named)
    ));
    // As in serving a path without history: mtimes of 0 and 1 are not real dates, and no date is in the future.
    let now = SystemTime::now();
    let is_date = |modified: &SystemTime| (UNIX_EPOCH + Duration::from_secs(2)..=now).contains(modified);
    let last_modified = metadata.modified().ok().filter(is_date).unwrap_or(now);
    let headers = CacheHeaders {
        cache_control: CacheControl::Says(policy.storage()),
        last_modified: Some(HttpDate::from(last_modified)),
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
