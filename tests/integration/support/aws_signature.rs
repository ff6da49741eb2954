//! Signed requests to object stores, made by hand: tests that used the tested client would only prove that it agrees with itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use s3s::dto::{Timestamp, TimestampFormat};
use sha2::{Digest, Sha256};

use crate::support::hex;

/// RFC 2104.
pub(crate) fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let padded =
        |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect() };
    let inner = Sha256::digest([&padded(0x36), text.as_bytes()].concat());
    Sha256::digest([&padded(0x5c)[..], &inner].concat()).to_vec()
}

/// The credentials of an S3 client, and its clock.
pub(crate) struct Signer<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) region: &'a str,
    pub(crate) now: SystemTime,
}

impl Signer<'_> {
    /// The head of a request, signed with Signature Version 4.
    pub(crate) fn head(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> String {
        let mut time = Vec::new();
        Timestamp::from(self.now).format(TimestampFormat::DateTime, &mut time).expect("a time");
        let time = String::from_utf8(time).expect("ASCII").replace(['-', ':'], "").replace(".000", "");
        let time = format!("{}Z", &time[..15]);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let request = format!(
            "{method}\n{path}\n{query}\nhost:test\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{time}\n\n\
             {signed}\nUNSIGNED-PAYLOAD"
        );
        let scope = [&time[..8], self.region, "s3", "aws4_request"];
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope {
            key = hmac(&key, part);
        }
        let scope = scope.join("/");
        let digest = hex(&Sha256::digest(request));
        let signature = hex(&hmac(&key, &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}")));
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nhost: test\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\nx-amz-date: {time}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={signed},Signature={signature}\r\n",
            self.access_key
        );
        for (name, value) in fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "\r\n"
    }
}

/// An Azure storage account.
pub(crate) struct SharedKey<'a> {
    pub(crate) account: &'a str,
    /// In base64, as Azure shows it.
    pub(crate) key: &'a str,
}

impl SharedKey<'_> {
    /// The head of a request without a query, whose only header field with a line of its own in the signed text is the length of its
    /// body; signed with the account's key ("Authorize with Shared Key").
    pub(crate) fn head(&self, method: &str, path: &str, fields: &[(&str, &str)], len: usize) -> String {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut signed = BTreeMap::from([("x-ms-date", &*date), ("x-ms-version", "2023-11-03")]);
        signed.extend(fields.iter().copied());
        let lines =
            |between| signed.iter().fold(String::new(), |lines, (n, v)| lines + n + between + v + "\n");
        let length = if len == 0 { String::new() } else { len.to_string() };
        let canonical =
            format!("{method}\n\n\n{length}\n\n\n\n\n\n\n\n\n{}/{}{path}", lines(":"), self.account);
        let key = BASE64_STANDARD.decode(self.key).expect("a key in base64");
        let signature = BASE64_STANDARD.encode(hmac(&key, &canonical));
        format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {len}\r\n{}authorization: SharedKey {}:{signature}\r\n\r\n",
            lines(": ").replace('\n', "\r\n"),
            self.account
        )
    }
}
