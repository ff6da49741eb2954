//! HTTP client for buckets and for credential services.
//!
//! `object_store` signs requests and parses responses. This client sends them with `hyper`, over the connections of
//! the [`connector`]. It reads error responses, because `object_store` would lose their explanation (see
//! [`error`](super::error)).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, HeaderMap, HeaderValue, LAST_MODIFIED,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use object_store::client::{
    HttpClient, HttpConnector as ObjectStoreConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::runtime::Handle;

use super::connector::{self, TimedConnector};
use super::error::{INVALID_CERTIFICATE, StatusError, TransportError, innermost};
use super::object_keys;
use super::proxy::Proxies;
use crate::config::Environment;
use crate::store::{StoreError, UpstreamFault};

/// S3 closes connections that were idle for 5 to 20 s. A connection that is reused must be younger.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes that are read at once, and so are held for a response whose client is slow. Response heads must fit.
const MAX_BUFFER: usize = 64 << 10;
/// Longest body of an error response that is read, in bytes.
const MAX_ERROR_BODY: usize = 16 << 10;
/// Longest page of a list that is read, in bytes: Azure's have 5,000 names of up to 1,024 characters.
const MAX_PAGE: usize = 64 << 20;
const CLIENT_NAME: HeaderValue = HeaderValue::from_static(concat!("wamedia/", env!("CARGO_PKG_VERSION")));

/// Marks a request as one for an object: its error responses are read here.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectRequest {
    /// Whether `Accept-Encoding: gzip` is needed to get an object that is stored compressed as it is stored.
    pub(super) takes_encoded: bool,
}

type Inner = Client<TimedConnector, HttpRequestBody>;

/// Makes HTTP clients for `object_store`. All of them share one connection pool.
#[derive(Clone)]
pub(crate) struct Connector {
    client: Inner,
    /// The proxies, and the client without them.
    proxies: Option<(Arc<Proxies>, Inner)>,
    /// Whether this machine has any trust roots.
    has_trust_roots: bool,
    /// Whether `object_store` gets error responses to requests for credentials.
    passes_error_responses: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Clients whose connection attempts time out after `connect_timeout`. Connections run on `background`.
    ///
    /// The trust roots are those of this machine, and the certificates in the PEM file that `AWS_CA_BUNDLE` of the
    /// environment names. Proxies are those that it names.
    pub(crate) fn new(
        connect_timeout: Duration,
        environment: &Environment,
        background: &Handle,
    ) -> Result<Self, StoreError> {
        let roots = connector::roots(environment.get("AWS_CA_BUNDLE"))?;
        let has_trust_roots = !roots.is_empty();
        let proxies = Proxies::of(environment).map_err(|reason| StoreError::Upstream {
            fault: UpstreamFault::Refused,
            reason: reason.into(),
        })?;
        let proxies = proxies.map(Arc::new);
        let connector = TimedConnector::new(roots, proxies.clone(), connect_timeout, background);
        let client = |connector| -> Inner {
            Client::builder(connector::BackgroundExecutor(background.clone()))
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .http1_max_buf_size(MAX_BUFFER)
                .build(connector)
        };
        let proxies = proxies.map(|proxies| (proxies, client(connector.direct())));
        Ok(Self { client: client(connector), proxies, has_trust_roots, passes_error_responses: false })
    }

    /// The client for a request, which gets the credentials of a proxy that reads it.
    fn client_for(&self, request: &mut HttpRequest, is_for_object: bool) -> &Inner {
        let Some((proxies, direct)) = &self.proxies else { return &self.client };
        if request.uri().scheme_str() == Some("https") {
            return &self.client;
        }
        // The metadata services of machines and containers send credentials without TLS: only this machine can reach
        // them, and no other may read them.
        if !is_for_object {
            return direct;
        }
        if let Some(proxy) = proxies.of_url(request.uri())
            && let Some(credentials) = proxy.intercept.basic_auth()
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, credentials.clone());
        }
        &self.client
    }

    /// The same for a store that has a second way to get credentials: it must see the error response of the first
    /// one.
    pub(super) fn passing_error_responses(self) -> Self {
        Self { passes_error_responses: true, ..self }
    }
}

