//! Framing of a `multipart/byteranges` body (RFC 9110 section 14.6, RFC 2046 section 5.1): the text before, between
//! and after its parts, and the length of the whole.
//!
//! No bytes of an asset are held here: the code that writes the body puts the ranges between the part heads.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::range::ByteRange;

/// A `multipart/byteranges` body without its data: for each of [`parts`](Self::parts) its head and then its range of
/// the asset, and [`tail`](Self::tail) after the last one.
#[derive(Debug, Clone)]
pub struct Multipart {
    parts: Vec<Part>,
    tail: Bytes,
    content_type: HeaderValue,
    length: u64,
}

/// One part of a [`Multipart`].
#[derive(Debug, Clone)]
pub struct Part {
    /// The text before the part's data: the delimiter and the part's headers, from line break to empty line.
    pub head: Bytes,
    /// The bytes of the asset that are the part's data.
    pub range: ByteRange,
}

impl Multipart {
    /// Frames these ranges of an asset that is `len` bytes long and has this `Content-Type`.
    pub(super) fn new(
        ranges: &[ByteRange],
        len: u64,
        content_type: &HeaderValue,
        boundary: &Boundary,
    ) -> Self {
        let parts: Vec<_> = ranges
            .iter()
            .map(|&range| Part { head: part_head(range, len, content_type, boundary), range })
            .collect();
        let tail = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        let content_type = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}"))
            .expect("a boundary is hex digits");
        let length = parts
            .iter()
            .map(|part| part.range.length().saturating_add(octets(&part.head)))
            .fold(octets(&tail), u64::saturating_add);
        Self { parts, tail, content_type, length }
    }

    /// The parts, in the order in which they are sent.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The closing delimiter, after the data of the last part.
    pub fn tail(&self) -> &Bytes {
        &self.tail
    }

    /// Length of the whole body in bytes: heads, data and tail.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The `Content-Type` of the whole body, with its boundary.
    pub(super) fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }
}

fn part_head(range: ByteRange, len: u64, content_type: &HeaderValue, boundary: &Boundary) -> Bytes {
    let mut head = format!("\r\n--{boundary}\r\nContent-Type: ").into_bytes();
    head.extend_from_slice(content_type.as_bytes());
    head.extend_from_slice(b"\r\nContent-Range: ");
    head.extend_from_slice(content_range(range, len).as_bytes());
    head.extend_from_slice(b"\r\n\r\n");
    Bytes::from(head)
}

fn octets(text: &Bytes) -> u64 {
    u64::try_from(text.len()).expect("a head is short")
}

/// The `Content-Range` of a non-empty range of an asset that is `len` bytes long: `bytes 0-99/1234`, with an
/// inclusive last position (RFC 9110 section 14.4).
///
/// Not formatted by the standard library, which takes twice as many instructions: every partial response needs one.
pub(super) fn content_range(range: ByteRange, len: u64) -> HeaderValue {
    let mut text = Vec::with_capacity(72);
    text.extend_from_slice(b"bytes ");
    for (number, end) in [(range.start, b'-'), (range.end.saturating_sub(1), b'/')] {
        text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        text.push(end);
    }
    text.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    HeaderValue::from_bytes(&text).expect("digits and punctuation are printable ASCII")
}

/// The boundary between parts: 32 hex digits, which need no quotes in `Content-Type`.
pub(super) struct Boundary(String);

impl Boundary {
    /// A new boundary, made from keys that the standard library draws at random for each process.
    ///
    /// It must not occur in the data (RFC 2046 section 5.1.1), which is not searched in advance. With 128
    /// unpredictable bits it does not, even if an attacker chose the data.
    pub(super) fn random() -> Self {
        let keys = RandomState::new();
        Self(format!("{:016x}{:016x}", keys.hash_one(0_u8), keys.hash_one(1_u8)))
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");

    /// The body that a server writes for these ranges of `data`.
    fn body(multipart: &Multipart, data: &[u8]) -> Vec<u8> {
        let at = |offset: u64| usize::try_from(offset).expect("small");
        let mut body = Vec::new();
        for part in multipart.parts() {
            body.extend_from_slice(&part.head);
            body.extend_from_slice(&data[at(part.range.start)..at(part.range.end)]);
        }
        body.extend_from_slice(multipart.tail());
        body
    }

    #[test]
    fn the_framing_follows_rfc_9110_section_14_6() {
        let ranges = [ByteRange { start: 4, end: 6 }, ByteRange { start: 0, end: 1 }];
        let multipart = Multipart::new(&ranges, 6, &JPEG, &Boundary("B".to_owned()));
        assert_eq!(multipart.content_type(), "multipart/byteranges; boundary=B");
        let expected = "\r\n--B\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 4-5/6\r\n\r\nef\
                        \r\n--B\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 0-0/6\r\n\r\na\
                        \r\n--B--\r\n";
        assert_eq!(String::from_utf8(body(&multipart, b"abcdef")).as_deref(), Ok(expected));
        assert_eq!(expected.len(), 138);
        assert_eq!(multipart.length(), 138);
    }

    #[test]
    fn boundaries_are_32_hex_digits_and_never_repeat() {
        let (one, other) = (Boundary::random(), Boundary::random());
        for Boundary(text) in [&one, &other] {
            assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()), "{text}");
        }
        assert_ne!(one.0, other.0);
    }

    proptest! {
        #[test]
        fn the_length_is_that_of_the_body(cuts in proptest::collection::vec((0..500_u64, 1..500_u64), 0..17)) {
            let data = vec![7; 1000];
            let ranges: Vec<_> =
                cuts.iter().map(|&(start, length)| ByteRange { start, end: start + length }).collect();
            let multipart = Multipart::new(&ranges, 1000, &JPEG, &Boundary::random());
            let body = body(&multipart, &data);
            prop_assert_eq!(multipart.length(), u64::try_from(body.len()).expect("small"));
        }

        #[test]
        fn no_length_overflows(start in any::<u64>(), end in any::<u64>(), len in any::<u64>()) {
            let range = ByteRange { start: start.min(end), end: start.max(end) };
            let multipart = Multipart::new(&[range, range], len, &JPEG, &Boundary::random());
            prop_assert!(multipart.length() > range.length() || multipart.length() == u64::MAX);
        }
    }
}
