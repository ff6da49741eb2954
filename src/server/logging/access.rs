//! Access log: one line a request, as text or as JSON.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_seconds;
use hyper::{Method, StatusCode, Version};

use crate::config::UNIX_PREFIX;
use crate::escape::is_printable;
use crate::http::{Link, without_signatures};
use crate::server::limit::client_identity::is_unix_peer;
use crate::server::request::record::{LogFields, Record, RequestHead};
use crate::whatsapp;

/// One line, not formatted yet.
///
/// It copies what the [`Record`] shares. The request line shares the buffer of the whole head, which must not outlive the request,
/// as lines may wait long. The policy shares its asset's response headers, whose reference count must not be written by one more
/// thread for every request.
#[derive(Debug)]
pub(in crate::server) struct AccessLine {
    /// Address of the connection's peer.
    peer: SocketAddr,
    /// The client behind a trusted proxy.
    forwarded_for: Option<IpAddr>,
    started: Instant,
    first_byte: Option<Duration>,
    duration: Duration,
    /// `None` if the head of the request could not be parsed.
    request: Option<RequestLine>,
    user_agent: Option<Box<[u8]>>,
    status: Option<StatusCode>,
    link: Option<Link>,
    policy: Option<Box<str>>,
    length: u64,
    sent: u64,
    completed: bool,
}

/// Bytes of a user agent that are logged: known ones are shorter, and a client may send as many as fit into a head.
const MAX_USER_AGENT: usize = 512;

/// The request line.
#[derive(Debug)]
struct RequestLine {
    method: Method,
    /// Path and query, as received.
    target: Box<str>,
    path_len: usize,
    version: Version,
}

impl RequestLine {
    fn of(head: RequestHead) -> Self {
        let (path, query) = (head.uri.path(), head.uri.query());
        Self {
            target: query.map_or_else(|| path.into(), |query| [path, query].join("?").into()),
            path_len: path.len(),
            method: head.method,
            version: head.version,
        }
    }

    fn path(&self) -> &str {
        &self.target[..self.path_len]
    }

    fn query(&self) -> Option<&str> {
        self.target[self.path_len..].strip_prefix('?')
    }
}

impl AccessLine {
    /// The line for a request; `None` if the access log is off.
    pub(in crate::server) fn of(peer: SocketAddr, record: Box<Record>) -> Option<Self> {
        let Record { logged, .. } = *record;
        let LogFields { head, forwarded_for, link, policy } = logged?;
        let agent = head.as_ref().and_then(|head| head.user_agent.as_ref());
        Some(Self {
            peer,
            forwarded_for,
            started: record.started,
            first_byte: record.first_byte.map(|moment| moment.saturating_duration_since(record.started)),
            duration: record.ended.saturating_duration_since(record.started),
            user_agent: agent.map(|agent| agent.as_bytes()[..agent.len().min(MAX_USER_AGENT)].into()),
            request: head.map(RequestLine::of),
            status: record.status,
            link,
            policy: policy.and_then(|policy| policy.to_str().ok().map(Into::into)),
            length: record.length,
            sent: record.sent,
            completed: record.completed,
        })
    }

    /// Heap bytes that it holds.
    pub(in crate::server) fn weight(&self) -> usize {
        self.request.as_ref().map_or(0, |request| request.target.len() + request.method.as_str().len())
            + self.user_agent.as_ref().map_or(0, |agent| agent.len())
            + self.policy.as_ref().map_or(0, |policy| policy.len())
    }

