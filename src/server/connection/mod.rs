//! Connections: state, HTTP over a socket, timeouts, send rate and flood limits.
//!
//! [`serve`] serves HTTP/1.1 or HTTP/2 over a [`stream`] on a [`socket`], which is of TCP or [Unix](client_stream). [`state`]
//! records how far the connection has come and which timeout applies; the [`watchdog`] of each core closes connections whose
//! timeout has passed, and resets HTTP/2 [`streams`] that stall. [`send_rate`] bounds how slowly a client may read, for which
//! [`send_queue`] measures what it has read; [`http2_flood`] bounds how much it may send for nothing; [`proxy_header`] reads
//! who the client is, if a load balancer says so; [`bad_head`] answers a request head that cannot be parsed.

pub(super) mod bad_head;
pub(super) mod client_stream;
mod http2_flood;
pub(super) mod proxy_header;
mod send_queue;
pub(super) mod send_rate;
pub(super) mod serve;
pub(super) mod socket;
pub(super) mod state;
pub(super) mod stream;
pub(super) mod streams;
pub(super) mod watchdog;
