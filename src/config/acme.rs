//! Certificates that the server gets by itself: for which names, from whom, and where they are kept (`[acme]`).
//!
//! What a value may be is decided here; the asking is the server's.

use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use hyper::Uri;

use super::mount::{Location, Mount};
use super::raw::Value;
use super::{ConfigError, PlainServes, PublicUrl, Settings};

/// Let's Encrypt: who is asked where nobody else is named, and the stand-in to try things out with, whose certificates no client
/// trusts.
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// More names than that no authority puts into one certificate.
const MOST_DOMAINS: usize = 100;

/// Certificates from a certificate authority, by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names that one certificate is got for, in lower case; at most 100. Default none, and then nobody is asked.
    pub domains: Vec<String>,
    /// A mail address that the authority may write to. Default none.
    pub contact: Option<String>,
    /// The authority's directory (RFC 8555 section 7.1.1), an https URL. Default Let's Encrypt's.
    pub directory: String,
    /// The folder that account, keys and certificates are kept in, absolute; see [`default_state`] for where.
    pub state: PathBuf,
    /// A PEM file with the certificates that vouch for the directory's own, instead of those that this machine trusts. Default
    /// none.
    pub ca: Option<PathBuf>,
    /// How it is shown that the names are this server's; the next one where one has failed. At least one. Default both, if there is
    /// an address for HTTP-01.
    pub challenge: Vec<ChallengeType>,
}

/// A way to show that a name leads to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeType {
    /// In a TLS handshake on port 443 (RFC 8737).
    TlsAlpn01,
    /// In the answer to a request on port 80 (RFC 8555 section 8.3).
    Http01,
}

impl ChallengeType {
    /// All of them, the one to try first in front.
    pub const ALL: [Self; 2] = [Self::TlsAlpn01, Self::Http01];

    /// As RFCs and configurations call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
        }
    }

    /// Where the authority comes to look, whatever port this server listens on.
    pub fn port(self) -> u16 {
        match self {
            Self::TlsAlpn01 => 443,
            Self::Http01 => 80,
        }
    }
}

impl Acme {
    /// What holds where the operator says nothing.
    pub(super) fn defaults() -> Self {
        Self {
            domains: Vec::new(),
            contact: None,
            directory: PRODUCTION.to_owned(),
            state: default_state(&[]),
            ca: None,
            challenge: ChallengeType::ALL.to_vec(),
        }
    }

    /// Refuses to keep keys where a mount would serve them.
    pub(super) fn refuse_served_state(&self, mounts: &[Mount]) -> Result<(), ConfigError> {
        let state = real(&self.state);
        let serves = |mount: &&Mount| match &mount.store {
            // What lies below a name with a dot in front is not served.
            Location::Folder(folder) => state.strip_prefix(real(folder)).is_ok_and(|rest| {
                !rest.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
            }),
            Location::Bucket(_) => false,
        };
        match mounts.iter().find(serves) {
            Some(mount) if !self.domains.is_empty() => {
                Err(ConfigError::StateServed { state: self.state.clone(), store: mount.store.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// The path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|there| Some(fs::canonicalize(there).ok()?.join(path.strip_prefix(there).ok()?)))
        .unwrap_or_else(|| path.to_owned())
}

/// Where state is kept if nobody says where: in systemd's `STATE_DIRECTORY`, else in `wamedia` below `XDG_STATE_HOME`, below
/// `~/.local/state` or below `/var/lib`; there in a folder of its own, `acme`.
pub(super) fn default_state(environment: &[(OsString, OsString)]) -> PathBuf {
    let folder = |name: &str| {
        let (_, value) = environment.iter().find(|(known, _)| known == name)?;
        // systemd names several with colons between them.
        let first = value.to_str()?.split(':').next()?;
        Some(PathBuf::from(first)).filter(|path| path.is_absolute())
    };
    let home = || Some(folder("HOME")?.join(".local/state"));
    let own = || folder("XDG_STATE_HOME").or_else(home).unwrap_or_else(|| "/var/lib".into()).join("wamedia");
    folder("STATE_DIRECTORY").unwrap_or_else(own).join("acme")
}

impl Settings {
    /// Fills in what naming a domain means where nobody says otherwise: HTTPS on port 443 and challenges on port 80 of every
    /// address, and links to the first name.
    pub(super) fn complete_for_acme(&mut self) -> Result<(), ConfigError> {
        let wants_http = self.acme.challenge.contains(&ChallengeType::Http01);
        if !self.acme.domains.is_empty() {
            let everywhere = |port| {
                let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                any.map(|ip| SocketAddr::new(ip, port)).to_vec()
            };
            if !self.said.has("listen") {
                self.listen = everywhere(443);
                if wants_http && !self.said.has("plain_listen") {
                    self.plain_listen = everywhere(80);
                }
            }
            if wants_http && self.plain_listen.is_empty() {
                if self.said.has("acme.challenge") {
                    return Err(ConfigError::NowhereForHttp01);
                }
                self.acme.challenge.retain(|kind| *kind != ChallengeType::Http01);
            }
        }
        self.derive();
        Ok(())
    }

    /// Has what nobody has said follow from names and addresses: where links lead, and what is served in the clear.
    pub(super) fn derive(&mut self) {
        if !self.said.has("public_url") {
            self.public_url = self.acme.domains.first().map(|first| PublicUrl::of_name(first, 443));
        }
        if !self.said.has("plain_serves") {
            let is_for_authorities = !self.plain_listen.is_empty() && !self.said.has("plain_listen");
            // Nobody has asked for assets in the clear.
            self.plain_serves =
                if is_for_authorities { PlainServes::Challenges } else { PlainServes::Assets };
        }
    }
}

/// Names that can be shown to be this server's.
pub(super) fn domains(value: &Value) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for item in value.items()? {
        let domain = domain(item).map_err(|reason| format!("`{}` {reason}", item.escape_debug()))?;
        if domains.contains(&domain) {
            return Err(format!("`{domain}` stands twice; keep one"));
        }
        domains.push(domain);
    }
    match domains.len() {
        0 => Err("no name is named; write at least one, such as \"media.example.com\"".to_owned()),
        1..=MOST_DOMAINS => Ok(domains),
        count => Err(format!(
            "names {count} hosts, and no authority puts more than {MOST_DOMAINS} into one certificate; leave some out"
        )),
    }
}

fn domain(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("is no name; write one such as \"media.example.com\"");
    }
    if text.contains('*') {
        return Err(
            "stands for many names, which can only be shown to be yours by DNS-01, and wamedia does not speak that; \
                    name each host",
        );
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err("is an IP address, and only a name can be shown to be yours; name the host");
    }
    if !text.is_ascii() {
        return Err("has other letters than a to z; write it in its xn-- form");
    }
    if text.contains([':', '/', '@']) {
        return Err("is more than a name; leave out scheme, port and path");
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
        return Err("is no host's name; write one such as \"media.example.com\", without a dot at its end");
    }
    if !name.contains('.') {
        return Err(
            "has no dot, and such a name leads nowhere but in one network; write one such as \"media.example.com\"",
        );
    }
    Ok(name)
}

/// A mail address, which authorities take as `mailto:` alone.
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

/// The URL of a directory, or a word for one of Let's Encrypt's.
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
        // A password would stand before the @.
        if text.contains('@') { "…@…".to_owned() } else { text.escape_debug().to_string() }
    ))
}

