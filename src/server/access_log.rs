//! What is told of each request: one line, as text for people or as JSON for programs.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use humantime::format_rfc3339_seconds;
use hyper::{Method, StatusCode, Version};

use super::exchange::Record;
use super::log_writer::{LogWriter, Message};

/// Where requests are told of, if anywhere.
#[derive(Debug, Clone)]
pub struct AccessLog(Option<LogWriter>);

/// One line, not yet formatted.
///
/// What the client wrote is copied. In the [`Record`] it shares the buffer of the whole head, which must not outlive the
/// exchange: lines may have to wait long.
#[derive(Debug)]
pub(super) struct Line {
    client: SocketAddr,
    began: Instant,
    duration: Duration,
    method: Method,
    /// Path and query, as they came.
    target: Box<str>,
    path_len: usize,
    version: Version,
    user_agent: Option<Box<[u8]>>,
    status: Option<StatusCode>,
    meant: u64,
    sent: u64,
    completed: bool,
}

impl AccessLog {
    /// Tells `writer` of every request; nobody without one.
    pub fn new(writer: Option<LogWriter>) -> Self {
        Self(writer)
    }

    /// Whether anybody is told.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn tell(&self, client: SocketAddr, record: Box<Record>) {
        if let Some(writer) = &self.0 {
            writer.put(Message::Access(Line::new(client, record)));
        }
    }
}

impl Line {
    fn new(client: SocketAddr, record: Box<Record>) -> Self {
        let (path, query) = (record.uri.path(), record.uri.query());
        Self {
            client,
            began: record.began,
            duration: record.ended.saturating_duration_since(record.began),
            target: query.map_or_else(|| path.into(), |query| [path, query].join("?").into()),
            path_len: path.len(),
            version: record.version,
            user_agent: record.user_agent.map(|agent| agent.as_bytes().into()),
            status: record.status,
            meant: record.meant,
            sent: record.sent,
            completed: record.completed,
            method: record.method,
        }
    }

    /// Bytes that it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        self.target.len()
            + self.user_agent.as_ref().map_or(0, |agent| agent.len())
            + self.method.as_str().len()
    }

    /// `TIME CLIENT "METHOD TARGET VERSION" STATUS SENT/MEANT DURATION OUTCOME "USER AGENT"`
    pub(super) fn text(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        clock.write(self.began, out);
        let _ = write!(out, " {} \"{} ", self.client, self.method);
        escape(&self.target, out);
        let _ = write!(out, " {:?}\" ", self.version);
        match self.status {
            Some(status) => drop(write!(out, "{}", status.as_u16())),
            None => out.push(b'-'),
        }
        let _ = write!(
            out,
            " {}/{} {:.1}ms {} \"",
            self.sent,
            self.meant,
            f64::from(self.duration_us()) / 1000.0,
            self.outcome()
        );
        escape(&self.user_agent(), out);
        out.extend_from_slice(b"\"\n");
    }

    /// One JSON object: `time`, `client`, `method`, `path`, `query`, `version`, `status`, `sent`, `length`,
    /// `duration_us`, `outcome`, `user_agent`. `query`, `status` and `user_agent` are null where there is none.
    pub(super) fn json(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        clock.write(self.began, out);
        let _ = write!(out, "\",\"client\":\"{}\",\"method\":", self.client);
        json_string(self.method.as_str(), out);
        out.extend_from_slice(b",\"path\":");
        json_string(self.path(), out);
        out.extend_from_slice(b",\"query\":");
        json_optional(self.query(), out);
        let _ = write!(out, ",\"version\":\"{:?}\",\"status\":", self.version);
        match self.status {
            Some(status) => out.extend_from_slice(status.as_str().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b",\"sent\":");
        out.extend_from_slice(digits.format(self.sent).as_bytes());
        out.extend_from_slice(b",\"length\":");
        out.extend_from_slice(digits.format(self.meant).as_bytes());
        out.extend_from_slice(b",\"duration_us\":");
        out.extend_from_slice(digits.format(self.duration_us()).as_bytes());
        out.extend_from_slice(b",\"outcome\":\"");
        out.extend_from_slice(self.outcome().as_bytes());
        out.extend_from_slice(b"\",\"user_agent\":");
        json_optional(self.user_agent.as_ref().map(|_| self.user_agent()).as_deref(), out);
        out.extend_from_slice(b"}\n");
    }

    fn duration_us(&self) -> u32 {
        u32::try_from(self.duration.as_micros()).unwrap_or(u32::MAX)
    }

    fn path(&self) -> &str {
        &self.target[..self.path_len]
    }

    fn query(&self) -> Option<&str> {
        self.target[self.path_len..].strip_prefix('?')
    }

    fn outcome(&self) -> &'static str {
        if self.completed { "completed" } else { "cut" }
    }

    fn user_agent(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.user_agent.as_deref().unwrap_or_default())
    }
}