impl ObjectStoreConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let is_set = |key| options.get_config_value(&key).is_some_and(|value| is_true(&value));
        let refuse = |what: &str| {
            let source = format!("{what} is set, which wamedia does not support; unset it").into();
            Err(object_store::Error::Generic { store: "settings", source })
        };
        if options.get_config_value(&ClientConfigKey::ProxyUrl).is_some() {
            return refuse("a proxy (PROXY_URL)");
        }
        if is_set(ClientConfigKey::AllowInvalidCertificates) {
            return refuse("ALLOW_INVALID_CERTIFICATES");
        }
        let may_be_plain = is_set(ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(StoreHttpService { connector: self.clone(), may_be_plain }))
    }
}

/// Whether the value of a variable means yes, in any spelling that `object_store` accepts.
pub(super) fn is_true(value: &str) -> bool {
    ["1", "true", "on", "yes", "y"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// The HTTP client of one store, or of its credential service.
#[derive(Debug)]
struct StoreHttpService {
    connector: Connector,
    /// Whether requests without TLS are allowed.
    may_be_plain: bool,
}

#[async_trait]
impl HttpService for StoreHttpService {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // A list request cannot carry an extension, so its query identifies it: that of S3 and Google, or that of
        // Azure.
        let is_list = request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list")));
        let is_for_object = is_list || request.extensions().get::<ObjectRequest>().is_some();
        let request_is_head = request.method() == Method::HEAD;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        if let Some(ObjectRequest { takes_encoded: true }) = request.extensions().get() {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let transport_error = |kind, reason: String, is_transient| {
            let (host, for_credentials) = (host.clone(), !is_for_object);
            HttpError::new(kind, TransportError { host, reason, for_credentials, is_transient })
        };
        let is_plain = request.uri().scheme_str() != Some("https");
        if is_plain && !self.may_be_plain {
            let reason = "would be requested without TLS; use an https:// endpoint, or set AWS_ALLOW_HTTP=true \
                          (GOOGLE_ALLOW_HTTP, AZURE_ALLOW_HTTP)";
            return Err(transport_error(HttpErrorKind::Unknown, reason.to_owned(), false));
        }
        if !is_plain && !self.connector.has_trust_roots {
            let reason = "cannot be trusted: this machine has no root certificates; install ca-certificates, or name a file \
                          of them in SSL_CERT_FILE";
            return Err(transport_error(HttpErrorKind::Unknown, reason.to_owned(), false));
        }
        request.headers_mut().insert(USER_AGENT, CLIENT_NAME);
        let client = self.connector.client_for(&mut request, is_for_object);
        let response = client.request(request).await.map_err(|e| {
            let reason = innermost(&e);
            if reason.starts_with(INVALID_CERTIFICATE) {
                let reason = format!(
                    "cannot be trusted: {reason}; check its endpoint, or name the certificate of its CA in \
                     AWS_CA_BUNDLE or SSL_CERT_FILE"
                );
                transport_error(HttpErrorKind::Connect, reason, false)
            } else if e.is_connect() {
                // Only machines in a cloud have a metadata service at such an address. Elsewhere a retry cannot help.
                let is_nowhere =
                    !is_for_object && (host.starts_with("169.254.") || host.starts_with("metadata."));
                transport_error(
                    HttpErrorKind::Connect,
                    format!("cannot be connected to: {reason}"),
                    !is_nowhere,
                )
            } else {
                transport_error(HttpErrorKind::Interrupted, format!("closed the connection: {reason}"), true)
            }
        })?;
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            let reason = "is behind a proxy that requires credentials (407); write them into HTTP_PROXY as \
                          http://user:password@host:port";
            return Err(transport_error(HttpErrorKind::Unknown, reason.to_owned(), false));
        }
        if !response.status().is_success() {
            if is_for_object {
                return Err(match read_error_response(response).await {
                    Ok(response_error) => HttpError::new(HttpErrorKind::Unknown, response_error),
                    Err(e) => broken_body(&host, &e),
                });
            }
            if !self.connector.passes_error_responses {
                return Err(match read_error_response(response).await {
                    Ok(response_error) => {
                        let is_transient = response_error.status.is_server_error();
                        transport_error(
                            HttpErrorKind::Unknown,
                            format!("returned none: {response_error}"),
                            is_transient,
                        )
                    }
                    Err(e) => {
                        transport_error(HttpErrorKind::Interrupted, format!("returned none: {e}"), true)
                    }
                });
            }
        }
        if is_for_object
            && request_is_head
            && let Some(archived) = archived(response.headers())
        {
            return Err(HttpError::new(HttpErrorKind::Unknown, archived));
        }
        if is_list && response.status().is_success() {
            return list_page(response).await.map_err(|broken| match broken {
                Some(e) => broken_body(&host, &e),
                None => transport_error(
                    HttpErrorKind::Decode,
                    "sends a list page of more than 64 MiB".to_owned(),
                    false,
                ),
            });
        }
        Ok(joined(response).map(|body| HttpResponseBody::new(body.map_err(move |e| broken_body(&host, &e)))))
    }
}

/// Joins several `Cache-Control` lines of a response into one. They mean the same (RFC 9110 section 5.3), but
/// `object_store` reads only the first.
fn joined<B>(mut response: Response<B>) -> Response<B> {
    let values: Vec<_> =
        response.headers().get_all(CACHE_CONTROL).iter().map(HeaderValue::as_bytes).collect();
    if values.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&values.join(&b", "[..]))
    {
        response.headers_mut().insert(CACHE_CONTROL, joined);
    }
    response
}

