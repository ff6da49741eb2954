//! One entity tag, one body: whatever happens to the files, no two complete responses have the same tag with different
//! bytes, and a response whose file changed is cut before its end.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Client, Folder, Response, Server, TIMEOUT, etag_of, noise};

/// How long files are rewritten while clients read them.
const WRITING: Duration = Duration::from_secs(5);

/// How a writer replaces a file.
#[derive(Debug, Clone, Copy)]
enum Way {
    Rename,
    InPlace,
    TruncateAndCopy,
}

impl Way {
    fn write(self, path: &Path, bytes: &[u8]) {
        match self {
            Self::Rename => {
                let new = path.with_extension("new");
                fs::write(&new, bytes).expect("a file");
                fs::rename(&new, path).expect("a rename");
            }
            Self::InPlace => {
                let mut file = OpenOptions::new().write(true).open(path).expect("a file");
                // In pieces, so that readers see halves.
                for piece in bytes.chunks(bytes.len() / 3 + 1) {
                    file.write_all(piece).expect("written");
                    thread::yield_now();
                }
            }
            Self::TruncateAndCopy => fs::write(path, bytes).expect("a file"),
        }
    }
}

/// What readers received: the first complete body of each tag.
#[derive(Default)]
struct Seen {
    bodies: Mutex<HashMap<String, String>>,
    complete: Mutex<usize>,
}

impl Seen {
    fn note(&self, etag: &str, response: &Response) {
        if !response.complete || response.status != 200 {
            return;
        }
        assert_eq!(etag, etag_of(&response.body), "a complete 200 matches its tag");
        let digest = etag_of(&response.body);
        let mut bodies = self.bodies.lock().expect("not poisoned");
        let first = bodies.entry(etag.to_owned()).or_insert_with(|| digest.clone());
        assert_eq!(*first, digest, "one tag, one body");
        *self.complete.lock().expect("not poisoned") += 1;
    }

    /// Complete bodies, and the tags that they came with.
    fn counts(&self) -> (usize, usize) {
        let complete = *self.complete.lock().expect("not poisoned");
        (complete, self.bodies.lock().expect("not poisoned").len())
    }

    fn is_enough(&self) -> bool {
        let (complete, tags) = self.counts();
        complete > 20 && tags > 3
    }
}

fn read_until(stop: &AtomicBool, server: &Server, target: &str, seen: &Seen) {
    let mut client: Option<Client> = None;
    while !stop.load(Ordering::Relaxed) {
        let connected = client.get_or_insert_with(|| server.connect());
        connected.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let Ok(mut response) = connected.head() else {
            client = None;
            continue;
        };
        connected.body(&mut response);
        if response.status == 200 {
            seen.note(response.field("etag"), &response);
        } else {
            assert_eq!(response.status, 503, "{response:?}");
        }
        if !response.complete {
            client = None;
        }
    }
}

