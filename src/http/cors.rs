//! Cross-origin resource sharing (Fetch standard, "CORS protocol"): which web pages may read responses with scripts.
//!
//! Images, videos and links work in any page without it. It is for players and apps that read bytes or headers.

use std::fmt;

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HeaderMap, HeaderValue,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, ORIGIN, RANGE, VARY,
};

use super::header_syntax::sole;
use super::response::{Answer, Payload};

/// Response headers that scripts may read, beyond those that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Range, Date, ETag, Retry-After",
);
/// Seconds for which a browser may keep the answer to a preflight; Chromium keeps none longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origins that may read responses. The default is none: without an origin, no response has a header of CORS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CorsOrigins {
    /// None.
    #[default]
    Nobody,
    /// All, without credentials.
    Everybody,
    /// These: scheme, host, and the port unless it is the scheme's.
    Only(Vec<HeaderValue>),
}

impl CorsOrigins {
    /// Parses origins such as `https://app.example.com`, or `*` alone. The error says what to write.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let texts: Vec<_> = texts.into_iter().collect();
        match &texts[..] {
            [] => {
                return Err(
                    "the list is empty; name an origin such as \"https://app.example.com\", or remove it"
                        .to_owned(),
                );
            }
            ["*"] => return Ok(Self::Everybody),
            _ => {}
        }
        let mut origins: Vec<HeaderValue> = Vec::new();
        for text in texts {
            let origin = parse_origin(text)
                .map_err(|reason| format!("`{}` is not an origin: {reason}", text.escape_debug()))?;
            if origins.contains(&origin) {
                return Err(format!("`{}` is listed twice; keep one", text.escape_debug()));
            }
            origins.push(origin);
        }
        Ok(Self::Only(origins))
    }

    /// The origins as they are written.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Everybody => vec!["*".to_owned()],
            Self::Only(origins) => {
                origins.iter().map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned()).collect()
            }
        }
    }

    /// Whether no response has a header of CORS.
    pub fn is_nobody(&self) -> bool {
        *self == Self::Nobody
    }

    /// The answer to a preflight; `None` if this `OPTIONS` request is none. `takes_credentials` says whether the path
    /// needs an `Authorization`.
    ///
    /// A browser sends no credentials with a preflight, and its answer does not depend on whether there is an asset.
    pub fn preflight(&self, request: &HeaderMap, takes_credentials: bool) -> Option<Answer> {
        if self.is_nobody()
            || !request.contains_key(ORIGIN)
            || !request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let mut headers = HeaderMap::with_capacity(8);
        self.apply(request, takes_credentials, &mut headers);
        headers.append(
            VARY,
            HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        if headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS).is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            if let Some(allowed) = allowed_headers(request, takes_credentials) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            }
        }
        Some(Answer { status: StatusCode::NO_CONTENT, headers, payload: Payload::Nothing })
    }

    /// Adds the headers that a response needs, whatever its status.
    pub fn apply(&self, request: &HeaderMap, takes_credentials: bool, response: &mut HeaderMap) {
        let allowed = match self {
            Self::Nobody => return,
            Self::Everybody => HeaderValue::from_static("*"),
            Self::Only(origins) => {
                // Caches must not give one origin's response to another, nor one without an origin to any.
                response.append(VARY, HeaderValue::from_static("Origin"));
                let Some(origin) = sole(request, ORIGIN)
                    .and_then(|asked| origins.iter().find(|origin| origin.as_bytes() == asked))
                else {
                    return;
                };
                if takes_credentials {
                    response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
                origin.clone()
            }
        };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// Those of the requested headers that have a meaning for an asset.
fn allowed_headers(request: &HeaderMap, takes_credentials: bool) -> Option<HeaderValue> {
    const KNOWN: [hyper::header::HeaderName; 6] =
        [RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_MATCH, IF_UNMODIFIED_SINCE, IF_RANGE];
    let asked =
        request.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|value| value.to_str().ok());
    let asked: Vec<_> = asked.flat_map(|value| value.split(',')).map(str::trim).collect();
    let known = KNOWN.into_iter().chain(takes_credentials.then_some(AUTHORIZATION));
    let allowed: Vec<_> = known
        .filter(|name| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name.as_str())))
        .map(|name| name.to_string())
        .collect();
    if allowed.is_empty() { None } else { HeaderValue::try_from(allowed.join(", ")).ok() }
}

/// An origin as browsers send it (RFC 6454 section 6.2).
fn parse_origin(text: &str) -> Result<HeaderValue, &'static str> {
    const EXAMPLE: &str = "write scheme, host and perhaps port, such as \"https://app.example.com\"";
    if text == "*" {
        return Err("\"*\" stands for every origin, so it stands alone");
    }
    if text == "null" {
        return Err("sandboxed frames and local files of anybody have the origin null; name the app's own");
    }
    let text = text.to_ascii_lowercase();
    let (scheme, host) = text.split_once("://").ok_or(EXAMPLE)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return Err(EXAMPLE);
    }
    if host.contains(['/', '?', '#']) {
        return Err("an origin has no path, and no slash at its end");
    }
    if host.contains('@') {
        return Err("an origin has no user name");
    }
    if host.contains('*') {
        return Err("a host has no wildcard; list each origin");
    }
    if !host.is_ascii() {
        return Err("browsers send the host in its ASCII form (xn--…); write that");
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if name.is_empty() || name.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control()) {
        return Err(EXAMPLE);
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("its port is not a number from 0 to 65535");
    }
    if matches!((scheme, port), ("https", Some("443")) | ("http", Some("80"))) {
        return Err("browsers leave out the port of the scheme; remove it");
    }
    HeaderValue::try_from(format!("{scheme}://{host}")).map_err(|_| EXAMPLE)
}

