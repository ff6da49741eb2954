//! One version of one asset, opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::bucket::object::{Object, PendingBody};
use super::content::{Content, ContentStream};
use super::disk::load::ObservedVersion;
use super::{Freshness, StoreError};
use crate::asset::{Asset, Digest};
use crate::http::ResponseHeaders;

/// One version of one asset, opened: its metadata, its rendered headers, and access to exactly those bytes.
#[derive(Debug, Clone)]
pub struct OpenAsset {
    entry: Arc<Entry>,
    /// The response of the bucket that described this version, if its body is still unread. The first reader takes
    /// it.
    pending: Option<PendingBody>,
}

#[derive(Debug)]
struct Entry {
    asset: Asset,
    fields: ResponseHeaders,
    content: Content,
    origin: Origin,
    /// When this was last known to be the current version, in nanoseconds since `epoch`.
    checked: AtomicU64,
    epoch: Instant,
}

/// What the store needs to know about the version that it opened.
#[derive(Debug)]
pub(super) enum Origin {
    File {
        seen: ObservedVersion,
        /// Whether any later change is certain to show in the file's metadata.
        settled: bool,
        digest: Digest,
        /// The [generation](super::dates::Dating::generation) of its date.
        dated_by: u64,
    },
    Object(Arc<Object>),
}

impl OpenAsset {
    /// `checked` is when the store was read, or just before.
    pub(super) fn new(
        asset: Asset,
        fields: ResponseHeaders,
        content: Content,
        origin: Origin,
        checked: Instant,
    ) -> Self {
        let entry = Entry { asset, fields, content, origin, checked: AtomicU64::new(0), epoch: checked };
        Self { entry: Arc::new(entry), pending: None }
    }

    /// The same, with the body that came with it.
    pub(super) fn with(self, pending: PendingBody) -> Self {
        Self { pending: Some(pending), ..self }
    }

    /// The same bytes of the same version, checked at the same time, as other cache rules describe them.
    pub(super) fn with_description(&self, asset: Asset, fields: ResponseHeaders, origin: Origin) -> Self {
        let checked = AtomicU64::new(self.entry.checked.load(Ordering::Relaxed));
        let entry = Entry {
            asset,
            fields,
            content: self.entry.content.clone(),
            origin,
            checked,
            epoch: self.entry.epoch,
        };
        Self { entry: Arc::new(entry), pending: None }
    }

    /// The metadata.
    pub fn asset(&self) -> &Asset {
        &self.entry.asset
    }

    /// The rendered response headers.
    pub fn fields(&self) -> &ResponseHeaders {
        &self.entry.fields
    }

    /// How to read it.
    pub fn content(&self) -> &Content {
        &self.entry.content
    }

    /// Ensures that the bytes of `range` can be read before the response head is sent: an object that is not in
    /// memory is requested now. `None` if no request is needed.
    ///
    /// Fails with [`StoreError::Changing`] if the asset is another version by now.
    pub async fn begin(&self, range: std::ops::Range<u64>) -> Result<Option<ContentStream>, StoreError> {
        let Content::Object(object) = self.content() else { return Ok(None) };
        let stream = match self.pending.as_ref().and_then(|pending| pending.take(object, &range)) {
            Some(stream) => stream,
            None => object.begin(range).await?,
        };
        Ok(Some(ContentStream::Object(Box::new(stream))))
    }

    /// Whether the store was read since `moment`.
    pub fn was_checked_since(&self, moment: Instant) -> bool {
        self.checked() >= moment
    }

    /// Whether any later change is certain to show in the metadata.
    pub(super) fn is_settled(&self) -> bool {
        match &self.entry.origin {
            Origin::File { settled, .. } => *settled,
            Origin::Object(_) => true,
        }
    }

    /// Whether a response found that it is another version by now, or unreadable.
    pub(super) fn is_broken(&self) -> bool {
        match self.content() {
            Content::Memory(_) => false,
            Content::File(file) => file.is_broken(),
            Content::SharedBody(body) => body.is_broken(),
            Content::Object(object) => object.is_broken(),
        }
    }

    /// The version of the file; `None` if this is an object.
    pub(super) fn seen(&self) -> Option<&ObservedVersion> {
        match &self.entry.origin {
            Origin::File { seen, .. } => Some(seen),
            Origin::Object(_) => None,
        }
    }

    /// The digest of the file and the [generation](super::dates::Dating::generation) of its date; `None` if this is an object.
    pub(super) fn dated(&self) -> Option<(Digest, u64)> {
        match self.entry.origin {
            Origin::File { digest, dated_by, .. } => Some((digest, dated_by)),
            Origin::Object(_) => None,
        }
    }

    /// The version of the object; `None` if this is a file.
    pub(super) fn object(&self) -> Option<&Arc<Object>> {
        match &self.entry.origin {
            Origin::Object(object) => Some(object),
            Origin::File { .. } => None,
        }
    }

    pub(super) fn checked(&self) -> Instant {
        self.entry.epoch + Duration::from_nanos(self.entry.checked.load(Ordering::Relaxed))
    }

    /// Records that this was the current version at `when`.
    pub(super) fn confirm(&self, when: Instant) {
        let since = when.saturating_duration_since(self.entry.epoch).as_nanos();
        self.entry.checked.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether this was checked recently enough for a request made at `now`.
    pub(super) fn is_fresh(&self, freshness: Freshness, now: Instant, fresh: Duration) -> bool {
        match freshness {
            Freshness::Since(moment) => self.was_checked_since(moment),
            // A check after the request is recent enough even if `fresh` is zero.
            Freshness::Configured | Freshness::Settled => {
                self.was_checked_since(now) || now.duration_since(self.checked()) < fresh
            }
        }
    }
}
