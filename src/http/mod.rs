//! RFC 9110 as functions: what a request's headers ask of an asset, and the head of the response that answers them.
//!
//! The way through this room is one line: [`decide()`] holds the request's preconditions and its `Range` against an
//! [`Asset`](crate::asset::Asset); [`ResponseHeaders`], rendered once for each version, turns the [`Decision`] into an
//! [`Answer`]: status, headers, and which bytes make the body. What is no asset's answer comes from [`problem`].
//!
//! Who may have an asset at all is asked before there is a decision: [`SigningKeys`] sign links and verify them,
//! [`Credentials`] are held against `Authorization`. Whom a request is from, a proxy may know better: [`client_behind()`].
//! What a log shows of a request goes through [`without_signatures()`] first.
//!
//! Nothing here reads a body, a clock or a socket, and nothing depends on a connection. `Date`, `Allow`, `Retry-After`
//! and the dropping of a body for `HEAD` belong to the server. Where HTTP leaves a choice, the file that makes it says which
//! one is ours and why.

mod base64;
mod content_disposition;
mod credentials;
mod decide;
mod forwarded;
mod header_syntax;
mod link;
mod multipart;
mod precondition;
mod range;
mod range_selection;
mod redact;
mod response;
mod response_headers;
mod signature;
mod signing_keys;
#[cfg(test)]
mod test_support;

pub use credentials::{AuthScheme, Credentials, without_sharing};
pub use decide::{Decision, decide};
pub use forwarded::client_behind;
pub use link::{Link, link_of};
pub use multipart::{Multipart, Part};
pub use range::ByteRange;
pub use redact::without_signatures;
pub use response::{Answer, Payload, problem};
pub use response_headers::ResponseHeaders;
pub use signature::{Claim, LinkSignature};
pub use signing_keys::{SigningKeys, SigningKeysError};
