//! WhatsApp's documented rules, as data: media types, size limits, the link cache, message payloads and error codes.
//!
//! Each fact names the page that it comes from. This module is pure; the modules above it check assets, URLs, payloads and settings against
//! these rules.

mod content_types;
pub mod errors;
mod fetcher;
pub mod link_cache;
pub(crate) mod media_errors;
pub mod messages;
pub(crate) mod phone_forms;
pub mod schema;
pub mod templates;
pub(crate) mod url_syntax;

pub(crate) use content_types::essence;
pub use content_types::{
    Kind, SizeLimit, VOICE_INSTANT_PLAY_LIMIT, kind, kind_of, known_media_type, media_type,
    sticker_size_limit,
};
pub use fetcher::{USER_AGENTS, is_fetcher};
pub use link_cache::{CURRENT_REGIME, HumanSeconds, Treatment};
