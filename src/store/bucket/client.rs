//! The HTTP client that buckets and credentials are asked with.
//!
//! `object_store` signs requests and reads answers; this carries them, over the hyper that the server has, too, and the
//! connections that [`connector`] makes. It reads what is refused, so that the reason is not lost on the way (see
//! [`refusal`](super::error)).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, HeaderMap, HeaderValue, LAST_MODIFIED, USER_AGENT,
};
use hyper::{Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use object_store::client::{
    HttpClient, HttpConnector as ObjectStoreConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::runtime::Handle;

use super::connector::{self, TimedConnector};
use super::error::{StatusError, TransportError, innermost};
use super::object_keys;
use crate::store::StoreError;

/// S3 closes connections that were idle for 5 to 20 s; what is used again should not be one of those.
const IDLE: Duration = Duration::from_secs(4);
/// What is read at one time, and so held for a response whose reader is slow. Heads must fit, too.
const BUFFER: usize = 64 << 10;
/// Most of the text of a refusal that is read, in bytes.
const REFUSAL: usize = 16 << 10;
/// Most of a page of a list that is read, in bytes: Azure's have 5,000 names of up to 1,024 characters.
const PAGE: usize = 64 << 20;
/// How rustls begins to say that it does not trust the other side.
const UNTRUSTED: &str = "invalid peer certificate";
const OUR_NAME: HeaderValue = HeaderValue::from_static(concat!("wamedia/", env!("CARGO_PKG_VERSION")));

/// Marks a request as one for an object: its refusals are read here.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectRequest {
    /// Whether the service has to be logged that what is stored encoded may be sent so.
    pub(super) takes_encoded: bool,
}

type Inner = Client<TimedConnector, HttpRequestBody>;

/// Makes clients for `object_store`. All of them share their connections.
#[derive(Clone)]
pub(crate) struct Connector {
    client: Inner,
    /// Whether this machine has certificates of anybody to trust.
    trusts_anybody: bool,
    /// Whether `object_store` has to see how requests for credentials are refused.
    shows_refusals: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Clients that give up connecting after `connect_timeout`. Connections live on `background`.
    ///
    /// They trust whom this machine trusts, and whose certificates stand in the PEM file `more_roots`.
    pub(crate) fn new(
        connect_timeout: Duration,
        more_roots: Option<&str>,
        background: &Handle,
    ) -> Result<Self, StoreError> {
        let roots = connector::roots(more_roots)?;
        let trusts_anybody = !roots.is_empty();
        let client = Client::builder(connector::BackgroundExecutor(background.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(BUFFER)
            .build(TimedConnector::new(roots, connect_timeout, background));
        Ok(Self { client, trusts_anybody, shows_refusals: false })
    }

    /// The same for a store that has another way to credentials once this one is refused, and so must see it refused.
    pub(super) fn showing_refusals(self) -> Self {
        Self { shows_refusals: true, ..self }
    }
}

impl ObjectStoreConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let says = |key| options.get_config_value(&key).is_some_and(|said| is_true(&said));
        let refuse = |what: &str| {
            let source = format!("{what} is set, which wamedia does not support; leave it out").into();
            Err(object_store::Error::Generic { store: "settings", source })
        };
        if options.get_config_value(&ClientConfigKey::ProxyUrl).is_some() {
            return refuse("a proxy (PROXY_URL)");
        }
        if says(ClientConfigKey::AllowInvalidCertificates) {
            return refuse("ALLOW_INVALID_CERTIFICATES");
        }
        let may_be_plain = says(ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(StoreHttpService { connector: self.clone(), may_be_plain }))
    }
}

/// Whether a variable says yes, in one of the ways that `object_store` takes for it.
pub(super) fn is_true(said: &str) -> bool {
    ["1", "true", "on", "yes", "y"].iter().any(|yes| said.eq_ignore_ascii_case(yes))
}

/// A client for one store, or for its credentials.
#[derive(Debug)]
struct StoreHttpService {
    connector: Connector,
    /// Whether it may speak without TLS.
    may_be_plain: bool,
}

#[async_trait]
impl HttpService for StoreHttpService {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Nothing can be put along with a request for a list, so it is known by its query: S3's and Google's, Azure's.
        let is_list = request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list")));
        let is_for_object = is_list || request.extensions().get::<ObjectRequest>().is_some();
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        if let Some(ObjectRequest { takes_encoded: true }) = request.extensions().get() {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let silence = |kind, reason: String, is_transient| {
            let (host, for_credentials) = (host.clone(), !is_for_object);
            HttpError::new(kind, TransportError { host, reason, for_credentials, is_transient })
        };
        let is_plain = request.uri().scheme_str() != Some("https");
        if is_plain && !self.may_be_plain {
            let reason = "would be asked without TLS; use an https:// endpoint, or set AWS_ALLOW_HTTP=true \
                          (GOOGLE_ALLOW_HTTP, AZURE_ALLOW_HTTP)";
            return Err(silence(HttpErrorKind::Unknown, reason.to_owned(), false));
        }
        if !is_plain && !self.connector.trusts_anybody {
            let reason = "cannot be trusted: this machine has no root certificates; install ca-certificates, or name a file \
                          of them in SSL_CERT_FILE";
            return Err(silence(HttpErrorKind::Unknown, reason.to_owned(), false));
        }
        request.headers_mut().insert(USER_AGENT, OUR_NAME);
        let response = self.connector.client.request(request).await.map_err(|e| {
            let reason = innermost(&e);
            if reason.starts_with(UNTRUSTED) {
                let reason = format!(
                    "cannot be trusted: {reason}; check its endpoint, or name the certificate of its authority in \
                     AWS_CA_BUNDLE or SSL_CERT_FILE"
                );
                silence(HttpErrorKind::Connect, reason, false)
            } else if e.is_connect() {
                // Only machines in a cloud have somebody at such an address; elsewhere nobody ever will be.
                let is_nowhere =
                    !is_for_object && (host.starts_with("169.254.") || host.starts_with("metadata."));
                silence(HttpErrorKind::Connect, format!("cannot be connected to: {reason}"), !is_nowhere)
            } else {
                silence(HttpErrorKind::Interrupted, format!("broke the connection: {reason}"), true)
            }
        })?;
        if !response.status().is_success() {
            if is_for_object {
                return Err(match read_refusal(response).await {
                    Ok(refused) => HttpError::new(HttpErrorKind::Unknown, refused),
                    Err(e) => silence_in_body(&host, &e),
                });
            }
            if !self.connector.shows_refusals {
                return Err(match read_refusal(response).await {
                    Ok(refused) => {
                        let is_transient = refused.status.is_server_error();
                        silence(HttpErrorKind::Unknown, format!("gives none: {refused}"), is_transient)
                    }
                    Err(e) => silence(HttpErrorKind::Interrupted, format!("gives none: {e}"), true),
                });
            }
        }
        if is_list && response.status().is_success() {
            return listed(response).await.map_err(|broken| match broken {
                Some(e) => silence_in_body(&host, &e),
                None => {
                    silence(HttpErrorKind::Decode, "lists more at once than any store does".to_owned(), false)
                }
            });
        }
        Ok(joined(response)
            .map(|body| HttpResponseBody::new(body.map_err(move |e| silence_in_body(&host, &e)))))
    }
}

/// The response with its Cache-Control in one field line, as several mean the same (RFC 9110 section 5.3) and only the first is
/// looked at.
fn joined<B>(mut response: Response<B>) -> Response<B> {
    let said: Vec<_> = response.headers().get_all(CACHE_CONTROL).iter().map(HeaderValue::as_bytes).collect();
    if said.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&said.join(&b", "[..]))
    {
        response.headers_mut().insert(CACHE_CONTROL, joined);
    }
    response
}

