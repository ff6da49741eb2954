//! Writes objects into buckets by hand-written requests, so that writing does not share a client with reading.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Beside;
use crate::s3_server::{BUCKET, Meta, S3Server};
use crate::support::aws_signature::{SharedKey, Signer};
use crate::support::{Client, hex};

/// The variables that a user would set to reach a store.
pub(super) type Environment = BTreeMap<String, String>;

/// Writes to a bucket. Keys are not encoded.
pub(super) trait Keeper {
    fn put(&self, key: &str, bytes: &[u8], beside: Beside<'_>);
    fn remove(&self, key: &str);
}

impl Keeper for S3Server {
    fn put(&self, key: &str, bytes: &[u8], beside: Beside<'_>) {
        let meta = Meta {
            content_type: beside.content_type.map(str::to_owned),
            cache_control: beside.cache_control.map(str::to_owned),
            ..Meta::default()
        };
        S3Server::put(self, key, bytes.to_vec(), meta);
    }

    fn remove(&self, key: &str) {
        assert!(S3Server::remove(self, key), "{key} is there");
    }
}

/// An S3-compatible server.
pub(super) struct S3 {
    address: SocketAddr,
    access_key: String,
    secret: String,
    region: String,
}

impl S3 {
    pub(super) fn of(environment: &Environment) -> Self {
        Self {
            address: address(&environment["AWS_ENDPOINT_URL"]),
            access_key: environment["AWS_ACCESS_KEY_ID"].clone(),
            secret: environment["AWS_SECRET_ACCESS_KEY"].clone(),
            region: environment["AWS_REGION"].clone(),
        }
    }

    fn send(&self, method: &str, key: &str, fields: &[(&str, &str)], body: &[u8], expected: u16) {
        let signer = Signer {
            access_key: &self.access_key,
            secret: &self.secret,
            region: &self.region,
            now: SystemTime::now(),
        };
        let head = signer.head(method, &format!("/{BUCKET}/{}", encoded(key)), fields);
        send(self.address, &head, body, &[expected]);
    }
}

impl Keeper for S3 {
    fn put(&self, key: &str, bytes: &[u8], beside: Beside<'_>) {
        let len = bytes.len().to_string();
        let mut fields = vec![("content-length", &*len)];
        fields.extend(beside.content_type.map(|value| ("content-type", value)));
        fields.extend(beside.cache_control.map(|value| ("cache-control", value)));
        self.send("PUT", key, &fields, bytes, 200);
    }

    fn remove(&self, key: &str) {
        self.send("DELETE", key, &[], &[], 204);
    }
}

/// An emulator of Google Cloud Storage, which needs no credentials.
pub(super) struct Gcs(SocketAddr);

impl Gcs {
    pub(super) fn of(environment: &Environment) -> Self {
        let account = &environment["GOOGLE_SERVICE_ACCOUNT_KEY"];
        let account: serde_json::Value = serde_json::from_str(account).expect("JSON");
        Self(address(account["gcs_base_url"].as_str().expect("a URL")))
    }
}

impl Keeper for Gcs {
    fn put(&self, key: &str, bytes: &[u8], beside: Beside<'_>) {
        let mut about = serde_json::json!({ "name": key });
        for (name, value) in [("contentType", beside.content_type), ("cacheControl", beside.cache_control)] {
            if let Some(value) = value {
                about[name] = value.into();
            }
        }
        // The service uses the metadata, the emulator the headers of the media part.
        let of_bytes =
            beside.content_type.map_or(String::new(), |value| format!("content-type: {value}\r\n"));
        // The bytes are random, so a boundary of this length does not occur in them.
        let body = [
            format!("--{GCS_BOUNDARY}\r\ncontent-type: application/json\r\n\r\n{about}\r\n").as_bytes(),
            format!("--{GCS_BOUNDARY}\r\n{of_bytes}\r\n").as_bytes(),
            bytes,
            format!("\r\n--{GCS_BOUNDARY}--\r\n").as_bytes(),
        ]
        .concat();
        let head = format!(
            "POST /upload/storage/v1/b/{BUCKET}/o?uploadType=multipart HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\
             content-type: multipart/related; boundary={GCS_BOUNDARY}\r\n\r\n",
            body.len()
        );
        send(self.0, &head, &body, &[200]);
    }

    fn remove(&self, key: &str) {
        let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let head = format!("DELETE /storage/v1/b/{BUCKET}/o/{key} HTTP/1.1\r\nhost: test\r\n\r\n");
        // The service answers 204, the emulator 200.
        send(self.0, &head, &[], &[200, 204]);
    }
}

const GCS_BOUNDARY: &str = "between-two-parts-of-an-upload";

/// An emulator of Azure Blob Storage, with the account in the path.
pub(super) struct Azure {
    address: SocketAddr,
    account: String,
    key: String,
}

impl Azure {
    pub(super) fn of(environment: &Environment) -> Self {
        let endpoint = &environment["AZURE_STORAGE_ENDPOINT"];
        let account = environment["AZURE_STORAGE_ACCOUNT_NAME"].clone();
        Self {
            address: address(endpoint.strip_suffix(&format!("/{account}")).expect("the account in the path")),
            account,
            key: environment["AZURE_STORAGE_ACCOUNT_KEY"].clone(),
        }
    }

    fn send(&self, method: &str, key: &str, fields: &[(&str, &str)], body: &[u8], expected: u16) {
        let path = format!("/{}/{BUCKET}/{}", self.account, encoded(key));
        let shared = SharedKey { account: &self.account, key: &self.key };
        send(self.address, &shared.head(method, &path, fields, body.len()), body, &[expected]);
    }
}

impl Keeper for Azure {
    fn put(&self, key: &str, bytes: &[u8], beside: Beside<'_>) {
        let mut fields = vec![("x-ms-blob-type", "BlockBlob")];
        fields.extend(beside.content_type.map(|value| ("x-ms-blob-content-type", value)));
        fields.extend(beside.cache_control.map(|value| ("x-ms-blob-cache-control", value)));
        self.send("PUT", key, &fields, bytes, 201);
    }

    fn remove(&self, key: &str) {
        self.send("DELETE", key, &[], &[], 202);
    }
}

/// A path with everything encoded that a URL or a signature could interpret.
pub(super) fn encoded(path: &str) -> String {
    const OUTSIDE: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    utf8_percent_encode(path, OUTSIDE).to_string()
}

pub(super) fn md5_in_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn md5_in_base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Md5::digest(bytes))
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address in a URL")
}

/// Sends one request, which must get one of these statuses; otherwise the following checks would mean nothing.
#[track_caller]
fn send(address: SocketAddr, head: &str, body: &[u8], expected: &[u16]) {
    let mut client = Client::new(address);
    client.send(head);
    client.send(body);
    let answer = client.head().expect("an answer from the store");
    assert!(expected.contains(&answer.status), "the store rejects {head:?}: {answer:?}");
}
