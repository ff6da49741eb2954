//! Path safety: no request target reaches files outside the folder, hidden files or anything but regular files, whatever the
//! spelling, and whatever happens to the folder meanwhile.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode};

use crate::support::{Client, Folder, Response, Server, TIMEOUT, noise, wamedia};

const SECRET: &[u8] = b"top secret bytes";

/// A folder with a store in it, and a secret beside the store.
struct Place {
    folder: Folder,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("secret.jpg", SECRET).write("outside/a.jpg", SECRET);
        folder.write("store/a.jpg", "a").write("store/folder/b.jpg", "b");
        Self { folder }
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.at("store")
    }

    fn in_store(&self, name: &str) -> std::path::PathBuf {
        self.store().join(name)
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) -> &Self {
        symlink(target, self.in_store(name)).expect("a link");
        self
    }

    fn serve(&self) -> Server {
        Server::start(&self.store())
    }

    /// Serves the store so that every request reads the disk.
    fn serve_unremembered(&self) -> Server {
        Server::configured(&self.folder, "[[mount]]\nstore = \"store\"\nfresh = \"0s\"\n")
    }
}

/// Sends bytes, and reads responses until the server closes the connection.
fn exchange(server: &Server, bytes: &[u8]) -> Vec<Response> {
    let mut client = server.connect();
    // After an early error response the server may not read the rest.
    let _ = client.stream.get_mut().write_all(bytes);
    let mut responses = Vec::new();
    while !client.is_closed() {
        responses.push(next(&mut client));
    }
    responses
}

fn next(client: &mut Client) -> Response {
    let mut response = client.head().expect("a response head");
    client.body(&mut response);
    response
}

/// Requests a target with exactly these bytes.
fn ask(server: &Server, target: &[u8]) -> Response {
    let request = [b"GET ", target, b" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"].concat();
    let mut responses = exchange(server, &request);
    assert_eq!(responses.len(), 1, "{:?}", String::from_utf8_lossy(target));
    responses.remove(0)
}

