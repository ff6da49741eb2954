//! Webhook bodies: finds the errors and statuses in them, and parses WhatsApp's error texts.
//!
//! WhatsApp reports the fate of a message in a webhook: an object with `statuses`, and in a failed status the `errors`, each with a code
//! and a text. This module reads that. It is pure: no I/O, no async, no output.
//!
//! [`Details`] parses the text of `error_data.details` into its parts: an HTTP status, a media type, a template component. [`Statuses`]
//! counts the message statuses of a body, and [`Origin`] names what an error belongs to: a sent message, a response of the API, the
//! account, or an inbound message. The scan for error objects accepts the whole body, any part of it, and bodies that other tools
//! wrapped.
//!
//! Nothing here interprets an error. [`check::explain`](crate::check::explain) adds the meaning, the cause and the fix;
//! [`whatsapp::errors`](crate::whatsapp::errors) has the table of error codes.

pub(crate) mod codes;
pub(crate) mod details;
pub(crate) mod embedded;
pub(crate) mod find_errors;
mod loose;
mod statuses;
pub(crate) mod text;

pub use details::{Details, RateLimit};
pub use statuses::{Origin, Statuses};