/// Rewrites one file in a way while clients read it, from memory or as a stream depending on `toml`, and compares every complete
/// body with its tag.
fn rewrite_under_readers(toml: &str, len: usize) {
    let folder = Folder::new();
    let ways = [("rename.jpg", Way::Rename), ("place.jpg", Way::InPlace), ("copy.jpg", Way::TruncateAndCopy)];
    for (name, _) in ways {
        folder.write(name, noise(len, 0));
    }
    let server = Server::configured(
        &folder,
        &format!("{toml}\n[[mount]]\npath = \"/\"\nstore = \".\"\nfresh = \"50ms\"\n"),
    );
    let (stop, seen) = (AtomicBool::new(false), Seen::default());
    thread::scope(|scope| {
        for (number, (name, way)) in ways.into_iter().enumerate() {
            let path = folder.at(name);
            let stop = &stop;
            scope.spawn(move || {
                for seed in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // The same length every time, so that only the bytes differ.
                    way.write(&path, &noise(len, seed * 3 + number as u64));
                    thread::sleep(Duration::from_millis(seed % 7));
                }
            });
            for _ in 0..2 {
                let (server, seen) = (&server, &seen);
                scope.spawn(move || read_until(stop, server, &format!("/{name}"), seen));
            }
        }
        let began = Instant::now();
        // At least this long, and on a slow machine until there is enough to compare.
        while began.elapsed() < WRITING || (!seen.is_enough() && began.elapsed() < TIMEOUT) {
            thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (complete, tags) = seen.counts();
    assert!(seen.is_enough(), "only {complete} complete bodies with {tags} tags were seen");
}

#[test]
fn bodies_in_memory_match_their_tag_while_files_are_rewritten() {
    rewrite_under_readers("", 60_000);
}

#[test]
fn bodies_from_files_match_their_tag_while_files_are_rewritten() {
    rewrite_under_readers("[memory]\ncache = 0\n", 3_000_000);
}

/// A streamed file, a client that has read the head and a little of the body, and what is then done to the file.
fn disturb(age: Duration, disturb: impl FnOnce(&Path)) -> (Vec<u8>, Response) {
    // More than the socket buffers hold.
    let bytes = noise(24 << 20, 7);
    let folder = Folder::new();
    folder.write("big.mp4", &bytes);
    let server = Server::configured(&folder, "[memory]\ncache = 0\n[[mount]]\npath = \"/\"\nstore = \".\"\n");
    thread::sleep(age);
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut response = client.head().expect("a head");
    assert_eq!((response.status, response.field("etag")), (200, etag_of(&bytes).as_str()));
    let mut first = vec![0; 1000];
    client.stream.read_exact(&mut first).expect("the first bytes");
    disturb(&folder.at("big.mp4"));
    let _ = client.stream.take(bytes.len() as u64 - 1000).read_to_end(&mut first);
    response.complete = first.len() == bytes.len();
    response.body = first;
    (bytes, response)
}

const YOUNG: Duration = Duration::ZERO;
const SETTLED: Duration = Duration::from_millis(2500);

#[test]
fn a_file_that_is_overwritten_while_it_is_sent_is_cut() {
    for age in [YOUNG, SETTLED] {
        let (_, response) = disturb(age, |path| {
            let mut file = OpenOptions::new().write(true).open(path).expect("a file");
            file.seek(SeekFrom::Start(20 << 20)).expect("sought");
            file.write_all(b"another").expect("written");
        });
        assert!(!response.complete, "{age:?}");
    }
}

#[test]
fn a_file_that_is_truncated_while_it_is_sent_is_cut() {
    for age in [YOUNG, SETTLED] {
        let (_, response) = disturb(age, |path| {
            File::options().write(true).open(path).expect("a file").set_len(5 << 20).expect("cut");
        });
        assert!(!response.complete, "{age:?}");
    }
}

#[test]
fn a_file_whose_mtime_is_restored_after_a_change_is_cut() {
    let (_, response) = disturb(SETTLED, |path| {
        let file = OpenOptions::new().write(true).open(path).expect("a file");
        let mtime = file.metadata().expect("metadata").modified().expect("an mtime");
        let mut at = &file;
        at.seek(SeekFrom::Start(23 << 20)).expect("sought");
        at.write_all(b"another").expect("written");
        file.set_modified(mtime).expect("an mtime");
    });
    assert!(!response.complete);
}

#[test]
fn a_file_that_is_replaced_or_deleted_while_it_is_sent_is_sent_to_its_end() {
    for age in [YOUNG, SETTLED] {
        let (bytes, response) = disturb(age, |path| Way::Rename.write(path, b"the next version"));
        assert!(response.complete && response.body == bytes, "{age:?}");
        let (bytes, response) = disturb(age, |path| fs::remove_file(path).expect("deleted"));
        assert!(response.complete && response.body == bytes, "{age:?}");
    }
}

#[test]
fn after_a_cut_the_next_request_gets_the_new_version() {
    let bytes = noise(24 << 20, 7);
    let folder = Folder::new();
    folder.write("big.mp4", &bytes);
    let server = Server::configured(
        &folder,
        "[memory]\ncache = 0\n[[mount]]\npath = \"/\"\nstore = \".\"\nfresh = \"1h\"\n",
    );
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut response = client.head().expect("a head");
    let next = noise(24 << 20, 8);
    Way::InPlace.write(&folder.at("big.mp4"), &next);
    client.body(&mut response);
    assert!(!response.complete);
    let response = server.get("/big.mp4");
    assert!(response.complete && response.body == next);
}

#[test]
fn a_change_is_seen_within_a_second_and_a_deletion_too() {
    let folder = Folder::new();
    folder.write("list.pdf", "old");
    let server = Server::start(folder.path());
    assert_eq!(server.get("/list.pdf").body, b"old");
    // The same length, and the mtime of the old one: only inode and ctime differ.
    let mtime = fs::metadata(folder.at("list.pdf")).expect("metadata").modified().expect("an mtime");
    folder.write("list.new", "new").set_mtime("list.new", mtime);
    fs::rename(folder.at("list.new"), folder.at("list.pdf")).expect("a rename");
    let changed = Instant::now();
    while server.get("/list.pdf").body != b"new" {
        assert!(changed.elapsed() < TIMEOUT);
    }
    fs::remove_file(folder.at("list.pdf")).expect("deleted");
    while server.get("/list.pdf").status != 404 {
        assert!(changed.elapsed() < TIMEOUT);
    }
}

#[test]
fn many_concurrent_first_requests_get_the_same_correct_tag() {
    let bytes = Arc::new(noise(9 << 20, 3));
    let folder = Folder::new();
    folder.write("first.mp4", &*bytes);
    let server = Arc::new(Server::start(folder.path()));
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let (server, bytes) = (Arc::clone(&server), Arc::clone(&bytes));
            thread::spawn(move || {
                let response = server.get("/first.mp4");
                assert_eq!(response.field("etag"), etag_of(&bytes));
                assert!(response.complete && response.body == *bytes);
            })
        })
        .collect();
    for reader in readers {
        reader.join().expect("a reader");
    }
}
