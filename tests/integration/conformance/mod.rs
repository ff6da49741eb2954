//! Conformance suite: what every kind of store must do alike over HTTP, one test for each store. Behaviour of a single kind of
//! store, and failures, are not here. The [`subjects`] can fill a store, and a [`Manner`] holds the few properties in which
//! stores may differ: data for the checks, so that no check is skipped anywhere.
//!
//! Tests that need a server from `tests/backends` are ignored by default:
//! `tests/backends/run seaweedfs juicefs gcs azure -- cargo test --test integration conformance -- --ignored`

mod aged_store;
mod changes;
mod keepers;
mod parts;
mod paths;
mod subjects;
mod wholes;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::keepers::{Azure, Gcs, S3};
use self::subjects::{BackendFolder, InMemory, OfBucket};
use crate::s3_server::S3Server;
use crate::support::response_checks::{Asset, set};
use crate::support::{Client, Response, etag_of, noise, version_of};

/// A store, and a server that serves it.
trait Subject {
    /// The address of the server.
    fn address(&self) -> SocketAddr;
    /// The properties in which it may differ from others.
    fn manner(&self) -> Manner;
    /// Puts an asset at a decoded path, replacing any other.
    fn put(&self, path: &str, bytes: &[u8], beside: Beside<'_>);
    /// Removes the asset at this path, which exists.
    fn remove(&self, path: &str);
}

/// Metadata put with the bytes. A folder cannot store it.
#[derive(Debug, Clone, Copy, Default)]
struct Beside<'a> {
    content_type: Option<&'a str>,
    cache_control: Option<&'a str>,
}

/// The only properties in which stores may differ.
#[derive(Debug, Clone, Copy)]
struct Manner {
    tag: Tag,
    /// Whether it stores metadata.
    keeps: bool,
    /// The type that is served if neither the name nor the metadata has one: some stores set one of their own.
    untyped: &'static str,
}

/// The kind of its entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// The SHA-256 of the bytes, whose beginning is the version in links. All other tags are the store's own, and the version is made
    /// from their text.
    Sha256,
    /// The MD5 of the bytes, in hex.
    Md5,
    /// The MD5 of the bytes, in base64.
    Md5InBase64,
    /// Anything.
    Opaque,
}

/// The longest body in memory: an eighth of the cache in [`configuration`].
const HELD: usize = 1 << 20;
/// Lengths with different behaviour: empty, one byte, some bytes, the longest in memory, one byte more, and more than one
/// chunk.
const LENGTHS: [usize; 6] = [0, 1, 100 << 10, HELD, HELD + 1, 3 * HELD / 2];
/// As in [`configuration`].
const DEFAULT_POLICY: &str = "no-cache";
const RULED_POLICY: &str = "max-age=77";
const VERSIONED_POLICY: &str = "max-age=4242, immutable";

/// The values of `fresh`: zero, so that every response needs the store, and so long that most responses come from the cache. And the
/// time after which every change is visible.
const FRESH: [(&str, Duration); 2] = [("0", Duration::ZERO), ("500ms", Duration::from_millis(600))];

fn configuration(store: &str, fresh: &str) -> String {
    format!(
        "access_log = \"off\"\n\
         [[mount]]\nstore = \"{store}\"\nfresh = \"{fresh}\"\n\
         [memory]\ncache = \"8 MiB\"\n\
         [cache]\ndefault = \"{DEFAULT_POLICY}\"\nversioned = \"{VERSIONED_POLICY}\"\n\
         [[cache.rule]]\nmatch = \"ruled/**\"\ncache_control = \"{RULED_POLICY}\"\n"
    )
}

/// What is put, and how it is served unless the store differs.
#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    path: &'a str,
    len: usize,
    /// The seed of its bytes.
    seed: u64,
    beside: Beside<'a>,
    /// The type for its name; `None` if there is none.
    named: Option<&'a str>,
}

