//! Last-Modified follows the content: over deployments, restarts, crashes and edits within one second, with the state folder and with
//! the content index.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::support::{
    Client, Folder, Outcome, Response, Server, etag_of, eventually, noise, outcome, run, wamedia,
};

/// A folder `media` with files in it, and a state folder beside it.
struct House(Folder);

const FILES: [(&str, usize); 3] = [("a.jpg", 5_000), ("films/b.mp4", 300_000), ("Preisliste März.pdf", 10)];

impl House {
    fn new() -> Self {
        let house = Self(Folder::new());
        for (seed, (name, len)) in FILES.into_iter().enumerate() {
            house.0.write(&format!("media/{name}"), noise(len, seed as u64));
        }
        house
    }

    fn media(&self, name: &str) -> PathBuf {
        self.0.at("media").join(name)
    }

    fn serve(&self, arguments: &[&str]) -> Server {
        Server::spawn(
            self.command("state").args(["serve", "media", "--listen", "127.0.0.1:0"]).args(arguments),
        )
    }

    /// A command with this state folder.
    fn command(&self, state: &str) -> Command {
        let mut command = wamedia();
        command.current_dir(self.0.path()).env("WAMEDIA_STATE", self.0.at(state));
        command
    }

    /// Replaces each file by a copy, whose mtime is now or the given one.
    fn replace_files(&self, mtime: Option<u64>) {
        for (name, _) in FILES {
            let (file, copy) = (self.media(name), self.0.at("copy"));
            fs::write(&copy, fs::read(&file).expect("a file")).expect("a copy");
            if let Some(seconds) = mtime {
                set_mtime(&copy, seconds);
            }
            fs::rename(copy, file).expect("renamed");
        }
    }
}

/// The dates of all files.
fn dates(server: &Server) -> BTreeMap<&'static str, String> {
    FILES.into_iter().map(|(name, _)| (name, date_of(&server.get(&target(name))))).collect()
}

fn target(name: &str) -> String {
    format!("/{}", name.replace(' ', "%20").replace('ä', "%C3%A4"))
}

fn set_mtime(file: &Path, seconds: u64) {
    let file = File::options().write(true).open(file).expect("a file");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("an mtime");
}

/// The Last-Modified, after checking that it is not later than the Date.
#[track_caller]
fn date_of(response: &Response) -> String {
    assert_eq!(response.status, 200, "{:?}", response.fields);
    let date = response.field("last-modified");
    assert!(parsed(date) <= parsed(response.field("date")), "{:?}", response.fields);
    date.to_owned()
}

#[track_caller]
fn parsed(date: &str) -> SystemTime {
    httpdate::parse_http_date(date).expect("a date")
}

