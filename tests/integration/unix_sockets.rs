//! Unix sockets as addresses of `listen`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::reload::activated;
use crate::support::{
    Client, Folder, Outcome, Server, TIMEOUT, eventually, outcome, wamedia, wamedia_from_shell,
};

fn connect(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    Client::over(stream)
}

/// Serves `small.jpg` and `big.mp4` with these settings, on `w.sock` and on a TCP address.
fn serve(toml: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.write("small.jpg", "small").write("big.mp4", vec![7; 5 << 20]);
    folder.write("wamedia.toml", format!("{toml}\n[[mount]]\nstore = \".\"\n"));
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--listen", "unix:w.sock"];
    (Server::spawn(wamedia().current_dir(folder.path()).args(arguments)), folder)
}

/// A server on `w.sock` alone, killed on drop.
struct Alone(Child);

impl Alone {
    fn start(folder: &Folder) -> Self {
        let mut command = wamedia();
        command.current_dir(folder.path()).args(["serve", ".", "--listen", "unix:w.sock"]);
        let alone = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process"));
        eventually("it listens", || UnixStream::connect(folder.at("w.sock")).ok());
        alone
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fails to listen on `path`.
#[track_caller]
fn refused(folder: &Folder, path: &str, words: &[&str]) {
    let outcome: Outcome = outcome(wamedia().current_dir(folder.path()).args([
        "serve",
        ".",
        "--listen",
        &format!("unix:{path}"),
    ]));
    assert!(outcome.code == Some(2) || outcome.code == Some(3), "{outcome:?}");
    assert!(words.iter().all(|word| outcome.stderr.contains(word)), "{outcome:?}");
}

#[test]
fn a_socket_serves_beside_addresses_and_is_removed_at_the_end() {
    let folder = Folder::new();
    folder.write("small.jpg", "small").write("big.mp4", vec![7; 5 << 20]);
    let mut command =
        wamedia_from_shell("umask 077; exec \"$0\" serve . --listen 127.0.0.1:0 --listen unix:w.sock");
    let mut server = Server::spawn(command.current_dir(folder.path()));
    let path = folder.at("w.sock");
    let found = fs::symlink_metadata(&path).expect("a socket");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o666, "whatever the umask");
    let mut client = connect(&path);
    assert_eq!(client.request("GET", "/small.jpg", &[]).text(), "small");
    assert_eq!(client.request("GET", "/big.mp4", &[("Range", "bytes=0-9")]).status, 206);
    let whole = client.request("GET", "/big.mp4", &[]);
    assert!(whole.complete && whole.body == vec![7; 5 << 20]);
    let line = server.wait_for_line("\"GET /small.jpg");
    assert!(line.contains(" unix: \"GET "), "{line}");
    assert_eq!(server.get("/small.jpg").text(), "small");
    // It is no asset.
    assert_eq!(server.get("/w.sock").status, 404);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists(), "it is removed");
    assert!(client.is_closed());
}

#[test]
fn a_socket_may_be_the_only_address() {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let path = folder.at("w.sock");
    let first = Alone::start(&folder);
    assert_eq!(connect(&path).request("GET", "/small.jpg", &[]).text(), "small");
    // A second one leaves it alone.
    refused(&folder, "w.sock", &["unix:", "w.sock", "another program listens on it"]);
    assert_eq!(connect(&path).request("GET", "/small.jpg", &[]).text(), "small");
    // Killed, it cannot remove anything, and the socket is stale.
    drop(first);
    assert!(path.exists() && UnixStream::connect(&path).is_err());
    let mut next = Alone::start(&folder);
    assert_eq!(connect(&path).request("GET", "/small.jpg", &[]).text(), "small");
    // The socket of another process that has taken its place stays.
    fs::remove_file(&path).expect("removed");
    let other = UnixListener::bind(&path).expect("a socket");
    kill_process(Pid::from_child(&next.0), Signal::TERM).expect("it runs");
    assert_eq!(next.0.wait().expect("it ends").code(), Some(0));
    assert!(path.exists());
    drop(other);
}

