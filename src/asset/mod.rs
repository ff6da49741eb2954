//! What an asset is: its path, its digest, its media type, its cache policy and its metadata.
//!
//! Everything here is a value. Nothing reads a file, a clock or a configuration; the rooms above do that and hand in
//! what they found.

mod digest;
mod entity_tag;
mod media_type;
mod path;
mod policy;

pub use digest::{Digest, VersionId};
pub use entity_tag::EntityTag;
pub use media_type::MediaType;
pub use path::{AssetPath, PathError};
pub use policy::{CachePolicy, PolicyError, Storage};

use httpdate::HttpDate;

/// What is known of one version of one asset.
///
/// The bytes live elsewhere: a store hands out an `Asset` together with a way to read exactly the bytes that it speaks
/// of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The last segment of the asset's path, decoded: `Preisliste März.pdf`.
    pub name: Box<str>,
    /// Length of the whole representation, in bytes.
    pub len: u64,
    /// The validator that names this version (RFC 9110 section 8.8.3).
    pub etag: EntityTag,
    /// What a versioned link to this version carries as `v`.
    pub version: VersionId,
    /// When the asset last changed, in whole seconds; `None` where no honest time is known (RFC 9110 section 8.8.2).
    pub last_modified: Option<HttpDate>,
    /// The exact `Content-Type`.
    pub media_type: MediaType,
    /// The `Content-Encoding` that the bytes are in, where a bucket keeps them encoded: printable ASCII.
    pub content_encoding: Option<Box<str>>,
    /// What the operator wants caches to do with it.
    pub cache_policy: CachePolicy,
}