/// A way to deploy the same bytes again, and its name.
type Deployment = (&'static str, fn(&House));

/// Deployments of the same bytes: by git, by rsync, with constant mtimes.
fn redeployments() -> Vec<Deployment> {
    let by_git: fn(&House) = |house| {
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.excludesFile="]);
            let done = outcome(git.current_dir(house.0.at("media")).args(arguments));
            assert_eq!(done.code, Some(0), "{done:?}");
        };
        if !house.media(".git").exists() {
            git(&["init", "-q"]);
        }
        git(&["add", "-A", "-f", "."]);
        git(&["commit", "-q", "--allow-empty", "-m", "files"]);
        for (name, _) in FILES {
            fs::remove_file(house.media(name)).expect("a file");
        }
        git(&["checkout", "-q", "--", "."]);
    };
    let by_rsync: fn(&House) = |house| {
        let mut copy = Command::new("cp");
        assert_eq!(outcome(copy.current_dir(house.0.path()).args(["-r", "media", "source"])).code, Some(0));
        for (name, _) in FILES {
            fs::write(house.media(name), "differs, so that it is copied").expect("a file");
        }
        let mut rsync = Command::new("rsync");
        let done = outcome(rsync.current_dir(house.0.path()).args(["-r", "--checksum", "source/", "media/"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        fs::remove_dir_all(house.0.at("source")).expect("a folder");
    };
    let is_installed = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let mut all: Vec<Deployment> = vec![
        ("a copy", |house| house.replace_files(None)),
        ("mtime 0", |house| house.replace_files(Some(0))),
        ("a constant mtime", |house| house.replace_files(Some(315_532_800))),
        ("a later mtime", |house| house.replace_files(Some(4_000_000_000))),
    ];
    for (tool, deploy) in [("git", by_git), ("rsync", by_rsync)] {
        if is_installed(tool) {
            all.push((tool, deploy));
        } else {
            println!("{tool} is not installed: no deployment by it");
        }
    }
    all
}

#[test]
fn a_deployment_of_the_same_bytes_changes_no_date() {
    let house = House::new();
    set_mtime(&house.media("a.jpg"), 1_000_000_000);
    let mut server = house.serve(&[]);
    let before = dates(&server);
    assert_eq!(before["a.jpg"], "Sun, 09 Sep 2001 01:46:40 GMT", "without history it is the mtime");
    for (name, deploy) in redeployments() {
        deploy(&house);
        // Also without a restart, once the server has noticed the new files.
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(dates(&server), before, "{name}");
        server.end();
        server = house.serve(&[]);
        assert_eq!(dates(&server), before, "{name}, and a restart");
    }
}

#[test]
fn the_index_alone_carries_the_dates() {
    let house = House::new();
    let indexed = outcome(house.command("none").args(["index", "media"]));
    assert_eq!(indexed.code, Some(0), "{indexed:?}");
    let mut before = None;
    for (number, (name, deploy)) in redeployments().into_iter().enumerate() {
        deploy(&house);
        // Each on a machine that knows nothing.
        let states = [format!("one-{number}"), format!("other-{number}")];
        let dates = states.map(|state| {
            let mut command = house.command(&state);
            let server = Server::spawn(command.args(["serve", "media", "--listen", "127.0.0.1:0"]));
            assert_eq!(server.get("/.wamedia-index").status, 404);
            dates(&server)
        });
        assert_eq!(dates[0], dates[1], "two instances with one index agree");
        assert_eq!(*before.get_or_insert_with(|| dates[0].clone()), dates[0], "{name}");
    }
    let check = outcome(house.command("none").args(["index", "--check", "media"]));
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn bytes_that_come_back_have_a_new_date() {
    let house = House::new();
    let server = house.serve(&[]);
    let contents = [&b"one"[..], b"two", b"one"];
    let dates = contents.map(|bytes| {
        fs::write(house.media("a.jpg"), bytes).expect("a file");
        set_mtime(&house.media("a.jpg"), 1_000_000_000);
        let response = eventually("the new bytes", || {
            let response = server.get("/a.jpg");
            (response.body == bytes).then_some(response)
        });
        parsed(&date_of(&response))
    });
    assert!(dates[0] < dates[1] && dates[1] < dates[2], "{dates:?}");
}

/// What readers were sent.
#[derive(Default)]
struct Sent {
    /// The entity tag that each date stood for.
    tags: Mutex<HashMap<String, String>>,
}

impl Sent {
    #[track_caller]
    fn note(&self, response: &Response) {
        let (date, tag) = (date_of(response), response.field("etag").to_owned());
        let mut tags = self.tags.lock().expect("not poisoned");
        let known = tags.entry(date.clone()).or_insert_with(|| tag.clone());
        assert_eq!(*known, tag, "two versions were sent with {date}");
    }
}

const EDITS: u64 = 200;
const CRASHES: u64 = 20;

/// Requests the file with the date that it has, and returns its copy.
fn revalidate(client: &mut Client, copy: &mut Option<Response>, sent: &Sent) {
    let fields: Vec<_> =
        copy.iter().map(|copy| ("If-Modified-Since", copy.field("last-modified").to_owned())).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let response = client.request("GET", "/a.jpg", &fields);
    if response.status == 304 {
        let copy = copy.as_ref().expect("a copy");
        assert_eq!(response.field("etag"), copy.field("etag"), "a 304 stands for other bytes");
    } else {
        sent.note(&response);
        assert_eq!(etag_of(&response.body), response.field("etag"));
        *copy = Some(response);
    }
}

/// 200 edits at random moments, many within one second, and 20 crashes, while two readers revalidate by the date alone.
#[test]
fn no_edit_is_missed_and_no_date_stands_for_two_versions() {
    let house = House::new();
    let serve = || house.serve(&["--access-log", "off"]);
    let (server, sent, is_over) = (RwLock::new(Some(serve())), Sent::default(), AtomicBool::new(false));
    let read = || {
        let mut copy = None;
        while !is_over.load(Ordering::Relaxed) {
            // Held for reading, so that no crash cuts the response.
            let server = server.read().expect("not poisoned");
            revalidate(&mut server.as_ref().expect("a server").connect(), &mut copy, &sent);
        }
        copy
    };
    let mut random = noise(usize::try_from(EDITS).expect("a size"), 7).into_iter().map(u64::from);
    let copies: Vec<_> = std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for edit in 0..EDITS {
            // Some bytes come back, under any mtime.
            let bytes = noise(2_000, if edit % 5 == 4 { edit - 2 } else { edit });
            let replacement = house.0.at("next");
            fs::write(&replacement, bytes).expect("a file");
            if edit % 3 == 0 {
                set_mtime(&replacement, 1_000_000_000);
            }
            fs::rename(replacement, house.media("a.jpg")).expect("renamed");
            std::thread::sleep(Duration::from_millis(random.next().expect("a number") / 2));
            if edit % (EDITS / CRASHES) == 7 {
                let mut place = server.write().expect("not poisoned");
                let mut running = place.take().expect("a server");
                running.signal(Signal::KILL);
                running.wait();
                *place = Some(serve());
            }
        }
        // The last version, once it may no longer be the one of before.
        std::thread::sleep(Duration::from_millis(2500));
        is_over.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().expect("a reader")).into()
    });
    let last = etag_of(&fs::read(house.media("a.jpg")).expect("a file"));
    for copy in copies {
        assert_eq!(copy.expect("a copy").field("etag"), last, "a reader was left with old bytes");
    }
    let versions = sent.tags.lock().expect("not poisoned").len();
    assert!(versions >= 10, "only {versions} dates were sent");
    println!("{versions} dates were sent");
}

#[test]
fn a_new_index_is_taken_up_without_a_signal() {
    let house = House::new();
    set_mtime(&house.media("a.jpg"), 1_000_000_000);
    let server = house.serve(&[]);
    assert_eq!(date_of(&server.get("/a.jpg")), "Sun, 09 Sep 2001 01:46:40 GMT");
    let digest = &etag_of(&fs::read(house.media("a.jpg")).expect("a file"))[1..65];
    let line = |digest: &str, date: &str| format!("a.jpg\t{digest}\t5000\t{date}\n");
    fs::write(house.media(".wamedia-index"), line(digest, "2020-01-01T00:00:00Z")).expect("an index");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(date_of(&server.get("/a.jpg")), "Wed, 01 Jan 2020 00:00:00 GMT");
    // First the index, then the file that it names.
    let next = noise(777, 9);
    fs::write(house.media(".wamedia-index"), line(&etag_of(&next)[1..65], "2021-01-01T00:00:00Z"))
        .expect("an index");
    assert_eq!(
        date_of(&server.get("/a.jpg")),
        "Wed, 01 Jan 2020 00:00:00 GMT",
        "these bytes were sent with it"
    );
    fs::write(house.0.at("next"), &next).expect("a file");
    fs::rename(house.0.at("next"), house.media("a.jpg")).expect("renamed");
    let response = eventually("the new bytes", || {
        let response = server.get("/a.jpg");
        (response.body == next).then_some(response)
    });
    assert_eq!(date_of(&response), "Fri, 01 Jan 2021 00:00:00 GMT");
    // Without the index, what was sent stays.
    fs::remove_file(house.media(".wamedia-index")).expect("an index");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(date_of(&server.get("/a.jpg")), "Fri, 01 Jan 2021 00:00:00 GMT");
}

/// Ends the server and returns the only line on stderr with `part`.
#[track_caller]
fn only_line(server: Server, part: &str) -> String {
    let mut lines = server.end();
    lines.retain(|line| line.contains(part));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

#[test]
fn faulty_indexes_are_reported_and_serving_continues() {
    for (text, part) in [
        (&b"<<<<<<< HEAD\n"[..], "line 1 is the mark of a merge conflict"),
        (b"a.jpg\tabc", "is torn"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1 is not UTF-8"),
    ] {
        let house = House::new();
        fs::write(house.media(".wamedia-index"), text).expect("an index");
        let server = house.serve(&[]);
        assert_eq!(server.get("/a.jpg").status, 200);
        let line = only_line(server, "content index");
        assert!(line.contains("/media/.wamedia-index: ") && line.contains(part), "{line}");
        assert!(line.contains("wamedia index"), "{line}");
    }
    let house = House::new();
    fs::create_dir(house.media(".wamedia-index")).expect("a folder");
    let server = house.serve(&[]);
    assert_eq!(server.get("/a.jpg").status, 200);
    let line = only_line(server, "content index");
    assert!(line.contains("it is not a regular file; remove it"), "{line}");
}

#[test]
fn a_date_after_the_clock_is_not_sent() {
    let house = House::new();
    let digest = &etag_of(&fs::read(house.media("a.jpg")).expect("a file"))[1..65];
    let ahead = SystemTime::now() + Duration::from_hours(1);
    let date = humantime_like(ahead);
    fs::write(house.media(".wamedia-index"), format!("a.jpg\t{digest}\t5000\t{date}\n")).expect("an index");
    let server = house.serve(&[]);
    for _ in 0..3 {
        let response = server.get("/a.jpg");
        assert!(response.status == 200 && !response.has("last-modified"), "{:?}", response.fields);
        assert_eq!(response.field("cache-control"), "no-cache");
    }
    let line = only_line(server, "clock");
    assert!(line.contains("a.jpg") && line.contains("set the clock"), "{line}");
}

/// A date as the index has it.
fn humantime_like(time: SystemTime) -> String {
    let text = httpdate::fmt_http_date(time);
    let parts: Vec<_> = text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == parts[2]).expect("a month") + 1;
    format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4])
}