/// An error response with a reason, which no cache stores, no client takes for a page, and which does not redirect.
#[track_caller]
fn assert_refused(response: &Response, status: u16, what: &str) {
    assert_eq!(response.status, status, "{what}: {response:?}");
    assert_eq!(response.field("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(response.field("cache-control"), "no-store", "{what}");
    assert_eq!(response.field("content-type"), "text/plain; charset=utf-8", "{what}");
    assert!(!response.has("location") && !response.has("etag"), "{what}: {response:?}");
    assert!(response.complete && response.text().starts_with(&format!("{status} ")), "{what}: {response:?}");
}

#[test]
fn a_malformed_target_is_rejected() {
    let place = Place::new();
    for name in
        [".env", ".hidden/c.jpg", "folder/.d.jpg", "...", "..folder/e.jpg", "a\\b.jpg", "line\nbreak.jpg"]
    {
        place.folder.write(&format!("store/{name}"), SECRET);
    }
    // This name cannot be written in a URL that is UTF-8.
    fs::write(place.store().join(OsStr::from_bytes(b"latin-\xe4.jpg")), SECRET).expect("a file");
    let server = place.serve();
    let long_segment = format!("/{}", "a".repeat(256));
    let long_escaped = format!("/{}", "%61".repeat(256));
    let long_path = format!("/{}a.jpg", "folder/".repeat(600));
    let very_long_path = format!("/{}", "a".repeat(20_000));
    let rows: &[(&[u8], u16)] = &[
        // Folders are not listed, and no asset is a page.
        (b"/", 404),
        (b"/folder", 404),
        (b"/folder/", 404),
        (b"/a.jpg/", 404),
        (b"/a.jpg/b.jpg", 404),
        (b"/folder//b.jpg", 404),
        (b"/?a.jpg", 404),
        (b"//", 404),
        // Hidden files and folders.
        (b"/.env", 404),
        (b"/%2eenv", 404),
        (b"/%2Eenv", 404),
        (b"/.hidden/c.jpg", 404),
        (b"/folder/.d.jpg", 404),
        (b"/folder/%2ed.jpg", 404),
        (b"/...", 404),
        (b"/..folder/e.jpg", 404),
        // Paths that lead up and out.
        (b"/..", 400),
        (b"/../secret.jpg", 400),
        (b"/folder/../../secret.jpg", 400),
        (b"/folder/../a.jpg", 400),
        (b"/./a.jpg", 400),
        (b"/folder/./b.jpg", 400),
        (b"/a.jpg/..", 400),
        (b"/%2e%2e/secret.jpg", 400),
        (b"/%2E./secret.jpg", 400),
        (b"/.%2e/secret.jpg", 400),
        (b"/..%2fsecret.jpg", 400),
        (b"/..%2Fsecret.jpg", 400),
        (b"/folder%2fb.jpg", 400),
        (b"/%2fa.jpg", 400),
        (b"/..\\secret.jpg", 400),
        (b"/..%5csecret.jpg", 400),
        (b"/a\\b.jpg", 400),
        (b"/a%5cb.jpg", 400),
        (b"/a%5Cb.jpg", 400),
        // Decoded only once.
        (b"/%2561.jpg", 404),
        (b"/folder%252fb.jpg", 404),
        (b"/%252e%252e/secret.jpg", 404),
        (b"/%252e%252e%252fsecret.jpg", 404),
        // Not text.
        (b"/a.jpg%00", 400),
        (b"/a.jpg%00.png", 400),
        (b"/%00", 400),
        (b"/line%0abreak.jpg", 404),
        (b"/a.jpg%0d%0aX-Injected:%20yes", 404),
        (b"/%7f", 404),
        (b"/latin-%e4.jpg", 400),
        (b"/%ff%fe.jpg", 400),
        (b"/%c0%ae%c0%ae/secret.jpg", 400),
        (b"/%c0%afa.jpg", 400),
        (b"/%ed%a0%80.jpg", 400),
        (b"/%f5%80%80%80.jpg", 400),
        // Malformed percent-encoding.
        (b"/%", 400),
        (b"/a%2", 400),
        (b"/a%zz.jpg", 400),
        (b"/a%+1.jpg", 400),
        (b"/%u0061.jpg", 400),
        // Too long for any file system.
        (long_segment.as_bytes(), 404),
        (long_escaped.as_bytes(), 404),
        (long_path.as_bytes(), 404),
        (very_long_path.as_bytes(), 404),
        // Never a request to another host.
        (b"//evil.example/x", 404),
        (b"//evil.example/..", 404),
        (b"///a.jpg", 404),
        (b"/\\evil.example", 400),
        (b"http://evil.example", 404),
        (b"http://evil.example/", 404),
        (b"http://evil.example//x", 404),
        (b"http://test/../secret.jpg", 400),
        (b"http://test/.env", 404),
        (b"evil.example:443", 400),
        (b"*", 400),
        (b"a.jpg", 400),
        // A space or a control character ends the target, or the request.
        (b"/a\0.jpg", 400),
        (b"/a b.jpg", 400),
        (b"/a\x7f.jpg", 400),
        (b"/a\rb.jpg", 400),
        (b"/latin-\xe4.jpg", 400),
        (b"", 400),
        (b"http:///a.jpg", 400),
        (b"http://[::1/a.jpg", 400),
    ];
    for (target, status) in rows {
        assert_refused(&ask(&server, target), *status, &String::from_utf8_lossy(target));
    }
    assert_eq!(server.get("/a.jpg").body, b"a", "the server still works");
}

#[test]
fn every_valid_spelling_of_a_path_reaches_its_asset() {
    let place = Place::new();
    place.folder.write("store/100%.jpg", "percent").write("store/a%2eb.jpg", "escape");
    place.folder.write("store/..a..jpg.", "dots");
    place.folder.write("store/a...jpg", "many dots").write("store/M\u{e4}rz.jpg", "umlaut");
    let server = place.serve();
    let rows: &[(&[u8], &str)] = &[
        (b"/a.jpg", "a"),
        (b"/%61.jpg", "a"),
        (b"/%61%2E%6a%70g", "a"),
        (b"/folder/b.jpg", "b"),
        (b"/100%25.jpg", "percent"),
        (b"/a%252eb.jpg", "escape"),
        (b"/a...jpg", "many dots"),
        (b"/M%C3%A4rz.jpg", "umlaut"),
        ("/M\u{e4}rz.jpg".as_bytes(), "umlaut"),
        (b"/a.jpg?", "a"),
        (b"/a.jpg?/../../secret.jpg", "a"),
        // The absolute form, as sent to a proxy, with any host.
        (b"http://test/a.jpg", "a"),
        (b"http://evil.example/a.jpg", "a"),
        (b"HTTPS://test:8443/folder/b.jpg?x", "b"),
    ];
    for (target, body) in rows {
        let response = ask(&server, target);
        assert_eq!((response.status, response.text()), (200, *body), "{}", String::from_utf8_lossy(target));
        assert_eq!(response.field("content-type"), "image/jpeg");
    }
}

#[test]
fn links_that_stay_inside_are_followed_and_others_are_not() {
    let place = Place::new();
    let store = place.store();
    place.link("a.jpg", "relative.jpg");
    place.link("../a.jpg", "folder/up.jpg");
    place.link("folder/../folder/./b.jpg", "winding.jpg");
    place.link("relative.jpg", "twice.jpg");
    place.link("folder", "linked");
    place.link(store.join("a.jpg"), "absolute.jpg");
    place.link(store.join("folder"), "absolute");
    place.link("linked/up.jpg", "through.jpg");
    // The layout of Kubernetes volumes.
    place.folder.write("store/..2024_11/k8s.jpg", "k8s");
    place.link("..2024_11", "..data").link("..data/k8s.jpg", "k8s.jpg");
    let inside = [
        ("/relative.jpg", "a"),
        ("/folder/up.jpg", "a"),
        ("/winding.jpg", "b"),
        ("/twice.jpg", "a"),
        ("/linked/b.jpg", "b"),
        ("/absolute.jpg", "a"),
        ("/absolute/b.jpg", "b"),
        ("/through.jpg", "a"),
        ("/k8s.jpg", "k8s"),
    ];
    place.link("../secret.jpg", "out.jpg");
    place.link(place.folder.at("secret.jpg"), "absolute-out.jpg");
    place.link("folder/../../secret.jpg", "detour.jpg");
    place.link("../store/a.jpg", "out-and-in.jpg");
    place.link("out.jpg", "twice-out.jpg");
    place.link("..", "parent");
    place.link("../outside", "outside");
    place.link("/", "root");
    place.link("/proc/self/root", "magic");
    place.link("/proc/self/environ", "environ.jpg");
    place.link("/proc/self/fd/0", "stdin.jpg");
    place.link("/etc/passwd", "passwd.jpg");
    place.link("/dev/null", "null.jpg");
    place.link("/dev/zero", "zero.jpg");
    place.link("nowhere.jpg", "dangling.jpg");
    place.link("loop.jpg", "loop.jpg");
    place.link("ping", "pong").link("pong", "ping");
    // A folder whose name begins with that of the store is another folder.
    place.folder.write("store-2/a.jpg", SECRET);
    place.link(place.folder.at("store-2/a.jpg"), "neighbour.jpg");
    let refused = [
        "/out.jpg",
        "/absolute-out.jpg",
        "/detour.jpg",
        "/out-and-in.jpg",
        "/twice-out.jpg",
        "/parent/secret.jpg",
        "/parent/store/a.jpg",
        "/outside/a.jpg",
        "/root/etc/passwd",
        "/magic/etc/passwd",
        "/environ.jpg",
        "/stdin.jpg",
        "/passwd.jpg",
        "/null.jpg",
        "/zero.jpg",
        "/dangling.jpg",
        "/loop.jpg",
        "/ping",
        "/ping/a.jpg",
        "/linked",
        "/neighbour.jpg",
    ];
    // The store's own path may contain a link; absolute links count as inside by either name.
    symlink("store", place.folder.at("alias")).expect("a link");
    place.link(place.folder.at("alias/a.jpg"), "by-alias.jpg");
    let by_name = place.serve();
    let by_alias = Server::start(&place.folder.at("alias"));
    assert_eq!(by_alias.get("/by-alias.jpg").body, b"a");
    for server in [by_name, by_alias] {
        for (target, body) in inside {
            let response = server.get(target);
            assert_eq!((response.status, response.text()), (200, body), "{target}");
        }
        for target in refused {
            for target in [target.to_owned(), format!("{target}?v=0123456789abcdef")] {
                assert_refused(&server.get(&target), 404, &target);
            }
        }
    }
}

#[test]
fn the_configuration_file_is_never_an_asset_under_any_name() {
    let folder = Folder::new();
    folder
        .write("a.jpg", "a")
        .write("other/b.jpg", "b")
        .write("outside/real.toml", "")
        .write("store/c.jpg", "c");
    let toml = "\
        [[mount]]\nstore = \".\"\nfresh = \"0s\"\n\
        [[mount]]\npath = \"/nested\"\nstore = \"other\"\n\
        [[mount]]\npath = \"/deep/er\"\nstore = \".\"\n";
    folder.write("wamedia.toml", toml);
    symlink("wamedia.toml", folder.at("link.txt")).expect("a link");
    symlink("link.txt", folder.at("link-to-link.txt")).expect("a link");
    symlink(folder.at("wamedia.toml"), folder.at("absolute.txt")).expect("a link");
    fs::hard_link(folder.at("wamedia.toml"), folder.at("hard.txt")).expect("a link");
    fs::hard_link(folder.at("wamedia.toml"), folder.at("other/hard.txt")).expect("a link");
    let server = Server::configured(&folder, toml);
    let names =
        ["/wamedia.toml", "/%77amedia.toml", "/link.txt", "/link-to-link.txt", "/absolute.txt", "/hard.txt"];
    let nested = ["/nested/hard.txt", "/deep/er/wamedia.toml", "/deep/er/link.txt", "/other/hard.txt"];
    for target in names.into_iter().chain(nested) {
        assert_refused(&server.get(target), 404, target);
    }
    assert_eq!(server.get("/nested/b.jpg").body, b"b");
    // Edited as editors do: another file takes its name.
    folder.write("wamedia.toml.new", toml);
    fs::rename(folder.at("wamedia.toml.new"), folder.at("wamedia.toml")).expect("a rename");
    assert_refused(&server.get("/wamedia.toml"), 404, "after an edit");
    // Named by a link in another folder.
    folder.write("store/real.toml", "[[mount]]\nstore = \"../store\"\n");
    symlink("../store/real.toml", folder.at("outside/link.toml")).expect("a link");
    let mut command = wamedia();
    command.current_dir(folder.path()).args([
        "--config",
        "outside/link.toml",
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]);
    let server = Server::spawn(&mut command);
    assert_refused(&server.get("/real.toml"), 404, "the file that the link names");
    assert_eq!(server.get("/c.jpg").body, b"c");
}

#[test]
fn a_link_that_is_changed_to_lead_outside_is_not_followed() {
    let place = Place::new();
    place.link("a.jpg", "turned.jpg");
    let server = place.serve();
    assert_eq!(server.get("/turned.jpg").body, b"a");
    place.link("../secret.jpg", "next.jpg");
    fs::rename(place.in_store("next.jpg"), place.in_store("turned.jpg")).expect("a rename");
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let response = server.get("/turned.jpg");
        if response.status == 404 {
            break;
        }
        assert_eq!((response.status, response.text()), (200, "a"), "cached, for a second at most");
        assert!(Instant::now() < deadline, "it is still served");
    }
    // A request for another version reads the disk at once.
    place.link("../secret.jpg", "again.jpg");
    assert_refused(&server.get("/again.jpg?v=0123456789abcdef"), 404, "outside");
}

#[test]
fn links_that_change_back_and_forth_never_lead_outside() {
    let place = Place::new();
    place.link("a.jpg", "file.jpg").link("folder", "dir");
    place.folder.write("store/folder/a.jpg", "a");
    let server = place.serve_unremembered();
    let turning = AtomicBool::new(true);
    thread::scope(|scope| {
        let readers: Vec<_> = ["/file.jpg", "/dir/a.jpg"]
            .into_iter()
            .map(|target| {
                let (server, turning) = (&server, &turning);
                scope.spawn(move || {
                    let mut client = server.connect();
                    let mut seen = [0, 0];
                    while turning.load(Ordering::Relaxed) {
                        let response = client.request("GET", target, &[]);
                        match response.status {
                            200 => assert_eq!(response.text(), "a", "{target}"),
                            status => assert_eq!(status, 404, "{target}: {}", response.text()),
                        }
                        seen[usize::from(response.status == 404)] += 1;
                    }
                    seen
                })
            })
            .collect();
        for round in 0..1000 {
            let (file, dir) =
                if round % 2 == 0 { ("../secret.jpg", "../outside") } else { ("a.jpg", "folder") };
            place.link(file, "next").link(dir, "next-dir");
            fs::rename(place.in_store("next"), place.in_store("file.jpg")).expect("a rename");
            fs::rename(place.in_store("next-dir"), place.in_store("dir")).expect("a rename");
            thread::yield_now();
        }
        turning.store(false, Ordering::Relaxed);
        for reader in readers {
            let seen = reader.join().expect("a reader");
            assert!(seen[0] > 0 && seen[1] > 0, "both were seen: {seen:?}");
        }
    });
}

fn make_fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0)
        .expect("a FIFO");
}

