//! Objects of the bucket, and S3's documented behaviour: conditions, ranges and lists. Faults are injected by the
//! front.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::header::{
    CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use md5::{Digest, Md5};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output,
    PutObjectInput, PutObjectOutput, Timestamp,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::{ACCESS_KEY, BUCKET, Meta, OTHER_ACCESS_KEY, REGION, SECRET};
use crate::support::hex;

/// Bodies are sent in pieces of this size, so that the front can stop between any two, and no whole object is buffered.
const CHUNK: usize = 64 << 10;

/// The only user, with two access keys.
pub(super) struct Keyring;

#[async_trait::async_trait]
impl S3Auth for Keyring {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        // The crate's own user list responds `NotSignedUp` here, which S3 does not.
        if [ACCESS_KEY, OTHER_ACCESS_KEY].contains(&access_key) {
            Ok(SECRET.into())
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

/// Parts of a request that the response ignores.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Overlooked {
    pub(super) conditions: bool,
    pub(super) range: bool,
}

#[derive(Debug)]
struct Object {
    bytes: Bytes,
    etag: String,
    modified: SystemTime,
    meta: Meta,
}

/// The objects by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket(Arc<Mutex<BTreeMap<String, Arc<Object>>>>);

impl Bucket {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Object>>> {
        self.0.lock().expect("not poisoned")
    }

    /// Puts an object, and returns its entity tag, without quotes.
    pub(super) fn put(&self, key: String, bytes: Bytes, meta: Meta) -> String {
        let etag = meta.etag.clone().unwrap_or_else(|| hex(&Md5::digest(&bytes)));
        // S3 has no fractions of a second.
        // Not in the second in which it is read: then it would be asked for twice.
        let modified = meta.modified.unwrap_or_else(|| SystemTime::now() - Duration::from_secs(2));
        let since_epoch = modified.duration_since(UNIX_EPOCH).expect("a time after 1970");
        let modified = UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs());
        self.objects().insert(key, Arc::new(Object { bytes, etag: etag.clone(), modified, meta }));
        etag
    }

    pub(super) fn remove(&self, key: &str) -> bool {
        self.objects().remove(key).is_some()
    }

    /// The requested object, if the conditions of the request hold.
    fn find<T>(&self, bucket: &str, key: &str, request: &S3Request<T>) -> S3Result<Arc<Object>> {
        known(bucket)?;
        let object = self.objects().get(key).cloned();
        let object = object.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        if !overlooked(request).conditions {
            object.check(&request.headers)?;
        }
        Ok(object)
    }
}

fn known(bucket: &str) -> S3Result<()> {
    if bucket == BUCKET {
        Ok(())
    } else {
        Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }
}

fn overlooked<T>(request: &S3Request<T>) -> Overlooked {
    request.extensions.get().copied().unwrap_or_default()
}

impl Object {
    /// The order is that of RFC 9110 (section 13.2.2), to which S3's two documented exceptions amount: in a request with both kinds,
    /// only the tag counts.
    fn check(&self, headers: &HeaderMap) -> S3Result<()> {
        let failed =
            || s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold");
        if let Some(tags) = field(headers, &IF_MATCH) {
            if !self.is_named(tags, false) {
                return Err(failed());
            }
        } else if date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|date| self.modified > date) {
            return Err(failed());
        }
        let unchanged = if let Some(tags) = field(headers, &IF_NONE_MATCH) {
            self.is_named(tags, true)
        } else {
            date(headers, &IF_MODIFIED_SINCE).is_some_and(|date| self.modified <= date)
        };
        if unchanged { Err(self.not_modified()) } else { Ok(()) }
    }

    /// Whether a list of tags has this object's. Parsed here because s3s reads a header as one tag.
    fn is_named(&self, tags: &str, weakly: bool) -> bool {
        tags.split(',').map(str::trim).any(|tag| {
            let tag = if weakly { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
            // S3 accepts a tag without quotes, too.
            tag == "*" || tag.trim_matches('"') == self.etag
        })
    }

    fn not_modified(&self) -> S3Error {
        let mut headers = HeaderMap::new();
        let value = |text: &str| HeaderValue::from_str(text).expect("a field value");
        headers.insert(ETAG, value(&format!("\"{}\"", self.etag)));
        headers.insert(LAST_MODIFIED, value(&httpdate::fmt_http_date(self.modified)));
        if let Some(policy) = &self.meta.cache_control {
            headers.insert(CACHE_CONTROL, value(policy));
        }
        let mut error = s3_error!(NotModified);
        error.set_headers(headers);
        error
    }

    fn content_type(&self) -> String {
        self.meta.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())
    }

    fn tag(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }
}

fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(field(headers, name)?).ok()
}

fn length(len: usize) -> i64 {
    i64::try_from(len).expect("a length in memory")
}

/// Bytes, piece by piece.
struct Pieces(Bytes);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let len = self.0.len().min(CHUNK);
        Poll::Ready((len > 0).then(|| Ok(Frame::data(self.0.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let object = self.find(&request.input.bucket, &request.input.key, &request)?;
        let mut bytes = object.bytes.clone();
        let mut content_range = None;
        if let Some(range) = request.input.range.filter(|_| !overlooked(&request).range) {
            let whole = bytes.len();
            let unsatisfiable = || s3_error!(InvalidRange, "The requested range is not satisfiable");
            let part = range.check(whole as u64).ok().filter(|part| !part.is_empty());
            let part = part.ok_or_else(unsatisfiable)?;
            content_range = Some(format!("bytes {}-{}/{whole}", part.start, part.end - 1));
            let at = |place| usize::try_from(place).expect("within memory");
            bytes = bytes.slice(at(part.start)..at(part.end));
        }
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: object.meta.cache_control.clone(),
            content_disposition: object.meta.content_disposition.clone(),
            content_encoding: object.meta.content_encoding.clone(),
            content_length: Some(length(bytes.len())),
            content_range,
            content_type: Some(object.content_type()),
            e_tag: Some(object.tag()),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.meta.user.iter().cloned().collect()),
            body: Some(s3s::Body::http_body(Pieces(bytes)).into()),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.find(&request.input.bucket, &request.input.key, &request)?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: object.meta.cache_control.clone(),
            content_disposition: object.meta.content_disposition.clone(),
            content_encoding: object.meta.content_encoding.clone(),
            content_length: Some(length(object.bytes.len())),
            content_type: Some(object.content_type()),
            e_tag: Some(object.tag()),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.meta.user.iter().cloned().collect()),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        known(&input.bucket)?;
        let bytes = match input.body {
            Some(body) => {
                let read = s3s::Body::from(body).store_all_limited(usize::MAX).await;
                read.map_err(|_| s3_error!(IncompleteBody))?
            }
            None => Bytes::new(),
        };
        let meta = Meta {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            user: input.metadata.unwrap_or_default().into_iter().collect(),
            ..Meta::default()
        };
        let etag = self.put(input.key, bytes, meta);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(ETag::Strong(etag)), ..PutObjectOutput::default() }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        known(&request.input.bucket)?;
        // S3 responds alike whether there was such an object or not.
        self.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        known(&input.bucket)?;
        let prefix = input.prefix.unwrap_or_default();
        let at_most = input.max_keys.map_or(1000, |keys| usize::try_from(keys).unwrap_or(0).min(1000));
        // The token is the last listed key: only this server has to parse it.
        let after = input.continuation_token.or(input.start_after);
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let objects = self.objects();
        let mut matching = objects
            .range::<String, _>((after.as_ref(), Bound::Unbounded))
            .filter(|(key, _)| key.starts_with(&prefix));
        let contents: Vec<_> = matching
            .by_ref()
            .take(at_most)
            .map(|(key, object)| s3s::dto::Object {
                key: Some(key.clone()),
                e_tag: Some(object.tag()),
                last_modified: Some(Timestamp::from(object.modified)),
                size: Some(length(object.bytes.len())),
                ..s3s::dto::Object::default()
            })
            .collect();
        let truncated = matching.next().is_some();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            max_keys: i32::try_from(at_most).ok(),
            key_count: i32::try_from(contents.len()).ok(),
            is_truncated: Some(truncated),
            next_continuation_token: contents.last().filter(|_| truncated).and_then(|last| last.key.clone()),
            prefix: Some(prefix),
            contents: Some(contents),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        known(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(REGION.to_owned()),
            ..HeadBucketOutput::default()
        }))
    }
}