    /// `TIME CLIENT "METHOD TARGET VERSION" STATUS SENT/LENGTH FIRST/WHOLE OUTCOME LINK "POLICY" "USER AGENT"`, followed by `fetcher`
    /// if the user agent is one of Meta's. FIRST is the time to the first byte, LINK `plain`, `current` or `other`. What is missing is
    /// `-`, and so is the whole request line if the head could not be parsed.
    pub(in crate::server) fn text(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        clock.write(self.started, out);
        out.push(b' ');
        self.client(out);
        match &self.request {
            Some(request) => {
                let _ = write!(out, " \"{} ", request.method);
                escape(&without_signatures(&request.target), out);
                let _ = write!(out, " {:?}\" ", request.version);
            }
            None => out.extend_from_slice(b" \"-\" "),
        }
        match self.status {
            Some(status) => drop(write!(out, "{}", status.as_u16())),
            None => out.push(b'-'),
        }
        let _ = write!(out, " {}/{} ", self.sent, self.length);
        match self.first_byte {
            Some(first_byte) => drop(write!(out, "{:.1}", milliseconds(first_byte))),
            None => out.push(b'-'),
        }
        let (whole, outcome, link) =
            (milliseconds(self.duration), self.outcome(), self.link().unwrap_or("-"));
        let _ = write!(out, "/{whole:.1}ms {outcome} {link} \"");
        escape(self.policy.as_deref().unwrap_or("-"), out);
        out.extend_from_slice(b"\" \"");
        escape(&without_signatures(&self.user_agent()), out);
        out.extend_from_slice(if self.is_fetcher() { b"\" fetcher\n" } else { b"\"\n" });
    }

    /// One JSON object: `time`, `client`, `peer`, `method`, `path`, `query`, `version`, `status`, `sent`, `length`,
    /// `first_byte_us`, `duration_us`, `outcome`, `link`, `cache_control`, `user_agent`, `fetcher`. What is missing is null. `client` is
    /// the client, `peer` the connection's peer: the same, or a trusted proxy. `link` is `plain`, `current` (its `v` names the version
    /// that was sent) or `other`; `fetcher` says whether the user agent is one of Meta's.
    pub(in crate::server) fn json(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        clock.write(self.started, out);
        out.extend_from_slice(b"\",\"client\":\"");
        self.client(out);
        out.extend_from_slice(b"\",\"peer\":\"");
        self.peer(out);
        out.extend_from_slice(b"\",\"method\":");
        match &self.request {
            Some(request) => {
                json_string(request.method.as_str(), out);
                out.extend_from_slice(b",\"path\":");
                json_string(&without_signatures(request.path()), out);
                out.extend_from_slice(b",\"query\":");
                json_optional(request.query().map(without_signatures).as_deref(), out);
                let _ = write!(out, ",\"version\":\"{:?}\",\"status\":", request.version);
            }
            None => {
                out.extend_from_slice(b"null,\"path\":null,\"query\":null,\"version\":null,\"status\":");
            }
        }
        match self.status {
            Some(status) => out.extend_from_slice(status.as_str().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b",\"sent\":");
        out.extend_from_slice(digits.format(self.sent).as_bytes());
        out.extend_from_slice(b",\"length\":");
        out.extend_from_slice(digits.format(self.length).as_bytes());
        out.extend_from_slice(b",\"first_byte_us\":");
        match self.first_byte {
            Some(first_byte) => out.extend_from_slice(digits.format(microseconds(first_byte)).as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"duration_us\":");
        out.extend_from_slice(digits.format(microseconds(self.duration)).as_bytes());
        out.extend_from_slice(b",\"outcome\":\"");
        out.extend_from_slice(self.outcome().as_bytes());
        out.extend_from_slice(b"\",\"link\":");
        json_optional(self.link(), out);
        out.extend_from_slice(b",\"cache_control\":");
        json_optional(self.policy.as_deref(), out);
        out.extend_from_slice(b",\"user_agent\":");
        let user_agent = self.user_agent.as_ref().map(|_| self.user_agent());
        json_optional(user_agent.as_deref().map(without_signatures).as_deref(), out);
        out.extend_from_slice(if self.is_fetcher() {
            b",\"fetcher\":true}\n"
        } else {
            b",\"fetcher\":false}\n"
        });
    }

    /// The client's address, with its port unless it is behind a proxy, which does not pass the port on.
    fn client(&self, out: &mut Vec<u8>) {
        match self.forwarded_for {
            Some(client) => drop(write!(out, "{client}")),
            None => self.peer(out),
        }
    }

    /// The peer's address with its port; `unix:` on a Unix socket.
    fn peer(&self, out: &mut Vec<u8>) {
        if is_unix_peer(self.peer.ip()) {
            out.extend_from_slice(UNIX_PREFIX.as_bytes());
        } else {
            let _ = write!(out, "{}", self.peer);
        }
    }

    /// Which version the link names.
    fn link(&self) -> Option<&'static str> {
        Some(match self.link? {
            Link::Unversioned => "plain",
            Link::Current => "current",
            Link::Unrecognised => "other",
        })
    }

    fn is_fetcher(&self) -> bool {
        self.user_agent.as_deref().is_some_and(whatsapp::is_fetcher)
    }

    fn outcome(&self) -> &'static str {
        if self.completed { "completed" } else { "cut" }
    }

