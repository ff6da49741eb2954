//! The public URL of the server, and the links that begin with it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ConfigError;
use super::mount::Mount;
use crate::asset::{AssetPath, PathError, VersionId};
use crate::http::LinkSignature;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// An `http` or `https` URL without credentials, query or fragment.
///
/// Scheme and host are in lower case; a path has no slash at its end. Links do not repeat that path: an asset's own
/// path already contains it, because every mount is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme and authority: `https://media.example.com`.
    origin: String,
    path: Option<AssetPath<'static>>,
}

impl PublicUrl {
    /// The URL of a server that listens on this address; an unspecified address becomes the loopback address of its
    /// family, because a link to `0.0.0.0` cannot be followed.
    pub fn of_address(scheme: Scheme, address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self { origin: format!("{}://{}", scheme.as_str(), SocketAddr::new(ip, address.port())), path: None }
    }

    /// The URL of a server on a Unix socket, whose clients name any host.
    pub fn of_localhost(scheme: Scheme) -> Self {
        Self { origin: format!("{}://localhost", scheme.as_str()), path: None }
    }

    /// The https URL of a server with this host name and port.
    pub fn of_name(name: &str, port: u16) -> Self {
        let origin = if port == 443 { format!("https://{name}") } else { format!("https://{name}:{port}") };
        Self { origin, path: None }
    }

