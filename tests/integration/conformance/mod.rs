//! What every kind of store must do alike, held against each of them over HTTP: one suite, one test a store. What a store
//! alone does, and how it fails, is not here. The [`subjects`] say how a store is filled, and the few things in which they
//! may differ are a [`Manner`]: data that the checks go by, so that no check is left out anywhere.
//!
//! Tests that need a server from `tests/backends` are ignored until they are asked for:
//! `tests/backends/run seaweedfs juicefs gcs azure -- cargo test --test integration conformance -- --ignored`

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

/// Where bytes are kept, and a server that serves them.
trait Subject {
    /// Where the server listens.
    fn address(&self) -> SocketAddr;
    /// In what it may differ from the others.
    fn manner(&self) -> Manner;
    /// Puts an asset at a path that is not encoded, in place of the one that may be there.
    fn put(&self, path: &str, bytes: &[u8], beside: Beside<'_>);
    /// Removes the asset at this path, which is there.
    fn remove(&self, path: &str);
}

/// What may be put beside the bytes. A folder has no place for it.
#[derive(Debug, Clone, Copy, Default)]
struct Beside<'a> {
    content_type: Option<&'a str>,
    cache_control: Option<&'a str>,
}

/// In what a store may differ from others: nothing else.
#[derive(Debug, Clone, Copy)]
struct Manner {
    tag: Tag,
    /// Whether it keeps what is put beside the bytes.
    keeps: bool,
    /// What is served where neither the name nor the one who put it says a type: some stores say one of their own.
    untyped: &'static str,
}

/// What its entity tags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// The SHA-256 of the bytes, and the version in links is its beginning. All others are the store's own, and the version
    /// is made of their text.
    Sha256,
    /// The MD5 of the bytes, in hex.
    Md5,
    /// The MD5 of the bytes, in base64.
    Md5InBase64,
    /// Whatever the store thinks of.
    Opaque,
}

/// The most that is held of one asset: an eighth of what [`configuration`] gives the memory.
const HELD: usize = 1 << 20;
/// Lengths at which something else happens: nothing, one byte, something, the most that is held, a byte too many, and more
/// chunks than one.
const LENGTHS: [usize; 6] = [0, 1, 100 << 10, HELD, HELD + 1, 3 * HELD / 2];
/// As they stand in [`configuration`].
const DEFAULT_POLICY: &str = "no-cache";
const RULED_POLICY: &str = "max-age=77";
const VERSIONED_POLICY: &str = "max-age=4242, immutable";

/// How long what is known counts: not at all, so that the store is asked for every answer, and so long that most answers
/// come from what is held. And after which time every change is seen.
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

/// What is put, and what it is served as where the store does not say otherwise.
#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    path: &'a str,
    len: usize,
    /// Of its bytes.
    seed: u64,
    beside: Beside<'a>,
    /// The type that its name says; `None` where it says none.
    named: Option<&'a str>,
}

impl<'a> Sample<'a> {
    /// A picture that nothing is said of but a wrong type.
    const fn picture(path: &'a str, len: usize, seed: u64) -> Self {
        let beside = Beside { content_type: Some("image/x-wrong"), cache_control: None };
        Self { path, len, seed, beside, named: Some("image/jpeg") }
    }
}

/// A sample that was put.
struct Kept {
    target: String,
    /// When it was put, to the second: not before the first, and not after the second.
    when: [SystemTime; 2],
    /// Without what only the first answer can tell: the tag of a store of that manner, and the date.
    asset: Asset,
    tag: Tag,
}

impl Kept {
    /// Takes the tag and the date from an answer, having checked that they can be right.
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
        assert_eq!(httpdate::fmt_http_date(modified), date, "as RFC 9110 prefers it");
        assert!(
            self.when[0] <= modified && modified <= self.when[1],
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

    /// What a link to it must carry.
    fn version(&self) -> String {
        match self.tag {
            Tag::Sha256 => version_of(&self.asset.bytes),
            _ => version_of(self.etag().as_bytes()),
        }
    }

    /// The same under another policy.
    fn under(&self, policy: &str) -> Asset {
        let mut asset = self.asset.clone();
        set(&mut asset.fields, "cache-control", policy);
        asset
    }

    /// Its date, and so many seconds.
    fn date(&self, seconds: i64) -> String {
        let modified = httpdate::parse_http_date(self.asset.field("last-modified")).expect("a date");
        let offset = Duration::from_secs(seconds.unsigned_abs());
        httpdate::fmt_http_date(if seconds < 0 { modified - offset } else { modified + offset })
    }
}

/// The checks' hold on a subject.
struct Bench<'a> {
    subject: &'a dyn Subject,
    /// So long after a change it is seen by everybody.
    stale: Duration,
}

impl Bench<'_> {
    fn client(&self) -> Client {
        Client::new(self.subject.address())
    }

    /// Puts a sample, and says what must be said of it.
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
        // A document is shown, and named when it is kept.
        if !["image/", "video/", "audio/"].iter().any(|family| content_type.starts_with(family)) {
            let name = path.rsplit('/').next().expect("a name");
            let value = format!("inline; filename=\"{name}\"; filename*=UTF-8''{name}");
            set(&mut fields, "content-disposition", &value);
        }
        Kept {
            target: target(path),
            // The clock that the kernel stamps files with is up to a tick behind.
            when: [whole_second(before - Duration::from_millis(20)), SystemTime::now()],
            asset: Asset { bytes, fields },
            tag: manner.tag,
        }
    }

    /// Puts a sample and asks for it once, so that all is known of it.
    #[track_caller]
    fn known(&self, client: &mut Client, sample: Sample<'_>) -> Kept {
        let kept = self.put(sample);
        let answer = client.request("GET", &kept.target, &[]);
        assert_eq!(answer.status, 200, "{sample:?}: {answer:?}");
        kept.learn(&answer)
    }
}

/// The path as it stands in a request.
fn target(path: &str) -> String {
    format!("/{}", keepers::encoded(path))
}

fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).expect("a time of today");
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// Holds every check against a subject, which is started anew for each.
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
    // It tells a type from the bytes where none is put, and of these it can tell nothing.
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
