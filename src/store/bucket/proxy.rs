//! HTTP proxies towards buckets: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case.
//!
//! The rules are those of curl, as `hyper-util` implements them; `NO_PROXY` with ports is added here. A proxy is used
//! only if a variable names one.

use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::config::Environment;

/// The variables for `https://` and `http://` URLs, and for both; the first that is set applies.
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NONE: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The proxies that the environment names, and the hosts that are reached without one.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
    /// Ports, each with a matcher that does not intercept the hosts that are excluded on this port.
    excluded_on_port: Vec<(u16, Matcher)>,
    https: Option<&'static str>,
    http: Option<&'static str>,
}

/// A proxy for one request.
pub(super) struct Proxy {
    pub(super) intercept: Intercept,
    /// The variable that names it.
    pub(super) variable: &'static str,
}

/// An entry of `NO_PROXY`: a host, suffix or network, and perhaps a port.
type Excluded = (String, Option<u16>);

impl Proxies {
    /// `None` if no variable names a proxy. The error names the variable, and no password.
    pub(super) fn of(environment: &Environment) -> Result<Option<Self>, String> {
        let set = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, environment.get(name)?)))
        };
        let (https, http, all) = (set(HTTPS), set(HTTP), set(ALL));
        if https.or(http).or(all).is_none() {
            return Ok(None);
        }
        let url = |named: Option<(&'static str, &str)>| match named {
            None => Ok(String::new()),
            Some((name, value)) => {
                proxy_url(value).map_err(|reason| format!("the variable {name} {reason}; fix or unset it"))
            }
        };
        let no_proxy = match set(NONE) {
            None => Vec::new(),
            Some((name, value)) => value
                .split([',', ' ', '\t'])
                .filter(|entry| !entry.is_empty())
                .map(excluded)
                .collect::<Result<Vec<Excluded>, String>>()
                .map_err(|reason| format!("the variable {name} {reason}; fix or unset it"))?,
        };
        let anywhere = no_proxy.iter().filter(|(_, port)| port.is_none()).map(|(host, _)| host.as_str());
        let matcher = Matcher::builder()
            .https(url(https)?)
            .http(url(http)?)
            .all(url(all)?)
            .no(anywhere.collect::<Vec<_>>().join(","))
            .build();
        let excluded_on_port = no_proxy.iter().filter_map(|(host, port)| {
            // It stands for any proxy.
            Some(((*port)?, Matcher::builder().all("http://proxy").no(host.as_str()).build()))
        });
        let excluded_on_port = excluded_on_port.collect();
        let name = |named: Option<(&'static str, &str)>| named.or(all).map(|(name, _)| name);
        Ok(Some(Self { matcher, excluded_on_port, https: name(https), http: name(http) }))
    }

    /// The proxy for requests to this URL; `None` if it is reached without one.
    pub(super) fn of_url(&self, url: &Uri) -> Option<Proxy> {
        let is_https = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let mut on_port = self.excluded_on_port.iter().filter(|(of, _)| *of == port);
        if on_port.any(|(_, matcher)| matcher.intercept(url).is_none()) {
            return None;
        }
        let variable = if is_https { self.https } else { self.http }?;
        Some(Proxy { intercept: self.matcher.intercept(url)?, variable })
    }
}

