//! URL parser, as strict as WhatsApp's API.

use std::fmt;

/// The parts of an absolute `http` or `https` URL, undecoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// Whether the scheme is `https`.
    pub(crate) is_https: bool,
    /// User name and password, before the `@`.
    pub(crate) user_info: Option<&'a str>,
    /// A host name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: &'a str,
    /// The port, if there is a valid one.
    pub(crate) port: Option<u16>,
    /// Path with its leading slash; may be empty.
    pub(crate) path: &'a str,
    /// Query, after the `?`.
    pub(crate) query: &'a str,
    /// Fragment, after the `#`.
    pub(crate) fragment: Option<&'a str>,
}

/// Maximum length in bytes, more than twice what servers should support (RFC 9110 section 4.1).
const MAX_LENGTH: usize = 20_000;

/// A problem of a URL. Displays as its reason and fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remark {
    /// It is not an `http` or `https` URL.
    Scheme,
    /// It has a space or a control character.
    Space,
    /// It has another character that is not valid in a URL.
    Character,
    /// It has `&amp;`.
    Ampersand,
    /// It has a `%` that is not followed by two hex digits.
    Percent,
    /// It has no valid host.
    Host,
    /// Its host has non-ASCII letters.
    HostNotAscii,
    /// Its port is not valid.
    Port,
    /// It is longer than [`MAX_LENGTH`].
    Length,
    /// It has non-ASCII letters elsewhere.
    NotAscii,
}

impl Remark {
    /// Whether WhatsApp rejects the URL for it, or only may.
    pub(crate) fn is_refused(self) -> bool {
        self != Self::NotAscii
    }

    /// Whether no request can be made for such a URL.
    pub(crate) fn has_no_valid_host(self) -> bool {
        matches!(self, Self::Scheme | Self::Host | Self::HostNotAscii | Self::Port | Self::Length)
    }

    /// The problem, as a predicate: `has a space …`.
    pub(crate) fn reason(self) -> &'static str {
        self.words().0
    }

    /// The fix.
    pub(crate) fn fix(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Scheme => (
                "does not begin with http:// or https://, and WhatsApp accepts no other URLs",
                "write the whole URL",
            ),
            Self::Space => {
                ("has a space or a control character, which is not valid in a URL", "write %20 for a space")
            }
            Self::Character => (
                "has one of the characters \"<>\\^`{|}, which are not valid in a URL",
                "percent-encode it: % and two hex digits",
            ),
            Self::Ampersand => ("has &amp;, which means & only in HTML", "write & alone"),
            Self::Percent => ("has a % without two hex digits after it", "write %25 for a percent sign"),
            Self::Host => ("has no valid host after the scheme", "write a host name or an IP address there"),
            Self::HostNotAscii => (
                "has non-ASCII letters in its host, which are not valid in a URL",
                "write the host in its Punycode form, as in DNS, which begins with xn--",
            ),
            Self::Port => {
                ("has no valid port", "write a number from 1 to 65535, or remove the port and its colon")
            }
            Self::Length => {
                ("has more than 20,000 bytes, and servers accept far fewer", "shorten it to 2048 bytes")
            }
            Self::NotAscii => (
                "has non-ASCII letters, which must be percent-encoded in a URL",
                "percent-encode them to be safe",
            ),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason(), self.fix())
    }
}

impl Url<'_> {
    /// Whether it points to Meta's own media storage: samples of templates, and media from customers.
    pub(crate) fn is_metas_own(&self) -> bool {
        is_metas_own(&self.host.to_ascii_lowercase())
    }

    /// Whether it may name a version, as `v` does in links of `wamedia`: any query may.
    pub(crate) fn has_version(&self) -> bool {
        !self.query.is_empty()
    }

    /// The extension of the last path segment, if it has one.
    pub(crate) fn extension(&self) -> Option<&str> {
        extension(self.path.rsplit('/').next().unwrap_or_default())
    }
}

/// Whether this lower-case host is Meta's own media storage. Links to it are for display; Meta's fetcher gets no response from them.
pub(crate) fn is_metas_own(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_of_cdn =
        host.starts_with("scontent") && (host.ends_with(".whatsapp.net") || host.ends_with(".fbcdn.net"));
    is_of_cdn || matches!(host, "mmg.whatsapp.net" | "lookaside.whatsapp.net" | "lookaside.fbsbx.com")
}

/// The extension of a file name, if there is text before and after its last dot.
pub(crate) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

