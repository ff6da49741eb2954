//! Buckets: the objects below a prefix of one, or one of them.

use std::path::Path;

use super::super::{CommandError, background, load, store_error};
use super::output::{Detail, Printer};
use super::{BATCH, Wanted};
use crate::asset::AssetPath;
use crate::check::{ObjectError, Objects, Report, judge_key};
use crate::cli::check::walk;
use crate::config::{Flags, Location, Settings};
use crate::store::{Listed, Listing, StoreError, Stores, UpstreamFault};

/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// What is said of a name under which a bucket has nothing.
const NOTHING: &str = "there is no object of this name, and none below it";

/// Checks what `given`, such as `s3://media/campaign`, names.
pub(super) fn run(given: &str, wanted: &Wanted<'_>, printer: &mut Printer) -> Result<(), CommandError> {
    let given = given.trim_end_matches('/');
    if let Some((settings, folder)) = wanted.settings.and_then(|s| Some((s, mounted(s, given)?))) {
        return tell_whether(in_mounts(settings, &folder, wanted, printer)?, given, printer);
    }
    // Its last part may be a folder's name or an object's: both are looked up below what stands before it.
    let parent = given
        .rsplit_once('/')
        .filter(|(parent, name)| !parent.ends_with('/') && AssetPath::from_plain(name).is_ok());
    let (store, folder) = parent.unwrap_or((given, ""));
    let flags = Flags {
        config: wanted.config.map(Path::to_owned),
        store: Some(store.to_owned()),
        ..Flags::default()
    };
    tell_whether(in_mounts(&load(&flags)?, folder, wanted, printer)?, given, printer)
}

fn tell_whether(was_there: bool, given: &str, printer: &mut Printer) -> Result<(), CommandError> {
    if was_there { Ok(()) } else { printer.missing(given, NOTHING) }
}

/// The path of what `given` names, where it lies in a bucket that is mounted: its endpoint and credentials are known then.
fn mounted(settings: &Settings, given: &str) -> Option<String> {
    settings.mounts.iter().find_map(|mount| {
        let Location::Bucket(bucket) = &mount.store else { return None };
        let rest = given.strip_prefix(&bucket.to_string())?;
        let is_border = rest.is_empty() || rest.starts_with('/');
        is_border.then(|| format!("{}{rest}", mount.path).trim_matches('/').to_owned())
    })
}