impl fmt::Display for CorsOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_support::request;

    const APP: &str = "https://app.example.com";

    fn only() -> CorsOrigins {
        CorsOrigins::parse([APP, "http://localhost:5173"]).expect("origins")
    }

    fn applied(origins: &CorsOrigins, origin: &[&str], takes_credentials: bool) -> HeaderMap {
        let lines: Vec<_> = origin.iter().map(|origin| (ORIGIN, *origin)).collect();
        let mut response = HeaderMap::new();
        origins.apply(&request(&lines), takes_credentials, &mut response);
        response
    }

    #[test]
    fn origins_are_those_that_browsers_send() {
        for (text, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.COM", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://[::1]", "https://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(CorsOrigins::parse([text]).expect(text).texts(), [expected]);
        }
        for text in [
            "",
            "null",
            "app.example.com",
            "https://",
            "https:///",
            "https://app.example.com/",
            "https://app.example.com/a",
            "https://app.example.com?x",
            "https://me@app.example.com",
            "https://*.example.com",
            "https://b\u{fc}cher.example",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://app.example.com:x",
            "https://a b",
            "://a",
            "1a://b",
        ] {
            assert!(CorsOrigins::parse([text]).is_err(), "{text}");
        }
        assert!(CorsOrigins::parse([APP, "*"]).is_err() && CorsOrigins::parse([APP, APP]).is_err());
        assert!(CorsOrigins::parse([]).is_err());
        assert_eq!(CorsOrigins::parse(["*"]), Ok(CorsOrigins::Everybody));
    }

    #[test]
    fn a_listed_origin_may_read_and_every_response_varies() {
        let response = applied(&only(), &[APP], false);
        assert_eq!(
            (&response[ACCESS_CONTROL_ALLOW_ORIGIN], &response[VARY]),
            (&APP.parse().unwrap(), &"Origin".parse().unwrap())
        );
        assert!(response[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("ETag"));
        assert!(!response.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        assert_eq!(applied(&only(), &[APP], true)[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        for origin in [
            &[][..],
            &["null"],
            &["https://app.example.com.evil.example"],
            &["https://APP.example.com"],
            &[APP, APP],
        ] {
            let response = applied(&only(), origin, true);
            assert_eq!(response.len(), 1, "{origin:?}: {response:?}");
            assert_eq!(response[VARY], "Origin");
        }
    }

    #[test]
    fn everybody_may_read_without_credentials_and_nobody_costs_nothing() {
        for origin in [&[][..], &[APP], &["null"]] {
            let response = applied(&CorsOrigins::Everybody, origin, true);
            assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            assert!(!response.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS) && !response.contains_key(VARY));
            assert!(applied(&CorsOrigins::Nobody, origin, true).is_empty());
        }
    }

    #[test]
    fn a_preflight_allows_reading_with_ranges_and_conditions() {
        let lines = |headers| {
            [(ORIGIN, APP), (ACCESS_CONTROL_REQUEST_METHOD, "GET"), (ACCESS_CONTROL_REQUEST_HEADERS, headers)]
        };
        for (asked, takes_credentials, allowed) in [
            ("range", false, Some("range")),
            ("Range,if-none-match, X-Custom", false, Some("range, if-none-match")),
            (
                "if-match, if-range, if-modified-since, if-unmodified-since",
                false,
                Some("if-modified-since, if-match, if-unmodified-since, if-range"),
            ),
            ("authorization", false, None),
            ("authorization", true, Some("authorization")),
            ("content-type", true, None),
        ] {
            let answer = only().preflight(&request(&lines(asked)), takes_credentials).expect("an answer");
            assert_eq!(
                (answer.status, &answer.headers[ACCESS_CONTROL_ALLOW_METHODS]),
                (StatusCode::NO_CONTENT, &"GET, HEAD".parse().unwrap())
            );
            let got = answer.headers.get(ACCESS_CONTROL_ALLOW_HEADERS).map(|value| value.to_str().unwrap());
            assert_eq!(got, allowed, "{asked}");
        }
        let vary: Vec<_> = only()
            .preflight(&request(&lines("range")), false)
            .expect("an answer")
            .headers
            .get_all(VARY)
            .iter()
            .cloned()
            .collect();
        assert_eq!(vary, ["Origin", "Access-Control-Request-Method, Access-Control-Request-Headers"]);
    }

    #[test]
    fn other_origins_and_other_requests_get_no_permission() {
        let foreign = [(ORIGIN, "https://evil.example"), (ACCESS_CONTROL_REQUEST_METHOD, "GET")];
        let answer = only().preflight(&request(&foreign), true).expect("an answer");
        assert!(
            !answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")),
            "{answer:?}"
        );
        assert!(only().preflight(&request(&[(ORIGIN, APP)]), true).is_none());
        assert!(only().preflight(&request(&[(ACCESS_CONTROL_REQUEST_METHOD, "GET")]), true).is_none());
        let preflight = [(ORIGIN, APP), (ACCESS_CONTROL_REQUEST_METHOD, "GET")];
        assert!(CorsOrigins::Nobody.preflight(&request(&preflight), true).is_none());
    }
}
