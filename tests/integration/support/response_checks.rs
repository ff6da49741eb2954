//! Checks of responses to the last field and byte: required fields, and no others. Each test knows what its response should be.

use std::ops::Range;

use crate::support::{Client, Response};

/// How a GET must be answered.
#[derive(Debug)]
pub(crate) enum Expected<'a> {
    Whole,
    Part(Range<usize>),
    Parts(&'a [Range<usize>]),
    NotModified,
    Failed,
    Unsatisfiable,
}

/// An asset as it must be served.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) bytes: Vec<u8>,
    /// The fields of a 200 for all of it, without `Date`.
    pub(crate) fields: Vec<(String, String)>,
}

impl Asset {
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map_or_else(|| panic!("no {name} is known of it"), |(_, value)| value)
    }

    /// Requests it with GET and with HEAD, and checks each response to the last byte.
    #[track_caller]
    pub(crate) fn ask(
        &self,
        client: &mut Client,
        target: &str,
        fields: &[(&str, &str)],
        expected: &Expected,
    ) {
        let get = client.request("GET", target, fields);
        let head = client.request("HEAD", target, fields);
        self.check(&format!("{target}, {fields:?}: {:?}", (get.status, &get.fields)), &get, expected);
        self.check_head(&format!("HEAD {target}, {fields:?}: {head:?}"), &head, expected);
    }

    /// Compares the response to a HEAD with the one that a GET would get.
    #[track_caller]
    pub(crate) fn check_head(&self, row: &str, head: &Response, expected: &Expected) {
        match expected {
            Expected::NotModified => assert_fields(row, head, 304, &self.validators()),
            Expected::Failed => assert_refusal(row, head, 412, None),
            // Range applies to GET: a HEAD is answered as if there were none.
            _ => assert_fields(row, head, 200, &self.fields),
        }
    }

    /// Compares the response to a GET with the expected one.
    #[track_caller]
    pub(crate) fn check(&self, row: &str, get: &Response, expected: &Expected) {
        let len = self.bytes.len();
        match expected {
            Expected::Whole => {
                assert_fields(row, get, 200, &self.fields);
                assert!(get.body == self.bytes, "{row}");
            }
            Expected::Part(range) => {
                let mut fields = self.fields.clone();
                set(&mut fields, "content-length", &range.len().to_string());
                set(&mut fields, "content-range", &content_range(range, len));
                assert_fields(row, get, 206, &fields);
                assert!(get.body == self.bytes[range.clone()], "{row}");
            }
            Expected::Parts(ranges) => {
                let content_type = get.field("content-type");
                let mut fields = self.fields.clone();
                // Reading the body compares its length with Content-Length.
                set(&mut fields, "content-length", &get.body.len().to_string());
                set(&mut fields, "content-type", content_type);
                assert_fields(row, get, 206, &fields);
                let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect(row);
                let parts = parse_multipart(&get.body, boundary);
                assert_eq!(parts.len(), ranges.len(), "{row}");
                for ((head, data), range) in parts.iter().zip(*ranges) {
                    let expected = [
                        ("content-range".to_owned(), content_range(range, len)),
                        ("content-type".to_owned(), self.field("content-type").to_owned()),
                    ];
                    assert_eq!(*head, expected, "{row}");
                    assert!(*data == &self.bytes[range.clone()], "{row}");
                }
            }
            Expected::NotModified => assert_fields(row, get, 304, &self.validators()),
            Expected::Failed => assert_refusal(row, get, 412, None),
            Expected::Unsatisfiable => assert_refusal(row, get, 416, Some(&format!("bytes */{len}"))),
        }
    }

    /// The fields of a 304.
    fn validators(&self) -> Vec<(String, String)> {
        const NAMES: [&str; 4] = ["cache-control", "etag", "last-modified", "x-content-type-options"];
        self.fields.iter().filter(|(name, _)| NAMES.contains(&&**name)).cloned().collect()
    }
}

/// Sets one field of a list, in which each name is unique.
pub(crate) fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
}

/// The `Content-Range` of these bytes of `len`.
fn content_range(range: &Range<usize>, len: usize) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}

/// These fields and `Date`, each once, and no others.
#[track_caller]
fn assert_fields(row: &str, response: &Response, status: u16, expected: &[(String, String)]) {
    let mut fields: Vec<_> = response.fields.iter().filter(|(name, _)| name != "date").collect();
    let mut expected: Vec<_> = expected.iter().collect();
    fields.sort_unstable();
    expected.sort_unstable();
    assert_eq!((response.status, fields), (status, expected), "{row}");
    assert!(response.complete && response.has("date"), "{row}");
}

/// An error response is a text that no cache stores, and reveals no more of the asset than it must.
#[track_caller]
pub(crate) fn assert_refusal(row: &str, response: &Response, status: u16, content_range: Option<&str>) {
    let mut fields = Vec::new();
    set(&mut fields, "cache-control", "no-store");
    set(&mut fields, "content-length", response.field("content-length"));
    set(&mut fields, "content-type", "text/plain; charset=utf-8");
    set(&mut fields, "x-content-type-options", "nosniff");
    if let Some(value) = content_range {
        set(&mut fields, "content-range", value);
    }
    assert_fields(row, response, status, &fields);
    assert!(response.text().is_empty() || response.text().starts_with(&format!("{status} ")), "{row}");
}

/// A part's fields, names in lower case and in order, and its data.
type MultipartPart<'a> = (Vec<(String, String)>, &'a [u8]);

/// Parses a `multipart/byteranges` body to its last byte. The length of a part's data comes from its `Content-Range`, so that the
/// delimiter must be exactly where it is expected.
#[track_caller]
fn parse_multipart<'a>(body: &'a [u8], boundary: &str) -> Vec<MultipartPart<'a>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body;
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(delimiter.as_bytes()).expect("a delimiter");
        if let Some(end) = rest.strip_prefix(b"--") {
            assert_eq!(end, b"\r\n", "nothing after the end");
            return parts;
        }
        rest = rest.strip_prefix(b"\r\n").expect("the end of the delimiter's line");
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line");
        let head = std::str::from_utf8(&rest[..end]).expect("text");
        let fields = head.split("\r\n").map(|line| line.split_once(": ").expect("a field"));
        let mut fields: Vec<_> =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        fields.sort_unstable();
        let range = fields.iter().find(|(name, _)| name == "content-range").expect("a range").1.as_str();
        let (range, _) = range.strip_prefix("bytes ").and_then(|r| r.split_once('/')).expect("bytes");
        let (first, last) = range.split_once('-').expect("two positions");
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let (data, after) = rest[end + 4..].split_at(number(last) + 1 - number(first));
        parts.push((fields, data));
        rest = after;
    }
}
