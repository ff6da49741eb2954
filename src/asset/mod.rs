//! Asset: its path, digest, media type, cache policy and metadata.
//!
//! Everything here is a value. Nothing reads a file, a clock or a configuration; the modules above do that and pass in
//! the results.

mod digest;
mod entity_tag;
mod media_type_syntax;
mod path;
mod policy;
mod unicode_forms;

pub use digest::{Digest, VersionId};
pub use entity_tag::EntityTag;
pub use media_type_syntax::MediaType;
pub use path::{AssetPath, PathError};
pub use policy::{CachePolicy, PolicyError, Storage};
pub use unicode_forms::{UnicodeForm, composed, other_spellings};

use httpdate::HttpDate;

/// The metadata of one version of one asset.
///
/// The bytes are elsewhere: a store returns an `Asset` together with access to exactly the bytes that it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The last segment of the asset's path, decoded: `Preisliste März.pdf`.
    pub name: Box<str>,
    /// Length of the whole representation, in bytes.
    pub len: u64,
    /// The entity tag of this version (RFC 9110 section 8.8.3).
    pub etag: EntityTag,
    /// The `v` of a link to this version.
    pub version: VersionId,
    /// When the asset last changed, in whole seconds; `None` if no reliable date is known (RFC 9110 section 8.8.2).
    pub last_modified: Option<HttpDate>,
    /// Whether another version of the asset was sent under the same date. The date then says nothing about the bytes, so it is no
    /// validator (RFC 9110 section 8.8.2.2).
    pub is_date_ambiguous: bool,
    /// The exact `Content-Type`.
    pub media_type: MediaType,
    /// The `Content-Encoding` of the bytes, if a bucket stores them encoded: printable ASCII.
    pub content_encoding: Option<Box<str>>,
    /// The cache policy that the operator configured for it.
    pub cache_policy: CachePolicy,
}
