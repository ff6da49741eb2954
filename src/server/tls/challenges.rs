//! Responses to ACME challenges, by which a certificate authority validates a name (RFC 8555 section 8, RFC 8737).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, StatusCode};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use crate::http::{Answer, Payload};

/// The ALPN protocol of TLS-ALPN-01 (RFC 8737 section 3).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";
/// The path of HTTP-01 challenges (RFC 8555 section 8.3).
const FOLDER: &str = "/.well-known/acme-challenge/";

/// The challenges that are being answered.
#[derive(Debug, Default)]
pub struct Challenges {
    /// TLS-ALPN-01: by name.
    certificates: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    /// HTTP-01: key authorizations by token.
    tokens: Mutex<HashMap<String, String>>,
}

/// Answers a challenge until it is dropped.
#[derive(Debug)]
#[must_use = "the challenge is no longer answered once this is dropped"]
pub struct ChallengeGuard {
    challenges: Arc<Challenges>,
    what: What,
}

#[derive(Debug)]
enum What {
    Certificate(String),
    Token(String),
}

impl Challenges {
    /// Answers TLS-ALPN-01 (RFC 8737) on every address with TLS: a client that offers only `acme-tls/1` for `name` gets `certificate`
    /// and nothing more. Replaces an earlier challenge for the same name.
    pub fn answer_by_tls(self: &Arc<Self>, name: &str, certificate: Arc<CertifiedKey>) -> ChallengeGuard {
        let name = name.to_ascii_lowercase();
        locked(&self.certificates).insert(name.clone(), certificate);
        ChallengeGuard { challenges: Arc::clone(self), what: What::Certificate(name) }
    }

    /// Answers HTTP-01 (RFC 8555 section 8.3) on every address without TLS: `token` gets `key_authorization`.
    pub fn answer_by_http(self: &Arc<Self>, token: &str, key_authorization: &str) -> ChallengeGuard {
        locked(&self.tokens).insert(token.to_owned(), key_authorization.to_owned());
        ChallengeGuard { challenges: Arc::clone(self), what: What::Token(token.to_owned()) }
    }

    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        locked(&self.certificates).get(name).cloned()
    }

    /// The response to a request for a known token.
    pub(in crate::server) fn answer(&self, head: &request::Parts) -> Option<Answer> {
        let token = head.uri.path().strip_prefix(FOLDER)?;
        if head.method != Method::GET && head.method != Method::HEAD {
            return None;
        }
        let text = Bytes::from(locked(&self.tokens).get(token)?.clone());
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(Answer { status: StatusCode::OK, headers, payload: Payload::Text(text) })
    }
}

impl Drop for ChallengeGuard {
    fn drop(&mut self) {
        match &self.what {
            What::Certificate(name) => drop(locked(&self.challenges.certificates).remove(name)),
            What::Token(token) => drop(locked(&self.challenges.tokens).remove(token)),
        }
    }
}

/// Whether a client validates a name by TLS-ALPN-01, as certificate authorities do: it offers only `acme-tls/1` (RFC 8737 section
/// 3).
pub(super) fn validates(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[test]
    fn a_token_is_answered_until_its_guard_is_dropped() {
        let challenges = Arc::new(Challenges::default());
        let answer = |method: &str, path: &str| {
            let head = Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0;
            challenges.answer(&head).map(|answer| match answer.payload {
                Payload::Text(text) => (answer.status.as_u16(), String::from_utf8(text.to_vec()).unwrap()),
                _ => panic!("no text"),
            })
        };
        let path = "/.well-known/acme-challenge/token-1_A";
        let guard = challenges.answer_by_http("token-1_A", "token-1_A.thumbprint");
        let other = challenges.answer_by_http("other", "other.thumbprint");
        let expected = Some((200, "token-1_A.thumbprint".to_owned()));
        assert_eq!(answer("GET", path), expected);
        assert_eq!(answer("HEAD", &format!("{path}?x=y")), expected);
        for (method, path) in [
            ("POST", path),
            ("GET", "/.well-known/acme-challenge/"),
            ("GET", "/.well-known/acme-challenge/unknown"),
            ("GET", "/.well-known/acme-challenge/token-1_A/"),
            ("GET", "/token-1_A"),
        ] {
            assert_eq!(answer(method, path), None, "{method} {path}");
        }
        drop(guard);
        assert_eq!(answer("GET", path), None);
        drop(other);
    }
}