/// The URL of a proxy with its scheme.
fn proxy_url(value: &str) -> Result<String, String> {
    const FORM: &str =
        "write http://host:port, or http://user:password@host:port with @ as %40 in the password";
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let (scheme, _) = url.split_once("://").unwrap_or_default();
    if scheme.starts_with("socks") {
        return Err(format!(
            "names a {} proxy, which wamedia does not support; use an HTTP proxy",
            scheme.escape_debug()
        ));
    }
    let uri: Uri = url.parse().map_err(|_| format!("is not the URL of a proxy; {FORM}"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(']').map_or(host, |(_, rest)| rest).split_once(':');
    let is_one = matches!(scheme, "http" | "https")
        && uri.host().is_some_and(|host| !host.is_empty())
        && port.is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        && authority.matches('@').count() <= 1
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none();
    if is_one { Ok(url) } else { Err(format!("is not the URL of a proxy; {FORM}")) }
}

/// Parses an entry of `NO_PROXY`.
fn excluded(entry: &str) -> Result<Excluded, String> {
    let refuse = |reason: &str| Err(format!("has an entry `{}` {reason}", entry.escape_debug()));
    if entry == "*" || entry.parse::<IpAddr>().is_ok() {
        return Ok((entry.to_owned(), None));
    }
    if entry.contains("://") || entry.contains('@') {
        return refuse("that is a URL; write the host");
    }
    if let Some((address, bits)) = entry.split_once('/') {
        let most = match address.parse() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return refuse("that is no network; write such as 10.0.0.0/8"),
        };
        return match bits.parse::<u8>() {
            Ok(bits) if bits <= most => Ok((entry.to_owned(), None)),
            _ => refuse("that is no network; write such as 10.0.0.0/8"),
        };
    }
    let (host, port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(""))),
        None => entry.rsplit_once(':').map_or((entry, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) => Some(port),
        Some(Err(_)) => return refuse("whose port is not a number from 0 to 65535"),
    };
    // As other tools write it.
    let host = match host.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') || suffix.is_empty() => {
            if suffix.is_empty() {
                host
            } else {
                suffix
            }
        }
        _ => host,
    };
    if host.is_empty() || host != "*" && host.contains('*') {
        return refuse("that is no host; `*` alone means every host, and .example.com every host below it");
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Location, load};

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let flags = Flags { store: Some("s3://media".to_owned()), ..Flags::default() };
        let folder = tempfile::tempdir().expect("a folder");
        match load(&flags, variables, folder.path()).expect("settings").mounts.remove(0).store {
            Location::Bucket(bucket) => bucket.environment,
            Location::Folder(_) => unreachable!(),
        }
    }

    fn proxy_of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = Proxies::of(&environment(variables)).expect("valid")?;
        let proxy = proxies.of_url(&url.parse().expect("a URL"))?;
        Some(format!("{} {}", proxy.variable, proxy.intercept.uri()))
    }

    #[test]
    fn the_scheme_of_the_url_chooses_the_variable() {
        let (https, http) = ("https://s3.example", "http://s3.example");
        for (variables, url, expected) in [
            (&[("HTTPS_PROXY", "http://p:1")][..], https, Some("HTTPS_PROXY http://p:1/")),
            (&[("HTTPS_PROXY", "http://p:1")], http, None),
            (&[("https_proxy", "p:1")], https, Some("https_proxy http://p:1/")),
            (&[("http_proxy", "p:1")], http, Some("http_proxy http://p:1/")),
            (&[("HTTP_PROXY", "p:1")], https, None),
            (&[("ALL_PROXY", "https://u:HUSH@p:1/")], https, Some("ALL_PROXY https://p:1/")),
            (&[("all_proxy", "p:1"), ("HTTP_PROXY", "q:2")], http, Some("HTTP_PROXY http://q:2/")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "p:1")], https, Some("https_proxy http://p:1/")),
            (&[("NO_PROXY", "*")], https, None),
            (&[], https, None),
        ] {
            assert_eq!(proxy_of(variables, url).as_deref(), expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn no_proxy_has_hosts_suffixes_addresses_networks_and_ports() {
        for (no_proxy, url, is_direct) in [
            ("*", "https://s3.example", true),
            ("s3.example", "https://s3.example", true),
            ("example", "https://s3.example", true),
            (".example", "https://s3.example", true),
            ("*.example", "https://s3.example", true),
            ("S3.Example", "https://s3.example", true),
            ("ample", "https://s3.example", false),
            ("a, s3.example", "https://s3.example", true),
            ("a s3.example", "https://s3.example", true),
            ("s3.example:443", "https://s3.example", true),
            ("s3.example:443", "https://s3.example:8443", false),
            ("s3.example:8443", "https://s3.example:8443", true),
            ("s3.example:80", "http://s3.example", true),
            ("*:9000", "http://s3.example:9000", true),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("10.1.2.3", "https://10.1.2.3:9000", true),
            ("10.1.2.3:9000", "https://10.1.2.3:9000", true),
            ("10.1.2.3:9000", "https://10.1.2.3", false),
            ("::1", "https://[::1]:9000", true),
            ("[::1]:9000", "https://[::1]:9000", true),
            ("[::1]:9000", "https://[::1]:9001", false),
            ("fd00::/8", "https://[fd00::1]", true),
        ] {
            let variables = [("ALL_PROXY", "p:1"), ("NO_PROXY", no_proxy)];
            assert_eq!(proxy_of(&variables, url).is_none(), is_direct, "{no_proxy} {url}");
        }
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_the_variable_and_no_password() {
        for (name, value) in [
            ("HTTPS_PROXY", "socks5://HUSH:HUSH@p:1"),
            ("https_proxy", "ftp://p"),
            ("HTTP_PROXY", "http://p:port"),
            ("HTTP_PROXY", "http://u:HUSH@HUSH@p:1"),
            ("ALL_PROXY", "http://p:1/path"),
            ("all_proxy", "http://"),
            ("NO_PROXY", "10.0.0.0/99"),
            ("no_proxy", "host/8"),
            ("NO_PROXY", "host:port"),
            ("NO_PROXY", "http://host"),
            ("NO_PROXY", "10.*"),
        ] {
            let error = Proxies::of(&environment(&[("https_proxy", "p:1"), (name, value)])).expect_err(value);
            assert!(error.contains(name) && error.contains("fix or unset it"), "{error}");
            assert!(!error.contains("HUSH"), "{error}");
        }
    }
}
