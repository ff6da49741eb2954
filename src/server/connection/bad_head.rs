//! Response to a request head that cannot be parsed.
//!
//! hyper answers such a head itself, with a bare status, before a handler runs. The [stream](super::stream) replaces that
//! response with one like all our error responses: with a reason, and not cacheable.

use std::time::SystemTime;

use bytes::Bytes;
use httpdate::HttpDate;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};

use crate::http::{self, Payload};

/// A whole error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct ErrorResponse {
    pub(in crate::server) status: StatusCode,
    /// Head and body as sent.
    pub(in crate::server) bytes: Bytes,
    /// Bytes of the body.
    pub(in crate::server) body_len: usize,
    /// Its `Cache-Control`.
    pub(in crate::server) policy: Option<HeaderValue>,
}

/// The response that replaces the one that begins with `head`; `None` if that is not an error response of hyper's.
///
/// It closes the connection, because the start of the next request is not known.
pub(in crate::server) fn replacement(head: &[u8]) -> Option<ErrorResponse> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let (status, reason) = match status {
        b"400" => (
            StatusCode::BAD_REQUEST,
            "malformed HTTP/1.1 request: its first line or one of its header fields is invalid",
        ),
        b"414" => (StatusCode::URI_TOO_LONG, "the request target is too long for any asset"),
        b"431" => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the request head is too large; send fewer header fields, or shorter ones",
        ),
        _ => return None,
    };
    let answer = http::problem(status, reason);
    let Payload::Text(text) = answer.payload else { return None };
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &answer.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let date = HttpDate::from(SystemTime::now());
    bytes.extend_from_slice(format!("connection: close\r\ndate: {date}\r\n\r\n").as_bytes());
    bytes.extend_from_slice(&text);
    let policy = answer.headers.get(CACHE_CONTROL).cloned();
    Some(ErrorResponse { status, bytes: bytes.into(), body_len: text.len(), policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_error_response_gets_a_reason() {
        for (head, status) in [
            (&b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"[..], "400 Bad Request"),
            (b"HTTP/1.0 400 Bad Request\r\n", "400 Bad Request"),
            (b"HTTP/1.1 414 URI Too Long\r\n", "414 URI Too Long"),
            (b"HTTP/1.1 431 Request Header Fields Too Large\r\n", "431 Request Header Fields Too Large"),
        ] {
            let error = replacement(head).expect("a replacement");
            assert_eq!(error.status.to_string(), status);
            let response = String::from_utf8(error.bytes.to_vec()).expect("UTF-8");
            let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains("\r\nx-content-type-options: nosniff\r\n"), "{head}");
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
            assert_eq!(body.len(), error.body_len);
            assert!(body.starts_with(&format!("{status}: ")) && body.ends_with('\n'), "{body}");
        }
    }

    #[test]
    fn other_responses_are_not_replaced() {
        for head in ["", "HTTP/1.1", "HTTP/1.1 40", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n", "400"]
        {
            assert_eq!(replacement(head.as_bytes()), None, "{head}");
        }
    }
}
