//! What lies in a bucket, and pieces of it: for who looks at many objects and serves none of them.
//!
//! Nothing of this is kept on the context, which is for what clients ask for.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectMeta};
use tokio::time::timeout;

use super::error::BucketError;
use super::metadata::entity_tag;
use super::object::body;
use super::object_keys;
use super::{Bucket, UpstreamFault};
use crate::asset::{Asset, AssetPath};
use crate::store::StoreError;

type Objects = Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>>;

/// The objects below a folder of a bucket, asked for a page at a time, in the order in which the service lists them. S3, Google
/// and Azure list them by their keys.
pub struct Listing {
    objects: Objects,
    /// What the keys of all assets begin with.
    prefix: Path,
    name: String,
    timeout: std::time::Duration,
}

/// An object that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key, without what the keys of all assets in its mount begin with. It may be one that no URL leads to: `a//b`, `/a`,
    /// `a/../b`, `a/`; it is empty where it stands for all that lies below the mount.
    pub key: String,
    /// In bytes.
    pub size: u64,
}

/// Some bytes of an object, and what it is.
#[derive(Debug, Clone)]
pub struct ObjectPart {
    /// What the object is.
    pub asset: Asset,
    /// The entity tag as the store writes it, to ask for more of the same version.
    pub tag: Box<str>,
    /// The bytes that were asked for.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Listing {
    /// The next object; `None` at the end. After an error, too, there are no more.
    pub async fn next(&mut self) -> Option<Result<ListedObject, StoreError>> {
        let refused = |refusal: BucketError| match refusal {
            // Who may read but not list is logged so.
            BucketError::Forbidden | BucketError::Missing { .. } => BucketError::UpstreamFault(
                UpstreamFault::Refused,
                "it lets us list nothing; allow it (s3:ListBucket), or name its objects one by one"
                    .to_owned(),
            ),
            other => other,
        };
        loop {
            let next = timeout(self.timeout, poll_fn(|cx| self.objects.as_mut().poll_next(cx))).await;
            return match next {
                Ok(None) => None,
                Ok(Some(Ok(found))) => match self.below(&object_keys::decoded(found.location.as_ref())) {
                    Some(key) => Some(Ok(ListedObject { key, size: found.size })),
                    // It was not asked for.
                    None => continue,
                },
                Ok(Some(Err(error))) => Some(Err(refused(BucketError::of(&error)).into_error(&self.name))),
                Err(_) => {
                    let waited = format!("there was no answer for {:.1} s", self.timeout.as_secs_f32());
                    Some(Err(BucketError::UpstreamFault(UpstreamFault::Late, waited).into_error(&self.name)))
                }
            };
        }
    }

    /// What follows the prefix in a whole key.
    fn below(&self, key: &str) -> Option<String> {
        let prefix = self.prefix.as_ref();
        let below = if prefix.is_empty() { key } else { key.strip_prefix(prefix)?.strip_prefix('/')? };
        Some(below.to_owned())
    }
}

impl Bucket {
    /// Lists what lies below `folder`, or everything.
    pub(crate) fn list(&self, folder: Option<&AssetPath<'_>>) -> Result<Listing, StoreError> {
        let folder = match folder {
            Some(folder) => Some(self.upstream.key(folder).ok_or(StoreError::NotFound)?),
            None => None,
        };
        Ok(Listing {
            objects: self.upstream.list(folder.as_ref()),
            prefix: self.upstream.prefix().clone(),
            name: self.upstream.name().to_owned(),
            timeout: self.upstream.request_timeout(),
        })
    }

    /// What the object at `path` is, which is `inside` this bucket, and the bytes of it in `range`, which may be empty.
    ///
    /// With the `tag` of an earlier piece, it fails with [`StoreError::Changing`] where the object is another version by now.
    pub(crate) async fn read_part(
        &self,
        path: &AssetPath<'_>,
        inside: &AssetPath<'_>,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<ObjectPart, StoreError> {
        let fail = |refusal: BucketError| refusal.into_error(self.upstream.name());
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
            self.upstream.ask(&key, options).await.map_err(fail)?;
        let known = meta.e_tag.as_deref().and_then(|tag| Some((tag.into(), entity_tag(tag)?)));
        let Some((found, etag)) = known else {
            return Err(fail(BucketError::Unusable("it has no ETag".to_owned())));
        };
        let found: Box<str> = found;
        if tag.is_some_and(|tag| *tag != *found) {
            return Err(StoreError::Changing);
        }
        let told_by = (self.upstream.name(), &self.context.rules);
        let own_policy = self.descriptions.own_policy(path, &attributes);
        let asset =
            self.descriptions.describe(told_by, path, (etag, &meta), &attributes, own_policy.as_ref());
        let bytes = if wanted == 0 {
            Bytes::new()
        } else {
            self.collect(body(payload), wanted).await.map_err(fail)?
        };
        Ok(ObjectPart { asset, tag: found, bytes })
    }

    /// The bytes of an answer, `most` of them at most.
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
                        "it stopped within its answer".to_owned(),
                    ));
                }
            }
        }
        bytes.truncate(most);
        Ok(bytes.freeze())
    }
}
