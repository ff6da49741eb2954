//! What WhatsApp documents, as data: the media that it takes, what its link cache does with a policy, and what a message
//! may hold.
//!
//! Each fact names the page that it was read from. Nothing here does anything; the rooms above hold assets, URLs and
//! settings against it.

pub mod errors;
mod fetcher;
pub mod link_cache;
pub(crate) mod media_errors;
mod media_types;
pub mod messages;
pub mod schema;
pub(crate) mod url_syntax;

pub use fetcher::{USER_AGENTS, is_fetcher};
pub use link_cache::{CURRENT_REGIME, HumanSeconds, Treatment};
pub(crate) use media_types::essence;
pub use media_types::{
    Kind, SizeLimit, VOICE_PLAYS_AT_A_TOUCH, kind, kind_of, known_media_type, media_type, sticker_size_limit,
};