#[test]
fn what_is_no_stale_socket_is_left_alone() {
    let folder = Folder::new();
    folder.write("small.jpg", "small").write("file", "precious");
    fs::create_dir(folder.at("folder")).expect("a folder");
    for path in ["file", "folder"] {
        refused(&folder, path, &["is no socket", "remove it, or choose another path"]);
    }
    assert_eq!(fs::read_to_string(folder.at("file")).expect("a file"), "precious");
    refused(&folder, "nowhere/w.sock", &["its folder does not exist"]);
    refused(&folder, &"long".repeat(40), &["at most 107 are possible"]);
    refused(&folder, "", &["names no socket"]);
    // Nothing stays behind where the start fails later.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let admin = taken.local_addr().expect("an address").to_string();
    let arguments = ["serve", ".", "--listen", "unix:w.sock", "--listen", &admin];
    let failed = outcome(wamedia().current_dir(folder.path()).args(arguments));
    assert!(failed.code != Some(0) && !folder.at("w.sock").exists(), "{failed:?}");
}

#[test]
fn clients_of_a_socket_have_no_limit_of_their_own_and_may_be_trusted() {
    for (trusted, client) in [("", "unix:"), ("trusted_proxies = [\"unix:\"]", "192.0.2.7")] {
        let (mut server, folder) = serve(&format!(
            "{trusted}\n[limits]\nconnections_per_client = 1\nrequests_per_second = 1\nburst = 1\n"
        ));
        let mut clients: Vec<_> = (0..4).map(|_| connect(&folder.at("w.sock"))).collect();
        for client in &mut clients {
            assert_eq!(client.request("GET", "/small.jpg", &[]).status, 200, "{trusted}");
        }
        let forwarded = [("X-Forwarded-For", "192.0.2.7")];
        assert_eq!(clients[0].request("HEAD", "/small.jpg", &forwarded).status, 200);
        let line = server.wait_for_line("\"HEAD /small.jpg");
        assert!(line.contains(&format!(" {client} \"HEAD ")), "{line}");
        let second = clients[0].request("HEAD", "/small.jpg", &forwarded).status;
        assert_eq!(
            second,
            if trusted.is_empty() { 200 } else { 429 },
            "the client behind the proxy has a limit"
        );
    }
}

#[test]
fn the_proxy_protocol_is_read_on_sockets_too() {
    let (mut server, folder) = serve(
        "listen = [\"127.0.0.1:0\", \"unix:w.sock\"]\nproxy_protocol = true\ntrusted_proxies = [\"unix:\"]\n",
    );
    let mut client = connect(&folder.at("w.sock"));
    client.send("PROXY TCP4 192.0.2.7 198.51.100.2 56324 443\r\n");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(client.request("GET", "/small.jpg", &[]).text(), "small");
    let line = server.wait_for_line("\"GET /small.jpg");
    assert!(line.contains(" 192.0.2.7:56324 "), "{line}");
}

#[test]
fn a_shutdown_finishes_requests_on_sockets() {
    let (mut server, folder) = serve("");
    let path = folder.at("w.sock");
    let mut idle = connect(&path);
    assert_eq!(idle.request("GET", "/small.jpg", &[]).text(), "small");
    let mut client = connect(&path);
    client.send("GET /big.mp4 HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut response = client.head().expect("a head");
    server.signal(Signal::TERM);
    eventually("the socket is removed", || (!path.exists()).then_some(()));
    assert!(idle.is_closed());
    client.body(&mut response);
    assert!(response.complete && response.body.len() == 5 << 20);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_service_manager_may_pass_sockets() {
    let folder = Folder::new();
    folder.write("small.jpg", "small");
    let path = folder.at("systemd.sock");
    let (tcp, unix) =
        (TcpListener::bind("127.0.0.1:0").expect("a port"), UnixListener::bind(&path).expect("a socket"));
    // As in the unit of systemd; the descriptors of the test must be in order.
    let mut server =
        activated(&folder, &[&tcp, &unix], "wamedia.socket:wamedia.socket", "--listen unix:own.sock");
    assert_eq!(connect(&path).request("GET", "/small.jpg", &[]).text(), "small");
    assert_eq!(server.get("/small.jpg").text(), "small");
    assert!(!folder.at("own.sock").exists(), "passed sockets replace those of the settings");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(path.exists(), "it belongs to the service manager");
}
