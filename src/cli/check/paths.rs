//! Files, folders, buckets, and assets by the paths in their URLs.
//!
//! A path that exists is what it is on the disk, and where it lies in a mount, that asset, too. Anything else is an asset's path in the
//! mounts.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::super::CommandError;
use super::output::{Detail, Printer};
use super::{BATCH, Wanted, bucket};
use crate::asset::AssetPath;
use crate::check::{Caching, Report, check_file};
use crate::cli::check::walk::{Met, Walk, in_parallel};
use crate::config::{Location, Settings};
use crate::shell::named;
use crate::whatsapp::{Kind, Treatment};

/// Checks what one argument names that is no file.
pub(super) fn run(given: &Path, wanted: &Wanted<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    match given.symlink_metadata() {
        Ok(_) => return on_disk(given, wanted, printer),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let reason =
                format!("a folder on the way to it may not be looked into ({error}); run it as who may");
            return printer.trouble(&named(given), &reason);
        }
        Err(_) => {}
    }
    let asset = given.to_str().and_then(|text| {
        let text = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
        AssetPath::from_url_path(&format!("/{text}")).ok().map(|path| path.to_owned())
    });
    let name = named(given);
    let (Some(settings), Some(path)) = (wanted.settings, asset) else {
        let reason = "there is no such file or folder, and no mount in which it may be an asset";
        return printer.missing(&name, &format!("{reason}{}", hint(&name)));
    };
    let deepest = settings.mounts.iter().filter(|mount| path.below(&mount.path).is_some());
    let Some(mount) = deepest.max_by_key(|mount| mount.path.len()) else {
        let reason = "there is no such file, and no mount has a path that it lies below";
        return printer.missing(&name, &format!("{reason}{}", hint(&name)));
    };
    match &mount.store {
        Location::Folder(folder) => {
            let inside = path.below(&mount.path).expect("it was found by that");
            let file = folder.join(inside.as_str());
            if file.symlink_metadata().is_ok() {
                return on_disk(&file, wanted, printer);
            }
        }
        Location::Bucket(_) => {
            if bucket::in_mounts(settings, path.as_str(), wanted, printer)? {
                return Ok(());
            }
        }
    }
    let reason = format!("there is no such file, and no asset {path} in {}", mount.store);
    printer.missing(&name, &format!("{reason}{}", hint(&name)))
}

/// What is to be written where a URL was meant.
fn hint(name: &str) -> &'static str {
    let begins_with_a_host = |text: &str| {
        text.split_once('/')
            .is_some_and(|(host, _)| host.trim_matches('.').contains('.') && !host.contains(' '))
    };
    match name {
        name if name.contains("://") => {
            "; a URL begins with http:// or https://, and nothing stands before that"
        }
        name if begins_with_a_host(name) => "; if it is a URL, put https:// before it",
        _ => "",
    }
}

fn on_disk(given: &Path, wanted: &Wanted<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    if !given.is_dir() {
        return files(&[given], wanted, printer);
    }
    match given.canonicalize() {
        Ok(canonical) => tree(given, &Place::of(canonical, wanted.settings), wanted.as_kind, printer),
        Err(error) => printer.trouble(&named(given), &error.to_string()),
    }
}

/// Checks files on the disk.
pub(super) fn files(files: &[&Path], wanted: &Wanted<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    for batch in files.chunks(BATCH) {
        let looked = in_parallel(batch, threads(), |file| one_file(file, wanted));
        for (file, looked) in batch.iter().zip(looked) {
            match looked {
                Ok(report) => printer.report(&report, wanted.detail)?,
                Err(error) => printer.trouble(&named(file), &error.to_string())?,
            }
        }
        if files.len() > 1 {
            printer.advance(batch.len() as u64);
        }
    }
    Ok(())
}

fn one_file(file: &Path, wanted: &Wanted<'_>) -> io::Result<Report> {
    // A file is known by its folder and its own name, since a link in the store is served under its name.
    let folder = file.parent().unwrap_or(Path::new("/"));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let place = Place::of(folder.canonicalize()?, wanted.settings);
    let below = file.file_name().map_or_else(|| file.to_owned(), PathBuf::from);
    Ok(place.cached(check_file(file, &below, wanted.as_kind)?, &below))
}

fn threads() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Checks all that is served of a folder.
fn tree(
    given: &Path,
    place: &Place<'_>,
    as_kind: Option<Kind>,
    printer: &mut Printer,
) -> Result<(), CommandError> {
    let never = place.settings.map(Settings::never_served).unwrap_or_default();
    let mut walk = Walk::new(given, place.root.clone(), never);
    loop {
        let batch: Vec<Met> = walk.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let looked = in_parallel(&batch, threads(), |met| {
            let Met::File(path) = met else { return None };
            let below = path.strip_prefix(given).unwrap_or(path);
            Some(check_file(path, below, as_kind).map(|report| place.cached(report, below)))
        });
        for (met, looked) in batch.iter().zip(looked) {
            match (met, looked) {
                (Met::File(_), Some(Ok(report))) => printer.report(&report, Detail::Found)?,
                // It has gone since the folder was read.
                (Met::File(_), Some(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                    printer.skipped(1);
                }
                (Met::File(path), Some(Err(error))) => printer.trouble(&named(path), &error.to_string())?,
                (Met::Trouble(path, reason), _) => printer.trouble(&named(path), reason)?,
                (Met::Skipped | Met::File(_), _) => printer.skipped(1),
            }
        }
        printer.advance(batch.len() as u64);
    }
}

/// A folder, and where it lies in the mounts.
struct Place<'s> {
    settings: Option<&'s Settings>,
    /// Of the mount, if there is one; else the folder itself. Absolute, without links.
    root: PathBuf,
    /// What stands before paths below the folder, without slashes at its ends, where it lies in a mount.
    path: Option<String>,
}

impl<'s> Place<'s> {
    fn of(canonical: PathBuf, settings: Option<&'s Settings>) -> Self {
        let mut mounts = settings.into_iter().flat_map(|settings| &settings.mounts);
        let found = mounts.find_map(|mount| {
            let Location::Folder(folder) = &mount.store else { return None };
            let folder = folder.canonicalize().ok()?;
            let inside = canonical.strip_prefix(&folder).ok()?.to_str()?;
            let path = format!("{}/{inside}", mount.path).trim_matches('/').to_owned();
            Some((folder, path))
        });
        match found {
            Some((root, path)) => Self { settings, root, path: Some(path) },
            None => Self { settings, root: canonical, path: None },
        }
    }

    /// Adds how a file will be cached that is called `below` from here.
    fn cached(&self, mut report: Report, below: &Path) -> Report {
        let (Some(settings), Some(path)) = (self.settings, &self.path) else { return report };
        let Some(asset) = below
            .to_str()
            .and_then(|below| AssetPath::from_plain(&format!("{path}/{below}")).ok().map(|p| p.to_owned()))
        else {
            return report;
        };
        let policy = settings.cache.policy_for(&asset, None);
        let versioned = policy.when_versioned(&settings.cache.versioned);
        report.caching = Some(Caching::under(policy));
        report
            .details
            .push(("with ?v=", format!("{} ({})", Treatment::under(&versioned), versioned.as_str())));
        report
    }
}
