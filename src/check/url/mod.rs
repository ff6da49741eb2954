//! Looking at a URL in the way that WhatsApp's fetcher does, and judging what came.
//!
//! [`probe()`] asks the server, with GET and HEAD alone, and brings back a [`Transcript`] and the body of the first answer;
//! [`judge()`] makes findings of a transcript without asking anybody; [`caching()`] says in words for how long WhatsApp keeps what
//! came; [`report()`] puts all of it together with what the bytes are worth, which is judged where files are.

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
pub use probe::{Limits, ProbeError, Probed, Trust, glance, probe};
pub use report::report;
pub use transcript::{
    Answer, Body, BodyEnd, Certificate, ChainFault, Exchange, Failure, Handshake, Probe, Transcript,
};
