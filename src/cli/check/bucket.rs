//! Checks the objects of a bucket below a prefix, or one object.

use std::path::Path;

use super::super::{CommandError, asset, background, load, store_error};
use super::output::{Detail, Printer};
use super::{BATCH, Options};
use crate::asset::AssetPath;
use crate::check::{ObjectError, Objects, Report, archived, judge_key};
use crate::cli::walk;
use crate::config::{Flags, Location, Settings};
use crate::store::{ListedObject, Listing, StateAccess, StoreError, Stores, UpstreamFault};

/// Maximum number of concurrent requests.
const CONCURRENCY: usize = 16;

/// The error for a name without any object.
const NOTHING: &str = "there is no object with this name or prefix";

/// Checks the object or prefix `given`, such as `s3://media/campaign`.
pub(super) fn run(given: &str, options: &Options<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    asset::note_file_of_that_name(Path::new(given), "a bucket");
    let given = given.trim_end_matches('/');
    if let Some((settings, folder)) = options.settings.and_then(|s| Some((s, mounted(s, given)?))) {
        return in_settings(settings, &folder, given, options, printer);
    }
    // The last segment may be a prefix or an object: look up both below the part before it.
    let parent = given
        .rsplit_once('/')
        .filter(|(parent, name)| !parent.ends_with('/') && AssetPath::from_plain(name).is_ok());
    let (store, folder) = parent.unwrap_or((given, ""));
    let flags = Flags {
        config: options.config.map(Path::to_owned),
        store: Some(store.to_owned()),
        ..Flags::default()
    };
    in_settings(&load(&flags)?, folder, given, options, printer)
}

fn in_settings(
    settings: &Settings,
    folder: &str,
    given: &str,
    options: &Options<'_>,
    printer: &mut Printer,
) -> Result<(), CommandError> {
    if in_mounts(settings, folder, options, printer)? {
        return Ok(());
    }
    let path = AssetPath::from_plain(folder).ok();
    let similar = path.and_then(|path| asset::Mounts::open(settings).ok()?.similar(&path));
    printer.missing(given, &format!("{NOTHING}{}", similar.unwrap_or_default()))
}

/// The asset path of `given`, if it is in a mounted bucket, whose endpoint and credentials are configured.
fn mounted(settings: &Settings, given: &str) -> Option<String> {
    settings.mounts.iter().find_map(|mount| {
        let Location::Bucket(bucket) = &mount.store else { return None };
        let rest = given.strip_prefix(&bucket.to_string())?;
        let is_border = rest.is_empty() || rest.starts_with('/');
        is_border.then(|| format!("{}{rest}", mount.path).trim_matches('/').to_owned())
    })
}

