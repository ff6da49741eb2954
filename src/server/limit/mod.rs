//! Limits: open connections in all and per client, and requests per second.
//!
//! [`client_identity`] says which addresses count as one client, [`client_rules`] which of them are limited. [`connection_limit`] counts
//! open connections, [`request_rate`] is the token bucket for requests.

pub(super) mod client_identity;
pub(super) mod client_rules;
pub(super) mod connection_limit;
mod request_rate;