    fn user_agent(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.user_agent.as_deref().unwrap_or_default())
    }
}

fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn milliseconds(time: Duration) -> f64 {
    f64::from(microseconds(time)) / 1000.0
}

/// Converts instants to dates. The monotonic clock, which every request reads, has no date, and most lines have the same second as
/// the line before.
#[derive(Debug)]
pub(in crate::server) struct Clock {
    instant: Instant,
    system: SystemTime,
    /// The second that was formatted last, since 1970, and its text.
    second: u64,
    written: String,
}

impl Clock {
    /// A clock for the next batch of lines: reads both of its sources now.
    pub(in crate::server) fn now() -> Self {
        Self { instant: Instant::now(), system: SystemTime::now(), second: u64::MAX, written: String::new() }
    }

    /// Writes `moment` in RFC 3339 format, with milliseconds.
    fn write(&mut self, moment: Instant, out: &mut Vec<u8>) {
        let ago = self.instant.saturating_duration_since(moment);
        let time = self.system.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            self.written = format_rfc3339_seconds(time).to_string();
        }
        let millis = 1000 + since.subsec_millis();
        out.extend_from_slice(self.written.trim_end_matches('Z').as_bytes());
        out.push(b'.');
        out.extend_from_slice(&itoa::Buffer::new().format(millis).as_bytes()[1..]);
        out.push(b'Z');
    }
}

/// Escapes text, so that no client can forge a line, confuse a terminal, or hide something from a reader.
fn escape(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        if c == '"' || c == '\\' {
            out.push(b'\\');
        }
        if is_printable(c) {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            let _ = write!(out, "{}", c.escape_default());
        }
    }
}