impl<'a> Sample<'a> {
    /// An image whose only metadata is a wrong type.
    const fn picture(path: &'a str, len: usize, seed: u64) -> Self {
        let beside = Beside { content_type: Some("image/x-wrong"), cache_control: None };
        Self { path, len, seed, beside, named: Some("image/jpeg") }
    }
}

/// A sample in the store.
struct Kept {
    target: String,
    /// When it was put, in whole seconds: not before the first, and not after the second.
    when: [SystemTime; 2],
    /// The expected asset, without the tag and the date, which only the first response shows.
    asset: Asset,
    tag: Tag,
}

impl Kept {
    /// Takes the tag and the date from a response, after checking that they are plausible.
    #[track_caller]
    fn learn(mut self, answer: &Response) -> Self {
        let etag = answer.field("etag");
        let inside = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
        assert!(!inside.is_empty() && !inside.contains('"'), "{}: {etag}", self.target);
        let bytes = &self.asset.bytes;
        match self.tag {
            Tag::Sha256 => assert_eq!(etag, etag_of(bytes), "{}", self.target),
            Tag::Md5 => assert_eq!(inside, keepers::md5_in_hex(bytes), "{}", self.target),
            Tag::Md5InBase64 => assert_eq!(inside, keepers::md5_in_base64(bytes), "{}", self.target),
            Tag::Opaque => {}
        }
        let date = answer.field("last-modified");
        let modified = httpdate::parse_http_date(date).expect("a date");
        assert_eq!(httpdate::fmt_http_date(modified), date, "in the preferred format of RFC 9110");
        // A file that changes within the second of its last version has a later one.
        let latest = if self.tag == Tag::Sha256 { SystemTime::now() } else { self.when[1] };
        assert!(
            self.when[0] <= modified && modified <= latest,
            "{}: {date} and {:?}",
            self.target,
            self.when
        );
        set(&mut self.asset.fields, "etag", etag);
        set(&mut self.asset.fields, "last-modified", date);
        self
    }

    fn etag(&self) -> &str {
        self.asset.field("etag")
    }

    /// The `v` of a link to it.
    fn version(&self) -> String {
        match self.tag {
            Tag::Sha256 => version_of(&self.asset.bytes),
            _ => version_of(self.etag().as_bytes()),
        }
    }

    /// The same with another policy.
    fn under(&self, policy: &str) -> Asset {
        let mut asset = self.asset.clone();
        set(&mut asset.fields, "cache-control", policy);
        asset
    }

    /// Its date, plus a number of seconds.
    fn date(&self, seconds: i64) -> String {
        let modified = httpdate::parse_http_date(self.asset.field("last-modified")).expect("a date");
        let offset = Duration::from_secs(seconds.unsigned_abs());
        httpdate::fmt_http_date(if seconds < 0 { modified - offset } else { modified + offset })
    }
}

/// A subject with the settings of the checks.
struct Bench<'a> {
    subject: &'a dyn Subject,
    /// The time after which a change is visible to all clients.
    stale: Duration,
}

