//! ACME settings (`[acme]`): the names to obtain a certificate for, the certificate authority, and the folder for keys.
//!
//! Validates values only; the server requests certificates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use hyper::Uri;

use super::raw::Value;
use super::state::default_state;
use super::{ConfigError, PlainServes, PublicUrl, Settings};

/// Let's Encrypt: the default authority, and its staging environment for tests, whose certificates no client trusts.
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// Authorities put no more names into one certificate.
const MOST_DOMAINS: usize = 100;

/// Certificates from a certificate authority, by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names of the certificate, in lower case; at most 100. Default none, which turns ACME off.
    pub domains: Vec<String>,
    /// A mail address for messages from the authority. Default none.
    pub contact: Option<String>,
    /// The authority's directory (RFC 8555 section 7.1.1), an https URL. Default Let's Encrypt's.
    pub directory: String,
    /// The folder for account, keys and certificates, absolute. Default `acme` in the state folder.
    pub state: PathBuf,
    /// A PEM file with the trust roots for the directory's TLS certificate, instead of this machine's. Default none.
    pub ca: Option<PathBuf>,
    /// The challenge types in the order in which they are tried; at least one. Default both, if there is an address for HTTP-01.
    pub challenge: Vec<ChallengeType>,
}

/// A way to prove control of a name to the authority (RFC 8555 section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeType {
    /// In a TLS handshake on port 443 (RFC 8737).
    TlsAlpn01,
    /// In the response to a request on port 80 (RFC 8555 section 8.3).
    Http01,
}

impl ChallengeType {
    /// All types, in the default order.
    pub const ALL: [Self; 2] = [Self::TlsAlpn01, Self::Http01];

    /// Its name in RFCs and in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
        }
    }

    /// The port that the authority connects to, regardless of the port that this server listens on.
    pub fn port(self) -> u16 {
        match self {
            Self::TlsAlpn01 => 443,
            Self::Http01 => 80,
        }
    }
}

impl Acme {
    /// The defaults.
    pub(super) fn defaults() -> Self {
        Self {
            domains: Vec::new(),
            contact: None,
            directory: PRODUCTION.to_owned(),
            state: default_state(&[]).join("acme"),
            ca: None,
            challenge: ChallengeType::ALL.to_vec(),
        }
    }
}

impl Settings {
    /// Sets the defaults that follow from a domain: HTTPS on port 443 and challenges on port 80 of every address, and links to the
    /// first name.
    pub(super) fn complete_for_acme(&mut self) -> Result<(), ConfigError> {
        let wants_http = self.acme.challenge.contains(&ChallengeType::Http01);
        if !self.acme.domains.is_empty() {
            let everywhere = |port| {
                let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                any.map(|ip| SocketAddr::new(ip, port)).to_vec()
            };
            if !self.explicit.has("listen") {
                self.listen = everywhere(443);
                if wants_http && !self.explicit.has("plain_listen") {
                    self.plain_listen = everywhere(80);
                }
            }
            if wants_http && self.plain_listen.is_empty() {
                if self.explicit.has("acme.challenge") {
                    return Err(ConfigError::NowhereForHttp01);
                }
                self.acme.challenge.retain(|kind| *kind != ChallengeType::Http01);
            }
        }
        self.derive();
        Ok(())
    }

    /// Derives unset settings from names and addresses: the public URL, and what is served without TLS.
    pub(super) fn derive(&mut self) {
        if !self.explicit.has("public_url") {
            self.public_url = self.acme.domains.first().map(|first| PublicUrl::of_name(first, 443));
        }
        if !self.explicit.has("plain_serves") {
            let is_for_authorities = !self.plain_listen.is_empty() && !self.explicit.has("plain_listen");
            // An address without TLS that exists only for challenges serves no assets.
            self.plain_serves =
                if is_for_authorities { PlainServes::Challenges } else { PlainServes::Assets };
        }
    }
}

/// Reads `acme.domains`.
pub(super) fn domains(value: &Value) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for item in value.items()? {
        let domain = domain(item).map_err(|reason| format!("`{}` {reason}", item.escape_debug()))?;
        if domains.contains(&domain) {
            return Err(format!("`{domain}` is listed twice; keep one"));
        }
        domains.push(domain);
    }
    match domains.len() {
        0 => Err("the list is empty; write at least one name, such as \"media.example.com\"".to_owned()),
        1..=MOST_DOMAINS => Ok(domains),
        count => Err(format!(
            "has {count} names, but authorities put at most {MOST_DOMAINS} into one certificate; remove some"
        )),
    }
}

fn domain(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("is empty; write a name such as \"media.example.com\"");
    }
    if text.contains('*') {
        return Err(
            "is a wildcard, which needs a DNS-01 challenge, and wamedia does not support DNS-01; name each host",
        );
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err("is an IP address, but certificates are obtained for names only; name the host");
    }
    if !text.is_ascii() {
        return Err("has letters other than a to z; write it in its xn-- form");
    }
    if text.contains([':', '/', '@']) {
        return Err("is more than a host name; leave out scheme, port and path");
    }
    let name = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > 253 || is_number || !name.split('.').all(is_label) {
        return Err("is not a host name; write one such as \"media.example.com\", without a dot at its end");
    }
    if !name.contains('.') {
        return Err("has no dot, so it is not a public name; write one such as \"media.example.com\"");
    }
    Ok(name)
}