#[test]
fn only_regular_files_are_served_and_others_do_not_block() {
    let place = Place::new();
    make_fifo(&place.in_store("fifo.jpg"));
    place.link("fifo.jpg", "link-to-fifo.jpg");
    let _socket = UnixListener::bind(place.in_store("socket.jpg")).expect("a socket");
    fs::create_dir(place.in_store("folder.jpg")).expect("a folder");
    let mut targets = vec!["/fifo.jpg", "/link-to-fifo.jpg", "/socket.jpg", "/folder.jpg", "/fifo.jpg/x"];
    // The device numbers of /dev/null and /dev/full.
    let devices = [("null.jpg", "/null.jpg", 3), ("full.jpg", "/full.jpg", 7)];
    for (name, target, minor) in devices {
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            place.in_store(name),
            FileType::CharacterDevice,
            Mode::from_raw_mode(0o666),
            rustix::fs::makedev(1, minor),
        );
        match made {
            Ok(()) => targets.push(target),
            Err(e) => eprintln!("skipped: a device in the store cannot be made here: {e}"),
        }
    }
    let server = place.serve();
    for target in targets {
        for method in ["GET", "HEAD"] {
            let response = server.request(method, target, &[]);
            assert_eq!(response.status, 404, "{method} {target}");
        }
        assert_refused(&server.get(&format!("{target}?v=0123456789abcdef")), 404, target);
    }
    assert_eq!(server.get("/a.jpg").body, b"a", "no thread is stuck");
}

