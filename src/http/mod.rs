//! RFC 9110 as functions: what a request's headers ask of an asset, and the head of the response that answers them.
//!
//! The way through this room is one line: [`decide()`] holds the request's preconditions and its `Range` against an
//! [`Asset`](crate::asset::Asset); [`Fields`], rendered once for each version, turns the [`Decision`] into an
//! [`Answer`]: status, headers, and which bytes make the body. What is no asset's answer comes from [`problem`].
//!
//! Nothing here reads a body, a clock or a socket, and nothing depends on a connection. `Date`, `Allow`, `Retry-After`
//! and the dropping of a body for `HEAD` belong to the server. Where HTTP leaves a choice, the file that makes it says which
//! one is ours and why.

mod answer;
mod decide;
mod disposition;
mod fields;
#[cfg(test)]
mod fixture;
mod link;
mod multipart;
mod precondition;
mod range;
mod selection;
mod syntax;

pub use answer::{Answer, Payload, problem};
pub use decide::{Decision, decide};
pub use fields::Fields;
pub use link::{Link, link_of};
pub use multipart::{Multipart, Part};
pub use range::ByteRange;
