//! HTTP semantics (RFC 9110) as pure functions: from request headers and an asset to the head of the response.
//!
//! [`decide()`] evaluates the request's preconditions and its `Range` for an [`Asset`](crate::asset::Asset).
//! [`ResponseHeaders`], rendered once for each version, turn the [`Decision`] into an [`Answer`]: status, headers,
//! and which bytes make the body. [`problem`] makes error responses.
//!
//! Access is checked before that: [`SigningKeys`] sign links and verify them, [`Credentials`] verify `Authorization`.
//! [`client_behind()`] finds the address of a client behind a proxy, and so does [`proxy_header()`] below HTTP. [`without_signatures()`] redacts request targets
//! for logs. [`CorsOrigins`] lets web pages read responses.
//!
//! Nothing here reads a body, a clock or a socket, and nothing depends on a connection. `Date`, `Allow`,
//! `Retry-After` and the omission of the body for `HEAD` belong to the server. Where HTTP leaves a choice, the file
//! that makes it explains which one is ours and why.

mod base64;
mod content_disposition;
mod cors;
mod credentials;
mod decide;
mod forwarded;
mod header_syntax;
mod link;
mod multipart;
mod precondition;
mod proxy_protocol;
mod range;
mod range_selection;
mod redact;
mod response;
mod response_headers;
mod signature;
mod signing_keys;
#[cfg(test)]
mod test_support;

pub use cors::CorsOrigins;
pub use credentials::{AuthScheme, Credentials, without_sharing};
pub use decide::{Decision, decide};
pub use forwarded::client_behind;
pub use link::{Link, link_of};
pub use multipart::{Multipart, Part};
pub use proxy_protocol::{MAX_LENGTH as MAX_PROXY_HEADER, ProxyHeader, proxy_header};
pub use range::ByteRange;
pub use redact::without_signatures;
pub use response::{Answer, Payload, problem};
pub use response_headers::ResponseHeaders;
pub use signature::{Claim, LinkSignature};
pub use signing_keys::{SigningKeys, SigningKeysError};