#[test]
fn a_file_that_is_replaced_by_something_else_is_not_served() {
    let place = Place::new();
    let server = place.serve_unremembered();
    for (number, turn) in [
        |path: &Path| make_fifo(path),
        |path: &Path| fs::create_dir(path).expect("a folder"),
        |path: &Path| symlink("/dev/zero", path).expect("a link"),
        |path: &Path| drop(UnixListener::bind(path).expect("a socket")),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}.jpg");
        place.folder.write(&format!("store/{name}"), "file");
        assert_eq!(server.get(&format!("/{name}")).body, b"file");
        fs::remove_file(place.in_store(&name)).expect("deleted");
        turn(&place.in_store(&name));
        assert_refused(&server.get(&format!("/{name}")), 404, &name);
    }
}

/// The binary, run as a user to whom file permissions apply; `None`, with a note, if that is not possible. The binary is copied to
/// `folder`, since that user may not reach the original.
fn bound_by_permissions(folder: &Folder) -> Option<Command> {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        return Some(wamedia());
    }
    let binary = folder.at("wamedia");
    fs::copy(env!("CARGO_BIN_EXE_wamedia"), &binary).expect("a copy");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
    let command = || {
        let mut command = Command::new(&binary);
        for (name, _) in wamedia().get_envs() {
            command.env_remove(name);
        }
        command.uid(NOBODY).gid(NOBODY).current_dir(folder.path());
        command
    };
    let can_run = command().arg("--help").output().is_ok_and(|output| output.status.success());
    if !can_run {
        eprintln!("skipped: permissions do not apply to root, and another user cannot run the binary here");
    }
    can_run.then(command)
}

