//! Limits: open connections in all and per client, and requests per second.
//!
//! [`client`] says which addresses count as one client, [`client_rules`] which of them are limited. [`connections`] counts
//! open connections, [`request_rate`] is the token bucket for requests.

mod client;
pub(super) mod client_rules;
pub(super) mod connections;
mod request_rate;
