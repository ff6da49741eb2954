//! Compares the Content-Encoding in an object's metadata with its bytes.

use super::Finding;
use super::format::Format;
use super::rules::file_rules::{CONTENT_ENCODING, CONTENT_ENCODING_FALSE, CONTENT_ENCODING_UPLOAD};
use crate::escape;

/// The content codings of an object (RFC 9110 section 8.4), as its metadata lists them.
pub(super) struct Codings<'t> {
    text: &'t str,
    /// Without `identity` and `aws-chunked`, in the order in which they were applied.
    applied: Vec<&'t str>,
    has_upload_coding: bool,
}

/// Whether bytes are the output of a coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    /// The coding has no signature that would show it.
    Unknown,
}

/// An encoding of uploads to S3. S3 removes it; some compatible services and tools store it by mistake.
const UPLOAD_CODING: &str = "aws-chunked";

impl<'t> Codings<'t> {
    /// The codings in the metadata `text`.
    pub(super) fn of(text: &'t str) -> Self {
        let (mut applied, mut has_upload_coding) = (Vec::new(), false);
        for coding in text.split(',').map(str::trim).filter(|coding| !coding.is_empty()) {
            if coding.eq_ignore_ascii_case(UPLOAD_CODING) {
                has_upload_coding = true;
            } else if !coding.eq_ignore_ascii_case("identity") {
                applied.push(coding);
            }
        }
        Self { text, applied, has_upload_coding }
    }

    /// Whether the bytes, which begin with `start` and were recognised as `format`, are encoded as the metadata says.
    pub(super) fn are_applied(&self, start: &[u8], format: &Format) -> bool {
        match self.applied.last().map(|last| matches(last, start)) {
            None | Some(Match::No) => false,
            Some(Match::Yes) => true,
            // The output of a coding does not look like a known format.
            Some(Match::Unknown) => {
                matches!(format, Format::Unknown | Format::Unreached | Format::Other(_))
            }
        }
    }

    /// What is wrong with them.
    pub(super) fn findings(&self, start: &[u8], format: &Format) -> Vec<Finding> {
        let seen = format!("Content-Encoding: {}", escape::escaped(self.text));
        let mut findings = Vec::new();
        if let Some(coding) = self.applied.last() {
            let last_matches = matches(coding, start);
            let coding = escape::escaped(coding);
            if self.are_applied(start, format) {
                let is_shown = last_matches == Match::Yes;
                let seen =
                    if is_shown { format!("{seen}, and the bytes are {coding}") } else { seen.clone() };
                let fix = "upload it uncompressed and without Content-Encoding: media are compressed already, and Meta's fetcher \
                           may not decode it";
                findings.push(Finding::new(&CONTENT_ENCODING, seen, fix));
            } else {
                let seen = format!("{seen}, but the bytes are {}", format.name());
                let fix = format!(
                    "remove Content-Encoding from the object's metadata, or upload it again without: the bytes are not {coding}, \
                     and a client that decodes them fails"
                );
                findings.push(Finding::new(&CONTENT_ENCODING_FALSE, seen, fix));
            }
        }
        if self.has_upload_coding {
            let fix = "remove aws-chunked from the object's metadata: it is an encoding for uploads, the bytes do not have it, and \
                       wamedia does not send it";
            findings.push(Finding::new(&CONTENT_ENCODING_UPLOAD, seen, fix));
        }
        findings
    }
}

/// Whether bytes that begin with `start` are the output of `coding`.
fn matches(coding: &str, start: &[u8]) -> Match {
    let signature: &[u8] = match &*coding.to_ascii_lowercase() {
        "gzip" | "x-gzip" => b"\x1f\x8b",
        "compress" | "x-compress" => b"\x1f\x9d",
        "zstd" => b"\x28\xb5\x2f\xfd",
        // `br` and `deflate` have none.
        _ => return Match::Unknown,
    };
    if start.starts_with(signature) { Match::Yes } else { Match::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_encoding_is_compared_with_the_bytes() {
        let gzip: &[u8] = b"\x1f\x8b\x08\0";
        let image = Format::OtherImage("BMP");
        for (text, start, format, are_applied, ids) in [
            ("gzip", gzip, Format::Other("gzip"), true, &["content-encoding"][..]),
            ("X-GZIP", gzip, Format::Other("gzip"), true, &["content-encoding"]),
            ("gzip", b"BM", image.clone(), false, &["content-encoding-false"]),
            ("gzip", b"", Format::Empty, false, &["content-encoding-false"]),
            ("gzip", b"?", Format::Unknown, false, &["content-encoding-false"]),
            ("zstd", b"\x28\xb5\x2f\xfd", Format::Unknown, true, &["content-encoding"]),
            ("zstd", gzip, Format::Other("gzip"), false, &["content-encoding-false"]),
            ("br", b"?", Format::Unknown, true, &["content-encoding"]),
            ("br", b"BM", image.clone(), false, &["content-encoding-false"]),
            ("utf-8", b"BM", image.clone(), false, &["content-encoding-false"]),
            ("aws-chunked", b"BM", image.clone(), false, &["content-encoding-upload"]),
            ("AWS-Chunked, identity", b"BM", image.clone(), false, &["content-encoding-upload"]),
            (
                "aws-chunked,gzip",
                gzip,
                Format::Other("gzip"),
                true,
                &["content-encoding", "content-encoding-upload"],
            ),
            (
                "gzip,aws-chunked",
                b"BM",
                image.clone(),
                false,
                &["content-encoding-false", "content-encoding-upload"],
            ),
            ("identity", b"BM", image.clone(), false, &[]),
            ("", b"BM", image, false, &[]),
        ] {
            let codings = Codings::of(text);
            assert_eq!(codings.are_applied(start, &format), are_applied, "{text} {format:?}");
            let found: Vec<_> =
                codings.findings(start, &format).iter().map(|finding| finding.rule.id).collect();
            assert_eq!(found, ids, "{text} {format:?}");
        }
    }
}