#[test]
fn an_unreadable_file_is_an_error_and_not_a_missing_asset() {
    let place = Place::new();
    let Some(mut command) = bound_by_permissions(&place.folder) else { return };
    command.arg("serve").arg(place.store()).args(["--listen", "127.0.0.1:0"]);
    let mut server = Server::spawn(&mut command);
    let set = |name: &str, mode| {
        fs::set_permissions(place.in_store(name), Permissions::from_mode(mode)).expect("permissions");
    };
    for (name, mode, target) in [("a.jpg", 0o644, "/a.jpg"), ("folder", 0o755, "/folder/b.jpg")] {
        assert_eq!(server.get(target).status, 200, "{target}");
        set(name, 0o000);
        // The version is unknown, so the disk is read at once.
        let hidden = server.get(&format!("{target}?v=0123456789abcdef"));
        assert_refused(&hidden, 500, target);
        let store = place.folder.path().display().to_string();
        assert!(!hidden.text().contains(&store), "clients do not learn paths: {}", hidden.text());
        let line = server.wait_for_line("error");
        assert!(line.contains(&target[1..]) && line.contains("denied"), "{line}");
        set(name, mode);
        assert_eq!(server.get(target).status, 200, "{target}");
    }
}

#[test]
fn a_file_that_becomes_unreadable_while_it_is_sent_is_sent_to_its_end() {
    let place = Place::new();
    let bytes = noise(24 << 20, 1);
    place.folder.write("store/big.mp4", &bytes);
    let Some(mut command) = bound_by_permissions(&place.folder) else { return };
    command.arg("serve").arg(place.store()).args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command.env("WAMEDIA_MEMORY_CACHE", "0"));
    let mut client = server.connect();
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut response = client.head().expect("a head");
    fs::set_permissions(place.in_store("big.mp4"), Permissions::from_mode(0o000)).expect("permissions");
    client.body(&mut response);
    assert!(response.complete && response.body == bytes);
    assert_eq!(server.get("/big.mp4?v=0123456789abcdef").status, 500, "the next one is refused");
}

#[test]
fn of_nested_mounts_the_deepest_applies() {
    let folder = Folder::new();
    for (store, files) in [
        ("root", &["a.jpg", "media/a.jpg", "media/deep/a.jpg", "mediator/a.jpg", "media/only-root.jpg"][..]),
        ("media", &["a.jpg", "deep/a.jpg", "deep/only-media.jpg"]),
        ("deep", &["a.jpg"]),
        ("umlaut", &["a.jpg"]),
    ] {
        for file in files {
            folder.write(&format!("{store}/{file}"), format!("{store}:{file}"));
        }
    }
    let server = Server::configured(
        &folder,
        "[[mount]]\npath = \"/media\"\nstore = \"media\"\n\
         [[mount]]\npath = \"/\"\nstore = \"root\"\n\
         [[mount]]\npath = \"/media/deep\"\nstore = \"deep\"\n\
         [[mount]]\npath = \"/Preise M\u{e4}rz\"\nstore = \"umlaut\"\n",
    );
    for (target, body) in [
        ("/a.jpg", "root:a.jpg"),
        ("/media/a.jpg", "media:a.jpg"),
        ("/media/deep/a.jpg", "deep:a.jpg"),
        ("/%6dedia/%64eep/a.jpg", "deep:a.jpg"),
        ("/mediator/a.jpg", "root:mediator/a.jpg"),
        ("/Preise%20M%C3%A4rz/a.jpg", "umlaut:a.jpg"),
    ] {
        let response = server.get(target);
        assert_eq!((response.status, response.text()), (200, body), "{target}");
    }
    // A mount hides what lies below its path in the others.
    for target in ["/media/only-root.jpg", "/media/deep/only-media.jpg", "/media", "/media/", "/media/deep"] {
        assert_refused(&server.get(target), 404, target);
    }
    // No path leads from one store into another.
    for target in ["/media/../a.jpg", "/media/%2e%2e/root/a.jpg"] {
        assert_refused(&server.get(target), 400, target);
    }
}