/// Checks the asset at `folder`, or all below it, in a bucket of `settings`; says whether there was anything to tell of. What the
/// bucket does not let us see is told, too.
pub(super) fn in_mounts(
    settings: &Settings,
    folder: &str,
    wanted: &Wanted<'_>,
    printer: &mut Printer,
) -> Result<bool, CommandError> {
    let runtime = background()?;
    let handle = runtime.handle();
    let stores = Stores::open_all(settings, handle).map_err(store_error)?;
    let is_in = |mount: &str| {
        mount.is_empty()
            || folder.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let deepest = settings.mounts.iter().filter(|mount| is_in(&mount.path));
    let Some(mount) = deepest.max_by_key(|mount| mount.path.len()) else { return Ok(false) };
    let objects = Objects { stores: &stores, handle, as_kind: wanted.as_kind };
    let place = Place { settings, objects, store: mount.store.to_string(), mount: &mount.path };
    let named = match folder[mount.path.len()..].trim_matches('/') {
        "" => place.store.clone(),
        inside => place.name_of(inside),
    };
    let (mut any, mut trouble) = match stores.list(folder) {
        // No object has a name that no folder can have.
        None | Some(Err(StoreError::NotFound)) => return Ok(false),
        Some(Err(error)) => (false, Some(error)),
        Some(Ok(mut listing)) => place.look_at_all(&mut listing, printer)?,
    };
    // Who may not list may still read what he can name.
    let is_only_refused =
        matches!(&trouble, None | Some(StoreError::Upstream { fault: UpstreamFault::Refused, .. }));
    if !any && is_only_refused {
        match place.look_at_one(folder) {
            Ok(Some((listed, looked))) => {
                place.report(&listed, looked, wanted.detail, printer)?;
                (any, trouble) = (true, None);
            }
            Ok(None) => {}
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    if let Some(error) = trouble {
        printer.trouble(&named, &error.to_string())?;
        any = true;
    }
    Ok(any)
}

/// A bucket that is mounted.
struct Place<'s> {
    settings: &'s Settings,
    objects: Objects<'s>,
    /// As what the bucket is mounted, such as `s3://media/campaign`.
    store: String,
    /// Where, without slashes at its ends.
    mount: &'s str,
}

/// What came of one object.
enum Probed {
    Report(Box<Report>),
    /// It is not served, or stands for a folder.
    Skipped,
    Failed(String),
}

impl Place<'_> {
    fn name_of(&self, key: &str) -> String {
        format!("{}/{key}", self.store)
    }

    /// Checks all that is listed; says whether there was anything, and why there is no more.
    fn look_at_all(
        &self,
        listing: &mut Listing,
        printer: &mut Printer,
    ) -> Result<(bool, Option<StoreError>), CommandError> {
        let mut any = false;
        loop {
            let (batch, trouble) = self.next(listing);
            any |= !batch.is_empty();
            let results = walk::in_parallel(&batch, AT_ONCE, |listed| self.look_at(listed));
            for (listed, looked) in batch.iter().zip(results) {
                self.report(listed, looked, Detail::Found, printer)?;
            }
            if trouble.is_some() || batch.len() < BATCH {
                return Ok((any, trouble));
            }
            printer.advance(batch.len() as u64);
        }
    }

    /// What is listed next, and what ended it before its time.
    fn next(&self, listing: &mut Listing) -> (Vec<Listed>, Option<StoreError>) {
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

    /// The object at this path itself, if there is one.
    fn look_at_one(&self, path: &str) -> Result<Option<(Listed, Probed)>, StoreError> {
        let Ok(path) = AssetPath::from_plain(path) else { return Ok(None) };
        let Objects { stores, handle, .. } = self.objects;
        let found = match handle.block_on(stores.piece(&path, 0..0, None)) {
            Err(StoreError::NotFound) => return Ok(None),
            found => found?,
        };
        let key = path.below(self.mount).map(|below| below.as_str().to_owned()).unwrap_or_default();
        let listed = Listed { key, size: found.asset.len };
        let looked = self.look_at(&listed);
        Ok(Some((listed, looked)))
    }

    fn look_at(&self, listed: &Listed) -> Probed {
        let Listed { key, size } = listed;
        let name = key.rsplit('/').next().unwrap_or_default();
        // Tools that show folders put empty objects in their stead.
        let is_folder = *size == 0 && !name.contains('.');
        let is_hidden = |segment: &str| segment.starts_with('.') && !matches!(segment, "." | "..");
        if is_folder || key.split('/').any(is_hidden) {
            return Probed::Skipped;
        }
        let mut report = Report::new(self.name_of(key));
        report.findings = judge_key(key);
        let path = if self.mount.is_empty() { key.clone() } else { format!("{}/{key}", self.mount) };
        // A slash at the beginning would not count in a path, and another object would be looked at.
        let path = Some(path).filter(|path| !path.starts_with('/'));
        let Some(path) = path.as_deref().and_then(|path| AssetPath::from_plain(path).ok()) else {
            report.size = Some(*size);
            return Probed::Report(Box::new(report));
        };
        let mut mounts = self.settings.mounts.iter();
        let is_shadowed =
            mounts.any(|mount| mount.path.len() > self.mount.len() && path.below(&mount.path).is_some());
        if is_shadowed {
            return Probed::Skipped;
        }
        match self.objects.check(&path, *size, report) {
            Ok(report) => Probed::Report(Box::new(report)),
            // It is gone by now.
            Err(ObjectError::Store(StoreError::NotFound)) => Probed::Skipped,
            Err(error) => Probed::Failed(error.to_string()),
        }
    }

    fn report(
        &self,
        listed: &Listed,
        looked: Probed,
        detail: Detail,
        printer: &mut Printer,
    ) -> Result<(), CommandError> {
        match looked {
            Probed::Report(report) => printer.report(&report, detail),
            Probed::Skipped => {
                printer.skipped(1);
                Ok(())
            }
            Probed::Failed(reason) => printer.trouble(&self.name_of(&listed.key), &reason),
        }
    }
}
