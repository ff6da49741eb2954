//! What is told of each request: one line, as text for people or as JSON for programs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use humantime::format_rfc3339_millis;

use super::exchange::Record;
use super::log_writer::{LogWriter, Message};

/// Where requests are told of, if anywhere.
#[derive(Debug, Clone)]
pub struct AccessLog(Option<LogWriter>);

/// One line, not yet formatted.
#[derive(Debug)]
pub(super) struct Line {
    client: SocketAddr,
    record: Record,
}

impl AccessLog {
    /// Tells `writer` of every request; nobody without one.
    pub fn new(writer: Option<LogWriter>) -> Self {
        Self(writer)
    }

    pub(super) fn tell(&self, client: SocketAddr, record: Record) {
        if let Some(writer) = &self.0 {
            writer.put(Message::Access(Line { client, record }));
        }
    }
}

impl Line {
    /// `TIME CLIENT "METHOD TARGET VERSION" STATUS SENT/MEANT DURATION OUTCOME "USER AGENT"`
    pub(super) fn text(&self, out: &mut Vec<u8>) {
        let record = &self.record;
        let _ = write!(out, "{} {} \"{} ", self.time(), self.client, record.method);
        escape(record.uri.path(), out);
        if let Some(query) = record.uri.query() {
            out.push(b'?');
            escape(query, out);
        }
        let _ = write!(out, " {:?}\" ", record.version);
        match record.status {
            Some(status) => drop(write!(out, "{}", status.as_u16())),
            None => out.push(b'-'),
        }
        let _ = write!(
            out,
            " {}/{} {:.1}ms {} \"",
            record.sent,
            record.meant,
            f64::from(self.duration_us()) / 1000.0,
            self.outcome()
        );
        escape(&self.user_agent(), out);
        out.extend_from_slice(b"\"\n");
    }

    /// One JSON object: `time`, `client`, `method`, `path`, `query`, `version`, `status`, `sent`, `length`,
    /// `duration_us`, `outcome`, `user_agent`. `query`, `status` and `user_agent` are null where there is none.
    pub(super) fn json(&self, out: &mut Vec<u8>) {
        let record = &self.record;
        let mut line = String::with_capacity(384);
        let _ = write!(line, "{{\"time\":\"{}\",\"client\":\"{}\",\"method\":", self.time(), self.client);
        json_string(record.method.as_str(), &mut line);
        line.push_str(",\"path\":");
        json_string(record.uri.path(), &mut line);
        line.push_str(",\"query\":");
        json_optional(record.uri.query(), &mut line);
        let _ = write!(line, ",\"version\":\"{:?}\",\"status\":", record.version);
        match record.status {
            Some(status) => drop(write!(line, "{}", status.as_u16())),
            None => line.push_str("null"),
        }
        let _ = write!(
            line,
            ",\"sent\":{},\"length\":{},\"duration_us\":{},\"outcome\":\"{}\",\"user_agent\":",
            record.sent,
            record.meant,
            self.duration_us(),
            self.outcome()
        );
        json_optional(record.user_agent.as_ref().map(|_| self.user_agent()).as_deref(), &mut line);
        line.push_str("}\n");
        out.extend_from_slice(line.as_bytes());
    }

    /// When the request came in. The clock that was read then does not know the date; this one does.
    fn time(&self) -> humantime::Rfc3339Timestamp {
        let ago = Instant::now().saturating_duration_since(self.record.began);
        format_rfc3339_millis(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    fn duration_us(&self) -> u32 {
        let duration = self.record.ended.saturating_duration_since(self.record.began);
        u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
    }

    fn outcome(&self) -> &'static str {
        if self.record.completed { "completed" } else { "cut" }
    }

    fn user_agent(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.record.user_agent.as_ref().map_or(b"", |agent| agent.as_bytes()))
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

fn json_optional(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => json_string(text, out),
        None => out.push_str("null"),
    }
}

/// A JSON string (RFC 8259 section 7); control characters beyond ASCII's are escaped too, for terminals.
fn json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use hyper::{Method, StatusCode, Version};
    use std::time::Duration;

    fn line(user_agent: Option<&[u8]>, status: Option<u16>) -> Line {
        let began = Instant::now();
        let record = Record {
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
        };
        Line { client: "[::1]:80".parse().expect("an address"), record }
    }

    fn written(format: impl Fn(&Line, &mut Vec<u8>), line: &Line) -> String {
        let mut out = Vec::new();
        format(line, &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        // Past the time.
        text.split_once("[::1]").expect("the client").1.to_owned()
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
