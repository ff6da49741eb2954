//! What WhatsApp documents, as data: the media that it takes, and what its link cache does with a policy.
//!
//! Each fact names the page that it was read from. Nothing here does anything; the rooms above hold assets, URLs and
//! settings against it.

mod link_cache;
mod media;

pub use link_cache::{CURRENT_REGIME, HumanSeconds, Treatment};
pub use media::{Kind, kind, known_media_type, media_type};
