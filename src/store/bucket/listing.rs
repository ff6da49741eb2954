//! Lists a bucket and reads parts of its objects, for callers that inspect many objects and serve none.
//!
//! Nothing read here goes into the cache, which is for what clients request.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetResult, ObjectMeta};
use tokio::time::timeout;

use super::error::{BucketError, described};
use super::metadata::entity_tag;
use super::object::body;
use super::object_keys;
use super::probe::is_about_address;
use super::{Bucket, UpstreamFault};
use crate::asset::{Asset, AssetPath};
use crate::store::StoreError;

type Objects = Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>>;

/// The objects below a folder of a bucket, requested page by page, in the order in which the service lists them. S3,
/// Google and Azure list by key.
pub struct Listing {
    objects: Objects,
    /// The prefix that the keys of all assets share.
    prefix: Path,
    name: String,
    /// The permission to list.
    permission: &'static str,
    /// What seems to be wrong with the endpoint, and its right value.
    suspected_endpoint: Option<String>,
    timeout: std::time::Duration,
}

/// An object in a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key without the prefix of the mount. No URL leads to some keys: `a//b`, `/a`, `a/../b`, `a/`. Empty for an
    /// object whose key is the prefix itself.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
}

/// Some bytes of an object, and its metadata.
#[derive(Debug, Clone)]
pub struct ObjectPart {
    /// The metadata of the object.
    pub asset: Asset,
    /// The `Content-Encoding` in its metadata, unchanged. [`Asset::content_encoding`] leaves out what is never sent.
    pub content_encoding: Option<Box<str>>,
    /// The entity tag as the store sends it, to request more of the same version.
    pub tag: Box<str>,
    /// The requested bytes.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Listing {
    /// The next object; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<ListedObject, StoreError>> {
        loop {
            let next = timeout(self.timeout, poll_fn(|cx| self.objects.as_mut().poll_next(cx))).await;
            return match next {
                Ok(None) => None,
                Ok(Some(Ok(found))) => match self.below(&object_keys::decoded(found.location.as_ref())) {
                    Some(key) => Some(Ok(ListedObject { key, size: found.size })),
                    // Outside the prefix.
                    None => continue,
                },
                Ok(Some(Err(error))) => Some(Err(self.error(&error).into_error(&self.name))),
                Err(_) => {
                    let waited = format!("no response within {:.1} s", self.timeout.as_secs_f32());
                    Some(Err(BucketError::UpstreamFault(UpstreamFault::Late, waited).into_error(&self.name)))
                }
            };
        }
    }

    /// What an error response to a list request means. Only a 403 is about permissions.
    fn error(&self, error: &object_store::Error) -> BucketError {
        let refused = |reason| BucketError::UpstreamFault(UpstreamFault::Refused, reason);
        match BucketError::of(error) {
            // Permission to read but not to list.
            BucketError::Forbidden => refused(format!(
                "it does not allow listing; allow it ({}), or name the objects one by one",
                self.permission
            )),
            BucketError::Missing { explained: true } => refused(format!(
                "it answers a list request as a request for a missing object ({}), so the address of the bucket is probably wrong; {}",
                described(error),
                self.suspected_endpoint.as_deref().unwrap_or(
                    "check its endpoint, which must not contain the bucket's name, and its addressing"
                )
            )),
            BucketError::UpstreamFault(UpstreamFault::Refused, reason) if is_about_address(&reason) => {
                let fix = self.suspected_endpoint.as_ref().map_or_else(String::new, |fix| format!("; {fix}"));
                refused(format!("{reason}{fix}"))
            }
            BucketError::Missing { explained: false } => refused(
                "it answers a list request with 404 and no error code, as a web server does; check its endpoint".to_owned(),
            ),
            other => other,
        }
    }

    /// The part of a key after the prefix.
    fn below(&self, key: &str) -> Option<String> {
        let prefix = self.prefix.as_ref();
        let below = if prefix.is_empty() { key } else { key.strip_prefix(prefix)?.strip_prefix('/')? };
        Some(below.to_owned())
    }
}

impl Bucket {
    /// Lists the objects below `folder`, or all objects.
    pub(crate) fn list(&self, folder: Option<&AssetPath<'_>>) -> Result<Listing, StoreError> {
        let folder = match folder {
            Some(folder) => Some(self.upstream.key(folder).ok_or(StoreError::NotFound)?),
            None => None,
        };
        Ok(Listing {
            objects: self.upstream.list(folder.as_ref()),
            prefix: self.upstream.prefix().clone(),
            name: self.upstream.name().to_owned(),
            permission: self.upstream.permissions()[1],
            suspected_endpoint: self.suspected_endpoint(),
            timeout: self.upstream.request_timeout(),
        })
    }

    /// The metadata of the object at `path`, which is `inside` this bucket, and its bytes in `range`, which may be
    /// empty.
    ///
    /// If `tag` is that of an earlier part, fails with [`StoreError::Changing`] when the object is another version by
    /// now.
    pub(crate) async fn read_part(
        &self,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<ObjectPart, StoreError> {
        let fail = |error: BucketError| error.into_error(self.upstream.name());
        let key = self.upstream.key(inside).ok_or(StoreError::NotFound)?;
        let wanted = range.end.saturating_sub(range.start);
        let options = GetOptions {
            // A weak tag never matches (RFC 9110 section 13.1.1).
            if_match: tag.filter(|tag| !tag.starts_with("W/")).map(str::to_owned),
            head: wanted == 0,
            range: (wanted > 0).then(|| range.into()),
            ..GetOptions::default()
        };
        let GetResult { meta, attributes, payload, .. } =
            self.upstream.get(&key, options).await.map_err(fail)?;
        let known = meta.e_tag.as_deref().and_then(|tag| Some((tag.into(), entity_tag(tag)?)));
        let Some((found, etag)) = known else {
            return Err(fail(BucketError::Unusable("it has no ETag".to_owned())));
        };
        let found: Box<str> = found;
        if tag.is_some_and(|tag| *tag != *found) {
            return Err(StoreError::Changing);
        }
        let store = (self.upstream.name(), &self.context.rules);
        let own_policy = self.metadata.own_policy(path, &attributes);
        let asset = self.metadata.describe(store, path, (etag, &meta), &attributes, own_policy.as_ref());
        let bytes = if wanted == 0 {
            Bytes::new()
        } else {
            self.collect(body(payload), wanted).await.map_err(fail)?
        };
        let content_encoding = attributes.get(&Attribute::ContentEncoding).map(|text| text.as_ref().into());
        Ok(ObjectPart { asset, content_encoding, tag: found, bytes })
    }

    /// Reads a body, at most `most` bytes of it.
    async fn collect(&self, mut body: super::upstream::Body, most: u64) -> Result<Bytes, BucketError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::new();
        while bytes.len() < most {
            let next = timeout(self.upstream.read_timeout(), poll_fn(|cx| body.as_mut().poll_next(cx))).await;
            match next {
                Ok(Some(Ok(more))) => bytes.extend_from_slice(&more),
                Ok(Some(Err(error))) => return Err(BucketError::of(&error)),
                Ok(None) => break,
                Err(_) => {
                    return Err(BucketError::UpstreamFault(
                        UpstreamFault::Late,
                        "it stopped in the middle of its response".to_owned(),
                    ));
                }
            }
        }
        bytes.truncate(most);
        Ok(bytes.freeze())
    }
}
