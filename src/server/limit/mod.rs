//! Limits: open connections in all and per client, and requests per second.
//!
//! [`client`] says which addresses count as one client, [`connections`] counts open connections, [`request_rate`] is
//! the token bucket for requests.

pub(super) mod client;
pub(super) mod connections;
pub(super) mod request_rate;
