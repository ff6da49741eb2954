//! The answer to a request head that cannot be read.
//!
//! hyper answers such a head by itself, with a bare status and before a handler is asked. On the [wire](super::stream) that
//! answer is exchanged for one that looks like all our refusals: with a reason, for no cache to keep.

use std::time::SystemTime;

use bytes::Bytes;
use httpdate::HttpDate;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};

use crate::http::{self, Payload};

/// An answer of ours, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Refusal {
    pub(in crate::server) status: StatusCode,
    /// Head and body, as they go over the wire.
    pub(in crate::server) response: Bytes,
    /// Bytes of the body.
    pub(in crate::server) body_len: usize,
    /// Its `Cache-Control`.
    pub(in crate::server) policy: Option<HeaderValue>,
}

/// Our whole answer in place of the one that begins with `head`; `None` where that is not a refusal of hyper's.
///
/// The connection ends with it: where the next request would begin, nobody knows.
pub(in crate::server) fn instead_of(head: &[u8]) -> Option<Refusal> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let (status, reason) = match status {
        b"400" => (
            StatusCode::BAD_REQUEST,
            "this is no HTTP/1.1 request; its first line or one of its header fields is malformed",
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
    let mut response = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &answer.headers {
        response.extend_from_slice(name.as_str().as_bytes());
        response.extend_from_slice(b": ");
        response.extend_from_slice(value.as_bytes());
        response.extend_from_slice(b"\r\n");
    }
    let date = HttpDate::from(SystemTime::now());
    response.extend_from_slice(format!("connection: close\r\ndate: {date}\r\n\r\n").as_bytes());
    response.extend_from_slice(&text);
    let policy = answer.headers.get(CACHE_CONTROL).cloned();
    Some(Refusal { status, response: response.into(), body_len: text.len(), policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_refusal_becomes_one_with_a_reason() {
        for (head, status) in [
            (&b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"[..], "400 Bad Request"),
            (b"HTTP/1.0 400 Bad Request\r\n", "400 Bad Request"),
            (b"HTTP/1.1 414 URI Too Long\r\n", "414 URI Too Long"),
            (b"HTTP/1.1 431 Request Header Fields Too Large\r\n", "431 Request Header Fields Too Large"),
        ] {
            let refusal = instead_of(head).expect("an answer");
            assert_eq!(refusal.status.to_string(), status);
            let response = String::from_utf8(refusal.response.to_vec()).expect("UTF-8");
            let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains("\r\nx-content-type-options: nosniff\r\n"), "{head}");
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
            assert_eq!(body.len(), refusal.body_len);
            assert!(body.starts_with(&format!("{status}: ")) && body.ends_with('\n'), "{body}");
        }
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        for head in ["", "HTTP/1.1", "HTTP/1.1 40", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n", "400"]
        {
            assert_eq!(instead_of(head.as_bytes()), None, "{head}");
        }
    }
}