#[test]
fn without_a_writable_state_folder_one_warning_names_it() {
    let house = House::new();
    house.0.write("file", "no folder");
    let mut command = house.command("file/state");
    let server = Server::spawn(command.args(["serve", "media", "--listen", "127.0.0.1:0"]));
    let first = date_of(&server.get("/a.jpg"));
    house.replace_files(Some(5));
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(date_of(&server.get("/a.jpg")), first);
    let line = only_line(server, "warning");
    assert!(line.contains("file/state") && line.contains("state folder"), "{line}");
}

#[test]
fn other_commands_speak_of_the_same_dates_and_write_nothing() {
    let house = House::new();
    house.replace_files(Some(1));
    let simulated = |state| {
        let arguments = ["simulate", "media/a.jpg", "--format", "json"];
        house.0.write("wamedia.toml", "[[mount]]\nstore = \"media\"\n");
        let simulated = outcome(house.command(state).args(arguments));
        assert_eq!(simulated.code, Some(0), "{simulated:?}");
        simulated.stdout
    };
    simulated("state");
    assert!(!house.0.at("state").exists());
    let server = house.serve(&[]);
    let date = date_of(&server.get("/a.jpg"));
    std::thread::sleep(Duration::from_millis(1100));
    let shown = simulated("state");
    assert!(shown.contains(&date), "{date} is not in {shown}");
}

