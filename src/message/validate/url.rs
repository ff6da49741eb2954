//! The syntax of URLs, as strict as WhatsApp is known to be.

/// What of a URL matters here.
pub(super) struct Url<'a> {
    host: &'a str,
    /// After the `?`, without the fragment.
    query: &'a str,
    path: &'a str,
}

/// What is to be said of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remark {
    Wrong(String),
    Doubtful(String),
}

impl Url<'_> {
    /// Whether it leads to where Meta keeps media, as its own examples do.
    pub(super) fn is_metas_own(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        host.starts_with("scontent") && host.ends_with(".whatsapp.net")
    }

    /// Whether it may name a version of what it leads to, as our links do by `v`: whatever the query holds may be one.
    pub(super) fn has_version(&self) -> bool {
        !self.query.is_empty()
    }

    /// What stands after the last dot of the last part of the path, if anything does.
    pub(super) fn extension(&self) -> Option<&str> {
        extension(self.path.rsplit('/').next().unwrap_or_default())
    }
}

/// What stands after the last dot of a file's name, if something stands before it and after it.
pub(super) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

/// Reads an absolute `http` or `https` URL (RFC 3986), and says what is wrong with it or doubtful. `None` where it is
/// too wrong to be read.
pub(super) fn read(text: &str) -> (Option<Url<'_>>, Vec<Remark>) {
    let mut remarks = Vec::new();
    let mut wrong = |reason: &str| remarks.push(Remark::Wrong(reason.to_owned()));
    let Some(rest) = without_scheme(text) else {
        wrong(
            "does not begin with http:// or https://, and WhatsApp takes no other URL; write the whole URL",
        );
        return (None, remarks);
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        wrong("has a space or a control character, which no URL has; write %20 for a space");
    }
    if text.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        wrong("has a character of \"<>\\^`{|} in it, which no URL has; write it with % and two hex digits");
    }
    if text.contains("&amp;") {
        wrong("has &amp;, which is & in HTML; write & alone");
    }
    let mut percents = text.match_indices('%');
    let is_escape = |at: usize| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    if percents.any(|(at, _)| !is_escape(at)) {
        wrong("has a % without two hex digits after it; write %25 for a percent sign");
    }
    let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = split_port(host_and_port);
    if !is_host(host) {
        wrong("has no proper host after its scheme; write a name or an address there");
    }
    if port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()) || port.parse::<u16>().is_err()) {
        wrong("has no proper port; write a number from 1 to 65535, or leave it out with its colon");
    }
    if remarks.is_empty() && !text.is_ascii() {
        let reason = "has letters beyond ASCII, which URLs have in their %-form only; write that to be safe";
        remarks.push(Remark::Doubtful(reason.to_owned()));
    }
    (Some(Url { host, query, path }), remarks)
}

fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(rest)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether this may be a host. Names beyond ASCII are doubtful as all letters beyond ASCII are, not wrong.
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
    fn proper_urls_are_taken() {
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
    fn what_is_no_url_is_refused_with_the_reason() {
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
            let told = |remark: &Remark| matches!(remark, Remark::Wrong(reason) if reason.contains(part));
            assert!(remarks.iter().any(told), "{text}: {remarks:?}");
        }
    }

    #[test]
    fn letters_beyond_ascii_are_a_doubt() {
        for text in ["https://x.example/M\u{e4}rz.pdf", "https://m\u{fc}nchen.example/"] {
            assert!(matches!(&read(text).1[..], [Remark::Doubtful(_)]), "{text}");
        }
    }

    #[test]
    fn metas_own_servers_are_known() {
        for (text, is) in [
            ("https://scontent.whatsapp.net/v/t61.jpg", true),
            ("https://SCONTENT-lhr8-1.whatsapp.net/", true),
            ("https://scontent.whatsapp.net.example/", false),
            ("https://x.example/scontent.whatsapp.net", false),
        ] {
            assert_eq!(read(text).0.expect(text).is_metas_own(), is, "{text}");
        }
    }
}