#[test]
fn a_replaced_store_is_followed() {
    let place = Place::new();
    place.folder.write("next/a.jpg", "next a").write("next/new.jpg", "new");
    place.folder.write("first/a.jpg", "first a").write("second/a.jpg", "second a");
    symlink("first", place.folder.at("current")).expect("a link");
    symlink(place.folder.at("current/a.jpg"), place.folder.at("second/absolute.jpg")).expect("a link");
    let server = Server::configured(
        &place.folder,
        "[[mount]]\nstore = \"store\"\nfresh = \"0s\"\n\
         [[mount]]\npath = \"/linked\"\nstore = \"current\"\nfresh = \"0s\"\n",
    );
    let check = |rows: &[(&str, &str)]| {
        for (target, body) in rows {
            let response = server.get(target);
            assert_eq!((response.status, response.text()), (200, *body), "{target}");
        }
    };
    check(&[("/a.jpg", "a"), ("/folder/b.jpg", "b"), ("/linked/a.jpg", "first a")]);
    // The folder itself, by its name.
    fs::rename(place.store(), place.folder.at("moved")).expect("a rename");
    fs::rename(place.folder.at("next"), place.store()).expect("a rename");
    check(&[("/a.jpg", "next a"), ("/new.jpg", "new")]);
    assert_refused(&server.get("/folder/b.jpg"), 404, "only in the old folder");
    // The link that names the folder, as deployments change it.
    symlink("second", place.folder.at("current.next")).expect("a link");
    fs::rename(place.folder.at("current.next"), place.folder.at("current")).expect("a rename");
    check(&[("/linked/a.jpg", "second a"), ("/linked/absolute.jpg", "second a")]);
}

#[test]
fn a_store_that_disappears_does_not_stop_the_server() {
    let place = Place::new();
    let mut server = place.serve_unremembered();
    assert_eq!(server.get("/a.jpg").body, b"a");
    fs::rename(place.store(), place.folder.at("moved")).expect("a rename");
    // An outage must not look like missing media.
    for target in ["/a.jpg", "/folder/b.jpg", "/missing.jpg", "/a.jpg?v=0123456789abcdef"] {
        let response = server.get(target);
        assert_refused(&response, 500, target);
        assert!(!response.text().contains("store"), "clients do not learn paths: {}", response.text());
    }
    let line = server.wait_for_line("error");
    assert!(line.contains(&place.store().display().to_string()), "{line}");
    // A file is not a folder.
    fs::write(place.store(), "a file").expect("a file");
    assert_refused(&server.get("/a.jpg"), 500, "a file in its place");
    fs::remove_file(place.store()).expect("deleted");
    fs::rename(place.folder.at("moved"), place.store()).expect("a rename");
    assert_eq!(server.get("/a.jpg").body, b"a", "the store is back");
    assert!(server.is_running());
}

