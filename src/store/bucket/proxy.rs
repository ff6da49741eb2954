//! HTTP proxy on the way to a bucket: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as other tools read them.
//!
//! Requests over TLS go through a tunnel (CONNECT, RFC 9110 section 9.3.6), others name the whole URL (RFC 9112 section 3.2.2).

use std::sync::Arc;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::config::Environment;

/// Never requested through a proxy: the metadata services of clouds, which only this machine reaches.
const NEVER: &str = "169.254.0.0/16,fd00:ec2::254,metadata,metadata.google.internal";

/// Which proxy a request goes through. Without a variable, there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    matcher: Matcher,
    /// Entries of `NO_PROXY` with a port: the host in lower case without a leading dot, and the port.
    excepted: Vec<(String, u16)>,
}

impl Proxies {
    /// The proxies of these variables. The error names the variable, and not its value, which may have a password.
    pub(super) fn of(environment: &Environment) -> Result<Self, String> {
        let mut builder = Matcher::builder();
        let mut any = false;
        for (name, is_for) in [("HTTPS_PROXY", "https"), ("HTTP_PROXY", "http"), ("ALL_PROXY", "all")] {
            let Some((name, value)) = variable(environment, name) else { continue };
            let url = proxy_url(value).map_err(|reason| format!("the variable {name} {reason}"))?;
            any = true;
            builder = match is_for {
                "https" => builder.https(url),
                "http" => builder.http(url),
                _ => builder.all(url),
            };
        }
        if !any {
            return Ok(Self(None));
        }
        let no = variable(environment, "NO_PROXY").map_or("", |(_, value)| value);
        let (excepted, others): (Vec<_>, Vec<_>) = no
            .split(',')
            .map(str::trim)
            .map(|entry| (entry, with_port(entry)))
            .partition(|(_, it)| it.is_some());
        let mut never = NEVER.to_owned();
        for (entry, _) in others {
            never.push(',');
            never.push_str(entry);
        }
        let excepted = excepted.into_iter().filter_map(|(_, host_and_port)| host_and_port).collect();
        Ok(Self(Some(Arc::new(Rules { matcher: builder.no(never).build(), excepted }))))
    }

    /// The proxy for a request to `uri`; `None` if it goes there directly.
    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        let rules = self.0.as_deref()?;
        let host = uri.host()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let is_excepted = |(name, excepted): &(String, u16)| {
            *excepted == port
                && host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if rules.excepted.iter().any(is_excepted) { None } else { rules.matcher.intercept(uri) }
    }

    /// The `Proxy-Authorization` of a request without TLS, which the proxy reads itself.
    pub(super) fn authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let mut value = self.intercept(uri)?.basic_auth()?.clone();
        value.set_sensitive(true);
        Some(value)
    }
}

/// A variable in upper or lower case, and its name.
fn variable<'e>(environment: &'e Environment, name: &str) -> Option<(String, &'e str)> {
    [name.to_owned(), name.to_ascii_lowercase()]
        .into_iter()
        .find_map(|name| environment.get(&name).map(|value| (name, value)))
}

/// The URL of a proxy; without a scheme, `http://` is meant.
fn proxy_url(value: &str) -> Result<String, &'static str> {
    let value = value.trim();
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    match url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {}
        _ => return Err("names a proxy that does not speak plain HTTP; only http:// proxies are supported"),
    }
    let has_host = url.parse::<Uri>().is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()));
    if has_host {
        Ok(url)
    } else {
        Err("is not a URL; write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")
    }
}

/// Host and port of an entry such as `s3.example.com:9000` or `[::1]:9000`.
fn with_port(entry: &str) -> Option<(String, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let is_host = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    let host = host.trim_start_matches('.').to_ascii_lowercase();
    Some((host, port.parse().ok().filter(|_| is_host)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        let all: Vec<_> =
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        Proxies::of(&Environment::of(&all))
    }

    fn proxy(variables: &[(&str, &str)], url: &'static str) -> Option<String> {
        let intercept = proxies(variables).expect("proxies").intercept(&Uri::from_static(url))?;
        Some(intercept.uri().to_string())
    }

    const S3: &str = "https://media.s3.eu-west-1.amazonaws.com/a.jpg";

    #[test]
    fn each_variable_has_its_scheme_in_upper_and_lower_case() {
        for (variables, url, expected) in [
            (&[][..], S3, None),
            (&[("HTTPS_PROXY", "http://proxy:3128")], S3, Some("http://proxy:3128/")),
            (&[("https_proxy", "proxy:3128")], S3, Some("http://proxy:3128/")),
            (&[("HTTPS_PROXY", "")], S3, None),
            (&[("HTTP_PROXY", "http://proxy:3128")], S3, None),
            (&[("http_proxy", "http://proxy:3128")], "http://minio:9000/a", Some("http://proxy:3128/")),
            (&[("HTTPS_PROXY", "http://proxy:3128")], "http://minio:9000/a", None),
            (&[("ALL_PROXY", "http://all:1"), ("HTTPS_PROXY", "http://tls:2")], S3, Some("http://tls:2/")),
            (&[("all_proxy", "http://all:1")], "http://minio:9000/a", Some("http://all:1/")),
        ] {
            assert_eq!(proxy(variables, url).as_deref(), expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_suffixes_networks_and_ports() {
        for (no, url, is_direct) in [
            ("", S3, false),
            ("*", S3, true),
            ("amazonaws.com", S3, true),
            (".amazonaws.com", S3, true),
            ("other.example, amazonaws.com ", S3, true),
            ("azonaws.com", S3, false),
            ("amazonaws.com:443", S3, true),
            ("amazonaws.com:8443", S3, false),
            ("10.0.0.0/8", "https://10.1.2.3/a", true),
            ("10.0.0.0/8", "https://11.1.2.3/a", false),
            ("10.1.2.3:9000", "https://10.1.2.3:9000/a", true),
            ("10.1.2.3:9000", "https://10.1.2.3:9001/a", false),
            ("::1", "https://[::1]:9000/a", true),
            ("[::1]:9000", "https://[::1]:9000/a", true),
            // Never, whatever the variables say.
            ("", "http://169.254.169.254/latest", true),
            ("", "http://169.254.170.2/v2", true),
            ("", "http://metadata.google.internal/x", true),
        ] {
            let variables = [("ALL_PROXY", "http://proxy:3128"), ("NO_PROXY", no)];
            assert_eq!(proxy(&variables, url).is_none(), is_direct, "{no} {url}");
        }
    }

    #[test]
    fn credentials_are_sent_and_bad_values_are_refused_without_being_printed() {
        let proxies_of = |value| proxies(&[("HTTP_PROXY", value)]);
        let allowed = proxies_of("http://shop:hu%21sh@proxy:3128").expect("proxies");
        let authorization = allowed.authorization(&Uri::from_static("http://minio/a")).expect("a value");
        assert_eq!(authorization, "Basic c2hvcDpodSFzaA==");
        for value in
            ["https://shop:hush@proxy", "socks5://hush:1080", "http://", "http://hush hush", "ftp://hush"]
        {
            let error = proxies_of(value).expect_err(value);
            assert!(error.starts_with("the variable HTTP_PROXY ") && !error.contains("hush"), "{error}");
        }
    }
}
