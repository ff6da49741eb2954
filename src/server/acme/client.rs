//! HTTP client for ACME: trust, timeouts, size limits, and what it records of responses that `instant_acme` does not pass on.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::http::response;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::RootCertStore;

use crate::https_client::{self, Schemes};

/// For a whole request. Authorities under load are slow.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// For connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the authority to validate challenges, and again to issue the certificate.
pub(super) const PROCESSING_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest response of an authority, in bytes.
const MAX_RESPONSE: usize = 1 << 20;

/// Sends requests to one authority. Clones share connections and records.
#[derive(Clone)]
pub(super) struct AcmeHttpClient {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    retry_after: Arc<Mutex<Option<SystemTime>>>,
    may_have_acted: Arc<AtomicBool>,
}

/// Why there is no ACME response.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcmeClientError {
    /// There is no connection, or the server's certificate is not trusted.
    #[error("{0}")]
    Unreachable(String),
    /// The response took too long.
    #[error("no response within {} s", RESPONSE_TIMEOUT.as_secs())]
    Timeout,
    /// The response is not that of an ACME server.
    #[error("the response was {0} and not that of an ACME server")]
    Unexpected(StatusCode),
}

impl AcmeHttpClient {
    /// Trusts only `roots`.
    pub(super) fn new(roots: RootCertStore) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let https = https_client::https_connector(http, roots, Schemes::HttpsOnly);
        Self {
            client: Client::builder(TokioExecutor::new()).build(https),
            retry_after: Arc::default(),
            may_have_acted: Arc::default(),
        }
    }

    /// Whether the authority has done something that was requested, or may have.
    pub(super) fn may_have_acted(&self) -> bool {
        self.may_have_acted.load(Ordering::Relaxed)
    }

    /// The time before which the authority wants no further request, if it named one.
    pub(super) fn retry_after(&self) -> Option<SystemTime> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, head: &response::Parts) -> Result<(), AcmeClientError> {
        if head.status.is_success() {
            return Ok(());
        }
        if let Some(when) = retry_after(&head.headers, SystemTime::now()) {
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(when);
        }
        let is_problem = head.headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes().to_ascii_lowercase().starts_with(b"application/problem+json")
        });
        if is_problem { Ok(()) } else { Err(AcmeClientError::Unexpected(head.status)) }
    }
}

impl HttpClient for AcmeHttpClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        let may_have_acted = Arc::clone(&self.may_have_acted);
        let method = request.method().clone();
        let record_action = move |response| {
            if is_action(&method, response) {
                may_have_acted.store(true, Ordering::Relaxed);
            }
        };
        let record_timeout = record_action.clone();
        let response = async move {
            let response = this.client.request(request).await;
            let status = response.as_ref().map(hyper::Response::status);
            record_action(status.map_err(ClientError::is_connect));
            let response = response.map_err(|e| AcmeClientError::Unreachable(innermost(&e)))?;
            let (parts, body) = response.into_parts();
            this.record(&parts)?;
            let body = Limited::new(body, MAX_RESPONSE).collect().await;
            let body = body.map_err(|e| AcmeClientError::Unreachable(innermost(&*e)))?.to_bytes();
            Ok(BytesResponse { parts, body: Box::new(body) })
        };
        Box::pin(async move {
            let received = tokio::time::timeout(RESPONSE_TIMEOUT, response).await.unwrap_or_else(|_| {
                record_timeout(Err(false));
                Err(AcmeClientError::Timeout)
            });
            received.map_err(|e| Error::Other(Box::new(e)))
        })
    }
}

/// Whether the authority may have done what was requested: `response` is its status, or else whether connecting failed.
///
/// Before there is an order, requests that only read use other methods than POST; and what is rejected is not done.
fn is_action(method: &Method, response: Result<StatusCode, bool>) -> bool {
    method == Method::POST
        && response.map_or_else(|is_unconnected| !is_unconnected, |status| status.is_success())
}

/// The source of an error that others only wrap.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The time in `Retry-After` (RFC 9110 section 10.2.3): seconds from now, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => now.checked_add(Duration::from_secs(seconds.into())),
        Err(_) => httpdate::parse_http_date(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn error_responses_are_recorded_and_responses_of_other_servers_are_errors() {
        let head = |status: u16, kind: &str, wait: Option<&str>| {
            let mut head = hyper::Response::builder().status(status).header(CONTENT_TYPE, kind);
            if let Some(wait) = wait {
                head = head.header(RETRY_AFTER, wait);
            }
            head.body(()).unwrap().into_parts().0
        };
        for (head, is_acme, waits) in [
            (head(200, "application/json", Some("60")), true, false),
            (head(429, "application/problem+json", Some("60")), true, true),
            (head(400, "Application/Problem+JSON; charset=utf-8", None), true, false),
            (head(503, "text/html", Some("60")), false, true),
            (head(301, "text/html", None), false, false),
        ] {
            let client = AcmeHttpClient::new(RootCertStore::empty());
            let before = SystemTime::now();
            assert_eq!(client.record(&head).is_ok(), is_acme, "{head:?}");
            let retry_after = client.retry_after();
            assert_eq!(retry_after.is_some(), waits, "{head:?}");
            assert!(retry_after.is_none_or(|time| time >= before + Duration::from_mins(1)));
        }
    }

    #[test]
    fn a_request_whose_response_was_lost_may_have_been_acted_on() {
        for (method, response, expected) in [
            (Method::GET, Ok(StatusCode::OK), false),
            (Method::HEAD, Ok(StatusCode::OK), false),
            (Method::GET, Err(false), false),
            (Method::POST, Ok(StatusCode::CREATED), true),
            (Method::POST, Ok(StatusCode::BAD_REQUEST), false),
            // The authority may have received the request, and its response was lost.
            (Method::POST, Err(false), true),
            (Method::POST, Err(true), false),
        ] {
            assert_eq!(is_action(&method, response), expected, "{method} {response:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_000);
        for (text, seconds) in [
            ("120", Some(784_111_120)),
            (" 0 ", Some(784_111_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("4294967295", Some(5_079_078_295)),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let expected = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