fn broken_body(host: &str, error: &hyper::Error) -> HttpError {
    let (host, reason) = (host.to_owned(), format!("closed the connection: {}", innermost(error)));
    HttpError::new(
        HttpErrorKind::Interrupted,
        TransportError { host, reason, for_credentials: false, is_transient: true },
    )
}

/// A page of a list, with its keys [encoded](object_keys). Fails if the connection breaks, and with `None` if the
/// page is too long.
async fn list_page(response: Response<Incoming>) -> Result<HttpResponse, Option<hyper::Error>> {
    let (mut head, body) = response.into_parts();
    let page = match Limited::new(body, MAX_PAGE).collect().await {
        Ok(page) => page.to_bytes(),
        Err(e) => return Err(e.downcast().ok().map(|broken| *broken)),
    };
    let page = match std::str::from_utf8(&page) {
        Ok(text) => object_keys::encoded(text).into(),
        // Not a list, which `object_store` will report.
        Err(_) => page,
    };
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, HttpResponseBody::from(page)))
}

/// Fails if the connection breaks before the whole explanation is read.
async fn read_error_response(response: Response<Incoming>) -> Result<StatusError, hyper::Error> {
    let (head, body) = response.into_parts();
    let has_no_body = head.status == StatusCode::NOT_MODIFIED;
    let text = if has_no_body { Bytes::new() } else { read_text(body).await? };
    let text = String::from_utf8_lossy(&text);
    let header = |name: &str| printable(head.headers.get(name)?.to_str().ok()?);
    Ok(StatusError {
        status: head.status,
        code: header("x-ms-error-code").or_else(|| element(&text, "Code")),
        message: element(&text, "Message"),
        region: header("x-amz-bucket-region").or_else(|| element(&text, "Region")),
        last_modified: last_modified(&head.headers),
    })
}