/// Parses an absolute `http` or `https` URL (RFC 3986) and reports its problems. `None` if it cannot be parsed.
pub(crate) fn read(text: &str) -> (Option<Url<'_>>, Vec<Remark>) {
    let Some((is_https, rest)) = without_scheme(text) else { return (None, vec![Remark::Scheme]) };
    let mut remarks = Vec::new();
    let mut note = |is_so: bool, remark| remarks.extend(is_so.then_some(remark));
    note(text.contains(|c: char| c.is_whitespace() || c.is_control()), Remark::Space);
    note(text.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']), Remark::Character);
    note(text.contains("&amp;"), Remark::Ampersand);
    let mut percents = text.match_indices('%');
    let is_escape = |at: usize| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    note(percents.any(|(at, _)| !is_escape(at)), Remark::Percent);
    let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, after)| (rest, Some(after)));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user_info, host_and_port) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = split_port(host_and_port);
    note(!is_host(host), Remark::Host);
    note(is_host(host) && !host.is_ascii(), Remark::HostNotAscii);
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    note(port.is_some_and(|port| !is_port(port)), Remark::Port);
    note(text.len() > MAX_LENGTH, Remark::Length);
    if remarks.is_empty() && !text.is_ascii() {
        remarks.push(Remark::NotAscii);
    }
    let port = port.and_then(|port| port.parse().ok());
    (Some(Url { is_https, user_info, host, port, path, query, fragment }), remarks)
}

/// Whether the scheme is `https`, and the rest of the URL.
fn without_scheme(text: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_https = scheme.eq_ignore_ascii_case("https");
    (is_https || scheme.eq_ignore_ascii_case("http")).then_some((is_https, rest))
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether this is a valid host, apart from non-ASCII letters.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || !c.is_ascii())
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_urls_have_no_problems() {
        for (text, has_version, extension) in [
            ("https://media.example.com/a.jpg?v=0123456789abcdef", true, Some("jpg")),
            ("HTTP://x/a.b/c?w=1&v=2#top", true, None),
            ("https://x.example./?t=20261121", true, None),
            ("https://x.example/?", false, None),
            ("http://127.0.0.1:8080/voice.OGG", false, Some("OGG")),
            ("http://[::1]:8080/.hidden", false, None),
            ("https://IMAGE_URL", false, None),
            ("https://user:secret@x.example/a%20b.pdf", false, Some("pdf")),
        ] {
            let (url, remarks) = read(text);
            assert_eq!(remarks, [], "{text}");
            let url = url.expect(text);
            assert_eq!((url.has_version(), url.extension()), (has_version, extension), "{text}");
        }
    }

    #[test]
    fn malformed_urls_are_rejected_with_the_reason() {
        for (text, part) in [
            ("", "begin with http"),
            ("media.example.com/a.jpg", "begin with http"),
            ("ftp://media.example.com/a.jpg", "begin with http"),
            ("http(s)://the-url", "begin with http"),
            ("https:/x.example", "begin with http"),
            ("https://", "host"),
            ("https:///a.jpg", "host"),
            ("https://a..b/", "host"),
            ("https://[::1/", "host"),
            ("https://x.example:99999/", "port"),
            ("https://x.example:/", "port"),
            ("https://x.example/a b.jpg", "space"),
            ("https://x.example/a\n", "space"),
            ("https://x.example/<a>", "two hex digits"),
            ("https://x.example/?a=1&amp;b=2", "&amp;"),
            ("https://x.example/100%", "%25"),
        ] {
            let (_, remarks) = read(text);
            let matches = |remark: &Remark| remark.is_refused() && remark.to_string().contains(part);
            assert!(remarks.iter().any(matches), "{text}: {remarks:?}");
        }
    }

    #[test]
    fn non_ascii_letters_are_doubtful_and_in_a_host_rejected() {
        assert_eq!(read("https://x.example/M\u{e4}rz.pdf").1, [Remark::NotAscii]);
        assert_eq!(read("https://m\u{fc}nchen.example/").1, [Remark::HostNotAscii]);
        let long = |len| format!("https://x.example/{}", "a".repeat(len - 18));
        assert_eq!(read(&long(MAX_LENGTH)).1, []);
        assert_eq!(read(&long(MAX_LENGTH + 1)).1, [Remark::Length]);
    }

    #[test]
    fn metas_own_hosts_are_recognised() {
        for (text, is) in [
            ("https://scontent.whatsapp.net/v/t61.jpg", true),
            ("https://SCONTENT-lhr8-1.whatsapp.net/", true),
            ("https://scontent.xx.fbcdn.net/v/t61.jpg", true),
            ("https://lookaside.fbsbx.com./whatsapp_business/attachments/?mid=1", true),
            ("https://mmg.whatsapp.net/d/f/a.enc", true),
            ("https://lookaside.example.com/a.jpg", false),
            ("https://scontent.whatsapp.net.example/", false),
            ("https://x.example/scontent.whatsapp.net", false),
        ] {
            assert_eq!(read(text).0.expect(text).is_metas_own(), is, "{text}");
        }
    }
}