fn index(folder: &Folder, arguments: &[&str]) -> Outcome {
    run(folder.path(), &[&["index"], arguments].concat())
}

#[test]
fn index_changes_only_what_changed_and_check_tells() {
    let folder = Folder::new();
    for name in ["a.jpg", "b b.jpg", "sub/c.jpg", ".hidden", "sub/.hidden"] {
        folder
            .write(&format!("media/{name}"), name)
            .set_mtime(&format!("media/{name}"), UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    }
    let lines = || fs::read_to_string(folder.at("media/.wamedia-index")).expect("an index");
    let missing = index(&folder, &["--check", "media"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("wamedia index"), "{missing:?}");
    assert!(!folder.at("media/.wamedia-index").exists(), "--check writes nothing");
    let written = index(&folder, &["--verbose", "media"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let expected: Vec<_> = ["a.jpg", "b b.jpg", "sub/c.jpg"]
        .map(|name| {
            let digest = &etag_of(name.as_bytes())[1..65];
            format!("{name}\t{digest}\t{}\t2001-09-09T01:46:40Z", name.len())
        })
        .into();
    assert_eq!(lines().lines().collect::<Vec<_>>(), expected);
    assert_eq!(written.stdout.lines().count(), 3, "{written:?}");
    assert_eq!(index(&folder, &["--check", "media"]).code, Some(0));

    // Modification times do not count.
    let before = lines();
    folder.set_mtime("media/a.jpg", SystemTime::now());
    assert_eq!(index(&folder, &["--check", "media"]).code, Some(0));
    assert_eq!(index(&folder, &["media"]).code, Some(0));
    assert_eq!(lines(), before);

    folder.write("media/a.jpg", "other").write("media/new.jpg", "new");
    fs::remove_file(folder.at("media/sub/c.jpg")).expect("a file");
    let check = index(&folder, &["--check", "media"]);
    assert!(check.code == Some(1) && check.stderr.contains("1 added, 1 changed, 1 removed"), "{check:?}");
    assert_eq!(lines(), before, "--check writes nothing");
    let updated = index(&folder, &["-v", "media"]);
    for part in ["changed   20", "unchanged 2001-09-09T01:46:40Z b b.jpg", "added     20", "removed   2001"] {
        assert!(updated.stdout.contains(part), "{part}: {updated:?}");
    }
    let after = lines();
    assert!(after.contains(&expected[1]) && !after.contains(&expected[0]), "{after}");
    assert!(after.contains(&format!("{}\tgone ", expected[2])), "{after}");
    assert_eq!(index(&folder, &["--check", "media"]).code, Some(0));
    // What comes back changed is later than it was.
    folder.write("media/sub/c.jpg", "new").set_mtime("media/sub/c.jpg", UNIX_EPOCH + Duration::from_secs(5));
    assert_eq!(index(&folder, &["media"]).code, Some(0));
    assert!(
        lines().lines().last().is_some_and(|line| line.starts_with("sub/c.jpg\t") && line.contains("\t20"))
    );
}

#[test]
fn index_names_what_is_wrong() {
    let folder = Folder::new();
    folder.write("media/a.jpg", "a");
    for (arguments, code, part) in [
        (&["nowhere"][..], 3, "nowhere: No such file"),
        (&["--check", "nowhere"], 3, "nowhere: No such file"),
        (&["media/a.jpg"], 3, "it is not a folder"),
        (&[], 2, "name the folder"),
        (&["media", "other"], 2, "unexpected argument"),
    ] {
        let outcome = index(&folder, arguments);
        assert!(outcome.code == Some(code) && outcome.stderr.contains(part), "{arguments:?}: {outcome:?}");
    }
    folder
        .write("wamedia.toml", "[[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/b\"\nstore = \"more\"\n");
    folder.write("more/b.jpg", "b");
    let both = index(&folder, &[]);
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(folder.at("media/.wamedia-index").exists() && folder.at("more/.wamedia-index").exists());
    folder.write("more/sub/c.jpg", "c");
    let below = index(&folder, &["more/sub"]);
    assert!(below.stderr.contains("warning: more/sub: it lies in the folder"), "{below:?}");
    folder.write("wamedia.toml", "[[mount]]\nstore = \"s3://bucket\"\n");
    let none = index(&folder, &[]);
    assert!(none.code == Some(2) && none.stderr.contains("no mount is on a folder"), "{none:?}");
    // The index itself cannot be replaced.
    fs::remove_file(folder.at("more/.wamedia-index")).expect("an index");
    fs::create_dir(folder.at("more/.wamedia-index")).expect("a folder");
    let blocked = index(&folder, &["more"]);
    assert!(
        blocked.code == Some(3) && blocked.stderr.contains("more/.wamedia-index cannot be"),
        "{blocked:?}"
    );
}
