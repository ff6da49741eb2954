//! Checks files, folders, and assets by their paths in URLs.
//!
//! A path that exists on disk is that file or folder; in a mount, it is also the asset, with its cache policy. Any other path is
//! looked up as an asset in the mounts.

use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::super::CommandError;
use super::super::asset::{Mounts, note_percent_decoded};
use super::output::{Detail, Printer};
use super::{BATCH, Options, bucket};
use crate::asset::{AssetPath, UnicodeForm, other_spellings};
use crate::check::{Caching, Report, SharedDates, check_file};
use crate::cli::walk::{Entry, Walk, in_parallel, threads};
use crate::config::{LastModified, Location, Settings};
use crate::shell::named;
use crate::whatsapp::Treatment;

/// Checks one argument that is not a regular file.
pub(super) fn run(given: &Path, options: &Options<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    match given.symlink_metadata() {
        Ok(_) => return on_disk(given, options, printer),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let reason = format!(
                "permission denied for a folder in its path ({error}); run the check as a user that can read it"
            );
            return printer.failed(&named(given), &reason);
        }
        Err(_) => {}
    }
    let asset = given.to_str().and_then(|text| {
        let text = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
        AssetPath::from_plain(text).ok().map(|path| path.to_owned())
    });
    let name = named(given);
    let (Some(settings), Some(path)) = (options.settings, asset) else {
        let reason = "there is no such file or folder, and no mount for an asset of this path";
        return printer.missing(&name, &format!("{reason}{}", hint(given)));
    };
    let deepest = settings.mounts.iter().filter(|mount| path.below(&mount.path).is_some());
    let Some(mount) = deepest.max_by_key(|mount| mount.path.len()) else {
        let reason = "there is no such file, and no mount covers this path";
        return printer.missing(&name, &format!("{reason}{}", hint(given)));
    };
    match &mount.store {
        Location::Folder(folder) => {
            let inside = path.below(&mount.path).expect("the mount was chosen because it contains the path");
            let file = folder.join(inside.as_str());
            if file.symlink_metadata().is_ok() {
                return on_disk(&file, options, printer);
            }
        }
        Location::Bucket(_) => {
            if bucket::in_mounts(settings, path.as_str(), options, printer)? {
                return Ok(());
            }
        }
    }
    let similar = Mounts::open(settings).ok().and_then(|mounts| mounts.similar(&path));
    let reason = format!("there is no such file, and no asset {path} in {}", mount.store);
    printer.missing(&name, &format!("{reason}{}", similar.unwrap_or_else(|| hint(given))))
}

/// What to write instead of a path that does not exist.
fn hint(given: &Path) -> String {
    let spellings = given.to_str().map(other_spellings).unwrap_or_default();
    match spellings.iter().find(|other| Path::new(other).symlink_metadata().is_ok()) {
        Some(other) => format!(
            "; the same name is there in another Unicode form, {}: {}",
            UnicodeForm::of(other).name(),
            utf8_percent_encode(other, CONTROLS)
        ),
        None => url_hint(&named(given)).to_owned(),
    }
}

/// A hint for an argument that was meant to be a URL.
fn url_hint(name: &str) -> &'static str {
    let begins_with_a_host = |text: &str| {
        text.split_once('/')
            .is_some_and(|(host, _)| host.trim_matches('.').contains('.') && !host.contains(' '))
    };
    match name {
        name if name.contains("://") => "; a URL begins with http:// or https://",
        name if begins_with_a_host(name) => "; if it is a URL, put https:// before it",
        _ => "",
    }
}

fn on_disk(given: &Path, options: &Options<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    if !given.is_dir() {
        return files(&[given], options, printer);
    }
    note_percent_decoded(given);
    match given.canonicalize() {
        Ok(canonical) => tree(given, &Place::of(canonical, options.settings), options, printer),
        Err(error) => printer.failed(&named(given), &error.to_string()),
    }
}