/// Tells the date of a moment. The clock that is read for every request does not know it, and most lines share their
/// second with the one before.
#[derive(Debug)]
pub(super) struct Clock {
    instant: Instant,
    system: SystemTime,
    /// The second that was written last, since 1970, and how.
    second: u64,
    written: String,
}

impl Clock {
    /// A clock for the lines of the next moment: both of its sources are read now.
    pub(super) fn now() -> Self {
        Self { instant: Instant::now(), system: SystemTime::now(), second: u64::MAX, written: String::new() }
    }

    /// Writes `moment` as RFC 3339 has it, to the millisecond.
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

/// Writes text so that no client can forge a line or confuse a terminal.
fn escape(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        if c == '"' || c == '\\' {
            out.push(b'\\');
        }
        if c.is_control() {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn json_optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => json_string(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A JSON string (RFC 8259 section 7); control characters beyond ASCII's are escaped too, for terminals.
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
                c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn line(user_agent: Option<&[u8]>, status: Option<u16>) -> Line {
        let began = Instant::now();
        let record = Box::new(Record {
            began,
            ended: began + Duration::from_micros(1500),
            method: Method::GET,
            uri: "/a%22b?v=0'1".parse().expect("a URI"),
            version: Version::HTTP_11,
            user_agent: user_agent.map(|agent| HeaderValue::from_bytes(agent).expect("a value")),
            status: status.map(|status| StatusCode::from_u16(status).expect("a status")),
            meant: 10,
            sent: 4,
            completed: false,
            written_before: 0,
            head_len: 0,
        });
        Line::new("[::1]:80".parse().expect("an address"), record)
    }

    fn written(format: impl Fn(&Line, &mut Clock, &mut Vec<u8>), line: &Line) -> String {
        let mut out = Vec::new();
        format(line, &mut Clock::now(), &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        // Past the time.
        text.split_once("[::1]").expect("the client").1.to_owned()
    }

    #[test]
    fn moments_are_dated_to_the_millisecond() {
        let mut clock = Clock::now();
        clock.system = SystemTime::UNIX_EPOCH + Duration::from_millis(1_784_111_777_005);
        let mut tell = |ago| {
            let mut out = Vec::new();
            clock.write(clock.instant.checked_sub(Duration::from_millis(ago)).expect("a moment"), &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(tell(0), "2026-07-15T10:36:17.005Z");
        assert_eq!(tell(4), "2026-07-15T10:36:17.001Z");
        assert_eq!(tell(6), "2026-07-15T10:36:16.999Z");
    }

    #[test]
    fn text_lines_cannot_be_forged() {
        let text = written(Line::text, &line(Some(b"a\"\\\xc2\x9b\t\xff"), Some(206)));
        let expected =
            ":80 \"GET /a%22b?v=0'1 HTTP/1.1\" 206 4/10 1.5ms cut \"a\\\"\\\\\\u{9b}\\t\u{fffd}\"\n";
        assert_eq!(text, expected);
        assert!(written(Line::text, &line(None, None)).contains("\" - 4/10 1.5ms cut \"\"\n"));
    }

    #[test]
    fn json_lines_are_json_whatever_the_client_sends() {
        let json = written(Line::json, &line(Some(b"a\"\\\t\xff"), Some(206)));
        assert!(
            json.contains(r#""path":"/a%22b","query":"v=0'1","version":"HTTP/1.1","status":206,"#),
            "{json}"
        );
        assert!(json.ends_with("\"user_agent\":\"a\\\"\\\\\\u0009\u{fffd}\"}\n"), "{json}");
        let json = written(Line::json, &line(None, None));
        assert!(json.contains("\"status\":null") && json.ends_with("\"user_agent\":null}\n"), "{json}");
    }
}