impl Bench<'_> {
    fn client(&self) -> Client {
        Client::new(self.subject.address())
    }

    /// Puts a sample, and returns what must be served.
    fn put(&self, sample: Sample<'_>) -> Kept {
        let Sample { path, len, seed, beside, named } = sample;
        let bytes = noise(len, seed);
        let before = SystemTime::now();
        self.subject.put(path, &bytes, beside);
        let manner = self.subject.manner();
        let own = if manner.keeps { beside } else { Beside::default() };
        let content_type = named.or(own.content_type).unwrap_or(manner.untyped);
        let ruled = if path.starts_with("ruled/") { RULED_POLICY } else { DEFAULT_POLICY };
        let mut fields = Vec::new();
        set(&mut fields, "accept-ranges", "bytes");
        set(&mut fields, "cache-control", own.cache_control.unwrap_or(ruled));
        set(&mut fields, "content-length", &len.to_string());
        set(&mut fields, "content-type", content_type);
        set(&mut fields, "x-content-type-options", "nosniff");
        // A document is displayed, with a name for saving it.
        if !["image/", "video/", "audio/"].iter().any(|family| content_type.starts_with(family)) {
            let name = path.rsplit('/').next().expect("a name");
            let value = format!("inline; filename=\"{name}\"; filename*=UTF-8''{name}");
            set(&mut fields, "content-disposition", &value);
        }
        // The clock of the kernel's time stamps may be one tick behind, and the S3 server and the store in memory are 2 s behind.
        let behind = Duration::from_millis(if manner.tag == Tag::Sha256 { 20 } else { 2_020 });
        Kept {
            target: target(path),
            when: [whole_second(before - behind), SystemTime::now()],
            asset: Asset { bytes, fields },
            tag: manner.tag,
        }
    }

    /// Puts a sample and requests it once, so that its tag and date are known.
    #[track_caller]
    fn known(&self, client: &mut Client, sample: Sample<'_>) -> Kept {
        let kept = self.put(sample);
        let answer = client.request("GET", &kept.target, &[]);
        assert_eq!(answer.status, 200, "{sample:?}: {answer:?}");
        kept.learn(&answer)
    }
}

/// The path in a request.
fn target(path: &str) -> String {
    format!("/{}", keepers::encoded(path))
}

fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).expect("a time of today");
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// Runs every check on a subject, which is started anew for each.
fn conforms<S: Subject>(start: impl Fn(&str) -> S) {
    for (fresh, stale) in FRESH {
        let subject = start(fresh);
        let bench = Bench { subject: &subject, stale };
        wholes::check(&bench);
        parts::check(&bench);
        paths::check(&bench);
        changes::check(&bench);
    }
}

#[test]
fn a_folder() {
    conforms(BackendFolder::start);
}

#[test]
fn memory() {
    conforms(InMemory::start);
}

#[test]
fn s3() {
    let manner = Manner { tag: Tag::Md5, keeps: true, untyped: "binary/octet-stream" };
    conforms(|fresh| {
        let server = S3Server::start();
        let environment = server.environment();
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        OfBucket::start("s3", environment, server, manner, fresh)
    });
}

#[test]
#[ignore = "needs `tests/backends/run seaweedfs`"]
fn seaweedfs() {
    // It sniffs a type from the bytes if there is none in the metadata; these bytes have none.
    let manner = Manner { tag: Tag::Md5, keeps: true, untyped: "application/octet-stream" };
    conforms(|fresh| {
        let environment = subjects::environment("seaweedfs");
        let keeper = S3::of(&environment);
        OfBucket::start("s3", environment, keeper, manner, fresh)
    });
}

#[test]
#[ignore = "needs `tests/backends/run juicefs`"]
fn juicefs() {
    let manner = Manner { tag: Tag::Md5, keeps: true, untyped: "binary/octet-stream" };
    conforms(|fresh| {
        let environment = subjects::environment("juicefs");
        let keeper = S3::of(&environment);
        OfBucket::start("s3", environment, keeper, manner, fresh)
    });
}

#[test]
#[ignore = "needs `tests/backends/run gcs`"]
fn gcs() {
    let manner = Manner { tag: Tag::Md5InBase64, keeps: true, untyped: "application/octet-stream" };
    conforms(|fresh| {
        let environment = subjects::environment("gcs");
        let keeper = Gcs::of(&environment);
        OfBucket::start("gs", environment, keeper, manner, fresh)
    });
}

#[test]
#[ignore = "needs `tests/backends/run azure`"]
fn azure() {
    let manner = Manner { tag: Tag::Opaque, keeps: true, untyped: "application/octet-stream" };
    conforms(|fresh| {
        let environment = subjects::environment("azure");
        let keeper = Azure::of(&environment);
        OfBucket::start("az", environment, keeper, manner, fresh)
    });
}
