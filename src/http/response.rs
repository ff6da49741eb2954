//! The head of a response, and what makes its body. Error responses are made here.
//!
//! All error bodies are made here, so that they look alike and no cache stores one. Which error it is, and the
//! headers of specific errors (`Allow`, `Retry-After`), are up to the caller.

use std::fmt;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::multipart::Multipart;
use super::range::ByteRange;

/// The head of a response, and what its body consists of.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers, without `Date`. `Content-Length` is the length of the payload.
    pub headers: HeaderMap,
    /// The body of the response to a `GET`. The response to a `HEAD` has the same headers and no body (RFC 9110
    /// section 9.3.2).
    pub payload: Payload,
}

/// What a body consists of.
#[derive(Debug)]
pub enum Payload {
    /// There is none, and none may be sent.
    Nothing,
    /// All bytes of the asset.
    Whole,
    /// These bytes of the asset.
    Part(ByteRange),
    /// Several ranges of the asset, framed as multipart.
    Parts(Box<Multipart>),
    /// This text, and nothing of the asset.
    Text(Bytes),
}

/// Browsers must not guess another type than the response declares.
pub(super) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An error response with one line of plain text: `404 Not Found: no asset has this path`.
///
/// The reason explains the error to a person. It is sent as it is, with a line break after it. No cache stores the
/// response.
pub fn problem(status: StatusCode, reason: impl fmt::Display) -> Answer {
    let text = Bytes::from(format!("{status}: {reason}\n"));
    // With capacity for the headers that the caller adds.
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    Answer { status, headers, payload: Payload::Text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_error_and_is_not_cached() {
        let answer = problem(StatusCode::NOT_FOUND, "no asset has this path");
        assert_eq!(answer.status, 404);
        assert!(
            matches!(&answer.payload, Payload::Text(text) if text == "404 Not Found: no asset has this path\n")
        );
        let expected = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", "38"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.headers[name], value);
        }
        assert_eq!(answer.headers.len(), expected.len());
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        let answer = problem(StatusCode::BAD_REQUEST, "\u{201c}\u{e4}\u{201d}");
        let Payload::Text(text) = answer.payload else { panic!("a text") };
        assert_eq!(answer.headers["content-length"], text.len().to_string().as_str());
        assert_eq!(text, "400 Bad Request: \u{201c}\u{e4}\u{201d}\n");
    }
}