/// Checks files on disk.
pub(super) fn files(
    files: &[&Path],
    options: &Options<'_>,
    printer: &mut Printer,
) -> Result<(), CommandError> {
    for file in files {
        note_percent_decoded(file);
    }
    for batch in files.chunks(BATCH) {
        let results = in_parallel(batch, threads(), |file| one_file(file, options));
        for (file, result) in batch.iter().zip(results) {
            match result {
                Ok(report) => {
                    printer.report(&report, options.detail)?;
                    if let Some(fixer) = options.fixer {
                        fixer.fix(file, Path::new(file.file_name().unwrap_or_default()), &report, printer)?;
                    }
                }
                Err(error) => printer.failed(&named(file), &error.to_string())?,
            }
        }
        if files.len() > 1 {
            printer.advance(batch.len() as u64);
        }
    }
    Ok(())
}

fn one_file(file: &Path, options: &Options<'_>) -> io::Result<Report> {
    // Resolve the folder, not the file: a symbolic link in the store is served under its own name.
    let folder = file.parent().unwrap_or(Path::new("/"));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let place = Place::of(folder.canonicalize()?, options.settings);
    let below = file.file_name().map_or_else(|| file.to_owned(), PathBuf::from);
    Ok(place.cached(check_file(file, &below, options.as_kind, place.dates)?, &below))
}

/// Checks all served files of a folder.
fn tree(
    given: &Path,
    place: &Place<'_>,
    options: &Options<'_>,
    printer: &mut Printer,
) -> Result<(), CommandError> {
    let never = place.settings.map(Settings::never_served).unwrap_or_default();
    let mut walk = Walk::new(given, place.root.clone(), never);
    let mut dates = SharedDates::default();
    loop {
        let batch: Vec<Entry> = walk.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return match dates.report(&named(given)) {
                Some(report) if place.dates == LastModified::Mtime => {
                    printer.report_uncounted(&report, Detail::Found)
                }
                _ => Ok(()),
            };
        }
        let results = in_parallel(&batch, threads(), |entry| {
            let Entry::File(path) = entry else { return None };
            let below = path.strip_prefix(given).unwrap_or(path);
            let report = check_file(path, below, options.as_kind, place.dates);
            Some(report.map(|report| place.cached(report, below)))
        });
        for (entry, result) in batch.iter().zip(results) {
            match (entry, result) {
                (Entry::File(path), Some(Ok(report))) => {
                    if let Ok(metadata) = path.metadata() {
                        dates.add(path, &metadata);
                    }
                    printer.report(&report, Detail::Found)?;
                    if let Some(fixer) = options.fixer {
                        fixer.fix(path, path.strip_prefix(given).unwrap_or(path), &report, printer)?;
                    }
                }
                // Deleted since the folder was read.
                (Entry::File(_), Some(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                    printer.skipped(1);
                }
                (Entry::File(path), Some(Err(error))) => printer.failed(&named(path), &error.to_string())?,
                (Entry::Unreadable(path, reason), _) => printer.failed(&named(path), reason)?,
                (Entry::Skipped | Entry::File(_), _) => printer.skipped(1),
            }
        }
        printer.advance(batch.len() as u64);
    }
}

/// A folder, and its place in the mounts.
struct Place<'s> {
    settings: Option<&'s Settings>,
    /// The root of the mount if there is one, else the folder itself. Absolute, without symbolic links.
    root: PathBuf,
    /// The URL path of the folder without surrounding slashes, if it is in a mount.
    path: Option<String>,
    /// What the dates of its files follow.
    dates: LastModified,
}

impl<'s> Place<'s> {
    fn of(canonical: PathBuf, settings: Option<&'s Settings>) -> Self {
        let mut mounts = settings.into_iter().flat_map(|settings| &settings.mounts);
        let found = mounts.find_map(|mount| {
            let Location::Folder(folder) = &mount.store else { return None };
            let folder = folder.canonicalize().ok()?;
            let inside = canonical.strip_prefix(&folder).ok()?.to_str()?;
            let path = format!("{}/{inside}", mount.path).trim_matches('/').to_owned();
            Some((folder, path, mount.last_modified))
        });
        match found {
            Some((root, path, dates)) => Self { settings, root, path: Some(path), dates },
            None => Self { settings, root: canonical, path: None, dates: LastModified::Content },
        }
    }

    /// Adds the cache policy of the file at `below`, a path relative to this folder.
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