#[test]
fn a_request_needs_exactly_one_host() {
    let place = Place::new();
    let server = place.serve();
    for (fields, status) in [
        ("Host: test\r\n", 200),
        ("Host:\r\n", 200),
        ("Host: Test.Example:8080\r\n", 200),
        ("Host: [::1]:8080\r\n", 200),
        ("host: 127.0.0.1\r\n", 200),
        ("", 400),
        ("Host: a\r\nHost: b\r\n", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a\r\nX: y\r\nhOST: b\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: a,b\r\n", 200),
        ("Host: a, b\r\n", 400),
        ("Host: user@a\r\n", 400),
        ("Host: a\\b\r\n", 400),
        ("Host: \"a\"\r\n", 400),
        ("Host: b\u{fc}cher.example\r\n", 400),
    ] {
        let closing = "Connection: close\r\n\r\n";
        for target in ["/a.jpg", "http://test/a.jpg"] {
            let request = format!("GET {target} HTTP/1.1\r\n{fields}{closing}");
            let responses = exchange(&server, request.as_bytes());
            assert_eq!(responses.len(), 1, "{fields:?}");
            if status == 400 {
                assert_refused(&responses[0], 400, fields);
            } else {
                assert_eq!((responses[0].status, responses[0].text()), (200, "a"), "{fields:?}");
            }
        }
    }
}

#[test]
fn malformed_heads_are_rejected_with_a_reason() {
    let place = Place::new();
    let server = place.serve();
    let many = format!("GET /a.jpg HTTP/1.1\r\nHost: test\r\n{}\r\n", "A: b\r\n".repeat(500));
    // Well above the limit, since reads come in large pieces.
    let wide = format!("GET /a.jpg HTTP/1.1\r\nHost: test\r\nA: {}\r\n\r\n", "b".repeat(100_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(100_000));
    let rows: [(&str, u16); 13] = [
        (&many, 431),
        (&wide, 431),
        (&long, 431),
        ("GET /a.jpg HTTP/2.0\r\nHost: test\r\n\r\n", 400),
        ("GET /a.jpg HTTP/1.1 \r\nHost: test\r\n\r\n", 400),
        ("GET /a.jpg\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("G(T /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET /a.jpg HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n", 400),
        ("GET /a.jpg HTTP/1.1\r\nHost : test\r\n\r\n", 400),
        ("GET /a.jpg HTTP/1.1\r\nHost: test\r\nA: b\r\n folded\r\n\r\n", 400),
        ("GET /a.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400),
    ];
    for (request, status) in rows {
        let what = &request[..request.len().min(80)];
        for first in ["", "GET /a.jpg HTTP/1.1\r\nHost: test\r\n\r\n"] {
            let mut responses = exchange(&server, format!("{first}{request}").as_bytes());
            let refusal = responses.pop().expect("an answer");
            assert_refused(&refusal, status, what);
            assert_eq!(refusal.field("connection"), "close", "{what}");
            assert!(refusal.has("date"), "{what}");
            assert_eq!(responses.len(), usize::from(!first.is_empty()), "{what}");
            assert!(responses.iter().all(|response| response.body == b"a"), "{what}");
        }
    }
    // After a response that the socket buffers cannot hold.
    let big = noise(24 << 20, 4);
    place.folder.write("store/big.mp4", &big);
    let responses = exchange(&server, b"GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\nG(T / HTTP/1.1\r\n\r\n");
    assert!(responses.len() == 2 && responses[0].body == big);
    assert_refused(&responses[1], 400, "after a large response");
}

/// Sends bytes, and returns all bytes until the server closes.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut client = server.connect();
    client.send(bytes);
    let mut text = String::new();
    client.stream.read_to_string(&mut text).expect("text");
    text
}

#[test]
fn http_1_0_clients_are_answered_in_their_version() {
    let place = Place::new();
    let server = place.serve();
    // Host is a header of HTTP/1.1; without keep-alive, the connection ends.
    let answer = raw(&server, b"GET /a.jpg HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\na"), "{answer}");
    let answer = raw(&server, b"GET /missing.jpg HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 404 Not Found\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nx-content-type-options: nosniff\r\n"), "{answer}");
    let answer = raw(&server, b"GET /a.jpg HTTP/1.0\r\nRange: bytes=0-0\r\n\r\n");
    assert!(answer.contains(" 206 ") && answer.ends_with("\r\n\r\na"), "{answer}");
    let twice = b"GET /a.jpg HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /a.jpg HTTP/1.0\r\n\r\n";
    let answer = raw(&server, twice);
    assert_eq!(answer.matches("HTTP/1.0 200 OK\r\n").count(), 2, "{answer}");
    assert!(answer.contains("\r\n\r\naHTTP/1.0 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let place = Place::new();
    let big = noise(3 << 20, 2);
    place.folder.write("store/big.mp4", &big);
    let server = place.serve();
    let request = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
    let mut client = server.connect();
    let pipeline = [
        request("GET /a.jpg", ""),
        request("HEAD /big.mp4", ""),
        request("GET /missing.jpg", ""),
        request("GET /big.mp4", ""),
        request("OPTIONS *", ""),
        request("GET /big.mp4", "Range: bytes=5-9\r\n"),
        request("DELETE /a.jpg", ""),
        request("GET /a.jpg", "If-None-Match: *\r\n"),
        // Extra line breaks between requests are ignored.
        "\r\n".to_owned() + &request("GET /folder/b.jpg", "Connection: close\r\n"),
        request("GET /a.jpg", ""),
    ];
    client.send(pipeline.concat());
    let expected: [(u16, &[u8]); 9] = [
        (200, b"a"),
        (200, b""),
        (404, b"404 Not Found: no asset has this path\n"),
        (200, &big),
        (204, b""),
        (206, &big[5..10]),
        (405, b"405 Method Not Allowed: assets are fetched with GET or HEAD, not DELETE\n"),
        (304, b""),
        (200, b"b"),
    ];
    for (number, (status, body)) in expected.into_iter().enumerate() {
        let mut response = client.head().expect("a head");
        if number != 1 {
            client.body(&mut response);
        }
        assert_eq!(response.status, status, "{number}");
        assert!(response.body == body, "{number}");
    }
    assert!(client.is_closed(), "no bytes after the requested close");
}

#[test]
fn a_request_body_is_not_parsed_as_a_request() {
    let place = Place::new();
    place.folder.write("store/smuggled.jpg", "smuggled");
    let server = place.serve();
    let smuggled = "GET /smuggled.jpg HTTP/1.1\r\nHost: test\r\n\r\n";
    let (len, hex) = (smuggled.len(), format!("{:x}", smuggled.len()));
    let last = "GET /folder/b.jpg HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let rows: &[(&str, u16)] = &[
        (&format!("POST /a.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 405),
        (&format!("PUT /new.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 405),
        (&format!("GET /a.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 200),
        (&format!("GET /missing.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 404),
        (&format!("GET /../ HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 400),
        (&format!("OPTIONS * HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 204),
        (&format!("POST /a.jpg HTTP/1.1\r\nContent-Length: {len}\r\n\r\n{smuggled}"), 400),
        (
            &format!(
                "POST /a.jpg HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {hex}\r\n{smuggled}\r\n0\r\n\r\n"
            ),
            405,
        ),
        (
            &format!(
                "GET /a.jpg HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n\
                 {hex}\r\n{smuggled}\r\n0\r\n\r\n"
            ),
            200,
        ),
        (
            &format!(
                "POST /a.jpg HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: {len}\r\n\r\n\
                 {smuggled}"
            ),
            405,
        ),
        // Longer than the server would read to its end.
        (
            &format!(
                "POST /a.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n{}",
                smuggled.repeat(100)
            ),
            405,
        ),
    ];
    for (request, status) in rows {
        let responses = exchange(&server, format!("{request}{last}").as_bytes());
        assert_eq!(responses[0].status, *status, "{request}");
        // What follows is the response to the next request, or the end of the connection.
        match &responses[1..] {
            [] => {}
            [next] => assert_eq!((next.status, next.text()), (200, "b"), "{request}"),
            more => panic!("{request}: {more:?}"),
        }
        assert!(!place.in_store("new.jpg").exists(), "nothing is ever written");
    }
}

#[test]
fn a_client_that_is_rejected_while_sending_gets_the_reason() {
    let place = Place::new();
    let server = place.serve();
    // More than the socket buffers hold.
    let body = noise(16 << 20, 5);
    let mut client = server.connect();
    client.send(format!("POST /a.jpg HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert_refused(&next(&mut client), 405, "POST");
    assert!(client.is_closed(), "the body was not read");
}

#[test]
fn expect_100_continue_is_answered() {
    let place = Place::new();
    let server = place.serve();
    let mut client = server.connect();
    // Without a body there is nothing to continue with.
    let response = client.request("GET", "/a.jpg", &[("Expect", "100-continue")]);
    assert_eq!((response.status, response.text()), (200, "a"));
    let response = client.request("HEAD", "/a.jpg", &[("Expect", "100-continue"), ("Content-Length", "0")]);
    assert_eq!(response.status, 200);
    // The final response comes before any of the body is sent, and no body is requested.
    let fields = [("Expect", "100-continue"), ("Content-Length", "1000000")];
    let response = client.request("POST", "/a.jpg", &fields);
    assert_refused(&response, 405, "POST");
    assert!(client.is_closed(), "the server does not wait for the body");
}

#[test]
fn a_response_ends_when_its_client_disconnects() {
    let place = Place::new();
    place.folder.write("store/big.mp4", noise(24 << 20, 3));
    let mut server = Server::configured(&place.folder, "[memory]\ncache = 0\n[[mount]]\nstore = \"store\"\n");
    for _ in 0..8 {
        let mut client = server.connect();
        client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
        client.head().expect("a head");
    }
    for _ in 0..8 {
        let line = server.wait_for_line("GET /big.mp4");
        assert!(line.contains(" cut "), "{line}");
    }
    assert_eq!(server.get("/a.jpg").body, b"a");
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("/proc").flatten();
    let opened = || {
        let files = descriptors().filter_map(|fd| fs::read_link(fd.path()).ok());
        files.filter(|file| file.to_string_lossy().contains("big.mp4")).count()
    };
    // One file may stay open for the next request; none for clients that have disconnected.
    let deadline = Instant::now() + TIMEOUT;
    while opened() > 1 {
        assert!(Instant::now() < deadline, "{} are open", opened());
        thread::sleep(Duration::from_millis(10));
    }
}
