//! RFC 9110 as functions: what a request's headers ask of an asset, and the head of the response that answers them.
//!
//! The way through this room is one line: [`decide()`] holds the request's preconditions and its `Range` against an
//! [`Asset`](crate::asset::Asset); [`Fields`], rendered once for each version, turns the [`Decision`] into an
//! [`Answer`]: status, headers, and which bytes make the body. What is no asset's answer comes from [`problem`].
//!
//! Who may have an asset at all is asked before there is a decision: [`SigningKeys`] sign links and verify them,
//! [`Credentials`] are held against `Authorization`. Whom a request is from, a proxy may know better: [`client_behind()`].
//! What a log shows of a request goes through [`without_signatures()`] first.
//!
//! Nothing here reads a body, a clock or a socket, and nothing depends on a connection. `Date`, `Allow`, `Retry-After`
//! and the dropping of a body for `HEAD` belong to the server. Where HTTP leaves a choice, the file that makes it says which
//! one is ours and why.

mod answer;
mod base64;
mod credentials;
mod decide;
mod disposition;
mod fields;
#[cfg(test)]
mod fixture;
mod forwarded;
mod hiding;
mod link;
mod multipart;
mod precondition;
mod range;
mod selection;
mod signature;
mod signing_keys;
mod syntax;

pub use answer::{Answer, Payload, problem};
pub use credentials::{AuthScheme, Credentials, without_sharing};
pub use decide::{Decision, decide};
pub use fields::Fields;
pub use forwarded::client_behind;
pub use hiding::without_signatures;
pub use link::{Link, link_of};
pub use multipart::{Multipart, Part};
pub use range::ByteRange;
pub use signature::{Claim, LinkSignature};
pub use signing_keys::{KeysError, SigningKeys};