/// The error that a GET of this object would get, from the response to a HEAD, which succeeds for an archived object, too.
///
/// S3 sends the storage class of objects that are not in its standard one, `x-amz-restore` with the state of a copy to
/// read, and `x-amz-archive-status` for what Intelligent-Tiering has archived. Azure sends `x-ms-access-tier`. All
/// storage classes of Google can be read at once.
fn archived(headers: &HeaderMap) -> Option<StatusError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let error = |status, code: &str| {
        let (code, message, region, last_modified) = (Some(code.to_owned()), None, None, None);
        Some(StatusError { status, code, message, region, last_modified })
    };
    let is_restored = header("x-amz-restore").contains("ongoing-request=\"false\"");
    let is_in_glacier = matches!(header("x-amz-storage-class"), "GLACIER" | "DEEP_ARCHIVE");
    if (is_in_glacier || !header("x-amz-archive-status").is_empty()) && !is_restored {
        return error(StatusCode::FORBIDDEN, "InvalidObjectState");
    }
    if header("x-ms-access-tier").eq_ignore_ascii_case("Archive") {
        return error(StatusCode::CONFLICT, "BlobArchived");
    }
    None
}

async fn read_text(body: Incoming) -> Result<Bytes, hyper::Error> {
    match Limited::new(body, MAX_ERROR_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        // No store sends such a long error response.
        Err(e) => e.downcast().map_or(Ok(Bytes::new()), |broken| Err(*broken)),
    }
}

fn last_modified(headers: &HeaderMap) -> Option<httpdate::HttpDate> {
    headers.get(LAST_MODIFIED)?.to_str().ok()?.parse().ok()
}

/// The text of an element of an error response: `<Error><Code>NoSuchKey</Code>…`. This needs no XML parser.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    printable(inner)
}

/// The text without control characters, at most 200 characters of it, for one line of a log.
fn printable(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_cache_control_lines_become_one() {
        let builder =
            Response::builder().header("cache-control", "max-age=5").header("cache-control", "no-store");
        let response = joined(builder.body(()).expect("a response"));
        let values: Vec<_> = response.headers().get_all(CACHE_CONTROL).iter().collect();
        assert_eq!(values, ["max-age=5, no-store"]);
    }

    #[test]
    fn an_archived_object_is_recognised_by_the_headers_of_a_head() {
        for (fields, code) in [
            (&[("x-amz-storage-class", "GLACIER")][..], Some("InvalidObjectState")),
            (&[("x-amz-storage-class", "DEEP_ARCHIVE")], Some("InvalidObjectState")),
            (&[("x-amz-archive-status", "ARCHIVE_ACCESS")], Some("InvalidObjectState")),
            (
                &[("x-amz-storage-class", "GLACIER"), ("x-amz-restore", "ongoing-request=\"true\"")],
                Some("InvalidObjectState"),
            ),
            (
                &[
                    ("x-amz-storage-class", "GLACIER"),
                    (
                        "x-amz-restore",
                        "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2029 00:00:00 GMT\"",
                    ),
                ],
                None,
            ),
            (&[("x-amz-storage-class", "GLACIER_IR")], None),
            (&[("x-amz-storage-class", "STANDARD_IA")], None),
            (&[("x-ms-access-tier", "Archive")], Some("BlobArchived")),
            (&[("x-ms-access-tier", "Cool")], None),
            (&[("x-goog-storage-class", "ARCHIVE")], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(archived(&headers).and_then(|error| error.code).as_deref(), code, "{fields:?}");
        }
    }

    #[test]
    fn error_codes_and_messages_are_extracted_and_made_printable() {
        let text =
            "<?xml version=\"1.0\"?><Error><Code>No\u{1b}SuchKey</Code><Message>a\r\nb</Message><Key></Key>";
        assert_eq!(element(text, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(element(text, "Message").as_deref(), Some("ab"));
        assert_eq!(element(text, "Key"), None);
        assert_eq!(element(text, "Region"), None);
    }
}
