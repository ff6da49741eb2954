//! Preconditions and ranges over the wire: one table, for a body in memory and for one streamed from disk.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use crate::support::response_checks::{Asset, Expected, set};
use crate::support::{Client, Folder, Server, etag_of, eventually, noise};

use Expected::{Failed, NotModified, Part, Parts, Unsatisfiable, Whole};

/// More than one chunk of a file.
const LEN: usize = 700_000;
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
/// In the past for any machine that runs this program.
const FAR_FUTURE: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
const POLICY: &str = "max-age=77, public";

/// The headers of a request, in which `{E}` is the asset's entity tag, and the response to a GET.
type Row = (&'static [(&'static str, &'static str)], Expected<'static>);

const PRECONDITIONS: &[Row] = &[
    (&[], Whole),
    // If-None-Match: weak comparison, lists, several lines.
    (&[("If-None-Match", "{E}")], NotModified),
    (&[("If-None-Match", "W/{E}")], NotModified),
    (&[("If-None-Match", "*")], NotModified),
    (&[("If-None-Match", " * ")], NotModified),
    (&[("If-None-Match", "\"other\"")], Whole),
    (&[("If-None-Match", "\"other\", {E}")], NotModified),
    (&[("If-None-Match", "\"with, comma\" ,W/\"weak\",,{E}")], NotModified),
    (&[("If-None-Match", "\"a\", \"b\", \"{E}\"")], Whole),
    (&[("If-None-Match", "\"other\""), ("If-None-Match", "{E}")], NotModified),
    (&[("If-None-Match", "\"other\""), ("If-None-Match", "\"another\"")], Whole),
    (&[("If-None-Match", "")], Whole),
    (&[("If-None-Match", "not a tag")], Whole),
    (&[("If-None-Match", "w/{E}")], Whole),
    // If-Modified-Since: any date from the asset's own on.
    (&[("If-Modified-Since", MODIFIED)], NotModified),
    (&[("If-Modified-Since", LATER)], NotModified),
    (&[("If-Modified-Since", FAR_FUTURE)], NotModified),
    (&[("If-Modified-Since", EARLIER)], Whole),
    (&[("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT")], NotModified),
    (&[("If-Modified-Since", "Sun Nov  6 08:49:37 1994")], NotModified),
    (&[("If-Modified-Since", "yesterday")], Whole),
    (&[("If-Modified-Since", "")], Whole),
    (&[("If-Modified-Since", "784111777")], Whole),
    (&[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 CET")], Whole),
    (&[("If-Modified-Since", LATER), ("If-Modified-Since", LATER)], Whole),
    // If-None-Match overrides If-Modified-Since, whichever way it goes.
    (&[("If-None-Match", "\"other\""), ("If-Modified-Since", LATER)], Whole),
    (&[("If-None-Match", "{E}"), ("If-Modified-Since", EARLIER)], NotModified),
    // If-Match: strong comparison.
    (&[("If-Match", "{E}")], Whole),
    (&[("If-Match", "*")], Whole),
    (&[("If-Match", "\"other\", {E}")], Whole),
    (&[("If-Match", "\"other\""), ("If-Match", "{E}")], Whole),
    (&[("If-Match", "W/{E}")], Failed),
    (&[("If-Match", "\"other\"")], Failed),
    (&[("If-Match", "")], Failed),
    (&[("If-Match", "not a tag")], Failed),
    // If-Unmodified-Since.
    (&[("If-Unmodified-Since", MODIFIED)], Whole),
    (&[("If-Unmodified-Since", LATER)], Whole),
    (&[("If-Unmodified-Since", EARLIER)], Failed),
    (&[("If-Unmodified-Since", "yesterday")], Whole),
    // If-Match overrides If-Unmodified-Since.
    (&[("If-Match", "{E}"), ("If-Unmodified-Since", EARLIER)], Whole),
    (&[("If-Match", "\"other\""), ("If-Unmodified-Since", LATER)], Failed),
    // Steps 1 and 2 come before steps 3 and 4.
    (&[("If-Match", "{E}"), ("If-None-Match", "{E}")], NotModified),
    (&[("If-Match", "\"other\""), ("If-None-Match", "{E}")], Failed),
    (&[("If-Unmodified-Since", EARLIER), ("If-Modified-Since", LATER)], Failed),
    (&[("If-Unmodified-Since", MODIFIED), ("If-Modified-Since", MODIFIED)], NotModified),
];

const RANGES: &[Row] = &[
    (&[("Range", "bytes=0-0")], Part(0..1)),
    (&[("Range", "bytes=0-99")], Part(0..100)),
    (&[("Range", "bytes=299999-600000")], Part(299_999..600_001)),
    (&[("Range", "bytes=699999-")], Part(LEN - 1..LEN)),
    (&[("Range", "bytes=5-")], Part(5..LEN)),
    (&[("Range", "bytes=0-")], Part(0..LEN)),
    (&[("Range", "bytes=-1")], Part(LEN - 1..LEN)),
    (&[("Range", "bytes=-500")], Part(LEN - 500..LEN)),
    // Longer than the asset: all of it, as a part.
    (&[("Range", "bytes=-700000")], Part(0..LEN)),
    (&[("Range", "bytes=-700001")], Part(0..LEN)),
    (&[("Range", "bytes=-99999999999999999999999")], Part(0..LEN)),
    // The last position is clamped, past u64 too.
    (&[("Range", "bytes=699000-700000")], Part(699_000..LEN)),
    (&[("Range", "bytes=699000-18446744073709551615")], Part(699_000..LEN)),
    (&[("Range", "bytes=699000-18446744073709551616")], Part(699_000..LEN)),
    (&[("Range", "bytes=699000-99999999999999999999999")], Part(699_000..LEN)),
    (&[("Range", "bytes=0000000000000000000000001-0000000000000000000000002")], Part(1..3)),
    // No byte of the asset.
    (&[("Range", "bytes=700000-")], Unsatisfiable),
    (&[("Range", "bytes=700000-700001")], Unsatisfiable),
    (&[("Range", "bytes=18446744073709551615-")], Unsatisfiable),
    (&[("Range", "bytes=99999999999999999999999-")], Unsatisfiable),
    (&[("Range", "bytes=-0")], Unsatisfiable),
    (&[("Range", "bytes=700000-,-0,800000-900000")], Unsatisfiable),
    // Whitespace and empty members.
    (&[("Range", "bytes= 0-9")], Part(0..10)),
    (&[("Range", "bytes=\t0-9 ,")], Part(0..10)),
    (&[("Range", "bytes=,,0-9, ,")], Part(0..10)),
    (&[("Range", "BYTES=0-9")], Part(0..10)),
    // Malformed: the whole header is ignored.
    (&[("Range", "bytes=5-4")], Whole),
    (&[("Range", "bytes=99999999999999999999999-99999999999999999999998")], Whole),
    (&[("Range", "bytes=--6")], Whole),
    (&[("Range", "bytes=-")], Whole),
    (&[("Range", "bytes=")], Whole),
    (&[("Range", "bytes=,")], Whole),
    (&[("Range", "bytes")], Whole),
    (&[("Range", "bytes 0-9")], Whole),
    (&[("Range", "bytes = 0-9")], Whole),
    (&[("Range", "bytes=0 - 9")], Whole),
    (&[("Range", "bytes=+0-9")], Whole),
    (&[("Range", "bytes=0x0-0x9")], Whole),
    (&[("Range", "bytes=a-b")], Whole),
    (&[("Range", "bytes=0-9-")], Whole),
    (&[("Range", "bytes=0-9;10-19")], Whole),
    (&[("Range", "bytes=0-9,5-4")], Whole),
    (&[("Range", "bytes=--6,0-9")], Whole),
    (&[("Range", "0-9")], Whole),
    (&[("Range", "")], Whole),
    (&[("Range", "bytes=0-9"), ("Range", "bytes=20-29")], Whole),
    // Unsupported units.
    (&[("Range", "lines=0-9")], Whole),
    (&[("Range", "bytess=0-9")], Whole),
    (&[("Range", "none=0-9")], Whole),
    // Several ranges, in the order of the request.
    (&[("Range", "bytes=0-0,-1")], Parts(&[0..1, LEN - 1..LEN])),
    (&[("Range", "bytes=500-599,0-99")], Parts(&[500..600, 0..100])),
    (
        &[("Range", "bytes=600000-699999, 0-299999 ,400000-400000")],
        Parts(&[600_000..LEN, 0..300_000, 400_000..400_001]),
    ),
    // Joined with the first, and so sent before the second.
    (&[("Range", "bytes=-100,0-99,300-")], Parts(&[300..LEN, 0..100])),
    // Ranges beyond the asset are left out.
    (&[("Range", "bytes=0-99,700000-,200-299")], Parts(&[0..100, 200..300])),
    (&[("Range", "bytes=0-99,800000-900000")], Part(0..100)),
    // Ranges that overlap or touch are joined, in the place of the first.
    (&[("Range", "bytes=0-99,50-149")], Part(0..150)),
    (&[("Range", "bytes=0-99,100-199")], Part(0..200)),
    (&[("Range", "bytes=0-99,101-199")], Parts(&[0..100, 101..200])),
    (&[("Range", "bytes=900-999,0-99,950-1049,50-149")], Parts(&[900..1050, 0..150])),
    (&[("Range", "bytes=0-9,0-9,0-9")], Part(0..10)),
    // More bytes than the asset has.
    (&[("Range", "bytes=0-,0-0")], Whole),
    (&[("Range", "bytes=-101,0-99,200-")], Whole),
    (&[("Range", "bytes=0-399999,300000-699999")], Whole),
    (&[("Range", "bytes=0-349999,350000-")], Part(0..LEN)),
    // Preconditions come first, and an unsatisfiable range does not affect them.
    (&[("Range", "bytes=0-9"), ("If-None-Match", "{E}")], NotModified),
    (&[("Range", "bytes=700000-"), ("If-None-Match", "{E}")], NotModified),
    (&[("Range", "bytes=0-9"), ("If-None-Match", "\"other\"")], Part(0..10)),
    (&[("Range", "bytes=0-9"), ("If-Modified-Since", MODIFIED)], NotModified),
    (&[("Range", "bytes=0-9"), ("If-Match", "\"other\"")], Failed),
    (&[("Range", "bytes=700000-"), ("If-Match", "\"other\"")], Failed),
    (&[("Range", "bytes=0-9"), ("If-Match", "{E}")], Part(0..10)),
    (&[("Range", "bytes=0-9"), ("If-Unmodified-Since", EARLIER)], Failed),
    // If-Range: exactly the tag, compared strongly, or exactly the date.
    (&[("Range", "bytes=0-9"), ("If-Range", "{E}")], Part(0..10)),
    (&[("Range", "bytes=0-9,20-29"), ("If-Range", "{E}")], Parts(&[0..10, 20..30])),
    (&[("Range", "bytes=0-9"), ("If-Range", "W/{E}")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "\"other\"")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "\"other\", {E}")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "*")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", MODIFIED)], Part(0..10)),
    (&[("Range", "bytes=0-9"), ("If-Range", EARLIER)], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", LATER)], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "yesterday")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "{E}"), ("If-Range", "{E}")], Whole),
    (&[("Range", "bytes=700000-"), ("If-Range", "\"other\"")], Whole),
    (&[("If-Range", "\"other\"")], Whole),
    (&[("If-Range", "{E}")], Whole),
    (&[("Range", "bytes=0-9"), ("If-Range", "{E}"), ("If-None-Match", "{E}")], NotModified),
];

/// An asset, and a server that has it in memory or streams it.
struct Fixture {
    server: Server,
    asset: Asset,
    target: &'static str,
}

const KEPT_IN_MEMORY: &str = "";
const STREAMED: &str = "[memory]\ncache = 0\n";

fn fixture(folder: &Folder, memory: &str, len: usize) -> Fixture {
    let bytes = noise(len, 9);
    folder.write("report.pdf", &bytes);
    // Half a second past a full one: validators have whole seconds.
    folder.set_mtime("report.pdf", UNIX_EPOCH + Duration::new(784_111_777, 500_000_000));
    let toml = format!("{memory}[[mount]]\nstore = \".\"\n[cache]\ndefault = \"{POLICY}\"\n");
    let server = Server::configured(folder, &toml);
    let mut asset = Asset { bytes, fields: Vec::new() };
    for (name, value) in [
        ("accept-ranges", "bytes"),
        ("cache-control", POLICY),
        ("content-disposition", "inline; filename=\"report.pdf\"; filename*=UTF-8''report.pdf"),
        ("content-length", &*len.to_string()),
        ("content-type", "application/pdf"),
        ("etag", &*etag_of(&asset.bytes)),
        ("last-modified", MODIFIED),
        ("x-content-type-options", "nosniff"),
    ] {
        set(&mut asset.fields, name, value);
    }
    Fixture { server, asset, target: "/report.pdf" }
}

impl Fixture {
    /// Sends a row as GET and as HEAD, and checks each response to the last byte.
    fn check(&self, client: &mut Client, (fields, expected): &Row) {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (*name, value.replace("{E}", self.etag()))).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        self.asset.ask(client, self.target, &fields, expected);
    }

    fn etag(&self) -> &str {
        self.asset.field("etag")
    }
}

fn check_all(memory: &str) {
    let folder = Folder::new();
    let fixture = fixture(&folder, memory, LEN);
    // One connection for all: any remainder of a response would break the next.
    let mut client = fixture.server.connect();
    for row in PRECONDITIONS.iter().chain(RANGES) {
        fixture.check(&mut client, row);
    }
}

#[test]
fn preconditions_and_ranges_of_a_body_in_memory() {
    check_all(KEPT_IN_MEMORY);
}

#[test]
fn preconditions_and_ranges_of_a_file_that_is_streamed() {
    check_all(STREAMED);
}

#[test]
fn an_empty_asset_has_no_ranges() {
    for memory in [KEPT_IN_MEMORY, STREAMED] {
        let folder = Folder::new();
        let fixture = fixture(&folder, memory, 0);
        let mut client = fixture.server.connect();
        for range in
            ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-0", "bytes=5-", "bytes=0-0,-1", "bytes=5-4"]
        {
            let get = client.request("GET", fixture.target, &[("Range", range)]);
            fixture.asset.check(range, &get, &Whole);
        }
        let none_match = [("Range", "bytes=0-0"), ("If-None-Match", fixture.etag())];
        let get = client.request("GET", fixture.target, &none_match);
        fixture.asset.check("If-None-Match", &get, &NotModified);
    }
}

/// Ranges of one byte each, with a byte between them.
fn scattered(count: usize) -> String {
    let ranges: Vec<_> = (0..count).map(|number| format!("{0}-{0}", number * 2)).collect();
    format!("bytes={}", ranges.join(","))
}

#[test]
fn sixteen_parts_are_sent_and_seventeen_become_the_whole() {
    const SIXTEEN: [Range<usize>; 16] = {
        let mut ranges = [const { 0..1 }; 16];
        let mut number = 0;
        while number < 16 {
            ranges[number] = number * 2..number * 2 + 1;
            number += 1;
        }
        ranges
    };
    for memory in [KEPT_IN_MEMORY, STREAMED] {
        let folder = Folder::new();
        let fixture = fixture(&folder, memory, LEN);
        let mut client = fixture.server.connect();
        let joined = (0..40).map(|first| format!("{first}-{first}")).collect::<Vec<_>>().join(",");
        for (range, expected) in [
            (scattered(16), Parts(&SIXTEEN)),
            (scattered(17), Whole),
            (scattered(1000), Whole),
            // Touching ranges are one part, however many there are.
            (format!("bytes={joined}"), Part(0..40)),
        ] {
            let get = client.request("GET", fixture.target, &[("Range", &range)]);
            fixture.asset.check(&range, &get, &expected);
        }
    }
}

#[test]
fn boundaries_differ_between_responses() {
    let folder = Folder::new();
    let fixture = fixture(&folder, KEPT_IN_MEMORY, LEN);
    let several = [("Range", "bytes=0-0,2-2")];
    let boundary =
        || fixture.server.request("GET", fixture.target, &several).field("content-type").to_owned();
    assert_ne!(boundary(), boundary(), "a boundary is unpredictable");
}

#[test]
fn a_download_in_ranges_is_the_whole() {
    for memory in [KEPT_IN_MEMORY, STREAMED] {
        let folder = Folder::new();
        let fixture = fixture(&folder, memory, LEN);
        let mut client = fixture.server.connect();
        let mut got = Vec::new();
        while got.len() < LEN {
            let range = format!("bytes={}-{}", got.len(), got.len() + 99_990);
            let fields = [("Range", &*range), ("If-Range", fixture.etag())];
            let mut part = client.request("GET", fixture.target, &fields);
            assert_eq!(part.status, 206);
            got.append(&mut part.body);
        }
        assert!(got == fixture.asset.bytes);
    }
}

#[test]
fn a_resumed_download_starts_over_after_a_change() {
    for memory in [KEPT_IN_MEMORY, STREAMED] {
        let folder = Folder::new();
        let old = fixture(&folder, memory, LEN);
        let first = old.server.request("GET", old.target, &[("Range", "bytes=0-349999")]);
        assert_eq!((first.status, first.field("etag")), (206, old.etag()));
        let bytes = noise(LEN, 10);
        folder.write("report.pdf", &bytes);
        let etag = etag_of(&bytes);
        // A request by version ensures that the server has seen the change.
        let v = &etag[1..17];
        assert_eq!(old.server.get(&format!("/report.pdf?v={v}")).field("etag"), etag);
        for validator in [old.etag(), MODIFIED] {
            let fields = [("Range", "bytes=350000-"), ("If-Range", validator)];
            let rest = old.server.request("GET", old.target, &fields);
            assert_eq!((rest.status, rest.field("etag")), (200, &*etag), "{validator}");
            assert!(rest.body == bytes, "{validator}");
        }
    }
}

#[test]
fn a_constant_date_joins_no_two_versions() {
    const DATE: &str = "Tue, 01 Jan 1980 00:00:00 GMT";
    let folder = Folder::new();
    let constant = UNIX_EPOCH + Duration::from_hours(87_648);
    // In memory, and streamed.
    for (name, len) in [("small.jpg", 5_000), ("large.mp4", 30 << 20)] {
        folder.write(name, noise(len, 1)).set_mtime(name, constant);
    }
    folder.settle();
    let server = Server::configured(&folder, "[[mount]]\nstore = \".\"\nlast_modified = \"mtime\"\n");
    for (name, len) in [("/small.jpg", 5_000), ("/large.mp4", 30 << 20)] {
        let first = server.get(name);
        assert_eq!(first.field("last-modified"), DATE);
        // As long as the date stands for one version, it is a validator.
        assert_eq!(server.request("GET", name, &[("If-Modified-Since", DATE)]).status, 304, "{name}");
        assert_eq!(server.request("GET", name, &[("Range", "bytes=0-9"), ("If-Range", DATE)]).status, 206);

        let second = noise(len, 2);
        folder.write(&name[1..], &second).set_mtime(&name[1..], constant);
        eventually("the new version is served", || (server.get(name).body == second).then_some(()));
        let etag = etag_of(&second);
        for fields in [
            &[("If-Modified-Since", DATE)][..],
            &[("Range", "bytes=1000-1999"), ("If-Range", DATE)],
            &[("Range", "bytes=1000-1999"), ("If-Unmodified-Since", DATE)],
        ] {
            let response = server.request("GET", name, fields);
            assert!(
                response.status == 200 && response.body == second,
                "{name} {fields:?}: {}",
                response.status
            );
            assert_eq!(response.field("last-modified"), DATE);
        }
        assert_eq!(server.request("HEAD", name, &[("If-Modified-Since", DATE)]).status, 200);
        assert_eq!(server.request("GET", name, &[("If-None-Match", &etag)]).status, 304);
        let range = server.request("GET", name, &[("Range", "bytes=1000-1999"), ("If-Range", &etag)]);
        assert!(range.status == 206 && range.body == second[1000..2000], "{name}");
    }
}
