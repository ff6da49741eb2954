//! Webhook bodies: finds the errors in them and parses the sentences that WhatsApp puts beside an error code. Pure.

pub(crate) mod details;
pub(crate) mod find_errors;
mod statuses;
pub(crate) mod text;

pub use details::{Details, RateLimit};
pub use statuses::{Origin, Statuses};