fn json_optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => json_string(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A JSON string (RFC 8259 section 7). For terminals, it escapes more than JSON requires.
fn json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let is_plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if text.bytes().fold(true, |plain, b| plain & is_plain(b)) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for c in text.chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                c if is_printable(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::header::HeaderValue;

    fn line(user_agent: Option<&[u8]>, status: Option<u16>) -> AccessLine {
        AccessLine::of("[::1]:80".parse().expect("an address"), record(user_agent, status))
            .expect("it is logged")
    }

    fn record(user_agent: Option<&[u8]>, status: Option<u16>) -> Box<Record> {
        let started = Instant::now();
        Box::new(Record {
            started,
            first_byte: status.map(|_| started + Duration::from_micros(300)),
            ended: started + Duration::from_micros(1500),
            status: status.map(|status| StatusCode::from_u16(status).expect("a status")),
            mount: None,
            logged: Some(LogFields {
                head: Some(RequestHead {
                    method: Method::GET,
                    uri: "/a%22b?v=0'1".parse().expect("a URI"),
                    version: Version::HTTP_11,
                    user_agent: user_agent.map(|agent| HeaderValue::from_bytes(agent).expect("a value")),
                }),
                forwarded_for: None,
                link: status.map(|_| Link::Current),
                policy: status.map(|_| HeaderValue::from_static("max-age=60")),
            }),
            length: 10,
            sent: 4,
            completed: false,
            is_flushed: false,
            written_before: 0,
            head_len: 0,
        })
    }

    fn written(format: impl Fn(&AccessLine, &mut Clock, &mut Vec<u8>), line: &AccessLine) -> String {
        let mut out = Vec::new();
        format(line, &mut Clock::now(), &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        // After the time.
        text.split_once("[::1]").expect("the client").1.to_owned()
    }

    #[test]
    fn a_line_shares_nothing_with_client_or_asset() {
        let ready = Bytes::copy_from_slice(b"max-age=60");
        let mut record = record(None, Some(200));
        let policy = HeaderValue::from_maybe_shared(ready.clone()).expect("a value");
        record.logged.as_mut().expect("it is logged").policy = Some(policy);
        assert!(!ready.is_unique());
        let line = AccessLine::of("[::1]:80".parse().expect("an address"), record).expect("it is logged");
        assert!(ready.is_unique());
        assert_eq!(line.policy.as_deref(), Some("max-age=60"));
    }

    #[test]
    fn a_request_that_is_only_counted_has_no_line() {
        let counted = Box::new(Record { logged: None, ..*record(None, Some(200)) });
        assert!(AccessLine::of("[::1]:80".parse().expect("an address"), counted).is_none());
    }

    #[test]
    fn instants_become_dates_with_milliseconds() {
        let mut clock = Clock::now();
        clock.system = SystemTime::UNIX_EPOCH + Duration::from_millis(1_784_111_777_005);
        let mut date = |ago| {
            let mut out = Vec::new();
            clock.write(clock.instant.checked_sub(Duration::from_millis(ago)).expect("a moment"), &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(date(0), "2026-07-15T10:36:17.005Z");
        assert_eq!(date(4), "2026-07-15T10:36:17.001Z");
        assert_eq!(date(6), "2026-07-15T10:36:16.999Z");
    }

    #[test]
    fn text_lines_cannot_be_forged() {
        let text =
            written(AccessLine::text, &line(Some("a\"\\\u{9b}\u{202e}\t\u{fffd}".as_bytes()), Some(206)));
        let expected = ":80 \"GET /a%22b?v=0'1 HTTP/1.1\" 206 4/10 0.3/1.5ms cut current \"max-age=60\" \"a\\\"\\\\\\u{9b}\\u{202e}\\t\u{fffd}\"\n";
        assert_eq!(text, expected);
        assert!(
            written(AccessLine::text, &line(None, None)).contains("\" - 4/10 -/1.5ms cut - \"-\" \"\"\n")
        );
    }

    #[test]
    fn a_client_behind_a_proxy_is_logged_instead_of_the_proxy() {
        let line = AccessLine {
            forwarded_for: Some("192.0.2.1".parse().expect("an address")),
            ..line(None, Some(206))
        };
        let mut out = Vec::new();
        line.text(&mut Clock::now(), &mut out);
        line.json(&mut Clock::now(), &mut out);
        let lines = String::from_utf8(out).expect("UTF-8");
        assert!(lines.contains("Z 192.0.2.1 \"GET "), "{lines}");
        assert!(lines.contains(r#""client":"192.0.2.1","peer":"[::1]:80","method""#), "{lines}");
    }

    #[test]
    fn json_lines_are_json_whatever_the_client_sends() {
        let json =
            written(AccessLine::json, &line(Some("a\"\\\t\u{202e}\u{e0001}\u{fffd}".as_bytes()), Some(206)));
        assert!(
            json.contains(r#""path":"/a%22b","query":"v=0'1","version":"HTTP/1.1","status":206,"#),
            "{json}"
        );
        assert!(
            json.ends_with(
                "\"user_agent\":\"a\\\"\\\\\\u0009\\u202e\\udb40\\udc01\u{fffd}\",\"fetcher\":false}\n"
            ),
            "{json}"
        );
        let json = written(AccessLine::json, &line(None, None));
        assert!(
            json.contains("\"status\":null") && json.ends_with("\"user_agent\":null,\"fetcher\":false}\n"),
            "{json}"
        );
    }
}
