//! Looking at one object of a bucket, piece by piece.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::rules::file_rules::CONTENT_ENCODING;
use super::{Caching, Finding, Report, Source, Subject, format, judge};
use crate::asset::AssetPath;
use crate::store::{Piece, StoreError, Stores};
use crate::whatsapp::Kind;

/// What is asked for of an object first, in bytes: with most formats, all that is needed.
const HEAD: u64 = 64 << 10;
/// What is asked for where that is not enough.
const MORE: u64 = 32 << 10;
/// How many such pieces are held of one object.
const HELD: usize = 4;

/// Objects of the buckets that are mounted, each looked at on the thread of who asks.
#[derive(Clone, Copy)]
pub struct Objects<'a> {
    /// Where they lie.
    pub stores: &'a Stores,
    /// A runtime that the caller is not part of, where the stores' connections live.
    pub handle: &'a Handle,
    /// The kind of message that is to send them, where that is said.
    pub as_kind: Option<Kind>,
}

/// Why nothing can be said of an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// It could not be asked for.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be read on.
    #[error(transparent)]
    Reading(#[from] io::Error),
}

impl Objects<'_> {
    /// Adds to `report` what the object at `path`, of `size` bytes as it was listed, is worth.
    ///
    /// Reads [`format::READ_BOUND`] bytes of it at most, of one version.
    pub fn check(&self, path: &AssetPath<'_>, size: u64, mut report: Report) -> Result<Report, ObjectError> {
        let Piece { asset, tag, bytes } =
            self.handle.block_on(self.stores.piece(path, 0..size.min(HEAD), None))?;
        report.media_type = Some(asset.media_type.to_string());
        report.size = Some(asset.len);
        report.caching = Some(Caching::under(&asset.cache_policy));
        if let Some(encoding) = &asset.content_encoding {
            let seen = format!("Content-Encoding: {encoding}");
            let fix =
                "store it as it is: media are compressed already, and what fetches them may not decode them";
            report.findings.push(Finding::new(&CONTENT_ENCODING, seen, fix));
            report.sort();
            return Ok(report);
        }
        let (size, tag) = (asset.len, &*tag);
        let mut source = ObjectSource { objects: self, path, tag, size, head: bytes, more: VecDeque::new() };
        let recognised = format::recognise(&mut source)?;
        let subject = Subject {
            name: path.name(),
            input: Path::new(path.name()),
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

/// An object whose bytes are asked for where they are looked at.
struct ObjectSource<'a> {
    objects: &'a Objects<'a>,
    path: &'a AssetPath<'a>,
    tag: &'a str,
    size: u64,
    head: Bytes,
    /// Pieces of it and where they begin, the newest last.
    more: VecDeque<(u64, Bytes)>,
}

impl ObjectSource<'_> {
    /// The bytes that are at hand from `offset` on.
    fn at_hand(&self, offset: u64) -> Option<&[u8]> {
        let held =
            std::iter::once((0, &self.head)).chain(self.more.iter().map(|(from, bytes)| (*from, bytes)));
        held.into_iter().find_map(|(from, bytes)| {
            let skip = usize::try_from(offset.checked_sub(from)?).ok()?;
            bytes.get(skip..).filter(|rest| !rest.is_empty())
        })
    }

    /// Asks for what begins at `offset`, `wanted` bytes of it or more.
    fn fetch(&mut self, offset: u64, wanted: usize) -> io::Result<()> {
        let end = offset.saturating_add(MORE.max(wanted as u64)).min(self.size);
        let asked = self.objects.stores.piece(self.path, offset..end, Some(self.tag));
        let piece =
            self.objects.handle.block_on(asked).map_err(|error| io::Error::other(error.to_string()))?;
        if self.more.len() == HELD {
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
            if self.at_hand(at).is_none() {
                self.fetch(at, wanted - filled)?;
            }
            let Some(bytes) = self.at_hand(at) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            // What is at hand may end before what is wanted does.
            let count = bytes.len().min(wanted - filled);
            buffer[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
        }
        Ok(filled)
    }
}
