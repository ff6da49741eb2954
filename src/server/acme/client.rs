//! The HTTP client that authorities are asked with: whom it trusts, how long it waits, how much it reads, and what it notes of
//! answers that `instant_acme` does not pass on.

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

/// From a request to the end of its answer. Authorities that are under load take long.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// For a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the authority to validate challenges, and again to issue.
pub(super) const PROCESSING_TIMEOUT: Duration = Duration::from_mins(1);
/// No answer of an authority is longer, in bytes.
const MAX_RESPONSE: usize = 1 << 20;

/// Asks one authority. Clones share connections and notes.
#[derive(Clone)]
pub(super) struct AcmeHttpClient {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    retry_after: Arc<Mutex<Option<SystemTime>>>,
    was_heard: Arc<AtomicBool>,
}

/// An answer that is none of an ACME server's, or none at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcmeClientError {
    /// Nobody was reached, or they were not believed.
    #[error("{0}")]
    Unreached(String),
    /// It was not there in time.
    #[error("there was no answer after {} s", RESPONSE_TIMEOUT.as_secs())]
    Late,
    /// Somebody answered something else.
    #[error("the answer was {0}, and not one of an ACME server")]
    Unexpected(StatusCode),
}

impl AcmeHttpClient {
    /// Trusts those in `roots` alone.
    pub(super) fn new(roots: RootCertStore) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let https = https_client::https_connector(http, roots, Schemes::HttpsOnly);
        Self {
            client: Client::builder(TokioExecutor::new()).build(https),
            retry_after: Arc::default(),
            was_heard: Arc::default(),
        }
    }

    /// Whether the authority has done something that it was asked, or may have.
    pub(super) fn was_heard(&self) -> bool {
        self.was_heard.load(Ordering::Relaxed)
    }

    /// The time before which the authority does not want to be asked again, if a refusal has named one.
    pub(super) fn retry_after(&self) -> Option<SystemTime> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, head: &response::Parts) -> Result<(), AcmeClientError> {
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
        let was_heard = Arc::clone(&self.was_heard);
        let method = request.method().clone();
        let note_heard = move |answer| {
            if is_heard(&method, answer) {
                was_heard.store(true, Ordering::Relaxed);
            }
        };
        let note_late = note_heard.clone();
        let answer = async move {
            let response = this.client.request(request).await;
            let status = response.as_ref().map(hyper::Response::status);
            note_heard(status.map_err(ClientError::is_connect));
            let response = response.map_err(|e| AcmeClientError::Unreached(innermost(&e)))?;
            let (parts, body) = response.into_parts();
            this.note(&parts)?;
            let body = Limited::new(body, MAX_RESPONSE).collect().await;
            let body = body.map_err(|e| AcmeClientError::Unreached(innermost(&*e)))?.to_bytes();
            Ok(BytesResponse { parts, body: Box::new(body) })
        };
        Box::pin(async move {
            let answered = tokio::time::timeout(RESPONSE_TIMEOUT, answer).await.unwrap_or_else(|_| {
                note_late(Err(false));
                Err(AcmeClientError::Late)
            });
            answered.map_err(|e| Error::Other(Box::new(e)))
        })
    }
}

/// Whether the authority may have done what was asked of it: `answer` is its status, or else whether nobody was connected to.
///
/// What only reads is asked by other methods than POST, until there is an order; and what is refused is not done.
fn is_heard(method: &Method, answer: Result<StatusCode, bool>) -> bool {
    method == Method::POST
        && answer.map_or_else(|is_unconnected| !is_unconnected, |status| status.is_success())
}

/// What all the others only wrap.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The time that `Retry-After` names (RFC 9110 section 10.2.3): seconds from now, or a date.
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
    fn refusals_are_noted_and_what_is_none_of_an_authoritys_is_told() {
        let head = |status: u16, kind: &str, wait: Option<&str>| {
            let mut head = hyper::Response::builder().status(status).header(CONTENT_TYPE, kind);
            if let Some(wait) = wait {
                head = head.header(RETRY_AFTER, wait);
            }
            head.body(()).unwrap().into_parts().0
        };
        for (head, is_one, waits) in [
            (head(200, "application/json", Some("60")), true, false),
            (head(429, "application/problem+json", Some("60")), true, true),
            (head(400, "Application/Problem+JSON; charset=utf-8", None), true, false),
            (head(503, "text/html", Some("60")), false, true),
            (head(301, "text/html", None), false, false),
        ] {
            let asking = AcmeHttpClient::new(RootCertStore::empty());
            let before = SystemTime::now();
            assert_eq!(asking.note(&head).is_ok(), is_one, "{head:?}");
            let told = asking.retry_after();
            assert_eq!(told.is_some(), waits, "{head:?}");
            assert!(told.is_none_or(|told| told >= before + Duration::from_mins(1)));
        }
    }

    #[test]
    fn the_authority_has_heard_what_it_may_have_done() {
        for (method, answer, expected) in [
            (Method::GET, Ok(StatusCode::OK), false),
            (Method::HEAD, Ok(StatusCode::OK), false),
            (Method::GET, Err(false), false),
            (Method::POST, Ok(StatusCode::CREATED), true),
            (Method::POST, Ok(StatusCode::BAD_REQUEST), false),
            // It may have got the request, and its answer was lost.
            (Method::POST, Err(false), true),
            (Method::POST, Err(true), false),
        ] {
            assert_eq!(is_heard(&method, answer), expected, "{method} {answer:?}");
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
