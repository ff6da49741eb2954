//! Checks a URL: requests it the way Meta's fetcher does and judges the responses.
//!
//! [`probe()`] sends GET and HEAD requests and returns a [`Transcript`] and the body of the first response. [`judge()`] derives findings
//! from a transcript; it is pure. [`caching()`] describes how long WhatsApp keeps the response. [`report()`] combines these with the
//! findings about the bytes, which [`check::judge`](crate::check::judge()) makes.

mod address;
mod caching;
mod expected;
mod expiry;
mod fetch;
mod judge;
mod probe;
mod redirect;
mod report;
mod resolve;
#[cfg(test)]
mod tests;
mod tls;
mod transcript;

pub use caching::caching;
pub use expected::without_password;
pub use judge::judge;
pub use probe::{Limits, ProbeError, Probed, Trust, probe, probe_head};
pub use report::report;
pub use transcript::{
    Answer, Body, BodyEnd, Certificate, ChainFault, Exchange, Failure, Handshake, Probe, Transcript,
};
