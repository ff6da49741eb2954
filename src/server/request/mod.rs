//! Requests: from the parsed head to the last byte of the response.
//!
//! [`handler`] turns a request into a response after [`authorize`] has let it pass, [`body`] streams the response's bytes,
//! and an [`exchange`] measures both. Its [`record`] is what the access log and the metrics share.

pub(super) mod authorize;
pub(super) mod body;
pub(super) mod exchange;
pub(super) mod handler;
pub(super) mod record;