/// The folder for state, or another single path.
pub(super) fn path(value: &Value, base: &Path) -> Result<PathBuf, String> {
    let text = value.one()?;
    if text.contains('\0') {
        return Err("the name holds a NUL, which no file system takes; leave it out".to_owned());
    }
    let path = super::values::absolute(base, text);
    if path.components().next_back() == Some(Component::RootDir) {
        return Err("is the root of the file system; name a folder below it".to_owned());
    }
    Ok(path)
}

/// Ways to show that a name is this server's, in the order in which they are tried.
pub(super) fn challenge(value: &Value) -> Result<Vec<ChallengeType>, String> {
    let mut kinds = Vec::new();
    for item in value.items()? {
        let known = ChallengeType::ALL.into_iter().find(|known| known.as_str() == item);
        let kind = known.ok_or_else(|| {
            format!(
                "`{}` is neither \"tls-alpn-01\" (shown on port 443) nor \"http-01\" (shown on port 80); write one of them, or both",
                item.escape_debug()
            )
        })?;
        if kinds.contains(&kind) {
            return Err(format!("`{}` stands twice; keep one", kind.as_str()));
        }
        kinds.push(kind);
    }
    if kinds.is_empty() {
        return Err("names no challenge; write \"tls-alpn-01\", \"http-01\" or both".to_owned());
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
    fn names_are_hosts_that_can_prove_themselves() {
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
            ("media..example", Some("no host's name")),
            ("localhost", Some("has no dot")),
            ("a_b.example", Some("no host's name")),
            ("-a.example", Some("no host's name")),
            ("a b.example", Some("no host's name")),
            ("10.1", Some("no host's name")),
            (&long, Some("no host's name")),
            ("a.example, A.example", Some("stands twice")),
        ] {
            match (domains(&one(text)), part) {
                (Ok(domains), None) => assert_eq!(domains, [text.to_ascii_lowercase()]),
                (Err(message), Some(part)) => assert!(message.contains(part), "{text}: {message}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
        let many = |count| Value::Many((0..count).map(|number| format!("{number}.example")).collect());
        assert_eq!(domains(&many(100)).map(|domains| domains.len()), Ok(100));
        assert!(domains(&many(101)).unwrap_err().contains("101 hosts"));
        assert!(domains(&many(0)).unwrap_err().contains("no name is named"));
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

    #[test]
    fn state_has_a_place_of_its_own() {
        for (environment, expected) in [
            (&[][..], "/var/lib/wamedia/acme"),
            (&[("HOME", "/home/a")], "/home/a/.local/state/wamedia/acme"),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/x")], "/x/wamedia/acme"),
            (&[("HOME", "relative"), ("XDG_STATE_HOME", "")], "/var/lib/wamedia/acme"),
            (&[("STATE_DIRECTORY", "/var/lib/m:/var/lib/n"), ("HOME", "/home/a")], "/var/lib/m/acme"),
        ] {
            let environment: Vec<_> = environment
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value)))
                .collect();
            assert_eq!(default_state(&environment), Path::new(expected));
        }
    }
}