/// Reads a mail address; authorities accept only `mailto:` contacts.
pub(super) fn contact(value: &Value) -> Result<Option<String>, String> {
    let text = value.one()?;
    let is_proper = text.bytes().all(|b| b.is_ascii_graphic() && !b",;:?&%<>\"()[]\\".contains(&b))
        && text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.contains('@') && domain(host).is_ok());
    if !is_proper {
        return Err(format!(
            "`{}` is not a mail address; write one such as \"ops@example.com\", without a name or mailto:",
            text.escape_debug()
        ));
    }
    Ok(Some(text.to_owned()))
}

/// Reads the URL of a directory, or a word for one of Let's Encrypt's.
pub(super) fn directory(value: &Value) -> Result<String, String> {
    let text = value.one()?;
    match text {
        "production" => return Ok(PRODUCTION.to_owned()),
        "staging" => return Ok(STAGING.to_owned()),
        _ => {}
    }
    let is_one = |uri: &Uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        uri.scheme_str() == Some("https")
            && !authority.is_empty()
            && !authority.contains('@')
            && !text.contains('#')
    };
    if text.parse().is_ok_and(|uri| is_one(&uri)) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is not the https URL of an ACME directory; write one such as \"https://ca.example.com/acme/directory\", \
         or \"production\" or \"staging\" for Let's Encrypt's",
        // The part before the @ may be a password.
        if text.contains('@') { "…@…".to_owned() } else { text.escape_debug().to_string() }
    ))
}

/// Reads a folder for state, or another path.
pub(super) fn path(value: &Value, base: &Path) -> Result<PathBuf, String> {
    let text = value.one()?;
    if text.contains('\0') {
        return Err("the name has a NUL byte, which no file system allows; remove it".to_owned());
    }
    let path = super::values::absolute(base, text);
    if path.components().next_back() == Some(Component::RootDir) {
        return Err("is the root of the file system; name a folder below it".to_owned());
    }
    Ok(path)
}

/// Reads the challenge types, in the order in which they are tried.
pub(super) fn challenge(value: &Value) -> Result<Vec<ChallengeType>, String> {
    let mut kinds = Vec::new();
    for item in value.items()? {
        let known = ChallengeType::ALL.into_iter().find(|known| known.as_str() == item);
        let kind = known.ok_or_else(|| {
            format!(
                "`{}` is neither \"tls-alpn-01\" (on port 443) nor \"http-01\" (on port 80); write one of them, or both",
                item.escape_debug()
            )
        })?;
        if kinds.contains(&kind) {
            return Err(format!("`{}` is listed twice; keep one", kind.as_str()));
        }
        kinds.push(kind);
    }
    if kinds.is_empty() {
        return Err("the list is empty; write \"tls-alpn-01\", \"http-01\" or both".to_owned());
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        Value::One(text.to_owned())
    }

    #[test]
    fn domains_are_public_host_names() {
        let long = format!("{}.example", "a".repeat(64));
        for (text, part) in [
            ("Media.Example.com", None),
            ("xn--mnchen-3ya.example", None),
            ("a-1.2b.example", None),
            ("", Some("is empty")),
            ("*.example.com", Some("name each host")),
            ("192.0.2.1", Some("IP address")),
            ("[2001:db8::1]", Some("IP address")),
            ("2001:db8::1", Some("IP address")),
            ("m\u{fc}nchen.example", Some("xn--")),
            ("media.example.com:443", Some("leave out scheme, port and path")),
            ("https://media.example.com", Some("leave out scheme")),
            ("media.example.com/", Some("leave out scheme")),
            ("media.example.com.", Some("without a dot")),
            ("media..example", Some("not a host name")),
            ("localhost", Some("has no dot")),
            ("a_b.example", Some("not a host name")),
            ("-a.example", Some("not a host name")),
            ("a b.example", Some("not a host name")),
            ("10.1", Some("not a host name")),
            (&long, Some("not a host name")),
            ("a.example, A.example", Some("listed twice")),
        ] {
            match (domains(&one(text)), part) {
                (Ok(domains), None) => assert_eq!(domains, [text.to_ascii_lowercase()]),
                (Err(message), Some(part)) => assert!(message.contains(part), "{text}: {message}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
        let many = |count| Value::Many((0..count).map(|number| format!("{number}.example")).collect());
        assert_eq!(domains(&many(100)).map(|domains| domains.len()), Ok(100));
        assert!(domains(&many(101)).unwrap_err().contains("101 names"));
        assert!(domains(&many(0)).unwrap_err().contains("the list is empty"));
    }

    #[test]
    fn contacts_are_mail_addresses() {
        assert_eq!(contact(&one("ops@example.com")), Ok(Some("ops@example.com".to_owned())));
        for text in [
            "ops",
            "mailto:ops@example.com",
            "a@b@c.example",
            "@example.com",
            "a b@c.example",
            "a@",
            "a@x,b@y",
        ] {
            assert!(contact(&one(text)).unwrap_err().contains("not a mail address"), "{text}");
        }
    }

    #[test]
    fn directories_are_https_urls() {
        assert_eq!(directory(&one("staging")).as_deref(), Ok(STAGING));
        assert_eq!(directory(&one("production")).as_deref(), Ok(PRODUCTION));
        let own = "https://ca.example:14000/dir";
        assert_eq!(directory(&one(own)).as_deref(), Ok(own));
        for text in
            ["stageing", "http://ca.example/dir", "https://", "https://u:geheim@ca.example/", "https://a b"]
        {
            let message = directory(&one(text)).unwrap_err();
            assert!(message.contains("not the https URL") && !message.contains("geheim"), "{message}");
        }
    }
}