/// Checks the asset at `folder`, or all assets below it, in a bucket of `settings`. Returns whether anything was printed, including
/// errors of the bucket.
pub(super) fn in_mounts(
    settings: &Settings,
    folder: &str,
    options: &Options<'_>,
    printer: &mut Printer,
) -> Result<bool, CommandError> {
    let runtime = background()?;
    let handle = runtime.handle();
    let stores = Stores::open_all(settings, StateAccess::Read, handle).map_err(store_error)?;
    let is_in = |mount: &str| {
        mount.is_empty()
            || folder.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let deepest = settings.mounts.iter().filter(|mount| is_in(&mount.path));
    let Some(mount) = deepest.max_by_key(|mount| mount.path.len()) else { return Ok(false) };
    let objects = Objects { stores: &stores, handle, as_kind: options.as_kind };
    let place = Place { settings, objects, store: mount.store.to_string(), mount: &mount.path };
    let named = match folder[mount.path.len()..].trim_matches('/') {
        "" => place.store.clone(),
        inside => place.name_of(inside),
    };
    let (mut any, mut trouble) = match stores.list(folder) {
        // A path that no folder can have, no object can have either.
        None | Some(Err(StoreError::NotFound)) => return Ok(false),
        Some(Err(error)) => (false, Some(error)),
        Some(Ok(mut listing)) => place.check_all(&mut listing, printer)?,
    };
    // Credentials without the permission to list may still read a known object.
    let is_only_refused =
        matches!(&trouble, None | Some(StoreError::Upstream { fault: UpstreamFault::Refused, .. }));
    if !any && is_only_refused {
        match place.check_one(folder) {
            Ok(Some((listed, outcome))) => {
                place.report(&listed, outcome, options.detail, printer)?;
                (any, trouble) = (true, None);
            }
            Ok(None) => {}
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    if let Some(error) = trouble {
        printer.failed(&named, &error.to_string())?;
        any = true;
    }
    Ok(any)
}

/// A mounted bucket.
struct Place<'s> {
    settings: &'s Settings,
    objects: Objects<'s>,
    /// The URL in the mount, such as `s3://media/campaign`.
    store: String,
    /// The path of the mount, without surrounding slashes.
    mount: &'s str,
}

/// The outcome for one object.
enum ObjectOutcome {
    Report(Box<Report>),
    /// Not served, or the placeholder of a folder.
    Skipped,
    Failed(String),
}

impl Place<'_> {
    fn name_of(&self, key: &str) -> String {
        format!("{}/{key}", self.store)
    }

    /// Checks all listed objects. Returns whether there were any, and the error that ended the listing early.
    fn check_all(
        &self,
        listing: &mut Listing,
        printer: &mut Printer,
    ) -> Result<(bool, Option<StoreError>), CommandError> {
        let mut any = false;
        loop {
            let (batch, trouble) = self.next_batch(listing);
            any |= !batch.is_empty();
            let results = walk::in_parallel(&batch, CONCURRENCY, |listed| self.check(listed));
            for (listed, outcome) in batch.iter().zip(results) {
                self.report(listed, outcome, Detail::Found, printer)?;
            }
            if trouble.is_some() || batch.len() < BATCH {
                return Ok((any, trouble));
            }
            printer.advance(batch.len() as u64);
        }
    }

    /// The next listed objects, and the error that ended the listing early.
    fn next_batch(&self, listing: &mut Listing) -> (Vec<ListedObject>, Option<StoreError>) {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            match self.objects.handle.block_on(listing.next()) {
                Some(Ok(listed)) => batch.push(listed),
                Some(Err(error)) => return (batch, Some(error)),
                None => break,
            }
        }
        (batch, None)
    }

    /// Checks the object at this path itself, if there is one.
    fn check_one(&self, path: &str) -> Result<Option<(ListedObject, ObjectOutcome)>, StoreError> {
        let Ok(path) = AssetPath::from_plain(path) else { return Ok(None) };
        let Objects { stores, handle, .. } = self.objects;
        let key = path.below(self.mount).map(|below| below.as_str().to_owned()).unwrap_or_default();
        let found = match handle.block_on(stores.read_part(&path, 0..0, None)) {
            Err(StoreError::NotFound) => return Ok(None),
            Err(StoreError::Archived(reason)) => {
                let report = archived(Report::new(self.name_of(&key)), &reason);
                let outcome = ObjectOutcome::Report(Box::new(report));
                return Ok(Some((ListedObject { key, size: 0 }, outcome)));
            }
            found => found?,
        };
        let listed = ListedObject { key, size: found.asset.len };
        let outcome = self.check(&listed);
        Ok(Some((listed, outcome)))
    }

    fn check(&self, listed: &ListedObject) -> ObjectOutcome {
        let ListedObject { key, size } = listed;
        let name = key.rsplit('/').next().unwrap_or_default();
        // Some tools create empty objects as placeholders of folders.
        let is_folder = *size == 0 && !name.contains('.');
        let is_hidden = |segment: &str| segment.starts_with('.') && !matches!(segment, "." | "..");
        if is_folder || key.split('/').any(is_hidden) {
            return ObjectOutcome::Skipped;
        }
        let mut report = Report::new(self.name_of(key));
        report.findings = judge_key(key);
        let path = if self.mount.is_empty() { key.clone() } else { format!("{}/{key}", self.mount) };
        // The path of an asset has no leading slash, so it would name another object.
        let path = Some(path).filter(|path| !path.starts_with('/'));
        let Some(path) = path.as_deref().and_then(|path| AssetPath::from_plain(path).ok()) else {
            report.size = Some(*size);
            return ObjectOutcome::Report(Box::new(report));
        };
        let mut mounts = self.settings.mounts.iter();
        let is_shadowed =
            mounts.any(|mount| mount.path.len() > self.mount.len() && path.below(&mount.path).is_some());
        if is_shadowed {
            return ObjectOutcome::Skipped;
        }
        match self.objects.check(&path, *size, report) {
            Ok(report) => ObjectOutcome::Report(Box::new(report)),
            // Deleted since the listing.
            Err(ObjectError::Store(StoreError::NotFound)) => ObjectOutcome::Skipped,
            Err(error) => ObjectOutcome::Failed(error.to_string()),
        }
    }

    fn report(
        &self,
        listed: &ListedObject,
        outcome: ObjectOutcome,
        detail: Detail,
        printer: &mut Printer,
    ) -> Result<(), CommandError> {
        match outcome {
            ObjectOutcome::Report(report) => printer.report(&report, detail),
            ObjectOutcome::Skipped => {
                printer.skipped(1);
                Ok(())
            }
            ObjectOutcome::Failed(reason) => printer.failed(&self.name_of(&listed.key), &reason),
        }
    }
}