fn silence_in_body(host: &str, error: &hyper::Error) -> HttpError {
    let (host, reason) = (host.to_owned(), format!("broke the connection: {}", innermost(error)));
    HttpError::new(
        HttpErrorKind::Interrupted,
        TransportError { host, reason, for_credentials: false, is_transient: true },
    )
}

/// The page of a list, its keys [encoded](keys). Fails where the connection breaks, and with `None` where it never ends.
async fn listed(response: Response<Incoming>) -> Result<HttpResponse, Option<hyper::Error>> {
    let (mut head, body) = response.into_parts();
    let page = match Limited::new(body, PAGE).collect().await {
        Ok(page) => page.to_bytes(),
        Err(e) => return Err(e.downcast().ok().map(|broken| *broken)),
    };
    let page = match std::str::from_utf8(&page) {
        Ok(text) => object_keys::encoded(text).into(),
        // It is no list, and logged so by who reads it.
        Err(_) => page,
    };
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, HttpResponseBody::from(page)))
}

/// Fails where the connection breaks before the reason is logged.
async fn read_refusal(response: Response<Incoming>) -> Result<StatusError, hyper::Error> {
    let (head, body) = response.into_parts();
    let is_silent = head.status == StatusCode::NOT_MODIFIED;
    let text = if is_silent { Bytes::new() } else { read_text(body).await? };
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

async fn read_text(body: Incoming) -> Result<Bytes, hyper::Error> {
    match Limited::new(body, REFUSAL).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        // What is longer is no refusal of a store's.
        Err(e) => e.downcast().map_or(Ok(Bytes::new()), |broken| Err(*broken)),
    }
}

fn last_modified(headers: &HeaderMap) -> Option<httpdate::HttpDate> {
    headers.get(LAST_MODIFIED)?.to_str().ok()?.parse().ok()
}

/// The text of an element of a refusal: `<Error><Code>NoSuchKey</Code>…`. No more of XML is needed for that.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    printable(inner)
}

/// A text that can stand in one line of a log.
fn printable(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_of_cache_control_are_one() {
        let builder =
            Response::builder().header("cache-control", "max-age=5").header("cache-control", "no-store");
        let response = joined(builder.body(()).expect("a response"));
        let said: Vec<_> = response.headers().get_all(CACHE_CONTROL).iter().collect();
        assert_eq!(said, ["max-age=5, no-store"]);
    }

    #[test]
    fn the_words_of_a_refusal_are_found_and_made_fit_for_a_log() {
        let text =
            "<?xml version=\"1.0\"?><Error><Code>No\u{1b}SuchKey</Code><Message>a\r\nb</Message><Key></Key>";
        assert_eq!(element(text, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(element(text, "Message").as_deref(), Some("ab"));
        assert_eq!(element(text, "Key"), None);
        assert_eq!(element(text, "Region"), None);
    }
}