    /// Parses a URL; the error has the reason and the fix.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let invalid = |reason: &str| Err(format!("`{}` {reason}", text.escape_debug()));
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return invalid(
                "is neither an http:// nor an https:// URL; write one such as https://media.example.com",
            );
        }
        if rest.contains(['?', '#']) {
            return invalid("has a query or a fragment, but links add their own; leave it out");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return invalid(
                "has credentials, which WhatsApp does not send and which every recipient would see; leave them out",
            );
        }
        let (host, port) = split_port(authority);
        if !is_host(host) {
            return invalid(
                "has no valid host; write a name, an IPv4 address or an IPv6 address in brackets \
                           (a name with letters other than a to z in its xn-- form)",
            );
        }
        if port.is_some_and(|port| !is_port(port)) {
            return invalid(
                "has no valid port; write a number from 1 to 65535, or leave out the port and its colon",
            );
        }
        let path = match path.strip_suffix('/').unwrap_or(path) {
            "" => None,
            path => match AssetPath::from_url_path(path) {
                Ok(path) => Some(path.to_owned()),
                Err(error) => {
                    return invalid(&format!("has a path that no asset can have: {error}; correct it"));
                }
            },
        };
        Ok(Self { origin: format!("{scheme}://{}", authority.to_ascii_lowercase()), path })
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        if self.origin.starts_with("https:") { Scheme::Https } else { Scheme::Http }
    }

    /// Its host: a name in lower case, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        split_port(authority).0
    }

    /// The link to an asset, and to one version of it where that is named:
    /// `https://media.example.com/a.png?v=0123456789abcdef`.
    pub fn link(&self, path: &AssetPath, version: Option<&VersionId>) -> String {
        let link = format!("{}{}", self.origin, path.to_url_path());
        match version {
            Some(version) => format!("{link}?v={version}"),
            None => link,
        }
    }

    /// The link to an asset that needs a signed one: the same, with the signature last.
    pub fn signed_link(
        &self,
        path: &AssetPath,
        version: Option<&VersionId>,
        signature: &LinkSignature,
    ) -> String {
        let separator = if version.is_some() { '&' } else { '?' };
        format!("{}{separator}{signature}", self.link(path, version))
    }

    /// The path of the asset that a link of this server names; `None` for a URL of another server. Query and fragment do not count.
    pub fn linked_path<'u>(&self, url: &'u str) -> Option<Result<AssetPath<'u>, PathError>> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
        if without_default_port(&origin) != without_default_port(&self.origin) {
            return None;
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Some(AssetPath::from_url_path(if path.is_empty() { "/" } else { path }))
    }

    /// Rejects a URL with a path if a mount is not below that path: links to that mount would lead out of it.
    pub(super) fn reject_outside(&self, mounts: &[Mount]) -> Result<(), ConfigError> {
        let Some(folder) = &self.path else { return Ok(()) };
        let lies_below = |mount: &&Mount| {
            mount
                .path
                .strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match mounts.iter().find(|mount| !lies_below(mount)) {
            None => Ok(()),
            Some(mount) => Err(ConfigError::PublicUrlOutsideMounts {
                url: self.to_string(),
                folder: format!("/{folder}"),
                mount: mount.path.clone(),
            }),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        self.path.as_ref().map_or(Ok(()), |path| f.write_str(&path.to_url_path()))
    }
}

fn without_default_port(origin: &str) -> &str {
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(port).unwrap_or(origin)
}

/// Splits at the colon before the port, not at one inside the brackets of an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Whether this is an IP address or a host name (RFC 1123 section 2.1; underscores are in use).
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    // Clients take a host that ends in a number for an IPv4 address, so it must be one.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::super::Location;
    use super::*;
    use crate::asset::Digest;
    use crate::http::SigningKeys;
    use proptest::prelude::*;
    use std::path::PathBuf;
    use std::time::Duration;

    #[test]
    fn links_of_this_server_name_assets_and_other_urls_do_not() {
        for (base, url, expected) in [
            ("https://a.example", "https://a.example/b%20c.jpg?v=1#x", Some("b c.jpg")),
            ("https://a.example", "HTTPS://A.Example:443/50%25%3f.jpg", Some("50%?.jpg")),
            ("https://a.example:443", "https://a.example/b.jpg", Some("b.jpg")),
            ("http://[::1]:80", "http://[::1]/b.jpg", Some("b.jpg")),
            ("https://a.example/shop", "https://a.example/shop/b.jpg", Some("shop/b.jpg")),
            ("https://a.example", "http://a.example/b.jpg", None),
            ("https://a.example", "https://a.example:80/b.jpg", None),
            ("https://a.example", "https://a.example.evil/b.jpg", None),
            ("https://a.example", "https://me@a.example/b.jpg", None),
            ("https://a.example", "s3://a.example/b.jpg", None),
        ] {
            let base = PublicUrl::parse(base).expect("a URL");
            let path = base.linked_path(url).map(|path| path.expect("a path").to_string());
            assert_eq!(path.as_deref(), expected, "{url} at {base}");
        }
        let base = PublicUrl::parse("https://a.example").expect("a URL");
        for url in ["https://a.example", "https://a.example?a=b", "https://a.example/%zz"] {
            assert!(base.linked_path(url).expect("of this server").is_err(), "{url}");
        }
    }

    #[test]
    fn proper_urls_are_normalised() {
        for (text, shown) in [
            ("https://media.example.com", "https://media.example.com"),
            ("https://media.example.com/", "https://media.example.com"),
            ("HTTPS://Media.Example.COM:8443/A/b/", "https://media.example.com:8443/A/b"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.1", "http://127.0.0.1"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
            ("https://xn--mnchen-3ya.example/a%20b", "https://xn--mnchen-3ya.example/a%20b"),
        ] {
            assert_eq!(PublicUrl::parse(text).map(|url| url.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn invalid_public_urls_are_rejected() {
        for (text, part) in [
            ("", "neither an http"),
            ("media.example.com", "neither an http"),
            ("ftp://media.example.com", "neither an http"),
            ("https:/media.example.com", "neither an http"),
            ("https://media.example.com/?a=b", "query"),
            ("https://media.example.com#top", "fragment"),
            ("https://user:secret@media.example.com", "credentials"),
            ("https://", "host"),
            ("https:///media", "host"),
            ("https://:8080", "host"),
            ("https://a b", "host"),
            ("https://a..b", "host"),
            ("https://-a.example", "host"),
            ("https://m\u{fc}nchen.example", "xn--"),
            ("https://300.1.1.1", "host"),
            ("https://10.1", "host"),
            ("https://[::1", "host"),
            ("https://[1.2.3.4]", "host"),
            ("https://a.example:", "port"),
            ("https://a.example:0", "port"),
            ("https://a.example:65536", "port"),
            ("https://a.example:+80", "port"),
            ("https://a.example/../b", "path"),
            ("https://a.example//b", "path"),
            ("https://a.example/.hidden", "path"),
        ] {
            let message = PublicUrl::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn link_is_origin_path_and_version() {
        let url = PublicUrl::parse("https://x.example/media").unwrap();
        let path = AssetPath::from_plain("media/M\u{e4}rz 1.pdf").unwrap();
        assert_eq!(url.link(&path, None), "https://x.example/media/M%C3%A4rz%201.pdf");
        let version = Digest::new([0xab; 32]).version();
        assert_eq!(
            url.link(&path, Some(&version)),
            "https://x.example/media/M%C3%A4rz%201.pdf?v=abababababababab"
        );
        let keys = SigningKeys::parse(&format!("k1:{}=", "A".repeat(43))).unwrap();
        let signature = keys.sign(&path, 1_800_000_000);
        for (version, query) in
            [(Some(&version), format!("?v=abababababababab&{signature}")), (None, format!("?{signature}"))]
        {
            let link = url.signed_link(&path, version, &signature);
            assert_eq!(link, format!("https://x.example/media/M%C3%A4rz%201.pdf{query}"));
            assert!(keys.admit(&path, link.split('?').nth(1), 1_799_999_999));
        }
    }

    #[test]
    fn url_of_a_listening_address_can_be_followed() {
        for (scheme, address, url) in [
            (Scheme::Http, "127.0.0.1:8080", "http://127.0.0.1:8080"),
            (Scheme::Http, "0.0.0.0:80", "http://127.0.0.1:80"),
            (Scheme::Https, "[::]:8080", "https://[::1]:8080"),
            (Scheme::Http, "[2001:db8::1]:1", "http://[2001:db8::1]:1"),
        ] {
            assert_eq!(PublicUrl::of_address(scheme, address.parse().unwrap()).to_string(), url);
        }
        for (port, url) in [(443, "https://media.example"), (8443, "https://media.example:8443")] {
            assert_eq!(PublicUrl::of_name("media.example", port).to_string(), url);
        }
    }

    #[test]
    fn every_mount_must_be_below_the_path_of_the_url() {
        for (url, mounts, culprit) in [
            ("https://x.example", &["", "a"][..], None),
            ("https://x.example/media", &["media", "media/a"], None),
            ("https://x.example/media", &[""], Some("`/`")),
            ("https://x.example/media", &["media", "mediathek"], Some("`/mediathek`")),
            ("https://x.example/media/a", &["media"], Some("`/media`")),
        ] {
            let mounts: Vec<_> = mounts
                .iter()
                .map(|path| Mount {
                    path: (*path).to_owned(),
                    store: Location::Folder(PathBuf::new()),
                    fresh: Duration::ZERO,
                    last_modified: crate::config::LastModified::Content,
                })
                .collect();
            let outcome = PublicUrl::parse(url).unwrap().reject_outside(&mounts);
            match culprit {
                None => assert!(outcome.is_ok(), "{url}"),
                Some(culprit) => {
                    let message = outcome.expect_err(url).to_string();
                    for part in [url, culprit, "path = \"/media", "leave the path out"] {
                        assert!(message.contains(part), "{message}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_its_own_normal_form(text in "(https?://)?[a-zA-Z0-9.:/\\[\\]%_@ -]{0,30}") {
            if let Ok(url) = PublicUrl::parse(&text) {
                prop_assert_eq!(PublicUrl::parse(&url.to_string()), Ok(url));
            }
        }
    }
}
