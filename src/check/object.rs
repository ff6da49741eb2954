//! Checks one object of a bucket with a few range requests.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::content_encoding::Codings;
use super::rules::file_rules::ARCHIVED;
use super::{Caching, Finding, Origin, Report, Source, Subject, format, judge};
use crate::asset::AssetPath;
use crate::store::{ObjectPart, StoreError, Stores};
use crate::whatsapp::Kind;

/// Size of the first range request, in bytes. Most formats need no more.
const HEAD: u64 = 64 << 10;
/// Size of each further range request, in bytes.
const MORE: u64 = 32 << 10;
/// How many further ranges of one object are kept in memory.
const KEPT: usize = 4;

/// Checks objects of mounted buckets, each on the caller's thread.
#[derive(Clone, Copy)]
pub struct Objects<'a> {
    /// The stores that hold the objects.
    pub stores: &'a Stores,
    /// The runtime of the stores' connections. The caller must not run on it, because a check blocks on it.
    pub handle: &'a Handle,
    /// The kind of message that is to send them, if the user chose one (`--as`).
    pub as_kind: Option<Kind>,
}

/// Why an object could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The store could not return the object.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading a further range failed.
    #[error(transparent)]
    Reading(#[from] io::Error),
}

impl Objects<'_> {
    /// Checks the object at `path`, whose listed size is `size` bytes, and adds the results to `report`.
    ///
    /// Reads at most [`format::READ_BOUND`] bytes, all of one version of the object.
    pub fn check(&self, path: &AssetPath<'_>, size: u64, mut report: Report) -> Result<Report, ObjectError> {
        let read = self.handle.block_on(self.stores.read_part(path, 0..size.min(HEAD), None));
        let ObjectPart { asset, content_encoding, tag, bytes } = match read {
            Err(StoreError::Archived(reason)) => {
                report.size = Some(size);
                return Ok(archived(report, &reason));
            }
            read => read?,
        };
        report.media_type = Some(asset.media_type.to_string());
        report.size = Some(asset.len);
        report.caching = Some(Caching::under(&asset.cache_policy));
        let (size, tag) = (asset.len, &*tag);
        let head = bytes.clone();
        let mut source = ObjectSource { objects: self, path, tag, size, head, more: VecDeque::new() };
        let recognised = format::recognise(&mut source)?;
        if let Some(codings) = content_encoding.as_deref().map(Codings::of) {
            report.findings.extend(codings.findings(&bytes, &recognised.format));
            // What the encoded bytes contain is not checked.
            if codings.are_applied(&bytes, &recognised.format) {
                report.sort();
                return Ok(report);
            }
        }
        let subject = Subject {
            name: path.name(),
            input: Path::new(path.name()),
            origin: Origin::Object,
            media_type: Some(&asset.media_type),
            size: asset.len,
            as_kind: self.as_kind,
        };
        let judgement = judge(&subject, &recognised);
        report.kind = Some(judgement.kind);
        report.format = Some(recognised.format.name());
        report.findings.extend(judgement.findings);
        report.sort();
        Ok(report)
    }
}

/// The report on an object that cannot be read because it is archived.
pub(crate) fn archived(mut report: Report, reason: &str) -> Report {
    let fix = "restore it, or copy it to a storage class that can be read at once (S3: STANDARD or GLACIER_IR; Azure: Hot, Cool or Cold)";
    report.findings.push(Finding::new(&ARCHIVED, reason.to_owned(), fix));
    report.sort();
    report
}

/// An object whose byte ranges are fetched when a reader needs them.
struct ObjectSource<'a> {
    objects: &'a Objects<'a>,
    path: &'a AssetPath<'a>,
    tag: &'a str,
    size: u64,
    head: Bytes,
    /// Further ranges with their offsets, the newest last.
    more: VecDeque<(u64, Bytes)>,
}

impl ObjectSource<'_> {
    /// The bytes from `offset` on that are already in memory.
    fn buffered(&self, offset: u64) -> Option<&[u8]> {
        let held =
            std::iter::once((0, &self.head)).chain(self.more.iter().map(|(from, bytes)| (*from, bytes)));
        held.into_iter().find_map(|(from, bytes)| {
            let skip = usize::try_from(offset.checked_sub(from)?).ok()?;
            bytes.get(skip..).filter(|rest| !rest.is_empty())
        })
    }

    /// Fetches at least `wanted` bytes at `offset`.
    fn fetch(&mut self, offset: u64, wanted: usize) -> io::Result<()> {
        let end = offset.saturating_add(MORE.max(wanted as u64)).min(self.size);
        let asked = self.objects.stores.read_part(self.path, offset..end, Some(self.tag));
        let piece =
            self.objects.handle.block_on(asked).map_err(|error| io::Error::other(error.to_string()))?;
        if self.more.len() == KEPT {
            self.more.pop_front();
        }
        self.more.push_back((offset, piece.bytes));
        Ok(())
    }
}

impl Source for ObjectSource<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut filled = 0;
        while filled < wanted {
            let at = offset + filled as u64;
            if self.buffered(at).is_none() {
                self.fetch(at, wanted - filled)?;
            }
            let Some(bytes) = self.buffered(at) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            // The buffered range may end before the wanted one.
            let count = bytes.len().min(wanted - filled);
            buffer[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
        }
        Ok(filled)
    }
}
